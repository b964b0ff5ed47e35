/* SPDX-License-Identifier: GPL-2.0-or-later */
/* dns64/upstreams, dns64/inspect: a worker that hangs holds up nobody who asks about all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../core/addr.h"
#include "../../core/config.h"
#include "../../core/loop.h"
#include "../../dns64/dns64.h"
#include "../../dns64/explain.h"
#include "../../dns64/explain_say.h"
#include "../../dns64/resolver.h"
#include "../../dns64/worker.h"

enum { WORKERS = 2, HANGS = 0, WORKS = 1, GIVE_UP_S = 60 };

/* A resolver that knows two zones, and has been asked so often */
struct resolver {
	uint64_t questions;
};

static struct config config;
static struct dns_zone zones[1];
static struct resolver resolvers[WORKERS];
static struct worker workers[WORKERS];
static struct loop *loops[WORKERS];
static struct dns64 dns64;
static int word[2];		/* written to: who hangs goes on */

bool resolver_health(const struct resolver *resolver, size_t i, struct resolver_health *out)
{
	if (i > config.dns64.n_zones)
		return false;
	*out = (struct resolver_health){ .questions = resolver->questions + i };
	return true;
}

/* Of explaining, nothing is asked here. */
const uint8_t *explain_wire(const struct explain *explain, size_t *len)
{
	(void)explain;
	*len = 0;
	return NULL;
}

void explain_hold(struct explain *explain)
{
	(void)explain;
}

void explain_release(struct explain *explain)
{
	(void)explain;
}

void explain_say(struct explain *explain, const char *by, const char *format, ...)
{
	(void)explain;
	(void)by;
	(void)format;
}

enum dns64_exit dns64_query(struct worker *worker, struct asker *asker, const uint8_t *wire,
			    size_t len)
{
	(void)worker;
	(void)asker;
	(void)wire;
	(void)len;
	return DNS64_DROPPED;
}

static int setup(void **state)
{
	static char zone[] = "lan.example";
	struct in6_addr client;
	struct name qname;

	(void)state;
	alarm(GIVE_UP_S);	/* else the test itself would hang */
	zones[0].name = zone;
	config.dns64.enabled = true;
	config.dns64.zones = zones;
	config.dns64.n_zones = 1;
	assert_int_equal(pipe(word), 0);
	assert_true(name_from_text(&qname, "a.example"));
	dns64 = (struct dns64){ .room = { .config = &config, .epoch = 1 }, .n_workers = WORKERS,
				.workers = workers, .loops = loops };
	for (int i = 0; i < WORKERS; i++) {
		char text[] = "2001:db8::1";

		text[sizeof(text) - 2] = (char)('1' + i);
		assert_true(addr_parse(text, &client));
		loops[i] = loop_new("worker");
		resolvers[i].questions = 10;
		workers[i] = (struct worker){ .room = &dns64.room, .loop = loops[i],
					      .resolver = &resolvers[i], .top = top_new() };
		top_count(workers[i].top, &qname, &client, false, loop_now_ms());
		assert_int_equal(loop_start(loops[i], NULL), 0);
	}
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	for (int i = 0; i < WORKERS; i++) {
		loop_free(loops[i]);
		top_free(workers[i].top);
		free(workers[i].known.v);
	}
	close(word[0]);
	close(word[1]);
	alarm(0);
	return 0;
}

static int begun[2];

static int wait_for_word(void *unused)
{
	char letter;

	(void)unused;
	assert_int_equal(write(begun[1], "x", 1), 1);
	return (int)read(word[0], &letter, 1);
}

static void *call_and_wait(void *loop)
{
	loop_call(loop, wait_for_word, NULL);
	return NULL;
}

/* Returns once the worker is within what takes so long. */
static pthread_t hang(void)
{
	pthread_t caller;
	char letter;

	assert_int_equal(pipe(begun), 0);
	assert_int_equal(pthread_create(&caller, NULL, call_and_wait, loops[HANGS]), 0);
	assert_int_equal(read(begun[0], &letter, 1), 1);
	return caller;
}

static void go_on(pthread_t caller)
{
	assert_int_equal(write(word[1], "x", 1), 1);
	pthread_join(caller, NULL);
	close(begun[0]);
	close(begun[1]);
}

static void assert_upstreams(uint64_t questions, unsigned int n_workers)
{
	struct dns64_upstream *list;
	size_t n;

	assert_int_equal(dns64_upstreams(&dns64, &list, &n), 0);
	assert_int_equal(n, 2);
	assert_string_equal(list[0].zone, "lan.example");
	assert_int_equal(list[0].questions, questions);
	assert_int_equal(list[1].questions, questions + n_workers);
	assert_int_equal(list[0].n_workers, n_workers);
	free(list);
}

static void upstreams_do_not_wait_for_who_hangs(void **state)
{
	pthread_t caller;

	(void)state;
	assert_upstreams(20, 2);
	resolvers[HANGS].questions = 30;
	resolvers[WORKS].questions = 40;
	caller = hang();
	assert_upstreams(10 + 40, 2);	/* counters do not fall: what it had said before */
	dns64.room.epoch++;
	assert_upstreams(40, 1);	/* that may have been of other zones */
	go_on(caller);
	assert_upstreams(30 + 40, 2);
}

static void top_does_not_wait_for_who_hangs(void **state)
{
	struct top_row *rows;
	pthread_t caller;
	int64_t over_ms;
	size_t n;

	(void)state;
	caller = hang();
	assert_int_equal(dns64_top(&dns64, TOP_OF_ALL, &rows, &n, &over_ms), 0);
	assert_int_equal(n, 2);		/* a name and a client, of the other one */
	assert_in_range(over_ms, 0, GIVE_UP_S * 1000);
	free(rows);
	assert_int_equal(dns64_top(&dns64, TOP_OF_CLIENTS, &rows, &n, &over_ms), 0);
	assert_int_equal(n, 1);
	assert_true(rows[0].is_client);
	assert_int_equal(rows[0].client.s6_addr[15], 2);
	free(rows);
	go_on(caller);
	assert_int_equal(dns64_top(&dns64, TOP_OF_CLIENTS, &rows, &n, &over_ms), 0);
	assert_int_equal(n, 2);
	free(rows);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(upstreams_do_not_wait_for_who_hangs, setup,
						teardown),
		cmocka_unit_test_setup_teardown(top_does_not_wait_for_who_hangs, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
