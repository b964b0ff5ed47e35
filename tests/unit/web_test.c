/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ops/web: the listener, asked over real sockets, its documents being this test's. Threads
 * that hang do so because this test lets them: no process can be stopped by the thread.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <errno.h>
#include <event2/event.h>
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "../../core/config.h"
#include "../../core/log.h"
#include "../../core/loop.h"
#include "../../core/stats.h"
#include "../../ops/shared_text.h"
#include "../../ops/gateway.h"
#include "../../ops/web.h"
#include "../../ops/web_server.h"
#include "../../ops/web_sources.h"

static struct loop *main_loop;		/* a thread of its own here, the test being another */
static struct web *web;
static struct config config;
static atomic_uint made;

/* ---- what it gives --------------------------------------------------------------------- */

struct event_base *gateway_base(const struct gateway *gateway)
{
	(void)gateway;
	return loop_base(main_loop);
}

static struct shared_text *make_plain(struct gateway *gateway)
{
	char text[32];

	assert_ptr_equal(gateway, &config);
	snprintf(text, sizeof(text), "plain %u\n", atomic_fetch_add(&made, 1) + 1);
	return shared_text_new(200, text, strlen(text));
}

static struct shared_text *make_open(struct gateway *gateway)
{
	(void)gateway;
	return shared_text_new(200, "open\n", 5);
}

static struct shared_text *make_bad(struct gateway *gateway)
{
	(void)gateway;
	return shared_text_new(503, "no\n", 3);
}

/* There is no memory for the first. */
static struct shared_text *make_lost(struct gateway *gateway)
{
	(void)gateway;
	return atomic_fetch_add(&made, 1) ? shared_text_new(200, "found\n", 6) : NULL;
}

const struct web_source web_sources[] = {
	{ "/doc", true, "application/x-open", STAT_HTTP_METRICS, make_open },
	{ "/doc", false, "text/plain", STAT_HTTP_METRICS, make_plain },
	{ "/bad", false, "text/plain", STAT_HTTP_READYZ, make_bad },
	{ "/lost", false, "text/plain", STAT_HTTP_STATUS, make_lost },
};
const size_t web_n_sources = 4;

const struct web_page web_pages[] = { { "/", "text/html", "default-src 'self'", "<p>", 3 } };
const size_t web_n_pages = 1;

/* ---- asking ----------------------------------------------------------------------------- */

static int connect_to(uint16_t port)
{
	struct timeval patience = { .tv_sec = 30 };
	struct endpoint at = { .addr = addr_from_v4(htonl(INADDR_LOOPBACK)), .port = port };
	struct sockaddr_storage addr;
	socklen_t len = endpoint_to_sockaddr(&at, &addr);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (connect(fd, (struct sockaddr *)&addr, len) == 0)
		return fd;
	close(fd);
	return -errno;
}

/* All that comes until the other side closes */
static void read_all(int fd, char *answer, size_t size)
{
	size_t len = 0;
	ssize_t n;

	while (len < size - 1 && (n = read(fd, answer + len, size - 1 - len)) > 0)
		len += (size_t)n;
	answer[len] = '\0';
	close(fd);
}

static int send_request(const char *request)
{
	int fd = connect_to(config.ops.metrics.port);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, request, strlen(request)), strlen(request));
	return fd;
}

static char answer[4096];

static void ask(const char *request)
{
	read_all(send_request(request), answer, sizeof(answer));
}

static void get(const char *path, const char *more)
{
	char request[256];

	snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: localhost\r\n%s\r\n", path,
		 more);
	ask(request);
}

static void expect_answer(const char *start, const char *end)
{
	if (strncmp(answer, start, strlen(start)) != 0)
		fail_msg("not \"%s\": %s", start, answer);
	assert_true(strlen(answer) >= strlen(end));
	assert_string_equal(answer + strlen(answer) - strlen(end), end);
}

static bool has_field(const char *field)
{
	char line[128];

	snprintf(line, sizeof(line), "\r\n%s\r\n", field);
	return strstr(answer, line) != NULL;
}

static uint64_t counted(enum stat stat)
{
	uint64_t counters[STAT_COUNT];

	stats_sum(counters);
	return counters[stat];
}

/* ---- the threads ------------------------------------------------------------------------- */

static void *run_main(void *arg)
{
	(void)arg;
	assert_int_equal(loop_run(main_loop), 0);
	return NULL;
}

