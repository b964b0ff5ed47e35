/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which system calls a confined process may make. Each test is confined in a process of its
 * own, since there is no way back; what kills it is SIGSYS (seccomp(2)).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../ops/confine.h"
#include "../../ops/sanitizer.h"

static enum confine_as as_whom;

/* ---- children -------------------------------------------------------------------------- */

/* Run @act confined, in a child. Return: its wait status. */
static int confined(int (*act)(void), enum config_seccomp how)
{
	int status = 0;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
		if (confine_process(how) || (as_whom != CONFINE_MAIN && confine_thread(as_whom)))
			_exit(99);
		_exit(act());
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static bool is_killed(int (*act)(void), enum confine_as as)
{
	int status;

	as_whom = as;
	status = confined(act, CONFIG_SECCOMP_ON);
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS;
}

static bool goes_well(int (*act)(void), enum confine_as as)
{
	int status;

	as_whom = as;
	status = confined(act, CONFIG_SECCOMP_ON);
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* ---- what they do ----------------------------------------------------------------------- */

static char name[] = "true";
static char *const no_arguments[] = { name, NULL };

static int run_a_program(void)
{
	execve("/bin/true", no_arguments, no_arguments + 1);
	return 1;
}

static int run_a_program_at(void)
{
	syscall(SYS_execveat, AT_FDCWD, "/bin/true", no_arguments, no_arguments + 1, 0);
	return 1;
}

static int make_a_process(void)
{
	return syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0) < 0;
}

static int trace(void)
{
	return ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0;
}

static int kill_another(void)
{
	return kill(getppid(), 0) < 0;
}

static int kill_a_thread_of_another(void)
{
	return syscall(SYS_tgkill, getppid(), getppid(), 0) < 0;
}

static int write_and_execute(void)
{
	return mmap(NULL, 4096, PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
	       MAP_FAILED;
}

static int make_executable(void)
{
	void *page = mmap(NULL, 4096, PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return mprotect(page, 4096, PROT_READ | PROT_EXEC) < 0;
}

/* What lies in a memory file, as code */
static int execute_a_memory_file(void)
{
	int file = memfd_create("x", MFD_CLOEXEC);

	if (ftruncate(file, 4096) < 0)
		return 1;
	return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, file, 0) == MAP_FAILED;
}

static int opens(int family, int type, int protocol)
{
	int fd = socket(family, type, protocol);

	return fd < 0 && errno != EPERM && errno != EACCES;
}

static int open_a_kernel_cipher(void)
{
	return opens(AF_ALG, SOCK_SEQPACKET, 0);
}

static int open_a_virtual_socket(void)
{
	return opens(AF_VSOCK, SOCK_STREAM, 0);
}

/* 32 + AF_INET: no bit of a word */
static int open_another_family(void)
{
	return opens(32 + AF_INET, SOCK_STREAM, 0);
}

static int pair_other_than_unix(void)
{
	int pair[2];

	return socketpair(AF_TIPC, SOCK_STREAM, 0, pair) < 0;
}

static int open_all_packets(void)
{
	return opens(AF_PACKET, SOCK_RAW, 0);
}

static int open_what_rooms_use(void)
{
	return opens(AF_INET, SOCK_DGRAM, 0) || opens(AF_INET6, SOCK_STREAM, 0) ||
	       opens(AF_UNIX, SOCK_STREAM, 0) || opens(AF_NETLINK, SOCK_RAW, 0);
}

static int limit_another(void)
{
	struct rlimit limit;

	return prlimit(getppid(), RLIMIT_NOFILE, NULL, &limit) < 0;
}

static int limit_itself(void)
{
	struct rlimit limit;

	return getrlimit(RLIMIT_NOFILE, &limit) < 0 || setrlimit(RLIMIT_NOFILE, &limit) < 0;
}

static int type_at_the_terminal(void)
{
	return ioctl(STDERR_FILENO, TIOCSTI, "x") < 0;
}

static int open_to_write(void)
{
	return open("/dev/null", O_WRONLY | O_CLOEXEC) < 0;
}

static int open_to_create(void)
{
	return open("/dev/null", O_RDONLY | O_CREAT | O_CLOEXEC, 0600) < 0;
}

static int remove_a_file(void)
{
	return unlink("/nonexistent/file") < 0 && errno != ENOENT;
}

static int ask_for_a_map(void)
{
	return syscall(SYS_bpf, 0, NULL, 0) < 0 ? 0 : 1;
}

static int call_the_future(void)
{
	return syscall(5000) < 0 && errno == ENOSYS ? 0 : 1;
}

static void *nothing(void *arg)
{
	return arg;
}

/* What all threads live by */
static int live(void)
{
	int pair[2], epoll = epoll_create1(EPOLL_CLOEXEC), null, file;
	struct epoll_event event = { .events = EPOLLIN };
	pthread_t thread;
	void *memory;
	char byte = 1;

	if (epoll < 0 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return 1;
	if (epoll_ctl(epoll, EPOLL_CTL_ADD, pair[0], &event) < 0 || send(pair[1], &byte, 1, 0) != 1 ||
	    epoll_wait(epoll, &event, 1, -1) != 1 || recv(pair[0], &byte, 1, 0) != 1)
		return 2;
	if (pthread_create(&thread, NULL, nothing, NULL) != 0 || pthread_join(thread, NULL) != 0)
		return 3;
	null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	file = memfd_create("x", MFD_CLOEXEC);
	if (null < 0 || read(null, &byte, 1) != 0 || write(file, &byte, 1) != 1)
		return 4;
	memory = malloc(1 << 24);
	if (!memory)
		return 5;
	memset(memory, 1, 1 << 24);
	free(memory);
	usleep(1000);
	return 0;
}

static int abort_itself(void)
{
	abort();
}

/* ---- tests ------------------------------------------------------------------------------ */

static const enum confine_as everybody[] = { CONFINE_MAIN, CONFINE_NAT64, CONFINE_OTHER };

/* Whoever it is: no program, no other process, no code of his own. */
static void test_what_kills_everybody(void **state)
{
	static int (*const acts[])(void) = {
		run_a_program, run_a_program_at, make_a_process, trace, kill_another,
		kill_a_thread_of_another, write_and_execute, make_executable, type_at_the_terminal,
		open_a_kernel_cipher, open_a_virtual_socket, open_another_family, pair_other_than_unix,
		limit_another,
	};

	(void)state;
	for (size_t i = 0; i < sizeof(acts) / sizeof(acts[0]); i++)
		for (size_t j = 0; j < sizeof(everybody) / sizeof(everybody[0]); j++)
			if (!is_killed(acts[i], everybody[j]))
				fail_msg("act %zu as %d", i, (int)everybody[j]);
}

/* Workers write no files and get no more code; who handles no packets writes no BPF maps, and
 * sees none that are not for it. */
static void test_workers_are_confined_further(void **state)
{
	(void)state;
	assert_true(goes_well(open_to_write, CONFINE_MAIN));
	assert_true(goes_well(open_to_create, CONFINE_MAIN));
	assert_true(goes_well(remove_a_file, CONFINE_MAIN));
	assert_true(is_killed(open_to_write, CONFINE_NAT64));
	assert_true(is_killed(open_to_write, CONFINE_OTHER));
	assert_true(is_killed(open_to_create, CONFINE_OTHER));
	assert_true(is_killed(remove_a_file, CONFINE_OTHER));
	assert_true(goes_well(ask_for_a_map, CONFINE_MAIN));
	assert_true(goes_well(ask_for_a_map, CONFINE_NAT64));
	assert_true(is_killed(ask_for_a_map, CONFINE_OTHER));
	assert_true(goes_well(execute_a_memory_file, CONFINE_MAIN));
	assert_true(is_killed(execute_a_memory_file, CONFINE_NAT64));
	assert_true(is_killed(execute_a_memory_file, CONFINE_OTHER));
	assert_true(goes_well(open_all_packets, CONFINE_NAT64));
	assert_true(is_killed(open_all_packets, CONFINE_OTHER));
}

/* What they are there for they may do. */
static void test_what_they_need(void **state)
{
	(void)state;
	for (size_t j = 0; j < sizeof(everybody) / sizeof(everybody[0]); j++) {
		assert_true(goes_well(live, everybody[j]));
		assert_true(goes_well(open_what_rooms_use, everybody[j]));
		assert_true(goes_well(limit_itself, everybody[j]));
		assert_true(goes_well(call_the_future, everybody[j]));
	}
}

/* A failed assertion ends by its own signal, not by ours. */
static void test_abort(void **state)
{
	int status;

	(void)state;
	as_whom = CONFINE_OTHER;
	status = confined(abort_itself, CONFIG_SECCOMP_ON);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

/* "log" kills nobody, "off" does nothing. */
static void test_log_and_off(void **state)
{
	static const enum config_seccomp ways[] = { CONFIG_SECCOMP_LOG, CONFIG_SECCOMP_OFF };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		int status;

		as_whom = CONFINE_OTHER;
		status = confined(run_a_program, ways[i]);
		assert_true(WIFEXITED(status));
		assert_int_equal(WEXITSTATUS(status), 0);
	}
}

/* Threads inherit what the process is confined to. */
static void *run_in_thread(void *arg)
{
	run_a_program();
	return arg;
}

static int let_a_thread(void)
{
	pthread_t thread;

	pthread_create(&thread, NULL, run_in_thread, NULL);
	pthread_join(thread, NULL);
	return 1;
}

static void test_threads_inherit(void **state)
{
	(void)state;
	assert_true(is_killed(let_a_thread, CONFINE_MAIN));
}

/* Sanitizers call what they like: under them nobody is confined, and nothing above holds. */
static void test_sanitizers_are_free(void **state)
{
	int status;

	(void)state;
	as_whom = CONFINE_OTHER;
	status = confined(run_a_program, CONFIG_SECCOMP_ON);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
	const struct CMUnitTest watched[] = {
		cmocka_unit_test(test_sanitizers_are_free),
	};
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_kills_everybody),
		cmocka_unit_test(test_workers_are_confined_further),
		cmocka_unit_test(test_what_they_need),
		cmocka_unit_test(test_abort),
		cmocka_unit_test(test_log_and_off),
		cmocka_unit_test(test_threads_inherit),
	};

	return UNDER_SANITIZER ? cmocka_run_group_tests(watched, NULL, NULL) :
				 cmocka_run_group_tests(tests, NULL, NULL);
}
