/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The cache: what makes a key, how answers and failures age, and the bound in bytes. */
#include "dns_text.h"

#include <pthread.h>

#include "../../core/siphash.h"
#include "../../core/stats.h"
#include "../../dns64/cache.h"
#include "../../dns64/key.h"

enum { SIZE = 1024 * 1024, DAY_S = 86400 };

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { SANITIZED = true };
#else
enum { SANITIZED = false };
#endif

static const struct siphash_key secret = { 1, 2 };
static uint8_t wire[MESSAGE_MAX], wire_out[MESSAGE_MAX];
static struct cache *cache;

/* ---- helpers ------------------------------------------------------------------------ */

static struct cache *cache_of(uint64_t size, uint32_t stale_s, bool renew)
{
	struct cache *made = cache_new(size);
	struct cache_policy policy = { .stale_s = stale_s, .renew = renew };

	assert_non_null(made);
	cache_set_policy(made, &policy);
	return made;
}

static int setup(void **state)
{
	(void)state;
	cache = cache_of(SIZE, DAY_S, true);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	cache_free(cache);
	return 0;
}

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

static struct answer make_failure(const char *qname, enum reply_ede ede)
{
	struct query query = dns_text_query(qname, LDNS_RR_TYPE_A);
	struct answer answer = { .wire = wire };

	reply_failure(&answer, &query, LDNS_RCODE_SERVFAIL, ede);
	return answer;
}

static void put_query(const struct query *query, int64_t now_ms, const struct answer *answer)
{
	struct key key;

	key_make(&key, &secret, query);
	cache_put(cache, &key, now_ms, answer);
}

static enum cache_outcome get_query(const struct query *query, int64_t now_ms,
				    struct answer *out)
{
	struct key key;

	key_make(&key, &secret, query);
	*out = (struct answer){ .wire = wire_out };
	return cache_get(cache, &key, now_ms, out);
}

static void put(const char *qname, uint32_t ttl_s, int64_t now_ms)
{
	struct query query = dns_text_query(qname, LDNS_RR_TYPE_A);
	struct answer answer = make_answer(qname, ttl_s);

	put_query(&query, now_ms, &answer);
}

static void put_failure(const char *qname, enum reply_ede ede, int64_t now_ms)
{
	struct query query = dns_text_query(qname, LDNS_RR_TYPE_A);
	struct answer answer = make_failure(qname, ede);
	struct key key;

	key_make(&key, &secret, &query);
	cache_put_failure(cache, &key, now_ms, &answer);
}

static struct answer out;

static enum cache_outcome get(const char *qname, int64_t now_ms)
{
	struct query query = dns_text_query(qname, LDNS_RR_TYPE_A);

	return get_query(&query, now_ms, &out);
}

static void expect_records(const char *text)
{
	ldns_pkt *packet = dns_text_parse(out.wire, out.len);
	char found[DNS_TEXT_MAX];

	dns_text_section(packet, LDNS_SECTION_ANSWER, found);
	assert_string_equal(found, text);
	ldns_pkt_free(packet);
}

/* ---- hits and misses -------------------------------------------------------------------- */

/* RFC 1035 3.2.1, RFC 2181 8: TTLs count down while an answer is kept. */
static void test_gives_back_with_ttls_counted_down(void **state)
{
	(void)state;
	assert_int_equal(get("A.EXAMPLE", 5000), CACHE_MISS);
	put("a.example", 100, 5000);
	assert_int_equal(get("A.EXAMPLE", 5000 + 30999), CACHE_HIT);
	assert_int_equal(out.rcode, LDNS_RCODE_NOERROR);
	assert_true(out.secure);
	assert_false(out.synthesised);
	assert_int_equal(out.ede, REPLY_EDE_SYNTHESISED);
	assert_int_equal(out.also, REPLY_EDE_NONE);
	expect_records("a.example. 70 A 192.0.2.1\n");

	assert_int_equal(get("a.example", 5000 + 99999), CACHE_HIT);
	assert_int_equal(get("a.example", 5000 + 100000), CACHE_STALE);
}

