/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sessions that go fast, with the kernel's half played by this file: when they may, how
 * life and state in a slot count (RFC 6146 3.5, 4), how they end, and how they are taken
 * over from an earlier run.
 */
#include "flow_world.h"

#include "../../nat64/fast.h"

enum { SLOTS = 8 };

/* ---- the kernel's half ------------------------------------------------------------------ */

struct fast {
	struct fast_session sessions[SLOTS + 1];
	unsigned int added, removed;
	bool refuse;
};

static struct fast kernel;

uint32_t fast_add(struct fast *fast, const struct flow *flow, uint64_t life)
{
	for (uint32_t slot = 1; slot <= SLOTS && !fast->refuse; slot++) {
		struct fast_session *s = &fast->sessions[slot];

		if (s->in_use)
			continue;
		*s = (struct fast_session){
			.life = life, .outside = flow->outside_be32, .remote = flow->remote_be32,
			.inside_port = htons(flow->inside_port),
			.outside_port = htons(flow->outside_port),
			.remote_port = htons(flow->remote_port),
			.proto = flow->l4 == L4_TCP   ? IPPROTO_TCP
				 : flow->l4 == L4_UDP ? IPPROTO_UDP : IPPROTO_ICMP,
			.in_use = 1,
		};
		memcpy(s->inside, &flow->inside, 16);
		memcpy(s->remote6, &flow->remote6, 16);
		fast->added++;
		return slot;
	}
	return 0;
}

void fast_remove(struct fast *fast, uint32_t slot)
{
	assert_true(fast->sessions[slot].in_use);
	fast->sessions[slot].in_use = 0;
	fast->removed++;
}

struct fast_session *fast_session(const struct fast *fast, uint32_t slot)
{
	return (struct fast_session *)&fast->sessions[slot];
}

void fast_inherited(struct fast *fast, bool (*keep)(void *arg, uint32_t slot), void *arg)
{
	for (uint32_t slot = 1; slot <= SLOTS; slot++)
		if (fast->sessions[slot].in_use && !keep(arg, slot))
			fast_remove(fast, slot);
}

/* A packet of the first session, seen by the kernel alone */
static void seen_there(int64_t ms, enum tcp_lifetime lifetime, enum tcp_state state)
{
	kernel.sessions[1].life = FAST_LIFE(ms, lifetime, state);
}

static unsigned int in_use(void)
{
	return kernel.added - kernel.removed;
}

/* ---- the table's -------------------------------------------------------------------------- */

static int set_up_fast(void **state)
{
	int err = set_up(state);
	struct world *w = *state;

	kernel = (struct fast){ .added = 0 };
	if (err == 0)
		flow_table_speed_up(w->table, &kernel);
	return err;
}

static void speed_up(struct world *w, const struct flow_packet *p, int64_t now_ms)
{
	flow_speed_up(w->table, p, true, now_ms);
}

/* An established connection with a slot: SYN both ways */
static struct flow fast_tcp(struct world *w, int64_t now_ms)
{
	struct flow_packet out = outbound(L4_TCP, 1, 40000, REMOTE_A, 443), in;
	struct flow flow;

	assert_int_equal(flow_outbound(w->table, &out, now_ms, &flow), FLOW_OK);
	assert_false(flow.settled);
	in = inbound(&flow, REMOTE_A, 443);
	assert_int_equal(flow_inbound(w->table, &in, now_ms, &flow), FLOW_OK);
	assert_true(flow.settled);
	flow_speed_up(w->table, &in, false, now_ms);
	assert_int_equal(in_use(), 1);
	assert_int_equal(flow_outbound(w->table, &out, now_ms, &flow), FLOW_OK);
	assert_true(flow.fast);
	assert_false(flow.settled);
	return flow;
}

static struct flow fast_udp(struct world *w, int64_t now_ms)
{
	struct flow_packet out = outbound(L4_UDP, 1, 40000, REMOTE_A, 53);
	struct flow flow;

	assert_int_equal(flow_outbound(w->table, &out, now_ms, &flow), FLOW_OK);
	assert_int_equal(flow_outbound(w->table, &out, now_ms, &flow), FLOW_OK);
	assert_true(flow.settled);
	speed_up(w, &out, now_ms);
	assert_int_equal(in_use(), 1);
	return flow;
}

static struct flow_packet the_udp(void)
{
	return outbound(L4_UDP, 1, 40000, REMOTE_A, 53);
}

static bool is_there(struct world *w, enum l4_proto l4, struct flow *flow)
{
	struct flow_packet p = outbound(l4, 1, 40000, REMOTE_A, l4 == L4_TCP ? 443 : 53);

	return flow_find_inside(w->table, &p, flow) == FLOW_OK;
}

