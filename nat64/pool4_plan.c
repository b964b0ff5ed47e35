/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From the configuration to the pool's addresses and ports: which there are, and
 * whether the host leaves them to us (pool4.h).
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../core/addrmap.h"
#include "../core/log.h"
#include "hostports.h"
#include "pool4.h"
#include "pool4_address.h"
#include "statics.h"

enum { AUTO_FIRST = 10240 };	/* below: what people give to services */

/* What a plan is made from; borrowed */
struct source {
	const struct config *config;
	const struct addrmap *map;
	const struct hostports *host;
	const struct statics *statics;
};

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

/* ---- ports ------------------------------------------------------------------------ */

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

/* Ports that were given by hand must not be the kernel's own to hand out. What is
 * reserved may well be: that is how one keeps the kernel off ports for us. */
static int check_ephemeral(const struct pool4_entry *entry, const struct hostports *host)
{
	for (size_t i = 0; i < entry->n_ports && !entry->ports_auto; i++) {
		const struct port_range *range = &entry->ports[i];

		for (unsigned int port = range->first; port <= range->last; port++) {
			if (!hostports_ephemeral(host, (uint16_t)port))
				continue;
			log_error("nat64.pool4: ports %u-%u overlap the host's own, from %u on "
				  "(net.ipv4.ip_local_port_range is %u-%u): choose others, or "
				  "keep the host off them with "
				  "net.ipv4.ip_local_reserved_ports=%u-%u", range->first,
				  range->last, port, host->ephemeral_first, host->ephemeral_last,
				  range->first, range->last);
			return -EINVAL;
		}
	}
	return 0;
}

/* The host's sockets among ports that were given by hand: left out, and said. */
static void tell_bound(const struct pool4_entry *entry, const struct hostports *host,
		       enum l4_proto l4)
{
	char text[160];
	size_t len = 0;

	for (unsigned int port = 1; port < PORT_SPACE && !entry->ports_auto; port++) {
		if (!hostports_bound(host, l4, (uint16_t)port) ||
		    !in_ranges(entry, (uint16_t)port))
			continue;
		if (len + sizeof(", 65535 ...") > sizeof(text)) {
			len += (size_t)snprintf(text + len, sizeof(text) - len, " ...");
			break;
		}
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%u", len ? ", " : "",
					port);
	}
	if (len)
		log_info("nat64.pool4: left out, as sockets of the host have them: %s %s",
			 l4_name(l4), text);
}

static int check_entry(const struct pool4_entry *entry, const struct hostports *host)
{
	int err = check_ephemeral(entry, host);

	for (enum l4_proto l4 = L4_TCP; l4 <= L4_UDP && err == 0; l4++)
		tell_bound(entry, host, l4);
	return err;
}

/* Several entries may name one address; a static port is nobody's choice. */
static void mark_wanted(const struct source *source, uint32_t addr_be32, enum l4_proto l4,
			uint8_t *wanted)
{
	memset(wanted, 0, PORT_SPACE);
	for (size_t i = 0; i < source->config->nat64.n_pool4; i++) {
		const struct pool4_entry *entry = &source->config->nat64.pool4[i];

		if (entry_address(entry, source->map) != addr_be32)
			continue;
		for (unsigned int port = 1; port < PORT_SPACE; port++)
			wanted[port] |= may_choose(entry, source->host, l4, (uint16_t)port);
	}
	for (size_t i = 0; i < statics_count(source->statics); i++) {
		const struct static_entry *entry = statics_at(source->statics, i);

		if (entry->outside_be32 == addr_be32 && entry->l4 == l4)
			wanted[entry->outside_port] = 0;
	}
}

/* A pool that cannot serve anybody is allowed, but not in silence. */
static void warn_empty(const struct pool_address *address, const struct hostports *host)
{
	const struct in6_addr addr = addr_from_v4(address->addr_be32);
	char text[ADDR_STRLEN];

	if (ports_size(&address->ports[L4_TCP]) && ports_size(&address->ports[L4_UDP]))
		return;
	log_warn("nat64.pool4: %s has no port to give out: the host keeps %u-%u for itself "
		 "(net.ipv4.ip_local_port_range); narrow that, for example to 32768-60999",
		 addr_format(&addr, text), host->ephemeral_first, host->ephemeral_last);
}

static int plan_ports(struct pool_address *address, const struct source *source)
{
	uint8_t *wanted = malloc(PORT_SPACE);
	int err = wanted ? 0 : -ENOMEM;

	address->of_pool = pool4_keeps(source->config, source->map, address->addr_be32);
	for (enum l4_proto l4 = 0; l4 < L4_COUNT && err == 0; l4++) {
		mark_wanted(source, address->addr_be32, l4, wanted);
		err = ports_init(&address->ports[l4], wanted);
	}
	free(wanted);
	if (err == 0 && address->of_pool)
		warn_empty(address, source->host);
	return err;
}

/* ---- addresses ----------------------------------------------------------------------- */

static int compare(const void *va, const void *vb)
{
	uint32_t a = ntohl(((const struct pool_address *)va)->addr_be32);
	uint32_t b = ntohl(((const struct pool_address *)vb)->addr_be32);

	return a < b ? -1 : a > b;
}