static pthread_t main_thread;
static int hung[2];		/* a byte here: somebody hangs */
static int release[2];		/* ... he goes on */

static void main_runs(void)
{
	assert_int_equal(pthread_create(&main_thread, NULL, run_main, NULL), 0);
}

static void stop_main(evutil_socket_t fd, short what, void *arg)
{
	char byte;

	(void)what;
	(void)arg;
	assert_int_equal(read(fd, &byte, 1), 1);
	event_base_loopbreak(loop_base(main_loop));
}

static void hang(evutil_socket_t fd, short what, void *arg)
{
	char byte;

	(void)fd;
	(void)what;
	(void)arg;
	assert_int_equal(write(hung[1], "x", 1), 1);
	assert_int_equal(read(release[0], &byte, 1), 1);
}

static void wait_until_hung(void)
{
	char byte;

	assert_int_equal(read(hung[0], &byte, 1), 1);
}

/* A port that is free now */
static uint16_t free_port(void)
{
	struct sockaddr_in addr = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t len = sizeof(addr);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&addr, len), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&addr, &len), 0);
	close(fd);
	return ntohs(addr.sin_port);
}

static int stop[2];
static struct event *on_stop;

static int setup(void **state)
{
	(void)state;
	main_loop = loop_new("main");
	assert_int_equal(pipe(stop), 0);
	assert_int_equal(pipe(release), 0);
	assert_int_equal(pipe(hung), 0);
	on_stop = event_new(loop_base(main_loop), stop[0], EV_READ, stop_main, NULL);
	event_add(on_stop, NULL);
	atomic_store(&made, 0);
	config.ops.metrics = (struct endpoint){ addr_from_v4(htonl(INADDR_LOOPBACK)), free_port() };
	web_serve((struct gateway *)&config);
	assert_int_equal(web_new(&web, &config, NULL), 0);
	assert_int_equal(web_start(web, NULL), 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	assert_int_equal(write(stop[1], "x", 1), 1);
	pthread_join(main_thread, NULL);
	web_free(web);
	event_free(on_stop);
	loop_free(main_loop);
	for (int i = 0; i < 2; i++) {
		close(stop[i]);
		close(release[i]);
		close(hung[i]);
	}
	return 0;
}

/* ---- tests ------------------------------------------------------------------------------- */

/* RFC 9110 9.3.1, 9.3.2, 12.5.1, 15.5.5, RFC 9112 9.6: documents by path and Accept, with a
 * status of their own; HEAD says the same, without the content; what is not there */
static void test_documents(void **state)
{
	(void)state;
	main_runs();
	get("/doc", "");
	expect_answer("HTTP/1.1 200 OK\r\n", "\r\n\r\nplain 1\n");
	assert_true(has_field("Content-Type: text/plain"));
	assert_true(has_field("Content-Length: 8"));
	assert_true(has_field("Connection: close"));
	assert_true(has_field("Cache-Control: no-store"));
	get("/doc?x=y", "Accept: application/openmetrics-text\r\n");
	expect_answer("HTTP/1.1 200 OK\r\n", "\r\n\r\nopen\n");
	assert_true(has_field("Content-Type: application/x-open"));
	get("/bad", "");
	expect_answer("HTTP/1.1 503 Service Unavailable\r\n", "\r\n\r\nno\n");
	ask("HEAD /bad HTTP/1.1\r\nHost: localhost\r\n\r\n");
	expect_answer("HTTP/1.1 503 Service Unavailable\r\n", "\r\n\r\n");
	assert_true(has_field("Content-Length: 3"));
	get("/doc/", "");
	expect_answer("HTTP/1.1 404 Not Found\r\n", "not here; there are: /healthz /doc /bad /lost /\n");
	get("/healthz", "");
	expect_answer("HTTP/1.1 200 OK\r\n", "\r\n\r\nok\n");
}

/* However often it is asked for, a document is made once in WEB_FRESH_MS. */
static void test_made_seldom(void **state)
{
	int64_t began_ms = loop_now_ms();
	unsigned int asked;

	(void)state;
	main_runs();
	for (asked = 0; asked < 200; asked++) {
		get("/doc", "");
		expect_answer("HTTP/1.1 200 OK\r\n", "\n");
	}
	assert_true(atomic_load(&made) <=
		    (unsigned int)((loop_now_ms() - began_ms) / WEB_FRESH_MS) + 1);
	assert_true(atomic_load(&made) >= 1);
}

/* Of a worker: how often it has gone to sleep. */
static unsigned long sleeps_of(int thread)
{
	unsigned long n = 0;
	char line[128];
	FILE *file;

	snprintf(line, sizeof(line), "/proc/self/task/%d/status", thread);
	file = fopen(line, "re");
	assert_non_null(file);
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "voluntary_ctxt_switches: %lu", &n) == 1)
			break;
	fclose(file);
	return n;
}

