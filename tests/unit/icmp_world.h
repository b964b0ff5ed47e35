/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A flow, packets of it, and errors about them on either side; what translating makes of them. */
#ifndef TESTS_UNIT_ICMP_WORLD_H
#define TESTS_UNIT_ICMP_WORLD_H

#include "../../core/addr.h"
#include "../../nat64/flow.h"
#include "../../nat64/icmp.h"
#include "wire.h"

static const char inside[] = "2001:db8:1::7", remote6[] = "64:ff9b::192.0.2.33";
static const char outside[] = "198.51.100.7", remote4[] = "192.0.2.33";
static const char router4[] = "203.0.113.9", router6in[] = "64:ff9b::203.0.113.9";
static const char router6[] = "2001:db8:1::ff";

enum { INSIDE_PORT = 40000, OUTSIDE_PORT = 5000, REMOTE_PORT = 443, TOS = 0x28 };

static uint8_t quote[WIRE_MAX], bytes[WIRE_MAX], wanted[WIRE_MAX], out[IPV6_MTU_MIN];
static struct packet packet, quoted;
static struct icmp_head head;

static inline struct flow the_flow(enum l4_proto l4)
{
	return (struct flow){
		.l4 = l4,
		.inside = wire_addr(inside),
		.remote6 = wire_addr(remote6),
		.outside_be32 = wire_v4(outside),
		.remote_be32 = wire_v4(remote4),
		.inside_port = INSIDE_PORT,
		.outside_port = OUTSIDE_PORT,
		.remote_port = l4 == L4_ICMP ? 0 : REMOTE_PORT,
	};
}

/* A packet of the flow as it stands on the side of @v6, going out or coming in. */
static inline size_t flow_packet_bytes(uint8_t *at, enum l4_proto l4, bool v6, bool going_out,
				       size_t data_len)
{
	const char *near = v6 ? inside : outside, *far = v6 ? remote6 : remote4;
	unsigned int port = v6 ? INSIDE_PORT : OUTSIDE_PORT;
	const char *src = going_out ? near : far, *dst = going_out ? far : near;
	unsigned int src_port = going_out ? port : REMOTE_PORT;
	unsigned int dst_port = going_out ? REMOTE_PORT : port;
	uint8_t type = going_out ? (v6 ? 128 : 8) : (v6 ? 129 : 0);

	if (l4 == L4_TCP)
		return wire_tcp(at, src, src_port, dst, dst_port, 0x18, NULL, 0, data_len);
	if (l4 == L4_UDP)
		return wire_udp(at, src, src_port, dst, dst_port, data_len);
	return wire_icmp(at, src, dst, type, 0, port << 16 | 3, NULL, data_len);
}

/* An error about the first @cut bytes of @quote */
static inline enum icmp_result open_error(bool v6, uint8_t type, uint8_t code, uint32_t word,
					  size_t cut)
{
	size_t len = v6 ? wire_icmp(bytes, router6, remote6, type, code, word, quote, cut)
			: wire_icmp(bytes, router4, outside, type, code, word, quote, cut);

	if (v6)
		wire_put32(bytes, 6u << 28 | (uint32_t)TOS << 20 | 0xabcde);
	else
		bytes[1] = TOS;
	assert_int_equal(packet_parse(&packet, bytes, len), PACKET_OK);
	return icmp_open(&packet, &head, &quoted);
}

/* What is quoted keeps its hop limit, but has no flow label (RFC 7915 4.1). */
static inline void no_flow_label(uint8_t *ipv6)
{
	wire_put32(ipv6, 6u << 28 | (uint32_t)WIRE_TOS << 20);
}

static inline size_t error_to6(uint8_t type, uint8_t code, uint32_t word, enum l4_proto l4)
{
	struct icmp_head to = { type, code, word };
	struct in6_addr src = wire_addr(router6in);
	struct flow flow = the_flow(l4);
	size_t len = icmp_to6(&packet, &quoted, &to, &flow, &src, out);

	assert_true(wire_l4_good(out, len));
	assert_int_equal(wire_get16(out + 4), len - 40);
	return len;
}

static inline size_t error_to4(uint8_t type, uint8_t code, uint32_t word, enum l4_proto l4)
{
	struct icmp_head to = { type, code, word };
	struct flow flow = the_flow(l4);
	size_t len = icmp_to4(&packet, &quoted, &to, &flow, flow.outside_be32, 0x7777, out);

	assert_true(wire_l4_good(out, len));
	assert_true(wire_ipv4_good(out));
	assert_int_equal(wire_get16(out + 2), len);
	return len;
}

#endif
