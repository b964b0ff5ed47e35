/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The flow table in process memory, shared by all workers without a global lock.
 *
 * Sessions: both directions of a flow know the remote address and port, so these
 * choose the shard. A shard is one mutex, two hash tables (by inside and by outside
 * tuple) and, per kind of lifetime, a list in order of last use: the oldest stands
 * first, so that expiry looks at nothing that still lives.
 *
 * BIB entries: found by inside address and port in hash stripes of their own, and by
 * outside address and port in pool4's slots. An entry lives as long as sessions
 * refer to it. To follow a slot's pointer one holds the slot's guard; an entry is
 * freed under its stripe and its guard, when no session refers to it.
 *
 * Order of locking: shard, then BIB stripe, then guard.
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
#include "pool4.h"

enum {
	SHARDS = 256,
	STRIPES = 256,
	GUARDS = 256,
	BUCKETS_MIN = 16,	/* of a table; doubles as it fills */
	EXPIRE_MAX = 4096,	/* sessions ended per shard and call */
};

enum lifetime { LIFE_UDP, LIFE_ICMP, LIFE_TCP_EST, LIFE_TCP_TRANS, LIFE_COUNT };

struct bib {
	struct bib *next;		/* in its bucket */
	struct in6_addr inside;
	uint32_t outside_be32;
	uint16_t inside_port, outside_port;
	uint8_t l4;
	_Atomic uint32_t sessions;
};

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

struct stripe {
	pthread_mutex_t mutex;
	struct bib **buckets;
	uint32_t n_buckets, n;
} __attribute__((aligned(64)));

struct guard {
	pthread_mutex_t mutex;
} __attribute__((aligned(64)));

struct flow_table {
	struct shard shards[SHARDS];
	struct stripe stripes[STRIPES];
	struct guard guards[GUARDS];
	struct siphash_key key;
	struct pool4 *pool;
	int64_t lifetime_ms[LIFE_COUNT];
	uint64_t sessions_max;
	_Atomic uint64_t n_sessions, n_bindings;
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

static uint64_t hash_binding(const struct flow_table *table, const struct in6_addr *inside,
			     uint16_t port, enum l4_proto l4)
{
	return hash_inside(table, inside, port, l4, 0, 0);
}

static struct guard *guard_of(struct flow_table *table, uint32_t outside_be32, uint16_t port,
			      enum l4_proto l4)
{
	return &table->guards[hash_outside(table, outside_be32, port, l4, 0, 0) % GUARDS];
}

/* The upper half chooses the bucket: the lower one chose shard or stripe. */
static uint32_t bucket_of(uint64_t hash, uint32_t n_buckets)
{
	return (uint32_t)(hash >> 32) & (n_buckets - 1);
}

/* ---- BIB ------------------------------------------------------------------ */

static int stripe_grow(struct flow_table *table, struct stripe *stripe)
{
	uint32_t n = stripe->n_buckets ? stripe->n_buckets * 2 : BUCKETS_MIN;
	struct bib **buckets;

	if (stripe->n < stripe->n_buckets)
		return 0;
	buckets = calloc(n, sizeof(*buckets));
	if (!buckets)
		return stripe->n_buckets ? 0 : -ENOMEM;	/* longer chains will do */
	for (uint32_t i = 0; i < stripe->n_buckets; i++) {
		struct bib *bib = stripe->buckets[i], *next;

		for (; bib; bib = next) {
			struct bib **head = &buckets[bucket_of(
				hash_binding(table, &bib->inside, bib->inside_port, bib->l4), n)];

			next = bib->next;
			bib->next = *head;
			*head = bib;
		}
	}
	free(stripe->buckets);
	stripe->buckets = buckets;
	stripe->n_buckets = n;
	return 0;
}

static struct bib **bib_place(struct stripe *stripe, uint64_t hash, const struct flow_packet *p)
{
	struct bib **at;

	if (!stripe->n_buckets)
		return NULL;
	for (at = &stripe->buckets[bucket_of(hash, stripe->n_buckets)]; *at; at = &(*at)->next)
		if ((*at)->inside_port == p->near_port && (*at)->l4 == p->l4 &&
		    addr_equal(&(*at)->inside, &p->inside))
			break;
	return at;
}

/* A new binding with an outside port; the stripe is held. */
static enum flow_result bib_create(struct flow_table *table, struct stripe *stripe, uint64_t hash,
				   const struct flow_packet *p, struct bib **out)
{
	struct bib **head, *bib;

	if (stripe_grow(table, stripe) < 0)
		return FLOW_FULL;
	bib = calloc(1, sizeof(*bib));
	if (!bib)
		return FLOW_FULL;
	bib->inside = p->inside;
	bib->inside_port = p->near_port;
	bib->l4 = (uint8_t)p->l4;
	atomic_init(&bib->sessions, 1);
	if (pool4_claim(table->pool, p->l4, &p->inside, p->near_port, &bib->outside_be32,
			&bib->outside_port) < 0) {
		free(bib);
		return FLOW_NO_PORT;
	}
	/* From here on the IPv4 side finds it. */
	pool4_publish(table->pool, p->l4, bib->outside_be32, bib->outside_port, bib);
	head = &stripe->buckets[bucket_of(hash, stripe->n_buckets)];
	bib->next = *head;
	*head = bib;
	stripe->n++;
	atomic_fetch_add_explicit(&table->n_bindings, 1, memory_order_relaxed);
	*out = bib;
	return FLOW_OK;
}

/* Find or make the binding of an outbound packet; one more session refers to it. */
static enum flow_result bib_take_inside(struct flow_table *table, const struct flow_packet *p,
					bool may_create, struct bib **out)
{
	uint64_t hash = hash_binding(table, &p->inside, p->near_port, p->l4);
	struct stripe *stripe = &table->stripes[hash % STRIPES];
	enum flow_result result = FLOW_OK;
	struct bib **at;

	pthread_mutex_lock(&stripe->mutex);
	at = bib_place(stripe, hash, p);
	if (at && *at) {
		*out = *at;
		atomic_fetch_add(&(*out)->sessions, 1);
	} else {
		result = may_create ? bib_create(table, stripe, hash, p, out) : FLOW_NONE;
	}
	pthread_mutex_unlock(&stripe->mutex);
	return result;
}

/* Find the binding of an inbound packet; one more session refers to it. */
static enum flow_result bib_take_outside(struct flow_table *table, const struct flow_packet *p,
					 struct bib **out)
{
	struct guard *guard;