static unsigned int idle_told;

static void tell_idle(void *arg, const struct flow *flow)
{
	(void)arg;
	assert_int_equal(flow->state, TCP_STATE_TRANS);
	idle_told++;
}

static void tell_unwanted(void *arg, const struct flow_syn *syn)
{
	(void)arg;
	(void)syn;
}

static unsigned int end_idle(struct world *w, int64_t now_ms)
{
	struct flow_watcher watcher = { tell_idle, tell_unwanted, NULL };

	return flow_expire(w->table, 0, 1, now_ms, &watcher);
}

/* What goes on may go fast: UDP and echoes from their second packet on; SYNs never do. */
static void test_who_may(void **state)
{
	struct world *w = *state;
	struct flow_packet udp = the_udp(), icmp = outbound(L4_ICMP, 1, 7, REMOTE_A, 0);
	struct flow_packet syn = outbound(L4_TCP, 2, 40000, REMOTE_A, 443);
	struct flow flow;

	flow_outbound(w->table, &udp, NOW, &flow);
	assert_true(flow.created);
	assert_false(flow.settled);
	flow_outbound(w->table, &icmp, NOW, &flow);
	assert_false(flow.settled);
	flow_outbound(w->table, &icmp, NOW, &flow);
	assert_true(flow.settled);
	for (int i = 0; i < 2; i++) {
		flow_outbound(w->table, &syn, NOW, &flow);
		assert_false(flow.settled);
		speed_up(w, &syn, NOW);
	}
	assert_int_equal(in_use(), 0);
	/* Once is enough, and what is not there gets nothing. */
	for (int i = 0; i < 3; i++)
		speed_up(w, &udp, NOW);
	udp.near_port++;
	speed_up(w, &udp, NOW);
	assert_int_equal(kernel.added, 1);
	/* An echo has its own lifetime, there as here. */
	speed_up(w, &icmp, NOW);
	assert_int_equal(kernel.sessions[2].proto, IPPROTO_ICMP);
	assert_int_equal(ntohs(kernel.sessions[2].inside_port), 7);
	assert_int_equal(kernel.sessions[2].remote_port, 0);
	assert_int_equal(end_idle(w, NOW + ICMP_MS + 10000), 1);
	assert_int_equal(in_use(), 1);
}

/* RFC 6146 3.1: who only came from outside has not said yet by which address he is known. */
static void test_not_before_the_inside_has_spoken(void **state)
{
	struct world *w = *state;
	struct flow flow = open_flow(w, L4_UDP, 1, 40000, REMOTE_A, 53, NOW);
	struct flow_packet in = inbound(&flow, REMOTE_B, 53);

	for (int i = 0; i < 2; i++) {
		assert_int_equal(flow_inbound(w->table, &in, NOW, &flow), FLOW_OK);
		assert_false(flow.settled);
		flow_speed_up(w->table, &in, false, NOW);
	}
	assert_int_equal(in_use(), 0);
}

/* A full kernel costs nothing but speed. */
static void test_no_room(void **state)
{
	struct world *w = *state;
	struct flow_packet udp = the_udp();
	struct flow flow;

	kernel.refuse = true;
	flow_outbound(w->table, &udp, NOW, &flow);
	speed_up(w, &udp, NOW);
	assert_int_equal(flow_outbound(w->table, &udp, NOW + 5, &flow), FLOW_OK);
	assert_true(flow.settled);
	assert_int_equal(flow.expires_ms, NOW + 5 + UDP_MS);
	assert_int_equal(end_idle(w, NOW + 5 + UDP_MS), 1);
	assert_int_equal(kernel.removed, 0);
}

/* What a slot holds is what the session was. */
static void test_slot(void **state)
{
	struct world *w = *state;
	struct flow flow = fast_tcp(w, NOW);
	const struct fast_session *s = &kernel.sessions[1];

	assert_memory_equal(s->inside, &flow.inside, 16);
	assert_memory_equal(s->remote6, &flow.remote6, 16);
	assert_int_equal(s->outside, flow.outside_be32);
	assert_int_equal(ntohs(s->outside_port), flow.outside_port);
	assert_int_equal(FAST_LIFE_MS(s->life), NOW);
	assert_int_equal(FAST_LIFE_STATE(s->life), TCP_STATE_ESTABLISHED);
	assert_int_equal(FAST_LIFE_LIFETIME(s->life), TCP_LIFETIME_EST);
}

