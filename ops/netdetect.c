/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which side is which. The uplink is where the IPv4 default route goes. Outside
 * is what lies behind it or behind the IPv6 default route; every other IPv6
 * prefix that the host has a route to is inside: a client of ours must be one
 * that the administrator has routed to, never a neighbour on the provider's link.
 */
#include "netdetect.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "../core/addrmap.h"
#include "../core/config.h"
#include "netsetup.h"

enum {
	V4_DEFAULT_LEN = 96,	/* 0.0.0.0/0 in mapped form */
	/* "::/1" with "8000::/1", or "2000::/3", are other ways to say default */
	V6_DEFAULT_LEN_MAX = 3,
};

/* Where an inside prefix may lie: global unicast and unique local addresses. */
static const struct prefix unicast[] = {
	{.addr = {.s6_addr = {0x20}}, .len = 3},
	{.addr = {.s6_addr = {0xfc}}, .len = 7},
};

static struct netdetect_link *find_link(const struct netdetect_host *host, int index)
{
	for (size_t i = 0; i < host->n_links; i++) {
		if (host->links[i].index == index)
			return &host->links[i];
	}
	return NULL;
}

static bool is_v4(const struct netdetect_route *route)
{
	return prefix_is_v4(&route->dst);
}

static bool is_main_unicast(const struct netdetect_route *route)
{
	return route->table == RT_TABLE_MAIN && route->type == RTN_UNICAST;
}

/* The index of the link of the best IPv4 default route, 0 if there is none. */
static int default4_link(const struct netdetect_host *host)
{
	const struct netdetect_route *best = NULL;

	for (size_t i = 0; i < host->n_routes; i++) {
		const struct netdetect_route *route = &host->routes[i];

		if (is_v4(route) && is_main_unicast(route) && route->dst.len == V4_DEFAULT_LEN &&
		    route->link && (!best || route->metric < best->metric))
			best = route;
	}
	return best ? best->link : 0;
}

static void derive_uplink(const struct netdetect_host *host, const struct config *config,
			  struct netinfo *net)
{
	const struct netdetect_link *link = NULL;

	if (config->uplink) {
		for (size_t i = 0; i < host->n_links && !link; i++) {
			if (strcmp(host->links[i].name, config->uplink) == 0)
				link = &host->links[i];
		}
		/* Configured, it keeps its name while the link is not there. */
		strncpy(net->uplink, config->uplink, sizeof(net->uplink) - 1);
	} else {
		link = find_link(host, default4_link(host));
	}
	if (!link)
		return;
	memcpy(net->uplink, link->name, sizeof(net->uplink));
	net->links.uplink = (uint32_t)link->index;
	net->links.uplink_mtu = link->mtu;
	for (size_t i = 0; i < host->n_addrs && !net->uplink_v4_be32; i++) {
		if (host->addrs[i].link == link->index)
			net->uplink_v4_be32 = host->addrs[i].v4_be32;
	}
}

/* Return: whether there is an outside at all. */
static bool mark_outside(struct netdetect_host *host, const struct netinfo *net)
{
	bool any = false;

	for (size_t i = 0; i < host->n_links; i++) {
		struct netdetect_link *link = &host->links[i];

		link->outside = net->uplink[0] && strcmp(link->name, net->uplink) == 0;
		any |= link->outside;
	}
	for (size_t i = 0; i < host->n_routes; i++) {
		const struct netdetect_route *route = &host->routes[i];
		struct netdetect_link *link;

		if (route->dst.len > V6_DEFAULT_LEN_MAX || !is_main_unicast(route))
			continue;
		link = find_link(host, route->link);
		if (link) {
			link->outside = true;
			any = true;
		}
	}
	return any;
}

/* Does @prefix lie where gate64 itself makes the addresses? */
static bool is_translated(const struct prefix *prefix, const struct config *config)
{
	const struct prefix_list *pref64 = &config->prefixes.nat64;

	if (prefix_overlaps(&config->prefixes.nat46, prefix))
		return true;
	for (size_t i = 0; i < pref64->n; i++) {
		if (prefix_overlaps(&pref64->v[i], prefix))
			return true;
	}
	return false;
}

bool netdetect_may_be_inside(const struct prefix *dst, const struct config *config)
{
	if (dst->len <= V6_DEFAULT_LEN_MAX || is_translated(dst, config))
		return false;
	for (size_t i = 0; i < sizeof(unicast) / sizeof(unicast[0]); i++) {
		if (prefix_contains(&unicast[i], &dst->addr))
			return true;
	}
	return false;
}

