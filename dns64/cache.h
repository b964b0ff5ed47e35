/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Answers in wire form, shared by all workers. The cache is cut into shards,
 * each with its lock, its table and its share of the bytes; within a shard the
 * entry that was not asked for the longest time goes first.
 */
#ifndef DNS64_CACHE_H
#define DNS64_CACHE_H

#include <stdbool.h>
#include <stdint.h>

#include "reply.h"

struct cache;
struct key;

/**
 * cache_new() - an empty cache.
 * @size:	bytes it may take, tables included; 0 = it keeps nothing.
 * Return: the cache, owned by the caller, or NULL when out of memory.
 */
struct cache *cache_new(uint64_t size);

/**
 * cache_get() - look up the answer to a question.
 * @now_ms:	loop_now_ms().
 * @answer:	its wire is set; on a hit it is filled in, TTLs counted down.
 * Return: was it there, and not too old?
 */
bool cache_get(struct cache *cache, const struct key *key, int64_t now_ms,
	       struct answer *answer);

/** cache_put() - keep a copy of @answer for its lifetime; replaces an older one. */
void cache_put(struct cache *cache, const struct key *key, int64_t now_ms,
	       const struct answer *answer);

/** cache_flush() - forget everything. Return: how many answers that were. */
size_t cache_flush(struct cache *cache);

/** cache_flush_name() - the same for @name, all its types; @below: and for what is below it. */
size_t cache_flush_name(struct cache *cache, const struct name *name, bool below);

struct cache_usage {
	uint64_t entries, bytes, bytes_max;
};

/** cache_usage() - what is in use now, any thread. */
void cache_usage(struct cache *cache, struct cache_usage *out);

/** cache_free() - NULL is allowed. */
void cache_free(struct cache *cache);

#endif