/* RFC 4343 3: letter case does not count; RFC 6147 5.5: DO and CD do, and the type. */
static void test_keys_differ(void **state)
{
	struct answer answer = make_answer("a.example", 100), got;
	struct query plain = dns_text_query("a.example", LDNS_RR_TYPE_A), other = plain;

	(void)state;
	put_query(&plain, 0, &answer);
	other.dnssec_ok = true;
	assert_int_equal(get_query(&other, 0, &got), CACHE_MISS);
	put_query(&other, 0, &answer);
	other.flags |= MESSAGE_CD;		/* with DO: RFC 6147 5.5 */
	assert_int_equal(get_query(&other, 0, &got), CACHE_MISS);
	other.dnssec_ok = false;		/* and alone: RFC 4035 3.2.2 */
	assert_int_equal(get_query(&other, 0, &got), CACHE_MISS);
	other = plain;
	other.type = LDNS_RR_TYPE_AAAA;
	assert_int_equal(get_query(&other, 0, &got), CACHE_MISS);
	assert_int_equal(get("b.example", 0), CACHE_MISS);
}

static void test_keeps_nothing_without_lifetime(void **state)
{
	(void)state;
	put("a.example", 0, 0);
	assert_int_equal(get("a.example", 0), CACHE_MISS);
}

static void test_keeps_nothing_without_memory(void **state)
{
	struct cache_usage usage;

	(void)state;
	cache_free(cache);
	cache = cache_of(0, DAY_S, true);
	put("a.example", 100, 0);
	put_failure("a.example", REPLY_EDE_UNREACHABLE, 0);
	assert_int_equal(get("a.example", 0), CACHE_MISS);
	assert_int_equal(cache_flush(cache), 0);
	cache_usage(cache, &usage);
	assert_int_equal(usage.bytes, 0);
}

/* An answer of many chunks comes out as it went in. */
static void test_long_answers_are_kept_whole(void **state)
{
	struct query query = dns_text_query("big.example", LDNS_RR_TYPE_TXT);
	struct answer answer = { .wire = wire }, got;
	struct reply reply;
	uint8_t rdata[250];

	(void)state;
	reply_begin(&reply, &answer, &query);
	for (int i = 0; i < 60; i++) {
		memset(rdata, i, sizeof(rdata));
		rdata[0] = sizeof(rdata) - 1;
		reply_add(&reply, SECTION_ANSWER, &query.qname, LDNS_RR_TYPE_TXT, 1000, rdata,
			  sizeof(rdata));
	}
	reply_end(&reply, LDNS_RCODE_NOERROR);
	assert_true(answer.len > 15000);
	put_query(&query, 0, &answer);
	assert_int_equal(get_query(&query, 0, &got), CACHE_HIT);
	assert_int_equal(got.len, answer.len);
	assert_memory_equal(got.wire, wire, answer.len);
}

/* ---- stale answers ------------------------------------------------------------------------ */

/* RFC 8767 4: an expired answer with a TTL of 30 s; 5: up to the maximum stale timer, and
 * only once asking was tried; RFC 8914 4.4: code 3 says so. */
static void test_stale_answers_are_marked(void **state)
{
	(void)state;
	put("a.example", 100, 0);
	assert_int_equal(get("a.example", 100 * 1000), CACHE_STALE);
	expect_records("a.example. 30 A 192.0.2.1\n");
	assert_int_equal(out.also, REPLY_EDE_STALE);
	assert_int_equal(out.ede, REPLY_EDE_SYNTHESISED);
	assert_false(out.secure);	/* nobody has validated it now */
	assert_int_equal(get("a.example", (100 + DAY_S) * 1000LL - 1), CACHE_STALE);
	assert_int_equal(get("a.example", (100 + DAY_S) * 1000LL), CACHE_MISS);
}

/* RFC 8914 4.20: code 19 for a name that did not exist. */
static void test_stale_nxdomain_is_marked_as_such(void **state)
{
	struct query query = dns_text_query("no.example", LDNS_RR_TYPE_A);
	struct answer answer = make_answer("no.example", 100);

	(void)state;
	answer.rcode = LDNS_RCODE_NXDOMAIN;
	put_query(&query, 0, &answer);
	assert_int_equal(get("no.example", 200 * 1000), CACHE_STALE);
	assert_int_equal(out.also, REPLY_EDE_STALE_NXDOMAIN);
}

