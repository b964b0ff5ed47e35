/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Any bytes are read as a packet, whole and quoted, without harm; what was read lies within
 * them. What can be translated leaves whole or in fragments that join to a whole, with good
 * lengths and header checksums; a good upper-layer checksum stays good and a bad one bad.
 */
#include <stdlib.h>
#include <string.h>

#include "../../nat64/flow.h"
#include "../../nat64/ipid.h"
#include "../../nat64/packet.h"
#include "../../nat64/to4.h"
#include "../../nat64/to6.h"
#include "../../nat64/transport.h"
#include "../unit/fake_emit.h"
#include "../unit/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

uint16_t ipid_next(struct ipid *ids, uint32_t dst_be32, uint8_t proto)
{
	(void)ids;
	(void)dst_be32;
	(void)proto;
	return WIRE_ID;
}

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
	check(result != PACKET_NEXT_HEADER || p->data[p->fault_at] == 0);
	check(result != PACKET_OK || (p->l4_len >= 8 && p->l4 != L4_OTHER));
	check(result != PACKET_PROTOCOL || p->l4 == L4_OTHER);
}

/* Is the checksum good? (Nothing but zeros is a sum of either zero.) */
static bool good(bool v6, uint8_t proto, const struct in6_addr *src, const struct in6_addr *dst,
		 const uint8_t *l4, size_t len)
{
	size_t from = v6 ? 0 : 12;
	uint32_t sum = 0;

	if (proto != WIRE_ICMP) {
		sum = wire_sum(0, src->s6_addr + from, 16 - from);
		sum = wire_sum(sum, dst->s6_addr + from, 16 - from);
		sum += proto + (uint32_t)(len & 0xffff) + (uint32_t)(len >> 16);
		sum = (sum & 0xffff) + (sum >> 16);
	}
	return wire_sum(sum, l4, len) % 0xffff == 0;
}

/* Put what was sent together. Return: bytes of the upper layer. */
static size_t join(bool v6, size_t mtu, uint8_t *whole)
{
	static uint8_t packet[WIRE_MAX];
	size_t total = 0;

	for (size_t i = 0; i < sent.n; i++) {
		size_t len = sent_packet(i, packet), at = v6 ? 40 : 20;
		unsigned int more = i + 1 < sent.n;

		check(len <= mtu && wire_get16(packet + (v6 ? 4 : 2)) == len - (v6 ? 40 : 0));
		check(v6 ? packet[0] >> 4 == 6 : packet[0] == 0x45 && wire_ipv4_good(packet));
		if (!v6) {
			check((wire_get16(packet + 6) & 0x1fff) == total / 8);
			check(!(wire_get16(packet + 6) & WIRE_MF) == !more);
		} else if (sent.n > 1) {
			check(packet[6] == WIRE_FRAGMENT && wire_get16(packet + 42) == (total | more));
			at = 48;
		} else {
			check(packet[6] != WIRE_FRAGMENT);	/* none is atomic: RFC 8021 */
		}
		memcpy(whole + total, packet + at, len - at);
		total += len - at;
	}
	return total;
}

static void translate(struct packet *p, const uint8_t *before, size_t size)
{
	static const size_t mtus[] = { 1280, 1420, 1500, 9000, 65535 };
	static uint8_t whole[WIRE_MAX];
	const struct flow flow = {
		.inside = wire_addr("2001:db8:1::7"), .remote6 = wire_addr("64:ff9b::192.0.2.33"),
		.outside_be32 = wire_v4("198.51.100.7"), .remote_be32 = wire_v4("192.0.2.33"),
		.inside_port = 40001, .outside_port = 5001, .remote_port = 443, .l4 = p->l4,
	};
	struct in6_addr outside = wire_addr("198.51.100.7"), remote = wire_addr("192.0.2.33");
	bool v6 = p->l3 == L3_IPV6, was = good(v6, p->proto, &p->src, &p->dst, p->l4_data, p->l4_len);
	uint8_t proto = p->proto == WIRE_ICMP ? WIRE_ICMP6
		      : p->proto == WIRE_ICMP6 ? WIRE_ICMP : p->proto;
	size_t mtu4 = size % 3 ? mtus[size % N(mtus)] : 576, mtu6 = mtus[size % N(mtus)];
	bool none = p->l4 == L4_UDP && !wire_get16(p->l4_data + 6), rest, is;
	enum to_result result;
	size_t len;

	/* A UDP length that leaves bytes over: another sum */
	rest = p->l4 == L4_UDP && wire_get16(p->l4_data + 4) != p->l4_len;
	sent.n = 0;
	result = v6 ? to4_send(NULL, NULL, p, &flow, mtu4, mtu6)
		    : to6_send(NULL, p, &flow, mtu6, mtu4, 1280);
	check((result == TO_NO_CHECKSUM) <= (v6 && none));
	check(result != TO_TOO_BIG || memcmp(p->data, before, p->len) == 0);
	check((result == TO_SENT) == (sent.n > 0) || p->l4_len == 0);
	if (result != TO_SENT)
		return;
	len = join(!v6, v6 ? mtu4 : mtu6, whole);
	check(len == p->l4_len);
	if (p->l4 == L4_OTHER) {
		check(memcmp(whole, before + (p->l4_data - p->data), len) == 0);
		return;
	}
	is = v6 ? good(false, proto, &outside, &remote, whole, len)
		: good(true, proto, &flow.remote6, &flow.inside, whole, len);
	check(rest || is == (was || none));
}

static void clamp(struct packet *p)
{
	bool v6 = p->l3 == L3_IPV6, was = good(v6, p->proto, &p->src, &p->dst, p->l4_data, p->l4_len);

	transport_clamp_mss(p, 536);
	check(was == good(v6, p->proto, &p->src, &p->dst, p->l4_data, p->l4_len));
	check(!transport_clamp_mss(p, 536));
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
	if ((result != PACKET_OK || packet.icmp_error) && result != PACKET_PROTOCOL)
		goto out;
	translate(&packet, data, size);
	memcpy(copy, data, size);
	if (packet.l4 == L4_TCP && (packet.tcp_flags & 2))
		clamp(&packet);
out:
	free(copy);
	return 0;
}
