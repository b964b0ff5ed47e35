/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The BIB and session tables: mapping and filtering (RFC 6146 3.5.1 to 3.5.3, RFC 4787 REQ-1,
 * REQ-8), lifetimes (RFC 6146 4, 3.5.2.2), limits.
 */
#include "flow_world.h"

#include <limits.h>

/* RFC 6146 3.1, RFC 6146 3.2, RFC 6146 3.5.1, RFC 6146 3.5.2.2 CLOSED, RFC 6146 3.5.3: what a
 * packet from inside makes; RFC 6146 3.6, 3.6.1, 3.6.2: the tuple that leaves */
static void test_outbound(void **state)
{
	struct world *w = *state;

	for (enum l4_proto l4 = 0; l4 < L4_COUNT; l4++) {
		struct flow flow = open_flow(w, l4, 1, 40001, REMOTE_A, 443, NOW), again;
		struct in6_addr in = inside(1), remote6 = embedded(REMOTE_A);

		assert_true(flow.created);
		assert_int_equal(flow.l4, l4);
		assert_true(addr_equal(&flow.inside, &in));
		assert_true(addr_equal(&flow.remote6, &remote6));
		assert_int_equal(flow.outside_be32, inet_addr("198.51.100.7"));
		assert_int_equal(flow.remote_be32, REMOTE_A);
		assert_int_equal(flow.inside_port, 40001);
		assert_int_equal(flow.outside_port % 2, 1);	/* RFC 4787 REQ-4 */
		assert_int_equal(flow.remote_port, l4 == L4_ICMP ? 0 : 443);
		assert_int_equal(flow.expires_ms, NOW + (l4 == L4_UDP ? UDP_MS
							 : l4 == L4_ICMP ? ICMP_MS : TRANS_MS));
		again = open_flow(w, l4, 1, 40001, REMOTE_A, 443, NOW + 5);
		assert_false(again.created);
		assert_int_equal(again.outside_port, flow.outside_port);
		assert_counts(w, l4 + 1, l4 + 1);
	}
}

/* RFC 4787 REQ-1: one outside address and port for an inside one, whatever the remote. */
static void test_endpoint_independent_mapping(void **state)
{
	struct world *w = *state;

	for (enum l4_proto l4 = 0; l4 < L4_COUNT; l4++) {
		struct flow a = open_flow(w, l4, 1, 40000, REMOTE_A, 443, NOW);
		struct flow b = open_flow(w, l4, 1, 40000, REMOTE_B, 80, NOW);
		struct flow c = open_flow(w, l4, 1, 40002, REMOTE_A, 443, NOW);
		struct flow d = open_flow(w, l4, 2, 40000, REMOTE_A, 443, NOW);

		assert_true(b.created);
		assert_int_equal(a.outside_be32, b.outside_be32);
		assert_int_equal(a.outside_port, b.outside_port);
		/* Another port and another host are other bindings. */
		assert_int_not_equal(a.outside_port, c.outside_port);
		assert_int_not_equal(a.outside_port, d.outside_port);
		assert_int_not_equal(c.outside_port, d.outside_port);
		assert_counts(w, 4 * (l4 + 1), 3 * (l4 + 1));
	}
}

/* RFC 4787 REQ-8: who knows the outside address and port may come in. */
static void test_endpoint_independent_filtering(void **state)
{
	struct world *w = *state;

	for (enum l4_proto l4 = L4_TCP; l4 <= L4_UDP; l4++) {
		struct flow out = open_flow(w, l4, 1, 40000, REMOTE_A, 443, NOW), in;
		struct flow_packet p = inbound(&out, REMOTE_B, 9999);
		struct in6_addr remote6 = embedded(REMOTE_B);

		assert_int_equal(flow_inbound(w->table, &p, NOW, &in), FLOW_OK);
		assert_true(in.created);
		assert_true(addr_equal(&in.inside, &out.inside));
		assert_true(addr_equal(&in.remote6, &remote6));
		assert_int_equal(in.inside_port, 40000);
		assert_int_equal(in.outside_port, out.outside_port);
		assert_int_equal(in.remote_be32, REMOTE_B);
		assert_int_equal(in.remote_port, 9999);
		/* the answer is of the same session */
		out = open_flow(w, l4, 1, 40000, REMOTE_B, 9999, NOW);
		assert_false(out.created);
		assert_int_equal(out.outside_port, in.outside_port);
	}
	assert_counts(w, 4, 2);
}

