/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who has a port: lines of /proc/net read, and a port of our own found. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../ops/port_holder.h"

static struct endpoint at(const char *text)
{
	struct endpoint endpoint;

	assert_true(endpoint_parse(text, 53, &endpoint));
	return endpoint;
}

/* Addresses are in the order of a little-endian machine there: on another, these lines are not
 * what its kernel prints. */
static void reads_lines_of_proc(void **state)
{
	static const struct {
		const char *line, *local;
		unsigned int state;
		unsigned long inode;
	} rows[] = {
		{ "   0: 3500007F:0035 00000000:0000 0A 00000000:00000000 00:00000000 00000000   "
		  "101        0 18217 1 0000000000000000 100 0 0 10 5", "127.0.0.53:53", 10, 18217 },
		{ "   1: 00000000000000000000000000000000:01BB 00000000000000000000000000000000:0000 "
		  "0A 00000000:00000000 00:00000000 00000000     0        0 4294967297 1 0", "[::]:443",
		  10, 4294967297 },
		{ " 1234: B80D0120000001000000000001000000:0035 00000000000000000000000000000000:0000 "
		  "07 00000000:00000000 00:00000000 00000000   101        0 7 2 0 0",
		  "[2001:db8:1:0:0:0:0:1]:53", 7, 7 },
	};
	struct port_socket socket;

	(void)state;
	if (htonl(1) == 1)
		skip();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct endpoint local = at(rows[i].local);

		assert_true(port_socket_parse(rows[i].line, &socket));
		assert_true(endpoint_equal(&socket.local, &local));
		assert_int_equal(socket.state, rows[i].state);
		assert_int_equal(socket.inode, rows[i].inode);
	}
	assert_false(port_socket_parse("  sl  local_address rem_address   st tx_queue", &socket));
	assert_false(port_socket_parse("  0: 0100:0035 00000000:0000 0A 0:0 0:0 0 0 0 5", &socket));
	assert_false(port_socket_parse("", &socket));
}

static void tells_who_is_in_the_way(void **state)
{
	static const struct {
		const char *have, *want;
		bool covers;
	} rows[] = {
		{ "127.0.0.53:53", "[::]:53", false },	/* systemd-resolved's stub */
		{ "0.0.0.0:53", "[::]:53", false },
		{ "[::]:53", "[::]:53", true },
		{ "[::]:443", "0.0.0.0:443", true },	/* may hold IPv4 too */
		{ "[::1]:53", "[::]:53", true },
		{ "[::]:53", "[2001:db8::1]:53", true },
		{ "[2001:db8::1]:53", "[2001:db8::1]:53", true },
		{ "[2001:db8::1]:53", "[2001:db8::2]:53", false },
		{ "192.0.2.1:443", "0.0.0.0:443", true },
		{ "0.0.0.0:443", "192.0.2.1:443", true },
		{ "0.0.0.0:444", "0.0.0.0:443", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct endpoint have = at(rows[i].have), want = at(rows[i].want);

		assert_int_equal(port_socket_covers(&have, &want), rows[i].covers);
	}
}

/* This process, by the kernel's own tables: both types, both families. */
static void finds_a_port_of_our_own(void **state)
{
	static const char *const places[] = { "127.0.0.1", "::1" };
	struct sockaddr_storage addr;
	struct port_holder holder;

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct endpoint mine = at(places[i % 2]);
		int type = i < 2 ? SOCK_STREAM : SOCK_DGRAM, fd;
		socklen_t len;

		mine.port = 0;		/* any */
		len = endpoint_to_sockaddr(&mine, &addr);
		fd = socket(addr.ss_family, type, 0);
		if (bind(fd, (struct sockaddr *)&addr, len) < 0) {	/* no IPv6 here */
			close(fd);
			continue;
		}
		if (type == SOCK_STREAM)
			assert_int_equal(listen(fd, 1), 0);
		len = sizeof(addr);
		assert_int_equal(getsockname(fd, (struct sockaddr *)&addr, &len), 0);
		assert_true(endpoint_from_sockaddr((struct sockaddr *)&addr, &mine));
		assert_false(port_is_free(&mine, type));
		port_holder_find(&mine, type, &holder);
		assert_int_equal(holder.pid, getpid());
		assert_string_equal(holder.name, "port_holder_tes");	/* 15 bytes of it */
		close(fd);
		assert_true(port_is_free(&mine, type));
		port_holder_find(&mine, type, &holder);
		assert_int_equal(holder.pid, 0);
		assert_string_equal(holder.name, "?");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_lines_of_proc),
		cmocka_unit_test(tells_who_is_in_the_way),
		cmocka_unit_test(finds_a_port_of_our_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
