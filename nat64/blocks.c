/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Clients that hold blocks stand in buckets, a lock each. What is held changes under its
 * holder's lock; what nobody holds is taken by one atomic exchange. Only blocks_sweep()
 * and blocks_end() take a block from its holder.
 */
#include "blocks.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "../core/addr.h"
#include "../core/loop.h"
#include "../core/siphash.h"
#include "journal.h"

enum {
	BUCKETS = 1024,
	NONE_MS = 100,		/* a search in vain is not repeated for so long */
};

/* A client with at least one block */
struct holder {
	struct holder *next;		/* in its bucket */
	struct in6_addr client;		/* the bits beyond the prefix are zero */
	struct block *blocks;
	uint32_t n;
};

struct bucket {
	pthread_mutex_t mutex;
	struct holder *holders;
} __attribute__((aligned(64)));

struct blocks {
	struct bucket buckets[BUCKETS];
	struct siphash_key key;
	struct journal *journal;
	unsigned int client_prefix;
	uint32_t max;			/* blocks of a client */
	_Atomic int64_t none_until_ms;	/* no block is free, as was seen just now */
};

struct blocks *blocks_new(void)
{
	struct blocks *blocks = aligned_alloc(64, sizeof(*blocks));

	if (!blocks)
		return NULL;
	memset(blocks, 0, sizeof(*blocks));
	if (getrandom(&blocks->key, sizeof(blocks->key), 0) < 0) {
		free(blocks);
		return NULL;
	}
	for (int i = 0; i < BUCKETS; i++)
		pthread_mutex_init(&blocks->buckets[i].mutex, NULL);
	return blocks;
}

void blocks_free(struct blocks *blocks)
{
	if (!blocks)
		return;
	for (int i = 0; i < BUCKETS; i++)
		pthread_mutex_destroy(&blocks->buckets[i].mutex);
	free(blocks);
}

void blocks_log(struct blocks *blocks, struct journal *journal)
{
	blocks->journal = journal;
}

void blocks_configure(struct blocks *blocks, unsigned int client_prefix, uint32_t max)
{
	blocks->client_prefix = client_prefix;
	blocks->max = max;
	atomic_store(&blocks->none_until_ms, 0);
}

struct block *blocks_space(uint32_t addr_be32)
{
	struct block *space = calloc(BLOCKS, sizeof(*space));

	for (unsigned int i = 0; space && i < BLOCKS; i++) {
		space[i].addr_be32 = addr_be32;
		space[i].first = (uint16_t)(i * BLOCK_PORTS);
	}
	return space;
}

/* ---- clients ------------------------------------------------------------------------ */

static struct in6_addr client_of(const struct blocks *blocks, const struct in6_addr *inside)
{
	struct in6_addr client = *inside;

	for (unsigned int bit = blocks->client_prefix; bit < 128; bit = (bit / 8 + 1) * 8)
		client.s6_addr[bit / 8] &= (uint8_t)(0xff00u >> bit % 8);
	return client;
}

static struct bucket *bucket_of(struct blocks *blocks, const struct in6_addr *client)
{
	uint64_t words[2];

	memcpy(words, client, 16);
	return &blocks->buckets[siphash13(&blocks->key, words, 2) % BUCKETS];
}

static struct holder *find_holder(const struct bucket *bucket, const struct in6_addr *client)
{
	struct holder *holder = bucket->holders;

	while (holder && !addr_equal(&holder->client, client))
		holder = holder->next;
	return holder;
}

static void record(const struct blocks *blocks, bool begins, const struct holder *holder,
		   const struct block *block)
{
	const struct prefix client = { holder->client, (uint8_t)blocks->client_prefix };

	journal_block(blocks->journal, begins, &client, block->addr_be32, block->first,
		      (uint16_t)(block->first + BLOCK_PORTS - 1));
}

/* ---- a claim -------------------------------------------------------------------------- */

static uint16_t take_held(const struct holder *holder, const struct block_claim *claim,
			  struct block **out)
{
	struct block *first = holder->blocks;

	for (uint64_t i = claim->start % holder->n; i > 0; i--)
		first = first->next;
	for (unsigned int rank = 0; rank < PORT_LISTS; rank++) {
		*out = first;
		for (uint32_t i = 0; i < holder->n; i++) {
			uint16_t port = claim->take(claim->arg, *out, rank);

			if (port)
				return port;
			*out = (*out)->next ? (*out)->next : holder->blocks;
		}
	}
	return 0;
}

