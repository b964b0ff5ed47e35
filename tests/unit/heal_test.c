/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What becomes of suspicions: clock, log, watch and host are the test's own. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <event2/event.h>

#include "../../core/log.h"
#include "../../core/loop.h"
#include "../../core/stats.h"
#include "../../ops/heal.h"
#include "../../ops/netwatch.h"
#include "../../ops/sysctls.h"

static int64_t now_ms;
static unsigned int lines;		/* logged */
static char line[512];			/* the last of them */
static unsigned int looks[HEAL_COUNT];
static int result[HEAL_COUNT];		/* what the next looks come to */
static int64_t takes_ms;		/* a look */

static void (*heard)(void *arg, unsigned int what);
static void *heard_arg;

int64_t loop_now_ms(void)
{
	return now_ms;
}

bool log_enabled(enum log_level level)
{
	(void)level;
	return true;
}

void log_at(struct log_site *site, enum log_level level, const struct log_field *fields,
	    const char *fmt, ...)
{
	va_list args;

	(void)site;
	(void)level;
	(void)fields;
	va_start(args, fmt);
	vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	lines++;
}

struct netwatch *netwatch_new(struct event_base *base, void (*tell)(void *arg, unsigned int what),
			      void *arg)
{
	static char one;

	(void)base;
	heard = tell;
	heard_arg = arg;
	return (struct netwatch *)&one;
}

void netwatch_free(struct netwatch *watch)
{
	(void)watch;
}

struct sysctls *sysctls_new(void)
{
	static char one;

	return (struct sysctls *)&one;
}

bool sysctls_changed(struct sysctls *sysctls)
{
	(void)sysctls;
	return false;
}

void sysctls_free(struct sysctls *sysctls)
{
	(void)sysctls;
}

static int mend(void *arg, enum heal_what what, char *said)
{
	(void)arg;
	looks[what]++;
	now_ms += takes_ms;
	if (result[what] > 0)
		snprintf(said, HEAL_SAID_SIZE, "thing %d was gone: put up again", what);
	return result[what];
}

static struct event_base *base;
static struct heal *heal;

static int setup(void **state)
{
	(void)state;
	now_ms = 1000000;
	lines = 0;
	takes_ms = 0;
	memset(looks, 0, sizeof(looks));
	memset(result, 0, sizeof(result));
	base = event_base_new();
	heal = heal_new(base, mend, NULL);
	assert_non_null(heal);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	heal_free(heal);
	event_base_free(base);
	return 0;
}

/* So much later, whatever is due by then has been looked at. */
static void pass(int64_t ms)
{
	now_ms += ms;
	heard(heard_arg, 0);
	event_base_loop(base, EVLOOP_NONBLOCK);
	/* A timer of no length is due a moment after it was made. */
	for (int i = 0; i < 3; i++) {
		struct timeval moment = { .tv_usec = 2000 };

		event_base_loopexit(base, &moment);
		event_base_dispatch(base);
	}
}

static void happens(unsigned int what)
{
	heard(heard_arg, what);
}

static uint64_t counted(enum stat id)
{
	uint64_t counters[STAT_COUNT];

	stats_sum(counters);
	return counters[id];
}

static void what_is_in_order_is_not_told(void **state)
{
	uint64_t before = counted(STAT_OPS_HEALED_RULES);

	(void)state;
	happens(NETWATCH_RULES);
	pass(0);
	assert_int_equal(looks[HEAL_RULES], 1);
	assert_int_equal(looks[HEAL_GUARD], 1);
	assert_int_equal(lines, 0);
	assert_int_equal(counted(STAT_OPS_HEALED_RULES), before);
	pass(10000);
	assert_int_equal(looks[HEAL_RULES], 1);
}

static void what_was_mended_is_told_once_and_counted(void **state)
{
	uint64_t before = counted(STAT_OPS_HEALED_RULES);

	(void)state;
	result[HEAL_RULES] = 1;
	happens(NETWATCH_RULES);
	pass(0);
	result[HEAL_RULES] = 0;
	assert_int_equal(lines, 1);
	assert_string_equal(line, "healed: thing 2 was gone: put up again");
	assert_int_equal(counted(STAT_OPS_HEALED_RULES), before + 1);
	/* Its own mend is an event, too, after which there is nothing to mend. */
	happens(NETWATCH_RULES);
	pass(0);
	assert_int_equal(looks[HEAL_RULES], 2);
	assert_int_equal(lines, 1);
}