/* RFC 8767 4: only what has expired gets another TTL. */
static void test_in_a_stale_answer_what_holds_keeps_its_ttl(void **state)
{
	static const uint8_t v4[] = { 192, 0, 2, 1 };
	struct query query = dns_text_query("a.example", LDNS_RR_TYPE_A);
	struct name target = dns_text_query("b.example", LDNS_RR_TYPE_A).qname;
	struct answer answer = { .wire = wire };
	struct reply reply;

	(void)state;
	reply_begin(&reply, &answer, &query);
	reply_add_name(&reply, SECTION_ANSWER, &query.qname, LDNS_RR_TYPE_CNAME, 1000, &target);
	reply_add(&reply, SECTION_ANSWER, &target, LDNS_RR_TYPE_A, 20, v4, sizeof(v4));
	reply_end(&reply, LDNS_RCODE_NOERROR);
	put_query(&query, 0, &answer);
	assert_int_equal(get("a.example", 100 * 1000), CACHE_STALE);
	expect_records("a.example. 900 CNAME b.example.\nb.example. 30 A 192.0.2.1\n");
}

/* Switched off, an expired answer is no answer. */
/* RFC 8767 4: NOERROR and NXDOMAIN refresh what was known, whatever their TTL. */
static void test_an_answer_that_is_not_kept_ousts_the_old_one(void **state)
{
	(void)state;
	put("a.example", 100, 0);
	assert_int_equal(get("a.example", 100 * 1000), CACHE_STALE);
	put("a.example", 0, 100 * 1000);
	assert_int_equal(get("a.example", 100 * 1000), CACHE_MISS);
	put_failure("a.example", REPLY_EDE_UNREACHABLE, 101 * 1000);
	assert_int_equal(get("a.example", 101 * 1000), CACHE_FAILED);
}

static void test_without_serve_stale_there_is_none(void **state)
{
	struct cache_policy policy = { .stale_s = 0 };

	(void)state;
	cache_set_policy(cache, &policy);
	put("a.example", 100, 0);
	assert_int_equal(get("a.example", 99 * 1000), CACHE_HIT);
	assert_int_equal(get("a.example", 100 * 1000), CACHE_MISS);
}

/* RFC 8767 5: the failure recheck timer: after a refresh has failed none is tried for 30 s. */
static void test_after_a_failure_stale_answers_come_at_once(void **state)
{
	(void)state;
	put("a.example", 100, 0);
	put_failure("a.example", REPLY_EDE_UNREACHABLE, 200 * 1000);
	assert_int_equal(get("a.example", 200 * 1000), CACHE_STALE_HELD);
	expect_records("a.example. 30 A 192.0.2.1\n");
	assert_int_equal(get("a.example", 230 * 1000 - 1), CACHE_STALE_HELD);
	assert_int_equal(get("a.example", 230 * 1000), CACHE_STALE);
	put("a.example", 100, 240 * 1000);
	assert_int_equal(get("a.example", 240 * 1000), CACHE_HIT);
	assert_true(out.secure);
}

/* A failure to renew what still holds does it no harm (RFC 8767 5). */
static void test_a_failure_does_not_replace_what_holds(void **state)
{
	struct query query = dns_text_query("a.example", LDNS_RR_TYPE_A);
	struct answer answer;
	struct key key;

	(void)state;
	put("a.example", 100, 0);
	put_failure("a.example", REPLY_EDE_UNREACHABLE, 95 * 1000);
	assert_int_equal(get("a.example", 95 * 1000), CACHE_HIT);
	key_make(&key, &secret, &query);
	answer = make_failure("a.example", REPLY_EDE_UNREACHABLE);
	assert_true(cache_get_instead(cache, &key, 95 * 1000, &answer));
	assert_int_equal(answer.rcode, LDNS_RCODE_NOERROR);
	assert_int_equal(get("a.example", 100 * 1000), CACHE_STALE_HELD);
}

/* RFC 8767 5: the failure recheck timer is for who has a stale answer to give. Without one
 * RFC 9520 3.2 holds: after a failed renewal nobody gets that failure for 30 s. */
