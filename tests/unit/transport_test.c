/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The transport header over to the other family: after it, every checksum is what a full
 * recomputation gives (RFC 7915 4.4, 4.5, 5.4, 5.5); the MSS option (RFC 9293 3.7.1).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "../../core/addr.h"
#include "../../nat64/transport.h"
#include "wire.h"

enum { ROUNDS = 20000, TCP_SYN = 0x02 };

static const char inside[] = "2001:db8:1::7", remote6[] = "64:ff9b::192.0.2.33";
static const char outside[] = "198.51.100.7", remote4[] = "192.0.2.33";

static uint8_t bytes[WIRE_MAX], result[WIRE_MAX];
static struct packet packet;
static uint64_t seed = 0x853c49e6748fea9b;

static struct transport_change change_to4(unsigned int src_port, unsigned int dst_port)
{
	return (struct transport_change){ wire_addr(outside), wire_addr(remote4),
					  (uint16_t)src_port, (uint16_t)dst_port };
}

static struct transport_change change_to6(unsigned int src_port, unsigned int dst_port)
{
	return (struct transport_change){ wire_addr(remote6), wire_addr(inside),
					  (uint16_t)src_port, (uint16_t)dst_port };
}

/* The transport header and all behind it, under an IP header of the new addresses. */
static size_t rebuild(const struct transport_change *change)
{
	char src[ADDR_STRLEN], dst[ADDR_STRLEN];
	uint8_t proto = packet.proto == WIRE_ICMP    ? WIRE_ICMP6
			: packet.proto == WIRE_ICMP6 ? WIRE_ICMP : packet.proto;
	size_t at = wire_ip(result, proto, addr_format(&change->src, src),
			    addr_format(&change->dst, dst), packet.l4_len);

	memcpy(result + at, packet.l4_data, packet.l4_len);
	return at + packet.l4_len;
}

/* Parse @len bytes, translate, and look at the whole. Return: the new length. */
static size_t translate(size_t len, const struct transport_change *change)
{
	assert_int_equal(packet_parse(&packet, bytes, len), PACKET_OK);
	assert_true(transport_translate(&packet, change, false));
	return rebuild(change);
}

/* Ports that are likely to go wrong, among others */
static unsigned int random_port(void)
{
	static const uint16_t corner[] = { 1, 0xff, 0xff00, 0xffff, 0x8000 };
	uint64_t r = wire_random(&seed);

	return r % 8 == 0 ? corner[r / 8 % N(corner)] : (unsigned int)(r >> 20) % 65535 + 1;
}

static size_t random_packet(bool to4)
{
	const char *src = to4 ? inside : remote4, *dst = to4 ? remote6 : outside;
	size_t data = wire_random(&seed) % 60, len, at = to4 ? 40 : 20;
	uint8_t fill = wire_random(&seed) % 2 ? 0xff : 0;

	switch (wire_random(&seed) % 4) {
	case 0:
		len = wire_tcp(bytes, src, random_port(), dst, random_port(), 0x18, NULL, 0, data);
		at += 20;
		break;
	case 1:
		len = wire_udp(bytes, src, random_port(), dst, random_port(), data);
		at += 8;
		break;
	case 2:
		len = wire_icmp(bytes, src, dst, to4 ? 128 : 8, 0, random_port() << 16, NULL, data);
		at += 8;
		break;
	default:
		len = wire_icmp(bytes, src, dst, to4 ? 129 : 0, 0, random_port() << 16, NULL, data);
		at += 8;
	}
	for (size_t i = at; i < len; i++)
		bytes[i] = wire_random(&seed) % 4 ? (uint8_t)wire_random(&seed) : fill;
	wire_seal(bytes, len);
	return len;
}

/*
 * RFC 7915 4.5 and 5.5: after either way, the checksums of TCP, UDP and ICMP are what RFC 1071
 * gives for the whole; RFC 7915 4.2 echo, RFC 7915 5.2 echo: types, and the pseudo-header that
 * comes and goes.
 */
static void test_checksums_are_exact(void **state)
{
	(void)state;
	for (int round = 0; round < ROUNDS; round++) {
		bool to4 = round % 2;
		size_t len = random_packet(to4);
		unsigned int src = random_port(), dst = random_port();
		struct transport_change change;

		assert_int_equal(packet_parse(&packet, bytes, len), PACKET_OK);
		if (packet.l4 == L4_ICMP)
			dst = src;
		change = to4 ? change_to4(src, dst) : change_to6(src, dst);
		len = translate(len, &change);
		assert_true(wire_l4_exact(result, len));
		/* and the ports, or type and identifier */
		if (packet.l4 != L4_ICMP) {
			assert_int_equal(wire_get16(packet.l4_data), src);
			assert_int_equal(wire_get16(packet.l4_data + 2), dst);
		} else {
			static const uint8_t types[2][2] = { { 129, 128 }, { 0, 8 } };
			bool echo = packet.icmp_type == 128 || packet.icmp_type == 8;

			assert_int_equal(packet.l4_data[0], types[to4][echo]);
			assert_int_equal(packet.l4_data[1], 0);
			assert_int_equal(wire_get16(packet.l4_data + 4), src);
		}
	}
}

