/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The spine of the room: one packet's life.
 *
 *	IPv6, to a pref64:  may it? -> flow -> to4 or icmp -> emit, or turn
 *	IPv4, to pool4:     whose?  -> flow -> to6 or icmp -> emit
 *
 * A flow comes from the tables, or from an explicit mapping of addresses (eam.h). What
 * becomes an IPv4 packet to another inside host makes a turn (hairpin.h).
 *
 * An IPv6 packet to a pref64 is ours whatever it is; what cannot be translated is
 * dropped and counted. An IPv4 packet to the pool may as well be the host's own,
 * which shares the address: what belongs to no flow goes on to the host untouched, but for
 * connections to ports that are the pool's alone (refuse.c).
 */
#include "nat64.h"

#include "../core/addrmap.h"
#include "../core/config.h"
#include "../core/stats.h"
#include "drop.h"
#include "eam.h"
#include "emit.h"
#include "flow.h"
#include "fragment.h"
#include "hairpin.h"
#include "icmp.h"
#include "ipid.h"
#include "mss.h"
#include "mtu.h"
#include "refuse.h"
#include "to4.h"
#include "to6.h"
#include "worker.h"

/* Whose is a packet from IPv4 that no flow takes? */
static enum verdict not_ours(const struct worker *w, const struct packet *p)
{
	struct in6_addr v6;

	/* Not the host's: our own on its turn, or one to a mapped address. */
	if (w->turning || addrmap_eam_to6(w->map, addr_v4_be32(&p->dst), &v6))
		return drop(w, p, STAT_NAT64_DROP_NO_FLOW);
	stats_inc(STAT_NAT64_NOT_OURS);
	return VERDICT_ACCEPT;
}

static enum verdict whole_packet(struct worker *w, uint8_t *data, size_t len);

/* ---- errors of our own --------------------------------------------------------- */

static void tell6(struct worker *w, const struct packet *p, uint8_t type, uint8_t code,
		  uint32_t word, enum stat counter)
{
	struct icmp_error error = { type, code, word, counter };

	icmp_send6(w->emit, &w->limit, w->now_ms, p, &error);
}

static void tell4(struct worker *w, const struct packet *p, uint8_t type, uint8_t code,
		  uint32_t word, enum stat counter)
{
	struct icmp_error error = { type, code, word, counter };
	uint16_t id = ipid_next(w->ids, addr_v4_be32(&p->src), IPPROTO_ICMP);

	if (icmp_send4(w->emit, &w->limit, w->now_ms, p, &error, id) && w->turning)
		hairpin_turn(w, NULL);
}

/* Codes of unreachable messages */
enum { PROHIBITED6 = 1, PORT6 = 4, SOURCE_ROUTE4 = 5 };
/* ... and of ICMPv6 parameter problems */
enum { ERRONEOUS_FIELD6 = 0, UNKNOWN_NEXT6 = 1 };

static enum verdict hop_limit_over6(struct worker *w, const struct packet *p)
{
	tell6(w, p, ICMP6_TIME_EXCEEDED, 0, 0, STAT_NAT64_TIME_EXCEEDED_SENT);
	return drop(w, p, STAT_NAT64_DROP_HOP_LIMIT);
}

/* From inside to a pref64, and not to be translated */
static enum verdict untranslatable6(struct worker *w, const struct packet *p,
				    enum packet_result why)
{
	switch (why) {
	case PACKET_ROUTING:	/* RFC 7915 5.1: at the field */
		tell6(w, p, ICMP6_PARAMETER, ERRONEOUS_FIELD6, p->fault_at,
		      STAT_NAT64_PARAMETER_SENT);
		return drop(w, p, STAT_NAT64_DROP_EXTENSION);
	case PACKET_NEXT_HEADER:	/* RFC 8200 4 */
		tell6(w, p, ICMP6_PARAMETER, UNKNOWN_NEXT6, p->fault_at,
		      STAT_NAT64_PARAMETER_SENT);
		return drop(w, p, STAT_NAT64_DROP_EXTENSION);
	case PACKET_EXTENSION:	/* RFC 7915 5.1.1; it may hide an ICMP error */
		return drop(w, p, STAT_NAT64_DROP_EXTENSION);
	case PACKET_ICMP_TYPE:
		return drop(w, p, STAT_NAT64_DROP_ICMP_TYPE);
	default:		/* RFC 6146 3.4 */
		tell6(w, p, ICMP6_UNREACHABLE, PORT6, 0, STAT_NAT64_UNREACHABLE_SENT);
		return drop(w, p, STAT_NAT64_DROP_PROTOCOL);
	}
}

