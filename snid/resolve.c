/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Answers, and questions under way; see resolve.h. */
#include "resolve.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "../core/clients.h"
#include "../core/loop.h"
#include "../core/siphash24.h"
#include "../core/stats.h"
#include "../core/throttle.h"

enum {
	RCODE_NOERROR = 0,	/* RFC 1035 4.1.1 */
	RCODE_NXDOMAIN = 3,

	FLIGHT_BUCKETS = 512,	/* a power of two */
};

/* A place in the resolver; it is taken until the resolver has done with the question, which
 * may be long after nobody waits any more. */
struct place {
	struct resolve *resolve;
	bool charged;			/* to: */
	uint64_t client;
};

/* A question that is under way, and who waits for it */
struct flight {
	TAILQ_ENTRY(flight) link;
	LIST_ENTRY(flight) in_bucket;
	struct resolve *resolve;
	enum resolver_type type;
	struct resolver *resolver;	/* that was asked */
	struct resolver_query *query;
	bool stale;			/* it was asked before a flush */
	unsigned int n_waiting;
	LIST_HEAD(waiting, resolve_question) waiting;
	char name[RESOLVER_NAME_STRLEN];
};

struct resolve {
	struct resolve_shares *shares;
	struct resolver *resolver;
	struct answers *answers;
	uint32_t stale_ms;
	struct answer refusal;		/* the last one */
	unsigned int n_places;
	TAILQ_HEAD(flights, flight) flights;
	struct siphash_key secret;
	LIST_HEAD(flight_bucket, flight) buckets[FLIGHT_BUCKETS];
};

/* ---- answers ----------------------------------------------------------------- */

static const char *failure_text(enum resolver_status status)
{
	switch (status) {
	case RESOLVER_BOGUS:
		return "DNSSEC validation failed";
	case RESOLVER_REFUSED:
		return "too many look-ups pending";
	case RESOLVER_FAILED:
	case RESOLVER_OK:
		break;
	}
	return "no answer";
}

static const char *absence_text(enum resolver_type type)
{
	switch (type) {
	case RESOLVER_A:
		return "no IPv4 address";
	case RESOLVER_AAAA:
		return "no IPv6 address";
	case RESOLVER_SRV:
		break;
	}
	return "no such service";
}

static struct answer failure(const char *why)
{
	return (struct answer){ .kind = ANSWER_FAILED, .why = why };
}

/* What a resolver's answer means */
static struct answer meaning(const struct resolver_records *records, enum resolver_type type)
{
	struct answer answer = failure(failure_text(records->status));

	if (records->status == RESOLVER_BOGUS) {
		answer.kind = ANSWER_BOGUS;
	} else if (records->status == RESOLVER_OK && records->rcode == RCODE_NXDOMAIN) {
		answer = (struct answer){ .kind = ANSWER_ABSENT, .why = "no such name" };
	} else if (records->status == RESOLVER_OK && records->rcode != RCODE_NOERROR) {
		answer.why = "the name's servers fail";
	} else if (records->status == RESOLVER_OK) {
		answer = (struct answer){
			.kind = ANSWER_RECORDS,
			.addrs = records->addrs,
			.n_addrs = records->n_addrs,
			.services = records->services,
			.n_services = records->n_services,
		};
		if (!answer.n_addrs && !answer.n_services)
			answer = (struct answer){ .kind = ANSWER_ABSENT,
						  .why = absence_text(type) };
	}
	return answer;
}

/* @known, out of @old where it was copied to */
static struct answer keep_old(struct resolver_records *old, const struct answer *known)
{
	struct answer answer = *known;

	answer.addrs = memcpy(old->addrs, known->addrs, known->n_addrs * sizeof(*old->addrs));
	answer.services = memcpy(old->services, known->services,
				 known->n_services * sizeof(*old->services));
	return answer;
}

/* ---- places --------------------------------------------------------------------- */

static void place_gone(void *arg)
{
	struct place *place = arg;

	place->resolve->n_places--;
	if (place->charged)
		clients_remove(place->resolve->shares->clients, place->client);
	free(place);
}

/* ---- flights -------------------------------------------------------------------- */