/* RFC 6146 3.5.1, RFC 6146 3.5.2.2 CLOSED, RFC 6146 3.5.3: no binding, and nothing is made */
static void test_inbound_to_nobody(void **state)
{
	struct world *w = *state;
	struct flow out = open_flow(w, L4_UDP, 1, 40000, REMOTE_A, 53, NOW), in;

	for (enum l4_proto l4 = 0; l4 < L4_COUNT; l4++) {
		struct flow_packet p = inbound(&out, REMOTE_A, 53);

		p.l4 = l4;
		if (l4 != L4_UDP)	/* the same port of another transport */
			assert_int_equal(flow_inbound(w->table, &p, NOW, &in), FLOW_NONE);
		p.near_port ^= 1;
		assert_int_equal(flow_inbound(w->table, &p, NOW, &in), FLOW_NONE);
		p.near_port = 22;	/* the host's own, and outside of what may be chosen */
		assert_int_equal(flow_inbound(w->table, &p, NOW, &in), FLOW_NONE);
		p.near_port = out.outside_port;
		p.outside_be32 = inet_addr("198.51.100.8");	/* not an address of pool4 */
		assert_int_equal(flow_inbound(w->table, &p, NOW, &in), FLOW_NONE);
	}
	assert_counts(w, 1, 1);
}

/* RFC 6146 3.5.3, and flow.h: identifiers are the host's too, so that an answer must come from
 * who was asked. */
static void test_icmp_from_a_known_remote_only(void **state)
{
	struct world *w = *state;
	struct flow out = open_flow(w, L4_ICMP, 1, 0x1234, REMOTE_A, 0, NOW), in;
	struct flow_packet p = inbound(&out, REMOTE_A, 0);

	assert_int_equal(flow_inbound(w->table, &p, NOW, &in), FLOW_OK);
	assert_int_equal(in.inside_port, 0x1234);
	assert_false(in.created);
	p = inbound(&out, REMOTE_B, 0);
	assert_int_equal(flow_inbound(w->table, &p, NOW, &in), FLOW_NONE);
	assert_counts(w, 1, 1);
}

/* RFC 6146 3.5.2.2 CLOSED: only a SYN makes a session; other segments pass on a binding. */
static void test_tcp_needs_a_syn(void **state)
{
	static const enum tcp_event v6[] = { TCP_EVENT_V6_FIN, TCP_EVENT_V6_RST,
					     TCP_EVENT_V6_OTHER };
	static const enum tcp_event v4[] = { TCP_EVENT_V4_FIN, TCP_EVENT_V4_RST,
					     TCP_EVENT_V4_OTHER };
	struct world *w = *state;
	struct flow_packet p;
	struct flow out, flow;

	for (int i = 0; i < 3; i++) {
		p = outbound(L4_TCP, 1, 40000, REMOTE_A, 443);
		p.event = v6[i];
		assert_int_equal(flow_outbound(w->table, &p, NOW, &flow), FLOW_NONE);
	}
	assert_counts(w, 0, 0);
	out = open_flow(w, L4_TCP, 1, 40000, REMOTE_A, 443, NOW);
	for (int i = 0; i < 3; i++) {
		p = outbound(L4_TCP, 1, 40000, REMOTE_B, 80);
		p.event = v6[i];
		assert_int_equal(flow_outbound(w->table, &p, NOW, &flow), FLOW_OK);
		assert_false(flow.created);
		assert_int_equal(flow.outside_port, out.outside_port);
		assert_int_equal(flow.remote_be32, REMOTE_B);
		assert_int_equal(flow.remote_port, 80);
		p = inbound(&out, REMOTE_B, 80);
		p.event = v4[i];
		assert_int_equal(flow_inbound(w->table, &p, NOW, &flow), FLOW_OK);
		assert_false(flow.created);
		assert_int_equal(flow.inside_port, 40000);
		assert_counts(w, 1, 1);
	}
	/* and none of these holds the binding once its session is over */
	assert_int_equal(expire(w, NOW + TRANS_MS), 1);
	assert_counts(w, 0, 0);
}

