/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "to6.h"

#include "../core/stats.h"
#include "emit.h"
#include "flow.h"
#include "header.h"
#include "transport.h"

static uint8_t proto6(uint8_t proto)
{
	return proto == IPPROTO_ICMP ? IPPROTO_ICMPV6 : proto;
}

static void queue_whole(struct emit *emit, const struct header_ipv6 *header, const uint8_t *body)
{
	struct emit_slot *slot = emit_slot(emit, L3_IPV6);

	header_put_ipv6(slot->head, header);
	slot->head_len = IPV6_HLEN;
	slot->dst = *header->dst;
	slot->body = body;
	slot->body_len = header->payload_len;
}

/* RFC 7915 4.1: the identification goes into the lower half of the IPv6 one. */
static void queue_fragments(struct emit *emit, struct header_ipv6 *header, const uint8_t *body,
			    size_t len, uint32_t id, size_t mtu)
{
	size_t room = (mtu - IPV6_HLEN - FRAG_HLEN) & ~(size_t)7;
	uint8_t next = header->next;

	header->next = IPPROTO_FRAGMENT;
	for (size_t at = 0; at < len; at += room) {
		struct emit_slot *slot = emit_slot(emit, L3_IPV6);
		bool more = len - at > room;
		size_t part = more ? room : len - at;

		header->payload_len = FRAG_HLEN + part;
		header_put_ipv6(slot->head, header);
		header_put_fragment(slot->head + IPV6_HLEN, next, (uint16_t)at, more, id);
		slot->head_len = IPV6_HLEN + FRAG_HLEN;
		slot->dst = *header->dst;
		slot->body = body + at;
		slot->body_len = part;
	}
	stats_inc(STAT_NAT64_FRAGMENTED);
}

enum to_result to6_send(struct emit *emit, struct packet *packet, const struct flow *flow,
			size_t mtu6, size_t mtu4, size_t lowest_mtu)
{
	size_t len6 = IPV6_HLEN + packet->l4_len;
	size_t frag_mtu = lowest_mtu < mtu6 ? lowest_mtu : mtu6;
	bool fragment = packet->df ? len6 > mtu6 : len6 > frag_mtu;
	struct transport_change change = {
		.src = flow->remote6,
		.dst = flow->inside,
		.src_port = flow->l4 == L4_ICMP ? flow->inside_port : flow->remote_port,
		.dst_port = flow->inside_port,
	};
	struct header_ipv6 header = {
		.traffic_class = packet->tos,
		.hop_limit = (uint8_t)(packet->ttl - 1),
		.next = proto6(packet->proto),
		.src = &flow->remote6,
		.dst = &flow->inside,
		.payload_len = packet->l4_len,
	};

	if (fragment && packet->df && packet->len <= mtu4)
		return TO_TOO_BIG;
	if (!transport_translate(packet, &change, false))
		return TO_NO_CHECKSUM;
	if (fragment)
		queue_fragments(emit, &header, packet->l4_data, packet->l4_len, packet->frag_id,
				frag_mtu);
	else
		queue_whole(emit, &header, packet->l4_data);
	return TO_SENT;
}
