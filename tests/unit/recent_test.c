/* SPDX-License-Identifier: GPL-2.0-or-later */
/* core/recent: which refusals are kept, how many, and in which order they are read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "../../core/addr.h"
#include "../../core/recent.h"

enum { NOW = 1000000 };

static struct recent rows[RECENT_KEPT];

static void refuse(enum stat reason, const char *what)
{
	struct in6_addr who = addr_from_v4(0x0100007f);

	stats_inc(reason);
	recent_keep(RECENT_SNID, reason, &who, what);
}

/* Of one reason eight at once, then one a second; another reason has its own. */
static void test_pace(void **state)
{
	(void)state;
	for (int i = 0; i < 8; i++)
		assert_true(recent_due(STAT_NAT64_DROP_NO_PORT, NOW));
	for (int i = 0; i < 1000; i++)
		assert_false(recent_due(STAT_NAT64_DROP_NO_PORT, NOW + i % 1000));
	assert_true(recent_due(STAT_NAT64_DROP_FILTERED, NOW));
	assert_true(recent_due(STAT_NAT64_DROP_NO_PORT, NOW + 1000));
	assert_false(recent_due(STAT_NAT64_DROP_NO_PORT, NOW + 1000));
	assert_true(recent_due(STAT_NAT64_DROP_NO_PORT, NOW + 2500));
}

/* The latest first; what was refused alike between two that are kept is counted. */
static void test_order(void **state)
{
	struct in6_addr who;

	(void)state;
	assert_int_equal(recent_read(RECENT_SNID, rows), 0);
	refuse(STAT_SNI_REFUSED_NO_NAME, "first");
	stats_add(STAT_SNI_REFUSED_NO_NAME, 5);
	refuse(STAT_SNI_REFUSED_BAD_NAME, "second");
	refuse(STAT_SNI_REFUSED_NO_NAME, "third");
	refuse(STAT_SNI_REFUSED_NO_NAME, "fourth");
	assert_int_equal(recent_read(RECENT_SNID, rows), 4);
	assert_string_equal(rows[0].what, "fourth");
	assert_int_equal(rows[0].alike, 0);
	assert_string_equal(rows[1].what, "third");
	assert_int_equal(rows[1].alike, 5);
	assert_string_equal(rows[2].what, "second");
	assert_int_equal(rows[2].reason, STAT_SNI_REFUSED_BAD_NAME);
	assert_int_equal(rows[2].alike, 0);
	assert_string_equal(rows[3].what, "first");
	assert_true(addr_parse("127.0.0.1", &who));
	assert_true(addr_equal(&rows[0].who, &who));
	assert_int_equal(rows[0].room, RECENT_SNID);
	assert_true(rows[0].at_ms >= rows[3].at_ms && rows[3].at_ms > INT64_C(1700000000000));
	/* another room's are its own */
	assert_int_equal(recent_read(RECENT_DNS64, rows), 0);
}

/* So many are kept and no more, and long text is cut. */
static void test_bounds(void **state)
{
	char long_text[2 * RECENT_WHAT + 1], number[16];

	(void)state;
	memset(long_text, 'x', sizeof(long_text) - 1);
	long_text[sizeof(long_text) - 1] = '\0';
	refuse(STAT_SNI_REFUSED_BACKEND, long_text);
	assert_int_equal(recent_read(RECENT_SNID, rows), 5);
	assert_int_equal(strlen(rows[0].what), RECENT_WHAT - 1);
	for (int i = 0; i < 3 * RECENT_KEPT; i++) {
		snprintf(number, sizeof(number), "%d", i);
		refuse(STAT_SNI_REFUSED_BACKEND, number);
	}
	assert_int_equal(recent_read(RECENT_SNID, rows), RECENT_KEPT);
	assert_string_equal(rows[0].what, "191");
	assert_string_equal(rows[RECENT_KEPT - 1].what, "128");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pace),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
