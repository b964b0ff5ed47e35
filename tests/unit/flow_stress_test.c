/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Several threads on one flow table at once, outbound, inbound, storing SYNs, looking up and
 * expiring, with every limit within reach and both kinds of filtering: every answer must fit
 * its question, and in the end the table must be empty. For TSan too.
 */
#include "flow_world.h"

#include <pthread.h>
#include <stdatomic.h>

enum { THREADS = 4, STEPS = 10000, INSIDES = 24, REMOTES = 12 };

struct stress {
	struct world *w;
	_Atomic int64_t now_ms;
	_Atomic unsigned int wrong, stored, over;	/* SYNs stored; met or told of */
	_Atomic unsigned int refused[FLOW_WAITING + 1];
};

struct stress_thread {
	struct stress *stress;
	uint64_t seed;
	unsigned int index;
	struct flow last;	/* of this thread's last packet out */
	uint64_t cursor;	/* of its list of all */
};

static uint64_t next_random(struct stress_thread *t)
{
	t->seed ^= t->seed << 13;
	t->seed ^= t->seed >> 7;
	t->seed ^= t->seed << 17;
	return t->seed >> 8;
}

static void stress_out(struct stress_thread *t, int64_t now)
{
	struct flow_packet p = outbound((enum l4_proto)(next_random(t) % L4_COUNT),
					(unsigned int)(next_random(t) % INSIDES),
					(uint16_t)(40000 + next_random(t) % 8),
					htonl(0xc0000200 + (uint32_t)(next_random(t) % REMOTES)),
					(uint16_t)(443 + next_random(t) % 2));
	enum flow_result result;
	struct flow flow;

	p.event = TCP_EVENT_V6_SYN + (enum tcp_event)(next_random(t) % 4);
	result = flow_outbound(t->stress->w->table, &p, now, &flow);
	if (result != FLOW_OK)
		atomic_fetch_add(&t->stress->refused[result], 1);
	if (result != FLOW_OK)
		return;
	atomic_fetch_add(&t->stress->over, flow.met);
	if (flow.l4 != p.l4 || !addr_equal(&flow.inside, &p.inside) ||
	    flow.inside_port != p.near_port || flow.remote_be32 != p.remote_be32 ||
	    flow.remote_port != p.remote_port || !flow.outside_port)
		atomic_fetch_add(&t->stress->wrong, 1);
	t->last = flow;
}

static void stress_store(struct stress_thread *t, const struct flow_packet *p, int64_t now)
{
	struct flow_table *table = t->stress->w->table;
	uint8_t data[] = { 0x45, (uint8_t)p->near_port };

	if (flow_may_store_syn(table) &&
	    flow_store_syn(table, p, data, sizeof(data), now) == FLOW_OK)
		atomic_fetch_add(&t->stress->stored, 1);
}

static void stress_in(struct stress_thread *t, int64_t now, bool look)
{
	struct flow_packet p = inbound(&t->last, t->last.remote_be32, t->last.remote_port);
	struct flow_table *table = t->stress->w->table;
	struct flow flow;
	enum flow_result result;

	if (!t->last.outside_port)
		return;
	if (next_random(t) % 4 == 0)
		p.remote_be32 = htonl(0xcb007100 + (uint32_t)(next_random(t) % REMOTES));
	if (next_random(t) % 8 == 0)
		p.near_port = (uint16_t)(FIRST_PORT + next_random(t) % 400);
	p.event = TCP_EVENT_V4_SYN + (enum tcp_event)(next_random(t) % 4);
	result = look ? flow_find_outside(table, &p, &flow)
		      : flow_inbound(table, &p, now, &flow);
	if (!look && p.l4 == L4_TCP && p.event == TCP_EVENT_V4_SYN &&
	    (result == FLOW_NONE || result == FLOW_FILTERED))
		stress_store(t, &p, now);
	if (result == FLOW_OK &&
	    (flow.l4 != p.l4 || flow.outside_be32 != p.outside_be32 ||
	     flow.outside_port != p.near_port || flow.remote_be32 != p.remote_be32 ||
	     flow.remote_port != p.remote_port))
		atomic_fetch_add(&t->stress->wrong, 1);
}

static void ignore_flow(void *arg, const struct flow *flow)
{
	(void)arg;
	(void)flow;
}

static void stress_idle(void *arg, const struct flow *flow)
{
	struct stress_thread *t = arg;

	if (flow->l4 != L4_TCP || flow->state != TCP_STATE_TRANS)
		atomic_fetch_add(&t->stress->wrong, 1);
}

static void stress_unwanted(void *arg, const struct flow_syn *syn)
{
	struct stress_thread *t = arg;

	if (syn->len != 2 || syn->data[0] != 0x45)
		atomic_fetch_add(&t->stress->wrong, 1);
	atomic_fetch_add(&t->stress->over, 1);
}

