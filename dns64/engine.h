/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A libunbound context with the servers behind it, and how they fare. All names
 * are asked of one, but those of dns64.zones: each zone has an engine of its own.
 */
#ifndef DNS64_ENGINE_H
#define DNS64_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <unbound-event.h>

#include "context.h"
#include "resolver.h"

struct event_base;
struct name;

struct engine {
	struct event_base *base;		/* borrowed */
	const struct context_setup *setup;	/* borrowed */
	enum context_scope scope;
	struct context *context;
	unsigned int n_questions;	/* libunbound knows of, given up ones included */
	unsigned int failed_in_row;	/* questions, since a server last answered one */
	int64_t failing_since_ms, renewed_ms;
	int64_t patience_ms;		/* see engine.c */
	bool ill;			/* it takes for dead who may be there again */
	bool asking;			/* an answer now comes from libunbound's cache */
	struct resolver_health health;	/* but for what engine_health() fills in */
};

/**
 * engine_init() - with a context that is ready.
 * @base, @setup:	borrowed until engine_end().
 * Return: false, the reason having been logged.
 */
bool engine_init(struct engine *engine, struct event_base *base,
		 const struct context_setup *setup, enum context_scope scope);

/** engine_cancel() - the question @id will not be called back. */
void engine_cancel(struct engine *engine, int id);

/** engine_end() - release the context; its questions have been cancelled. */
void engine_end(struct engine *engine);

/** engine_is_full() - does libunbound have as many questions as it may? */
bool engine_is_full(const struct engine *engine);

/**
 * engine_ask() - hand a question to libunbound. @fn is called later, or now.
 * @type, @class: host byte order.
 * @id:		set before @fn is called: for engine_cancel().
 * Return: false when libunbound did not take it: @fn will not be called.
 */
bool engine_ask(struct engine *engine, const struct name *qname, uint16_t type,
		uint16_t class, ub_event_callback_type fn, void *arg, int *id);

/* The moment when a question is asked */
struct asked {
	int64_t us;			/* tally_now_us() */
	uint64_t heard;			/* how often anything had been heard of servers */
};

/** engine_asked() - now. */
struct asked engine_asked(const struct engine *engine);

/** engine_answered() - a question had an answer. */
void engine_answered(struct engine *engine, const struct asked *asked);

/** engine_failed() - it had none. Return: nor was anything heard of any server meanwhile. */
bool engine_failed(struct engine *engine, const struct asked *asked);

/** engine_timed_out() - it had none in time. */
void engine_timed_out(struct engine *engine, const struct asked *asked);

/** engine_health() - how its servers fare. */
void engine_health(const struct engine *engine, struct resolver_health *out);

/** engine_may_answer() - was anything heard of servers since then, or none answered yet? */
bool engine_may_answer(const struct engine *engine, const struct asked *asked);

/** engine_is_deaf() - is nothing at all answered any more? */
bool engine_is_deaf(const struct engine *engine);

/** engine_is_to_renew() - as soon as it is time to? */
bool engine_is_to_renew(const struct engine *engine);

/**
 * engine_renew() - when it is time to: a context that thinks ill of no server yet.
 * Never called from within libunbound.
 * Return: the old one, to be freed when its questions have been cancelled with
 * context_cancel(), which may be put to the new one; or NULL when it stays.
 */
struct context *engine_renew(struct engine *engine);

/** engine_retry() - its servers may be back: if it thinks ill of any, it is to be renewed. */
void engine_retry(struct engine *engine);

#endif
