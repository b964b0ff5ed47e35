/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Servers that did not answer a moment ago: they are tried last, so that the next client
 * does not wait for them. Bounded and never full: what is new takes the place of what is
 * over or soon will be. One thread.
 */
#ifndef SNID_FAILS_H
#define SNID_FAILS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../core/addr.h"

enum {
	/* A server that restarts is tried in its order again soon; who is dead for long costs
	 * one client in that time a quarter of a second. */
	FAILS_MS = 30000,
	FAILS_SETS = 64,	/* a power of two */
	FAILS_WAYS = 4,
};

/* All zero: none */
struct fails {
	struct {
		struct endpoint at;
		int64_t until_ms;
	} sets[FAILS_SETS][FAILS_WAYS];
};

/** fails_add() - it did not answer. */
void fails_add(struct fails *fails, const struct endpoint *at, int64_t now_ms);

/** fails_remove() - it did. */
void fails_remove(struct fails *fails, const struct endpoint *at);

/** fails_has() - is it to be tried last? */
bool fails_has(const struct fails *fails, const struct endpoint *at, int64_t now_ms);

#endif