/* RFC 7915 5: a wrong checksum stays wrong: the receiver finds out, as without us. */
static void test_damage_is_passed_on(void **state)
{
	struct transport_change change = change_to4(5000, 53);
	size_t len = wire_udp(bytes, inside, 40000, remote6, 53, 20);

	(void)state;
	bytes[60] ^= 0x10;
	len = translate(len, &change);
	assert_false(wire_l4_good(result, len));
}

/*
 * RFC 7915 4.5 and 5.5 with RFC 768: "If the computed checksum is zero, it is transmitted as
 * all ones"; TCP knows no such rule. The data is chosen so that the translated checksum is
 * zero.
 */
static void test_zero_is_sent_as_ones(void **state)
{
	(void)state;
	for (int tcp = 0; tcp < 2; tcp++) {
		for (int to4 = 0; to4 < 2; to4++) {
			struct transport_change change = to4 ? change_to4(5000, 53)
							     : change_to6(53, 40000);
			const char *src = to4 ? inside : remote4, *dst = to4 ? remote6 : outside;
			size_t csum_at = tcp ? 16 : 6, data_at = tcp ? 20 : 8, len, at;

			for (int round = 0; round < 2; round++) {
				unsigned int word = 0;

				if (round)
					word = wire_get16(packet.l4_data + csum_at);
				len = tcp ? wire_tcp(bytes, src, 1, dst, 2, 0x10, NULL, 0, 4)
					  : wire_udp(bytes, src, 1, dst, 2, 4);
				at = (to4 ? 40 : 20) + data_at;
				wire_put16(bytes + at, word);
				wire_seal(bytes, len);
				len = translate(len, &change);
				assert_true(wire_l4_good(result, len));
				assert_true(wire_l4_exact(result, len));
			}
			assert_int_equal(wire_get16(packet.l4_data + csum_at), tcp ? 0 : 0xffff);
		}
	}
}

/*
 * RFC 7915 5.2: an echo reply of nothing but zeros, once the pseudo-header is gone. RFC 1071:
 * the complement of its sum is all ones; with zero, the receiver would find a sum of zero.
 */
static void test_all_zero_reply(void **state)
{
	struct transport_change change = change_to4(0, 0);
	size_t len;

	(void)state;
	for (size_t data = 0; data < 5; data++) {
		uint8_t nothing[4] = { 0 };

		len = wire_icmp(bytes, inside, remote6, 129, 0, 1234u << 16, nothing, data);
		len = translate(len, &change);
		assert_int_equal(wire_get16(packet.l4_data + 2), 0xffff);
		assert_true(wire_l4_exact(result, len));
		/* damaged, it stays so */
		wire_icmp(bytes, inside, remote6, 129, 0, 1234u << 16 | 1, nothing, data);
		bytes[47] = 0;
		len = translate(40 + 8 + data, &change);
		assert_false(wire_l4_good(result, len));
	}
}

/* RFC 7915 4.5, 5.5: other transports are carried over untouched. */
static void test_other_transport(void **state)
{
	struct transport_change change = change_to4(5000, 53);
	size_t len = wire_tcp(bytes, inside, 1, remote6, 2, 0x10, NULL, 0, 30);
	uint8_t before[64];

	(void)state;
	bytes[6] = 132;
	memcpy(before, bytes + 40, len - 40);
	assert_int_equal(packet_parse(&packet, bytes, len), PACKET_PROTOCOL);
	assert_true(transport_translate(&packet, &change, false));
	assert_memory_equal(bytes + 40, before, len - 40);
}

/*
 * RFC 7915 4.5 zero: a datagram without a checksum gets one, of any length. RFC 8200 8.1: from
 * IPv6 there may be none.
 */
