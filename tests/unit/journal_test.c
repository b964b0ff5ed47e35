/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The flow log: each line by RFC 6888 REQ-12, RFC 7422 and RFC 8158 5.2, and that nobody who
 * records ever waits for the one who reads the lines.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../core/addr.h"
#include "../../core/loop.h"
#include "../../core/stats.h"
#include "../../nat64/bib.h"
#include "../../nat64/journal.h"

enum { CELLS = 16384, THREADS = 4, PER_THREAD = 3000 };

/* stderr goes into a pipe while a test runs. */
static struct {
	struct journal *journal;
	int read_fd, stderr_fd;
	uint64_t lost;
} world;

static uint64_t lost(void)
{
	uint64_t counters[STAT_COUNT];

	stats_sum(counters);
	return counters[STAT_NAT64_LOG_LOST];
}

static int set_up(void **state)
{
	int fds[2];

	(void)state;
	if (pipe(fds) < 0)
		return -1;
	world.stderr_fd = dup(STDERR_FILENO);
	dup2(fds[1], STDERR_FILENO);
	close(fds[1]);
	world.read_fd = fds[0];
	world.lost = lost();
	world.journal = journal_new();
	return world.journal ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	dup2(world.stderr_fd, STDERR_FILENO);
	close(world.stderr_fd);
	close(world.read_fd);
	return 0;
}

/* What was written; journal_free() writes all that the pipe takes. */
static size_t read_all(char *text, size_t size)
{
	struct pollfd ready = { .fd = world.read_fd, .events = POLLIN };
	size_t len = 0;

	while (len + 1 < size && poll(&ready, 1, 0) == 1) {
		ssize_t n = read(world.read_fd, text + len, size - 1 - len);

		assert_true(n > 0);
		len += (size_t)n;
	}
	text[len] = '\0';
	return len;
}

static void finish(char *text, size_t size)
{
	journal_free(world.journal);
	world.journal = NULL;
	read_all(text, size);
}

/* The time is checked by form, the rest by letter. */
static void assert_line(char *text, const char *rest)
{
	static const char form[] =
		"^\\{\"time\":\"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{3}Z\",";
	regmatch_t match;
	regex_t regex;

	assert_int_equal(regcomp(&regex, form, REG_EXTENDED), 0);
	assert_int_equal(regexec(&regex, text, 1, &match, 0), 0);
	regfree(&regex);
	assert_string_equal(text + match.rm_eo, rest);
}

static struct in6_addr address(const char *text)
{
	struct in6_addr addr;

	assert_true(addr_parse(text, &addr));
	return addr;
}

static struct bib a_binding(void)
{
	return (struct bib){
		.l4 = L4_UDP, .inside = address("2001:db8:1::7"), .inside_port = 40000,
		.outside_be32 = inet_addr("198.51.100.1"), .outside_port = 20000,
	};
}

static struct flow a_session(enum l4_proto l4)
{
	return (struct flow){
		.l4 = l4, .inside = address("2001:db8:1::7"), .inside_port = 40000,
		.remote6 = address("64:ff9b::192.0.2.80"), .remote_be32 = inet_addr("192.0.2.80"),
		.remote_port = l4 == L4_ICMP ? 0 : 443,
		.outside_be32 = inet_addr("198.51.100.1"), .outside_port = 20000,
	};
}

/* Everything that can happen, in each mode: only what the mode says is logged. */
static void record_all(void)
{
	struct prefix client = { address("2001:db8:1::"), 64 };
	struct bib bib = a_binding();
	struct flow flow = a_session(L4_TCP);

	bib.blocked = true;
	journal_binding(world.journal, true, &bib);
	journal_session(world.journal, true, &flow);
	journal_block(world.journal, true, &client, bib.outside_be32, 20480, 20991);
}

static void expect_mode(enum config_flow_log mode, const char *rest)
{
	char text[4096];

	journal_mode(world.journal, mode);
	record_all();
	finish(text, sizeof(text));
	if (rest)
		assert_line(text, rest);
	else
		assert_string_equal(text, "");
}

static void test_off(void **state)
{
	(void)state;
	expect_mode(CONFIG_FLOW_LOG_OFF, NULL);
}

/* RFC 6888 REQ-12 A: protocol, inside and outside address and port, time; B: no destination */
static void test_binding(void **state)
{
	(void)state;
	expect_mode(CONFIG_FLOW_LOG_BINDINGS,
		    "\"event\":\"binding-create\",\"natEvent\":10,\"proto\":\"udp\","
		    "\"inside\":\"2001:db8:1::7\",\"inside_port\":40000,"
		    "\"outside\":\"198.51.100.1\",\"outside_port\":20000}\n");
}

