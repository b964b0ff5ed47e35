/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The flow table in process memory, shared by all workers without a global lock.
 * Sessions are kept in session.c, BIB entries in bib.c, what clients have in limits.c;
 * here is what becomes of them.
 *
 * Order of locking: a shard of sessions, then what bib.c, limits.c or peers.c locks.
 */
#include "flow.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "../core/config.h"
#include "bib.h"
#include "limits.h"
#include "flow_fast.h"
#include "flow_mem.h"
#include "journal.h"
#include "peers.h"
#include "slab.h"

/* How often a session that goes fast is looked at: so many times in the shortest lifetime,
 * but not less often than so */
enum { LOOKS = 8, LOOK_MAX_MS = 10000 };

/* ---- sessions -------------------------------------------------------------- */

/* Takes over the references to @bib and @client, whatever comes of it. @half_open: admitted
 * as such. */
static struct session *session_create(struct flow_table *table, struct shard *shard,
				      const struct flow_packet *p, struct bib *bib,
				      struct client *client, bool half_open)
{
	struct session *s;

	if (table->peers && peers_add(table->peers, bib, p->remote_be32) < 0)
		goto no_peer;
	s = session_add(&table->sessions, shard, p, bib, client);
	if (s)
		return s;
	if (table->peers)
		peers_remove(table->peers, bib, p->remote_be32);
no_peer:
	bib_put(table->bibs, bib);
	limits_leave(table->limits, client, half_open);
	return NULL;
}

/* A packet of the flow was seen: state and lifetime go on. */
static void session_step(struct flow_table *table, struct shard *shard, struct session *s,
			 const struct flow_packet *p, int64_t now_ms)
{
	bool waited = flow_half_open(s);
	struct tcp_step step;

	if (s->slot) {
		flow_fast_step(table, s, p, now_ms);
		return;
	}
	if (p->l4 != L4_TCP) {
		session_renew(shard, s, s->lifetime, now_ms);
		return;
	}
	step = tcp_state_step(s->state, p->event);
	s->state = step.state;
	if (waited && !flow_half_open(s))
		limits_answered(table->limits, s->client);
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
		.invited = bib->is_static,
	};
}

/* ---- the interface ----------------------------------------------------------- */

/* Does this packet open a session? For TCP only a SYN does (RFC 6146 3.5.2.2). */
static bool opens(const struct flow_packet *p)
{
	return p->l4 != L4_TCP ||
	       tcp_state_step(TCP_STATE_CLOSED, p->event).state != TCP_STATE_CLOSED;
}

static struct syn *waiting_syn(struct flow_table *table, struct shard *shard, const struct bib *bib,
			       const struct flow_packet *p)
{
	if (p->l4 != L4_TCP || atomic_load_explicit(&table->n_syns, memory_order_relaxed) == 0)
		return NULL;
	return syns_find(&shard->syns, &table->sessions.syn_type,
			 bib ? bib->outside_be32 : p->outside_be32,
			 bib ? bib->outside_port : p->near_port, p->remote_be32, p->remote_port);
}

/*
 * Make the session, with @bib and @client taken. A SYN that was waiting for one from inside
 * has met it: the session was in V4_INIT all the while (RFC 6146 3.5.2.2). It is not sent
 * on: its sender repeats it, or answers the one from inside.
 */
static enum flow_result open_session(struct flow_table *table, struct shard *shard,
				     const struct flow_packet *p, int by, struct bib *bib,
				     struct client *client, int64_t now_ms, struct flow *out)
{
	struct syn *syn = waiting_syn(table, shard, bib, p);
	struct session *s = session_create(table, shard, p, bib, client, p->l4 == L4_TCP);

	if (!s)
		return FLOW_FULL;
	s->spoken = by == BY_INSIDE;
	if (by == BY_INSIDE && syn)
		s->state = TCP_STATE_V4_INIT;
	session_step(table, shard, s, p, now_ms);
	flow_copy(table, s, out);
	out->created = true;
	out->settled = false;
	journal_session(table->journal, true, out);
	out->met = by == BY_INSIDE && syn;
	if (syn)
		flow_forget_syn(table, shard, syn);
	return FLOW_OK;
}

static enum flow_result pass_on_binding(struct flow_table *table, const struct flow_packet *p,
					struct bib *bib, struct flow *out)
{
	copy_binding(bib, p, out);
	bib_put(table->bibs, bib);
	return FLOW_OK;
}

/* No session yet: make it, or let a stray segment pass on a binding that is there. */
static enum flow_result first_outbound(struct flow_table *table, struct shard *shard,
				       const struct flow_packet *p, int64_t now_ms,
				       struct flow *out)
{
	bool tcp = p->l4 == L4_TCP;
	enum flow_result result;
	struct client *client;
	struct bib *bib;

	if (!opens(p)) {
		result = bib_take_inside(table->bibs, p, false, &bib);
		return result == FLOW_OK ? pass_on_binding(table, p, bib, out) : result;
	}
	/* The client's limits first: they are what makes the search for a port affordable. */
	result = limits_admit(table->limits, &p->inside, false, tcp, now_ms, &client);
	if (result != FLOW_OK)
		return result;
	result = bib_take_inside(table->bibs, p, true, &bib);
	if (result != FLOW_OK) {
		limits_leave(table->limits, client, tcp);
		return result;
	}
	return open_session(table, shard, p, BY_INSIDE, bib, client, now_ms, out);
}

