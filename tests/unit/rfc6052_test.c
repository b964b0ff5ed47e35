/* SPDX-License-Identifier: GPL-2.0-or-later */
/* RFC 6052: its own vectors (2.4), and what holds for every prefix length (2.2, 2.3). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <string.h>

#include "../../core/rfc6052.h"

#define N(array) (sizeof(array) / sizeof(*(array)))

static const unsigned int lengths[] = { 32, 40, 48, 56, 64, 96 };

/* RFC 6052 2.4, tables 2 and 3 */
static const struct {
	const char *prefix;
	unsigned int len;
	const char *v4, *v6;
} vectors[] = {
	{ "2001:db8::", 32, "192.0.2.33", "2001:db8:c000:221::" },
	{ "2001:db8:100::", 40, "192.0.2.33", "2001:db8:1c0:2:21::" },
	{ "2001:db8:122::", 48, "192.0.2.33", "2001:db8:122:c000:2:2100::" },
	{ "2001:db8:122:300::", 56, "192.0.2.33", "2001:db8:122:3c0:0:221::" },
	{ "2001:db8:122:344::", 64, "192.0.2.33", "2001:db8:122:344:c0:2:2100::" },
	{ "2001:db8:122:344::", 96, "192.0.2.33", "2001:db8:122:344::192.0.2.33" },
	{ "64:ff9b::", 96, "192.0.2.33", "64:ff9b::192.0.2.33" },
};

static void test_vectors(void **state)
{
	unsigned char prefix[16], v4[4], v6[16], out[16];

	(void)state;
	for (size_t i = 0; i < N(vectors); i++) {
		assert_int_equal(inet_pton(AF_INET6, vectors[i].prefix, prefix), 1);
		assert_int_equal(inet_pton(AF_INET6, vectors[i].v6, v6), 1);
		assert_int_equal(inet_pton(AF_INET, vectors[i].v4, v4), 1);
		rfc6052_embed(out, prefix, vectors[i].len, v4);
		assert_memory_equal(out, v6, 16);
		rfc6052_extract(out, v6, vectors[i].len);
		assert_memory_equal(out, v4, 4);
	}
}

/* Bits 64 to 71 and the suffix are zero (2.2); every octet comes back (2.3). */
static void test_round_trip(void **state)
{
	static const unsigned char v4s[][4] = {
		{ 0, 0, 0, 0 }, { 255, 255, 255, 255 }, { 1, 2, 3, 4 }, { 128, 0, 0, 1 },
	};
	unsigned char prefix[16], v6[16], back[4];

	(void)state;
	for (size_t l = 0; l < N(lengths); l++) {
		unsigned int end = lengths[l] / 8 + 4 + (lengths[l] < 96);

		memset(prefix, 0xee, sizeof(prefix));
		prefix[8] = 0;		/* 2.2: in a /96 too */
		for (size_t i = 0; i < N(v4s); i++) {
			rfc6052_embed(v6, prefix, lengths[l], v4s[i]);
			assert_memory_equal(v6, prefix, lengths[l] / 8);
			assert_int_equal(v6[8], 0);
			assert_true(rfc6052_u_octet_zero(v6));
			for (unsigned int at = end; at < 16; at++)
				assert_int_equal(v6[at], 0);
			rfc6052_extract(back, v6, lengths[l]);
			assert_memory_equal(back, v4s[i], 4);
		}
	}
}

/* 2.2: the suffix bits "SHOULD be ignored"; the u octet holds no part of the address. */
static void test_suffix_is_ignored(void **state)
{
	static const unsigned char v4[4] = { 192, 0, 2, 33 };
	unsigned char prefix[16] = { 0x20, 0x01, 0x0d, 0xb8 }, v6[16], back[4];

	(void)state;
	for (size_t l = 0; l < N(lengths); l++) {
		rfc6052_embed(v6, prefix, lengths[l], v4);
		for (unsigned int at = lengths[l] / 8 + 5; at < 16; at++)
			v6[at] = 0xff;
		if (lengths[l] < 96) {
			v6[8] = 0xff;
			assert_false(rfc6052_u_octet_zero(v6));
		}
		rfc6052_extract(back, v6, lengths[l]);
		assert_memory_equal(back, v4, 4);
	}
}

static void test_valid_lengths(void **state)
{
	(void)state;
	for (unsigned int len = 0; len <= 200; len++) {
		int valid = 0;

		for (size_t l = 0; l < N(lengths); l++)
			valid |= lengths[l] == len;
		assert_int_equal(!!rfc6052_valid_length(len), valid);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors),
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_suffix_is_ignored),
		cmocka_unit_test(test_valid_lengths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
