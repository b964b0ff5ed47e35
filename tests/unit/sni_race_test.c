/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * snid/race: which servers are started when, and who wins. Sockets are pipes here, whose
 * fate the test decides: a byte in one is the event that tells of it.
 */
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "../../core/config.h"
#include "../../core/loop.h"
#include "../../snid/race.h"
#include "../../snid/service.h"
#include "../../snid/tcp.h"
#include "../../snid/worker.h"
#include "fake_resolver.h"

enum { SERVERS = 8, NEVER = 1 };

/* What becomes of the n-th connect() */
static struct {
	int at_once;		/* -errno of dial_tcp(), 0 = it gets a socket */
	int fd[2];		/* what it got, and the end that tells of it */
	int later;		/* -errno that is told, 0 = connected, NEVER = nothing yet */
	struct endpoint from, to;
	bool is_from;
} dialled[SERVERS];
static size_t n_dialled;

/* ---- in the place of others ------------------------------------------------------- */

static int make_socket(size_t i)
{
	if (dialled[i].at_once)
		return dialled[i].at_once;
	assert_int_equal(pipe2(dialled[i].fd, O_NONBLOCK), 0);
	if (dialled[i].later != NEVER)
		assert_int_equal(write(dialled[i].fd[1], "", 1), 1);
	return dialled[i].fd[0];
}

int dial_tcp(const struct endpoint *from, const struct endpoint *to,
	     const struct dial_ports *ports)
{
	size_t i = n_dialled++;

	(void)ports;
	assert_in_range(i, 0, SERVERS - 1);
	dialled[i].to = *to;
	dialled[i].is_from = from != NULL;
	if (from)
		dialled[i].from = *from;
	return make_socket(i);
}

int dial_unix(const char *directory, const char *name)
{
	assert_string_equal(directory, "/servers");
	assert_string_equal(name, "w.example");
	return make_socket(n_dialled++);
}

int tcp_error(int fd)
{
	for (size_t i = n_dialled; i-- > 0;)	/* a number may have been used before */
		if (!dialled[i].at_once && dialled[i].fd[0] == fd)
			return dialled[i].later == NEVER ? 0 : dialled[i].later;
	fail();
	return 0;
}

static struct deadline_queue staggered;

void worker_stagger(struct worker *worker, struct deadline *deadline)
{
	(void)worker;
	deadline_enter(deadline, &staggered, 0);
}

/* ---- the world ----------------------------------------------------------------------- */

struct world {
	struct worker worker;
	struct service service;
	struct route route;
	struct race race;
	struct endpoint client;
	struct addrmap *map;
	struct prefix_list backends;
	struct prefix all[2];
	unsigned int told;
	int fd;
	watch_id watch;
};

static struct endpoint endpoint(const char *text)
{
	struct endpoint at;

	assert_true(endpoint_parse(text, 443, &at));
	return at;
}

static void told(void *arg, int fd, watch_id watch, uint32_t what)
{
	struct world *w = arg;

	w->told++;
	w->fd = fd;
	w->watch = watch;
	(void)what;
}

static int set_up(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	struct netinfo net = { .links.n = 0 };
	struct prefix pref64;
	struct config config = {
		.inside.keyword = true,
		.prefixes.nat64 = { .v = &pref64, .n = 1 },
		.nat64 = { .clients.keyword = true, .deny4.keyword = true },
		.dns64.clients.keyword = true,
		.snid.backends.keyword = true,
	};

	assert_null(prefix_parse("64:ff9b::/96", &pref64));
	assert_null(prefix_parse("64:ff9b:1::/96", &config.prefixes.nat46));
	assert_null(prefix_parse("2001:db8:1::/64", &w->all[0]));
	w->backends = (struct prefix_list){ w->all, 1 };
	w->map = addrmap_new(&config, &net);
	w->worker.map = w->map;
	w->worker.base = event_base_new();
	w->worker.watcher = watcher_new(w->worker.base);
	w->service = (struct service){ .mode = CONFIG_SNI_NAT46, .backends = &w->backends,
				       .unix_directory = "/servers" };
	w->client = endpoint("192.0.2.7:40000");
	deadline_queue_init(&staggered, RACE_STAGGER_MS);
	memset(dialled, 0, sizeof(dialled));
	n_dialled = 0;
	for (size_t i = 0; i < SERVERS; i++)
		dialled[i].later = NEVER;
	*state = w;
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;

	race_end(&w->race);
	assert_null(deadline_first(&staggered));
	for (size_t i = 0; i < n_dialled; i++) {
		if (dialled[i].at_once)
			continue;
		close(dialled[i].fd[1]);
		if (dialled[i].fd[0] != w->fd) {	/* what did not win has been closed */
			assert_int_equal(fcntl(dialled[i].fd[0], F_GETFD), -1);
		} else {
			watch_forget(w->worker.watcher, w->watch);
			close(w->fd);
		}
	}
	watcher_free(w->worker.watcher);
	event_base_free(w->worker.base);
	addrmap_free(w->map);
	free(w);
	return 0;
}

