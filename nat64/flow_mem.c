/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The flow table in process memory, shared by all workers without a global lock.
 *
 * Sessions: both directions of a flow know the remote address and port, so these
 * choose the shard. A shard is one mutex, two hash tables (by inside and by outside
 * tuple) and, per kind of lifetime, a list in order of last use: the oldest stands
 * first, so that expiry looks at nothing that still lives. BIB entries are in bib.c.
 *
 * Order of locking: a shard, then what bib.c locks.
 */
#include "flow.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/random.h>

#include "../core/addr.h"
#include "../core/config.h"
#include "../core/siphash.h"
#include "bib.h"

enum {
	SHARDS = 256,
	BUCKETS_MIN = 16,	/* of a table; doubles as it fills */
	EXPIRE_MAX = 4096,	/* sessions ended per shard and call */
};

enum lifetime { LIFE_UDP, LIFE_ICMP, LIFE_TCP_EST, LIFE_TCP_TRANS, LIFE_COUNT };

struct session {
	struct session *next[2];	/* by inside, by outside */
	TAILQ_ENTRY(session) by_age;
	struct bib *bib;
	struct in6_addr remote6;
	uint32_t remote_be32;
	uint16_t remote_port;
	uint8_t state;			/* enum tcp_state */
	uint8_t lifetime;		/* enum lifetime */
	int64_t last_ms;		/* start of its lifetime */
};

TAILQ_HEAD(session_list, session);

enum { BY_INSIDE, BY_OUTSIDE };

struct shard {
	pthread_mutex_t mutex;
	struct session **buckets[2];
	uint32_t n_buckets;		/* a power of two; 0 before first use */
	uint32_t n;
	struct session_list by_age[LIFE_COUNT];
} __attribute__((aligned(64)));

struct flow_table {
	struct shard shards[SHARDS];
	struct bib_table *bibs;
	struct siphash_key key;
	int64_t lifetime_ms[LIFE_COUNT];
	uint64_t sessions_max;
	_Atomic uint64_t n_sessions;
};

/* ---- hashing ------------------------------------------------------------ */

static uint64_t hash_remote(const struct flow_table *table, const struct flow_packet *p)
{
	uint64_t word = (uint64_t)p->remote_be32 << 32 | (uint64_t)p->remote_port << 8 |
			(uint64_t)p->l4;

	return siphash13(&table->key, &word, 1);
}

static uint64_t hash_inside(const struct flow_table *table, const struct in6_addr *inside,
			    uint16_t port, enum l4_proto l4, uint32_t remote_be32,
			    uint16_t remote_port)
{
	uint64_t words[4] = { 0, 0, (uint64_t)port << 8 | (uint64_t)l4,
			      (uint64_t)remote_be32 << 32 | remote_port };

	memcpy(words, inside, 16);
	return siphash13(&table->key, words, 4);
}

static uint64_t hash_outside(const struct flow_table *table, uint32_t outside_be32, uint16_t port,
			     enum l4_proto l4, uint32_t remote_be32, uint16_t remote_port)
{
	uint64_t words[2] = { (uint64_t)outside_be32 << 32 | (uint64_t)port << 8 | (uint64_t)l4,
			      (uint64_t)remote_be32 << 32 | remote_port };

	return siphash13(&table->key, words, 2);
}

static uint64_t session_hash(const struct flow_table *table, const struct session *s, int by)
{
	const struct bib *bib = s->bib;

	if (by == BY_INSIDE)
		return hash_inside(table, &bib->inside, bib->inside_port, bib->l4, s->remote_be32,
				   s->remote_port);
	return hash_outside(table, bib->outside_be32, bib->outside_port, bib->l4, s->remote_be32,
			    s->remote_port);
}

/*
 * The upper half chooses the bucket: the lower one chose shard or stripe. Buckets stand
 * in the order of hashes, so that one that splits stays in its place (flow_page()).
 */
static uint32_t bucket_of(uint64_t hash, uint32_t n_buckets)
{
	return (uint32_t)((hash >> 32) * n_buckets >> 32);
}

