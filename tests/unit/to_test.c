/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whole packets over, both ways, with a recorder in place of the sockets: header fields, the
 * DF rule, fragments and Packet Too Big decisions of RFC 7915 4, 4.1, 5 and 5.1.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "../../nat64/flow.h"
#include "../../nat64/ipid.h"
#include "../../nat64/to4.h"
#include "../../nat64/to6.h"
#include "fake_emit.h"
#include "wire.h"

static const char inside[] = "2001:db8:1::7", remote6[] = "64:ff9b::192.0.2.33";
static const char outside[] = "198.51.100.7", remote4[] = "192.0.2.33";

enum { INSIDE_PORT = 40000, OUTSIDE_PORT = 5000, REMOTE_PORT = 53, TOS = 0xbb };

static uint8_t bytes[WIRE_MAX], wanted[WIRE_MAX], got[WIRE_MAX], joined[WIRE_MAX];
static struct packet packet;
static struct ipid *ids;

static int set_up(void **state)
{
	(void)state;
	ids = ipid_new(NULL);
	return ids ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	ipid_free(ids);
	return 0;
}

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

/* A packet of the flow, @data_len bytes of data, as it stands on either side. */
static size_t build(uint8_t *out, enum l4_proto l4, bool v6, bool going_out, size_t data_len)
{
	const char *near = v6 ? inside : outside, *far = v6 ? remote6 : remote4;
	const char *src = going_out ? near : far, *dst = going_out ? far : near;
	unsigned int near_port = v6 ? INSIDE_PORT : OUTSIDE_PORT;
	unsigned int src_port = going_out ? near_port : REMOTE_PORT;
	unsigned int dst_port = going_out ? REMOTE_PORT : near_port;
	uint8_t type = going_out ? (v6 ? 128 : 8) : (v6 ? 129 : 0);

	if (l4 == L4_TCP)
		return wire_tcp(out, src, src_port, dst, dst_port, 0x18, NULL, 0, data_len);
	if (l4 == L4_UDP)
		return wire_udp(out, src, src_port, dst, dst_port, data_len);
	return wire_icmp(out, src, dst, type, 0, near_port << 16 | 9, NULL, data_len);
}

static void set_tos(uint8_t *out)
{
	if (out[0] >> 4 == 4)
		out[1] = TOS;
	else
		wire_put32(out, 6u << 28 | (uint32_t)TOS << 20 | 0xabcde);
}

/* What RFC 7915 makes of the IPv4 header */
static void expect4(uint8_t *out, unsigned int id, unsigned int flags)
{
	out[1] = TOS;
	wire_put16(out + 4, id);
	wire_put16(out + 6, flags);
	out[8] = WIRE_TTL - 1;
	wire_put16(out + 10, 0);
	wire_put16(out + 10, ~wire_sum(0, out, 20) & 0xffff);
}

/* ... and of the IPv6 header: flow label zero */
static void expect6(uint8_t *out)
{
	wire_put32(out, 6u << 28 | (uint32_t)TOS << 20);
	out[7] = WIRE_TTL - 1;
}

/* An IPv6 packet of @len bytes in all goes out. */
static enum to_result go_out(enum l4_proto l4, size_t len, size_t mtu4, size_t mtu6)
{
	size_t overhead = l4 == L4_TCP ? 60 : 48;
	struct flow flow = the_flow(l4);

	assert_int_equal(build(bytes, l4, true, true, len - overhead), len);
	set_tos(bytes);
	assert_int_equal(packet_parse(&packet, bytes, len), PACKET_OK);
	sent.n = 0;
	return to4_send(NULL, ids, &packet, &flow, mtu4, mtu6);
}

/* An IPv4 packet of @len bytes in all comes in. */
static enum to_result come_in(enum l4_proto l4, size_t len, bool df, size_t mtu6, size_t mtu4,
			      size_t lowest_mtu)
{
	size_t overhead = l4 == L4_TCP ? 40 : 28;
	struct flow flow = the_flow(l4);

	assert_int_equal(build(bytes, l4, false, false, len - overhead), len);
	set_tos(bytes);
	wire_put16(bytes + 6, df ? WIRE_DF : 0);
	assert_int_equal(packet_parse(&packet, bytes, len), PACKET_OK);
	sent.n = 0;
	return to6_send(NULL, &packet, &flow, mtu6, mtu4, lowest_mtu);
}

static void assert_sent_to(size_t i, enum l3_proto l3, const char *dst)
{
	struct in6_addr addr = wire_addr(dst);

	assert_int_equal(sent.l3[i], l3);
	assert_memory_equal(&sent.slots[i].dst, &addr, 16);
}

