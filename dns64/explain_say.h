/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the spine tells of a query that is explained, in words. For each: @explain NULL:
 * nobody listens.
 */
#ifndef DNS64_EXPLAIN_SAY_H
#define DNS64_EXPLAIN_SAY_H

#include <stdint.h>

#include "cache.h"

struct addrmap;
struct answer;
struct explain;
struct policy_plan;
struct synth;

/** explain_plan() - what is to be done with the query. */
void explain_plan(struct explain *explain, const struct policy_plan *plan);

/** explain_cache() - what the cache has, and what came of asking it. */
void explain_cache(struct explain *explain, const struct cache_look *look,
		   enum cache_outcome outcome);

/** explain_names() - what exclude_names and force_names have made of the plan. */
void explain_names(struct explain *explain, const struct policy_plan *before,
		   const struct policy_plan *after);

/** explain_sides() - what the resolver has said up to now. */
void explain_sides(struct explain *explain);

/** explain_synth() - how AAAA and A were settled; @synth: with its account. */
void explain_synth(struct explain *explain, const struct synth *synth,
		   const struct answer *answer);

/** explain_answer() - what was settled, as it will be given. */
void explain_answer(struct explain *explain, const struct answer *answer);

#endif
