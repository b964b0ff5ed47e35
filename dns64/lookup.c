/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Look-ups by key, who waits for them, and how many places each client has. */
#include "lookup.h"

#include <event2/event.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "../core/addr.h"
#include "../core/siphash.h"
#include "../core/stats.h"
#include "codes.h"
#include "explain.h"
#include "refused.h"

enum {
	LOOKUP_BUCKETS = 4096,	/* powers of two */
	SHARE_BUCKETS = 1024,
};

/* What is scarce. A question's place is taken until the resolver itself is done with it, which
 * may be long after nobody waits for it any more. */
enum place { PLACE_LOOKUP, PLACE_QUESTION, PLACE_WAITER, PLACES };

static const unsigned int places_max[PLACES] = {
	[PLACE_LOOKUP] = LOOKUPS_MAX,
	[PLACE_QUESTION] = RESOLVER_QUESTIONS_MAX,
	[PLACE_WAITER] = WAITERS_MAX,
};

/* The places that a host or all hosts of a /64 have; gone with the last of them */
struct share {
	LIST_ENTRY(share) in_bucket;
	struct lookups *lookups;
	struct prefix who;		/* a /128 or a /64 */
	struct share *net;		/* of the /64 that a host is in; NULL: IPv4, or it is one */
	unsigned int n[PLACES];
};

LIST_HEAD(lookup_bucket, lookup);
LIST_HEAD(share_bucket, share);

struct lookups {
	struct event_base *base;
	lookup_news_fn *news;
	void *arg;
	const struct siphash_key *secret;
	LIST_HEAD(lookup_list, lookup) all;
	_Atomic unsigned int n;		/* read by every thread */
	unsigned int taken[PLACES];	/* by everybody */
	struct lookup_bucket buckets[LOOKUP_BUCKETS];
	struct share_bucket shares[SHARE_BUCKETS];
};

/* ---- shares ------------------------------------------------------------------ */

static struct share *share_of(struct lookups *lookups, const struct prefix *who)
{
	struct share_bucket *bucket;
	struct share *share;
	uint64_t words[2];

	memcpy(words, &who->addr, sizeof(words));
	bucket = &lookups->shares[siphash13(lookups->secret, words, 2) % SHARE_BUCKETS];
	LIST_FOREACH(share, bucket, in_bucket)
		if (prefix_equal(&share->who, who))
			return share;
	share = calloc(1, sizeof(*share));
	if (share) {
		share->lookups = lookups;
		share->who = *who;
		LIST_INSERT_HEAD(bucket, share, in_bucket);
	}
	return share;
}

/* A share without places does not stay, nor then that of its /64. */
static void share_put(struct share *share)
{
	static const unsigned int none[PLACES];

	while (share && memcmp(share->n, none, sizeof(none)) == 0) {
		struct share *net = share->net;

		LIST_REMOVE(share, in_bucket);
		free(share);
		share = net;
	}
}

static struct share *share_get(struct lookups *lookups, const struct in6_addr *client)
{
	struct prefix host = { *client, 128 }, net = { *client, 64 };
	struct share *of_net = NULL, *share;

	if (!addr_is_v4(client)) {
		memset(net.addr.s6_addr + 8, 0, 8);
		of_net = share_of(lookups, &net);
		if (!of_net)
			return NULL;
	}
	share = share_of(lookups, &host);
	if (share)
		share->net = of_net;
	else
		share_put(of_net);
	return share;
}

static bool all_taken(const struct lookups *lookups, enum place place)
{
	return lookups->taken[place] >= places_max[place];
}

/*
 * A /64, or an IPv4 address, may take half as many as it leaves, so up to a third of all; a host
 * of that /64 three times as many as it leaves to its neighbours there, so up to a quarter of all.
 */
static bool may_have_more(const struct share *share, enum place place)
{
	const struct share *net = share->net ? share->net : share;
	unsigned int left = places_max[place] - share->lookups->taken[place];

	if (all_taken(share->lookups, place) || net->n[place] * 2 >= left)
		return false;
	return share == net || share->n[place] <= left - net->n[place] * 2;
}

static void take(struct share *share, enum place place)
{
	share->lookups->taken[place]++;
	share->n[place]++;
	if (share->net)
		share->net->n[place]++;
}

static void give_back(struct share *share, enum place place)
{
	share->lookups->taken[place]--;
	share->n[place]--;
	if (share->net)
		share->net->n[place]--;
	share_put(share);
}

/* ---- who waits ----------------------------------------------------------------- */

/* The same question once more: the first was thought lost, not meant twice. */
static struct waiter *find_repeated(struct lookup *lookup, const struct asker *asker,
				    const struct query *query)
{
	struct waiter *waiter;

	LIST_FOREACH(waiter, &lookup->waiters, link)
		if (asker->udp && waiter->asker.udp == asker->udp &&
		    waiter->query.id == query->id &&
		    waiter->asker.peer.sin6_port == asker->peer.sin6_port &&
		    addr_equal(&waiter->asker.client, &asker->client))
			return waiter;
	return NULL;
}

