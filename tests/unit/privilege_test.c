/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What each thread may do after the drop, as the kernel tells it in
 * /proc/self/task/TID/status. Each test drops in a process of its own; those that
 * begin as root are skipped for anyone else.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <inttypes.h>
#include <linux/capability.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../ops/privilege.h"

#define BIT(cap) (UINT64_C(1) << (cap))
#define ADMIN BIT(CAP_NET_ADMIN)
#define RAW BIT(CAP_NET_RAW)
#define BIND BIT(CAP_NET_BIND_SERVICE)
#define BPF (BIT(CAP_BPF) | BIT(CAP_PERFMON))

/* Any user but root who is on every Debian host */
#define USER "nobody"

/* One hexadecimal line of the calling thread's status; all ones if there is none. */
static uint64_t status_of(const char *key)
{
	uint64_t value = UINT64_MAX;
	char path[64], line[256];
	FILE *in;

	snprintf(path, sizeof(path), "/proc/self/task/%d/status", (int)gettid());
	in = fopen(path, "r");
	while (in && fgets(line, sizeof(line), in)) {
		if (strncmp(line, key, strlen(key)) == 0 && line[strlen(key)] == ':')
			value = strtoull(line + strlen(key) + 1, NULL, 16);
	}
	if (in)
		fclose(in);
	return value;
}

static bool thread_has(uint64_t caps)
{
	return status_of("CapEff") == caps && status_of("CapPrm") == caps &&
	       status_of("CapInh") == 0 && status_of("CapAmb") == 0;
}

struct hook {
	int (*enter)(void);
	uint64_t caps;
};

static void *run_hook(void *arg)
{
	const struct hook *hook = arg;

	return hook->enter() == 0 && thread_has(hook->caps) ? arg : NULL;
}

static bool new_thread_has(int (*enter)(void), uint64_t caps)
{
	struct hook hook = {enter, caps};
	void *result = NULL;
	pthread_t thread;

	return pthread_create(&thread, NULL, run_hook, &hook) == 0 &&
	       pthread_join(thread, &result) == 0 && result;
}

/* Run @check in a child. Return: its number of the first thing found wrong, 0 none. */
static int in_child(int (*check)(void))
{
	int status = 0;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0)
		_exit(check());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static int check_drop(void)
{
	if (privilege_drop(USER))
		return 1;
	if (getuid() == 0 || geteuid() == 0 || getgid() == 0 || setuid(0) == 0)
		return 2;
	if (!thread_has(ADMIN | RAW | BIND | BPF))
		return 3;
	if (status_of("CapBnd") != (ADMIN | RAW | BIND | BPF))
		return 4;
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
		return 5;
	if (!new_thread_has(privilege_enter_nat64, ADMIN | RAW))
		return 6;
	if (!new_thread_has(privilege_enter_unprivileged, 0))
		return 7;
	if (privilege_enter_main() || !thread_has(ADMIN | BIND))
		return 8;
	/* From here on CAP_NET_RAW is gone for good. */
	return new_thread_has(privilege_enter_nat64, ADMIN) ? 0 : 9;
}

static int check_drop_twice(void)
{
	if (privilege_drop(USER))
		return 1;
	/* Now as someone who is not root: nobody is looked up, nothing is lost. */
	if (privilege_drop("gate64-no-such-user"))
		return 2;
	return thread_has(ADMIN | RAW | BIND | BPF) ? 0 : 3;
}

/* As a service manager starts us: what is ambient would reach every program we run. */
static int check_drop_ambient(void)
{
	if (privilege_pass_on() || status_of("CapAmb") != ADMIN)
		return 1;
	return privilege_drop(USER) == 0 && thread_has(ADMIN) ? 0 : 2;
}

static int check_no_user(void)
{
	return privilege_drop("gate64-no-such-user") == -ENOENT && getuid() == 0 ? 0 : 1;
}

static int check_pass_on(void)
{
	if (privilege_drop(USER) || privilege_pass_on())
		return 1;
	execl("/bin/sh", "sh", "-c",
	      "grep -q '^CapEff:.0000000000001000$' /proc/self/status", NULL);
	return 2;
}

static int check_pass_on_nothing(void)
{
	if (privilege_enter_unprivileged())
		return 1;
	return privilege_pass_on() == -EPERM ? 0 : 2;
}

static void need_root(void)
{
	if (geteuid() != 0)
		skip();
}

static void test_drop(void **state)
{
	(void)state;
	need_root();
	assert_int_equal(in_child(check_drop), 0);
}

static void test_drop_as_another_user(void **state)
{
	(void)state;
	need_root();
	assert_int_equal(in_child(check_drop_twice), 0);
}

static void test_ambient_is_given_up(void **state)
{
	(void)state;
	need_root();
	assert_int_equal(in_child(check_drop_ambient), 0);
}

static void test_no_such_user(void **state)
{
	(void)state;
	need_root();
	assert_int_equal(in_child(check_no_user), 0);
}

static void test_child_program_keeps_net_admin_alone(void **state)
{
	(void)state;
	need_root();
	assert_int_equal(in_child(check_pass_on), 0);
}

static void test_nothing_to_pass_on(void **state)
{
	(void)state;
	assert_int_equal(in_child(check_pass_on_nothing), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_drop),
		cmocka_unit_test(test_drop_as_another_user),
		cmocka_unit_test(test_ambient_is_given_up),
		cmocka_unit_test(test_no_such_user),
		cmocka_unit_test(test_child_program_keeps_net_admin_alone),
		cmocka_unit_test(test_nothing_to_pass_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