static void test_a_failed_renewal_is_not_kept_for_long_without_serve_stale(void **state)
{
	struct cache_policy policy = { .stale_s = 0 };

	(void)state;
	cache_set_policy(cache, &policy);
	put("a.example", 100, 0);
	put_failure("a.example", REPLY_EDE_UNREACHABLE, 95 * 1000);
	assert_int_equal(get("a.example", 99 * 1000), CACHE_HIT);
	assert_int_equal(get("a.example", 100 * 1000), CACHE_MISS);
}

/* The same at the end of the maximum stale timer (RFC 8767 5). */
static void test_a_failure_is_not_kept_for_long_beyond_stale_data(void **state)
{
	struct cache_policy policy = { .stale_s = 60 };

	(void)state;
	cache_set_policy(cache, &policy);
	put("a.example", 100, 0);
	put_failure("a.example", REPLY_EDE_UNREACHABLE, 155 * 1000);
	assert_int_equal(get("a.example", 156 * 1000), CACHE_STALE_HELD);
	assert_int_equal(get("a.example", 160 * 1000), CACHE_MISS);
}

/* RFC 4035 5.5, RFC 8767 4: an answer did come, and it was bogus: that no other one comes
 * then does not bring back what was known before. A good one does away with it. */
static void test_bogus_is_remembered_until_there_is_an_answer(void **state)
{
	(void)state;
	put("a.example", 100, 0);
	put_failure("a.example", REPLY_EDE_SIGNATURE_EXPIRED, 200 * 1000);
	put_failure("a.example", REPLY_EDE_UNREACHABLE, 203 * 1000);
	assert_int_equal(get("a.example", 204 * 1000), CACHE_FAILED);
	assert_int_equal(get("a.example", 2000 * 1000), CACHE_MISS);
	put_failure("a.example", REPLY_EDE_UNREACHABLE, 2000 * 1000);
	assert_int_equal(get("a.example", 2001 * 1000), CACHE_FAILED);
	put("a.example", 100, 2010 * 1000);
	assert_int_equal(get("a.example", 2110 * 1000), CACHE_STALE);
	put_failure("a.example", REPLY_EDE_UNREACHABLE, 2110 * 1000);
	assert_int_equal(get("a.example", 2110 * 1000), CACHE_STALE_HELD);
}

/* RFC 4035 5.5: what does not validate is SERVFAIL, whatever was known before. */
static void test_bogus_is_not_answered_with_stale_data(void **state)
{
	struct query query = dns_text_query("a.example", LDNS_RR_TYPE_A);
	struct answer answer;
	struct key key;

	(void)state;
	put("a.example", 100, 0);
	put_failure("a.example", REPLY_EDE_BOGUS, 200 * 1000);
	assert_int_equal(get("a.example", 200 * 1000), CACHE_FAILED);
	assert_int_equal(out.ede, REPLY_EDE_BOGUS);
	key_make(&key, &secret, &query);
	answer = make_failure("a.example", REPLY_EDE_BOGUS);
	assert_false(cache_get_instead(cache, &key, 200 * 1000, &answer));
	assert_int_equal(answer.rcode, LDNS_RCODE_SERVFAIL);
	put("a.example", 100, 210 * 1000);
	assert_int_equal(get("a.example", 210 * 1000), CACHE_HIT);
}

/* ---- failures --------------------------------------------------------------------------- */

/* RFC 9520 3.2: kept at least 1 s, at most 5 minutes, longer from one to the next. */
static void test_failures_are_kept_longer_and_longer(void **state)
{
	int64_t now_ms = 0, last_ms = 0;

	(void)state;
	for (int i = 0; i < 300; i++) {
		int64_t kept_ms = 0;

		assert_int_equal(get("f.example", now_ms), CACHE_MISS);
		put_failure("f.example", REPLY_EDE_UNREACHABLE, now_ms);
		while (get("f.example", now_ms + kept_ms) == CACHE_FAILED)
			kept_ms += 500;
		assert_in_range(kept_ms, 1000, 300 * 1000);
		if (last_ms)
			assert_int_equal(kept_ms, last_ms * 2 < 300000 ? last_ms * 2 : 300000);
		last_ms = kept_ms;
		now_ms += kept_ms;
	}
	assert_int_equal(last_ms, 300 * 1000);
}

