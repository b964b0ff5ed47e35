/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The DNS64 room: RFC 6147 in front of the resolver interface.
 *
 * Life: dns64_new() while privileged (it binds port 53), dns64_start() after the
 * privileges are dropped, dns64_reconfigure() at will, dns64_free().
 */
#ifndef DNS64_DNS64_H
#define DNS64_DNS64_H

#include <stddef.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "top.h"

struct addrmap;
struct config;
struct dns64;
struct explain;
struct name;

/* For status and metrics */
struct dns64_gauges {
	uint64_t cache_entries, cache_bytes, cache_bytes_max;
	uint64_t queries_pending;
	uint64_t tcp_connections;
};

/* How the servers of a zone of dns64.zones fare, or (the last) those of all other names */
struct dns64_upstream {
	char zone[256];				/* "." for the last */
	uint64_t questions, answered, failed;	/* an answer after the deadline is both */
	uint64_t timeouts, renewals;		/* see struct resolver_health */
	unsigned int failed_in_row;		/* of the worker that fares worst */
	unsigned int n_workers, n_deaf;		/* workers; those to whom nobody answers */
	int64_t answered_ago_ms;		/* since the last answer of a server; -1 = none yet */
	uint32_t took_us;			/* until an answer is there, smoothed; 0 = none yet */
};

/**
 * dns64_new() - allocate the workers, bind the listeners.
 * @config, @map:	borrowed until dns64_reconfigure() replaced them or dns64_free().
 * Return: 0 with *@out, or -errno, the reason having been logged (a port in use
 * names the address).
 */
int dns64_new(struct dns64 **out, const struct config *config, const struct addrmap *map);

/** dns64_start() - start the workers; @enter: see loop_start(). Return: 0 or -errno. */
int dns64_start(struct dns64 *dns64, int (*enter)(void));

/**
 * dns64_reconfigure() - go over to a new configuration and map (main thread).
 * Listeners that stay are kept, queries under way are answered.
 * Return: 0, and the old ones are no longer used; or -errno, and nothing changed.
 */
int dns64_reconfigure(struct dns64 *dns64, const struct config *config,
		      const struct addrmap *map);

/**
 * dns64_flush() - forget what is known of names, the resolver's own knowledge included
 * (which it can only forget as a whole); main thread.
 * @name:	that name, all types of it; NULL = everything.
 * @below:	what is below it, too.
 * @n_forgotten: how many answers that were.
 * Return: 0; or -errno, logged, and nothing changed.
 */
int dns64_flush(struct dns64 *dns64, const struct name *name, bool below, size_t *n_forgotten);

/**
 * dns64_top() - names asked for most, and clients who ask most (top.h), of all workers
 * together, but for those that hang; main thread.
 * @rows:	most often seen first; owned by the caller, who calls free().
 * @over_ms:	in so much time, up to now.
 * Return: 0 or -ENOMEM.
 */
int dns64_top(struct dns64 *dns64, enum top_kind kind, struct top_row **rows, size_t *n, int64_t *over_ms);

/**
 * dns64_explain() - have a query answered and explained (explain.h); main thread.
 * @explain:	from explain_new(); a worker's until explain_fd() can be read, at the latest
 *		when dns64_free() returns.
 */
void dns64_explain(struct dns64 *dns64, struct explain *explain);

/**
 * dns64_upstreams() - what all workers know of them; main thread. Of one that hangs, what it
 * knew when it was last asked.
 * @list:	owned by the caller, who calls free(); in the order of dns64.zones.
 * Return: 0, with *@n 0 where the room is not enabled, or -ENOMEM.
 */
int dns64_upstreams(struct dns64 *dns64, struct dns64_upstream **list, size_t *n);

/** dns64_gauges() - what is in use now; main thread. */
void dns64_gauges(struct dns64 *dns64, struct dns64_gauges *out);

/** dns64_free() - stop the workers; NULL is allowed. */
void dns64_free(struct dns64 *dns64);

#endif
