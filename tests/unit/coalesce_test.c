/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Segments joined and cut again: what comes out of an engine that segments TCP or UDP,
 * as written here from RFC 9293, 768, 791, 8200 and virtio 1.2 5.1.6, must be what went
 * in, byte by byte.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "../../nat64/coalesce.h"
#include "../../nat64/emit.h"
#include "wire.h"

enum {
	SLOTS = 140, FULL = 1208, SLOT_BYTES = 40 + 60 + FULL,
	PSH = 0x08, ACK = 0x10,
	/* Where fields of the IP headers and of TCP stand */
	TOS4 = 1, ID4 = 4, FRAG4 = 6, TTL4 = 8, PROTO4 = 9, SRC4 = 15, DST4 = 19,
	CLASS6 = 1, NEXT6 = 6, HOP6 = 7, SRC6 = 23, DST6 = 39,
	SPORT = 0, DPORT = 3, SEQ = 4, ACKNO = 11, RESERVED = 12, FLAGS = 13, WINDOW = 15,
	CSUM = 16, URGENT = 19, TSVAL = 27, TSECR = 31,
	UDP_LEN = 4, UDP_CSUM = 6,
};

/* NOP, NOP, timestamps (RFC 7323) */
static const uint8_t options[12] = { 1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2 };

static uint8_t bytes[SLOTS][SLOT_BYTES];
static struct emit_slot slots[SLOTS];
static size_t n_slots;

static size_t ip_len(enum l3_proto l3)
{
	return l3 == L3_IPV4 ? 20 : 40;
}

static bool is_udp(enum l3_proto l3, const uint8_t *packet)
{
	return packet[l3 == L3_IPV4 ? PROTO4 : NEXT6] == WIRE_UDP;
}

static size_t l4_len(enum l3_proto l3, const uint8_t *packet)
{
	return is_udp(l3, packet) ? 8 : 20 + sizeof(options);
}

/* Give a slot its head and body again, after bytes[] was changed. */
static void place(enum l3_proto l3, size_t i, size_t len)
{
	struct emit_slot *slot = &slots[i];

	slot->head_len = ip_len(l3);
	memcpy(slot->head, bytes[i], slot->head_len);
	slot->body = bytes[i] + slot->head_len;
	slot->body_len = len - slot->head_len;
}

static void reseal(enum l3_proto l3, size_t i)
{
	size_t len = slots[i].head_len + slots[i].body_len;

	if (l3 == L3_IPV4) {
		wire_put16(bytes[i] + 10, 0);
		wire_put16(bytes[i] + 10, ~wire_sum(0, bytes[i], 20) & 0xffff);
	}
	wire_seal(bytes[i], len);
	place(l3, i, len);
}

static const char *const from[] = { "198.51.100.7", "64:ff9b::198.51.100.7" };
static const char *const to[] = { "192.0.2.33", "2001:db8:1::7" };

/* The IP header's fields that a flow's packets share, or count up */
static void put_ip_fields(enum l3_proto l3, bool df, size_t i)
{
	if (l3 == L3_IPV4) {
		wire_put16(bytes[i] + ID4, (unsigned int)(0xfffe + i) & 0xffff);
		wire_put16(bytes[i] + FRAG4, df ? WIRE_DF : 0);
	} else {
		wire_put32(bytes[i], 6u << 28 | WIRE_TOS << 20);
	}
}

/* Segments of one flow in a row, @len bytes of payload each, DF as @df says. */
static void build(enum l3_proto l3, bool df, size_t n, size_t len)
{
	n_slots = n;
	for (size_t i = 0; i < n; i++) {
		size_t all = wire_tcp(bytes[i], from[l3], 40000, to[l3], 443, ACK, options,
				      sizeof(options), len);

		put_ip_fields(l3, df, i);
		wire_put32(bytes[i] + ip_len(l3) + SEQ, (uint32_t)(0xfffff000 + i * len));
		place(l3, i, all);
		reseal(l3, i);
	}
}

/* The same of UDP. */
static void build_udp(enum l3_proto l3, bool df, size_t n, size_t len)
{
	n_slots = n;
	for (size_t i = 0; i < n; i++) {
		size_t all = wire_udp(bytes[i], from[l3], 40000, to[l3], 443, len);

		bytes[i][all - 1] = (uint8_t)i;		/* not all alike */
		put_ip_fields(l3, df, i);
		place(l3, i, all);
		reseal(l3, i);
	}
}

