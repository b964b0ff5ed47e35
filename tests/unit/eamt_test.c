/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Explicit address mappings: the example table of RFC 7757 and the edges of its rules. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../core/addr.h"
#include "../../core/config.h"
#include "../../core/eamt.h"

#define N(array) (sizeof(array) / sizeof(*(array)))

static struct eam mapping(const char *ipv4, const char *ipv6)
{
	struct eam eam;

	assert_null(prefix_parse(ipv4, &eam.ipv4));
	assert_null(prefix_parse(ipv6, &eam.ipv6));
	return eam;
}

/* An IPv4 address, or "" where there is no mapping */
static const char *to4(const struct eamt *table, const char *v6)
{
	static char text[INET_ADDRSTRLEN];
	struct in6_addr addr;
	uint32_t v4_be32 = 0xdeadbeef;

	assert_true(addr_parse(v6, &addr));
	if (!eamt_to4(table, &addr, &v4_be32)) {
		assert_int_equal(v4_be32, 0xdeadbeef);
		return "";
	}
	return inet_ntop(AF_INET, &v4_be32, text, sizeof(text));
}

static const char *to6(const struct eamt *table, const char *v4)
{
	static char text[ADDR_STRLEN];
	struct in6_addr addr;

	return eamt_to6(table, inet_addr(v4), &addr) ? addr_format(&addr, text) : "";
}

struct pair {
	const char *v4, *v6;
};

/* RFC 7757 3.1, 3.2, 3.3.1, 3.3.2: both ways, for each shape of a mapping */
static void test_mappings(void **state)
{
	const struct eam eams[] = {
		mapping("192.0.2.1/32", "2001:db8:aaaa::/128"),
		mapping("192.0.2.2/32", "2001:db8:bbbb::b/128"),
		mapping("192.0.2.16/28", "2001:db8:cccc::/124"),
		mapping("192.0.2.128/26", "2001:db8:dddd::/64"),
		mapping("192.0.2.192/29", "2001:db8:eeee:8::/62"),
		mapping("192.0.2.224/31", "64:ff9b::/127"),
	};
	static const struct pair pairs[] = {
		{ "192.0.2.1", "2001:db8:aaaa::" },
		{ "192.0.2.2", "2001:db8:bbbb::b" },
		{ "192.0.2.16", "2001:db8:cccc::" },
		{ "192.0.2.24", "2001:db8:cccc::8" },
		{ "192.0.2.31", "2001:db8:cccc::f" },
		{ "192.0.2.128", "2001:db8:dddd::" },
		{ "192.0.2.152", "2001:db8:dddd:0:6000::" },
		{ "192.0.2.183", "2001:db8:dddd:0:dc00::" },
		{ "192.0.2.192", "2001:db8:eeee:8::" },
		{ "192.0.2.195", "2001:db8:eeee:9:8000::" },
		{ "192.0.2.199", "2001:db8:eeee:b:8000::" },
		{ "192.0.2.224", "64:ff9b::" },
		{ "192.0.2.225", "64:ff9b::1" },
	};
	static const struct pair none[] = {
		{ "192.0.2.0", "2001:db8:aaaa::1" },
		{ "192.0.2.3", "2001:db8:bbbb::a" },
		{ "192.0.2.15", "2001:db8:cccc::10" },
		{ "192.0.2.32", "2001:db8:cccb:ffff:ffff:ffff:ffff:ffff" },
		{ "192.0.2.200", "2001:db8:eeee:c::" },
		{ "203.0.113.1", "64:ff9b::2" },
	};
	struct eamt *table = eamt_new(eams, N(eams));

	(void)state;
	assert_non_null(table);
	for (size_t i = 0; i < N(pairs); i++) {
		assert_string_equal(to6(table, pairs[i].v4), pairs[i].v6);
		assert_string_equal(to4(table, pairs[i].v6), pairs[i].v4);
	}
	for (size_t i = 0; i < N(none); i++) {
		assert_string_equal(to6(table, none[i].v4), "");
		assert_string_equal(to4(table, none[i].v6), "");
	}
	eamt_free(table);
}

