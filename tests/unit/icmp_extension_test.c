/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Extensions of ICMP errors (RFC 4884), carried over as RFC 7915 4.2 and 5.2 ask. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "icmp_world.h"

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
 * RFC 4884 4: a length of n words of 32 bits (ICMPv4) or 64 bits (ICMPv6) says where the quoted
 * packet, padded with zeros to 128 bytes at least, ends and extensions begin. RFC 7915 4.2,
 * 5.2: they are carried over, the length adjusted; the quoted packet is shortened for them. RFC
 * 7915 4.3 extension, RFC 7915 5.3 extension.
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

/* RFC 4884 4: a length beyond the message, or in a type that has none, means nothing. */
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
		cmocka_unit_test(test_extensions),
		cmocka_unit_test(test_extension_left_out),
		cmocka_unit_test(test_short_padding),
		cmocka_unit_test(test_unannounced_extension),
		cmocka_unit_test(test_extension_lengths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
