/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The control socket: framing, bounds, who may ask, and who owns the path. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <json-c/json.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <event2/event.h>

#include "../../core/loop.h"
#include "../../ops/client.h"
#include "../../ops/control.h"

enum {
	IDLE_MS = 400,	/* more than a busy machine stands still for */
	STRANGER = 65534,	/* a user, and group, that nobody gave anything */
	PUMPS_MAX = 400,	/* of 5 ms each */
};

static char folder[] = "/tmp/control_test.XXXXXX";
static char path[128];		/* in a directory that control has to make */
static struct event_base *base;
static struct control *control;
static unsigned int answered, cancelled;
static struct control_call *call;	/* of the last "later" */

static void count_cancel(void *arg)
{
	assert_ptr_equal(arg, &cancelled);
	cancelled++;
}

/* {"echo": X} is answered by X, {"later": any} when the test says so. */
static struct json_object *echo(void *arg, struct control *asked, struct json_object *request)
{
	struct json_object *what = NULL;

	assert_ptr_equal(arg, &answered);
	answered++;
	if (json_object_object_get_ex(request, "later", &what)) {
		call = control_later(asked, count_cancel, &cancelled);
		assert_non_null(call);
		return NULL;
	}
	json_object_object_get_ex(request, "echo", &what);
	return json_object_get(what);
}

static int open_control(struct control **out)
{
	int err = control_prepare(path, "root");

	return err ? err : control_open(out, base, path, IDLE_MS, echo, &answered);
}

static int setup(void **state)
{
	(void)state;
	strcpy(folder + strlen(folder) - 6, "XXXXXX");
	assert_non_null(mkdtemp(folder));
	assert_int_equal(chmod(folder, 0755), 0);
	snprintf(path, sizeof(path), "%s/run/control.sock", folder);
	answered = cancelled = 0;
	base = event_base_new();
	assert_non_null(base);
	assert_int_equal(open_control(&control), 0);
	return 0;
}

static int teardown(void **state)
{
	char directory[sizeof(path)];

	(void)state;
	control_close(control);
	event_base_free(base);
	snprintf(directory, sizeof(directory), "%s/run", folder);
	unlink(path);
	assert_int_equal(rmdir(directory), 0);
	assert_int_equal(rmdir(folder), 0);
	return 0;
}

