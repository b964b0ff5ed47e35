/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Memory for the many small objects of the flow table. Pages are taken from the system
 * in blocks, shared by all slabs of a table, and go from one that needs them no longer to
 * one that does: the memory held is bounded by what was in use at once, whichever shard
 * it was in. A slab cuts pages into objects of one size.
 */
#ifndef NAT64_SLAB_H
#define NAT64_SLAB_H

#include <stddef.h>
#include <stdint.h>

struct pages;
struct slab_page;

/** pages_new() - Return: owned by the caller, or NULL. */
struct pages *pages_new(void);

/** pages_free() - with all objects of all slabs; NULL is allowed. */
void pages_free(struct pages *pages);

/** pages_bytes() - held from the system now, with what pages_account() added. */
uint64_t pages_bytes(const struct pages *pages);

/** pages_account() - @bytes more (or less) are held elsewhere on behalf of the table. */
void pages_account(struct pages *pages, int64_t bytes);

/* One a shard: whoever calls holds the shard's lock. */
struct slab {
	struct pages *pages;		/* borrowed */
	struct slab_page *roomy;	/* its pages that have room */
	uint16_t size, per_page;
};

/** slab_init() - an empty slab. @size: bytes of an object, at most a few hundred. */
void slab_init(struct slab *slab, struct pages *pages, size_t size);

/** slab_alloc() - an object, zeroed, aligned for pointers. Return: NULL when out of memory. */
void *slab_alloc(struct slab *slab);

/** slab_free() - give an object of this slab back. */
void slab_free(struct slab *slab, void *object);

/** slab_release() - all objects are back, and the slab ends before its pages do. */
void slab_release(struct slab *slab);

#endif
