/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Within the room: a worker's listeners, and what they are for, over changes of the
 * configuration. Called while its thread is held or not running.
 */
#ifndef SNID_LISTENING_H
#define SNID_LISTENING_H

struct addrmap;
struct config;
struct service;
struct worker;

/**
 * listening_prepare() - make ready, beside what is in use, what @config asks for; listeners of
 * the same address are the old ones.
 * Return: 0 or -errno; either listening_commit() or listening_abandon() is owed.
 */
int listening_prepare(struct worker *worker, const struct config *config,
		      const struct addrmap *map);

/**
 * listening_commit() - go over to that. An old listener whose port another one has now is
 * retired: nobody who is on his way to it is lost. The others close.
 * Return: the old services, which connections still know; the caller frees them.
 */
struct service *listening_commit(struct worker *worker);

/** listening_abandon() - take back what was made ready. */
void listening_abandon(struct worker *worker);

/** listening_surplus() - after the first commit of the room: accept_surplus() for all of them. */
void listening_surplus(struct worker *worker);

/** listening_drain() - take what waits, then listening_end(). */
void listening_drain(struct worker *worker);

/** listening_end() - close all; the services stay. */
void listening_end(struct worker *worker);

#endif
