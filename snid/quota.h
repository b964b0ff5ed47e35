/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How many connections may be there, in all and of each client (an IPv4 address or an IPv6
 * /64), how many of them may still be opening, and how many may come in a second. Shared by
 * the workers; no lock is held longer than a look-up in a small table takes.
 *
 * Where too many are opening, whoever holds the places is the problem, not who comes: then
 * the one that has had the longest time for its hello gives way (snid.c), to a client that is
 * within limits of its own. Not so among those of one client, which others may share (CGNAT): its places come back within hello_timeout.
 */
#ifndef SNID_QUOTA_H
#define SNID_QUOTA_H

#include <stdbool.h>
#include <stdint.h>

#include "refusal.h"

struct config;
struct endpoint;
struct leaders;
struct quota;
struct snid_gauges;

/** quota_new() - Return: owned by the caller, or NULL when out of memory. */
struct quota *quota_new(void);

/** quota_configure() - the limits from now on; what is there stays. */
void quota_configure(struct quota *quota, const struct config *config);

/**
 * quota_admit() - may this client have a connection, which is opening?
 * @proxy:	it is a proxy that others are behind: the limits of each client are theirs,
 *		see quota_move().
 * @make_room:	called, and perhaps again, where nothing but the number of all that are opening
 *		is in the way; returns whether one gave way.
 * Return: REFUSAL_NONE, then quota_opened() and quota_leave() are owed; else why not.
 */
enum refusal quota_admit(struct quota *quota, const struct endpoint *client, bool proxy,
			 bool (*make_room)(void *arg), void *arg);

/**
 * quota_move() - an admitted connection of a proxy is @client's.
 * Return: REFUSAL_NONE, it counts for @client now; else why it must not go on.
 */
enum refusal quota_move(struct quota *quota, const struct endpoint *proxy,
			const struct endpoint *client);

/** quota_opened() - it is opening no longer: joined, or refused. Once. */
void quota_opened(struct quota *quota, const struct endpoint *client);

/** quota_leave() - it has gone. */
void quota_leave(struct quota *quota, const struct endpoint *client);

/** quota_take_back() - both at once: nothing has come of it. */
void quota_take_back(struct quota *quota, const struct endpoint *client);

/** quota_gauges() - what is in use now. */
void quota_gauges(const struct quota *quota, struct snid_gauges *out);

/** quota_top() - whose connections are most; @leaders: added to. Any thread. */
void quota_top(struct quota *quota, struct leaders *leaders);

/** quota_free() - NULL is allowed. */
void quota_free(struct quota *quota);

#endif
