/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sd_notify(3): what arrives at the manager's socket. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "../../ops/notify.h"

static int manager = -1;
static char received[1024];

/* Open the manager's socket under this name ('@': abstract) and announce it. */
static void manager_begin(const char *name)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	size_t len = strlen(name);

	memcpy(addr.sun_path, name, len);
	if (name[0] == '@')
		addr.sun_path[0] = '\0';
	manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	assert_true(manager >= 0);
	assert_int_equal(bind(manager, (struct sockaddr *)&addr,
			      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)), 0);
	setenv("NOTIFY_SOCKET", name, 1);
}

static void manager_end(void)
{
	close(manager);
	unsetenv("NOTIFY_SOCKET");
}

/* The next message, "" when there is none */
static const char *next_message(void)
{
	ssize_t n = recv(manager, received, sizeof(received) - 1, 0);

	received[n > 0 ? n : 0] = '\0';
	return received;
}

static void test_messages(void **state)
{
	char name[64];

	(void)state;
	snprintf(name, sizeof(name), "@gate64-notify-test-%d", (int)getpid());
	manager_begin(name);
	notify_ready();
	assert_string_equal(next_message(), "READY=1");
	notify_stopping();
	assert_string_equal(next_message(), "STOPPING=1");
	notify_status("%d sessions", 7);
	assert_string_equal(next_message(), "STATUS=7 sessions");
	notify_status("one\nWATCHDOG=trigger");
	assert_string_equal(next_message(), "STATUS=one");
	assert_string_equal(next_message(), "");
	manager_end();
}

static void test_path_socket(void **state)
{
	char folder[] = "/tmp/gate64-notify-XXXXXX", name[64];

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(name, sizeof(name), "%s/socket", folder);
	manager_begin(name);
	notify_ready();
	assert_string_equal(next_message(), "READY=1");
	manager_end();
	unlink(name);
	rmdir(folder);
}

static int64_t monotonic_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* sd_notify(3): RELOADING=1 goes with MONOTONIC_USEC, in the same message. */
static void test_reloading_has_the_time(void **state)
{
	int64_t before_us = monotonic_us(), said_us = 0;
	char name[64];

	(void)state;
	snprintf(name, sizeof(name), "@gate64-notify-test-%d", (int)getpid());
	manager_begin(name);
	notify_reloading();
	assert_int_equal(sscanf(next_message(), "RELOADING=1\nMONOTONIC_USEC=%" SCNd64,
				&said_us), 1);
	assert_true(said_us >= before_us && said_us <= monotonic_us());
	manager_end();
}

/* A manager that does not read keeps nobody from his work: this ends. */
static void test_a_manager_that_does_not_read(void **state)
{
	int fd = 0, err = 0;
	char name[64];

	(void)state;
	snprintf(name, sizeof(name), "@gate64-notify-test-%d", (int)getpid());
	manager_begin(name);
	for (int i = 0; i < 100000 && !err; i++)
		err = notify_store("name", &fd, 1);
	assert_int_equal(err, -EAGAIN);
	assert_string_equal(next_message(), "FDSTORE=1\nFDNAME=name");
	assert_int_equal(notify_store("name", &fd, 1), 0);
	manager_end();
}

static void test_no_manager(void **state)
{
	(void)state;
	unsetenv("NOTIFY_SOCKET");
	notify_ready();
	/* not an address that the protocol knows */
	setenv("NOTIFY_SOCKET", "relative/path", 1);
	notify_ready();
	unsetenv("NOTIFY_SOCKET");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_messages),
		cmocka_unit_test(test_path_socket),
		cmocka_unit_test(test_reloading_has_the_time),
		cmocka_unit_test(test_a_manager_that_does_not_read),
		cmocka_unit_test(test_no_manager),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
