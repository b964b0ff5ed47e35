/* SPDX-License-Identifier: GPL-2.0-or-later */
/* snid/answers and snid/resolve: what is remembered for how long, who asks, who waits. */
#include "fake_resolver.h"

#include <stdlib.h>

#include "../../core/clients.h"
#include "../../core/throttle.h"
#include "../../core/loop.h"
#include "../../snid/resolve.h"

/* ---- answers ------------------------------------------------------------------- */

static int make_answers(void **state)
{
	*state = answers_new();
	return *state ? 0 : -1;
}

static int free_answers(void **state)
{
	answers_free(*state);
	return 0;
}

static const struct in6_addr some = { .s6_addr = { 0x20, 1, 0xd, 0xb8, [15] = 7 } };
static const struct answer good = { .kind = ANSWER_RECORDS, .n_addrs = 1, .addrs = &some };
static const struct answer absent = { .kind = ANSWER_ABSENT, .why = "no such name" };
static const struct answer failed = { .kind = ANSWER_FAILED, .why = "no answer" };
static const struct answer bogus = { .kind = ANSWER_BOGUS, .why = "bogus" };

/* For how many seconds is it known that was learnt at @now_ms? */
static int64_t known_s(struct answers *answers, const char *name, int64_t now_ms)
{
	int64_t s = 0;

	while (answers_find(answers, name, RESOLVER_AAAA, now_ms + s * 1000))
		s++;
	return s;
}

static void put(struct answers *answers, const char *name, const struct answer *answer,
		uint32_t ttl_s, int64_t now_ms)
{
	answers_put(answers, name, RESOLVER_AAAA, answer, ttl_s, 0, now_ms);
}

/* RFC 1035 3.2.1, RFC 2308 5: by the TTL, within bounds at both ends */
static void test_ttls(void **state)
{
	struct answers *answers = *state;

	put(answers, "a", &good, 300, 5000);
	assert_int_equal(known_s(answers, "a", 5000), 300);
	put(answers, "a", &good, 0, 5000);
	assert_int_equal(known_s(answers, "a", 5000), ANSWERS_TTL_MIN_S);
	put(answers, "a", &good, 999999, 5000);
	assert_int_equal(known_s(answers, "a", 5000), 3600);
	put(answers, "a", &absent, 60, 5000);
	assert_int_equal(known_s(answers, "a", 5000), 60);
	put(answers, "a", &absent, 86400, 5000);
	assert_int_equal(known_s(answers, "a", 5000), 300);
	assert_null(answers_find(answers, "a", RESOLVER_A, 5000));
	assert_null(answers_find(answers, "A.", RESOLVER_AAAA, 5000));
}

/* RFC 9520 3.2: failures are kept at least 1 s, at most 5 min, and longer the oftener */
static void test_failures(void **state)
{
	struct answers *answers = *state;
	int64_t now_ms = 1000, before = 0, s = 0;

	for (int i = 0; i < 10; i++) {
		put(answers, "a", &failed, 0, now_ms);
		s = known_s(answers, "a", now_ms);
		assert_true(s >= 1 && s <= 300);
		assert_true(s > before || s == ANSWERS_FAILED_MAX_S);
		before = s;
		now_ms += s * 1000;
	}
	assert_int_equal(s, ANSWERS_FAILED_MAX_S);
	put(answers, "a", &good, 10, now_ms);
	put(answers, "a", &bogus, 0, now_ms + 10000);
	assert_int_equal(known_s(answers, "a", now_ms + 10000), 1);
	/* and begins anew after a long time */
	put(answers, "a", &failed, 0, now_ms + 12000);
	put(answers, "a", &failed, 0, now_ms + 1000000);
	assert_int_equal(known_s(answers, "a", now_ms + 1000000), 1);
}

/* RFC 8767 4, 5: old records in the place of a failure, for as long as is allowed; not in that
 * of an answer, nor of a bogus one */
