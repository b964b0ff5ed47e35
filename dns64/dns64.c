/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The spine: one query's life.
 *
 *   admit (is it a query, may it have a reply?) -> policy (what is to be done?) -> local, or
 *   cache -> look-up, which others join -> resolver, AAAA and A side by side -> synth
 *   -> cache -> askers
 *
 * It leaves by one of three exits: answered at once, answered later, dropped.
 * Everything here happens in the worker's thread.
 */
#include "dns64.h"

#include <stdatomic.h>
#include <string.h>

#include "../core/config.h"
#include "../core/loop.h"
#include "../core/stats.h"
#include "admit.h"
#include "cache.h"
#include "codes.h"
#include "explain.h"
#include "explain_say.h"
#include "local.h"
#include "lookup.h"
#include "policy.h"
#include "rebind.h"
#include "refused.h"
#include "resolver.h"
#include "synth.h"
#include "tally.h"
#include "top.h"
#include "worker.h"

enum {
	ALL_FAIL_AFTER = 8,	/* so many questions one after another ... */
	ALL_FAIL_MS = 2000,	/* ... in at least that time: it takes no time to ask for many
				 * names whose servers are known to be away */
	RETRY_MS = 3000,
};

/* ---- exits ------------------------------------------------------------------ */

static enum dns64_exit reply_within(size_t limit, struct asker *asker, const struct query *query,
				    struct answer *answer, uint8_t rcode_high)
{
	size_t len = reply_seal(answer, query, rcode_high, limit);

	tally_reply(answer, rcode_high);
	asker_reply(asker, answer->wire, len);
	return DNS64_SENT;
}

static enum dns64_exit reply(struct asker *asker, const struct query *query,
			     struct answer *answer)
{
	return reply_within(asker_limit(asker, query->udp_size), asker, query, answer, 0);
}

/* @rcode: extended, RFC 6891 6.1.3 */
static enum dns64_exit refuse(struct asker *asker, const struct query *query,
			      struct answer *answer, uint8_t rcode)
{
	reply_failure(answer, query, rcode & MESSAGE_RCODE, REPLY_EDE_NONE);
	return reply_within(asker_limit(asker, query->udp_size), asker, query, answer, rcode >> 4);
}

/* The cache remembers why it failed (RFC 8914 4.14). */
static enum dns64_exit refuse_again(struct asker *asker, const struct query *query,
				    struct answer *answer)
{
	stats_inc(STAT_DNS_CACHE_FAILED);
	reply_failure(answer, query, LDNS_RCODE_SERVFAIL, answer->ede);
	answer->also = REPLY_EDE_CACHED_ERROR;
	return reply(asker, query, answer);
}

static enum dns64_exit reply_stale(struct asker *asker, const struct query *query,
				   struct answer *answer)
{
	stats_inc(STAT_DNS_CACHE_STALE);
	return reply(asker, query, answer);
}

static enum dns64_exit truncate_reply(struct asker *asker, const struct query *query,
				      struct answer *answer)
{
	reply_failure(answer, query, LDNS_RCODE_NOERROR, REPLY_EDE_NONE);
	return reply_within(0, asker, query, answer, 0);
}

/* ---- a query that waits -------------------------------------------------------- */

/* Compose the answer from what is known. Return: false when that is not enough. */
static bool compose(const struct worker *worker, const struct lookup *lookup,
		    struct answer *answer)
{
	const struct room *room = worker->room;
	struct synth_account account = { 0 };
	struct synth synth = {
		.query = &lookup->query,
		.map = room->map,
		.exclude_aaaa = &room->config->dns64.exclude_aaaa,
		.aaaa = &lookup->main.got,
		.a = &lookup->a.got,
		.overdue = lookup->overdue,
		.forced = lookup->plan.forced,
		.account = lookup->explain ? &account : NULL,
	};

	if (lookup->plan.action == POLICY_SYNTHESISE) {
		if (!synth_settle(&synth, answer))
			return false;
		explain_synth(lookup->explain, &synth, answer);
		return true;
	}
	if (!lookup->main.got.known)
		return false;
	explain_sides(lookup->explain);
	if (lookup->plan.action == POLICY_REVERSE)
		synth_reverse(answer, &lookup->query, &lookup->plan.target,
			      &lookup->main.got);
	else
		synth_pass(answer, &lookup->query, &lookup->main.got);
	return true;
}