/* RFC 7757 3.3.2: an IPv6 suffix may be longer than the IPv4 one; the rest is ignored. */
static void test_trailing_bits_are_ignored(void **state)
{
	const struct eam eams[] = {
		mapping("192.0.2.128/26", "2001:db8:dddd::/64"),
		mapping("198.51.100.7/32", "2001:db8:1::/48"),
	};
	struct eamt *table = eamt_new(eams, N(eams));

	(void)state;
	assert_string_equal(to4(table, "2001:db8:dddd:0:63ff:ffff:ffff:ffff"), "192.0.2.152");
	assert_string_equal(to4(table, "2001:db8:1:ffff:a:b:c:d"), "198.51.100.7");
	assert_string_equal(to6(table, "198.51.100.7"), "2001:db8:1::");
	eamt_free(table);
}

/* RFC 7757 3.2, 3.3: of several prefixes that hold an address the longest counts. */
static void test_longest_match(void **state)
{
	const struct eam eams[] = {
		mapping("0.0.0.0/0", "2001:db8:f000::/36"),
		mapping("192.0.2.0/24", "2001:db8:24::/120"),
		mapping("192.0.2.128/25", "2001:db8:f000:25::/64"),
		mapping("192.0.2.129/32", "2001:db8:24::7/128"),
	};
	struct eamt *table = eamt_new(eams, N(eams));

	(void)state;
	assert_string_equal(to6(table, "192.0.2.5"), "2001:db8:24::5");
	assert_string_equal(to6(table, "192.0.2.255"), "2001:db8:f000:25:fe00::");
	assert_string_equal(to6(table, "192.0.2.129"), "2001:db8:24::7");
	assert_string_equal(to6(table, "255.255.255.255"), "2001:db8:ffff:ffff:f000::");
	assert_string_equal(to4(table, "2001:db8:24::7"), "192.0.2.129");
	assert_string_equal(to4(table, "2001:db8:24::8"), "192.0.2.8");
	assert_string_equal(to4(table, "2001:db8:f000:25:8000::"), "192.0.2.192");
	assert_string_equal(to4(table, "2001:db8:f000:24::"), "0.0.2.64");
	eamt_free(table);
}

static void test_empty(void **state)
{
	struct eamt *table = eamt_new(NULL, 0);

	(void)state;
	assert_non_null(table);
	assert_string_equal(to6(table, "192.0.2.1"), "");
	assert_string_equal(to4(table, "2001:db8::1"), "");
	eamt_free(table);
	eamt_free(NULL);
}

/* RFC 7757 3.1: the table is a set of mappings; 1024 of them, each found both ways. */
static void test_many(void **state)
{
	struct eam eams[1024];
	struct eamt *table, *other;
	char v4[32], v6[64];

	(void)state;
	for (unsigned int i = 0; i < N(eams); i++) {
		snprintf(v4, sizeof(v4), "10.%u.%u.0/%u", i >> 8, i & 255, 24 + i % 9);
		snprintf(v6, sizeof(v6), "2001:db8:%x::/%u", i * 7, 48 + i % 60);
		eams[i] = mapping(v4, v6);
	}
	table = eamt_new(eams, N(eams));
	for (unsigned int i = 0; i < N(eams); i++) {
		snprintf(v4, sizeof(v4), "10.%u.%u.0", i >> 8, i & 255);
		snprintf(v6, sizeof(v6), i ? "2001:db8:%x::" : "2001:db8::", i * 7);
		assert_string_equal(to6(table, v4), v6);
		assert_string_equal(to4(table, v6), v4);
	}
	for (unsigned int i = 0; i < N(eams) / 2; i++) {
		struct eam swap = eams[i];

		eams[i] = eams[N(eams) - 1 - i];
		eams[N(eams) - 1 - i] = swap;
	}
	other = eamt_new(eams, N(eams));
	assert_true(eamt_equal(table, other));
	eamt_free(other);
	other = eamt_new(eams, N(eams) - 1);
	assert_false(eamt_equal(table, other));
	eamt_free(other);
	eams[500].ipv6 = mapping("10.0.0.0/8", "2001:db8:ffff::/48").ipv6;
	other = eamt_new(eams, N(eams));
	assert_false(eamt_equal(table, other));
	eamt_free(other);
	eamt_free(table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mappings),
		cmocka_unit_test(test_trailing_bits_are_ignored),
		cmocka_unit_test(test_longest_match),
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