static enum tcp_state step(struct world *w, const struct flow *flow, enum tcp_event event,
			   int64_t now_ms)
{
	struct flow_packet p = event >= TCP_EVENT_V6_SYN
				       ? outbound(L4_TCP, 1, 40000, REMOTE_A, 443)
				       : inbound(flow, REMOTE_A, 443);
	struct flow out;

	p.event = event;
	assert_int_equal(event >= TCP_EVENT_V6_SYN ? flow_outbound(w->table, &p, now_ms, &out)
						   : flow_inbound(w->table, &p, now_ms, &out),
			 FLOW_OK);
	assert_false(out.created);
	return out.state;
}

/* RFC 6146 3.5.2.2 ESTABLISHED, RFC 6146 3.5.2.2 TRANS, RFC 5382 REQ-5: an idle connection
 * lives TCP_EST, then TCP_TRANS more, and any packet brings it back. */
static void test_tcp_idle(void **state)
{
	struct world *w = *state;
	struct flow flow = open_flow(w, L4_TCP, 1, 40000, REMOTE_A, 443, NOW);
	int64_t now = NOW + 50;

	assert_int_equal(flow.state, TCP_STATE_V6_INIT);
	assert_int_equal(step(w, &flow, TCP_EVENT_V4_SYN, now), TCP_STATE_ESTABLISHED);
	assert_int_equal(expire(w, now + EST_MS - 1), 0);
	now += EST_MS - 1;
	assert_int_equal(step(w, &flow, TCP_EVENT_V4_OTHER, now), TCP_STATE_ESTABLISHED);
	assert_int_equal(expire(w, now + EST_MS), 0);		/* over: TRANS */
	assert_counts(w, 1, 1);
	now += EST_MS;
	assert_int_equal(expire(w, now + TRANS_MS - 1), 0);
	assert_int_equal(step(w, &flow, TCP_EVENT_V6_OTHER, now + TRANS_MS - 1),
			 TCP_STATE_ESTABLISHED);
	now += TRANS_MS - 1;
	assert_int_equal(expire(w, now + EST_MS), 0);
	assert_int_equal(expire(w, now + EST_MS + TRANS_MS - 1), 0);
	assert_int_equal(expire(w, now + EST_MS + TRANS_MS), 1);
	assert_counts(w, 0, 0);
}

/* RFC 6146 3.5.2.2 V6 FIN RCV, RFC 6146 3.5.2.2 V4 FIN + V6 FIN RCV */
static void test_tcp_close(void **state)
{
	struct world *w = *state;
	struct flow flow = open_flow(w, L4_TCP, 1, 40000, REMOTE_A, 443, NOW);

	step(w, &flow, TCP_EVENT_V4_SYN, NOW);
	assert_int_equal(step(w, &flow, TCP_EVENT_V6_FIN, NOW), TCP_STATE_V6_FIN);
	/* half-closed: data may come for as long as the connection is not idle */
	assert_int_equal(expire(w, NOW + TRANS_MS), 0);
	assert_int_equal(step(w, &flow, TCP_EVENT_V4_OTHER, NOW + TRANS_MS), TCP_STATE_V6_FIN);
	assert_int_equal(step(w, &flow, TCP_EVENT_V4_FIN, NOW + TRANS_MS),
			 TCP_STATE_V4_FIN_V6_FIN);
	assert_int_equal(step(w, &flow, TCP_EVENT_V6_OTHER, NOW + TRANS_MS + 1000),
			 TCP_STATE_V4_FIN_V6_FIN);
	assert_int_equal(expire(w, NOW + 2 * TRANS_MS - 1), 0);
	assert_int_equal(expire(w, NOW + 2 * TRANS_MS), 1);
	assert_counts(w, 0, 0);
}

/* RFC 6146 3.5.2.2 V4 FIN RCV: a half-closed connection that is idle ends with TCP_EST,
 * without a TCP_TRANS more. */
