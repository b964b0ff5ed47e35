/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An entry is found by inside address and port in hash stripes, and by outside
 * address and port in pool4's slots. To follow a slot's pointer one holds the slot's
 * guard; an entry is freed under its stripe and its guard, when no session refers to
 * it. Order of locking: stripe, then guard.
 */
#include "bib.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "../core/addr.h"
#include "../core/log.h"
#include "../core/siphash.h"
#include "journal.h"
#include "pool4.h"
#include "slab.h"
#include "statics.h"

enum {
	STRIPES = 256,
	GUARDS = 256,
};

struct stripe {
	pthread_mutex_t mutex;
	struct hash hash;
	struct slab slab;
} __attribute__((aligned(64)));

struct guard {
	pthread_mutex_t mutex;
} __attribute__((aligned(64)));

struct bib_table {
	struct stripe stripes[STRIPES];
	struct guard guards[GUARDS];
	struct siphash_key key;
	struct hash_type type;
	struct pool4 *pool;
	struct journal *journal;	/* borrowed; NULL none */
	_Atomic uint64_t n;
};

static uint64_t hash_inside(const struct bib_table *table, const struct in6_addr *inside,
			    uint16_t port, enum l4_proto l4)
{
	uint64_t words[3] = { 0, 0, (uint64_t)port << 8 | (uint64_t)l4 };

	memcpy(words, inside, 16);
	return siphash13(&table->key, words, 3);
}

static struct guard *guard_of(struct bib_table *table, uint32_t outside_be32, uint16_t port,
			      enum l4_proto l4)
{
	uint64_t word = (uint64_t)outside_be32 << 32 | (uint64_t)port << 8 | (uint64_t)l4;

	return &table->guards[siphash13(&table->key, &word, 1) % GUARDS];
}

static struct bib *entry(const struct hash_node *node)
{
	return HASH_ENTRY(node, struct bib, node);
}

static uint64_t hash_of(const void *arg, const struct hash_node *node)
{
	const struct bib *bib = entry(node);

	return hash_inside(arg, &bib->inside, bib->inside_port, bib->l4);
}

static struct bib *find(const struct stripe *stripe, uint64_t hash, const struct flow_packet *p)
{
	for (struct hash_node *node = hash_first(&stripe->hash, hash); node; node = node->next) {
		struct bib *bib = entry(node);

		if (bib->inside_port == p->near_port && bib->l4 == p->l4 &&
		    addr_equal(&bib->inside, &p->inside))
			return bib;
	}
	return NULL;
}

/* A binding that is not linked in yet has no outside; the stripe is held. */
static struct bib *make(struct bib_table *table, struct stripe *stripe, enum l4_proto l4,
			const struct in6_addr *inside, uint16_t inside_port)
{
	struct bib *bib = slab_alloc(&stripe->slab);

	if (!bib)
		return NULL;
	bib->l4 = (uint8_t)l4;
	bib->inside = *inside;
	bib->inside_port = inside_port;
	if (hash_insert(&stripe->hash, &table->type, &bib->node) < 0) {
		slab_free(&stripe->slab, bib);
		return NULL;
	}
	atomic_fetch_add_explicit(&table->n, 1, memory_order_relaxed);
	return bib;
}

static void unmake(struct bib_table *table, struct stripe *stripe, struct bib *bib)
{
	hash_remove(&stripe->hash, &table->type, &bib->node);
	slab_free(&stripe->slab, bib);
	atomic_fetch_sub_explicit(&table->n, 1, memory_order_relaxed);
}

/* A new binding with what was claimed; the stripe is held. */
static enum flow_result make_bound(struct bib_table *table, struct stripe *stripe,
				   const struct flow_packet *p, const struct pool4_claim *claim,
				   struct bib **out)
{
	struct bib *bib = make(table, stripe, p->l4, &p->inside, p->near_port);

