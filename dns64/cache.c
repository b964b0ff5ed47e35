/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The cache of answers. An entry is one allocation: the structure, the offsets
 * of its TTLs, the folded name, the message. A hit is a look-up under the
 * shard's lock, a copy, and TTLs counted down outside of it.
 */
#include "cache.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "../core/cursor.h"
#include "../core/stats.h"
#include "key.h"

enum {
	SHARDS_MAX = 64,
	SHARD_MIN_BYTES = 256 * 1024,	/* smaller shards would keep too few entries */
	BUCKET_PER_BYTES = 512,		/* about one bucket an entry */
	ENTRY_MAX_SHARE = 8,		/* no entry takes more of its shard than an eighth */
	MALLOC_OVERHEAD = 16,
};

struct entry {
	LIST_ENTRY(entry) in_bucket;
	TAILQ_ENTRY(entry) in_use;	/* most recently used first */
	uint64_t hash;
	int64_t made_ms, expires_ms;
	uint32_t bytes;			/* all of it, as counted against the size */
	uint16_t type;
	uint8_t variant;
	uint8_t rcode;
	bool secure, synthesised;
	int16_t ede;
	uint8_t name_len;
	uint16_t n_ttls, wire_len, additional_at;
	struct answer_rounds rounds;
	uint8_t data[];			/* n_ttls offsets of 2 bytes, name, wire */
};

LIST_HEAD(bucket, entry);
TAILQ_HEAD(use_list, entry);

struct shard {
	pthread_mutex_t lock;
	struct bucket *buckets;
	size_t n_buckets;		/* a power of two */
	struct use_list used;
	uint64_t bytes, bytes_max, entries;
};

struct cache {
	size_t n_shards;		/* a power of two; 0 = keeps nothing */
	struct shard shards[];
};

static struct shard *shard_of(struct cache *cache, uint64_t hash)
{
	return &cache->shards[hash >> 58 & (cache->n_shards - 1)];
}

static struct bucket *bucket_of(struct shard *shard, uint64_t hash)
{
	return &shard->buckets[hash & (shard->n_buckets - 1)];
}

static uint8_t *entry_name(struct entry *entry)
{
	return entry->data + 2u * entry->n_ttls;
}

static uint8_t *entry_wire(struct entry *entry)
{
	return entry_name(entry) + entry->name_len;
}

static struct entry *find(struct shard *shard, const struct key *key)
{
	struct entry *entry;

	LIST_FOREACH(entry, bucket_of(shard, key->hash), in_bucket) {
		if (entry->hash == key->hash && entry->type == key->type &&
		    entry->variant == key->variant && entry->name_len == key->name_len &&
		    memcmp(entry_name(entry), key->name, key->name_len) == 0)
			return entry;
	}
	return NULL;
}

/* Is it an answer to @wanted; @below: or to a name below it? */
static bool is_of(struct entry *entry, const struct name *wanted, bool below)
{
	struct name name;

	return name_from_wire(&name, entry_name(entry)) && name_below(&name, wanted) &&
	       (below || name.len == wanted->len);
}

static void forget(struct shard *shard, struct entry *entry)
{
	LIST_REMOVE(entry, in_bucket);
	TAILQ_REMOVE(&shard->used, entry, in_use);
	shard->bytes -= entry->bytes;
	shard->entries--;
	free(entry);
}

static size_t table_bytes(const struct shard *shard)
{
	return shard->n_buckets * sizeof(*shard->buckets);
}

static bool is_too_big(const struct shard *shard, const struct entry *entry)
{
	size_t table = table_bytes(shard);

	return shard->bytes_max < table ||
	       entry->bytes > (shard->bytes_max - table) / ENTRY_MAX_SHARE;
}

static int shard_init(struct shard *shard, uint64_t bytes_max)
{
	size_t n = 1;

	while (n * BUCKET_PER_BYTES < bytes_max)
		n *= 2;
	shard->buckets = calloc(n, sizeof(*shard->buckets));
	if (!shard->buckets)
		return -ENOMEM;
	shard->n_buckets = n;
	shard->bytes = table_bytes(shard);
	shard->bytes_max = bytes_max;
	TAILQ_INIT(&shard->used);
	pthread_mutex_init(&shard->lock, NULL);
	return 0;
}

struct cache *cache_new(uint64_t size)
{
	struct cache *cache;
	size_t n = 0;

	if (size)
		for (n = 1; n < SHARDS_MAX && size / (n * 2) >= SHARD_MIN_BYTES;)
			n *= 2;
	cache = calloc(1, sizeof(*cache) + n * sizeof(cache->shards[0]));
	if (!cache)
		return NULL;
	for (; cache->n_shards < n; cache->n_shards++) {
		if (shard_init(&cache->shards[cache->n_shards], size / n) < 0) {
			cache_free(cache);
			return NULL;
		}
	}
	return cache;
}

static void copy_out(struct entry *entry, struct answer *answer, uint16_t *ttl_at)
{
	answer->len = entry->wire_len;
	answer->additional_at = entry->additional_at;
	answer->rcode = entry->rcode;
	answer->secure = entry->secure;
	answer->synthesised = entry->synthesised;
	answer->ede = (enum reply_ede)(int)entry->ede;
	answer->rounds = entry->rounds;
	memcpy(answer->wire, entry_wire(entry), entry->wire_len);
	memcpy(ttl_at, entry->data, 2u * entry->n_ttls);
}

static void count_down(uint8_t *wire, const uint16_t *ttl_at, size_t n, uint32_t age_s)
{
	for (size_t i = 0; i < n; i++) {
		struct cursor c = cursor_init(wire + ttl_at[i], 4);
		uint32_t ttl_s = cursor_u32(&c);

		ttl_s = ttl_s > age_s ? ttl_s - age_s : 0;
		for (int byte = 0; byte < 4; byte++)
			wire[ttl_at[i] + byte] = (uint8_t)(ttl_s >> (24 - 8 * byte));
	}
}