static bool has_rested(const struct block *block, int64_t now_ms)
{
	int64_t freed_ms = atomic_load_explicit(&block->freed_ms, memory_order_relaxed);

	return !freed_ms || now_ms - freed_ms >= BLOCK_REST_MS;
}

static bool is_free(const struct block *block, int64_t now_ms)
{
	return block->usable && !atomic_load_explicit(&block->holder, memory_order_relaxed) &&
	       has_rested(block, now_ms);
}

/* It may have been another's until this moment: only who has it knows since when it rests. */
static bool seize(struct block *block, struct holder *holder, int64_t now_ms)
{
	struct holder *nobody = NULL;

	if (!atomic_compare_exchange_strong(&block->holder, &nobody, holder))
		return false;
	if (has_rested(block, now_ms))
		return true;
	atomic_store(&block->holder, NULL);
	return false;
}

/* What a new block is to be like */
struct wish {
	bool low;		/* with ports below 1024, or not */
	bool empty;		/* without bindings from before */
};

/* A free block of one address, at a random place; @holder has it then, if it is not NULL. */
static struct block *take_free(struct block *space, struct holder *holder,
			       const struct block_claim *claim, struct wish wish, int64_t now_ms)
{
	for (unsigned int i = 0; i < BLOCKS; i++) {
		struct block *block = &space[(claim->start + i) % BLOCKS];

		if ((block->first < PORT_LOW_END) == wish.low &&
		    is_free(block, now_ms) &&
		    (!wish.empty || claim->is_empty(claim->arg, block)) &&
		    (!holder || seize(block, holder, now_ms)))
			return block;
	}
	return NULL;
}

/* The address of the client's other blocks first (RFC 4787 REQ-2), then its home. */
static size_t first_space(const struct holder *holder, const struct block_claim *claim)
{
	for (size_t i = 0; holder->n && i < claim->n; i++)
		if (claim->spaces[i]->addr_be32 == holder->blocks->addr_be32)
			return i;
	return claim->home;
}

/* A free block from the @first address on, as take_free() */
static struct block *take_anywhere(struct blocks *blocks, struct holder *holder,
				   const struct block_claim *claim, size_t first, int64_t now_ms)
{
	bool low = claim->inside_port < PORT_LOW_END;
	struct block *block = NULL;

	if (now_ms < atomic_load_explicit(&blocks->none_until_ms, memory_order_relaxed))
		return NULL;
	/* An empty one anywhere before one with bindings from before */
	for (size_t i = 0; i < claim->n * 4 && !block; i++) {
		struct wish wish = { i % 2 == 0 ? low : !low, i / 2 < claim->n };

		block = take_free(claim->spaces[(first + i / 2) % claim->n], holder, claim, wish,
				  now_ms);
	}
	if (!block)
		atomic_store(&blocks->none_until_ms, now_ms + NONE_MS);
	return block;
}

static struct block *take_new(struct blocks *blocks, struct holder *holder,
			      const struct block_claim *claim)
{
	int64_t now_ms = loop_now_ms();
	struct block *block = take_anywhere(blocks, holder, claim, first_space(holder, claim),
					    now_ms);

	if (!block)
		return NULL;
	block->next = holder->blocks;
	holder->blocks = block;
	holder->n++;
	record(blocks, true, holder, block);
	return block;
}

/* A port of a block, from the best list that has one; 0: it has none. */
static uint16_t take_of(const struct block_claim *claim, const struct block *block)
{
	uint16_t port = 0;

	for (unsigned int rank = 0; rank < PORT_LISTS && !port; rank++)
		port = claim->take(claim->arg, block, rank);
	return port;
}

static struct holder *add_holder(struct bucket *bucket, const struct in6_addr *client)
{
	struct holder *holder = calloc(1, sizeof(*holder));

	if (!holder)
		return NULL;
	holder->client = *client;
	holder->next = bucket->holders;
	bucket->holders = holder;
	return holder;
}

static void remove_holder(struct bucket *bucket, struct holder *holder)
{
	struct holder **at = &bucket->holders;

	while (*at != holder)
		at = &(*at)->next;
	*at = holder->next;
	free(holder);
}

/* The client's bucket is locked. */
static int claim_locked(struct blocks *blocks, struct bucket *bucket,
			const struct in6_addr *client, const struct block_claim *claim,
			struct block **block, uint16_t *port)
{
	struct holder *holder = find_holder(bucket, client);

