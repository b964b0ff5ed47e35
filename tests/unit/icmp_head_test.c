/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Types, codes, pointers and MTUs of ICMP errors: the tables of RFC 7915 4.2 and 5.2 in full,
 * its figures 3 and 6, its MTU arithmetic.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "../../nat64/icmp.h"
#include "wire.h"

static const struct icmp_links links = { .mtu4 = 1500, .mtu6 = 1500 };

struct row {
	uint8_t type, code;		/* of what comes in */
	uint8_t to_type, to_code;
	uint32_t word;			/* what goes out */
};

/* The row of a type and code, or NULL: to be dropped silently. */
static const struct row *row_of(const struct row *rows, size_t n, int type, int code)
{
	for (size_t i = 0; i < n; i++)
		if (rows[i].type == type && rows[i].code == code)
			return &rows[i];
	return NULL;
}

static void check_table(enum icmp_result (*translate)(const struct icmp_head *from,
						      struct icmp_head *to),
			const struct row *rows, size_t n, uint32_t word)
{
	for (int type = 0; type < 256; type++) {
		for (int code = 0; code < 256; code++) {
			const struct row *row = row_of(rows, n, type, code);
			struct icmp_head from = { (uint8_t)type, (uint8_t)code, word }, to;
			enum icmp_result result = translate(&from, &to);

			if (result != (row ? ICMP_OK : ICMP_UNTRANSLATABLE))
				fail_msg("type %d code %d: %d", type, code, result);
			if (row && (to.type != row->to_type || to.code != row->to_code ||
				    to.word != row->word))
				fail_msg("type %d code %d: %d/%d %u", type, code, to.type, to.code,
					 to.word);
		}
	}
}

static enum icmp_result to6(const struct icmp_head *from, struct icmp_head *to)
{
	return icmp_head_to6(from, &links, 1500, to);
}

static enum icmp_result to4(const struct icmp_head *from, struct icmp_head *to)
{
	return icmp_head_to4(from, &links, to);
}

/*
 * RFC 7915 4.2, all types and codes; the word that comes in: MTU 1400, pointer 0. RFC 7915 4.2
 * type 3 code 0, 1; RFC 7915 4.2 type 3 code 2; RFC 7915 4.2 type 3 code 3; RFC 7915 4.2 type 3
 * code 4; RFC 7915 4.2 type 3 code 5; RFC 7915 4.2 type 3 code 6, 7, 8; RFC 7915 4.2 type 3
 * code 9, 10; RFC 7915 4.2 type 3 code 11, 12; RFC 7915 4.2 type 3 code 13; RFC 7915 4.2 type 3
 * code 14; RFC 7915 4.2 type 3 code 15; RFC 7915 4.2 type 3 other; RFC 7915 4.2 type 11; RFC
 * 7915 4.2 type 12 code 0, 2; RFC 7915 4.2 type 12 code 1; RFC 7915 4.2 unknown.
 */
static void test_table_to6(void **state)
{
	static const struct row rows[] = {
		{ 3, 0, 1, 0, 0 },	/* net unreachable -> no route */
		{ 3, 1, 1, 0, 0 },	/* host unreachable */
		{ 3, 2, 4, 1, 6 },	/* protocol unreachable -> unknown next header, at it */
		{ 3, 3, 1, 4, 0 },	/* port unreachable */
		{ 3, 4, 2, 0, 1420 },	/* fragmentation needed -> packet too big */
		{ 3, 5, 1, 0, 0 },	/* source route failed */
		{ 3, 6, 1, 0, 0 },
		{ 3, 7, 1, 0, 0 },
		{ 3, 8, 1, 0, 0 },
		{ 3, 9, 1, 1, 0 },	/* administratively prohibited */
		{ 3, 10, 1, 1, 0 },
		{ 3, 11, 1, 0, 0 },	/* for this type of service */
		{ 3, 12, 1, 0, 0 },
		{ 3, 13, 1, 1, 0 },
		{ 3, 15, 1, 1, 0 },	/* precedence cut-off; 14 is dropped */
		{ 12, 0, 4, 0, 0 },	/* pointer indicates the error; 1 is dropped */
		{ 12, 2, 4, 0, 0 },	/* bad length */
	};
	struct row all[N(rows) + 256];

	(void)state;
	memcpy(all, rows, sizeof(rows));
	for (size_t code = 0; code < 256; code++)	/* time exceeded: "Code unchanged" */
		all[N(rows) + code] = (struct row){ 11, (uint8_t)code, 3, (uint8_t)code, 0 };
	check_table(to6, all, N(all), 1400);
}

