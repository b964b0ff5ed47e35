/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What travels through here: one packet that does not exist. Where nat64.c decides, this
 * file asks the same functions in the same order and writes the answer down: who changes
 * one looks at the other. Only the kernel is asked for routes, MTUs and a port.
 */
#include "trace.h"

#include <errno.h>
#include <stdio.h>

#include "../core/addrmap.h"
#include "../core/config.h"
#include "eam.h"
#include "flow_preview.h"
#include "hairpin.h"
#include "hostports.h"
#include "listing.h"
#include "mtu.h"
#include "trace_say.h"

enum {
	ASSUMED_SOURCE_PORT = 40000,
	ASSUMED_PORT = 443,
	ASSUMED_REMOTE4 = 0x01010101,	/* 1.1.1.1: the shortest that is globally reachable */
};

static const enum l4_proto transports[] = {
	[CONFIG_TCP] = L4_TCP,
	[CONFIG_UDP] = L4_UDP,
	[CONFIG_ICMP] = L4_ICMP,
};

/* ---- the tables (flow.h), both ways ---------------------------------------------------- */

/* What decides when the tables refuse, and what that means */
static const struct {
	const char *by, *text;
} refusals[] = {
	[FLOW_NO_PORT] = { "nat64.pool4", "no outside port is free" },
	[FLOW_FULL] = { "nat64.limits.sessions", "all together have as many sessions as may be" },
	[FLOW_HALF_OPEN] = { "nat64.limits.half_open",
			     "all together have as many half-open sessions as may be" },
	[FLOW_CLIENT_FULL] = { "nat64.limits.sessions_per_client",
			       "the client has as many sessions as it may" },
	[FLOW_CLIENT_HALF_OPEN] = { "nat64.limits.half_open_per_client",
				    "the client has as many half-open sessions as it may" },
	[FLOW_CLIENT_RATE] = { "nat64.limits.new_per_client",
			       "the client opens sessions faster than it may" },
	[FLOW_OTHER_PREF64] = { "RFC 6146 3.5.1", "the session has another address of the remote "
				"host, by another pref64" },
	[FLOW_FILTERED] = { "nat64.filtering", "the binding does not know the sender's address" },
};

static void say_session(struct tracer *t, const struct flow *flow)
{
	int64_t left_ms = flow->expires_ms - t->now_ms;

	say(t, "RFC 6146 3.5", "a session is there: outside %s%s%s, %lld s left",
	    text_end4(flow->outside_be32, flow->outside_port).s, t->l4 == L4_TCP ? ", " : "",
	    t->l4 == L4_TCP ? listing_state(flow->state) : "",
	    (long long)(left_ms > 0 ? left_ms / 1000 : 0));
}

static void say_use(struct tracer *t, const struct limits_use *use)
{
	say(t, "nat64.limits", "of sessions, the client has %llu of %llu, all together %llu of "
	    "%llu", (unsigned long long)use->client_sessions,
	    (unsigned long long)use->client_sessions_max, (unsigned long long)use->sessions,
	    (unsigned long long)use->sessions_max);
	if (t->l4 == L4_TCP)
		say(t, "nat64.limits", "of half-open ones, the client has %llu of %llu, all "
		    "together %llu of %llu", (unsigned long long)use->client_half_open,
		    (unsigned long long)use->client_half_open_max,
		    (unsigned long long)use->half_open, (unsigned long long)use->half_open_max);
}

static void say_offer(struct tracer *t, const struct pool4_offer *offer)
{
	const char *what = t->l4 == L4_ICMP ? "identifiers" : "ports";

	if (offer->no_more_blocks)
		say(t, "nat64.log", "the client has all the port blocks that "
		    "nat64.limits.sessions_per_client lets it have");
	else if (offer->free && offer->last)
		say(t, "nat64.log", "a new binding: the client's block %u-%u of %s has %u of %u %s "
		    "free", offer->first, offer->last, text4(offer->addr_be32).s, offer->free,
		    offer->size, what);
	else if (offer->free)
		say(t, "nat64.pool4", "a new binding: %s has %u of %u %s free",
		    text4(offer->addr_be32).s, offer->free, offer->size, what);
}

