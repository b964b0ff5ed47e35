/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the others see of the room (nat64.h): figures, listings, what the host is to do for it. */
#include <errno.h>
#include <stdlib.h>

#include "../core/addrmap.h"
#include "../core/config.h"
#include "../core/loop.h"
#include "bib.h"
#include "fast.h"
#include "flow.h"
#include "listing.h"
#include "nat64.h"
#include "pool4.h"
#include "room.h"
#include "trace.h"

static struct nat64_ports ports_in_use(const struct nat64 *nat64, size_t i, enum l4_proto l4)
{
	struct pool4_use use = pool4_use(nat64->pool, i, l4);

	return (struct nat64_ports){ .used = use.used, .size = use.size };
}

int nat64_pools(const struct nat64 *nat64, struct nat64_intercept *out)
{
	size_t n = pool4_count(nat64->pool);

	*out = (struct nat64_intercept){
		.pref64 = &nat64->map->pref64,
		.eam4 = &nat64->map->eam4,
		.queue_first = NAT64_QUEUE_FIRST,
		.queue_count = nat64->n,
	};
	out->pool = calloc(n + 1, sizeof(*out->pool));
	if (!out->pool)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		struct nat64_pool *pool = &out->pool[out->n_pool++];

		pool->addr_be32 = pool4_address(nat64->pool, i);
		pool->ports[CONFIG_TCP] = ports_in_use(nat64, i, L4_TCP);
		pool->ports[CONFIG_UDP] = ports_in_use(nat64, i, L4_UDP);
		pool->ports[CONFIG_ICMP] = ports_in_use(nat64, i, L4_ICMP);
	}
	return 0;
}

int nat64_intercept(const struct nat64 *nat64, struct nat64_intercept *out)
{
	int err = nat64_pools(nat64, out);

	for (size_t i = 0; !err && i < out->n_pool; i++) {
		struct nat64_pool *pool = &out->pool[i];

		if (pool4_ranges(nat64->pool, i, L4_TCP, &pool->tcp, &pool->n_tcp) < 0 ||
		    pool4_ranges(nat64->pool, i, L4_UDP, &pool->udp, &pool->n_udp) < 0) {
			nat64_intercept_free(out);
			err = -ENOMEM;
		}
	}
	return err;
}

void nat64_intercept_free(struct nat64_intercept *intercept)
{
	for (size_t i = 0; i < intercept->n_pool; i++) {
		free(intercept->pool[i].tcp);
		free(intercept->pool[i].udp);
	}
	free(intercept->pool);
	*intercept = (struct nat64_intercept){ 0 };
}

unsigned int nat64_mend(struct nat64 *nat64, char *names, size_t size)
{
	if (nat64->fast)
		return fast_mend(nat64->fast, names, size);
	names[0] = '\0';
	return 0;
}

void nat64_gauges(struct nat64 *nat64, struct nat64_gauges *out)
{
	*out = (struct nat64_gauges){
		.sessions = flow_session_count(nat64->flows),
		.bindings = flow_binding_count(nat64->flows),
		.sessions_max = nat64->config->nat64.limits.sessions,
		.clients = flow_client_count(nat64->flows),
		.stored_syns = flow_syn_count(nat64->flows),
		.stored_syns_max = nat64->config->nat64.limits.stored_syns,
		.memory_bytes = flow_memory_bytes(nat64->flows) +
				(nat64->fast ? fast_memory_bytes(nat64->fast) : 0),
		.ports_used = pool4_used(nat64->pool),
		.ports_size = pool4_size(nat64->pool),
		.slow_because = nat64->slow_because,
	};
	flow_sessions_by(nat64->flows, out->sessions_by);
	if (nat64->fast)
		fast_gauges(nat64->fast, out);
}

void nat64_top_clients(struct nat64 *nat64, struct leaders *leaders)
{
	flow_top_clients(nat64->flows, leaders);
}

int nat64_flows(struct nat64 *nat64, const struct nat64_filter *filter, uint64_t *cursor,
		unsigned int max, struct nat64_flow **rows, size_t *n)
{
	return listing_flows(nat64->flows, filter, loop_now_ms(), cursor, max, rows, n);
}

int nat64_bindings(struct nat64 *nat64, const struct nat64_filter *filter, uint64_t *cursor,
		   unsigned int max, struct nat64_binding **rows, size_t *n)
{
	return listing_bindings(nat64->flows, filter, cursor, max, rows, n);
}

int nat64_trace(struct nat64 *nat64, const struct nat64_question *question,
		struct nat64_trace *out)
{
	const struct trace_room room = {
		.config = nat64->config, .map = nat64->map, .pool = nat64->pool,
		.flows = nat64->flows,
	};

	return trace_packet(&room, question, loop_now_ms(), out);
}
