/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A set-associative table of endpoints; see fails.h. */
#include "fails.h"

#include <string.h>

#include "../core/siphash.h"

/* Only addresses that connections may go to come in, so nobody outside aims at a set. */
static size_t set_of(const struct endpoint *at)
{
	static const struct siphash_key key;
	uint64_t words[3] = { [2] = at->port };

	memcpy(words, &at->addr, sizeof(at->addr));
	return siphash13(&key, words, 3) % FAILS_SETS;
}

void fails_add(struct fails *fails, const struct endpoint *at, int64_t now_ms)
{
	size_t set = set_of(at), place = 0;

	for (size_t i = 0; i < FAILS_WAYS; i++) {
		if (endpoint_equal(&fails->sets[set][i].at, at)) {
			place = i;
			break;
		}
		if (fails->sets[set][i].until_ms < fails->sets[set][place].until_ms)
			place = i;
	}
	fails->sets[set][place].at = *at;
	fails->sets[set][place].until_ms = now_ms + FAILS_MS;
}

void fails_remove(struct fails *fails, const struct endpoint *at)
{
	size_t set = set_of(at);

	for (size_t i = 0; i < FAILS_WAYS; i++)
		if (endpoint_equal(&fails->sets[set][i].at, at))
			fails->sets[set][i].until_ms = 0;
}

bool fails_has(const struct fails *fails, const struct endpoint *at, int64_t now_ms)
{
	size_t set = set_of(at);

	for (size_t i = 0; i < FAILS_WAYS; i++)
		if (fails->sets[set][i].until_ms > now_ms &&
		    endpoint_equal(&fails->sets[set][i].at, at))
			return true;
	return false;
}
