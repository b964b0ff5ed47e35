/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Within the room: what a worker owns, and the spine's way in. snid.c has the life of a
 * connection, worker.c that of the workers (and so all of snid.h).
 */
#ifndef SNID_WORKER_H
#define SNID_WORKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "accept.h"
#include "deadline.h"
#include "dial.h"
#include "fails.h"
#include "hello.h"
#include "relay.h"
#include "seats.h"

struct addrmap;
struct config;
struct event;
struct event_base;
struct loop;
struct quota;
struct resolve;
struct resolver;
struct service;
struct snid;
struct snid_connection;
struct watcher;

/* The stages of a connection. Each has a queue, in which all wait equally long. */
enum stage {
	STAGE_HELLO,		/* for the name; from the accept on, whatever comes meanwhile */
	STAGE_LOOKUP,		/* for the resolver */
	STAGE_DIAL,		/* for any of its servers to answer */
	STAGE_GREET,		/* for the server's word that it takes TLS */
	STAGE_RELAY,		/* for bytes */
	STAGE_SILENT,		/* likewise, there having been none for TCP_SILENT_MS */
	STAGE_HALF_CLOSED,	/* for bytes, one direction having ended */
	STAGE_REFUSED,		/* for the client to close, having been told why */
	STAGE_COUNT
};

/* Part of an object that has more to do than one turn allows */
struct turn {
	TAILQ_ENTRY(turn) entry;
	bool queued;
};

struct worker {
	/* Replaced together, while the thread is held */
	const struct config *config;
	const struct addrmap *map;
	struct resolver *resolver;	/* NULL while there never was a listener; asked by: */
	struct resolve *resolve;
	struct dial_ports ports;
	struct listener **listeners;
	struct service *services;	/* theirs, in the same order; they stay without them */
	size_t n_services;
	size_t n_listeners;
	struct listener_list retired;	/* those that were replaced, for a moment */

	struct quota *quota;		/* shared by all workers */
	struct buffered *hellos;	/* likewise: what their openings keep */
	struct loop *loop;
	struct event_base *base;	/* the loop's */

	struct fails fails;		/* servers that did not answer */

	struct seats seats;		/* its connections */
	_Atomic uint32_t in_stage[STAGE_COUNT];	/* how many of them; for snid_gauges() */
	struct deadline_queue queues[STAGE_COUNT];
	struct deadline_queue stagger;
	struct event *deadline_timer;
	int64_t deadline_timer_at_ms;	/* INT64_MAX = not set */
	TAILQ_HEAD(turn_queue, turn) turns;
	struct event *turn_timer;

	struct {			/* what a change of configuration made ready */
		struct resolver *resolver;
		struct listener **listeners;
		struct service *services;
		size_t n_listeners;
	} next;

	struct watcher *watcher;	/* of its connections' sockets */
	struct relay_tools tools;
	uint8_t scratch[RELAY_SCRATCH_LEN];	/* the tools' too; between two events its content is lost */
	uint8_t gather[HELLO_MAX];
};

/* What the workers tell the spine: in their thread; the last four also while that is
 * held or stopped. */
struct worker_life {
	accept_fn *accepted;	/* arg: the worker */

	/* It waited too long. Must leave its queue, or enter one anew. */
	void (*expired)(struct deadline *deadline);

	/* Of worker_stagger(): likewise. */
	void (*staggered)(struct deadline *deadline);

	/* It has its turn. */
	void (*turn)(struct turn *turn);

	/* In a stage before STAGE_RELAY: services are others now, the old ones about to go.
	 * May leave its queue. */
	void (*reconfigured)(struct deadline *deadline);

	/* From STAGE_DIAL up to STAGE_HALF_CLOSED: prefixes.nat46 is about to be another. May
	 * leave its queue. */
	void (*readdressed)(struct deadline *deadline);

	/* What is known of a connection, which has a seat; in the worker's thread. */
	void (*describe)(const void *conn, struct snid_connection *out);

	/* The worker ends. Must leave its queue. */
	void (*stopped)(struct deadline *deadline);
};

extern const struct worker_life snid_life;	/* in snid.c */

/** snid_worker() - the worker of number @i, NULL where there are no more. Main thread. */
struct worker *snid_worker(struct snid *snid, size_t i);

/** worker_count() - so many more, or less, of its connections are in @stage. */
void worker_count(struct worker *worker, enum stage stage, int change);

/** worker_wait() - @deadline waits in the queue of @stage from now on, in no other. */
void worker_wait(struct worker *worker, struct deadline *deadline, enum stage stage);

/** worker_stagger() - @deadline waits for RACE_STAGGER_MS. */
void worker_stagger(struct worker *worker, struct deadline *deadline);

/** worker_turn() - tell @turn in the loop's next round, after others had theirs. */
void worker_turn(struct worker *worker, struct turn *turn);

/** worker_turn_cancel() - @turn will not be told; nothing happens where it waits for none. */
void worker_turn_cancel(struct worker *worker, struct turn *turn);

#endif
