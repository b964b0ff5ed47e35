/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The cache of answers: how they age. A hit is a look-up under the shard's lock,
 * a copy, and TTLs counted down outside of it.
 *
 * What an entry holds in its store: the message, its question in lower case; the
 * offsets of its TTLs; struct answer. An entry that holds no answer, because none
 * was ever to be had, has a message of header and question.
 */
#include "cache.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "../core/cursor.h"
#include "../core/stats.h"
#include "codes.h"
#include "key.h"
#include "store.h"

enum {
	SHARDS_MAX = 64,
	SHARD_MIN_BYTES = 256 * 1024,	/* smaller shards would keep too few entries */
	CACHE_LINE = 64,
	HITS_MAX = UINT8_MAX,
};

struct shard {
	_Alignas(CACHE_LINE) pthread_mutex_t lock;
	unsigned int generation;	/* the cache's, as of the last time it was cleared */
	struct store store;
};

struct cache {
	size_t n_shards;		/* a power of two; 0 = keeps nothing */
	uint64_t size;
	uint8_t *memory;
	_Atomic unsigned int generation;	/* what is of an earlier one is forgotten */
	_Atomic uint32_t stale_s;
	_Atomic bool renew;
	_Atomic int64_t retry_ms;	/* failures of before count no more */
	_Atomic int64_t probe_ms;	/* while all fails: when one may be asked all the same */
	struct shard shards[];
};

/* ---- shards ---------------------------------------------------------------------- */

static struct shard *shard_lock(struct cache *cache, size_t i)
{
	struct shard *shard = &cache->shards[i];
	unsigned int generation;

	pthread_mutex_lock(&shard->lock);
	generation = atomic_load(&cache->generation);
	if (shard->generation != generation) {
		store_clear(&shard->store);
		shard->generation = generation;
	}
	return shard;
}

static struct shard *shard_of(struct cache *cache, const struct key *key)
{
	return shard_lock(cache, key->hash >> 58 & (cache->n_shards - 1));
}

struct cache *cache_new(uint64_t size)
{
	size_t n = size >= SHARD_MIN_BYTES, bytes;
	struct cache *cache;

	while (n && n < SHARDS_MAX && size / (n * 2) >= SHARD_MIN_BYTES)
		n *= 2;
	cache = aligned_alloc(CACHE_LINE, sizeof(*cache) + n * sizeof(cache->shards[0]));
	if (!cache)
		return NULL;
	memset(cache, 0, sizeof(*cache) + n * sizeof(cache->shards[0]));
	atomic_init(&cache->retry_ms, INT64_MIN);
	atomic_init(&cache->probe_ms, INT64_MAX);
	if (!n)
		return cache;
	bytes = size / n / STORE_CHUNK * STORE_CHUNK;
	cache->memory = mmap(NULL, bytes * n, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (cache->memory == MAP_FAILED) {
		free(cache);
		return NULL;
	}
	cache->size = bytes * n;
	for (; cache->n_shards < n; cache->n_shards++) {
		struct shard *shard = &cache->shards[cache->n_shards];

		store_init(&shard->store, cache->memory + cache->n_shards * bytes, bytes);
		pthread_mutex_init(&shard->lock, NULL);
	}
	return cache;
}

void cache_set_policy(struct cache *cache, const struct cache_policy *policy)
{
	atomic_store(&cache->stale_s, policy->stale_s);
	atomic_store(&cache->renew, policy->renew);
}

void cache_all_fail(struct cache *cache, int64_t now_ms)
{
	int64_t never = INT64_MAX;

	atomic_compare_exchange_strong(&cache->probe_ms, &never, now_ms + CACHE_PROBE_MS);
}

void cache_retry(struct cache *cache, int64_t now_ms)
{
	atomic_store(&cache->probe_ms, INT64_MAX);
	atomic_store(&cache->retry_ms, now_ms);
}

/* ---- ageing ------------------------------------------------------------------------ */

static int64_t expires_ms(const struct entry *entry)
{
	return entry->made_ms + (int64_t)entry->lifetime_s * 1000;
}

static bool is_fresh(const struct entry *entry, int64_t now_ms)
{
	return now_ms < expires_ms(entry);
}

static bool may_be_stale(struct cache *cache, const struct entry *entry, int64_t now_ms)
{
	int64_t stale_ms = (int64_t)atomic_load_explicit(&cache->stale_s, memory_order_relaxed) *
			   1000;

	return entry->lifetime_s && now_ms < expires_ms(entry) + stale_ms;
}

/*
 * What did not validate is not answered with what did before, though servers be silent since:
 * who forges would only have to be patient, or to see to that.
 */
static bool may_be_given(struct cache *cache, const struct entry *entry, int64_t now_ms)
{
	return may_be_stale(cache, entry, now_ms) && !entry->bogus;
}

static bool is_bogus(enum reply_ede ede)
{
	return ede >= REPLY_EDE_BOGUS && ede <= REPLY_EDE_NO_ZONE_KEY_BIT;
}

/* It is to find out whether anybody is there again. RFC 9520 3.2: never within a second. */
static bool may_probe(struct cache *cache, const struct entry *entry, int64_t now_ms)
{
	int64_t probe_ms = atomic_load_explicit(&cache->probe_ms, memory_order_relaxed);

	return now_ms >= probe_ms && now_ms >= entry->failed_ms + CACHE_PROBE_MS &&
	       atomic_compare_exchange_strong(&cache->probe_ms, &probe_ms,
					      now_ms + CACHE_PROBE_MS);
}

/* Has asking failed so lately that it is not to be tried again yet? */
static bool is_held(struct cache *cache, const struct entry *entry, int64_t now_ms)
{
	return entry->n_failed && now_ms < entry->failed_ms + entry->hold_s * 1000 &&
	       entry->failed_ms >= atomic_load_explicit(&cache->retry_ms,
							memory_order_relaxed) &&
	       !may_probe(cache, entry, now_ms);
}

static enum cache_outcome judge(struct cache *cache, const struct entry *entry, int64_t now_ms)
{
	bool held;