void netdetect_aggregate(struct prefix_list *list)
{
	size_t kept = 0;

	if (!list->n)
		return;
	prefix_list_sort(list);
	/* Whatever contains a prefix sorts before it, and nothing foreign between. */
	for (size_t i = 1; i < list->n; i++) {
		if (!prefix_contains(&list->v[kept], &list->v[i].addr) ||
		    list->v[kept].len > list->v[i].len)
			list->v[++kept] = list->v[i];
	}
	list->n = kept + 1;
}

static int compare_routes(const void *a, const void *b)
{
	const struct netdetect_route *x = a, *y = b;

	int order = memcmp(&x->dst.addr, &y->dst.addr, sizeof(x->dst.addr));

	return order ? order : (int)x->dst.len - (int)y->dst.len;
}

/*
 * One way out is enough to keep a prefix outside, whatever other routes it has.
 * They stand together: a table may be long, and is gone through once.
 */
static int derive_inside(const struct netdetect_host *host, const struct config *config,
			 struct netinfo *net)
{
	for (size_t i = 0, end; i < host->n_routes; i = end) {
		const struct prefix *dst = &host->routes[i].dst;
		bool in = false, out = false;

		for (end = i; end < host->n_routes; end++) {
			const struct netdetect_route *route = &host->routes[end];
			const struct netdetect_link *link;

			if (!prefix_equal(&route->dst, dst))
				break;
			if (!is_main_unicast(route) || route->protocol == NETSETUP_RTPROT)
				continue;
			link = find_link(host, route->link);
			if (link && !link->outside && !link->loopback)
				in = true;
			else
				out = true;
		}
		if (in && !out && netdetect_may_be_inside(dst, config) &&
		    prefix_list_add(&net->inside, dst))
			return -ENOMEM;
	}
	netdetect_aggregate(&net->inside);
	return 0;
}

/* A default route is the uplink's, unless another one is better and not the uplink's. */
static bool is_elsewhere(const struct netdetect_host *host, const struct netdetect_route *route,
			 const struct netinfo *net)
{
	const struct netdetect_link *link = find_link(host, route->link);
	int to = (int)net->links.uplink;

	if (!is_v4(route) || !is_main_unicast(route) || !link || link->loopback || link->index == to)
		return false;
	return route->dst.len != V4_DEFAULT_LEN || default4_link(host) == route->link;
}

static int derive_elsewhere4(const struct netdetect_host *host, struct netinfo *net)
{
	if (host->forwards4 || !net->links.uplink)
		return 0;
	for (size_t i = 0; i < host->n_routes; i++)
		if (is_elsewhere(host, &host->routes[i], net) &&
		    prefix_list_add(&net->elsewhere4, &host->routes[i].dst))
			return -ENOMEM;
	netdetect_aggregate(&net->elsewhere4);
	return 0;
}

/* Not only the addresses proper: the subnet-router anycast ones are ours as well. */
static int derive_own(const struct netdetect_host *host, const struct config *config,
		      struct netinfo *net)
{
	for (size_t i = 0; i < host->n_routes; i++) {
		const struct netdetect_route *route = &host->routes[i];

		if (route->type != RTN_LOCAL && route->type != RTN_ANYCAST)
			continue;
		if (route->protocol == NETSETUP_RTPROT || is_translated(&route->dst, config))
			continue;
		if (prefix_list_add(&net->own, &route->dst))
			return -ENOMEM;
	}
	netdetect_aggregate(&net->own);
	return 0;
}

static void add_link(struct netinfo_links *links, const struct netdetect_link *link)
{
	for (uint32_t i = 0; i < links->n; i++)
		if (links->index[i] == (uint32_t)link->index)
			return;
	if (links->n < NETINFO_LINKS_MAX)
		links->index[links->n++] = (uint32_t)link->index;
}

static bool overlaps_any(const struct prefix_list *list, const struct prefix *prefix)
{
	for (size_t i = 0; i < list->n; i++)
		if (prefix_overlaps(&list->v[i], prefix))
			return true;
	return false;
}

/* Does a route lead to somebody who may use NAT64? */
static bool leads_to_clients(const struct netdetect_route *route, const struct config *config,
			     const struct netinfo *net)
{
	const struct prefix_list *inside = config->inside.keyword ? &net->inside
								   : &config->inside.list;

	if (is_v4(route) || route->dst.len <= V6_DEFAULT_LEN_MAX || !is_main_unicast(route))
		return false;
	return overlaps_any(config->nat64.clients.keyword ? inside : &config->nat64.clients.list,
			    &route->dst);
}

