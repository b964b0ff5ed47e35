/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "session.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/random.h>

#include "../core/addr.h"
#include "bib.h"

static uint64_t hash_remote(const struct sessions *sessions, const struct flow_packet *p)
{
	uint64_t word = (uint64_t)p->remote_be32 << 32 | (uint64_t)p->remote_port << 8 |
			(uint64_t)p->l4;

	return siphash13(&sessions->key, &word, 1);
}

static uint64_t hash_inside(const struct sessions *sessions, const struct in6_addr *inside,
			    uint16_t port, enum l4_proto l4, uint32_t remote_be32,
			    uint16_t remote_port)
{
	uint64_t words[4] = { 0, 0, (uint64_t)port << 8 | (uint64_t)l4,
			      (uint64_t)remote_be32 << 32 | remote_port };

	memcpy(words, inside, 16);
	return siphash13(&sessions->key, words, 4);
}

static uint64_t hash_outside(const struct sessions *sessions, uint32_t outside_be32, uint16_t port,
			     enum l4_proto l4, uint32_t remote_be32, uint16_t remote_port)
{
	uint64_t words[2] = { (uint64_t)outside_be32 << 32 | (uint64_t)port << 8 | (uint64_t)l4,
			      (uint64_t)remote_be32 << 32 | remote_port };

	return siphash13(&sessions->key, words, 2);
}

static struct session *entry(const struct hash_node *node, int by)
{
	return by == BY_INSIDE ? HASH_ENTRY(node, struct session, by[BY_INSIDE])
			       : HASH_ENTRY(node, struct session, by[BY_OUTSIDE]);
}

static uint64_t hash_of_inside(const void *arg, const struct hash_node *node)
{
	const struct session *s = entry(node, BY_INSIDE);

	return hash_inside(arg, &s->bib->inside, s->bib->inside_port, s->bib->l4, s->remote_be32,
			   s->remote_port);
}

static uint64_t hash_of_outside(const void *arg, const struct hash_node *node)
{
	const struct session *s = entry(node, BY_OUTSIDE);

	return hash_outside(arg, s->bib->outside_be32, s->bib->outside_port, s->bib->l4,
			    s->remote_be32, s->remote_port);
}

static bool matches(const struct session *s, const struct flow_packet *p, int by)
{
	const struct bib *bib = s->bib;

	if (s->remote_be32 != p->remote_be32 || s->remote_port != p->remote_port ||
	    bib->l4 != p->l4)
		return false;
	if (by == BY_INSIDE)
		return bib->inside_port == p->near_port && addr_equal(&bib->inside, &p->inside);
	return bib->outside_port == p->near_port && bib->outside_be32 == p->outside_be32;
}

struct session *session_find(const struct sessions *sessions, const struct shard *shard,
			     const struct flow_packet *p, int by)
{
	uint64_t hash = by == BY_INSIDE
				? hash_inside(sessions, &p->inside, p->near_port, p->l4,
					      p->remote_be32, p->remote_port)
				: hash_outside(sessions, p->outside_be32, p->near_port, p->l4,
					       p->remote_be32, p->remote_port);

	for (struct hash_node *node = hash_first(&shard->by[by], hash); node; node = node->next)
		if (matches(entry(node, by), p, by))
			return entry(node, by);
	return NULL;
}

static struct session_list *list_of(struct shard *shard, const struct session *s)
{
	return &shard->by_age[s->slot ? LIST_FAST : s->lifetime];
}

static void move(struct shard *shard, struct session *s, uint32_t slot, enum lifetime lifetime,
		 int64_t now_ms)
{
	TAILQ_REMOVE(list_of(shard, s), s, by_age);
	s->slot = slot;
	s->lifetime = (uint8_t)lifetime;
	s->last_ms = now_ms;
	TAILQ_INSERT_TAIL(list_of(shard, s), s, by_age);
}

void session_renew(struct shard *shard, struct session *s, enum lifetime lifetime, int64_t now_ms)
{
	move(shard, s, 0, lifetime, now_ms);
}

void session_take_slot(struct shard *shard, struct session *s, uint32_t slot, int64_t now_ms)
{
	move(shard, s, slot, s->lifetime, now_ms);
}

