/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A client's entry is found in hash stripes; each of its sessions refers to it, and the
 * last one takes it away. All its counters are atomic: a stripe is locked only to find it,
 * and to remove it.
 */
#include "limits.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "../core/addr.h"
#include "../core/config.h"
#include "../core/leaders.h"
#include "../core/siphash.h"
#include "hash.h"
#include "slab.h"

enum {
	STRIPES = 64,
	BURST_S = 2,		/* of new_per_client */
};

#define NS_PER_S INT64_C(1000000000)
#define NS_PER_MS INT64_C(1000000)

struct client {
	struct hash_node node;
	struct in6_addr addr;		/* its bits after the prefix are zero */
	/* When all that was opened would be paid for, at the rate allowed (the generic cell
	 * rate algorithm of ITU-T I.371): the one number a token bucket needs. */
	_Atomic int64_t paid_ns;
	_Atomic uint32_t sessions;	/* each is a reference */
	_Atomic uint32_t half_open;
	uint8_t prefix_len;
};

struct stripe {
	pthread_mutex_t mutex;
	struct hash hash;
	struct slab slab;
} __attribute__((aligned(64)));

struct limits {
	struct stripe stripes[STRIPES];
	struct siphash_key key;
	struct hash_type type;
	uint32_t sessions_max, client_max, half_open_max, client_half_open_max;
	int64_t interval_ns;		/* between new sessions of one client */
	uint8_t prefix_len;
	_Atomic uint64_t sessions, half_open, n;
};

static uint64_t hash_addr(const struct limits *limits, const struct in6_addr *addr,
			  uint8_t prefix_len)
{
	uint64_t words[3] = { 0, 0, prefix_len };

	memcpy(words, addr, 16);
	return siphash13(&limits->key, words, 3);
}

static struct client *entry(const struct hash_node *node)
{
	return HASH_ENTRY(node, struct client, node);
}

static uint64_t hash_of(const void *arg, const struct hash_node *node)
{
	return hash_addr(arg, &entry(node)->addr, entry(node)->prefix_len);
}

static struct in6_addr masked(const struct in6_addr *addr, unsigned int len)
{
	struct in6_addr result = *addr;

	for (unsigned int i = 0; i < 16; i++) {
		unsigned int bits = len > i * 8 ? len - i * 8 : 0;

		if (bits < 8)
			result.s6_addr[i] &= (uint8_t)(0xff00u >> bits);
	}
	return result;
}

static struct client *find(const struct stripe *stripe, uint64_t hash, const struct in6_addr *addr,
			   uint8_t prefix_len)
{
	for (struct hash_node *node = hash_first(&stripe->hash, hash); node; node = node->next)
		if (entry(node)->prefix_len == prefix_len && addr_equal(&entry(node)->addr, addr))
			return entry(node);
	return NULL;
}

static struct client *create(struct limits *limits, struct stripe *stripe,
			     const struct in6_addr *addr)
{
	struct client *client = slab_alloc(&stripe->slab);

	if (!client)
		return NULL;
	client->addr = *addr;
	client->prefix_len = limits->prefix_len;
	if (hash_insert(&stripe->hash, &limits->type, &client->node) < 0) {
		slab_free(&stripe->slab, client);
		return NULL;
	}
	atomic_fetch_add_explicit(&limits->n, 1, memory_order_relaxed);
	return client;
}

/* The client of an address, with one session more, which keeps the entry there. */
static struct client *take(struct limits *limits, const struct in6_addr *inside)
{
	struct in6_addr addr = masked(inside, limits->prefix_len);
	uint64_t hash = hash_addr(limits, &addr, limits->prefix_len);
	struct stripe *stripe = &limits->stripes[hash % STRIPES];
	struct client *client;

	pthread_mutex_lock(&stripe->mutex);
	client = find(stripe, hash, &addr, limits->prefix_len);
	if (!client)
		client = create(limits, stripe, &addr);
	if (client)
		atomic_fetch_add(&client->sessions, 1);
	pthread_mutex_unlock(&stripe->mutex);
	return client;
}

static void put(struct limits *limits, struct client *client)
{
	uint64_t hash = hash_addr(limits, &client->addr, client->prefix_len);
	struct stripe *stripe = &limits->stripes[hash % STRIPES];
	uint32_t count = atomic_load(&client->sessions);

	/* Not the last one: our own reference is still there, so nobody can free it
	 * between this look and the step. */
	while (count > 1)
		if (atomic_compare_exchange_weak(&client->sessions, &count, count - 1))
			return;
	pthread_mutex_lock(&stripe->mutex);
	if (atomic_fetch_sub(&client->sessions, 1) == 1) {
		hash_remove(&stripe->hash, &limits->type, &client->node);
		slab_free(&stripe->slab, client);
		atomic_fetch_sub_explicit(&limits->n, 1, memory_order_relaxed);
	}
	pthread_mutex_unlock(&stripe->mutex);
}

