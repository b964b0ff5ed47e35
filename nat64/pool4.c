/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The pool in force (pool4.h); how it comes to be stands in pool4_plan.c. */
#include "pool4.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "../core/log.h"
#include "../core/siphash.h"
#include "../core/stats.h"
#include "blocks.h"
#include "hostports.h"
#include "pairs.h"
#include "pool4_address.h"
#include "statics.h"

enum { COUNTERS = 256 };	/* RFC 6056 3.3.4: size of table[] */

struct pool4 {
	struct pool_address *addresses;		/* sorted */
	size_t n;
	size_t *of_pool;			/* the numbers of those that give out ports */
	size_t n_of_pool;
	struct pairs *pairs;
	struct blocks *blocks;
	struct block **spaces;			/* their blocks; where blocks are wanted */
	unsigned int client_prefix;		/* of these; 0: none are wanted */
	_Atomic uint64_t used;
	_Atomic uint32_t free[L4_COUNT];	/* ports to choose from that nobody has */
	struct siphash_key key_offset, key_index;	/* RFC 6056: F() and G() */
	_Atomic uint32_t counters[COUNTERS];
};

static struct pool_address *find(const struct pool4 *pool, uint32_t addr_be32)
{
	return pool_address_find(pool->addresses, pool->n, addr_be32);
}

struct pool4 *pool4_new(void)
{
	struct pool4 *pool = calloc(1, sizeof(*pool));

	if (!pool)
		return NULL;
	pool->pairs = pairs_new();
	pool->blocks = blocks_new();
	if (!pool->pairs || !pool->blocks ||
	    getrandom(&pool->key_offset, sizeof(pool->key_offset), 0) < 0 ||
	    getrandom(&pool->key_index, sizeof(pool->key_index), 0) < 0) {
		pool4_free(pool);
		return NULL;
	}
	return pool;
}

/* All blocks go back, and are forgotten. */
static void end_blocks(struct pool4 *pool)
{
	for (size_t i = 0; i < pool->n; i++) {
		if (pool->addresses[i].blocks)
			blocks_end(pool->blocks, pool->addresses[i].blocks);
		free(pool->addresses[i].blocks);
		pool->addresses[i].blocks = NULL;
	}
}

void pool4_log(struct pool4 *pool, struct journal *journal)
{
	blocks_log(pool->blocks, journal);
}

void pool4_free(struct pool4 *pool)
{
	if (!pool)
		return;
	end_blocks(pool);
	pool_addresses_free(pool->addresses, pool->n, true);
	pairs_free(pool->pairs);
	blocks_free(pool->blocks);
	free(pool->spaces);
	free(pool->of_pool);
	free(pool);
}

void *_Atomic *const *pool4_slots(const struct pool4 *pool, uint32_t addr_be32)
{
	const struct pool_address *address = find(pool, addr_be32);

	return address ? address->slots : NULL;
}

/* ---- a plan comes into force --------------------------------------------------------- */

/* Ports in use stay in use: what has an owner is taken. */
static void mark_taken(struct pool_address *address)
{
	for (int l4 = 0; l4 < L4_COUNT; l4++)
		for (unsigned int port = 1; port < PORT_SPACE; port++)
			if (atomic_load_explicit(&address->slots[l4][port], memory_order_relaxed))
				ports_take(&address->ports[l4], (uint16_t)port);
}

/* Pairs speak of numbers, and these change. */
static void renumber(struct pool4 *pool, const struct pool4_plan *plan, size_t *number)
{
	for (size_t i = 0; i < pool->n; i++) {
		const struct pool_address *same = pool_address_find(
			plan->addresses, plan->n, pool->addresses[i].addr_be32);

		number[i] = same ? (size_t)(same - plan->addresses) : SIZE_MAX;
		for (int l4 = 0; l4 < L4_COUNT && !same; l4++)
			free(pool->addresses[i].slots[l4]);
	}
	pairs_renumber(pool->pairs, number, pool->n);
}

/* Clients keep their blocks while they are the same clients, and the address is there. */
static void carry_blocks(struct pool4 *pool, struct pool4_plan *plan)
{
	for (size_t i = 0; i < plan->n && pool->client_prefix == plan->client_prefix; i++) {
		struct pool_address *to = &plan->addresses[i];
		struct pool_address *from = find(pool, to->addr_be32);

		if (!from || !from->blocks || !to->blocks)
			continue;
		for (unsigned int k = 0; k < BLOCKS; k++)
			from->blocks[k].usable = to->blocks[k].usable;
		free(to->blocks);
		to->blocks = from->blocks;
		from->blocks = NULL;
	}
	end_blocks(pool);
	blocks_configure(pool->blocks, plan->client_prefix, plan->blocks_max);
	free(pool->spaces);
	pool->spaces = plan->spaces;
	pool->client_prefix = plan->client_prefix;
}