/* RFC 7915 5.1: every byte of the header and the transport; RFC 7915 5.5. */
static void test_to4_bytes(void **state)
{
	(void)state;
	for (enum l4_proto l4 = 0; l4 < L4_COUNT; l4++) {
		for (size_t len = 61; len < 200; len += 7) {
			size_t len4 = build(wanted, l4, false, true, len - (l4 ? 48 : 60));

			assert_int_equal(go_out(l4, len, 1500, 1500), TO_SENT);
			assert_int_equal(sent.n, 1);
			assert_sent_to(0, L3_IPV4, remote4);
			assert_int_equal(sent_packet(0, got), len4);
			assert_int_equal(len4, len - 20);
			expect4(wanted, wire_get16(got + 4), 0);
			assert_memory_equal(got, wanted, len4);
		}
	}
}

/*
 * RFC 7915 4.1: every byte of the header and the transport, with DF and without; RFC 7915 4.5.
 */
static void test_to6_bytes(void **state)
{
	(void)state;
	for (enum l4_proto l4 = 0; l4 < L4_COUNT; l4++) {
		for (size_t len = 41; len < 200; len += 7) {
			for (int df = 0; df < 2; df++) {
				size_t len6 = build(wanted, l4, true, false, len - (l4 ? 28 : 40));

				assert_int_equal(come_in(l4, len, df, 1500, 1500, 1280), TO_SENT);
				assert_int_equal(sent.n, 1);
				assert_sent_to(0, L3_IPV6, inside);
				assert_int_equal(sent_packet(0, got), len6);
				assert_int_equal(len6, len + 20);
				expect6(wanted);
				assert_memory_equal(got, wanted, len6);
			}
		}
	}
}

/*
 * RFC 7915 5, 5.1, RFC 7915 5.1 df: DF is clear up to 1260 bytes of IPv4 packet, else set; RFC
 * 7915 5.1 id: each packet has an identification of its own.
 */
static void test_df_rule(void **state)
{
	unsigned int last = 0;

	(void)state;
	for (size_t len = 1275; len < 1290; len++) {
		assert_int_equal(go_out(L4_UDP, len, 1500, 1500), TO_SENT);
		assert_int_equal(sent.n, 1);
		sent_packet(0, got);
		assert_int_equal(wire_get16(got + 2), len - 20);
		assert_int_equal(wire_get16(got + 6), len - 20 <= 1260 ? 0 : WIRE_DF);
		assert_true(wire_ipv4_good(got));
		/* from the translator's own generator, each another */
		assert_int_not_equal(wire_get16(got + 4), 0);
		assert_int_not_equal(wire_get16(got + 4), last);
		last = wire_get16(got + 4);
	}
}

/* Options and extension headers are not carried over; what is an atomic fragment, is not,
 * but then DF is clear at any size (RFC 7915 5.1.1). */
static void headers_left_out(size_t data_len)
{
	struct flow flow = the_flow(L4_UDP);
	size_t len = build(bytes, L4_UDP, true, true, data_len), len4;

	memmove(bytes + 56, bytes + 40, len - 40);
	memset(bytes + 40, 0, 16);
	bytes[6] = 60;			/* destination options, then an atomic fragment */
	bytes[40] = WIRE_FRAGMENT;
	bytes[48] = WIRE_UDP;
	wire_put32(bytes + 52, 0x12345678);
	wire_put16(bytes + 4, (unsigned int)(len - 40 + 16));
	set_tos(bytes);
	assert_int_equal(packet_parse(&packet, bytes, len + 16), PACKET_OK);
	sent.n = 0;
	assert_int_equal(to4_send(NULL, ids, &packet, &flow, 1500, 1500), TO_SENT);
	len4 = build(wanted, L4_UDP, false, true, data_len);
	assert_int_equal(sent_packet(0, got), len4);
	expect4(wanted, wire_get16(got + 4), 0);
	assert_memory_equal(got, wanted, len4);
}

/*
 * RFC 7915 5.1 extension, RFC 7915 5.1.1: headers are skipped, and DF is clear where there was
 * a Fragment header.
 */
static void test_headers_left_out(void **state)
{
	(void)state;
	headers_left_out(30);
	headers_left_out(1400);
}

