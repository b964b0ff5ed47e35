/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The cache: what makes a key, ageing, and the bound in bytes. */
#include "dns_text.h"

#include "../../core/siphash.h"
#include "../../dns64/cache.h"
#include "../../dns64/key.h"

enum { SIZE = 1024 * 1024 };

static uint8_t wire[MESSAGE_MAX], wire_out[MESSAGE_MAX];

static struct answer make_answer(const char *qname, uint32_t ttl_s)
{
	static const uint8_t v4[] = { 192, 0, 2, 1 };
	struct query query = dns_text_query(qname, LDNS_RR_TYPE_A);
	struct answer answer = { .wire = wire };
	struct reply reply;

	reply_begin(&reply, &answer, &query);
	reply_add(&reply, SECTION_ANSWER, &query.qname, LDNS_RR_TYPE_A, ttl_s, v4, sizeof(v4));
	reply_end(&reply, LDNS_RCODE_NOERROR);
	answer.secure = true;
	answer.ede = REPLY_EDE_SYNTHESISED;
	return answer;
}

static const struct siphash_key secret = { 1, 2 };

static void put(struct cache *cache, const struct query *query, int64_t now_ms,
		const struct answer *answer)
{
	struct key key;

	key_make(&key, &secret, query);
	cache_put(cache, &key, now_ms, answer);
}

static bool get(struct cache *cache, const struct query *query, int64_t now_ms,
		struct answer *out)
{
	struct key key;

	key_make(&key, &secret, query);
	*out = (struct answer){ .wire = wire_out };
	return cache_get(cache, &key, now_ms, out);
}

static void test_gives_back_with_ttls_counted_down(void **state)
{
	struct cache *cache = cache_new(SIZE);
	struct answer answer = make_answer("a.example", 100), out;
	struct query query = dns_text_query("A.EXAMPLE", LDNS_RR_TYPE_A);
	char text[DNS_TEXT_MAX];
	ldns_pkt *packet;

	(void)state;
	assert_non_null(cache);
	assert_false(get(cache, &query, 5000, &out));
	put(cache, &query, 5000, &answer);
	assert_true(get(cache, &query, 5000 + 30999, &out));
	assert_int_equal(out.rcode, LDNS_RCODE_NOERROR);
	assert_true(out.secure);
	assert_false(out.synthesised);
	assert_int_equal(out.ede, REPLY_EDE_SYNTHESISED);
	packet = dns_text_parse(out.wire, out.len);
	dns_text_section(packet, LDNS_SECTION_ANSWER, text);
	assert_string_equal(text, "a.example. 70 A 192.0.2.1\n");
	ldns_pkt_free(packet);

	assert_true(get(cache, &query, 5000 + 99999, &out));
	assert_false(get(cache, &query, 5000 + 100000, &out));
	cache_free(cache);
}

static void test_keys_differ(void **state)
{
	struct cache *cache = cache_new(SIZE);
	struct answer answer = make_answer("a.example", 100), out;
	struct query plain = dns_text_query("a.example", LDNS_RR_TYPE_A), other = plain;

	(void)state;
	put(cache, &plain, 0, &answer);
	other.dnssec_ok = true;
	assert_false(get(cache, &other, 0, &out));
	put(cache, &other, 0, &answer);
	other.flags |= MESSAGE_CD;		/* with DO: RFC 6147 5.5 */
	assert_false(get(cache, &other, 0, &out));
	other.dnssec_ok = false;		/* and alone: RFC 4035 3.2.2 */
	assert_false(get(cache, &other, 0, &out));
	other = plain;
	other.type = LDNS_RR_TYPE_AAAA;
	assert_false(get(cache, &other, 0, &out));
	other = dns_text_query("b.example", LDNS_RR_TYPE_A);
	assert_false(get(cache, &other, 0, &out));

	cache_flush(cache);
	assert_false(get(cache, &plain, 0, &out));
	cache_free(cache);
}

/* However many names come, the bytes stay within the bound and the newest are there. */
static void test_stays_within_its_size(void **state)
{
	struct cache *cache = cache_new(SIZE);
	struct cache_usage usage;
	struct query query;
	struct answer out;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		char name[64];
		struct answer answer;

		snprintf(name, sizeof(name), "name-%d.example", i);
		answer = make_answer(name, 100);
		query = dns_text_query(name, LDNS_RR_TYPE_A);
		put(cache, &query, 0, &answer);
	}
	cache_usage(cache, &usage);
	assert_int_equal(usage.bytes_max, SIZE);
	assert_true(usage.bytes <= SIZE);
	assert_true(usage.bytes > SIZE * 9 / 10);
	assert_true(usage.entries > 1000 && usage.entries < 20000);
	assert_true(get(cache, &query, 0, &out));
	query = dns_text_query("name-0.example", LDNS_RR_TYPE_A);
	assert_false(get(cache, &query, 0, &out));
	cache_free(cache);
}

static void test_what_was_asked_for_stays_longer(void **state)
{
	struct cache *cache = cache_new(1);	/* one shard, room for nothing */
	struct answer answer = make_answer("a.example", 100), out;
	struct query hot = dns_text_query("a.example", LDNS_RR_TYPE_A);

	(void)state;
	put(cache, &hot, 0, &answer);
	assert_false(get(cache, &hot, 0, &out));
	cache_free(cache);

	cache = cache_new(256 * 1024);
	put(cache, &hot, 0, &answer);
	for (int i = 0; i < 10000; i++) {
		char name[64];
		struct query query;

		assert_true(get(cache, &hot, 0, &out));
		snprintf(name, sizeof(name), "name-%d.example", i);
		answer = make_answer(name, 100);
		query = dns_text_query(name, LDNS_RR_TYPE_A);
		put(cache, &query, 0, &answer);
	}
	cache_free(cache);
}

static void test_keeps_nothing_without_lifetime(void **state)
{
	struct cache *none = cache_new(0), *cache = cache_new(SIZE);
	struct answer answer = make_answer("a.example", 0), out;
	struct query query = dns_text_query("a.example", LDNS_RR_TYPE_A);

	(void)state;
	put(cache, &query, 0, &answer);
	assert_false(get(cache, &query, 0, &out));
	answer = make_answer("a.example", 100);
	put(none, &query, 0, &answer);
	assert_false(get(none, &query, 0, &out));
	cache_free(cache);
	cache_free(none);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_gives_back_with_ttls_counted_down),
		cmocka_unit_test(test_keys_differ),
		cmocka_unit_test(test_stays_within_its_size),
		cmocka_unit_test(test_what_was_asked_for_stays_longer),
		cmocka_unit_test(test_keeps_nothing_without_lifetime),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