	if (!bib) {
		pool4_release(table->pool, p->l4, &p->inside, claim);
		return FLOW_FULL;
	}
	bib->outside_be32 = claim->addr_be32;
	bib->outside_port = claim->port;
	bib->paired = claim->paired;
	bib->blocked = claim->blocked;
	atomic_init(&bib->sessions, 1);
	/* From here on the IPv4 side finds it. */
	pool4_publish(table->pool, p->l4, claim, bib);
	journal_binding(table->journal, true, bib);
	*out = bib;
	return FLOW_OK;
}

/* The port first: with a full pool a packet must not cost an allocation. */
static enum flow_result create(struct bib_table *table, struct stripe *stripe,
			       const struct flow_packet *p, struct bib **out)
{
	struct pool4_claim claim;

	if (pool4_claim(table->pool, p->l4, &p->inside, p->near_port, &claim) < 0)
		return FLOW_NO_PORT;
	return make_bound(table, stripe, p, &claim, out);
}

static enum flow_result recreate(struct bib_table *table, struct stripe *stripe,
				 const struct flow_packet *p, uint16_t outside_port,
				 struct bib **out)
{
	struct pool4_claim claim;

	if (pool4_claim_this(table->pool, p->l4, p->outside_be32, outside_port, &claim) < 0)
		return FLOW_NO_PORT;
	return make_bound(table, stripe, p, &claim, out);
}

enum flow_result bib_take_inside(struct bib_table *table, const struct flow_packet *p,
				 bool may_create, struct bib **out)
{
	uint64_t hash = hash_inside(table, &p->inside, p->near_port, p->l4);
	struct stripe *stripe = &table->stripes[hash % STRIPES];
	enum flow_result result = FLOW_OK;

	pthread_mutex_lock(&stripe->mutex);
	*out = find(stripe, hash, p);
	if (*out)
		atomic_fetch_add(&(*out)->sessions, 1);
	else
		result = may_create ? create(table, stripe, p, out) : FLOW_NONE;
	pthread_mutex_unlock(&stripe->mutex);
	return result;
}

enum flow_result bib_remake(struct bib_table *table, const struct flow_packet *p,
			    uint16_t outside_port, struct bib **out)
{
	uint64_t hash = hash_inside(table, &p->inside, p->near_port, p->l4);
	struct stripe *stripe = &table->stripes[hash % STRIPES];
	enum flow_result result = FLOW_OK;

	pthread_mutex_lock(&stripe->mutex);
	*out = find(stripe, hash, p);
	if (!*out)
		result = recreate(table, stripe, p, outside_port, out);
	else if ((*out)->outside_be32 == p->outside_be32 && (*out)->outside_port == outside_port)
		atomic_fetch_add(&(*out)->sessions, 1);
	else
		result = FLOW_NO_PORT;
	pthread_mutex_unlock(&stripe->mutex);
	return result;
}

