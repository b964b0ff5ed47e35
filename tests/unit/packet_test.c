/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Packets read: RFC 791 and 8200 headers, options and extension headers as RFC 7915 4.1 and
 * 5.1 want them judged, fragments, quoted packets (RFC 792), and every way to be cut short.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "packet_world.h"

/* RFC 791 3.1, read for RFC 7915 4.1 */
static void test_ipv4(void **state)
{
	size_t len = wire_udp(bytes, v4a, 1234, v4b, 53, 11);

	(void)state;
	wire_put16(bytes + 6, WIRE_DF);
	assert_int_equal(parse(len), PACKET_OK);
	assert_int_equal(packet.l3, L3_IPV4);
	assert_int_equal(packet.l4, L4_UDP);
	assert_addresses(v4a, v4b);
	assert_int_equal(packet.tos, WIRE_TOS);
	assert_int_equal(packet.ttl, WIRE_TTL);
	assert_int_equal(packet.proto, WIRE_UDP);
	assert_true(packet.df);
	assert_false(packet.fragment);
	assert_int_equal(packet.frag_id, WIRE_ID);
	assert_int_equal(packet.len, 39);
	assert_int_equal(packet.ip_len, 39);
	assert_ptr_equal(packet.l4_data, bytes + 20);
	assert_int_equal(packet.l4_len, 19);
	assert_int_equal(packet.l4_ip_len, 19);
	assert_int_equal(packet.src_port, 1234);
	assert_int_equal(packet.dst_port, 53);
	assert_false(packet.icmp_error);
	wire_put16(bytes + 6, 0);
	assert_int_equal(parse(len), PACKET_OK);
	assert_false(packet.df);
}

/* RFC 8200 3, read for RFC 7915 5.1 */
static void test_ipv6(void **state)
{
	size_t len = wire_tcp(bytes, v6a, 40000, v6b, 443, 0x12, NULL, 0, 5);

	(void)state;
	assert_int_equal(parse(len), PACKET_OK);
	assert_int_equal(packet.l3, L3_IPV6);
	assert_int_equal(packet.l4, L4_TCP);
	assert_addresses(v6a, v6b);
	assert_int_equal(packet.tos, WIRE_TOS);	/* between version and flow label */
	assert_int_equal(packet.ttl, WIRE_TTL);
	assert_int_equal(packet.proto, WIRE_TCP);
	assert_int_equal(packet.len, 65);
	assert_int_equal(packet.ip_len, 65);
	assert_ptr_equal(packet.l4_data, bytes + 40);
	assert_int_equal(packet.l4_len, 25);
	assert_int_equal(packet.src_port, 40000);
	assert_int_equal(packet.dst_port, 443);
	assert_int_equal(packet.tcp_flags, 0x12);
}

/* Ethernet pads short frames; the IP header knows better. */
static void test_padding_is_left_out(void **state)
{
	size_t len = wire_udp(bytes, v4a, 1, v4b, 2, 1);

	(void)state;
	assert_int_equal(parse(len + 17), PACKET_OK);
	assert_int_equal(packet.len, 29);
	assert_int_equal(packet.l4_len, 9);
	len = wire_udp(bytes, v6a, 1, v6b, 2, 1);
	assert_int_equal(parse(len + 17), PACKET_OK);
	assert_int_equal(packet.len, 49);
	assert_int_equal(packet.l4_len, 9);
}

/*
 * RFC 7915 4.2 and 5.2: which messages are queries, which errors, and which are for one hop,
 * obsolete or unknown. RFC 7915 4.2 query, RFC 7915 4.2 router, RFC 7915 4.2 unknown, RFC 7915
 * 4.2 type 4, RFC 7915 4.2 type 5, RFC 7915 4.2 type 6; RFC 7915 5.2 mld, RFC 7915 5.2 nd, RFC
 * 7915 5.2 unknown, RFC 7915 5.2 error.
 */