	if (is_fresh(entry, now_ms))
		return CACHE_HIT;
	held = is_held(cache, entry, now_ms);
	if (may_be_given(cache, entry, now_ms))
		return held ? CACHE_STALE_HELD : CACHE_STALE;
	return held ? CACHE_FAILED : CACHE_MISS;
}

/* Is it time to ask for it again, before anybody has to wait for that? */
static bool is_to_renew(struct cache *cache, const struct entry *entry, int64_t now_ms)
{
	int64_t left_ms = expires_ms(entry) - now_ms;

	return !entry->renewing && entry->hits >= CACHE_RENEW_HITS &&
	       left_ms * CACHE_RENEW_PART <= (int64_t)entry->lifetime_s * 1000 &&
	       atomic_load_explicit(&cache->renew, memory_order_relaxed);
}

/* ---- out ----------------------------------------------------------------------------- */

/* What is copied out of a shard, to be worked on without its lock */
struct copy {
	uint16_t ttl_at[MESSAGE_RRS_MAX];
	size_t n_ttls;
	int64_t age_s;
};

static void copy_out(struct shard *shard, const struct entry *entry, int64_t now_ms,
		     struct answer *answer, struct copy *copy)
{
	struct store_place place = store_place(&shard->store, entry, 0);
	uint8_t *wire = answer->wire;

	store_read(&place, wire, entry->wire_len);
	store_read(&place, copy->ttl_at, entry->n_ttls * sizeof(copy->ttl_at[0]));
	store_read(&place, answer, sizeof(*answer));
	answer->wire = wire;
	copy->n_ttls = entry->n_ttls;
	copy->age_s = (now_ms - entry->made_ms) / 1000;
}

/* @expired_s: the TTL of what has expired */
static void count_down(struct answer *answer, const struct copy *copy, uint32_t expired_s)
{
	uint32_t age_s = copy->age_s < UINT32_MAX ? (uint32_t)copy->age_s : UINT32_MAX;

	for (size_t i = 0; i < copy->n_ttls; i++) {
		uint8_t *at = answer->wire + copy->ttl_at[i];
		struct cursor c = cursor_init(at, 4);
		uint32_t ttl_s = cursor_u32(&c);

		ttl_s = ttl_s > age_s ? ttl_s - age_s : expired_s;
		for (int byte = 0; byte < 4; byte++)	/* the caller's wire is never NULL: */
			/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference) */
			at[byte] = (uint8_t)(ttl_s >> (24 - 8 * byte));
	}
}

/*
 * RFC 8767 4: what has expired gets a TTL of 30 s, the rest what is left of its own; RFC 8914
 * 4.4, 4.20 tell of it. Nobody has looked at the signatures again, so nobody vouches for them.
 */
static void make_stale(struct answer *answer, const struct copy *copy)
{
	count_down(answer, copy, CACHE_STALE_TTL_S);
	answer->also = answer->rcode == LDNS_RCODE_NXDOMAIN ? REPLY_EDE_STALE_NXDOMAIN :
							      REPLY_EDE_STALE;
	answer->secure = false;
}

enum cache_outcome cache_get(struct cache *cache, const struct key *key, int64_t now_ms,
			     struct answer *answer)
{
	enum cache_outcome outcome = CACHE_MISS;
	struct entry *entry;
	struct shard *shard;
	struct copy copy;

