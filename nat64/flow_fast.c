/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "flow_fast.h"

#include <string.h>

#include "../core/log.h"
#include "bib.h"
#include "fast.h"
#include "journal.h"
#include "limits.h"
#include "peers.h"

static uint64_t *life_word(const struct flow_table *table, const struct session *s)
{
	_Static_assert(sizeof(__u64) == sizeof(uint64_t), "the same word");

	return (uint64_t *)&fast_session(table->fast, s->slot)->life;
}

static uint64_t read_life(const struct flow_table *table, const struct session *s)
{
	return __atomic_load_n(life_word(table, s), __ATOMIC_RELAXED);
}

static bool change_life(const struct flow_table *table, const struct session *s, uint64_t was,
			uint64_t is)
{
	return __atomic_compare_exchange_n(life_word(table, s), &was, is, false, __ATOMIC_RELAXED,
					   __ATOMIC_RELAXED);
}

static struct flow_life unpack(const struct session *s, uint64_t life)
{
	struct flow_life out = {
		.state = (enum tcp_state)FAST_LIFE_STATE(life),
		.since_ms = (int64_t)FAST_LIFE_MS(life),
		.lifetime = s->bib->l4 == L4_UDP ? LIFE_UDP : LIFE_ICMP,
	};

	if (s->bib->l4 == L4_TCP)
		out.lifetime = FAST_LIFE_LIFETIME(life) == TCP_LIFETIME_EST ? LIFE_TCP_EST
									     : LIFE_TCP_TRANS;
	return out;
}

struct flow_life flow_fast_life(const struct flow_table *table, const struct session *s)
{
	return unpack(s, read_life(table, s));
}

void flow_fast_step(const struct flow_table *table, const struct session *s,
		    const struct flow_packet *p, int64_t now_ms)
{
	uint64_t was, is;

	do {
		struct tcp_step step;

		was = read_life(table, s);
		is = FAST_LIFE(now_ms, 0, 0);
		if (p->l4 != L4_TCP)
			continue;
		step = tcp_state_step((enum tcp_state)FAST_LIFE_STATE(was), p->event);
		is = step.lifetime == TCP_LIFETIME_KEEP
			? FAST_LIFE(FAST_LIFE_MS(was), FAST_LIFE_LIFETIME(was), step.state)
			: FAST_LIFE(now_ms, step.lifetime, step.state);
	} while (!change_life(table, s, was, is));
}

/* ---- in and out ----------------------------------------------------------------------- */

bool flow_fast_may(const struct flow_table *table, const struct session *s)
{
	return table->fast && !s->slot && s->spoken && !flow_half_open(s);
}

static uint64_t pack(const struct session *s)
{
	if (s->bib->l4 != L4_TCP)
		return FAST_LIFE(s->last_ms, 0, 0);
	return FAST_LIFE(s->last_ms, s->lifetime == LIFE_TCP_EST ? TCP_LIFETIME_EST
								   : TCP_LIFETIME_TRANS, s->state);
}

void flow_speed_up(struct flow_table *table, const struct flow_packet *packet, bool outbound,
		   int64_t now_ms)
{
	struct shard *shard = sessions_lock(&table->sessions, packet);
	struct session *s = session_find(&table->sessions, shard, packet,
					 outbound ? BY_INSIDE : BY_OUTSIDE);

	if (s && flow_fast_may(table, s)) {
		struct flow flow;
		uint32_t slot;

		flow_copy(table, s, &flow);
		slot = fast_add(table->fast, &flow, pack(s));
		if (slot)
			session_take_slot(shard, s, slot, now_ms);
	}
	pthread_mutex_unlock(&shard->mutex);
}

static void slow_down(struct flow_table *table, struct shard *shard, struct session *s,
		      int64_t now_ms)
{
	struct flow_life life = flow_fast_life(table, s);
	uint32_t slot = s->slot;

	session_renew(shard, s, life.lifetime, now_ms);
	s->state = (uint8_t)life.state;
	fast_remove(table->fast, slot);
}

