/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "icmp.h"

#include <string.h>

#include "../core/addr.h"
#include "../core/csum.h"
#include "flow.h"
#include "header.h"
#include "icmp_extension.h"
#include "transport.h"

enum {
	ERROR4_MAX = 576,	/* RFC 1812 4.3.2.3 */
	ROOM4 = ERROR4_MAX - IPV4_HLEN - ICMP_HLEN,
	ROOM6 = IPV6_MTU_MIN - IPV6_HLEN - ICMP_HLEN,
	NONE = 0xff,		/* in pointer tables: no counterpart */
	PLATEAU_MIN = 68,
};

/* ---- heads: types, codes, pointers, MTUs ------------------------------------- */

/* RFC 7915 figure 3: pointer into the IPv4 header -> into the IPv6 header */
static const uint8_t pointer_to6[IPV4_HLEN] = {
	0, 1, 4, 4, NONE, NONE, NONE, NONE, 7, 6, NONE, NONE, 8, 8, 8, 8, 24, 24, 24, 24,
};

/* RFC 7915 figure 6: the other way; source and destination are filled in below */
static const uint8_t pointer_to4[8] = { 0, 1, NONE, NONE, 2, 2, 9, 8 };

/* RFC 1191 7.1: where a router tells no MTU, the next plateau below the packet's size */
static size_t plateau_below(size_t len)
{
	static const uint16_t plateaus[] = { 65535, 32000, 17914, 8166, 4352, 2002,
					     1492, 1006, 508, 296, PLATEAU_MIN };

	for (size_t i = 0; i < sizeof(plateaus) / sizeof(plateaus[0]); i++)
		if (plateaus[i] < len)
			return plateaus[i];
	return PLATEAU_MIN;
}

static size_t min3(size_t a, size_t b, size_t c)
{
	size_t least = a < b ? a : b;

	return least < c ? least : c;
}

/* RFC 7915 4.2: minimum of what was told + 20, our IPv6 link, our IPv4 link + 20. */
static uint32_t mtu_to6(uint32_t told, const struct icmp_links *links, size_t quoted_len)
{
	size_t mtu4 = told ? told : plateau_below(quoted_len);
	size_t mtu6 = min3(mtu4 + 20, links->mtu6, links->mtu4 + 20);

	return (uint32_t)(mtu6 < IPV6_MTU_MIN ? IPV6_MTU_MIN : mtu6);
}

static enum icmp_result unreachable_to6(const struct icmp_head *from,
					const struct icmp_links *links, size_t quoted_len,
					struct icmp_head *to)
{
	enum { NO_ROUTE = 0, PROHIBITED = 1, PORT = 4, UNKNOWN_NEXT = 1, NEXT_HEADER_AT = 6 };

	*to = (struct icmp_head){ .type = ICMP6_UNREACHABLE };
	switch (from->code) {
	case 0: case 1: case 5: case 6: case 7: case 8: case 11: case 12:
		to->code = NO_ROUTE;
		return ICMP_OK;
	case 2:		/* protocol unreachable */
		*to = (struct icmp_head){ ICMP6_PARAMETER, UNKNOWN_NEXT, NEXT_HEADER_AT };
		return ICMP_OK;
	case 3:
		to->code = PORT;
		return ICMP_OK;
	case ICMP4_FRAG_NEEDED:
		*to = (struct icmp_head){
			ICMP6_TOO_BIG, 0, mtu_to6(from->word & 0xffff, links, quoted_len)
		};
		return ICMP_OK;
	case 9: case 10: case 13: case 15:
		to->code = PROHIBITED;
		return ICMP_OK;
	default:	/* 14 (host precedence violation) among them */
		return ICMP_UNTRANSLATABLE;
	}
}

enum icmp_result icmp_head_to6(const struct icmp_head *from, const struct icmp_links *links,
			       size_t quoted_len, struct icmp_head *to)
{
	uint32_t pointer = from->word >> 24;

	switch (from->type) {
	case ICMP4_UNREACHABLE:
		return unreachable_to6(from, links, quoted_len, to);
	case ICMP4_TIME_EXCEEDED:
		*to = (struct icmp_head){ ICMP6_TIME_EXCEEDED, from->code, 0 };
		return ICMP_OK;
	case ICMP4_PARAMETER:
		if ((from->code != 0 && from->code != 2) || pointer >= IPV4_HLEN ||
		    pointer_to6[pointer] == NONE)
			return ICMP_UNTRANSLATABLE;
		*to = (struct icmp_head){ ICMP6_PARAMETER, 0, pointer_to6[pointer] };
		return ICMP_OK;
	default:
		return ICMP_UNTRANSLATABLE;
	}
}

static enum icmp_result parameter_to4(const struct icmp_head *from, struct icmp_head *to)
{
	enum { ERRONEOUS_FIELD = 0, UNKNOWN_NEXT = 1, PROTOCOL_UNREACHABLE = 2, SRC = 12, DST = 16 };
	uint8_t pointer;

