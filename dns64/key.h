/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What makes two questions the same: one answer does for both, be it out of the
 * cache or one that is still waited for.
 *
 * The class is not part of it: questions of other classes than IN are refused
 * before they get here. Nor is the view: all who are answered see the same one,
 * and what it is made of (prefixes, policy) changes only with everything flushed.
 */
#ifndef DNS64_KEY_H
#define DNS64_KEY_H

#include <stdbool.h>
#include <stdint.h>

#include "name.h"

struct query;
struct siphash_key;

/* What asks for another answer to the same name and type (RFC 6147 5.5, RFC 4035 3.2.2) */
enum key_variant { KEY_PLAIN, KEY_CD, KEY_DO, KEY_DO_CD, KEY_VARIANTS };

struct key {
	uint64_t hash;
	uint16_t type;
	uint8_t variant;
	uint8_t name_len;
	uint8_t name[NAME_WIRE_MAX];	/* in lower case */
};

/**
 * key_make() - the key of @query.
 * @secret:	random, so that nobody can aim at a bucket.
 */
void key_make(struct key *key, const struct siphash_key *secret, const struct query *query);

/** key_equal() - of keys made with one secret. */
bool key_equal(const struct key *a, const struct key *b);

#endif
