/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "packet.h"

#include <string.h>

#include "../core/addr.h"
#include "../core/cursor.h"

enum {
	EXT_HOP_BY_HOP = 0, EXT_ROUTING = 43, EXT_FRAGMENT = 44, EXT_AUTHENTICATION = 51,
	EXT_DESTINATION = 60, EXT_MOBILITY = 135, EXT_HIP = 139, EXT_SHIM6 = 140,
	NO_NEXT_HEADER = 59,
	EXT_MAX = 16,		/* more extension headers than this is an attack */
	NEXT_HEADER_AT = 6,	/* in the IPv6 header */

	IPV4_DF = 0x4000, IPV4_MF = 0x2000, IPV4_OFFSET = 0x1fff,
	OPTION_END = 0, OPTION_NOP = 1, OPTION_LSRR = 131, OPTION_SSRR = 137,
};

static bool icmp_is_query(const struct packet *p)
{
	if (p->l3 == L3_IPV4)
		return p->icmp_type == ICMP4_ECHO || p->icmp_type == ICMP4_ECHO_REPLY;
	return p->icmp_type == ICMP6_ECHO || p->icmp_type == ICMP6_ECHO_REPLY;
}

static bool icmp_is_error(const struct packet *p)
{
	if (p->l3 == L3_IPV4)
		return p->icmp_type == ICMP4_UNREACHABLE ||
		       p->icmp_type == ICMP4_TIME_EXCEEDED || p->icmp_type == ICMP4_PARAMETER;
	return p->icmp_type >= ICMP6_UNREACHABLE && p->icmp_type <= ICMP6_PARAMETER;
}

static enum packet_result parse_icmp(struct packet *p, struct cursor *c)
{
	p->l4 = L4_ICMP;
	p->icmp_type = cursor_u8(c);
	p->icmp_code = cursor_u8(c);
	cursor_skip(c, 2);
	p->src_port = p->dst_port = cursor_u16(c);
	cursor_skip(c, 2);
	if (c->failed)
		return PACKET_MALFORMED;
	if (icmp_is_query(p))
		return PACKET_OK;
	p->icmp_error = icmp_is_error(p);
	return p->icmp_error ? PACKET_OK : PACKET_ICMP_TYPE;
}

static enum packet_result parse_udp(struct packet *p, struct cursor *c, bool quoted)
{
	size_t udp_len;

	p->l4 = L4_UDP;
	p->src_port = cursor_u16(c);
	p->dst_port = cursor_u16(c);
	udp_len = cursor_u16(c);
	cursor_skip(c, 2);
	if (c->failed)
		return PACKET_MALFORMED;
	/* A first fragment or a quotation holds less than the datagram says. */
	if (!quoted && (udp_len < UDP_HLEN || udp_len > p->l4_len))
		return PACKET_MALFORMED;
	return PACKET_OK;
}

static enum packet_result parse_tcp(struct packet *p, struct cursor *c, bool quoted)
{
	size_t header_len;

	p->l4 = L4_TCP;
	p->src_port = cursor_u16(c);
	p->dst_port = cursor_u16(c);
	cursor_skip(c, 4);			/* sequence number: the 8 bytes of RFC 792 */
	if (c->failed)
		return PACKET_MALFORMED;
	cursor_skip(c, 4);
	header_len = (size_t)(cursor_u8(c) >> 4) * 4;
	p->tcp_flags = cursor_u8(c);
	cursor_skip(c, 6);
	if (quoted)
		return PACKET_OK;
	if (c->failed || header_len < TCP_HLEN || header_len > p->l4_len)
		return PACKET_MALFORMED;
	return PACKET_OK;
}

/* An extension header of IPv6, ESP apart, which is a transport to RFC 7915 */
static bool is_extension(uint8_t proto)
{
	return proto == EXT_HOP_BY_HOP || proto == EXT_ROUTING || proto == EXT_FRAGMENT ||
	       proto == EXT_AUTHENTICATION || proto == EXT_DESTINATION ||
	       proto == EXT_MOBILITY || proto == EXT_HIP || proto == EXT_SHIM6;
}