/* All that was looked at, in the order of the tables' own look */
static void say_preview(struct tracer *t, const struct flow_preview *preview, bool outbound)
{
	const struct flow *flow = &preview->flow;

	if (preview->has_session) {
		say_session(t, flow);
		return;
	}
	say(t, "RFC 6146 3.5", "no such session is there yet");
	if (preview->asked_limits && outbound)
		say_use(t, &preview->use);
	if (preview->has_binding)
		say(t, preview->is_static ? "nat64.static" : "RFC 4787 REQ-1", "%s is bound to %s",
		    text_end(&flow->inside, flow->inside_port).s,
		    text_end4(flow->outside_be32, flow->outside_port).s);
	if (preview->asked_limits && !outbound)
		say_use(t, &preview->use);
	if (preview->asked_pool)
		say_offer(t, &preview->offer);
}

/* ---- words for what addrmap says ------------------------------------------------------- */

/* Why addrmap_may_translate() says no */
static void say_denied(struct tracer *t, const struct prefix *pref64, uint32_t v4_be32)
{
	const struct addrmap *map = t->room->map;
	struct in6_addr addr = addr_from_v4(v4_be32);
	char text[PREFIX_STRLEN];

	if (!addrmap_is_host4(v4_be32))
		say(t, "RFC 1122 3.2.1.3", "%s can be no host's address", text4(v4_be32).s);
	else if (prefix_list_contains(&map->deny4, &addr))
		say(t, "nat64.deny4", "%s is denied: it lies in %s", text4(v4_be32).s,
		    holder(&map->deny4, &addr, text));
	else if (map->deny4_special)
		say(t, "nat64.deny4", "%s is not globally reachable by the IANA special-purpose "
		    "registry (RFC 6890)", text4(v4_be32).s);
	else
		say(t, "RFC 6052 3.1", "%s is not globally reachable, and so not through %s",
		    text4(v4_be32).s, prefix_format(pref64, text));
}

static bool no_client(struct tracer *t, const struct in6_addr *addr)
{
	say(t, "nat64.clients", "%s is no client", text6(addr).s);
	return ends(t, NAT64_DROPPED, "would be dropped: %s may not use NAT64; nobody is told",
		    text6(addr).s);
}

static void say_client(struct tracer *t, const struct in6_addr *addr)
{
	char text[PREFIX_STRLEN];

	say(t, "nat64.clients", "%s is a client: it lies in %s", text6(addr).s,
	    holder(&t->room->map->nat64_clients, addr, text));
}

/* ---- from IPv4 ------------------------------------------------------------------------- */

/* What no flow takes, as not_ours() */
static bool not_ours(struct tracer *t, const char *why)
{
	if (t->turning)
		return ends(t, NAT64_DROPPED, "would be dropped: %s; nobody is told", why);
	return ends(t, NAT64_NOT_OURS, "would not be translated: %s; it goes on to the gateway "
		    "itself, as without NAT64", why);
}

static bool translated_in(struct tracer *t, const struct flow_packet *tuple,
			  const struct in6_addr *inside, uint16_t port)
{
	struct in6_addr remote = addr_from_v4(tuple->remote_be32);

	say_sizes(t, inside, &remote);
	say_way(t, "the IPv6 host", inside);
	t->out->outcome = NAT64_TRANSLATED;
	snprintf(t->out->verdict, sizeof(t->out->verdict), "would be translated: %s -> %s",
		 tuple->remote_port ? text_end(&tuple->remote6, tuple->remote_port).s
				    : text6(&tuple->remote6).s, text_end(inside, port).s);
	return true;
}

/* Can nobody outside send from there? As is_martian() */
static bool is_martian(struct tracer *t, uint32_t src_be32)
{
	const struct addrmap *map = t->room->map;
	struct in6_addr src = addr_from_v4(src_be32), v6;

	if (!addrmap_pref64_for(map, src_be32)) {
		say_denied(t, &map->pref64.v[0], src_be32);
		return true;
	}
	if (t->turning || !(addrmap_is_own(map, &src) || addrmap_is_outside4(map, src_be32) ||
			    addrmap_eam_to6(map, src_be32, &v6)))
		return false;
	say(t, "RFC 1812 5.3.7", "the sender has an address of our own, %s", text4(src_be32).s);
	return true;
}