enum flow_result bib_take_outside(struct bib_table *table, const struct flow_packet *p,
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

static void release_port(struct bib_table *table, const struct bib *bib)
{
	struct pool4_claim claim = {
		.addr_be32 = bib->outside_be32, .port = bib->outside_port,
		.paired = bib->paired, .blocked = bib->blocked, .fixed = bib->is_static,
	};

	pool4_release(table->pool, bib->l4, &bib->inside, &claim);
}

void bib_put(struct bib_table *table, struct bib *bib)
{
	uint64_t hash = hash_inside(table, &bib->inside, bib->inside_port, bib->l4);
	struct stripe *stripe = &table->stripes[hash % STRIPES];
	struct guard *guard = guard_of(table, bib->outside_be32, bib->outside_port, bib->l4);

	/* Not the last one: nobody can free it between this look and the step,
	 * since our own reference is still there. */
	uint32_t count = atomic_load(&bib->sessions);

	while (count > 1)
		if (atomic_compare_exchange_weak(&bib->sessions, &count, count - 1))
			return;
	pthread_mutex_lock(&stripe->mutex);
	pthread_mutex_lock(&guard->mutex);
	if (atomic_fetch_sub(&bib->sessions, 1) == 1) {
		journal_binding(table->journal, false, bib);
		release_port(table, bib);
		unmake(table, stripe, bib);
	}
	pthread_mutex_unlock(&guard->mutex);
	pthread_mutex_unlock(&stripe->mutex);
}

bool bib_has_outside(const struct bib_table *table, const struct flow_packet *p)
{
	return pool4_owner(table->pool, p->l4, p->outside_be32, p->near_port) != NULL;
}

bool bib_outside_is_static(struct bib_table *table, const struct flow_packet *p)
{
	struct guard *guard;
	const struct bib *bib;
	bool is_static;

	if (!pool4_owner(table->pool, p->l4, p->outside_be32, p->near_port))
		return false;
	guard = guard_of(table, p->outside_be32, p->near_port, p->l4);
	pthread_mutex_lock(&guard->mutex);
	bib = pool4_owner(table->pool, p->l4, p->outside_be32, p->near_port);
	is_static = bib && bib->is_static;
	pthread_mutex_unlock(&guard->mutex);
	return is_static;
}

/* ---- static bindings: the main thread, while no worker runs ------------------------ */

static bool is_of(const struct bib *bib, const struct static_entry *wanted)
{
	return bib->inside_port == wanted->inside_port && addr_equal(&bib->inside, &wanted->inside);
}

static struct bib *owner_of(const struct bib_table *table, const struct static_entry *wanted)
{
	return pool4_owner(table->pool, wanted->l4, wanted->outside_be32, wanted->outside_port);
}

void bib_end_statics(struct bib_table *table, const struct statics *in_force,
		     const struct statics *next)
{
	for (size_t i = 0; i < statics_count(in_force); i++) {
		const struct static_entry *wanted = statics_at(in_force, i);
		struct bib *bib = owner_of(table, wanted);

		if (bib && bib->is_static && !statics_holds(next, wanted))
			bib_put(table, bib);
	}
}

void bib_tell_displaced(struct bib_table *table, const struct statics *next)
{
	for (size_t i = 0; i < statics_count(next); i++) {
		const struct static_entry *wanted = statics_at(next, i);
		const struct bib *bib = owner_of(table, wanted);
		char outside[ENDPOINT_STRLEN], inside[ENDPOINT_STRLEN];
		struct endpoint from, to;

		if (!bib || bib->is_static || is_of(bib, wanted))
			continue;
		from = (struct endpoint){ addr_from_v4(wanted->outside_be32), wanted->outside_port };
		to = (struct endpoint){ bib->inside, bib->inside_port };
		log_info("nat64.static: %s %s had been given to %s, whose sessions there end",
			 l4_name(wanted->l4), endpoint_format(&from, outside),
			 endpoint_format(&to, inside));
	}
}

/* What has become static is in no block: it may outlive the one that it came out of. */
static void leave_block(struct bib_table *table, struct bib *bib)
{
	pool4_leave_block(table->pool, &bib->inside, bib->outside_be32, bib->outside_port);
	bib->blocked = false;
	journal_binding(table->journal, true, bib);
}

/* Return: 0 or -errno. */
static int add_static(struct bib_table *table, const struct static_entry *wanted)
{
	uint64_t hash = hash_inside(table, &wanted->inside, wanted->inside_port, wanted->l4);
	struct stripe *stripe = &table->stripes[hash % STRIPES];
	struct bib *bib = owner_of(table, wanted);
	bool is_new = !bib;
	int err;

	if (bib && bib->is_static)
		return 0;
	if (bib && !is_of(bib, wanted))
		return -EBUSY;
	if (is_new) {
		bib = make(table, stripe, wanted->l4, &wanted->inside, wanted->inside_port);
		if (!bib)
			return -ENOMEM;
		bib->outside_be32 = wanted->outside_be32;
		bib->outside_port = wanted->outside_port;
	}
	err = pool4_reserve(table->pool, wanted->l4, wanted->outside_be32, wanted->outside_port, bib);
	if (err < 0) {
		if (is_new)
			unmake(table, stripe, bib);
		return err;
	}
	bib->is_static = true;
	atomic_fetch_add(&bib->sessions, 1);	/* the configuration's own reference */
	if (is_new)
		journal_binding(table->journal, true, bib);
	else if (bib->blocked)
		leave_block(table, bib);
	return 0;
}

void bib_add_statics(struct bib_table *table, const struct statics *statics)
{
	for (size_t i = 0; i < statics_count(statics); i++) {
		const struct static_entry *wanted = statics_at(statics, i);
		const struct endpoint outside = { addr_from_v4(wanted->outside_be32),
						  wanted->outside_port };
		char text[ENDPOINT_STRLEN];
		int err = wanted->waits ? 0 : add_static(table, wanted);

		if (err < 0)
			log_error("nat64.static: %s %s cannot be made: %s", l4_name(wanted->l4),
				  endpoint_format(&outside, text), strerror(-err));
	}
}

/* ---- reading --------------------------------------------------------------------------- */

struct walk {
	void (*fn)(void *arg, const struct bib_view *view);
	void *arg;
};

static void see(void *arg, struct hash_node *node)
{
	const struct walk *walk = arg;
	const struct bib *bib = entry(node);
	const struct bib_view view = {
		.l4 = bib->l4,
		.inside = bib->inside,
		.outside_be32 = bib->outside_be32,
		.inside_port = bib->inside_port,
		.outside_port = bib->outside_port,
		.sessions = atomic_load(&bib->sessions) - bib->is_static,
		.is_static = bib->is_static,
	};

	walk->fn(walk->arg, &view);
}

void bib_leave_blocks(struct bib_table *table)
{
	for (unsigned int i = 0; i < STRIPES; i++) {
		const struct hash *hash = &table->stripes[i].hash;

		for (uint32_t k = 0; k < hash->n_buckets; k++) {
			for (struct hash_node *node = hash->buckets[k]; node; node = node->next) {
				entry(node)->blocked = false;
				journal_binding(table->journal, true, entry(node));
			}
		}
	}
}

uint64_t bib_page(struct bib_table *table, uint64_t cursor, unsigned int max,
		  void (*fn)(void *arg, const struct bib_view *view), void *arg)
{
	struct walk walk = { fn, arg };

	while (cursor < STRIPES * HASH_END && max > 0) {
		uint64_t at = cursor / HASH_END, place = cursor % HASH_END;
		struct stripe *stripe = &table->stripes[at];

		pthread_mutex_lock(&stripe->mutex);
		place = hash_walk(&stripe->hash, &table->type, place, &max, see, &walk);
		pthread_mutex_unlock(&stripe->mutex);
		cursor = at * HASH_END + place;
	}
	return cursor < STRIPES * HASH_END ? cursor : 0;
}

uint64_t bib_count(const struct bib_table *table)
{
	return atomic_load_explicit(&table->n, memory_order_relaxed);
}

struct bib_table *bib_table_new(struct pool4 *pool, struct pages *pages)
{
	struct bib_table *table = aligned_alloc(64, sizeof(*table));

	if (!table)
		return NULL;
	memset(table, 0, sizeof(*table));
	if (getrandom(&table->key, sizeof(table->key), 0) < 0) {
		free(table);
		return NULL;
	}
	table->pool = pool;
	table->type = (struct hash_type){ hash_of, table, pages };
	for (int i = 0; i < STRIPES; i++) {
		pthread_mutex_init(&table->stripes[i].mutex, NULL);
		slab_init(&table->stripes[i].slab, pages, sizeof(struct bib));
	}
	for (int i = 0; i < GUARDS; i++)
		pthread_mutex_init(&table->guards[i].mutex, NULL);
	return table;
}

void bib_table_log(struct bib_table *table, struct journal *journal)
{
	table->journal = journal;
}

void bib_table_free(struct bib_table *table)
{
	if (!table)
		return;
	for (int i = 0; i < STRIPES; i++) {
		hash_free(&table->stripes[i].hash, &table->type);
		pthread_mutex_destroy(&table->stripes[i].mutex);
	}
	for (int i = 0; i < GUARDS; i++)
		pthread_mutex_destroy(&table->guards[i].mutex);
	free(table);
}