	if (!cache->n_shards)
		return CACHE_MISS;
	shard = shard_of(cache, key);
	entry = store_find(&shard->store, key);
	if (entry)
		outcome = judge(cache, entry, now_ms);
	if (entry && outcome != CACHE_MISS) {
		if (entry->hits < HITS_MAX)
			entry->hits++;
		store_touch(&shard->store, entry, STORE_PROVEN);
	}
	if (outcome == CACHE_HIT && is_to_renew(cache, entry, now_ms)) {
		entry->renewing = true;
		outcome = CACHE_HIT_RENEW;
	}
	if (outcome == CACHE_FAILED)
		answer->ede = (enum reply_ede)(int)entry->failed_ede;
	else if (outcome != CACHE_MISS)
		copy_out(shard, entry, now_ms, answer, &copy);
	pthread_mutex_unlock(&shard->lock);

	if (outcome == CACHE_STALE || outcome == CACHE_STALE_HELD)
		make_stale(answer, &copy);
	else if (outcome == CACHE_HIT || outcome == CACHE_HIT_RENEW)
		count_down(answer, &copy, 0);
	return outcome;
}

void cache_look(struct cache *cache, const struct key *key, int64_t now_ms,
		struct cache_look *out)
{
	const struct entry *entry;
	struct shard *shard;

	*out = (struct cache_look){ 0 };
	if (!cache->n_shards)
		return;
	shard = shard_of(cache, key);
	entry = store_find(&shard->store, key);
	if (entry) {
		out->there = entry->lifetime_s > 0;
		out->age_s = (now_ms - entry->made_ms) / 1000;
		out->left_s = (expires_ms(entry) - now_ms) / 1000;
		out->hits = entry->hits;
		out->n_failed = entry->n_failed;
		out->failed_age_s = (now_ms - entry->failed_ms) / 1000;
		out->hold_left_s = (entry->failed_ms + entry->hold_s * 1000 - now_ms) / 1000;
	}
	pthread_mutex_unlock(&shard->lock);
}

bool cache_get_instead(struct cache *cache, const struct key *key, int64_t now_ms,
		       struct answer *answer)
{
	struct answer found = { .wire = answer->wire };
	enum cache_outcome outcome = cache_get(cache, key, now_ms, &found);

	if (outcome == CACHE_MISS || outcome == CACHE_FAILED)
		return false;
	*answer = found;
	return true;
}

/* ---- in -------------------------------------------------------------------------------- */

/* An entry that holds @answer, in the place of the one that was there. NULL: too big. */
static struct entry *replace(struct shard *shard, const struct key *key, int64_t now_ms,
			     const struct answer *answer, const struct message *message)
{
	size_t len = answer->len + message->n * sizeof(uint16_t) + sizeof(*answer), evicted = 0;
	struct entry *entry = store_find(&shard->store, key);
	enum store_queue queue = entry ? (enum store_queue)entry->queue : STORE_ONCE;
	struct store_place place;

	if (entry)
		store_remove(&shard->store, entry);
	entry = store_add(&shard->store, key, len, &evicted);
	stats_add(STAT_DNS_CACHE_EVICTED, evicted);
	if (!entry)
		return NULL;
	entry->made_ms = now_ms;
	entry->wire_len = (uint16_t)answer->len;
	entry->n_ttls = (uint16_t)message->n;
	place = store_place(&shard->store, entry, 0);
	store_write(&place, answer->wire, answer->len);
	for (size_t i = 0; i < message->n; i++) {
		uint16_t ttl_at = (uint16_t)(message->rr[i].rdata_at - 6);

		store_write(&place, &ttl_at, sizeof(ttl_at));
	}
	store_write(&place, answer, sizeof(*answer));
	place = store_place(&shard->store, entry, MESSAGE_HEADER_LEN);
	store_write(&place, key->name, key->name_len);
	store_touch(&shard->store, entry, queue);
	return entry;
}

/* RFC 8767 4: an answer is news, even one that is not to be kept: the old one is over. */
static void oust(struct shard *shard, const struct key *key)
{
	struct entry *entry = store_find(&shard->store, key);

	if (entry)
		store_remove(&shard->store, entry);
}

void cache_put(struct cache *cache, const struct key *key, int64_t now_ms,
	       const struct answer *answer)
{
	struct message message;
	struct shard *shard;
	struct entry *entry;

	if (!cache->n_shards || !message_read(&message, answer->wire, answer->len))
		return;
	shard = shard_of(cache, key);
	if (answer->lifetime_s == 0) {
		oust(shard, key);
		pthread_mutex_unlock(&shard->lock);
		return;
	}
	entry = replace(shard, key, now_ms, answer, &message);
	if (entry)
		entry->lifetime_s = answer->lifetime_s;
	pthread_mutex_unlock(&shard->lock);
}

