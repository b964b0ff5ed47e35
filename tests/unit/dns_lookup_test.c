/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Look-ups: who joins which, how many may wait, and who leaves. */
#include "dns_text.h"

#include <event2/event.h>

#include "../../core/siphash.h"
#include "../../core/stats.h"
#include "../../dns64/lookup.h"

static const struct siphash_key secret = { 3, 4 };
static struct event_base *base;
static struct lookups *lookups;
static unsigned int n_held;

/* ---- in place of transport and resolver ------------------------------------------ */

void asker_hold(struct asker *to, const struct asker *from)
{
	*to = *from;
	n_held++;
}

void asker_release(struct asker *asker)
{
	assert_non_null(asker->udp);
	n_held--;
}

static resolver_fn *answer_fn;
static void *answer_arg;
static unsigned int n_asked, n_cancelled;

struct resolver_query *resolver_ask(struct resolver *resolver, const uint8_t *qname,
				    uint16_t type, uint16_t class, resolver_fn *fn, void *arg)
{
	(void)qname;
	(void)type;
	(void)class;
	if (!resolver)
		return NULL;
	n_asked++;
	answer_fn = fn;
	answer_arg = arg;
	return (struct resolver_query *)&n_asked;
}

void resolver_cancel(struct resolver_query *query)
{
	assert_ptr_equal(query, &n_asked);
	n_cancelled++;
}

/* What the resolver still holds, though its asker may have given it up */
static struct charge {
	resolver_gone_fn *gone;
	void *payer;
} charges[RESOLVER_QUESTIONS_MAX];
static unsigned int n_charges;

void resolver_charge(struct resolver_query *query, resolver_gone_fn *gone, void *payer)
{
	assert_ptr_equal(query, &n_asked);
	assert_true(n_charges < RESOLVER_QUESTIONS_MAX);
	charges[n_charges++] = (struct charge){ gone, payer };
}

static void end_questions(void)
{
	while (n_charges) {
		n_charges--;
		charges[n_charges].gone(charges[n_charges].payer);
	}
}

/* ---- helpers ------------------------------------------------------------------------ */

static struct lookup *told_of;

static void news(void *arg, struct lookup *lookup, const struct resolver_answer *answer)
{
	(void)answer;
	assert_ptr_equal(arg, &base);
	told_of = lookup;
}

static int setup(void **state)
{
	(void)state;
	base = event_base_new();
	lookups = lookups_new(base, &secret, news, &base);
	return base && lookups ? 0 : -1;
}

static int teardown(void **state)
{
	struct lookup *lookup;

	(void)state;
	while ((lookup = lookups_first(lookups)) != NULL)
		lookup_free(lookup);
	assert_int_equal(n_held, 0);
	end_questions();
	lookups_free(lookups);
	event_base_free(base);
	return 0;
}

static uint64_t counted(enum stat stat)
{
	uint64_t values[STAT_COUNT];

	stats_sum(values);
	return values[stat];
}

/* A host of a /64, both by number, from a port of its own for each of its queries */
static struct asker asker_at(unsigned int net, unsigned int host, unsigned int port)
{
	struct asker asker = { .udp = (struct udp_port *)&n_held };

	asker.client = (struct in6_addr){ .s6_addr = { 0x20, 0x01, 0x0d, 0xb8 } };
	asker.client.s6_addr[6] = (uint8_t)(net >> 8);
	asker.client.s6_addr[7] = (uint8_t)net;
	asker.client.s6_addr[14] = (uint8_t)(host >> 8);
	asker.client.s6_addr[15] = (uint8_t)host;
	asker.peer.sin6_port = (in_port_t)port;
	return asker;
}

/* The only one of its /64 */
static struct asker asker_of(unsigned int client, unsigned int port)
{
	return asker_at(client, 1, port);
}

static struct query query_of(const char *name)
{
	return dns_text_query(name, LDNS_RR_TYPE_AAAA);
}

static struct lookup *find(const struct query *query)
{
	struct key key;

	key_make(&key, &secret, query);
	return lookup_find(lookups, &key);
}

static struct lookup *make_for(const struct query *query, const struct asker *asker)
{
	struct key key;

	key_make(&key, &secret, query);
	return lookup_new(lookups, &key, asker, query);
}

static struct lookup *make(const struct query *query, unsigned int client)
{
	struct asker asker = asker_of(client, 1);

	return make_for(query, &asker);
}

static struct query numbered_query(unsigned int i)
{
	char name[32];

	snprintf(name, sizeof(name), "name-%u.example", i);
	return query_of(name);
}

