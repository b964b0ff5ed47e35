/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Answers that are waited for. Whoever asks what another already waits for joins
 * him: the resolver gets each question once, which is also what keeps forgers
 * from having it asked often enough to guess an answer (RFC 5452 5).
 *
 * Places are few and shared out: at most so many look-ups, so many questions with
 * the resolver, so many who wait for one look-up and for all. Of what is free no
 * /64 takes more than half as much as it leaves to others, so that one that wants all
 * places gets a third, whatever addresses it uses; and of that no host takes more than
 * three times what it leaves to the others of its /64.
 *
 * One struct lookups belongs to one worker. The spine (dns64.c) owns the life of
 * a look-up; here it is kept, and told of each news of it.
 */
#ifndef DNS64_LOOKUP_H
#define DNS64_LOOKUP_H

#include <event2/event_struct.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "key.h"
#include "listen.h"
#include "message.h"
#include "policy.h"
#include "synth.h"

struct lookup;
struct lookups;
struct share;
struct siphash_key;
struct timeval;

enum {
	LOOKUPS_MAX = 4096,		/* of a worker; the resolver may refuse first */
	LOOKUP_WAITERS_MAX = 256,	/* who wait for one */
	WAITERS_MAX = 8192,		/* and for all of a worker */
	/* What was held for longer nobody waits for: stubs have given up after 5 s. To send
	 * it would only help who had it held (DNSBomb). */
	LOOKUP_HOLD_MS = 5000,
};

/* One question to the resolver */
struct side {
	struct lookup *lookup;
	struct resolver_query *question;	/* while it is under way */
	struct synth_side got;
	uint8_t *wire;				/* owned copy of got.answer.wire */
};

/* Who waits. Freed by lookup_free(), or when his TCP connection closes. */
struct waiter {
	LIST_ENTRY(waiter) link;
	struct lookup *lookup;
	struct share *share;
	struct asker asker;
	struct query query;		/* as he put it: ID, letter case, EDNS */
	int64_t since_ms;
};

struct lookup {
	LIST_ENTRY(lookup) link;
	LIST_ENTRY(lookup) in_bucket;
	struct lookups *lookups;
	struct share *share;		/* of who was first to ask, or nobody's */
	struct key key;
	struct query query;		/* the first one */
	struct policy_plan plan;
	uint64_t epoch;			/* of the room, when it was asked */
	struct side main;		/* AAAA, or whatever is asked alone */
	struct side a;			/* beside AAAA */
	bool by_renewer;		/* the worker's other resolver is asked */
	struct event wait;		/* for AAAA, when A may already do */
	bool overdue;			/* it was waited for */
	struct event patience;		/* of those who could be given a stale answer */
	bool impatient;			/* that has ended */
	LIST_HEAD(waiter_list, waiter) waiters;
	unsigned int n_waiters;
	struct explain *explain;	/* is told how it goes, or NULL */
};

/**
 * Something more is known of a look-up: the spine's turn, which may free it.
 * @answer: what the resolver has said just now; NULL: it is time that has passed.
 */
typedef void lookup_news_fn(void *arg, struct lookup *lookup,
			    const struct resolver_answer *answer);

/**
 * lookups_new() - none yet.
 * @secret:	borrowed; see key_make().
 * Return: owned by the caller, or NULL when out of memory.
 */
struct lookups *lookups_new(struct event_base *base, const struct siphash_key *secret,
			    lookup_news_fn *news, void *arg);

/** lookups_free() - every look-up and question is gone by then; NULL is allowed. */
void lookups_free(struct lookups *lookups);

/** lookups_first() - any look-up, or NULL. */
struct lookup *lookups_first(struct lookups *lookups);

/** lookups_pending() - how many there are; any thread. */
unsigned int lookups_pending(const struct lookups *lookups);

/** lookup_find() - the one under way for @key, or NULL. */
struct lookup *lookup_find(struct lookups *lookups, const struct key *key);

/**
 * lookup_new() - a look-up that nobody waits for yet and that asks nothing yet.
 * @asker:	who is the cause of it; NULL: nobody, it is for later, and half of all places
 *		are left to those who ask now.
 * Return: NULL when it was refused, which was counted where there is an asker.
 */
struct lookup *lookup_new(struct lookups *lookups, const struct key *key,
			  const struct asker *asker, const struct query *query);

/**
 * lookup_join() - @asker waits too, or was already waiting and has sent @query again.
 * Return: false when he was refused, which was counted.
 */
bool lookup_join(struct lookup *lookup, const struct asker *asker, const struct query *query,
		 int64_t now_ms);

/** lookup_leave() - the asker, one that was held, is gone; called when his connection closes. */
void lookup_leave(struct asker *asker);

/** lookup_ask() - put a question to the resolver; @side: one of the look-up's. */
void lookup_ask(struct lookup *lookup, struct side *side, struct resolver *resolver,
		const struct name *qname, uint16_t type);

/** lookup_wait() - set the look-up's overdue after @timeout, a common one of the base. */
void lookup_wait(struct lookup *lookup, const struct timeval *timeout);

/** lookup_set_patience() - set it impatient after @timeout, unless that is under way already. */
void lookup_set_patience(struct lookup *lookup, const struct timeval *timeout);

/** lookup_dismiss() - who waits goes without a word (more), the look-up goes on. */
void lookup_dismiss(struct lookup *lookup);

/**
 * lookup_free() - it is over: its questions are cancelled, who waits goes without a word.
 * Releasing an asker may bring in the next query of his connection.
 */
void lookup_free(struct lookup *lookup);

#endif
