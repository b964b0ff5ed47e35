/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The Internet checksum, by the examples of RFC 1071 and 1624 and by plain recomputation. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "../../core/csum.h"
#include "wire.h"

/* RFC 1071 3: bytes 00 01 f2 03 f4 f5 f6 f7 sum up to ddf2. */
static void test_rfc1071_example(void **state)
{
	static const uint8_t bytes[] = { 0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7 };

	(void)state;
	assert_int_equal(ntohs(csum_fold16(csum_bytes(0, bytes, 8))), 0xddf2);
	assert_int_equal(ntohs(csum_finish(csum_bytes(0, bytes, 8))), 0x220d);
	/* 2 (A): in any grouping */
	assert_int_equal(ntohs(csum_fold16(csum_bytes(csum_bytes(0, bytes, 2), bytes + 2, 6))),
			 0xddf2);
	assert_int_equal(ntohs(csum_fold16(csum_word(csum_bytes(0, bytes, 6), htons(0xf6f7)))),
			 0xddf2);
}

/* RFC 1624 4: HC = 0xDD2F, m = 0x5555, m' = 0x3285 give 0x0000, not 0xFFFF. */
static void test_rfc1624_example(void **state)
{
	(void)state;
	assert_int_equal(csum_replace(htons(0xdd2f), htons(0x5555), htons(0x3285)), 0x0000);
}

static void test_every_length(void **state)
{
	uint8_t bytes[200];

	(void)state;
	wire_fill(bytes, sizeof(bytes));
	for (size_t at = 0; at < 4; at++)
		for (size_t len = 0; len + at <= sizeof(bytes); len++)
			assert_int_equal(ntohs(csum_fold16(csum_bytes(0, bytes + at, len))),
					 wire_sum(0, bytes + at, len));
}

/* The longest packet of ones: the sum must not lose a carry. */
static void test_no_carry_is_lost(void **state)
{
	static uint8_t ones[65535];

	(void)state;
	memset(ones, 0xff, sizeof(ones));
	assert_int_equal(csum_fold16(csum_bytes(0, ones, 65534)), 0xffff);
	assert_int_equal(ntohs(csum_fold16(csum_bytes(0, ones, 65535))),
			 wire_sum(0, ones, 65535));
	assert_int_equal(csum_fold16(UINT64_MAX), 0xffff);
	assert_int_equal(csum_fold16(0), 0);
}

/* RFC 1624 3, equation 3: as good as the whole sum anew. */
static void test_replace_is_recompute(void **state)
{
	uint64_t seed = 0x9e3779b97f4a7c15;
	uint8_t bytes[64];

	(void)state;
	for (int round = 0; round < 20000; round++) {
		size_t at = wire_random(&seed) % 28 * 2, len = wire_random(&seed) % 4 * 2 + 2;
		uint64_t was, is;
		uint16_t csum;

		for (size_t i = 0; i < sizeof(bytes); i++)
			bytes[i] = wire_random(&seed) % 4 ? (uint8_t)wire_random(&seed)
				 : wire_random(&seed) % 2 ? 0xff : 0;
		bytes[0] |= 1;	/* a sum of nothing but zeros is no packet's */
		csum = csum_finish(csum_bytes(0, bytes, sizeof(bytes)));
		was = csum_bytes(0, bytes + at, len);
		for (size_t i = at; i < at + len; i++)
			bytes[i] = (uint8_t)wire_random(&seed);
		bytes[0] |= 1;
		is = csum_bytes(0, bytes + at, len);
		assert_int_equal(csum_replace(csum, was, is),
				 csum_finish(csum_bytes(0, bytes, sizeof(bytes))));
	}
}

static void test_pseudo_headers(void **state)
{
	struct in6_addr src = wire_addr("2001:db8::1"), dst = wire_addr("64:ff9b::192.0.2.33");
	/* RFC 8200 8.1: addresses, 32 bits of length, zero, next header */
	uint8_t header6[40] = { 0 }, header4[12] = { 0 };

	(void)state;
	memcpy(header6, &src, 16);
	memcpy(header6 + 16, &dst, 16);
	wire_put32(header6 + 32, 0x00012345);
	header6[39] = WIRE_TCP;
	assert_int_equal(ntohs(csum_fold16(csum_pseudo6(&src, &dst, 0x12345, WIRE_TCP))),
			 wire_sum(0, header6, 40));
	/* RFC 768: addresses, zero, protocol, length */
	memcpy(header4, (uint8_t[]){ 192, 0, 2, 33, 198, 51, 100, 7, 0, 17, 0xab, 0xcd }, 12);
	assert_int_equal(ntohs(csum_fold16(csum_pseudo4(header4, header4 + 4, 0xabcd, WIRE_UDP))),
			 wire_sum(0, header4, 12));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rfc1071_example),
		cmocka_unit_test(test_rfc1624_example),
		cmocka_unit_test(test_every_length),
		cmocka_unit_test(test_no_carry_is_lost),
		cmocka_unit_test(test_replace_is_recompute),
		cmocka_unit_test(test_pseudo_headers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
