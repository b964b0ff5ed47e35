/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Addresses, endpoints, prefixes: text and back (RFC 5952), and what contains what. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <string.h>

#include "../../core/addr.h"

#define N(array) (sizeof(array) / sizeof(*(array)))

static struct in6_addr address(const char *text)
{
	struct in6_addr addr;

	assert_true(addr_parse(text, &addr));
	return addr;
}

static struct prefix prefix(const char *text)
{
	struct prefix out;
	const char *wrong = prefix_parse(text, &out);

	if (wrong)
		fail_msg("%s: %s", text, wrong);
	return out;
}

static void test_address_text(void **state)
{
	static const char *const rows[][2] = {
		/* RFC 5952 4: leading zeros, shortest, longest run, first run, lower case */
		{ "2001:0db8::0001", "2001:db8::1" },
		{ "2001:db8:0:0:0:0:2:1", "2001:db8::2:1" },
		{ "2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1" },
		{ "2001:0:0:1:0:0:0:1", "2001:0:0:1::1" },
		{ "2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1" },
		{ "2001:DB8::ABCD", "2001:db8::abcd" },
		{ "::", "::" },
		{ "192.0.2.33", "192.0.2.33" },
		{ "::ffff:192.0.2.33", "192.0.2.33" },
	};
	char text[ADDR_STRLEN];

	(void)state;
	for (size_t i = 0; i < N(rows); i++) {
		struct in6_addr addr = address(rows[i][0]);

		assert_string_equal(addr_format(&addr, text), rows[i][1]);
	}
}

static void test_not_an_address(void **state)
{
	static const char *const rows[] = {
		"", " ", "1.2.3", "1.2.3.256", "1.2.3.4.5", "01.2.3.4 ", "::g", "1::2::3",
		"[::1]", "fe80::1%eth0", "1.2.3.4/32", "example", "12345::",
	};
	struct in6_addr addr = address("2001:db8::1"), was = addr;

	(void)state;
	for (size_t i = 0; i < N(rows); i++) {
		assert_false(addr_parse(rows[i], &addr));
		assert_memory_equal(&addr, &was, sizeof(addr));
	}
}

static void test_mapped(void **state)
{
	static const uint8_t mapped[16] = { [10] = 0xff, 0xff, 192, 0, 2, 33 };
	struct in6_addr addr = addr_from_v4(inet_addr("192.0.2.33"));
	struct in6_addr compatible = address("::192.0.2.33");

	(void)state;
	assert_memory_equal(&addr, mapped, 16);	/* RFC 4291 2.5.5.2 */
	assert_true(addr_is_v4(&addr));
	assert_false(addr_is_v4(&compatible));
	assert_int_equal(addr_v4_be32(&addr), inet_addr("192.0.2.33"));
	assert_true(addr_equal(&addr, &addr));
	assert_false(addr_equal(&addr, &compatible));
}

static void test_endpoint_text(void **state)
{
	static const struct {
		const char *text, *back;
	} rows[] = {
		{ "192.0.2.1", "192.0.2.1:53" },
		{ "192.0.2.1:5300", "192.0.2.1:5300" },
		{ "192.0.2.1:1", "192.0.2.1:1" },
		{ "2001:db8::1", "[2001:db8::1]:53" },
		{ "[2001:db8::1]", "[2001:db8::1]:53" },
		{ "[2001:db8::1]:65535", "[2001:db8::1]:65535" },
		{ "::", "[::]:53" },
	};
	char text[ENDPOINT_STRLEN];
	struct endpoint ep;

	(void)state;
	for (size_t i = 0; i < N(rows); i++) {
		assert_true(endpoint_parse(rows[i].text, 53, &ep));
		assert_string_equal(endpoint_format(&ep, text), rows[i].back);
	}
	/* The longest there is fits. */
	assert_true(endpoint_parse("[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535", 1, &ep));
	assert_int_equal(strlen(endpoint_format(&ep, text)), 47);
}

static void test_not_an_endpoint(void **state)
{
	static const char *const rows[] = {
		"", ":", ":53", "192.0.2.1:", "192.0.2.1:0", "192.0.2.1:65536", "192.0.2.1:5x",
		"192.0.2.1:-1", "192.0.2.1: 5", "192.0.2.1:99999999999999999999", "[", "[]", "[]:1",
		"[2001:db8::1", "[2001:db8::1]53", "[2001:db8::1]:", "[2001:db8::1]:0",
		"[2001:db8::1]:65536", "[192.0.2.1]", "[192.0.2.1]:5", "host:5", "x",
		"2001:db8::1:2:3:4:5:6:7:8:9:10:11:12:13:14:15:16:17:18",
	};
	struct endpoint ep = { .port = 7 };

	(void)state;
	for (size_t i = 0; i < N(rows); i++) {
		assert_false(endpoint_parse(rows[i], 53, &ep));
		assert_int_equal(ep.port, 7);
	}
}