/* What of a limit is for those outside: all but the last quarter */
static uint64_t share(uint64_t limit, bool from_outside)
{
	return from_outside ? limit - limit / 4 : limit;
}

/* Count first and look then, so that a limit holds whoever comes at the same time. */
static bool count64(_Atomic uint64_t *counter, uint64_t max)
{
	if (atomic_fetch_add(counter, 1) < max)
		return true;
	atomic_fetch_sub(counter, 1);
	return false;
}

static bool count32(_Atomic uint32_t *counter, uint64_t max)
{
	if (atomic_fetch_add(counter, 1) < max)
		return true;
	atomic_fetch_sub(counter, 1);
	return false;
}

/* When one session more would be paid for; 0: that is later than the burst allows. */
static int64_t price(const struct limits *limits, int64_t paid_ns, bool from_outside,
		     int64_t now_ms)
{
	int64_t now_ns = now_ms * NS_PER_MS;
	int64_t burst_ns = (int64_t)share(BURST_S * (uint64_t)NS_PER_S, from_outside);
	int64_t paid = (paid_ns > now_ns ? paid_ns : now_ns) + limits->interval_ns;

	return paid > now_ns + burst_ns ? 0 : paid;
}

/* One of the client's new sessions a second, if any is left of the burst. */
static bool pay(const struct limits *limits, struct client *client, bool from_outside,
		int64_t now_ms)
{
	int64_t was = atomic_load(&client->paid_ns), paid;

	do {
		paid = price(limits, was, from_outside, now_ms);
		if (!paid)
			return false;
	} while (!atomic_compare_exchange_weak(&client->paid_ns, &was, paid));
	return true;
}

static enum flow_result count_half_open(struct limits *limits, struct client *client,
					bool from_outside)
{
	if (!count32(&client->half_open, share(limits->client_half_open_max, from_outside)))
		return FLOW_CLIENT_HALF_OPEN;
	if (count64(&limits->half_open, share(limits->half_open_max, from_outside)))
		return FLOW_OK;
	atomic_fetch_sub(&client->half_open, 1);
	return FLOW_HALF_OPEN;
}

enum flow_result limits_admit(struct limits *limits, const struct in6_addr *inside,
			       bool from_outside, bool half_open, int64_t now_ms,
			       struct client **out)
{
	enum flow_result result = FLOW_OK;
	struct client *client;

	if (!count64(&limits->sessions, share(limits->sessions_max, from_outside)))
		return FLOW_FULL;
	client = take(limits, inside);
	if (!client) {
		atomic_fetch_sub(&limits->sessions, 1);
		return FLOW_FULL;
	}
	if (atomic_load(&client->sessions) > share(limits->client_max, from_outside))
		result = FLOW_CLIENT_FULL;
	else if (half_open)
		result = count_half_open(limits, client, from_outside);
	if (result != FLOW_OK)
		half_open = false;
	/* What was refused for another reason costs nothing of this. */
	if (result == FLOW_OK && !pay(limits, client, from_outside, now_ms))
		result = FLOW_CLIENT_RATE;
	if (result != FLOW_OK)
		limits_leave(limits, client, half_open);
	else
		*out = client;
	return result;
}

enum flow_result limits_readmit(struct limits *limits, const struct in6_addr *inside,
				struct client **out)
{
	if (!count64(&limits->sessions, limits->sessions_max))
		return FLOW_FULL;
	*out = take(limits, inside);
	if (*out)
		return FLOW_OK;
	atomic_fetch_sub(&limits->sessions, 1);
	return FLOW_FULL;
}

/* The same questions in the same order, of a client that may not be there yet */
static enum flow_result forbids(const struct limits_use *use, bool half_open, bool paid)
{
	if (use->sessions >= use->sessions_max)
		return FLOW_FULL;
	if (use->client_sessions >= use->client_sessions_max)
		return FLOW_CLIENT_FULL;
	if (half_open && use->client_half_open >= use->client_half_open_max)
		return FLOW_CLIENT_HALF_OPEN;
	if (half_open && use->half_open >= use->half_open_max)
		return FLOW_HALF_OPEN;
	return paid ? FLOW_OK : FLOW_CLIENT_RATE;
}

enum flow_result limits_preview(struct limits *limits, const struct in6_addr *inside,
				bool from_outside, bool half_open, int64_t now_ms,
				struct limits_use *use)
{
	struct in6_addr addr = masked(inside, limits->prefix_len);
	uint64_t hash = hash_addr(limits, &addr, limits->prefix_len);
	struct stripe *stripe = &limits->stripes[hash % STRIPES];
	const struct client *client;
	int64_t paid_ns = 0;

