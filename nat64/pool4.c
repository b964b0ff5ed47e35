/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pool4.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "../core/addrmap.h"
#include "../core/log.h"
#include "../core/siphash.h"
#include "hostports.h"

enum {
	AUTO_FIRST = 10240,	/* below: what people give to services */
	SEARCH_MAX = 1024,	/* slots looked at per address and parity */
	COUNTERS = 256,		/* RFC 6056 3.3.4: size of table[] */
	PORTS = 65536,
};

/* The ports of one protocol that may be chosen, by parity */
struct choice {
	uint16_t *ports[2];	/* even, odd; sorted */
	unsigned int n[2];
};

/* In a slot: claimed, its owner not yet published */
static char claimed;

struct pool_address {
	uint32_t addr_be32;
	struct choice choice[L4_COUNT];
	void *_Atomic *slots[L4_COUNT];		/* PORTS each */
};

struct pool4_plan {
	struct pool_address *addresses;
	size_t n;
};

struct pool4 {
	struct pool_address *addresses;
	size_t n;
	_Atomic uint64_t used;
	struct siphash_key key_offset, key_index;	/* RFC 6056: F() and G() */
	_Atomic uint32_t counters[COUNTERS];
};

struct pool4 *pool4_new(void)
{
	struct pool4 *pool = calloc(1, sizeof(*pool));

	if (!pool)
		return NULL;
	if (getrandom(&pool->key_offset, sizeof(pool->key_offset), 0) < 0 ||
	    getrandom(&pool->key_index, sizeof(pool->key_index), 0) < 0) {
		free(pool);
		return NULL;
	}
	return pool;
}

static void free_choices(struct pool_address *address)
{
	for (int l4 = 0; l4 < L4_COUNT; l4++) {
		free(address->choice[l4].ports[0]);
		free(address->choice[l4].ports[1]);
		memset(&address->choice[l4], 0, sizeof(address->choice[l4]));
	}
}

/* @keep_slots: another address has taken them over */
static void free_addresses(struct pool_address *addresses, size_t n, bool keep_slots)
{
	for (size_t i = 0; i < n; i++) {
		free_choices(&addresses[i]);
		for (int l4 = 0; l4 < L4_COUNT && !keep_slots; l4++)
			free(addresses[i].slots[l4]);
	}
	free(addresses);
}

void pool4_free(struct pool4 *pool)
{
	if (!pool)
		return;
	if (pool->addresses)
		free_addresses(pool->addresses, pool->n, false);
	free(pool);
}

/* The address of an entry; 0 where it is the uplink's and that has none. */
static uint32_t entry_address(const struct pool4_entry *entry, const struct addrmap *map)
{
	return entry->address_auto ? map->uplink_v4_be32 : addr_v4_be32(&entry->address);
}

bool pool4_keeps(const struct config *config, const struct addrmap *map, uint32_t addr_be32)
{
	for (size_t i = 0; i < config->nat64.n_pool4; i++)
		if (entry_address(&config->nat64.pool4[i], map) == addr_be32)
			return true;
	return false;
}

static struct pool_address *find(const struct pool4 *pool, uint32_t addr_be32)
{
	for (size_t i = 0; i < pool->n; i++)
		if (pool->addresses[i].addr_be32 == addr_be32)
			return &pool->addresses[i];
	return NULL;
}

static bool in_ranges(const struct pool4_entry *entry, uint16_t port)
{
	for (size_t i = 0; i < entry->n_ports; i++)
		if (port >= entry->ports[i].first && port <= entry->ports[i].last)
			return true;
	return false;
}

/* May @entry give out this port? ICMP identifiers are nobody else's business. */
static bool may_choose(const struct pool4_entry *entry, const struct hostports *host,
		       enum l4_proto l4, uint16_t port)
{
	if (l4 == L4_ICMP)
		return true;
	if (hostports_bound(host, l4, port))
		return false;
	if (!entry->ports_auto)
		return in_ranges(entry, port);
	return port >= AUTO_FIRST && !hostports_ephemeral(host, port) &&
	       !hostports_reserved(host, port);
}

