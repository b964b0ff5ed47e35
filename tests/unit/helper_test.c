/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Programs of the host, run by another process: what it is asked, what it says, how it ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../ops/helper.h"

static char said[512];

/* What the tool answers to a line that is none: a failure with words, by any user. */
static void check_a_failure(void)
{
	said[0] = '\0';
	assert_int_equal(helper_run(HELPER_IPTABLES_RESTORE, "*nonsense\n", said, sizeof(said)),
			 -EPROTO);
	assert_string_not_equal(said, "");
	assert_null(strstr(said, "helper"));
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

/* Without a helper we run it ourselves; with one it does, again and again. */
static void test_runs(void **state)
{
	(void)state;
	assert_int_equal(helper_run(HELPER_IPTABLES_RESTORE, "# nothing\n", said, sizeof(said)), 0);
	check_a_failure();
	assert_int_equal(helper_start(), 0);
	assert_int_equal(children(), 1);
	for (int i = 0; i < 3; i++) {
		check_a_failure();
		assert_int_equal(helper_run(HELPER_IP6TABLES_RESTORE, "# nothing\n", said, sizeof(said)), 0);
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
	int ends[2], n = 0;
	char path[64];
	DIR *folder;

	(void)state;
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(helper_start(), 0);
	check_a_failure();
	snprintf(path, sizeof(path), "/proc/%d/fd", only_child());
	folder = opendir(path);
	for (struct dirent *entry; folder && (entry = readdir(folder));)
		n += entry->d_name[0] != '.';
	if (folder)
		closedir(folder);
	assert_in_range(n, 1, 4);	/* standard ones, and the socket */
	helper_stop();
	close(ends[0]);
	close(ends[1]);
}

/* When it was killed that is said, and nobody waits for it. */
static void test_it_is_killed(void **state)
{
	(void)state;
	assert_int_equal(helper_start(), 0);
	check_a_failure();
	kill(only_child(), SIGKILL);
	assert_int_equal(helper_run(HELPER_IPTABLES_RESTORE, "# nothing\n", said, sizeof(said)), -EPIPE);
	assert_non_null(strstr(said, "restart gate64"));
	assert_int_equal(helper_run(HELPER_IPTABLES_RESTORE, "# nothing\n", said, sizeof(said)), -EPIPE);
	helper_stop();
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
		cmocka_unit_test(test_it_is_killed),
		cmocka_unit_test(test_we_are_killed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