static int join(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	memcpy(address.sun_path, path, sizeof(address.sun_path));
	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static void say(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

static void pump(void)
{
	event_base_loop(base, EVLOOP_NONBLOCK);
	usleep(5000);
}

/* Let control work until @fd has said @want, and no more than that. */
static void expect(int fd, const char *want)
{
	char got[1024] = "";
	size_t len = 0;

	for (int i = 0; i < PUMPS_MAX && len < strlen(want); i++) {
		ssize_t n;

		pump();
		n = recv(fd, got + len, sizeof(got) - 1 - len, 0);
		if (n == 0)
			break;
		len += n > 0 ? (size_t)n : 0;
	}
	got[len] = '\0';
	assert_string_equal(got, want);
}

/* Let control work until it has closed @fd. */
static void expect_closed(int fd)
{
	char c;

	for (int i = 0; i < PUMPS_MAX; i++) {
		ssize_t n;

		pump();
		n = recv(fd, &c, 1, 0);
		if (n == 0 || (n < 0 && errno == ECONNRESET)) {
			close(fd);
			return;
		}
		assert_int_equal(n, -1);
		assert_int_equal(errno, EAGAIN);
	}
	fail_msg("it is still open");
}

static void answers_line_by_line(void **state)
{
	int fd = join();

	(void)state;
	say(fd, "{\"echo\":{\"a\":[1,\"x\"]}}\n");
	expect(fd, "{\"a\":[1,\"x\"]}\n");
	say(fd, "{\"echo\":2}\n");
	expect(fd, "2\n");
	close(fd);
}

static void takes_a_line_in_pieces(void **state)
{
	const char *line = "{\"echo\":3}\n";
	int fd = join();

	(void)state;
	for (const char *at = line; *at; at++) {
		assert_int_equal(answered, 0);
		assert_int_equal(send(fd, at, 1, 0), 1);
		pump();
	}
	expect(fd, "3\n");
	close(fd);
}

/* Asked all at once, and then the client's side is shut down: all is answered. */
static void answers_before_it_closes(void **state)
{
	int fd = join();

	(void)state;
	say(fd, "{\"echo\":1}\n{\"echo\":2}\n{\"echo\":3}\n");
	assert_int_equal(shutdown(fd, SHUT_WR), 0);
	expect(fd, "1\n2\n3\n");
	expect_closed(fd);
}

/* An answer that takes longer than a client may be idle; what was asked after it waits. */
static void answers_later(void **state)
{
	int fd = join(), other = join();

	(void)state;
	say(fd, "{\"later\":1}\n{\"echo\":2}\n");
	for (int waited_ms = 0; waited_ms < 3 * IDLE_MS; waited_ms += 5)
		pump();
	assert_int_equal(answered, 1);
	close(other);
	other = join();
	say(other, "{\"echo\":3}\n");
	expect(other, "3\n");
	control_reply(call, json_object_new_int(1));
	expect(fd, "1\n2\n");
	assert_int_equal(cancelled, 0);
	close(other);
	close(fd);
}

static void cancels_what_is_not_answered_at_the_end(void **state)
{
	int fd = join();

	(void)state;
	say(fd, "{\"later\":1}\n");
	while (answered == 0)
		pump();
	control_close(control);
	control = NULL;
	assert_int_equal(cancelled, 1);
	close(fd);
}

/* NULL stands for "out of memory", later as well as at once. */
static void cuts_off_whom_it_cannot_answer(void **state)
{
	int fd = join();

	(void)state;
	say(fd, "{\"later\":1}\n");
	while (answered == 0)
		pump();
	control_reply(call, NULL);
	expect_closed(fd);
	assert_int_equal(cancelled, 0);
}

static void refuses_what_is_no_request(void **state)
{
	static const char *const lines[] = {
		"", "{", "7", "[]", "\"status\"", "{} {}", "{}}", "{\"a\":01}",
		"{\"a\":[[[[[[[[[1]]]]]]]]]}",	/* too deep */
	};
	int fd = join();

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		static const char start[] = "{\"error\":";
		char got[256];
		ssize_t n = -1;

		say(fd, lines[i]);
		say(fd, "\n");
		for (int pumps = 0; n <= 0 && pumps < PUMPS_MAX; pumps++) {
			pump();
			n = recv(fd, got, sizeof(got), 0);
		}
		if (n < (ssize_t)sizeof(start) || memcmp(got, start, sizeof(start) - 1) != 0)
			fail_msg("'%s' gave '%.*s'", lines[i], (int)n, got);
	}
	assert_int_equal(answered, 0);
	say(fd, "{\"echo\":1}\n");
	expect(fd, "1\n");
	close(fd);
}

static void bounds_the_line(void **state)
{
	char line[CONTROL_LINE_MAX + 1];
	int fd = join();

	(void)state;
	/* The longest that is allowed */
	memset(line, ' ', sizeof(line));
	memcpy(line, "{\"echo\":1}", 10);
	line[CONTROL_LINE_MAX - 1] = '\n';
	line[CONTROL_LINE_MAX] = '\0';
	say(fd, line);
	expect(fd, "1\n");

	line[CONTROL_LINE_MAX - 1] = ' ';
	say(fd, line);
	expect(fd, "{\"error\":\"the request is too long\"}\n");
	expect_closed(fd);
	assert_int_equal(answered, 1);
}

static void closes_the_idle(void **state)
{
	int silent = join(), half = join();

	(void)state;
	say(half, "{\"echo\"");
	expect_closed(silent);
	expect_closed(half);
}

static void bounds_the_clients(void **state)
{
	int fds[CONTROL_CLIENTS_MAX];
	int one_more;

	(void)state;
	for (int i = 0; i < CONTROL_CLIENTS_MAX; i++) {
		fds[i] = join();
		say(fds[i], "{\"echo\":1}\n");
		expect(fds[i], "1\n");
	}
	one_more = join();
	say(one_more, "{\"echo\":1}\n");
	expect(one_more, "{\"error\":\"too many ask at once\"}\n");
	expect_closed(one_more);
	close(fds[0]);
	pump();
	fds[0] = join();
	say(fds[0], "{\"echo\":2}\n");
	expect(fds[0], "2\n");
	for (int i = 0; i < CONTROL_CLIENTS_MAX; i++)
		close(fds[i]);
}

static void makes_a_directory_and_socket_for_few(void **state)
{
	char directory[sizeof(path)];
	struct stat st;

	(void)state;
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0660);
	snprintf(directory, sizeof(directory), "%s/run", folder);
	assert_int_equal(stat(directory, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0750);
}

static void refuses_a_second_gateway(void **state)
{
	struct control *second = NULL;
	int fd;

	(void)state;
	assert_int_equal(open_control(&second), -EADDRINUSE);
	assert_null(second);
	/* ... and the first one is none the worse. */
	fd = join();
	say(fd, "{\"echo\":1}\n");
	expect(fd, "1\n");
	close(fd);
}

/* After a SIGKILL the socket's name is there still, and nobody behind it. */
static void replaces_a_stale_socket(void **state)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)state;
	control_close(control);
	control = NULL;
	assert_int_equal(access(path, F_OK), -1);
	memcpy(address.sun_path, path, sizeof(address.sun_path));
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	close(fd);
	assert_int_equal(access(path, F_OK), 0);

	assert_int_equal(open_control(&control), 0);
	fd = join();
	say(fd, "{\"echo\":1}\n");
	expect(fd, "1\n");
	close(fd);
}

