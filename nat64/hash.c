/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hash.h"

#include <errno.h>
#include <stdlib.h>

#include "slab.h"

enum {
	BUCKETS_MIN = 16,
	LOAD = 2,		/* nodes a bucket, on average, before a table doubles */
	SPARSE = 8,		/* buckets a node before it halves */
};

static struct hash_node **head(struct hash_node **buckets, uint32_t n, uint64_t hash)
{
	return &buckets[hash_bucket(hash, n)];
}

/* Without memory the table stays as it is: longer chains will do. */
static void resize(struct hash *table, const struct hash_type *type, uint32_t n)
{
	struct hash_node **buckets = calloc(n, sizeof(struct hash_node *));

	if (!buckets)
		return;
	for (uint32_t i = 0; i < table->n_buckets; i++) {
		struct hash_node *node = table->buckets[i], *next;

		for (; node; node = next) {
			struct hash_node **to = head(buckets, n, type->hash_of(type->arg, node));

			next = node->next;
			node->next = *to;
			*to = node;
		}
	}
	pages_account(type->pages, ((int64_t)n - table->n_buckets) * (int64_t)sizeof(*buckets));
	free(table->buckets);
	table->buckets = buckets;
	table->n_buckets = n;
}

int hash_insert(struct hash *table, const struct hash_type *type, struct hash_node *node)
{
	struct hash_node **to;

	if (!table->n_buckets)
		resize(table, type, BUCKETS_MIN);
	else if (table->n >= table->n_buckets * LOAD)
		resize(table, type, table->n_buckets * 2);
	if (!table->n_buckets)
		return -ENOMEM;
	to = head(table->buckets, table->n_buckets, type->hash_of(type->arg, node));
	node->next = *to;
	*to = node;
	table->n++;
	return 0;
}

void hash_remove(struct hash *table, const struct hash_type *type, struct hash_node *node)
{
	struct hash_node **at = head(table->buckets, table->n_buckets,
				     type->hash_of(type->arg, node));

	while (*at != node)
		at = &(*at)->next;
	*at = node->next;
	table->n--;
	if (table->n_buckets > BUCKETS_MIN && table->n < table->n_buckets / SPARSE)
		resize(table, type, table->n_buckets / 2);
}

void hash_free(struct hash *table, const struct hash_type *type)
{
	pages_account(type->pages, -(int64_t)table->n_buckets * (int64_t)sizeof(*table->buckets));
	free(table->buckets);
	*table = (struct hash){ 0 };
}

uint64_t hash_walk(const struct hash *table, const struct hash_type *type, uint64_t place,
		   unsigned int *looks, void (*fn)(void *arg, struct hash_node *node), void *arg)
{
	uint64_t n = table->n_buckets, bucket;

	for (bucket = place * n >> 32; bucket < n && *looks > 0; bucket++) {
		struct hash_node *node = table->buckets[bucket];

		*looks -= !node;
		for (; node; node = node->next) {
			/* The table may have shrunk: this was on the page before. */
			if (type->hash_of(type->arg, node) >> 32 < place)
				continue;
			fn(arg, node);
			*looks -= *looks > 0;
		}
	}
	return n ? bucket * HASH_END / n : HASH_END;
}

uint32_t hash_longest(const struct hash *table)
{
	uint32_t longest = 0;

	for (uint32_t i = 0; i < table->n_buckets; i++) {
		uint32_t n = 0;

		for (const struct hash_node *node = table->buckets[i]; node; node = node->next)
			n++;
		if (n > longest)
			longest = n;
	}
	return longest;
}
