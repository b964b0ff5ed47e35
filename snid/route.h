/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From a name to the addresses that may be tried: what the resolver answered, one
 * after the other, each judged by the mapping core at the moment it is to be used.
 */
#ifndef SNID_ROUTE_H
#define SNID_ROUTE_H

#include <stdbool.h>
#include <stddef.h>

#include "../core/addrmap.h"
#include "../dns64/resolver.h"

enum {
	/* Each may cost a whole connect timeout, and the client waits. */
	ROUTE_TRIES_MAX = 4,
};

enum route_verdict {
	ROUTE_FOUND,		/* there are addresses: ask route_next() */
	ROUTE_UNKNOWN,		/* no such name, or it has no AAAA */
	ROUTE_FAILED,		/* the DNS did not tell */
};

struct route {
	struct in6_addr addrs[RESOLVER_ADDRESSES_MAX];
	size_t n, next;			/* how many; which one comes next */
	unsigned int tries;		/* addresses given out by route_next() */
	enum addrmap_backend refused;	/* why the last one was passed over, or OK */
};

/**
 * route_found() - take over the resolver's answer.
 * @route:	overwritten.
 * @why:	set, where not ROUTE_FOUND, to a text for people, borrowed from @answer.
 */
enum route_verdict route_found(struct route *route, const struct resolver_addresses *answer,
			       const char **why);

/**
 * route_next() - the next address that snid may connect to. To be called right before
 * connect(), each time, with the map of that moment: DNS answers are never trusted.
 * @backends:	see addrmap_backend_check().
 * Return: the address, borrowed from @route, or NULL when there is none left.
 */
const struct in6_addr *route_next(struct route *route, const struct addrmap *map,
				  const struct prefix_list *backends);

#endif