static void a_burst_is_one_look(void **state)
{
	(void)state;
	for (int i = 0; i < 1000; i++)
		happens(NETWATCH_QDISCS);
	pass(0);
	assert_int_equal(looks[HEAL_FILTERS], 0);
	pass(200);
	assert_int_equal(looks[HEAL_FILTERS], 1);
	pass(10000);
	assert_int_equal(looks[HEAL_FILTERS], 1);
}

/* Events that never end do not put the look off, and do not make more than two a second, but
 * for the first few. */
static void an_endless_burst_is_two_looks_a_second(void **state)
{
	(void)state;
	for (int i = 0; i < 600; i++) {
		happens(NETWATCH_RULES);
		pass(100);
	}
	assert_in_range(looks[HEAL_RULES], 120, 131);
}

/* On a host whose rules take a second to be read, the main thread has other things to do. */
static void who_looks_slowly_rests(void **state)
{
	int64_t began_ms = now_ms;

	(void)state;
	takes_ms = 1000;
	while (now_ms < began_ms + 120000) {
		happens(NETWATCH_QDISCS);
		pass(500);
	}
	assert_in_range(looks[HEAL_FILTERS], 20, 35);
}

/* Scripts empty IPv4's tables, then IPv6's: what was just mended does not wait. */
static void two_blows_in_a_row_are_mended_at_once(void **state)
{
	(void)state;
	result[HEAL_RULES] = 1;
	happens(NETWATCH_RULES);
	pass(0);
	happens(NETWATCH_RULES);
	pass(10);
	assert_int_equal(looks[HEAL_RULES], 2);
}

static void a_change_of_the_network_may_have_taken_more_along(void **state)
{
	(void)state;
	happens(NETWATCH_NETWORK);
	pass(200);
	assert_int_equal(looks[HEAL_NETWORK], 1);
	pass(200);
	assert_int_equal(looks[HEAL_ROUTES], 1);
	assert_int_equal(looks[HEAL_FILTERS], 1);
	assert_int_equal(looks[HEAL_RULES], 0);
}

/* Somebody who takes it away at once, whenever it was put up: for an hour. */
static void nobody_is_fought_at_his_own_pace(void **state)
{
	(void)state;
	result[HEAL_RULES] = 1;
	for (int i = 0; i < 50; i++) {
		happens(NETWATCH_RULES);
		pass(100);
	}
	/* The first ones at once; then it takes its time. */
	assert_in_range(looks[HEAL_RULES], 5, 8);
	for (int i = 0; i < 3600; i++) {
		happens(NETWATCH_RULES);
		pass(1000);
	}
	assert_in_range(looks[HEAL_RULES], 50, 80);
	assert_int_equal(lines, looks[HEAL_RULES]);
	assert_non_null(strstr(line, "next time it waits 60 s"));
}

static void after_a_calm_it_is_mended_at_once_again(void **state)
{
	(void)state;
	result[HEAL_RULES] = 1;
	for (int i = 0; i < 200; i++) {
		happens(NETWATCH_RULES);
		pass(1000);
	}
	result[HEAL_RULES] = 0;
	for (int i = 0; i < 300; i++)
		pass(1000);
	result[HEAL_RULES] = 1;
	for (unsigned int i = 0, before = looks[HEAL_RULES]; i < 4; i++) {
		happens(NETWATCH_RULES);
		pass(500);
		assert_int_equal(looks[HEAL_RULES], before + 1 + i);
	}
}

static void what_cannot_be_mended_is_tried_again_by_itself(void **state)
{
	uint64_t before = counted(STAT_OPS_HEALED_GUARD);

	(void)state;
	result[HEAL_GUARD] = -EIO;
	happens(NETWATCH_RULES);
	for (int i = 0; i < 600; i++)
		pass(1000);
	assert_in_range(looks[HEAL_GUARD], 10, 25);
	assert_int_equal(lines, 0);
	result[HEAL_GUARD] = 1;
	pass(61000);
	assert_int_equal(counted(STAT_OPS_HEALED_GUARD), before + 1);
	assert_int_equal(lines, 1);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_in_order_is_not_told),
		TEST(what_was_mended_is_told_once_and_counted),
		TEST(a_burst_is_one_look),
		TEST(an_endless_burst_is_two_looks_a_second),
		TEST(who_looks_slowly_rests),
		TEST(two_blows_in_a_row_are_mended_at_once),
		TEST(a_change_of_the_network_may_have_taken_more_along),
		TEST(nobody_is_fought_at_his_own_pace),
		TEST(after_a_calm_it_is_mended_at_once_again),
		TEST(what_cannot_be_mended_is_tried_again_by_itself),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
