/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The NAT64 room: stateful translation (RFC 6146) of what netfilter queues to us.
 *
 * Life: nat64_new() while privileged, on the main thread; then the host's rules
 * are made from nat64_intercept(); nat64_start() once privileges are dropped;
 * nat64_reconfigure() at will; nat64_free().
 */
#ifndef NAT64_NAT64_H
#define NAT64_NAT64_H

#include <stdint.h>

#include "../core/addr.h"
#include "../core/config.h"

struct addrmap;
struct nat64;

/* Numbers of the queues we ask for: one per worker, from here up. */
#define NAT64_QUEUE_FIRST 6400u
/* Packets sent by the translator carry this mark, so that rules can tell them. */
#define NAT64_MARK 0x67363400u

/* Addresses and ports of the IPv4 side that the rules must bring to us */
struct nat64_pool {
	uint32_t addr_be32;
	struct port_range *tcp, *udp;	/* sorted, disjoint; owned by the intercept */
	size_t n_tcp, n_udp;
};

/* What the host's rules must bring to the queues */
struct nat64_intercept {
	const struct prefix_list *pref64;	/* borrowed: IPv6 packets to these */
	struct nat64_pool *pool;		/* IPv4 packets to these; all ICMP and
						 * all fragments to the address too */
	size_t n_pool;
	unsigned int queue_first, queue_count;
};

/* For status and metrics */
struct nat64_gauges {
	uint64_t sessions, bindings;		/* in use now */
	uint64_t sessions_max;
	uint64_t memory_bytes;			/* of the flow table */
	uint64_t ports_used, ports_size;	/* TCP, UDP and ICMP added up */
};

/**
 * nat64_new() - allocate, open sockets and queues. Needs CAP_NET_ADMIN, CAP_NET_RAW.
 * @config, @map:	borrowed until nat64_reconfigure() replaced them or nat64_free().
 * Return: 0 with *@out, or -errno, the reason having been logged.
 */
int nat64_new(struct nat64 **out, const struct config *config, const struct addrmap *map);

/**
 * nat64_start() - start the workers.
 * @enter:	run first in each thread, see loop_start().
 * Return: 0 or -errno.
 */
int nat64_start(struct nat64 *nat64, int (*enter)(void));

/**
 * nat64_reconfigure() - go over to a new configuration and map (main thread).
 * The workers pause for it; flows live on unless their pool4 address is gone.
 * Return: 0, and the old ones are no longer used; or -errno, and nothing changed.
 */
int nat64_reconfigure(struct nat64 *nat64, const struct config *config,
		      const struct addrmap *map);

/**
 * nat64_intercept() - what must be queued to us now.
 * @out:	released with nat64_intercept_free(); valid until the next
 *		nat64_reconfigure().
 * Return: 0 or -ENOMEM. Without any pool4 address (the uplink has none yet) the
 * IPv6 side is intercepted all the same: clients are told that nothing can be reached.
 */
int nat64_intercept(const struct nat64 *nat64, struct nat64_intercept *out);
void nat64_intercept_free(struct nat64_intercept *intercept);

/** nat64_gauges() - what is in use now; main thread. */
void nat64_gauges(struct nat64 *nat64, struct nat64_gauges *out);

/** nat64_free() - stop the workers, forget all flows; NULL is allowed. */
void nat64_free(struct nat64 *nat64);

#endif