/* A race of @n servers, 2001:db8:1::1 and so on */
static bool run(struct world *w, size_t n)
{
	memset(&w->race, 0, sizeof(w->race));
	memset(&w->route, 0, sizeof(w->route));
	for (size_t i = 0; i < n; i++) {
		w->route.servers[i].at = endpoint("[2001:db8:1::1]:443");
		w->route.servers[i].at.addr.s6_addr[15] = (uint8_t)(i + 1);
	}
	w->route.n = n;
	w->race = (struct race){ .worker = &w->worker, .route = &w->route,
				 .service = &w->service, .client = &w->client,
				 .name = "w.example", .fn = told, .arg = w };
	w->fd = -1;
	w->told = 0;
	return race_run(&w->race);
}

static void turn(struct world *w)
{
	event_base_loop(w->worker.base, EVLOOP_NONBLOCK);
}

/* The n-th gets its answer now. */
static void decide(struct world *w, size_t i, int err)
{
	dialled[i].later = err;
	assert_int_equal(write(dialled[i].fd[1], "", 1), 1);
	turn(w);
}

static void pass_time(void)
{
	assert_non_null(deadline_first(&staggered));
	race_staggered(deadline_first(&staggered));
}

static bool has_failed(const struct world *w, uint8_t last)
{
	struct endpoint at = endpoint("[2001:db8:1::]:443");

	at.addr.s6_addr[15] = last;
	return fails_has(&w->worker.fails, &at, loop_now_ms());
}

/* ---- tests ------------------------------------------------------------------------------ */

/* RFC 8305 5: one that answers in time is alone; it is dialled from the client's address and port */
static void test_first_wins(void **state)
{
	struct endpoint from = endpoint("[64:ff9b:1::192.0.2.7]:40000");
	struct world *w = *state;

	assert_true(run(w, 3));
	assert_int_equal(w->told, 0);
	decide(w, 0, 0);
	assert_int_equal(w->told, 1);
	assert_int_equal(w->fd, dialled[0].fd[0]);
	assert_int_equal(n_dialled, 1);
	assert_true(endpoint_equal(&dialled[0].from, &from));
	assert_ptr_equal(w->race.winner, &w->race.tries[0]);
	assert_false(has_failed(w, 1));
}

/* RFC 8305 5, 8: the next after 250 ms, both go on; the first to answer wins, the other is closed,
 * and remembered where it had longer */
static void test_staggered(void **state)
{
	struct world *w = *state;

	assert_int_equal(staggered.after_ms, 250);
	assert_true(run(w, 3));
	pass_time();
	assert_int_equal(n_dialled, 2);
	decide(w, 1, 0);
	assert_int_equal(w->told, 1);
	assert_int_equal(w->fd, dialled[1].fd[0]);
	assert_int_equal(fcntl(dialled[0].fd[0], F_GETFD), -1);
	assert_true(has_failed(w, 1));
	assert_false(has_failed(w, 2));
}

static void test_first_after_second_began(void **state)
{
	struct world *w = *state;

	assert_true(run(w, 2));
	pass_time();
	assert_null(deadline_first(&staggered));	/* there is no third */
	decide(w, 0, 0);
	assert_int_equal(w->fd, dialled[0].fd[0]);
	assert_false(has_failed(w, 1));
	assert_false(has_failed(w, 2));
}

/* RFC 8305 5: after a failure the next one at once */
static void test_failures(void **state)
{
	struct world *w = *state;

	dialled[0].at_once = -ENETUNREACH;
	assert_true(run(w, 3));
	assert_int_equal(n_dialled, 2);
	decide(w, 1, -ECONNREFUSED);
	assert_int_equal(n_dialled, 3);
	assert_int_equal(w->told, 0);
	decide(w, 2, -ECONNRESET);
	assert_int_equal(w->told, 1);
	assert_int_equal(w->fd, -1);
	assert_int_equal(w->race.err, -ECONNRESET);
	assert_true(has_failed(w, 1) && has_failed(w, 2) && has_failed(w, 3));
}