void flow_slow_down(struct flow_table *table,
		    bool (*keep)(const void *arg, const struct flow *flow), const void *arg,
		    int64_t now_ms)
{
	for (int i = 0; i < SHARDS; i++) {
		struct shard *shard = &table->sessions.shards[i];
		struct session *s = TAILQ_FIRST(&shard->by_age[LIST_FAST]), *next;
		struct flow flow;

		for (; s; s = next) {
			next = TAILQ_NEXT(s, by_age);
			flow_copy(table, s, &flow);
			if (!keep(arg, &flow))
				slow_down(table, shard, s, now_ms);
		}
	}
}

/* ---- ageing --------------------------------------------------------------------------- */

enum flow_look flow_fast_look(const struct flow_table *table, struct shard *shard,
			      struct session *s, int64_t now_ms)
{
	uint64_t word = read_life(table, s);
	struct flow_life life = unpack(s, word);

	session_take_slot(shard, s, s->slot, now_ms);
	if (now_ms - life.since_ms < table->lifetime_ms[life.lifetime])
		return FLOW_LIVES;
	if (s->bib->l4 != L4_TCP || tcp_state_timeout(life.state) != TCP_STATE_TRANS)
		return FLOW_OVER;
	return change_life(table, s, word, FAST_LIFE(now_ms, TCP_LIFETIME_TRANS, TCP_STATE_TRANS))
		       ? FLOW_IDLE : FLOW_LIVES;
}

/* ---- those of an earlier run ---------------------------------------------------------------- */

static void read_slot(const struct fast_session *slot, struct flow *flow)
{
	*flow = (struct flow){
		.l4 = slot->proto == IPPROTO_TCP ? L4_TCP
		      : slot->proto == IPPROTO_UDP ? L4_UDP : L4_ICMP,
		.outside_be32 = slot->outside,
		.remote_be32 = slot->remote,
		.inside_port = ntohs(slot->inside_port),
		.outside_port = ntohs(slot->outside_port),
		.remote_port = ntohs(slot->remote_port),
	};
	memcpy(&flow->inside, slot->inside, sizeof(flow->inside));
	memcpy(&flow->remote6, slot->remote6, sizeof(flow->remote6));
}

struct adopting {
	struct flow_table *table;
	bool (*keep)(const void *arg, const struct flow *flow);
	const void *arg;
	int64_t now_ms;
	uint64_t n;
};

/* A binding and a session as they were; what there is no room for any more has ended. */
static bool adopt(void *arg, uint32_t slot)
{
	struct adopting *a = arg;
	struct flow_packet p;
	struct session *s;
	struct shard *shard;
	struct flow flow;

	read_slot(fast_session(a->table->fast, slot), &flow);
	if (!a->keep(a->arg, &flow))
		return false;
	p = (struct flow_packet){
		.l4 = flow.l4, .inside = flow.inside, .remote6 = flow.remote6,
		.outside_be32 = flow.outside_be32, .remote_be32 = flow.remote_be32,
		.near_port = flow.inside_port, .remote_port = flow.remote_port,
	};
	shard = sessions_lock(&a->table->sessions, &p);
	s = session_find(&a->table->sessions, shard, &p, BY_INSIDE)
		    ? NULL : flow_remake(a->table, shard, &p, flow.outside_port);
	if (s) {
		s->spoken = true;
		session_take_slot(shard, s, slot, a->now_ms);
		s->state = (uint8_t)flow_fast_life(a->table, s).state;
		flow_copy(a->table, s, &flow);
		journal_session(a->table->journal, true, &flow);
		a->n++;
	}
	pthread_mutex_unlock(&shard->mutex);
	return s;
}

uint64_t flow_adopt(struct flow_table *table, bool (*keep)(const void *arg, const struct flow *flow),
		    const void *arg, int64_t now_ms)
{
	struct adopting a = { table, keep, arg, now_ms, 0 };

	fast_inherited(table->fast, adopt, &a);
	return a.n;
}
