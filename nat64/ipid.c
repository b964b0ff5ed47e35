/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ipid.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

#include "ipid_shared.h"

struct ipid {
	struct ipid_shared *shared;	/* our own, or the fast path's */
	struct ipid_shared own;
};

int ipid_shared_init(struct ipid_shared *shared)
{
	for (size_t at = 0; at < sizeof(*shared);) {
		ssize_t n = getrandom((char *)shared + at, sizeof(*shared) - at, 0);

		if (n < 0)
			return -errno;
		at += (size_t)n;
	}
	return 0;
}

struct ipid *ipid_new(struct ipid_shared *shared)
{
	struct ipid *ids = calloc(1, sizeof(*ids));

	if (!ids)
		return NULL;
	ids->shared = shared;
	if (!shared) {
		ids->shared = &ids->own;
		if (ipid_shared_init(&ids->own) < 0) {
			free(ids);
			return NULL;
		}
	}
	return ids;
}

void ipid_free(struct ipid *ids)
{
	free(ids);
}

uint16_t ipid_next(struct ipid *ids, uint32_t dst_be32, uint8_t proto)
{
	uint32_t *counter = &ids->shared->counters[ipid_counter(&ids->shared->key, dst_be32, proto)];
	uint16_t id;

	do
		id = (uint16_t)__atomic_fetch_add(counter, 1, __ATOMIC_RELAXED);
	while (id == 0);
	return id;
}