static void landed(void *arg, const struct resolver_records *records)
{
	struct flight *flight = arg;
	struct resolve *resolve = flight->resolve;
	struct answer answer = meaning(records, flight->type);
	struct resolver_records old;
	struct resolve_question *question;

	/* First: who is told may ask the same again. */
	TAILQ_REMOVE(&resolve->flights, flight, link);
	LIST_REMOVE(flight, in_bucket);
	/* Old records that come in the place of a failure are told out of a copy: who is told
	 * may ask on, and that may push them out. */
	if (!flight->stale) {
		const struct answer *known =
			answers_put(resolve->answers, flight->name, flight->type, &answer,
				    records->ttl_s, resolve->stale_ms, loop_now_ms());

		if (known->kind == ANSWER_RECORDS && answer.kind == ANSWER_FAILED)
			answer = keep_old(&old, known);
	}
	while ((question = LIST_FIRST(&flight->waiting)) != NULL) {
		LIST_REMOVE(question, link);
		question->flight = NULL;
		question->fn(question->arg, &answer);
	}
	free(flight);
}

/* Put the question of @flight to the resolver. @place: taken over where it is put. */
static bool take_off(struct flight *flight, struct place *place)
{
	struct resolve *resolve = flight->resolve;

	flight->resolver = resolve->resolver;
	flight->query = resolver_ask_records(resolve->resolver, flight->name, flight->type, landed,
					     flight);
	if (!flight->query)
		return false;
	resolver_charge(flight->query, place_gone, place);
	resolve->n_places++;
	return true;
}

static struct place *place_new(struct resolve *resolve, uint64_t client, bool charged)
{
	struct place *place = malloc(sizeof(*place));

	if (place)
		*place = (struct place){ resolve, charged, client };
	return place;
}

static struct flight_bucket *bucket_of(struct resolve *resolve, const char *name)
{
	return &resolve->buckets[siphash24(&resolve->secret, name, strlen(name)) % FLIGHT_BUCKETS];
}

static struct flight *find_flight(struct resolve *resolve, const char *name,
				  enum resolver_type type)
{
	struct flight *flight;

	LIST_FOREACH(flight, bucket_of(resolve, name), in_bucket)
		if (flight->type == type && strcmp(flight->name, name) == 0)
			return flight;
	return NULL;
}

/* Return: NULL, or why no question may be added. Where NULL, the client is charged. */
static const char *admit(struct resolve *resolve, const char *name, enum resolver_type type,
			 uint64_t client)
{
	struct resolve_shares *shares = resolve->shares;
	bool known = answers_knew(resolve->answers, name, type);

	if (resolve->n_places >= (known ? RESOLVE_QUESTIONS_MAX : RESOLVE_UNKNOWN_MAX))
		return "too many look-ups pending";
	if (!known && !throttle_pass(shares->throttle, client,
				     atomic_load_explicit(&shares->new_per_client,
							  memory_order_relaxed), loop_now_ms()))
		return "too many look-ups of this client";
	if (clients_add(shares->clients, client) != CLIENTS_OK)
		return "too many look-ups pending of this client";
	return NULL;
}

/* Return: NULL with @why set. */
static struct flight *flight_new(struct resolve *resolve, const char *name,
				 enum resolver_type type, uint64_t client, const char **why)
{
	struct flight *flight;
	struct place *place;

	*why = admit(resolve, name, type, client);
	if (*why)
		return NULL;
	*why = "too many look-ups pending";
	flight = calloc(1, sizeof(*flight));
	place = place_new(resolve, client, true);
	if (!flight || !place)
		goto fail;
	flight->resolve = resolve;
	flight->type = type;
	snprintf(flight->name, sizeof(flight->name), "%s", name);
	if (!take_off(flight, place))
		goto fail;
	stats_inc(STAT_SNI_LOOKUP_ASKED);
	TAILQ_INSERT_TAIL(&resolve->flights, flight, link);
	LIST_INSERT_HEAD(bucket_of(resolve, name), flight, in_bucket);
	return flight;
fail:
	clients_remove(resolve->shares->clients, client);
	free(place);
	free(flight);
	return NULL;
}

