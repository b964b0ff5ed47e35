/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ipid.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <sys/random.h>

#include "../core/siphash.h"

enum { COUNTERS = 2048 };

struct ipid {
	struct siphash_key key;
	_Atomic uint16_t counters[COUNTERS];
};

struct ipid *ipid_new(void)
{
	uint16_t start[COUNTERS];
	struct ipid *ids = calloc(1, sizeof(*ids));

	if (!ids)
		return NULL;
	for (size_t at = 0; at < sizeof(start);) {
		ssize_t n = getrandom((char *)start + at, sizeof(start) - at, 0);

		if (n < 0)
			goto fail;
		at += (size_t)n;
	}
	if (getrandom(&ids->key, sizeof(ids->key), 0) < 0)
		goto fail;
	for (int i = 0; i < COUNTERS; i++)
		atomic_init(&ids->counters[i], start[i]);
	return ids;

fail:
	free(ids);
	return NULL;
}

void ipid_free(struct ipid *ids)
{
	free(ids);
}

uint16_t ipid_next(struct ipid *ids, uint32_t dst_be32, uint8_t proto)
{
	uint64_t word = (uint64_t)dst_be32 << 8 | proto;
	_Atomic uint16_t *counter = &ids->counters[siphash13(&ids->key, &word, 1) % COUNTERS];
	uint16_t id;

	do
		id = atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
	while (id == 0);
	return id;
}
