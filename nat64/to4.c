/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "to4.h"

#include "../core/addr.h"
#include "../core/stats.h"
#include "emit.h"
#include "flow.h"
#include "header.h"
#include "ipid.h"
#include "transport.h"

static uint8_t proto4(uint8_t proto)
{
	return proto == IPPROTO_ICMPV6 ? IPPROTO_ICMP : proto;
}

static void queue(struct emit *emit, const struct in6_addr *dst, const struct header_ipv4 *header,
		  const uint8_t *body)
{
	struct emit_slot *slot = emit_slot(emit, L3_IPV4);

	header_put_ipv4(slot->head, header);
	slot->head_len = IPV4_HLEN;
	slot->dst = *dst;
	slot->body = body;
	slot->body_len = header->payload_len;
}

static void queue_fragments(struct emit *emit, const struct in6_addr *dst,
			    struct header_ipv4 *header, const uint8_t *body, size_t len, size_t mtu4)
{
	size_t room = (mtu4 - IPV4_HLEN) & ~(size_t)7;

	for (size_t at = 0; at < len; at += room) {
		header->more = len - at > room;
		header->payload_len = header->more ? room : len - at;
		header->frag_offset = (uint16_t)at;
		queue(emit, dst, header, body + at);
	}
	stats_inc(STAT_NAT64_FRAGMENTED);
}

enum to_result to4_send(struct emit *emit, struct ipid *ids, struct packet *packet,
			const struct flow *flow, size_t mtu4, size_t mtu6)
{
	size_t len4 = IPV4_HLEN + packet->l4_len;
	struct transport_change change = {
		.src = addr_from_v4(flow->outside_be32),
		.dst = addr_from_v4(flow->remote_be32),
		.src_port = flow->outside_port,
		.dst_port = flow->l4 == L4_ICMP ? flow->outside_port : flow->remote_port,
	};
	struct header_ipv4 header = {
		.tos = packet->tos,
		.ttl = (uint8_t)(packet->ttl - 1),
		.proto = proto4(packet->proto),
		.df = packet->df && len4 > DF_CLEAR_MAX,
		.src_be32 = flow->outside_be32,
		.dst_be32 = flow->remote_be32,
		.payload_len = packet->l4_len,
	};

	if (len4 > IPV4_MAX)
		return TO_TOO_BIG;
	if (len4 > mtu4) {
		if (packet->df && packet->len > IPV6_MTU_MIN && packet->len <= mtu6)
			return TO_TOO_BIG;
		header.df = false;
	}
	if (!transport_translate(packet, &change, false))
		return TO_NO_CHECKSUM;
	header.id = ipid_next(ids, flow->remote_be32, header.proto);
	if (len4 > mtu4)
		queue_fragments(emit, &change.dst, &header, packet->l4_data, packet->l4_len, mtu4);
	else
		queue(emit, &change.dst, &header, packet->l4_data);
	return TO_SENT;
}
