/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The spine: one query's life.
 *
 *   message (is it one?) -> policy (what is to be done?) -> local, or
 *   cache -> resolver, AAAA and A side by side -> synth -> cache -> asker
 *
 * It leaves by one of three exits: answered at once, answered later, dropped.
 * Everything here happens in the worker's thread.
 */
#include "dns64.h"

#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdlib.h>
#include <string.h>

#include "../core/config.h"
#include "../core/loop.h"
#include "../core/stats.h"
#include "cache.h"
#include "codes.h"
#include "local.h"
#include "policy.h"
#include "resolver.h"
#include "synth.h"
#include "tally.h"
#include "worker.h"

enum {
	PENDING_MAX = 4096,	/* queries of a worker that wait; the resolver may say so first */
	BADVERS_HIGH = 1,	/* RFC 6891 9: rcode 16 = 1 << 4 | 0 */
};

/* One question to the resolver */
struct side {
	struct pending *pending;
	struct resolver_query *question;	/* while it is under way */
	struct synth_side got;
	uint8_t *wire;				/* owned copy of got.answer.wire */
};

/* A query whose answer is waited for */
struct pending {
	LIST_ENTRY(pending) link;
	struct worker *worker;
	struct asker asker;
	struct query query;
	struct policy_plan plan;
	uint64_t epoch;		/* of the room, when it was asked */
	struct side main;	/* AAAA, or whatever is asked alone */
	struct side a;		/* beside AAAA */
	struct event wait;	/* for AAAA, when A may already do */
	bool overdue;
};

/* ---- exits ------------------------------------------------------------------ */

static enum dns64_exit reply(struct asker *asker, const struct query *query,
			     struct answer *answer)
{
	size_t len = reply_seal(answer, query, 0, asker_limit(asker, query->udp_size));

	tally_reply(answer, 0);
	asker_reply(asker, answer->wire, len);
	return DNS64_SENT;
}

static enum dns64_exit refuse(struct asker *asker, const struct query *query,
			      struct answer *answer, uint8_t rcode)
{
	reply_failure(answer, query, rcode, REPLY_EDE_NONE);
	return reply(asker, query, answer);
}

static enum dns64_exit refuse_version(struct asker *asker, const struct query *query,
				      struct answer *answer)
{
	size_t len;

	reply_failure(answer, query, LDNS_RCODE_NOERROR, REPLY_EDE_NONE);
	len = reply_seal(answer, query, BADVERS_HIGH, asker_limit(asker, query->udp_size));
	tally_reply(answer, BADVERS_HIGH);
	asker_reply(asker, answer->wire, len);
	return DNS64_SENT;
}

static enum dns64_exit drop(enum stat why)
{
	stats_inc(why);
	return DNS64_DROPPED;
}

/* ---- a query that waits -------------------------------------------------------- */

static void side_end(struct side *side)
{
	if (side->question)
		resolver_cancel(side->question);
	free(side->wire);
}

static void pending_free(struct pending *pending)
{
	side_end(&pending->main);
	side_end(&pending->a);
	event_del(&pending->wait);
	LIST_REMOVE(pending, link);
	pending->worker->n_pending--;
	asker_release(&pending->asker);
	free(pending);
}

/* Compose the answer from what is known. Return: false when that is not enough. */
static bool compose(const struct pending *pending, struct answer *answer)
{
	const struct room *room = pending->worker->room;
	struct synth synth = {
		.query = &pending->query,
		.map = room->map,
		.exclude_aaaa = &room->config->dns64.exclude_aaaa,
		.aaaa = &pending->main.got,
		.a = &pending->a.got,
		.aaaa_overdue = pending->overdue,
	};

	if (pending->plan.action == POLICY_SYNTHESISE)
		return synth_settle(&synth, answer);
	if (!pending->main.got.known)
		return false;
	if (pending->plan.action == POLICY_REVERSE)
		synth_reverse(answer, &pending->query, &pending->plan.target,
			      &pending->main.got);
	else
		synth_pass(answer, &pending->query, &pending->main.got);
	return true;
}

/* Something more is known. Return: was it enough, and the query is over? */
static bool go_on(struct pending *pending)
{
	struct worker *worker = pending->worker;
	struct answer answer = { .wire = worker->wire };

	if (!compose(pending, &answer))
		return false;
	if (pending->epoch == worker->room->epoch)
		cache_put(worker->room->cache, &pending->query, loop_now_ms(), &answer);
	reply(&pending->asker, &pending->query, &answer);
	pending_free(pending);
	return true;
}