/* RFC 8158 5.6.1 (NAT64 session create): the destination in both forms */
static void test_session(void **state)
{
	(void)state;
	expect_mode(CONFIG_FLOW_LOG_SESSIONS,
		    "\"event\":\"session-create\",\"natEvent\":6,\"proto\":\"tcp\","
		    "\"inside\":\"2001:db8:1::7\",\"inside_port\":40000,"
		    "\"outside\":\"198.51.100.1\",\"outside_port\":20000,"
		    "\"remote6\":\"64:ff9b::c000:250\",\"remote\":\"192.0.2.80\","
		    "\"remote_port\":443}\n");
}

/* RFC 8158 5.6.9 (port block allocation), RFC 7422 2: one line for all of a block */
static void test_block(void **state)
{
	(void)state;
	expect_mode(CONFIG_FLOW_LOG_PORT_BLOCKS,
		    "\"event\":\"block-allocate\",\"natEvent\":16,\"client\":\"2001:db8:1::/64\","
		    "\"outside\":\"198.51.100.1\",\"first_port\":20480,\"last_port\":20991}\n");
}

/* What no block tells of is told by itself: static bindings, and those from before. */
static void test_outside_of_blocks(void **state)
{
	struct bib bib = a_binding();
	char text[4096];

	(void)state;
	journal_mode(world.journal, CONFIG_FLOW_LOG_PORT_BLOCKS);
	journal_binding(world.journal, false, &bib);
	finish(text, sizeof(text));
	assert_line(text, "\"event\":\"binding-delete\",\"natEvent\":11,\"proto\":\"udp\","
			  "\"inside\":\"2001:db8:1::7\",\"inside_port\":40000,"
			  "\"outside\":\"198.51.100.1\",\"outside_port\":20000}\n");
}

static void test_ends(void **state)
{
	struct flow flow = a_session(L4_ICMP);
	char text[4096];

	(void)state;
	journal_mode(world.journal, CONFIG_FLOW_LOG_SESSIONS);
	journal_session(world.journal, false, &flow);
	finish(text, sizeof(text));
	assert_line(text, "\"event\":\"session-delete\",\"natEvent\":7,\"proto\":\"icmp\","
			  "\"inside\":\"2001:db8:1::7\",\"inside_port\":40000,"
			  "\"outside\":\"198.51.100.1\",\"outside_port\":20000,"
			  "\"remote6\":\"64:ff9b::c000:250\",\"remote\":\"192.0.2.80\"}\n");
}

/* A flow table without a log */
static void test_none(void **state)
{
	struct bib bib = a_binding();
	char text[16];

	(void)state;
	journal_binding(NULL, true, &bib);
	finish(text, sizeof(text));
	assert_string_equal(text, "");
	journal_free(NULL);
}

/* Nobody reads: whoever records goes on, what does not fit is counted, and the end comes. */
static void test_full(void **state)
{
	static char text[1 << 20];
	struct bib bib = a_binding();

	(void)state;
	journal_mode(world.journal, CONFIG_FLOW_LOG_BINDINGS);
	for (int i = 0; i < CELLS + 100; i++)
		journal_binding(world.journal, true, &bib);
	assert_int_equal(lost() - world.lost, 100);
	finish(text, sizeof(text));
	assert_true(strlen(text) > 4096);
}

static void *record_many(void *arg)
{
	struct bib bib = a_binding();

	bib.inside_port = *(uint16_t *)arg;
	for (uint16_t i = 0; i < PER_THREAD; i++) {
		bib.outside_port = i;
		journal_binding(world.journal, true, &bib);
	}
	return NULL;
}