/* RFC 6146 3.5.1, 3.5.2.2 with address-dependent filtering: is the sender held off? */
bool flow_filtered(const struct flow_table *table, const struct bib *bib,
		   const struct flow_packet *p)
{
	if (!table->filters || bib->is_static)
		return false;
	return !table->peers || !peers_has(table->peers, bib, p->remote_be32);
}

static enum flow_result first_inbound(struct flow_table *table, struct shard *shard,
				      const struct flow_packet *p, int64_t now_ms,
				      struct flow *out)
{
	enum flow_result result = FLOW_NONE;
	struct client *client;
	struct bib *bib;

	if (p->l4 == L4_ICMP && !bib_outside_is_static(table->bibs, p))
		return FLOW_NONE;
	result = bib_take_outside(table->bibs, p, &bib);
	if (result == FLOW_OK && flow_filtered(table, bib, p)) {
		bib_put(table->bibs, bib);
		result = FLOW_FILTERED;
	}
	if (result != FLOW_OK)
		return waiting_syn(table, shard, NULL, p) && p->event == TCP_EVENT_V4_SYN
			       ? FLOW_WAITING : result;
	if (!opens(p))
		return pass_on_binding(table, p, bib, out);
	result = limits_admit(table->limits, &bib->inside, true, p->l4 == L4_TCP, now_ms,
			       &client);
	if (result != FLOW_OK) {
		bib_put(table->bibs, bib);
		return result;
	}
	return open_session(table, shard, p, BY_OUTSIDE, bib, client, now_ms, out);
}

/* See flow_outbound(). Return: whether it is the session's remote host. */
static bool agree_remote6(struct session *s, const struct flow_packet *p)
{
	if (!s->spoken)
		s->remote6 = p->remote6;
	s->spoken = true;
	return addr_equal(&s->remote6, &p->remote6);
}