/* Ports that were given by hand must not be the kernel's own to hand out. */
static int check_ports(const struct pool4_entry *entry, const struct hostports *host)
{
	for (size_t i = 0; i < entry->n_ports && !entry->ports_auto; i++) {
		for (unsigned int port = entry->ports[i].first; port <= entry->ports[i].last;
		     port++) {
			if (!hostports_ephemeral(host, (uint16_t)port))
				continue;
			log_error("nat64.pool4: ports %u-%u overlap the host's own "
				  "(net.ipv4.ip_local_port_range is %u-%u): choose others, or "
				  "keep the host off them with net.ipv4.ip_local_reserved_ports",
				  entry->ports[i].first, entry->ports[i].last,
				  host->ephemeral_first, host->ephemeral_last);
			return -EINVAL;
		}
	}
	return 0;
}

/* Add an entry's ports to an address; several entries may name one address, and a port. */
static int add_choice(struct choice *choice, const struct pool4_entry *entry,
		      const struct hostports *host, enum l4_proto l4)
{
	for (unsigned int parity = 0; parity < 2; parity++) {
		uint16_t *before = choice->ports[parity];
		uint16_t *ports = calloc(PORTS / 2, sizeof(*ports));
		unsigned int n = 0, at = 0;

		if (!ports)
			return -ENOMEM;
		/* Port 0 is never given out (facts of every NAT: it cannot be answered). */
		for (unsigned int port = parity ? 1 : 2; port < PORTS; port += 2) {
			bool had = at < choice->n[parity] && before[at] == port;

			at += had;
			if (had || may_choose(entry, host, l4, (uint16_t)port))
				ports[n++] = (uint16_t)port;
		}
		free(before);
		choice->ports[parity] = ports;
		choice->n[parity] = n;
	}
	return 0;
}

static int add_entry(struct pool_address *addresses, size_t *n, const struct pool4_entry *entry,
		     uint32_t addr_be32, const struct hostports *host)
{
	struct pool_address *address = NULL;
	int err = 0;

	for (size_t i = 0; i < *n; i++)
		if (addresses[i].addr_be32 == addr_be32)
			address = &addresses[i];
	if (address) {
		/* Identifiers are all there already. */
		err = add_choice(&address->choice[L4_TCP], entry, host, L4_TCP);
		return err < 0 ? err : add_choice(&address->choice[L4_UDP], entry, host, L4_UDP);
	}
	address = &addresses[(*n)++];
	address->addr_be32 = addr_be32;
	for (enum l4_proto l4 = 0; l4 < L4_COUNT && err == 0; l4++)
		err = add_choice(&address->choice[l4], entry, host, l4);
	return err;
}

/* Slots are taken over from the pool's address of that name, or made. */
static int take_slots(const struct pool4 *pool, struct pool_address *addresses, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct pool_address *old = find(pool, addresses[i].addr_be32);

		for (int l4 = 0; l4 < L4_COUNT; l4++) {
			addresses[i].slots[l4] =
				old ? old->slots[l4] : calloc(PORTS, sizeof(void *));
			if (!addresses[i].slots[l4])
				return -ENOMEM;
		}
	}
	return 0;
}

static bool among(const struct pool_address *addresses, size_t n, uint32_t addr_be32)
{
	for (size_t i = 0; i < n; i++)
		if (addresses[i].addr_be32 == addr_be32)
			return true;
	return false;
}

void pool4_plan_free(const struct pool4 *pool, struct pool4_plan *plan)
{
	if (!plan)
		return;
	/* Slots that the pool has itself were only borrowed. */
	for (size_t i = 0; i < plan->n; i++)
		for (int l4 = 0; l4 < L4_COUNT && !find(pool, plan->addresses[i].addr_be32); l4++)
			free(plan->addresses[i].slots[l4]);
	if (plan->addresses)
		free_addresses(plan->addresses, plan->n, true);
	free(plan);
}

/* A pool that cannot serve anybody is allowed, but not in silence. */
static void warn_empty(const struct pool4_plan *plan, const struct hostports *host)
{
	for (size_t i = 0; i < plan->n; i++) {
		const struct pool_address *address = &plan->addresses[i];
		const struct in6_addr addr = addr_from_v4(address->addr_be32);
		char text[ADDR_STRLEN];

		if (address->choice[L4_TCP].n[0] + address->choice[L4_TCP].n[1] &&
		    address->choice[L4_UDP].n[0] + address->choice[L4_UDP].n[1])
			continue;
		log_warn("nat64.pool4: %s has no port to give out: the host keeps %u-%u for "
			 "itself (net.ipv4.ip_local_port_range); narrow that, for example to "
			 "32768-60999", addr_format(&addr, text), host->ephemeral_first,
			 host->ephemeral_last);
	}
}