/* Several record while one writes: each line is whole, in its thread's order, none twice. */
static void test_threads(void **state)
{
	uint16_t names[THREADS], next[THREADS] = { 0 };
	pthread_t threads[THREADS];
	char *text = malloc(8 << 20), *line, *rest;
	size_t len = 0, n = 0;

	(void)state;
	assert_non_null(text);
	assert_int_equal(journal_start(world.journal, NULL), 0);
	journal_mode(world.journal, CONFIG_FLOW_LOG_BINDINGS);
	for (uint16_t i = 0; i < THREADS; i++) {
		names[i] = i;
		pthread_create(&threads[i], NULL, record_many, &names[i]);
	}
	while (len < (8 << 20) - 1 && n < THREADS * PER_THREAD) {
		size_t more = read_all(text + len, (8 << 20) - len);

		for (size_t i = len; i < len + more; i++)
			n += text[i] == '\n';
		len += more;
		usleep(1000);
	}
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	for (line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		const char *inside = strstr(line, "\"inside_port\":");
		const char *outside = strstr(line, "\"outside_port\":");
		long who, port;

		assert_true(inside && outside && line[strlen(line) - 1] == '}');
		who = strtol(inside + strlen("\"inside_port\":"), NULL, 10);
		port = strtol(outside + strlen("\"outside_port\":"), NULL, 10);
		assert_in_range(who, 0, THREADS - 1);
		assert_int_equal(port, next[who]++);
	}
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(next[i], PER_THREAD);
	assert_int_equal(lost(), world.lost);
	free(text);
	journal_free(world.journal);
}

/* ---- with a reader who is there, but not always at once ------------------------------ */

static struct {
	pthread_t thread;
	_Atomic bool stop;
	size_t lines;
} reader;

static void *read_lines(void *arg)
{
	struct pollfd ready = { .fd = world.read_fd, .events = POLLIN };
	static char text[4096];

	(void)arg;
	usleep(50000);
	while (poll(&ready, 1, 20) == 1 || !atomic_load(&reader.stop)) {
		ssize_t n = ready.revents ? read(world.read_fd, text, sizeof(text)) : 0;

		for (ssize_t i = 0; i < n; i++)
			reader.lines += text[i] == '\n';
		ready.revents = 0;
	}
	return NULL;
}

static void start_reader(void)
{
	reader.lines = 0;
	atomic_store(&reader.stop, false);
	assert_int_equal(pthread_create(&reader.thread, NULL, read_lines, NULL), 0);
}

static size_t stop_reader(void)
{
	atomic_store(&reader.stop, true);
	pthread_join(reader.thread, NULL);
	return reader.lines;
}

static void record(unsigned int n)
{
	struct bib bib = a_binding();

	for (unsigned int i = 0; i < n; i++)
		journal_binding(world.journal, true, &bib);
}

/* RFC 6888 REQ-12: when all end at once, the ends of all are told. */
static void test_end_of_many(void **state)
{
	(void)state;
	journal_mode(world.journal, CONFIG_FLOW_LOG_BINDINGS);
	record(CELLS / 2);
	start_reader();
	journal_free(world.journal);
	assert_int_equal(stop_reader(), CELLS / 2);
	assert_int_equal(lost(), world.lost);
}

/* A change of more than the ring holds has patience, and it alone. */
static void test_patience(void **state)
{
	(void)state;
	assert_int_equal(journal_start(world.journal, NULL), 0);
	journal_mode(world.journal, CONFIG_FLOW_LOG_BINDINGS);
	start_reader();
	journal_patience(world.journal, true);
	record(CELLS + CELLS / 4);
	journal_patience(world.journal, false);
	journal_free(world.journal);
	assert_int_equal(stop_reader(), CELLS + CELLS / 4);
	assert_int_equal(lost(), world.lost);
}

/* But where nobody reads it soon ends. */
static void test_end_of_patience(void **state)
{
	int64_t begin_ms = loop_now_ms();

	(void)state;
	assert_int_equal(journal_start(world.journal, NULL), 0);
	journal_mode(world.journal, CONFIG_FLOW_LOG_BINDINGS);
	journal_patience(world.journal, true);
	record(4 * CELLS);
	assert_in_range(loop_now_ms() - begin_ms, 100, 900);
	assert_true(lost() - world.lost > 2 * CELLS);
	journal_free(world.journal);
}

/* A log that was switched off while stderr took nothing: what it still had comes later. */
static void test_off_in_a_jam(void **state)
{
	struct bib bib = a_binding();
	size_t n;

	(void)state;
	assert_int_equal(journal_start(world.journal, NULL), 0);
	journal_mode(world.journal, CONFIG_FLOW_LOG_BINDINGS);
	record(2000);
	journal_mode(world.journal, CONFIG_FLOW_LOG_OFF);
	journal_binding(world.journal, true, &bib);
	start_reader();
	usleep(1000000);
	n = stop_reader();
	assert_int_equal(n, 2000);
	journal_free(world.journal);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_off), TEST(test_binding), TEST(test_session), TEST(test_block),
		TEST(test_outside_of_blocks),
		TEST(test_ends), TEST(test_none), TEST(test_full), TEST(test_threads),
		TEST(test_end_of_many), TEST(test_patience), TEST(test_end_of_patience),
		TEST(test_off_in_a_jam),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
