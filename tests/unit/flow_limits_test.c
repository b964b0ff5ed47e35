/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Limits of all together and of each client, and that outsiders do not starve a client. */
#include "../../core/leaders.h"
#include <assert.h>

#include "../../nat64/limits.h"
#include "../../nat64/slab.h"
#include "flow_world.h"

enum { OTHER_64 = 0x10000 };	/* a client in another /64 */

/* Host @i of /64 number @i / OTHER_64 */
static struct flow_packet out_from(unsigned int i, enum l4_proto l4, uint16_t port)
{
	struct flow_packet p = outbound(l4, i, port, REMOTE_A, 443);

	p.inside.s6_addr[7] = (uint8_t)(i / OTHER_64);
	p.inside.s6_addr[14] = (uint8_t)(i / 256);
	return p;
}

static enum flow_result open_from(struct world *w, unsigned int i, enum l4_proto l4, uint16_t port,
				  int64_t now_ms)
{
	struct flow_packet p = out_from(i, l4, port);
	struct flow flow;

	return flow_outbound(w->table, &p, now_ms, &flow);
}

static enum flow_result come_in(struct world *w, const struct flow *to, uint16_t remote_port,
				int64_t now_ms)
{
	struct flow_packet p = inbound(to, REMOTE_B, remote_port);
	struct flow flow;

	return flow_inbound(w->table, &p, now_ms, &flow);
}

static void use_limits(struct world *w)
{
	flow_table_configure(w->table, &w->config);
}

/* RFC 6888 REQ-4: a client (here a /64) has its share and no more; others are as before. */
static void test_sessions_of_a_client(void **state)
{
	struct world *w = *state;

	w->config.nat64.limits.sessions_per_client = 3;
	w->config.nat64.limits.client_prefix = 64;
	use_limits(w);
	for (unsigned int i = 0; i < 3; i++)
		assert_int_equal(open_from(w, i, L4_UDP, 40000, NOW), FLOW_OK);
	assert_int_equal(open_from(w, 3, L4_UDP, 40000, NOW), FLOW_CLIENT_FULL);
	assert_int_equal(open_from(w, 1, L4_ICMP, 40000, NOW), FLOW_CLIENT_FULL);
	assert_counts(w, 3, 3);		/* what was refused left nothing behind */
	assert_int_equal(open_from(w, OTHER_64, L4_UDP, 40000, NOW), FLOW_OK);
	assert_int_equal(flow_client_count(w->table), 2);
	/* sessions that are there go on, and an ended one makes room */
	assert_int_equal(open_from(w, 0, L4_UDP, 40000, NOW + 1000), FLOW_OK);
	assert_int_equal(expire(w, NOW + UDP_MS), 3);
	assert_int_equal(open_from(w, 3, L4_UDP, 40000, NOW + UDP_MS), FLOW_OK);
	assert_int_equal(expire(w, NOW + 3 * UDP_MS), 2);
	assert_int_equal(flow_client_count(w->table), 0);
}

/* limits.client_prefix: 128 makes each address a client, 56 makes /64s of one site one. */
static void test_client_prefix(void **state)
{
	static const struct {
		unsigned int prefix, second;
		enum flow_result wanted;
	} rows[] = {
		{ 128, 1, FLOW_OK }, { 64, 1, FLOW_CLIENT_FULL }, { 64, OTHER_64, FLOW_OK },
		{ 56, OTHER_64, FLOW_CLIENT_FULL }, { 63, OTHER_64, FLOW_CLIENT_FULL },
		{ 63, 2 * OTHER_64, FLOW_OK }, { 127, 1, FLOW_CLIENT_FULL }, { 127, 2, FLOW_OK },
	};
	struct world *w = *state;

	w->config.nat64.limits.sessions_per_client = 1;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		w->config.nat64.limits.client_prefix = rows[i].prefix;
		use_limits(w);
		assert_int_equal(open_from(w, 0, L4_UDP, 40000, NOW), FLOW_OK);
		assert_int_equal(open_from(w, rows[i].second, L4_UDP, 40000, NOW), rows[i].wanted);
		expire(w, NOW + UDP_MS);
		assert_counts(w, 0, 0);
	}
}

