/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sd_watchdog_enabled(3), sd_notify(3) WATCHDOG=1: fed while every thread answers, only then. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <event2/event.h>
#include <semaphore.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "../../core/log.h"
#include "../../core/loop.h"
#include "../../ops/heartbeat.h"

enum {
	WORKERS = 3,
	PATIENCE = 20000,	/* looks, for what will happen */
	FED_OFTEN = 4,
};

static int manager = -1;
static struct loop *workers[WORKERS];
static sem_t hung;

/* ---- a process with three workers, under a manager ------------------------------- */

static void manager_begin(const char *watchdog_us)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	char name[64];
	int len = snprintf(name, sizeof(name), "@gate64-heartbeat-test-%d", (int)getpid());

	memcpy(addr.sun_path + 1, name + 1, (size_t)len - 1);
	manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	assert_true(manager >= 0);
	assert_int_equal(bind(manager, (struct sockaddr *)&addr,
			      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)len)), 0);
	setenv("NOTIFY_SOCKET", name, 1);
	setenv("WATCHDOG_USEC", watchdog_us, 1);
	unsetenv("WATCHDOG_PID");
}

/* The log goes to a file without a name. */
static int log_to_file(void **state)
{
	int fd = memfd_create("log", MFD_CLOEXEC);

	(void)state;
	if (fd < 0 || dup2(fd, STDERR_FILENO) < 0)
		return -1;
	log_setup(LOG_LEVEL_INFO, LOG_FORMAT_TEXT);
	return 0;
}

static int set_up(void **state)
{
	(void)state;
	sem_init(&hung, 0, 0);
	for (size_t i = 0; i < WORKERS; i++) {
		char name[16];

		snprintf(name, sizeof(name), "room-%zu", i);
		workers[i] = loop_new(name);
		if (!workers[i] || loop_start(workers[i], NULL) < 0)
			return -1;
	}
	manager_begin("80000");
	/* What is logged from here on */
	return ftruncate(STDERR_FILENO, 0) < 0 || lseek(STDERR_FILENO, 0, SEEK_SET) < 0;
}

static int tear_down(void **state)
{
	(void)state;
	heartbeat_end();
	for (size_t i = 0; i < WORKERS; i++)
		loop_free(workers[i]);
	close(manager);
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
	sem_destroy(&hung);
	return 0;
}

static bool fed(void)
{
	char message[64];
	ssize_t len = recv(manager, message, sizeof(message) - 1, 0);

	if (len < 0)
		return false;
	message[len] = '\0';
	assert_string_equal(message, "WATCHDOG=1");
	return true;
}

/* Wait until the watchdog has been fed so often. */
static bool await_food(int often)
{
	for (int i = 0; i < PATIENCE && often > 0; i++) {
		usleep(1000);
		often -= fed();
	}
	return often == 0;
}

/* Wait until the log has this as its last line. */
static bool await_logged(const char *line)
{
	static char text[4096];

	for (int i = 0; i < PATIENCE; i++) {
		ssize_t len = pread(STDERR_FILENO, text, sizeof(text) - 1, 0);
		size_t line_len = strlen(line);

		text[len > 0 ? len : 0] = '\0';
		if (len >= (ssize_t)line_len && strcmp(text + len - line_len, line) == 0)
			return true;
		usleep(1000);
	}
	return false;
}

/* While nothing changes, it is not fed. */
static bool stays_hungry(void)
{
	while (fed())
		;
	for (int i = 0; i < 300; i++) {
		usleep(1000);
		if (fed())
			return false;
	}
	return true;
}

static void hang(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	sem_wait(&hung);
}

static int make_hang(void *arg)
{
	static const struct timeval now;

	return event_base_once(loop_base(arg), -1, EV_TIMEOUT, hang, NULL, &now);
}

/* ---- tests ------------------------------------------------------------------------ */

/* All answer: it is fed, again and again. */
static void test_all_answer(void **state)
{
	(void)state;
	assert_int_equal(heartbeat_begin(NULL), 0);
	assert_true(await_food(FED_OFTEN));
}

/* One worker hangs: it is named, and nothing is fed until it goes on. */
static void test_a_worker_hangs(void **state)
{
	(void)state;
	assert_int_equal(heartbeat_begin(NULL), 0);
	assert_true(await_food(1));
	assert_int_equal(loop_call(workers[1], make_hang, workers[1]), 0);
	assert_true(await_logged("gate64: error: threads that do not answer: room-1\n"));
	assert_true(stays_hungry());
	sem_post(&hung);
	assert_true(await_food(FED_OFTEN));
	assert_true(await_logged("gate64: all threads answer again\n"));
}

/* All hang: each is named. */
static void test_all_hang(void **state)
{
	(void)state;
	assert_int_equal(heartbeat_begin(NULL), 0);
	for (size_t i = 0; i < WORKERS; i++)
		assert_int_equal(loop_call(workers[i], make_hang, workers[i]), 0);
	assert_true(await_logged("gate64: error: threads that do not answer: room-2, room-1, room-0\n"));
	assert_true(stays_hungry());
	for (size_t i = 0; i < WORKERS; i++)
		sem_post(&hung);
	assert_true(await_food(1));
}

/* A worker that was stopped is not missed. */
static void test_a_worker_ends(void **state)
{
	(void)state;
	assert_int_equal(heartbeat_begin(NULL), 0);
	loop_stop(workers[0]);
	assert_true(await_food(FED_OFTEN));
}

/* sd_watchdog_enabled(3): WATCHDOG_PID says whose it is; another's is not fed. */
static void test_the_watchdog_of_another(void **state)
{
	(void)state;
	setenv("WATCHDOG_PID", "1", 1);
	assert_int_equal(heartbeat_begin(NULL), 0);
	assert_true(stays_hungry());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_all_answer, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_worker_hangs, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_all_hang, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_worker_ends, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_the_watchdog_of_another, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, log_to_file, NULL);
}