/*
 * RFC 7915 5.2, all types and codes; the word that comes in: MTU 1400. RFC 7915 5.2 type 1 code
 * 0; RFC 7915 5.2 type 1 code 1; RFC 7915 5.2 type 1 code 2; RFC 7915 5.2 type 1 code 3; RFC
 * 7915 5.2 type 1 code 4; RFC 7915 5.2 type 1 other; RFC 7915 5.2 type 2; RFC 7915 5.2 type 3;
 * RFC 7915 5.2 type 4 code 1; RFC 7915 5.2 type 4 code 2; RFC 7915 5.2 error.
 */
static void test_table_to4(void **state)
{
	static const struct row rows[] = {
		{ 1, 0, 3, 1, 0 },	/* no route -> host unreachable */
		{ 1, 1, 3, 10, 0 },	/* prohibited */
		{ 1, 2, 3, 1, 0 },	/* beyond scope */
		{ 1, 3, 3, 1, 0 },	/* address unreachable */
		{ 1, 4, 3, 3, 0 },	/* port unreachable */
		{ 4, 1, 3, 2, 0 },	/* unknown next header -> protocol unreachable */
	};
	struct row all[N(rows) + 512];

	(void)state;
	memcpy(all, rows, sizeof(rows));
	for (size_t code = 0; code < 256; code++) {
		all[N(rows) + code] = (struct row){ 3, (uint8_t)code, 11, (uint8_t)code, 0 };
		/* RFC 4443 3.2: the code of packet too big is ignored */
		all[N(rows) + 256 + code] = (struct row){ 2, (uint8_t)code, 3, 4, 1380 };
	}
	check_table(to4, all, N(all), 1400);
}

/*
 * RFC 7915 4.2 pointer, RFC 7915 4.2 type 12 code 0, 2: figure 3, from the IPv4 header to the
 * IPv6 header; -1: not listed or "n/a"
 */
static void test_pointers_to6(void **state)
{
	static const int figure3[20] = { 0, 1, 4, 4, -1, -1, -1, -1, 7, 6, -1, -1,
					 8, 8, 8, 8, 24, 24, 24, 24 };

	(void)state;
	for (unsigned int code = 0; code <= 2; code += 2) {
		for (uint32_t pointer = 0; pointer < 256; pointer++) {
			/* RFC 792: the first octet of the word; the rest is unused */
			struct icmp_head from = { 12, (uint8_t)code, pointer << 24 | 0xabcd }, to;
			int wanted = pointer < 20 ? figure3[pointer] : -1;

			assert_int_equal(icmp_head_to6(&from, &links, 100, &to),
					 wanted < 0 ? ICMP_UNTRANSLATABLE : ICMP_OK);
			if (wanted < 0)
				continue;
			assert_int_equal(to.type, 4);
			assert_int_equal(to.code, 0);
			assert_int_equal(to.word, wanted);
		}
	}
}

/* RFC 7915 5.2 pointer, RFC 7915 5.2 type 4 code 0: figure 6, the other way */
static void test_pointers_to4(void **state)
{
	static const int figure6[8] = { 0, 1, -1, -1, 2, 2, 9, 8 };

	(void)state;
	for (uint32_t pointer = 0; pointer < 300; pointer++) {
		struct icmp_head from = { 4, 0, pointer }, to;
		int wanted = pointer < 8 ? figure6[pointer] : pointer < 24 ? 12
			   : pointer < 40 ? 16 : -1;

		assert_int_equal(icmp_head_to4(&from, &links, &to),
				 wanted < 0 ? ICMP_UNTRANSLATABLE : ICMP_OK);
		if (wanted < 0)
			continue;
		assert_int_equal(to.type, 12);
		assert_int_equal(to.code, 0);
		assert_int_equal(to.word, (uint32_t)wanted << 24);
	}
	/* 32 bits of pointer, not their lowest octet */
	struct icmp_head from = { 4, 0, 0x01000006 }, to;

	assert_int_equal(icmp_head_to4(&from, &links, &to), ICMP_UNTRANSLATABLE);
	from.word = 0x100;
	assert_int_equal(icmp_head_to4(&from, &links, &to), ICMP_UNTRANSLATABLE);
}

