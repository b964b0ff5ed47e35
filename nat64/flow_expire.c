/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The end of sessions: of their own accord, or because nobody may have them any more. */
#include <string.h>

#include "bib.h"
#include "fast.h"
#include "flow_fast.h"
#include "limits.h"
#include "flow_mem.h"
#include "journal.h"
#include "peers.h"

enum {
	EXPIRE_MAX = 4096,	/* sessions ended per shard and call */
	EXPIRE_BATCH = 32,	/* of those that someone is told of, per locking of a shard */
};

void flow_copy(const struct flow_table *table, const struct session *s, struct flow *out)
{
	struct flow_life life = { (enum tcp_state)s->state, (enum lifetime)s->lifetime, s->last_ms };

	if (s->slot)
		life = flow_fast_life(table, s);
	*out = (struct flow){
		.l4 = s->bib->l4,
		.inside = s->bib->inside,
		.remote6 = s->remote6,
		.outside_be32 = s->bib->outside_be32,
		.remote_be32 = s->remote_be32,
		.inside_port = s->bib->inside_port,
		.outside_port = s->bib->outside_port,
		.remote_port = s->remote_port,
		.state = life.state,
		.expires_ms = life.since_ms + table->lifetime_ms[life.lifetime],
		.fast = s->slot,
		.settled = flow_fast_may(table, s),
		.invited = s->spoken || s->bib->is_static,
	};
}

void flow_end(struct flow_table *table, struct shard *shard, struct session *s)
{
	struct bib *bib = s->bib;
	struct flow flow;

	if (table->journal) {
		flow_copy(table, s, &flow);
		journal_session(table->journal, false, &flow);
	}
	if (s->slot && !table->keeps_fast)
		fast_remove(table->fast, s->slot);
	if (table->peers)
		peers_remove(table->peers, bib, s->remote_be32);
	limits_leave(table->limits, s->client, flow_half_open(s));
	session_remove(&table->sessions, shard, s);
	bib_put(table->bibs, bib);
}

void flow_forget_syn(struct flow_table *table, struct shard *shard, struct syn *syn)
{
	syns_remove(&shard->syns, &table->sessions.syn_type, syn);
	atomic_fetch_sub(&table->n_syns, 1);
}

/* ---- the end of lifetimes ------------------------------------------------------ */

/* What happened while a shard was locked, to be told when it no longer is */
struct expired {
	struct flow idle[EXPIRE_BATCH];
	struct flow_syn unwanted[EXPIRE_BATCH];
	unsigned int n_idle, n_unwanted, ended;
};

/* The lifetime of the oldest of a kind is over: end it, or let it go on in TRANS. */
static void end_or_move(struct flow_table *table, struct shard *shard, struct session *s,
			int64_t now_ms, struct expired *expired)
{
	if (s->bib->l4 == L4_TCP && tcp_state_timeout(s->state) == TCP_STATE_TRANS) {
		s->state = TCP_STATE_TRANS;
		session_renew(shard, s, LIFE_TCP_TRANS, now_ms);
		flow_copy(table, s, &expired->idle[expired->n_idle++]);
		return;
	}
	flow_end(table, shard, s);
	expired->ended++;
}

/* The same of one that goes fast, and whose life is in the kernel's hands */
static void end_or_go_on(struct flow_table *table, struct shard *shard, struct session *s,
			 int64_t now_ms, struct expired *expired)
{
	switch (flow_fast_look(table, shard, s, now_ms)) {
	case FLOW_LIVES:
		break;
	case FLOW_IDLE:
		flow_copy(table, s, &expired->idle[expired->n_idle++]);
		break;
	case FLOW_OVER:
		flow_end(table, shard, s);
		expired->ended++;
		break;
	}
}

/* Return: true where there may be more, and the lock was to be given up for a while. */
static bool expire_some(struct flow_table *table, struct shard *shard, int64_t now_ms,
			struct expired *expired)
{
	struct session *s;
	struct syn *syn;

	for (int life = 0; life < LIFE_COUNT; life++) {
		while ((s = TAILQ_FIRST(&shard->by_age[life])) && expired->ended < EXPIRE_MAX &&
		       now_ms - s->last_ms >= table->lifetime_ms[life]) {
			if (expired->n_idle == EXPIRE_BATCH)
				return true;
			end_or_move(table, shard, s, now_ms, expired);
		}
	}
	while ((s = TAILQ_FIRST(&shard->by_age[LIST_FAST])) && expired->ended < EXPIRE_MAX &&
	       now_ms - s->last_ms >= table->look_every_ms) {
		if (expired->n_idle == EXPIRE_BATCH)
			return true;
		end_or_go_on(table, shard, s, now_ms, expired);
	}
	while ((syn = TAILQ_FIRST(&shard->syns.by_age)) && now_ms - syn->since_ms >= table->syn_ms) {
		if (expired->n_unwanted == EXPIRE_BATCH)
			return true;
		expired->unwanted[expired->n_unwanted++] = syn->packet;
		flow_forget_syn(table, shard, syn);
	}
	return false;
}

static void tell(const struct flow_watcher *watcher, struct expired *expired)
{
	for (unsigned int i = 0; watcher && i < expired->n_idle; i++)
		watcher->idle(watcher->arg, &expired->idle[i]);
	for (unsigned int i = 0; watcher && i < expired->n_unwanted; i++)
		watcher->unwanted(watcher->arg, &expired->unwanted[i]);
	expired->n_idle = expired->n_unwanted = 0;
}

static unsigned int expire_shard(struct flow_table *table, struct shard *shard, int64_t now_ms,
				 const struct flow_watcher *watcher)
{
	struct expired expired;
	bool more;

	expired.n_idle = expired.n_unwanted = expired.ended = 0;
	do {
		pthread_mutex_lock(&shard->mutex);
		more = expire_some(table, shard, now_ms, &expired);
		pthread_mutex_unlock(&shard->mutex);
		tell(watcher, &expired);
	} while (more);
	return expired.ended;
}

unsigned int flow_expire(struct flow_table *table, unsigned int first, unsigned int stride,
			 int64_t now_ms, const struct flow_watcher *watcher)
{
	unsigned int ended = 0;

	for (unsigned int i = first; i < SHARDS; i += stride)
		ended += expire_shard(table, &table->sessions.shards[i], now_ms, watcher);
	return ended;
}

unsigned int flow_drop(struct flow_table *table,
		       bool (*keep)(const void *arg, const struct flow *flow), const void *arg)
{
	unsigned int ended = 0;
	struct flow flow;

	for (int i = 0; i < SHARDS; i++) {
		for (int list = 0; list < LIST_COUNT; list++) {
			struct session *s = TAILQ_FIRST(&table->sessions.shards[i].by_age[list]), *next;

			for (; s; s = next) {
				next = TAILQ_NEXT(s, by_age);
				flow_copy(table, s, &flow);
				if (keep(arg, &flow))
					continue;
				flow_end(table, &table->sessions.shards[i], s);
				ended++;
			}
		}
	}
	return ended;
}