/* RFC 9520 3.2: the backoff is for failures that persist; an answer, or a long time, ends it. */
static void test_an_answer_ends_the_backoff(void **state)
{
	(void)state;
	put_failure("f.example", REPLY_EDE_UNREACHABLE, 0);
	assert_int_equal(get("f.example", 1999), CACHE_FAILED);
	assert_int_equal(out.ede, REPLY_EDE_UNREACHABLE);
	put_failure("f.example", REPLY_EDE_UNREACHABLE, 2000);
	assert_int_equal(get("f.example", 5999), CACHE_FAILED);
	assert_int_equal(get("f.example", 6000), CACHE_MISS);
	put("f.example", 1, 6000);
	assert_int_equal(get("f.example", 6000), CACHE_HIT);
	put_failure("f.example", REPLY_EDE_BOGUS, 8000);
	assert_int_equal(get("f.example", 9999), CACHE_FAILED);
	assert_int_equal(get("f.example", 10000), CACHE_MISS);

	put_failure("g.example", REPLY_EDE_UNREACHABLE, 0);
	put_failure("g.example", REPLY_EDE_UNREACHABLE, 302 * 1000);
	assert_int_equal(get("g.example", 304 * 1000), CACHE_MISS);
}

/* RFC 9520 3.2: a failure of one type says nothing about another. */
static void test_failures_are_kept_by_type(void **state)
{
	struct query query = dns_text_query("f.example", LDNS_RR_TYPE_AAAA);
	struct answer got;

	(void)state;
	put_failure("f.example", REPLY_EDE_UNREACHABLE, 0);
	assert_int_equal(get_query(&query, 0, &got), CACHE_MISS);
}

/* That we were too busy to ask is no word about the name. */
static void test_a_failure_without_lifetime_is_not_kept(void **state)
{
	struct query query = dns_text_query("f.example", LDNS_RR_TYPE_A);
	struct answer answer = make_failure("f.example", REPLY_EDE_BUSY);
	struct key key;

	(void)state;
	answer.lifetime_s = 0;
	key_make(&key, &secret, &query);
	cache_put_failure(cache, &key, 0, &answer);
	assert_int_equal(get("f.example", 0), CACHE_MISS);
}

/* While nothing is answered one question a second finds out (never the same within one second,
 * RFC 9520 3.2), and when something is, all may be asked. */
static void test_one_probe_a_second_while_all_fail(void **state)
{
	(void)state;
	for (int i = 0; i < 8; i++) {	/* both are held for minutes */
		put_failure("f.example", REPLY_EDE_UNREACHABLE, i * 400 * 1000);
		put_failure("g.example", REPLY_EDE_UNREACHABLE, i * 400 * 1000);
	}
	put("old.example", 100, 2800 * 1000 - 200 * 1000);
	put_failure("old.example", REPLY_EDE_UNREACHABLE, 2800 * 1000);
	put_failure("g.example", REPLY_EDE_UNREACHABLE, 2800 * 1000 + 500);
	cache_all_fail(cache, 2800 * 1000);
	cache_all_fail(cache, 2800 * 1000 + 900);	/* that it goes on changes nothing */
	assert_int_equal(get("f.example", 2800 * 1000 + 999), CACHE_FAILED);
	assert_int_equal(get("g.example", 2801 * 1000), CACHE_FAILED);
	assert_int_equal(get("f.example", 2801 * 1000), CACHE_MISS);
	assert_int_equal(get("f.example", 2801 * 1000), CACHE_FAILED);
	assert_int_equal(get("old.example", 2802 * 1000 - 1), CACHE_STALE_HELD);
	assert_int_equal(get("old.example", 2802 * 1000), CACHE_STALE);
	assert_int_equal(get("old.example", 2802 * 1000), CACHE_STALE_HELD);

	cache_retry(cache, 2802 * 1000 + 100);
	assert_int_equal(get("f.example", 2802 * 1000 + 100), CACHE_MISS);
	assert_int_equal(get("g.example", 2802 * 1000 + 100), CACHE_MISS);
	assert_int_equal(get("old.example", 2802 * 1000 + 100), CACHE_STALE);
	put_failure("f.example", REPLY_EDE_UNREACHABLE, 2802 * 1000 + 200);
	assert_int_equal(get("f.example", 2804 * 1000), CACHE_FAILED);
}