	if (from->code == UNKNOWN_NEXT) {
		*to = (struct icmp_head){ ICMP4_UNREACHABLE, PROTOCOL_UNREACHABLE, 0 };
		return ICMP_OK;
	}
	if (from->code != ERRONEOUS_FIELD || from->word >= IPV6_HLEN)
		return ICMP_UNTRANSLATABLE;
	pointer = from->word < 8 ? pointer_to4[from->word] : from->word < 24 ? SRC : DST;
	if (pointer == NONE)
		return ICMP_UNTRANSLATABLE;
	*to = (struct icmp_head){ ICMP4_PARAMETER, 0, (uint32_t)pointer << 24 };
	return ICMP_OK;
}

enum icmp_result icmp_head_to4(const struct icmp_head *from, const struct icmp_links *links,
			       struct icmp_head *to)
{
	/* RFC 7915 5.2: no route, prohibited, beyond scope, address, port */
	static const uint8_t unreachable[] = { 1, 10, 1, 1, 3 };
	size_t told = from->word < IPV6_MTU_MIN ? IPV6_MTU_MIN
		    : from->word > IPV4_MAX ? IPV4_MAX : from->word;

	switch (from->type) {
	case ICMP6_UNREACHABLE:
		if (from->code >= sizeof(unreachable))
			return ICMP_UNTRANSLATABLE;
		*to = (struct icmp_head){ ICMP4_UNREACHABLE, unreachable[from->code], 0 };
		return ICMP_OK;
	case ICMP6_TOO_BIG:
		*to = (struct icmp_head){ ICMP4_UNREACHABLE, ICMP4_FRAG_NEEDED,
					  (uint32_t)min3(told - 20, links->mtu4,
							 links->mtu6 - 20) };
		return ICMP_OK;
	case ICMP6_TIME_EXCEEDED:
		*to = (struct icmp_head){ ICMP4_TIME_EXCEEDED, from->code, 0 };
		return ICMP_OK;
	case ICMP6_PARAMETER:
		return parameter_to4(from, to);
	default:
		return ICMP_UNTRANSLATABLE;
	}
}

/* ---- reading -------------------------------------------------------------- */

static bool checksum_good(const struct packet *p)
{
	uint64_t sum = p->l3 == L3_IPV4 ? 0
					: csum_pseudo6(&p->src, &p->dst, (uint32_t)p->l4_len,
						       IPPROTO_ICMPV6);

	return csum_finish(csum_bytes(sum, p->l4_data, p->l4_len)) == 0;
}

enum icmp_result icmp_open(const struct packet *packet, struct icmp_head *head,
			   struct packet *quoted)
{
	struct icmp_parts parts = icmp_extension_split(packet);
	const uint8_t *word = packet->l4_data + 4;
	enum packet_result result;

	if (!checksum_good(packet))
		return ICMP_BAD_CHECKSUM;
	*head = (struct icmp_head){
		.type = packet->icmp_type,
		.code = packet->icmp_code,
		.word = (uint32_t)word[0] << 24 | (uint32_t)word[1] << 16 |
			(uint32_t)word[2] << 8 | word[3],
	};
	result = packet_parse_quoted(quoted, packet->l4_data + ICMP_HLEN, parts.quoted_len);
	if (result == PACKET_MALFORMED || quoted->l3 != packet->l3)
		return ICMP_BAD_INNER;
	if (result == PACKET_PROTOCOL || result == PACKET_FRAGMENT)
		return ICMP_OTHER_INNER;
	/* No error about an error (RFC 7915 4.3, RFC 1122 3.2.2, RFC 4443 2.4 e). */
	return result == PACKET_OK && !quoted->icmp_error ? ICMP_OK : ICMP_BAD_INNER;
}

/* ---- writing --------------------------------------------------------------- */

static size_t put_body(uint8_t *at, const struct packet *quoted, size_t room)
{
	size_t len = quoted->l4_len < room ? quoted->l4_len : room;

	memcpy(at, quoted->l4_data, len);
	return len;
}

/* The quoted packet on the IPv4 side was ours, going out: it becomes what the
 * server had sent. Return: bytes written. */
static size_t put_quoted6(uint8_t *at, struct packet *quoted, const struct flow *flow, size_t room)
{
	struct transport_change change = {
		.src = flow->inside,
		.dst = flow->remote6,
		.src_port = flow->inside_port,
		.dst_port = flow->l4 == L4_ICMP ? flow->inside_port : flow->remote_port,
	};
	size_t head_len = IPV6_HLEN + (quoted->fragment ? FRAG_HLEN : 0);
	uint8_t next = quoted->proto == IPPROTO_ICMP ? IPPROTO_ICMPV6 : quoted->proto;
	struct header_ipv6 header = {
		.traffic_class = quoted->tos,
		.hop_limit = quoted->ttl,
		.next = quoted->fragment ? IPPROTO_FRAGMENT : next,
		.src = &change.src,
		.dst = &change.dst,
		.payload_len = head_len - IPV6_HLEN + quoted->l4_ip_len,
	};

	transport_translate(quoted, &change, true);
	header_put_ipv6(at, &header);
	if (quoted->fragment)
		header_put_fragment(at + IPV6_HLEN, next, quoted->frag_offset, quoted->more,
				    quoted->frag_id);
	return head_len + put_body(at + head_len, quoted, room - head_len);
}