/* ---- from inside to IPv4 ----------------------------------------------------------- */

static void outbound_tuple(const struct packet *p, const struct prefix *pref64,
			   struct flow_packet *tuple)
{
	*tuple = (struct flow_packet){
		.l4 = p->l4,
		.inside = p->src,
		.remote6 = p->dst,
		.remote_be32 = addrmap_extract(pref64, &p->dst),
		.near_port = p->src_port,
		.remote_port = p->l4 == L4_ICMP ? 0 : p->dst_port,
		.event = tcp_event_of(p->tcp_flags, 1),
	};
}

/*
 * Up to which size is a packet as its sender made it? What is larger was put together on
 * its way here; or it is the host's own, which the kernel would cut behind the output hook
 * by what it knows of the way.
 */
static size_t uncut_max(const struct worker *w, const struct packet *p, size_t mtu6)
{
	return w->from_host ? mtu_to(w->mtus, &p->dst, w->now_ms) : mtu6;
}

static enum verdict send_out(struct worker *w, struct packet *p, const struct flow *flow)
{
	struct in6_addr remote = addr_from_v4(flow->remote_be32);
	bool hairpin = hairpin_is(w, flow);
	size_t mtu4 = hairpin ? IPV4_MAX : mtu_to(w->mtus, &remote, w->now_ms);
	size_t mtu6 = mtu_to(w->mtus, &flow->inside, w->now_ms);
	size_t mtu_told = mtu4 + IPV6_HLEN - IPV4_HLEN;

	mss_clamp(w->config, p, mtu4, mtu6);
	switch (to4_send(w->emit, w->ids, p, flow, mtu4, uncut_max(w, p, mtu6))) {
	case TO_SENT:
		stats_inc(STAT_NAT64_OUT);
		stats_add(STAT_NAT64_OUT_BYTES, p->len);
		return hairpin ? hairpin_turn(w, p->l4_data) : VERDICT_TAKEN;
	case TO_NO_CHECKSUM:
		return drop(w, p, STAT_NAT64_DROP_CHECKSUM);
	case TO_TOO_BIG:
		break;
	}
	if (mtu_told < IPV6_MTU_MIN)
		mtu_told = IPV6_MTU_MIN;
	tell6(w, p, ICMP6_TOO_BIG, 0, (uint32_t)mtu_told, STAT_NAT64_PTB_SENT6);
	if (w->from_host)
		mtu_forget(w->mtus, &p->dst);
	return drop(w, p, STAT_NAT64_DROP_TOO_BIG);
}

static enum verdict drop_icmp(const struct worker *w, const struct packet *p,
			      enum icmp_result why)
{
	return drop(w, p, why == ICMP_BAD_CHECKSUM ? STAT_NAT64_DROP_CHECKSUM
		    : why == ICMP_UNTRANSLATABLE ? STAT_NAT64_DROP_ICMP_TYPE
						 : STAT_NAT64_DROP_ICMP_INNER);
}

/*
 * Who may use NAT64: clients, and this host, whose addresses its own packets alone can
 * bear. Nobody can answer to a link-local address, which is of which link?
 */
static bool is_client(const struct worker *w, const struct in6_addr *addr)
{
	if (addrmap_is_own(w->map, addr))
		return w->from_host && !IN6_IS_ADDR_LINKLOCAL(addr);
	return addrmap_nat64_client(w->map, addr);
}

/*
 * May a client open or use a flow to this remote? An address of this host, or of our
 * bindings, is reached only where another inside host has it (hairpinning): what came to
 * the host's own sockets this way would come from the host itself, past its packet filter.
 * @known:	the flow, where the client's outside port is known already; or NULL.
 */
static bool may_reach(const struct worker *w, const struct prefix *pref64,
		      const struct flow_packet *tuple, const struct flow *known)
{
	struct in6_addr remote = addr_from_v4(tuple->remote_be32);
	const struct flow anybody = {
		.l4 = tuple->l4, .remote_be32 = tuple->remote_be32, .remote_port = tuple->remote_port,
	};

	if (!addrmap_may_translate(w->map, pref64, tuple->remote_be32))
		return false;
	if (!addrmap_is_own(w->map, &remote) && !addrmap_is_outside4(w->map, tuple->remote_be32))
		return true;
	return hairpin_is(w, known ? known : &anybody);
}