/* ---- renewal --------------------------------------------------------------------------- */

static void test_what_is_in_demand_is_renewed_once(void **state)
{
	(void)state;
	put("a.example", 100, 0);
	put("rare.example", 100, 0);
	for (int i = 0; i < CACHE_RENEW_HITS; i++)
		assert_int_equal(get("a.example", 1000), CACHE_HIT);
	assert_int_equal(get("a.example", 90 * 1000 - 1), CACHE_HIT);
	assert_int_equal(get("rare.example", 90 * 1000), CACHE_HIT);
	assert_int_equal(get("a.example", 90 * 1000), CACHE_HIT_RENEW);
	assert_int_equal(get("a.example", 91 * 1000), CACHE_HIT);
	put("a.example", 100, 92 * 1000);
	for (int i = 0; i < 10; i++)
		assert_int_equal(get("a.example", 92 * 1000), CACHE_HIT);
	assert_int_equal(get("a.example", 183 * 1000), CACHE_HIT_RENEW);
}

static void test_renewal_can_be_switched_off(void **state)
{
	struct cache_policy policy = { .stale_s = DAY_S, .renew = false };

	(void)state;
	cache_set_policy(cache, &policy);
	put("a.example", 100, 0);
	for (int i = 0; i < 10; i++)
		assert_int_equal(get("a.example", 99 * 1000), CACHE_HIT);
}

/* ---- the bound ------------------------------------------------------------------------- */

/* However many names come, the bytes stay within the bound and the newest are there. */
static void test_stays_within_its_size(void **state)
{
	struct cache_usage usage;
	char name[64];

	(void)state;
	for (int i = 0; i < 20000; i++) {
		snprintf(name, sizeof(name), "name-%d.example", i);
		put(name, 100, 0);
	}
	cache_usage(cache, &usage);
	assert_int_equal(usage.bytes_max, SIZE);
	assert_true(usage.bytes <= SIZE);
	assert_true(usage.bytes > SIZE * 9 / 10);
	assert_true(usage.entries > 1000 && usage.entries < 20000);
	assert_int_equal(get(name, 0), CACHE_HIT);
	assert_int_equal(get("name-0.example", 0), CACHE_MISS);
}

/* Resident memory in bytes, of what is mapped at all */
static size_t resident(void)
{
	FILE *file = fopen("/proc/self/statm", "re");
	unsigned long pages, total;

	assert_non_null(file);
	assert_int_equal(fscanf(file, "%lu %lu", &total, &pages), 2);
	fclose(file);
	return pages * 4096;
}

/* 100,000 names, each with A and AAAA, fit into 64 MiB, and the memory that is taken for them,
 * and for ten times as many after them, is that. */
static void test_a_hundred_thousand_names_fit_in_64_mib(void **state)
{
	enum { NAMES = 100000, MIB_64 = 64 << 20 };
	size_t before = resident();
	struct cache_usage usage;
	struct query query;
	char name[64];

	(void)state;
	cache_free(cache);
	cache = cache_of(MIB_64, DAY_S, true);
	for (int i = 0; i < NAMES; i++) {
		struct answer answer;

		snprintf(name, sizeof(name), "www.name-%d.example", i);
		put(name, 1000, 0);
		query = dns_text_query(name, LDNS_RR_TYPE_AAAA);
		answer = make_answer(name, 1000);
		put_query(&query, 0, &answer);
	}
	for (int i = 0; i < NAMES; i++) {
		snprintf(name, sizeof(name), "www.name-%d.example", i);
		assert_int_equal(get(name, 0), CACHE_HIT);
		query = dns_text_query(name, LDNS_RR_TYPE_AAAA);
		assert_int_equal(get_query(&query, 0, &out), CACHE_HIT);
	}
	for (int i = 0; i < 2 * NAMES; i++) {
		snprintf(name, sizeof(name), "random-%d.attack.example", i);
		put(name, 1000, 0);
	}
	cache_usage(cache, &usage);
	assert_true(usage.bytes <= MIB_64);
	assert_true(usage.bytes > MIB_64 * 9 / 10);
	if (!SANITIZED)		/* they keep books of their own */
		assert_true(resident() - before < MIB_64 + (4 << 20));
}

