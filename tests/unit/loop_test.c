/* SPDX-License-Identifier: GPL-2.0-or-later */
/* core/loop: calls into a loop's thread, pausing it, starting and stopping; for TSan too. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <event2/event.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../core/loop.h"

enum { LOOPS = 3, ROUNDS = 2000 };

static pthread_t main_thread;

/* An event that is always ready: the loop goes round as fast as it can. */
struct spinner {
	struct event *event;
	uint64_t shared;	/* plain on purpose: only pausing guards it */
	_Atomic uint64_t rounds;
	int fds[2];
};

static void spin(evutil_socket_t fd, short what, void *arg)
{
	struct spinner *spinner = arg;

	(void)fd;
	(void)what;
	spinner->shared++;
	atomic_fetch_add(&spinner->rounds, 1);
}

static void spinner_open(struct spinner *spinner, struct loop *loop)
{
	memset(spinner, 0, sizeof(*spinner));
	assert_int_equal(pipe(spinner->fds), 0);
	spinner->event = event_new(loop_base(loop), spinner->fds[1], EV_WRITE | EV_PERSIST, spin,
				   spinner);
	assert_non_null(spinner->event);
	assert_int_equal(event_add(spinner->event, NULL), 0);
}

static void spinner_close(struct spinner *spinner)
{
	event_free(spinner->event);
	close(spinner->fds[0]);
	close(spinner->fds[1]);
}

static int who_am_i(void *arg)
{
	*(pthread_t *)arg = pthread_self();
	return 42;
}

static bool runs_here(struct loop *loop)
{
	pthread_t thread;

	memset(&thread, 0, sizeof(thread));
	assert_int_equal(loop_call(loop, who_am_i, &thread), 42);
	return pthread_equal(thread, main_thread);
}

static void test_call(void **state)
{
	struct loop *loop = loop_new("test-loop-with-a-long-name");

	(void)state;
	assert_non_null(loop);
	assert_true(runs_here(loop));		/* before it starts */
	assert_int_equal(loop_start(loop, NULL), 0);
	for (int i = 0; i < ROUNDS; i++)
		assert_false(runs_here(loop));
	loop_stop(loop);
	assert_true(runs_here(loop));		/* and after it stopped */
	loop_stop(loop);			/* once more is nothing */
	assert_int_equal(loop_start(loop, NULL), 0);
	assert_false(runs_here(loop));		/* it starts again */
	loop_free(loop);
	loop_free(NULL);
}

struct nested {
	struct loop *loop;
	pthread_t outer, inner;
};

static int call_myself(void *arg)
{
	struct nested *nested = arg;

	nested->outer = pthread_self();
	return loop_call(nested->loop, who_am_i, &nested->inner);
}

/* A loop that calls itself must not wait for itself. */
static void test_call_from_within(void **state)
{
	struct nested nested = { .loop = loop_new("nested") };

	(void)state;
	assert_int_equal(loop_start(nested.loop, NULL), 0);
	assert_int_equal(loop_call(nested.loop, call_myself, &nested), 42);
	assert_true(pthread_equal(nested.outer, nested.inner));
	assert_false(pthread_equal(nested.outer, main_thread));
	loop_free(nested.loop);
}

static int add_one(void *arg)
{
	return (*(int *)arg)++;
}

struct caller {
	struct loop *loop;
	int *counter;
};

static void *call_often(void *arg)
{
	struct caller *caller = arg;

	for (int i = 0; i < ROUNDS; i++)
		loop_call(caller->loop, add_one, caller->counter);
	return NULL;
}

/* Calls of several threads are run one after the other: the counter needs no lock. */
static void test_calls_from_many(void **state)
{
	struct loop *loop = loop_new("many");
	pthread_t threads[4];
	int counter = 0;
	struct caller caller = { loop, &counter };

	(void)state;
	assert_int_equal(loop_start(loop, NULL), 0);
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, call_often, &caller), 0);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(counter, 4 * ROUNDS);
	loop_free(loop);
}

static void wait_for_a_round(struct spinner *spinner)
{
	uint64_t seen = atomic_load(&spinner->rounds);

	for (int i = 0; atomic_load(&spinner->rounds) == seen; i++) {
		assert_true(i < 10000);
		usleep(1000);
	}
}

