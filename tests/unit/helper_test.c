/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Programs of the host, run by another process: what it is asked, what it says, how it ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../ops/helper.h"
#include "../../ops/tool.h"

static char said[512];

/* Of ours, and it changes nothing */
static const char nothing[] = "*raw\nCOMMIT\n";

static int run4(const char *input)
{
	said[0] = '\0';
	return helper_run(HELPER_IPTABLES_RESTORE, input, said, sizeof(said));
}

/* A jump is to be deleted that is not there: the tool fails with words, whoever runs it. */
static void check_a_failure(void)
{
	assert_int_equal(run4("*raw\n-D PREROUTING -j GATE64-PRE\nCOMMIT\n"), -EPROTO);
	assert_string_not_equal(said, "");
	assert_null(strstr(said, "helper"));
}

/* What gate64 would not write is not run. */
static void check_a_refusal(void)
{
	assert_int_equal(run4("*raw\n-A PREROUTING -j DROP\nCOMMIT\n"), -EPERM);
	assert_non_null(strstr(said, "line 2 "));
}

/* Return: how many children we have. */
static int children(void)
{
	char path[64];
	int n = 0, pid;
	FILE *in;

	snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
	in = fopen(path, "r");
	while (in && fscanf(in, "%d", &pid) == 1)
		n++;
	if (in)
		fclose(in);
	return n;
}

static int only_child(void)
{
	char path[64];
	int pid = 0;
	FILE *in;

	snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
	in = fopen(path, "r");
	assert_non_null(in);
	assert_int_equal(fscanf(in, "%d", &pid), 1);
	fclose(in);
	return pid;
}

/* Return: how many descriptors the helper has. */
static int open_there(void)
{
	char path[64];
	DIR *folder;
	int n = 0;

	snprintf(path, sizeof(path), "/proc/%d/fd", only_child());
	folder = opendir(path);
	assert_non_null(folder);
	for (struct dirent *entry; (entry = readdir(folder));)
		n += entry->d_name[0] != '.';
	closedir(folder);
	return n;
}

/* Without a helper we run it ourselves; with one it does, again and again. */
static void test_runs(void **state)
{
	(void)state;
	assert_int_equal(run4(nothing), 0);
	check_a_failure();
	check_a_refusal();
	assert_int_equal(helper_start(), 0);
	assert_int_equal(children(), 1);
	for (int i = 0; i < 3; i++) {
		check_a_failure();
		check_a_refusal();
		assert_int_equal(helper_run(HELPER_IP6TABLES_RESTORE, nothing, said,
					    sizeof(said)), 0);
		assert_string_equal(said, "");
	}
	helper_stop();
	assert_int_equal(children(), 0);
}

/* Signals by which a service manager stops all processes of a service leave it there. */
static void test_a_stop_is_not_for_it(void **state)
{
	(void)state;
	assert_int_equal(helper_start(), 0);
	check_a_failure();
	kill(only_child(), SIGTERM);
	kill(only_child(), SIGHUP);
	check_a_failure();
	helper_stop();
}

/* It keeps nothing open but its own. */
static void test_it_inherits_nothing(void **state)
{
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(helper_start(), 0);
	check_a_failure();
	/* standard ones, the log's way to the last of them, and the socket */
	assert_in_range(open_there(), 1, 5);
	helper_stop();
	close(ends[0]);
	close(ends[1]);
}

/* ---- somebody else who has the socket ---------------------------------------------------- */

/* Start a helper. Return: our end, which gets the lowest number that is free. */
static int start_and_find(void)
{
	int fd = dup(STDERR_FILENO);

	close(fd);
	assert_int_equal(helper_start(), 0);
	return fd;
}

/* Send a request of @len bytes and some descriptors. Return: how the reply says it ended. */
static int say(int fd, uint32_t program, size_t len, const int *fds, size_t n)
{
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(8 * sizeof(int))];
	} control = { .align = {
		.cmsg_level = SOL_SOCKET,
		.cmsg_type = SCM_RIGHTS,
		.cmsg_len = CMSG_LEN(n * sizeof(int)),
	} };
	uint32_t request[2] = { program, 0 };
	struct iovec iov = { request, len };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = n ? &control : NULL,
		.msg_controllen = n ? CMSG_SPACE(n * sizeof(int)) : 0,
	};
	struct {
		int32_t err;
		char said[1024];
	} reply;

	if (n)
		memcpy(CMSG_DATA(&control.align), fds, n * sizeof(int));
	assert_int_equal(sendmsg(fd, &msg, 0), len);
	assert_int_equal(recv(fd, &reply, sizeof(reply), 0), sizeof(reply));
	return reply.err;
}

/* What is no request is refused, and nothing of it kept: no descriptor, two of them (CMSG_SPACE()
 * of one leaves room for two), one that may change or be waited for, a program that is none. */
