/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reassembly: RFC 8200 4.5, RFC 5722, RFC 6146 3.4. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "../../core/addr.h"
#include "../../nat64/fragment.h"
#include "../../nat64/header.h"

enum { DATAGRAM = 4000, DATAGRAMS = 1024 };

/* What the store said of packets that the kernel holds */
static struct {
	unsigned int accepted, taken;
	uint32_t last;
} released;

static void on_release(void *arg, const struct packet *head, uint32_t held_id, bool accept)
{
	(void)arg;
	assert_int_equal(addr_v4_be32(&head->dst), 0x016433c6);
	released.last = held_id;
	if (accept)
		released.accepted++;
	else
		released.taken++;
}

static uint8_t payload[DATAGRAM];

static int setup(void **state)
{
	memset(&released, 0, sizeof(released));
	for (size_t i = 0; i < sizeof(payload); i++)
		payload[i] = (uint8_t)(i * 7 + i / 256);
	*state = fragments_new(DATAGRAMS, on_release, NULL);
	return *state ? 0 : -1;
}

static int teardown(void **state)
{
	fragments_free(*state);
	return 0;
}

/* A fragment of datagram @id with payload bytes @at to @at + @len, parsed from bytes. */
static struct packet fragment(enum l3_proto l3, uint32_t id, size_t at, size_t len, bool more)
{
	static uint8_t wire[IPV6_HLEN + FRAG_HLEN + DATAGRAM];
	struct packet packet;
	size_t head;

	if (l3 == L3_IPV4) {
		struct header_ipv4 header = {
			.tos = 3, .ttl = 60, .proto = IPPROTO_UDP, .id = (uint16_t)id,
			.more = more, .frag_offset = (uint16_t)at,
			.src_be32 = 0x0a6433c6, .dst_be32 = 0x016433c6, .payload_len = len,
		};

		header_put_ipv4(wire, &header);
		head = IPV4_HLEN;
	} else {
		static const struct in6_addr src = { .s6_addr = { 0x20, 1, [15] = 7 } };
		static const struct in6_addr dst = { .s6_addr = { 0, 0x64, 0xff, 0x9b, [15] = 9 } };
		struct header_ipv6 header = {
			.traffic_class = 3, .hop_limit = 60, .next = IPPROTO_FRAGMENT,
			.src = &src, .dst = &dst, .payload_len = FRAG_HLEN + len,
		};

		header_put_ipv6(wire, &header);
		header_put_fragment(wire + IPV6_HLEN, IPPROTO_UDP, (uint16_t)at, more, id);
		head = IPV6_HLEN + FRAG_HLEN;
	}
	memcpy(wire + head, payload + at, len);
	assert_int_equal(packet_parse(&packet, wire, head + len), PACKET_FRAGMENT);
	return packet;
}

static enum fragment_result add(struct fragments *store, enum l3_proto l3, uint32_t id, size_t at,
				size_t len, bool more, uint8_t **whole, size_t *whole_len)
{
	struct packet packet = fragment(l3, id, at, len, more);

	return fragments_add(store, &packet, (uint32_t)(id * 1000 + at), 0, whole, whole_len);
}

static void assert_whole(enum l3_proto l3, const uint8_t *whole, size_t len)
{
	size_t head = l3 == L3_IPV4 ? IPV4_HLEN : IPV6_HLEN;

	assert_int_equal(len, head + DATAGRAM);
	assert_memory_equal(whole + head, payload, DATAGRAM);
	assert_int_equal(whole[0] >> 4, l3 == L3_IPV4 ? 4 : 6);
	if (l3 == L3_IPV4)	/* no longer a fragment: flags and offset are zero */
		assert_int_equal(whole[6] | whole[7], 0);
	else
		assert_int_equal(whole[6], IPPROTO_UDP);
}

static const struct {
	size_t at, len;
} parts[] = { { 0, 1448 }, { 1448, 1448 }, { 2896, DATAGRAM - 2896 } };