static void test_stale(void **state)
{
	struct answers *answers = *state;
	const struct answer *answer;

	answers_put(answers, "a", RESOLVER_AAAA, &good, 10, 60000, 0);
	assert_null(answers_find(answers, "a", RESOLVER_AAAA, 10000));
	answer = answers_put(answers, "a", RESOLVER_AAAA, &failed, 0, 60000, 10000);
	assert_int_equal(answer->kind, ANSWER_RECORDS);
	assert_memory_equal(answer->addrs, &some, sizeof(some));
	assert_int_equal(known_s(answers, "a", 10000), 30);
	answer = answers_put(answers, "a", RESOLVER_AAAA, &failed, 0, 60000, 70000);
	assert_int_equal(answer->kind, ANSWER_FAILED);

	answers_put(answers, "b", RESOLVER_AAAA, &good, 10, 60000, 0);
	answer = answers_put(answers, "b", RESOLVER_AAAA, &bogus, 0, 60000, 10000);
	assert_int_equal(answer->kind, ANSWER_BOGUS);
	answers_put(answers, "c", RESOLVER_AAAA, &good, 10, 60000, 0);
	answer = answers_put(answers, "c", RESOLVER_AAAA, &absent, 5, 60000, 10000);
	assert_int_equal(answer->kind, ANSWER_ABSENT);
	assert_false(answers_knew(answers, "c", RESOLVER_AAAA));
}

/* Trap 12: made up names push each other out and no server's, whether or not they have addresses;
 * of servers those that are used stay longest. */
static void test_bounds(void **state)
{
	struct answers *answers = *state;
	char name[32];
	int kept = 0;

	put(answers, "server.example", &good, 3600, 0);
	assert_false(answers_knew(answers, "server.example", RESOLVER_AAAA));
	answers_confirm(answers, "server.example");
	assert_true(answers_knew(answers, "server.example", RESOLVER_AAAA));
	for (int i = 0; i < 6 * ANSWERS_MAX; i++) {
		snprintf(name, sizeof(name), "r%d.example", i);
		put(answers, name, i % 3 ? i % 3 == 1 ? &absent : &failed : &good, 300, 0);
	}
	assert_non_null(answers_find(answers, "server.example", RESOLVER_AAAA, 0));
	for (int i = 0; i < 6 * ANSWERS_MAX; i++) {
		snprintf(name, sizeof(name), "r%d.example", i);
		kept += answers_find(answers, name, RESOLVER_AAAA, 0) != NULL;
	}
	assert_int_equal(kept, ANSWERS_MAX);

	for (int i = 0; i < 2 * ANSWERS_MAX; i++) {
		snprintf(name, sizeof(name), "s%d.example", i);
		put(answers, name, &good, 300, 0);
		answers_confirm(answers, name);
		assert_non_null(answers_find(answers, "server.example", RESOLVER_AAAA, 0));
	}
	assert_null(answers_find(answers, "s0.example", RESOLVER_AAAA, 0));
}

/* Asked for anew a server's name stays one; without records it is none any more, nor is what had
 * none confirmed. */
static void test_confirmed(void **state)
{
	struct answers *answers = *state;

	put(answers, "a", &good, 10, 0);
	answers_put(answers, "a", RESOLVER_A, &absent, 10, 0, 0);
	answers_confirm(answers, "a");
	assert_false(answers_knew(answers, "a", RESOLVER_A));
	assert_true(answers_knew(answers, "a", RESOLVER_AAAA));
	put(answers, "a", &good, 10, 20000);
	assert_true(answers_knew(answers, "a", RESOLVER_AAAA));
	put(answers, "a", &absent, 10, 40000);
	assert_false(answers_knew(answers, "a", RESOLVER_AAAA));
	answers_confirm(answers, "never heard of");
}

/* The bytes of large answers are bounded too. */
static void test_bytes(void **state)
{
	static struct resolver_service services[RESOLVER_SERVICES_MAX];
	struct answer large = { .kind = ANSWER_RECORDS, .n_services = RESOLVER_SERVICES_MAX,
				.services = services };
	struct answers *answers = *state;
	size_t kept = 0;
	char name[32];

	for (int i = 0; i < ANSWERS_MAX; i++) {
		snprintf(name, sizeof(name), "_x._tcp.s%d", i);
		answers_put(answers, name, RESOLVER_SRV, &large, 300, 0, 0);
	}
	for (int i = 0; i < ANSWERS_MAX; i++) {
		snprintf(name, sizeof(name), "_x._tcp.s%d", i);
		kept += answers_find(answers, name, RESOLVER_SRV, 0) != NULL;
	}
	assert_in_range(kept * sizeof(services), ANSWERS_BYTES_MAX / 2, ANSWERS_BYTES_MAX);
}