/*
 * RFC 7915 4.1 and 5.1 copy a protocol number as it is. That must make nothing else of
 * the packet: no extension headers of what IPv4 calls a transport, no message of the
 * other family's ICMP; IGMP ends here by RFC 7915 4.2.
 */
static bool has_counterpart(const struct packet *p)
{
	if (p->proto == IPPROTO_IGMP)
		return false;
	if (p->l3 == L3_IPV6)
		return p->proto != IPPROTO_ICMP;
	return p->proto != IPPROTO_ICMPV6 && p->proto != NO_NEXT_HEADER &&
	       (p->proto == EXT_AUTHENTICATION || !is_extension(p->proto));
}

static enum packet_result parse_l4(struct packet *p, struct cursor *c, bool quoted)
{
	uint8_t icmp = p->l3 == L3_IPV4 ? IPPROTO_ICMP : IPPROTO_ICMPV6;

	p->l4_data = p->data + (c->at - p->data);
	p->l4_len = cursor_left(c);
	p->l4_ip_len = p->ip_len - (size_t)(c->at - p->data);
	if (!has_counterpart(p))
		return PACKET_NO_COUNTERPART;
	if (p->fragment && (!quoted || p->frag_offset))
		return PACKET_FRAGMENT;
	if (p->proto == IPPROTO_TCP)
		return parse_tcp(p, c, quoted);
	if (p->proto == IPPROTO_UDP)
		return parse_udp(p, c, quoted);
	if (p->proto == icmp)
		return parse_icmp(p, c);
	return PACKET_PROTOCOL;
}

/*
 * RFC 7915 4.1: options are ignored, but a source route that still has hops to
 * visit makes the packet one to discard.
 */
static enum packet_result parse_options(struct cursor *options)
{
	while (cursor_left(options)) {
		uint8_t kind = cursor_u8(options);
		size_t len;
		struct cursor body;

		if (kind == OPTION_END)
			break;
		if (kind == OPTION_NOP)
			continue;
		len = cursor_u8(options);
		if (len < 2)
			return PACKET_MALFORMED;
		body = cursor_sub(options, len - 2);
		/* The pointer counts from the option's first byte, from 1. */
		if ((kind == OPTION_LSRR || kind == OPTION_SSRR) && cursor_u8(&body) <= len &&
		    !body.failed)
			return PACKET_SOURCE_ROUTE;
	}
	return options->failed ? PACKET_MALFORMED : PACKET_OK;
}

static enum packet_result parse_ipv4(struct packet *p, size_t len, bool quoted)
{
	struct cursor c = cursor_init(p->data, len), options;
	enum packet_result fault, result;
	uint32_t src_be32, dst_be32;
	size_t header_len;
	uint16_t flags;

	header_len = (size_t)(cursor_u8(&c) & 15) * 4;
	p->tos = cursor_u8(&c);
	p->ip_len = cursor_u16(&c);
	p->frag_id = cursor_u16(&c);
	flags = cursor_u16(&c);
	p->ttl = cursor_u8(&c);
	p->proto = cursor_u8(&c);
	cursor_skip(&c, 2);
	cursor_bytes(&c, &src_be32, 4);
	cursor_bytes(&c, &dst_be32, 4);
	if (c.failed || header_len < IPV4_HLEN || p->ip_len < header_len ||
	    (!quoted && p->ip_len > len))
		return PACKET_MALFORMED;
	p->len = p->ip_len < len ? p->ip_len : len;
	c.end = p->data + p->len;
	options = cursor_sub(&c, header_len - IPV4_HLEN);
	if (c.failed)
		return PACKET_MALFORMED;
	p->src = addr_from_v4(src_be32);
	p->dst = addr_from_v4(dst_be32);
	p->df = flags & IPV4_DF;
	p->more = flags & IPV4_MF;
	p->frag_offset = (uint16_t)((flags & IPV4_OFFSET) * 8);
	p->fragment = p->more || p->frag_offset;
	/* A quoted packet has been on its way already: its options are history. */
	fault = quoted ? PACKET_OK : parse_options(&options);
	result = parse_l4(p, &c, quoted);
	return fault != PACKET_OK ? fault : result;
}