static void leaves_a_file_that_is_no_socket(void **state)
{
	struct control *never = NULL;
	int fd;

	(void)state;
	control_close(control);
	control = NULL;
	fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	close(fd);
	assert_true(open_control(&never) < 0);
	assert_int_equal(access(path, F_OK), 0);
}

/* Become a stranger and connect. Return: 0 when cut off unheard. */
static int as_stranger(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	char c;

	if (setgroups(0, NULL) < 0 || setgid(STRANGER) < 0 || setuid(STRANGER) < 0)
		return 2;
	memcpy(address.sun_path, path, sizeof(address.sun_path));
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return 3;
	return recv(fd, &c, 1, 0) > 0;
}

static void cuts_strangers_off(void **state)
{
	char directory[sizeof(path)];
	int status = -1;
	pid_t child;

	(void)state;
	if (geteuid() != 0)
		skip();
	/* Even where the file's mode would let them in */
	snprintf(directory, sizeof(directory), "%s/run", folder);
	assert_int_equal(chmod(directory, 0755), 0);
	assert_int_equal(chmod(path, 0666), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0)
		_exit(as_stranger());
	for (int i = 0; i < PUMPS_MAX && waitpid(child, &status, WNOHANG) == 0; i++)
		pump();
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

/* {"command":"flows","cursor":7}; caller puts it. */
static struct json_object *a_request(void)
{
	return json_tokener_parse("{\"command\":\"flows\",\"cursor\":7}");
}

static void *ask_in_thread(void *arg)
{
	struct json_object *request = a_request(), *reply = NULL;

	if (client_ask(path, request, CLIENT_TIMEOUT_MS, &reply) == 0)
		*(struct json_object **)arg = reply;
	json_object_put(request);
	return NULL;
}

static struct json_object *big_answer(void *arg, struct control *asked,
				       struct json_object *request)
{
	struct json_object *reply = json_object_get(request);
	char *text = malloc(100001);

	(void)arg;
	(void)asked;
	assert_non_null(text);
	memset(text, 'x', 100000);
	text[100000] = '\0';
	json_object_object_add(reply, "text", json_object_new_string(text));
	free(text);
	return reply;
}

static void nothing(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
}

/* Without descriptors a client waits, and control does not run in circles meanwhile. */
static void rests_without_descriptors(void **state)
{
	struct timeval tick = { .tv_usec = 20000 };
	struct event *ticks = event_new(base, -1, EV_PERSIST, nothing, NULL);
	unsigned int turns = 0;
	struct rlimit was, few;
	int64_t begin_ms;
	int fd = join();

	(void)state;
	event_add(ticks, &tick);
	say(fd, "{\"echo\":1}\n");
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &was), 0);
	few = (struct rlimit){ (rlim_t)fd + 1, was.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	for (begin_ms = loop_now_ms(); loop_now_ms() - begin_ms < 300; turns++)
		event_base_loop(base, EVLOOP_ONCE);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &was), 0);
	event_free(ticks);
	assert_in_range(turns, 1, 50);
	expect(fd, "1\n");
	close(fd);
}

/* client_ask() against the real thing, with a reply larger than any buffer. */
static void client_asks_and_hears(void **state)
{
	struct json_object *reply = NULL, *command, *cursor, *text;
	pthread_t thread;

	(void)state;
	control_close(control);
	control = NULL;
	assert_int_equal(control_open(&control, base, path, 5000, big_answer, NULL), 0);
	assert_int_equal(pthread_create(&thread, NULL, ask_in_thread, &reply), 0);
	for (int i = 0; i < PUMPS_MAX && pthread_tryjoin_np(thread, NULL) == EBUSY; i++)
		pump();
	assert_non_null(reply);
	assert_true(json_object_object_get_ex(reply, "command", &command));
	assert_string_equal(json_object_get_string(command), "flows");
	assert_true(json_object_object_get_ex(reply, "cursor", &cursor));
	assert_int_equal(json_object_get_int(cursor), 7);
	assert_true(json_object_object_get_ex(reply, "text", &text));
	assert_int_equal(json_object_get_string_len(text), 100000);
	json_object_put(reply);
}