static bool join(struct lookup *lookup, unsigned int client, unsigned int port)
{
	struct asker asker = asker_of(client, port);

	return lookup_join(lookup, &asker, &lookup->query, 0);
}

/* ---- tests ----------------------------------------------------------------------------- */

/* RFC 4343 3: letter case makes no other question. RFC 6147 5.5: DO and CD do. */
static void test_same_questions_are_one(void **state)
{
	struct query query = query_of("a.example"), other = query_of("A.ExAmPlE");
	struct lookup *lookup = make(&query, 1);

	(void)state;
	assert_non_null(lookup);
	assert_ptr_equal(find(&other), lookup);
	assert_int_equal(lookups_pending(lookups), 1);
	other.type = LDNS_RR_TYPE_A;
	assert_null(find(&other));
	other = query;
	other.dnssec_ok = true;
	assert_null(find(&other));
	other = query_of("b.example");
	assert_null(find(&other));
	lookup_free(lookup);
	assert_null(find(&query));
	assert_int_equal(lookups_pending(lookups), 0);
}

/* Each is remembered with the ID and the letter case that he used himself. */
static void test_each_waits_with_his_own_query(void **state)
{
	struct query query = query_of("a.example"), other = query_of("A.Example");
	struct lookup *lookup = make(&query, 1);
	struct asker first = asker_of(1, 1), second = asker_of(2, 1);
	struct waiter *waiter;

	(void)state;
	other.id = 0x4321;
	assert_true(lookup_join(lookup, &first, &query, 0));
	assert_true(lookup_join(lookup, &second, &other, 10));
	assert_int_equal(lookup->n_waiters, 2);
	LIST_FOREACH(waiter, &lookup->waiters, link) {
		const struct query *own = addr_equal(&waiter->asker.client, &first.client) ?
					  &query : &other;

		assert_int_equal(waiter->query.id, own->id);
		assert_memory_equal(waiter->query.qname.wire, own->qname.wire, own->qname.len);
	}
	assert_int_equal(n_held, 2);
	lookup_free(lookup);
	assert_int_equal(n_held, 0);
}

/* A query that is sent again takes no second place and gets one reply. */
static void test_a_repeated_query_waits_once(void **state)
{
	struct query query = query_of("a.example");
	struct lookup *lookup = make(&query, 1);
	struct asker asker = asker_of(1, 7);
	uint64_t before = counted(STAT_DNS_DROP_REPEATED);

	(void)state;
	assert_true(lookup_join(lookup, &asker, &query, 0));
	assert_true(lookup_join(lookup, &asker, &query, 3000));
	assert_int_equal(lookup->n_waiters, 1);
	assert_int_equal(LIST_FIRST(&lookup->waiters)->since_ms, 3000);
	assert_int_equal(counted(STAT_DNS_DROP_REPEATED) - before, 1);
	query.id++;
	assert_true(lookup_join(lookup, &asker, &query, 3000));
	asker.peer.sin6_port++;
	assert_true(lookup_join(lookup, &asker, &query, 3000));
	assert_int_equal(lookup->n_waiters, 3);
}

static void test_so_many_wait_for_one_and_no_more(void **state)
{
	struct query query = query_of("a.example");
	struct lookup *lookup = make(&query, 1);
	uint64_t before = counted(STAT_DNS_DROP_LOOKUP_WAITERS);

	(void)state;
	for (unsigned int i = 0; i < LOOKUP_WAITERS_MAX; i++)
		assert_true(join(lookup, i, 1));
	assert_false(join(lookup, LOOKUP_WAITERS_MAX, 1));
	assert_int_equal(counted(STAT_DNS_DROP_LOOKUP_WAITERS) - before, 1);
	assert_int_equal(n_held, LOOKUP_WAITERS_MAX);
}

/* RFC 5452 5: waiting for as many look-ups as he likes, one client leaves places to others. */
static void test_one_client_gets_a_quarter_of_the_waiters(void **state)
{
	uint64_t before = counted(STAT_DNS_DROP_SHARE);
	unsigned int got = 0;

	(void)state;
	for (unsigned int i = 0; got == i * LOOKUP_WAITERS_MAX; i++) {
		struct query query = numbered_query(i);
		struct lookup *lookup = make(&query, 1000 + i);

		for (unsigned int j = 0; j < LOOKUP_WAITERS_MAX; j++)
			got += join(lookup, 1, j);
	}
	assert_in_range(got, WAITERS_MAX / 4 - 2, WAITERS_MAX / 4 + 2);
	assert_true(counted(STAT_DNS_DROP_SHARE) > before);
	assert_true(join(lookups_first(lookups), 2, 1));
}