/* Make the @i-th one shorter. */
static void shorten(enum l3_proto l3, size_t i, size_t payload_len)
{
	size_t l4 = l4_len(l3, bytes[i]) + payload_len, len = ip_len(l3) + l4;

	if (is_udp(l3, bytes[i]))
		wire_put16(bytes[i] + ip_len(l3) + UDP_LEN, (unsigned int)l4);
	if (l3 == L3_IPV4)
		wire_put16(bytes[i] + 2, (unsigned int)len);
	else
		wire_put16(bytes[i] + 4, (unsigned int)l4);
	place(l3, i, len);
	reseal(l3, i);
}

static size_t join(enum l3_proto l3, size_t n, struct coalesced *all)
{
	return coalesce(l3, slots, n, true, all);
}

/* ---- what leaves is what came ------------------------------------------------------ */

/* What a device does with a packet of gso_type TCPV4, TCPV6 or UDP_L4: the @i-th segment. */
static size_t cut(const struct coalesced *all, const uint8_t *head, size_t head_len,
		  const uint8_t *payload, size_t i, uint8_t *out)
{
	size_t hdr_len = head_len - 10, size = (size_t)(head[4] | head[5] << 8);
	size_t at = i * size, part = all->payload_len - at < size ? all->payload_len - at : size;
	uint8_t *ip = out + (hdr_len - ip_len(all->l3) - all->l4_hlen);
	uint8_t *l4 = ip + ip_len(all->l3);

	memcpy(out, head + 10, hdr_len);
	memcpy(out + hdr_len, payload + at, part);
	if (all->l3 == L3_IPV4) {
		wire_put16(ip + 2, (unsigned int)(20 + all->l4_hlen + part));
		wire_put16(ip + ID4, (wire_get16(ip + ID4) + (unsigned int)i) & 0xffff);
		wire_put16(ip + 10, 0);
		wire_put16(ip + 10, ~wire_sum(0, ip, 20) & 0xffff);
	} else {
		wire_put16(ip + 4, (unsigned int)(all->l4_hlen + part));
	}
	if (is_udp(all->l3, ip)) {
		wire_put16(l4 + UDP_LEN, (unsigned int)(8 + part));
	} else {
		wire_put32(l4 + SEQ, (uint32_t)(wire_get32(l4 + SEQ) + at));
		if (at + part < all->payload_len)
			l4[FLAGS] &= (uint8_t)~PSH;
	}
	wire_seal(ip, ip_len(all->l3) + all->l4_hlen + part);
	return hdr_len + part;
}

static void assert_cut_restores(const struct coalesced *all, size_t link_len)
{
	static uint8_t payload[WIRE_MAX], out[WIRE_MAX];
	const uint8_t link[14] = { 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x08, 0x00 };
	uint8_t head[COALESCE_HEAD_MAX];
	size_t head_len = coalesce_head(all, link, link_len, head), at = 0;

	for (size_t i = 0; i < all->n; i++) {
		size_t part = all->slots[i].body_len - all->l4_hlen;

		memcpy(payload + at, all->slots[i].body + all->l4_hlen, part);
		at += part;
	}
	assert_int_equal(at, all->payload_len);
	for (size_t i = 0; i < all->n; i++) {
		const struct emit_slot *slot = &all->slots[i];
		size_t len = cut(all, head, head_len, payload, i, out);

		assert_int_equal(len, link_len + slot->head_len + slot->body_len);
		assert_memory_equal(out, link, link_len);
		assert_memory_equal(out + link_len, slot->head, slot->head_len);
		assert_memory_equal(out + link_len + slot->head_len, slot->body, slot->body_len);
	}
}