/* RFC 6146 3.4: in order or not. */
static void test_every_order(void **state)
{
	static const int orders[6][3] = { { 0, 1, 2 }, { 0, 2, 1 }, { 1, 0, 2 },
					  { 1, 2, 0 }, { 2, 0, 1 }, { 2, 1, 0 } };

	for (int l3 = L3_IPV4; l3 <= L3_IPV6; l3++) {
		for (uint32_t order = 0; order < 6; order++) {
			uint8_t *whole;
			size_t len;

			for (int i = 0; i < 3; i++) {
				int part = orders[order][i];

				assert_int_equal(add(*state, (enum l3_proto)l3, order,
						     parts[part].at, parts[part].len, part != 2,
						     &whole, &len),
						 i < 2 ? FRAGMENT_KEPT : FRAGMENT_WHOLE);
			}
			assert_whole((enum l3_proto)l3, whole, len);
			fragments_flush(*state);
		}
	}
	/* The two that waited for each third were released as taken. */
	assert_int_equal(released.taken, 12);
	assert_int_equal(released.accepted, 0);
}

static void test_two_at_once(void **state)
{
	uint8_t *whole;
	size_t len;

	for (int part = 0; part < 3; part++)
		for (uint32_t id = 1; id <= 2; id++)
			assert_int_equal(add(*state, L3_IPV6, id, parts[part].at, parts[part].len,
					     part != 2, &whole, &len),
					 part < 2 ? FRAGMENT_KEPT : FRAGMENT_WHOLE);
	assert_whole(L3_IPV6, whole, len);
}

/* RFC 5722 3: an overlap spoils the whole datagram, also for fragments to come. */
static void test_overlap(void **state)
{
	uint8_t *whole;
	size_t len;

	assert_int_equal(add(*state, L3_IPV6, 1, 0, 1448, true, &whole, &len), FRAGMENT_KEPT);
	assert_int_equal(add(*state, L3_IPV6, 1, 1440, 1448, true, &whole, &len),
			 FRAGMENT_DROPPED);
	assert_int_equal(add(*state, L3_IPV6, 1, 1448, DATAGRAM - 1448, false, &whole, &len),
			 FRAGMENT_DROPPED);
}

/* RFC 8200 4.5: an exact duplicate may be ignored. */
static void test_duplicate(void **state)
{
	uint8_t *whole;
	size_t len;

	assert_int_equal(add(*state, L3_IPV6, 1, 0, 1448, true, &whole, &len), FRAGMENT_KEPT);
	assert_int_equal(add(*state, L3_IPV6, 1, 0, 1448, true, &whole, &len), FRAGMENT_DROPPED);
	assert_int_equal(add(*state, L3_IPV6, 1, 1448, DATAGRAM - 1448, false, &whole, &len),
			 FRAGMENT_WHOLE);
	assert_whole(L3_IPV6, whole, len);
}

static void test_contradictions(void **state)
{
	uint8_t *whole;
	size_t len;

	/* RFC 8200 4.5: only the last one may have a length that is no multiple of 8. */
	assert_int_equal(add(*state, L3_IPV6, 1, 0, 1001, true, &whole, &len), FRAGMENT_DROPPED);
	/* Beyond the end that a last fragment has told, */
	assert_int_equal(add(*state, L3_IPV6, 2, 1448, 100, false, &whole, &len), FRAGMENT_KEPT);
	assert_int_equal(add(*state, L3_IPV6, 2, 2896, 800, true, &whole, &len), FRAGMENT_DROPPED);
	/* an end before what is there already, */
	assert_int_equal(add(*state, L3_IPV6, 3, 2896, 800, true, &whole, &len), FRAGMENT_KEPT);
	assert_int_equal(add(*state, L3_IPV6, 3, 1448, 100, false, &whole, &len),
			 FRAGMENT_DROPPED);
	/* and two different ends. */
	assert_int_equal(add(*state, L3_IPV6, 4, 1448, 100, false, &whole, &len), FRAGMENT_KEPT);
	assert_int_equal(add(*state, L3_IPV6, 4, 1600, 100, false, &whole, &len),
			 FRAGMENT_DROPPED);
}