/* One answer, and for each who waits a reply of his own, unless he is long gone. */
static void reply_to_all(struct worker *worker, struct lookup *lookup,
			 const struct answer *answer)
{
	int64_t now_ms = loop_now_ms(), now_us = tally_now_us();
	struct waiter *waiter;

	LIST_FOREACH(waiter, &lookup->waiters, link) {
		struct answer copy = *answer;

		if (waiter->asker.udp && now_ms - waiter->since_ms > LOOKUP_HOLD_MS) {
			refused(STAT_DNS_DROP_LATE, &waiter->asker.client, &waiter->query.qname);
			continue;
		}
		copy.wire = worker->sealed;
		memcpy(copy.wire, answer->wire, answer->len);
		reply(&waiter->asker, &waiter->query, &copy);
		if (!waiter->asker.explain)
			tally_late(now_us - waiter->asker.since_us);
	}
}

/* RFC 8767 4: what is no answer to whoever may be answered with an older one */
static bool is_failure(const struct answer *answer)
{
	return answer->rcode != LDNS_RCODE_NOERROR && answer->rcode != LDNS_RCODE_NXDOMAIN;
}

/* Into the cache with it; or, where it is a failure, what was there before out of it. */
static void exchange_with_cache(struct worker *worker, const struct lookup *lookup,
				struct answer *answer)
{
	struct cache *cache = worker->room->cache;
	int64_t now_ms = loop_now_ms();

	if (lookup->epoch != worker->room->epoch)
		return;
	answer->by_renewer = lookup->by_renewer;
	if (!is_failure(answer)) {
		cache_put(cache, &lookup->key, now_ms, answer);
		return;
	}
	cache_put_failure(cache, &lookup->key, now_ms, answer);
	if (cache_get_instead(cache, &lookup->key, now_ms, answer))
		stats_add(STAT_DNS_CACHE_STALE, lookup->n_waiters);
}

/* Is it plain that nobody is there to ask? */
static bool all_fails(struct room *room)
{
	return atomic_load_explicit(&room->failed_in_row, memory_order_relaxed) >=
		       ALL_FAIL_AFTER &&
	       loop_now_ms() - atomic_load(&room->failing_since_ms) >= ALL_FAIL_MS;
}

/*
 * RFC 8767 5: they have waited for the client response timer, and get what was known before.
 * While nothing is answered they need not wait for longer either. What is asked goes on.
 */
static void lose_patience(struct worker *worker, struct lookup *lookup)
{
	struct answer answer = { .wire = worker->wire };

	if (!lookup->n_waiters)
		return;
	if (lookup->epoch == worker->room->epoch &&
	    cache_get_instead(worker->room->cache, &lookup->key, loop_now_ms(), &answer))
		stats_add(STAT_DNS_CACHE_STALE, lookup->n_waiters);
	else if (all_fails(worker->room))
		reply_failure(&answer, &lookup->query, LDNS_RCODE_SERVFAIL,
			      REPLY_EDE_UNREACHABLE);
	else
		return;
	explain_sides(lookup->explain);
	explain_answer(lookup->explain, &answer);
	reply_to_all(worker, lookup, &answer);
	lookup_dismiss(lookup);
}

/* Something more is known. Return: was it enough, and the look-up is over? */
static bool go_on(struct worker *worker, struct lookup *lookup)
{
	struct answer answer = { .wire = worker->wire };

	if (!compose(worker, lookup, &answer)) {
		if (lookup->impatient)
			lose_patience(worker, lookup);
		return false;
	}
	rebind_guard(&answer, &lookup->query, worker->room->config, worker->room->map);
	exchange_with_cache(worker, lookup, &answer);
	explain_answer(lookup->explain, &answer);
	reply_to_all(worker, lookup, &answer);
	lookup_free(lookup);
	return true;
}

static void note_silence(struct room *room)
{
	if (atomic_fetch_add(&room->failed_in_row, 1) == 0)
		atomic_store(&room->failing_since_ms, loop_now_ms());
	if (all_fails(room))
		cache_all_fail(room->cache, loop_now_ms());
}

/* Is anybody there at all? A server that answers with a failure is. */
static void note_upstream(struct room *room, const struct resolver_answer *answer)
{
	bool failing;

	if (answer->status == RESOLVER_FAILED) {
		if (answer->silent)
			note_silence(room);
		return;
	}
	if (answer->cached || !atomic_load(&room->failed_in_row))
		return;
	failing = all_fails(room);
	if (atomic_exchange(&room->failed_in_row, 0) && failing) {
		atomic_fetch_add(&room->returns, 1);
		cache_retry(room->cache, loop_now_ms());
	}
}