static void test_flush(void **state)
{
	struct answers *answers = *state;

	put(answers, "a.example", &good, 300, 0);
	put(answers, "b.example", &absent, 300, 0);
	put(answers, "xb.example", &good, 300, 0);
	put(answers, "_x._tcp.b.example", &good, 300, 0);
	assert_int_equal(answers_flush(answers, "b.example", false), 1);
	assert_null(answers_find(answers, "b.example", RESOLVER_AAAA, 0));
	assert_int_equal(answers_flush(answers, "b.example", true), 1);
	assert_non_null(answers_find(answers, "xb.example", RESOLVER_AAAA, 0));
	assert_int_equal(answers_flush(answers, NULL, false), 2);
	assert_null(answers_find(answers, "a.example", RESOLVER_AAAA, 0));
}

/* ---- questions -------------------------------------------------------------------- */

struct world {
	struct clients *clients;
	struct resolve_shares shares;
	struct resolve *resolve;
	struct resolve_question questions[RESOLVE_WAITERS_MAX + 8];
	unsigned int told;
	enum answer_kind kind;
};

static int make_world(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	memset(&fake, 0, sizeof(fake));
	w->clients = clients_new();
	clients_set_limits(w->clients, UINT32_MAX, 3);
	w->shares.clients = w->clients;
	w->shares.throttle = throttle_new();
	w->shares.new_per_client = 10000;
	w->resolve = resolve_new(&w->shares);
	resolve_set(w->resolve, (struct resolver *)1, 0);
	*state = w;
	return 0;
}

static int free_world(void **state)
{
	struct world *w = *state;

	fake_end_all(RESOLVER_FAILED);
	assert_int_equal(clients_total(w->clients), 0);
	resolve_free(w->resolve);
	clients_free(w->clients);
	throttle_free(w->shares.throttle);
	free(w);
	return 0;
}

static void told(void *arg, const struct answer *answer)
{
	struct world *w = arg;

	w->told++;
	w->kind = answer->kind;
}

static const struct answer *ask(struct world *w, size_t nth, const char *name, uint64_t client)
{
	return resolve_ask(w->resolve, &w->questions[nth], name, RESOLVER_AAAA, client, told, w);
}

/* Trap 12: one question for all who wait, and none once it is known */
static void test_single_flight(void **state)
{
	struct resolver_records records = fake_addresses("2001:db8::7");
	struct world *w = *state;
	const struct answer *answer;

	for (size_t i = 0; i < RESOLVE_WAITERS_MAX; i++)
		assert_null(ask(w, i, "w.example", i));
	assert_int_equal(fake.asked, 1);
	answer = ask(w, RESOLVE_WAITERS_MAX, "w.example", 1);
	assert_int_equal(answer->kind, ANSWER_FAILED);
	/* one who goes is not told */
	resolve_cancel(&w->questions[5]);
	fake_answer("w.example", RESOLVER_AAAA, &records);
	assert_int_equal(w->told, RESOLVE_WAITERS_MAX - 1);
	assert_int_equal(w->kind, ANSWER_RECORDS);
	answer = ask(w, 0, "w.example", 9);
	assert_int_equal(answer->kind, ANSWER_RECORDS);
	assert_int_equal(answer->n_addrs, 1);
	assert_int_equal(fake.asked, 1);
}

/* Trap 12: of one client only so many a second, of names that may be made up; others have
 * their own. */
static void test_rate_per_client(void **state)
{
	struct resolver_records none = fake_rcode(3, 60);
	struct world *w = *state;
	unsigned int asked = 0;
	char name[32];

	w->shares.new_per_client = 10;
	for (size_t i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "r%zu.example", i);
		if (ask(w, i, name, 7))
			continue;
		asked++;
		fake_answer(name, RESOLVER_AAAA, &none);
	}
	/* A second's worth; a slow machine gets a few more. */
	assert_in_range(asked, 10, 50);
	assert_null(ask(w, 100, "r200.example", 8));
}

/* Trap 12: of one client only so many at a time, also where he does not wait for them */
static void test_per_client(void **state)
{
	struct resolver_records none = fake_rcode(3, 60);
	struct world *w = *state;
	const struct answer *answer;
	char name[32];

	for (size_t i = 0; i < 3; i++) {
		snprintf(name, sizeof(name), "r%zu.example", i);
		assert_null(ask(w, i, name, 7));
		resolve_cancel(&w->questions[i]);
	}
	answer = ask(w, 3, "r3.example", 7);
	assert_int_equal(answer->kind, ANSWER_FAILED);
	assert_null(ask(w, 3, "r3.example", 8));
	assert_null(ask(w, 4, "r0.example", 7));	/* somebody asks that already */
	fake_answer("r0.example", RESOLVER_AAAA, &none);
	assert_int_equal(w->told, 1);
	assert_null(ask(w, 5, "r4.example", 7));
}

