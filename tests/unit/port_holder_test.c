/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who has a port: one of our own is found, by what the kernel says of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../ops/doctor_sockets.h"
#include "../../ops/port_holder.h"

static struct endpoint at(const char *text)
{
	struct endpoint endpoint;

	assert_true(endpoint_parse(text, 53, &endpoint));
	return endpoint;
}

/* This process, by the kernel's own tables: both types, both families. */
static void finds_a_port_of_our_own(void **state)
{
	static const char *const places[] = { "127.0.0.1", "::1" };
	struct sockaddr_storage addr;
	struct sockets_owner holder;

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
	}
}

/* Any user may name a process; what is shown of it is no more than a name, and no option. */
static void cleans_names_of_others(void **state)
{
	static const struct {
		const char *name, *shown;
		bool plain;
	} rows[] = {
		{ "nginx", "nginx", true },
		{ "systemd-resolve", "systemd-resolve", true },
		{ "php8.2_fpm@x", "php8.2_fpm@x", true },
		{ "a;reboot", "areboot", false },
		{ "$(id)`id`", "idid", false },
		{ "\x1b[2J\nroot", "2Jroot", false },
		{ "tay\xc2\x9bga", "tayga", false },
		{ "two words", "twowords", false },
		{ "--force", "--force", false },
		{ "..", "..", false },
		{ "", "", false },
		{ "[]", "", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char name[32];

		snprintf(name, sizeof(name), "%s", rows[i].name);
		assert_int_equal(sockets_clean_name(name), rows[i].plain);
		assert_string_equal(name, rows[i].shown);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_a_port_of_our_own),
		cmocka_unit_test(cleans_names_of_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