static void *stress_main(void *arg)
{
	struct stress_thread *t = arg;
	struct flow_table *table = t->stress->w->table;
	struct flow_watcher watcher = { stress_idle, stress_unwanted, t };

	for (int i = 0; i < STEPS; i++) {
		int64_t now = atomic_fetch_add(&t->stress->now_ms, 1) + 1;

		switch (next_random(t) % 16) {
		case 0:
			flow_expire(table, t->index, THREADS, now, &watcher);
			break;
		case 1:
			stress_in(t, now, true);
			break;
		case 2: case 3: case 4: case 5: case 6:
			stress_in(t, now, false);
			break;
		default:
			stress_out(t, now);
		}
		if (i % 256 == 0)
			t->cursor = flow_page(table, t->cursor, 100, ignore_flow, NULL);
	}
	return NULL;
}

/* Limits within reach, and which one a run must come to: it would show nothing of others */
static const struct run {
	enum flow_result refusal;
	uint16_t last_port;
	uint32_t sessions, per_client, new_per_client, half_open, half_open_per_client;
	enum config_filtering filtering;
} runs[] = {
	{ FLOW_NO_PORT, 20003, 1000, 1000, 100000, 1000, 1000,
	  CONFIG_FILTERING_ENDPOINT_INDEPENDENT },
	{ FLOW_NO_PORT, 20003, 1000, 1000, 100000, 1000, 1000,
	  CONFIG_FILTERING_ADDRESS_DEPENDENT },
	{ FLOW_FULL, 20039, 20, 1000, 100000, 1000, 1000, CONFIG_FILTERING_ADDRESS_DEPENDENT },
	{ FLOW_CLIENT_FULL, 20039, 1000, 8, 100000, 1000, 1000,
	  CONFIG_FILTERING_ENDPOINT_INDEPENDENT },
	{ FLOW_CLIENT_RATE, 20039, 1000, 1000, 50, 1000, 1000,
	  CONFIG_FILTERING_ENDPOINT_INDEPENDENT },
	{ FLOW_HALF_OPEN, 20039, 1000, 1000, 100000, 3, 1000, CONFIG_FILTERING_ADDRESS_DEPENDENT },
	{ FLOW_CLIENT_HALF_OPEN, 20039, 1000, 1000, 100000, 1000, 2,
	  CONFIG_FILTERING_ENDPOINT_INDEPENDENT },
};

/* Short lives and few ports: everything comes and goes all the time. */
static void configure(struct world *w, const struct run *run)
{
	w->config.nat64.timeouts.udp_ms = 40;
	w->config.nat64.timeouts.icmp_ms = 20;
	w->config.nat64.timeouts.tcp_established_ms = 60;
	w->config.nat64.timeouts.tcp_transitory_ms = 30;
	w->config.nat64.timeouts.tcp_syn_ms = 25;
	w->config.nat64.limits.client_prefix = 125;	/* three clients */
	w->config.nat64.limits.sessions = run->sessions;
	w->config.nat64.limits.sessions_per_client = run->per_client;
	w->config.nat64.limits.new_per_client = run->new_per_client;
	w->config.nat64.limits.half_open = run->half_open;
	w->config.nat64.limits.half_open_per_client = run->half_open_per_client;
	w->config.nat64.limits.stored_syns = 12;
	w->config.nat64.filtering = run->filtering;
	flow_table_configure(w->table, &w->config);
	use_ports(w, FIRST_PORT, run->last_port);
}

static void stress(struct world *w, const struct run *run)
{
	struct stress stress = { .w = w };
	struct stress_thread threads[THREADS] = { 0 };
	pthread_t ids[THREADS];
	int64_t end;

	configure(w, run);
	atomic_store(&stress.now_ms, NOW);
	for (unsigned int i = 0; i < THREADS; i++) {
		threads[i] = (struct stress_thread){
			.stress = &stress, .seed = 0x9e3779b97f4a7c15 + i, .index = i,
		};
		assert_int_equal(pthread_create(&ids[i], NULL, stress_main, &threads[i]), 0);
	}
	for (int i = 0; i < THREADS; i++)
		pthread_join(ids[i], NULL);
	assert_int_equal(atomic_load(&stress.wrong), 0);
	assert_int_not_equal(atomic_load(&stress.refused[run->refusal]), 0);
	assert_int_not_equal(atomic_load(&stress.stored), 0);
	assert_in_range(atomic_load(&stress.over), 1, atomic_load(&stress.stored));
	end = atomic_load(&stress.now_ms) + 1000;
	expire(w, end);
	expire(w, end + 1000);		/* established ones go on in TRANS first */
	assert_counts(w, 0, 0);
	assert_int_equal(flow_client_count(w->table), 0);
	assert_int_equal(flow_syn_count(w->table), 0);
}

static void test_stress(void **state)
{
	for (size_t i = 0; i < sizeof(runs) / sizeof(*runs); i++)
		stress(*state, &runs[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_stress),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