/* Names asked for twice survive a flood of names that are asked for once. */
static void test_a_flood_does_not_push_out_what_is_in_demand(void **state)
{
	char name[64];

	(void)state;
	for (int i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "www.name-%d.example", i);
		put(name, 1000, 0);
		assert_int_equal(get(name, 0), CACHE_HIT);
	}
	for (int i = 0; i < 100000; i++) {
		snprintf(name, sizeof(name), "random-%d.attack.example", i);
		put(name, 1000, 0);
	}
	for (int i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "www.name-%d.example", i);
		assert_int_equal(get(name, 0), CACHE_HIT);
	}
	/* but what is in demand no more goes in the end */
	for (int i = 0; i < 20000; i++) {
		snprintf(name, sizeof(name), "other-%d.example", i);
		put(name, 1000, 0);
		get(name, 0);
	}
	assert_int_equal(get("www.name-1.example", 0), CACHE_MISS);
}

/* ---- forgetting ----------------------------------------------------------------------- */

static void test_flush_forgets_all(void **state)
{
	struct cache_usage usage;
	char name[64];

	(void)state;
	for (int i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "name-%d.example", i);
		put(name, 1000, 0);
	}
	assert_int_equal(cache_flush(cache), 1000);
	assert_int_equal(get("name-0.example", 0), CACHE_MISS);
	put("name-0.example", 1000, 0);
	assert_int_equal(get("name-0.example", 0), CACHE_HIT);
	cache_usage(cache, &usage);
	assert_int_equal(usage.entries, 1);
}

static void test_flush_of_a_name_forgets_all_types_of_it(void **state)
{
	struct query query = dns_text_query("www.a.example", LDNS_RR_TYPE_AAAA);
	struct name name = dns_text_query("WWW.A.example", LDNS_RR_TYPE_A).qname;
	struct answer answer = make_answer("www.a.example", 100);

	(void)state;
	put("www.a.example", 100, 0);
	put_query(&query, 0, &answer);
	query.dnssec_ok = true;
	put_query(&query, 0, &answer);
	put_failure("x.www.a.example", REPLY_EDE_UNREACHABLE, 0);
	put("awww.a.example", 100, 0);
	put("a.example", 100, 0);
	assert_int_equal(cache_flush_name(cache, &name, false), 3);
	assert_int_equal(get("www.a.example", 0), CACHE_MISS);
	assert_int_equal(get_query(&query, 0, &out), CACHE_MISS);
	assert_int_equal(get("x.www.a.example", 0), CACHE_FAILED);
	assert_int_equal(get("a.example", 0), CACHE_HIT);

	name = dns_text_query("a.example", LDNS_RR_TYPE_A).qname;
	assert_int_equal(cache_flush_name(cache, &name, true), 3);
	assert_int_equal(get("awww.a.example", 0), CACHE_MISS);
}

/* ---- threads --------------------------------------------------------------------------- */

static struct cache_look look(const char *qname, int64_t now_ms)
{
	struct query query = dns_text_query(qname, LDNS_RR_TYPE_A);
	struct cache_look seen;
	struct key key;

	key_make(&key, &secret, &query);
	cache_look(cache, &key, now_ms, &seen);
	return seen;
}

/* Ages, failures (RFC 8767 5: the recheck timer), and that looking is not asking */
static void test_a_look_tells_without_asking(void **state)
{
	(void)state;
	assert_false(look("www.example", 1000).there);
	put("www.example", 60, 1000);
	assert_int_equal(get("www.example", 2000), CACHE_HIT);
	for (int i = 0; i < 5; i++)
		assert_int_equal(look("www.example", 11000).hits, 1);
	assert_true(look("www.example", 11000).there);
	assert_int_equal(look("www.example", 11000).age_s, 10);
	assert_int_equal(look("www.example", 11000).left_s, 50);
	assert_int_equal(look("www.example", 66000).left_s, -5);
	assert_int_equal(look("www.example", 66000).n_failed, 0);
	put_failure("www.example", REPLY_EDE_UNREACHABLE, 66000);
	assert_int_equal(look("www.example", 67000).n_failed, 1);
	assert_int_equal(look("www.example", 67000).failed_age_s, 1);
	assert_int_equal(look("www.example", 67000).hold_left_s, CACHE_RECHECK_S - 1);
}

