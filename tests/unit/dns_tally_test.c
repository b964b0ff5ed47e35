/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Replies by response code and by time, as a reader of the counters finds them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../core/stats.h"
#include "../../dns64/reply.h"
#include "../../dns64/tally.h"

static uint64_t before[STAT_COUNT], after[STAT_COUNT];

static int setup(void **state)
{
	(void)state;
	stats_sum(before);
	return 0;
}

static uint64_t rose(enum stat stat)
{
	stats_sum(after);
	return after[stat] - before[stat];
}

/* RFC 6895 2.3; RFC 6891 6.1.3: the upper bits of BADVERS and BADCOOKIE are not in the header,
 * whose lower ones would read NOERROR and YXRRSET. */
static void each_rcode_has_its_counter(void **state)
{
	static const struct {
		uint8_t high, low;
		enum stat stat;
	} rows[] = {
		{ 0, 0, STAT_DNS_REPLY_NOERROR }, { 0, 1, STAT_DNS_REPLY_FORMERR },
		{ 0, 2, STAT_DNS_REPLY_SERVFAIL }, { 0, 3, STAT_DNS_REPLY_NXDOMAIN },
		{ 0, 4, STAT_DNS_REPLY_NOTIMP }, { 0, 5, STAT_DNS_REPLY_REFUSED },
		{ 1, 0, STAT_DNS_REPLY_BADVERS }, { 1, 7, STAT_DNS_REPLY_BADCOOKIE },
		{ 0, 6, STAT_DNS_REPLY_OTHER },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct answer answer = { .rcode = rows[i].low };

		tally_reply(&answer, rows[i].high);
	}
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(rose(rows[i].stat), 1);
}

/* What "le" says is what is counted there: took so long or less. */
static void the_label_is_the_bound(void **state)
{
	(void)state;
	for (unsigned int bucket = 0; bucket < 14; bucket++) {
		const struct stat_info *info = &stat_infos[STAT_DNS_MISS_LE + bucket];
		const char *le = strstr(info->labels, "le=\"");
		int64_t bound_us = (int64_t)(strtod(le + 4, NULL) * 1e6 + 0.5);

		assert_string_equal(info->family, "gate64_dns_reply_seconds_bucket");
		assert_non_null(strstr(info->labels, "path=\"miss\""));
		if (bucket == 13) {
			assert_non_null(strstr(le, "+Inf"));
			bound_us = 10000000;
		}
		setup(NULL);
		tally_late(bound_us);
		for (unsigned int i = 0; i < 14; i++)
			assert_int_equal(rose(STAT_DNS_MISS_LE + i), i >= bucket);
		assert_int_equal(rose(STAT_DNS_MISS_COUNT), 1);
		assert_int_equal(rose(STAT_DNS_MISS_TIME), bound_us);
		assert_int_equal(rose(STAT_DNS_HIT_COUNT), 0);
	}
}

static void a_batch_counts_for_each_of_its_replies(void **state)
{
	struct tally tally;

	(void)state;
	tally_begin(&tally);
	tally_end(&tally);
	assert_int_equal(rose(STAT_DNS_HIT_COUNT), 0);
	tally_begin(&tally);
	tally.since_us -= 2000000;
	tally.replies = 32;
	tally_end(&tally);
	assert_int_equal(rose(STAT_DNS_HIT_COUNT), 32);
	assert_int_equal(rose(STAT_DNS_HIT_LE + 13), 32);
	assert_int_equal(rose(STAT_DNS_HIT_LE + 10), 0);
	assert_true(rose(STAT_DNS_HIT_TIME) >= 64000000);
	assert_int_equal(rose(STAT_DNS_MISS_COUNT), 0);
}

#define TEST(function) cmocka_unit_test_setup(function, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_rcode_has_its_counter),
		TEST(the_label_is_the_bound),
		TEST(a_batch_counts_for_each_of_its_replies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
