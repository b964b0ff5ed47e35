/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How often a client may have something. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>

#include "../../core/addr.h"
#include "../../core/throttle.h"

static struct in6_addr address(const char *text)
{
	struct in6_addr addr;

	assert_true(addr_parse(text, &addr));
	return addr;
}

static unsigned int passed(struct throttle *throttle, const struct in6_addr *client,
			   unsigned int asked, uint32_t rate, int64_t now_ms)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < asked; i++)
		n += throttle_pass(throttle, addr_client(client), rate, now_ms);
	return n;
}

enum { AGE_MS = 1 << 27 };	/* after which all begin anew; twice that, and so does the clock */

/* A second's worth at once, then the rate; and where an age ends a second's worth more. */
static void test_rate(void **state)
{
	static const int64_t starts[] = { 0, 1000000, AGE_MS - 500, 2 * (int64_t)AGE_MS - 500 };
	struct in6_addr client = address("2001:db8::1");

	(void)state;
	for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
		struct throttle *throttle = throttle_new();
		int64_t at = starts[i];
		unsigned int n = 0;

		assert_int_equal(passed(throttle, &client, 500, 100, at), 100);
		assert_int_equal(passed(throttle, &client, 500, 100, at), 0);
		/* Ten seconds of 1000 queries each: ten times the rate */
		for (int ms = 1; ms <= 10000; ms++)
			n += throttle_pass(throttle, addr_client(&client), 100, at + ms);
		assert_in_range(n, 999, i < 2 ? 1001 : 1101);
		/* After a rest, a second's worth again */
		assert_int_equal(passed(throttle, &client, 500, 100, at + 20000), 100);
		throttle_free(throttle);
	}
}

/* Where the clock's bits begin anew, after 3.1 days, who was last here a whole turn ago owes
 * nothing, though the end of his replies of then looks as if it were yet to come. */
static void test_a_turn_of_the_clock_later(void **state)
{
	static const int64_t back_ms[] = { -10, 0, 1, 10, 500, 990, 1000, 1500, 2000, 3000 };
	struct in6_addr client = address("2001:db8::1");

	(void)state;
	for (int64_t then = 0; then < 4 * (int64_t)AGE_MS; then += AGE_MS / 3)
		for (size_t i = 0; i < sizeof(back_ms) / sizeof(back_ms[0]); i++) {
			struct throttle *throttle = throttle_new();
			int64_t now = then + 2 * (int64_t)AGE_MS - back_ms[i];

			assert_int_equal(passed(throttle, &client, 10, 100, then), 10);
			assert_int_equal(passed(throttle, &client, 500, 100, now), 100);
			throttle_free(throttle);
		}
}

/* Who stays below the rate meets no limit. */
static void test_below_the_rate(void **state)
{
	struct throttle *throttle = throttle_new();
	struct in6_addr client = address("2001:db8::1");

	(void)state;
	for (int ms = 0; ms < 60000; ms++)
		assert_true(throttle_pass(throttle, addr_client(&client), 1000, ms));
	throttle_free(throttle);
}

/* A /64 is one client, an IPv4 address is one, and neither has to do with others. */
static void test_clients(void **state)
{
	struct throttle *throttle = throttle_new();
	struct in6_addr one = address("2001:db8::1"), same = address("2001:db8::ffff:2");
	struct in6_addr other = address("2001:db8:0:1::1");
	struct in6_addr four = address("192.0.2.1"), next = address("192.0.2.2");

	(void)state;
	assert_int_equal(passed(throttle, &one, 20, 10, 5), 10);
	assert_int_equal(passed(throttle, &same, 20, 10, 5), 0);
	assert_int_equal(passed(throttle, &other, 20, 10, 5), 10);
	assert_int_equal(passed(throttle, &four, 20, 10, 5), 10);
	assert_int_equal(passed(throttle, &next, 20, 10, 5), 10);
	assert_int_equal(passed(throttle, &four, 20, 10, 5), 0);
	throttle_free(throttle);
}

/* A million clients at their first reply: each gets it, the table takes no more memory,
 * and who is over his rate is not forgotten for them. */
static void test_flood_of_clients(void **state)
{
	struct throttle *throttle = throttle_new();
	struct in6_addr loud = address("2001:db8::1"), client = address("2001:db9::1");
	unsigned int n = 0;

	(void)state;
	assert_int_equal(passed(throttle, &loud, 10000, 5000, 5), 5000);
	for (uint32_t i = 0; i < 1000000; i++) {
		client.s6_addr32[1] = i;
		assert_true(throttle_pass(throttle, addr_client(&client), 5000, 5 + i / 10000));
	}
	/* 100 ms later: 500 of his are due, and no second's worth anew. */
	n = passed(throttle, &loud, 10000, 5000, 105);
	assert_in_range(n, 499, 501);
	throttle_free(throttle);
}

struct crowd {
	struct throttle *throttle;
	_Atomic unsigned int passed;
};

static void *ask(void *arg)
{
	struct crowd *crowd = arg;
	struct in6_addr client = address("2001:db8::1");

	crowd->passed += passed(crowd->throttle, &client, 100000, 1000, 7);
	return NULL;
}

/* Several workers count for one client together. A lost race lets a few more through. */
static void test_threads(void **state)
{
	struct crowd crowd = { .throttle = throttle_new() };
	pthread_t threads[4];

	(void)state;
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, ask, &crowd), 0);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	assert_in_range(crowd.passed, 1000, 1100);
	throttle_free(crowd.throttle);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rate),
		cmocka_unit_test(test_a_turn_of_the_clock_later),
		cmocka_unit_test(test_below_the_rate),
		cmocka_unit_test(test_clients),
		cmocka_unit_test(test_flood_of_clients),
		cmocka_unit_test(test_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