/* Put fragments in @got, one after the other, together in @joined. Return: bytes. */
static size_t join4(size_t mtu)
{
	unsigned int id = 0;
	size_t total = 0;

	for (size_t i = 0; i < sent.n; i++) {
		size_t len = sent_packet(i, got), part = len - 20;
		bool last = i + 1 == sent.n;

		assert_sent_to(i, L3_IPV4, remote4);
		assert_true(len <= mtu);
		assert_int_equal(wire_get16(got + 2), len);
		assert_true(wire_ipv4_good(got));
		assert_int_equal(got[1], TOS);
		assert_int_equal(got[8], WIRE_TTL - 1);
		assert_int_equal(got[9], WIRE_UDP);
		if (i == 0)
			id = wire_get16(got + 4);
		assert_int_equal(wire_get16(got + 4), id);
		assert_int_equal(wire_get16(got + 6), (last ? 0 : WIRE_MF) | total / 8);
		assert_int_equal(total % 8, 0);
		memcpy(joined + total, got + 20, part);
		total += part;
	}
	assert_int_not_equal(id, 0);
	return total;
}

static size_t join6(size_t mtu, uint32_t id)
{
	size_t total = 0;

	for (size_t i = 0; i < sent.n; i++) {
		size_t len = sent_packet(i, got), part = len - 48;
		bool last = i + 1 == sent.n;

		assert_sent_to(i, L3_IPV6, inside);
		assert_true(len <= mtu);
		assert_int_equal(wire_get32(got), 6u << 28 | (uint32_t)TOS << 20);
		assert_int_equal(wire_get16(got + 4), len - 40);
		assert_int_equal(got[6], WIRE_FRAGMENT);
		assert_int_equal(got[7], WIRE_TTL - 1);
		assert_memory_equal(got + 8, &(struct in6_addr[]){ wire_addr(remote6) }, 16);
		assert_memory_equal(got + 24, &(struct in6_addr[]){ wire_addr(inside) }, 16);
		/* RFC 8200 4.5: next header, reserved, offset and M, identification */
		assert_int_equal(got[40], WIRE_UDP);
		assert_int_equal(got[41], 0);
		assert_int_equal(total % 8, 0);
		assert_int_equal(wire_get16(got + 42), total | !last);
		assert_int_equal(wire_get32(got + 44), id);
		memcpy(joined + total, got + 48, part);
		total += part;
	}
	return total;
}

/*
 * RFC 7915 5, RFC 7915 7: what does not fit on the IPv4 side is told to the sender, but not
 * where no Packet Too Big can help: up to 1280 bytes (RFC 8200 5), or where fragments of the
 * sender's came in (packet larger than the way from it takes).
 */
static void test_to4_too_big(void **state)
{
	static const struct {
		size_t len, mtu4, mtu6;
		enum to_result result;
		size_t packets;
	} rows[] = {
		{ 1500, 1480, 1500, TO_SENT, 1 },
		{ 1500, 1479, 1500, TO_TOO_BIG, 0 },
		{ 1281, 1260, 1500, TO_TOO_BIG, 0 },
		{ 1281, 1261, 1500, TO_SENT, 1 },
		{ 1280, 1259, 1500, TO_SENT, 2 },
		{ 1280, 576, 1280, TO_SENT, 3 },
		{ 1280, 68, 1500, TO_SENT, 26 },
		{ 2000, 1500, 1500, TO_SENT, 2 },
		{ 2000, 1500, 2000, TO_TOO_BIG, 0 },
		{ 9000, 1500, 1420, TO_SENT, 7 },
	};

	(void)state;
	for (size_t i = 0; i < N(rows); i++) {
		size_t len4 = build(wanted, L4_UDP, false, true, rows[i].len - 48);

		assert_int_equal(go_out(L4_UDP, rows[i].len, rows[i].mtu4, rows[i].mtu6),
				 rows[i].result);
		assert_int_equal(sent.n, rows[i].packets);
		if (rows[i].packets > 1) {
			assert_int_equal(join4(rows[i].mtu4), len4 - 20);
			assert_memory_equal(joined, wanted + 20, len4 - 20);
		} else if (rows[i].result == TO_TOO_BIG) {
			/* unchanged: the error quotes it */
			build(wanted, L4_UDP, true, true, rows[i].len - 48);
			set_tos(wanted);
			assert_memory_equal(bytes, wanted, rows[i].len);
		}
	}
}

/*
 * RFC 7915 4, RFC 7915 4.1 fragment: with DF clear, what gets larger than the lowest MTU leaves
 * in fragments, which carry the identification; what fits has no Fragment header.
 */
