/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The counters behind IPv4 identification values, and how one is chosen. Pure, for user
 * space and BPF alike: both count on in the same memory, so that neither repeats what the
 * other has given out (RFC 6864 4.1).
 */
#ifndef NAT64_IPID_SHARED_H
#define NAT64_IPID_SHARED_H

#include <stdint.h>

#include "../core/siphash.h"

#define IPID_COUNTERS 2048	/* a power of two */

struct ipid_shared {
	struct siphash_key key;
	uint32_t counters[IPID_COUNTERS];	/* the low 16 bits count */
};

/** ipid_counter() - which counter is for a destination and protocol (RFC 7739 5.3). */
static inline uint32_t ipid_counter(const struct siphash_key *key, uint32_t dst_be32,
				    uint8_t proto)
{
	uint64_t word = (uint64_t)dst_be32 << 8 | proto;

	return (uint32_t)(siphash13(key, &word, 1) % IPID_COUNTERS);
}

#endif
