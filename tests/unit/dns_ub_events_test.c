/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What counts as a word of a server: what is there to be read, and nothing else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unbound-event.h>
#include <unistd.h>

#include "../../dns64/ub_events.h"

static struct event_base *base;
static struct ub_events *events;
static unsigned int n_called;

static int setup(void **state)
{
	(void)state;
	n_called = 0;
	base = event_base_new();
	events = base ? ub_events_new(base) : NULL;
	return events ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	ub_events_free(events);
	event_base_free(base);
	return 0;
}

static void on_event(int fd, short bits, void *arg)
{
	(void)fd;
	(void)bits;
	(void)arg;
	n_called++;
}

/* The loop turns once, with one event of libunbound's on it. */
static void await(int fd, short bits)
{
	struct ub_event_base *of = ub_events_base(events);
	struct ub_event *event = of->vmt->new_event(of, fd, bits, on_event, NULL);
	struct timeval second = { .tv_sec = bits == UB_EV_TIMEOUT ? 0 : 1 };

	assert_non_null(event);
	assert_int_equal(event->vmt->add(event, &second), 0);
	event_base_loop(base, EVLOOP_ONCE);
	assert_int_equal(n_called, 1);
	event->vmt->free(event);
}

static void test_what_can_be_read_is_heard(void **state)
{
	int pair[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair), 0);
	assert_int_equal(write(pair[1], "x", 1), 1);
	await(pair[0], UB_EV_READ | UB_EV_TIMEOUT);
	assert_int_equal(ub_events_heard(events), 1);
	close(pair[0]);
	close(pair[1]);
}

static void test_the_end_of_a_connection_is_not(void **state)
{
	int pair[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	close(pair[1]);
	await(pair[0], UB_EV_READ | UB_EV_TIMEOUT);
	assert_int_equal(ub_events_heard(events), 0);
	close(pair[0]);
}

/* RFC 1122 4.1.3.3: nobody listens there, says ICMP, and the socket is readable. */
static void test_an_error_is_not(void **state)
{
	struct sockaddr_in nobody = { .sin_family = AF_INET };
	socklen_t len = sizeof(nobody);
	int gone = socket(AF_INET, SOCK_DGRAM, 0), fd = socket(AF_INET, SOCK_DGRAM, 0);

	(void)state;
	nobody.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(gone, (struct sockaddr *)&nobody, len), 0);
	assert_int_equal(getsockname(gone, (struct sockaddr *)&nobody, &len), 0);
	close(gone);
	assert_int_equal(connect(fd, (struct sockaddr *)&nobody, len), 0);
	assert_int_equal(send(fd, "x", 1, 0), 1);
	await(fd, UB_EV_READ | UB_EV_TIMEOUT);
	assert_int_equal(ub_events_heard(events), 0);
	close(fd);
}

static void test_nor_are_time_and_room_to_write(void **state)
{
	int pair[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	assert_int_equal(write(pair[1], "x", 1), 1);
	await(pair[0], UB_EV_WRITE | UB_EV_TIMEOUT);
	n_called = 0;
	await(-1, UB_EV_TIMEOUT);
	assert_int_equal(ub_events_heard(events), 0);
	close(pair[0]);
	close(pair[1]);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_what_can_be_read_is_heard, setup, teardown),
		cmocka_unit_test_setup_teardown(test_the_end_of_a_connection_is_not, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_an_error_is_not, setup, teardown),
		cmocka_unit_test_setup_teardown(test_nor_are_time_and_room_to_write, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