static void test_to6_fragments(void **state)
{
	static const size_t lowest[] = { 1280, 1400, 1500 };

	(void)state;
	for (size_t l = 0; l < N(lowest); l++) {
		for (size_t len = 1240; len < 9000; len += len < 1500 ? 1 : 499) {
			size_t len6 = build(wanted, L4_UDP, true, false, len - 28);

			assert_int_equal(come_in(L4_UDP, len, false, 1500, 1500, lowest[l]),
					 TO_SENT);
			if (len6 <= lowest[l]) {
				/* no Fragment header on a packet that is none (RFC 8021) */
				assert_int_equal(sent.n, 1);
				assert_int_equal(sent_packet(0, got), len6);
				expect6(wanted);
				assert_memory_equal(got, wanted, len6);
				continue;
			}
			assert_true(sent.n > 1);
			assert_int_equal(join6(lowest[l], WIRE_ID), len6 - 40);
			assert_memory_equal(joined, wanted + 40, len6 - 40);
		}
	}
	/* The link's own MTU is less than what was configured. */
	assert_int_equal(come_in(L4_UDP, 1500, false, 1280, 1500, 1500), TO_SENT);
	assert_int_equal(join6(1280, WIRE_ID), 1480);
}

/*
 * RFC 7915 4, 4.1: with DF set, the sender is told; unless its packet came in fragments all the
 * same.
 */
static void test_to6_too_big(void **state)
{
	static const struct {
		size_t len, mtu6, mtu4;
		enum to_result result;
		size_t packets;
	} rows[] = {
		{ 1480, 1500, 1500, TO_SENT, 1 },	/* the lowest MTU is for DF=0 only */
		{ 1481, 1500, 1500, TO_TOO_BIG, 0 },
		{ 1400, 1420, 1500, TO_SENT, 1 },
		{ 1401, 1420, 1500, TO_TOO_BIG, 0 },
		{ 1260, 1280, 1500, TO_SENT, 1 },
		{ 1261, 1280, 1500, TO_TOO_BIG, 0 },
		{ 1500, 1420, 1500, TO_TOO_BIG, 0 },
		{ 1501, 1420, 1500, TO_SENT, 2 },
	};

	(void)state;
	for (size_t i = 0; i < N(rows); i++) {
		size_t len6 = build(wanted, L4_UDP, true, false, rows[i].len - 28);

		assert_int_equal(come_in(L4_UDP, rows[i].len, true, rows[i].mtu6, rows[i].mtu4,
					 1280), rows[i].result);
		assert_int_equal(sent.n, rows[i].packets);
		if (rows[i].packets > 1) {
			assert_int_equal(join6(1280, WIRE_ID), len6 - 40);
			assert_memory_equal(joined, wanted + 40, len6 - 40);
		} else if (rows[i].result == TO_TOO_BIG) {
			build(wanted, L4_UDP, false, false, rows[i].len - 28);
			set_tos(wanted);
			wire_put16(wanted + 6, WIRE_DF);
			assert_memory_equal(bytes, wanted, rows[i].len);
		}
	}
}

/*
 * RFC 7915 4.5 zero, RFC 6146 3.4 zero: computed over the whole datagram, though it leaves in
 * fragments.
 */
static void test_no_checksum(void **state)
{
	struct flow flow = the_flow(L4_UDP);
	size_t len = build(bytes, L4_UDP, false, false, 2000);

	(void)state;
	set_tos(bytes);
	wire_put16(bytes + 26, 0);
	assert_int_equal(packet_parse(&packet, bytes, len), PACKET_OK);
	sent.n = 0;
	assert_int_equal(to6_send(NULL, &packet, &flow, 1500, 1500, 1280), TO_SENT);
	build(wanted, L4_UDP, true, false, 2000);
	assert_int_equal(join6(1280, WIRE_ID), 2008);
	assert_memory_equal(joined, wanted + 40, 2008);
	/* and the other way round it may not be */
	len = build(bytes, L4_UDP, true, true, 20);
	wire_put16(bytes + 46, 0);
	assert_int_equal(packet_parse(&packet, bytes, len), PACKET_OK);
	sent.n = 0;
	assert_int_equal(to4_send(NULL, ids, &packet, &flow, 1500, 1500), TO_NO_CHECKSUM);
	assert_int_equal(sent.n, 0);
}

/*
 * RFC 7915 4.5, 5.5: other transports go over by their addresses, the transport header untouched,
 * whole and in fragments (RFC 7915 4.1 and 5.1: "Next Header", "Protocol").
 */