/* To a mapped address (RFC 7757 3.3.1), as mapped_in() */
static bool mapped_in(struct tracer *t, const struct flow_packet *tuple, const struct flow *flow)
{
	say(t, "prefixes.eam", "%s is mapped to %s: no state, ports stay (RFC 7757 3.3.1)",
	    text4(tuple->outside_be32).s, text6(&flow->inside).s);
	if (!eam_serves(t->room->map, &flow->inside))
		return no_client(t, &flow->inside);
	say_client(t, &flow->inside);
	if (is_martian(t, tuple->remote_be32))
		return ends(t, NAT64_DROPPED, "would be dropped: %s may send nothing from there; "
			    "nobody is told", text4(tuple->remote_be32).s);
	return translated_in(t, tuple, &flow->inside, flow->inside_port);
}

/* A SYN that nobody inside has asked for is kept, and refused when it has waited. */
static bool stored(struct tracer *t)
{
	say(t, "RFC 6146 3.5.2.2", "it is stored for %u ms (nat64.timeouts.tcp_syn), in case the "
	    "other side opens the same connection", t->room->config->nat64.timeouts.tcp_syn_ms);
	return ends(t, NAT64_REFUSED, "would be refused: nobody inside has asked for it; the "
		    "sender would be told ICMPv4 3/3 (port unreachable), after a while");
}

/* As refuse_in() */
static bool refused_in(struct tracer *t, const struct flow_packet *tuple, enum flow_result why)
{
	bool room = t->l4 == L4_TCP && flow_may_store_syn(t->room->flows);

	if (why == FLOW_NONE) {
		say(t, "RFC 6146 3.5", "nobody inside has %s",
		    text_end4(tuple->outside_be32, tuple->near_port).s);
		return room && pool4_offers(t->room->pool, L4_TCP, tuple->outside_be32,
					    tuple->near_port) &&
		       !hostports_taken(L4_TCP, tuple->outside_be32, tuple->near_port) ?
		       stored(t) : not_ours(t, "nobody inside has that port");
	}
	say(t, refusals[why].by, "%s", refusals[why].text);
	if (why == FLOW_FILTERED && room)
		return stored(t);
	return ends(t, NAT64_DROPPED, "would be dropped: %s; nobody is told", refusals[why].text);
}

static bool packet_in(struct tracer *t, const struct endpoint *from, const struct endpoint *to)
{
	const struct addrmap *map = t->room->map;
	bool icmp = t->l4 == L4_ICMP;
	struct flow_packet tuple = {
		.l4 = t->l4, .outside_be32 = addr_v4_be32(&to->addr),
		.remote_be32 = addr_v4_be32(&from->addr),
		.remote6 = addrmap_remote6(map, addr_v4_be32(&from->addr)),
		.near_port = to->port, .remote_port = icmp ? 0 : from->port,
		.event = TCP_EVENT_V4_SYN,
	};
	struct flow_preview preview;
	enum flow_result result;
	struct flow flow;

	if (eam_flow_in(map, &tuple, &flow))
		return mapped_in(t, &tuple, &flow);
	if (!addrmap_is_outside4(map, tuple.outside_be32)) {
		say(t, "nat64.pool4", "%s is neither of pool4, nor static, nor mapped",
		    text4(tuple.outside_be32).s);
		return not_ours(t, "it is not for NAT64");
	}
	if (is_martian(t, tuple.remote_be32))
		return not_ours(t, "such a sender is not let in");
	result = flow_preview_inbound(t->room->flows, &tuple, t->now_ms, &preview);
	/* By a session it appears as the other side has called it. */
	if (preview.has_session)
		tuple.remote6 = preview.flow.remote6;
	say(t, "prefixes.nat64", "the sender %s appears as %s", text4(tuple.remote_be32).s,
	    text6(&tuple.remote6).s);
	say_preview(t, &preview, false);
	if (result != FLOW_OK)
		return refused_in(t, &tuple, result);
	if (!preview.flow.invited && addrmap_is_own(map, &preview.flow.inside)) {
		say(t, "RFC 6146 5.3", "%s is the gateway's own: only who was called answers",
		    text6(&preview.flow.inside).s);
		return ends(t, NAT64_DROPPED, "would be dropped: it would pass the gateway's own "
			    "packet filter; nobody is told");
	}
	return translated_in(t, &tuple, &preview.flow.inside, preview.flow.inside_port);
}

