/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The session table of RFC 6146 3.1: where sessions are kept and found. Part of
 * flow_mem, which decides what becomes of them.
 *
 * Both directions of a flow know the remote address and port, so these choose the
 * shard. A shard is one mutex, two hash tables (by inside and by outside tuple) and, per
 * kind of lifetime, a list in order of last use: the oldest stands first, so that expiry
 * looks at nothing that still lives. SYNs from outside that wait for a session (syn.h) are
 * in its shard too.
 */
#ifndef NAT64_SESSION_H
#define NAT64_SESSION_H

#include <pthread.h>
#include <stdint.h>
#include <sys/queue.h>

#include "../core/siphash.h"
#include "flow.h"
#include "hash.h"
#include "slab.h"
#include "syn.h"

struct bib;
struct client;

enum { SHARDS = 256 };

enum lifetime { LIFE_UDP, LIFE_ICMP, LIFE_TCP_EST, LIFE_TCP_TRANS, LIFE_COUNT };	/* TCP last */

/* A list for each kind of lifetime, and one of those with a slot, by when they were looked at */
enum { LIST_FAST = LIFE_COUNT, LIST_COUNT };

enum { BY_INSIDE, BY_OUTSIDE };

struct session {
	struct hash_node by[2];		/* inside, outside */
	TAILQ_ENTRY(session) by_age;
	struct bib *bib;		/* one of its references is ours */
	struct client *client;		/* likewise */
	struct in6_addr remote6;
	uint32_t remote_be32;
	uint16_t remote_port;
	uint8_t state;			/* enum tcp_state */
	uint8_t lifetime;		/* enum lifetime */
	bool spoken;			/* the inside has sent: remote6 is its word */
	uint32_t slot;			/* of the fast path; 0: none. State and lifetime are
					 * there then, as the kernel sees them (flow_fast.c) */
	int64_t last_ms;		/* start of its lifetime; with a slot: last look at it */
};

TAILQ_HEAD(session_list, session);

struct shard {
	pthread_mutex_t mutex;
	struct hash by[2];
	struct slab slab;
	struct session_list by_age[LIST_COUNT];
	_Atomic uint32_t n[L4_COUNT];	/* sessions; written under the mutex, read without */
	struct syns syns;
} __attribute__((aligned(64)));

struct sessions {
	struct shard shards[SHARDS];
	struct siphash_key key;
	struct hash_type types[2];
	struct syn_type syn_type;
};

/** sessions_init() - an empty table; @pages is borrowed. Return: 0 or -errno. */
int sessions_init(struct sessions *sessions, struct pages *pages);

/** sessions_destroy() - of an empty table. */
void sessions_destroy(struct sessions *sessions);

/** sessions_count() - how many there are, by enum l4_proto; any thread. */
void sessions_count(const struct sessions *sessions, uint64_t n[L4_COUNT]);

/** sessions_lock() - lock the shard that a packet's session is in, or would be. */
struct shard *sessions_lock(struct sessions *sessions, const struct flow_packet *p);

/* Of what follows, the caller holds the shard. */

/** session_find() - by the tuple of one side, or NULL. */
struct session *session_find(const struct sessions *sessions, const struct shard *shard,
			     const struct flow_packet *p, int by);

/**
 * session_add() - make a session; there is none.
 * @bib, @client:	taken over, unless out of memory.
 * Return: NULL when out of memory.
 */
struct session *session_add(struct sessions *sessions, struct shard *shard,
			    const struct flow_packet *p, struct bib *bib, struct client *client);

/** session_remove() - free it; its references are the caller's again. */
void session_remove(struct sessions *sessions, struct shard *shard, struct session *s);

/** session_renew() - a lifetime starts anew, without a slot, or with one no more. */
void session_renew(struct shard *shard, struct session *s, enum lifetime lifetime, int64_t now_ms);

/** session_take_slot() - it has this slot, and was looked at now. */
void session_take_slot(struct shard *shard, struct session *s, uint32_t slot, int64_t now_ms);

#endif
