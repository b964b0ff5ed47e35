/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The translator's own errors: their form, what they are not sent about, and how often. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "../../core/addr.h"
#include "../../nat64/icmp_send.h"
#include "fake_emit.h"
#include "wire.h"

static const char inside[] = "2001:db8:1::7", remote6[] = "64:ff9b::192.0.2.33";
static const char outside[] = "198.51.100.7", remote4[] = "192.0.2.33";

enum { START_MS = 1000000 };

static const struct icmp_error too_big = { 2, 0, 1420, STAT_NAT64_PTB_SENT6 };
static const struct icmp_error frag_needed = { 3, 4, 1400, STAT_NAT64_FRAG_NEEDED_SENT4 };

static uint8_t bytes[WIRE_MAX], got[WIRE_MAX];
static struct packet packet;
static struct icmp_limit limit;

static uint64_t counted(enum stat stat)
{
	uint64_t sums[STAT_COUNT];

	stats_sum(sums);
	return sums[stat];
}

static int set_up(void **state)
{
	(void)state;
	limit = (struct icmp_limit){ 0 };
	sent.n = sent.icmp6_n = 0;
	return 0;
}

static unsigned int send6(int64_t now_ms)
{
	unsigned int before = sent.icmp6_n;

	icmp_send6(NULL, &limit, now_ms, &packet, &too_big);
	return sent.icmp6_n - before;
}

static size_t send4(int64_t now_ms)
{
	sent.n = 0;
	icmp_send4(NULL, &limit, now_ms, &packet, &frag_needed, 0x7777);
	return sent.n;
}

/* RFC 7915 5.4 with RFC 4443 3.2, 2.4 (c): as much of the packet as fits into 1280 bytes */
static void test_v6_message(void **state)
{
	uint64_t before = counted(STAT_NAT64_PTB_SENT6);
	struct in6_addr src = wire_addr(inside);

	(void)state;
	for (size_t data = 0; data < 1452; data += 121) {
		size_t len = wire_udp(bytes, inside, 1, remote6, 2, data);

		assert_int_equal(packet_parse(&packet, bytes, len), PACKET_OK);
		assert_int_equal(send6(START_MS), 1);
		assert_memory_equal(&sent.icmp6_dst, &src, 16);
		assert_int_equal(sent.icmp6[0], 2);
		assert_int_equal(sent.icmp6[1], 0);
		assert_int_equal(wire_get32(sent.icmp6 + 4), 1420);
		assert_int_equal(sent.icmp6_len, len + 8 > 1240 ? 1240 : len + 8);
		assert_memory_equal(sent.icmp6 + 8, bytes, sent.icmp6_len - 8);
	}
	assert_int_equal(counted(STAT_NAT64_PTB_SENT6) - before, 12);
}

/* RFC 7915 4.4 with RFC 792, RFC 1191 4, RFC 1812 4.3.2.3: as much as fits into 576 bytes */
static void test_v4_message(void **state)
{
	uint64_t before = counted(STAT_NAT64_FRAG_NEEDED_SENT4);
	struct in6_addr dst = wire_addr(remote4);

	(void)state;
	for (size_t data = 0; data < 1452; data += 121) {
		size_t len = wire_udp(bytes, remote4, 1, outside, 2, data), sent_len;

		assert_int_equal(packet_parse(&packet, bytes, len), PACKET_OK);
		assert_int_equal(send4(START_MS), 1);
		assert_int_equal(sent.l3[0], L3_IPV4);
		assert_memory_equal(&sent.slots[0].dst, &dst, 16);
		sent_len = sent_packet(0, got);
		assert_int_equal(sent_len, len + 28 > 576 ? 576 : len + 28);
		assert_int_equal(got[0], 0x45);
		assert_int_equal(wire_get16(got + 2), sent_len);
		assert_int_equal(wire_get16(got + 4), 0x7777);
		assert_true(got[8] >= 32);
		assert_int_equal(got[9], WIRE_ICMP);
		assert_true(wire_ipv4_good(got));
		assert_memory_equal(got + 12, bytes + 16, 4);	/* from where it was sent to */
		assert_memory_equal(got + 16, bytes + 12, 4);
		assert_int_equal(got[20], 3);
		assert_int_equal(got[21], 4);
		assert_int_equal(wire_get32(got + 24), 1400);
		assert_true(wire_l4_good(got, sent_len));
		assert_memory_equal(got + 28, bytes, sent_len - 28);
	}
	assert_int_equal(counted(STAT_NAT64_FRAG_NEEDED_SENT4) - before, 12);
}

/*
 * RFC 7915 4.4, 5.4 with RFC 4443 2.4 (e), RFC 1122 3.2.2: about an error, to or from more than
 * one, a later fragment
 */
