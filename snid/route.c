/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Name to servers; see route.h. */
#include "route.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "../core/config_routes.h"
#include "../core/hostname.h"
#include "service.h"
#include "srv.h"

static bool is_v4_too(const struct service *service)
{
	return service->mode == CONFIG_SNI_TCP;
}

/* ---- servers ----------------------------------------------------------------- */

/* Kept in their order, as there are few. */
static void add_server(struct route *route, const struct route_server *server)
{
	size_t i = route->n;

	if (route->n == ROUTE_SERVERS_MAX)
		return;
	for (; i > 0 && route->servers[i - 1].rank > server->rank; i--)
		route->servers[i] = route->servers[i - 1];
	route->servers[i] = *server;
	route->n++;
}

/*
 * A service's servers come before those of the next one. Within it the families alternate,
 * IPv6 first: who is reached by one of them only is then reached soon (RFC 8305 4).
 */
static void add_addresses(struct route *route, const struct route_ask *ask,
			  const struct answer *answer)
{
	size_t max = ROUTE_SERVERS_MAX / route->n_asks;

	for (size_t i = 0; i < answer->n_addrs && i < max; i++) {
		bool is_v4 = ask->type == RESOLVER_A;
		struct route_server server = {
			.at = { .addr = answer->addrs[i], .port = ask->port },
			.is_v4 = is_v4,
			.rank = (uint8_t)(2 * (ROUTE_SERVERS_MAX * ask->service + i) + is_v4),
		};

		add_server(route, &server);
	}
}

/* ---- the DNS: addresses --------------------------------------------------------- */

static void add_ask(struct route *route, enum resolver_type type, size_t service, uint16_t port)
{
	route->asks[route->n_asks++] = (struct route_ask){
		.route = route, .type = type, .service = (uint8_t)service, .port = port,
	};
}

static void note_absent(struct route *route, const struct answer *answer)
{
	if (answer->kind != ANSWER_ABSENT) {
		route->failed = true;
		route->why = answer->why;
	} else if (!route->failed) {
		route->why = answer->why;
	}
}

static void take_addresses(struct route *route, const struct route_ask *ask,
			   const struct answer *answer)
{
	if (answer->kind == ANSWER_RECORDS)
		add_addresses(route, ask, answer);
	else
		note_absent(route, answer);
}

/* What was heard of a name is used, even if another question about it failed. */
static enum route_verdict decide(const struct route *route)
{
	if (route->n_waiting)
		return ROUTE_WAIT;
	if (route->n)
		return ROUTE_FOUND;
	return route->failed ? ROUTE_FAILED : ROUTE_UNKNOWN;
}

static void addresses_found(void *arg, const struct answer *answer)
{
	struct route_ask *ask = arg;
	struct route *route = ask->route;

	route->n_waiting--;
	take_addresses(route, ask, answer);
	if (route->n_waiting == 0)
		route->fn(route->arg, decide(route));
}

static void ask_addresses(struct route *route, struct route_ask *ask, const char *name)
{
	const struct answer *answer = resolve_ask(route->resolve, &ask->question, name, ask->type,
						  route->client, addresses_found, ask);

	if (answer)
		take_addresses(route, ask, answer);
	else
		route->n_waiting++;
}

static void plan_host(struct route *route, const struct service *service, size_t nth,
		      uint16_t port)
{
	add_ask(route, RESOLVER_AAAA, nth, port);
	if (is_v4_too(service))
		add_ask(route, RESOLVER_A, nth, port);
}

static enum route_verdict find_host(struct route *route, const struct service *service,
				    const char *name)
{
	route->n_asks = 0;
	plan_host(route, service, 0, service->server_port);
	for (size_t i = 0; i < route->n_asks; i++)
		ask_addresses(route, &route->asks[i], name);
	return decide(route);
}

/* ---- the DNS: services ------------------------------------------------------------ */

/* May it be asked for at all? @name: set to the target's one form. */
static bool is_good_service(const struct resolver_service *service, uint16_t server_port,
			    char *name)
{
	return srv_port_allowed(service->port, server_port) &&
	       !hostname_normalise((const uint8_t *)service->target, strlen(service->target), name);
}

static enum route_verdict find_services(struct route *route, const struct service *service,
					struct resolver_service *services, size_t n)
{
	char names[ROUTE_SERVICES_MAX][HOSTNAME_STRLEN];
	size_t n_good = 0;
	uint64_t random = 0;

	if (getrandom(&random, sizeof(random), GRND_NONBLOCK) < 0)
		random = (uintptr_t)route;
	srv_order(services, n, random);
	route->n_asks = 0;
	for (size_t i = 0; i < n && n_good < ROUTE_SERVICES_MAX; i++) {
		if (!is_good_service(&services[i], service->server_port, names[n_good]))
			continue;
		plan_host(route, service, n_good, services[i].port);
		n_good++;
	}
	if (n_good == 0) {
		route->why = n == 1 && !services[0].target[0] ? "service not available" :
								"no service at a port that is allowed";
		return ROUTE_UNKNOWN;
	}
	for (size_t i = 0; i < route->n_asks; i++)
		ask_addresses(route, &route->asks[i], names[route->asks[i].service]);
	return decide(route);
}