static void test_pause(void **state)
{
	struct loop *loops[LOOPS];
	struct spinner spinners[LOOPS];

	(void)state;
	for (int i = 0; i < LOOPS; i++) {
		loops[i] = loop_new("pause");
		spinner_open(&spinners[i], loops[i]);
	}
	/* The last one has no thread: it is passed over. */
	for (int i = 0; i < LOOPS - 1; i++)
		assert_int_equal(loop_start(loops[i], NULL), 0);
	for (int i = 0; i < LOOPS - 1; i++)
		wait_for_a_round(&spinners[i]);
	loop_pause(loops, LOOPS);
	for (int i = 0; i < LOOPS - 1; i++) {
		uint64_t seen = spinners[i].shared;

		usleep(20000);
		assert_true(seen > 0 && spinners[i].shared == seen);
		spinners[i].shared = 0;
	}
	loop_resume(loops, LOOPS);
	for (int i = 0; i < LOOPS - 1; i++)
		wait_for_a_round(&spinners[i]);
	for (int i = 0; i < LOOPS; i++) {
		loop_stop(loops[i]);
		spinner_close(&spinners[i]);
		loop_free(loops[i]);
	}
}

/* A pause straight after a resume must wait for a new stop, not take the old one for it. */
static void test_pause_again_at_once(void **state)
{
	struct loop *loop = loop_new("again");
	struct spinner spinner;

	(void)state;
	spinner_open(&spinner, loop);
	assert_int_equal(loop_start(loop, NULL), 0);
	for (int i = 0; i < ROUNDS; i++) {
		uint64_t seen;

		loop_pause(&loop, 1);
		seen = spinner.shared++;
		for (int k = 0; k < 50; k++)
			assert_int_equal(*(volatile uint64_t *)&spinner.shared, seen + 1);
		loop_resume(&loop, 1);
		if (i % 100 == 0)
			wait_for_a_round(&spinner);
	}
	/* Paused loops answer calls when they go on. */
	assert_false(runs_here(loop));
	loop_stop(loop);
	spinner_close(&spinner);
	loop_free(loop);
}

static _Atomic int entered;

static int refuse(void)
{
	atomic_fetch_add(&entered, 1);
	return -EPERM;
}

static int agree(void)
{
	atomic_fetch_add(&entered, 1);
	return pthread_equal(pthread_self(), main_thread) ? -1 : 0;
}

static void test_enter(void **state)
{
	struct loop *loop = loop_new("enter");

	(void)state;
	atomic_store(&entered, 0);
	assert_int_equal(loop_start(loop, refuse), -EPERM);
	assert_int_equal(atomic_load(&entered), 1);
	assert_true(runs_here(loop));		/* there is no thread */
	loop_pause(&loop, 1);
	loop_resume(&loop, 1);
	loop_stop(loop);
	assert_int_equal(loop_start(loop, agree), 0);
	assert_int_equal(atomic_load(&entered), 2);
	assert_false(runs_here(loop));
	loop_free(loop);
}

/* Stopping is no busy waiting, and the thread is gone: what it wrote is seen. */
static void test_stop(void **state)
{
	struct loop *loop = loop_new("stop");
	struct spinner spinner;

	(void)state;
	spinner_open(&spinner, loop);
	for (int i = 0; i < 50; i++) {
		uint64_t seen;

		assert_int_equal(loop_start(loop, NULL), 0);
		loop_stop(loop);
		seen = spinner.shared;
		assert_int_equal(spinner.shared, seen);
	}
	spinner_close(&spinner);
	loop_free(loop);
}

struct hang {
	struct loop *loop;
	int fds[2];
};

static int wait_for_word(void *fd)
{
	char word;

	return (int)read(*(int *)fd, &word, 1);
}

static void *call_and_wait(void *arg)
{
	struct hang *hang = arg;

	assert_int_equal(loop_call(hang->loop, wait_for_word, &hang->fds[0]), 1);
	return NULL;
}

/* Asks, and waits until those who are silent are so many. */
static void ask_until(size_t wanted, char *names, size_t size)
{
	for (int i = 0; i < 5000; i++) {
		loop_ping_all();
		usleep(1000);
		if (loop_silent(0, names, size) == wanted)
			return;
	}
	fail_msg("%zu are silent: %s", loop_silent(0, names, size), names);
}

static int break_loop(void *loop)
{
	return event_base_loopbreak(loop_base(loop));
}

static void tell(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	assert_int_equal(write(*(int *)arg, "x", 1), 1);
}

