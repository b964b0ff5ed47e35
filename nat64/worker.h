/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One worker of the room: what a packet's life (nat64.c) needs at hand. */
#ifndef NAT64_WORKER_H
#define NAT64_WORKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "icmp_send.h"

struct addrmap;
struct config;
struct emit;
struct event;
struct flow_table;
struct fragments;
struct ipid;
struct loop;
struct fast;
struct mtu_cache;
struct pool4;
struct queue;
struct way_cache;

struct worker {
	/* shared by all workers, borrowed; exchanged only while all are paused */
	const struct config *config;
	const struct addrmap *map;
	struct flow_table *flows;
	struct pool4 *pool;
	struct ipid *ids;
	struct fast *fast;		/* NULL: all goes slowly */
	/* this worker's own */
	struct loop *loop;
	struct queue *queue;
	struct emit *emit;
	struct mtu_cache *mtus;
	struct fragments *fragments;
	struct icmp_limit limit;
	struct event *expire;
	struct way_cache *ways;		/* the first worker's, where there is a fast path */
	unsigned int index, count;	/* which of how many workers */
	int64_t now_ms;			/* as of the batch */
	bool from_host;			/* the packet at hand is one that this host sends */
	bool turning;			/* ... or was one of ours to IPv4, and comes back in */
};

/* What is to become of a packet that was queued to us */
enum verdict {
	VERDICT_TAKEN,		/* translated, answered or dropped: the kernel forgets it */
	VERDICT_ACCEPT,		/* not ours: it goes on to the host */
	VERDICT_HELD,		/* the kernel keeps it until queue_verdict() */
};

/**
 * nat64_packet() - one packet's life.
 * @id:		in the queue, for VERDICT_HELD.
 * @data, @len:	from the IP header on; changed in place, and borrowed until the
 *		worker's emit is flushed.
 */
enum verdict nat64_packet(struct worker *worker, uint32_t id, uint8_t *data, size_t len);

#endif