static void test_icmp_types(void **state)
{
	static const struct {
		bool v6;
		uint8_t type;
		enum packet_result result;
		bool error;
	} rows[] = {
		{ false, 8, PACKET_OK, false }, { false, 0, PACKET_OK, false },
		{ false, 3, PACKET_OK, true }, { false, 11, PACKET_OK, true },
		{ false, 12, PACKET_OK, true },
		/* RFC 7915 4.2: source quench, redirect, advertisements, timestamps,
		 * information and address mask are never translated */
		{ false, 4, PACKET_ICMP_TYPE, false }, { false, 5, PACKET_ICMP_TYPE, false },
		{ false, 6, PACKET_ICMP_TYPE, false }, { false, 9, PACKET_ICMP_TYPE, false },
		{ false, 10, PACKET_ICMP_TYPE, false }, { false, 13, PACKET_ICMP_TYPE, false },
		{ false, 14, PACKET_ICMP_TYPE, false }, { false, 15, PACKET_ICMP_TYPE, false },
		{ false, 16, PACKET_ICMP_TYPE, false }, { false, 17, PACKET_ICMP_TYPE, false },
		{ false, 18, PACKET_ICMP_TYPE, false }, { false, 255, PACKET_ICMP_TYPE, false },
		{ true, 128, PACKET_OK, false }, { true, 129, PACKET_OK, false },
		{ true, 1, PACKET_OK, true }, { true, 2, PACKET_OK, true },
		{ true, 3, PACKET_OK, true }, { true, 4, PACKET_OK, true },
		/* 5.2: MLD, neighbour discovery and unknown ones neither */
		{ true, 130, PACKET_ICMP_TYPE, false }, { true, 131, PACKET_ICMP_TYPE, false },
		{ true, 132, PACKET_ICMP_TYPE, false }, { true, 133, PACKET_ICMP_TYPE, false },
		{ true, 134, PACKET_ICMP_TYPE, false }, { true, 135, PACKET_ICMP_TYPE, false },
		{ true, 136, PACKET_ICMP_TYPE, false }, { true, 137, PACKET_ICMP_TYPE, false },
		{ true, 0, PACKET_ICMP_TYPE, false }, { true, 5, PACKET_ICMP_TYPE, false },
		{ true, 255, PACKET_ICMP_TYPE, false },
	};

	(void)state;
	for (size_t i = 0; i < N(rows); i++) {
		size_t len = wire_icmp(bytes, rows[i].v6 ? v6a : v4a, rows[i].v6 ? v6b : v4b,
				       rows[i].type, 3, 0xbeef0001, NULL, 40);

		assert_int_equal(parse(len), rows[i].result);
		assert_int_equal(packet.icmp_error, rows[i].error);
		assert_int_equal(packet.icmp_type, rows[i].type);
		if (rows[i].result != PACKET_OK || rows[i].error)
			continue;
		assert_int_equal(packet.l4, L4_ICMP);
		assert_int_equal(packet.src_port, 0xbeef);
		assert_int_equal(packet.dst_port, 0xbeef);
	}
}

static enum packet_result parse_protocol(bool v6, uint8_t proto)
{
	size_t at = wire_ip(bytes, proto, v6 ? v6a : v4a, v6 ? v6b : v4b, 40);
	enum packet_result result;

	wire_fill(bytes + at, 40);
	result = parse(at + 40);
	assert_addresses(v6 ? v6a : v4a, v6 ? v6b : v4b);
	assert_int_equal(packet.l4, L4_OTHER);
	assert_ptr_equal(packet.l4_data, bytes + at);
	assert_int_equal(packet.l4_len, 40);
	return result;
}

/*
 * RFC 6146 3.4 protocol: neither TCP, UDP nor ICMP. RFC 7915 4.5, 5.5: other transports can be
 * carried by their addresses (ESP and AH are such, RFC 7915 5.1), but not numbers that are
 * extension headers or ICMP over there, nor IGMP (RFC 7915 4.2 igmp).
 */
