/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "transport.h"

#include <string.h>

#include "../core/csum.h"
#include "../core/cursor.h"
#include "header.h"

enum {
	TCP_CSUM_AT = 16, UDP_CSUM_AT = 6, ICMP_CSUM_AT = 2, ICMP_ID_AT = 4,
	OPTION_END = 0, OPTION_NOP = 1, OPTION_MSS = 2,
};

static uint64_t address_sum(enum l3_proto l3, const struct in6_addr *src,
			    const struct in6_addr *dst)
{
	size_t from = l3 == L3_IPV4 ? 12 : 0;

	return csum_bytes(csum_bytes(0, src->s6_addr + from, 16 - from), dst->s6_addr + from,
			  16 - from);
}

static uint16_t get_csum(const uint8_t *at)
{
	uint16_t csum;

	memcpy(&csum, at, 2);
	return csum;
}

/* Ports, and the checksum at @csum_at where that much is there. Length and protocol
 * of the pseudo-header are the same in both families, so that only addresses count. */
static void change_ports(struct packet *p, const struct transport_change *change, size_t csum_at,
			 bool zero_is_none)
{
	enum l3_proto other = p->l3 == L3_IPV4 ? L3_IPV6 : L3_IPV4;
	uint64_t was = address_sum(p->l3, &p->src, &p->dst);
	uint64_t is = address_sum(other, &change->src, &change->dst);
	uint16_t csum;

	was = csum_bytes(was, p->l4_data, 4);
	header_put16(p->l4_data, change->src_port);
	header_put16(p->l4_data + 2, change->dst_port);
	is = csum_bytes(is, p->l4_data, 4);
	if (p->l4_len < csum_at + 2)
		return;
	csum = csum_replace(get_csum(p->l4_data + csum_at), was, is);
	/* RFC 768: a checksum that comes out as zero is sent as all ones. For TCP
	 * zero is a value like any other. */
	if (zero_is_none && csum == 0)
		csum = 0xffff;
	memcpy(p->l4_data + csum_at, &csum, 2);
}

/* RFC 7915 4.5: IPv6 knows no UDP without a checksum, so it is computed. */
static void compute_udp6(struct packet *p, const struct transport_change *change)
{
	size_t udp_len = (size_t)p->l4_data[4] << 8 | p->l4_data[5];
	uint64_t sum = csum_pseudo6(&change->src, &change->dst, (uint32_t)udp_len, IPPROTO_UDP);
	uint16_t csum;

	header_put16(p->l4_data, change->src_port);
	header_put16(p->l4_data + 2, change->dst_port);
	csum = csum_finish(csum_bytes(sum, p->l4_data, udp_len));
	if (csum == 0)
		csum = 0xffff;
	memcpy(p->l4_data + UDP_CSUM_AT, &csum, 2);
}

static bool translate_udp(struct packet *p, const struct transport_change *change, bool quoted)
{
	if (get_csum(p->l4_data + UDP_CSUM_AT) != 0) {
		change_ports(p, change, UDP_CSUM_AT, true);
		return true;
	}
	if (p->l3 == L3_IPV6 && !quoted)
		return false;
	if (quoted) {
		/* The whole datagram is not at hand: none stays none. */
		header_put16(p->l4_data, change->src_port);
		header_put16(p->l4_data + 2, change->dst_port);
	} else {
		compute_udp6(p, change);
	}
	return true;
}

static uint8_t query_type(const struct packet *p)
{
	if (p->l3 == L3_IPV4)
		return p->icmp_type == ICMP4_ECHO ? ICMP6_ECHO : ICMP6_ECHO_REPLY;
	return p->icmp_type == ICMP6_ECHO ? ICMP4_ECHO : ICMP4_ECHO_REPLY;
}

/* Type and identifier change, and the pseudo-header, which only ICMPv6 sums up,
 * comes or goes (RFC 7915 4.2, 5.2). Its length is that of the whole message. */
static void translate_query(struct packet *p, const struct transport_change *change)
{
	uint64_t was = csum_bytes(0, p->l4_data, 2), is;
	uint32_t len = (uint32_t)p->l4_ip_len;
	uint16_t csum;

	was = csum_bytes(was, p->l4_data + ICMP_ID_AT, 2);
	p->l4_data[0] = query_type(p);
	header_put16(p->l4_data + ICMP_ID_AT, change->src_port);
	is = csum_bytes(0, p->l4_data, 2);
	is = csum_bytes(is, p->l4_data + ICMP_ID_AT, 2);
	if (p->l3 == L3_IPV4)
		is += csum_pseudo6(&change->src, &change->dst, len, IPPROTO_ICMPV6);
	else
		was += csum_pseudo6(&p->src, &p->dst, len, IPPROTO_ICMPV6);
	csum = csum_replace(get_csum(p->l4_data + ICMP_CSUM_AT), was, is);
	/* Of the two forms of zero: an echo reply over IPv4 may be nothing but zeros, and
	 * only then the checksum is all ones. */
	if (is == 0 && (csum == 0 || csum == 0xffff)) {
		header_put16(p->l4_data + ICMP_CSUM_AT, 0);
		csum = csum_bytes(0, p->l4_data, p->l4_len) == 0 ? 0xffff : 0;
	}
	memcpy(p->l4_data + ICMP_CSUM_AT, &csum, 2);
}

bool transport_translate(struct packet *packet, const struct transport_change *change, bool quoted)
{
	switch (packet->l4) {
	case L4_TCP:
		change_ports(packet, change, TCP_CSUM_AT, false);
		return true;
	case L4_UDP:
		return translate_udp(packet, change, quoted);
	case L4_ICMP:
		translate_query(packet, change);
		return true;
	case L4_OTHER:
		break;
	}
	return true;
}

/* The value of the MSS option within the TCP header, or NULL. */
static const uint8_t *find_mss(const struct packet *p)
{
	size_t header_len = (size_t)(p->l4_data[12] >> 4) * 4;
	struct cursor c = cursor_init(p->l4_data + TCP_HLEN, header_len - TCP_HLEN);

	while (cursor_left(&c)) {
		uint8_t kind = cursor_u8(&c);
		size_t len;
		const uint8_t *body;

		if (kind == OPTION_END)
			break;
		if (kind == OPTION_NOP)
			continue;
		len = cursor_u8(&c);
		if (len < 2)
			break;
		body = cursor_skip(&c, len - 2);
		if (kind == OPTION_MSS && len == 4)
			return body;
	}
	return NULL;
}

bool transport_clamp_mss(struct packet *packet, uint16_t limit)
{
	const uint8_t *found = find_mss(packet);
	uint16_t was, csum;
	uint64_t was_sum, is_sum;
	uint8_t *at, word[4];
	size_t odd;

	if (!found)
		return false;
	was = (uint16_t)(found[0] << 8 | found[1]);
	if (was <= limit)
		return false;
	at = packet->l4_data + (found - packet->l4_data);
	/* The option may stand at an odd place: the sum wants whole words. */
	odd = (size_t)(at - packet->l4_data) & 1;
	memcpy(word, at - odd, odd ? 4 : 2);
	was_sum = csum_bytes(0, word, odd ? 4 : 2);
	header_put16(at, limit);
	memcpy(word, at - odd, odd ? 4 : 2);
	is_sum = csum_bytes(0, word, odd ? 4 : 2);
	csum = csum_replace(get_csum(packet->l4_data + TCP_CSUM_AT), was_sum, is_sum);
	memcpy(packet->l4_data + TCP_CSUM_AT, &csum, 2);
	return true;
}
