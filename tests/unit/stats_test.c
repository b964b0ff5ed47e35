/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Counters: every thread's are in the sum, those of ended threads too; names for all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdbool.h>
#include <string.h>

#include "../../core/stats.h"

enum { THREADS = 4, EACH = 10000 };

static void *count(void *arg)
{
	(void)arg;
	for (int i = 0; i < EACH; i++)
		stats_inc(STAT_NAT64_OUT);
	stats_add(STAT_NAT64_OUT_BYTES, UINT64_C(1) << 40);
	return NULL;
}

static void test_threads_add_up(void **state)
{
	uint64_t before[STAT_COUNT], sum[STAT_COUNT];
	pthread_t threads[THREADS];

	(void)state;
	stats_inc(STAT_NAT64_OUT);
	stats_sum(before);
	assert_true(before[STAT_NAT64_OUT] == 1);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, count, NULL), 0);
	stats_sum(sum);		/* while they count: no lock is needed, no total goes back */
	assert_true(sum[STAT_NAT64_OUT] >= before[STAT_NAT64_OUT]);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	stats_sum(sum);
	assert_true(sum[STAT_NAT64_OUT] - before[STAT_NAT64_OUT] == (uint64_t)THREADS * EACH);
	assert_true(sum[STAT_NAT64_OUT_BYTES] - before[STAT_NAT64_OUT_BYTES] ==
		    (uint64_t)THREADS << 40);
	assert_true(sum[STAT_NAT64_IN] == before[STAT_NAT64_IN]);
}

/* A plain counter's family, or one of the three of a histogram */
static bool is_family(const char *name)
{
	static const char *const ends[] = { "_total", "_seconds_bucket", "_seconds_sum",
					    "_seconds_count" };

	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		if (strcmp(name + strlen(name) - strlen(ends[i]), ends[i]) == 0)
			return true;
	return false;
}

/* The Prometheus text format wants a family in one piece, with one help text. */
static void test_names(void **state)
{
	(void)state;
	for (int i = 0; i < STAT_COUNT; i++) {
		const struct stat_info *info = &stat_infos[i];
		const char *last = i ? stat_infos[i - 1].family : "";
		bool first = strcmp(info->family, last) != 0;

		assert_memory_equal(info->family, "gate64_", 7);
		assert_true(is_family(info->family));
		assert_int_equal(info->help[0] != '\0', first);
		for (int k = 0; k < i; k++) {
			bool same = strcmp(stat_infos[k].family, info->family) == 0;

			assert_false(same && first);
			assert_false(same && strcmp(stat_infos[k].labels, info->labels) == 0);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_threads_add_up),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