/* RFC 9293 3.8.3, RFC 6864 4.1: boundaries, sequence numbers and identifications stay. */
static void test_cut_again_it_is_the_same(void **state)
{
	static const struct { size_t n, len, last; bool df, push; } cases[] = {
		{ 2, FULL, FULL, true, false },
		{ 45, FULL, FULL, false, false },
		{ 45, FULL, 1, true, true },
		{ 3, 1, 1, false, true },
		{ 128, 100, 99, true, false },
	};

	(void)state;
	for (size_t c = 0; c < 2 * N(cases); c++) {
		enum l3_proto l3 = c % 2 ? L3_IPV6 : L3_IPV4;
		size_t n = cases[c / 2].n;
		struct coalesced all;

		build(l3, cases[c / 2].df, n, cases[c / 2].len);
		if (cases[c / 2].push)
			bytes[n - 1][ip_len(l3) + FLAGS] |= PSH;
		shorten(l3, n - 1, cases[c / 2].last);
		assert_int_equal(join(l3, n, &all), n);
		assert_int_equal(all.segment_len, cases[c / 2].len);
		assert_cut_restores(&all, 14);
		assert_cut_restores(&all, 0);
	}
}

/* RFC 768, RFC 8085 3.1: the boundaries of datagrams stay, and each has its own checksum. */
static void test_datagrams_cut_again_are_the_same(void **state)
{
	static const struct { size_t n, len, last; bool df; } cases[] = {
		{ 2, 1200, 1200, true }, { 2, 64, 64, false }, { 45, 1200, 7, true },
		{ 64, 64, 1, false }, { 3, 1, 1, false },
	};

	(void)state;
	for (size_t c = 0; c < 2 * N(cases); c++) {
		enum l3_proto l3 = c % 2 ? L3_IPV6 : L3_IPV4;
		size_t n = cases[c / 2].n;
		struct coalesced all;

		build_udp(l3, cases[c / 2].df, n, cases[c / 2].len);
		shorten(l3, n - 1, cases[c / 2].last);
		assert_int_equal(coalesce(l3, slots, n, false, &all), 1);
		assert_int_equal(join(l3, n, &all), n);
		assert_int_equal(all.segment_len, cases[c / 2].len);
		assert_cut_restores(&all, 14);
		assert_cut_restores(&all, 0);
	}
}

/* virtio 1.2 5.1.6: flags, gso_type, hdr_len, gso_size, csum_start, csum_offset */
static void test_virtio_header(void **state)
{
	static const uint8_t link[14] = { 2 };
	static const struct { enum l3_proto l3; size_t link_len; uint16_t wanted[4]; uint8_t type; }
	cases[] = {
		{ L3_IPV4, 14, { 14 + 20 + 32, FULL, 14 + 20, 16 }, 1 },
		{ L3_IPV6, 14, { 14 + 40 + 32, FULL, 14 + 40, 16 }, 4 },
		{ L3_IPV4, 0, { 20 + 32, FULL, 20, 16 }, 1 },
		{ L3_IPV6, 0, { 40 + 32, FULL, 40, 16 }, 4 },
	};

	(void)state;
	for (size_t c = 0; c < N(cases); c++) {
		uint8_t head[COALESCE_HEAD_MAX], *tcp;
		struct coalesced all;
		size_t len;

		build(cases[c].l3, true, 3, FULL);
		join(cases[c].l3, 3, &all);
		len = coalesce_head(&all, link, cases[c].link_len, head);
		assert_int_equal(len, 10 + cases[c].wanted[0]);
		assert_int_equal(head[0], 1);		/* NEEDS_CSUM */
		assert_int_equal(head[1], cases[c].type);
		assert_memory_equal(head + 2, cases[c].wanted, 8);
		/* The pseudo-header's sum, over which that of the segment is to go */
		tcp = head + len - 32;
		assert_int_equal(wire_get16(tcp + CSUM),
				 wire_l4_sum(tcp - ip_len(cases[c].l3),
					     (uint8_t[WIRE_MAX]){ 0 }, 32 + 3 * FULL));
	}
}

/* virtio 1.2 5.1.6 the same for UDP, whose gso_type is 5 in both families */
static void test_virtio_header_of_datagrams(void **state)
{
	static const uint8_t link[14] = { 2 };

	(void)state;
	for (enum l3_proto l3 = L3_IPV4; l3 <= L3_IPV6; l3++)
		for (size_t link_len = 0; link_len <= 14; link_len += 14) {
			uint16_t l4_at = (uint16_t)(link_len + ip_len(l3));
			uint16_t wanted[4] = { (uint16_t)(l4_at + 8), FULL, l4_at, UDP_CSUM };
			uint8_t head[COALESCE_HEAD_MAX], *udp;
			struct coalesced all;

			build_udp(l3, true, 3, FULL);
			join(l3, 3, &all);
			assert_int_equal(coalesce_head(&all, link, link_len, head), 10 + l4_at + 8);
			assert_int_equal(head[0], 1);	/* NEEDS_CSUM */
			assert_int_equal(head[1], 5);
			assert_memory_equal(head + 2, wanted, 8);
			/* Linux takes the length out of this sum again, so it must say the same. */
			udp = head + 10 + l4_at;
			assert_int_equal(wire_get16(udp + UDP_LEN), 8 + 3 * FULL);
			assert_int_equal(wire_get16(udp + UDP_CSUM),
					 wire_l4_sum(udp - ip_len(l3), (uint8_t[WIRE_MAX]){ 0 },
						     8 + 3 * FULL));
		}
}

