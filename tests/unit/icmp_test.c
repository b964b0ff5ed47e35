/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ICMP errors whole: the message and the packet that it quotes (RFC 7915 4.3, 5.3), entire,
 * cut short and in fragments.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "icmp_world.h"

/*
 * RFC 7915 4.3: every byte of an error about a short packet, each transport. The quoted TTL
 * stays; its type and code are translated for themselves.
 */
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

/*
 * RFC 7915 5.3: but for the quoted header's identification and DF, which IPv6 has not, and its
 * checksum
 */
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

/*
 * RFC 7915 4.3, 5.3 with RFC 792: 8 bytes of TCP are enough. The lengths in the quoted header
 * are the whole's.
 */
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

/*
 * RFC 7915 4.3, 5.3 with RFC 4443 2.4 (c): no more than 1280; RFC 1812 4.3.2.3: no more than
 * 576
 */
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

/*
 * RFC 7915 4.3, 5.3, 5.1.1: a first fragment of a DF=0 packet is quoted with its Fragment
 * header, and without.
 */
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

/*
 * RFC 4443 2.3, RFC 1122 3.2.2: a message that is damaged itself is not passed on with a good
 * checksum.
 */
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

/*
 * RFC 7915 4.3: a bad checksum within what is quoted is none of our business (it may be why).
 */
static void test_bad_inner_checksum(void **state)
{
	size_t len = flow_packet_bytes(quote, L4_UDP, false, true, 30);

	(void)state;
	quote[27] ^= 1;
	quote[10] ^= 1;		/* the IPv4 header's too */
	assert_int_equal(open_error(false, 3, 3, 0, len), ICMP_OK);
	assert_int_equal(error_to6(1, 4, 0, L4_UDP), len + 20 + 48);
}

/*
 * RFC 7915 4.3, 5.3, RFC 1122 3.2.2, RFC 4443 2.4 (e): none about an error; and other nonsense
 */
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

/*
 * RFC 7915 5.3, RFC 7915 5.1 df: the quoted packet's DF is by its size too, as its header states
 * it; RFC 7915 5.1.1: clear where there was a Fragment header.
 */
static void test_quoted_df(void **state)
{
	(void)state;
	for (size_t len = 1270; len < 1300; len++) {
		flow_packet_bytes(quote, L4_UDP, true, false, len - 48);
		assert_int_equal(open_error(true, 2, 0, 1400, 200), ICMP_OK);
		error_to4(3, 4, 1380, L4_UDP);
		assert_int_equal(wire_get16(out + 28 + 2), len - 20);
		assert_int_equal(wire_get16(out + 28 + 6), len - 20 <= 1260 ? 0 : WIRE_DF);
		memmove(quote + 48, quote + 40, 200);
		memset(quote + 40, 0, 8);
		quote[40] = WIRE_UDP;
		quote[6] = WIRE_FRAGMENT;
		assert_int_equal(open_error(true, 2, 0, 1400, 200), ICMP_OK);
		error_to4(3, 4, 1380, L4_UDP);
		assert_int_equal(wire_get16(out + 28 + 6), 0);
	}
}

/* RFC 7915 4.3, 5.3 with RFC 7915 4.1 and RFC 7915 5.1 extension: options and extension headers
 * of the quoted packet are left out, even where they would be refused. */
static void test_quoted_headers(void **state)
{
	static const uint8_t source_route[8] = { 131, 7, 4, 192, 0, 2, 1, 0 };
	static const uint8_t headers[16] = { 43, 0, 1, 4, 0, 0, 0, 0, WIRE_UDP, 0, 4, 1 };
	size_t len = flow_packet_bytes(quote, L4_UDP, false, true, 30);

	(void)state;
	memmove(quote + 28, quote + 20, len - 20);
	memcpy(quote + 20, source_route, 8);
	quote[0] = 0x47;
	wire_put16(quote + 2, (unsigned int)len + 8);
	assert_int_equal(open_error(false, 11, 0, 0, len + 8), ICMP_OK);
	assert_int_equal(error_to6(3, 0, 0, L4_UDP), 48 + len + 20);
	len = flow_packet_bytes(wanted, L4_UDP, true, true, 30);
	no_flow_label(wanted);
	assert_memory_equal(out + 48, wanted, len);

	len = flow_packet_bytes(quote, L4_UDP, true, false, 30);
	memmove(quote + 56, quote + 40, len - 40);
	memcpy(quote + 40, headers, 16);
	quote[6] = 60;
	wire_put16(quote + 4, (unsigned int)len - 40 + 16);
	assert_int_equal(open_error(true, 1, 0, 0, len + 16), ICMP_OK);
	assert_int_equal(error_to4(3, 1, 0, L4_UDP), 28 + len - 20);
	len = flow_packet_bytes(wanted, L4_UDP, false, false, 30);
	assert_int_equal(wire_get16(out + 28 + 2), len);
	assert_memory_equal(out + 48, wanted + 20, len - 20);
}

/* RFC 7915 4.3, 5.3: a quoted length that says more than is there is carried over; one that says
 * less ends what is quoted. */
static void test_quoted_length_lies(void **state)
{
	(void)state;
	for (int v6 = 0; v6 < 2; v6++) {
		size_t len = flow_packet_bytes(quote, L4_UDP, v6, !v6, 60), got_len;
		uint8_t *field = quote + (v6 ? 4 : 2);

		wire_put16(field, 60000);
		assert_int_equal(open_error(v6, v6 ? 1 : 3, 1, 0, len), ICMP_OK);
		got_len = v6 ? error_to4(3, 10, 0, L4_UDP) : error_to6(1, 0, 0, L4_UDP);
		assert_int_equal(got_len, v6 ? 28 + len - 20 : 48 + len + 20);
		assert_int_equal(wire_get16(out + (v6 ? 30 : 52)), v6 ? 60020 : 59980);
		wire_put16(field, wire_get16(field) - 60000 + (v6 ? 0 : 20) + 20);
		assert_int_equal(open_error(v6, v6 ? 1 : 3, 1, 0, len), ICMP_OK);
		got_len = v6 ? error_to4(3, 10, 0, L4_UDP) : error_to6(1, 0, 0, L4_UDP);
		assert_int_equal(got_len, (v6 ? 28 + 20 : 48 + 40) + 20);
		wire_put16(field, (v6 ? 0 : 20) + 7);
		assert_int_equal(open_error(v6, v6 ? 1 : 3, 1, 0, len), ICMP_BAD_INNER);
	}
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
		cmocka_unit_test(test_quoted_df),
		cmocka_unit_test(test_quoted_headers),
		cmocka_unit_test(test_quoted_length_lies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