void dns64_go_on(void *arg, struct lookup *lookup, const struct resolver_answer *answer)
{
	struct worker *worker = arg;

	if (answer)
		note_upstream(worker->room, answer);
	go_on(worker, lookup);
}

/*
 * Another worker may have heard from servers that ours take for dead. And while nobody hears
 * from any, each worker goes on trying: who asks next may be one that has given up.
 */
static void hope_again(struct worker *worker)
{
	unsigned int returns = atomic_load_explicit(&worker->room->returns,
						    memory_order_relaxed);
	bool due = all_fails(worker->room) && loop_now_ms() - worker->retried_ms >= RETRY_MS;

	if (worker->returns == returns && !due)
		return;
	worker->returns = returns;
	worker->retried_ms = loop_now_ms();
	resolver_retry(worker->resolver);
	resolver_retry(worker->renewer);
}

static bool ask_resolver(struct worker *worker, struct lookup *lookup)
{
	struct resolver *resolver = lookup->by_renewer ? worker->renewer : worker->resolver;
	const struct query *query = &lookup->query;

	hope_again(worker);
	switch (lookup->plan.action) {
	case POLICY_SYNTHESISE:
		lookup_ask(lookup, &lookup->main, resolver, &query->qname, LDNS_RR_TYPE_AAAA);
		lookup_ask(lookup, &lookup->a, resolver, &query->qname, LDNS_RR_TYPE_A);
		lookup_wait(lookup, worker->aaaa_wait);
		break;
	case POLICY_REVERSE:
		lookup_ask(lookup, &lookup->main, resolver, &lookup->plan.target, query->type);
		break;
	default:
		lookup_ask(lookup, &lookup->main, resolver, &query->qname, query->type);
	}
	/* The resolver may have refused at once. */
	return go_on(worker, lookup);
}

/* The look-up that is under way; not one with the configuration of before a change. */
static struct lookup *find_lookup(struct worker *worker, const struct key *key)
{
	struct lookup *lookup = lookup_find(worker->lookups, key);

	return lookup && lookup->epoch == worker->epoch ? lookup : NULL;
}

static struct lookup *start_lookup(struct worker *worker, const struct key *key,
				   const struct asker *asker, const struct query *query,
				   const struct policy_plan *plan)
{
	struct lookup *lookup = lookup_new(worker->lookups, key, asker, query);

	if (lookup) {
		lookup->plan = *plan;
		policy_apply_names(&lookup->plan, query, worker->room->config);
		lookup->explain = asker ? asker->explain : NULL;
		explain_names(lookup->explain, plan, &lookup->plan);
		lookup->epoch = worker->epoch;
	}
	return lookup;
}

/* @stale: there is an old answer, for him who can wait no longer. */
static enum dns64_exit wait_for_answer(struct worker *worker, const struct asker *asker,
				       const struct query *query, const struct key *key,
				       const struct policy_plan *plan, bool stale)
{
	/* How another's goes on would not be all that there is to explain. */
	struct lookup *lookup = asker->explain ? NULL : find_lookup(worker, key);
	bool first = !lookup;

	if (first)
		lookup = start_lookup(worker, key, asker, query, plan);
	if (!lookup)
		return DNS64_DROPPED;
	if (!lookup_join(lookup, asker, query, loop_now_ms())) {
		if (first)
			lookup_free(lookup);
		return DNS64_DROPPED;
	}
	if (stale || all_fails(worker->room))
		lookup_set_patience(lookup, worker->patience);
	stats_inc(first ? STAT_DNS_CACHE_MISS : STAT_DNS_CACHE_COALESCED);
	if (lookup->impatient)		/* others have waited long enough for the same */
		lose_patience(worker, lookup);
	return first && ask_resolver(worker, lookup) ? DNS64_SENT : DNS64_LATER;
}

/* Asked for often, and soon to expire. @answer: what is to be renewed. */
static void renew(struct worker *worker, const struct key *key, const struct query *query,
		  const struct policy_plan *plan, const struct answer *answer)
{
	struct lookup *lookup;

	if (find_lookup(worker, key))
		return;
	lookup = start_lookup(worker, key, NULL, query, plan);
	if (!lookup)
		return;
	stats_inc(STAT_DNS_CACHE_PREFETCH);
	lookup->by_renewer = !answer->by_renewer;
	ask_resolver(worker, lookup);
}

void dns64_abandon(struct worker *worker)
{
	struct lookup *lookup;

	while ((lookup = lookups_first(worker->lookups)) != NULL)
		lookup_free(lookup);
}

/* ---- a query has come in --------------------------------------------------------- */