struct pool_address *pool_address_find(struct pool_address *addresses, size_t n,
				       uint32_t addr_be32)
{
	uint32_t wanted = ntohl(addr_be32);
	size_t low = 0, high = n;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (ntohl(addresses[middle].addr_be32) < wanted)
			low = middle + 1;
		else
			high = middle;
	}
	return low < n && addresses[low].addr_be32 == addr_be32 ? &addresses[low] : NULL;
}

void pool_addresses_free(struct pool_address *addresses, size_t n, bool slots)
{
	for (size_t i = 0; i < n; i++) {
		for (int l4 = 0; l4 < L4_COUNT; l4++) {
			ports_clear(&addresses[i].ports[l4]);
			if (slots)
				free(addresses[i].slots[l4]);
		}
	}
	free(addresses);
}

/* Those of pool4 and of the static bindings, each once, sorted */
static int plan_addresses(const struct pool4 *pool, struct pool4_plan *plan,
			  const struct source *source)
{
	size_t n_pool4 = source->config->nat64.n_pool4, n_all;
	size_t max = n_pool4 + statics_count(source->statics), n = 0;

	plan->addresses = calloc(max + 1, sizeof(*plan->addresses));
	plan->of_pool = calloc(max + 1, sizeof(*plan->of_pool));
	plan->spaces = calloc(max + 1, sizeof(*plan->spaces));
	plan->number = calloc(pool4_count(pool) + 1, sizeof(*plan->number));
	if (!plan->addresses || !plan->of_pool || !plan->spaces ||
	    !plan->number)
		return -ENOMEM;
	for (size_t i = 0; i < max; i++) {
		uint32_t addr_be32 = i < n_pool4 ?
			entry_address(&source->config->nat64.pool4[i], source->map) :
			statics_at(source->statics, i - n_pool4)->outside_be32;

		if (addr_be32)
			plan->addresses[n++].addr_be32 = addr_be32;
	}
	qsort(plan->addresses, n, sizeof(*plan->addresses), compare);
	n_all = n;
	n = 0;
	for (size_t i = 0; i < n_all; i++)
		if (n == 0 || plan->addresses[n - 1].addr_be32 != plan->addresses[i].addr_be32)
			plan->addresses[n++] = plan->addresses[i];
	plan->n = n;
	return 0;
}

/* Slots are taken over from the pool's address of that name, or made. */
static int take_slots(const struct pool4 *pool, struct pool_address *address)
{
	void *_Atomic *const *old = pool4_slots(pool, address->addr_be32);

	for (int l4 = 0; l4 < L4_COUNT; l4++) {
		address->slots[l4] = old ? old[l4] : calloc(PORT_SPACE, sizeof(void *));
		if (!address->slots[l4])
			return -ENOMEM;
	}
	return 0;
}

/* So many blocks as a client's sessions could fill (blocks.h) */
static void want_blocks(struct pool4_plan *plan, const struct config *config)
{
	if (config->nat64.log != CONFIG_FLOW_LOG_PORT_BLOCKS)
		return;
	plan->client_prefix = config->nat64.limits.client_prefix;
	plan->blocks_max = (config->nat64.limits.sessions_per_client + BLOCK_PORTS - 1) /
			   BLOCK_PORTS;
}

/* A block without TCP or without UDP ports would be no use to a client. */
static int plan_blocks(const struct pool4_plan *plan, struct pool_address *address)
{
	if (!plan->client_prefix || !address->of_pool)
		return 0;
	address->blocks = blocks_space(address->addr_be32);
	if (!address->blocks)
		return -ENOMEM;
	for (unsigned int i = 0; i < BLOCKS; i++) {
		struct block *block = &address->blocks[i];
		uint16_t last = (uint16_t)(block->first + BLOCK_PORTS - 1);

		block->usable = ports_between(&address->ports[L4_TCP], block->first, last) &&
				ports_between(&address->ports[L4_UDP], block->first, last);
	}
	return 0;
}

void pool4_plan_free(const struct pool4 *pool, struct pool4_plan *plan)
{
	if (!plan)
		return;
	/* Slots that the pool has itself were only borrowed. */
	for (size_t i = 0; i < plan->n; i++) {
		free(plan->addresses[i].blocks);
		for (int l4 = 0; l4 < L4_COUNT; l4++)
			if (!pool4_slots(pool, plan->addresses[i].addr_be32))
				free(plan->addresses[i].slots[l4]);
	}
	pool_addresses_free(plan->addresses, plan->n, false);
	free(plan->of_pool);
	free(plan->spaces);
	free(plan->number);
	free(plan);
}

int pool4_plan(const struct pool4 *pool, const struct config *config, const struct addrmap *map,
	       const struct hostports *host, const struct statics *statics,
	       struct pool4_plan **out)
{
	struct source source = { config, map, host, statics };
	struct pool4_plan *plan = calloc(1, sizeof(*plan));
	int err = 0;

	if (!plan)
		return -ENOMEM;
	want_blocks(plan, config);
	for (size_t i = 0; i < config->nat64.n_pool4 && err == 0; i++)
		err = check_entry(&config->nat64.pool4[i], host);
	if (err == 0)
		err = plan_addresses(pool, plan, &source);
	for (size_t i = 0; i < plan->n && err == 0; i++) {
		err = plan_ports(&plan->addresses[i], &source);
		if (err == 0)
			err = take_slots(pool, &plan->addresses[i]);
		if (err == 0)
			err = plan_blocks(plan, &plan->addresses[i]);
	}
	if (err < 0) {
		pool4_plan_free(pool, plan);
		return err;
	}
	*out = plan;
	return 0;
}