/* ---- from inside ------------------------------------------------------------------------- */

/* As is_client(): the host's own addresses are for its own packets, and for these alone. */
static bool source_out(struct tracer *t, const struct endpoint *from)
{
	const struct addrmap *map = t->room->map;
	char text[PREFIX_STRLEN];

	if (addrmap_pref64_of(map, &from->addr)) {
		say(t, "RFC 6146 3.5", "the source %s lies itself in the NAT64 prefix %s",
		    text6(&from->addr).s, holder(&map->pref64, &from->addr, text));
		return ends(t, NAT64_DROPPED, "would be dropped: it would make a loop; nobody "
			    "is told");
	}
	if (addrmap_is_own(map, &from->addr) && !IN6_IS_ADDR_LINKLOCAL(&from->addr)) {
		say(t, "nat64.clients", "%s is the gateway's own address: its own packets, if "
		    "they come from itself", text6(&from->addr).s);
		return true;
	}
	if (!addrmap_nat64_client(map, &from->addr))
		return no_client(t, &from->addr);
	say_client(t, &from->addr);
	return true;
}

static bool prohibited(struct tracer *t, uint32_t v4_be32, const char *why)
{
	return ends(t, NAT64_REFUSED, "would be refused: %s %s; the sender would be told ICMPv6 "
		    "1/1 (administratively prohibited)", text4(v4_be32).s, why);
}

/* As may_reach() */
static bool reach_out(struct tracer *t, const struct prefix *pref64,
		      const struct flow_packet *tuple, const struct flow *mapped)
{
	const struct flow anybody = { .l4 = t->l4, .remote_be32 = tuple->remote_be32,
				      .remote_port = tuple->remote_port };
	const struct worker worker = { .map = t->room->map, .flows = t->room->flows };
	struct in6_addr remote = addr_from_v4(tuple->remote_be32);
	const struct addrmap *map = t->room->map;

	if (!addrmap_may_translate(map, pref64, tuple->remote_be32)) {
		say_denied(t, pref64, tuple->remote_be32);
		return prohibited(t, tuple->remote_be32, "may not be reached");
	}
	say(t, "nat64.deny4", "%s may be reached", text4(tuple->remote_be32).s);
	if ((!addrmap_is_own(map, &remote) && !addrmap_is_outside4(map, tuple->remote_be32)) ||
	    hairpin_is(&worker, mapped ? mapped : &anybody))
		return true;
	say(t, "RFC 6146 3.8", "it is the gateway's own address, and nobody inside has %s",
	    text_end4(tuple->remote_be32, tuple->remote_port).s);
	return prohibited(t, tuple->remote_be32, "is the gateway itself");
}

/* The way out of a flow; @flow->outside_port 0: any that is free. As send_out() */
static bool send_out(struct tracer *t, const struct flow_packet *tuple, const struct flow *flow)
{
	struct endpoint outside = { addr_from_v4(flow->outside_be32), flow->outside_port };
	struct endpoint remote = { addr_from_v4(flow->remote_be32), flow->remote_port };
	const struct worker worker = { .map = t->room->map, .flows = t->room->flows };
	char port[16];

	t->turning = hairpin_is(&worker, flow);
	say_sizes(t, &tuple->inside, &remote.addr);
	if (t->turning) {
		say(t, "RFC 6146 3.8", "it comes in again at once, from %s (hairpinning)",
		    text6(&outside.addr).s);
		if (t->l4 == L4_ICMP)
			remote.port = flow->outside_port;
		return packet_in(t, &outside, &remote);
	}
	say_way(t, "the IPv4 host", &remote.addr);
	snprintf(port, sizeof(port), flow->outside_port ? "%u" : "(a free port)",
		 flow->outside_port);
	t->out->outcome = NAT64_TRANSLATED;
	snprintf(t->out->verdict, sizeof(t->out->verdict), "would be translated: %s:%s -> %s",
		 text6(&outside.addr).s, port, remote.port ? text_end(&remote.addr, remote.port).s
							   : text6(&remote.addr).s);
	return true;
}

