/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who may come in: address-dependent filtering (RFC 6146 3.5.1, RFC 4787 5), SYNs that nobody
 * has asked for (RFC 6146 3.5.2.2, RFC 5382 REQ-4), and what is told at a lifetime's end.
 */
#include "flow_world.h"

#include "../../nat64/bib.h"

static const uint8_t syn_bytes[] = { 0x45, 0, 0, 40, 1, 2, 3, 4 };

static int set_up_filtering(void **state)
{
	struct world *w;
	int err = set_up(state);

	if (err < 0)
		return err;
	w = *state;
	w->config.nat64.filtering = CONFIG_FILTERING_ADDRESS_DEPENDENT;
	flow_table_configure(w->table, &w->config);
	return 0;
}

#define FILTERING(name) cmocka_unit_test_setup_teardown(name, set_up_filtering, tear_down)

static enum flow_result in_from(struct world *w, const struct flow *to, uint32_t remote_be32,
				uint16_t remote_port, enum tcp_event event)
{
	struct flow_packet p = inbound(to, remote_be32, remote_port);
	struct flow flow;

	p.event = event;
	return flow_inbound(w->table, &p, NOW, &flow);
}

/* RFC 6146 3.5.1: from an address that the binding has a session with, at any port */
static void test_udp(void **state)
{
	struct world *w = *state;
	struct flow a = open_flow(w, L4_UDP, 1, 40000, REMOTE_A, 53, NOW);
	struct flow other = open_flow(w, L4_UDP, 2, 40000, REMOTE_B, 53, NOW);

	assert_int_equal(in_from(w, &a, REMOTE_A, 53, 0), FLOW_OK);
	assert_int_equal(in_from(w, &a, REMOTE_A, 9999, 0), FLOW_OK);
	assert_counts(w, 3, 2);
	assert_int_equal(in_from(w, &a, REMOTE_B, 53, 0), FLOW_FILTERED);
	assert_int_equal(in_from(w, &other, REMOTE_A, 53, 0), FLOW_FILTERED);
	assert_counts(w, 3, 2);
	open_flow(w, L4_UDP, 1, 40000, REMOTE_B, 1, NOW);
	assert_int_equal(in_from(w, &a, REMOTE_B, 53, 0), FLOW_OK);
	/* the last session with an address takes the permission with it */
	assert_int_equal(expire(w, NOW + UDP_MS), 5);
	open_flow(w, L4_UDP, 1, 40000, REMOTE_B, 53, NOW);
}

/* RFC 6146 3.5.1: ... and only while there is one */
static void test_permission_ends(void **state)
{
	struct world *w = *state;
	struct flow a = open_flow(w, L4_UDP, 1, 40000, REMOTE_A, 53, NOW);

	open_flow(w, L4_UDP, 1, 40000, REMOTE_B, 53, NOW + 1000);
	assert_int_equal(expire(w, NOW + UDP_MS), 1);
	assert_int_equal(in_from(w, &a, REMOTE_A, 53, 0), FLOW_FILTERED);
	assert_int_equal(in_from(w, &a, REMOTE_B, 7, 0), FLOW_OK);
}

/* RFC 6146 3.5.2.2 CLOSED: other segments pass on a binding "if the security policy allows" */
static void test_tcp(void **state)
{
	static const enum tcp_event events[] = { TCP_EVENT_V4_SYN, TCP_EVENT_V4_FIN,
						 TCP_EVENT_V4_RST, TCP_EVENT_V4_OTHER };
	struct world *w = *state;
	struct flow a = open_flow(w, L4_TCP, 1, 40000, REMOTE_A, 443, NOW);

	for (size_t i = 0; i < sizeof(events) / sizeof(*events); i++) {
		assert_int_equal(in_from(w, &a, REMOTE_B, 443, events[i]), FLOW_FILTERED);
		assert_int_equal(in_from(w, &a, REMOTE_A, 80, events[i]), FLOW_OK);
	}
	assert_counts(w, 2, 1);
}

