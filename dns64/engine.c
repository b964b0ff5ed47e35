/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Why zones have engines of their own: what their servers say is never in the
 * cache from which other names are answered, so that who can forge the answers
 * of a forwarder cannot reach further (the MaginotDNS attack); and when they are
 * away, only what was learnt from them is lost.
 *
 * Servers that were away for some seconds libunbound leaves alone for minutes, and
 * says SERVFAIL meanwhile (its issues 282, 1461; the options for that do not help).
 * So when nothing at all is answered any more, its context is made anew: a cold
 * cache is better than none.
 *
 * But a failure that a server has told of, or libunbound's cache, is no sign of that:
 * of names whose servers are lame anybody can ask for as many as he likes. With names
 * whose servers are silent he gets so far while nobody else is answered. He gives
 * himself away: of the new context something is heard at once, the root at least, and
 * yet it is taken for deaf again. So the time to the next one doubles.
 */
#include "engine.h"

#include "../core/log.h"
#include "../core/loop.h"
#include "name.h"
#include "tally.h"
#include "ub_events.h"

enum {
	DEAF_AFTER = 4,			/* so many failed one after another */
	DEAF_MS = 3000,			/* in at least that time */
	RENEW_MS = 3000,		/* between one new context and the next ... */
	RENEW_MAX_MS = 60000,		/* ... of which something was heard */
	TOOK_SHARE = 8,			/* what a new time counts for */
};

bool engine_init(struct engine *engine, struct event_base *base,
		 const struct context_setup *setup, enum context_scope scope)
{
	engine->base = base;
	engine->setup = setup;
	engine->scope = scope;
	engine->patience_ms = RENEW_MS;
	engine->renewed_ms = INT64_MIN / 2;
	engine->context = context_new(base, setup, scope);
	return engine->context != NULL;
}

void engine_end(struct engine *engine)
{
	context_free(engine->context);
	engine->context = NULL;
}

void engine_cancel(struct engine *engine, int id)
{
	context_cancel(engine->context, id);
}

bool engine_is_full(const struct engine *engine)
{
	return engine->n_questions >= RESOLVER_QUESTIONS_MAX;
}

bool engine_ask(struct engine *engine, const struct name *qname, uint16_t type,
		uint16_t class, ub_event_callback_type fn, void *arg, int *id)
{
	char text[NAME_TEXT_MAX];
	int err;

	name_format(qname, text);
	engine->asking = true;
	err = ub_resolve_event(engine->context->ub, text, type, class, arg, fn, id);
	engine->asking = false;
	return !err;
}

/* As TCP smooths its round-trip times (RFC 6298 2.3). */
static uint32_t smooth(uint32_t before_us, int64_t took_us)
{
	uint32_t now_us = took_us > UINT32_MAX ? UINT32_MAX : (uint32_t)took_us;

	return before_us ? before_us - before_us / TOOK_SHARE + now_us / TOOK_SHARE : now_us;
}

struct asked engine_asked(const struct engine *engine)
{
	return (struct asked){ .us = tally_now_us(),
			       .heard = ub_events_heard(engine->context->events) };
}

static bool is_heard_since(const struct engine *engine, const struct asked *asked)
{
	return ub_events_heard(engine->context->events) != asked->heard;
}

void engine_answered(struct engine *engine, const struct asked *asked)
{
	/* From its cache it answers without any server. */
	if (engine->asking)
		return;
	engine->failed_in_row = 0;
	engine->health.answered++;
	engine->health.answered_ms = loop_now_ms();
	engine->health.took_us = smooth(engine->health.took_us, tally_now_us() - asked->us);
}

static void note_silence(struct engine *engine, const struct asked *asked)
{
	engine->health.failed++;
	if (engine->failed_in_row++ == 0)
		engine->failing_since_ms = asked->us / 1000;
}

bool engine_failed(struct engine *engine, const struct asked *asked)
{
	if (!is_heard_since(engine, asked)) {
		note_silence(engine, asked);
		return true;
	}
	engine->health.failed++;
	return false;
}

void engine_timed_out(struct engine *engine, const struct asked *asked)
{
	engine->health.timeouts++;
	note_silence(engine, asked);
}

void engine_health(const struct engine *engine, struct resolver_health *out)
{
	*out = engine->health;
	out->failed_in_row = engine->failed_in_row;
	out->deaf = engine_is_deaf(engine);
}

bool engine_may_answer(const struct engine *engine, const struct asked *asked)
{
	return !engine->health.answered || is_heard_since(engine, asked);
}

bool engine_is_deaf(const struct engine *engine)
{
	return engine->failed_in_row >= DEAF_AFTER &&
	       loop_now_ms() - engine->failing_since_ms >= DEAF_MS;
}

bool engine_is_to_renew(const struct engine *engine)
{
	return engine->ill || engine_is_deaf(engine);
}

/* How long the present context stays at least */
static int64_t stay_ms(const struct engine *engine)
{
	return ub_events_heard(engine->context->events) ? engine->patience_ms : RENEW_MS;
}

/* And the next one: was this one in vain? What was long ago does not matter. */
static int64_t next_patience_ms(const struct engine *engine)
{
	int64_t doubled_ms = engine->patience_ms * 2;

	if (!ub_events_heard(engine->context->events) ||
	    loop_now_ms() - engine->renewed_ms >= RENEW_MAX_MS * 2)
		return RENEW_MS;
	return doubled_ms < RENEW_MAX_MS ? doubled_ms : RENEW_MAX_MS;
}

struct context *engine_renew(struct engine *engine)
{
	struct context *old = engine->context, *context;

	if (loop_now_ms() - engine->renewed_ms < stay_ms(engine))
		return NULL;
	context = context_new_now(engine->base, engine->setup, engine->scope);
	if (!context)
		return NULL;
	engine->patience_ms = next_patience_ms(engine);
	engine->ill = false;
	log_event_limited(LOG_LEVEL_WARN, LOG_EVENT_RESOLVER_RESTARTED, NULL,
			  "dns64: no server answers; the resolver starts afresh");
	engine->renewed_ms = loop_now_ms();
	engine->context = context;
	engine->health.renewals++;
	return old;
}

void engine_retry(struct engine *engine)
{
	if (!engine->failed_in_row)
		return;
	engine->failed_in_row = 0;
	engine->ill = true;
}