/* ---- asking ----------------------------------------------------------------------- */

static const struct answer *refused(struct resolve *resolve, const char *why)
{
	stats_inc(STAT_SNI_LOOKUP_REFUSED);
	resolve->refusal = failure(why);
	return &resolve->refusal;
}

const struct answer *resolve_ask(struct resolve *resolve, struct resolve_question *question,
				 const char *name, enum resolver_type type, uint64_t client,
				 resolve_fn *fn, void *arg)
{
	const struct answer *answer = answers_find(resolve->answers, name, type, loop_now_ms());
	struct flight *flight;
	const char *why;

	if (answer) {
		stats_inc(STAT_SNI_LOOKUP_KNOWN);
		return answer;
	}
	flight = find_flight(resolve, name, type);
	if (!flight)
		flight = flight_new(resolve, name, type, client, &why);
	else if (flight->n_waiting < RESOLVE_WAITERS_MAX)
		stats_inc(STAT_SNI_LOOKUP_JOINED);
	else
		return refused(resolve, "too many wait for this look-up");
	if (!flight)
		return refused(resolve, why);
	question->flight = flight;
	question->fn = fn;
	question->arg = arg;
	LIST_INSERT_HEAD(&flight->waiting, question, link);
	flight->n_waiting++;
	return NULL;
}

void resolve_cancel(struct resolve_question *question)
{
	if (!question->flight)
		return;
	LIST_REMOVE(question, link);
	question->flight->n_waiting--;
	question->flight = NULL;
}

void resolve_confirm(struct resolve *resolve, const char *name)
{
	answers_confirm(resolve->answers, name);
}

/* ---- changes ------------------------------------------------------------------------ */

/* The client did not ask for a second question, and has no less of his own for it. */
static void ask_anew(struct flight *flight)
{
	const struct resolver_records none = { .status = RESOLVER_REFUSED };
	struct place *place = place_new(flight->resolve, 0, false);

	resolver_cancel(flight->query);
	if (place && take_off(flight, place))
		return;
	free(place);
	flight->stale = true;		/* that says nothing about the name */
	landed(flight, &none);
}

void resolve_set(struct resolve *resolve, struct resolver *resolver, uint32_t stale_ms)
{
	struct flight *flight;

	resolve->stale_ms = stale_ms;
	resolve->resolver = resolver;
	/* What is asked meanwhile is at the end. The analyser cannot follow tqe_prev, by which
	 * the queue forgets one that ends here. */
	while ((flight = TAILQ_FIRST(&resolve->flights)) != NULL &&
	       flight->resolver != resolver) {	/* NOLINT(clang-analyzer-unix.Malloc) */
		TAILQ_REMOVE(&resolve->flights, flight, link);
		TAILQ_INSERT_TAIL(&resolve->flights, flight, link);
		ask_anew(flight);
	}
}

size_t resolve_flush(struct resolve *resolve, const char *name, bool below)
{
	struct flight *flight;

	TAILQ_FOREACH(flight, &resolve->flights, link) {
		flight->stale = true;
	}
	return answers_flush(resolve->answers, name, below);
}

/* ---- life ---------------------------------------------------------------------------- */

struct resolve *resolve_new(struct resolve_shares *shares)
{
	struct resolve *resolve = calloc(1, sizeof(*resolve));

	if (!resolve)
		return NULL;
	TAILQ_INIT(&resolve->flights);
	resolve->shares = shares;
	if (getrandom(&resolve->secret, sizeof(resolve->secret), 0) < 0)
		resolve->secret.k0 = (uintptr_t)resolve;
	resolve->answers = answers_new();
	if (!resolve->answers) {
		free(resolve);
		return NULL;
	}
	return resolve;
}

void resolve_free(struct resolve *resolve)
{
	struct flight *flight;

	if (!resolve)
		return;
	while ((flight = TAILQ_FIRST(&resolve->flights)) != NULL) {
		TAILQ_REMOVE(&resolve->flights, flight, link);
		free(flight);
	}
	answers_free(resolve->answers);
	free(resolve);
}
