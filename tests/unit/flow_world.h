/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A flow table over a small pool4, and packets for it, for the tests of nat64/flow. */
#ifndef TESTS_UNIT_FLOW_WORLD_H
#define TESTS_UNIT_FLOW_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "../../core/addr.h"
#include "../../core/addrmap.h"
#include "../../nat64/flow.h"
#include "../../nat64/hostports.h"
#include "../../nat64/pool4.h"

enum {
	NOW = 1000000000,
	UDP_MS = 300000, ICMP_MS = 60000, EST_MS = 7440000, TRANS_MS = 240000,
	SYN_MS = 6000,
	FIRST_PORT = 20000, LAST_PORT = 20399,
};

struct world {
	struct config config;
	struct addrmap map;
	struct hostports host;
	struct pool4_entry entry;
	struct port_range range;
	struct pool4 *pool;
	struct flow_table *table;
};

static inline void use_ports(struct world *w, uint16_t first, uint16_t last)
{
	struct pool4_plan *plan;

	w->range = (struct port_range){ first, last };
	assert_int_equal(pool4_plan(w->pool, &w->config, &w->map, &w->host, NULL, &plan), 0);
	pool4_commit(w->pool, plan);
}

static inline int set_up(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	if (!w)
		return -1;
	w->entry = (struct pool4_entry){ .address_auto = true, .ports = &w->range, .n_ports = 1 };
	w->config.nat64.pool4 = &w->entry;
	w->config.nat64.n_pool4 = 1;
	w->config.nat64.timeouts.udp_ms = UDP_MS;
	w->config.nat64.timeouts.icmp_ms = ICMP_MS;
	w->config.nat64.timeouts.tcp_established_ms = EST_MS;
	w->config.nat64.timeouts.tcp_transitory_ms = TRANS_MS;
	w->config.nat64.timeouts.tcp_syn_ms = SYN_MS;
	w->config.nat64.limits.sessions = 100000;
	w->config.nat64.limits.sessions_per_client = 100000;
	w->config.nat64.limits.new_per_client = 1000000;
	w->config.nat64.limits.half_open = 100000;
	w->config.nat64.limits.half_open_per_client = 100000;
	w->config.nat64.limits.stored_syns = 100;
	w->config.nat64.limits.client_prefix = 128;
	w->map.uplink_v4_be32 = inet_addr("198.51.100.7");
	w->host.ephemeral_first = 32768;
	w->host.ephemeral_last = 60999;
	w->pool = pool4_new();
	if (!w->pool)
		return -1;
	use_ports(w, FIRST_PORT, LAST_PORT);
	w->table = flow_table_new(w->pool, &w->config);
	*state = w;
	return w->table ? 0 : -1;
}

/* Nothing is left but what the table frees itself; a leak is ASan's to tell. */
static inline int tear_down(void **state)
{
	struct world *w = *state;

	flow_table_free(w->table, false);
	pool4_free(w->pool);
	free(w);
	return 0;
}

static inline struct in6_addr inside(unsigned int i)
{
	struct in6_addr addr = { .s6_addr = { 0x20, 0x01, 0x0d, 0xb8 } };

	addr.s6_addr[15] = (uint8_t)i;
	return addr;
}

static inline struct in6_addr embedded(uint32_t v4_be32)
{
	struct in6_addr addr = { .s6_addr = { 0x00, 0x64, 0xff, 0x9b } };

	memcpy(addr.s6_addr + 12, &v4_be32, 4);
	return addr;
}

static inline struct flow_packet outbound(enum l4_proto l4, unsigned int who, uint16_t port,
					  uint32_t remote_be32, uint16_t remote_port)
{
	return (struct flow_packet){
		.l4 = l4, .inside = inside(who), .remote6 = embedded(remote_be32),
		.remote_be32 = remote_be32, .near_port = port,
		.remote_port = l4 == L4_ICMP ? 0 : remote_port, .event = TCP_EVENT_V6_SYN,
	};
}

/* What comes back to the outside address of a flow */
static inline struct flow_packet inbound(const struct flow *flow, uint32_t remote_be32,
					 uint16_t remote_port)
{
	return (struct flow_packet){
		.l4 = flow->l4, .remote6 = embedded(remote_be32),
		.outside_be32 = flow->outside_be32, .remote_be32 = remote_be32,
		.near_port = flow->outside_port,
		.remote_port = flow->l4 == L4_ICMP ? 0 : remote_port, .event = TCP_EVENT_V4_SYN,
	};
}

#define REMOTE_A inet_addr("192.0.2.33")
#define REMOTE_B inet_addr("203.0.113.5")

static inline void assert_counts(const struct world *w, unsigned int sessions,
				 unsigned int bindings)
{
	assert_int_equal(flow_session_count(w->table), sessions);
	assert_int_equal(flow_binding_count(w->table), bindings);
	assert_int_equal(pool4_used(w->pool), bindings);
}

static inline unsigned int expire(struct world *w, int64_t now_ms)
{
	return flow_expire(w->table, 0, 1, now_ms, NULL);
}

static inline struct flow open_flow(struct world *w, enum l4_proto l4, unsigned int who,
				    uint16_t port, uint32_t remote_be32, uint16_t remote_port,
				    int64_t now_ms)
{
	struct flow_packet p = outbound(l4, who, port, remote_be32, remote_port);
	struct flow flow;

	assert_int_equal(flow_outbound(w->table, &p, now_ms, &flow), FLOW_OK);
	return flow;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

#endif