	/* Most packets of the host itself end here, without a lock. */
	if (!pool4_owner(table->pool, p->l4, p->outside_be32, p->near_port))
		return FLOW_NONE;
	guard = guard_of(table, p->outside_be32, p->near_port, p->l4);
	pthread_mutex_lock(&guard->mutex);
	*out = pool4_owner(table->pool, p->l4, p->outside_be32, p->near_port);
	if (*out)
		atomic_fetch_add(&(*out)->sessions, 1);
	pthread_mutex_unlock(&guard->mutex);
	return *out ? FLOW_OK : FLOW_NONE;
}

static void bib_unlink(struct stripe *stripe, uint64_t hash, struct bib *bib)
{
	struct bib **at = &stripe->buckets[bucket_of(hash, stripe->n_buckets)];

	while (*at != bib)
		at = &(*at)->next;
	*at = bib->next;
	stripe->n--;
}

/* One session less; the last one takes the binding with it. */
static void bib_put(struct flow_table *table, struct bib *bib)
{
	uint64_t hash = hash_binding(table, &bib->inside, bib->inside_port, bib->l4);
	struct stripe *stripe = &table->stripes[hash % STRIPES];
	struct guard *guard = guard_of(table, bib->outside_be32, bib->outside_port, bib->l4);
	bool last;

	/* Not the last one: nobody can free it between this look and the step,
	 * since our own reference is still there. */
	uint32_t count = atomic_load(&bib->sessions);

	while (count > 1)
		if (atomic_compare_exchange_weak(&bib->sessions, &count, count - 1))
			return;
	pthread_mutex_lock(&stripe->mutex);
	pthread_mutex_lock(&guard->mutex);
	last = atomic_fetch_sub(&bib->sessions, 1) == 1;
	if (last) {
		pool4_release(table->pool, bib->l4, bib->outside_be32, bib->outside_port);
		bib_unlink(stripe, hash, bib);
		atomic_fetch_sub_explicit(&table->n_bindings, 1, memory_order_relaxed);
	}
	pthread_mutex_unlock(&guard->mutex);
	pthread_mutex_unlock(&stripe->mutex);
	if (last)
		free(bib);
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
	bib_put(table, bib);
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
	bib_put(table, s->bib);
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
		bib_put(table, bib);
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
			result = bib_take_inside(table, p, opens(p), &bib);
		else if (p->l4 == L4_ICMP)
			result = FLOW_NONE;
		else
			result = bib_take_outside(table, p, &bib);
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
	return pool4_owner(table->pool, packet->l4, packet->outside_be32, packet->near_port);
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

void flow_iterate(struct flow_table *table, void (*fn)(void *arg, const struct flow *flow),
		  void *arg)
{
	for (int i = 0; i < SHARDS; i++) {
		struct shard *shard = &table->shards[i];

		pthread_mutex_lock(&shard->mutex);
		for (int life = 0; life < LIFE_COUNT; life++) {
			struct session *s;

			TAILQ_FOREACH(s, &shard->by_age[life], by_age) {
				struct flow flow;

				copy_session(table, s, &flow);
				fn(arg, &flow);
			}
		}
		pthread_mutex_unlock(&shard->mutex);
	}
}

uint64_t flow_session_count(const struct flow_table *table)
{
	return atomic_load_explicit(&table->n_sessions, memory_order_relaxed);
}

uint64_t flow_binding_count(const struct flow_table *table)
{
	return atomic_load_explicit(&table->n_bindings, memory_order_relaxed);
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
	table->pool = pool;
	for (int i = 0; i < SHARDS; i++) {
		pthread_mutex_init(&table->shards[i].mutex, NULL);
		for (int life = 0; life < LIFE_COUNT; life++)
			TAILQ_INIT(&table->shards[i].by_age[life]);
	}
	for (int i = 0; i < STRIPES; i++)
		pthread_mutex_init(&table->stripes[i].mutex, NULL);
	for (int i = 0; i < GUARDS; i++)
		pthread_mutex_init(&table->guards[i].mutex, NULL);
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
	for (int i = 0; i < STRIPES; i++) {
		free(table->stripes[i].buckets);
		pthread_mutex_destroy(&table->stripes[i].mutex);
	}
	for (int i = 0; i < GUARDS; i++)
		pthread_mutex_destroy(&table->guards[i].mutex);
	free(table);
}
