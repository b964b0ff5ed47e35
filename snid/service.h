/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What one listener does with its connections: its entry of snid.listen with the room's
 * settings where it has none of its own. Pure: made anew with each configuration and map.
 */
#ifndef SNID_SERVICE_H
#define SNID_SERVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../core/config.h"

struct addrmap;

struct service {
	struct endpoint at;		/* where it listens; `::' is both families' */
	enum config_sni_protocol protocol;
	enum config_sni_mode mode;
	uint16_t server_port;		/* host byte order, where nothing else says one */
	bool proxy_to;			/* servers get a PROXY header; never in mode nat46 */

	/* Borrowed from the configuration and the map */
	const struct prefix_list *backends;
	const struct prefix_list *proxy_from;
	const char *default_name;	/* NULL: none */
	const char *unix_directory;
	const struct sni_route *const *routes;	/* see core/config_routes.h */
	size_t n_routes;
};

/**
 * service_init() - the service of entry @i of snid.listen.
 * @config, @map:	borrowed as long as the service is used.
 */
void service_init(struct service *service, const struct config *config,
		  const struct addrmap *map, size_t i);

/** service_takes_http() - does it take HTTP, whatever else it takes? */
bool service_takes_http(const struct service *service);

/** service_find() - the one of @n that listens at @at, or NULL. */
const struct service *service_find(const struct service *services, size_t n,
				   const struct endpoint *at);

/**
 * service_reached() - the one of @n that a connection to @to would come to, or NULL: it listens
 * there, or else at all addresses.
 */
const struct service *service_reached(const struct service *services, size_t n,
				      const struct endpoint *to);

#endif