bool cache_get(struct cache *cache, const struct key *key, int64_t now_ms,
	       struct answer *answer)
{
	uint16_t ttl_at[MESSAGE_RRS_MAX];
	size_t n_ttls = 0;
	int64_t made_ms = 0;
	struct entry *entry;
	struct shard *shard;

	if (!cache->n_shards)
		return false;
	shard = shard_of(cache, key->hash);

	pthread_mutex_lock(&shard->lock);
	entry = find(shard, key);
	if (entry && entry->expires_ms <= now_ms) {
		forget(shard, entry);
		entry = NULL;
	}
	if (entry) {
		TAILQ_REMOVE(&shard->used, entry, in_use);
		TAILQ_INSERT_HEAD(&shard->used, entry, in_use);
		copy_out(entry, answer, ttl_at);
		n_ttls = entry->n_ttls;
		made_ms = entry->made_ms;
	}
	pthread_mutex_unlock(&shard->lock);

	if (entry)
		count_down(answer->wire, ttl_at, n_ttls, (uint32_t)((now_ms - made_ms) / 1000));
	return entry != NULL;
}

/* An entry that is in no table yet; NULL when the answer cannot be kept. */
static struct entry *entry_new(const struct key *key, int64_t now_ms, const struct answer *answer)
{
	struct message message;
	struct entry *entry;
	size_t bytes;

	if (!message_read(&message, answer->wire, answer->len))
		return NULL;
	bytes = sizeof(*entry) + 2 * message.n + key->name_len + answer->len;
	entry = malloc(bytes);
	if (!entry)
		return NULL;
	*entry = (struct entry){
		.hash = key->hash,
		.made_ms = now_ms,
		.expires_ms = now_ms + (int64_t)answer->lifetime_s * 1000,
		.bytes = (uint32_t)(bytes + MALLOC_OVERHEAD),
		.type = key->type,
		.variant = key->variant,
		.rcode = answer->rcode,
		.secure = answer->secure,
		.synthesised = answer->synthesised,
		.ede = (int16_t)answer->ede,
		.rounds = answer->rounds,
		.name_len = key->name_len,
		.n_ttls = (uint16_t)message.n,
		.wire_len = (uint16_t)answer->len,
		.additional_at = (uint16_t)answer->additional_at,
	};
	for (size_t i = 0; i < message.n; i++) {
		uint16_t ttl_at = (uint16_t)(message.rr[i].rdata_at - 6);

		memcpy(entry->data + 2 * i, &ttl_at, sizeof(ttl_at));
	}
	memcpy(entry_name(entry), key->name, key->name_len);
	memcpy(entry_wire(entry), answer->wire, answer->len);
	return entry;
}

void cache_put(struct cache *cache, const struct key *key, int64_t now_ms,
	       const struct answer *answer)
{
	struct entry *entry, *old;
	struct shard *shard;
	uint64_t evicted = 0;

	if (!cache->n_shards || answer->lifetime_s == 0)
		return;
	entry = entry_new(key, now_ms, answer);
	if (!entry)
		return;
	shard = shard_of(cache, key->hash);
	if (is_too_big(shard, entry)) {
		free(entry);
		return;
	}

	pthread_mutex_lock(&shard->lock);
	old = find(shard, key);
	if (old)
		forget(shard, old);
	while (shard->bytes + entry->bytes > shard->bytes_max) {
		/* The analyser cannot follow the back pointers of the lists. */
		/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
		forget(shard, TAILQ_LAST(&shard->used, use_list));
		evicted++;
	}
	LIST_INSERT_HEAD(bucket_of(shard, key->hash), entry, in_bucket);
	TAILQ_INSERT_HEAD(&shard->used, entry, in_use);
	shard->bytes += entry->bytes;
	shard->entries++;
	pthread_mutex_unlock(&shard->lock);
	stats_add(STAT_DNS_CACHE_EVICTED, evicted);
}

static size_t flush(struct cache *cache, const struct name *name, bool below)
{
	size_t n = 0;

	for (size_t i = 0; i < cache->n_shards; i++) {
		struct shard *shard = &cache->shards[i];
		struct entry *entry, *next;

		pthread_mutex_lock(&shard->lock);
		for (entry = TAILQ_FIRST(&shard->used); entry; entry = next) {
			next = TAILQ_NEXT(entry, in_use);
			if (name && !is_of(entry, name, below))
				continue;
			forget(shard, entry);
			n++;
		}
		pthread_mutex_unlock(&shard->lock);
	}
	return n;
}

size_t cache_flush(struct cache *cache)
{
	return flush(cache, NULL, false);
}

size_t cache_flush_name(struct cache *cache, const struct name *name, bool below)
{
	return flush(cache, name, below);
}

void cache_usage(struct cache *cache, struct cache_usage *out)
{
	*out = (struct cache_usage){ 0 };
	for (size_t i = 0; i < cache->n_shards; i++) {
		struct shard *shard = &cache->shards[i];

		pthread_mutex_lock(&shard->lock);
		out->entries += shard->entries;
		out->bytes += shard->bytes;
		out->bytes_max += shard->bytes_max;
		pthread_mutex_unlock(&shard->lock);
	}
}

void cache_free(struct cache *cache)
{
	if (!cache)
		return;
	cache_flush(cache);
	for (size_t i = 0; i < cache->n_shards; i++) {
		pthread_mutex_destroy(&cache->shards[i].lock);
		free(cache->shards[i].buckets);
	}
	free(cache);
}