/* The rate of new sessions: two seconds' worth at once, then one for each that is earned. */
static void test_new_sessions_of_a_client(void **state)
{
	struct world *w = *state;

	w->config.nat64.limits.new_per_client = 10;
	use_limits(w);
	for (uint16_t i = 0; i < 20; i++)
		assert_int_equal(open_from(w, 1, L4_UDP, (uint16_t)(40000 + i), NOW), FLOW_OK);
	assert_int_equal(open_from(w, 1, L4_UDP, 41000, NOW), FLOW_CLIENT_RATE);
	assert_int_equal(open_from(w, 1, L4_UDP, 41000, NOW + 99), FLOW_CLIENT_RATE);
	assert_counts(w, 20, 20);
	assert_int_equal(open_from(w, 2, L4_UDP, 40000, NOW), FLOW_OK);
	assert_int_equal(open_from(w, 1, L4_UDP, 41000, NOW + 100), FLOW_OK);
	assert_int_equal(open_from(w, 1, L4_UDP, 41001, NOW + 100), FLOW_CLIENT_RATE);
	/* flows that are there cost nothing */
	assert_int_equal(open_from(w, 1, L4_UDP, 40000, NOW + 100), FLOW_OK);
	/* a long silence earns no more than the burst */
	for (uint16_t i = 0; i < 20; i++)
		assert_int_equal(open_from(w, 1, L4_UDP, (uint16_t)(42000 + i), NOW + 100000),
				 FLOW_OK);
	assert_int_equal(open_from(w, 1, L4_UDP, 43000, NOW + 100000), FLOW_CLIENT_RATE);
}

/* Connections that nobody answers: of a client, and of all */
static void test_half_open(void **state)
{
	struct world *w = *state;
	struct flow_packet p;
	struct flow flow;

	w->config.nat64.limits.half_open_per_client = 2;
	w->config.nat64.limits.half_open = 4;
	use_limits(w);
	for (unsigned int who = 1; who <= 2; who++) {
		assert_int_equal(open_from(w, who, L4_TCP, 40000, NOW), FLOW_OK);
		assert_int_equal(open_from(w, who, L4_TCP, 40001, NOW), FLOW_OK);
		assert_int_equal(open_from(w, who, L4_TCP, 40002, NOW), FLOW_CLIENT_HALF_OPEN);
		assert_int_equal(open_from(w, who, L4_UDP, 40002, NOW), FLOW_OK);
	}
	assert_int_equal(open_from(w, 3, L4_TCP, 40000, NOW), FLOW_HALF_OPEN);
	/* an answer makes room, and so does giving up */
	p = out_from(1, L4_TCP, 40000);
	assert_int_equal(flow_outbound(w->table, &p, NOW, &flow), FLOW_OK);
	p = inbound(&flow, REMOTE_A, 443);
	assert_int_equal(flow_inbound(w->table, &p, NOW, &flow), FLOW_OK);
	assert_int_equal(flow.state, TCP_STATE_ESTABLISHED);
	assert_int_equal(open_from(w, 3, L4_TCP, 40000, NOW + 1), FLOW_OK);
	assert_int_equal(open_from(w, 1, L4_TCP, 40002, NOW + 1), FLOW_HALF_OPEN);
	assert_int_equal(expire(w, NOW + TRANS_MS), 3);
	for (uint16_t port = 0; port < 2; port++)
		assert_int_equal(open_from(w, 2, L4_TCP, (uint16_t)(40000 + port), NOW + TRANS_MS),
				 FLOW_OK);
	assert_int_equal(open_from(w, 1, L4_TCP, 40003, NOW + TRANS_MS), FLOW_OK);
	assert_int_equal(open_from(w, 1, L4_TCP, 40004, NOW + TRANS_MS), FLOW_HALF_OPEN);
}

/*
 * Forged sources outside open sessions to a binding: three quarters of each limit, not
 * more, so that the client has room for its own.
 */
static void test_outsiders_do_not_starve_a_client(void **state)
{
	struct world *w = *state;
	struct flow first;

	w->config.nat64.limits.sessions_per_client = 8;
	use_limits(w);
	first = open_flow(w, L4_UDP, 1, 40000, REMOTE_A, 53, NOW);
	for (uint16_t port = 1; port <= 5; port++)
		assert_int_equal(come_in(w, &first, port, NOW), FLOW_OK);
	assert_int_equal(come_in(w, &first, 6, NOW), FLOW_CLIENT_FULL);
	assert_int_equal(open_from(w, 1, L4_UDP, 40001, NOW), FLOW_OK);
	assert_int_equal(open_from(w, 1, L4_UDP, 40002, NOW), FLOW_OK);
	assert_int_equal(open_from(w, 1, L4_UDP, 40003, NOW), FLOW_CLIENT_FULL);
	assert_counts(w, 8, 3);
}

static void test_outsiders_and_the_rate(void **state)
{
	struct world *w = *state;
	uint16_t came = 0, port = 1;
	struct flow first;

	w->config.nat64.limits.new_per_client = 100;
	use_limits(w);
	first = open_flow(w, L4_UDP, 1, 40000, REMOTE_A, 53, NOW);
	while (come_in(w, &first, port++, NOW) == FLOW_OK)
		came++;
	assert_int_equal(came, 149);		/* 3/4 of 200, less the client's own */
	/* A flood from outside, for five seconds, and the client opens 50 a second: all of them. */
	for (int64_t now = NOW; now < NOW + 5000; now += 20) {
		for (int i = 0; i < 50; i++)
			come_in(w, &first, port++, now);
		assert_int_equal(open_from(w, 1, L4_UDP, (uint16_t)(41000 + (now - NOW) / 20), now),
				 FLOW_OK);
	}
}