/* flow.h: a static binding is open to all, as its owner has said. */
static void test_static_binding(void **state)
{
	struct world *w = *state;
	struct flow a = open_flow(w, L4_UDP, 1, 40000, REMOTE_A, 53, NOW);
	struct flow_packet p = inbound(&a, REMOTE_A, 53);
	struct bib *bib;

	assert_int_equal(bib_take_outside(flow_bibs(w->table), &p, &bib), FLOW_OK);
	bib->is_static = true;
	assert_int_equal(in_from(w, &a, REMOTE_B, 53, 0), FLOW_OK);
	bib->is_static = false;
	bib_put(flow_bibs(w->table), bib);
	assert_int_equal(in_from(w, &a, inet_addr("192.0.2.34"), 53, 0), FLOW_FILTERED);
}

/* The setting comes and goes with the sessions that are there. */
static void test_reconfigured(void **state)
{
	struct world *w = *state;
	struct flow a = open_flow(w, L4_UDP, 1, 40000, REMOTE_A, 53, NOW);

	assert_int_equal(in_from(w, &a, REMOTE_B, 53, 0), FLOW_OK);
	assert_int_equal(expire(w, NOW + UDP_MS), 2);
	a = open_flow(w, L4_UDP, 1, 40000, REMOTE_A, 53, NOW);
	for (int i = 0; i < 2; i++) {
		w->config.nat64.filtering = CONFIG_FILTERING_ADDRESS_DEPENDENT;
		flow_table_configure(w->table, &w->config);
		assert_int_equal(in_from(w, &a, REMOTE_B, 53, 0), FLOW_FILTERED);
		assert_int_equal(in_from(w, &a, REMOTE_A, 54, 0), FLOW_OK);
		w->config.nat64.filtering = CONFIG_FILTERING_ENDPOINT_INDEPENDENT;
		flow_table_configure(w->table, &w->config);
	}
	assert_int_equal(in_from(w, &a, REMOTE_B, 53, 0), FLOW_OK);
}

/* ---- stored SYNs ------------------------------------------------------------------ */

struct told {
	unsigned int idle, unwanted;
	struct flow flow;
	struct flow_syn syn;
};

static void told_idle(void *arg, const struct flow *flow)
{
	struct told *told = arg;

	told->idle++;
	told->flow = *flow;
}

static void told_unwanted(void *arg, const struct flow_syn *syn)
{
	struct told *told = arg;

	told->unwanted++;
	told->syn = *syn;
}

static unsigned int expire_told(struct world *w, int64_t now_ms, struct told *told)
{
	struct flow_watcher watcher = { told_idle, told_unwanted, told };

	*told = (struct told){ 0 };
	return flow_expire(w->table, 0, 1, now_ms, &watcher);
}

static enum flow_result store(struct world *w, const struct flow_packet *p, int64_t now_ms)
{
	return flow_store_syn(w->table, p, syn_bytes, sizeof(syn_bytes), now_ms);
}

/* RFC 6146 3.5.2.2 stored SYN, RFC 5382 REQ-4: unanswered for 6 seconds,
 * whether it is repeated or not; then told of */