static void test_endpoint_sockaddr(void **state)
{
	static const char *const rows[] = { "192.0.2.1:5300", "[2001:db8::1]:5300" };
	struct sockaddr unix_address = { .sa_family = AF_UNIX };
	struct sockaddr_storage ss;
	struct endpoint ep, back = { .port = 7 };

	(void)state;
	assert_true(endpoint_parse(rows[0], 0, &ep));
	assert_int_equal(endpoint_to_sockaddr(&ep, &ss), sizeof(struct sockaddr_in));
	assert_int_equal(ss.ss_family, AF_INET);
	assert_int_equal(((struct sockaddr_in *)&ss)->sin_port, htons(5300));
	assert_int_equal(((struct sockaddr_in *)&ss)->sin_addr.s_addr, inet_addr("192.0.2.1"));
	assert_true(endpoint_parse(rows[1], 0, &ep));
	assert_int_equal(endpoint_to_sockaddr(&ep, &ss), sizeof(struct sockaddr_in6));
	assert_int_equal(((struct sockaddr_in6 *)&ss)->sin6_port, htons(5300));
	for (size_t i = 0; i < N(rows); i++) {
		assert_true(endpoint_parse(rows[i], 0, &ep));
		endpoint_to_sockaddr(&ep, &ss);
		assert_true(endpoint_from_sockaddr((struct sockaddr *)&ss, &back));
		assert_true(addr_equal(&ep.addr, &back.addr));
		assert_int_equal(back.port, 5300);
	}
	assert_false(endpoint_from_sockaddr(&unix_address, &back));
	assert_int_equal(back.port, 5300);
}

static void test_prefix_text(void **state)
{
	static const struct {
		const char *text, *back;
		unsigned int len;
	} rows[] = {
		{ "192.0.2.0/24", "192.0.2.0/24", 120 },
		{ "192.0.2.1", "192.0.2.1/32", 128 },
		{ "10.0.0.0/7", "10.0.0.0/7", 103 },
		{ "2001:db8::/32", "2001:db8::/32", 32 },
		{ "2001:db8::1", "2001:db8::1/128", 128 },
		{ "::/0", "::/0", 0 },
		{ "::ffff:0:0/96", "::ffff:0:0/96", 96 },
		{ "::ffff:192.0.2.0/120", "192.0.2.0/24", 120 },
		{ "64:ff9b::/96", "64:ff9b::/96", 96 },
	};
	char text[PREFIX_STRLEN];

	(void)state;
	for (size_t i = 0; i < N(rows); i++) {
		struct prefix one = prefix(rows[i].text), again;

		assert_int_equal(one.len, rows[i].len);
		assert_string_equal(prefix_format(&one, text), rows[i].back);
		again = prefix(text);
		assert_true(prefix_equal(&one, &again));
	}
	/* All of IPv4: the same set, whichever way it is written */
	assert_true(prefix_is_v4(&(struct prefix){ prefix("0.0.0.0/0").addr, 96 }));
	assert_int_equal(prefix("0.0.0.0/0").len, 96);
}

static void test_not_a_prefix(void **state)
{
	static const char *const rows[] = {
		"", "/", "/24", "192.0.2.0/", "192.0.2.0/33", "192.0.2.0/-1", "192.0.2.0/24x",
		"192.0.2.0/ 24", "192.0.2.0/99999999999999999999", "2001:db8::/129",
		"192.0.2.1/24", "2001:db8::1/127", "2001:db8::8000:0/96", "[2001:db8::]/32", "x/1",
	};
	struct prefix out = { .len = 7 };

	(void)state;
	for (size_t i = 0; i < N(rows); i++) {
		assert_non_null(prefix_parse(rows[i], &out));
		assert_int_equal(out.len, 7);
	}
}

static void test_contains(void **state)
{
	static const struct {
		const char *prefix, *addr;
		bool in;
	} rows[] = {
		{ "192.0.2.0/24", "192.0.2.255", true },
		{ "192.0.2.0/24", "192.0.3.0", false },
		{ "100.64.0.0/10", "100.127.255.255", true },
		{ "100.64.0.0/10", "100.128.0.0", false },
		{ "0.0.0.0/0", "255.255.255.255", true },
		{ "0.0.0.0/0", "2001:db8::1", false },
		{ "::/0", "192.0.2.1", true },
		{ "2001:db8::/33", "2001:db8:7fff:ffff:ffff:ffff:ffff:ffff", true },
		{ "2001:db8::/33", "2001:db8:8000::", false },
		{ "2001:db8::1/128", "2001:db8::1", true },
		{ "2001:db8::1/128", "2001:db8::", false },
	};

	(void)state;
	for (size_t i = 0; i < N(rows); i++) {
		struct prefix one = prefix(rows[i].prefix);
		struct in6_addr addr = address(rows[i].addr);

		assert_int_equal(prefix_contains(&one, &addr), rows[i].in);
	}
}

