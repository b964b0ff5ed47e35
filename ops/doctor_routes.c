/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Ways in and out. Which way a packet takes is asked of the kernel, so that rules and VRFs
 * count; what kind of route it is by, is seen in the routes themselves.
 */
#include "doctor.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>

#include "../core/addrmap.h"
#include "../core/config.h"
#include "doctor_neighbours.h"
#include "doctor_sockets.h"
#include "doctor_way.h"

enum { V6_DEFAULT_LEN_MAX = 3 };	/* as netdetect.c takes it */

/* 192.0.0.8: an address that no client has (RFC 7600 4.7) */
static const uint32_t dummy4 = 0xc0000008;

static long of_link(const char *family, const char *link, const char *name)
{
	char path[96];

	snprintf(path, sizeof(path), "net/%s/conf/%s/%s", family, link, name);
	return doctor_sysctl(path);
}

static const struct netdetect_link *uplink(const struct doctor *doctor)
{
	for (size_t i = 0; i < doctor->host.n_links; i++)
		if (strcmp(doctor->host.links[i].name, doctor->map->uplink) == 0)
			return &doctor->host.links[i];
	return NULL;
}

/* ---- the IPv4 Internet ------------------------------------------------------------- */

void doctor_uplink(struct doctor *doctor)
{
	const char *name = doctor->map->uplink;
	struct way way;
	int err;

	if (!*name) {
		doctor_find(doctor, "there is no IPv4 default route, and the configuration names "
				    "no "
				    "uplink");
		doctor_mend(doctor, "ip route add default via GATEWAY dev INTERFACE; or: uplink: "
				    "INTERFACE");
		return;
	}
	if (!uplink(doctor)) {
		doctor_find(doctor, "there is no interface %s (uplink)", name);
		doctor_mend(doctor, "uplink: auto, or the name of one that `ip link' shows");
		return;
	}
	if (!doctor->map->uplink_v4_be32) {
		doctor_find(doctor, "%s has no IPv4 address", name);
		doctor_mend(doctor,
			    "ip address add ADDRESS/LENGTH dev %s, and keep it in the host's "
			    "network configuration",
			    name);
	}
	err = way_get(&doctor->internet, NULL, 0, &way);
	if (err) {
		doctor_find(doctor, "there is no way to the IPv4 Internet: %s", strerror(-err));
		doctor_mend(doctor, "ip route add default via GATEWAY dev %s", name);
	}
}

/* Answers to whoever comes in by the uplink must leave by it, or a strict filter drops them
 * as they come. The stricter of both settings counts. */
void doctor_rp_filter(struct doctor *doctor)
{
	const struct netdetect_link *link = uplink(doctor);
	long all = of_link("ipv4", "all", "rp_filter"), own;
	char text[ADDR_STRLEN];
	struct way way;

	if (!link) {
		doctor_skip(doctor, "there is no uplink");
		return;
	}
	own = of_link("ipv4", link->name, "rp_filter");
	if ((own > all ? own : all) != 1)
		return;
	if (way_get(&doctor->internet, NULL, 0, &way) < 0 || way.link == link->index)
		return;
	doctor_find(doctor,
		    "%s has a strict reverse path filter, and %s is reached by %s: what it sends "
		    "to %s is dropped",
		    link->name, addr_format(&doctor->internet, text), doctor_link(doctor, way.link),
		    link->name);
	doctor_mend(doctor,
		    "sysctl -w net.ipv4.conf.all.rp_filter=2 net.ipv4.conf.%s.rp_filter=2, and "
		    "keep it in /etc/sysctl.d",
		    link->name);
}

/* ---- IPv6 of the servers ----------------------------------------------------------- */

/* gate64 itself does without: who wants no IPv6 beyond this host has it so. */
void doctor_forwarding(struct doctor *doctor)
{
	if (!doctor->map->inside.n) {
		doctor_skip(doctor, "nobody is served");
	} else if (doctor_sysctl("net/ipv6/conf/all/forwarding") == 0) {
		doctor_note(doctor, "this host does not forward IPv6: the networks inside reach "
				    "IPv4 hosts, but no IPv6 hosts beyond this one (sysctl -w "
				    "net.ipv6.conf.all.forwarding=1)");
	}
}

/* Has the link got its IPv6 default route by an advertisement, or would it get it so? */
static bool lives_by_advertisements(const struct doctor *doctor, int link)
{
	bool has_default = false, has_address = false;

	for (size_t i = 0; i < doctor->host.n_routes; i++) {
		const struct netdetect_route *route = &doctor->host.routes[i];

		if (prefix_is_v4(&route->dst))
			continue;
		if (route->dst.len <= V6_DEFAULT_LEN_MAX && route->type == RTN_UNICAST) {
			if (route->link == link && route->protocol == RTPROT_RA)
				return true;
			has_default = true;
		}
		/* 2000::/3: an address that is not link-local */
		has_address |= route->link == link && route->type == RTN_UNICAST &&
			       route->dst.addr.s6_addr[0] >> 5 == 1;
	}
	return !has_default && has_address;
}

