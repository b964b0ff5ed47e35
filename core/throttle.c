/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Each client has one number: until when what it had is spent, had it come at its rate,
 * one after another (the "theoretical arrival time" of ATM's GCRA). A place holds
 * that and some bits of the client's hash in 64 bits that are exchanged as one.
 */
#include "throttle.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <sys/random.h>

#include "addr.h"
#include "siphash.h"

enum {
	BUCKETS = 4096,			/* a power of two */
	WAYS = 2,			/* places in each */
	FRACTION_BITS = 16,		/* time is in 2^-16 ms */
	TIME_BITS = 44,			/* 3 days, then it begins anew */
	AGE_BITS = TIME_BITS - FRACTION_BITS - 1,	/* of the ms of half of that */
	ATTEMPTS = 4,			/* while other workers count for the same client */
};

static const uint64_t time_mask = (UINT64_C(1) << TIME_BITS) - 1;
static const uint64_t burst = UINT64_C(1000) << FRACTION_BITS;	/* a second */

struct throttle {
	struct siphash_key hash_key;	/* random: nobody can choose whom to meet */
	_Atomic uint64_t place[BUCKETS][WAYS];	/* tag, then time */
};

struct throttle *throttle_new(void)
{
	struct throttle *throttle = calloc(1, sizeof(*throttle));

	if (throttle && getrandom(&throttle->hash_key, sizeof(throttle->hash_key), 0) !=
			sizeof(throttle->hash_key)) {
		free(throttle);
		return NULL;
	}
	return throttle;
}

/* How far a place is ahead of now. What is older, or of another rate, is not. */
static uint64_t debt_of(uint64_t place, uint64_t now)
{
	uint64_t ahead = (place - now) & time_mask;

	return ahead <= 2 * burst ? ahead : 0;
}

bool throttle_pass(struct throttle *throttle, uint64_t client, uint32_t per_second, int64_t now_ms)
{
	uint64_t now = ((uint64_t)now_ms << FRACTION_BITS) & time_mask;
	uint64_t cost = burst / per_second;
	/* With the age he is another one: a place from when the time was last like this, which
	 * would look as if it were ahead of now, is nobody's any more. */
	uint64_t id[2] = { client, (uint64_t)now_ms >> AGE_BITS };
	uint64_t hash = siphash13(&throttle->hash_key, id, 2);
	uint64_t tag = hash & ~time_mask;
	_Atomic uint64_t *ways = throttle->place[hash & (BUCKETS - 1)];

	for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
		uint64_t was[WAYS] = { atomic_load_explicit(&ways[0], memory_order_relaxed),
				       atomic_load_explicit(&ways[1], memory_order_relaxed) };
		bool mine[WAYS] = { (was[0] & ~time_mask) == tag, (was[1] & ~time_mask) == tag };
		unsigned int i = mine[0] || (!mine[1] &&
					     debt_of(was[0], now) <= debt_of(was[1], now)) ? 0 : 1;
		uint64_t debt = mine[i] ? debt_of(was[i], now) : 0;

		if (debt + cost > burst)
			return false;
		if (atomic_compare_exchange_weak_explicit(&ways[i], &was[i],
							  tag | ((now + debt + cost) & time_mask),
							  memory_order_relaxed,
							  memory_order_relaxed))
			return true;
	}
	return true;
}

void throttle_free(struct throttle *throttle)
{
	free(throttle);
}