static void *run_until_stopped(void *arg)
{
	struct hang *own = arg;
	struct timeval now = { 0 };

	event_base_once(loop_base(own->loop), -1, EV_TIMEOUT, tell, &own->fds[1], &now);
	assert_int_equal(loop_run(own->loop), 0);
	return NULL;
}

/* Who hangs is told by name, and by how long; who does not gives a sign of life all the while,
 * a loop that runs in a thread of its owner's (loop_run()) too. */
static void test_sign_of_life(void **state)
{
	struct loop *good = loop_new("good");
	struct hang hang = { .loop = loop_new("hangs") }, own = { .loop = loop_new("own") };
	pthread_t caller, runner;
	char names[64], cut[4];

	(void)state;
	assert_int_equal(pipe(hang.fds), 0);
	assert_int_equal(pipe(own.fds), 0);
	loop_ping_all();
	assert_int_equal(loop_silent(0, names, sizeof(names)), 0);	/* nobody has a thread */
	assert_int_equal(loop_start(good, NULL), 0);
	assert_int_equal(loop_start(hang.loop, NULL), 0);
	assert_int_equal(pthread_create(&runner, NULL, run_until_stopped, &own), 0);
	assert_int_equal(wait_for_word(&own.fds[0]), 1);
	ask_until(0, names, sizeof(names));

	assert_int_equal(pthread_create(&caller, NULL, call_and_wait, &hang), 0);
	ask_until(1, names, sizeof(names));
	assert_string_equal(names, "hangs");
	assert_int_equal(loop_silent(0, cut, sizeof(cut)), 1);
	assert_string_equal(cut, "han");
	assert_int_equal(loop_silent(600000, names, sizeof(names)), 0);	/* not for so long */
	assert_string_equal(names, "");
	assert_int_equal(write(hang.fds[1], "x", 1), 1);
	pthread_join(caller, NULL);
	ask_until(0, names, sizeof(names));

	loop_call(own.loop, break_loop, own.loop);
	pthread_join(runner, NULL);
	loop_free(good);
	loop_free(own.loop);
	loop_free(hang.loop);
	for (int i = 0; i < 2; i++) {
		close(hang.fds[i]);
		close(own.fds[i]);
	}
}

static int note(void *seen)
{
	*(bool *)seen = true;
	return 7;
}

/* Who hangs is not waited for longer than is said, and does not do later what nobody waits for
 * any more; calls before and after it are done. */
static void test_call_within(void **state)
{
	struct hang hang = { .loop = loop_new("hangs") };
	bool taken_back = false, after = false;
	char names[64];
	pthread_t caller;

	(void)state;
	assert_int_equal(loop_call_within(hang.loop, note, &after, 0), 7);	/* no thread yet */
	assert_int_equal(pipe(hang.fds), 0);
	assert_int_equal(loop_start(hang.loop, NULL), 0);
	after = false;
	assert_int_equal(loop_call_within(hang.loop, note, &after, 60000), 7);
	assert_true(after);

	after = false;
	assert_int_equal(pthread_create(&caller, NULL, call_and_wait, &hang), 0);
	ask_until(1, names, sizeof(names));
	assert_int_equal(loop_call_within(hang.loop, note, &taken_back, 20), -ETIMEDOUT);
	assert_int_equal(loop_call_within(hang.loop, note, &taken_back, 0), -ETIMEDOUT);
	assert_int_equal(write(hang.fds[1], "x", 1), 1);
	pthread_join(caller, NULL);
	assert_int_equal(loop_call_within(hang.loop, note, &after, 60000), 7);
	assert_true(after);
	assert_false(taken_back);
	loop_free(hang.loop);
	close(hang.fds[0]);
	close(hang.fds[1]);
}

static void test_helpers(void **state)
{
	int64_t began_ms = loop_now_ms();

	(void)state;
	usleep(30000);
	assert_in_range(loop_now_ms() - began_ms, 15, 5000);
	assert_in_range(loop_worker_count(), 1, (uint64_t)sysconf(_SC_NPROCESSORS_CONF));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_call),
		cmocka_unit_test(test_call_from_within),
		cmocka_unit_test(test_calls_from_many),
		cmocka_unit_test(test_pause),
		cmocka_unit_test(test_pause_again_at_once),
		cmocka_unit_test(test_enter),
		cmocka_unit_test(test_stop),
		cmocka_unit_test(test_sign_of_life),
		cmocka_unit_test(test_call_within),
		cmocka_unit_test(test_helpers),
	};

	main_thread = pthread_self();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