void doctor_accept_ra(struct doctor *doctor)
{
	const struct netdetect_link *link = uplink(doctor);

	if (!link || of_link("ipv6", link->name, "forwarding") != 1) {
		doctor_skip(doctor, link ? "it does not forward" : "there is no uplink");
		return;
	}
	if (of_link("ipv6", link->name, "accept_ra") != 1 ||
	    !lives_by_advertisements(doctor, link->index))
		return;
	doctor_find(doctor,
		    "%s forwards, and its accept_ra is 1: router advertisements are ignored",
		    link->name);
	doctor_mend(doctor, "sysctl -w net.ipv6.conf.%s.accept_ra=2, and keep it in /etc/sysctl.d",
		    link->name);
}

/* ---- the networks served ----------------------------------------------------------- */

void doctor_inside(struct doctor *doctor)
{
	if (doctor->map->inside.n)
		return;
	doctor_find(doctor, "there is no network to serve: no IPv6 prefix is routed to an "
			    "interface "
			    "other than the uplink's");
	doctor_mend(doctor, "ip -6 route add 2001:db8:1::/64 dev wg0 (your prefix and interface), "
			    "or: "
			    "inside: [\"2001:db8:1::/64\"]");
}

void doctor_inside_route(struct doctor *doctor)
{
	char text[PREFIX_STRLEN];

	for (size_t i = 0; i < doctor->map->inside.n; i++) {
		const struct prefix *inside = &doctor->map->inside.v[i];
		struct in6_addr host = doctor_host_in(inside);
		struct way way;
		int err = way_get(&host, NULL, 0, &way);

		prefix_format(inside, text);
		if (err)
			doctor_find(doctor, "there is no route to %s (inside): %s", text,
				    strerror(-err));
		else if (way.type != RTN_UNICAST && way.type != RTN_LOCAL)
			doctor_find(doctor, "the route to %s (inside) refuses it", text);
		else if (way.type == RTN_UNICAST && doctor_is_outside(doctor, way.link))
			doctor_find(doctor, "the route to %s (inside) leads out, by %s", text,
				    doctor_link(doctor, way.link));
		else
			continue;
		doctor_mend(doctor,
			    "ip -6 route add %s dev INTERFACE, where the servers are behind it",
			    text);
	}
}

/* A network of the uplink itself: its neighbours take all of it to be on the link. That is as
 * it should be where hosts of it are seen there, or where we answer for them. */
void doctor_on_link(struct doctor *doctor)
{
	char inside_text[PREFIX_STRLEN], text[PREFIX_STRLEN];

	for (size_t i = 0; i < doctor->map->inside.n; i++) {
		const struct prefix *inside = &doctor->map->inside.v[i];

		for (size_t k = 0; k < doctor->host.n_routes; k++) {
			const struct netdetect_route *route = &doctor->host.routes[k];

			if (route->protocol != RTPROT_KERNEL || route->type != RTN_UNICAST ||
			    route->dst.len <= V6_DEFAULT_LEN_MAX || route->dst.len == 128 ||
			    route->dst.len > inside->len || prefix_is_v4(&route->dst) ||
			    !prefix_contains(&route->dst, &inside->addr) ||
			    !doctor_is_outside(doctor, route->link) ||
			    neighbours_have(route->link, inside) || sockets_program("ndppd"))
				continue;
			doctor_find(doctor, "%s (inside) lies in %s, which is on-link at %s",
				    prefix_format(inside, inside_text),
				    prefix_format(&route->dst, text),
				    doctor_link(doctor, route->link));
			doctor_mend(doctor,
				    "have the provider route a prefix to this host; or, for few "
				    "servers: sysctl -w net.ipv6.conf.%s.proxy_ndp=1 and ip -6 "
				    "neigh add proxy ADDRESS dev %s for each; or run ndppd",
				    doctor_link(doctor, route->link),
				    doctor_link(doctor, route->link));
			break;
		}
	}
}

/* ---- the NAT46 prefix -------------------------------------------------------------- */

/* By which interface do answers of a server come in? */
static int way_in(const struct in6_addr *server)
{
	struct way way;

	return way_get(server, NULL, 0, &way) == 0 && way.type == RTN_UNICAST ? way.link : 0;
}

static bool judge_nat46(struct doctor *doctor, const struct in6_addr *client,
			const struct prefix *inside)
{
	struct in6_addr server = doctor_host_in(inside);
	char text[PREFIX_STRLEN], inside_text[PREFIX_STRLEN];
	struct way way;
	int in = way_in(&server), err;

	if (!in)
		return true;		/* inside_route says so */
	err = way_get(client, &server, in, &way);
	if (!err && way.type == RTN_LOCAL)
		return true;
	prefix_format(&doctor->map->nat46, text);
	doctor_find(doctor, "answers from %s to %s do not come to this host: %s",
		    prefix_format(inside, inside_text), text,
		    err ? strerror(-err) : "another route has them");
	doctor_mend(doctor,
		    "the route `local %s dev lo' must come first (ip -6 route show table local; "
		    "gate64 reload sets it); a rule or VRF before it: ip -6 rule add to %s "
		    "lookup local pref 0",
		    text, text);
	return false;
}

void doctor_nat46_route(struct doctor *doctor)
{
	struct in6_addr client = addrmap_nat46_source(doctor->map, htonl(dummy4));

	if (!doctor_dials(doctor)) {
		doctor_skip(doctor, "snid does not use it");
		return;
	}
	if (!doctor->status) {
		doctor_skip(doctor, "the gateway sets it when it runs");
		return;
	}
	for (size_t i = 0; i < doctor->map->inside.n; i++)
		if (!judge_nat46(doctor, &client, &doctor->map->inside.v[i]))
			return;
}
