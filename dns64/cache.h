/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Answers in wire form, shared by all workers. The cache is cut into shards,
 * each with its lock and its store: what is asked for goes last, and the memory
 * is what was said and never more.
 *
 * An answer is given as long as its lifetime says (RFC 1035, RFC 2308), then, if
 * no new one is to be had, for some time longer (RFC 8767). That no answer was
 * to be had is kept too (RFC 9520), the longer the more often.
 */
#ifndef DNS64_CACHE_H
#define DNS64_CACHE_H

#include <stdbool.h>
#include <stdint.h>

#include "reply.h"

struct cache;
struct key;

enum {
	CACHE_STALE_TTL_S = 30,		/* RFC 8767 4: of records that are given when expired */
	CACHE_RECHECK_S = 30,		/* 5: the failure recheck timer */
	CACHE_FAILED_MIN_S = 2,		/* RFC 9520 3.2: doubled with each failure ... */
	CACHE_FAILED_MAX_S = 300,	/* ... up to five minutes */
	CACHE_PROBE_MS = 1000,
	CACHE_RENEW_HITS = 3,		/* an answer asked for so often ... */
	CACHE_RENEW_PART = 10,		/* ... is renewed in the last tenth of its lifetime */
};

/* How answers age; all of it may change at any time */
struct cache_policy {
	uint32_t stale_s;	/* how long after its lifetime an answer may be given; 0: not */
	bool renew;		/* what is asked for often, before its lifetime is over */
};

/* What a look-up comes to; @answer is filled in where it is said */
enum cache_outcome {
	CACHE_MISS,
	CACHE_HIT,		/* answer */
	CACHE_HIT_RENEW,	/* answer; and it is to be asked for again, which only you are told */
	CACHE_STALE,		/* answer: ask again, and give it if that takes too long */
	CACHE_STALE_HELD,	/* answer: asking has failed lately, give it now */
	CACHE_FAILED,		/* only answer->ede: asking has failed lately, and why */
};

/**
 * cache_new() - an empty cache.
 * @size:	bytes it may take, tables included; under 256 KiB it keeps nothing.
 * Return: the cache, owned by the caller, or NULL when out of memory.
 */
struct cache *cache_new(uint64_t size);

/** cache_set_policy() - from now on; an empty cache has one of zeros. Any thread. */
void cache_set_policy(struct cache *cache, const struct cache_policy *policy);

/**
 * cache_get() - look up the answer to a question.
 * @now_ms:	loop_now_ms().
 * @answer:	its wire is set; the rest is filled in as the outcome says, TTLs counted down.
 */
enum cache_outcome cache_get(struct cache *cache, const struct key *key, int64_t now_ms,
			     struct answer *answer);

/** cache_put() - keep a copy of @answer for its lifetime, if it has any; an older one goes. */
void cache_put(struct cache *cache, const struct key *key, int64_t now_ms,
	       const struct answer *answer);

/**
 * cache_put_failure() - asking has come to nothing.
 * @answer:	the failure, with its ede; without lifetime it says nothing about the name and
 *		is not kept.
 */
void cache_put_failure(struct cache *cache, const struct key *key, int64_t now_ms,
		       const struct answer *answer);

/**
 * cache_get_instead() - an answer, stale or not, that may be given for want of a new one.
 * @answer:	its wire is set; filled in where there is one, else left as it is (so may its
 *		wire be the one of the failure).
 */
bool cache_get_instead(struct cache *cache, const struct key *key, int64_t now_ms,
		       struct answer *answer);

/**
 * cache_all_fail() - nothing at all is answered any more. While that is so, one question a
 * second is let through to the resolver in spite of failures before, to find out whether it
 * still is. Any thread.
 */
void cache_all_fail(struct cache *cache, int64_t now_ms);

/** cache_retry() - it is no more, and what has failed may be asked for again. Any thread. */
void cache_retry(struct cache *cache, int64_t now_ms);

/**
 * cache_flush() - forget everything, in no time: what there is will be taken for
 * absent. Return: how many answers that were.
 */
size_t cache_flush(struct cache *cache);

/**
 * cache_flush_name() - the same for @name, all its types; @below: and for what is below it.
 * In small steps: nobody waits for it for long.
 */
size_t cache_flush_name(struct cache *cache, const struct name *name, bool below);

/* What there is for a question; seconds may be negative */
struct cache_look {
	bool there;
	int64_t age_s, left_s;	/* of its lifetime; where there */
	unsigned int hits;	/* since it was made; 255: at least */
	unsigned int n_failed;	/* times in a row that asking has come to nothing */
	int64_t failed_age_s, hold_left_s;	/* ... the last time; until it is tried again */
};

/** cache_look() - look without asking: nothing becomes of it. */
void cache_look(struct cache *cache, const struct key *key, int64_t now_ms,
		struct cache_look *out);

struct cache_usage {
	uint64_t entries, bytes, bytes_max;
};

/** cache_usage() - what is in use now, any thread. */
void cache_usage(struct cache *cache, struct cache_usage *out);

/** cache_free() - NULL is allowed. */
void cache_free(struct cache *cache);

#endif