void pool4_commit(struct pool4 *pool, struct pool4_plan *plan)
{
	carry_blocks(pool, plan);
	/* The plan has brought room for both, so that nothing can fail here. */
	renumber(pool, plan, plan->number);
	free(plan->number);
	free(pool->of_pool);
	pool_addresses_free(pool->addresses, pool->n, false);
	pool->of_pool = plan->of_pool;
	pool->n_of_pool = 0;
	pool->addresses = plan->addresses;
	pool->n = plan->n;
	free(plan);
	for (int l4 = 0; l4 < L4_COUNT; l4++)
		atomic_store(&pool->free[l4], 0);
	for (size_t i = 0; i < pool->n; i++) {
		struct pool_address *address = &pool->addresses[i];

		if (address->of_pool) {
			pool->spaces[pool->n_of_pool] = address->blocks;
			pool->of_pool[pool->n_of_pool++] = i;
		}
		mark_taken(address);
		for (int l4 = 0; l4 < L4_COUNT; l4++)
			atomic_fetch_add(&pool->free[l4], ports_free(&address->ports[l4]));
	}
}

/* ---- claims -------------------------------------------------------------------------- */

/* One search of one claim */
struct claiming {
	enum l4_proto l4;
	uint16_t inside_port;
	uint64_t host;			/* hash of the inside address */
	struct port_search search;
	const struct pool4 *pool;
	const struct pool_address *address;	/* where the search is now */
};

/* The host may have come to use a port since the pool was planned. */
static bool host_has(void *arg, uint16_t port)
{
	const struct claiming *c = arg;

	return hostports_taken(c->l4, c->address->addr_be32, port);
}

static uint16_t claim_port(struct pool_address *address, struct claiming *c)
{
	uint16_t port = 0;

	c->address = address;
	for (unsigned int i = 0; i < PORT_LISTS && !port; i++)
		port = ports_claim(&address->ports[c->l4], ports_list(c->inside_port, i),
				   &c->search);
	return port;
}

/* The address of its other bindings, then its home, then the others. */
static int claim_any(struct pool4 *pool, struct claiming *c, struct pool4_claim *out)
{
	size_t n = pool->n_of_pool, paired, at = 0;
	bool known = n > 1 && pairs_find(pool->pairs, c->host, &paired) && paired < pool->n;

	*out = (struct pool4_claim){ 0 };
	if (known) {
		at = paired;
		out->port = claim_port(&pool->addresses[at], c);
	}
	for (size_t i = 0; i < n && !out->port; i++) {
		at = pool->of_pool[(c->host + i) % n];
		out->port = claim_port(&pool->addresses[at], c);
	}
	if (!out->port)
		return -EADDRNOTAVAIL;
	out->addr_be32 = pool->addresses[at].addr_be32;
	out->paired = n > 1 && pairs_add(pool->pairs, c->host, at);
	return 0;
}

/* One list of one block, for blocks_claim() */
static uint16_t claim_in_block(void *arg, const struct block *block, unsigned int rank)
{
	struct claiming *c = arg;
	struct pool_address *address = find(c->pool, block->addr_be32);

	c->address = address;
	c->search.first = block->first;
	c->search.last = (uint16_t)(block->first + BLOCK_PORTS - 1);
	return ports_claim(&address->ports[c->l4], ports_list(c->inside_port, rank), &c->search);
}

static bool is_block_empty(void *arg, const struct block *block)
{
	const struct claiming *c = arg;
	const struct pool_address *address = find(c->pool, block->addr_be32);

	for (int l4 = 0; l4 < L4_COUNT; l4++)
		if (ports_taken(&address->ports[l4], block->first,
				(uint16_t)(block->first + BLOCK_PORTS - 1)))
			return false;
	return true;
}

static struct block_claim in_blocks(const struct pool4 *pool, const struct in6_addr *inside,
				    struct claiming *c)
{
	return (struct block_claim){
		.inside = inside, .inside_port = c->inside_port, .start = c->search.start,
		.spaces = pool->spaces, .n = pool->n_of_pool, .home = c->host % pool->n_of_pool,
		.take = claim_in_block, .is_empty = is_block_empty, .arg = c,
	};
}