static void test_other_transport(void **state)
{
	static const uint8_t protos[] = { 4, 33, 50, 51, 132, 255 };

	(void)state;
	for (size_t i = 0; i < N(protos); i++) {
		for (size_t len = 0; len < 3000; len += 1450) {
			struct flow flow = the_flow(L4_OTHER);
			size_t at = wire_ip(bytes, protos[i], inside, remote6, len);

			wire_fill(bytes + at, len);
			set_tos(bytes);
			assert_int_equal(packet_parse(&packet, bytes, at + len), PACKET_PROTOCOL);
			sent.n = 0;
			assert_int_equal(to4_send(NULL, ids, &packet, &flow, 1400, 1500),
					 len == 1450 ? TO_TOO_BIG : TO_SENT);
			if (len == 1450)
				continue;
			assert_int_equal(sent.n, len ? 3 : 1);
			wire_fill(wanted, len);
			for (size_t n = 0, done = 0; n < sent.n; n++) {
				size_t part = sent_packet(n, got) - 20;

				assert_int_equal(got[9], protos[i]);
				assert_memory_equal(got + 20, wanted + done, part);
				done += part;
			}
			at = wire_ip(bytes, protos[i], remote4, outside, len);
			wire_fill(bytes + at, len);
			assert_int_equal(packet_parse(&packet, bytes, at + len), PACKET_PROTOCOL);
			sent.n = 0;
			assert_int_equal(to6_send(NULL, &packet, &flow, 1500, 1500, 1280), TO_SENT);
			assert_int_equal(sent.n, len ? 3 : 1);
			for (size_t n = 0, done = 0; n < sent.n; n++) {
				size_t head = sent.n > 1 ? 48 : 40;
				size_t part = sent_packet(n, got) - head;

				assert_int_equal(sent.n > 1 ? got[40] : got[6], protos[i]);
				assert_memory_equal(got + head, wanted + done, part);
				done += part;
			}
		}
	}
}

/* RFC 791 3.1: what an IPv4 packet cannot hold is too big, whatever the link takes; RFC 8200 3
 * has room for 20 bytes more. */
static void test_larger_than_ipv4(void **state)
{
	struct flow flow = the_flow(L4_UDP);

	(void)state;
	for (size_t len4 = 65534; len4 <= 65537; len4++) {
		size_t len = build(bytes, L4_UDP, true, true, len4 - 28);

		assert_int_equal(packet_parse(&packet, bytes, len), PACKET_OK);
		sent.n = 0;
		assert_int_equal(to4_send(NULL, ids, &packet, &flow, 65600, 65600),
				 len4 <= 65535 ? TO_SENT : TO_TOO_BIG);
		assert_int_equal(sent.n, len4 <= 65535);
	}
}

/* RFC 4291 2.5.5.2: an IPv4-mapped address in an IPv6 header counts with all its bytes for the
 * checksum (RFC 8200 8.1, RFC 7915 5.5). */
static void test_mapped_source(void **state)
{
	struct flow flow = the_flow(L4_UDP);
	struct in6_addr mapped = { .s6_addr = { [10] = 0xff, 0xff, 192, 0, 2, 1 } };
	size_t len = build(bytes, L4_UDP, true, true, 30), len4;

	(void)state;
	memcpy(bytes + 8, &mapped, 16);
	wire_seal(bytes, len);
	assert_int_equal(packet_parse(&packet, bytes, len), PACKET_OK);
	sent.n = 0;
	assert_int_equal(to4_send(NULL, ids, &packet, &flow, 1500, 1500), TO_SENT);
	len4 = sent_packet(0, got);
	assert_true(wire_l4_exact(got, len4));
}

/*
 * RFC 7915 5.1 id, RFC 6864 4.1, RFC 7739 5.3: never twice in a row to one place, never 0, not
 * the same for all
 */
static void test_identification(void **state)
{
	static uint8_t seen[65536];
	unsigned int same = 0;

	(void)state;
	for (int i = 0; i < 65535; i++) {
		uint16_t id = ipid_next(ids, wire_v4(remote4), WIRE_UDP);

		assert_int_not_equal(id, 0);
		assert_int_equal(seen[id], 0);
		seen[id] = 1;
	}
	for (uint32_t i = 0; i < 1000; i++)
		same += ipid_next(ids, htonl(0x0a000000 + i), WIRE_UDP) ==
			ipid_next(ids, htonl(0x0b000000 + i), WIRE_UDP);
	assert_in_range(same, 0, 20);
	ipid_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_to4_bytes),
		cmocka_unit_test(test_to6_bytes),
		cmocka_unit_test(test_df_rule),
		cmocka_unit_test(test_headers_left_out),
		cmocka_unit_test(test_to4_too_big),
		cmocka_unit_test(test_to6_fragments),
		cmocka_unit_test(test_to6_too_big),
		cmocka_unit_test(test_no_checksum),
		cmocka_unit_test(test_other_transport),
		cmocka_unit_test(test_larger_than_ipv4),
		cmocka_unit_test(test_mapped_source),
		cmocka_unit_test(test_identification),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