static void test_overlaps(void **state)
{
	static const struct {
		const char *a, *b;
		bool overlap;
	} rows[] = {
		{ "10.0.0.0/8", "10.2.0.0/16", true },
		{ "10.0.0.0/8", "11.0.0.0/8", false },
		{ "10.0.0.0/8", "10.0.0.0/8", true },
		{ "::/0", "10.0.0.0/8", true },
		{ "2001:db8::/32", "2001:db9::/32", false },
	};

	(void)state;
	for (size_t i = 0; i < N(rows); i++) {
		struct prefix a = prefix(rows[i].a), b = prefix(rows[i].b);

		assert_int_equal(prefix_overlaps(&a, &b), rows[i].overlap);
		assert_int_equal(prefix_overlaps(&b, &a), rows[i].overlap);
	}
}

static void test_list(void **state)
{
	struct prefix first = prefix("10.0.0.0/8"), second = prefix("2001:db8::/32");
	struct in6_addr in = address("2001:db8::5"), out = address("2001:db9::5");
	struct prefix_list list = { 0 }, copy, other = { 0 };

	(void)state;
	assert_false(prefix_list_contains(&list, &in));
	assert_int_equal(prefix_list_add(&list, &first), 0);
	assert_int_equal(prefix_list_add(&list, &second), 0);
	assert_int_equal(list.n, 2);
	assert_true(prefix_list_contains(&list, &in));
	assert_false(prefix_list_contains(&list, &out));
	assert_int_equal(prefix_list_copy(&copy, &list), 0);
	assert_ptr_not_equal(copy.v, list.v);
	assert_true(prefix_list_equal(&copy, &list));
	/* another order and another length are other lists */
	assert_int_equal(prefix_list_add(&other, &second), 0);
	assert_false(prefix_list_equal(&other, &list));
	assert_int_equal(prefix_list_add(&other, &first), 0);
	assert_false(prefix_list_equal(&other, &list));
	prefix_list_free(&list);
	assert_int_equal(list.n, 0);
	assert_null(list.v);
	assert_true(prefix_list_contains(&copy, &in));
	prefix_list_free(&copy);
	prefix_list_free(&other);
}

/* Every answer of the binary search is that of the plain one. */
static void test_sorted_list(void **state)
{
	static const char *const texts[] = {
		"2001:db8:2::/48", "10.0.0.0/8", "fe80::1/128", "::1/128", "2001:db8:1::7/128",
		"192.0.2.0/25", "ff00::/8", "192.0.2.129/32",
	};
	static const char *const asked[] = {
		"::", "::1", "::2", "9.255.255.255", "10.0.0.0", "10.255.255.255", "11.0.0.0",
		"192.0.2.127", "192.0.2.128", "192.0.2.129", "192.0.2.130", "2001:db8:1::6",
		"2001:db8:1::7", "2001:db8:1::8", "2001:db8:2::", "2001:db8:2:ffff::1",
		"2001:db8:3::", "fe80::1", "fe80::2", "ff02::1",
		"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
	};
	struct prefix_list list = { 0 };

	(void)state;
	for (size_t n = 0; n <= sizeof(texts) / sizeof(*texts); n++) {
		prefix_list_sort(&list);
		for (size_t i = 0; i < sizeof(asked) / sizeof(*asked); i++) {
			struct in6_addr addr = address(asked[i]);

			assert_int_equal(prefix_list_sorted_contains(&list, &addr),
					 prefix_list_contains(&list, &addr));
		}
		if (n < sizeof(texts) / sizeof(*texts)) {
			struct prefix next = prefix(texts[n]);

			assert_int_equal(prefix_list_add(&list, &next), 0);
		}
	}
	prefix_list_free(&list);
}

/* A client's number leads back to its prefix. */
static void test_client(void **state)
{
	static const struct {
		const char *addr, *client;
	} cases[] = {
		{ "192.0.2.7", "192.0.2.7/32" },
		{ "0.0.0.0", "0.0.0.0/32" },
		{ "255.255.255.255", "255.255.255.255/32" },
		{ "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64" },
		{ "::1", "::/64" },
	};
	char text[PREFIX_STRLEN];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct prefix prefix;
		struct in6_addr addr;

		assert_true(addr_parse(cases[i].addr, &addr));
		prefix = addr_client_prefix(addr_client(&addr));
		assert_string_equal(prefix_format(&prefix, text), cases[i].client);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_address_text),
		cmocka_unit_test(test_not_an_address),
		cmocka_unit_test(test_mapped),
		cmocka_unit_test(test_endpoint_text),
		cmocka_unit_test(test_not_an_endpoint),
		cmocka_unit_test(test_endpoint_sockaddr),
		cmocka_unit_test(test_prefix_text),
		cmocka_unit_test(test_not_a_prefix),
		cmocka_unit_test(test_contains),
		cmocka_unit_test(test_overlaps),
		cmocka_unit_test(test_list),
		cmocka_unit_test(test_sorted_list),
		cmocka_unit_test(test_client),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