/* RFC 4787 REQ-6: packets that only the kernel saw keep a session alive. */
static void test_life_there_counts(void **state)
{
	struct world *w = *state;
	struct flow flow;

	fast_udp(w, NOW);
	seen_there(NOW + UDP_MS - 1, 0, 0);
	assert_int_equal(end_idle(w, NOW + UDP_MS + 1), 0);
	assert_true(is_there(w, L4_UDP, &flow));
	assert_int_equal(flow.expires_ms, NOW + 2 * UDP_MS - 1);
	/* Looked at now and then: at the latest an eighth of the lifetime, 10 s, after its end */
	for (int64_t ms = UDP_MS + 2; ms < 2 * UDP_MS - 1; ms += 500)
		assert_int_equal(end_idle(w, NOW + ms), 0);
	assert_int_equal(end_idle(w, NOW + 2 * UDP_MS - 1 + 10000), 1);
	assert_int_equal(in_use(), 0);
	assert_counts(w, 0, 0);
}

/* RFC 6146 3.5.2.2: the states that the kernel has stepped to, and their lifetimes */
static void test_tcp_there(void **state)
{
	struct world *w = *state;
	struct flow flow;

	fast_tcp(w, NOW);
	seen_there(NOW + 5, TCP_LIFETIME_EST, TCP_STATE_V6_FIN);
	assert_true(is_there(w, L4_TCP, &flow));
	assert_int_equal(flow.state, TCP_STATE_V6_FIN);
	assert_int_equal(flow.expires_ms, NOW + 5 + EST_MS);
	seen_there(NOW + 9, TCP_LIFETIME_TRANS, TCP_STATE_V4_FIN_V6_FIN);
	assert_true(is_there(w, L4_TCP, &flow));
	assert_int_equal(flow.expires_ms, NOW + 9 + TRANS_MS);
	assert_int_equal(end_idle(w, NOW + 9 + TRANS_MS - 1), 0);
	assert_int_equal(end_idle(w, NOW + 9 + TRANS_MS + 10000), 1);
	assert_int_equal(in_use(), 0);
}

/* RFC 6146 3.5.2.2: packets that come to the slow path step what is in the slot. */
static void test_step_from_here(void **state)
{
	struct world *w = *state;
	struct flow_packet out = outbound(L4_TCP, 1, 40000, REMOTE_A, 443);
	struct flow flow;

	fast_tcp(w, NOW);
	out.event = TCP_EVENT_V6_FIN;
	assert_int_equal(flow_outbound(w->table, &out, NOW + 7, &flow), FLOW_OK);
	assert_int_equal(flow.state, TCP_STATE_V6_FIN);
	assert_int_equal(FAST_LIFE_STATE(kernel.sessions[1].life), TCP_STATE_V6_FIN);
	/* ... which leaves the lifetime as it was. */
	assert_int_equal(FAST_LIFE_MS(kernel.sessions[1].life), NOW);
	out.event = TCP_EVENT_V6_OTHER;
	assert_int_equal(flow_outbound(w->table, &out, NOW + 8, &flow), FLOW_OK);
	assert_int_equal(FAST_LIFE_MS(kernel.sessions[1].life), NOW + 8);
	out.event = TCP_EVENT_V6_RST;
	assert_int_equal(flow_outbound(w->table, &out, NOW + 9, &flow), FLOW_OK);
	assert_int_equal(FAST_LIFE_LIFETIME(kernel.sessions[1].life), TCP_LIFETIME_TRANS);
}

/* RFC 6146 3.5.2.2: an idle connection is probed, in TRANS, and may show that it lives. */
static void test_probe(void **state)
{
	struct world *w = *state;
	struct flow flow;

	fast_tcp(w, NOW);
	idle_told = 0;
	assert_int_equal(end_idle(w, NOW + EST_MS + 10000), 0);
	assert_int_equal(idle_told, 1);
	assert_true(is_there(w, L4_TCP, &flow));
	assert_int_equal(flow.state, TCP_STATE_TRANS);
	assert_int_equal(flow.expires_ms, NOW + EST_MS + 10000 + TRANS_MS);
	seen_there(NOW + EST_MS + 20000, TCP_LIFETIME_EST, TCP_STATE_ESTABLISHED);
	assert_int_equal(end_idle(w, NOW + EST_MS + 10000 + TRANS_MS + 10000), 0);
	assert_int_equal(idle_told, 1);
	assert_int_equal(in_use(), 1);
}

static bool keep_none(const void *arg, const struct flow *flow)
{
	(void)arg;
	(void)flow;
	return false;
}

static bool keep_all(const void *arg, const struct flow *flow)
{
	(void)arg;
	(void)flow;
	return true;
}