/* CVE-2018-5391: tiny fragments are bounded in number. */
static void test_too_many_pieces(void **state)
{
	enum fragment_result result = FRAGMENT_KEPT;
	uint8_t *whole;
	size_t len, n;

	for (n = 0; result == FRAGMENT_KEPT && n < DATAGRAM / 8 - 1; n++)
		result = add(*state, L3_IPV6, 1, n * 8, 8, true, &whole, &len);
	assert_int_equal(result, FRAGMENT_DROPPED);
	assert_in_range(n, 100, 200);
}

/* What the kernel holds for a datagram of the host goes on to it. */
static void test_disown(void **state)
{
	struct packet first;
	uint8_t *whole;
	size_t len;

	assert_int_equal(add(*state, L3_IPV4, 1, 1448, 1448, true, &whole, &len), FRAGMENT_KEPT);
	first = fragment(L3_IPV4, 1, 0, 1448, true);
	fragments_disown(*state, &first, 0);
	assert_int_equal(released.accepted, 1);
	assert_int_equal(released.last, 1000 + 1448);
	assert_int_equal(add(*state, L3_IPV4, 1, 2896, 1104, false, &whole, &len),
			 FRAGMENT_NOT_OURS);
	/* In order, nothing is ever held. */
	first = fragment(L3_IPV4, 2, 0, 1448, true);
	fragments_disown(*state, &first, 0);
	assert_int_equal(add(*state, L3_IPV4, 2, 1448, 1448, true, &whole, &len),
			 FRAGMENT_NOT_OURS);
	assert_int_equal(released.accepted, 1);
}

/* RFC 6146 4: FRAGMENT_MIN. */
static void test_expire(void **state)
{
	uint8_t *whole;
	size_t len;

	assert_int_equal(add(*state, L3_IPV4, 1, 1448, 1448, true, &whole, &len), FRAGMENT_KEPT);
	assert_int_equal(fragments_expire(*state, 1999, 2000), 0);
	assert_int_equal(fragments_expire(*state, 2000, 2000), 1);
	assert_int_equal(released.accepted, 1);
	assert_int_equal(add(*state, L3_IPV4, 1, 0, 1448, true, &whole, &len), FRAGMENT_KEPT);
}

/* RFC 3168 5.3: congestion that one fragment has met is that of the datagram; where the sender
 * does not know of that, the datagram is dropped. */
static void test_congestion(void **state)
{
	enum { NOT_ECT = 0, ECT1 = 1, ECT0 = 2, CE = 3 };
	static const struct {
		uint8_t first, second;
		enum fragment_result result;
		uint8_t whole;
	} rows[] = {
		{ ECT0, ECT0, FRAGMENT_WHOLE, ECT0 }, { ECT0, CE, FRAGMENT_WHOLE, CE },
		{ CE, ECT0, FRAGMENT_WHOLE, CE }, { ECT1, CE, FRAGMENT_WHOLE, CE },
		{ NOT_ECT, NOT_ECT, FRAGMENT_WHOLE, NOT_ECT },
		{ NOT_ECT, CE, FRAGMENT_DROPPED, 0 }, { CE, NOT_ECT, FRAGMENT_DROPPED, 0 },
	};

	for (uint32_t id = 0; id < sizeof(rows) / sizeof(rows[0]); id++) {
		struct packet packet = fragment(L3_IPV4, id, 0, 1448, true);
		uint8_t *whole;
		size_t len;

		packet.tos = (uint8_t)(0x28 << 2 | rows[id].first);
		assert_int_equal(fragments_add(*state, &packet, 1, 0, &whole, &len),
				 FRAGMENT_KEPT);
		packet = fragment(L3_IPV4, id, 1448, 8, false);
		packet.tos = (uint8_t)(0x28 << 2 | rows[id].second);
		assert_int_equal(fragments_add(*state, &packet, 2, 0, &whole, &len),
				 rows[id].result);
		if (rows[id].result == FRAGMENT_WHOLE)
			assert_int_equal(whole[1], 0x28 << 2 | rows[id].whole);
	}
}

