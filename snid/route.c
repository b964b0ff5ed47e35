/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Name to backend address; see route.h. */
#include "route.h"

#include <string.h>

enum {
	RCODE_NOERROR = 0,	/* RFC 1035 4.1.1 */
	RCODE_NXDOMAIN = 3,
};

static const char *status_text(enum resolver_status status)
{
	switch (status) {
	case RESOLVER_BOGUS:
		return "DNSSEC validation failed";
	case RESOLVER_REFUSED:
		return "too many look-ups pending";
	case RESOLVER_FAILED:
	case RESOLVER_OK:
		break;
	}
	return "no answer";
}

enum route_verdict route_found(struct route *route, const struct resolver_addresses *answer,
			       const char **why)
{
	memset(route, 0, sizeof(*route));
	if (answer->status != RESOLVER_OK) {
		*why = answer->why ? answer->why : status_text(answer->status);
		return ROUTE_FAILED;
	}
	if (answer->rcode == RCODE_NXDOMAIN) {
		*why = "no such name";
		return ROUTE_UNKNOWN;
	}
	if (answer->rcode != RCODE_NOERROR) {
		*why = "the name's servers fail";
		return ROUTE_FAILED;
	}
	if (answer->n == 0) {
		*why = "no IPv6 address";
		return ROUTE_UNKNOWN;
	}
	route->n = answer->n < RESOLVER_ADDRESSES_MAX ? answer->n : RESOLVER_ADDRESSES_MAX;
	memcpy(route->addrs, answer->v, route->n * sizeof(route->addrs[0]));
	return ROUTE_FOUND;
}

const struct in6_addr *route_next(struct route *route, const struct addrmap *map,
				  const struct prefix_list *backends)
{
	while (route->next < route->n && route->tries < ROUTE_TRIES_MAX) {
		const struct in6_addr *addr = &route->addrs[route->next++];
		enum addrmap_backend verdict = addrmap_backend_check(map, backends, addr);

		if (verdict == ADDRMAP_BACKEND_OK) {
			route->tries++;
			return addr;
		}
		route->refused = verdict;
	}
	return NULL;
}