static void side_fail(struct side *side, enum resolver_status status)
{
	side->got.known = true;
	side->got.answer = (struct resolver_answer){ .status = status };
}

static void on_answer(void *arg, const struct resolver_answer *answer)
{
	struct side *side = arg;

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
			side_fail(side, RESOLVER_FAILED);
		}
	}
	go_on(side->pending);
}

static void on_overdue(evutil_socket_t fd, short what, void *arg)
{
	struct pending *pending = arg;

	(void)fd;
	(void)what;
	pending->overdue = true;
	go_on(pending);
}

static void side_ask(struct side *side, struct pending *pending, const struct name *qname,
		     uint16_t type)
{
	struct resolver *resolver = pending->worker->resolver;

	side->pending = pending;
	side->question = resolver_ask(resolver, qname->wire, type, LDNS_RR_CLASS_IN, on_answer,
				      side);
	if (!side->question)
		side_fail(side, RESOLVER_REFUSED);
}

static struct pending *pending_new(struct worker *worker, const struct asker *asker,
				   const struct query *query, const struct policy_plan *plan)
{
	struct pending *pending;

	if (worker->n_pending >= PENDING_MAX)
		return NULL;
	pending = calloc(1, sizeof(*pending));
	if (!pending)
		return NULL;
	pending->worker = worker;
	pending->query = *query;
	pending->plan = *plan;
	pending->epoch = worker->room->epoch;
	evtimer_assign(&pending->wait, worker->base, on_overdue, pending);
	asker_hold(&pending->asker, asker);
	LIST_INSERT_HEAD(&worker->pending, pending, link);
	worker->n_pending++;
	return pending;
}

static enum dns64_exit ask(struct worker *worker, const struct asker *asker,
			   const struct query *query, const struct policy_plan *plan)
{
	struct pending *pending = pending_new(worker, asker, query, plan);

	if (!pending)
		return drop(STAT_DNS_DROP_BUSY);
	switch (plan->action) {
	case POLICY_SYNTHESISE:
		side_ask(&pending->main, pending, &query->qname, LDNS_RR_TYPE_AAAA);
		side_ask(&pending->a, pending, &query->qname, LDNS_RR_TYPE_A);
		evtimer_add(&pending->wait, worker->aaaa_wait);
		break;
	case POLICY_REVERSE:
		side_ask(&pending->main, pending, &plan->target, query->type);
		break;
	default:
		side_ask(&pending->main, pending, &query->qname, query->type);
	}
	/* The resolver may have refused at once. */
	return go_on(pending) ? DNS64_SENT : DNS64_LATER;
}

void dns64_abandon(struct worker *worker)
{
	struct pending *pending;

	/* The analyser cannot follow le_prev, by which the list forgets it. */
	while ((pending = LIST_FIRST(&worker->pending)) != NULL)
		pending_free(pending);	/* NOLINT(clang-analyzer-unix.Malloc) */
}

/* ---- a query has come in --------------------------------------------------------- */

/* What needs nobody else. Return: was it such a query? */
static bool answer_locally(const struct worker *worker, const struct query *query,
			   const struct policy_plan *plan, struct answer *answer)
{
	switch (plan->action) {
	case POLICY_REFUSE:
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

enum dns64_exit dns64_query(struct worker *worker, struct asker *asker, const uint8_t *wire,
			    size_t len)
{
	struct answer answer = { .wire = worker->wire };
	struct policy_plan plan;
	struct query query;

	switch (message_read_query(&query, wire, len)) {
	case MESSAGE_SHORT:
		return drop(STAT_DNS_DROP_MALFORMED);
	case MESSAGE_RESPONSE:
		return drop(STAT_DNS_DROP_RESPONSE);
	case MESSAGE_FORMERR:
		return refuse(asker, &query, &answer, LDNS_RCODE_FORMERR);
	case MESSAGE_NOTIMP:
		return refuse(asker, &query, &answer, LDNS_RCODE_NOTIMPL);
	case MESSAGE_BADVERS:
		return refuse_version(asker, &query, &answer);
	case MESSAGE_OK:
		break;
	}

	policy_decide(&plan, &query, worker->room->map);
	if (answer_locally(worker, &query, &plan, &answer))
		return reply(asker, &query, &answer);

	if (cache_get(worker->room->cache, &query, loop_now_ms(), &answer)) {
		stats_inc(STAT_DNS_CACHE_HIT);
		return reply(asker, &query, &answer);
	}
	stats_inc(STAT_DNS_CACHE_MISS);
	return ask(worker, asker, &query, &plan);
}