static void add_elsewhere(struct netinfo_links *links, const struct prefix *dst)
{
	const uint32_t all = UINT32_MAX;
	unsigned int len = dst->len - V4_DEFAULT_LEN;

	if (links->n_elsewhere == NETINFO_ELSEWHERE_MAX) {
		memset(links->elsewhere, 0, sizeof(links->elsewhere));
		links->n_elsewhere = 1;		/* 0.0.0.0/0 */
	}
	links->elsewhere[links->n_elsewhere].mask_be32 = len ? htonl(all << (32 - len)) : 0;
	memcpy(&links->elsewhere[links->n_elsewhere++].net_be32, &dst->addr.s6_addr[12],
	       sizeof(uint32_t));
}

/* A route that is there to say no: the packet leaves by no link at all. */
static bool refuses(const struct netdetect_route *route)
{
	return route->type == RTN_BLACKHOLE || route->type == RTN_UNREACHABLE ||
	       route->type == RTN_PROHIBIT;
}

static bool leads_past_uplink(const struct netdetect_host *host,
			      const struct netdetect_route *route, const struct netinfo *net)
{
	const struct netdetect_link *link = find_link(host, route->link);

	return refuses(route) || (route->type == RTN_UNICAST && link && !link->loopback &&
				  (uint32_t)link->index != net->links.uplink);
}

/* What IPv4 does not leave by the uplink? A default route of the main table is never asked
 * where a better one leads to the uplink. */
static void derive_elsewhere(const struct netdetect_host *host, struct netinfo *net)
{
	bool by_uplink = (uint32_t)default4_link(host) == net->links.uplink;

	for (size_t i = 0; i < host->n_routes; i++) {
		const struct netdetect_route *route = &host->routes[i];

		if (is_v4(route) && leads_past_uplink(host, route, net) &&
		    !(by_uplink && route->table == RT_TABLE_MAIN && route->dst.len == V4_DEFAULT_LEN))
			add_elsewhere(&net->links, &route->dst);
	}
}

static void lower(uint32_t *lowest, uint32_t mtu)
{
	if (mtu && (!*lowest || mtu < *lowest))
		*lowest = mtu;
}

/* Of IPv6 only where it leads to clients: elsewhere a router's advertisement may have set it. */
static void derive_route_mtu(const struct netdetect_host *host, const struct config *config,
			     struct netinfo *net)
{
	for (size_t i = 0; i < host->n_routes; i++) {
		const struct netdetect_route *route = &host->routes[i];

		if (is_v4(route) && route->type == RTN_UNICAST)
			lower(&net->links.lowest_mtu4, route->mtu);
		else if (leads_to_clients(route, config, net))
			lower(&net->links.lowest_mtu6, route->mtu);
	}
}

/* In the order of their numbers, so that the same host gives the same list. */
static void derive_links(const struct netdetect_host *host, const struct config *config,
			 struct netinfo *net)
{
	for (size_t i = 0; i < host->n_links; i++) {
		const struct netdetect_link *link = &host->links[i];

		if (link->loopback)
			continue;
		if (net->links.uplink == (uint32_t)link->index)
			add_link(&net->links, link);
		for (size_t k = 0; k < host->n_routes; k++)
			if (host->routes[k].link == link->index &&
			    leads_to_clients(&host->routes[k], config, net))
				add_link(&net->links, link);
	}
}

int netdetect_derive(struct netdetect_host *host, const struct config *config,
		     struct netinfo *net)
{
	int err = 0;

	memset(net, 0, sizeof(*net));
	derive_uplink(host, config, net);
	if (host->n_routes)
		qsort(host->routes, host->n_routes, sizeof(*host->routes), compare_routes);
	/* With no way out known, say while the host boots, any link may become it. */
	if (mark_outside(host, net))
		err = derive_inside(host, config, net);
	if (!err)
		err = derive_own(host, config, net);
	if (!err)
		err = derive_elsewhere4(host, net);
	if (!err) {
		derive_links(host, config, net);
		derive_route_mtu(host, config, net);
		derive_elsewhere(host, net);
	}
	if (err)
		netinfo_free(net);
	return err;
}

void netdetect_host_free(struct netdetect_host *host)
{
	free(host->links);
	free(host->addrs);
	free(host->routes);
	memset(host, 0, sizeof(*host));
}
