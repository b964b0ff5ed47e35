/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "syn.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

static uint64_t hash_syn(const struct siphash_key *key, uint32_t outside_be32,
			 uint16_t outside_port, uint32_t remote_be32, uint16_t remote_port)
{
	uint64_t words[2] = { (uint64_t)outside_be32 << 32 | remote_be32,
			      (uint64_t)outside_port << 16 | remote_port };

	return siphash13(key, words, 2);
}

static struct syn *entry(const struct hash_node *node)
{
	return HASH_ENTRY(node, struct syn, node);
}

static uint64_t hash_of(const void *arg, const struct hash_node *node)
{
	const struct syn *syn = entry(node);

	return hash_syn(arg, syn->outside_be32, syn->outside_port, syn->remote_be32,
			syn->remote_port);
}

int syn_type_init(struct syn_type *type, struct pages *pages)
{
	if (getrandom(&type->key, sizeof(type->key), 0) < 0)
		return -errno;
	type->hash = (struct hash_type){ hash_of, &type->key, pages };
	return 0;
}

void syns_init(struct syns *syns, struct pages *pages)
{
	syns->hash = (struct hash){ 0 };
	slab_init(&syns->slab, pages, sizeof(struct syn));
	TAILQ_INIT(&syns->by_age);
}

struct syn *syns_find(const struct syns *syns, const struct syn_type *type,
		      uint32_t outside_be32, uint16_t outside_port,
		      uint32_t remote_be32, uint16_t remote_port)
{
	uint64_t hash = hash_syn(&type->key, outside_be32, outside_port, remote_be32, remote_port);

	for (struct hash_node *node = hash_first(&syns->hash, hash); node; node = node->next) {
		struct syn *syn = entry(node);

		if (syn->outside_be32 == outside_be32 && syn->outside_port == outside_port &&
		    syn->remote_be32 == remote_be32 && syn->remote_port == remote_port)
			return syn;
	}
	return NULL;
}

int syns_add(struct syns *syns, const struct syn_type *type, const struct flow_packet *p,
	     const uint8_t *data, size_t len, int64_t now_ms)
{
	struct syn *syn = slab_alloc(&syns->slab);

	if (!syn)
		return -ENOMEM;
	syn->outside_be32 = p->outside_be32;
	syn->outside_port = p->near_port;
	syn->remote_be32 = p->remote_be32;
	syn->remote_port = p->remote_port;
	syn->since_ms = now_ms;
	syn->packet.len = (uint8_t)(len < sizeof(syn->packet.data) ? len
								   : sizeof(syn->packet.data));
	memcpy(syn->packet.data, data, syn->packet.len);
	if (hash_insert(&syns->hash, &type->hash, &syn->node) < 0) {
		slab_free(&syns->slab, syn);
		return -ENOMEM;
	}
	TAILQ_INSERT_TAIL(&syns->by_age, syn, by_age);
	return 0;
}

void syns_remove(struct syns *syns, const struct syn_type *type, struct syn *syn)
{
	hash_remove(&syns->hash, &type->hash, &syn->node);
	TAILQ_REMOVE(&syns->by_age, syn, by_age);
	slab_free(&syns->slab, syn);
}

void syns_destroy(struct syns *syns, const struct syn_type *type)
{
	struct syn *syn;

	while ((syn = TAILQ_FIRST(&syns->by_age)))
		syns_remove(syns, type, syn);
	hash_free(&syns->hash, &type->hash);
}