/* For `gate64 dns top`. @miss: the answer was not known. */
static void note(struct worker *worker, const struct asker *asker, const struct query *query,
		 bool miss)
{
	if (!asker->explain && top_due(worker->top))
		top_count(worker->top, &query->qname, &asker->client, miss, loop_now_ms());
}

/* What needs nobody else. Return: was it such a query? */
static bool answer_locally(const struct worker *worker, const struct asker *asker,
			   const struct query *query, const struct policy_plan *plan,
			   struct answer *answer)
{
	switch (plan->action) {
	case POLICY_REFUSE:
		refused(plan->why, &asker->client, &query->qname);
		reply_failure(answer, query, plan->rcode, REPLY_EDE_NONE);
		return true;
	case POLICY_ANY:
		local_any(answer, query);
		return true;
	case POLICY_IPV4ONLY:
		local_ipv4only(answer, query, worker->room->map);
		return true;
	case POLICY_IPV4ONLY_REVERSE:
		local_ipv4only_reverse(answer, query);
		return true;
	case POLICY_IPV4ONLY_MAPPED:
		local_ipv4only_mapped(answer, query, &plan->target);
		return true;
	case POLICY_REVERSE_EMPTY:
		local_empty(answer, query, &plan->zone, LDNS_RCODE_NOERROR);
		return true;
	case POLICY_REVERSE_NONE:
		local_empty(answer, query, &plan->zone, LDNS_RCODE_NXDOMAIN);
		return true;
	case POLICY_REVERSE:
	case POLICY_SYNTHESISE:
	case POLICY_PASS:
		break;
	}
	return false;
}

static enum cache_outcome ask_cache(const struct worker *worker, const struct asker *asker,
				    const struct key *key, struct answer *answer)
{
	struct cache *cache = worker->room->cache;
	enum cache_outcome outcome = CACHE_MISS;
	int64_t now_ms = loop_now_ms();
	struct cache_look look;

	if (!asker->explain)
		return cache_get(cache, key, now_ms, answer);
	cache_look(cache, key, now_ms, &look);
	if (!explain_anew(asker->explain))
		outcome = cache_get(cache, key, now_ms, answer);
	explain_cache(asker->explain, &look, outcome);
	return outcome;
}

static enum dns64_exit turn_away(const struct admission *admission, struct asker *asker,
				 const struct query *query, struct answer *answer)
{
	if (admission->why == STAT_DNS_COOKIE_ASKED)	/* that is what it came for */
		stats_inc(admission->why);
	else
		refused(admission->why, &asker->client, NULL);
	if (admission->verdict == ADMIT_DROP)
		return DNS64_DROPPED;
	if (admission->verdict == ADMIT_TRUNCATE)
		return truncate_reply(asker, query, answer);
	return refuse(asker, query, answer, admission->rcode);
}

enum dns64_exit dns64_query(struct worker *worker, struct asker *asker, const uint8_t *wire,
			    size_t len)
{
	struct answer answer = { .wire = worker->wire };
	struct admission admission;
	enum cache_outcome outcome;
	struct policy_plan plan;
	enum dns64_exit exit;
	struct query query;
	struct key key;

	admission = admit(worker, asker, &query, wire, len);
	if (admission.verdict != ADMIT_GO_ON)
		return turn_away(&admission, asker, &query, &answer);

	policy_decide(&plan, &query, worker->room->map);
	explain_plan(asker->explain, &plan);
	if (answer_locally(worker, asker, &query, &plan, &answer)) {
		note(worker, asker, &query, false);
		return reply(asker, &query, &answer);
	}

	key_make(&key, &worker->room->secret, &query);
	outcome = ask_cache(worker, asker, &key, &answer);
	note(worker, asker, &query, outcome == CACHE_MISS);
	switch (outcome) {
	case CACHE_MISS:
		return wait_for_answer(worker, asker, &query, &key, &plan, false);
	case CACHE_STALE:
		exit = wait_for_answer(worker, asker, &query, &key, &plan, true);
		/* Where there is no place to wait: he need not. */
		return exit == DNS64_DROPPED ? reply_stale(asker, &query, &answer) : exit;
	case CACHE_STALE_HELD:
		return reply_stale(asker, &query, &answer);
	case CACHE_FAILED:
		return refuse_again(asker, &query, &answer);
	case CACHE_HIT_RENEW:
	case CACHE_HIT:
		break;
	}
	stats_inc(STAT_DNS_CACHE_HIT);
	reply(asker, &query, &answer);
	if (outcome == CACHE_HIT_RENEW)
		renew(worker, &key, &query, &plan, &answer);
	return DNS64_SENT;
}
