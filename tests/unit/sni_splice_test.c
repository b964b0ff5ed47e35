/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * snid/relay over TCP, in bulk, woken as in the house: by edges of epoll, and only by them.
 * A wake-up that is lost is a test that waits until it gives up.
 */
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "../../core/stats.h"
#include "../../snid/relay.h"

enum {
	BULK = 8 << 20,		/* bytes of a transfer */
	GIVE_UP_MS = 20000,
	CALM_MS = 50,		/* without an event: nothing more moves by itself */
};

struct bench {
	struct relay relay;
	struct buffered buffered;
	struct relay_tools tools;
	int epoll;
	int outer[2];		/* the client's and the server's sockets; -1 = closed */
	size_t sent[2], got[2];	/* by them, in bytes of the pattern */
	bool eof[2], reset[2];	/* seen by them */
};

static uint8_t scratch[RELAY_SCRATCH_LEN];

static void tcp_pair(int *outer, int *inner)
{
	struct sockaddr_in6 at = { .sin6_family = AF_INET6, .sin6_addr = in6addr_loopback };
	socklen_t len = sizeof(at);
	int listener = socket(AF_INET6, SOCK_STREAM, 0);

	assert_int_equal(bind(listener, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(listener, 1), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&at, &len), 0);
	*outer = socket(AF_INET6, SOCK_STREAM, 0);
	assert_int_equal(connect(*outer, (struct sockaddr *)&at, sizeof(at)), 0);
	*inner = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
	assert_true(*inner >= 0);
	close(listener);
}

static int set_up(void **state)
{
	struct bench *b = calloc(1, sizeof(*b));

	if (!b)
		return -1;
	signal(SIGPIPE, SIG_IGN);
	b->buffered.max = 64 << 20;
	b->tools = (struct relay_tools){ .scratch = scratch, .buffered = &b->buffered };
	relay_init(&b->relay);
	b->epoll = epoll_create1(0);
	for (uint32_t i = 0; i < 2; i++) {
		struct epoll_event event = {
			.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
			.data.u32 = i,
		};

		tcp_pair(&b->outer[i], &b->relay.side[i].fd);
		assert_int_equal(epoll_ctl(b->epoll, EPOLL_CTL_ADD, b->relay.side[i].fd, &event), 0);
	}
	*state = b;
	return 0;
}

static int tear_down(void **state)
{
	struct bench *b = *state;

	relay_free(&b->relay, &b->tools);
	assert_int_equal(b->buffered.bytes, 0);
	assert_int_equal(b->tools.pipes.n, b->tools.pipes.n_idle);
	pipe_pool_free(&b->tools.pipes);
	for (int i = 0; i < 2; i++) {
		if (b->outer[i] >= 0)
			close(b->outer[i]);
		if (b->relay.side[i].fd >= 0)
			close(b->relay.side[i].fd);
	}
	close(b->epoll);
	free(b);
	return 0;
}