static void tell_thread(evutil_socket_t fd, short what, void *thread)
{
	(void)fd;
	(void)what;
	atomic_store((atomic_int *)thread, gettid());
	assert_int_equal(write(hung[1], "x", 1), 1);
}

/* Nor are the threads woken more often for /healthz. */
static void test_pinged_seldom(void **state)
{
	enum { MANY = 400 };
	struct loop *worker = loop_new("dns64/7");
	int64_t began_ms = loop_now_ms();
	struct timeval now = { 0 };
	unsigned long before, rounds;
	atomic_int thread;

	(void)state;
	main_runs();
	event_base_once(loop_base(worker), -1, EV_TIMEOUT, tell_thread, &thread, &now);
	assert_int_equal(loop_start(worker, NULL), 0);
	wait_until_hung();
	before = sleeps_of(atomic_load(&thread));
	for (int i = 0; i < MANY; i++) {
		get("/healthz", "");
		expect_answer("HTTP/1.1 200 OK\r\n", "ok\n");
	}
	rounds = (unsigned long)((loop_now_ms() - began_ms) / WEB_FRESH_MS) + 2;
	/* (It sleeps a few times of its own accord, too.) */
	assert_true(sleeps_of(atomic_load(&thread)) - before <= 2 * rounds + 20);
	loop_free(worker);
}

/* A document that could not be made: who asked is told so; whoever asks then gets it, and so
 * does who came meanwhile, though others wait for it already. */
static void test_lost(void **state)
{
	struct timeval now = { 0 };
	int fds[20];

	(void)state;
	event_base_once(loop_base(main_loop), -1, EV_TIMEOUT, hang, NULL, &now);
	main_runs();
	wait_until_hung();
	for (int i = 0; i < 20; i++)
		fds[i] = send_request("GET /lost HTTP/1.1\r\nHost: localhost\r\n\r\n");
	assert_int_equal(write(release[1], "x", 1), 1);
	read_all(fds[0], answer, sizeof(answer));
	expect_answer("HTTP/1.1 503 Service Unavailable\r\n", "\r\n\r\nout of memory\n");
	for (int i = 1; i < 20; i++) {
		read_all(fds[i], answer, sizeof(answer));
		if (strstr(answer, "found") == NULL)
			expect_answer("HTTP/1.1 503 ", "\r\n\r\nout of memory\n");
	}
	get("/lost", "");
	expect_answer("HTTP/1.1 200 OK\r\n", "found\n");
}

/* RFC 9110 8.8.3, 13.1.2, 15.4.5: a page is not sent again to who has it. */
static void test_pages(void **state)
{
	char *tag, match[128];

	(void)state;
	main_runs();
	get("/", "");
	expect_answer("HTTP/1.1 200 OK\r\n", "\r\n\r\n<p>");
	assert_true(has_field("Content-Security-Policy: default-src 'self'"));
	assert_true(has_field("Cache-Control: no-cache"));
	tag = strstr(answer, "ETag: ");
	assert_non_null(tag);
	snprintf(match, sizeof(match), "If-None-Match: \"old\", %.*s\r\n",
		 (int)strcspn(tag + 6, "\r"), tag + 6);
	get("/", match);
	expect_answer("HTTP/1.1 304 Not Modified\r\n", "\r\n\r\n");
	assert_null(strstr(answer, "Content-"  "Length"));
	get("/", "If-None-Match: \"old\"\r\n");
	expect_answer("HTTP/1.1 200 OK\r\n", "<p>");
}

/* A main thread that hangs: who asks for a document is told, in a while; who asks for signs of
 * life, too; pages do not need it. */