static void test_not_about(void **state)
{
	static const struct {
		const char *src, *dst;
	} rows[] = {
		{ "2001:db8:1::7", "ff02::1" }, { "::", "64:ff9b::192.0.2.33" },
		{ "ff02::1", "64:ff9b::192.0.2.33" },
		{ "192.0.2.33", "224.0.0.1" }, { "192.0.2.33", "255.255.255.255" },
		{ "0.0.0.0", "198.51.100.7" }, { "0.1.2.3", "198.51.100.7" },
		{ "127.0.0.1", "198.51.100.7" }, { "224.0.0.5", "198.51.100.7" },
		{ "240.0.0.1", "198.51.100.7" }, { "255.255.255.255", "198.51.100.7" },
	};
	size_t len;

	(void)state;
	len = wire_icmp(bytes, inside, remote6, 1, 0, 0, NULL, 48);
	assert_int_equal(packet_parse(&packet, bytes, len), PACKET_OK);
	assert_int_equal(send6(START_MS), 0);
	len = wire_icmp(bytes, remote4, outside, 11, 0, 0, NULL, 48);
	assert_int_equal(packet_parse(&packet, bytes, len), PACKET_OK);
	assert_int_equal(send4(START_MS), 0);
	/* nor about what is told of, but not translated: types below 128, and redirects */
	for (unsigned int type = 0; type < 256; type++) {
		bool error6 = type < 128 || type == 137;
		bool error4 = type == 3 || type == 4 || type == 5 || type == 11 || type == 12;

		limit = (struct icmp_limit){ 0 };
		len = wire_icmp(bytes, inside, remote6, (uint8_t)type, 0, 0, NULL, 48);
		packet_parse(&packet, bytes, len);
		assert_int_equal(send6(START_MS), !error6);
		len = wire_icmp(bytes, remote4, outside, (uint8_t)type, 0, 0, NULL, 48);
		packet_parse(&packet, bytes, len);
		assert_int_equal(send4(START_MS), !error4);
	}
	len = wire_udp(bytes, remote4, 1, outside, 2, 40);
	wire_put16(bytes + 6, 3);
	assert_int_equal(packet_parse(&packet, bytes, len), PACKET_FRAGMENT);
	assert_int_equal(send4(START_MS), 0);
	for (size_t i = 0; i < N(rows); i++) {
		len = wire_udp(bytes, rows[i].src, 1, rows[i].dst, 2, 40);
		assert_int_equal(packet_parse(&packet, bytes, len), PACKET_OK);
		if (packet.l3 == L3_IPV6)
			assert_int_equal(send6(START_MS), 0);
		else
			assert_int_equal(send4(START_MS), 0);
	}
	/* An echo request is no error: it is answered. */
	len = wire_icmp(bytes, inside, remote6, 128, 0, 0, NULL, 48);
	assert_int_equal(packet_parse(&packet, bytes, len), PACKET_OK);
	assert_int_equal(send6(START_MS), 1);
	len = wire_udp(bytes, "223.255.255.254", 1, outside, 2, 40);
	assert_int_equal(packet_parse(&packet, bytes, len), PACKET_OK);
	assert_int_equal(send4(START_MS), 1);
}

/* RFC 7915 4.4, 5.4 with RFC 4443 2.4 (f): a token bucket, for both families together */
static void test_rate(void **state)
{
	size_t len = wire_udp(bytes, inside, 1, remote6, 2, 10);
	uint64_t limited = counted(STAT_NAT64_DROP_ICMP_RATE);
	uint64_t told = counted(STAT_NAT64_PTB_SENT6);
	unsigned int burst = 0, second = 0;

	(void)state;
	assert_int_equal(packet_parse(&packet, bytes, len), PACKET_OK);
	for (int i = 0; i < 5000; i++)
		burst += send6(START_MS);
	assert_in_range(burst, 10, 1000);
	assert_int_equal(counted(STAT_NAT64_DROP_ICMP_RATE) - limited, 5000 - burst);
	assert_int_equal(counted(STAT_NAT64_PTB_SENT6) - told, burst);
	for (int ms = 1; ms <= 1000; ms++)
		for (int i = 0; i < 5; i++)
			second += send6(START_MS + ms);
	assert_in_range(second, 10, 1000);
	/* An hour of silence saves up no more than a burst. */
	burst = 0;
	for (int i = 0; i < 5000; i++)
		burst += send6(START_MS + 3600000);
	assert_in_range(burst, 10, 1000);
	len = wire_udp(bytes, remote4, 1, outside, 2, 10);
	assert_int_equal(packet_parse(&packet, bytes, len), PACKET_OK);
	assert_int_equal(send4(START_MS + 3600000), 0);
	assert_int_equal(send4(START_MS + 3601000), 1);
}

/* Packets refused for other reasons do not use up what transfers live by. */
static void test_too_big_is_apart(void **state)
{
	static const struct icmp_error expired = { 3, 0, 0, STAT_NAT64_TIME_EXCEEDED_SENT };
	size_t len = wire_udp(bytes, inside, 1, remote6, 2, 10);
	uint64_t limited = counted(STAT_NAT64_DROP_ICMP_RATE);

	(void)state;
	assert_int_equal(packet_parse(&packet, bytes, len), PACKET_OK);
	for (int i = 0; i < 5000; i++)
		icmp_send6(NULL, &limit, START_MS, &packet, &expired);
	assert_true(counted(STAT_NAT64_DROP_ICMP_RATE) > limited);
	assert_int_equal(send6(START_MS), 1);
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_v6_message),
		TEST(test_v4_message),
		TEST(test_not_about),
		TEST(test_rate),
		TEST(test_too_big_is_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
