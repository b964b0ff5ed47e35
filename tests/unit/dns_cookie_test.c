/* SPDX-License-Identifier: GPL-2.0-or-later */
/* DNS cookies: RFC 7873 5.2, RFC 9018 4 and its test vectors (appendix A). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "../../core/addr.h"
#include "../../core/siphash24.h"
#include "../../dns64/cookie.h"
#include "../../dns64/message.h"

enum { NOON_S = 1559736000 };	/* 2019-06-05 12:00:00 UTC */

static size_t from_hex(uint8_t *out, const char *text)
{
	size_t n = strlen(text) / 2;

	for (size_t i = 0; i < n; i++) {
		unsigned int byte;

		assert_int_equal(sscanf(text + 2 * i, "%2x", &byte), 1);
		out[i] = (uint8_t)byte;
	}
	return n;
}

static struct in6_addr address(const char *text)
{
	struct in6_addr addr;

	assert_true(addr_parse(text, &addr));
	return addr;
}

static struct query with_cookie(const char *hex)
{
	struct query query = { 0 };

	query.cookie_len = (uint8_t)from_hex(query.cookie, hex);
	return query;
}

static struct cookies worker(void)
{
	const struct siphash_key root = { 0x0123456789abcdef, 0xfedcba9876543210 };
	struct cookies cookies;

	cookie_init(&cookies, &root);
	return cookies;
}

/* What a client has that asked at @now_s. */
static struct query cookie_of(const char *client, time_t now_s)
{
	struct query query = with_cookie("2464c4abcf10c957");
	struct in6_addr addr = address(client);
	struct cookies cookies = worker();

	assert_int_equal(cookie_settle(&cookies, &addr, now_s, &query), COOKIE_CLIENT_ONLY);
	assert_int_equal(query.cookie_len, COOKIE_LEN);
	return query;
}

static enum cookie_verdict check(struct query query, const char *client, time_t now_s)
{
	struct in6_addr addr = address(client);
	struct cookies cookies = worker();

	return cookie_settle(&cookies, &addr, now_s, &query);
}

/* RFC 9018 4.4: the hash, by every cookie of appendix A: those that are made, the one whose
 * reserved bytes are not zero, and the one of before the secret was rolled over. */
static void test_vectors(void **state)
{
	static const struct {
		const char *secret, *client, *cookie;
	} vectors[] = {
		{ "e5e973e5a6b2a43f48e7dc849e37bfcf", "198.51.100.100",
		  "2464c4abcf10c957010000005cf79f111f8130c3eee29480" },
		{ "e5e973e5a6b2a43f48e7dc849e37bfcf", "198.51.100.100",
		  "2464c4abcf10c957010000005cf7a871d4a564a1442aca77" },
		{ "e5e973e5a6b2a43f48e7dc849e37bfcf", "203.0.113.203",
		  "fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5" },
		{ "e5e973e5a6b2a43f48e7dc849e37bfcf", "203.0.113.203",
		  "fc93fc62807ddb86010000005cf7a9acf73a7810aca2381e" },
		{ "dd3bdf9344b678b185a6f5cb60fca715", "2001:db8:220:1:59de:d0f4:8769:82b8",
		  "22681ab97d52c298010000005cf7c57926556bd0934c72f8" },
		{ "445536bcd2513298075a5d379663c962", "2001:db8:220:1:59de:d0f4:8769:82b8",
		  "22681ab97d52c298010000005cf7c609a6bb79d16625507a" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		struct in6_addr client = address(vectors[i].client);
		uint8_t secret[16], cookie[COOKIE_LEN], hash[8];
		struct siphash_key key;

		assert_int_equal(from_hex(secret, vectors[i].secret), sizeof(secret));
		assert_int_equal(from_hex(cookie, vectors[i].cookie), sizeof(cookie));
		key = siphash_key_read(secret);
		cookie_hash(&key, cookie, &client, hash);
		if (memcmp(hash, cookie + 16, sizeof(hash)) != 0)
			fail_msg("%s", vectors[i].cookie);
	}
}

/* The reference vectors of SipHash-2-4: key 00..0f, input 00, 01, ... of each length */
static void test_siphash(void **state)
{
	static const struct {
		size_t len;
		uint64_t hash;
	} vectors[] = {
		{ 0, 0x726fdb47dd0e0e31 }, { 1, 0x74f839c593dc67fd }, { 7, 0xab0200f58b01d137 },
		{ 8, 0x93f5f5799a932462 }, { 15, 0xa129ca6149be45e5 }, { 63, 0x958a324ceb064572 },
	};
	struct siphash_key key;
	uint8_t bytes[64];

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)i;
	key = siphash_key_read(bytes);
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++)
		assert_true(siphash24(&key, bytes, vectors[i].len) == vectors[i].hash);
}

/* RFC 7873 5.2.1: without a cookie the reply has none. */
static void test_none(void **state)
{
	struct in6_addr addr = address("2001:db8::1");
	struct query query = { 0 };
	struct cookies cookies = worker();

	(void)state;
	assert_int_equal(cookie_settle(&cookies, &addr, NOON_S, &query), COOKIE_NONE);
	assert_int_equal(query.cookie_len, 0);
}

/* RFC 7873 5.2.3, RFC 9018 4: the client's eight bytes stay; version 1, zeros, the time. */
static void test_made(void **state)
{
	struct query query = cookie_of("2001:db8::1", 0x5cf79f11);
	uint8_t expected[16];

	(void)state;
	from_hex(expected, "2464c4abcf10c957010000005cf79f11");
	assert_memory_equal(query.cookie, expected, sizeof(expected));
}

