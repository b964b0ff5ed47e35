/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The configuration's pure parts: numbers with units, ports, near words, UTF-8. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../core/config_report.h"
#include "../../core/config_value.h"

#define N(array) (sizeof(array) / sizeof(*(array)))

static void test_durations(void **state)
{
	static const struct {
		const char *text;
		uint64_t ms;
	} good[] = {
		{ "0", 0 }, { "7", 7000 }, { "250ms", 250 }, { "1s250ms", 1250 },
		{ "2h4m", 7440000 }, { "1d", 86400000 }, { "90m", 5400000 }, { "007s", 7000 },
	};
	static const char *const bad[] = {
		"", "s", "m5", "-5", "+5", " 5", "5 ", "5 m", "1.5s", "5M", "5min", "5m5", "4m2h",
		"5s5s", "5x", "1e3", "18446744073709551616", "18446744073709551615",
		"300000000000d", "1d18446744073709551615ms",
	};
	char text[CONFIG_VALUE_STRLEN];
	uint64_t ms;

	(void)state;
	for (size_t i = 0; i < N(good); i++) {
		assert_true(config_number_duration.scan(good[i].text, &ms));
		assert_int_equal(ms, good[i].ms);
		assert_true(config_number_duration.scan(config_number_duration.format(ms, text),
							&ms));
		assert_int_equal(ms, good[i].ms);
	}
	ms = 42;
	for (size_t i = 0; i < N(bad); i++)
		assert_false(config_number_duration.scan(bad[i], &ms));
	assert_int_equal(ms, 42);
	assert_string_equal(config_number_duration.format(0, text), "0s");
	assert_string_equal(config_number_duration.format(UINT64_MAX, text),
			    "213503982334d14h25m51s615ms");
}

static void test_rates(void **state)
{
	static const char *const good[] = { "1000/s", "1000", "0001000/s" };
	static const char *const bad[] = { "", "/s", "5/m", "5/", "5 /s", "-1/s", "5/s ", "5/ss" };
	char text[CONFIG_VALUE_STRLEN];
	uint64_t rate;

	(void)state;
	for (size_t i = 0; i < N(good); i++) {
		assert_true(config_number_rate.scan(good[i], &rate));
		assert_int_equal(rate, 1000);
	}
	for (size_t i = 0; i < N(bad); i++)
		assert_false(config_number_rate.scan(bad[i], &rate));
	assert_string_equal(config_number_rate.format(1000, text), "1000/s");
}

static void test_sizes(void **state)
{
	static const struct {
		const char *text;
		uint64_t bytes;
		const char *canonical;
	} good[] = {
		{ "0", 0, "0" }, { "1000", 1000, "1000" }, { "1024", 1024, "1KiB" },
		{ "500KiB", 512000, "500KiB" }, { "64MiB", 67108864, "64MiB" },
		{ "1024MiB", 1073741824, "1GiB" }, { "2TiB", 2199023255552, "2TiB" },
	};
	static const char *const bad[] = {
		"", "MiB", "1MB", "1M", "1mib", "1 MiB", "-1", "1.5GiB", "1MiB1KiB", "16777216TiB",
	};
	char text[CONFIG_VALUE_STRLEN];
	uint64_t bytes;

	(void)state;
	for (size_t i = 0; i < N(good); i++) {
		assert_true(config_number_size.scan(good[i].text, &bytes));
		assert_int_equal(bytes, good[i].bytes);
		assert_string_equal(config_number_size.format(bytes, text), good[i].canonical);
	}
	for (size_t i = 0; i < N(bad); i++)
		assert_false(config_number_size.scan(bad[i], &bytes));
}

static void test_ports(void **state)
{
	static const char *const bad[] = {
		"", "0", "0-5", "5-", "-5", "5-4", "65536", "1-65536", "1-2-3", "a", "1 - 2", "*",
	};
	struct port_range range;

	(void)state;
	assert_true(config_value_ports("1-65535", &range));
	assert_int_equal(range.first, 1);
	assert_int_equal(range.last, 65535);
	assert_true(config_value_ports("443", &range));
	for (size_t i = 0; i < N(bad); i++)
		assert_false(config_value_ports(bad[i], &range));
	assert_int_equal(range.first, 443);
	assert_int_equal(range.last, 443);
}

