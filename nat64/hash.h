/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A hash table whose nodes stand within what it holds. It grows and shrinks with that,
 * and allocates nothing else. Whoever calls holds the lock of what the table belongs to.
 */
#ifndef NAT64_HASH_H
#define NAT64_HASH_H

#include <stddef.h>
#include <stdint.h>

struct pages;

struct hash_node {
	struct hash_node *next;
};

struct hash {
	struct hash_node **buckets;
	uint32_t n_buckets;		/* a power of two; 0 before first use */
	uint32_t n;
};

/* What a table must know of its nodes */
struct hash_type {
	uint64_t (*hash_of)(const void *arg, const struct hash_node *node);
	const void *arg;
	struct pages *pages;		/* where the memory is accounted for */
};

/*
 * The upper half of a hash chooses the bucket: the lower one chose shard or stripe. Buckets
 * stand in the order of hashes, so that one that splits stays in its place (hash_walk()).
 */
static inline uint32_t hash_bucket(uint64_t hash, uint32_t n_buckets)
{
	return (uint32_t)((hash >> 32) * n_buckets >> 32);
}

/** hash_first() - the chain that a node of this hash would stand in. */
static inline struct hash_node *hash_first(const struct hash *table, uint64_t hash)
{
	return table->n_buckets ? table->buckets[hash_bucket(hash, table->n_buckets)] : NULL;
}

/** hash_insert() - Return: 0, or -ENOMEM where not even the first buckets can be had. */
int hash_insert(struct hash *table, const struct hash_type *type, struct hash_node *node);

/** hash_remove() - @node is there. */
void hash_remove(struct hash *table, const struct hash_type *type, struct hash_node *node);

/** hash_free() - of an empty table. */
void hash_free(struct hash *table, const struct hash_type *type);

/* A place in a table is the upper half of a hash; this is past all. */
#define HASH_END (UINT64_C(1) << 32)

/**
 * hash_walk() - call @fn with the nodes whose hashes begin at @place, some buckets of them.
 * @looks:	at least 1: nodes and empty buckets; less by those that were looked at. The
 *		walk ends with the bucket in which it came to 0.
 *
 * Who goes on where the walk before has ended sees each node that is there all the while
 * once, though the table grows and shrinks meanwhile.
 * Return: where to go on, or HASH_END.
 */
uint64_t hash_walk(const struct hash *table, const struct hash_type *type, uint64_t place,
		   unsigned int *looks, void (*fn)(void *arg, struct hash_node *node), void *arg);

/** hash_longest() - nodes in the longest chain, for tests. */
uint32_t hash_longest(const struct hash *table);

/* The object of @type whose @member a node is */
#define HASH_ENTRY(node, type, member) \
	((type *)(void *)((uint8_t *)(node) - offsetof(type, member)))

#endif