/*
 * RFC 7915 4.2 mtu: max(1280, min(told + 20, MTU of the IPv6 link, MTU of the IPv4 link + 20));
 * RFC 7915 4.2 plateau: where nothing is told, the greatest of RFC 1191 7.1 below the packet's
 * length.
 */
static void test_mtu_to6(void **state)
{
	static const struct {
		uint32_t told;
		size_t quoted_len, mtu4, mtu6;
		uint32_t wanted;
	} rows[] = {
		{ 1400, 1500, 1500, 1500, 1420 },
		{ 1480, 1500, 1500, 1500, 1500 },
		{ 1490, 1500, 1500, 1500, 1500 },	/* the IPv6 link */
		{ 1400, 1500, 1500, 1400, 1400 },
		{ 9000, 9000, 1400, 9000, 1420 },	/* the IPv4 link */
		{ 1260, 1500, 1500, 1500, 1280 },
		{ 1259, 1500, 1500, 1500, 1280 },	/* never below the least of IPv6 */
		{ 576, 1500, 1500, 1500, 1280 },
		{ 1, 1500, 1500, 1500, 1280 },
		{ 1400, 1500, 500, 1500, 1280 },
		{ 0xabcd0000 | 1400, 1500, 1500, 1500, 1420 },	/* 16 bits (RFC 1191 4) */
		{ 65535, 1500, 9000, 65535, 9020 },
		{ 65535, 1500, 65535, 65535, 65535 },
		/* RFC 1191 7.1 */
		{ 0, 1500, 1500, 1500, 1500 },		/* 1492 + 20, the link */
		{ 0, 1500, 9000, 9000, 1512 },
		{ 0, 1492, 9000, 9000, 1280 },		/* 1006 */
		{ 0, 1493, 9000, 9000, 1512 },
		{ 0, 2002, 9000, 9000, 1512 },
		{ 0, 2003, 9000, 9000, 2022 },
		{ 0, 4353, 9000, 9000, 4372 },
		{ 0, 8167, 9000, 9000, 8186 },
		{ 0, 20000, 65535, 65535, 17934 },
		{ 0, 65535, 65535, 65535, 32020 },
		{ 0, 68, 1500, 1500, 1280 },
		{ 0, 20, 1500, 1500, 1280 },
	};

	(void)state;
	for (size_t i = 0; i < N(rows); i++) {
		struct icmp_links between = { .mtu4 = rows[i].mtu4, .mtu6 = rows[i].mtu6 };
		struct icmp_head from = { 3, 4, rows[i].told }, to;

		assert_int_equal(icmp_head_to6(&from, &between, rows[i].quoted_len, &to), ICMP_OK);
		assert_int_equal(to.type, 2);
		assert_int_equal(to.word, rows[i].wanted);
	}
}

/*
 * RFC 7915 5.2 mtu: min(told - 20, MTU of the IPv4 link, MTU of the IPv6 link - 20); less than
 * 1280 is not believed (RFC 8201 4).
 */
static void test_mtu_to4(void **state)
{
	static const struct {
		uint32_t told;
		size_t mtu4, mtu6;
		uint32_t wanted;
	} rows[] = {
		{ 1420, 1500, 1500, 1400 },
		{ 1500, 1500, 1500, 1480 },
		{ 9000, 1500, 1500, 1480 },
		{ 9000, 1400, 1500, 1400 },
		{ 1500, 1500, 1420, 1400 },
		{ 1280, 1500, 1500, 1260 },
		{ 1279, 1500, 1500, 1260 },
		{ 0, 1500, 1500, 1260 },
		{ 1280, 1200, 1500, 1200 },
		{ 0xffffffff, 1500, 1500, 1480 },
	};

	(void)state;
	for (size_t i = 0; i < N(rows); i++) {
		struct icmp_links between = { .mtu4 = rows[i].mtu4, .mtu6 = rows[i].mtu6 };
		struct icmp_head from = { 2, 0, rows[i].told }, to;

		assert_int_equal(icmp_head_to4(&from, &between, &to), ICMP_OK);
		assert_int_equal(to.word, rows[i].wanted);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table_to6),
		cmocka_unit_test(test_table_to4),
		cmocka_unit_test(test_pointers_to6),
		cmocka_unit_test(test_pointers_to4),
		cmocka_unit_test(test_mtu_to6),
		cmocka_unit_test(test_mtu_to4),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
