/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The IPv6 form of a session's remote host, where there are several pref64s. */
#include "flow_world.h"

/* @remote_be32 in another pref64 than embedded() */
static struct in6_addr elsewhere(uint32_t remote_be32)
{
	struct in6_addr addr = embedded(remote_be32);

	addr.s6_addr[3] = 0x9c;
	return addr;
}

static void check_remote(const struct flow *flow, struct in6_addr wanted)
{
	assert_true(addr_equal(&flow->remote6, &wanted));
}

/* RFC 6146 3.1, 3.5.1: by another pref64 it would be a second session with the IPv4 addresses
 * and ports of the first. The first is neither changed nor renewed. */
static void test_one_form(void **state)
{
	struct world *w = *state;

	for (int l4 = 0; l4 < L4_COUNT; l4++) {
		struct flow_packet p = outbound((enum l4_proto)l4, 1, 40000, REMOTE_A, 80);
		struct flow first = open_flow(w, (enum l4_proto)l4, 1, 40000, REMOTE_A, 80, NOW);
		struct flow flow;

		check_remote(&first, embedded(REMOTE_A));
		p.remote6 = elsewhere(REMOTE_A);
		assert_int_equal(flow_outbound(w->table, &p, NOW + 5000, &flow),
				 FLOW_OTHER_PREF64);
		assert_int_equal(flow_find_inside(w->table, &p, &flow), FLOW_OK);
		check_remote(&flow, embedded(REMOTE_A));
		assert_int_equal(flow.expires_ms, first.expires_ms);
		assert_int_equal(flow.state, first.state);
		p = inbound(&first, REMOTE_A, 80);
		p.remote6 = elsewhere(REMOTE_A);	/* from outside it is only a guess */
		assert_int_equal(flow_inbound(w->table, &p, NOW + 5000, &flow), FLOW_OK);
		check_remote(&flow, embedded(REMOTE_A));
	}
	assert_counts(w, 3, 3);
}

/* RFC 6146 3.1: another remote port or host is a session of its own, on the same binding. */
static void test_another_remote(void **state)
{
	struct world *w = *state;
	struct flow_packet p = outbound(L4_UDP, 1, 40000, REMOTE_A, 81);
	struct flow flow;

	open_flow(w, L4_UDP, 1, 40000, REMOTE_A, 80, NOW);
	p.remote6 = elsewhere(REMOTE_A);
	assert_int_equal(flow_outbound(w->table, &p, NOW, &flow), FLOW_OK);
	check_remote(&flow, elsewhere(REMOTE_A));
	assert_counts(w, 2, 1);
}

/* RFC 6146 3.5.1, 3.5.4: of a session made from outside the inside says what it is. */
static void test_made_from_outside(void **state)
{
	struct world *w = *state;
	struct flow first = open_flow(w, L4_UDP, 1, 40000, REMOTE_A, 80, NOW), flow;
	struct flow_packet in = inbound(&first, REMOTE_B, 90);
	struct flow_packet out = outbound(L4_UDP, 1, 40000, REMOTE_B, 90);

	assert_int_equal(flow_inbound(w->table, &in, NOW, &flow), FLOW_OK);
	assert_true(flow.created);
	check_remote(&flow, embedded(REMOTE_B));
	out.remote6 = elsewhere(REMOTE_B);
	assert_int_equal(flow_outbound(w->table, &out, NOW, &flow), FLOW_OK);
	check_remote(&flow, elsewhere(REMOTE_B));
	assert_int_equal(flow_inbound(w->table, &in, NOW, &flow), FLOW_OK);
	check_remote(&flow, elsewhere(REMOTE_B));
	out.remote6 = embedded(REMOTE_B);
	assert_int_equal(flow_outbound(w->table, &out, NOW, &flow), FLOW_OTHER_PREF64);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_one_form),
		TEST(test_another_remote),
		TEST(test_made_from_outside),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