/* Where an error from inside comes from: its router, if that has an IPv4 address, or else
 * the host that it is about (RFC 6146 3.5 leaves no other address). */
static uint32_t error_source(const struct worker *w, const struct packet *p,
			     const struct flow *flow)
{
	uint32_t src_be32 = flow->outside_be32;

	addrmap_eam_to4(w->map, &p->src, &src_be32);
	return src_be32;
}

/*
 * An ICMPv6 error from inside, about a packet that we sent there: it quotes
 * [pref64::remote] -> [inside].
 */
static enum verdict error_out(struct worker *w, const struct packet *p)
{
	const struct prefix *pref64;
	struct flow_packet tuple;
	struct icmp_head from, head;
	struct icmp_links links;
	struct packet quoted;
	struct in6_addr remote;
	struct emit_slot *slot;
	struct flow flow;
	enum icmp_result result = icmp_open(p, &from, &quoted);
	bool mapped, hairpin;

	if (result != ICMP_OK && result != ICMP_OTHER_INNER)
		return drop_icmp(w, p, result);
	pref64 = addrmap_pref64_of(w->map, &quoted.src);
	/* An error goes to the sender of what it is about, and to nobody else. */
	if (!pref64 || !addr_equal(&quoted.src, &p->dst))
		return drop(w, p, STAT_NAT64_DROP_ICMP_INNER);
	if (!is_client(w, &quoted.dst))
		return drop(w, p, STAT_NAT64_DROP_NOT_CLIENT);
	tuple = (struct flow_packet){
		.l4 = quoted.l4,
		.inside = quoted.dst,
		.remote6 = quoted.src,
		.remote_be32 = addrmap_extract(pref64, &quoted.src),
		.near_port = quoted.dst_port,
		.remote_port = quoted.l4 == L4_ICMP ? 0 : quoted.src_port,
	};
	mapped = eam_flow_out(w->map, &tuple, &flow);
	if (!mapped && result != ICMP_OK)
		return drop_icmp(w, p, result);
	if (!mapped && flow_find_inside(w->flows, &tuple, &flow) != FLOW_OK)
		return drop(w, p, STAT_NAT64_DROP_NO_FLOW);
	if (!may_reach(w, pref64, &tuple, &flow))
		return drop(w, p, STAT_NAT64_DROP_DENY4);
	hairpin = hairpin_is(w, &flow);
	links.mtu6 = mtu_to(w->mtus, &flow.inside, w->now_ms);
	remote = addr_from_v4(flow.remote_be32);
	links.mtu4 = hairpin ? IPV4_MAX : mtu_to(w->mtus, &remote, w->now_ms);
	result = icmp_head_to4(&from, &links, &head);
	if (result != ICMP_OK)
		return drop_icmp(w, p, result);
	slot = emit_slot(w->emit, L3_IPV4);
	slot->head_len = icmp_to4(p, &quoted, &head, &flow, error_source(w, p, &flow),
				  ipid_next(w->ids, flow.remote_be32, IPPROTO_ICMP), slot->head);
	slot->dst = remote;
	slot->body = NULL;
	slot->body_len = 0;
	stats_inc(STAT_NAT64_OUT);
	stats_add(STAT_NAT64_OUT_BYTES, p->len);
	return hairpin ? hairpin_turn(w, NULL) : VERDICT_TAKEN;
}

/* A part of a datagram (RFC 6146 3.4): the last one takes the whole through. */
static enum verdict fragment_out(struct worker *w, const struct packet *p)
{
	uint8_t *whole;
	size_t len;

	switch (fragments_add(w->fragments, p, 0, w->now_ms, &whole, &len)) {
	case FRAGMENT_KEPT:
		return VERDICT_TAKEN;
	case FRAGMENT_WHOLE:
		return whole_packet(w, whole, len);
	default:
		return drop(w, p, STAT_NAT64_DROP_FRAGMENT);
	}
}

/* A flow that goes on: from now on in the kernel, unless it ends in this host, or the kernel
 * would not know its way. */
static void settle(struct worker *w, const struct flow_packet *tuple, const struct flow *flow,
		   bool outbound)
{
	if (!w->turning && !hairpin_is(w, flow) && !addrmap_is_own(w->map, &flow->inside) &&
	    !addrmap_leads_elsewhere(w->map, flow->remote_be32))
		flow_speed_up(w->flows, tuple, outbound, w->now_ms);
}