/* By the tables, and told as refuse_out() does */
static bool flow_out(struct tracer *t, const struct flow_packet *tuple)
{
	struct flow_preview preview;
	enum flow_result why = flow_preview_outbound(t->room->flows, t->room->pool, tuple,
						     t->now_ms, &preview);

	say_preview(t, &preview, true);
	if (why == FLOW_OK) {
		if (preview.asked_pool)
			preview.flow.outside_be32 = preview.offer.addr_be32;
		preview.flow.l4 = t->l4;
		preview.flow.remote_be32 = tuple->remote_be32;
		preview.flow.remote_port = tuple->remote_port;
		return send_out(t, tuple, &preview.flow);
	}
	say(t, refusals[why].by, "%s", refusals[why].text);
	if (why == FLOW_CLIENT_RATE)
		return ends(t, NAT64_DROPPED, "would be dropped: %s; nobody is told",
			    refusals[why].text);
	return ends(t, NAT64_REFUSED, "would be refused: %s; the sender would be told ICMPv6 1/3 "
		    "(address unreachable)", refusals[why].text);
}

static bool packet_out(struct tracer *t, const struct endpoint *from, const struct endpoint *to)
{
	const struct addrmap *map = t->room->map;
	const struct prefix *pref64 = addrmap_pref64_of(map, &to->addr);
	bool icmp = t->l4 == L4_ICMP, mapped;
	struct flow_packet tuple = {
		.l4 = t->l4, .inside = from->addr, .remote6 = to->addr,
		.remote_be32 = addrmap_extract(pref64, &to->addr),
		.near_port = icmp ? to->port : from->port,
		.remote_port = icmp ? 0 : to->port,
		.event = TCP_EVENT_V6_SYN,
	};
	char text[PREFIX_STRLEN];
	struct flow flow;

	say(t, "prefixes.nat64", "%s lies in the NAT64 prefix %s and stands for %s (RFC 6052 2.2)",
	    text6(&to->addr).s, prefix_format(pref64, text), text4(tuple.remote_be32).s);
	if (!source_out(t, from))
		return false;
	mapped = eam_flow_out(map, &tuple, &flow);
	if (mapped)
		say(t, "prefixes.eam", "the source is mapped to %s: no state, ports stay "
		    "(RFC 7757 3.3.2)", text4(flow.outside_be32).s);
	if (!reach_out(t, pref64, &tuple, mapped ? &flow : NULL))
		return false;
	return mapped ? send_out(t, &tuple, &flow) : flow_out(t, &tuple);
}

/* ---- the question ---------------------------------------------------------------------------- */

static bool is_given(const struct in6_addr *addr)
{
	return !IN6_IS_ADDR_UNSPECIFIED(addr);
}

/* Some client, where the question names none. Return: false where there can be none. */
static bool invent_client(struct tracer *t, struct endpoint *from)
{
	const struct prefix_list *clients = &t->room->map->nat64_clients;

	if (clients->n == 0) {
		say(t, "nat64.clients", "nobody may use NAT64 now");
		return ends(t, NAT64_DROPPED, "would be dropped: there is no client; nobody is "
			    "told");
	}
	from->addr = clients->v[0].addr;
	if (clients->v[0].len <= 112) {
		from->addr.s6_addr[14] = 0xc1;
		from->addr.s6_addr[15] = 0x1e;
	}
	say(t, "--from", "a sender is invented: %s", text6(&from->addr).s);
	return true;
}

static void invent_remote(struct tracer *t, struct endpoint *from)
{
	from->addr = addr_from_v4(htonl(ASSUMED_REMOTE4));
	say(t, "--from", "a sender is invented: %s", text6(&from->addr).s);
}