/* RFC 7873 5.2.5, 5.2.4: good from where it was sent to; bad from elsewhere, or altered. */
static void test_bound_to_the_client(void **state)
{
	struct query query = cookie_of("2001:db8::1", NOON_S);

	(void)state;
	assert_int_equal(check(query, "2001:db8::1", NOON_S + 1), COOKIE_GOOD);
	assert_int_equal(check(query, "2001:db8::2", NOON_S + 1), COOKIE_BAD);
	for (size_t i = 0; i < COOKIE_LEN; i++) {
		query.cookie[i] ^= 1;
		assert_int_equal(check(query, "2001:db8::1", NOON_S + 1), COOKIE_BAD);
		query.cookie[i] ^= 1;
	}
	query.cookie_len = 40;
	assert_int_equal(check(query, "2001:db8::1", NOON_S + 1), COOKIE_BAD);
	query.cookie_len = 16;
	assert_int_equal(check(query, "2001:db8::1", NOON_S + 1), COOKIE_BAD);
	assert_int_equal(check(cookie_of("192.0.2.1", NOON_S), "192.0.2.1", NOON_S), COOKIE_GOOD);
	assert_int_equal(check(cookie_of("192.0.2.1", NOON_S), "192.0.2.2", NOON_S), COOKIE_BAD);
}

/* RFC 9018 4.3: one hour old at most, five minutes ahead at most; 32 bits that wrap. */
static void test_time(void **state)
{
	static const time_t made[] = { NOON_S, 0xffffffff, 0x100000000 };

	(void)state;
	for (size_t i = 0; i < sizeof(made) / sizeof(made[0]); i++) {
		struct query query = cookie_of("2001:db8::1", made[i]);

		assert_int_equal(check(query, "2001:db8::1", made[i] + 3600), COOKIE_GOOD);
		assert_int_equal(check(query, "2001:db8::1", made[i] + 3601), COOKIE_BAD);
		assert_int_equal(check(query, "2001:db8::1", made[i] - 300), COOKIE_GOOD);
		assert_int_equal(check(query, "2001:db8::1", made[i] - 301), COOKIE_BAD);
	}
}

/* RFC 9018 4.3: above half an hour the reply has a new one; a bad one is replaced at once. */
static void test_renewed(void **state)
{
	struct in6_addr addr = address("2001:db8::1");
	struct query first = cookie_of("2001:db8::1", NOON_S), query = first;
	struct query fresh = cookie_of("2001:db8::1", NOON_S + 1801);
	struct cookies cookies = worker();

	(void)state;
	cookie_settle(&cookies, &addr, NOON_S + 1800, &query);
	assert_memory_equal(query.cookie, first.cookie, COOKIE_LEN);
	cookie_settle(&cookies, &addr, NOON_S + 1801, &query);
	assert_memory_equal(query.cookie, fresh.cookie, COOKIE_LEN);
	query = first;
	query.cookie[20] ^= 0x80;
	assert_int_equal(cookie_settle(&cookies, &addr, NOON_S + 1801, &query), COOKIE_BAD);
	assert_memory_equal(query.cookie, fresh.cookie, COOKIE_LEN);
}

/* RFC 9018 5: a new secret each day, and what was made before midnight is good after it. */
static void test_secret_rolls_over(void **state)
{
	const time_t midnight = NOON_S + 43200;
	struct in6_addr addr = address("2001:db8::1");
	struct query old = cookie_of("2001:db8::1", midnight - 10), query = old;
	struct query moved;
	struct cookies cookies = worker();

	(void)state;
	assert_int_equal(cookie_settle(&cookies, &addr, midnight + 3590, &query), COOKIE_GOOD);
	assert_memory_not_equal(query.cookie, old.cookie, COOKIE_LEN);
	assert_int_equal(cookie_settle(&cookies, &addr, midnight + 3600, &query), COOKIE_GOOD);
	/* By another day's secret the same cookie has another hash. */
	moved = cookie_of("2001:db8::1", midnight + 86400);
	assert_true(cookies.day[0].secret.k0 != cookies.day[1].secret.k0);
	cookie_settle(&cookies, &addr, midnight + 86400, &moved);
	assert_true(cookies.day[0].number != cookies.day[1].number);
}

/* RFC 7873 5.2: another process's cookies (another root) are bad here. */
static void test_another_root(void **state)
{
	const struct siphash_key root = { 1, 2 };
	struct in6_addr addr = address("2001:db8::1");
	struct query query = cookie_of("2001:db8::1", NOON_S);
	struct cookies cookies;

	(void)state;
	cookie_init(&cookies, &root);
	assert_int_equal(cookie_settle(&cookies, &addr, NOON_S, &query), COOKIE_BAD);
	/* A clock that stands at 1970 finds a secret too. */
	query = with_cookie("2464c4abcf10c957");
	cookie_init(&cookies, &root);
	cookie_settle(&cookies, &addr, 5, &query);
	assert_true(cookies.day[0].secret.k0 != 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors),
		cmocka_unit_test(test_siphash),
		cmocka_unit_test(test_none),
		cmocka_unit_test(test_made),
		cmocka_unit_test(test_bound_to_the_client),
		cmocka_unit_test(test_time),
		cmocka_unit_test(test_renewed),
		cmocka_unit_test(test_secret_rolls_over),
		cmocka_unit_test(test_another_root),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