static void test_udp_without_checksum(void **state)
{
	struct transport_change to6 = change_to6(53, 40000), to4 = change_to4(5000, 53);
	size_t len;

	(void)state;
	for (size_t data = 0; data < 1500; data++) {
		len = wire_udp(bytes, remote4, 53, outside, 5000, data);
		wire_put16(bytes + 26, 0);
		len = translate(len, &to6);
		assert_int_not_equal(wire_get16(packet.l4_data + 6), 0);
		assert_true(wire_l4_exact(result, len));
	}
	/* computed and found to be zero: all ones */
	len = wire_udp(bytes, remote4, 53, outside, 5000, 2);
	wire_put16(bytes + 28, 0);
	wire_put16(bytes + 26, 0);
	translate(len, &to6);
	unsigned int word = wire_get16(packet.l4_data + 6);

	len = wire_udp(bytes, remote4, 53, outside, 5000, 2);
	wire_put16(bytes + 28, word);
	wire_put16(bytes + 26, 0);
	translate(len, &to6);
	assert_int_equal(wire_get16(packet.l4_data + 6), 0xffff);
	/* RFC 8200 8.1: IPv6 knows no such datagram */
	len = wire_udp(bytes, inside, 40000, remote6, 53, 20);
	wire_put16(bytes + 46, 0);
	assert_int_equal(packet_parse(&packet, bytes, len), PACKET_OK);
	assert_false(transport_translate(&packet, &to4, false));
}

/* RFC 7915 4.3, 5.3: of a quoted packet, only what is there is touched. */
static void test_quoted(void **state)
{
	struct transport_change to6 = change_to6(443, 40000), to4 = change_to4(5000, 443);

	(void)state;
	for (int v6 = 0; v6 < 2; v6++) {
		const char *src = v6 ? inside : remote4, *dst = v6 ? remote6 : outside;
		size_t at = v6 ? 40 : 20;
		size_t len = wire_tcp(bytes, src, 1, dst, 2, 0x10, NULL, 0, 100);

		for (size_t cut = 8; cut <= 120; cut++) {
			uint8_t *copy = malloc(at + cut);

			memcpy(copy, bytes, at + cut);
			assert_int_equal(packet_parse_quoted(&packet, copy, at + cut), PACKET_OK);
			assert_true(transport_translate(&packet, v6 ? &to4 : &to6, true));
			assert_int_equal(wire_get16(copy + at), v6 ? 5000 : 443);
			assert_int_equal(wire_get16(copy + at + 2), v6 ? 443 : 40000);
			assert_memory_equal(copy + at + 4, bytes + at + 4,
					    cut < 16 ? cut - 4 : 12);
			if (cut > 18)
				assert_memory_equal(copy + at + 18, bytes + at + 18, cut - 18);
			if (at + cut == len) {
				size_t whole = rebuild(v6 ? &to4 : &to6);

				assert_true(wire_l4_exact(result, whole));
			}
			free(copy);
		}
	}
}

/*
 * RFC 7915 4.3, 5.3: a quoted datagram without a checksum keeps none; a query's is that of the
 * whole, by the length that the quoted header states.
 */
static void test_quoted_udp_and_echo(void **state)
{
	struct transport_change to6 = change_to6(53, 40000), echo6 = change_to6(40000, 40000);
	struct transport_change echo4 = change_to4(5000, 5000);
	uint8_t whole[200];
	size_t len;

	(void)state;
	/* none stays none: there is not all of it to sum up */
	wire_udp(bytes, remote4, 53, outside, 5000, 100);
	wire_put16(bytes + 26, 0);
	assert_int_equal(packet_parse_quoted(&packet, bytes, 28), PACKET_OK);
	assert_true(transport_translate(&packet, &to6, true));
	assert_int_equal(wire_get16(packet.l4_data), 53);
	assert_int_equal(wire_get16(packet.l4_data + 2), 40000);
	assert_int_equal(wire_get16(packet.l4_data + 6), 0);
	/* A cut-off echo gets the checksum that the whole one has: 100 bytes of data. */
	for (int v6 = 0; v6 < 2; v6++) {
		size_t at = v6 ? 40 : 20;

		len = wire_icmp(whole, v6 ? outside : remote6, v6 ? remote4 : inside,
				v6 ? 8 : 129, 0, (v6 ? 5000u : 40000u) << 16 | 7, NULL, 100);
		assert_true(wire_l4_good(whole, len));
		wire_icmp(bytes, v6 ? inside : remote4, v6 ? remote6 : outside, v6 ? 128 : 0, 0,
			  1234u << 16 | 7, NULL, 100);
		assert_int_equal(packet_parse_quoted(&packet, bytes, at + 8), PACKET_OK);
		assert_true(transport_translate(&packet, v6 ? &echo4 : &echo6, true));
		assert_memory_equal(packet.l4_data, whole + (v6 ? 20 : 40), 8);
	}
}

/* ---- MSS --------------------------------------------------------------------- */

static bool clamp(const uint8_t *options, size_t options_len, uint16_t limit, bool v6)
{
	size_t len = wire_tcp(bytes, v6 ? inside : remote4, 1, v6 ? remote6 : outside, 2, TCP_SYN,
			      options, options_len, 3);
	bool lowered;

	assert_int_equal(packet_parse(&packet, bytes, len), PACKET_OK);
	lowered = transport_clamp_mss(&packet, limit);
	assert_true(wire_l4_exact(bytes, len));
	return lowered;
}