int pool4_plan(const struct pool4 *pool, const struct config *config, const struct addrmap *map,
	       const struct hostports *host, struct pool4_plan **out)
{
	struct pool4_plan *plan = calloc(1, sizeof(*plan));
	int err = 0;

	if (!plan)
		return -ENOMEM;
	plan->addresses = calloc(config->nat64.n_pool4 + 1, sizeof(*plan->addresses));
	if (!plan->addresses)
		err = -ENOMEM;
	for (size_t i = 0; i < config->nat64.n_pool4 && err == 0; i++) {
		const struct pool4_entry *entry = &config->nat64.pool4[i];
		uint32_t addr_be32 = entry_address(entry, map);

		err = check_ports(entry, host);
		if (err == 0 && addr_be32)
			err = add_entry(plan->addresses, &plan->n, entry, addr_be32, host);
	}
	if (err == 0)
		err = take_slots(pool, plan->addresses, plan->n);
	if (err < 0) {
		pool4_plan_free(pool, plan);
		return err;
	}
	warn_empty(plan, host);
	*out = plan;
	return 0;
}

void pool4_commit(struct pool4 *pool, struct pool4_plan *plan)
{
	for (size_t i = 0; i < pool->n; i++)
		for (int l4 = 0; l4 < L4_COUNT && !among(plan->addresses, plan->n,
							 pool->addresses[i].addr_be32); l4++)
			free(pool->addresses[i].slots[l4]);
	if (pool->addresses)
		free_addresses(pool->addresses, pool->n, true);
	pool->addresses = plan->addresses;
	pool->n = plan->n;
	free(plan);
}

static bool claim_slot(struct pool4 *pool, struct pool_address *address, enum l4_proto l4,
		       uint16_t port)
{
	void *nobody = NULL;

	/* A plain load first: most of a crowded pool is taken, and a failing
	 * exchange would still take the cache line away from its user. */
	if (atomic_load_explicit(&address->slots[l4][port], memory_order_relaxed))
		return false;
	if (!atomic_compare_exchange_strong(&address->slots[l4][port], &nobody, &claimed))
		return false;
	/* The host may have come to use it since the pool was planned. */
	if (hostports_taken(l4, address->addr_be32, port)) {
		atomic_store(&address->slots[l4][port], NULL);
		return false;
	}
	atomic_fetch_add_explicit(&pool->used, 1, memory_order_relaxed);
	return true;
}

/* RFC 6056 3.3.4, over the ports of one parity; bounded where it says "all". */
static uint16_t claim_parity(struct pool4 *pool, struct pool_address *address, enum l4_proto l4,
			     unsigned int parity, uint64_t offset, _Atomic uint32_t *counter)
{
	const struct choice *choice = &address->choice[l4];
	unsigned int n = choice->n[parity];

	for (unsigned int i = 0; i < n && i < SEARCH_MAX; i++) {
		uint32_t step = atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
		uint16_t port = choice->ports[parity][(offset + step) % n];

		if (claim_slot(pool, address, l4, port))
			return port;
	}
	return 0;
}

int pool4_claim(struct pool4 *pool, enum l4_proto l4, const struct in6_addr *inside,
		uint16_t inside_port, uint32_t *addr_be32, uint16_t *port)
{
	uint64_t words[3] = { 0, 0, (uint64_t)l4 << 16 | inside_port };
	unsigned int parity = inside_port & 1;
	_Atomic uint32_t *counter;
	uint64_t offset, paired;

	memcpy(words, inside, 16);
	paired = siphash13(&pool->key_index, words, 2);
	offset = siphash13(&pool->key_offset, words, 3);
	counter = &pool->counters[siphash13(&pool->key_index, words, 3) % COUNTERS];
	for (size_t i = 0; i < pool->n; i++) {
		struct pool_address *address = &pool->addresses[(paired + i) % pool->n];

		*port = claim_parity(pool, address, l4, parity, offset, counter);
		if (!*port)
			*port = claim_parity(pool, address, l4, !parity, offset, counter);
		if (*port) {
			*addr_be32 = address->addr_be32;
			return 0;
		}
	}
	return -EADDRNOTAVAIL;
}

