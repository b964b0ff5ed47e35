/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From a name to the servers that may be tried, in their order.
 *
 * snid.routes come first. Then, in the modes nat46 and tcp, the DNS: services where the
 * client's protocol has such (RFC 2782), else the host's addresses; one level of services, and
 * of each only so much that no answer can make us ask or try much. In mode unix the name
 * itself is the server's (dial_unix()).
 *
 * route_next() gives one server after the other, each judged by the mapping core at the
 * moment it is to be used: answers of the DNS are never trusted.
 */
#ifndef SNID_ROUTE_H
#define SNID_ROUTE_H

#include <stdbool.h>
#include <stddef.h>

#include "../core/addrmap.h"
#include "resolve.h"

struct service;

enum {
	ROUTE_SERVERS_MAX = 16,
	ROUTE_SERVICES_MAX = 4,		/* SRV targets whose addresses are asked for */
	ROUTE_QUESTIONS_MAX = 2 * ROUTE_SERVICES_MAX,
	ROUTE_TRIES_MAX = 4,		/* the client waits, and cannot for all of them */
};

enum route_verdict {
	ROUTE_FOUND,		/* there are servers: ask route_next() */
	ROUTE_WAIT,		/* for the DNS: route_fn will be called */
	ROUTE_UNKNOWN,		/* no such name, or it has no address that this mode goes to */
	ROUTE_FAILED,		/* the DNS did not tell */
};

struct route;

/** What came of ROUTE_WAIT, once. Never ROUTE_WAIT again. */
typedef void route_fn(void *arg, enum route_verdict verdict);

struct route_server {
	struct endpoint at;		/* IPv4 mapped ... */
	bool is_v4;			/* ... where this says so: an AAAA may not say it */
	uint8_t rank;			/* the lowest is tried first */
};

struct route_ask {			/* one question, and what its answers are for */
	struct resolve_question question;
	struct route *route;
	enum resolver_type type;
	uint8_t service;		/* which one's addresses, the first is 0 */
	uint16_t port;
};

struct route {
	struct resolve *resolve;
	uint64_t client;
	route_fn *fn;
	void *arg;

	struct route_server servers[ROUTE_SERVERS_MAX];
	size_t n, next;			/* how many; which one comes next */
	unsigned int tries;		/* servers given out by route_next() */
	enum addrmap_backend refused;	/* why the last one was passed over, or OK */
	const char *why;		/* it was not ROUTE_FOUND; static */

	/* While it is looked up */
	char name[RESOLVER_NAME_STRLEN];	/* whose services are asked for */
	const struct service *service;
	bool failed;			/* a question that might have given servers */
	size_t n_asks, n_waiting;
	struct route_ask asks[ROUTE_QUESTIONS_MAX];
};

/**
 * route_new() - to be found by route_find().
 * @client:	whose questions these are, see resolve_ask().
 * Return: owned by the caller, NULL when out of memory.
 */
struct route *route_new(struct resolve *resolve, uint64_t client, route_fn *fn, void *arg);

/**
 * route_find() - where to? Once for each route.
 * @service:	the listener's, in mode nat46 or tcp; borrowed while it is waited for, see
 *		route_reconfigured().
 * @name:	as hostname_normalise() made it.
 * @alpn:	the only protocol that the client offers, or ""; borrowed for the call.
 */
enum route_verdict route_find(struct route *route, const struct service *service,
			      const char *name, const char *alpn);

/** route_reconfigured() - the listener has another service now. */
void route_reconfigured(struct route *route, const struct service *service);

/** route_put_last() - those that @is_bad come after the others, in their order. */
void route_put_last(struct route *route, bool (*is_bad)(void *arg, const struct endpoint *at),
		    void *arg);

/**
 * route_next() - the next server that may be connected to. To be called right before
 * connect(), each time, with the map and the service of that moment.
 * Return: borrowed from @route, or NULL when there is none left.
 */
const struct route_server *route_next(struct route *route, const struct addrmap *map,
				      const struct service *service);

/** route_more() - is there perhaps another one to try? */
bool route_more(const struct route *route);

/** route_free() - it is not waited for any more; NULL is allowed. */
void route_free(struct route *route);

#endif