/* Wait for events and note them, as the owner of a relay does. Return: were there any? */
static bool wait_events(struct bench *b, int timeout_ms)
{
	struct epoll_event events[2];
	int n = epoll_wait(b->epoll, events, 2, timeout_ms);

	for (int i = 0; i < n; i++) {
		struct relay_side *side = &b->relay.side[events[i].data.u32];
		uint32_t what = events[i].events;

		side->readable |= (what & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0;
		side->writable |= (what & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0;
		side->hung_up |= (what & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
	}
	return n > 0;
}

/* Run until nothing moves any more. */
static enum relay_verdict settle(struct bench *b)
{
	enum relay_verdict verdict;

	do {
		verdict = relay_run(&b->relay, &b->tools);
	} while (verdict == RELAY_MORE ||
		 (verdict != RELAY_CLOSED && verdict != RELAY_RESET && wait_events(b, CALM_MS)));
	return verdict;
}

static void fill_pattern(uint8_t *bytes, size_t len, size_t at)
{
	for (size_t i = 0; i < len; i++)
		bytes[i] = (uint8_t)((at + i) % 251);
}

/* What @end of the outer ones can send of the first @total bytes now */
static void send_pattern(struct bench *b, int end, size_t total)
{
	static uint8_t bytes[251 * 256];

	while (b->sent[end] < total) {
		size_t len = total - b->sent[end] < sizeof(bytes) ? total - b->sent[end]
								  : sizeof(bytes);
		ssize_t n;

		fill_pattern(bytes, len, b->sent[end]);
		n = send(b->outer[end], bytes, len, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n < 0)
			return;
		b->sent[end] += (size_t)n;
	}
}

/* What @end has to read now, at most @max bytes */
static void read_pattern(struct bench *b, int end, size_t max)
{
	static uint8_t bytes[100000], wanted[100000];

	while (max > 0 && !b->eof[end] && !b->reset[end]) {
		ssize_t n = recv(b->outer[end], bytes, max < sizeof(bytes) ? max : sizeof(bytes),
				 MSG_DONTWAIT);

		if (n < 0 && errno == EAGAIN)
			return;
		b->eof[end] = n == 0;
		b->reset[end] = n < 0;
		if (n <= 0)
			return;
		fill_pattern(wanted, (size_t)n, b->got[end]);
		assert_memory_equal(bytes, wanted, (size_t)n);
		b->got[end] += (size_t)n;
		max -= (size_t)n;
	}
}

/* Send @total bytes each way where asked, read them at the other end. */
static void transfer(struct bench *b, bool up, bool down, size_t total)
{
	const bool sends[2] = { up, down };

	for (int round = 0; round < GIVE_UP_MS; round++) {
		bool done = true;

		for (int end = 0; end < 2; end++) {
			if (sends[end])
				send_pattern(b, end, total);
			read_pattern(b, !end, SIZE_MAX);
			done &= !sends[end] || b->got[!end] == total;
		}
		if (done)
			return;
		assert_int_not_equal(relay_run(&b->relay, &b->tools), RELAY_RESET);
		wait_events(b, 1);
	}
	fail_msg("%zu and %zu of %zu bytes came", b->got[0], b->got[1], total);
}

static uint64_t counter(enum stat stat)
{
	static uint64_t values[STAT_COUNT];

	stats_sum(values);
	return values[stat];
}

/* Bulk goes through pipes, unchanged, and gives them back. */
static void test_bulk_up(void **state)
{
	struct bench *b = *state;
	uint64_t before = counter(STAT_SNI_BYTES_SPLICED);

	transfer(b, true, false, BULK);
	assert_in_range(counter(STAT_SNI_BYTES_SPLICED) - before, BULK / 2, BULK);
	assert_int_equal(b->relay.bytes[RELAY_CLIENT], BULK);
	assert_int_equal(b->relay.bytes[RELAY_BACKEND], 0);
	settle(b);
	assert_null(b->relay.dir[RELAY_CLIENT].pipe);
	assert_int_equal(b->tools.pipes.n, 1);
}

static void test_bulk_down(void **state)
{
	struct bench *b = *state;

	transfer(b, false, true, BULK);
	assert_int_equal(b->relay.bytes[RELAY_BACKEND], BULK);
}

static void test_bulk_both_ways(void **state)
{
	struct bench *b = *state;

	transfer(b, true, true, BULK);
	assert_int_equal(b->relay.bytes[RELAY_CLIENT], BULK);
	assert_int_equal(b->relay.bytes[RELAY_BACKEND], BULK);
}

/* Small reads are copied: no pipe, no byte spliced. */
static void test_small_is_copied(void **state)
{
	struct bench *b = *state;
	uint64_t before = counter(STAT_SNI_BYTES_SPLICED);

	for (size_t total = 1000; total <= 20000; total += 1000)
		transfer(b, true, true, total);
	assert_int_equal(counter(STAT_SNI_BYTES_SPLICED), before);
	assert_int_equal(b->tools.pipes.n, 0);
}

/* After bulk, small reads are copied again. */
static void test_back_to_copying(void **state)
{
	struct bench *b = *state;
	uint64_t before;

	transfer(b, true, false, BULK);
	transfer(b, true, false, BULK + 100);
	settle(b);
	assert_false(b->relay.dir[RELAY_CLIENT].bulk);
	before = counter(STAT_SNI_BYTES_SPLICED);
	transfer(b, true, false, BULK + 200);
	assert_int_equal(counter(STAT_SNI_BYTES_SPLICED), before);
}

/* Held bytes, and those that follow at once (0-RTT), go once and in order (trap 28). */
static void test_held_then_bulk(void **state)
{
	struct bench *b = *state;
	enum { HELD = 1500 };
	uint8_t *held = malloc(HELD);

	assert_non_null(held);
	fill_pattern(held, HELD, 0);
	relay_hold(&b->relay, RELAY_CLIENT, held, HELD, 0);
	b->sent[0] = HELD;
	transfer(b, true, false, BULK);
	assert_int_equal(b->relay.bytes[RELAY_CLIENT], BULK);
}

/* The sender fills whatever takes its bytes; nobody reads. */
static void stuff(struct bench *b, int end)
{
	size_t before;

	do {
		before = b->sent[end];
		send_pattern(b, end, SIZE_MAX);
		assert_int_equal(settle(b), RELAY_OPEN);
	} while (b->sent[end] != before);
}

static void block(struct bench *b, int end)
{
	stuff(b, end);
	assert_non_null(b->relay.dir[end].pipe);
	assert_in_range(b->relay.dir[end].pipe->len, 1, PIPE_LEN);
	assert_int_equal(b->buffered.bytes, b->relay.dir[end].pipe->len);
}

/* A blocked direction holds no more than a pipe, and goes on where it stopped. */
static void test_back_pressure(void **state)
{
	struct bench *b = *state;

	for (int end = 0; end < 2; end++) {
		block(b, end);
		transfer(b, end == 0, end == 1, b->sent[end]);
		assert_int_equal(settle(b), RELAY_OPEN);
		assert_null(b->relay.dir[end].pipe);
		assert_int_equal(b->buffered.bytes, 0);
	}
}

/* Where pipes are scarce a blocked direction has none, and goes on all the same. */
static void test_scarce_pipes(void **state)
{
	struct bench *b = *state;
	const unsigned int others = PIPES_MAX / 2;

	for (int end = 0; end < 2; end++) {
		b->tools.pipes.n += others;
		stuff(b, end);
		assert_null(b->relay.dir[end].pipe);
		assert_in_range(b->relay.dir[end].held_len, 1, PIPE_LEN);
		assert_int_equal(b->buffered.bytes, b->relay.dir[end].held_len);
		b->tools.pipes.n -= others;
		transfer(b, end == 0, end == 1, b->sent[end]);
		assert_int_equal(settle(b), RELAY_OPEN);
		assert_int_equal(b->buffered.bytes, 0);
	}
}

/* An end behind bytes in a pipe comes after them (trap 25). */
static void test_end_behind_pipe(void **state)
{
	struct bench *b = *state;

	block(b, RELAY_CLIENT);
	shutdown(b->outer[0], SHUT_WR);
	assert_int_equal(settle(b), RELAY_OPEN);
	for (int i = 0; i < GIVE_UP_MS && !b->eof[1]; i++) {
		read_pattern(b, 1, SIZE_MAX);
		relay_run(&b->relay, &b->tools);
		wait_events(b, 1);
	}
	assert_true(b->eof[1]);
	assert_int_equal(b->got[1], b->sent[0]);
	assert_int_equal(settle(b), RELAY_HALF_CLOSED);

	/* The other direction is as before, in bulk too. */
	transfer(b, false, true, BULK);
	shutdown(b->outer[1], SHUT_WR);
	assert_int_equal(settle(b), RELAY_CLOSED);
}

/* The end comes in one wake-up with the last bytes, or after it; both are seen. */
static void test_end_with_bytes(void **state)
{
	struct bench *b = *state;

	settle(b);
	send_pattern(b, 0, 100);
	shutdown(b->outer[0], SHUT_WR);
	assert_int_equal(settle(b), RELAY_HALF_CLOSED);
	send_pattern(b, 1, 100);
	assert_int_equal(settle(b), RELAY_HALF_CLOSED);
	shutdown(b->outer[1], SHUT_WR);
	assert_int_equal(settle(b), RELAY_CLOSED);
	read_pattern(b, 0, SIZE_MAX);
	read_pattern(b, 1, SIZE_MAX);
	assert_int_equal(b->got[0], 100);
	assert_int_equal(b->got[1], 100);
	assert_true(b->eof[1]);
}

static void reset(struct bench *b, int end)
{
	struct linger linger = { .l_onoff = 1 };

	assert_int_equal(setsockopt(b->outer[end], SOL_SOCKET, SO_LINGER, &linger,
				    sizeof(linger)), 0);
	close(b->outer[end]);
	b->outer[end] = -1;
}

/* A reset is seen, whoever sends it, also behind bytes that came with it (trap 26). */
static void test_reset(void **state)
{
	struct bench *b = *state;

	settle(b);
	send_pattern(b, 0, 100);
	reset(b, 0);
	assert_int_equal(settle(b), RELAY_RESET);
}

static void test_reset_by_server(void **state)
{
	struct bench *b = *state;

	transfer(b, true, true, 1000);
	reset(b, 1);
	assert_int_equal(settle(b), RELAY_RESET);
}

/* Bytes wait for a receiver that resets: that is no SIGPIPE, and is told (trap 30). */
static void test_reset_by_blocked_receiver(void **state)
{
	struct bench *b = *state;

	block(b, RELAY_BACKEND);
	signal(SIGPIPE, SIG_IGN);
	reset(b, 0);
	assert_int_equal(settle(b), RELAY_RESET);
}

/* The sender resets while its bytes wait: nothing is read of it, its owner must look. */
static void test_reset_behind_pipe(void **state)
{
	struct bench *b = *state;
	int err = 0;
	socklen_t len = sizeof(err);

	block(b, RELAY_CLIENT);
	assert_false(relay_reads(&b->relay, RELAY_CLIENT));
	assert_true(relay_reads(&b->relay, RELAY_BACKEND));
	reset(b, 0);
	assert_true(wait_events(b, GIVE_UP_MS));
	assert_int_equal(getsockopt(b->relay.side[0].fd, SOL_SOCKET, SO_ERROR, &err, &len), 0);
	assert_int_equal(err, ECONNRESET);
}

/* Past the limit nothing is kept: the bytes stay in the sender's socket (trap 24). */
static void test_nothing_kept(void **state)
{
	struct bench *b = *state;
	size_t before;

	b->buffered.max = 0;
	do {
		before = b->sent[0];
		send_pattern(b, 0, SIZE_MAX);
		assert_int_equal(settle(b), RELAY_OPEN);
		assert_int_equal(b->buffered.bytes, 0);
		assert_null(b->relay.dir[RELAY_CLIENT].held);
		assert_null(b->relay.dir[RELAY_CLIENT].pipe);
	} while (b->sent[0] != before);
	assert_false(relay_reads(&b->relay, RELAY_CLIENT));
	transfer(b, true, false, b->sent[0]);
	shutdown(b->outer[0], SHUT_WR);
	assert_int_equal(settle(b), RELAY_HALF_CLOSED);
}

/* Descriptors are out: bulk is copied, and all of it arrives (traps 20, 21). */
static void test_without_pipes(void **state)
{
	struct bench *b = *state;
	uint64_t before = counter(STAT_SNI_BYTES_SPLICED), none = counter(STAT_SNI_PIPE_NONE);
	struct rlimit limit, low;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	low = limit;
	low.rlim_cur = 1;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
	transfer(b, true, true, BULK);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	assert_int_equal(counter(STAT_SNI_BYTES_SPLICED), before);
	assert_true(counter(STAT_SNI_PIPE_NONE) > none);
}

/* Bulk has turns of a bounded length. */
static void test_turns(void **state)
{
	struct bench *b = *state;
	const int room = 4 << 20;
	uint64_t before = 0;
	bool more = false;

	if (setsockopt(b->relay.side[0].fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)) < 0 ||
	    setsockopt(b->relay.side[1].fd, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof(room)) < 0)
		skip();
	for (int i = 0; i < GIVE_UP_MS && b->got[1] < BULK; i++) {
		send_pattern(b, 0, BULK);
		wait_events(b, 1);
		more |= relay_run(&b->relay, &b->tools) == RELAY_MORE;
		/* a budget, and one move that began within it */
		assert_in_range(b->relay.bytes[RELAY_CLIENT] - before, 0, (1 << 20) + PIPE_LEN);
		before = b->relay.bytes[RELAY_CLIENT];
		read_pattern(b, 1, SIZE_MAX);
	}
	assert_int_equal(b->got[1], BULK);
	assert_true(more);
}

int main(void)
{
#define ROW(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		ROW(test_bulk_up), ROW(test_bulk_down), ROW(test_bulk_both_ways),
		ROW(test_small_is_copied), ROW(test_back_to_copying), ROW(test_held_then_bulk),
		ROW(test_back_pressure), ROW(test_scarce_pipes), ROW(test_end_behind_pipe), ROW(test_end_with_bytes),
		ROW(test_reset), ROW(test_reset_by_server), ROW(test_reset_by_blocked_receiver),
		ROW(test_reset_behind_pipe), ROW(test_nothing_kept), ROW(test_without_pipes),
		ROW(test_turns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
