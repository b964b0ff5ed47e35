/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * SYNs from outside that nobody inside has asked for (RFC 6146 3.5.2.2, RFC 5382 REQ-4).
 * They wait unanswered for TCP_INCOMING_SYN: if the other side opens the same connection
 * meanwhile, it was a simultaneous open; if not, their sender is told.
 *
 * They wait in the shard of sessions that theirs would be in, and whoever calls holds it: so
 * that no SYN can miss the one that it waits for.
 */
#ifndef NAT64_SYN_H
#define NAT64_SYN_H

#include <stdint.h>
#include <sys/queue.h>

#include "../core/siphash.h"
#include "flow.h"
#include "hash.h"
#include "slab.h"

struct syn {
	struct hash_node node;
	TAILQ_ENTRY(syn) by_age;
	uint32_t outside_be32, remote_be32;
	uint16_t outside_port, remote_port;	/* host byte order */
	int64_t since_ms;
	struct flow_syn packet;
};

/* Those of one shard */
struct syns {
	struct hash hash;
	struct slab slab;
	TAILQ_HEAD(syn_list, syn) by_age;	/* the oldest first */
};

/* What all shards share */
struct syn_type {
	struct siphash_key key;
	struct hash_type hash;
};

/** syn_type_init() - @pages: borrowed, as @type is by its users. Return: 0 or -errno. */
int syn_type_init(struct syn_type *type, struct pages *pages);

/** syns_init() - none yet. */
void syns_init(struct syns *syns, struct pages *pages);

/** syns_destroy() - those left too. */
void syns_destroy(struct syns *syns, const struct syn_type *type);

/** syns_find() - by outside and remote address and port, or NULL. */
struct syn *syns_find(const struct syns *syns, const struct syn_type *type,
		      uint32_t outside_be32, uint16_t outside_port,
		      uint32_t remote_be32, uint16_t remote_port);

/**
 * syns_add() - keep one that is not there.
 * @p:		as flow_inbound() takes it.
 * @data:	the packet from its IPv4 header on; copied, as much as is needed.
 * Return: 0 or -ENOMEM.
 */
int syns_add(struct syns *syns, const struct syn_type *type, const struct flow_packet *p,
	     const uint8_t *data, size_t len, int64_t now_ms);

/** syns_remove() - it is over. */
void syns_remove(struct syns *syns, const struct syn_type *type, struct syn *syn);

#endif
