/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * resolver.h by libunbound's event interface: recursion or forwarding, DNSSEC
 * validation, a cache of records, all within the caller's event loop.
 *
 * What libunbound does otherwise than its callers here want:
 * - It answers from its cache before ub_resolve_event() returns. So an answer is
 *   always copied and delivered from an event of its own.
 * - A question that was given to it cannot be taken back. So a question has a
 *   deadline here; what comes later is thrown away.
 * - It does not forget servers that were away: see engine.c, which also has why
 *   zones are asked apart.
 */
#include "resolver.h"

#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "../core/log.h"
#include "../core/stats.h"
#include "bogus.h"
#include "codes.h"
#include "context.h"
#include "engine.h"
#include "message.h"
#include "records.h"
#include "tally.h"

enum {
	TIMEOUT_MS = 4000,		/* below the 5 s after which stubs ask again */
	TIMEOUT_DEAF_MS = 1800,		/* while no question is answered at all */
	TIMEOUT_MORE_MS = TIMEOUT_MS - TIMEOUT_DEAF_MS,
	UNBOUND_BOGUS = 1,		/* "sec" of the callback, see unbound-event.h */
	UNBOUND_SECURE = 2,
};

/* Where a question stands. What libunbound still knows must not be freed. */
enum question_state {
	QUESTION_ASKED,		/* libunbound knows it, the asker waits */
	QUESTION_GIVEN_UP,	/* libunbound knows it, nobody waits */
	QUESTION_ANSWERED,	/* delivered in the next turn of the loop */
};

struct resolver_query {
	TAILQ_ENTRY(resolver_query) link;	/* in resolver->questions or ->answered */
	struct resolver *resolver;
	struct engine *engine;
	int id;				/* libunbound's */
	struct asked asked;
	bool waits_more;		/* beyond TIMEOUT_DEAF_MS, if servers are heard of */
	enum question_state state;
	struct event deadline;
	struct name qname;
	uint16_t type, class;
	/* exactly one is set */
	resolver_fn *fn;
	resolver_records_fn *records_fn;
	enum resolver_type kind;	/* where records_fn */
	void *arg;
	struct resolver_answer answer;
	uint8_t *wire;			/* owned copies of what answer points to */
	char *why;
	resolver_gone_fn *gone;		/* or NULL */
	void *payer;
};

TAILQ_HEAD(questions, resolver_query);

struct resolver {
	struct context_setup *setup;
	struct engine *engines;		/* one for each zone of dns64.zones, then that for all */
	size_t n_engines;
	struct event_base *base;
	struct event *deliver;
	struct questions questions;	/* asked and given up */
	struct questions answered;
};

/* ---- one question ---------------------------------------------------------- */

static void question_free(struct resolver_query *question)
{
	event_del(&question->deadline);
	if (question->gone)
		question->gone(question->payer);
	free(question->wire);
	free(question->why);
	free(question);
}

static void deliver_records(struct resolver_query *question)
{
	const struct resolver_answer *answer = &question->answer;
	struct resolver_records records = {
		.status = answer->status,
		.rcode = answer->rcode,
		.why = answer->why,
	};

	if (answer->status == RESOLVER_OK)
		records_read(&records, question->kind, &question->qname, answer->wire,
			     answer->wire_len);
	question->records_fn(question->arg, &records);
}

static void deliver_one(struct resolver_query *question)
{
	if (question->fn)
		question->fn(question->arg, &question->answer);
	else
		deliver_records(question);
}

static void on_deliver(evutil_socket_t fd, short what, void *arg)
{
	struct resolver *resolver = arg;
	struct resolver_query *question;

	(void)fd;
	(void)what;
	while ((question = TAILQ_FIRST(&resolver->answered)) != NULL) {
		TAILQ_REMOVE(&resolver->answered, question, link);
		deliver_one(question);
		question_free(question);
	}
}

/* To be delivered; libunbound no longer knows it. */
static void settle(struct resolver_query *question)
{
	struct resolver *resolver = question->resolver;

	event_del(&question->deadline);
	question->state = QUESTION_ANSWERED;
	TAILQ_REMOVE(&resolver->questions, question, link);
	question->engine->n_questions--;
	TAILQ_INSERT_TAIL(&resolver->answered, question, link);
	event_active(resolver->deliver, EV_TIMEOUT, 1);
}

