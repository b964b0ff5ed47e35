/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A full table: 262,144 sessions in less than 64 MB, found as quickly as in a small one, and
 * the memory serves others afterwards, whichever shard they are in.
 */
#include "flow_world.h"

enum {
	FULL = 262144,
	MEMORY_MAX = 64000000,
	ADDRESSES = 6,
	CHAIN_MAX = 24,		/* two sessions a bucket on average; the hash is keyed */
};

/* Identifiers enough for a binding to each session: ICMP has 65,535 an address. */
static void use_addresses(struct world *w)
{
	static struct pool4_entry entries[ADDRESSES];
	struct pool4_plan *plan;

	for (unsigned int i = 0; i < ADDRESSES; i++)
		entries[i] = (struct pool4_entry){
			.address = addr_from_v4(htonl(0xc6336401 + i)), .ports = &w->range, .n_ports = 1,
		};
	w->config.nat64.pool4 = entries;
	w->config.nat64.n_pool4 = ADDRESSES;
	w->config.nat64.limits.sessions = FULL;
	w->config.nat64.limits.sessions_per_client = FULL;
	flow_table_configure(w->table, &w->config);
	assert_int_equal(pool4_plan(w->pool, &w->config, &w->map, &w->host, NULL, &plan), 0);
	pool4_commit(w->pool, plan);
}

/* Of the @i-th session: a host, a binding and a remote of its own, or all to one remote */
static struct flow_packet nth(unsigned int i, bool one_remote, int64_t round)
{
	uint32_t remote = one_remote ? 0xc0000201 + (uint32_t)round : 0x0a000000 + i;
	struct flow_packet p = outbound(L4_ICMP, i, (uint16_t)i, htonl(remote), 0);

	p.inside.s6_addr[13] = (uint8_t)(i >> 16);
	p.inside.s6_addr[14] = (uint8_t)(i >> 8);
	return p;
}

static void fill(struct world *w, bool one_remote, int64_t round, int64_t now_ms)
{
	struct flow flow;

	for (unsigned int i = 0; i < FULL; i++) {
		struct flow_packet p = nth(i, one_remote, round);

		assert_int_equal(flow_outbound(w->table, &p, now_ms, &flow), FLOW_OK);
		assert_true(flow.created);
	}
	assert_counts(w, FULL, FULL);
	for (unsigned int i = 0; i < FULL; i += 997) {
		struct flow_packet p = nth(i, one_remote, round);

		assert_int_equal(flow_find_inside(w->table, &p, &flow), FLOW_OK);
		p = inbound(&flow, flow.remote_be32, 0);
		assert_int_equal(flow_find_outside(w->table, &p, &flow), FLOW_OK);
		assert_int_equal(flow.inside_port, (uint16_t)i);
	}
}

static void empty(struct world *w, int64_t now_ms)
{
	while (flow_session_count(w->table))
		assert_true(expire(w, now_ms) > 0);
	assert_counts(w, 0, 0);
	assert_int_equal(flow_client_count(w->table), 0);
}

/* The worst that there is: a client, a binding and a remote for every session */
static void full_table(struct world *w, int rounds)
{
	uint64_t first = 0;
	int64_t now = NOW;

	use_addresses(w);
	for (int round = 0; round < rounds; round++) {
		uint64_t bytes;

		fill(w, false, round, now);
		bytes = flow_memory_bytes(w->table);
		assert_in_range(bytes, FULL * 100, MEMORY_MAX);
		assert_in_range(flow_longest_chain(w->table), 1, CHAIN_MAX);
		now += ICMP_MS;
		empty(w, now);
		if (round)
			assert_in_range(bytes, first - first / 50, first + first / 50);
		else
			first = bytes;
	}
}

static void test_full(void **state)
{
	full_table(*state, 2);
}

static void test_full_filtering(void **state)
{
	struct world *w = *state;

	w->config.nat64.filtering = CONFIG_FILTERING_ADDRESS_DEPENDENT;
	full_table(w, 1);
}

/* All to one popular remote, then to another: one shard has them all, then the other. */
static void test_one_shard_and_another(void **state)
{
	struct world *w = *state;
	int64_t now = NOW;

	use_addresses(w);
	w->config.nat64.limits.client_prefix = 64;
	flow_table_configure(w->table, &w->config);
	for (int round = 0; round < 2; round++) {
		fill(w, true, round, now);
		assert_int_equal(flow_client_count(w->table), 1);
		assert_in_range(flow_memory_bytes(w->table), 1, MEMORY_MAX);
		assert_in_range(flow_longest_chain(w->table), 1, CHAIN_MAX);
		now += ICMP_MS;
		empty(w, now);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_full),
		TEST(test_full_filtering),
		TEST(test_one_shard_and_another),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