static void test_syn_waits_and_is_told_of(void **state)
{
	struct world *w = *state;
	struct flow to = { .l4 = L4_TCP, .outside_be32 = w->map.uplink_v4_be32,
			   .outside_port = 20001 };
	struct flow_packet p = inbound(&to, REMOTE_A, 5555);
	struct told told;
	struct flow flow;

	assert_int_equal(flow_inbound(w->table, &p, NOW, &flow), FLOW_NONE);
	assert_true(flow_may_store_syn(w->table));
	assert_int_equal(store(w, &p, NOW), FLOW_OK);
	assert_int_equal(flow_syn_count(w->table), 1);
	assert_int_equal(flow_inbound(w->table, &p, NOW + 1000, &flow), FLOW_WAITING);
	assert_int_equal(store(w, &p, NOW + 1000), FLOW_WAITING);
	assert_counts(w, 0, 0);			/* neither binding nor session */
	assert_int_equal(expire_told(w, NOW + SYN_MS - 1, &told), 0);
	assert_int_equal(told.unwanted, 0);
	assert_int_equal(expire_told(w, NOW + SYN_MS, &told), 0);
	assert_int_equal(told.unwanted, 1);
	assert_int_equal(told.syn.len, sizeof(syn_bytes));
	assert_memory_equal(told.syn.data, syn_bytes, sizeof(syn_bytes));
	assert_int_equal(flow_syn_count(w->table), 0);
	expire_told(w, NOW + 2 * SYN_MS, &told);
	assert_int_equal(told.unwanted, 0);
	assert_int_equal(flow_inbound(w->table, &p, NOW + SYN_MS, &flow), FLOW_NONE);
}

/* RFC 6146 3.5.2.2 stored SYN: bounded (RFC 6146 5.3) */
static void test_syns_are_bounded(void **state)
{
	struct world *w = *state;
	struct flow to = { .l4 = L4_TCP, .outside_be32 = w->map.uplink_v4_be32 };
	struct flow_packet p = inbound(&to, REMOTE_A, 5555);
	struct told told;

	for (uint16_t i = 0; i < 100; i++) {
		assert_true(flow_may_store_syn(w->table));
		p.near_port = (uint16_t)(20000 + i);	/* all of one shard */
		assert_int_equal(store(w, &p, NOW), FLOW_OK);
	}
	assert_false(flow_may_store_syn(w->table));
	p.near_port = 20100;
	assert_int_equal(store(w, &p, NOW), FLOW_FULL);
	assert_int_equal(flow_syn_count(w->table), 100);
	expire_told(w, NOW + SYN_MS, &told);
	assert_int_equal(told.unwanted, 100);
	assert_int_equal(store(w, &p, NOW), FLOW_OK);	/* and the table's end frees it */
	w->config.nat64.limits.stored_syns = 0;
	flow_table_configure(w->table, &w->config);
	assert_false(flow_may_store_syn(w->table));
}

/* RFC 6146 3.5.2.2 V4 INIT, RFC 5382 REQ-2: a V6 SYN makes it ESTABLISHED, and
 * nobody is told anything. */
static void test_simultaneous_open(void **state)
{
	struct world *w = *state;
	struct flow bound = open_flow(w, L4_TCP, 1, 40000, REMOTE_A, 443, NOW), met;
	struct flow_packet p = inbound(&bound, REMOTE_B, 5555);
	struct told told;
	struct flow flow;

	assert_int_equal(flow_inbound(w->table, &p, NOW, &flow), FLOW_FILTERED);
	assert_int_equal(store(w, &p, NOW), FLOW_OK);
	assert_int_equal(flow_inbound(w->table, &p, NOW + 1, &flow), FLOW_WAITING);
	/* another of its connections is not the one */
	met = open_flow(w, L4_TCP, 1, 40000, REMOTE_B, 5556, NOW);
	assert_false(met.met);
	assert_int_equal(met.state, TCP_STATE_V6_INIT);
	met = open_flow(w, L4_TCP, 1, 40000, REMOTE_B, 5555, NOW + 10);
	assert_true(met.created);
	assert_true(met.met);
	assert_int_equal(met.state, TCP_STATE_ESTABLISHED);
	assert_int_equal(met.expires_ms, NOW + 10 + EST_MS);
	assert_int_equal(flow_syn_count(w->table), 0);
	assert_int_equal(flow_inbound(w->table, &p, NOW + 20, &flow), FLOW_OK);
	assert_int_equal(flow.state, TCP_STATE_ESTABLISHED);
	expire_told(w, NOW + SYN_MS, &told);
	assert_int_equal(told.unwanted, 0);
	assert_int_equal(store(w, &p, NOW + 20), FLOW_WAITING);	/* its session is there */
}