static void test_tcp_half_closed_idle(void **state)
{
	struct world *w = *state;
	struct flow flow = open_flow(w, L4_TCP, 1, 40000, REMOTE_A, 443, NOW);

	step(w, &flow, TCP_EVENT_V4_SYN, NOW);
	step(w, &flow, TCP_EVENT_V4_FIN, NOW);
	assert_int_equal(expire(w, NOW + EST_MS - 1), 0);
	assert_int_equal(expire(w, NOW + EST_MS), 1);
}

/* RFC 6146 3.5.2.2 TRANS, RFC 7857 2.2: a reset need not be genuine. It shortens the life
 * to TCP_TRANS, no more. */
static void test_tcp_reset(void **state)
{
	struct world *w = *state;
	struct flow flow = open_flow(w, L4_TCP, 1, 40000, REMOTE_A, 443, NOW);

	step(w, &flow, TCP_EVENT_V4_SYN, NOW);
	assert_int_equal(step(w, &flow, TCP_EVENT_V4_RST, NOW + 10), TCP_STATE_TRANS);
	assert_int_equal(step(w, &flow, TCP_EVENT_V4_RST, NOW + 1000), TCP_STATE_TRANS);
	assert_int_equal(expire(w, NOW + 10 + TRANS_MS - 1), 0);
	assert_int_equal(step(w, &flow, TCP_EVENT_V4_OTHER, NOW + TRANS_MS), TCP_STATE_ESTABLISHED);
	assert_int_equal(step(w, &flow, TCP_EVENT_V6_RST, NOW + TRANS_MS), TCP_STATE_TRANS);
	assert_int_equal(expire(w, NOW + 2 * TRANS_MS), 1);
	assert_counts(w, 0, 0);
}

/* RFC 6146 4, RFC 4787 REQ-5, RFC 4787 REQ-6, RFC 5508 REQ-2: UDP_DEFAULT and
 * ICMP_DEFAULT, renewed from both sides */
static void test_lifetimes(void **state)
{
	static const int64_t lifetimes[] = { [L4_UDP] = UDP_MS, [L4_ICMP] = ICMP_MS };
	struct world *w = *state;

	for (enum l4_proto l4 = L4_UDP; l4 <= L4_ICMP; l4++) {
		struct flow flow = open_flow(w, l4, 1, 40000, REMOTE_A, 53, NOW), in;
		struct flow_packet p = inbound(&flow, REMOTE_A, 53);
		int64_t life = lifetimes[l4], now = NOW;

		assert_int_equal(expire(w, now + life - 1), 0);
		now += life - 1;
		open_flow(w, l4, 1, 40000, REMOTE_A, 53, now);
		assert_int_equal(expire(w, now + life - 1), 0);
		now += life - 1;
		assert_int_equal(flow_inbound(w->table, &p, now, &in), FLOW_OK);
		assert_int_equal(in.expires_ms, now + life);
		assert_int_equal(expire(w, now + life - 1), 0);
		assert_int_equal(expire(w, now + life), 1);
		assert_counts(w, 0, 0);
		assert_int_equal(flow_inbound(w->table, &p, now + life, &in), FLOW_NONE);
	}
}

/* RFC 6146 3.2: one session's packets renew that session alone. */
static void test_renewal_is_per_session(void **state)
{
	struct world *w = *state;

	open_flow(w, L4_UDP, 1, 40000, REMOTE_A, 53, NOW);
	open_flow(w, L4_UDP, 1, 40000, REMOTE_B, 53, NOW);
	open_flow(w, L4_UDP, 1, 40000, REMOTE_A, 53, NOW + 1000);
	assert_counts(w, 2, 1);
	assert_int_equal(expire(w, NOW + UDP_MS), 1);
	assert_counts(w, 1, 1);		/* the binding lives with its last session */
	assert_int_equal(expire(w, NOW + 1000 + UDP_MS), 1);
	assert_counts(w, 0, 0);
}

static void test_expire_in_parts(void **state)
{
	struct world *w = *state;
	unsigned int ended = 0;

	for (unsigned int i = 0; i < 200; i++)
		open_flow(w, L4_UDP, i, 40000, htonl(0xc0000200 + i), 53, NOW);
	for (unsigned int part = 0; part < 3; part++)
		ended += flow_expire(w->table, part, 3, NOW + UDP_MS, NULL);
	assert_int_equal(ended, 200);
	assert_counts(w, 0, 0);
}