/* RFC 1035 2.3.4: labels of at most 63 octets, names of 255 on the wire (253 as text) */
static void test_domain(void **state)
{
#define LABEL63 "123456789012345678901234567890123456789012345678901234567890123"
	static const char *const bad[] = {
		"", ".", "..", ".example", "a..example", "a.example..", "a b.example", "*.example",
		"a\\.example", "\xc3\xa4.example", LABEL63 "4.example",
		LABEL63 "." LABEL63 "." LABEL63 "." LABEL63,
	};
	static const struct {
		const char *text, *name;
	} good[] = {
		{ "example", "example" },
		{ "LAN.Example.", "lan.example" },
		{ "_tcp.a-b.example", "_tcp.a-b.example" },
		{ LABEL63 ".example", LABEL63 ".example" },
		{ LABEL63 "." LABEL63 "." LABEL63 ".1234567890123456789012345678901234567890123"
		  "456789012345678.", LABEL63 "." LABEL63 "." LABEL63
		  ".1234567890123456789012345678901234567890123456789012345678" },
	};
	char name[CONFIG_DOMAIN_STRLEN];

	(void)state;
	for (size_t i = 0; i < N(bad); i++)
		assert_false(config_value_domain(bad[i], name));
	for (size_t i = 0; i < N(good); i++) {
		assert_true(config_value_domain(good[i].text, name));
		assert_string_equal(name, good[i].name);
	}
}

static void test_nearest(void **state)
{
	static const char *const words[] = { "enabled", "clients", "pool4", "udp", "timeouts" };
	static const struct {
		const char *word, *nearest;
	} cases[] = {
		{ "enable", "enabled" },	/* delete */
		{ "cclients", "clients" },	/* insert */
		{ "poll4", "pool4" },		/* replace */
		{ "tiemouts", "timeouts" },	/* swap */
		{ "UDP", "udp" },		/* case */
		{ "upd", "udp" },
		{ "tcp", NULL },
		{ "", NULL },
		{ "x", NULL },
		{ "static", NULL },
		{ "timeoutstimeoutstimeoutstimeoutstimeouts", NULL },
	};

	(void)state;
	for (size_t i = 0; i < N(cases); i++) {
		const char *nearest = config_value_nearest(cases[i].word, words, N(words));

		if (cases[i].nearest)
			assert_string_equal(nearest, cases[i].nearest);
		else
			assert_null(nearest);
	}
}

/* RFC 3629: well-formed sequences and none else */
static void test_utf8(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
	} cases[] = {
		{ "a", 1 }, { "\xc2\x80", 2 }, { "\xdf\xbf", 2 }, { "\xe0\xa0\x80", 3 },
		{ "\xed\x9f\xbf", 3 }, { "\xef\xbf\xbf", 3 }, { "\xf0\x90\x80\x80", 4 },
		{ "\xf4\x8f\xbf\xbf", 4 },
		{ "\x80", 0 }, { "\xc1\xbf", 0 }, { "\xc2", 0 }, { "\xc2x", 0 },
		{ "\xe0\x9f\xbf", 0 }, { "\xed\xa0\x80", 0 }, { "\xe2\x82", 0 },
		{ "\xf0\x8f\xbf\xbf", 0 }, { "\xf4\x90\x80\x80", 0 }, { "\xf5\x80\x80\x80", 0 },
		{ "\xff", 0 },
	};

	(void)state;
	for (size_t i = 0; i < N(cases); i++)
		assert_int_equal(config_utf8_length(cases[i].bytes, strlen(cases[i].bytes)),
				 cases[i].len);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_durations),
		cmocka_unit_test(test_rates),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_ports),
		cmocka_unit_test(test_domain),
		cmocka_unit_test(test_nearest),
		cmocka_unit_test(test_utf8),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