/* By the tables: the flow found or made, and told where that cannot be. */
static enum verdict flow_out(struct worker *w, struct packet *p, const struct flow_packet *tuple)
{
	struct flow flow;
	enum flow_result result = flow_outbound(w->flows, tuple, w->now_ms, &flow);

	if (result != FLOW_OK)
		return refuse_out(w, p, result);
	if (flow.created)
		stats_inc(STAT_NAT64_SESSION_NEW);
	if (flow.met)
		stats_inc(STAT_NAT64_SYN_MET);
	if (flow.settled)
		settle(w, tuple, &flow, true);
	return send_out(w, p, &flow);
}

static enum verdict packet_out(struct worker *w, struct packet *p, enum packet_result parsed)
{
	const struct prefix *pref64 = addrmap_pref64_of(w->map, &p->dst);
	struct flow_packet tuple;
	struct flow flow;
	bool mapped;

	if (!pref64)
		return VERDICT_ACCEPT;	/* queued under a rule that is being replaced */
	/* RFC 6146 3.5: a source in a pref64 would make a loop. */
	if (addrmap_pref64_of(w->map, &p->src))
		return drop(w, p, STAT_NAT64_DROP_SOURCE_PREF64);
	/* A router on the way to a client may have any address: whom its error is about
	 * counts, and is looked at there. */
	if (!p->icmp_error && !is_client(w, &p->src))
		return drop(w, p, STAT_NAT64_DROP_NOT_CLIENT);
	if (parsed == PACKET_FRAGMENT)
		return fragment_out(w, p);
	outbound_tuple(p, pref64, &tuple);
	mapped = eam_flow_out(w->map, &tuple, &flow);
	if (parsed != PACKET_OK && !(mapped && parsed == PACKET_PROTOCOL))
		return untranslatable6(w, p, parsed);
	if (p->ttl <= 1)
		return hop_limit_over6(w, p);
	if (p->icmp_error)
		return error_out(w, p);
	if (!may_reach(w, pref64, &tuple, mapped ? &flow : NULL)) {
		tell6(w, p, ICMP6_UNREACHABLE, PROHIBITED6, 0, STAT_NAT64_UNREACHABLE_SENT);
		return drop(w, p, STAT_NAT64_DROP_DENY4);
	}
	return mapped ? send_out(w, p, &flow) : flow_out(w, p, &tuple);
}

/* ---- from IPv4 to inside -------------------------------------------------------------- */

static enum verdict send_in(struct worker *w, struct packet *p, const struct flow *flow)
{
	size_t mtu4 = hairpin_mtu4(w, &p->src);
	size_t mtu6 = mtu_to(w->mtus, &flow->inside, w->now_ms);

	mss_clamp(w->config, p, mtu4, mtu6);
	switch (to6_send(w->emit, p, flow, mtu6, mtu4, w->config->nat64.lowest_ipv6_mtu)) {
	case TO_SENT:
		stats_inc(STAT_NAT64_IN);
		stats_add(STAT_NAT64_IN_BYTES, p->len);
		return VERDICT_TAKEN;
	case TO_NO_CHECKSUM:
		return drop(w, p, STAT_NAT64_DROP_CHECKSUM);
	case TO_TOO_BIG:
		break;
	}
	tell4(w, p, ICMP4_UNREACHABLE, ICMP4_FRAG_NEEDED, (uint32_t)(mtu6 - IPV6_HLEN + IPV4_HLEN),
	      STAT_NAT64_FRAG_NEEDED_SENT4);
	return drop(w, p, STAT_NAT64_DROP_TOO_BIG);
}

/* An ICMPv4 error: ours, if it quotes a packet of one of our flows on its way out. */
static enum verdict error_in(struct worker *w, const struct packet *p)
{
	struct icmp_head from, head;
	struct flow_packet tuple;
	struct icmp_links links;
	struct packet quoted;
	struct in6_addr src;
	struct emit_slot *slot;
	struct flow flow;
	enum icmp_result result = icmp_open(p, &from, &quoted);
	bool mapped;

