/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The flow table in process memory, shared by all workers without a global lock.
 * Sessions are kept in session.c, BIB entries in bib.c; here is what becomes of them.
 *
 * Order of locking: a shard of sessions, then what bib.c locks.
 */
#include "flow.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "../core/config.h"
#include "bib.h"
#include "session.h"
#include "slab.h"

enum { EXPIRE_MAX = 4096 };	/* sessions ended per shard and call */

struct flow_table {
	struct sessions sessions;
	struct bib_table *bibs;
	struct pages *pages;
	int64_t lifetime_ms[LIFE_COUNT];
	uint64_t sessions_max;
	_Atomic uint64_t n_sessions;
};

/* ---- sessions -------------------------------------------------------------- */

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
	struct session *s = NULL;

	if (count_session(table, by)) {
		s = session_add(&table->sessions, shard, p, bib);
		if (!s)
			atomic_fetch_sub(&table->n_sessions, 1);
	}
	if (!s)
		bib_put(table->bibs, bib);
	return s;
}

static void session_end(struct flow_table *table, struct shard *shard, struct session *s)
{
	struct bib *bib = s->bib;

	session_remove(&table->sessions, shard, s);
	bib_put(table->bibs, bib);
	atomic_fetch_sub(&table->n_sessions, 1);
}

/* A packet of the flow was seen: state and lifetime go on. */
static void session_step(struct shard *shard, struct session *s, const struct flow_packet *p,
			 int64_t now_ms)
{
	struct tcp_step step;

	if (p->l4 != L4_TCP) {
		session_renew(shard, s, s->lifetime, now_ms);
		return;
	}
	step = tcp_state_step(s->state, p->event);
	s->state = step.state;
	if (step.lifetime == TCP_LIFETIME_EST)
		session_renew(shard, s, LIFE_TCP_EST, now_ms);
	else if (step.lifetime == TCP_LIFETIME_TRANS)
		session_renew(shard, s, LIFE_TCP_TRANS, now_ms);
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
	struct shard *shard = sessions_lock(&table->sessions, p);
	struct session *s = session_find(&table->sessions, shard, p, by);
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
	struct shard *shard = sessions_lock(&table->sessions, p);
	struct session *s = session_find(&table->sessions, shard, p, by);

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
		session_renew(shard, s, LIFE_TCP_TRANS, now_ms);
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
		ended += expire_shard(table, &table->sessions.shards[i], now_ms);
	return ended;
}

unsigned int flow_drop(struct flow_table *table,
		       bool (*keep)(const void *arg, const struct flow *flow), const void *arg)
{
	unsigned int ended = 0;
	struct flow flow;

	for (int i = 0; i < SHARDS; i++) {
		for (int life = 0; life < LIFE_COUNT; life++) {
			struct session *s = TAILQ_FIRST(&table->sessions.shards[i].by_age[life]), *next;

			for (; s; s = next) {
				next = TAILQ_NEXT(s, by_age);
				copy_session(table, s, &flow);
				if (keep(arg, &flow))
					continue;
				session_end(table, &table->sessions.shards[i], s);
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

uint64_t flow_memory_bytes(const struct flow_table *table)
{
	return sizeof(*table) + pages_bytes(table->pages);
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
	table->pages = pages_new();
	if (!table->pages)
		goto no_pages;
	table->bibs = bib_table_new(pool, table->pages);
	if (!table->bibs)
		goto no_bibs;
	if (sessions_init(&table->sessions, table->pages) < 0)
		goto no_sessions;
	flow_table_configure(table, config);
	return table;

no_sessions:
	bib_table_free(table->bibs);
no_bibs:
	pages_free(table->pages);
no_pages:
	free(table);
	return NULL;
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
	sessions_destroy(&table->sessions);
	bib_table_free(table->bibs);
	pages_free(table->pages);
	free(table);
}

/* ---- a list of all ---------------------------------------------------------------- */

/* A place in a shard is the hash that its next bucket begins with; SHARD_END is past all. */
#define SHARD_END (UINT64_C(1) << 32)

static uint64_t walk_shard(struct flow_table *table, struct shard *shard, uint64_t place,
			   unsigned int *looks, void (*fn)(void *arg, const struct flow *flow),
			   void *arg)
{
	const struct hash_type *type = &table->sessions.types[BY_INSIDE];
	uint64_t bucket, n;

	pthread_mutex_lock(&shard->mutex);
	n = shard->by[BY_INSIDE].n_buckets;
	for (bucket = place * n >> 32; bucket < n && *looks > 0; bucket++) {
		const struct hash_node *node = shard->by[BY_INSIDE].buckets[bucket];

		*looks -= !node;
		for (; node; node = node->next) {
			struct flow flow;

			/* The table may have shrunk: this was on the page before. */
			if (type->hash_of(type->arg, node) >> 32 < place)
				continue;
			copy_session(table, HASH_ENTRY(node, struct session, by[BY_INSIDE]), &flow);
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
			 walk_shard(table, &table->sessions.shards[shard], place, &max, fn, arg);
	}
	return cursor < SHARDS * SHARD_END ? cursor : 0;
}