/* RFC 5508 REQ-4: looking a flow up for an ICMP error makes, moves and renews nothing. */
static void test_find(void **state)
{
	struct world *w = *state;
	struct flow flow = open_flow(w, L4_TCP, 1, 40000, REMOTE_A, 443, NOW), found;
	struct flow_packet in = inbound(&flow, REMOTE_A, 443);
	struct flow_packet out = outbound(L4_TCP, 1, 40000, REMOTE_A, 443);

	in.event = TCP_EVENT_V4_RST;
	out.event = TCP_EVENT_V6_RST;
	step(w, &flow, TCP_EVENT_V4_SYN, NOW);
	for (int i = 0; i < 2; i++) {
		memset(&found, 0xa5, sizeof(found));
		assert_int_equal(i ? flow_find_inside(w->table, &out, &found)
				   : flow_find_outside(w->table, &in, &found), FLOW_OK);
		assert_true(addr_equal(&found.inside, &flow.inside));
		assert_true(addr_equal(&found.remote6, &flow.remote6));
		assert_int_equal(found.outside_port, flow.outside_port);
		assert_int_equal(found.inside_port, 40000);
		assert_int_equal(found.state, TCP_STATE_ESTABLISHED);
		assert_int_equal(found.expires_ms, NOW + EST_MS);
		assert_false(found.created);
	}
	/* a binding is not enough: the packet quoted must have been one of the flow's */
	out.remote_port = in.remote_port = 80;
	assert_int_equal(flow_find_inside(w->table, &out, &found), FLOW_NONE);
	assert_int_equal(flow_find_outside(w->table, &in, &found), FLOW_NONE);
	assert_counts(w, 1, 1);
	assert_int_equal(expire(w, NOW + EST_MS), 0);
	assert_int_equal(expire(w, NOW + EST_MS + TRANS_MS), 1);
}

/* Forged sources outside open sessions to a binding; those inside still find room. */
static void test_outside_leaves_room(void **state)
{
	struct world *w = *state;
	struct flow_packet p;
	struct flow first, flow;

	w->config.nat64.limits.sessions = 8;
	flow_table_configure(w->table, &w->config);
	first = open_flow(w, L4_UDP, 1, 40000, REMOTE_A, 53, NOW);
	for (uint16_t port = 1; port <= 5; port++) {
		p = inbound(&first, REMOTE_B, port);
		assert_int_equal(flow_inbound(w->table, &p, NOW, &flow), FLOW_OK);
	}
	p = inbound(&first, REMOTE_B, 6);
	assert_int_equal(flow_inbound(w->table, &p, NOW, &flow), FLOW_FULL);
	assert_counts(w, 6, 1);
	open_flow(w, L4_UDP, 2, 40000, REMOTE_A, 53, NOW);
	open_flow(w, L4_UDP, 3, 40000, REMOTE_A, 53, NOW);
	p = outbound(L4_UDP, 4, 40000, REMOTE_A, 53);
	assert_int_equal(flow_outbound(w->table, &p, NOW, &flow), FLOW_FULL);
}

/* RFC 6146 3.5, RFC 6888 REQ-4: exhaustion refuses, and leaves nothing behind */
static void test_session_limit(void **state)
{
	struct world *w = *state;
	struct flow_packet p = outbound(L4_UDP, 4, 40000, REMOTE_A, 53);
	struct flow first, flow;

	w->config.nat64.limits.sessions = 3;
	flow_table_configure(w->table, &w->config);
	first = open_flow(w, L4_UDP, 1, 40000, REMOTE_A, 53, NOW);
	open_flow(w, L4_UDP, 2, 40000, REMOTE_A, 53, NOW);
	open_flow(w, L4_UDP, 3, 40000, REMOTE_A, 53, NOW);
	assert_int_equal(flow_outbound(w->table, &p, NOW, &flow), FLOW_FULL);
	assert_counts(w, 3, 3);		/* its binding is gone again */
	p = inbound(&first, REMOTE_B, 53);
	assert_int_equal(flow_inbound(w->table, &p, NOW, &flow), FLOW_FULL);
	assert_counts(w, 3, 3);
	/* Those that are there go on. */
	open_flow(w, L4_UDP, 1, 40000, REMOTE_A, 53, NOW + 1000);
	assert_int_equal(expire(w, NOW + UDP_MS), 2);
	assert_int_equal(flow_inbound(w->table, &p, NOW, &flow), FLOW_OK);
}