/* RFC 2782: where there are no such records, the host itself has the service. */
static enum route_verdict take_services(struct route *route, const struct service *service,
					const struct answer *answer)
{
	struct resolver_service services[RESOLVER_SERVICES_MAX];

	if (answer->kind == ANSWER_ABSENT)
		return find_host(route, service, route->name);
	if (answer->kind != ANSWER_RECORDS) {
		note_absent(route, answer);
		return decide(route);
	}
	memcpy(services, answer->services, answer->n_services * sizeof(services[0]));
	return find_services(route, service, services, answer->n_services);
}

static void services_found(void *arg, const struct answer *answer)
{
	struct route *route = ((struct route_ask *)arg)->route;
	enum route_verdict verdict;

	route->n_waiting = 0;
	verdict = take_services(route, route->service, answer);
	if (verdict != ROUTE_WAIT)
		route->fn(route->arg, verdict);
}

static enum route_verdict ask_services(struct route *route, const struct service *service,
				       const char *srv, const char *name)
{
	const struct answer *answer;

	snprintf(route->name, sizeof(route->name), "%s", name);
	add_ask(route, RESOLVER_SRV, 0, 0);
	answer = resolve_ask(route->resolve, &route->asks[0].question, srv, RESOLVER_SRV,
			     route->client, services_found, &route->asks[0]);
	if (answer)
		return take_services(route, service, answer);
	route->n_waiting = 1;
	return ROUTE_WAIT;
}

/* ---- snid.routes --------------------------------------------------------------------- */

static enum route_verdict take_static(struct route *route, const struct service *service,
				      const struct sni_route *found)
{
	struct route_server server = {
		.at = { found->backend, found->port ? found->port : service->server_port },
		.is_v4 = is_v4_too(service) && addr_is_v4(&found->backend),
	};

	add_server(route, &server);
	return ROUTE_FOUND;
}

/* ---- the way through it ---------------------------------------------------------------- */

struct route *route_new(struct resolve *resolve, uint64_t client, route_fn *fn, void *arg)
{
	struct route *route = calloc(1, sizeof(*route));

	if (!route)
		return NULL;
	route->resolve = resolve;
	route->client = client;
	route->fn = fn;
	route->arg = arg;
	return route;
}

enum route_verdict route_find(struct route *route, const struct service *service,
			      const char *name, const char *alpn)
{
	const struct sni_route *found = config_routes_find(service->routes,
							   service->n_routes, name);
	char srv[RESOLVER_NAME_STRLEN];

	route->service = service;
	if (found)
		return take_static(route, service, found);
	if (srv_name(alpn, name, srv))
		return ask_services(route, service, srv, name);
	return find_host(route, service, name);
}

void route_reconfigured(struct route *route, const struct service *service)
{
	route->service = service;
}

void route_put_last(struct route *route, bool (*is_bad)(void *arg, const struct endpoint *at),
		    void *arg)
{
	struct route_server bad[ROUTE_SERVERS_MAX];
	size_t n = 0, n_bad = 0;

	for (size_t i = 0; i < route->n; i++) {
		if (is_bad(arg, &route->servers[i].at))
			bad[n_bad++] = route->servers[i];
		else
			route->servers[n++] = route->servers[i];
	}
	memcpy(&route->servers[n], bad, n_bad * sizeof(bad[0]));
}

static enum addrmap_backend judge(const struct route_server *server, const struct addrmap *map,
				  const struct service *service)
{
	/* The listener may have had another mode when this was found. */
	if (server->is_v4 && !is_v4_too(service))
		return ADDRMAP_BACKEND_SPECIAL;
	if (server->is_v4)
		return addrmap_backend_check4(map, service->backends,
					      addr_v4_be32(&server->at.addr));
	return addrmap_backend_check(map, service->backends, &server->at.addr);
}

const struct route_server *route_next(struct route *route, const struct addrmap *map,
				      const struct service *service)
{
	while (route_more(route)) {
		const struct route_server *server = &route->servers[route->next++];
		enum addrmap_backend verdict = judge(server, map, service);

		if (verdict == ADDRMAP_BACKEND_OK) {
			route->tries++;
			return server;
		}
		route->refused = verdict;
	}
	return NULL;
}

bool route_more(const struct route *route)
{
	return route->next < route->n && route->tries < ROUTE_TRIES_MAX;
}

void route_free(struct route *route)
{
	if (!route)
		return;
	for (size_t i = 0; i < route->n_asks; i++)
		resolve_cancel(&route->asks[i].question);
	free(route);
}
