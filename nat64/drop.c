/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See drop.h. */
#include "drop.h"

#include <stdio.h>

#include "../core/addrmap.h"
#include "../core/recent.h"
#include "packet.h"

enum { PROTO_STRLEN = 16, WHERE_STRLEN = 80 };

/* By its number: a fragment has no ports, but a protocol all the same. */
static const char *protocol(const struct packet *packet, char text[PROTO_STRLEN])
{
	switch (packet->proto) {
	case IPPROTO_TCP:
		return "tcp";
	case IPPROTO_UDP:
		return "udp";
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		return "icmp";
	default:
		snprintf(text, PROTO_STRLEN, "protocol %u", packet->proto);
		return text;
	}
}

/* Where it was to go: within a pref64, that is an IPv4 address. */
static struct in6_addr target(const struct worker *worker, const struct packet *packet)
{
	const struct prefix *pref64 = packet->l3 == L3_IPV6 ?
				      addrmap_pref64_of(worker->map, &packet->dst) : NULL;

	return pref64 ? addr_from_v4(addrmap_extract(pref64, &packet->dst)) : packet->dst;
}

static void keep(const struct worker *worker, const struct packet *packet, enum stat reason)
{
	struct endpoint to = { target(worker, packet), packet->dst_port };
	char proto[PROTO_STRLEN], where[WHERE_STRLEN], what[RECENT_WHAT];
	bool has_port = to.port && (packet->l4 == L4_TCP || packet->l4 == L4_UDP);

	snprintf(what, sizeof(what), "%s %s", protocol(packet, proto),
		 has_port ? endpoint_format(&to, where) : addr_format(&to.addr, where));
	recent_keep(RECENT_NAT64, reason, &packet->src, what);
}

enum verdict drop(const struct worker *worker, const struct packet *packet, enum stat reason)
{
	stats_inc(reason);
	if (recent_due(reason, worker->now_ms))
		keep(worker, packet, reason);
	return VERDICT_TAKEN;
}

enum verdict drop_unread(void)
{
	stats_inc(STAT_NAT64_DROP_MALFORMED);
	return VERDICT_TAKEN;
}
