/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * snid/relay over local socket pairs: client -- [0] relay [1] -- server. Local sockets are
 * like TCP ones in all that matters here, resets included: closing with input unread resets.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "../../snid/relay.h"

struct bench {
	struct relay relay;
	struct buffered buffered;
	struct relay_tools tools;
	int client, server;	/* the outer ends; -1 = closed by the test */
};

static uint8_t scratch[RELAY_SCRATCH_LEN];

static int set_up(void **state)
{
	struct bench *b = calloc(1, sizeof(*b));
	int pair[2];

	if (!b)
		return -1;
	b->buffered.max = 64 << 20;
	b->tools = (struct relay_tools){ .scratch = scratch, .buffered = &b->buffered };
	relay_init(&b->relay);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) < 0)
		return -1;
	b->client = pair[0];
	b->relay.side[RELAY_CLIENT].fd = pair[1];
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) < 0)
		return -1;
	b->server = pair[0];
	b->relay.side[RELAY_BACKEND].fd = pair[1];
	*state = b;
	return 0;
}

static int tear_down(void **state)
{
	struct bench *b = *state;

	relay_free(&b->relay, &b->tools);
	assert_int_equal(b->buffered.bytes, 0);
	pipe_pool_free(&b->tools.pipes);
	if (b->relay.side[RELAY_CLIENT].fd >= 0)
		close(b->relay.side[RELAY_CLIENT].fd);
	close(b->relay.side[RELAY_BACKEND].fd);
	if (b->client >= 0)
		close(b->client);
	if (b->server >= 0)
		close(b->server);
	free(b);
	return 0;
}

/* As after an edge from epoll on both sockets */
static enum relay_verdict run(struct bench *b)
{
	for (int i = 0; i < 2; i++)
		b->relay.side[i].readable = b->relay.side[i].writable = b->relay.side[i].hung_up = true;
	return relay_run(&b->relay, &b->tools);
}

static void say(int fd, const char *text)
{
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
}

static void assert_hears(int fd, const char *text)
{
	char got[64];
	ssize_t n = read(fd, got, sizeof(got));

	assert_int_equal(n, (ssize_t)strlen(text));
	assert_memory_equal(got, text, strlen(text));
}

static void assert_silent(int fd)
{
	char got;

	assert_int_equal(read(fd, &got, 1), -1);
	assert_int_equal(errno, EAGAIN);
}

static void assert_ended(int fd)
{
	char got;

	assert_int_equal(read(fd, &got, 1), 0);
}

static void test_both_ways(void **state)
{
	struct bench *b = *state;

	assert_int_equal(run(b), RELAY_OPEN);
	say(b->client, "question");
	say(b->server, "answer");
	assert_int_equal(run(b), RELAY_OPEN);
	assert_hears(b->server, "question");
	assert_hears(b->client, "answer");
	assert_silent(b->server);
	assert_silent(b->client);
	assert_int_equal(b->relay.bytes[RELAY_CLIENT], 8);
	assert_int_equal(b->relay.bytes[RELAY_BACKEND], 6);
}

/* What came before the join goes first, and once. */
static void test_held_first(void **state)
{
	struct bench *b = *state;

	relay_hold(&b->relay, RELAY_CLIENT, (uint8_t *)strdup("hello "), 6, 0);
	say(b->client, "and more");
	assert_int_equal(run(b), RELAY_OPEN);
	assert_hears(b->server, "hello and more");
	assert_int_equal(run(b), RELAY_OPEN);
	assert_silent(b->server);
	assert_null(b->relay.dir[RELAY_CLIENT].held);
	assert_int_equal(b->relay.bytes[RELAY_CLIENT], 14);
}