/* ---- what must stay apart ------------------------------------------------------------ */

/* Of three segments the second (or, where said, the first) is another. */
struct change {
	const char *what;
	size_t slot;
	bool ip;		/* the offset is one of the IP header */
	size_t at;
	uint8_t xor;
	size_t joined;		/* of the three */
};

static const struct change both_changes[] = {
	{ "nothing", 1, false, 0, 0, 3 },
	{ "source port", 1, false, SPORT, 1, 1 },
	{ "destination port", 1, false, DPORT, 1, 1 },
	{ "a gap, or a retransmission", 1, false, SEQ, 1, 1 },
	{ "acknowledgement", 1, false, ACKNO, 1, 1 },
	{ "window", 1, false, WINDOW, 1, 1 },
	{ "urgent pointer", 1, false, URGENT, 1, 1 },
	{ "timestamp", 1, false, TSVAL, 1, 1 },
	{ "timestamp echoed", 1, false, TSECR, 1, 1 },
	{ "FIN", 1, false, FLAGS, 0x01, 1 },
	{ "SYN", 1, false, FLAGS, 0x02, 1 },
	{ "RST", 1, false, FLAGS, 0x04, 1 },
	{ "PSH in the middle", 1, false, FLAGS, PSH, 2 },
	{ "no ACK", 1, false, FLAGS, ACK, 1 },
	{ "URG", 1, false, FLAGS, 0x20, 1 },
	{ "ECE", 1, false, FLAGS, 0x40, 1 },
	{ "CWR", 1, false, FLAGS, 0x80, 1 },
	{ "AE (RFC 9768)", 1, false, RESERVED, 0x01, 1 },
	{ "a reserved bit", 1, false, RESERVED, 0x08, 1 },
	{ "PSH first", 0, false, FLAGS, PSH, 1 },
	{ "FIN first", 0, false, FLAGS, 0x01, 1 },
	{ "SYN first", 0, false, FLAGS, 0x02, 1 },
	{ "RST first", 0, false, FLAGS, 0x04, 1 },
	{ "URG first", 0, false, FLAGS, 0x20, 1 },
	{ "CWR first", 0, false, FLAGS, 0x80, 1 },
	{ "a header longer than TCP's options", 1, false, RESERVED, 0x10, 1 },
	{ "a header longer than the segment", 0, false, RESERVED, 0x70, 1 },
}, udp_changes[] = {
	{ "nothing", 1, false, 0, 0, 3 },
	{ "source port", 1, false, SPORT, 1, 1 },
	{ "destination port", 1, false, DPORT, 1, 1 },
}, ipv4_changes[] = {
	{ "TOS", 1, true, TOS4, 4, 1 },
	{ "congestion experienced", 1, true, TOS4, 1, 1 },
	{ "DF", 1, true, FRAG4, 0x40, 1 },
	{ "more fragments", 1, true, FRAG4, 0x20, 1 },
	{ "an offset", 1, true, FRAG4 + 1, 1, 1 },
	{ "more fragments first", 0, true, FRAG4, 0x20, 1 },
	{ "an offset first", 0, true, FRAG4 + 1, 1, 1 },
	{ "TTL", 1, true, TTL4, 1, 1 },
	{ "protocol", 1, true, PROTO4, 17 ^ 6, 1 },
	{ "protocol first", 0, true, PROTO4, 17 ^ 6, 1 },
	{ "source", 1, true, SRC4, 1, 1 },
	{ "destination", 1, true, DST4, 1, 1 },
}, ipv6_changes[] = {
	{ "traffic class", 1, true, CLASS6, 0x10, 1 },
	{ "flow label", 1, true, CLASS6, 0x01, 1 },
	{ "next header", 1, true, NEXT6, 17 ^ 6, 1 },
	{ "next header first", 0, true, NEXT6, 44 ^ 6, 1 },
	{ "hop limit", 1, true, HOP6, 1, 1 },
	{ "source", 1, true, SRC6, 1, 1 },
	{ "destination", 1, true, DST6, 1, 1 },
};

