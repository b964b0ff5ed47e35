/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The host's own ports, from /proc: its lines, its lists, and this very machine's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../../nat64/hostports.h"

#define N(array) (sizeof(array) / sizeof(*(array)))

static bool bit(const uint8_t *bitmap, unsigned int port)
{
	return bitmap[port / 8] >> port % 8 & 1;
}

static void test_socket_lines(void **state)
{
	static const struct {
		const char *line;
		uint16_t listening, any;
	} rows[] = {
		{ "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when\n", 0, 0 },
		{ "   0: 0100007F:0035 00000000:0000 0A 00000000:00000000 00:00000000 0 0\n",
		  53, 53 },
		{ "   1: 0100007F:D431 0100007F:1F90 01 00000000:00000000 00:00000000 0 0\n",
		  0, 0xd431 },
		{ "  12: 00000000:FFFF 00000000:0000 07 00000000:00000000 00:00000000 0 0\n",
		  0, 65535 },
		{ " 4711: 00000000000000000000000001000000:1538 "
		  "00000000000000000000000000000000:0000 0A 0:0 0:0 0 0\n", 5432, 5432 },
		{ "", 0, 0 }, { "\n", 0, 0 }, { "   0: 0100007F", 0, 0 },
		{ "   0: 0100007F:0035 00000000:0000", 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < N(rows); i++) {
		assert_int_equal(hostports_parse_socket(rows[i].line, true), rows[i].listening);
		assert_int_equal(hostports_parse_socket(rows[i].line, false), rows[i].any);
	}
}

static void test_reserved_list(void **state)
{
	static const struct {
		const char *text;
		bool good;
		unsigned int ports, first, last;
	} rows[] = {
		{ "", true, 0, 0, 0 }, { "\n", true, 0, 0, 0 },
		{ "8080\n", true, 1, 8080, 8080 },
		{ "8080,9148-9150\n", true, 4, 8080, 9150 },
		{ "1,65535", true, 2, 1, 65535 },
		{ "1-65535", true, 65535, 1, 65535 },
		{ "65536", false, 0, 0, 0 }, { "70000-70001", false, 0, 0, 0 },
		{ "9-8", false, 0, 0, 0 }, { "x", false, 0, 0, 0 }, { "80,", true, 1, 80, 80 },
		{ "80-", false, 0, 0, 0 }, { "80-90-100", false, 0, 0, 0 },
		{ "80x", false, 0, 0, 0 }, { "-5", false, 0, 0, 0 }, { "1-65536", false, 0, 0, 0 },
		{ "123456", false, 0, 0, 0 }, { "80;90", false, 0, 0, 0 },
		{ "80,,90", false, 0, 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < N(rows); i++) {
		uint8_t bitmap[65536 / 8] = { 0 };
		unsigned int n = 0;

		if (hostports_parse_reserved(rows[i].text, bitmap) != rows[i].good)
			fail_msg("\"%s\"", rows[i].text);
		if (!rows[i].good)
			continue;
		for (unsigned int port = 0; port < 65536; port++)
			n += bit(bitmap, port);
		assert_int_equal(n, rows[i].ports);
		if (n) {
			assert_true(bit(bitmap, rows[i].first));
			assert_true(bit(bitmap, rows[i].last));
		}
	}
}

static void test_ephemeral(void **state)
{
	struct hostports host = { .ephemeral_first = 32768, .ephemeral_last = 60999 };

	(void)state;
	assert_false(hostports_ephemeral(&host, 32767));
	assert_true(hostports_ephemeral(&host, 32768));
	assert_true(hostports_ephemeral(&host, 60999));
	assert_false(hostports_ephemeral(&host, 61000));
	/* ip-sysctl: reserved ports are left out when the kernel chooses */
	host.reserved[40000 / 8] = 1 << 40000 % 8;
	assert_true(hostports_reserved(&host, 40000));
	assert_false(hostports_ephemeral(&host, 40000));
	assert_true(hostports_ephemeral(&host, 40001));
	assert_false(hostports_reserved(&host, 40001));
}

/* A socket of @family and @type on a port that the kernel chooses. Return: the port. */
static uint16_t open_socket(int family, int type, bool listening, int *fd)
{
	struct sockaddr_storage ss = { .ss_family = (sa_family_t)family };
	socklen_t len = family == AF_INET ? sizeof(struct sockaddr_in)
					  : sizeof(struct sockaddr_in6);

	*fd = socket(family, type, 0);
	assert_true(*fd >= 0);
	assert_int_equal(bind(*fd, (struct sockaddr *)&ss, len), 0);
	assert_int_equal(getsockname(*fd, (struct sockaddr *)&ss, &len), 0);
	if (listening)
		assert_int_equal(listen(*fd, 1), 0);
	return ntohs(((struct sockaddr_in *)&ss)->sin_port);
}

static void test_this_machine(void **state)
{
	static struct hostports host;
	FILE *file = fopen("/proc/sys/net/ipv4/ip_local_port_range", "re");
	uint16_t tcp4, tcp6, udp4, udp6;
	unsigned int first, last;
	int fds[4];

	(void)state;
	assert_non_null(file);
	assert_int_equal(fscanf(file, "%u %u", &first, &last), 2);
	fclose(file);
	tcp4 = open_socket(AF_INET, SOCK_STREAM, true, &fds[0]);
	tcp6 = open_socket(AF_INET6, SOCK_STREAM, true, &fds[1]);
	udp4 = open_socket(AF_INET, SOCK_DGRAM, false, &fds[2]);
	udp6 = open_socket(AF_INET6, SOCK_DGRAM, false, &fds[3]);
	assert_int_equal(hostports_read(&host), 0);
	assert_int_equal(host.ephemeral_first, first);
	assert_int_equal(host.ephemeral_last, last);
	assert_true(hostports_bound(&host, L4_TCP, tcp4));
	assert_true(hostports_bound(&host, L4_TCP, tcp6));
	assert_true(hostports_bound(&host, L4_UDP, udp4));
	assert_true(hostports_bound(&host, L4_UDP, udp6));
	assert_true(hostports_ephemeral(&host, tcp4));
	for (size_t i = 0; i < N(fds); i++)
		close(fds[i]);
	assert_int_equal(hostports_read(&host), 0);
	assert_false(hostports_bound(&host, L4_TCP, tcp4));
	assert_false(hostports_bound(&host, L4_TCP, tcp6));
}

/* Every second port: the kernel tells all of them in one read only, however long. */
static void test_long_reserved_list(void **state)
{
	static struct hostports host;
	static char list[1 << 18];
	size_t len = 0;
	unsigned int n = 0;
	int fd;

	(void)state;
	if (unshare(CLONE_NEWNET) < 0)
		skip();
	fd = open("/proc/sys/net/ipv4/ip_local_reserved_ports", O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		skip();
	for (unsigned int port = 1; port < 65536; port += 2)
		len += (size_t)sprintf(list + len, "%u,", port);
	for (size_t at = 0; at < len;) {
		ssize_t written = write(fd, list + at, len - at);

		assert_true(written > 0);
		at += (size_t)written;
	}
	close(fd);
	assert_int_equal(hostports_read(&host), 0);
	for (unsigned int port = 0; port < 65536; port++)
		n += hostports_reserved(&host, (uint16_t)port);
	assert_int_equal(n, 32768);
	assert_true(hostports_reserved(&host, 65535));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_socket_lines),
		cmocka_unit_test(test_reserved_list),
		cmocka_unit_test(test_ephemeral),
		cmocka_unit_test(test_this_machine),
		cmocka_unit_test(test_long_reserved_list),	/* leaves its namespace */
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