static void test_outsiders_and_half_open(void **state)
{
	struct world *w = *state;
	struct flow first;

	w->config.nat64.limits.half_open_per_client = 4;
	use_limits(w);
	first = open_flow(w, L4_TCP, 1, 40000, REMOTE_A, 443, NOW);
	assert_int_equal(come_in(w, &first, 1, NOW), FLOW_OK);
	assert_int_equal(come_in(w, &first, 2, NOW), FLOW_OK);
	assert_int_equal(come_in(w, &first, 3, NOW), FLOW_CLIENT_HALF_OPEN);
	assert_int_equal(open_from(w, 1, L4_TCP, 40001, NOW), FLOW_OK);
	assert_int_equal(open_from(w, 1, L4_TCP, 40002, NOW), FLOW_CLIENT_HALF_OPEN);
}

/* A port could not be had: that counts nowhere but in the rate, which bounds the search. */
static void test_no_port(void **state)
{
	struct world *w = *state;

	w->config.nat64.limits.half_open_per_client = 3;
	w->config.nat64.limits.new_per_client = 5;
	use_ports(w, 20000, 20001);
	use_limits(w);
	assert_int_equal(open_from(w, 1, L4_TCP, 40000, NOW), FLOW_OK);
	assert_int_equal(open_from(w, 1, L4_TCP, 40001, NOW), FLOW_OK);
	for (uint16_t i = 0; i < 8; i++)
		assert_int_equal(open_from(w, 1, L4_TCP, (uint16_t)(41000 + i), NOW), FLOW_NO_PORT);
	assert_int_equal(open_from(w, 1, L4_TCP, 42000, NOW), FLOW_CLIENT_RATE);
	assert_counts(w, 2, 2);
	assert_int_equal(expire(w, NOW + TRANS_MS), 2);
	assert_int_equal(flow_client_count(w->table), 0);
}

/* Who has most sessions stands first. */
static void test_top_clients(void **state)
{
	static const unsigned int sessions[] = { 1, 4, 2, 3 };
	struct world *w = *state;
	struct leader rows[2];
	struct leaders leaders = { .v = rows, .max = 2 };

	w->config.nat64.limits.client_prefix = 64;
	use_limits(w);
	for (unsigned int net = 0; net < 4; net++)
		for (unsigned int i = 0; i < sessions[net]; i++)
			assert_int_equal(open_from(w, net * OTHER_64 + i, net == 3 ? L4_TCP : L4_UDP,
						   40000, NOW), FLOW_OK);
	flow_top_clients(w->table, &leaders);
	assert_false(leaders.some_unseen);
	assert_int_equal(leaders.n, 2);
	assert_int_equal(rows[0].open, 4);
	assert_int_equal(rows[0].opening, 0);
	assert_int_equal(rows[0].client.len, 64);
	assert_int_equal(rows[0].client.addr.s6_addr[7], 1);
	assert_int_equal(rows[1].open, 3);
	assert_int_equal(rows[1].opening, 3);	/* TCP that nobody has answered */
	assert_int_equal(rows[1].client.addr.s6_addr[7], 3);
}

/* Of more clients than are looked at in one go, the list says that it may lack some. */
static void test_top_of_too_many(void **state)
{
	enum { MANY = 200000, LOOKED_AT = 1 << 17 };
	struct world *w = *state;
	struct pages *pages = pages_new();
	struct limits *limits = limits_new(pages);
	struct client **clients = calloc(MANY, sizeof(struct client *));
	struct leader rows[2];
	struct leaders leaders = { .v = rows, .max = 2 };
	struct in6_addr inside = { 0 };

	static_assert((int)MANY > (int)LOOKED_AT, "there are more");
	w->config.nat64.limits.client_prefix = 128;
	w->config.nat64.limits.sessions = MANY;
	limits_configure(limits, &w->config);
	for (uint32_t i = 0; i < MANY; i++) {
		memcpy(&inside.s6_addr[12], &i, sizeof(i));
		assert_int_equal(limits_readmit(limits, &inside, &clients[i]), FLOW_OK);
		if (i != LOOKED_AT / 2)
			continue;
		limits_top(limits, &leaders);
		assert_false(leaders.some_unseen);
	}
	limits_top(limits, &leaders);
	assert_true(leaders.some_unseen);
	for (uint32_t i = 0; i < MANY; i++)
		limits_leave(limits, clients[i], false);
	limits_free(limits);
	pages_free(pages);
	free(clients);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_sessions_of_a_client),
		TEST(test_client_prefix),
		TEST(test_new_sessions_of_a_client),
		TEST(test_half_open),
		TEST(test_outsiders_do_not_starve_a_client),
		TEST(test_outsiders_and_the_rate),
		TEST(test_outsiders_and_half_open),
		TEST(test_no_port),
		TEST(test_top_clients),
		TEST(test_top_of_too_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