/* RFC 9293 3.7.1: the value is lowered wherever the option stands. */
static void test_mss(void **state)
{
	static const struct {
		size_t len;
		uint8_t options[12];
		size_t at;	/* of the value */
	} rows[] = {
		{ 4, { 2, 4, 0x05, 0xb4 }, 2 },					/* even */
		{ 8, { 1, 2, 4, 0x05, 0xb4, 1, 1, 0 }, 3 },			/* odd */
		{ 8, { 1, 1, 1, 1, 2, 4, 0x05, 0xb4 }, 6 },			/* at the end */
		{ 8, { 3, 3, 7, 2, 4, 0x05, 0xb4, 0 }, 5 },		/* odd, last word */
		{ 12, { 4, 2, 3, 3, 7, 1, 1, 2, 4, 0x05, 0xb4, 0 }, 9 },
		{ 8, { 253, 4, 9, 9, 2, 4, 0x05, 0xb4 }, 6 },		/* after an unknown */
	};

	(void)state;
	for (size_t i = 0; i < N(rows); i++) {
		for (int v6 = 0; v6 < 2; v6++) {
			const uint8_t *value = bytes + (v6 ? 60 : 40) + rows[i].at;

			assert_true(clamp(rows[i].options, rows[i].len, 1360, v6));
			assert_int_equal(wire_get16(value), 1360);
			/* the other options stay */
			assert_memory_equal(bytes + (v6 ? 60 : 40), rows[i].options, rows[i].at);
			assert_memory_equal(value + 2, rows[i].options + rows[i].at + 2,
					    rows[i].len - rows[i].at - 2);
			/* never raised */
			assert_false(clamp(rows[i].options, rows[i].len, 1460, v6));
			assert_int_equal(wire_get16(value), 1460);
			assert_false(clamp(rows[i].options, rows[i].len, 65535, v6));
			assert_int_equal(wire_get16(value), 1460);
		}
	}
}

/* Every value and limit: the checksum stays exact. */
static void test_mss_values(void **state)
{
	uint8_t options[8] = { 1, 2, 4, 0, 0, 1, 1, 0 };

	(void)state;
	for (int round = 0; round < 2000; round++) {
		uint16_t value = (uint16_t)wire_random(&seed);
		uint16_t limit = (uint16_t)(wire_random(&seed) | 1);

		wire_put16(options + 3, value);
		assert_int_equal(clamp(options, 8, limit, false), value > limit);
		assert_int_equal(wire_get16(bytes + 43), value > limit ? limit : value);
	}
}

/* RFC 9293 3.1: lists of options without one, or that end early */
static void test_mss_is_not_there(void **state)
{
	static const uint8_t rows[][8] = {
		{ 1, 1, 1, 1, 1, 1, 1, 1 },
		{ 0, 2, 4, 0x05, 0xb4, 0, 0, 0 },	/* behind the end of the list */
		{ 2, 0, 0x05, 0xb4, 1, 1, 1, 1 },	/* lengths that cannot be */
		{ 2, 1, 0x05, 0xb4, 1, 1, 1, 1 },
		{ 2, 3, 0x05, 1, 1, 1, 1, 1 },
		{ 2, 5, 0x05, 0xb4, 0, 1, 1, 1 },
		{ 1, 1, 1, 1, 1, 2, 4, 0x05 },		/* cut off */
		{ 1, 1, 1, 1, 1, 1, 2, 4 },
		{ 1, 1, 1, 1, 1, 1, 1, 2 },
		{ 3, 255, 0, 0, 2, 4, 0x05, 0xb4 },	/* longer than the header */
	};

	(void)state;
	for (size_t i = 0; i < N(rows); i++) {
		assert_false(clamp(rows[i], 8, 536, true));
		assert_memory_equal(bytes + 60, rows[i], 8);
	}
	assert_false(clamp(NULL, 0, 536, true));
	assert_false(clamp(NULL, 0, 536, false));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_checksums_are_exact),
		cmocka_unit_test(test_damage_is_passed_on),
		cmocka_unit_test(test_zero_is_sent_as_ones),
		cmocka_unit_test(test_all_zero_reply),
		cmocka_unit_test(test_other_transport),
		cmocka_unit_test(test_udp_without_checksum),
		cmocka_unit_test(test_quoted),
		cmocka_unit_test(test_quoted_udp_and_echo),
		cmocka_unit_test(test_mss),
		cmocka_unit_test(test_mss_values),
		cmocka_unit_test(test_mss_is_not_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
