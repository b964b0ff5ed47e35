/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See service.h. */
#include "service.h"

#include "../core/addrmap.h"

enum { HTTP_PORT = 80 };

/* A port alone: where its clients come from. Those of mode nat46 have IPv4 addresses. */
static struct in6_addr any_address(enum config_sni_mode mode)
{
	return mode == CONFIG_SNI_NAT46 ? addr_from_v4(0) : in6addr_any;
}

static const struct prefix_list *backends_of(const struct sni_listen *listen,
					     const struct addrmap *map)
{
	if (!(listen->own & SNI_OWN_BACKENDS))
		return &map->backends;
	return listen->backends.keyword ? &map->inside : &listen->backends.list;
}

void service_init(struct service *service, const struct config *config,
		  const struct addrmap *map, size_t i)
{
	const struct sni_listen *listen = &config->snid.listen[i];
	enum config_sni_mode mode = listen->own & SNI_OWN_MODE ? listen->mode : config->snid.mode;

	*service = (struct service){
		.at = listen->at,
		.protocol = listen->protocol,
		.mode = mode,
		.server_port = listen->server_port ? listen->server_port : listen->at.port,
		.proxy_to = config->snid.proxy_to == CONFIG_SNI_PROXY_V2 &&
			    mode != CONFIG_SNI_NAT46,
		.backends = backends_of(listen, map),
		.proxy_from = listen->own & SNI_OWN_PROXY_FROM ? &listen->proxy_from :
								 &config->snid.proxy_from,
		.default_name = listen->own & SNI_OWN_DEFAULT_NAME ? listen->default_name :
								     config->snid.default_name,
		.unix_directory = config->snid.unix_directory,
		.routes = config->snid.routes_by_name,
		.n_routes = config->snid.n_routes,
	};
	if (listen->any)
		service->at.addr = any_address(mode);
}

bool service_takes_http(const struct service *service)
{
	return service->protocol == CONFIG_SNI_HTTP ||
	       (service->protocol == CONFIG_SNI_AUTO && service->at.port == HTTP_PORT);
}

const struct service *service_find(const struct service *services, size_t n,
				   const struct endpoint *at)
{
	for (size_t i = 0; i < n; i++)
		if (endpoint_equal(&services[i].at, at))
			return &services[i];
	return NULL;
}

const struct service *service_reached(const struct service *services, size_t n,
				      const struct endpoint *to)
{
	const struct endpoint any4 = { addr_from_v4(0), to->port }, any = { in6addr_any, to->port };
	const struct service *service = service_find(services, n, to);

	if (!service && addr_is_v4(&to->addr))
		service = service_find(services, n, &any4);
	return service ? service : service_find(services, n, &any);
}