	*port = holder ? take_held(holder, claim, block) : 0;
	if (*port)
		return 0;
	if (holder && holder->n >= blocks->max)
		return -EDQUOT;
	if (!holder)
		holder = add_holder(bucket, client);
	if (!holder)
		return -ENOMEM;
	*block = take_new(blocks, holder, claim);
	if (!*block) {
		if (!holder->n)
			remove_holder(bucket, holder);
		return -EADDRNOTAVAIL;
	}
	*port = take_of(claim, *block);
	if (*port)
		return 0;
	/* Sockets of the host have it all: it goes back unused. */
	atomic_store(&(*block)->idle_ms, loop_now_ms());
	return -EADDRNOTAVAIL;
}

int blocks_claim(struct blocks *blocks, const struct block_claim *claim, struct block **block,
		 uint16_t *port)
{
	const struct in6_addr client = client_of(blocks, claim->inside);
	struct bucket *bucket = bucket_of(blocks, &client);
	int err;

	pthread_mutex_lock(&bucket->mutex);
	err = claim_locked(blocks, bucket, &client, claim, block, port);
	if (err == 0) {
		atomic_fetch_add(&(*block)->used, 1);
		atomic_store(&(*block)->idle_ms, 0);
	}
	pthread_mutex_unlock(&bucket->mutex);
	return err;
}

int blocks_preview(struct blocks *blocks, const struct block_claim *claim, struct block **block)
{
	const struct in6_addr client = client_of(blocks, claim->inside);
	struct bucket *bucket = bucket_of(blocks, &client);
	const struct holder *holder;
	int err;

	pthread_mutex_lock(&bucket->mutex);
	holder = find_holder(bucket, &client);
	if (holder && take_held(holder, claim, block)) {
		err = 0;
	} else if (holder && holder->n >= blocks->max) {
		err = -EDQUOT;
	} else {
		*block = take_anywhere(blocks, NULL, claim,
				       holder ? first_space(holder, claim) : claim->home,
				       loop_now_ms());
		err = *block && take_of(claim, *block) ? 0 : -EADDRNOTAVAIL;
	}
	pthread_mutex_unlock(&bucket->mutex);
	return err;
}

/* ---- and back ---------------------------------------------------------------------------- */

void blocks_release(struct blocks *blocks, const struct in6_addr *inside, struct block *block)
{
	const struct in6_addr client = client_of(blocks, inside);
	struct bucket *bucket = bucket_of(blocks, &client);

	pthread_mutex_lock(&bucket->mutex);
	if (atomic_fetch_sub(&block->used, 1) == 1)
		atomic_store(&block->idle_ms, loop_now_ms());
	pthread_mutex_unlock(&bucket->mutex);
}

/* Its holder's bucket is locked, or nobody claims. */
static void give_back(struct blocks *blocks, struct bucket *bucket, struct block *block,
		      int64_t now_ms)
{
	struct holder *holder = atomic_load(&block->holder);
	struct block **at = &holder->blocks;

	while (*at != block)
		at = &(*at)->next;
	*at = block->next;
	holder->n--;
	record(blocks, false, holder, block);
	if (!holder->n)
		remove_holder(bucket, holder);
	atomic_store(&block->idle_ms, 0);
	atomic_store(&block->freed_ms, now_ms);
	atomic_store(&block->holder, NULL);
}

void blocks_sweep(struct blocks *blocks, struct block *space, int64_t now_ms)
{
	for (unsigned int i = 0; i < BLOCKS; i++) {
		struct block *block = &space[i];
		struct holder *holder = atomic_load(&block->holder);
		int64_t idle_ms = atomic_load(&block->idle_ms);
		struct bucket *bucket;

		if (!holder || !idle_ms || now_ms - idle_ms < BLOCK_HOLD_MS)
			continue;
		bucket = bucket_of(blocks, &holder->client);
		pthread_mutex_lock(&bucket->mutex);
		if (atomic_load(&block->idle_ms) == idle_ms)
			give_back(blocks, bucket, block, now_ms);
		pthread_mutex_unlock(&bucket->mutex);
	}
}

void blocks_end(struct blocks *blocks, struct block *space)
{
	int64_t now_ms = loop_now_ms();

	for (unsigned int i = 0; i < BLOCKS; i++) {
		struct holder *holder = atomic_load(&space[i].holder);

		if (holder)
			give_back(blocks, bucket_of(blocks, &holder->client), &space[i], now_ms);
	}
}
