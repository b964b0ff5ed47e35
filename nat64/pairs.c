/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pairs.h"

#include <stdatomic.h>
#include <stdlib.h>

/* A cell is one word, so that it changes as a whole: whose (bits of the hash that did
 * not choose the cell), which address, how many bindings. 0 bindings: nobody's. */
enum {
	CELLS = 1 << 14,
	COUNT_BITS = 24, ADDRESS_BITS = 16, TAG_BITS = 24,
	COUNT_MAX = (1 << COUNT_BITS) - 1,
	ADDRESS_MAX = (1 << ADDRESS_BITS) - 1,
};

struct pairs {
	_Atomic uint64_t cells[CELLS];
};

static uint64_t count_of(uint64_t cell)
{
	return cell & COUNT_MAX;
}

static size_t address_of(uint64_t cell)
{
	return (size_t)(cell >> COUNT_BITS) & ADDRESS_MAX;
}

static uint64_t tag_of(uint64_t cell)
{
	return cell >> (COUNT_BITS + ADDRESS_BITS);
}

static uint64_t tag_wanted(uint64_t hash)
{
	return hash >> (64 - TAG_BITS);
}

static uint64_t make(uint64_t tag, size_t address, uint64_t count)
{
	return tag << (COUNT_BITS + ADDRESS_BITS) | (uint64_t)address << COUNT_BITS | count;
}

struct pairs *pairs_new(void)
{
	return calloc(1, sizeof(struct pairs));
}

void pairs_free(struct pairs *pairs)
{
	free(pairs);
}

bool pairs_find(const struct pairs *pairs, uint64_t hash, size_t *address)
{
	uint64_t cell = atomic_load_explicit(&pairs->cells[hash % CELLS], memory_order_relaxed);

	if (!count_of(cell) || tag_of(cell) != tag_wanted(hash))
		return false;
	*address = address_of(cell);
	return true;
}

bool pairs_add(struct pairs *pairs, uint64_t hash, size_t address)
{
	_Atomic uint64_t *at = &pairs->cells[hash % CELLS];
	uint64_t cell = atomic_load(at), next;

	do {
		if (!count_of(cell))
			next = make(tag_wanted(hash), address, 1);
		else if (tag_of(cell) == tag_wanted(hash) && address_of(cell) == address &&
			 count_of(cell) < COUNT_MAX)
			next = cell + 1;
		else
			return false;	/* somebody else's; or this one has spilled over again */
	} while (!atomic_compare_exchange_weak(at, &cell, next));
	return true;
}

void pairs_drop(struct pairs *pairs, uint64_t hash)
{
	atomic_fetch_sub(&pairs->cells[hash % CELLS], 1);
}

void pairs_renumber(struct pairs *pairs, const size_t *number, size_t n)
{
	for (size_t i = 0; i < CELLS; i++) {
		uint64_t cell = atomic_load(&pairs->cells[i]);
		size_t old = address_of(cell);

		if (!count_of(cell) || old >= n || number[old] == SIZE_MAX)
			cell = 0;
		else
			cell = make(tag_of(cell), number[old], count_of(cell));
		atomic_store(&pairs->cells[i], cell);
	}
}