/* How many look-ups a host gets that wants @wanted, by names from @first on */
static unsigned int lookups_of(unsigned int net, unsigned int host, unsigned int first,
			       unsigned int wanted)
{
	struct asker asker = asker_at(net, host, 1);
	unsigned int got = 0;

	for (unsigned int i = 0; i < wanted; i++) {
		struct query query = numbered_query(first + i);

		got += make_for(&query, &asker) != NULL;
	}
	return got;
}

static void test_one_client_gets_a_quarter_of_the_lookups(void **state)
{
	(void)state;
	assert_in_range(lookups_of(1, 1, 0, LOOKUPS_MAX), LOOKUPS_MAX / 4 - 2,
			LOOKUPS_MAX / 4 + 2);
	assert_int_equal(lookups_of(2, 1, 10000, 1), 1);	/* somebody else */
	assert_int_equal(lookups_of(1, 2, 10001, 1), 1);	/* his neighbour */
	while (lookups_first(lookups))
		lookup_free(lookups_first(lookups));
	assert_int_equal(lookups_of(1, 1, 0, 1), 1);
}

/* RFC 4291 2.5.1: a host chooses its address within its /64, and could have one for each query. */
static void test_one_64_gets_a_third_of_the_lookups(void **state)
{
	unsigned int got = 0;

	(void)state;
	for (unsigned int i = 0; i < LOOKUPS_MAX; i++)
		got += lookups_of(1, i, i, 1);
	assert_in_range(got, LOOKUPS_MAX / 3 - 2, LOOKUPS_MAX / 3 + 2);
	assert_int_equal(lookups_of(2, 1, 10000, 1), 1);
}

/* An IPv4 address is one client, with no others beside it. */
static void test_an_ipv4_client_gets_a_third_of_the_lookups(void **state)
{
	struct asker asker = asker_of(1, 1);
	unsigned int got = 0;

	(void)state;
	assert_true(addr_parse("192.0.2.1", &asker.client));
	for (unsigned int i = 0; i < LOOKUPS_MAX; i++) {
		struct query query = numbered_query(i);

		got += make_for(&query, &asker) != NULL;
	}
	assert_in_range(got, LOOKUPS_MAX / 3 - 2, LOOKUPS_MAX / 3 + 2);
	asker.client.s6_addr[15]++;
	assert_non_null(make_for(&(struct query){ .type = LDNS_RR_TYPE_A }, &asker));
}

/* How many questions a client gets to the resolver that gives each of them up at once */
static unsigned int questions_of(unsigned int client, unsigned int wanted)
{
	unsigned int got = 0;

	for (unsigned int i = 0; i < wanted; i++) {
		struct query query = numbered_query(i);
		struct lookup *lookup = make(&query, client);

		if (!lookup)
			continue;
		lookup_ask(lookup, &lookup->main, (struct resolver *)&base, &query.qname,
			   LDNS_RR_TYPE_AAAA);
		lookup_free(lookup);
		got++;
	}
	return got;
}

/* RFC 5452 5: questions that nobody waits for any more are his who asked, until they are over;
 * else by asking and giving up one client would take all places of the resolver. */
static void test_questions_given_up_are_counted(void **state)
{
	unsigned int max = RESOLVER_QUESTIONS_MAX;

	(void)state;
	assert_in_range(questions_of(1, max), max / 4 - 2, max / 4 + 2);
	assert_int_equal(questions_of(2, 1), 1);
	end_questions();
	assert_int_equal(questions_of(1, 1), 1);
}

/* What is renewed before anybody asks takes no more than half of all, given up or not. */
static void test_renewals_leave_half_of_the_places(void **state)
{
	unsigned int got = 0;

	(void)state;
	for (unsigned int i = 0; i < RESOLVER_QUESTIONS_MAX; i++) {
		struct query query = numbered_query(i);
		struct lookup *lookup = make_for(&query, NULL);

		if (!lookup)
			continue;
		lookup_ask(lookup, &lookup->main, (struct resolver *)&base, &query.qname,
			   LDNS_RR_TYPE_A);
		lookup_free(lookup);
		got++;
	}
	assert_int_equal(got, RESOLVER_QUESTIONS_MAX / 2);
	end_questions();
	for (got = 0; make_for(&(struct query){ .type = (uint16_t)got }, NULL); got++)
		;
	assert_int_equal(got, LOOKUPS_MAX / 2);
}