size_t icmp_to6(const struct packet *packet, struct packet *quoted, const struct icmp_head *head,
		const struct flow *flow, const struct in6_addr *src, uint8_t *out)
{
	struct icmp_parts parts = icmp_extension_split(packet);
	bool extended = parts.extension && icmp_extension_allowed(L3_IPV6, head->type);
	uint8_t *message = out + IPV6_HLEN;
	struct header_ipv6 header = {
		.traffic_class = packet->tos,
		.hop_limit = (uint8_t)(packet->ttl - 1),
		.next = IPPROTO_ICMPV6,
		.src = src,
		.dst = &flow->inside,
	};
	uint16_t csum;
	size_t len;

	header_put_icmp(message, head->type, head->code, head->word);
	len = put_quoted6(message + ICMP_HLEN, quoted, flow,
			  extended ? icmp_extension_room(L3_IPV6, parts.extension_len, ROOM6)
				   : (size_t)ROOM6);
	if (extended)
		len = icmp_extension_append(L3_IPV6, message, len, &parts, ROOM6);
	len += ICMP_HLEN;
	csum = csum_finish(csum_bytes(csum_pseudo6(src, &flow->inside, (uint32_t)len,
						   IPPROTO_ICMPV6), message, len));
	memcpy(message + 2, &csum, 2);
	header.payload_len = len;
	header_put_ipv6(out, &header);
	return IPV6_HLEN + len;
}

/* The quoted packet on the IPv6 side was ours, going in: it becomes what the remote
 * host had sent, but for the identification, which is unknown, and so zero, where there
 * was no Fragment header. Return: bytes written. */
static size_t put_quoted4(uint8_t *at, struct packet *quoted, const struct flow *flow, size_t room)
{
	struct transport_change change = {
		.src = addr_from_v4(flow->remote_be32),
		.dst = addr_from_v4(flow->outside_be32),
		.src_port = flow->l4 == L4_ICMP ? flow->outside_port : flow->remote_port,
		.dst_port = flow->outside_port,
	};
	size_t payload_max = UINT16_MAX - IPV4_HLEN;
	struct header_ipv4 header = {
		.tos = quoted->tos,
		.ttl = quoted->ttl,
		.proto = quoted->proto == IPPROTO_ICMPV6 ? IPPROTO_ICMP : quoted->proto,
		.id = (uint16_t)quoted->frag_id,
		.df = quoted->df && IPV4_HLEN + quoted->l4_ip_len > DF_CLEAR_MAX,
		.more = quoted->more,
		.frag_offset = quoted->frag_offset,
		.src_be32 = flow->remote_be32,
		.dst_be32 = flow->outside_be32,
		.payload_len = quoted->l4_ip_len < payload_max ? quoted->l4_ip_len : payload_max,
	};

	transport_translate(quoted, &change, true);
	header_put_ipv4(at, &header);
	return IPV4_HLEN + put_body(at + IPV4_HLEN, quoted, room - IPV4_HLEN);
}

size_t icmp_to4(const struct packet *packet, struct packet *quoted, const struct icmp_head *head,
		const struct flow *flow, uint32_t src_be32, uint16_t id, uint8_t *out)
{
	struct icmp_parts parts = icmp_extension_split(packet);
	bool extended = parts.extension && icmp_extension_allowed(L3_IPV4, head->type);
	uint8_t *message = out + IPV4_HLEN;
	struct header_ipv4 header = {
		.tos = packet->tos,
		.ttl = (uint8_t)(packet->ttl - 1),
		.proto = IPPROTO_ICMP,
		.id = id,
		.src_be32 = src_be32,
		.dst_be32 = flow->remote_be32,
	};
	uint16_t csum;
	size_t len;

	header_put_icmp(message, head->type, head->code, head->word);
	len = put_quoted4(message + ICMP_HLEN, quoted, flow,
			  extended ? icmp_extension_room(L3_IPV4, parts.extension_len, ROOM4)
				   : (size_t)ROOM4);
	if (extended)
		len = icmp_extension_append(L3_IPV4, message, len, &parts, ROOM4);
	len += ICMP_HLEN;
	csum = csum_finish(csum_bytes(0, message, len));
	memcpy(message + 2, &csum, 2);
	header.payload_len = len;
	header_put_ipv4(out, &header);
	return IPV4_HLEN + len;
}