/* ---- sessions -------------------------------------------------------------- */

static int shard_grow(struct flow_table *table, struct shard *shard)
{
	uint32_t n = shard->n_buckets ? shard->n_buckets * 2 : BUCKETS_MIN;
	struct session **buckets[2];

	if (shard->n < shard->n_buckets)
		return 0;
	buckets[0] = calloc(n, sizeof(*buckets[0]));
	buckets[1] = calloc(n, sizeof(*buckets[1]));
	if (!buckets[0] || !buckets[1]) {
		free(buckets[0]);
		free(buckets[1]);
		return shard->n_buckets ? 0 : -ENOMEM;	/* longer chains will do */
	}
	for (int life = 0; life < LIFE_COUNT; life++) {
		struct session *s;

		TAILQ_FOREACH(s, &shard->by_age[life], by_age) {
			for (int by = 0; by < 2; by++) {
				struct session **head =
					&buckets[by][bucket_of(session_hash(table, s, by), n)];

				s->next[by] = *head;
				*head = s;
			}
		}
	}
	for (int by = 0; by < 2; by++) {
		free(shard->buckets[by]);
		shard->buckets[by] = buckets[by];
	}
	shard->n_buckets = n;
	return 0;
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

static struct session *session_find(const struct flow_table *table, const struct shard *shard,
				    const struct flow_packet *p, int by)
{
	struct session *s;
	uint64_t hash;

	if (!shard->n_buckets)
		return NULL;
	hash = by == BY_INSIDE ? hash_inside(table, &p->inside, p->near_port, p->l4,
					     p->remote_be32, p->remote_port)
			       : hash_outside(table, p->outside_be32, p->near_port, p->l4,
					      p->remote_be32, p->remote_port);
	for (s = shard->buckets[by][bucket_of(hash, shard->n_buckets)]; s; s = s->next[by])
		if (matches(s, p, by))
			return s;
	return NULL;
}

static void set_lifetime(struct shard *shard, struct session *s, enum lifetime lifetime,
			 int64_t now_ms)
{
	TAILQ_REMOVE(&shard->by_age[s->lifetime], s, by_age);
	s->lifetime = (uint8_t)lifetime;
	s->last_ms = now_ms;
	TAILQ_INSERT_TAIL(&shard->by_age[lifetime], s, by_age);
}

/*
 * Room in the table for one more session, taken at once so that the limit holds. What
 * anybody outside can open with a forged source leaves a quarter to those inside.
 */
static bool count_session(struct flow_table *table, int by)
{
	uint64_t max = table->sessions_max;

	if (by == BY_OUTSIDE)
		max -= max / 4;
	if (atomic_fetch_add(&table->n_sessions, 1) < max)
		return true;
	atomic_fetch_sub(&table->n_sessions, 1);
	return false;
}

/* Takes over the reference to @bib, whatever comes of it. */
static struct session *session_create(struct flow_table *table, struct shard *shard,
				      const struct flow_packet *p, int by, struct bib *bib)
{
	struct session *s;

	if (!count_session(table, by))
		goto put;
	if (shard_grow(table, shard) < 0)
		goto uncount;
	s = calloc(1, sizeof(*s));
	if (!s)
		goto uncount;
	s->bib = bib;
	s->remote6 = p->remote6;
	s->remote_be32 = p->remote_be32;
	s->remote_port = p->remote_port;
	s->lifetime = bib->l4 == L4_UDP ? LIFE_UDP : bib->l4 == L4_ICMP ? LIFE_ICMP
									 : LIFE_TCP_TRANS;
	for (int i = 0; i < 2; i++) {
		struct session **head = &shard->buckets[i][bucket_of(session_hash(table, s, i),
								     shard->n_buckets)];

		s->next[i] = *head;
		*head = s;
	}
	TAILQ_INSERT_TAIL(&shard->by_age[s->lifetime], s, by_age);
	shard->n++;
	return s;

uncount:
	atomic_fetch_sub(&table->n_sessions, 1);
put:
	bib_put(table->bibs, bib);
	return NULL;
}

static void session_end(struct flow_table *table, struct shard *shard, struct session *s)
{
	for (int by = 0; by < 2; by++) {
		struct session **at = &shard->buckets[by][bucket_of(session_hash(table, s, by),
								    shard->n_buckets)];

		while (*at != s)
			at = &(*at)->next[by];
		*at = s->next[by];
	}
	TAILQ_REMOVE(&shard->by_age[s->lifetime], s, by_age);
	shard->n--;
	bib_put(table->bibs, s->bib);
	free(s);
	atomic_fetch_sub(&table->n_sessions, 1);
}

/* A packet of the flow was seen: state and lifetime go on. */
static void session_step(struct shard *shard, struct session *s, const struct flow_packet *p,
			 int64_t now_ms)
{
	struct tcp_step step;

	if (p->l4 != L4_TCP) {
		set_lifetime(shard, s, s->lifetime, now_ms);
		return;
	}
	step = tcp_state_step(s->state, p->event);
	s->state = step.state;
	if (step.lifetime == TCP_LIFETIME_EST)
		set_lifetime(shard, s, LIFE_TCP_EST, now_ms);
	else if (step.lifetime == TCP_LIFETIME_TRANS)
		set_lifetime(shard, s, LIFE_TCP_TRANS, now_ms);
}

static void copy_binding(const struct bib *bib, const struct flow_packet *p, struct flow *out)
{
	*out = (struct flow){
		.l4 = bib->l4,
		.inside = bib->inside,
		.remote6 = p->remote6,
		.outside_be32 = bib->outside_be32,
		.remote_be32 = p->remote_be32,
		.inside_port = bib->inside_port,
		.outside_port = bib->outside_port,
		.remote_port = p->remote_port,
	};
}

static void copy_session(const struct flow_table *table, const struct session *s,
			 struct flow *out)
{
	*out = (struct flow){
		.l4 = s->bib->l4,
		.inside = s->bib->inside,
		.remote6 = s->remote6,
		.outside_be32 = s->bib->outside_be32,
		.remote_be32 = s->remote_be32,
		.inside_port = s->bib->inside_port,
		.outside_port = s->bib->outside_port,
		.remote_port = s->remote_port,
		.state = s->state,
		.expires_ms = s->last_ms + table->lifetime_ms[s->lifetime],
	};
}

/* ---- the interface ----------------------------------------------------------- */

static struct shard *lock_shard(struct flow_table *table, const struct flow_packet *p)
{
	struct shard *shard = &table->shards[hash_remote(table, p) % SHARDS];

	pthread_mutex_lock(&shard->mutex);
	return shard;
}

/* Does this packet open a session? For TCP only a SYN does (RFC 6146 3.5.2.2). */
static bool opens(const struct flow_packet *p)
{
	return p->l4 != L4_TCP ||
	       tcp_state_step(TCP_STATE_CLOSED, p->event).state != TCP_STATE_CLOSED;
}

/* With @bib taken: make the session, or let a stray segment pass on the binding. */
static enum flow_result open_session(struct flow_table *table, struct shard *shard,
				     const struct flow_packet *p, int by, struct bib *bib,
				     int64_t now_ms, struct flow *out)
{
	struct session *s;

	if (!opens(p)) {
		copy_binding(bib, p, out);
		bib_put(table->bibs, bib);
		return FLOW_OK;
	}
	s = session_create(table, shard, p, by, bib);
	if (!s)
		return FLOW_FULL;
	session_step(shard, s, p, now_ms);
	copy_session(table, s, out);
	out->created = true;
	return FLOW_OK;
}

static enum flow_result packet_seen(struct flow_table *table, const struct flow_packet *p, int by,
				    int64_t now_ms, struct flow *out)
{
	struct shard *shard = lock_shard(table, p);
	struct session *s = session_find(table, shard, p, by);
	enum flow_result result = FLOW_OK;
	struct bib *bib = NULL;

	if (s) {
		session_step(shard, s, p, now_ms);
		copy_session(table, s, out);
	} else {
		if (by == BY_INSIDE)
			result = bib_take_inside(table->bibs, p, opens(p), &bib);
		else if (p->l4 == L4_ICMP)
			result = FLOW_NONE;
		else
			result = bib_take_outside(table->bibs, p, &bib);
		if (result == FLOW_OK)
			result = open_session(table, shard, p, by, bib, now_ms, out);
	}
	pthread_mutex_unlock(&shard->mutex);
	return result;
}

enum flow_result flow_outbound(struct flow_table *table, const struct flow_packet *packet,
			       int64_t now_ms, struct flow *out)
{
	return packet_seen(table, packet, BY_INSIDE, now_ms, out);
}

enum flow_result flow_inbound(struct flow_table *table, const struct flow_packet *packet,
			      int64_t now_ms, struct flow *out)
{
	return packet_seen(table, packet, BY_OUTSIDE, now_ms, out);
}

static enum flow_result look(struct flow_table *table, const struct flow_packet *p, int by,
			     struct flow *out)
{
	struct shard *shard = lock_shard(table, p);
	struct session *s = session_find(table, shard, p, by);

	if (s)
		copy_session(table, s, out);
	pthread_mutex_unlock(&shard->mutex);
	return s ? FLOW_OK : FLOW_NONE;
}

enum flow_result flow_find_inside(struct flow_table *table, const struct flow_packet *packet,
				  struct flow *out)
{
	return look(table, packet, BY_INSIDE, out);
}

enum flow_result flow_find_outside(struct flow_table *table, const struct flow_packet *packet,
				   struct flow *out)
{
	return look(table, packet, BY_OUTSIDE, out);
}

bool flow_owns_outside(struct flow_table *table, const struct flow_packet *packet)
{
	struct flow flow;

	if (packet->l4 == L4_ICMP)
		return flow_find_outside(table, packet, &flow) == FLOW_OK;
	return bib_has_outside(table->bibs, packet);
}

/* The lifetime of the oldest of a kind is over: end it, or let it go on in TRANS. */
static bool end_or_move(struct flow_table *table, struct shard *shard, struct session *s,
			int64_t now_ms)
{
	if (s->bib->l4 == L4_TCP && tcp_state_timeout(s->state) == TCP_STATE_TRANS) {
		s->state = TCP_STATE_TRANS;
		set_lifetime(shard, s, LIFE_TCP_TRANS, now_ms);
		return false;
	}
	session_end(table, shard, s);
	return true;
}

static unsigned int expire_shard(struct flow_table *table, struct shard *shard, int64_t now_ms)
{
	unsigned int ended = 0;

	pthread_mutex_lock(&shard->mutex);
	for (int life = 0; life < LIFE_COUNT; life++) {
		struct session *s;

		while ((s = TAILQ_FIRST(&shard->by_age[life])) && ended < EXPIRE_MAX &&
		       now_ms - s->last_ms >= table->lifetime_ms[life])
			ended += end_or_move(table, shard, s, now_ms);
	}
	pthread_mutex_unlock(&shard->mutex);
	return ended;
}

unsigned int flow_expire(struct flow_table *table, unsigned int first, unsigned int stride,
			 int64_t now_ms)
{
	unsigned int ended = 0;

	for (unsigned int i = first; i < SHARDS; i += stride)
		ended += expire_shard(table, &table->shards[i], now_ms);
	return ended;
}

unsigned int flow_drop(struct flow_table *table,
		       bool (*keep)(const void *arg, const struct flow *flow), const void *arg)
{
	unsigned int ended = 0;
	struct flow flow;

	for (int i = 0; i < SHARDS; i++) {
		for (int life = 0; life < LIFE_COUNT; life++) {
			struct session *s = TAILQ_FIRST(&table->shards[i].by_age[life]), *next;

			for (; s; s = next) {
				next = TAILQ_NEXT(s, by_age);
				copy_session(table, s, &flow);
				if (keep(arg, &flow))
					continue;
				session_end(table, &table->shards[i], s);
				ended++;
			}
		}
	}
	return ended;
}

struct bib_table *flow_bibs(const struct flow_table *table)
{
	return table->bibs;
}

uint64_t flow_session_count(const struct flow_table *table)
{
	return atomic_load_explicit(&table->n_sessions, memory_order_relaxed);
}

uint64_t flow_binding_count(const struct flow_table *table)
{
	return bib_count(table->bibs);
}

void flow_table_configure(struct flow_table *table, const struct config *config)
{
	table->lifetime_ms[LIFE_UDP] = config->nat64.timeouts.udp_ms;
	table->lifetime_ms[LIFE_ICMP] = config->nat64.timeouts.icmp_ms;
	table->lifetime_ms[LIFE_TCP_EST] = config->nat64.timeouts.tcp_established_ms;
	table->lifetime_ms[LIFE_TCP_TRANS] = config->nat64.timeouts.tcp_transitory_ms;
	table->sessions_max = config->nat64.limits.sessions;
}

struct flow_table *flow_table_new(struct pool4 *pool, const struct config *config)
{
	struct flow_table *table = aligned_alloc(64, sizeof(*table));

	if (!table)
		return NULL;
	memset(table, 0, sizeof(*table));
	if (getrandom(&table->key, sizeof(table->key), 0) < 0) {
		free(table);
		return NULL;
	}
	table->bibs = bib_table_new(pool);
	if (!table->bibs) {
		free(table);
		return NULL;
	}
	for (int i = 0; i < SHARDS; i++) {
		pthread_mutex_init(&table->shards[i].mutex, NULL);
		for (int life = 0; life < LIFE_COUNT; life++)
			TAILQ_INIT(&table->shards[i].by_age[life]);
	}
	flow_table_configure(table, config);
	return table;
}

static bool keep_none(const void *arg, const struct flow *flow)
{
	(void)arg;
	(void)flow;
	return false;
}

void flow_table_free(struct flow_table *table)
{
	if (!table)
		return;
	flow_drop(table, keep_none, NULL);
	for (int i = 0; i < SHARDS; i++) {
		free(table->shards[i].buckets[BY_INSIDE]);
		free(table->shards[i].buckets[BY_OUTSIDE]);
		pthread_mutex_destroy(&table->shards[i].mutex);
	}
	bib_table_free(table->bibs);
	free(table);
}

/* ---- a list of all ---------------------------------------------------------------- */

/* A place in a shard is the hash that its next bucket begins with; SHARD_END is past all. */
#define SHARD_END (UINT64_C(1) << 32)

static uint64_t walk_shard(struct flow_table *table, struct shard *shard, uint64_t place,
			   unsigned int *looks, void (*fn)(void *arg, const struct flow *flow),
			   void *arg)
{
	uint64_t bucket, n;

	pthread_mutex_lock(&shard->mutex);
	n = shard->n_buckets;
	for (bucket = place * n >> 32; bucket < n && *looks > 0; bucket++) {
		const struct session *s = shard->buckets[BY_INSIDE][bucket];

		*looks -= !s;
		for (; s; s = s->next[BY_INSIDE]) {
			struct flow flow;

			copy_session(table, s, &flow);
			fn(arg, &flow);
			*looks -= *looks > 0;
		}
	}
	pthread_mutex_unlock(&shard->mutex);
	return n ? bucket * SHARD_END / n : SHARD_END;
}

uint64_t flow_page(struct flow_table *table, uint64_t cursor, unsigned int max,
		   void (*fn)(void *arg, const struct flow *flow), void *arg)
{
	while (cursor < SHARDS * SHARD_END && max > 0) {
		uint64_t shard = cursor / SHARD_END, place = cursor % SHARD_END;

		cursor = shard * SHARD_END +
			 walk_shard(table, &table->shards[shard], place, &max, fn, arg);
	}
	return cursor < SHARDS * SHARD_END ? cursor : 0;
}
