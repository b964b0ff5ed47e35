/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ICMP errors whole: the message and the packet that it quotes (RFC 7915 4.3, 5.3), entire,
 * cut short, in fragments and with extensions (RFC 4884).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

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

static struct flow the_flow(enum l4_proto l4)
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
static size_t flow_packet_bytes(uint8_t *at, enum l4_proto l4, bool v6, bool going_out,
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
static enum icmp_result open_error(bool v6, uint8_t type, uint8_t code, uint32_t word, size_t cut)
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
static void no_flow_label(uint8_t *ipv6)
{
	wire_put32(ipv6, 6u << 28 | (uint32_t)WIRE_TOS << 20);
}

static size_t error_to6(uint8_t type, uint8_t code, uint32_t word, enum l4_proto l4)
{
	struct icmp_head to = { type, code, word };
	struct in6_addr src = wire_addr(router6in);
	struct flow flow = the_flow(l4);
	size_t len = icmp_to6(&packet, &quoted, &to, &flow, &src, out);

	assert_true(wire_l4_good(out, len));
	assert_int_equal(wire_get16(out + 4), len - 40);
	return len;
}

static size_t error_to4(uint8_t type, uint8_t code, uint32_t word, enum l4_proto l4)
{
	struct icmp_head to = { type, code, word };
	struct flow flow = the_flow(l4);
	size_t len = icmp_to4(&packet, &quoted, &to, &flow, flow.outside_be32, 0x7777, out);

	assert_true(wire_l4_good(out, len));
	assert_true(wire_ipv4_good(out));
	assert_int_equal(wire_get16(out + 2), len);
	return len;
}

/* Every byte of an error about a short packet, each transport */
static void test_bytes_to6(void **state)
{
	(void)state;
	for (enum l4_proto l4 = 0; l4 < L4_COUNT; l4++) {
		size_t quote_len = flow_packet_bytes(quote, l4, false, true, 33), len;

		assert_int_equal(open_error(false, 11, 0, 0, quote_len), ICMP_OK);
		assert_int_equal(head.type, 11);
		assert_int_equal(head.code, 0);
		assert_int_equal(head.word, 0);
		assert_int_equal(quoted.ip_len, quote_len);
		quote_len = flow_packet_bytes(quote, l4, true, true, 33);
		no_flow_label(quote);
		len = wire_icmp(wanted, router6in, inside, 3, 0, 0, quote, quote_len);
		wire_put32(wanted, 6u << 28 | (uint32_t)TOS << 20);
		wanted[7] = WIRE_TTL - 1;
		assert_int_equal(error_to6(3, 0, 0, l4), len);
		assert_memory_equal(out, wanted, len);
	}
}

/* But for the quoted header's identification and DF, which IPv6 has not, and its checksum */
static void test_bytes_to4(void **state)
{
	(void)state;
	for (enum l4_proto l4 = 0; l4 < L4_COUNT; l4++) {
		size_t quote_len = flow_packet_bytes(quote, l4, true, false, 33), len;

		assert_int_equal(open_error(true, 1, 4, 0, quote_len), ICMP_OK);
		assert_int_equal(head.type, 1);
		assert_int_equal(head.code, 4);
		quote_len = flow_packet_bytes(quote, l4, false, false, 33);
		len = wire_icmp(wanted, outside, remote4, 3, 3, 0, quote, quote_len);
		assert_int_equal(error_to4(3, 3, 0, l4), len);
		assert_int_equal(out[0], 0x45);
		assert_int_equal(out[1], TOS);
		assert_int_equal(wire_get16(out + 4), 0x7777);
		assert_int_equal(wire_get16(out + 6), 0);	/* 5.1: short, so DF is clear */
		assert_int_equal(out[8], WIRE_TTL - 1);
		assert_int_equal(out[9], WIRE_ICMP);
		assert_memory_equal(out + 12, wanted + 12, 8);
		assert_memory_equal(out + 20, wanted + 20, 2);
		assert_memory_equal(out + 24, wanted + 24, 4);
		assert_true(wire_ipv4_good(out + 28));
		assert_memory_equal(out + 28, wanted + 28, 4);
		assert_memory_equal(out + 28 + 8, wanted + 28 + 8, 2);
		assert_memory_equal(out + 28 + 12, wanted + 28 + 12, quote_len - 12);
	}
}

/* RFC 792: 8 bytes of TCP are enough. The lengths in the quoted header are the whole's. */
static void test_eight_bytes(void **state)
{
	(void)state;
	flow_packet_bytes(quote, L4_TCP, false, true, 1000);
	assert_int_equal(open_error(false, 3, 1, 0, 28), ICMP_OK);
	assert_int_equal(error_to6(1, 0, 0, L4_TCP), 40 + 8 + 40 + 8);
	assert_int_equal(wire_get16(out + 48 + 4), 1020);
	assert_int_equal(out[48 + 6], WIRE_TCP);
	assert_memory_equal(out + 48 + 8, &(struct in6_addr[]){ wire_addr(inside) }, 16);
	assert_memory_equal(out + 48 + 24, &(struct in6_addr[]){ wire_addr(remote6) }, 16);
	assert_int_equal(wire_get16(out + 88), INSIDE_PORT);
	assert_int_equal(wire_get16(out + 90), REMOTE_PORT);
	assert_int_equal(wire_get32(out + 92), 0x01020304);

	flow_packet_bytes(quote, L4_TCP, true, false, 1000);
	assert_int_equal(open_error(true, 1, 4, 0, 48), ICMP_OK);
	assert_int_equal(error_to4(3, 3, 0, L4_TCP), 20 + 8 + 20 + 8);
	assert_int_equal(wire_get16(out + 28 + 2), 1040);
	assert_int_equal(wire_get16(out + 48), REMOTE_PORT);
	assert_int_equal(wire_get16(out + 50), OUTSIDE_PORT);
	assert_int_equal(wire_get32(out + 52), 0x01020304);
	/* Seven are not. */
	assert_int_equal(open_error(true, 1, 4, 0, 47), ICMP_BAD_INNER);
	flow_packet_bytes(quote, L4_TCP, false, true, 1000);
	assert_int_equal(open_error(false, 3, 1, 0, 27), ICMP_BAD_INNER);
}

/* RFC 4443 2.4 (c): no more than 1280; RFC 1812 4.3.2.3: no more than 576 */
static void test_truncation(void **state)
{
	(void)state;
	for (size_t data = 400; data < 1460; data++) {
		size_t quote_len = flow_packet_bytes(quote, L4_UDP, false, true, data), whole;
		size_t len;

		assert_int_equal(open_error(false, 3, 3, 0, quote_len), ICMP_OK);
		len = error_to6(1, 4, 0, L4_UDP);
		whole = flow_packet_bytes(wanted, L4_UDP, true, true, data);
		assert_int_equal(len, whole + 48 > 1280 ? 1280 : whole + 48);
		no_flow_label(wanted);
		assert_memory_equal(out + 48, wanted, len - 48);

		quote_len = flow_packet_bytes(quote, L4_UDP, true, false, data);
		assert_int_equal(open_error(true, 1, 3, 0, quote_len), ICMP_OK);
		len = error_to4(3, 1, 0, L4_UDP);
		whole = flow_packet_bytes(wanted, L4_UDP, false, false, data);
		assert_int_equal(len, whole + 28 > 576 ? 576 : whole + 28);
		assert_int_equal(wire_get16(out + 28 + 2), whole);
		assert_true(wire_ipv4_good(out + 28));
		assert_memory_equal(out + 48, wanted + 20, len - 48);
	}
}

/* A first fragment of a DF=0 packet is quoted with its Fragment header, and without. */
static void test_quoted_fragment(void **state)
{
	(void)state;
	flow_packet_bytes(quote, L4_UDP, false, true, 1000);
	wire_put16(quote + 6, WIRE_MF);
	wire_put16(quote + 24, 4000);
	assert_int_equal(open_error(false, 3, 3, 0, 548), ICMP_OK);
	assert_int_equal(error_to6(1, 4, 0, L4_UDP), 48 + 48 + 528);
	assert_int_equal(wire_get16(out + 48 + 4), 8 + 1008);
	assert_int_equal(out[48 + 6], WIRE_FRAGMENT);
	assert_int_equal(out[88], WIRE_UDP);
	assert_int_equal(wire_get16(out + 90), 1);
	assert_int_equal(wire_get32(out + 92), WIRE_ID);
	assert_int_equal(wire_get16(out + 96), INSIDE_PORT);

	size_t len = flow_packet_bytes(quote, L4_UDP, true, false, 1000);

	memmove(quote + 48, quote + 40, len - 40);
	memset(quote + 40, 0, 8);
	quote[6] = WIRE_FRAGMENT;
	quote[40] = WIRE_UDP;
	quote[43] = 1;
	wire_put32(quote + 44, WIRE_ID);
	wire_put16(quote + 4, (unsigned int)(len - 40 + 8));
	assert_int_equal(open_error(true, 3, 0, 0, 200), ICMP_OK);
	error_to4(11, 0, 0, L4_UDP);
	assert_int_equal(wire_get16(out + 28 + 2), 20 + 1008);
	assert_int_equal(wire_get16(out + 28 + 4), WIRE_ID);
	assert_int_equal(wire_get16(out + 28 + 6), WIRE_MF);
	assert_int_equal(wire_get16(out + 50), OUTSIDE_PORT);
}

static void test_bad_checksum(void **state)
{
	(void)state;
	for (int v6 = 0; v6 < 2; v6++) {
		size_t len = flow_packet_bytes(quote, L4_UDP, v6, !v6, 30);

		assert_int_equal(open_error(v6, v6 ? 1 : 3, 3, 0, len), ICMP_OK);
		for (size_t at = (v6 ? 40 : 20) + 2; at < packet.len; at++) {
			packet.data[at] ^= 0x20;
			assert_int_equal(icmp_open(&packet, &head, &quoted), ICMP_BAD_CHECKSUM);
			packet.data[at] ^= 0x20;
		}
		assert_int_equal(icmp_open(&packet, &head, &quoted), ICMP_OK);
	}
}

/* A bad checksum within what is quoted is none of our business (it may be why). */
static void test_bad_inner_checksum(void **state)
{
	size_t len = flow_packet_bytes(quote, L4_UDP, false, true, 30);

	(void)state;
	quote[27] ^= 1;
	quote[10] ^= 1;		/* the IPv4 header's too */
	assert_int_equal(open_error(false, 3, 3, 0, len), ICMP_OK);
	assert_int_equal(error_to6(1, 4, 0, L4_UDP), len + 20 + 48);
}

/* RFC 1122 3.2.2, RFC 4443 2.4 (e): none about an error; and other nonsense */
static void test_bad_inner(void **state)
{
	size_t len;

	(void)state;
	len = wire_icmp(quote, outside, remote4, 3, 3, 0, NULL, 40);
	assert_int_equal(open_error(false, 3, 3, 0, len), ICMP_BAD_INNER);
	len = wire_icmp(quote, remote6, inside, 1, 4, 0, NULL, 40);
	assert_int_equal(open_error(true, 1, 4, 0, len), ICMP_BAD_INNER);
	/* types that are never translated */
	len = wire_icmp(quote, outside, remote4, 13, 0, 0, NULL, 12);
	assert_int_equal(open_error(false, 3, 3, 0, len), ICMP_BAD_INNER);
	/* the other family */
	len = flow_packet_bytes(quote, L4_UDP, true, true, 30);
	assert_int_equal(open_error(false, 3, 3, 0, len), ICMP_BAD_INNER);
	len = flow_packet_bytes(quote, L4_UDP, false, false, 30);
	assert_int_equal(open_error(true, 1, 4, 0, len), ICMP_BAD_INNER);
	/* nothing at all, and half a header */
	assert_int_equal(open_error(false, 3, 3, 0, 0), ICMP_BAD_INNER);
	assert_int_equal(open_error(false, 3, 3, 0, 19), ICMP_BAD_INNER);
	assert_int_equal(open_error(true, 1, 3, 0, 0), ICMP_BAD_INNER);
}

/*
 * RFC 7915 4.3, 5.3, 4.5, 5.5: another protocol, or a fragment without ports, is quoted: what
 * has addresses alone to go by can translate it. The transport stays as it is.
 */
static void test_other_inner(void **state)
{
	(void)state;
	for (int v6 = 0; v6 < 2; v6++) {
		size_t at = v6 ? 40 : 20, len = flow_packet_bytes(quote, L4_UDP, v6, !v6, 30);

		quote[v6 ? 6 : 9] = 47;
		assert_int_equal(open_error(v6, v6 ? 1 : 3, 3, 0, len), ICMP_OTHER_INNER);
		assert_int_equal(quoted.l4, L4_OTHER);
		len = v6 ? error_to4(3, 1, 0, L4_OTHER) : error_to6(1, 0, 0, L4_OTHER);
		flow_packet_bytes(wanted, L4_UDP, !v6, !v6, 30);
		assert_int_equal(out[v6 ? 28 + 9 : 48 + 6], 47);
		assert_memory_equal(out + (v6 ? 40 : 56), wanted + (v6 ? 12 : 8), v6 ? 8 : 32);
		assert_memory_equal(out + (v6 ? 48 : 88), quote + at, 38);
	}
	flow_packet_bytes(quote, L4_UDP, false, true, 30);
	wire_put16(quote + 6, 185);
	assert_int_equal(open_error(false, 3, 3, 0, 40), ICMP_OTHER_INNER);
	assert_int_equal(error_to6(1, 4, 0, L4_OTHER), 48 + 48 + 20);
	assert_int_equal(out[48 + 6], WIRE_FRAGMENT);
	assert_int_equal(out[48 + 40], WIRE_UDP);
	assert_int_equal(wire_get16(out + 48 + 42), 1480);
	assert_memory_equal(out + 48 + 48, quote + 20, 20);
	/* the other family's ICMP, or an extension header's number, is no transport */
	quote[9] = WIRE_ICMP6;
	wire_put16(quote + 6, 0);
	assert_int_equal(open_error(false, 3, 3, 0, 40), ICMP_BAD_INNER);
	quote[9] = 43;
	assert_int_equal(open_error(false, 3, 3, 0, 40), ICMP_BAD_INNER);
}

static const uint8_t mpls[12] = { 0x20, 0, 0x5a, 0x5b, 0, 8, 1, 1, 0xaa, 0xbb, 0xcc, 0xdd };

/* An error with @extension_len bytes of extension behind @padded bytes of @quote */
static enum icmp_result open_extended(bool v6, uint8_t type, size_t padded, size_t extension_len)
{
	uint32_t word = (uint32_t)(padded / (v6 ? 8 : 4)) << (v6 ? 24 : 16);

	for (size_t i = 0; i < extension_len; i++)
		quote[padded + i] = i < sizeof(mpls) ? mpls[i] : (uint8_t)(i * 3);
	return open_error(v6, type, 0, word, padded + extension_len);
}

/*
 * RFC 4884 4: a length of n words of 32 bits (ICMPv4) or 64 bits (ICMPv6) says where the
 * quoted packet, padded with zeros to 128 bytes at least, ends and extensions begin. RFC 7915
 * 4.2, 5.2: they are carried over, the length adjusted; RFC 7915 4.3, 5.3: the quoted packet
 * is shortened for them.
 */
static void test_extensions(void **state)
{
	static const size_t extensions[] = { 4, 12, 13, 100, 420, 421, 900 };

	(void)state;
	for (int v6 = 0; v6 < 2; v6++) {
		size_t unit = v6 ? 4 : 8, room = v6 ? 548 : 1232, head_len = v6 ? 28 : 48;

		/* The length of an ICMPv4 message has eight bits: 1020 bytes at most. */
		for (size_t data = 0; data < (v6 ? 1400 : 980); data += 23) {
			size_t extension_len = extensions[data % N(extensions)];
			size_t len = flow_packet_bytes(quote, L4_UDP, v6, !v6, data), whole;
			size_t padded = len < 128 ? 128 : (len + 7) / 8 * 8, quoted_len, carried;
			size_t at = head_len;

			memset(quote + len, 0, 128);
			assert_int_equal(open_extended(v6, v6 ? 3 : 11, padded, extension_len),
					 ICMP_OK);
			assert_int_equal(quoted.len, len);
			whole = flow_packet_bytes(wanted, L4_UDP, !v6, !v6, data);
			memset(wanted + whole, 0, 128);
			carried = extension_len < room - 128 ? extension_len : room - 128;
			quoted_len = (whole + unit - 1) / unit * unit;
			if (quoted_len < 128)
				quoted_len = 128;
			if (quoted_len > (room - carried) / unit * unit)
				quoted_len = (room - carried) / unit * unit;
			len = v6 ? error_to4(11, 0, 0, L4_UDP) : error_to6(3, 0, 0, L4_UDP);
			assert_int_equal(len, head_len + quoted_len + carried);
			/* the length, and nothing else in that word */
			assert_int_equal(wire_get32(out + head_len - 4),
					 quoted_len / unit << (v6 ? 16 : 24));
			at += v6 ? 20 : 40;
			assert_memory_equal(out + at, wanted + (v6 ? 20 : 40),
					    quoted_len - (at - head_len));
			assert_memory_equal(out + head_len + quoted_len, quote + padded, carried);
		}
	}
}

/* RFC 4884 4: Packet Too Big and ICMPv6 Parameter Problem have none, so it is left out. */
static void test_extension_left_out(void **state)
{
	size_t len = flow_packet_bytes(quote, L4_UDP, false, true, 100);

	(void)state;
	assert_int_equal(len, 128);
	assert_int_equal(open_extended(false, 3, 128, sizeof(mpls)), ICMP_OK);
	assert_int_equal(error_to6(2, 0, 1400, L4_UDP), 48 + 148);
	assert_int_equal(wire_get32(out + 44), 1400);
	assert_int_equal(open_extended(false, 12, 128, sizeof(mpls)), ICMP_OK);
	assert_int_equal(error_to6(4, 0, 8, L4_UDP), 48 + 148);
	assert_int_equal(wire_get32(out + 44), 8);
	/* three bytes are no extension (RFC 4884 7: its header has four) */
	assert_int_equal(open_extended(false, 11, 128, 3), ICMP_OK);
	assert_int_equal(quoted.len, 128);
	assert_int_equal(error_to6(3, 0, 0, L4_UDP), 48 + 148);
	assert_int_equal(wire_get32(out + 44), 0);
}

/* RFC 4884 4 wants 128 bytes; senders that pad less are understood, and mended. */
static void test_short_padding(void **state)
{
	(void)state;
	for (int v6 = 0; v6 < 2; v6++) {
		size_t len = flow_packet_bytes(quote, L4_UDP, v6, !v6, 4), head_len = v6 ? 28 : 48;
		size_t padded = v6 ? 56 : 32, whole;

		memset(quote + len, 0, 128);
		assert_int_equal(open_extended(v6, v6 ? 1 : 3, padded, sizeof(mpls)), ICMP_OK);
		assert_int_equal(quoted.len, len);
		whole = v6 ? error_to4(3, 1, 0, L4_UDP) : error_to6(1, 0, 0, L4_UDP);
		assert_int_equal(whole, head_len + 128 + sizeof(mpls));
		assert_int_equal(out[v6 ? 25 : 44], v6 ? 32 : 16);
		for (size_t i = v6 ? 32 : 52; i < 128; i++)
			assert_int_equal(out[head_len + i], 0);
		assert_memory_equal(out + head_len + 128, mpls, sizeof(mpls));
	}
}

/*
 * RFC 4884 5: older routers append to Destination Unreachable and Time Exceeded without a
 * length, behind 128 bytes; a version of 2 and a good checksum tell. It leaves with a length.
 */
static void test_unannounced_extension(void **state)
{
	static const uint8_t types[] = { 3, 11, 12 };
	uint8_t good[12];

	(void)state;
	memcpy(good, mpls, 12);
	wire_put16(good + 2, 0);
	wire_put16(good + 2, ~wire_sum(0, good, 12) & 0xffff);
	for (size_t i = 0; i < N(types); i++) {
		bool parameter = types[i] == 12;

		flow_packet_bytes(quote, L4_UDP, false, true, 300);
		memcpy(quote + 128, good, 12);
		assert_int_equal(open_error(false, types[i], 0, 0, 140), ICMP_OK);
		assert_int_equal(quoted.len, parameter ? 140 : 128);
		if (parameter)
			continue;
		assert_int_equal(error_to6(types[i] == 3 ? 1 : 3, 0, 0, L4_UDP), 48 + 152 + 12);
		assert_int_equal(out[44], 152 / 8);
		assert_int_equal(wire_get32(out + 48 + 148), 0);
		assert_memory_equal(out + 48 + 152, good, 12);
		/* no version 2, another checksum, none, no object */
		quote[128] = 0x10;
		wire_put16(quote + 130, wire_get16(good + 2) + 0x1000);
		assert_int_equal(open_error(false, types[i], 0, 0, 140), ICMP_OK);
		assert_int_equal(quoted.len, 140);
		quote[128] = 0x20;
		assert_int_equal(open_error(false, types[i], 0, 0, 140), ICMP_OK);
		assert_int_equal(quoted.len, 140);
		memset(quote + 128, 0xff, 12);
		wire_put32(quote + 128, 0x2000dfff);
		assert_int_equal(open_error(false, types[i], 0, 0, 132), ICMP_OK);
		assert_int_equal(quoted.len, 132);
		wire_put32(quote + 128, 0x20000000);
		wire_put16(quote + 132, 0xdfff);
		memset(quote + 134, 0, 6);
		assert_int_equal(open_error(false, types[i], 0, 0, 140), ICMP_OK);
		assert_int_equal(quoted.len, 140);
	}
	/* IPv6 has no such past. */
	flow_packet_bytes(quote, L4_UDP, true, false, 300);
	memcpy(quote + 128, good, 12);
	assert_int_equal(open_error(true, 3, 0, 0, 140), ICMP_OK);
	assert_int_equal(quoted.len, 140);
}

/* A length beyond the message, or in a type that has none, means nothing. */
static void test_extension_lengths(void **state)
{
	size_t len = flow_packet_bytes(quote, L4_UDP, false, true, 200);

	(void)state;
	assert_int_equal(open_error(false, 3, 1, 255 << 16, len), ICMP_OK);
	assert_int_equal(quoted.len, len);
	assert_int_equal(open_error(false, 3, 4, 32 << 16 | 1400, len), ICMP_OK);
	assert_int_equal(quoted.len, 128);	/* with an MTU behind it (RFC 4884 4.1) */
	assert_int_equal(head.word & 0xffff, 1400);
	len = flow_packet_bytes(quote, L4_UDP, true, false, 200);
	assert_int_equal(open_error(true, 1, 3, 255u << 24, len), ICMP_OK);
	assert_int_equal(quoted.len, len);
	/* packet too big: the word is the MTU, parameter problem: the pointer */
	assert_int_equal(open_error(true, 2, 0, 16u << 24, len), ICMP_OK);
	assert_int_equal(quoted.len, len);
	assert_int_equal(open_error(true, 4, 0, 16u << 24, len), ICMP_OK);
	assert_int_equal(quoted.len, len);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bytes_to6),
		cmocka_unit_test(test_bytes_to4),
		cmocka_unit_test(test_eight_bytes),
		cmocka_unit_test(test_truncation),
		cmocka_unit_test(test_quoted_fragment),
		cmocka_unit_test(test_bad_checksum),
		cmocka_unit_test(test_bad_inner_checksum),
		cmocka_unit_test(test_bad_inner),
		cmocka_unit_test(test_other_inner),
		cmocka_unit_test(test_extensions),
		cmocka_unit_test(test_extension_left_out),
		cmocka_unit_test(test_short_padding),
		cmocka_unit_test(test_unannounced_extension),
		cmocka_unit_test(test_extension_lengths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