/* Return: its share, or NULL, counted. */
static struct share *admit_waiter(struct lookup *lookup, const struct asker *asker)
{
	struct lookups *lookups = lookup->lookups;
	struct share *share;

	if (lookup->n_waiters >= LOOKUP_WAITERS_MAX) {
		refused(STAT_DNS_DROP_LOOKUP_WAITERS, &asker->client, &lookup->query.qname);
		return NULL;
	}
	share = all_taken(lookups, PLACE_WAITER) ? NULL : share_get(lookups, &asker->client);
	if (!share) {
		refused(STAT_DNS_DROP_WAITERS, &asker->client, &lookup->query.qname);
		return NULL;
	}
	if (may_have_more(share, PLACE_WAITER))
		return share;
	share_put(share);
	refused(STAT_DNS_DROP_SHARE, &asker->client, &lookup->query.qname);
	return NULL;
}

bool lookup_join(struct lookup *lookup, const struct asker *asker, const struct query *query,
		 int64_t now_ms)
{
	struct waiter *waiter = find_repeated(lookup, asker, query);
	struct share *share;

	if (waiter) {
		stats_inc(STAT_DNS_DROP_REPEATED);
		waiter->query = *query;
		waiter->since_ms = now_ms;
		return true;
	}
	share = admit_waiter(lookup, asker);
	if (!share)
		return false;
	waiter = calloc(1, sizeof(*waiter));
	if (!waiter) {
		share_put(share);
		refused(STAT_DNS_DROP_WAITERS, &asker->client, &query->qname);
		return false;
	}
	waiter->lookup = lookup;
	waiter->share = share;
	waiter->query = *query;
	waiter->since_ms = now_ms;
	asker_hold(&waiter->asker, asker);
	LIST_INSERT_HEAD(&lookup->waiters, waiter, link);
	lookup->n_waiters++;
	take(share, PLACE_WAITER);
	return true;
}

/* Out of every list and count; his asker is yet to be released. */
static void waiter_unlink(struct waiter *waiter)
{
	LIST_REMOVE(waiter, link);
	waiter->lookup->n_waiters--;
	give_back(waiter->share, PLACE_WAITER);
}

void lookup_leave(struct asker *asker)
{
	struct waiter *waiter =
		(struct waiter *)(void *)((char *)asker - offsetof(struct waiter, asker));

	waiter_unlink(waiter);
	free(waiter);
}

/* ---- questions -------------------------------------------------------------------- */

static void side_fail(struct side *side, enum resolver_status status)
{
	side->got.known = true;
	side->got.answer = (struct resolver_answer){ .status = status };
}

static void tell(struct lookup *lookup, const struct resolver_answer *answer)
{
	lookup->lookups->news(lookup->lookups->arg, lookup, answer);
}

static void on_answer(void *arg, const struct resolver_answer *answer)
{
	struct side *side = arg;

	explain_answered(side->lookup->explain, side == &side->lookup->a, answer);
	side->question = NULL;
	side->got.known = true;
	side->got.answer = *answer;
	side->got.answer.why = NULL;
	if (answer->wire) {
		side->wire = malloc(answer->wire_len);
		if (side->wire) {
			memcpy(side->wire, answer->wire, answer->wire_len);
			side->got.answer.wire = side->wire;
		} else {
			side_fail(side, answer->status == RESOLVER_BOGUS ? RESOLVER_BOGUS :
									   RESOLVER_FAILED);
		}
	}
	tell(side->lookup, answer);
}

static void on_question_gone(void *share)
{
	give_back(share, PLACE_QUESTION);
}

void lookup_ask(struct lookup *lookup, struct side *side, struct resolver *resolver,
		const struct name *qname, uint16_t type)
{
	side->lookup = lookup;
	explain_asked(lookup->explain, side == &lookup->a, qname, type);
	side->question = resolver_ask(resolver, qname->wire, type, LDNS_RR_CLASS_IN, on_answer,
				      side);
	if (side->question) {
		take(lookup->share, PLACE_QUESTION);
		resolver_charge(side->question, on_question_gone, lookup->share);
		return;
	}
	side_fail(side, RESOLVER_REFUSED);
	explain_answered(lookup->explain, side == &lookup->a, &side->got.answer);
}

static void side_end(struct side *side)
{
	if (side->question)
		resolver_cancel(side->question);
	free(side->wire);
}

static void on_overdue(evutil_socket_t fd, short what, void *arg)
{
	struct lookup *lookup = arg;

	(void)fd;
	(void)what;
	lookup->overdue = true;
	tell(lookup, NULL);
}

static void on_impatient(evutil_socket_t fd, short what, void *arg)
{
	struct lookup *lookup = arg;

	(void)fd;
	(void)what;
	lookup->impatient = true;
	tell(lookup, NULL);
}

void lookup_wait(struct lookup *lookup, const struct timeval *timeout)
{
	evtimer_add(&lookup->wait, timeout);
}

