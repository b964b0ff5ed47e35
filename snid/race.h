/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The servers of a route raced for one client (RFC 8305 5): the next one starts where the last
 * has not answered for RACE_STAGGER_MS, or at once where it has failed; the first to be
 * connected wins and the others are closed. Servers that failed a moment ago start last.
 *
 * How long all of it may take is the spine's business (STAGE_DIAL). The kernel would send
 * SYNs to a dead server for minutes; they end with the race.
 */
#ifndef SNID_RACE_H
#define SNID_RACE_H

#include <stdbool.h>
#include <stddef.h>

#include "deadline.h"
#include "route.h"
#include "watch.h"

struct race;
struct worker;

enum { RACE_STAGGER_MS = 250 };		/* RFC 8305 8, "Connection Attempt Delay" */

/**
 * A race is over, one that race_run() said was on. Called once; race_free() is still owed.
 * @fd:		the socket that is connected, the callee's from now on; or -1.
 * @watch:	where connected: what stands for it, to be moved to the callee.
 * @what:	where connected: the events that it has had, EPOLLOUT among them.
 */
typedef void race_fn(void *arg, int fd, watch_id watch, uint32_t what);

struct race_try {
	struct race *race;
	int fd;				/* -1: it has failed, or won */
	watch_id watch;
	struct endpoint at;		/* of a unix socket: zero */
};

struct race {
	struct worker *worker;		/* borrowed, as all of these */
	struct route *route;		/* not NULL, but empty in mode unix */
	const struct service *service;	/* the listener's of the moment; the spine keeps it so */
	const struct endpoint *client;
	const char *name;
	race_fn *fn;
	void *arg;

	struct deadline stagger;
	size_t n_tries;
	struct race_try tries[ROUTE_TRIES_MAX];
	int err;			/* the last one's, -errno; 0 where nothing was tried */
	const struct race_try *winner;
};

/**
 * race_run() - begin.
 * @race:	zero but for what is borrowed, @fn and @arg.
 * Return: whether it is on; if not, it is lost and @fn is not called.
 */
bool race_run(struct race *race);

/** race_staggered() - the deadline of one has expired. */
void race_staggered(struct deadline *deadline);

/** race_give_up() - it took too long: those that have not answered are remembered as such. */
void race_give_up(struct race *race);

/** race_is_starved() - was it lost for want of descriptors or memory? */
bool race_is_starved(const struct race *race);

/** race_end() - close all but the winner; nothing happens where it never ran. */
void race_end(struct race *race);

#endif