/* However many clients there are, the places in all are not more than said. */
static void test_all_places_are_bounded(void **state)
{
	uint64_t busy = counted(STAT_DNS_DROP_BUSY), full = counted(STAT_DNS_DROP_WAITERS);
	struct query query;

	(void)state;
	for (unsigned int i = 0; i < LOOKUPS_MAX; i++) {
		struct lookup *lookup;

		query = numbered_query(i);
		lookup = make(&query, i);
		assert_non_null(lookup);
		assert_true(join(lookup, i, 1));
		assert_true(join(lookup, i + LOOKUPS_MAX, 1));
	}
	query = query_of("other.example");
	assert_null(make(&query, 0xfff0));
	assert_int_equal(counted(STAT_DNS_DROP_BUSY) - busy, 1);
	assert_false(join(lookups_first(lookups), 0xfff0, 1));
	assert_int_equal(counted(STAT_DNS_DROP_WAITERS) - full, 1);
}

/* A connection that closes gives its places back; the look-up goes on for the others. */
static void test_who_leaves_gives_his_place_back(void **state)
{
	struct query query = query_of("a.example");
	struct lookup *lookup = make(&query, 1);

	(void)state;
	assert_true(join(lookup, 1, 1));
	assert_true(join(lookup, 2, 1));
	n_held--;			/* the connection does not release him: it is gone */
	lookup_leave(&LIST_FIRST(&lookup->waiters)->asker);
	assert_int_equal(lookup->n_waiters, 1);
	assert_int_equal(LIST_FIRST(&lookup->waiters)->asker.client.s6_addr[7], 1);
	n_held--;
	lookup_leave(&LIST_FIRST(&lookup->waiters)->asker);
	assert_true(LIST_EMPTY(&lookup->waiters));
	assert_ptr_equal(find(&query), lookup);
}

static void test_answers_are_kept_and_told(void **state)
{
	uint8_t wire[] = { 1, 2, 3 };
	struct resolver_answer answer = {
		.status = RESOLVER_OK, .secure = true, .wire = wire, .wire_len = sizeof(wire),
	};
	struct query query = query_of("a.example");
	struct lookup *lookup = make(&query, 1);
	unsigned int cancelled = n_cancelled;

	(void)state;
	lookup_ask(lookup, &lookup->main, (struct resolver *)&base, &query.qname,
		   LDNS_RR_TYPE_AAAA);
	assert_false(lookup->main.got.known);
	told_of = NULL;
	answer_fn(answer_arg, &answer);
	assert_ptr_equal(told_of, lookup);
	wire[0] = 9;			/* it was only lent */
	assert_true(lookup->main.got.known && lookup->main.got.answer.secure);
	assert_int_equal(lookup->main.got.answer.wire[0], 1);

	lookup_ask(lookup, &lookup->a, (struct resolver *)&base, &query.qname, LDNS_RR_TYPE_A);
	lookup_free(lookup);
	assert_int_equal(n_cancelled - cancelled, 1);	/* the one that was under way */
}

static void test_a_refusal_of_the_resolver_is_known_at_once(void **state)
{
	struct query query = query_of("a.example");
	struct lookup *lookup = make(&query, 1);

	(void)state;
	told_of = NULL;
	lookup_ask(lookup, &lookup->main, NULL, &query.qname, LDNS_RR_TYPE_AAAA);
	assert_true(lookup->main.got.known);
	assert_int_equal(lookup->main.got.answer.status, RESOLVER_REFUSED);
	assert_null(told_of);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_same_questions_are_one, setup, teardown),
		cmocka_unit_test_setup_teardown(test_each_waits_with_his_own_query, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_repeated_query_waits_once, setup, teardown),
		cmocka_unit_test_setup_teardown(test_so_many_wait_for_one_and_no_more, setup, teardown),
		cmocka_unit_test_setup_teardown(test_one_client_gets_a_quarter_of_the_waiters, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_one_client_gets_a_quarter_of_the_lookups, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_one_64_gets_a_third_of_the_lookups, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_an_ipv4_client_gets_a_third_of_the_lookups,
						setup, teardown),
		cmocka_unit_test_setup_teardown(test_questions_given_up_are_counted, setup, teardown),
		cmocka_unit_test_setup_teardown(test_renewals_leave_half_of_the_places, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_all_places_are_bounded, setup, teardown),
		cmocka_unit_test_setup_teardown(test_who_leaves_gives_his_place_back, setup, teardown),
		cmocka_unit_test_setup_teardown(test_answers_are_kept_and_told, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_refusal_of_the_resolver_is_known_at_once, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
