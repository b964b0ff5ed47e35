/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where the cache keeps its entries: one piece of memory that is never exceeded,
 * cut into chunks of a cache line. An entry is a chunk for itself and a chain of
 * them for what it holds, so that nothing is ever fragmented and to forget all
 * costs no more than to clear the table. One store is a shard of the cache, and
 * under its lock.
 *
 * When there is no room, the entry goes that was not asked for the longest time
 * among those asked for once; only then one that has proven itself by a second
 * time. Those may take up to STORE_PROVEN_PERCENT: whatever number of names is
 * asked for once, it does not push them out (a segmented LRU).
 */
#ifndef DNS64_STORE_H
#define DNS64_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct key;

enum {
	STORE_CHUNK = 64,		/* bytes */
	STORE_CHUNK_DATA = STORE_CHUNK - 4,
	STORE_PROVEN_PERCENT = 80,
};

enum store_queue { STORE_ONCE, STORE_PROVEN, STORE_QUEUES };

/* An entry: one chunk. What stands above the line belongs to the store. */
struct entry {
	uint32_t next;			/* chunk of what it holds; 0 = none, as for all of these */
	uint32_t in_bucket;
	uint32_t newer, older;		/* in its queue */
	uint32_t hash;			/* part of its key's */
	uint16_t type;
	uint8_t variant;
	uint8_t queue;			/* enum store_queue */
	uint16_t n_chunks;		/* of all of it */
	/* ---- the cache's own; zero in a new entry */
	uint16_t wire_len, n_ttls;
	uint16_t hold_s;		/* after asking has failed */
	uint32_t lifetime_s;		/* of the answer; 0 = there is none, asking has failed */
	uint8_t n_failed;		/* in a row */
	uint8_t hits;			/* since it was made; stops at its maximum */
	bool renewing;			/* somebody was told to ask again */
	bool bogus;			/* an answer since did not validate */
	int64_t made_ms, failed_ms;
	int16_t failed_ede;		/* enum reply_ede */
};

/* The first of an entry, or one of the chain behind it */
union chunk {
	struct {
		uint32_t next;		/* the same as entry.next */
		uint8_t data[STORE_CHUNK_DATA];
	};
	struct entry entry;
};

_Static_assert(sizeof(union chunk) == STORE_CHUNK, "chunks are as big as they are said to be");

struct store {
	union chunk *chunks;		/* [0] is never used */
	uint32_t *buckets;
	uint32_t n_chunks, n_buckets;	/* n_buckets: a power of two */
	uint32_t free;			/* first of the chunks that were given back */
	uint32_t unused;		/* this one and all behind it never were in use */
	uint32_t n_used, n_entries;
	struct {
		uint32_t newest, oldest, n_chunks;
	} queue[STORE_QUEUES];
};

/**
 * store_init() - an empty store.
 * @memory:	zeros, aligned to STORE_CHUNK, borrowed; pages that are not needed yet are not
 *		touched.
 * @bytes:	how much that is; all the store ever takes.
 */
void store_init(struct store *store, void *memory, size_t bytes);

/** store_clear() - forget every entry. */
void store_clear(struct store *store);

/** store_bytes() - in use, the table included. */
size_t store_bytes(const struct store *store);

/** store_find() - the entry for @key, or NULL. */
struct entry *store_find(struct store *store, const struct key *key);

/**
 * store_add() - a new entry for @key, which has none.
 * @bytes:	what it is to hold, to be written with store_write(). What it holds begins
 *		with a message (header, question), by whose name it is found.
 * @n_evicted:	how many went to make room; added to.
 * Return: NULL when it would take more than an eighth of the store.
 */
struct entry *store_add(struct store *store, const struct key *key, size_t bytes,
			size_t *n_evicted);

/** store_remove() - forget @entry. */
void store_remove(struct store *store, struct entry *entry);

/** store_touch() - it was asked for: the last to go, among those of its queue. */
void store_touch(struct store *store, struct entry *entry, enum store_queue queue);

/* A place in what an entry holds */
struct store_place {
	struct store *store;
	uint32_t chunk;
	uint32_t at;			/* bytes into it */
};

/** store_place() - the place @skip bytes in. */
struct store_place store_place(struct store *store, const struct entry *entry, size_t skip);

/** store_read(), store_write() - copy bytes out or in; the place moves behind them. */
void store_read(struct store_place *place, void *to, size_t len);
void store_write(struct store_place *place, const void *from, size_t len);

/**
 * store_remove_if() - forget what @match says, of a part of the store.
 * @from:	0 at first, then what the last call returned.
 * Return: where to go on; 0 = that was all.
 */
typedef bool store_match_fn(void *arg, struct store *store, const struct entry *entry);
uint32_t store_remove_if(struct store *store, uint32_t from, store_match_fn *match, void *arg,
			 size_t *n_removed);

#endif