/* One writer at a time: no need of an atomic sum */
static void count(struct shard *shard, const struct session *s, uint32_t change)
{
	_Atomic uint32_t *n = &shard->n[s->bib->l4];

	atomic_store_explicit(n, atomic_load_explicit(n, memory_order_relaxed) + change,
			      memory_order_relaxed);
}

void sessions_count(const struct sessions *sessions, uint64_t n[L4_COUNT])
{
	for (int l4 = 0; l4 < L4_COUNT; l4++) {
		n[l4] = 0;
		for (int i = 0; i < SHARDS; i++)
			n[l4] += atomic_load_explicit(&sessions->shards[i].n[l4],
						      memory_order_relaxed);
	}
}

struct session *session_add(struct sessions *sessions, struct shard *shard,
			    const struct flow_packet *p, struct bib *bib, struct client *client)
{
	struct session *s = slab_alloc(&shard->slab);

	if (!s)
		return NULL;
	s->bib = bib;
	s->client = client;
	s->remote6 = p->remote6;
	s->remote_be32 = p->remote_be32;
	s->remote_port = p->remote_port;
	s->lifetime = p->l4 == L4_UDP ? LIFE_UDP : p->l4 == L4_ICMP ? LIFE_ICMP : LIFE_TCP_TRANS;
	if (hash_insert(&shard->by[BY_INSIDE], &sessions->types[BY_INSIDE], &s->by[BY_INSIDE]) < 0)
		goto no_inside;
	if (hash_insert(&shard->by[BY_OUTSIDE], &sessions->types[BY_OUTSIDE],
			&s->by[BY_OUTSIDE]) < 0)
		goto no_outside;
	TAILQ_INSERT_TAIL(&shard->by_age[s->lifetime], s, by_age);
	count(shard, s, 1);
	return s;

no_outside:
	hash_remove(&shard->by[BY_INSIDE], &sessions->types[BY_INSIDE], &s->by[BY_INSIDE]);
no_inside:
	slab_free(&shard->slab, s);
	return NULL;
}

void session_remove(struct sessions *sessions, struct shard *shard, struct session *s)
{
	count(shard, s, UINT32_MAX);	/* -1 */
	for (int by = 0; by < 2; by++)
		hash_remove(&shard->by[by], &sessions->types[by], &s->by[by]);
	TAILQ_REMOVE(list_of(shard, s), s, by_age);
	slab_free(&shard->slab, s);
}

struct shard *sessions_lock(struct sessions *sessions, const struct flow_packet *p)
{
	struct shard *shard = &sessions->shards[hash_remote(sessions, p) % SHARDS];

	pthread_mutex_lock(&shard->mutex);
	return shard;
}

int sessions_init(struct sessions *sessions, struct pages *pages)
{
	int err;

	memset(sessions, 0, sizeof(*sessions));
	if (getrandom(&sessions->key, sizeof(sessions->key), 0) < 0)
		return -errno;
	err = syn_type_init(&sessions->syn_type, pages);
	if (err < 0)
		return err;
	sessions->types[BY_INSIDE] = (struct hash_type){ hash_of_inside, sessions, pages };
	sessions->types[BY_OUTSIDE] = (struct hash_type){ hash_of_outside, sessions, pages };
	for (int i = 0; i < SHARDS; i++) {
		struct shard *shard = &sessions->shards[i];

		pthread_mutex_init(&shard->mutex, NULL);
		slab_init(&shard->slab, pages, sizeof(struct session));
		for (int list = 0; list < LIST_COUNT; list++)
			TAILQ_INIT(&shard->by_age[list]);
		syns_init(&shard->syns, pages);
	}
	return 0;
}

void sessions_destroy(struct sessions *sessions)
{
	for (int i = 0; i < SHARDS; i++) {
		syns_destroy(&sessions->shards[i].syns, &sessions->syn_type);
		for (int by = 0; by < 2; by++)
			hash_free(&sessions->shards[i].by[by], &sessions->types[by]);
		pthread_mutex_destroy(&sessions->shards[i].mutex);
	}
}