/* Slowed down, a session has the life and state that it had in the kernel. */
static void test_slow_down(void **state)
{
	struct world *w = *state;
	struct flow flow;

	fast_tcp(w, NOW);
	flow_slow_down(w->table, keep_all, NULL, NOW);
	assert_int_equal(in_use(), 1);
	seen_there(NOW + 5, TCP_LIFETIME_TRANS, TCP_STATE_V4_FIN_V6_FIN);
	flow_slow_down(w->table, keep_none, NULL, NOW + 6);
	assert_int_equal(in_use(), 0);
	assert_true(is_there(w, L4_TCP, &flow));
	assert_false(flow.fast);
	assert_int_equal(flow.state, TCP_STATE_V4_FIN_V6_FIN);
	assert_int_equal(end_idle(w, NOW + 6 + TRANS_MS), 1);
	assert_counts(w, 0, 0);
}

/* Ended by a reload, or with the table: the slot is free again. */
static void test_drop(void **state)
{
	struct world *w = *state;

	fast_udp(w, NOW);
	assert_int_equal(flow_drop(w->table, keep_none, NULL), 1);
	assert_int_equal(in_use(), 0);
	assert_counts(w, 0, 0);
}

/* Another table, as after a restart, which the kernel's half has outlived. */
static void restart(struct world *w, bool keep)
{
	flow_table_free(w->table, keep);
	w->table = flow_table_new(w->pool, &w->config);
	assert_non_null(w->table);
	flow_table_speed_up(w->table, &kernel);
}

/* Sessions, bindings and ports are what they were, and go on from what the slot says. */
static void test_adopt(void **state)
{
	struct world *w = *state;
	struct flow_packet out = outbound(L4_TCP, 1, 40000, REMOTE_A, 443);
	struct flow was = fast_tcp(w, NOW), is;

	restart(w, true);
	assert_int_equal(in_use(), 1);
	assert_counts(w, 0, 0);
	seen_there(NOW + 50, TCP_LIFETIME_EST, TCP_STATE_V4_FIN);
	assert_int_equal(flow_adopt(w->table, keep_all, NULL, NOW + 60), 1);
	assert_counts(w, 1, 1);
	assert_true(is_there(w, L4_TCP, &is));
	assert_true(is.fast);
	assert_int_equal(is.outside_port, was.outside_port);
	assert_int_equal(is.outside_be32, was.outside_be32);
	assert_int_equal(is.state, TCP_STATE_V4_FIN);
	assert_int_equal(is.expires_ms, NOW + 50 + EST_MS);
	assert_true(is.invited);
	/* One inside port has one outside port (RFC 4787 REQ-1), now as before. */
	out.remote_be32 = REMOTE_B;
	out.remote6 = embedded(REMOTE_B);
	assert_int_equal(flow_outbound(w->table, &out, NOW + 60, &is), FLOW_OK);
	assert_int_equal(is.outside_port, was.outside_port);
	assert_counts(w, 2, 1);
	assert_int_equal(end_idle(w, NOW + 50 + 2 * EST_MS), 2);
	assert_counts(w, 0, 0);
}

/* Not kept: refused, or the port is somebody else's by now; or the limit is lower. */
static void test_adopt_not(void **state)
{
	struct world *w = *state;
	struct flow was = fast_udp(w, NOW);
	struct pool4_claim claim;

	restart(w, true);
	assert_int_equal(pool4_claim_this(w->pool, L4_UDP, was.outside_be32, was.outside_port,
					  &claim), 0);
	pool4_publish(w->pool, L4_UDP, &claim, &claim);
	assert_int_equal(flow_adopt(w->table, keep_all, NULL, NOW), 0);
	assert_int_equal(in_use(), 0);
	assert_int_equal(flow_session_count(w->table), 0);
	assert_int_equal(flow_client_count(w->table), 0);
	pool4_release(w->pool, L4_UDP, &was.inside, &claim);
	kernel.sessions[1].in_use = 1;
	kernel.removed--;
	assert_int_equal(flow_adopt(w->table, keep_none, NULL, NOW), 0);
	assert_int_equal(in_use(), 0);
	kernel.sessions[1].in_use = 1;
	kernel.removed--;
	w->config.nat64.limits.sessions = 0;
	flow_table_configure(w->table, &w->config);
	assert_int_equal(flow_adopt(w->table, keep_all, NULL, NOW), 0);
	assert_counts(w, 0, 0);
}

#define FAST_TEST(name) cmocka_unit_test_setup_teardown(name, set_up_fast, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		FAST_TEST(test_who_may),
		FAST_TEST(test_not_before_the_inside_has_spoken),
		FAST_TEST(test_no_room),
		FAST_TEST(test_slot),
		FAST_TEST(test_life_there_counts),
		FAST_TEST(test_tcp_there),
		FAST_TEST(test_step_from_here),
		FAST_TEST(test_probe),
		FAST_TEST(test_slow_down),
		FAST_TEST(test_drop),
		FAST_TEST(test_adopt),
		FAST_TEST(test_adopt_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
