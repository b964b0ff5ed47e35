/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "key.h"

#include <string.h>

#include "../core/siphash.h"
#include "message.h"

void key_make(struct key *key, const struct siphash_key *secret, const struct query *query)
{
	uint64_t words[1 + (NAME_WIRE_MAX + 7) / 8] = { 0 };

	if (query->flags & MESSAGE_CD)
		key->variant = query->dnssec_ok ? KEY_DO_CD : KEY_CD;
	else
		key->variant = query->dnssec_ok ? KEY_DO : KEY_PLAIN;
	key->type = query->type;
	key->name_len = query->qname.len;
	name_fold(key->name, &query->qname);
	words[0] = (uint64_t)key->type << 16 | (uint64_t)key->variant << 8 | key->name_len;
	memcpy(words + 1, key->name, key->name_len);
	key->hash = siphash13(secret, words, 1 + (key->name_len + 7u) / 8);
}

bool key_equal(const struct key *a, const struct key *b)
{
	return a->hash == b->hash && a->type == b->type && a->variant == b->variant &&
	       a->name_len == b->name_len && memcmp(a->name, b->name, a->name_len) == 0;
}
