/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a preview says is what the call then does, whatever state the table is in and
 * whichever limit is reached (RFC 6146 3.5.1 to 3.5.3, RFC 6888 REQ-4); and a preview
 * changes nothing.
 */
#include "flow_world.h"

#include "../../nat64/bib.h"
#include "../../nat64/blocks.h"
#include "../../nat64/flow_preview.h"

enum { ROUNDS = 40, STEPS = 500, INSIDES = 12, REMOTES = 6 };

static uint64_t seed = 0x9e3779b97f4a7c15;

static unsigned int draw(unsigned int n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (unsigned int)(seed >> 8) % n;
}

/* Roomy limits, but for some that are narrow this time */
static void draw_limits(struct world *w)
{
	w->config.nat64.limits.sessions = draw(4) ? 100000 : 60;
	w->config.nat64.limits.sessions_per_client = draw(4) ? 100000 : 9;
	w->config.nat64.limits.half_open = draw(4) ? 100000 : 25;
	w->config.nat64.limits.half_open_per_client = draw(4) ? 100000 : 5;
	w->config.nat64.limits.new_per_client = draw(4) ? 1000000 : 2;
	w->config.nat64.filtering = draw(2) ? CONFIG_FILTERING_ADDRESS_DEPENDENT
					    : CONFIG_FILTERING_ENDPOINT_INDEPENDENT;
	flow_table_configure(w->table, &w->config);
	use_ports(w, FIRST_PORT, draw(4) ? LAST_PORT : FIRST_PORT + 19);
}

static struct flow_packet draw_packet(const struct flow *last, bool out)
{
	enum l4_proto l4 = draw(L4_COUNT);
	struct flow_packet p = outbound(l4, draw(INSIDES), (uint16_t)(40000 + draw(6)),
					htonl(0xc0000200 + draw(REMOTES)), (uint16_t)(443 + draw(2)));

	/* The same remote host by another pref64 */
	if (draw(8) == 0)
		p.remote6.s6_addr[0] = 0x20;
	if (!out) {
		p = inbound(last, htonl(0xc0000200 + draw(REMOTES)), (uint16_t)(443 + draw(2)));
		if (draw(8) == 0)
			p.near_port = (uint16_t)(FIRST_PORT + draw(400));
	}
	return p;
}

struct counts {
	uint64_t sessions, bindings, ports, clients;
};

static struct counts count(const struct world *w)
{
	return (struct counts){ flow_session_count(w->table), flow_binding_count(w->table),
				pool4_used(w->pool), flow_client_count(w->table) };
}

static void compare(const struct flow_preview *preview, const struct flow *flow, bool out)
{
	assert_int_equal(preview->has_session, !flow->created);
	if (preview->asked_pool) {
		assert_true(out && preview->offer.free > 0);
		assert_int_equal(preview->offer.addr_be32, flow->outside_be32);
		return;
	}
	assert_true(preview->has_session || preview->has_binding);
	assert_true(addr_equal(&preview->flow.inside, &flow->inside));
	assert_int_equal(preview->flow.inside_port, flow->inside_port);
	assert_int_equal(preview->flow.outside_be32, flow->outside_be32);
	assert_int_equal(preview->flow.outside_port, flow->outside_port);
}

/* Return: what came of the packet. */
static enum flow_result try(struct world *w, const struct flow_packet *p, bool out, int64_t now,
			    struct flow *flow)
{
	struct counts before = count(w), after;
	struct flow_preview preview;
	enum flow_result said = out ? flow_preview_outbound(w->table, w->pool, p, now, &preview)
				    : flow_preview_inbound(w->table, p, now, &preview);
	enum flow_result done;

	after = count(w);
	assert_memory_equal(&before, &after, sizeof(before));
	done = out ? flow_outbound(w->table, p, now, flow) : flow_inbound(w->table, p, now, flow);
	if (said != done)
		fail_msg("said %d, done %d (%s)", said, done, out ? "out" : "in");
	if (done == FLOW_OK)
		compare(&preview, flow, out);
	return done;
}