/* @host: the search ended at ports that sockets of the host have. */
static int refuse(const struct pool4 *pool, enum l4_proto l4, bool host)
{
	if (host) {
		stats_inc(STAT_NAT64_PORTS_HOST);
		log_limited(LOG_LEVEL_WARN, "nat64.pool4: sockets of the host have the %s ports that "
			    "are left; give nat64.pool4 more ports or addresses", l4_name(l4));
	} else {
		stats_inc(STAT_NAT64_PORTS_EXHAUSTED);
		log_limited(LOG_LEVEL_WARN, "nat64.pool4: all %s ports of %zu addresses are in use; "
			    "give nat64.pool4 more ports or addresses, or lower "
			    "nat64.limits.sessions_per_client", l4_name(l4), pool->n_of_pool);
	}
	return -EADDRNOTAVAIL;
}

/* The same of a client's blocks */
static int refuse_block(const struct pool4 *pool, const struct claiming *c, int err)
{
	if (c->search.asks > 0)
		return refuse(pool, c->l4, true);
	if (err == -EDQUOT) {
		stats_inc(STAT_NAT64_PORTS_CLIENT_BLOCKS);
		log_limited(LOG_LEVEL_WARN, "nat64.pool4: a client has all the port blocks that "
			    "nat64.limits.sessions_per_client lets it have");
	} else {
		stats_inc(STAT_NAT64_PORTS_BLOCKS);
		log_limited(LOG_LEVEL_WARN, "nat64.pool4: no block of %d ports is free; give "
			    "nat64.pool4 more ports or addresses, or lower "
			    "nat64.limits.sessions_per_client", BLOCK_PORTS);
	}
	return -EADDRNOTAVAIL;
}

static int claim_block(struct pool4 *pool, const struct in6_addr *inside, struct claiming *c,
		       struct pool4_claim *out)
{
	const struct block_claim claim = in_blocks(pool, inside, c);
	struct block *block;
	int err;

	*out = (struct pool4_claim){ 0 };
	err = blocks_claim(pool->blocks, &claim, &block, &out->port);
	if (err < 0)
		return refuse_block(pool, c, err);
	out->addr_be32 = block->addr_be32;
	out->blocked = true;
	return 0;
}

bool pool4_offers(const struct pool4 *pool, enum l4_proto l4, uint32_t addr_be32, uint16_t port)
{
	const struct pool_address *address = find(pool, addr_be32);

	return address && ports_has(&address->ports[l4], port);
}

static uint64_t hash_host(const struct pool4 *pool, const struct in6_addr *inside)
{
	uint64_t words[2];

	memcpy(words, inside, 16);
	return siphash13(&pool->key_index, words, 2);
}

/* Return: which of the counters adds to where it starts (RFC 6056 3.3.4). */
static size_t begin_claim(const struct pool4 *pool, enum l4_proto l4, const struct in6_addr *inside,
			  uint16_t inside_port, struct claiming *c)
{
	uint64_t words[3] = { 0, 0, (uint64_t)l4 << 16 | inside_port };

	memcpy(words, inside, 16);
	*c = (struct claiming){
		.l4 = l4, .inside_port = inside_port, .pool = pool, .host = hash_host(pool, inside),
		.search = { .start = siphash13(&pool->key_offset, words, 3), .first = 1,
			    .last = UINT16_MAX, .refuse = host_has, .arg = c },
	};
	return siphash13(&pool->key_index, words, 3) % COUNTERS;
}

int pool4_claim(struct pool4 *pool, enum l4_proto l4, const struct in6_addr *inside,
		uint16_t inside_port, struct pool4_claim *out)
{
	struct claiming c;
	size_t counter;

	if (!atomic_load_explicit(&pool->free[l4], memory_order_relaxed))
		return refuse(pool, l4, false);
	counter = begin_claim(pool, l4, inside, inside_port, &c);
	c.search.start += atomic_fetch_add_explicit(&pool->counters[counter], 1,
						    memory_order_relaxed);
	if (pool->client_prefix) {
		if (claim_block(pool, inside, &c, out) < 0)
			return -EADDRNOTAVAIL;
	} else if (claim_any(pool, &c, out) < 0) {
		return refuse(pool, l4, c.search.asks > 0);
	}
	atomic_fetch_sub_explicit(&pool->free[l4], 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&pool->used, 1, memory_order_relaxed);
	return 0;
}

