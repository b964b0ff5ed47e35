/* SPDX-License-Identifier: GPL-2.0-or-later */
/* "Paired" pooling: an inside address keeps its pool4 address while it has bindings. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "../../nat64/pairs.h"

#define HASH(who) ((uint64_t)(who) << 40 | 77)	/* all in one cell */

static int set_up(void **state)
{
	*state = pairs_new();
	return *state ? 0 : -1;
}

static int tear_down(void **state)
{
	pairs_free(*state);
	return 0;
}

/* RFC 4787 REQ-2, RFC 6146 3.5.1.1: from the first binding to the last one's end */
static void test_while_bound(void **state)
{
	struct pairs *pairs = *state;
	size_t address = 99;

	assert_false(pairs_find(pairs, HASH(1), &address));
	assert_true(pairs_add(pairs, HASH(1), 5));
	assert_true(pairs_add(pairs, HASH(1), 5));
	assert_true(pairs_find(pairs, HASH(1), &address));
	assert_int_equal(address, 5);
	/* one that found its address full: the first one is still where the others go */
	assert_false(pairs_add(pairs, HASH(1), 6));
	pairs_drop(pairs, HASH(1));
	assert_true(pairs_find(pairs, HASH(1), &address));
	pairs_drop(pairs, HASH(1));
	assert_false(pairs_find(pairs, HASH(1), &address));
	assert_true(pairs_add(pairs, HASH(1), 6));
	assert_true(pairs_find(pairs, HASH(1), &address));
	assert_int_equal(address, 6);
}

/* Two that meet: the first is remembered, the second is as without this table. */
static void test_meeting(void **state)
{
	struct pairs *pairs = *state;
	size_t address;

	assert_true(pairs_add(pairs, HASH(1), 1));
	assert_false(pairs_add(pairs, HASH(2), 2));
	assert_false(pairs_find(pairs, HASH(2), &address));
	pairs_drop(pairs, HASH(1));
	assert_true(pairs_add(pairs, HASH(2), 2));
	assert_true(pairs_find(pairs, HASH(2), &address));
	assert_int_equal(address, 2);
	assert_false(pairs_find(pairs, HASH(1), &address));
}

/* A reload gives addresses other numbers, or takes them away. */
static void test_renumber(void **state)
{
	const size_t number[] = { SIZE_MAX, 0, 7 };
	struct pairs *pairs = *state;
	size_t address;

	assert_true(pairs_add(pairs, HASH(1) + 1, 0));
	assert_true(pairs_add(pairs, HASH(1) + 2, 1));
	assert_true(pairs_add(pairs, HASH(1) + 3, 2));
	assert_true(pairs_add(pairs, HASH(1) + 3, 2));
	pairs_renumber(pairs, number, 3);
	assert_false(pairs_find(pairs, HASH(1) + 1, &address));
	assert_true(pairs_find(pairs, HASH(1) + 2, &address));
	assert_int_equal(address, 0);
	pairs_drop(pairs, HASH(1) + 3);
	assert_true(pairs_find(pairs, HASH(1) + 3, &address));
	assert_int_equal(address, 7);
	pairs_free(NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_while_bound),
		TEST(test_meeting),
		TEST(test_renumber),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