static void check_changes(enum l3_proto l3, void (*make)(enum l3_proto, bool, size_t, size_t),
			  const struct change *changes, size_t n)
{
	for (size_t c = 0; c < n; c++) {
		const struct change *change = &changes[c];
		uint8_t *packet = bytes[change->slot];
		struct coalesced all;
		size_t joined;

		make(l3, true, 3, FULL);
		packet[(change->ip ? 0 : ip_len(l3)) + change->at] ^= change->xor;
		reseal(l3, change->slot);
		joined = join(l3, 3, &all);
		if (joined != change->joined)
			fail_msg("IPv%d, %s: %zu joined", l3 == L3_IPV4 ? 4 : 6, change->what, joined);
		if (joined > 1)
			assert_cut_restores(&all, 14);
	}
}

/* RFC 9293 3.1, RFC 791 3.1, RFC 8200 3: each field that cutting would not restore */
static void test_what_differs_stays_apart(void **state)
{
	(void)state;
	check_changes(L3_IPV4, build, both_changes, N(both_changes));
	check_changes(L3_IPV6, build, both_changes, N(both_changes));
	check_changes(L3_IPV4, build, ipv4_changes, N(ipv4_changes));
	check_changes(L3_IPV6, build, ipv6_changes, N(ipv6_changes));
}

/* RFC 768, RFC 791 3.1, RFC 8200 3: the same for datagrams */
static void test_datagrams_that_differ_stay_apart(void **state)
{
	(void)state;
	check_changes(L3_IPV4, build_udp, udp_changes, N(udp_changes));
	check_changes(L3_IPV6, build_udp, udp_changes, N(udp_changes));
	check_changes(L3_IPV4, build_udp, ipv4_changes, N(ipv4_changes));
	check_changes(L3_IPV6, build_udp, ipv6_changes, N(ipv6_changes));
}

/* RFC 1122 4.1.3.4: who sent none gets none, and RFC 9868: what stands after the datagram
 * stays there; no engine knows of either. */
static void test_datagrams_that_no_engine_restores(void **state)
{
	struct coalesced all;

	(void)state;
	for (enum l3_proto l3 = L3_IPV4; l3 <= L3_IPV6; l3++)
		for (size_t i = 0; i < 3; i++) {
			size_t joined = i == 2 ? 2 : 1;

			build_udp(l3, true, 3, FULL);
			wire_put16(bytes[i] + ip_len(l3) + UDP_CSUM, 0);
			assert_int_equal(join(l3, 3, &all), joined);
			build_udp(l3, true, 3, FULL);
			wire_put16(bytes[i] + ip_len(l3) + UDP_LEN, 8 + FULL - 4);
			assert_int_equal(join(l3, 3, &all), joined);
			build_udp(l3, true, 3, FULL);
			bytes[i][ip_len(l3) + 8 + 7] ^= 1;	/* damaged on its way */
			assert_int_equal(join(l3, 3, &all), joined);
		}
}

/* RFC 6864 4.1: the identification matters where DF is clear, and there alone. */
static void test_identification(void **state)
{
	struct coalesced all;

	(void)state;
	for (int df = 0; df < 2; df++) {
		build(L3_IPV4, df, 3, FULL);
		wire_put16(bytes[1] + ID4, 0x1234);
		reseal(L3_IPV4, 1);
		assert_int_equal(join(L3_IPV4, 3, &all), df ? 3 : 1);
	}
}

/* RFC 1071: a segment that was damaged on its way leaves alone, and as damaged as before. */
static void test_damaged_segments_stay_alone(void **state)
{
	struct coalesced all;

	(void)state;
	for (enum l3_proto l3 = L3_IPV4; l3 <= L3_IPV6; l3++)
		for (size_t damaged = 0; damaged < 3; damaged++) {
			build(l3, true, 3, FULL);
			bytes[damaged][ip_len(l3) + 20 + sizeof(options) + 7] ^= 1;
			assert_int_equal(join(l3, 3, &all), damaged == 2 ? 2 : 1);
		}
}