static void test_other_protocols(void **state)
{
	static const uint8_t both[] = { 4, 33, 41, 47, 50, 51, 132, 136, 253, 255 };
	static const uint8_t not4[] = { 0, 2, 43, 44, 58, 59, 60, 135, 139, 140 };

	(void)state;
	for (size_t i = 0; i < N(both); i++) {
		assert_int_equal(parse_protocol(false, both[i]), PACKET_PROTOCOL);
		assert_int_equal(parse_protocol(true, both[i]), PACKET_PROTOCOL);
	}
	for (size_t i = 0; i < N(not4); i++)
		assert_int_equal(parse_protocol(false, not4[i]), PACKET_NO_COUNTERPART);
	assert_int_equal(parse_protocol(true, 1), PACKET_NO_COUNTERPART);
	assert_int_equal(parse_protocol(true, 2), PACKET_NO_COUNTERPART);
	/* RFC 8200 4.7: nothing follows */
	assert_int_equal(parse_protocol(true, 59), PACKET_PROTOCOL);
}

/* Put @options, padded to words with @options_len bytes, behind the IPv4 header. */
static size_t with_options(const uint8_t *options, size_t options_len)
{
	size_t len = wire_udp(bytes, v4a, 1234, v4b, 53, 4);

	memmove(bytes + 20 + options_len, bytes + 20, len - 20);
	memcpy(bytes + 20, options, options_len);
	bytes[0] = (uint8_t)(0x45 + options_len / 4);
	wire_put16(bytes + 2, (unsigned int)(len + options_len));
	return len + options_len;
}

/*
 * RFC 7915 4.1: options are ignored, but an unexpired source route is refused (RFC 7915 4.1
 * source route).
 */
static void test_ipv4_options(void **state)
{
	static const struct {
		size_t len;
		uint8_t options[12];
		enum packet_result result;
	} rows[] = {
		{ 4, { 1, 1, 1, 0 }, PACKET_OK },
		{ 4, { 0, 131, 3, 4 }, PACKET_OK },	/* after the end: nothing */
		{ 4, { 148, 4, 0, 0 }, PACKET_OK },	/* router alert */
		{ 12, { 7, 11, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0 }, PACKET_OK }, /* record route */
		{ 8, { 131, 7, 4, 192, 0, 2, 1, 0 }, PACKET_SOURCE_ROUTE },
		{ 8, { 137, 7, 4, 192, 0, 2, 1, 0 }, PACKET_SOURCE_ROUTE },
		{ 8, { 1, 131, 7, 4, 192, 0, 2, 1 }, PACKET_SOURCE_ROUTE },
		{ 12, { 131, 11, 8, 192, 0, 2, 1, 192, 0, 2, 2, 0 }, PACKET_SOURCE_ROUTE },
		/* RFC 791: it is over when the pointer is greater than the length */
		{ 8, { 131, 7, 7, 192, 0, 2, 1, 0 }, PACKET_SOURCE_ROUTE },
		{ 8, { 131, 7, 8, 192, 0, 2, 1, 0 }, PACKET_OK },
		{ 12, { 137, 11, 12, 192, 0, 2, 1, 192, 0, 2, 2, 0 }, PACKET_OK },
		{ 4, { 131, 3, 4, 0 }, PACKET_OK },
		/* no length below 2, none longer than the header, none cut off */
		{ 4, { 148, 0, 0, 0 }, PACKET_MALFORMED },
		{ 4, { 148, 1, 0, 0 }, PACKET_MALFORMED },
		{ 4, { 148, 40, 0, 0 }, PACKET_MALFORMED },
		{ 4, { 1, 1, 1, 148 }, PACKET_MALFORMED },
	};

	(void)state;
	for (size_t i = 0; i < N(rows); i++) {
		size_t len = with_options(rows[i].options, rows[i].len);

		assert_int_equal(parse(len), rows[i].result);
		if (rows[i].result == PACKET_MALFORMED)
			continue;
		assert_addresses(v4a, v4b);
		assert_ptr_equal(packet.l4_data, bytes + 20 + rows[i].len);
		assert_int_equal(packet.src_port, 1234);
	}
}