static void set_failed(struct resolver_query *question, const char *why)
{
	stats_inc(STAT_DNS_UPSTREAM_FAILED);
	question->answer.status = RESOLVER_FAILED;
	question->answer.why = why;
}

static void fail(struct resolver_query *question, const char *why)
{
	question->answer.silent = engine_failed(question->engine, &question->asked);
	set_failed(question, why);
}

static uint8_t packet_rcode(const uint8_t *packet)
{
	return packet[3] & MESSAGE_RCODE;
}

static bool packet_is_truncated(const uint8_t *packet)
{
	return packet[2] & MESSAGE_TC >> 8;
}

/* Why libunbound's packet is not to be used, or NULL */
static const char *packet_problem(int rcode, const void *packet, int packet_len)
{
	/* The packet of a failed question is not to be looked at. */
	if (rcode != 0 || packet_len < MESSAGE_HEADER_LEN || packet_len > MESSAGE_MAX ||
	    packet_rcode(packet) == LDNS_RCODE_SERVFAIL)
		return "no usable answer from any server";
	/* Cut to libunbound's own bound: what is missing is not known to be absent. */
	if (packet_is_truncated(packet))
		return "the answer is too big";
	return NULL;
}

/* When a question fails again from libunbound's cache, only the packet says so. */
static bool is_failure_kept(int rcode, const void *packet, int packet_len)
{
	return rcode == 0 && packet_len >= MESSAGE_HEADER_LEN &&
	       packet_rcode(packet) == LDNS_RCODE_SERVFAIL;
}

static bool keep_packet(struct resolver_query *question, const void *packet, int packet_len)
{
	question->wire = malloc((size_t)packet_len);
	if (!question->wire)
		return false;
	memcpy(question->wire, packet, (size_t)packet_len);
	question->answer.wire = question->wire;
	question->answer.wire_len = (size_t)packet_len;
	question->answer.rcode = packet_rcode(packet);
	return true;
}

static void take_answer(struct resolver_query *question, int rcode, const void *packet,
			int packet_len, int security, const char *why_bogus)
{
	const char *problem = packet_problem(rcode, packet, packet_len);
	struct resolver_answer *answer = &question->answer;

	answer->cached = question->engine->asking;
	if (!problem && !keep_packet(question, packet, packet_len))
		problem = "out of memory";
	if (security == UNBOUND_BOGUS) {
		stats_inc(STAT_DNS_UPSTREAM_BOGUS);
		log_debug("dns64: bogus: %s", why_bogus ? why_bogus : "no reason given");
		answer->status = RESOLVER_BOGUS;
		answer->ede = (uint16_t)bogus_ede(why_bogus);
		engine_answered(question->engine, &question->asked);
		if (why_bogus)
			answer->why = question->why = strdup(why_bogus);
		return;
	}
	if (is_failure_kept(rcode, packet, packet_len)) {
		set_failed(question, problem);
		return;
	}
	if (problem) {
		fail(question, problem);
		return;
	}
	engine_answered(question->engine, &question->asked);
	answer->status = RESOLVER_OK;
	answer->secure = security == UNBOUND_SECURE;
}

/* Of a question that libunbound no longer knows, and nobody waits for */
static void forget(struct resolver_query *question)
{
	TAILQ_REMOVE(&question->resolver->questions, question, link);
	question->engine->n_questions--;
	question_free(question);
}

/* libunbound's answer, perhaps from within ub_resolve_event() */
static void on_unbound(void *arg, int rcode, void *packet, int packet_len, int security,
		       char *why_bogus, int was_ratelimited)
{
	struct resolver_query *question = arg;

	(void)was_ratelimited;
	if (question->state == QUESTION_GIVEN_UP) {
		if (rcode == 0)			/* late, but somebody is there */
			engine_answered(question->engine, &question->asked);
		forget(question);
		return;
	}
	take_answer(question, rcode, packet, packet_len, security, why_bogus);
	settle(question);
}

