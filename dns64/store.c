/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Chunks, the table by key, and who has to go. Chunks are known by number, from 1. */
#include "store.h"

#include <string.h>

#include "key.h"
#include "message.h"

enum {
	CHUNKS_PER_BUCKET = 4,		/* as many as a common entry has */
	ENTRY_MAX_SHARE = 8,		/* no entry takes more of its store than an eighth */
	REMOVE_BUCKETS = 1024,		/* looked through at a time */
};

static struct entry *entry_at(struct store *store, uint32_t number)
{
	return &store->chunks[number].entry;
}

static uint32_t number_of(const struct store *store, const struct entry *entry)
{
	return (uint32_t)((const union chunk *)entry - store->chunks);
}

/* ---- chunks ------------------------------------------------------------------ */

static uint32_t chunks_left(const struct store *store)
{
	return store->n_chunks - 1 - store->n_used;
}

static uint32_t take_chunk(struct store *store)
{
	uint32_t number = store->free;

	if (number)
		store->free = store->chunks[number].next;
	else
		number = store->unused++;
	store->n_used++;
	return number;
}

/* There must be so many left. Return: the first of a chain that ends in 0. */
static uint32_t take_chain(struct store *store, uint32_t n)
{
	uint32_t first = take_chunk(store), last = first;

	while (--n) {
		uint32_t number = take_chunk(store);

		store->chunks[last].next = number;
		last = number;
	}
	store->chunks[last].next = 0;
	return first;
}

static void give_back(struct store *store, uint32_t first, uint32_t n)
{
	uint32_t last = first;

	while (store->chunks[last].next)
		last = store->chunks[last].next;
	store->chunks[last].next = store->free;
	store->free = first;
	store->n_used -= n;
}

/* ---- queues -------------------------------------------------------------------- */

static void dequeue(struct store *store, struct entry *entry)
{
	uint32_t *newest = &store->queue[entry->queue].newest;
	uint32_t *oldest = &store->queue[entry->queue].oldest;

	*(entry->newer ? &entry_at(store, entry->newer)->older : newest) = entry->older;
	*(entry->older ? &entry_at(store, entry->older)->newer : oldest) = entry->newer;
	store->queue[entry->queue].n_chunks -= entry->n_chunks;
}

static void enqueue(struct store *store, struct entry *entry, enum store_queue queue)
{
	uint32_t number = number_of(store, entry), newest = store->queue[queue].newest;

	entry->queue = (uint8_t)queue;
	entry->newer = 0;
	entry->older = newest;
	*(newest ? &entry_at(store, newest)->newer : &store->queue[queue].oldest) = number;
	store->queue[queue].newest = number;
	store->queue[queue].n_chunks += entry->n_chunks;
}

void store_touch(struct store *store, struct entry *entry, enum store_queue queue)
{
	uint32_t proven_max = store->n_chunks / 100 * STORE_PROVEN_PERCENT;

	dequeue(store, entry);
	enqueue(store, entry, queue);
	while (store->queue[STORE_PROVEN].n_chunks > proven_max) {
		entry = entry_at(store, store->queue[STORE_PROVEN].oldest);
		dequeue(store, entry);
		enqueue(store, entry, STORE_ONCE);
	}
}

static void evict(struct store *store)
{
	uint32_t oldest = store->queue[STORE_ONCE].oldest;

	if (!oldest)
		oldest = store->queue[STORE_PROVEN].oldest;
	store_remove(store, entry_at(store, oldest));
}

/* ---- entries --------------------------------------------------------------------- */

static uint32_t *bucket_of(struct store *store, uint32_t hash)
{
	return &store->buckets[hash & (store->n_buckets - 1)];
}

/* A name ends with its root label: where as many bytes are the same, all of it is. */
static bool has_name(struct store *store, const struct entry *entry, const struct key *key)
{
	struct store_place place = store_place(store, entry, MESSAGE_HEADER_LEN);
	uint8_t name[NAME_WIRE_MAX];

	if (entry->wire_len < MESSAGE_HEADER_LEN + key->name_len)
		return false;
	store_read(&place, name, key->name_len);
	return memcmp(name, key->name, key->name_len) == 0;
}

struct entry *store_find(struct store *store, const struct key *key)
{
	uint32_t hash = (uint32_t)key->hash;

	for (uint32_t number = *bucket_of(store, hash); number;) {
		struct entry *entry = entry_at(store, number);

		if (entry->hash == hash && entry->type == key->type &&
		    entry->variant == key->variant && has_name(store, entry, key))
			return entry;
		number = entry->in_bucket;
	}
	return NULL;
}