	*use = (struct limits_use){
		.sessions = atomic_load(&limits->sessions),
		.sessions_max = share(limits->sessions_max, from_outside),
		.half_open = atomic_load(&limits->half_open),
		.half_open_max = share(limits->half_open_max, from_outside),
		.client_sessions_max = share(limits->client_max, from_outside),
		.client_half_open_max = share(limits->client_half_open_max, from_outside),
	};
	pthread_mutex_lock(&stripe->mutex);
	client = find(stripe, hash, &addr, limits->prefix_len);
	if (client) {
		use->client_sessions = atomic_load(&client->sessions);
		use->client_half_open = atomic_load(&client->half_open);
		paid_ns = atomic_load(&client->paid_ns);
	}
	pthread_mutex_unlock(&stripe->mutex);
	return forbids(use, half_open, price(limits, paid_ns, from_outside, now_ms) != 0);
}

void limits_answered(struct limits *limits, struct client *client)
{
	atomic_fetch_sub(&client->half_open, 1);
	atomic_fetch_sub(&limits->half_open, 1);
}

void limits_leave(struct limits *limits, struct client *client, bool half_open)
{
	if (half_open)
		limits_answered(limits, client);
	put(limits, client);
	atomic_fetch_sub(&limits->sessions, 1);
}

/* ---- who has most ------------------------------------------------------------------ */

enum {
	TOP_LOOKS = 1 << 17,	/* at clients, about: some milliseconds */
	TOP_AT_ONCE = 256,	/* ... while a stripe is held */
};

static void look(void *arg, struct hash_node *node)
{
	const struct client *client = entry(node);
	struct leader row = {
		.client = { client->addr, client->prefix_len },
		.open = atomic_load_explicit(&client->sessions, memory_order_relaxed),
		.opening = atomic_load_explicit(&client->half_open, memory_order_relaxed),
	};

	leaders_see(arg, &row);
}

/* Return: how many looks are left, none where the stripe was not seen to its end. */
static unsigned int look_at_stripe(struct limits *limits, struct stripe *stripe,
				   unsigned int left, struct leaders *leaders)
{
	uint64_t place = 0;

	while (place < HASH_END && left >= TOP_AT_ONCE) {
		unsigned int looks = TOP_AT_ONCE;

		pthread_mutex_lock(&stripe->mutex);
		place = hash_walk(&stripe->hash, &limits->type, place, &looks, look, leaders);
		pthread_mutex_unlock(&stripe->mutex);
		left -= TOP_AT_ONCE - looks;
	}
	if (place < HASH_END) {
		leaders->some_unseen = true;
		return 0;
	}
	return left;
}

void limits_top(struct limits *limits, struct leaders *leaders)
{
	unsigned int left = TOP_LOOKS;

	for (int i = 0; i < STRIPES; i++)
		left = look_at_stripe(limits, &limits->stripes[i], left, leaders);
}

uint64_t limits_sessions(const struct limits *limits)
{
	return atomic_load_explicit(&limits->sessions, memory_order_relaxed);
}

uint64_t limits_clients(const struct limits *limits)
{
	return atomic_load_explicit(&limits->n, memory_order_relaxed);
}

void limits_configure(struct limits *limits, const struct config *config)
{
	limits->sessions_max = config->nat64.limits.sessions;
	limits->client_max = config->nat64.limits.sessions_per_client;
	limits->half_open_max = config->nat64.limits.half_open;
	limits->client_half_open_max = config->nat64.limits.half_open_per_client;
	limits->interval_ns = NS_PER_S / config->nat64.limits.new_per_client;
	limits->prefix_len = (uint8_t)config->nat64.limits.client_prefix;
}

struct limits *limits_new(struct pages *pages)
{
	struct limits *limits = aligned_alloc(64, sizeof(*limits));

	if (!limits)
		return NULL;
	memset(limits, 0, sizeof(*limits));
	if (getrandom(&limits->key, sizeof(limits->key), 0) < 0) {
		free(limits);
		return NULL;
	}
	limits->type = (struct hash_type){ hash_of, limits, pages };
	pages_account(pages, sizeof(*limits));
	for (int i = 0; i < STRIPES; i++) {
		pthread_mutex_init(&limits->stripes[i].mutex, NULL);
		slab_init(&limits->stripes[i].slab, pages, sizeof(struct client));
	}
	return limits;
}

void limits_free(struct limits *limits)
{
	if (!limits)
		return;
	for (int i = 0; i < STRIPES; i++) {
		hash_free(&limits->stripes[i].hash, &limits->type);
		pthread_mutex_destroy(&limits->stripes[i].mutex);
	}
	free(limits);
}
