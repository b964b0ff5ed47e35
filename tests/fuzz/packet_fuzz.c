/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Any bytes are read as a packet, whole and quoted, without harm; what was read lies within
 * them. Of what can be translated, a good checksum stays good and a bad one stays bad.
 */
#include <stdlib.h>
#include <string.h>

#include "../../core/addr.h"
#include "../../nat64/packet.h"
#include "../../nat64/transport.h"
#include "../unit/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
	if (!holds)
		abort();
}

static void check_bounds(const struct packet *p, enum packet_result result, size_t size)
{
	if (result == PACKET_MALFORMED)
		return;
	check(p->len <= size && p->len <= p->ip_len);
	check(p->l4_data >= p->data && p->l4_data + p->l4_len == p->data + p->len);
	check(p->l4_ip_len >= p->l4_len);
	check(p->l4_ip_len == p->ip_len - (size_t)(p->l4_data - p->data));
	check(result != PACKET_ROUTING || p->data[p->fault_at] != 0);
	check(result != PACKET_OK || p->l4_len >= 8);
}

/* Is the checksum good, between these addresses? (Nothing but zeros is a sum of either zero.) */
static bool good(const struct packet *p, uint8_t proto, const struct in6_addr *src,
		 const struct in6_addr *dst)
{
	static uint8_t plain[WIRE_MAX];
	char from[ADDR_STRLEN], to[ADDR_STRLEN];
	size_t at = wire_ip(plain, proto, addr_format(src, from), addr_format(dst, to), p->l4_len);

	memcpy(plain + at, p->l4_data, p->l4_len);
	return wire_l4_sum(plain, plain + at, p->l4_len) % 0xffff == 0;
}

static void translate(struct packet *p)
{
	bool v4 = p->l3 == L3_IPV4, was;
	struct transport_change change = {
		.src = wire_addr(v4 ? "64:ff9b::192.0.2.33" : "198.51.100.7"),
		.dst = wire_addr(v4 ? "2001:db8:1::7" : "192.0.2.33"),
		.src_port = 5001, .dst_port = 5001,
	};
	uint8_t proto = p->proto == WIRE_ICMP ? WIRE_ICMP6
		      : p->proto == WIRE_ICMP6 ? WIRE_ICMP : p->proto;

	if (p->l4 == L4_TCP && (p->tcp_flags & 2)) {
		was = good(p, p->proto, &p->src, &p->dst);
		transport_clamp_mss(p, 536);
		check(was == good(p, p->proto, &p->src, &p->dst));
		check(!transport_clamp_mss(p, 536));
	}
	was = good(p, p->proto, &p->src, &p->dst);
	/* A UDP length that leaves bytes over, or none given: another sum */
	if (p->l4 == L4_UDP && (wire_get16(p->l4_data + 4) != p->l4_len ||
				!wire_get16(p->l4_data + 6)))
		transport_translate(p, &change, false);
	else if (transport_translate(p, &change, false))
		check(was == good(p, proto, &change.src, &change.dst));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size ? size : 1);
	enum packet_result result;
	struct packet packet;

	if (!copy || size > WIRE_MAX)
		goto out;
	memcpy(copy, data, size);
	result = packet_parse_quoted(&packet, copy, size);
	check_bounds(&packet, result, size);
	result = packet_parse(&packet, copy, size);
	check_bounds(&packet, result, size);
	/* A mapped address within an IPv6 packet would be taken for IPv4 here. */
	if (result == PACKET_OK && !packet.icmp_error &&
	    addr_is_v4(&packet.src) == (packet.l3 == L3_IPV4) &&
	    addr_is_v4(&packet.dst) == (packet.l3 == L3_IPV4))
		translate(&packet);
out:
	free(copy);
	return 0;
}