int pool4_claim_this(struct pool4 *pool, enum l4_proto l4, uint32_t addr_be32, uint16_t port,
		     struct pool4_claim *out)
{
	struct pool_address *address = find(pool, addr_be32);

	if (!address)
		return -ENOENT;
	if (atomic_load(&address->slots[l4][port]))
		return -EBUSY;
	if (ports_take(&address->ports[l4], port))
		atomic_fetch_sub_explicit(&pool->free[l4], 1, memory_order_relaxed);
	else if (ports_has(&address->ports[l4], port))
		return -EBUSY;
	*out = (struct pool4_claim){ .addr_be32 = addr_be32, .port = port };
	atomic_fetch_add_explicit(&pool->used, 1, memory_order_relaxed);
	return 0;
}

int pool4_reserve(struct pool4 *pool, enum l4_proto l4, uint32_t addr_be32, uint16_t port,
		  void *owner)
{
	const struct pool_address *address = find(pool, addr_be32);
	void *there;

	if (!address)
		return -ENOENT;
	there = atomic_load(&address->slots[l4][port]);
	if (there && there != owner)
		return -EBUSY;
	if (there)
		atomic_fetch_sub(&pool->used, 1);
	atomic_store(&address->slots[l4][port], owner);
	return 0;
}

void pool4_publish(struct pool4 *pool, enum l4_proto l4, const struct pool4_claim *claim,
		   void *owner)
{
	atomic_store(&find(pool, claim->addr_be32)->slots[l4][claim->port], owner);
}

void *pool4_owner(const struct pool4 *pool, enum l4_proto l4, uint32_t addr_be32, uint16_t port)
{
	const struct pool_address *address = find(pool, addr_be32);

	return address ? atomic_load(&address->slots[l4][port]) : NULL;
}

static void leave_block(struct pool4 *pool, const struct in6_addr *inside,
			struct pool_address *address, uint16_t port)
{
	if (address && address->blocks)
		blocks_release(pool->blocks, inside, &address->blocks[port / BLOCK_PORTS]);
}

void pool4_leave_block(struct pool4 *pool, const struct in6_addr *inside, uint32_t addr_be32,
		       uint16_t port)
{
	leave_block(pool, inside, find(pool, addr_be32), port);
}

void pool4_release(struct pool4 *pool, enum l4_proto l4, const struct in6_addr *inside,
		   const struct pool4_claim *claim)
{
	struct pool_address *address = find(pool, claim->addr_be32);

	if (claim->paired)
		pairs_drop(pool->pairs, hash_host(pool, inside));
	if (!claim->fixed)
		atomic_fetch_sub_explicit(&pool->used, 1, memory_order_relaxed);
	if (!address)
		return;
	/* The slot first: whoever claims the port next puts himself there. */
	atomic_store(&address->slots[l4][claim->port], NULL);
	if (ports_put(&address->ports[l4], claim->port))
		atomic_fetch_add_explicit(&pool->free[l4], 1, memory_order_relaxed);
	if (claim->blocked)
		leave_block(pool, inside, address, claim->port);
}

void pool4_sweep(struct pool4 *pool, int64_t now_ms)
{
	for (size_t i = 0; i < pool->n; i++)
		if (pool->addresses[i].blocks)
			blocks_sweep(pool->blocks, pool->addresses[i].blocks, now_ms);
}

/* ---- what there is ---------------------------------------------------------------------- */

size_t pool4_count(const struct pool4 *pool)
{
	return pool->n;
}

uint32_t pool4_address(const struct pool4 *pool, size_t i)
{
	return pool->addresses[i].addr_be32;
}

static void mark_intercepted(const struct pool_address *address, enum l4_proto l4, uint8_t *wanted)
{
	const struct ports *ports = &address->ports[l4];

	for (unsigned int list = 0; list < PORT_LISTS; list++)
		for (uint32_t i = 0; i < ports->lists[list].n; i++)
			wanted[ports->lists[list].v[i]] = 1;
	for (unsigned int port = 1; port < PORT_SPACE; port++)
		if (atomic_load_explicit(&address->slots[l4][port], memory_order_relaxed))
			wanted[port] = 1;
}