static void *work(void *arg)
{
	unsigned int seed = *(unsigned int *)arg;
	uint8_t *own = malloc(MESSAGE_MAX);
	struct answer answer, got;
	struct query query;
	struct key key;
	char text[64];

	assert_non_null(own);
	for (int i = 0; i < 20000; i++) {
		seed = seed * 1103515245 + 12345;
		snprintf(text, sizeof(text), "\005n%04x\007example", seed >> 16 & 0xfff);
		memset(&query, 0, sizeof(query));
		query.type = LDNS_RR_TYPE_A;
		query.class = LDNS_RR_CLASS_IN;
		query.qname.len = 15;
		memcpy(query.qname.wire, text, 15);
		key_make(&key, &secret, &query);
		got = (struct answer){ .wire = own };
		if (cache_get(cache, &key, i, &got) == CACHE_HIT) {
			assert_memory_equal(got.wire + MESSAGE_HEADER_LEN, query.qname.wire, 15);
			continue;
		}
		answer = (struct answer){ .wire = own };
		reply_failure(&answer, &query, LDNS_RCODE_SERVFAIL, REPLY_EDE_UNREACHABLE);
		answer.lifetime_s = 10;
		if (i % 16 == 0)
			cache_put_failure(cache, &key, i, &answer);
		else
			cache_put(cache, &key, i, &answer);
		if (i % 4096 == 0)
			cache_flush(cache);
		if (i % 1000 == 0)
			cache_flush_name(cache, &query.qname, true);
		if (i % 500 == 0)
			cache_all_fail(cache, i);
		if (i % 900 == 0)
			cache_retry(cache, i);
	}
	free(own);
	return NULL;
}

/* Whatever the threads do at once, whoever finds something finds what belongs to his name. */
static void test_threads_share_it(void **state)
{
	unsigned int seeds[4] = { 1, 2, 3, 4 };
	pthread_t threads[4];

	(void)state;
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, work, &seeds[i]), 0);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(gives_back_with_ttls_counted_down),
		TEST(keys_differ),
		TEST(keeps_nothing_without_lifetime),
		TEST(keeps_nothing_without_memory),
		TEST(long_answers_are_kept_whole),
		TEST(stale_answers_are_marked),
		TEST(stale_nxdomain_is_marked_as_such),
		TEST(in_a_stale_answer_what_holds_keeps_its_ttl),
		TEST(an_answer_that_is_not_kept_ousts_the_old_one),
		TEST(without_serve_stale_there_is_none),
		TEST(after_a_failure_stale_answers_come_at_once),
		TEST(a_failure_does_not_replace_what_holds),
		TEST(bogus_is_not_answered_with_stale_data),
		TEST(bogus_is_remembered_until_there_is_an_answer),
		TEST(a_failed_renewal_is_not_kept_for_long_without_serve_stale),
		TEST(a_failure_is_not_kept_for_long_beyond_stale_data),
		TEST(failures_are_kept_longer_and_longer),
		TEST(an_answer_ends_the_backoff),
		TEST(failures_are_kept_by_type),
		TEST(a_failure_without_lifetime_is_not_kept),
		TEST(one_probe_a_second_while_all_fail),
		TEST(what_is_in_demand_is_renewed_once),
		TEST(renewal_can_be_switched_off),
		TEST(stays_within_its_size),
		TEST(a_hundred_thousand_names_fit_in_64_mib),
		TEST(a_flood_does_not_push_out_what_is_in_demand),
		TEST(flush_forgets_all),
		TEST(flush_of_a_name_forgets_all_types_of_it),
		TEST(a_look_tells_without_asking),
		TEST(threads_share_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