/* RFC 6146 3.5.1.1, RFC 6146 3.5.2.3: no port left */
static void test_ports_run_out_and_come_back(void **state)
{
	struct world *w = *state;
	struct flow_packet p = outbound(L4_UDP, 9, 40000, REMOTE_A, 53);
	struct flow flow;

	use_ports(w, 20000, 20003);
	for (unsigned int i = 0; i < 4; i++)
		open_flow(w, L4_UDP, i, 40000, REMOTE_A, 53, NOW + i);
	assert_int_equal(flow_outbound(w->table, &p, NOW + 10, &flow), FLOW_NO_PORT);
	assert_counts(w, 4, 4);
	/* Bindings that are there need no port. */
	open_flow(w, L4_UDP, 3, 40000, REMOTE_B, 53, NOW + 10);
	assert_int_equal(expire(w, NOW + UDP_MS), 1);
	assert_int_equal(flow_outbound(w->table, &p, NOW + UDP_MS, &flow), FLOW_OK);
	assert_in_range(flow.outside_port, 20000, 20003);
	assert_counts(w, 5, 4);
}

static bool keep_even(const void *arg, const struct flow *flow)
{
	(*(unsigned int *)(uintptr_t)arg)++;
	return flow->inside.s6_addr[15] % 2 == 0;
}

static void test_drop(void **state)
{
	struct world *w = *state;
	unsigned int asked = 0;
	struct flow flow;

	for (unsigned int i = 0; i < 100; i++)
		open_flow(w, i % L4_COUNT, i, 40000, REMOTE_A, 53, NOW);
	assert_int_equal(flow_drop(w->table, keep_even, &asked), 50);
	assert_int_equal(asked, 100);
	assert_counts(w, 50, 50);
	for (unsigned int i = 0; i < 100; i++) {
		struct flow_packet p = outbound(i % L4_COUNT, i, 40000, REMOTE_A, 53);

		assert_int_equal(flow_find_inside(w->table, &p, &flow),
				 i % 2 ? FLOW_NONE : FLOW_OK);
	}
}

static void count_flow(void *arg, const struct flow *flow)
{
	unsigned int *seen = arg;

	seen[flow->inside.s6_addr[15]]++;
}

/* Many sessions: the hash tables grow, and everything is still found. */
static void test_many(void **state)
{
	enum { EACH = 200, HOSTS = 100 };
	struct world *w = *state;
	unsigned int seen[256] = { 0 };
	struct flow found;

	for (unsigned int who = 0; who < HOSTS; who++)
		for (unsigned int i = 0; i < EACH; i++)
			open_flow(w, L4_UDP, who, 40000, htonl(0xc0000200 + i), 53, NOW);
	assert_counts(w, HOSTS * EACH, HOSTS);
	for (unsigned int who = 0; who < HOSTS; who++) {
		for (unsigned int i = 0; i < EACH; i++) {
			struct flow_packet p = outbound(L4_UDP, who, 40000,
							htonl(0xc0000200 + i), 53);

			assert_int_equal(flow_find_inside(w->table, &p, &found), FLOW_OK);
			p = inbound(&found, found.remote_be32, 53);
			assert_int_equal(flow_find_outside(w->table, &p, &found), FLOW_OK);
			assert_int_equal(found.inside.s6_addr[15], who);
		}
	}
	assert_int_equal(flow_page(w->table, 0, UINT_MAX, count_flow, seen), 0);
	for (unsigned int who = 0; who < HOSTS; who++)
		assert_int_equal(seen[who], EACH);
	while (flow_session_count(w->table))
		assert_true(expire(w, NOW + UDP_MS) > 0);
	assert_counts(w, 0, 0);
}

enum { LATER_MAX = 30000 };

struct listed {
	unsigned int who[256], later[LATER_MAX], n;
};