/* The asker is told; the question itself stays for libunbound to come back to. */
static void give_up(struct resolver_query *question)
{
	question->state = QUESTION_GIVEN_UP;
	engine_timed_out(question->engine, &question->asked);
	question->answer.silent = true;
	set_failed(question, "no answer in time");
	deliver_one(question);
}

/*
 * Twice at most. Where servers have said something since, or have answered nothing ever yet
 * (the first way down from the root is long), they may have more to say.
 */
static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
	static const struct timeval more = { .tv_sec = TIMEOUT_MORE_MS / 1000,
					     .tv_usec = TIMEOUT_MORE_MS % 1000 * 1000 };
	struct resolver_query *question = arg;

	(void)fd;
	(void)what;
	if (question->waits_more && engine_may_answer(question->engine, &question->asked)) {
		question->waits_more = false;
		evtimer_add(&question->deadline, &more);
		return;
	}
	give_up(question);
}

/* To libunbound, which may answer at once */
static void put(struct resolver_query *question)
{
	question->asked = engine_asked(question->engine);
	if (!engine_ask(question->engine, &question->qname, question->type, question->class,
			on_unbound, question, &question->id)) {
		fail(question, "the resolver did not take the question");
		settle(question);
	}
}

/* What a context knows goes with it. For those who wait the new one is asked. */
static void move_questions(struct resolver *resolver, const struct engine *engine,
			   struct context *old)
{
	struct resolver_query *question, *next;

	for (question = TAILQ_FIRST(&resolver->questions); question; question = next) {
		next = TAILQ_NEXT(question, link);
		if (question->engine != engine)
			continue;
		context_cancel(old, question->id);
		if (question->state == QUESTION_ASKED)
			put(question);
		else
			forget(question);
	}
}

static void renew(struct resolver *resolver, struct engine *engine)
{
	struct context *old = engine_renew(engine);

	if (old) {
		move_questions(resolver, engine, old);
		context_free(old);
	}
}

void resolver_retry(struct resolver *resolver)
{
	for (size_t i = 0; i < resolver->n_engines; i++)
		engine_retry(&resolver->engines[i]);
}

/* The servers that know the name */
static struct engine *engine_for(const struct resolver *resolver, const struct name *qname)
{
	return &resolver->engines[forward_find(&resolver->setup->forwards, qname)];
}

static struct resolver_query *ask(struct resolver *resolver, const struct name *qname,
				  uint16_t type, uint16_t class)
{
	static const struct timeval timeout = { .tv_sec = TIMEOUT_DEAF_MS / 1000,
						.tv_usec = TIMEOUT_DEAF_MS % 1000 * 1000 };
	struct engine *engine = engine_for(resolver, qname);
	struct resolver_query *question;

	if (engine_is_to_renew(engine))
		renew(resolver, engine);
	if (engine_is_full(engine))
		return NULL;
	question = calloc(1, sizeof(*question));
	if (!question)
		return NULL;
	stats_inc(STAT_DNS_UPSTREAM_QUERY);
	question->resolver = resolver;
	question->engine = engine;
	question->qname = *qname;
	question->type = type;
	question->class = class;
	question->waits_more = !engine_is_deaf(engine);
	question->state = QUESTION_ASKED;
	TAILQ_INSERT_TAIL(&resolver->questions, question, link);
	engine->n_questions++;
	evtimer_assign(&question->deadline, resolver->base, on_deadline, question);
	evtimer_add(&question->deadline, &timeout);

	put(question);
	engine->health.questions += question->state == QUESTION_ASKED;
	return question;
}

struct resolver_query *resolver_ask(struct resolver *resolver, const uint8_t *qname,
				    uint16_t type, uint16_t class,
				    resolver_fn *fn, void *arg)
{
	struct resolver_query *question;
	struct name name;

	if (!name_from_wire(&name, qname))
		return NULL;
	question = ask(resolver, &name, type, class);
	if (question) {
		question->fn = fn;
		question->arg = arg;
	}
	return question;
}