/* RFC 7915 5.1.1: what stands behind it may be in other fragments, so it must be the upper
 * layer. */
static enum packet_result parse_fragment(struct packet *p, struct cursor *c)
{
	uint16_t offset;

	p->proto = cursor_u8(c);
	cursor_skip(c, 1);
	offset = cursor_u16(c);
	p->frag_id = cursor_u32(c);
	p->frag_offset = offset & 0xfff8;
	p->more = offset & 1;
	p->fragment = p->more || p->frag_offset;
	p->df = false;		/* who sends it takes fragments (RFC 8021) */
	return is_extension(p->proto) ? PACKET_EXTENSION : PACKET_OK;
}

/*
 * The header chain up to the upper layer, which is skipped, not translated (RFC 7915 5.1).
 * The first fault is told; what follows is read on, since it may be an ICMP error.
 */
static enum packet_result parse_extensions(struct packet *p, struct cursor *c)
{
	enum packet_result result = PACKET_OK, fragment;
	size_t named_at = NEXT_HEADER_AT;

	for (int i = 0; i < EXT_MAX && !c->failed; i++) {
		const uint8_t *at = c->at;
		uint8_t type = p->proto;

		if (type == EXT_FRAGMENT) {
			fragment = parse_fragment(p, c);
			return fragment != PACKET_OK ? fragment : result;
		}
		if (type != EXT_HOP_BY_HOP && type != EXT_ROUTING && type != EXT_DESTINATION)
			return result;
		p->proto = cursor_u8(c);
		cursor_skip(c, (size_t)cursor_u8(c) * 8 + 6);
		if (result == PACKET_OK && type == EXT_HOP_BY_HOP && i > 0) {
			p->fault_at = (uint16_t)named_at;
			result = PACKET_NEXT_HEADER;
		}
		if (result == PACKET_OK && type == EXT_ROUTING && !c->failed && at[3] != 0) {
			p->fault_at = (uint16_t)(at + 3 - p->data);
			result = PACKET_ROUTING;
		}
		named_at = (size_t)(at - p->data);
	}
	return PACKET_MALFORMED;
}

static enum packet_result parse_ipv6(struct packet *p, size_t len, bool quoted)
{
	struct cursor c = cursor_init(p->data, len);
	enum packet_result fault, result;
	uint32_t first;

	first = cursor_u32(&c);
	p->tos = (uint8_t)(first >> 20);
	p->ip_len = (size_t)IPV6_HLEN + cursor_u16(&c);
	p->proto = cursor_u8(&c);
	p->ttl = cursor_u8(&c);
	p->df = true;
	cursor_bytes(&c, &p->src, 16);
	cursor_bytes(&c, &p->dst, 16);
	if (c.failed || (!quoted && p->ip_len > len))
		return PACKET_MALFORMED;
	p->len = p->ip_len < len ? p->ip_len : len;
	c.end = p->data + p->len;
	fault = parse_extensions(p, &c);
	if (c.failed || fault == PACKET_MALFORMED)
		return PACKET_MALFORMED;
	result = parse_l4(p, &c, quoted);
	/* A quoted packet has been on its way already: what faults it had are history, but
	 * for one that leaves its upper layer unknown. */
	return fault == PACKET_EXTENSION || (fault != PACKET_OK && !quoted) ? fault : result;
}

static enum packet_result parse(struct packet *p, uint8_t *data, size_t len, bool quoted)
{
	*p = (struct packet){ .data = data, .l4 = L4_OTHER };
	if (len < 1)
		return PACKET_MALFORMED;
	if (data[0] >> 4 == 4) {
		p->l3 = L3_IPV4;
		return parse_ipv4(p, len, quoted);
	}
	p->l3 = L3_IPV6;
	return data[0] >> 4 == 6 ? parse_ipv6(p, len, quoted) : PACKET_MALFORMED;
}

enum packet_result packet_parse(struct packet *packet, uint8_t *data, size_t len)
{
	return parse(packet, data, len, false);
}

enum packet_result packet_parse_quoted(struct packet *packet, uint8_t *data, size_t len)
{
	return parse(packet, data, len, true);
}