	if ((result != ICMP_OK && result != ICMP_OTHER_INNER) || !addr_equal(&quoted.src, &p->dst) ||
	    !addrmap_is_host4(addr_v4_be32(&p->src)))
		return not_ours(w, p);
	tuple = (struct flow_packet){
		.l4 = quoted.l4,
		.outside_be32 = addr_v4_be32(&quoted.src),
		.remote6 = addrmap_remote6(w->map, addr_v4_be32(&quoted.dst)),
		.remote_be32 = addr_v4_be32(&quoted.dst),
		.near_port = quoted.src_port,
		.remote_port = quoted.l4 == L4_ICMP ? 0 : quoted.dst_port,
	};
	mapped = eam_flow_in(w->map, &tuple, &flow);
	if (!mapped &&
	    (result != ICMP_OK || flow_find_outside(w->flows, &tuple, &flow) != FLOW_OK))
		return not_ours(w, p);
	if (mapped && !eam_serves(w->map, &flow.inside))
		return drop(w, p, STAT_NAT64_DROP_NOT_CLIENT);
	if (p->ttl <= 1)
		return drop(w, p, STAT_NAT64_DROP_HOP_LIMIT);
	links.mtu4 = hairpin_mtu4(w, &quoted.dst);
	links.mtu6 = mtu_to(w->mtus, &flow.inside, w->now_ms);
	result = icmp_head_to6(&from, &links, quoted.ip_len, &head);
	if (result != ICMP_OK)
		return drop_icmp(w, p, result);
	/* A router on the way may have any address, a private one too: the prefix that
	 * the server used shows it, so that traceroute can. */
	src = addrmap_embed(addrmap_pref64_of(w->map, &flow.remote6), addr_v4_be32(&p->src));
	slot = emit_slot(w->emit, L3_IPV6);
	slot->head_len = icmp_to6(p, &quoted, &head, &flow, &src, slot->head);
	slot->dst = flow.inside;
	slot->body = NULL;
	slot->body_len = 0;
	stats_inc(STAT_NAT64_IN);
	stats_add(STAT_NAT64_IN_BYTES, p->len);
	return VERDICT_TAKEN;
}

static void inbound_tuple(const struct worker *w, const struct packet *p, struct flow_packet *tuple)
{
	*tuple = (struct flow_packet){
		.l4 = p->l4,
		.outside_be32 = addr_v4_be32(&p->dst),
		.remote_be32 = addr_v4_be32(&p->src),
		.remote6 = addrmap_remote6(w->map, addr_v4_be32(&p->src)),
		.near_port = p->dst_port,
		.remote_port = p->l4 == L4_ICMP ? 0 : p->src_port,
		.event = tcp_event_of(p->tcp_flags, 0),
	};
}

/* The first part of a datagram has its ports: do they belong to a flow? */
static bool is_ours(struct worker *w, const struct packet *p)
{
	struct flow_packet tuple;
	struct packet first;
	struct in6_addr v6;

	if (addrmap_eam_to6(w->map, addr_v4_be32(&p->dst), &v6))
		return true;
	if (packet_parse_quoted(&first, p->data, p->len) != PACKET_OK || first.icmp_error)
		return false;
	inbound_tuple(w, &first, &tuple);
	return flow_owns_outside(w->flows, &tuple);
}

static enum verdict fragment_in(struct worker *w, const struct packet *p, uint32_t id)
{
	uint8_t *whole;
	size_t len;

	if (p->frag_offset == 0 && !is_ours(w, p)) {
		fragments_disown(w->fragments, p, w->now_ms);
		return not_ours(w, p);
	}
	switch (fragments_add(w->fragments, p, id, w->now_ms, &whole, &len)) {
	case FRAGMENT_KEPT:
		return VERDICT_HELD;
	case FRAGMENT_WHOLE:
		return whole_packet(w, whole, len);
	case FRAGMENT_NOT_OURS:
		return not_ours(w, p);
	default:
		return drop(w, p, STAT_NAT64_DROP_FRAGMENT);
	}
}

/* A flow has it, but it ends here (RFC 7915 4.1; RFC 1812 5.3.1). */
static enum verdict ends_here4(struct worker *w, const struct packet *p,
			       enum packet_result parsed)
{
	if (parsed == PACKET_SOURCE_ROUTE) {
		tell4(w, p, ICMP4_UNREACHABLE, SOURCE_ROUTE4, 0, STAT_NAT64_UNREACHABLE_SENT);
		return drop(w, p, STAT_NAT64_DROP_SOURCE_ROUTE);
	}
	tell4(w, p, ICMP4_TIME_EXCEEDED, 0, 0, STAT_NAT64_TIME_EXCEEDED_SENT);
	return drop(w, p, STAT_NAT64_DROP_HOP_LIMIT);
}