/* RFC 791 3.1: lengths and versions that cannot be */
static void test_ipv4_malformed(void **state)
{
	size_t len = wire_udp(bytes, v4a, 1234, v4b, 53, 20);

	(void)state;
	bytes[0] = 0x44;	/* shorter than a header can be */
	assert_int_equal(parse(len), PACKET_MALFORMED);
	bytes[0] = 0x4f;	/* a header longer than the packet */
	wire_put16(bytes + 2, 48);
	assert_int_equal(parse(len), PACKET_MALFORMED);
	bytes[0] = 0x45;
	wire_put16(bytes + 2, 19);
	assert_int_equal(parse(len), PACKET_MALFORMED);
	wire_put16(bytes + 2, 0);
	assert_int_equal(parse(len), PACKET_MALFORMED);
	wire_put16(bytes + 2, 49);	/* more than there is */
	assert_int_equal(parse(len), PACKET_MALFORMED);
	for (unsigned int version = 0; version < 16; version++) {
		bytes[0] = (uint8_t)(version << 4 | 5);
		if (version != 4 && version != 6)
			assert_int_equal(parse(len), PACKET_MALFORMED);
	}
	assert_int_equal(packet_parse(&packet, bytes, 0), PACKET_MALFORMED);
}

/* RFC 768: a length that is too short or too long; RFC 8200 8.1 has none of zero. */
static void test_udp_length(void **state)
{
	(void)state;
	for (int v6 = 0; v6 < 2; v6++) {
		size_t len = wire_udp(bytes, v6 ? v6a : v4a, 1, v6 ? v6b : v4b, 2, 20);
		uint8_t *field = bytes + (v6 ? 40 : 20) + 4;

		wire_put16(field, 7);
		assert_int_equal(parse(len), PACKET_MALFORMED);
		wire_put16(field, 0);
		assert_int_equal(parse(len), PACKET_MALFORMED);
		wire_put16(field, 29);
		assert_int_equal(parse(len), PACKET_MALFORMED);
		wire_put16(field, 8);		/* RFC 768: what is left over is nobody's */
		assert_int_equal(parse(len), PACKET_OK);
	}
}

/* RFC 9293 3.1: the data offset lies within the segment. */
static void test_tcp_offset(void **state)
{
	size_t len = wire_tcp(bytes, v4a, 1, v4b, 2, 0x10, NULL, 0, 3);

	(void)state;
	bytes[20 + 12] = 4 << 4;
	assert_int_equal(parse(len), PACKET_MALFORMED);
	bytes[20 + 12] = 6 << 4;	/* 24 bytes, 23 are there */
	assert_int_equal(parse(len), PACKET_MALFORMED);
	bytes[20 + 12] = 5 << 4 | 0x0f;	/* reserved bits do not count */
	assert_int_equal(parse(len), PACKET_OK);
}

/* RFC 8200 4.5, for RFC 7915 5.1.1 and RFC 6146 3.4 fragment */
static void test_ipv6_fragments(void **state)
{
	size_t len = wire_udp(bytes, v6a, 1234, v6b, 53, 40);

	(void)state;
	len = with_extension(len, 44, 0, 0, 1);			/* first, more follow */
	wire_put32(bytes + 44, 0xdeadbeef);
	assert_int_equal(parse(len), PACKET_FRAGMENT);
	assert_true(packet.fragment && packet.more);
	assert_int_equal(packet.frag_offset, 0);
	assert_int_equal(packet.frag_id, 0xdeadbeef);
	assert_addresses(v6a, v6b);
	assert_int_equal(packet.proto, WIRE_UDP);
	wire_put16(bytes + 42, 1448 | 1);			/* in the middle */
	assert_int_equal(parse(len), PACKET_FRAGMENT);
	assert_true(packet.more);
	assert_int_equal(packet.frag_offset, 1448);
	wire_put16(bytes + 42, 0xfff8);				/* the last there can be */
	assert_int_equal(parse(len), PACKET_FRAGMENT);
	assert_false(packet.more);
	assert_int_equal(packet.frag_offset, 65528);
	/* What stands behind an offset is no header. */
	wire_put16(bytes + 48 + 4, 3);
	assert_int_equal(parse(len), PACKET_FRAGMENT);
	assert_int_equal(packet.l4, L4_OTHER);
}