static void test_many(struct world *w, void (*begin)(struct world *w))
{
	static const enum flow_result all[] = {
		FLOW_OK, FLOW_NONE, FLOW_NO_PORT, FLOW_FULL, FLOW_HALF_OPEN, FLOW_CLIENT_FULL,
		FLOW_CLIENT_HALF_OPEN, FLOW_CLIENT_RATE, FLOW_FILTERED,
		FLOW_OTHER_PREF64,
	};
	unsigned int seen[FLOW_WAITING + 1] = { 0 };
	struct flow last = { 0 };
	int64_t now = NOW;

	for (int round = 0; round < ROUNDS; round++) {
		draw_limits(w);
		begin(w);
		for (int i = 0; i < STEPS; i++) {
			bool out = !last.outside_port || draw(3);
			struct flow_packet p = draw_packet(&last, out);
			enum flow_result result;
			struct flow flow;

			now += draw(30);
			result = try(w, &p, out, now, &flow);
			seen[result]++;
			if (result == FLOW_OK)
				last = flow;
		}
		now += UDP_MS + draw(2) * EST_MS;
		expire(w, now);
		if (draw(2))
			expire(w, now += EST_MS + TRANS_MS);
	}
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (!seen[all[i]])
			fail_msg("result %d never came", all[i]);
}

static void as_it_is(struct world *w)
{
	(void)w;
}

static void test_preview(void **state)
{
	test_many(*state, as_it_is);
}

static struct port_range draw_ports(uint16_t first, unsigned int n)
{
	return (struct port_range){ first, (uint16_t)(first + draw(n)) };
}

/* Port blocks anew (blocks.h): some of few ports at one address, some at another. Bindings from
 * before stay where they are. */
static void begin_blocks(struct world *w)
{
	static struct port_range few[2], more;
	static struct pool4_entry entries[2];

	few[0] = draw_ports(FIRST_PORT, 5);
	few[1] = draw_ports(FIRST_PORT + 2 * BLOCK_PORTS, 5);
	more = draw_ports(FIRST_PORT, 3 * BLOCK_PORTS);
	entries[0] = (struct pool4_entry){ .address_auto = true, .ports = few, .n_ports = 2 };
	entries[1] = (struct pool4_entry){ .ports = &more, .n_ports = 1,
					   .address = addr_from_v4(inet_addr("198.51.100.8")) };
	w->config.nat64.pool4 = entries;
	w->config.nat64.n_pool4 = 2;
	w->config.nat64.log = CONFIG_FLOW_LOG_OFF;
	use_ports(w, FIRST_PORT, LAST_PORT);
	w->config.nat64.log = CONFIG_FLOW_LOG_PORT_BLOCKS;
	use_ports(w, FIRST_PORT, LAST_PORT);
	bib_leave_blocks(flow_bibs(w->table));
}

static void test_preview_of_blocks(void **state)
{
	test_many(*state, begin_blocks);
}

/* RFC 6146 3.5.3: an echo from outside comes in by the identifier of a static binding, and by
 * no other one that nothing went out from. */
static void test_static_icmp(void **state)
{
	struct world *w = *state;
	struct flow flow = open_flow(w, L4_ICMP, 1, 40000, REMOTE_A, 0, NOW);
	struct flow_packet p = inbound(&flow, REMOTE_B, 0);
	struct bib *bib = pool4_owner(w->pool, L4_ICMP, flow.outside_be32, flow.outside_port);
	struct flow got;

	assert_int_equal(try(w, &p, false, NOW, &got), FLOW_NONE);
	bib->is_static = true;
	assert_int_equal(try(w, &p, false, NOW, &got), FLOW_OK);
	bib->is_static = false;
}

static void test_binding(void **state)
{
	struct world *w = *state;
	struct flow flow = open_flow(w, L4_UDP, 1, 40000, REMOTE_A, 53, NOW);
	struct flow_packet p = outbound(L4_UDP, 1, 40000, 0, 0);
	struct flow_preview preview;

	assert_true(flow_preview_binding(w->table, &p, &preview));
	assert_int_equal(preview.flow.outside_port, flow.outside_port);
	assert_int_equal(preview.flow.outside_be32, flow.outside_be32);
	p.near_port = 40001;
	assert_false(flow_preview_binding(w->table, &p, &preview));
	assert_counts(w, 1, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_preview), TEST(test_preview_of_blocks),
		TEST(test_static_icmp), TEST(test_binding),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