static void test_half_close(void **state)
{
	struct bench *b = *state;

	say(b->client, "last words");
	shutdown(b->client, SHUT_WR);
	assert_int_equal(run(b), RELAY_HALF_CLOSED);
	assert_hears(b->server, "last words");
	assert_ended(b->server);

	/* The other direction goes on as long as it likes. */
	for (int i = 0; i < 3; i++) {
		say(b->server, "still here");
		assert_int_equal(run(b), RELAY_HALF_CLOSED);
		assert_hears(b->client, "still here");
	}
	shutdown(b->server, SHUT_WR);
	assert_int_equal(run(b), RELAY_CLOSED);

	/* Closing, which is what comes now, says it to the client. */
	close(b->relay.side[RELAY_CLIENT].fd);
	b->relay.side[RELAY_CLIENT].fd = -1;
	assert_ended(b->client);
}

static void test_half_close_by_server(void **state)
{
	struct bench *b = *state;

	shutdown(b->server, SHUT_WR);
	assert_int_equal(run(b), RELAY_HALF_CLOSED);
	assert_ended(b->client);
	say(b->client, "upload");
	assert_int_equal(run(b), RELAY_HALF_CLOSED);
	assert_hears(b->server, "upload");
}

static void test_reset(void **state)
{
	struct bench *b = *state;

	/* The server leaves with this unread. */
	say(b->client, "unread");
	assert_int_equal(run(b), RELAY_OPEN);
	close(b->server);
	b->server = -1;
	assert_int_equal(run(b), RELAY_RESET);
}

/* Fill one direction until it stops taking; @at counts the bytes of the pattern. */
static size_t write_pattern(int fd, size_t at)
{
	uint8_t bytes[4096];

	for (;;) {
		ssize_t n;

		for (size_t i = 0; i < sizeof(bytes); i++)
			bytes[i] = (uint8_t)((at + i) % 251);
		n = write(fd, bytes, sizeof(bytes));
		if (n < 0)
			return at;
		at += (size_t)n;
	}
}

static size_t check_pattern(int fd, size_t at)
{
	uint8_t bytes[5000];
	ssize_t n;

	while ((n = read(fd, bytes, sizeof(bytes))) > 0) {
		for (ssize_t i = 0; i < n; i++)
			assert_int_equal(bytes[i], (at + (size_t)i) % 251);
		at += (size_t)n;
	}
	return at;
}

/* A receiver that does not read stops the sender; nothing is lost, one buffer is held. */
static void test_back_pressure(void **state)
{
	struct bench *b = *state;
	struct relay_dir *dir = &b->relay.dir[RELAY_CLIENT];
	size_t sent = 0, before, got = 0;

	do {
		before = sent;
		sent = write_pattern(b->client, sent);
		assert_int_not_equal(run(b), RELAY_RESET);
	} while (sent != before);
	assert_true(dir->held || dir->pipe);
	assert_in_range(dir->counted, 1, PIPE_LEN);
	assert_int_equal(b->buffered.bytes, dir->counted);
	assert_false(b->relay.side[RELAY_BACKEND].writable);

	/* Meanwhile the other direction is free. */
	say(b->server, "answer");
	run(b);
	assert_hears(b->client, "answer");

	shutdown(b->client, SHUT_WR);
	do {
		before = got;
		got = check_pattern(b->server, got);
		run(b);
	} while (got != before);
	assert_int_equal(got, sent);
	assert_null(dir->held);
	assert_null(dir->pipe);
	assert_int_equal(b->buffered.bytes, 0);
	assert_ended(b->server);
}

static bool big_buffer(int fd)
{
	int bytes = 16 * 1024 * 1024;

	return setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof(bytes)) == 0;
}

/* A sender with much to say gets turns, and needs no new event to go on. */
static void test_turns(void **state)
{
	struct bench *b = *state;
	size_t sent, turns = 0;

	if (!big_buffer(b->client) || !big_buffer(b->relay.side[RELAY_BACKEND].fd))
		skip();
	sent = write_pattern(b->client, 0);
	assert_in_range(sent, 1 << 20, 1 << 30);
	assert_int_equal(run(b), RELAY_MORE);
	while (relay_run(&b->relay, &b->tools) == RELAY_MORE)
		turns++;
	assert_in_range(turns, 1, sent / RELAY_SCRATCH_LEN);
	assert_int_equal(check_pattern(b->server, 0), sent);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_both_ways, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_held_first, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_half_close, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_half_close_by_server, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_reset, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_back_pressure, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_turns, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