static void list_flow(void *arg, const struct flow *flow)
{
	struct listed *listed = arg;
	uint32_t remote = ntohl(flow->remote_be32) & 0xffff;

	listed->n++;
	if (flow->inside.s6_addr[15] == 255)
		listed->later[remote]++;
	else
		listed->who[flow->inside.s6_addr[15]]++;
}

/*
 * A list of all in small pages, while the table grows twentyfold and others end: each
 * session that lives all the while stands in it once, every other at most once.
 */
static void test_page(void **state)
{
	enum { KEPT = 40, GOING = 100, REMOTES = 25, MAX = 7, ADDED = 1000 };
	static struct listed seen;
	struct world *w = *state;
	unsigned int pages = 0, n = 0;
	uint64_t cursor = 0;

	for (unsigned int who = 0; who < GOING; who++)
		open_flow(w, L4_UDP, 100 + who, 40000, REMOTE_A, 53, NOW);
	for (unsigned int i = 0; i < REMOTES; i++)
		for (unsigned int who = 0; who < KEPT; who++)
			open_flow(w, L4_UDP, who, 40000, htonl(0xc0000200 + i), 53, NOW + 1);
	do {
		n = seen.n;
		cursor = flow_page(w->table, cursor, MAX, list_flow, &seen);
		/* One chain more at most; the hash is keyed, so chains are short. */
		assert_in_range(seen.n - n, 0, MAX + 16);
		if (++pages == 20)
			assert_int_equal(expire(w, NOW + UDP_MS), GOING);
		for (unsigned int i = 0; i < ADDED && pages < LATER_MAX / ADDED; i++)
			open_flow(w, L4_UDP, 255, 40000, htonl(0xc6330000 + pages * ADDED + i),
				  53, NOW + 1);
	} while (cursor);
	assert_in_range(pages, LATER_MAX / ADDED, 100000);
	for (unsigned int who = 0; who < KEPT; who++)
		assert_int_equal(seen.who[who], REMOTES);
	for (unsigned int who = 100; who < 100 + GOING; who++)
		assert_in_range(seen.who[who], 0, 1);
	for (unsigned int i = 0; i < LATER_MAX; i++)
		assert_in_range(seen.later[i], 0, 1);
}

/* A cursor comes from a client of the control socket: it may be anything. */
static void test_page_from_anywhere(void **state)
{
	static const uint64_t cursors[] = { 1, UINT32_MAX, 256ull << 32, UINT64_MAX };
	struct world *w = *state;
	unsigned int seen[256] = { 0 };

	for (unsigned int who = 0; who < 100; who++)
		open_flow(w, L4_UDP, who, 40000, REMOTE_A, 53, NOW);
	for (size_t i = 0; i < sizeof(cursors) / sizeof(cursors[0]); i++)
		assert_int_equal(flow_page(w->table, cursors[i], UINT_MAX, count_flow, seen), 0);
	for (unsigned int who = 0; who < 100; who++)
		assert_in_range(seen[who], 0, 2);
}

static void test_new_timeouts(void **state)
{
	struct world *w = *state;

	open_flow(w, L4_UDP, 1, 40000, REMOTE_A, 53, NOW);
	w->config.nat64.timeouts.udp_ms = 5000;
	flow_table_configure(w->table, &w->config);
	assert_int_equal(expire(w, NOW + 4999), 0);
	assert_int_equal(expire(w, NOW + 5000), 1);
	flow_table_free(NULL, false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_outbound),
		TEST(test_endpoint_independent_mapping),
		TEST(test_endpoint_independent_filtering),
		TEST(test_inbound_to_nobody),
		TEST(test_icmp_from_a_known_remote_only),
		TEST(test_tcp_needs_a_syn),
		TEST(test_tcp_idle),
		TEST(test_tcp_close),
		TEST(test_tcp_half_closed_idle),
		TEST(test_tcp_reset),
		TEST(test_lifetimes),
		TEST(test_renewal_is_per_session),
		TEST(test_expire_in_parts),
		TEST(test_find),
		TEST(test_session_limit),
		TEST(test_outside_leaves_room),
		TEST(test_ports_run_out_and_come_back),
		TEST(test_drop),
		TEST(test_many),
		TEST(test_page),
		TEST(test_page_from_anywhere),
		TEST(test_new_timeouts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
