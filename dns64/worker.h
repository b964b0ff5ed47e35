/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Within the room: what a worker owns, and the spine's way in. dns64.c has the
 * life of a query, worker.c that of the workers (and so all of dns64.h).
 */
#ifndef DNS64_WORKER_H
#define DNS64_WORKER_H

#include <stdint.h>
#include <sys/queue.h>

#include "../core/siphash.h"
#include "cookie.h"
#include "listen.h"
#include "message.h"

struct addrmap;
struct cache;
struct clients;
struct config;
struct dns64;
struct event;
struct event_base;
struct lookup;
struct lookups;
struct loop;
struct resolver;
struct resolver_answer;
struct throttle;
struct timeval;
struct tls;
struct top;
struct udp_batch;

/* What all workers share. Replaced only while all of them are held. */
struct room {
	const struct config *config;
	const struct addrmap *map;
	struct cache *cache;
	struct siphash_key secret;	/* of all tables that names are the keys of */
	struct siphash_key cookie_root;	/* what the workers derive their cookies' secrets from */
	struct throttle *throttle;
	struct clients *tcp_clients;	/* connections, counted */
	struct tls *tls;		/* NULL: off */
	uint64_t epoch;		/* grows with each change: older answers are not kept */
	_Atomic unsigned int failed_in_row;	/* questions of which no server said a word, since one
						 * was last answered; and when the first had failed */
	_Atomic int64_t failing_since_ms;
	_Atomic unsigned int returns;		/* how often one did after all had failed */
};

/* A resolver of an earlier configuration, until its questions are over */
struct retired {
	LIST_ENTRY(retired) link;
	struct resolver *resolver;
	struct event *end;
};

struct worker {
	struct room *room;
	struct loop *loop;
	struct event_base *base;	/* the loop's */
	struct resolver *resolver;	/* NULL while there are no listeners */
	/* A second one, that answers be renewed before they expire: each gives from its own
	 * cache what it was the last to ask for. */
	struct resolver *renewer;
	uint64_t epoch;			/* the room's, as far as this worker has followed */
	unsigned int returns;		/* likewise */
	int64_t retried_ms;		/* when its resolvers last forgot that servers are away */
	LIST_HEAD(retired_list, retired) retired;
	struct listeners listeners;
	struct udp_batch *udp;
	LIST_HEAD(tcp_client_list, tcp_client) clients;
	size_t tcp_output;		/* bytes of replies that they have not taken */
	struct lookups *lookups;
	struct top *top;
	struct cookies cookies;
	bool slip;			/* the last reply over its rate went out, cut short */
	const struct timeval *aaaa_wait, *patience;	/* common timeouts of the base */
	_Atomic unsigned int n_clients;	/* written by the worker, read by everyone */
	struct {			/* the main thread's: its upstreams' health, as last read */
		struct resolver_health *v;
		size_t n;
		uint64_t epoch;		/* the room's then */
	} known;
	uint8_t wire[MESSAGE_MAX];	/* answers are composed here */
	uint8_t sealed[MESSAGE_MAX];	/* and copied here for each who waits for one */

	struct {			/* what a change of configuration made ready */
		struct resolver *resolver, *renewer;
		struct listeners listeners;
	} next;
};

struct dns64 {
	struct room room;
	unsigned int n_workers;
	struct worker *workers;
	struct loop **loops;		/* theirs, in the same order */
};

/* So long the main thread waits for what a worker says of itself: one that hangs is not to
 * hold up all else, and least of all those who would see that it hangs. */
enum { WORKER_PATIENCE_MS = 250 };

/* What became of a query */
enum dns64_exit {
	DNS64_SENT,
	DNS64_LATER,		/* its answer is waited for */
	DNS64_DROPPED,		/* it gets none; counted */
};

/**
 * dns64_query() - a query has come in.
 * @asker:	borrowed for the call.
 * @wire, @len:	the message, borrowed for the call.
 */
enum dns64_exit dns64_query(struct worker *worker, struct asker *asker, const uint8_t *wire,
			    size_t len);

/** dns64_go_on() - something more is known of a look-up of a worker's (lookup_news_fn). */
void dns64_go_on(void *worker, struct lookup *lookup, const struct resolver_answer *answer);

/** dns64_abandon() - forget every query that waits; nobody is told. */
void dns64_abandon(struct worker *worker);

#endif