bool pool4_offers(const struct pool4 *pool, enum l4_proto l4, uint32_t addr_be32, uint16_t port)
{
	const struct pool_address *address = find(pool, addr_be32);
	const struct choice *choice = address ? &address->choice[l4] : NULL;
	unsigned int low = 0, high = choice ? choice->n[port & 1] : 0;

	while (low < high) {
		unsigned int middle = low + (high - low) / 2;

		if (choice->ports[port & 1][middle] == port)
			return true;
		if (choice->ports[port & 1][middle] < port)
			low = middle + 1;
		else
			high = middle;
	}
	return false;
}

void pool4_publish(struct pool4 *pool, enum l4_proto l4, uint32_t addr_be32, uint16_t port,
		   void *owner)
{
	atomic_store(&find(pool, addr_be32)->slots[l4][port], owner);
}

void *pool4_owner(const struct pool4 *pool, enum l4_proto l4, uint32_t addr_be32, uint16_t port)
{
	const struct pool_address *address = find(pool, addr_be32);
	void *owner = address ? atomic_load(&address->slots[l4][port]) : NULL;

	return owner == &claimed ? NULL : owner;
}

void pool4_release(struct pool4 *pool, enum l4_proto l4, uint32_t addr_be32, uint16_t port)
{
	struct pool_address *address = find(pool, addr_be32);

	if (address && atomic_exchange(&address->slots[l4][port], NULL))
		atomic_fetch_sub_explicit(&pool->used, 1, memory_order_relaxed);
}

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
	const struct choice *choice = &address->choice[l4];

	for (int parity = 0; parity < 2; parity++)
		for (unsigned int k = 0; k < choice->n[parity]; k++)
			wanted[choice->ports[parity][k]] = 1;
	for (unsigned int port = 1; port < PORTS; port++)
		if (atomic_load_explicit(&address->slots[l4][port], memory_order_relaxed))
			wanted[port] = 1;
}

int pool4_ranges(const struct pool4 *pool, size_t i, enum l4_proto l4, struct port_range **out,
		 size_t *n)
{
	uint8_t *wanted = calloc(PORTS + 1, 1);
	struct port_range *ranges = NULL;
	size_t count = 0, room = 0;

	if (!wanted)
		return -ENOMEM;
	mark_intercepted(&pool->addresses[i], l4, wanted);
	for (unsigned int port = 1; port < PORTS; port++) {
		if (!wanted[port])
			continue;
		if (count == room) {
			struct port_range *grown =
				reallocarray(ranges, room * 2 + 8, sizeof(*ranges));

			if (!grown) {
				free(ranges);
				free(wanted);
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
	free(wanted);
	*out = ranges;
	*n = count;
	return 0;
}

uint64_t pool4_size(const struct pool4 *pool)
{
	uint64_t size = 0;

	for (size_t i = 0; i < pool->n; i++)
		for (int l4 = 0; l4 < L4_COUNT; l4++)
			size += pool->addresses[i].choice[l4].n[0] +
				pool->addresses[i].choice[l4].n[1];
	return size;
}

uint64_t pool4_used(const struct pool4 *pool)
{
	return atomic_load_explicit(&pool->used, memory_order_relaxed);
}

static unsigned int count_free(const struct pool_address *address, enum l4_proto l4)
{
	const struct choice *choice = &address->choice[l4];
	unsigned int n = 0;

	for (int parity = 0; parity < 2; parity++)
		for (unsigned int i = 0; i < choice->n[parity]; i++)
			n += !atomic_load_explicit(&address->slots[l4][choice->ports[parity][i]],
						   memory_order_relaxed);
	return n;
}

bool pool4_preview(const struct pool4 *pool, enum l4_proto l4, const struct in6_addr *inside,
		   struct pool4_offer *out)
{
	uint64_t words[2], paired;

	memcpy(words, inside, 16);
	paired = siphash13(&pool->key_index, words, 2);
	for (size_t i = 0; i < pool->n; i++) {
		const struct pool_address *address = &pool->addresses[(paired + i) % pool->n];
		const struct choice *choice = &address->choice[l4];

		*out = (struct pool4_offer){ address->addr_be32, choice->n[0] + choice->n[1],
					     count_free(address, l4) };
		if (out->free)
			return true;
	}
	return false;
}