/* A connection that met its SYN waits for nobody: it is not half open. */
static void test_met_is_not_half_open(void **state)
{
	struct world *w = *state;
	struct flow bound;
	struct flow_packet p;

	w->config.nat64.limits.half_open = 2;
	flow_table_configure(w->table, &w->config);
	bound = open_flow(w, L4_TCP, 1, 40000, REMOTE_A, 443, NOW);
	for (uint16_t port = 5000; port < 5010; port++) {
		p = inbound(&bound, REMOTE_B, port);
		assert_int_equal(store(w, &p, NOW), FLOW_OK);
		assert_true(open_flow(w, L4_TCP, 1, 40000, REMOTE_B, port, NOW).met);
	}
	expire(w, NOW + EST_MS);
	expire(w, NOW + EST_MS + TRANS_MS);
	assert_counts(w, 0, 0);
}

/* It waited where there was no binding; now there is one that lets it in. */
static void test_syn_repeated_to_a_new_binding(void **state)
{
	struct world *w = *state;
	struct flow flow = open_flow(w, L4_TCP, 1, 40000, REMOTE_A, 443, NOW);
	struct flow_packet p = inbound(&flow, REMOTE_B, 5555);
	struct told told;

	assert_int_equal(store(w, &p, NOW), FLOW_OK);
	assert_int_equal(flow_inbound(w->table, &p, NOW + 1000, &flow), FLOW_OK);
	assert_int_equal(flow.state, TCP_STATE_V4_INIT);
	assert_false(flow.met);
	assert_int_equal(flow_syn_count(w->table), 0);
	expire_told(w, NOW + SYN_MS, &told);
	assert_int_equal(told.unwanted, 0);
}

/* RFC 6146 3.5.2.2 probe: the lifetime is over, and one end is to be asked. */
static void test_idle_is_told_of(void **state)
{
	struct world *w = *state;
	struct flow flow;
	struct flow_packet p;
	struct told told;

	for (uint16_t port = 0; port < 100; port++) {
		flow = open_flow(w, L4_TCP, 1, (uint16_t)(40000 + port), REMOTE_A, 443, NOW);
		p = inbound(&flow, REMOTE_A, 443);
		assert_int_equal(flow_inbound(w->table, &p, NOW, &flow), FLOW_OK);
	}
	assert_int_equal(expire_told(w, NOW + EST_MS - 1, &told), 0);
	assert_int_equal(told.idle, 0);
	assert_int_equal(expire_told(w, NOW + EST_MS, &told), 0);
	assert_int_equal(told.idle, 100);	/* more than one batch, all of one shard */
	assert_int_equal(told.flow.state, TCP_STATE_TRANS);
	assert_int_equal(told.flow.expires_ms, NOW + EST_MS + TRANS_MS);
	assert_int_equal(expire_told(w, NOW + EST_MS + 1, &told), 0);
	assert_int_equal(told.idle, 0);		/* once */
	assert_int_equal(expire_told(w, NOW + EST_MS + TRANS_MS, &told), 100);
	assert_int_equal(told.idle, 0);
	/* one that is opening, closing or reset is not asked */
	open_flow(w, L4_TCP, 1, 40000, REMOTE_A, 443, NOW);
	assert_int_equal(expire_told(w, NOW + TRANS_MS, &told), 1);
	assert_int_equal(told.idle, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FILTERING(test_udp),
		FILTERING(test_permission_ends),
		FILTERING(test_tcp),
		FILTERING(test_static_binding),
		TEST(test_reconfigured),
		TEST(test_syn_waits_and_is_told_of),
		TEST(test_syns_are_bounded),
		FILTERING(test_simultaneous_open),
		FILTERING(test_met_is_not_half_open),
		TEST(test_syn_repeated_to_a_new_binding),
		TEST(test_idle_is_told_of),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