/* RFC 791 3.1, for RFC 7915 4.1 fragment and RFC 6146 3.4 fragment */
static void test_ipv4_fragments(void **state)
{
	size_t len = wire_udp(bytes, v4a, 1234, v4b, 53, 40);

	(void)state;
	wire_put16(bytes + 6, WIRE_MF);
	assert_int_equal(parse(len), PACKET_FRAGMENT);
	assert_true(packet.fragment && packet.more);
	assert_int_equal(packet.frag_offset, 0);
	assert_addresses(v4a, v4b);
	wire_put16(bytes + 6, 0x1fff);
	assert_int_equal(parse(len), PACKET_FRAGMENT);
	assert_false(packet.more);
	assert_int_equal(packet.frag_offset, 65528);
	wire_put16(bytes + 6, WIRE_MF | 185);
	assert_int_equal(parse(len), PACKET_FRAGMENT);
	assert_int_equal(packet.frag_offset, 1480);
	/* The reserved bit is none of these. */
	wire_put16(bytes + 6, 0x8000);
	assert_int_equal(parse(len), PACKET_OK);
}

/*
 * RFC 792: an error quotes the IP header and 8 bytes at least; RFC 7915 4.3, 5.3 translate
 * that.
 */
static void test_quoted(void **state)
{
	static const char *const src[] = { v4a, v6a }, *const dst[] = { v4b, v6b };
	static const uint8_t options[20] = { 1, 1, 1, 1 };

	(void)state;
	for (int v6 = 0; v6 < 2; v6++) {
		size_t at = v6 ? 40 : 20;
		size_t len = wire_tcp(bytes, src[v6], 40000, dst[v6], 443, 0x10, options, 20, 500);

		for (size_t cut = 0; cut <= len; cut++) {
			uint8_t *copy = malloc(cut ? cut : 1);
			enum packet_result result;

			memcpy(copy, bytes, cut);
			result = packet_parse_quoted(&packet, copy, cut);
			assert_int_equal(result, cut < at + 8 ? PACKET_MALFORMED : PACKET_OK);
			if (result == PACKET_OK) {
				assert_int_equal(packet.l4, L4_TCP);
				assert_int_equal(packet.src_port, 40000);
				assert_int_equal(packet.dst_port, 443);
				assert_int_equal(packet.ip_len, len);
				assert_int_equal(packet.len, cut);
				assert_int_equal(packet.l4_len, cut - at);
				assert_int_equal(packet.l4_ip_len, len - at);
			}
			free(copy);
		}
	}
}

/*
 * RFC 7915 4.3, 5.3: as much of a UDP datagram or a query is enough; an error within is told.
 */
static void test_quoted_others(void **state)
{
	static const char *const src[] = { v4a, v6a }, *const dst[] = { v4b, v6b };

	(void)state;
	for (int v6 = 0; v6 < 2; v6++) {
		size_t at = v6 ? 40 : 20;

		wire_udp(bytes, src[v6], 1234, dst[v6], 53, 1000);
		assert_int_equal(packet_parse_quoted(&packet, bytes, at + 8), PACKET_OK);
		assert_int_equal(packet.l4, L4_UDP);
		assert_int_equal(packet.src_port, 1234);
		wire_icmp(bytes, src[v6], dst[v6], v6 ? 128 : 8, 0, 0xbeef0001, NULL, 1000);
		assert_int_equal(packet_parse_quoted(&packet, bytes, at + 8), PACKET_OK);
		assert_int_equal(packet.src_port, 0xbeef);
		assert_int_equal(packet_parse_quoted(&packet, bytes, at + 7), PACKET_MALFORMED);
		/* an error within an error is told */
		wire_icmp(bytes, src[v6], dst[v6], v6 ? 1 : 3, 0, 0, NULL, 1000);
		assert_int_equal(packet_parse_quoted(&packet, bytes, at + 8), PACKET_OK);
		assert_true(packet.icmp_error);
	}
}

