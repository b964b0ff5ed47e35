/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A name's records: known from before, or asked for. One struct resolve belongs to one
 * worker, so nothing here is locked.
 *
 * Clients choose the names, and made up ones must not flood the DNS: whoever asks what is
 * asked already waits with the others; questions of one client and of all are bounded, and
 * those for names by which no server was reached yet leave a part to the others.
 */
#ifndef SNID_RESOLVE_H
#define SNID_RESOLVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "answers.h"

struct clients;
struct flight;
struct throttle;
struct resolve;
struct resolver;

enum {
	RESOLVE_QUESTIONS_MAX = 2048,	/* of a worker, those given up by the resolver included */
	RESOLVE_UNKNOWN_MAX = 1536,	/* of them, for names by which no server was reached yet */
	RESOLVE_WAITERS_MAX = 4096,	/* who wait for one: their turn comes in one go */
};

/** What came of a question, borrowed for the call. Never called from within resolve_ask(). */
typedef void resolve_fn(void *arg, const struct answer *answer);

/* Part of who asks; zero while he does not. At its place until it is answered or cancelled. */
struct resolve_question {
	LIST_ENTRY(resolve_question) link;
	struct flight *flight;		/* not NULL: it is waited for */
	resolve_fn *fn;
	void *arg;
};

/* What clients may have us ask, all workers together */
struct resolve_shares {
	struct clients *clients;	/* how many questions are under way for each, limited */
	struct throttle *throttle;	/* how many each began ... */
	_Atomic uint32_t new_per_client;	/* ... a second, for names of RESOLVE_UNKNOWN_MAX */
};

/**
 * resolve_new() - nothing known, nobody to ask.
 * @shares:	borrowed.
 * Return: owned by the caller, NULL when out of memory.
 */
struct resolve *resolve_new(struct resolve_shares *shares);

/**
 * resolve_set() - the resolver to ask from now on, and how long records may be used beyond
 * their TTL while it fails (RFC 8767). What was asked of another resolver, which must still be
 * there, is asked of this one.
 */
void resolve_set(struct resolve *resolve, struct resolver *resolver, uint32_t stale_ms);

/**
 * resolve_ask() - the records of @name.
 * @question:	zero; where it is to be waited for @fn is called, once.
 * @client:	who is the cause of it; see clients_add().
 * Return: the answer where it is known, borrowed until the next call of this room's worker,
 * nothing having been allocated; NULL where it is waited for. Too many questions are an
 * answer too: ANSWER_FAILED.
 */
const struct answer *resolve_ask(struct resolve *resolve, struct resolve_question *question,
				 const char *name, enum resolver_type type, uint64_t client,
				 resolve_fn *fn, void *arg);

/** resolve_cancel() - it will not be told; nothing happens where it waits for nothing. */
void resolve_cancel(struct resolve_question *question);

/** resolve_confirm() - see answers_confirm(). */
void resolve_confirm(struct resolve *resolve, const char *name);

/** resolve_flush() - see answers_flush(); answers that are under way are not kept either. */
size_t resolve_flush(struct resolve *resolve, const char *name, bool below);

/** resolve_free() - nobody waits any more, and the resolver is gone; NULL is allowed. */
void resolve_free(struct resolve *resolve);

#endif