static void test_what_is_no_request(void **state)
{
	int fd, sealed = tool_input(nothing), files[2], open_before;

	(void)state;
	assert_true(sealed >= 0);
	fd = start_and_find();
	assert_int_equal(say(fd, 0, 4, &sealed, 1), 0);
	open_before = open_there();
	for (size_t n = 2; n <= 8; n++) {
		const int many[8] = { sealed, sealed, sealed, sealed, sealed, sealed, sealed, sealed };

		assert_int_equal(say(fd, 0, 4, many, n), -EPERM);
	}
	assert_int_equal(say(fd, 0, 4, NULL, 0), -EPERM);
	assert_int_equal(say(fd, 0, 8, &sealed, 1), -EPERM);
	assert_int_equal(say(fd, 0, 1, &sealed, 1), -EPERM);
	assert_int_equal(say(fd, HELPER_PROGRAMS, 4, &sealed, 1), -EPERM);
	assert_int_equal(say(fd, UINT32_MAX, 4, &sealed, 1), -EPERM);
	assert_int_equal(pipe(files), 0);
	assert_int_equal(say(fd, 0, 4, &files[0], 1), -EPERM);
	close(files[0]);
	close(files[1]);
	files[0] = memfd_create("x", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	assert_int_equal(write(files[0], nothing, strlen(nothing)), strlen(nothing));
	assert_int_equal(say(fd, 0, 4, &files[0], 1), -EPERM);
	assert_int_equal(fcntl(files[0], F_ADD_SEALS, F_SEAL_WRITE), 0);
	assert_int_equal(say(fd, 0, 4, &files[0], 1), -EPERM);
	close(files[0]);
	assert_int_equal(open_there(), open_before);
	assert_int_equal(say(fd, 0, 4, &sealed, 1), 0);
	helper_stop();
	close(sealed);
}

/* Text of others, and what follows a zero byte, is not run. */
static void test_texts_of_others(void **state)
{
	static const char behind[] = "*raw\nCOMMIT\n\0*filter\n-P INPUT ACCEPT\nCOMMIT\n";
	int fd, in = tool_input("*filter\n-P INPUT ACCEPT\nCOMMIT\n");

	(void)state;
	fd = start_and_find();
	assert_int_equal(say(fd, 0, 4, &in, 1), -EPERM);
	close(in);
	in = memfd_create("x", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	assert_int_equal(write(in, behind, sizeof(behind)), sizeof(behind));
	assert_int_equal(fcntl(in, F_ADD_SEALS, TOOL_INPUT_SEALS), 0);
	assert_int_equal(say(fd, 0, 4, &in, 1), -EPERM);
	close(in);
	helper_stop();
}

/* ---- its end ------------------------------------------------------------------------------ */

static void count(void *arg)
{
	++*(int *)arg;
}

/* When it was killed nobody waits for it, and whoever watches is told, once. */
static void test_it_is_killed(void **state)
{
	struct event_base *base = event_base_new();
	int lost = 0;

	(void)state;
	assert_int_equal(helper_start(), 0);
	assert_int_equal(helper_watch(base, count, &lost), 0);
	check_a_failure();
	event_base_loop(base, EVLOOP_NONBLOCK);
	assert_int_equal(lost, 0);	/* a reply is no end */
	kill(only_child(), SIGKILL);
	assert_int_equal(run4(nothing), -EPIPE);
	assert_int_equal(lost, 1);
	assert_int_equal(run4(nothing), -EPIPE);
	assert_non_null(strstr(said, "helper"));
	assert_int_equal(lost, 1);
	helper_stop();
	assert_int_equal(waitpid(-1, NULL, 0) > 0, 1);
	event_base_free(base);
}

/* Also when nothing is asked for. */
static void test_it_is_killed_in_peace(void **state)
{
	struct event_base *base = event_base_new();
	int lost = 0;

	(void)state;
	assert_int_equal(helper_start(), 0);
	assert_int_equal(helper_watch(base, count, &lost), 0);
	kill(only_child(), SIGKILL);
	event_base_loop(base, EVLOOP_ONCE);
	assert_int_equal(lost, 1);
	assert_int_equal(waitpid(-1, NULL, 0) > 0, 1);
	event_base_free(base);
}

/* Who stops it is not told. */
static void test_it_is_stopped(void **state)
{
	struct event_base *base = event_base_new();
	int lost = 0;

	(void)state;
	assert_int_equal(helper_start(), 0);
	assert_int_equal(helper_watch(base, count, &lost), 0);
	helper_stop();
	event_base_loop(base, EVLOOP_NONBLOCK);
	assert_int_equal(lost, 0);
	assert_int_equal(children(), 0);
	event_base_free(base);
}

/* When we are killed it ends. */
static void test_we_are_killed(void **state)
{
	int ends[2];
	pid_t pid;
	char byte;

	(void)state;
	assert_int_equal(pipe(ends), 0);
	pid = fork();
	if (pid == 0) {
		/* A write end that the helper would keep if it kept anything: its standard error. */
		dup2(ends[1], STDERR_FILENO);
		if (helper_start() < 0)
			_exit(1);
		raise(SIGKILL);
	}
	close(ends[1]);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(read(ends[0], &byte, 1), 0);	/* no writer is left */
	close(ends[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_runs),
		cmocka_unit_test(test_a_stop_is_not_for_it),
		cmocka_unit_test(test_it_inherits_nothing),
		cmocka_unit_test(test_what_is_no_request),
		cmocka_unit_test(test_texts_of_others),
		cmocka_unit_test(test_it_is_killed),
		cmocka_unit_test(test_it_is_killed_in_peace),
		cmocka_unit_test(test_it_is_stopped),
		cmocka_unit_test(test_we_are_killed),
	};

	/* The tools run, but not on the host's own rules. */
	if (unshare(CLONE_NEWNET) < 0 && unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0) {
		puts("skipped: no network namespace can be made here");
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