/* RFC 7915 4.3, 5.3: a first fragment has the ports; others have none. */
static void test_quoted_fragments(void **state)
{
	size_t len;

	(void)state;
	wire_udp(bytes, v4a, 1234, v4b, 53, 1000);
	wire_put16(bytes + 6, WIRE_MF);
	wire_put16(bytes + 20 + 4, 3000);	/* the whole datagram is longer */
	assert_int_equal(packet_parse_quoted(&packet, bytes, 28), PACKET_OK);
	assert_true(packet.fragment && packet.more);
	assert_int_equal(packet.src_port, 1234);
	wire_put16(bytes + 6, WIRE_MF | 185);
	assert_int_equal(packet_parse_quoted(&packet, bytes, 28), PACKET_FRAGMENT);

	len = wire_udp(bytes, v6a, 1234, v6b, 53, 1000);
	len = with_extension(len, 44, 0, 0, 1);
	assert_int_equal(packet_parse_quoted(&packet, bytes, 56), PACKET_OK);
	assert_true(packet.fragment && packet.more);
	assert_int_equal(packet.src_port, 1234);
	wire_put16(bytes + 42, 1448);
	assert_int_equal(packet_parse_quoted(&packet, bytes, len), PACKET_FRAGMENT);
}

/* Each packet cut at each length, in a buffer of just that size: no byte beyond is read. */
static void test_truncated(void **state)
{
	static const uint8_t lsrr[8] = { 131, 7, 4, 192, 0, 2, 1, 0 };
	static uint8_t whole[300];
	size_t len;

	(void)state;
	for (int kind = 0; kind < 6; kind++) {
		switch (kind) {
		case 0:
			len = with_options(lsrr, 8);
			break;
		case 1:
			len = wire_tcp(bytes, v4a, 1, v4b, 2, 2, lsrr, 8, 4);
			break;
		case 2:
			len = wire_icmp(bytes, v4a, v4b, 3, 1, 0, NULL, 28);
			break;
		case 3:
			len = wire_udp(bytes, v6a, 1, v6b, 2, 9);
			len = with_extension(len, 44, 0, 0, 0);
			len = with_extension(len, 43, 3, 0, 2);
			len = with_extension(len, 0, 1, 0, 0);
			break;
		case 4:
			len = wire_tcp(bytes, v6a, 1, v6b, 2, 2, lsrr, 8, 4);
			break;
		default:
			len = wire_icmp(bytes, v6a, v6b, 2, 0, 1280, NULL, 48);
		}
		memcpy(whole, bytes, len);
		for (size_t cut = 0; cut < len; cut++) {
			uint8_t *copy = malloc(cut ? cut : 1);

			memcpy(copy, whole, cut);
			assert_int_equal(packet_parse(&packet, copy, cut), PACKET_MALFORMED);
			packet_parse_quoted(&packet, copy, cut);
			/* and with a length field that says no more than there is */
			if (cut >= 40) {
				wire_put16(copy + (kind < 3 ? 2 : 4),
					   (unsigned int)(kind < 3 ? cut : cut - 40));
				packet_parse(&packet, copy, cut);
				packet_parse_quoted(&packet, copy, cut);
			}
			free(copy);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ipv4),
		cmocka_unit_test(test_ipv6),
		cmocka_unit_test(test_padding_is_left_out),
		cmocka_unit_test(test_icmp_types),
		cmocka_unit_test(test_other_protocols),
		cmocka_unit_test(test_ipv4_options),
		cmocka_unit_test(test_ipv4_malformed),
		cmocka_unit_test(test_udp_length),
		cmocka_unit_test(test_tcp_offset),
		cmocka_unit_test(test_ipv6_fragments),
		cmocka_unit_test(test_ipv4_fragments),
		cmocka_unit_test(test_quoted),
		cmocka_unit_test(test_quoted_others),
		cmocka_unit_test(test_quoted_fragments),
		cmocka_unit_test(test_truncated),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