/* The marked ports as ranges; @wanted ends with a 0. */
static int to_ranges(const uint8_t *wanted, struct port_range **out, size_t *n)
{
	struct port_range *ranges = NULL;
	size_t count = 0, room = 0;

	for (unsigned int port = 1; port < PORT_SPACE; port++) {
		if (!wanted[port])
			continue;
		if (count == room) {
			struct port_range *grown =
				reallocarray(ranges, room * 2 + 8, sizeof(*ranges));

			if (!grown) {
				free(ranges);
				return -ENOMEM;
			}
			ranges = grown;
			room = room * 2 + 8;
		}
		ranges[count].first = (uint16_t)port;
		while (wanted[port + 1])
			port++;
		ranges[count++].last = (uint16_t)port;
	}
	*out = ranges;
	*n = count;
	return 0;
}

int pool4_ranges(const struct pool4 *pool, size_t i, enum l4_proto l4, struct port_range **out,
		 size_t *n)
{
	uint8_t *wanted = calloc(PORT_SPACE + 1, 1);
	int err;

	if (!wanted)
		return -ENOMEM;
	mark_intercepted(&pool->addresses[i], l4, wanted);
	err = to_ranges(wanted, out, n);
	free(wanted);
	return err;
}

struct pool4_use pool4_use(const struct pool4 *pool, size_t i, enum l4_proto l4)
{
	const struct ports *ports = &pool->addresses[i].ports[l4];
	uint32_t size = ports_size(ports);

	return (struct pool4_use){ .size = size, .used = size - ports_free(ports) };
}

uint64_t pool4_size(const struct pool4 *pool)
{
	uint64_t size = 0;

	for (size_t i = 0; i < pool->n; i++)
		for (int l4 = 0; l4 < L4_COUNT; l4++)
			size += ports_size(&pool->addresses[i].ports[l4]);
	return size;
}

uint64_t pool4_used(const struct pool4 *pool)
{
	return atomic_load_explicit(&pool->used, memory_order_relaxed);
}

/* As claim_in_block(), but that nothing is taken */
static uint16_t look_in_block(void *arg, const struct block *block, unsigned int rank)
{
	const struct claiming *c = arg;
	const struct pool_address *address = find(c->pool, block->addr_be32);

	return ports_left(&address->ports[c->l4], ports_list(c->inside_port, rank), block->first,
			  (uint16_t)(block->first + BLOCK_PORTS - 1)) > 0;
}

static bool preview_block(const struct pool4 *pool, enum l4_proto l4, const struct in6_addr *inside,
			  uint16_t inside_port, struct pool4_offer *out)
{
	struct block_claim claim;
	const struct ports *ports;
	struct claiming c;
	struct block *block;
	size_t counter;
	int err;

	*out = (struct pool4_offer){ 0 };
	if (!atomic_load_explicit(&pool->free[l4], memory_order_relaxed))
		return false;
	counter = begin_claim(pool, l4, inside, inside_port, &c);
	c.search.start += atomic_load_explicit(&pool->counters[counter], memory_order_relaxed);
	claim = in_blocks(pool, inside, &c);
	claim.take = look_in_block;
	err = blocks_preview(pool->blocks, &claim, &block);
	out->no_more_blocks = err == -EDQUOT;
	if (err < 0)
		return false;
	ports = &find(pool, block->addr_be32)->ports[l4];
	out->addr_be32 = block->addr_be32;
	out->first = block->first;
	out->last = (uint16_t)(block->first + BLOCK_PORTS - 1);
	out->size = ports_between(ports, out->first, out->last);
	for (unsigned int list = 0; list < PORT_LISTS; list++)
		out->free += ports_left(ports, list, out->first, out->last);
	return out->free > 0;
}

static bool preview_any(const struct pool4 *pool, enum l4_proto l4, const struct in6_addr *inside,
			struct pool4_offer *out)
{
	uint64_t host = hash_host(pool, inside);
	size_t n = pool->n_of_pool, paired;
	bool known = n > 1 && pairs_find(pool->pairs, host, &paired) && paired < pool->n;

	for (size_t i = 0; i < n + known; i++) {
		size_t at = known && i == 0 ? paired : pool->of_pool[(host + i - known) % n];
		const struct pool_address *address = &pool->addresses[at];

		*out = (struct pool4_offer){
			.addr_be32 = address->addr_be32, .size = ports_size(&address->ports[l4]),
			.free = ports_free(&address->ports[l4]),
		};
		if (out->free)
			return true;
	}
	return false;
}

bool pool4_preview(const struct pool4 *pool, enum l4_proto l4, const struct in6_addr *inside,
		   uint16_t inside_port, struct pool4_offer *out)
{
	return pool->client_prefix ? preview_block(pool, l4, inside, inside_port, out)
				   : preview_any(pool, l4, inside, out);
}