/* The sender's own size rules (RFC 8899, RFC 4821: it may be small for a reason). */
static void test_sizes(void **state)
{
	static const struct { size_t second, joined; } cases[] = {
		{ FULL, 3 }, { FULL - 1, 2 }, { 1, 2 }, { 0, 1 },
	};
	struct coalesced all;

	(void)state;
	for (size_t c = 0; c < N(cases); c++) {
		build(L3_IPV6, true, 3, FULL);
		shorten(L3_IPV6, 1, cases[c].second);
		wire_put32(bytes[2] + 40 + SEQ, (uint32_t)(0xfffff000 + FULL + cases[c].second));
		reseal(L3_IPV6, 2);
		assert_int_equal(join(L3_IPV6, 3, &all), cases[c].joined);
	}
	/* A larger one cannot follow a smaller one. */
	build(L3_IPV6, true, 3, FULL);
	shorten(L3_IPV6, 0, FULL - 8);
	wire_put32(bytes[0] + 40 + SEQ, (uint32_t)(0xfffff000 + 8));
	reseal(L3_IPV6, 0);
	assert_int_equal(join(L3_IPV6, 3, &all), 1);
	/* Acknowledgements without data have nothing to join. */
	build(L3_IPV4, true, 3, 0);
	assert_int_equal(join(L3_IPV4, 3, &all), 1);
}

/* RFC 791 3.1: no packet is longer than 65535 bytes; and the iovec ends somewhere. */
static void test_bounds(void **state)
{
	struct coalesced all;
	size_t n = (65535 - 20 - 32) / FULL;

	(void)state;
	for (enum l3_proto l3 = L3_IPV4; l3 <= L3_IPV6; l3++) {
		build(l3, true, SLOTS, FULL);
		assert_int_equal(join(l3, n_slots, &all), n);
		assert_cut_restores(&all, 14);
		build(l3, true, SLOTS, 10);
		assert_int_equal(join(l3, n_slots, &all), COALESCE_MAX);
		assert_int_equal(join(l3, 1, &all), 1);
		build_udp(l3, true, SLOTS, 10);
		assert_int_equal(join(l3, n_slots, &all), COALESCE_UDP_MAX);
		build_udp(l3, true, 60, FULL);
		assert_int_equal(join(l3, n_slots, &all), (65535 - 20 - 8) / FULL);
	}
}

/* Slots that are no TCP segments: fragments, ICMP errors built in the head, short ones */
static void test_other_slots(void **state)
{
	struct coalesced all;

	(void)state;
	build(L3_IPV6, true, 3, FULL);
	slots[0].head_len = 48;			/* a Fragment header */
	assert_int_equal(join(L3_IPV6, 3, &all), 1);
	build(L3_IPV4, true, 3, FULL);
	slots[1].head_len = 20 + 8;
	assert_int_equal(join(L3_IPV4, 3, &all), 1);
	build(L3_IPV4, true, 3, FULL);
	slots[0].body = NULL;
	slots[0].body_len = 0;
	assert_int_equal(join(L3_IPV4, 3, &all), 1);
	for (enum l3_proto l3 = L3_IPV4; l3 <= L3_IPV6; l3++)
		for (size_t len = 0; len <= 8; len++) {
			build_udp(l3, true, 3, FULL);
			slots[1].body_len = len;
			assert_int_equal(join(l3, 3, &all), 1);
		}
	for (size_t len = 0; len < 34; len++) {
		build(L3_IPV4, true, 3, FULL);
		slots[1].body_len = len;
		assert_int_equal(join(L3_IPV4, 3, &all), 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cut_again_it_is_the_same),
		cmocka_unit_test(test_datagrams_cut_again_are_the_same),
		cmocka_unit_test(test_virtio_header),
		cmocka_unit_test(test_virtio_header_of_datagrams),
		cmocka_unit_test(test_what_differs_stays_apart),
		cmocka_unit_test(test_datagrams_that_differ_stay_apart),
		cmocka_unit_test(test_datagrams_that_no_engine_restores),
		cmocka_unit_test(test_identification),
		cmocka_unit_test(test_damaged_segments_stay_alone),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_other_slots),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
