/* SPDX-License-Identifier: GPL-2.0-or-later */
/* core/cursor.h, and core/siphash.h by vectors of other implementations. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "../../core/cursor.h"
#include "../../core/siphash.h"

static const uint8_t bytes[] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 0xff };

static void test_reads(void **state)
{
	struct cursor c = cursor_init(bytes, sizeof(bytes));

	(void)state;
	assert_int_equal(cursor_left(&c), 11);
	assert_int_equal(cursor_u8(&c), 0x01);
	assert_int_equal(cursor_u16(&c), 0x0203);
	assert_int_equal(cursor_u24(&c), 0x040506);
	assert_int_equal(cursor_u32(&c), 0x0708090a);
	assert_int_equal(cursor_u8(&c), 0xff);
	assert_int_equal(cursor_left(&c), 0);
	assert_false(c.failed);
	c = cursor_init("\xff\xff\xff\xff", 4);
	assert_int_equal(cursor_u32(&c), 0xffffffff);
}

static void test_error_sticks(void **state)
{
	struct cursor c = cursor_init(bytes, 3);
	uint8_t out[4] = { 9, 9, 9, 9 };

	(void)state;
	assert_int_equal(cursor_u32(&c), 0);
	assert_true(c.failed);
	assert_int_equal(cursor_left(&c), 0);
	/* What would have fitted fails now too. */
	assert_int_equal(cursor_u8(&c), 0);
	assert_int_equal(cursor_u16(&c), 0);
	assert_int_equal(cursor_u24(&c), 0);
	assert_null(cursor_skip(&c, 0));
	assert_false(cursor_bytes(&c, out, 4));
	assert_memory_equal(out, "\0\0\0\0", 4);
	assert_true(cursor_sub(&c, 0).failed);
	assert_ptr_equal(c.at, bytes);
}

static void test_lengths_cannot_wrap(void **state)
{
	struct cursor c = cursor_init(bytes, 3);

	(void)state;
	assert_null(cursor_skip(&c, SIZE_MAX));
	assert_true(c.failed);
}

static void test_sub(void **state)
{
	struct cursor c = cursor_init(bytes, sizeof(bytes)), sub = cursor_sub(&c, 3), bad;
	uint8_t out[2];

	(void)state;
	assert_int_equal(cursor_left(&sub), 3);
	assert_int_equal(cursor_left(&c), 8);
	assert_true(cursor_bytes(&sub, out, 2));
	assert_memory_equal(out, bytes, 2);
	assert_int_equal(cursor_u16(&sub), 0);
	assert_true(sub.failed);	/* its end is not that of the whole */
	assert_false(c.failed);
	assert_int_equal(cursor_u8(&c), 4);
	bad = cursor_sub(&c, 8);
	assert_true(c.failed);
	assert_true(bad.failed);
	assert_int_equal(cursor_left(&bad), 0);
}

static void test_empty(void **state)
{
	struct cursor c = cursor_init(bytes, 0);

	(void)state;
	assert_int_equal(cursor_left(&c), 0);
	assert_false(c.failed);
	assert_non_null(cursor_skip(&c, 0));
	assert_int_equal(cursor_u8(&c), 0);
	assert_true(c.failed);
}

/*
 * The first row is the first vector that Rust's standard library tests its SipHash-1-3 with
 * (key 00 01 .. 0f, nothing hashed); the others are what CPython 3.11 (PYTHONHASHSEED=0: a
 * key of zeros) gives for hash(bytes(8)) and hash(bytes(range(n))).
 */
static void test_siphash13(void **state)
{
	static const struct siphash_key counting = { 0x0706050403020100, 0x0f0e0d0c0b0a0908 };
	static const struct siphash_key zero;
	uint64_t words[4], nothing = 0;

	(void)state;
	for (unsigned int i = 0; i < 4; i++)
		words[i] = 0x0706050403020100U + i * 0x0808080808080808U;
	assert_true(siphash13(&counting, words, 0) == 0xabac0158050fc4dc);
	assert_true(siphash13(&zero, &nothing, 1) == 0xbd60acb658c79e45);
	assert_true(siphash13(&zero, words, 1) == 0xead411e67ebe2eea);
	assert_true(siphash13(&zero, words, 2) == 0x8972188433a5c5b7);
	assert_true(siphash13(&zero, words, 3) == 0x31185a47af932f3a);
	assert_true(siphash13(&zero, words, 4) == 0x31ef8061c910629b);
	assert_true(siphash13(&counting, words, 4) != 0x31ef8061c910629b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reads),
		cmocka_unit_test(test_error_sticks),
		cmocka_unit_test(test_lengths_cannot_wrap),
		cmocka_unit_test(test_sub),
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_siphash13),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
