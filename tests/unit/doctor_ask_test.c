/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The doctor's own questions to the DNS, and what counts as an answer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../dns64/message.h"
#include "../../ops/doctor_ask.h"

/* RFC 1035 4.1, RFC 6891 6.1: one question, recursion desired, one OPT; ours reads it too. */
static void builds_queries(void **state)
{
	static const char *const names[] = { "example.org", "a.b.c.d.example", "x" };
	uint8_t wire[300];

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct query query;
		struct name name;
		size_t len;

		assert_true(name_from_text(&name, names[i]));
		len = ask_build(wire, 0xbeef, &name, ASK_SOA);
		assert_int_equal(message_read_query(&query, wire, len), MESSAGE_OK);
		assert_int_equal(query.id, 0xbeef);
		assert_int_equal(query.flags & MESSAGE_RD, MESSAGE_RD);
		assert_true(name_equal(&query.qname, &name));
		assert_int_equal(query.type, ASK_SOA);
		assert_int_equal(query.class, 1);
		assert_true(query.edns);
		assert_int_equal(query.udp_size, 1232);
	}
}

/* RFC 1035 4.1.1: QR, the same id, whole header; REFUSED and SERVFAIL say that it does not know. */
static void tells_replies(void **state)
{
	static const struct {
		uint8_t wire[12];
		size_t len;
		bool is;
	} rows[] = {
		{ { 0xbe, 0xef, 0x81, 0x80 }, 12, true },
		{ { 0xbe, 0xef, 0x81, 0x83 }, 12, true },	/* NXDOMAIN is an answer */
		{ { 0xbe, 0xef, 0x01, 0x00 }, 12, false },	/* a query */
		{ { 0xbe, 0xee, 0x81, 0x80 }, 12, false },
		{ { 0xbe, 0xef, 0x81, 0x82 }, 12, false },
		{ { 0xbe, 0xef, 0x81, 0x85 }, 12, false },
		{ { 0xbe, 0xef, 0x81, 0x80 }, 11, false },
		{ { 0xbe, 0xef, 0x81, 0x80 }, 0, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(ask_is_reply(rows[i].wire, rows[i].len, 0xbeef), rows[i].is);
}

/* Root hints as dns-root-data has them: addresses alone count, comments do not. */
static void reads_hints(void **state)
{
	static const char text[] =
		";       This file holds the information on root name servers\n;\n"
		".                        3600000      NS    A.ROOT-SERVERS.NET.\n"
		"A.ROOT-SERVERS.NET.      3600000      A     198.41.0.4\n"
		"A.ROOT-SERVERS.NET.      3600000      AAAA  2001:503:ba3e::2:30\n"
		"; FORMERLY NS1.ISI.EDU\n"
		"B.ROOT-SERVERS.NET.      3600000      A     170.247.170.2\n; End of file\n";
	char path[] = "/tmp/gate64-hints-XXXXXX";
	struct endpoint got[4];
	struct in6_addr addr;
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, sizeof(text) - 1), sizeof(text) - 1);
	close(fd);
	assert_int_equal(ask_read_hints(path, got, 4), 3);
	assert_true(addr_parse("2001:503:ba3e::2:30", &addr));
	assert_true(addr_equal(&got[1].addr, &addr));
	assert_int_equal(got[1].port, 53);
	assert_int_equal(ask_read_hints(path, got, 2), 2);
	remove(path);
	assert_int_equal(ask_read_hints(path, got, 4), 0);
	assert_int_equal(ask_read_hints("/", got, 4), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(builds_queries),
		cmocka_unit_test(tells_replies),
		cmocka_unit_test(reads_hints),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
