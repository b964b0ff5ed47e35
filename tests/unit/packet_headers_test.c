/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Extension headers of IPv6 (RFC 8200 4), as RFC 7915 5.1 and 5.1.1 want them judged. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "packet_world.h"

/*
 * RFC 7915 5.1 extension: hop-by-hop, destination and finished routing headers are passed over.
 */
static void test_extension_headers(void **state)
{
	size_t len = wire_udp(bytes, v6a, 1234, v6b, 53, 4);

	(void)state;
	len = with_extension(len, 60, 0, 1, 4);
	len = with_extension(len, 43, 2, 0, 0);
	len = with_extension(len, 60, 1, 1, 12);
	len = with_extension(len, 0, 0, 1, 4);
	assert_int_equal(parse(len), PACKET_OK);
	assert_int_equal(packet.proto, WIRE_UDP);
	assert_ptr_equal(packet.l4_data, bytes + 40 + 8 + 24 + 16 + 8);
	assert_int_equal(packet.l4_len, 12);
	assert_int_equal(packet.l4_ip_len, 12);
	assert_int_equal(packet.src_port, 1234);
	assert_false(packet.fragment);
}

/* RFC 7915 5.1 routing: "the first byte of the Segments Left field" */
static void test_routing_header(void **state)
{
	size_t len = wire_udp(bytes, v6a, 1234, v6b, 53, 4);

	(void)state;
	len = with_extension(len, 43, 2, 0, 1);
	assert_int_equal(parse(len), PACKET_ROUTING);
	assert_int_equal(packet.fault_at, 43);
	assert_addresses(v6a, v6b);
	len = with_extension(len, 0, 0, 1, 4);
	assert_int_equal(parse(len), PACKET_ROUTING);
	assert_int_equal(packet.fault_at, 51);
	/* in front of an ICMP error, so that none is sent about it */
	len = wire_icmp(bytes, v6a, v6b, 1, 0, 0, NULL, 48);
	len = with_extension(len, 43, 0, 4, 255);
	assert_int_equal(parse(len), PACKET_ROUTING);
	assert_true(packet.icmp_error);
}

/* RFC 8504 5.3: a limit to the header chain */
static void test_too_many_headers(void **state)
{
	size_t len = wire_udp(bytes, v6a, 1234, v6b, 53, 4);

	(void)state;
	for (int i = 0; i < 100; i++)
		len = with_extension(len, 60, 0, 1, 4);
	assert_int_equal(parse(len), PACKET_MALFORMED);
}

/* RFC 8200 4.1: Hop-by-Hop Options stand directly behind the IPv6 header; elsewhere, their
 * number is an unrecognised next header (RFC 8200 4), and the field that has it is told. */
static void test_hop_by_hop_elsewhere(void **state)
{
	size_t len = wire_udp(bytes, v6a, 1234, v6b, 53, 4);

	(void)state;
	len = with_extension(len, 0, 0, 1, 4);
	assert_int_equal(parse(len), PACKET_OK);
	len = with_extension(len, 60, 1, 1, 12);
	assert_int_equal(parse(len), PACKET_NEXT_HEADER);
	assert_int_equal(packet.fault_at, 40);
	len = with_extension(len, 60, 0, 1, 4);
	assert_int_equal(parse(len), PACKET_NEXT_HEADER);
	assert_int_equal(packet.fault_at, 48);
	len = with_extension(len, 0, 0, 1, 4);
	assert_int_equal(parse(len), PACKET_NEXT_HEADER);
	assert_int_equal(packet.fault_at, 56);
	/* The first fault counts. */
	len = with_extension(len, 43, 0, 4, 1);
	assert_int_equal(parse(len), PACKET_ROUTING);
	assert_int_equal(packet.fault_at, 43);
}

/* RFC 7915 5.1.1: an extension header behind the Fragment header, AH among them but not ESP,
 * is dropped; in a fragment, a part of one and the first as well. */
static void test_headers_behind_fragment(void **state)
{
	static const uint8_t types[] = { 0, 43, 44, 51, 60, 135, 139, 140 };
	static const uint16_t offsets[] = { 0, 1, 1448, 1449 };

	(void)state;
	for (size_t i = 0; i < N(types); i++) {
		for (size_t o = 0; o < N(offsets); o++) {
			size_t len = wire_udp(bytes, v6a, 1234, v6b, 53, 24);

			len = with_extension(len, types[i], 0, 0, 0);
			len = with_extension(len, 44, 0, (uint8_t)(offsets[o] >> 8),
					     (uint8_t)offsets[o]);
			len = with_extension(len, 60, 0, 1, 4);
			assert_int_equal(parse(len), PACKET_EXTENSION);
			assert_int_equal(packet.frag_offset, offsets[o] & ~7);
		}
	}
	wire_fill(bytes + 40, 40);
	wire_ipv6(bytes, 44, v6a, v6b, 40);
	memset(bytes + 40, 0, 8);
	bytes[40] = 50;
	assert_int_equal(parse(80), PACKET_PROTOCOL);
}

/*
 * RFC 7915 5.1.1, RFC 8021, RFC 6946 4: atomic fragments are not sent any more, but accepted.
 */
static void test_atomic_fragment(void **state)
{
	size_t len = wire_udp(bytes, v6a, 1234, v6b, 53, 4);

	(void)state;
	len = with_extension(len, 44, 0, 0, 0);
	wire_put32(bytes + 44, 0xdeadbeef);
	assert_int_equal(parse(len), PACKET_OK);
	assert_false(packet.fragment);
	assert_int_equal(packet.proto, WIRE_UDP);
	assert_ptr_equal(packet.l4_data, bytes + 48);
	assert_int_equal(packet.l4_len, 12);
	/* with more headers in front of it (RFC 7915 5.1) */
	len = with_extension(len, 60, 0, 1, 4);
	len = with_extension(len, 0, 0, 1, 4);
	assert_int_equal(parse(len), PACKET_OK);
	assert_ptr_equal(packet.l4_data, bytes + 64);
	assert_false(packet.df);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_extension_headers),
		cmocka_unit_test(test_routing_header),
		cmocka_unit_test(test_too_many_headers),
		cmocka_unit_test(test_hop_by_hop_elsewhere),
		cmocka_unit_test(test_headers_behind_fragment),
		cmocka_unit_test(test_atomic_fragment),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
