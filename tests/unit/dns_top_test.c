/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Heavy hitters: exact while there are few, found within a flood, forgotten in time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../core/addr.h"
#include "../../dns64/top.h"

enum { START_MS = 1000000 };

static struct top *top;
static struct top_row rows[TOP_ROWS_MAX];
static size_t n_rows;
static int64_t since_ms;

static int setup(void **state)
{
	(void)state;
	top = top_new();
	return top ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	top_free(top);
	return 0;
}

/* A query comes in, and is counted where it is due. */
static void query(const char *name, const char *client, bool miss, int64_t now_ms)
{
	struct in6_addr addr;
	struct name qname;

	assert_true(name_from_text(&qname, name));
	assert_true(addr_parse(client, &addr));
	if (top_due(top))
		top_count(top, &qname, &addr, miss, now_ms);
}

static void read_at(int64_t now_ms)
{
	n_rows = top_merge(rows, top_read(top, TOP_OF_ALL, now_ms, rows, &since_ms));
}

static const struct top_row *row_of_name(const char *name)
{
	struct name wanted;

	assert_true(name_from_text(&wanted, name));
	for (size_t i = 0; i < n_rows; i++)
		if (!rows[i].is_client && name_equal(&rows[i].name, &wanted))
			return &rows[i];
	return NULL;
}

static const struct top_row *row_of_client(const char *client)
{
	struct in6_addr addr;

	assert_true(addr_parse(client, &addr));
	for (size_t i = 0; i < n_rows; i++)
		if (rows[i].is_client && addr_equal(&rows[i].client, &addr))
			return &rows[i];
	return NULL;
}

/* Names are the same in any letter case (RFC 4343). */
static void few_are_counted_exactly(void **state)
{
	const struct top_row *row;

	(void)state;
	for (int i = 0; i < 5; i++)
		query(i % 2 ? "a.example" : "A.Example.", "2001:db8::1", i == 0, START_MS + i);
	query("b.example", "192.0.2.1", true, START_MS + 5);
	read_at(START_MS + 1000);
	assert_int_equal(n_rows, 4);
	assert_int_equal(since_ms, START_MS);
	row = row_of_name("a.example");
	assert_ptr_equal(row, &rows[0]);
	assert_int_equal(row->count, 5);
	assert_int_equal(row->misses, 1);
	assert_int_equal(row->error, 0);
	assert_int_equal(row_of_name("b.example")->count, 1);
	assert_int_equal(row_of_client("2001:db8::1")->count, 5);
	assert_int_equal(row_of_client("192.0.2.1")->misses, 1);
}

/* The one name in twenty is first, and its count near the truth: within a fifth of it, which
 * is six standard deviations of the sample. */
static void the_often_asked_is_found_in_a_flood(void **state)
{
	enum { QUERIES = 200000, EACH = 20, OFTEN = QUERIES / EACH };
	const struct top_row *row;

	(void)state;
	for (int i = 0; i < QUERIES; i++) {
		char name[32];

		snprintf(name, sizeof(name), "r%d.example", i);
		query(i % EACH ? name : "often.example", i % 2 ? "2001:db8::1" : "2001:db8::2",
		      i % EACH != 0, START_MS + i / 100);
	}
	read_at(START_MS + QUERIES / 100);
	row = row_of_name("often.example");
	assert_non_null(row);
	assert_in_range(row->count, OFTEN - OFTEN / 5, OFTEN + OFTEN / 5 + row->error);
	assert_true(row->count - row->error <= OFTEN + OFTEN / 5);
	assert_int_equal(row->misses, 0);
	for (size_t i = 0; i < n_rows; i++)
		assert_true(rows[i].is_client || &rows[i] == row || rows[i].count < row->count);
	row = row_of_client("2001:db8::2");
	assert_in_range(row->count, QUERIES / 2 - QUERIES / 20, QUERIES / 2 + QUERIES / 20);
}

/* A busy worker looks at one query in TOP_STRIDE, an idle one at each again. */
static void the_busy_take_a_sample(void **state)
{
	struct in6_addr addr = IN6ADDR_LOOPBACK_INIT;
	struct name qname;
	unsigned int due = 0;

	(void)state;
	assert_true(name_from_text(&qname, "a.example"));
	for (int i = 0; i < 160000; i++) {
		if (!top_due(top))
			continue;
		due++;
		top_count(top, &qname, &addr, false, START_MS + i / 100);
	}
	assert_in_range(due, 160000 / TOP_STRIDE, 160000 / TOP_STRIDE * 3 / 2);
	/* Slowly, until it has seen that it is not busy */
	for (int i = 0; i < 2 * TOP_STRIDE * 4; i++)
		query("a.example", "::1", false, START_MS + 2000 + i * 500);
	for (int i = 0; i < 10; i++)
		query("slow.example", "::1", false, START_MS + 70000 + i);
	read_at(START_MS + 70100);
	assert_int_equal(row_of_name("slow.example")->count, 10);
}

static void what_is_over_is_forgotten(void **state)
{
	(void)state;
	query("old.example", "::1", false, START_MS);
	query("new.example", "::1", false, START_MS + TOP_WINDOW_MS + 1);
	read_at(START_MS + TOP_WINDOW_MS + 2);
	assert_int_equal(since_ms, START_MS);
	assert_non_null(row_of_name("old.example"));
	assert_int_equal(row_of_client("::1")->count, 2);
	read_at(START_MS + 2 * TOP_WINDOW_MS + 2);
	assert_null(row_of_name("old.example"));
	assert_non_null(row_of_name("new.example"));
	read_at(START_MS + 4 * TOP_WINDOW_MS);
	assert_int_equal(n_rows, 0);
	query("new.example", "::1", false, START_MS + 9 * TOP_WINDOW_MS);
	read_at(START_MS + 9 * TOP_WINDOW_MS);
	assert_int_equal(row_of_name("new.example")->count, 1);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(few_are_counted_exactly),
		TEST(the_often_asked_is_found_in_a_flood),
		TEST(the_busy_take_a_sample),
		TEST(what_is_over_is_forgotten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