/* To an IPv4 address: from outside, or by a client through the first prefix? */
static bool ask4(struct tracer *t, struct endpoint *from, struct endpoint *to)
{
	const struct addrmap *map = t->room->map;
	uint32_t v4_be32 = addr_v4_be32(&to->addr);
	struct in6_addr v6;
	bool inward = is_given(&from->addr) ? addr_is_v4(&from->addr)
		      : addrmap_is_outside4(map, v4_be32) || addrmap_is_own(map, &to->addr) ||
			addrmap_eam_to6(map, v4_be32, &v6);

	if (inward) {
		if (!is_given(&from->addr))
			invent_remote(t, from);
		return packet_in(t, from, to);
	}
	if (!is_given(&from->addr) && !invent_client(t, from))
		return false;
	to->addr = addrmap_remote6(map, v4_be32);
	return packet_out(t, from, to);
}

/* To an IPv6 host by its own address: how do IPv4 hosts reach it? */
static bool ask_inside(struct tracer *t, struct endpoint *from, const struct endpoint *inside)
{
	const struct addrmap *map = t->room->map;
	struct flow_packet tuple = { .l4 = t->l4, .inside = inside->addr,
				     .near_port = inside->port };
	struct endpoint outside = { .port = inside->port };
	struct flow_preview preview;
	uint32_t v4_be32;

	if (!addrmap_nat64_client(map, &inside->addr)) {
		say(t, "prefixes.nat64", "%s lies in no NAT64 prefix, and is no client",
		    text6(&inside->addr).s);
		return ends(t, NAT64_NOT_OURS, "would not be translated: it never comes to NAT64");
	}
	say_client(t, &inside->addr);
	if (addrmap_eam_to4(map, &inside->addr, &v4_be32)) {
		outside.addr = addr_from_v4(v4_be32);
	} else if (flow_preview_binding(t->room->flows, &tuple, &preview)) {
		outside.addr = addr_from_v4(preview.flow.outside_be32);
		outside.port = preview.flow.outside_port;
	} else {
		say(t, "nat64.static, prefixes.eam", "%s is neither bound nor mapped: what goes "
		    "there from IPv6 needs no NAT64, and from IPv4 nothing can",
		    text_end(&inside->addr, inside->port).s);
		return ends(t, NAT64_NOT_OURS, "would not be translated: no IPv4 host can send to "
			    "%s", text_end(&inside->addr, inside->port).s);
	}
	say(t, "nat64.static, prefixes.eam", "from IPv4 it is reached at %s",
	    text_end(&outside.addr, outside.port).s);
	if (!is_given(&from->addr))
		invent_remote(t, from);
	return packet_in(t, from, &outside);
}

static bool ask(struct tracer *t, struct endpoint *from, struct endpoint *to)
{
	bool from4 = is_given(&from->addr) && addr_is_v4(&from->addr);

	if (addr_is_v4(&to->addr))
		return ask4(t, from, to);
	if (addrmap_pref64_of(t->room->map, &to->addr) ? from4 : is_given(&from->addr) && !from4) {
		say(t, "--from", "between %s and %s there is nothing to translate",
		    text6(&from->addr).s, text6(&to->addr).s);
		return ends(t, NAT64_NOT_OURS, "would not be translated: it never comes to NAT64");
	}
	if (!addrmap_pref64_of(t->room->map, &to->addr))
		return ask_inside(t, from, to);
	if (!is_given(&from->addr) && !invent_client(t, from))
		return false;
	return packet_out(t, from, to);
}

int trace_packet(const struct trace_room *room, const struct nat64_question *question,
		 int64_t now_ms, struct nat64_trace *out)
{
	struct endpoint from = question->from, to = question->to;
	struct tracer t = { .room = room, .out = out, .now_ms = now_ms,
			    .l4 = transports[question->proto] };

	*out = (struct nat64_trace){ 0 };
	t.mtus = mtu_cache_new();
	if (!t.mtus)
		return -errno;
	if (!to.port)
		to.port = ASSUMED_PORT;
	if (!from.port)
		from.port = ASSUMED_SOURCE_PORT;
	ask(&t, &from, &to);
	mtu_cache_free(t.mtus);
	return 0;
}