void resolver_charge(struct resolver_query *question, resolver_gone_fn *gone, void *payer)
{
	question->gone = gone;
	question->payer = payer;
}

struct resolver_query *resolver_ask_records(struct resolver *resolver, const char *name,
					    enum resolver_type type,
					    resolver_records_fn *fn, void *arg)
{
	static const uint16_t rr_types[] = {
		[RESOLVER_A] = LDNS_RR_TYPE_A,
		[RESOLVER_AAAA] = LDNS_RR_TYPE_AAAA,
		[RESOLVER_SRV] = LDNS_RR_TYPE_SRV,
	};
	struct resolver_query *question;
	struct name qname;

	if (!name_from_text(&qname, name))
		return NULL;
	question = ask(resolver, &qname, rr_types[type], LDNS_RR_CLASS_IN);
	if (question) {
		question->records_fn = fn;
		question->kind = type;
		question->arg = arg;
	}
	return question;
}

void resolver_cancel(struct resolver_query *question)
{
	if (question->state == QUESTION_ANSWERED) {
		TAILQ_REMOVE(&question->resolver->answered, question, link);
		question_free(question);
		return;
	}
	event_del(&question->deadline);
	question->state = QUESTION_GIVEN_UP;
}

/* ---- life ------------------------------------------------------------------- */

static bool start_engines(struct resolver *resolver)
{
	const struct context_setup *setup = resolver->setup;
	/* The root, where it is forwarded, is the last of them. */
	size_t n_zones = setup->forwards.n - !setup->recursive;

	resolver->engines = calloc(n_zones + 1, sizeof(*resolver->engines));
	if (!resolver->engines) {
		log_error("dns64: no resolver: out of memory");
		return false;
	}
	for (; resolver->n_engines <= n_zones; resolver->n_engines++) {
		enum context_scope scope =
			resolver->n_engines < n_zones ? CONTEXT_ZONE : CONTEXT_ALL;

		if (!engine_init(&resolver->engines[resolver->n_engines], resolver->base, setup,
				 scope))
			return false;
	}
	return true;
}

struct resolver *resolver_new(struct event_base *base, const struct config *config)
{
	struct resolver *resolver = calloc(1, sizeof(*resolver));

	if (!resolver)
		goto no_memory;
	resolver->base = base;
	TAILQ_INIT(&resolver->questions);
	TAILQ_INIT(&resolver->answered);
	resolver->deliver = event_new(base, -1, 0, on_deliver, resolver);
	if (!resolver->deliver)
		goto no_memory;
	resolver->setup = context_setup_new(config);
	if (!resolver->setup)
		goto no_memory;
	if (!start_engines(resolver))
		goto fail;
	return resolver;
no_memory:
	log_error("dns64: no resolver: out of memory");
fail:
	resolver_free(resolver);
	return NULL;
}

static void free_questions(struct questions *questions)
{
	struct resolver_query *question;

	while ((question = TAILQ_FIRST(questions)) != NULL) {
		TAILQ_REMOVE(questions, question, link);
		question_free(question);
	}
}

bool resolver_health(const struct resolver *resolver, size_t i, struct resolver_health *out)
{
	if (i >= resolver->n_engines)
		return false;
	engine_health(&resolver->engines[i], out);
	return true;
}

bool resolver_is_idle(const struct resolver *resolver)
{
	const struct resolver_query *question;

	TAILQ_FOREACH(question, &resolver->questions, link)
		if (question->state == QUESTION_ASKED)
			return false;
	return TAILQ_EMPTY(&resolver->answered);
}

void resolver_free(struct resolver *resolver)
{
	struct resolver_query *question;

	if (!resolver)
		return;
	TAILQ_FOREACH(question, &resolver->questions, link) {
		engine_cancel(question->engine, question->id);
	}
	for (size_t i = 0; i < resolver->n_engines; i++)
		engine_end(&resolver->engines[i]);
	free(resolver->engines);
	context_setup_free(resolver->setup);
	free_questions(&resolver->questions);
	free_questions(&resolver->answered);
	if (resolver->deliver)
		event_free(resolver->deliver);
	free(resolver);
}