/*
 * We see packets before the kernel has looked for martians: a source that cannot be, that
 * is denied, or that is an address of ours, but of a packet on its turn.
 */
static bool is_martian(const struct worker *w, const struct packet *p)
{
	uint32_t src_be32 = addr_v4_be32(&p->src);

	if (!addrmap_pref64_for(w->map, src_be32))
		return true;
	return !w->turning &&
	       (addrmap_is_own(w->map, &p->src) || hairpin_is_ours(w, src_be32));
}

/* To a mapped address, whatever its protocol */
static enum verdict mapped_in(struct worker *w, struct packet *p, enum packet_result parsed,
			      const struct flow *flow)
{
	if (parsed == PACKET_ICMP_TYPE)
		return drop(w, p, STAT_NAT64_DROP_ICMP_TYPE);
	if (parsed != PACKET_OK && parsed != PACKET_PROTOCOL && parsed != PACKET_SOURCE_ROUTE)
		return drop(w, p, STAT_NAT64_DROP_PROTOCOL);
	if (!eam_serves(w->map, &flow->inside))
		return drop(w, p, STAT_NAT64_DROP_NOT_CLIENT);
	if (is_martian(w, p))
		return drop(w, p, STAT_NAT64_DROP_MARTIAN);
	if (p->ttl <= 1 || parsed == PACKET_SOURCE_ROUTE)
		return ends_here4(w, p, parsed);
	return send_in(w, p, flow);
}

static enum verdict packet_in(struct worker *w, struct packet *p, enum packet_result parsed,
			      uint32_t id)
{
	struct flow_packet tuple;
	enum flow_result result;
	struct flow flow;

	if (parsed == PACKET_MALFORMED)
		return not_ours(w, p);
	if (parsed == PACKET_FRAGMENT)
		return fragment_in(w, p, id);
	if (p->icmp_error)
		return error_in(w, p);
	inbound_tuple(w, p, &tuple);
	if (eam_flow_in(w->map, &tuple, &flow))
		return mapped_in(w, p, parsed, &flow);
	if ((parsed != PACKET_OK && parsed != PACKET_SOURCE_ROUTE) || p->l4 == L4_OTHER)
		return not_ours(w, p);
	if (is_martian(w, p))
		return not_ours(w, p);
	if (p->ttl <= 1 || parsed == PACKET_SOURCE_ROUTE)
		return flow_owns_outside(w->flows, &tuple) ? ends_here4(w, p, parsed)
							   : not_ours(w, p);
	result = flow_inbound(w->flows, &tuple, w->now_ms, &flow);
	if (result != FLOW_OK)
		return refuse_in(w, p, &tuple, result);
	if (flow.created)
		stats_inc(STAT_NAT64_SESSION_NEW);
	/* What comes to the host's own sockets this way comes from itself, past its packet
	 * filter: answers alone may. */
	if (!flow.invited && addrmap_is_own(w->map, &flow.inside))
		return drop(w, p, STAT_NAT64_DROP_FILTERED);
	if (flow.settled)
		settle(w, &tuple, &flow, false);
	return send_in(w, p, &flow);
}

/* ---- both ------------------------------------------------------------------------------ */

/* A datagram that came in fragments: it is ours, whatever comes of it. */
static enum verdict whole_packet(struct worker *w, uint8_t *data, size_t len)
{
	struct packet packet;
	enum packet_result parsed = packet_parse(&packet, data, len);

	packet.df = false;	/* it came in parts, and may leave so */
	if (parsed == PACKET_MALFORMED)
		return drop_unread();
	if (packet.l3 == L3_IPV6)
		return packet_out(w, &packet, parsed);
	packet_in(w, &packet, parsed, 0);
	return VERDICT_TAKEN;
}

enum verdict nat64_packet(struct worker *worker, uint32_t id, uint8_t *data, size_t len)
{
	struct packet packet;
	enum packet_result parsed = packet_parse(&packet, data, len);

	if (packet.l3 == L3_IPV4)
		return packet_in(worker, &packet, parsed, id);
	if (parsed == PACKET_MALFORMED)
		return drop_unread();
	return packet_out(worker, &packet, parsed);
}