/* Trap 12: in all, and names that are known to be servers' have places of their own */
static void test_total(void **state)
{
	struct resolver_records records = fake_addresses("2001:db8::7");
	struct world *w = *state;
	const struct answer *answer;
	char name[32];

	records.ttl_s = 0;
	assert_null(ask(w, 0, "server.example", 1));
	fake_answer("server.example", RESOLVER_AAAA, &records);
	resolve_confirm(w->resolve, "server.example");
	for (size_t i = 0; i < RESOLVE_UNKNOWN_MAX; i++) {
		snprintf(name, sizeof(name), "r%zu.example", i);
		assert_null(ask(w, i, name, 100 + i));
	}
	answer = ask(w, RESOLVE_UNKNOWN_MAX, "x.example", 1);
	assert_int_equal(answer->kind, ANSWER_FAILED);
	for (int64_t from = loop_now_ms(); loop_now_ms() < from + 1100;)
		continue;
	assert_null(ask(w, RESOLVE_UNKNOWN_MAX, "server.example", 1));
}

/* A question that the resolver does not take is refused, and is not kept as an answer. */
static void test_resolver_full(void **state)
{
	struct world *w = *state;

	fake.full = true;
	assert_int_equal(ask(w, 0, "w.example", 1)->kind, ANSWER_FAILED);
	fake.full = false;
	assert_null(ask(w, 0, "w.example", 1));
}

/* Another resolver: it is asked all that was under way. */
static void test_another_resolver(void **state)
{
	struct resolver_records records = fake_addresses("2001:db8::7");
	struct resolver_query *q;
	struct world *w = *state;

	assert_null(ask(w, 0, "a.example", 1));
	assert_null(ask(w, 1, "b.example", 1));
	resolve_set(w->resolve, (struct resolver *)2, 0);
	assert_int_equal(fake.asked, 4);
	q = fake_find("a.example", RESOLVER_AAAA);
	assert_ptr_equal(q->resolver, 2);
	fake_answer("a.example", RESOLVER_AAAA, &records);
	fake_answer("b.example", RESOLVER_AAAA, &records);
	assert_int_equal(w->told, 2);
	/* the same once more: nothing to do */
	resolve_set(w->resolve, (struct resolver *)2, 0);
	assert_int_equal(fake.asked, 4);

	/* one that takes nothing */
	assert_null(ask(w, 0, "c.example", 1));
	fake.full = true;
	resolve_set(w->resolve, (struct resolver *)3, 0);
	assert_int_equal(w->told, 3);
	assert_int_equal(w->kind, ANSWER_FAILED);
}

/* What was asked before a flush is told to who waits, and not kept. */
static void test_flush_under_way(void **state)
{
	struct resolver_records records = fake_addresses("2001:db8::7");
	struct world *w = *state;

	assert_null(ask(w, 0, "a.example", 1));
	resolve_flush(w->resolve, NULL, false);
	fake_answer("a.example", RESOLVER_AAAA, &records);
	assert_int_equal(w->told, 1);
	assert_int_equal(w->kind, ANSWER_RECORDS);
	assert_null(ask(w, 0, "a.example", 1));
}

#define ANSWERS(fn) cmocka_unit_test_setup_teardown(fn, make_answers, free_answers)
#define QUESTIONS(fn) cmocka_unit_test_setup_teardown(fn, make_world, free_world)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ANSWERS(test_ttls),
		ANSWERS(test_failures),
		ANSWERS(test_stale),
		ANSWERS(test_bounds),
		ANSWERS(test_confirmed),
		ANSWERS(test_bytes),
		ANSWERS(test_flush),
		QUESTIONS(test_single_flight),
		QUESTIONS(test_per_client), QUESTIONS(test_rate_per_client),
		QUESTIONS(test_total),
		QUESTIONS(test_resolver_full),
		QUESTIONS(test_another_resolver),
		QUESTIONS(test_flush_under_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
