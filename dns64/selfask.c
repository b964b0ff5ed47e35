/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A resolver that forwards to its own listener waits for itself: whoever asks it gets a
 * failure, after all the time that he is ready to wait.
 */
#include "selfask.h"

#include <errno.h>

#include "../core/addrmap.h"
#include "../core/config.h"
#include "../core/log.h"

static bool is_wildcard_for(const struct in6_addr *listen, const struct in6_addr *addr)
{
	const struct in6_addr any4 = addr_from_v4(0);

	return addr_is_v4(addr) ? addr_equal(listen, &any4) : IN6_IS_ADDR_UNSPECIFIED(listen);
}

static bool is_listened_at(const struct config *config, const struct endpoint *at)
{
	const struct endpoint_list *listen = &config->dns64.listen;

	for (size_t i = 0; i < listen->n; i++)
		if (listen->v[i].port == at->port &&
		    is_wildcard_for(&listen->v[i].addr, &at->addr))
			return true;
	return false;
}

static const struct endpoint *own_of(const struct endpoint_list *upstream,
				     const struct config *config, const struct addrmap *map)
{
	for (size_t i = 0; i < upstream->n; i++)
		if (addrmap_is_own(map, &upstream->v[i].addr) &&
		    is_listened_at(config, &upstream->v[i]))
			return &upstream->v[i];
	return NULL;
}

int selfask_check(const struct config *config, const struct addrmap *map)
{
	const struct endpoint *own = NULL;
	char text[ENDPOINT_STRLEN];

	if (config->dns64.enabled)
		own = own_of(&config->dns64.upstream, config, map);
	for (size_t i = 0; config->dns64.enabled && i < config->dns64.n_zones && !own; i++)
		own = own_of(&config->dns64.zones[i].upstream, config, map);
	if (!own)
		return 0;
	log_error("dns64: upstream %s is an address of this host, where dns64 itself listens",
		  endpoint_format(own, text));
	return -ELOOP;
}