/* A flood of first fragments: memory is bounded, the newest are the ones kept. */
static void test_flood(void **state)
{
	uint8_t *whole;
	size_t len;

	for (uint32_t id = 1; id <= 20000; id++)
		assert_int_equal(add(*state, L3_IPV6, id, 0, 1448, true, &whole, &len),
				 FRAGMENT_KEPT);
	/* Those that went for want of room are told of once, with those that go now. */
	assert_int_equal(fragments_expire(*state, 1000, 2000), 20000 - DATAGRAMS / 2);
	assert_int_equal(fragments_expire(*state, 10000, 2000), DATAGRAMS / 2);
	for (uint32_t id = 1; id <= 2000; id++)
		add(*state, L3_IPV6, id, 0, 1448, true, &whole, &len);
	assert_int_equal(add(*state, L3_IPV6, 2000, 1448, DATAGRAM - 1448, false, &whole, &len),
			 FRAGMENT_WHOLE);
	assert_whole(L3_IPV6, whole, len);
}

/* RFC 6146 5.3 (attacks on NAT64): a flood from outside costs those inside nothing, and a
 * reload that lowers the bound is followed. */
static void test_sides(void **state)
{
	uint8_t *whole;
	size_t len;

	assert_int_equal(add(*state, L3_IPV6, 7, 0, 1448, true, &whole, &len), FRAGMENT_KEPT);
	assert_int_equal(add(*state, L3_IPV6, 7, 1448, 1448, true, &whole, &len), FRAGMENT_KEPT);
	for (uint32_t id = 1; id <= 5000; id++)
		add(*state, L3_IPV4, id, 0, 1448, true, &whole, &len);
	assert_int_equal(add(*state, L3_IPV6, 7, 2896, DATAGRAM - 2896, false, &whole, &len),
			 FRAGMENT_WHOLE);
	assert_whole(L3_IPV6, whole, len);
	assert_int_equal(fragments_expire(*state, 1000, 2000), 5000 - DATAGRAMS / 2);
	fragments_limit(*state, 10);
	add(*state, L3_IPV4, 6000, 0, 1448, true, &whole, &len);
	assert_int_equal(fragments_expire(*state, 1000, 2000), DATAGRAMS / 2 + 1 - 5);
	assert_int_equal(fragments_expire(*state, 10000, 2000), 5);
}

/* RFC 6146 5.3: a few small fragments of many datagrams do not fill the kernel's queue, which
 * has 4096 places for all packets: the oldest are let go. */
static void test_held_in_the_kernel(void **state)
{
	unsigned int kept = 0, most = 0;
	uint8_t *whole;
	size_t len;

	for (uint32_t id = 1; id <= 100; id++) {
		for (size_t at = 0; at < 100 * 8; at += 8) {
			unsigned int held;

			assert_int_equal(add(*state, L3_IPV4, id, 8 + at, 8, true, &whole, &len),
					 FRAGMENT_KEPT);
			held = ++kept - released.accepted - released.taken;
			most = held > most ? held : most;
		}
	}
	assert_in_range(most, 500, 1024);
	assert_int_equal(add(*state, L3_IPV4, 101, 1448, DATAGRAM - 1448, false, &whole, &len),
			 FRAGMENT_KEPT);
	assert_int_equal(add(*state, L3_IPV4, 101, 0, 1448, true, &whole, &len), FRAGMENT_WHOLE);
	assert_whole(L3_IPV4, whole, len);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_every_order, setup, teardown),
		cmocka_unit_test_setup_teardown(test_two_at_once, setup, teardown),
		cmocka_unit_test_setup_teardown(test_overlap, setup, teardown),
		cmocka_unit_test_setup_teardown(test_duplicate, setup, teardown),
		cmocka_unit_test_setup_teardown(test_contradictions, setup, teardown),
		cmocka_unit_test_setup_teardown(test_too_many_pieces, setup, teardown),
		cmocka_unit_test_setup_teardown(test_disown, setup, teardown),
		cmocka_unit_test_setup_teardown(test_expire, setup, teardown),
		cmocka_unit_test_setup_teardown(test_flood, setup, teardown),
		cmocka_unit_test_setup_teardown(test_sides, setup, teardown),
		cmocka_unit_test_setup_teardown(test_congestion, setup, teardown),
		cmocka_unit_test_setup_teardown(test_held_in_the_kernel, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
