/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A query that is answered like any other and says how: the asker of it is the control
 * socket, and the spine and those whom it calls tell it what they decide. Nothing is decided
 * here, so nothing can be said but what was done.
 *
 * Life: made by the main thread, given to a worker by dns64_explain(), back with the main
 * thread when explain_fd() can be read and explain_is_over(), for explain_free(). In between it is the worker's.
 */
#ifndef DNS64_EXPLAIN_H
#define DNS64_EXPLAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy.h"
#include "resolver.h"
#include "synth.h"

struct explain;
struct lookup;
struct room;

enum {
	EXPLAIN_STEPS_MAX = 48,		/* what is said after these is not kept */
	EXPLAIN_STEP_MAX = 512,		/* bytes of a step's text, NUL included */
};

/* What was decided, and the setting or the RFC's clause that decides */
struct explain_step {
	const char *by;
	char text[EXPLAIN_STEP_MAX];
};

/* A question to the resolver */
struct explain_side {
	bool asked, known;
	struct name qname;
	uint16_t type;
	struct resolver_answer answer;	/* where known; wire and why are copies, or NULL */
	int64_t asked_us, took_us;
};

/* How a query is to be asked */
struct explain_options {
	bool anew;			/* whatever the cache holds */
	bool dnssec_ok;			/* DO */
};

/**
 * explain_new() - a query, not yet asked.
 * Return: owned by the caller; NULL when out of memory or descriptors.
 */
struct explain *explain_new(const struct name *qname, uint16_t type,
			    const struct explain_options *options);

/** explain_fd() - can be read when it is over. */
int explain_fd(const struct explain *explain);

/** explain_is_over() - is it? Asked by the main thread, before all below. */
bool explain_is_over(struct explain *explain);

/** explain_free() - not while a worker has it; NULL is allowed. */
void explain_free(struct explain *explain);

/* ---- when it is over ------------------------------------------------------------ */

/** explain_query() - the query as it was put. */
const struct query *explain_query(const struct explain *explain);

/** explain_steps() - what was said, in order; *@n of them. */
const struct explain_step *explain_steps(const struct explain *explain, size_t *n);

/** explain_main(), explain_a() - the questions: AAAA or what is asked alone, A beside it. */
const struct explain_side *explain_main(const struct explain *explain);
const struct explain_side *explain_a(const struct explain *explain);

/** explain_reply() - the whole reply, *@len bytes; NULL: there was none. */
const uint8_t *explain_reply(const struct explain *explain, size_t *len);

/* ---- in the worker's thread, for those who have something to say ------------------- */

/** explain_wire() - the query as a message. */
const uint8_t *explain_wire(const struct explain *explain, size_t *len);

/** explain_anew() - is the cache not to be asked? NULL: it is. */
bool explain_anew(const struct explain *explain);

/** explain_say() - a step; NULL may be. */
__attribute__((format(printf, 3, 4)))
void explain_say(struct explain *explain, const char *by, const char *format, ...);

/** explain_asked(), _answered() - a question to the resolver, @a: the one beside AAAA; NULL may
 * be. */
void explain_asked(struct explain *explain, bool a, const struct name *qname, uint16_t type);
void explain_answered(struct explain *explain, bool a, const struct resolver_answer *answer);

/** explain_take_reply() - this is sent. */
void explain_take_reply(struct explain *explain, const uint8_t *wire, size_t len);

/**
 * explain_hold(), explain_release() - its query waits, and does no longer. When the last has
 * let go of it, nothing more comes, and it is the main thread's again.
 */
void explain_hold(struct explain *explain);
void explain_release(struct explain *explain);

#endif