static struct json_object *huge_answer(void *arg, struct control *asked,
				       struct json_object *request)
{
	struct json_object *reply;
	char *text = malloc(1000000);

	(void)arg;
	(void)asked;
	(void)request;
	assert_non_null(text);
	memset(text, 'x', 1000000);
	reply = json_object_new_string_len(text, 1000000);
	free(text);
	return reply;
}

/* A client is idle who does not read, not who reads slowly. */
static void waits_for_who_reads_slowly(void **state)
{
	static char part[20000];
	size_t len = 0;
	int fd;

	(void)state;
	control_close(control);
	control = NULL;
	assert_int_equal(control_open(&control, base, path, IDLE_MS, huge_answer, NULL), 0);
	fd = join();
	say(fd, "{}\n");
	for (int i = 0; i < PUMPS_MAX && len < 1000003; i++) {
		ssize_t n;

		pump();
		n = recv(fd, part, sizeof(part), 0);
		if (n == 0)
			break;
		len += n > 0 ? (size_t)n : 0;
	}
	assert_int_equal(len, 1000003);		/* with quotes and newline */
	expect_closed(fd);
}

static void *ask_a_stuck_one(void *arg)
{
	struct json_object *request = a_request(), *reply = NULL;

	*(int *)arg = client_ask(path, request, 300, &reply);
	json_object_put(request);
	return NULL;
}

/* A socket of the test's own in the gateway's place */
static int listen_instead(int backlog)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	control_close(control);
	control = NULL;
	memcpy(address.sun_path, path, sizeof(address.sun_path));
	assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(listener, backlog), 0);
	return listener;
}

/* A gateway that is stuck: who asks gives up, even where so many have asked before him that
 * he is not let in to wait. */
static void client_gives_up(void **state)
{
	int listener, before, err = 0;
	struct timespec end;
	pthread_t thread;

	(void)state;
	listener = listen_instead(0);
	before = join();
	assert_int_equal(pthread_create(&thread, NULL, ask_a_stuck_one, &err), 0);
	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_sec += 3;
	assert_int_equal(pthread_timedjoin_np(thread, NULL, &end), 0);
	assert_int_equal(err, -ETIMEDOUT);
	close(before);
	close(listener);
}

static void *ask_at_length(void *arg)
{
	struct json_object *request = huge_answer(NULL, NULL, NULL), *reply = NULL;

	if (client_ask(path, request, CLIENT_TIMEOUT_MS, &reply) == 0)
		*(struct json_object **)arg = reply;
	json_object_put(request);
	return NULL;
}

/* A gateway that answers and hangs up before it has been asked to the end */
static void client_hears_why(void **state)
{
	int listener, fd;
	struct json_object *reply = NULL, *why;
	pthread_t thread;

	(void)state;
	listener = listen_instead(1);
	assert_int_equal(pthread_create(&thread, NULL, ask_at_length, &reply), 0);
	fd = accept(listener, NULL, NULL);
	assert_true(fd >= 0);
	usleep(20000);
	say(fd, "{\"error\":\"not now\"}\n");
	close(fd);
	pthread_join(thread, NULL);
	close(listener);
	assert_non_null(reply);
	assert_true(json_object_object_get_ex(reply, "error", &why));
	assert_string_equal(json_object_get_string(why), "not now");
	json_object_put(reply);
}

static void client_says_that_nobody_is_there(void **state)
{
	struct json_object *request = a_request(), *reply = NULL;

	(void)state;
	control_close(control);
	control = NULL;
	assert_int_equal(client_ask(path, request, CLIENT_TIMEOUT_MS, &reply), -ENOENT);
	json_object_put(request);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(answers_line_by_line),
		TEST(takes_a_line_in_pieces),
		TEST(answers_before_it_closes),
		TEST(answers_later),
		TEST(cancels_what_is_not_answered_at_the_end),
		TEST(cuts_off_whom_it_cannot_answer),
		TEST(refuses_what_is_no_request),
		TEST(bounds_the_line),
		TEST(closes_the_idle),
		TEST(bounds_the_clients),
		TEST(makes_a_directory_and_socket_for_few),
		TEST(refuses_a_second_gateway),
		TEST(replaces_a_stale_socket),
		TEST(leaves_a_file_that_is_no_socket),
		TEST(cuts_strangers_off),
		TEST(rests_without_descriptors),
		TEST(waits_for_who_reads_slowly),
		TEST(client_asks_and_hears),
		TEST(client_gives_up),
		TEST(client_hears_why),
		TEST(client_says_that_nobody_is_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
