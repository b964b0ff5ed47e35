/* SPDX-License-Identifier: GPL-2.0-or-later */
/* When a context counts as deaf, and is made anew: with contexts of no substance, and own time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "../../core/log.h"
#include "../../core/loop.h"
#include "../../dns64/engine.h"
#include "../../dns64/tally.h"
#include "../../dns64/ub_events.h"

static struct {
	int64_t now_ms;
	struct context contexts[2];	/* in turn ... */
	uint64_t heard[2];		/* ... and what of servers is heard by each */
	unsigned int n_made;
} world;

/* ---- in the place of others --------------------------------------------------------- */

int64_t loop_now_ms(void) { return world.now_ms; }
int64_t tally_now_us(void) { return world.now_ms * 1000; }

uint64_t ub_events_heard(const struct ub_events *events)
{
	return *(const uint64_t *)(const void *)events;
}

void context_free(struct context *context) { (void)context; }
void context_cancel(struct context *context, int id) { (void)context; (void)id; }

struct context *context_new(struct event_base *base, const struct context_setup *setup,
			    enum context_scope scope)
{
	unsigned int i;

	(void)base;
	(void)setup;
	(void)scope;
	i = world.n_made++ % 2;
	world.heard[i] = 0;
	world.contexts[i].events = (struct ub_events *)(void *)&world.heard[i];
	return &world.contexts[i];
}

struct context *context_new_now(struct event_base *base, const struct context_setup *setup,
				enum context_scope scope)
{
	return context_new(base, setup, scope);
}

/* ---- helpers ------------------------------------------------------------------------- */

static struct engine engine;

static int setup(void **state)
{
	(void)state;
	world.now_ms = 1000 * 1000;
	world.n_made = 0;
	engine = (struct engine){ 0 };
	return engine_init(&engine, NULL, NULL, CONTEXT_ALL) ? 0 : -1;
}

static void hear(void)
{
	world.heard[(world.n_made + 1) % 2]++;
}

/* A question that fails after some time. @heard: something is heard of servers meanwhile. */
static bool fail_after(int64_t ms, bool heard)
{
	struct asked asked = engine_asked(&engine);

	world.now_ms += ms;
	if (heard)
		hear();
	return engine_failed(&engine, &asked);
}

static void become_deaf(void)
{
	for (int i = 0; i < 4; i++)
		fail_after(1000, false);
	assert_true(engine_is_deaf(&engine));
}

/* How long it takes until it is made anew */
static int64_t renewal_ms(bool heard)
{
	int64_t ms = 0;

	if (heard)
		hear();
	for (; !engine_renew(&engine); ms += 100)
		world.now_ms += 100;
	return ms;
}

/* ---- deaf ------------------------------------------------------------------------------ */

/* RFC 9520 2.2: a SERVFAIL that a server has sent is no sign that there is none. */
static void test_a_failure_of_which_something_is_heard_does_not_count(void **state)
{
	(void)state;
	for (int i = 0; i < 1000; i++)
		assert_false(fail_after(10, true));
	assert_false(engine_is_to_renew(&engine));
}

static void test_silence_counts_until_there_is_an_answer(void **state)
{
	struct asked asked;

	(void)state;
	for (int i = 0; i < 1000; i++)		/* as fast as it says so itself */
		assert_true(fail_after(0, false));
	assert_false(engine_is_deaf(&engine));
	fail_after(3000, false);
	assert_true(engine_is_deaf(&engine));
	fail_after(10, true);
	assert_true(engine_is_deaf(&engine));
	asked = engine_asked(&engine);
	engine_answered(&engine, &asked);
	assert_false(engine_is_deaf(&engine));
	assert_false(engine_may_answer(&engine, &asked));
	hear();
	assert_true(engine_may_answer(&engine, &asked));
}

/* Of two forwarders one refuses, the other one is silent, and answers again. */
static void test_a_timeout_counts_whatever_is_heard(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++) {
		struct asked asked = engine_asked(&engine);

		world.now_ms += 1800;
		hear();
		engine_timed_out(&engine, &asked);
	}
	assert_true(engine_is_deaf(&engine));
}

/* What its cache knows no server has said, and the first way down from the root is long. */
static void test_an_answer_from_its_cache_is_no_sign_of_servers(void **state)
{
	struct asked asked = engine_asked(&engine);

	(void)state;
	become_deaf();
	engine.asking = true;
	engine_answered(&engine, &asked);
	engine.asking = false;
	assert_true(engine_is_deaf(&engine));
	assert_true(engine_may_answer(&engine, &asked));
	engine_answered(&engine, &asked);
	assert_false(engine_is_deaf(&engine));
	assert_false(engine_may_answer(&engine, &asked));
}

/* ---- anew -------------------------------------------------------------------------------- */

/* While nobody is there a new one is ready for who comes back within 5 s. */
static void test_a_dead_network_is_tried_every_three_seconds(void **state)
{
	(void)state;
	become_deaf();
	assert_int_equal(renewal_ms(false), 0);
	for (int i = 0; i < 100; i++)
		assert_int_equal(renewal_ms(false), 3000);
}

/* Names whose servers are silent: of the new one something is heard, and again it is deaf. */
static void test_in_vain_it_is_made_anew_ever_less_often(void **state)
{
	static const int64_t expected_ms[] = { 0, 3000, 6000, 12000, 24000, 48000, 60000, 60000 };

	(void)state;
	become_deaf();
	for (size_t i = 0; i < sizeof(expected_ms) / sizeof(*expected_ms); i++)
		assert_int_equal(renewal_ms(true), expected_ms[i]);
	/* When all is silent it is for once not so bad, */
	assert_int_equal(renewal_ms(false), 3000);
	assert_int_equal(renewal_ms(true), 3000);
	assert_int_equal(renewal_ms(true), 6000);
	/* nor is what was long ago. */
	world.now_ms += 120 * 1000;
	assert_int_equal(renewal_ms(true), 0);
	assert_int_equal(renewal_ms(true), 3000);
}

/* Others have been answered: who thinks ill of servers is not to wait until he is deaf. */
static void test_a_retry_keeps_to_the_time_between_two(void **state)
{
	(void)state;
	engine_retry(&engine);
	assert_false(engine_is_to_renew(&engine));
	fail_after(1000, false);
	engine_retry(&engine);
	assert_true(engine_is_to_renew(&engine));
	assert_non_null(engine_renew(&engine));
	assert_false(engine_is_to_renew(&engine));
	for (int i = 0; i < 10; i++) {
		fail_after(100, false);
		engine_retry(&engine);
		assert_true(engine_is_to_renew(&engine));
		assert_null(engine_renew(&engine));
	}
	world.now_ms += 2000;
	assert_non_null(engine_renew(&engine));
	assert_int_equal(engine.health.renewals, 2);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_a_failure_of_which_something_is_heard_does_not_count,
				       setup),
		cmocka_unit_test_setup(test_silence_counts_until_there_is_an_answer, setup),
		cmocka_unit_test_setup(test_a_timeout_counts_whatever_is_heard, setup),
		cmocka_unit_test_setup(test_an_answer_from_its_cache_is_no_sign_of_servers, setup),
		cmocka_unit_test_setup(test_a_dead_network_is_tried_every_three_seconds, setup),
		cmocka_unit_test_setup(test_in_vain_it_is_made_anew_ever_less_often, setup),
		cmocka_unit_test_setup(test_a_retry_keeps_to_the_time_between_two, setup),
	};

	log_setup(LOG_LEVEL_ERROR, LOG_FORMAT_TEXT);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