void lookup_set_patience(struct lookup *lookup, const struct timeval *timeout)
{
	if (!lookup->impatient && !evtimer_pending(&lookup->patience, NULL))
		evtimer_add(&lookup->patience, timeout);
}

/* ---- look-ups ----------------------------------------------------------------------- */

static struct lookup_bucket *bucket_of(struct lookups *lookups, const struct key *key)
{
	return &lookups->buckets[key->hash % LOOKUP_BUCKETS];
}

struct lookup *lookup_find(struct lookups *lookups, const struct key *key)
{
	struct lookup *lookup;

	LIST_FOREACH(lookup, bucket_of(lookups, key), in_bucket)
		if (key_equal(&lookup->key, key))
			return lookup;
	return NULL;
}

/* One more for the client. Return: its share, or NULL, counted. */
static struct share *admit_lookup(struct lookups *lookups, const struct in6_addr *client,
				  const struct name *qname)
{
	bool full = all_taken(lookups, PLACE_LOOKUP) || all_taken(lookups, PLACE_QUESTION);
	struct share *share = full ? NULL : share_get(lookups, client);

	if (!share) {
		refused(STAT_DNS_DROP_BUSY, client, qname);
		return NULL;
	}
	if (may_have_more(share, PLACE_LOOKUP) && may_have_more(share, PLACE_QUESTION))
		return share;
	share_put(share);
	refused(STAT_DNS_DROP_SHARE, client, qname);
	return NULL;
}

/* For later. Return: nobody's share, or NULL. */
static struct share *admit_renewal(struct lookups *lookups)
{
	const struct in6_addr nobody = addr_from_v4(0);

	if (lookups->taken[PLACE_LOOKUP] >= places_max[PLACE_LOOKUP] / 2 ||
	    lookups->taken[PLACE_QUESTION] >= places_max[PLACE_QUESTION] / 2)
		return NULL;
	return share_get(lookups, &nobody);
}

struct lookup *lookup_new(struct lookups *lookups, const struct key *key,
			  const struct asker *asker, const struct query *query)
{
	struct share *share = asker ? admit_lookup(lookups, &asker->client, &query->qname) :
				      admit_renewal(lookups);
	struct lookup *lookup;

	if (!share)
		return NULL;
	lookup = calloc(1, sizeof(*lookup));
	if (!lookup) {
		share_put(share);
		return NULL;
	}
	take(share, PLACE_LOOKUP);
	lookup->lookups = lookups;
	lookup->share = share;
	lookup->key = *key;
	lookup->query = *query;
	LIST_INIT(&lookup->waiters);
	evtimer_assign(&lookup->wait, lookups->base, on_overdue, lookup);
	evtimer_assign(&lookup->patience, lookups->base, on_impatient, lookup);
	LIST_INSERT_HEAD(&lookups->all, lookup, link);
	LIST_INSERT_HEAD(bucket_of(lookups, key), lookup, in_bucket);
	lookups->n++;
	return lookup;
}

void lookup_dismiss(struct lookup *lookup)
{
	struct waiter_list leaving = lookup->waiters;
	struct waiter *waiter = LIST_FIRST(&leaving);

	lookup->explain = NULL;		/* he waits, too, or is none of them */
	/* A list of its own: who is let go may ask again, and then stays. */
	LIST_INIT(&lookup->waiters);
	if (waiter)
		waiter->link.le_prev = &leaving.lh_first;
	while ((waiter = LIST_FIRST(&leaving)) != NULL) {
		/* The analyser cannot follow le_prev, by which the list forgets it. */
		waiter_unlink(waiter);	/* NOLINT(clang-analyzer-unix.Malloc) */
		asker_release(&waiter->asker);
		free(waiter);
	}
}

void lookup_free(struct lookup *lookup)
{
	side_end(&lookup->main);
	side_end(&lookup->a);
	event_del(&lookup->wait);
	event_del(&lookup->patience);
	/* First: who is let go may ask again, and must not find it. */
	LIST_REMOVE(lookup, link);
	LIST_REMOVE(lookup, in_bucket);
	lookup->lookups->n--;
	give_back(lookup->share, PLACE_LOOKUP);
	lookup_dismiss(lookup);
	free(lookup);
}

/* ---- life ------------------------------------------------------------------------------ */

struct lookups *lookups_new(struct event_base *base, const struct siphash_key *secret,
			    lookup_news_fn *news, void *arg)
{
	struct lookups *lookups = calloc(1, sizeof(*lookups));

	if (!lookups)
		return NULL;
	lookups->base = base;
	lookups->secret = secret;
	lookups->news = news;
	lookups->arg = arg;
	return lookups;
}

struct lookup *lookups_first(struct lookups *lookups)
{
	return LIST_FIRST(&lookups->all);
}

unsigned int lookups_pending(const struct lookups *lookups)
{
	return lookups->n;
}

void lookups_free(struct lookups *lookups)
{
	free(lookups);
}