static enum flow_result packet_seen(struct flow_table *table, const struct flow_packet *p, int by,
				    int64_t now_ms, struct flow *out)
{
	struct shard *shard = sessions_lock(&table->sessions, p);
	struct session *s = session_find(&table->sessions, shard, p, by);
	enum flow_result result = FLOW_OK;

	if (s && by == BY_INSIDE && !agree_remote6(s, p)) {
		result = FLOW_OTHER_PREF64;
	} else if (s) {
		session_step(table, shard, s, p, now_ms);
		flow_copy(table, s, out);
	} else if (by == BY_INSIDE) {
		result = first_outbound(table, shard, p, now_ms, out);
	} else {
		result = first_inbound(table, shard, p, now_ms, out);
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
		flow_copy(table, s, out);
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
		return flow_find_outside(table, packet, &flow) == FLOW_OK ||
		       bib_outside_is_static(table->bibs, packet);
	return bib_has_outside(table->bibs, packet);
}

bool flow_may_store_syn(const struct flow_table *table)
{
	return atomic_load_explicit(&table->n_syns, memory_order_relaxed) < table->syns_max;
}

enum flow_result flow_store_syn(struct flow_table *table, const struct flow_packet *packet,
				const uint8_t *data, size_t len, int64_t now_ms)
{
	struct shard *shard = sessions_lock(&table->sessions, packet);
	enum flow_result result = FLOW_OK;

	if (session_find(&table->sessions, shard, packet, BY_OUTSIDE) ||
	    waiting_syn(table, shard, NULL, packet)) {
		result = FLOW_WAITING;
	} else if (atomic_fetch_add(&table->n_syns, 1) >= table->syns_max ||
		   syns_add(&shard->syns, &table->sessions.syn_type, packet, data, len,
			    now_ms) < 0) {
		atomic_fetch_sub(&table->n_syns, 1);
		result = FLOW_FULL;
	}
	pthread_mutex_unlock(&shard->mutex);
	return result;
}

struct bib_table *flow_bibs(const struct flow_table *table)
{
	return table->bibs;
}

uint64_t flow_session_count(const struct flow_table *table)
{
	return limits_sessions(table->limits);
}

void flow_sessions_by(const struct flow_table *table, uint64_t n[L4_COUNT])
{
	sessions_count(&table->sessions, n);
}

uint64_t flow_binding_count(const struct flow_table *table)
{
	return bib_count(table->bibs);
}

uint64_t flow_memory_bytes(const struct flow_table *table)
{
	return sizeof(*table) + pages_bytes(table->pages);
}

uint64_t flow_client_count(const struct flow_table *table)
{
	return limits_clients(table->limits);
}

void flow_top_clients(struct flow_table *table, struct leaders *leaders)
{
	limits_top(table->limits, leaders);
}

uint64_t flow_syn_count(const struct flow_table *table)
{
	return atomic_load_explicit(&table->n_syns, memory_order_relaxed);
}

unsigned int flow_longest_chain(struct flow_table *table)
{
	unsigned int longest = 0;

	for (int i = 0; i < SHARDS * 2; i++) {
		struct shard *shard = &table->sessions.shards[i / 2];
		unsigned int n;

		pthread_mutex_lock(&shard->mutex);
		n = hash_longest(&shard->by[i % 2]);
		pthread_mutex_unlock(&shard->mutex);
		if (n > longest)
			longest = n;
	}
	return longest;
}

/* ---- the table's life ------------------------------------------------------------ */

/* Who has a session with whom, where that has come to matter. What there is no memory for
 * is held off until its next session. */
static void follow_filtering(struct flow_table *table, enum config_filtering filtering)
{
	struct session *s;

	table->filters = filtering == CONFIG_FILTERING_ADDRESS_DEPENDENT;
	if (!table->filters) {
		peers_free(table->peers);
		table->peers = NULL;
	} else if (!table->peers) {
		table->peers = peers_new(table->pages);
		for (int i = 0; table->peers && i < SHARDS * LIST_COUNT; i++)
			TAILQ_FOREACH(s, &table->sessions.shards[i / LIST_COUNT]
						  .by_age[i % LIST_COUNT], by_age)
				(void)peers_add(table->peers, s->bib, s->remote_be32);
	}
}

/* Often enough that nothing outlives its lifetime by much */
static int64_t look_interval_ms(const int64_t lifetime_ms[LIFE_COUNT])
{
	int64_t shortest_ms = LOOK_MAX_MS * LOOKS;

	for (int life = 0; life < LIFE_COUNT; life++)
		if (lifetime_ms[life] < shortest_ms)
			shortest_ms = lifetime_ms[life];
	return shortest_ms / LOOKS;
}

void flow_table_configure(struct flow_table *table, const struct config *config)
{
	table->lifetime_ms[LIFE_UDP] = config->nat64.timeouts.udp_ms;
	table->lifetime_ms[LIFE_ICMP] = config->nat64.timeouts.icmp_ms;
	table->lifetime_ms[LIFE_TCP_EST] = config->nat64.timeouts.tcp_established_ms;
	table->lifetime_ms[LIFE_TCP_TRANS] = config->nat64.timeouts.tcp_transitory_ms;
	table->look_every_ms = look_interval_ms(table->lifetime_ms);
	table->syn_ms = config->nat64.timeouts.tcp_syn_ms;
	table->syns_max = config->nat64.limits.stored_syns;
	limits_configure(table->limits, config);
	follow_filtering(table, config->nat64.filtering);
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
	table->limits = limits_new(table->pages);
	if (!table->limits)
		goto no_limits;
	if (sessions_init(&table->sessions, table->pages) < 0)
		goto no_sessions;
	flow_table_configure(table, config);
	return table;

no_sessions:
	limits_free(table->limits);
no_limits:
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

struct session *flow_remake(struct flow_table *table, struct shard *shard,
			    const struct flow_packet *p, uint16_t outside_port)
{
	struct client *client;
	struct bib *bib;

	if (limits_readmit(table->limits, &p->inside, &client) != FLOW_OK)
		return NULL;
	if (bib_remake(table->bibs, p, outside_port, &bib) != FLOW_OK) {
		limits_leave(table->limits, client, false);
		return NULL;
	}
	return session_create(table, shard, p, bib, client, false);
}

void flow_table_speed_up(struct flow_table *table, struct fast *fast)
{
	table->fast = fast;
}

void flow_table_log(struct flow_table *table, struct journal *journal)
{
	table->journal = journal;
	bib_table_log(table->bibs, journal);
}

void flow_table_free(struct flow_table *table, bool keep_fast)
{
	if (!table)
		return;
	table->keeps_fast = keep_fast;
	flow_drop(table, keep_none, NULL);
	peers_free(table->peers);
	sessions_destroy(&table->sessions);
	limits_free(table->limits);
	bib_table_free(table->bibs);
	pages_free(table->pages);
	free(table);
}

/* ---- a list of all ---------------------------------------------------------------- */

struct walk {
	struct flow_table *table;
	void (*fn)(void *arg, const struct flow *flow);
	void *arg;
};

static void see(void *arg, struct hash_node *node)
{
	const struct walk *walk = arg;
	struct flow flow;

	flow_copy(walk->table, HASH_ENTRY(node, struct session, by[BY_INSIDE]), &flow);
	walk->fn(walk->arg, &flow);
}

uint64_t flow_page(struct flow_table *table, uint64_t cursor, unsigned int max,
		   void (*fn)(void *arg, const struct flow *flow), void *arg)
{
	struct walk walk = { table, fn, arg };

	while (cursor < SHARDS * HASH_END && max > 0) {
		uint64_t at = cursor / HASH_END, place = cursor % HASH_END;
		struct shard *shard = &table->sessions.shards[at];

		pthread_mutex_lock(&shard->mutex);
		place = hash_walk(&shard->by[BY_INSIDE], &table->sessions.types[BY_INSIDE], place,
				  &max, see, &walk);
		pthread_mutex_unlock(&shard->mutex);
		cursor = at * HASH_END + place;
	}
	return cursor < SHARDS * HASH_END ? cursor : 0;
}
