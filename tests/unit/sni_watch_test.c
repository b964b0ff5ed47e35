/* SPDX-License-Identifier: GPL-2.0-or-later */
/* snid/watch: who is told of what, and who no more; snid/tcp: when a peer is gone. */
#include <event2/event.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <linux/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "../../snid/tcp.h"
#include "../../snid/watch.h"

enum { SOCKETS = 200 };		/* more than a batch, and than the slots there are at first */

struct socket {
	struct bench *bench;
	int near, far;
	watch_id id;
	uint32_t what;		/* told since looked at last */
	unsigned int times;
};

struct bench {
	struct event_base *base;
	struct watcher *watcher;
	struct socket sockets[SOCKETS];
	size_t forget;		/* by the first that is told; SOCKETS: none */
};

static void told(void *arg, uint32_t what)
{
	struct socket *s = arg;

	s->what |= what;
	s->times++;
	if (s->bench->forget < SOCKETS) {
		watch_forget(s->bench->watcher, s->bench->sockets[s->bench->forget].id);
		s->bench->forget = SOCKETS;
	}
}

static int set_up(void **state)
{
	struct bench *b = calloc(1, sizeof(*b));

	if (!b)
		return -1;
	b->base = event_base_new();
	b->watcher = watcher_new(b->base);
	b->forget = SOCKETS;
	assert_non_null(b->watcher);
	for (size_t i = 0; i < SOCKETS; i++) {
		struct socket *s = &b->sockets[i];
		int pair[2];

		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
		*s = (struct socket){ .bench = b, .near = pair[0], .far = pair[1] };
		s->id = watch_add(b->watcher, s->near, told, s);
		assert_true(s->id != 0);
	}
	*state = b;
	return 0;
}

static int tear_down(void **state)
{
	struct bench *b = *state;

	for (size_t i = 0; i < SOCKETS; i++) {
		close(b->sockets[i].near);
		close(b->sockets[i].far);
	}
	watcher_free(b->watcher);
	event_base_free(b->base);
	free(b);
	return 0;
}

static void look(struct bench *b)
{
	for (size_t i = 0; i < SOCKETS; i++)
		b->sockets[i].what = b->sockets[i].times = 0;
	for (int round = 0; round < 2 * SOCKETS / 64 + 2; round++)
		event_base_loop(b->base, EVLOOP_NONBLOCK);
}

/* What is ready at the beginning is told, once, and what changes, once. */
static void test_edges(void **state)
{
	struct bench *b = *state;

	look(b);
	for (size_t i = 0; i < SOCKETS; i++) {
		assert_int_equal(b->sockets[i].what, EPOLLOUT);
		assert_int_equal(b->sockets[i].times, 1);
	}
	look(b);
	assert_int_equal(b->sockets[7].times, 0);
	assert_int_equal(write(b->sockets[7].far, "x", 1), 1);
	look(b);
	assert_int_equal(b->sockets[7].what, EPOLLIN | EPOLLOUT);
	assert_int_equal(b->sockets[8].times, 0);
	shutdown(b->sockets[7].far, SHUT_WR);
	look(b);
	assert_int_equal(b->sockets[7].what, EPOLLIN | EPOLLOUT | EPOLLRDHUP);
	look(b);
	assert_int_equal(b->sockets[7].times, 0);
}

/* Somebody else is told after a move. */
static void test_move(void **state)
{
	struct bench *b = *state;

	look(b);
	watch_move(b->watcher, b->sockets[1].id, told, &b->sockets[2]);
	assert_int_equal(write(b->sockets[1].far, "x", 1), 1);
	look(b);
	assert_int_equal(b->sockets[1].times, 0);
	assert_int_equal(b->sockets[2].times, 1);
}

/* Not even what the kernel has told already, in the same batch, is told of a forgotten one. */
static void test_forget_in_batch(void **state)
{
	struct bench *b = *state;

	b->forget = 5;
	look(b);
	assert_int_equal(b->sockets[0].times, 1);
	assert_int_equal(b->sockets[5].times, 0);
	assert_int_equal(b->sockets[6].times, 1);
}

/* A copy of the descriptor, as a starting process has it, keeps the kernel telling: that
 * reaches nobody, also not who has the slot now. */
static void test_copy_outlives(void **state)
{
	struct bench *b = *state;
	struct socket *old = &b->sockets[0], *new = &b->sockets[1];
	int copy = fcntl(old->near, F_DUPFD_CLOEXEC, 0);
	watch_id before = old->id;

	look(b);
	watch_forget(b->watcher, new->id);
	close(new->near);
	watch_forget(b->watcher, old->id);
	close(old->near);
	old->near = fcntl(b->sockets[2].far, F_DUPFD_CLOEXEC, 0);
	new->near = fcntl(b->sockets[3].far, F_DUPFD_CLOEXEC, 0);
	new->id = watch_add(b->watcher, new->near, told, new);
	assert_int_equal((uint32_t)new->id, (uint32_t)before);
	assert_true(new->id != before);
	look(b);
	assert_int_equal(new->times, 1);
	assert_int_equal(write(old->far, "x", 1), 1);
	look(b);
	assert_int_equal(new->times, 0);
	assert_int_equal(old->times, 0);
	close(copy);
}

/* RFC 9293 3.8.3: the user timeout is for what is sent and not acknowledged; who answers the
 * probes of a closed window (RFC 9293 3.8.6.1) is there. */
static void test_vanished(void **state)
{
	static const struct {
		uint32_t unacked;
		uint32_t notsent;
		uint8_t probes;
		uint32_t last_ack_ms;
		bool vanished;
	} cases[] = {
		{ 0, 0, 0, 7200000, false },	/* silent, nothing is due */
		{ 0, 0, 1, 300000, false },	/* keepalive has begun to ask */
		{ 3, 0, 0, 300000, true },	/* segments are due */
		{ 3, 0, 0, 1000, false },	/* some came lately */
		{ 0, 500, 4, 96000, false },	/* paused, the probes are answered */
		{ 0, 500, 9, 300000, true },	/* and are not any more */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct tcp_info info = {
			.tcpi_unacked = cases[i].unacked,
			.tcpi_notsent_bytes = cases[i].notsent,
			.tcpi_probes = cases[i].probes,
			.tcpi_last_ack_recv = cases[i].last_ack_ms,
		};

		assert_int_equal(tcp_info_is_vanished(&info), cases[i].vanished);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_edges, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_move, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_forget_in_batch, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_copy_outlives, set_up, tear_down),
		cmocka_unit_test(test_vanished),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
