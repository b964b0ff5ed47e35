/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What pool4.c and pool4_plan.c share: one address of the pool. */
#ifndef NAT64_POOL4_ADDRESS_H
#define NAT64_POOL4_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "blocks.h"
#include "packet.h"
#include "ports.h"

struct pool4;

struct pool_address {
	uint32_t addr_be32;
	bool of_pool;				/* of nat64.pool4; else static bindings' alone */
	struct ports ports[L4_COUNT];		/* that may be chosen */
	void *_Atomic *slots[L4_COUNT];		/* PORT_SPACE owners each */
	struct block *blocks;			/* BLOCKS; NULL where no blocks are wanted */
};

struct pool4_plan {
	struct pool_address *addresses;		/* sorted by pool_address_find()'s order */
	size_t n;
	struct block **spaces;			/* room, as the next two: for each address */
	unsigned int client_prefix;		/* of port blocks; 0: none are wanted */
	uint32_t blocks_max;			/* of a client */
	size_t *of_pool, *number;		/* room that pool4_commit() needs */
};

/** pool_address_find() - by binary search. Return: the address, borrowed, or NULL. */
struct pool_address *pool_address_find(struct pool_address *addresses, size_t n,
				       uint32_t addr_be32);

/** pool4_slots() - of the pool's address: L4_COUNT arrays, borrowed; NULL: it has none. */
void *_Atomic *const *pool4_slots(const struct pool4 *pool, uint32_t addr_be32);

/** pool_addresses_free() - the array; @slots: the slots as well. NULL is allowed. */
void pool_addresses_free(struct pool_address *addresses, size_t n, bool slots);

#endif