static void test_all_fail_at_once(void **state)
{
	struct world *w = *state;

	for (size_t i = 0; i < 3; i++)
		dialled[i].at_once = -ENETUNREACH;
	assert_false(run(w, 3));
	assert_int_equal(w->told, 0);
	assert_int_equal(w->race.err, -ENETUNREACH);
	assert_false(race_is_starved(&w->race));
}

/* Trap 23: never more than ROUTE_TRIES_MAX, and when it took too long all are remembered */
static void test_too_long(void **state)
{
	struct world *w = *state;

	assert_true(run(w, ROUTE_SERVERS_MAX));
	for (size_t i = 1; i < ROUTE_TRIES_MAX; i++)
		pass_time();
	assert_int_equal(n_dialled, ROUTE_TRIES_MAX);
	assert_null(deadline_first(&staggered));
	race_give_up(&w->race);
	assert_int_equal(w->race.err, -ETIMEDOUT);
	for (uint8_t i = 1; i <= ROUTE_TRIES_MAX; i++)
		assert_true(has_failed(w, i));
	race_end(&w->race);
	assert_int_equal(w->told, 0);
}

/* One that failed a moment ago comes last, and comes. */
static void test_failed_is_last(void **state)
{
	struct world *w = *state;

	dialled[0].at_once = -ECONNREFUSED;
	assert_true(run(w, 2));
	decide(w, 1, 0);
	race_end(&w->race);
	close(w->fd);

	dialled[2].at_once = -ECONNREFUSED;
	assert_true(run(w, 2));
	assert_int_equal(dialled[2].to.addr.s6_addr[15], 2);
	assert_int_equal(dialled[3].to.addr.s6_addr[15], 1);
	decide(w, 3, 0);
	assert_int_equal(w->told, 1);
	assert_false(has_failed(w, 1));
	assert_true(has_failed(w, 2));
}

/* Trap 20: without descriptors nothing more is tried, but what is under way may win. */
static void test_starved(void **state)
{
	struct world *w = *state;

	dialled[0].at_once = -EMFILE;
	assert_false(run(w, 3));
	assert_int_equal(n_dialled, 1);
	assert_true(race_is_starved(&w->race));
	assert_false(has_failed(w, 1));

	dialled[2].at_once = -EMFILE;
	assert_true(run(w, 3));
	pass_time();
	assert_int_equal(w->told, 0);
	decide(w, 1, 0);
	assert_int_equal(w->fd, dialled[1].fd[0]);
}

/* Trap 5: each is judged when it is started, by the list of that moment. */
static void test_judged_late(void **state)
{
	struct world *w = *state;

	assert_true(run(w, 3));
	w->backends.n = 0;
	decide(w, 0, -ECONNREFUSED);
	assert_int_equal(w->told, 1);
	assert_int_equal(w->fd, -1);
	assert_int_equal(n_dialled, 1);

	assert_false(run(w, 3));
	assert_int_equal(w->race.n_tries, 0);
	assert_int_equal(w->route.refused, ADDRMAP_BACKEND_OUTSIDE);
}

static void test_mode_tcp(void **state)
{
	struct world *w = *state;

	w->service.mode = CONFIG_SNI_TCP;
	w->client = endpoint("[2001:db8:99::1]:40000");
	assert_true(run(w, 1));
	assert_false(dialled[0].is_from);
	decide(w, 0, 0);
	assert_int_equal(w->told, 1);
}

/* Trap 15: an IPv6 client has no address in mode nat46. */
static void test_v6_client(void **state)
{
	struct world *w = *state;

	w->client = endpoint("[2001:db8:99::1]:40000");
	assert_false(run(w, 1));
	assert_int_equal(n_dialled, 0);
	assert_int_equal(w->race.err, -EAFNOSUPPORT);
}

static void test_mode_unix(void **state)
{
	struct world *w = *state;

	w->service.mode = CONFIG_SNI_UNIX;
	dialled[0].at_once = -ENOENT;
	assert_false(run(w, 0));
	assert_int_equal(w->race.err, -ENOENT);
	assert_int_equal(w->race.n_tries, 1);
	assert_true(run(w, 0));
	decide(w, 1, 0);
	assert_int_equal(w->fd, dialled[1].fd[0]);
	assert_int_equal(w->race.winner->at.port, 0);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_first_wins),
		TEST(test_staggered),
		TEST(test_first_after_second_began),
		TEST(test_failures),
		TEST(test_all_fail_at_once),
		TEST(test_too_long),
		TEST(test_failed_is_last),
		TEST(test_starved),
		TEST(test_judged_late),
		TEST(test_mode_tcp),
		TEST(test_v6_client),
		TEST(test_mode_unix),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
