/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "peers.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "../core/siphash.h"
#include "bib.h"
#include "hash.h"
#include "slab.h"

enum { STRIPES = 64 };

/* A binding (by its outside address and port) and one remote address */
struct peer {
	struct hash_node node;
	uint32_t outside_be32, remote_be32;
	uint16_t outside_port;
	uint8_t l4;			/* enum l4_proto */
	uint32_t sessions;
};

struct stripe {
	pthread_mutex_t mutex;
	struct hash hash;
	struct slab slab;
} __attribute__((aligned(64)));

struct peers {
	struct stripe stripes[STRIPES];
	struct siphash_key key;
	struct hash_type type;
};

static uint64_t hash_peer(const struct peers *peers, const struct peer *peer)
{
	uint64_t words[2] = {
		(uint64_t)peer->outside_be32 << 32 | (uint64_t)peer->outside_port << 8 | peer->l4,
		peer->remote_be32,
	};

	return siphash13(&peers->key, words, 2);
}

static struct peer *entry(const struct hash_node *node)
{
	return HASH_ENTRY(node, struct peer, node);
}

static uint64_t hash_of(const void *arg, const struct hash_node *node)
{
	return hash_peer(arg, entry(node));
}

static struct peer key_of(const struct bib *bib, uint32_t remote_be32)
{
	return (struct peer){
		.outside_be32 = bib->outside_be32, .remote_be32 = remote_be32,
		.outside_port = bib->outside_port, .l4 = bib->l4, .sessions = 1,
	};
}

static struct stripe *lock_stripe(struct peers *peers, const struct peer *key)
{
	struct stripe *stripe = &peers->stripes[hash_peer(peers, key) % STRIPES];

	pthread_mutex_lock(&stripe->mutex);
	return stripe;
}

static struct peer *find(const struct peers *peers, const struct stripe *stripe,
			 const struct peer *key)
{
	struct hash_node *node = hash_first(&stripe->hash, hash_peer(peers, key));

	for (; node; node = node->next) {
		struct peer *peer = entry(node);

		if (peer->outside_be32 == key->outside_be32 &&
		    peer->remote_be32 == key->remote_be32 &&
		    peer->outside_port == key->outside_port && peer->l4 == key->l4)
			return peer;
	}
	return NULL;
}

static int create(struct peers *peers, struct stripe *stripe, const struct peer *key)
{
	struct peer *peer = slab_alloc(&stripe->slab);

	if (!peer)
		return -ENOMEM;
	*peer = *key;
	if (hash_insert(&stripe->hash, &peers->type, &peer->node) == 0)
		return 0;
	slab_free(&stripe->slab, peer);
	return -ENOMEM;
}

int peers_add(struct peers *peers, const struct bib *bib, uint32_t remote_be32)
{
	struct peer key = key_of(bib, remote_be32), *peer;
	struct stripe *stripe = lock_stripe(peers, &key);
	int err = 0;

	peer = find(peers, stripe, &key);
	if (peer)
		peer->sessions++;
	else
		err = create(peers, stripe, &key);
	pthread_mutex_unlock(&stripe->mutex);
	return err;
}

void peers_remove(struct peers *peers, const struct bib *bib, uint32_t remote_be32)
{
	struct peer key = key_of(bib, remote_be32), *peer;
	struct stripe *stripe = lock_stripe(peers, &key);

	peer = find(peers, stripe, &key);
	if (peer && --peer->sessions == 0) {
		hash_remove(&stripe->hash, &peers->type, &peer->node);
		slab_free(&stripe->slab, peer);
	}
	pthread_mutex_unlock(&stripe->mutex);
}

bool peers_has(struct peers *peers, const struct bib *bib, uint32_t remote_be32)
{
	struct peer key = key_of(bib, remote_be32);
	struct stripe *stripe = lock_stripe(peers, &key);
	bool has = find(peers, stripe, &key) != NULL;

	pthread_mutex_unlock(&stripe->mutex);
	return has;
}

struct peers *peers_new(struct pages *pages)
{
	struct peers *peers = aligned_alloc(64, sizeof(*peers));

	if (!peers)
		return NULL;
	memset(peers, 0, sizeof(*peers));
	if (getrandom(&peers->key, sizeof(peers->key), 0) < 0) {
		free(peers);
		return NULL;
	}
	peers->type = (struct hash_type){ hash_of, peers, pages };
	pages_account(pages, sizeof(*peers));
	for (int i = 0; i < STRIPES; i++) {
		pthread_mutex_init(&peers->stripes[i].mutex, NULL);
		slab_init(&peers->stripes[i].slab, pages, sizeof(struct peer));
	}
	return peers;
}

static void clear(struct peers *peers, struct stripe *stripe)
{
	for (uint32_t i = 0; i < stripe->hash.n_buckets; i++) {
		while (stripe->hash.buckets[i]) {
			struct peer *peer = entry(stripe->hash.buckets[i]);

			stripe->hash.buckets[i] = peer->node.next;
			slab_free(&stripe->slab, peer);
		}
	}
	hash_free(&stripe->hash, &peers->type);
	slab_release(&stripe->slab);
}

void peers_free(struct peers *peers)
{
	if (!peers)
		return;
	for (int i = 0; i < STRIPES; i++) {
		clear(peers, &peers->stripes[i]);
		pthread_mutex_destroy(&peers->stripes[i].mutex);
	}
	pages_account(peers->type.pages, -(int64_t)sizeof(*peers));
	free(peers);
}
