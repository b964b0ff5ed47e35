/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Listening sockets from before a restart, with what waits in their queues. They are given
 * by ops before the room is opened, and taken by accept_open(). Main thread only.
 */
#ifndef SNID_INHERIT_H
#define SNID_INHERIT_H

struct endpoint;

/** inherit_take() - one that listens at @at. Return: a descriptor, the caller's; -1: none. */
int inherit_take(const struct endpoint *at);

#endif