/* RFC 9520 3.2: 2, 4, 8 ... 300 s, as long as the failures follow one upon another. */
static void note_failure(struct cache *cache, struct entry *entry, int64_t now_ms,
			 enum reply_ede ede)
{
	int64_t forgotten_ms = entry->failed_ms + (entry->hold_s + CACHE_FAILED_MAX_S) * 1000;
	uint32_t hold_s = CACHE_FAILED_MIN_S;

	if (entry->n_failed && now_ms >= forgotten_ms)
		entry->n_failed = 0;
	for (int i = 0; i < entry->n_failed && hold_s < CACHE_FAILED_MAX_S; i++)
		hold_s *= 2;
	if (hold_s > CACHE_FAILED_MAX_S)
		hold_s = CACHE_FAILED_MAX_S;
	if (entry->n_failed < UINT8_MAX)
		entry->n_failed++;
	entry->failed_ms = now_ms;
	entry->failed_ede = (int16_t)ede;
	entry->bogus = entry->bogus || is_bogus(ede);
	/* RFC 8767 5, if until then there is what to give */
	if (may_be_given(cache, entry, now_ms + CACHE_RECHECK_S * 1000))
		hold_s = CACHE_RECHECK_S;
	entry->hold_s = (uint16_t)hold_s;
}

/* The entry to which a failure is noted down. NULL: there is no room for one. */
static struct entry *entry_of_failure(struct cache *cache, struct shard *shard,
				      const struct key *key, int64_t now_ms,
				      const struct answer *answer)
{
	static const struct message nothing;
	struct entry *entry = store_find(&shard->store, key), before = { .n_failed = 0 };

	if (entry && (may_be_stale(cache, entry, now_ms) || !entry->lifetime_s))
		return entry;
	if (entry)
		before = *entry;
	entry = replace(shard, key, now_ms, answer, &nothing);
	if (!entry)
		return NULL;
	entry->n_failed = before.n_failed;
	entry->hold_s = before.hold_s;
	entry->failed_ms = before.failed_ms;
	return entry;
}

void cache_put_failure(struct cache *cache, const struct key *key, int64_t now_ms,
		       const struct answer *answer)
{
	struct entry *entry;
	struct shard *shard;

	if (!cache->n_shards || answer->lifetime_s == 0)
		return;
	shard = shard_of(cache, key);
	entry = entry_of_failure(cache, shard, key, now_ms, answer);
	if (entry)
		note_failure(cache, entry, now_ms, answer->ede);
	pthread_mutex_unlock(&shard->lock);
}

/* ---- forgetting --------------------------------------------------------------------------- */

size_t cache_flush(struct cache *cache)
{
	struct cache_usage usage;

	cache_usage(cache, &usage);
	atomic_fetch_add(&cache->generation, 1);
	return usage.entries;
}

/* What is to be forgotten: an answer to the name; below: or to one below it */
struct match {
	const struct name *name;
	bool below;
};

static bool is_of(void *arg, struct store *store, const struct entry *entry)
{
	struct store_place place = store_place(store, entry, MESSAGE_HEADER_LEN);
	const struct match *match = arg;
	uint8_t wire[NAME_WIRE_MAX] = { 0 };
	size_t len = entry->wire_len - MESSAGE_HEADER_LEN;
	struct name name;

	store_read(&place, wire, len < sizeof(wire) ? len : sizeof(wire));
	return name_from_wire(&name, wire) && name_below(&name, match->name) &&
	       (match->below || name.len == match->name->len);
}

size_t cache_flush_name(struct cache *cache, const struct name *name, bool below)
{
	struct match match = { name, below };
	size_t n = 0;

	for (size_t i = 0; i < cache->n_shards; i++) {
		uint32_t from = 0;

		do {
			struct shard *shard = shard_lock(cache, i);

			from = store_remove_if(&shard->store, from, is_of, &match, &n);
			pthread_mutex_unlock(&shard->lock);
		} while (from);
	}
	return n;
}

void cache_usage(struct cache *cache, struct cache_usage *out)
{
	*out = (struct cache_usage){ .bytes_max = cache->size };
	for (size_t i = 0; i < cache->n_shards; i++) {
		struct shard *shard = shard_lock(cache, i);

		out->entries += shard->store.n_entries;
		out->bytes += store_bytes(&shard->store);
		pthread_mutex_unlock(&shard->lock);
	}
}

void cache_free(struct cache *cache)
{
	if (!cache)
		return;
	for (size_t i = 0; i < cache->n_shards; i++)
		pthread_mutex_destroy(&cache->shards[i].lock);
	if (cache->memory)
		munmap(cache->memory, cache->size);
	free(cache);
}