struct entry *store_add(struct store *store, const struct key *key, size_t bytes,
			size_t *n_evicted)
{
	size_t n = 1 + (bytes + STORE_CHUNK_DATA - 1) / STORE_CHUNK_DATA;
	uint32_t hash = (uint32_t)key->hash, number, held;
	struct entry *entry;

	if (n > store->n_chunks / ENTRY_MAX_SHARE)
		return NULL;
	for (; chunks_left(store) < n; (*n_evicted)++)
		evict(store);
	number = take_chain(store, (uint32_t)n);
	held = store->chunks[number].next;
	entry = entry_at(store, number);
	*entry = (struct entry){
		.next = held,
		.in_bucket = *bucket_of(store, hash),
		.hash = hash,
		.type = key->type,
		.variant = key->variant,
		.n_chunks = (uint16_t)n,
	};
	*bucket_of(store, hash) = number;
	enqueue(store, entry, STORE_ONCE);
	store->n_entries++;
	return entry;
}

void store_remove(struct store *store, struct entry *entry)
{
	uint32_t number = number_of(store, entry);
	uint32_t *link = bucket_of(store, entry->hash);

	while (*link != number)
		link = &entry_at(store, *link)->in_bucket;
	*link = entry->in_bucket;
	dequeue(store, entry);
	store->n_entries--;
	give_back(store, number, entry->n_chunks);
}

uint32_t store_remove_if(struct store *store, uint32_t from, store_match_fn *match, void *arg,
			 size_t *n_removed)
{
	uint32_t end = from + REMOVE_BUCKETS;

	if (end > store->n_buckets)
		end = store->n_buckets;
	for (; from < end; from++) {
		for (uint32_t number = store->buckets[from]; number;) {
			struct entry *entry = entry_at(store, number);

			number = entry->in_bucket;
			if (!match(arg, store, entry))
				continue;
			store_remove(store, entry);
			(*n_removed)++;
		}
	}
	return end < store->n_buckets ? end : 0;
}

/* ---- what they hold ------------------------------------------------------------------ */

struct store_place store_place(struct store *store, const struct entry *entry, size_t skip)
{
	struct store_place place = { .store = store, .chunk = entry->next };

	for (; skip > STORE_CHUNK_DATA; skip -= STORE_CHUNK_DATA)
		place.chunk = store->chunks[place.chunk].next;
	place.at = (uint32_t)skip;
	return place;
}

/* The bytes that stand together at a place, at most @len. It moves behind them. */
static size_t piece(struct store_place *place, size_t len, uint8_t **data)
{
	size_t n;

	if (place->at == STORE_CHUNK_DATA) {
		place->chunk = place->store->chunks[place->chunk].next;
		place->at = 0;
	}
	n = STORE_CHUNK_DATA - place->at;
	if (n > len)
		n = len;
	*data = place->store->chunks[place->chunk].data + place->at;
	place->at += (uint32_t)n;
	return n;
}

void store_read(struct store_place *place, void *to, size_t len)
{
	uint8_t *at = to, *data;

	while (len) {
		size_t n = piece(place, len, &data);

		memcpy(at, data, n);
		at += n;
		len -= n;
	}
}

void store_write(struct store_place *place, const void *from, size_t len)
{
	const uint8_t *at = from;
	uint8_t *data;

	while (len) {
		size_t n = piece(place, len, &data);

		memcpy(data, at, n);
		at += n;
		len -= n;
	}
}

/* ---- life ------------------------------------------------------------------------------ */

void store_init(struct store *store, void *memory, size_t bytes)
{
	size_t n_buckets = 1, table;

	while (n_buckets * 2 * CHUNKS_PER_BUCKET * STORE_CHUNK <= bytes)
		n_buckets *= 2;
	table = (n_buckets * sizeof(uint32_t) + STORE_CHUNK - 1) / STORE_CHUNK;
	*store = (struct store){
		.chunks = memory,
		.n_chunks = (uint32_t)(bytes / STORE_CHUNK - table),
		.n_buckets = (uint32_t)n_buckets,
	};
	store->buckets = (uint32_t *)(void *)(store->chunks + store->n_chunks);
	store_clear(store);
}

void store_clear(struct store *store)
{
	memset(store->buckets, 0, store->n_buckets * sizeof(*store->buckets));
	memset(store->queue, 0, sizeof(store->queue));
	store->free = 0;
	store->unused = 1;
	store->n_used = store->n_entries = 0;
}

size_t store_bytes(const struct store *store)
{
	return (size_t)store->n_used * STORE_CHUNK + store->n_buckets * sizeof(*store->buckets);
}