static void test_main_hangs(void **state)
{
	uint64_t before = counted(STAT_HTTP_REFUSED_UNANSWERED);
	struct timeval now = { 0 };
	int document, health;

	(void)state;
	event_base_once(loop_base(main_loop), -1, EV_TIMEOUT, hang, NULL, &now);
	main_runs();
	wait_until_hung();
	document = send_request("GET /doc HTTP/1.1\r\nHost: localhost\r\n\r\n");
	health = send_request("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
	get("/", "");
	expect_answer("HTTP/1.1 200 OK\r\n", "<p>");
	read_all(document, answer, sizeof(answer));
	expect_answer("HTTP/1.1 503 Service Unavailable\r\n",
		      "\r\n\r\nthe main thread does not answer\n");
	read_all(health, answer, sizeof(answer));
	expect_answer("HTTP/1.1 503 Service Unavailable\r\n",
		      "\r\n\r\nno sign of life for 2 s: main\n");
	assert_int_equal(counted(STAT_HTTP_REFUSED_UNANSWERED), before + 2);
	assert_int_equal(write(release[1], "x", 1), 1);
	get("/doc", "");
	expect_answer("HTTP/1.1 200 OK\r\n", "\n");
	get("/healthz", "");
	expect_answer("HTTP/1.1 200 OK\r\n", "ok\n");
}

/* A worker that hangs is named; nobody else's requests suffer. */
static void test_worker_hangs(void **state)
{
	struct loop *worker = loop_new("dns64/7");
	struct timeval now = { 0 };
	int health;

	(void)state;
	main_runs();
	event_base_once(loop_base(worker), -1, EV_TIMEOUT, hang, NULL, &now);
	assert_int_equal(loop_start(worker, NULL), 0);
	wait_until_hung();
	health = send_request("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
	get("/doc", "");
	expect_answer("HTTP/1.1 200 OK\r\n", "\n");
	read_all(health, answer, sizeof(answer));
	expect_answer("HTTP/1.1 503 ", "no sign of life for 2 s: dns64/7\n");
	assert_int_equal(write(release[1], "x", 1), 1);
	get("/healthz", "");
	expect_answer("HTTP/1.1 200 OK\r\n", "ok\n");
	loop_free(worker);
}

/* RFC 9110 15.5.20: a name that is not this host's, though it led here */
static void test_hosts(void **state)
{
	static const char *const good[] = { "127.0.0.1", "[::1]:80", "LOCALHOST:1", "a.localhost", "" };
	char request[256], name[65] = "";

	(void)state;
	main_runs();
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		snprintf(request, sizeof(request), "GET / HTTP/1.1\r\nHost: %s\r\n\r\n", good[i]);
		ask(request);
		expect_answer("HTTP/1.1 200 OK\r\n", "<p>");
	}
	assert_int_equal(gethostname(name, sizeof(name) - 1), 0);
	snprintf(request, sizeof(request), "GET / HTTP/1.1\r\nHost: %s:9464\r\n\r\n", name);
	ask(request);
	expect_answer("HTTP/1.1 200 OK\r\n", "<p>");
	snprintf(request, sizeof(request), "GET / HTTP/1.1\r\nHost: %s.attacker.example\r\n\r\n",
		 name);
	ask(request);
	expect_answer("HTTP/1.1 421 Misdirected Request\r\n", "\n");
	ask("GET / HTTP/1.1\r\nHost: attacker.example\r\n\r\n");
	expect_answer("HTTP/1.1 421 Misdirected Request\r\n", "\n");
	ask("GET / HTTP/1.1\r\nHost: .localhost\r\n\r\n");
	expect_answer("HTTP/1.1 421 Misdirected Request\r\n", "\n");
}

/* A reload: to another port, to all addresses at the same, to one that is taken */
static void test_moves(void **state)
{
	uint16_t first = config.ops.metrics.port, second;
	struct endpoint taken;
	int waits, holder;

	(void)state;
	main_runs();
	waits = send_request("GET /doc HTTP/1.1\r\nHost: localhost\r\n");
	config.ops.metrics.port = second = free_port();
	assert_int_equal(web_reconfigure(web, &config, NULL), 0);
	assert_int_equal(connect_to(first), -ECONNREFUSED);
	get("/", "");
	expect_answer("HTTP/1.1 200 OK\r\n", "<p>");
	/* What had begun goes on. */
	assert_int_equal(write(waits, "\r\n", 2), 2);
	read_all(waits, answer, sizeof(answer));
	expect_answer("HTTP/1.1 200 OK\r\n", "\n");

	config.ops.metrics.addr = addr_from_v4(0);
	assert_int_equal(web_reconfigure(web, &config, NULL), 0);
	get("/", "");
	expect_answer("HTTP/1.1 200 OK\r\n", "<p>");
	/* RFC 9110 15.5.20: a stranger's name may lead to any of them. */
	ask("GET / HTTP/1.1\r\nHost: attacker.example\r\n\r\n");
	expect_answer("HTTP/1.1 421 Misdirected Request\r\n", "\n");
	ask("GET / HTTP/1.1\r\nHost: 198.51.100.1\r\n\r\n");
	expect_answer("HTTP/1.1 200 OK\r\n", "<p>");

	holder = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	taken = (struct endpoint){ addr_from_v4(htonl(INADDR_LOOPBACK)), free_port() };
	{
		struct sockaddr_storage addr;
		socklen_t len = endpoint_to_sockaddr(&taken, &addr);

		assert_int_equal(bind(holder, (struct sockaddr *)&addr, len), 0);
		assert_int_equal(listen(holder, 1), 0);
	}
	config.ops.metrics = taken;
	assert_int_equal(web_reconfigure(web, &config, NULL), -EADDRINUSE);
	config.ops.metrics.port = second;
	get("/", "");
	expect_answer("HTTP/1.1 200 OK\r\n", "<p>");
	close(holder);
}

/* RFC 9110 15.5.16, 15.5.15, RFC 6585 5, RFC 9112 2.2: what is too long; an empty line first */
static void test_sizes(void **state)
{
	static char request[2 * WEB_HEAD_MAX];

	(void)state;
	main_runs();
	ask("\r\nGET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
	expect_answer("HTTP/1.1 200 OK\r\n", "<p>");
	memset(request, 'x', sizeof(request) - 1);
	memcpy(request, "GET /", 5);
	ask(request);
	expect_answer("HTTP/1.1 414 URI Too Long\r\n", "\n");
	memcpy(request, "GET / HTTP/1.1\r\n", 16);
	ask(request);
	expect_answer("HTTP/1.1 431 Request Header Fields Too Large\r\n", "\n");
	ask("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\nbody");
	expect_answer("HTTP/1.1 405 Method Not Allowed\r\n", "\n");
	assert_true(has_field("Allow: GET, HEAD"));
}

/* More connections than there may be, none of which says anything, keep nobody out: the oldest
 * of them give way. */
static void test_gives_way(void **state)
{
	enum { MANY = WEB_CALLS_MAX + 20 };
	uint64_t before = counted(STAT_HTTP_REFUSED_GAVE_WAY) + counted(STAT_HTTP_REFUSED_TIMEOUT);
	int fds[MANY];
	char byte;

	(void)state;
	main_runs();
	for (int i = 0; i < MANY; i++) {
		fds[i] = connect_to(config.ops.metrics.port);
		assert_true(fds[i] >= 0);
	}
	get("/doc", "");
	expect_answer("HTTP/1.1 200 OK\r\n", "\n");
	assert_int_equal(read(fds[0], &byte, 1), 0);
	/* On a machine that is slow enough, some have had their time. */
	assert_true(counted(STAT_HTTP_REFUSED_GAVE_WAY) + counted(STAT_HTTP_REFUSED_TIMEOUT) -
		    before >= MANY + 1 - WEB_CALLS_MAX);
	for (int i = 0; i < MANY; i++)
		close(fds[i]);
}

/* RFC 9110 15.5.9: a request that trickles in is cut short at WEB_READ_MS, however it trickles. */
static void test_trickles(void **state)
{
	int fd = send_request("GET / HTTP/1.1\r\n");
	int64_t began_ms = loop_now_ms();

	(void)state;
	main_runs();
	while (send(fd, "x", 1, MSG_NOSIGNAL) == 1 && loop_now_ms() - began_ms < 30000) {
		char byte;

		if (recv(fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK) == 1)
			break;
		usleep(50000);
	}
	read_all(fd, answer, sizeof(answer));
	expect_answer("HTTP/1.1 408 Request Timeout\r\n", "\n");
}

#define LIFE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		LIFE(test_documents),
		LIFE(test_made_seldom),
		LIFE(test_pinged_seldom),
		LIFE(test_lost),
		LIFE(test_pages),
		LIFE(test_main_hangs),
		LIFE(test_worker_hangs),
		LIFE(test_hosts),
		LIFE(test_moves),
		LIFE(test_sizes),
		LIFE(test_gives_way),
		LIFE(test_trickles),
	};

	log_setup(LOG_LEVEL_ERROR, LOG_FORMAT_TEXT);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
