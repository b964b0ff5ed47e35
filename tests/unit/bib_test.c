/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The bindings themselves (RFC 6146 3.1): pages of them, and those of nat64.static. */
#include "flow_world.h"

#include <poll.h>
#include <unistd.h>

#include "../../core/log.h"
#include "../../core/loop.h"
#include "../../nat64/bib.h"
#include "../../nat64/blocks.h"
#include "../../nat64/journal.h"
#include "../../nat64/statics.h"

struct seen {
	unsigned int n, of[256];
	struct bib_view last;
};

static void see(void *arg, const struct bib_view *view)
{
	struct seen *seen = arg;

	seen->n++;
	seen->of[view->inside.s6_addr[15]]++;
	seen->last = *view;
}

static struct seen see_all(struct world *w, unsigned int max, unsigned int *pages)
{
	struct seen seen = { 0 };
	uint64_t cursor = 0;

	*pages = 0;
	do {
		cursor = bib_page(flow_bibs(w->table), cursor, max, see, &seen);
		++*pages;
	} while (cursor);
	return seen;
}

/* RFC 6146 3.1: what a BIB entry holds, and every one of them once over all pages */
static void test_pages(void **state)
{
	struct world *w = *state;
	unsigned int pages;
	struct flow flow;
	struct seen seen;

	seen = see_all(w, 10, &pages);
	assert_int_equal(seen.n, 0);
	assert_int_equal(pages, 1);
	flow = open_flow(w, L4_UDP, 7, 4001, REMOTE_A, 53, NOW);
	open_flow(w, L4_UDP, 7, 4001, REMOTE_B, 53, NOW);
	seen = see_all(w, 10, &pages);
	assert_int_equal(seen.n, 1);
	assert_int_equal(seen.last.l4, L4_UDP);
	assert_int_equal(seen.last.inside_port, 4001);
	assert_int_equal(seen.last.outside_be32, flow.outside_be32);
	assert_int_equal(seen.last.outside_port, flow.outside_port);
	assert_int_equal(seen.last.sessions, 2);
	assert_false(seen.last.is_static);
	for (unsigned int i = 0; i < 256; i++)
		open_flow(w, L4_TCP, i, 4002, REMOTE_A, 80, NOW);
	seen = see_all(w, 16, &pages);
	assert_int_equal(seen.n, 257);
	assert_true(pages > 5);
	for (unsigned int i = 0; i < 256; i++)
		assert_int_equal(seen.of[i], i == 7 ? 2 : 1);
}

/* Of a large table a page is no larger: workers wait for the stripe, the asker for the reply. */
static void test_bounded_pages(void **state)
{
	enum { CLIENTS = 200, EACH = 50, MAX = 10, CHAIN = 12 };
	struct world *w = *state;
	struct seen seen = { 0 };
	uint64_t cursor = 0;

	use_ports(w, FIRST_PORT, 32767);
	for (unsigned int i = 0; i < CLIENTS * EACH; i++)
		open_flow(w, L4_UDP, i % CLIENTS, (uint16_t)(5000 + i / CLIENTS), REMOTE_A, 53, NOW);
	do {
		unsigned int before = seen.n;

		cursor = bib_page(flow_bibs(w->table), cursor, MAX, see, &seen);
		assert_in_range(seen.n - before, 0, MAX + CHAIN);
	} while (cursor);
	assert_int_equal(seen.n, CLIENTS * EACH);
	for (unsigned int i = 0; i < CLIENTS; i++)
		assert_int_equal(seen.of[i], EACH);
	assert_int_equal(bib_page(flow_bibs(w->table), UINT64_MAX, MAX, see, &seen), 0);
}

static void bind_static(struct world *w, size_t i, enum config_proto proto, const char *outside,
			const char *inside_text)
{
	static struct prefix clients = { .addr = { .s6_addr = { 0x20, 0x01, 0x0d, 0xb8 } },
					 .len = 32 };
	static struct static_binding bindings[4];

	bindings[i] = (struct static_binding){ .proto = proto };
	assert_true(endpoint_parse(outside, 0, &bindings[i].outside));
	assert_true(endpoint_parse(inside_text, 0, &bindings[i].inside));
	w->map.nat64_clients = (struct prefix_list){ &clients, 1 };
	w->map.nat46.len = 128;
	w->config.nat64.static_bindings = bindings;
	w->config.nat64.n_static = i + 1;
}

static struct statics *go_over(struct world *w, struct statics *in_force)
{
	struct statics *next = statics_new(&w->config, &w->map);
	struct pool4_plan *plan;

	assert_non_null(next);
	assert_int_equal(pool4_plan(w->pool, &w->config, &w->map, &w->host, next, &plan), 0);
	bib_end_statics(flow_bibs(w->table), in_force, next);
	pool4_commit(w->pool, plan);
	bib_add_statics(flow_bibs(w->table), next);
	statics_free(in_force);
	return next;
}

static void end(struct world *w, struct statics *in_force)
{
	bib_end_statics(flow_bibs(w->table), in_force, NULL);
	statics_free(in_force);
}

static struct flow_packet from_outside(enum l4_proto l4, const char *addr, uint16_t port)
{
	return (struct flow_packet){
		.l4 = l4, .remote6 = embedded(REMOTE_A), .outside_be32 = inet_addr(addr),
		.remote_be32 = REMOTE_A, .near_port = port,
		.remote_port = l4 == L4_ICMP ? 0 : 999, .event = TCP_EVENT_V4_SYN,
	};
}

/* RFC 6146 3.1, 3.5.1, 3.5.3: a static entry outside pool4 lets datagrams and echo requests in
 * before anything went out, and what goes out uses it (RFC 4787 REQ-1) */
static void test_static_both_ways(void **state)
{
	struct world *w = *state;
	struct flow_packet p;
	struct statics *statics;
	struct flow flow;

	bind_static(w, 0, CONFIG_UDP, "203.0.113.9:53", "[2001:db8::7]:5353");
	bind_static(w, 1, CONFIG_ICMP, "198.51.100.7:78", "[2001:db8::7]:77");
	statics = go_over(w, NULL);
	assert_int_equal(flow_binding_count(w->table), 2);
	assert_int_equal(pool4_used(w->pool), 0);
	p = from_outside(L4_UDP, "203.0.113.9", 53);
	assert_true(flow_owns_outside(w->table, &p));
	assert_int_equal(flow_inbound(w->table, &p, NOW, &flow), FLOW_OK);
	assert_true(flow.created);
	assert_int_equal(flow.inside_port, 5353);
	assert_int_equal(flow.inside.s6_addr[15], 7);
	p = from_outside(L4_ICMP, "198.51.100.7", 78);
	assert_true(flow_owns_outside(w->table, &p));
	assert_int_equal(flow_inbound(w->table, &p, NOW, &flow), FLOW_OK);
	assert_int_equal(flow.inside_port, 77);
	/* an identifier that a client happens to use lets no stranger in */
	flow = open_flow(w, L4_ICMP, 7, 79, REMOTE_B, 0, NOW);
	p = inbound(&flow, REMOTE_A, 0);
	assert_false(flow_owns_outside(w->table, &p));
	assert_int_equal(flow_inbound(w->table, &p, NOW, &flow), FLOW_NONE);
	flow = open_flow(w, L4_UDP, 7, 5353, REMOTE_B, 1234, NOW);
	assert_int_equal(flow.outside_be32, inet_addr("203.0.113.9"));
	assert_int_equal(flow.outside_port, 53);
	end(w, statics);
}

/* It is there without a session, and gone when the configuration has it no more. */
static void test_static_life(void **state)
{
	struct world *w = *state;
	struct statics *statics;
	struct flow_packet p;
	unsigned int pages;
	struct seen seen;
	struct flow flow;

	bind_static(w, 0, CONFIG_TCP, "198.51.100.7:2222", "[2001:db8::7]:22");
	statics = go_over(w, NULL);
	p = from_outside(L4_TCP, "198.51.100.7", 2222);
	assert_int_equal(flow_inbound(w->table, &p, NOW, &flow), FLOW_OK);
	expire(w, NOW + 10 * EST_MS);
	assert_int_equal(flow_session_count(w->table), 0);
	assert_int_equal(flow_binding_count(w->table), 1);
	statics = go_over(w, statics);
	seen = see_all(w, 10, &pages);
	assert_int_equal(seen.n, 1);
	assert_true(seen.last.is_static);
	assert_int_equal(seen.last.sessions, 0);
	assert_true(flow_owns_outside(w->table, &p));
	w->config.nat64.n_static = 0;
	statics = go_over(w, statics);
	assert_int_equal(flow_binding_count(w->table), 0);
	assert_false(flow_owns_outside(w->table, &p));
	end(w, statics);
}

/* The pool never gives out a static port; a binding that has made itself is taken over whole. */
static void test_static_in_the_range(void **state)
{
	struct world *w = *state;
	char outside[ENDPOINT_STRLEN];
	struct statics *statics;
	struct flow flow, again;
	struct flow_packet p;

	use_ports(w, FIRST_PORT, FIRST_PORT + 1);
	flow = open_flow(w, L4_UDP, 7, 5000, REMOTE_A, 1, NOW);
	snprintf(outside, sizeof(outside), "198.51.100.7:%u", flow.outside_port);
	bind_static(w, 0, CONFIG_UDP, outside, "[2001:db8::7]:5000");
	statics = go_over(w, NULL);
	assert_int_equal(flow_session_count(w->table), 1);
	assert_int_equal(flow_binding_count(w->table), 1);
	assert_int_equal(pool4_used(w->pool), 0);
	again = open_flow(w, L4_UDP, 7, 5000, REMOTE_B, 1, NOW);
	assert_int_equal(again.outside_port, flow.outside_port);
	again = open_flow(w, L4_UDP, 8, 5000, REMOTE_A, 1, NOW);
	assert_int_not_equal(again.outside_port, flow.outside_port);
	p = outbound(L4_UDP, 9, 5000, REMOTE_A, 1);
	assert_int_equal(flow_outbound(w->table, &p, NOW, &again), FLOW_NO_PORT);
	expire(w, NOW + UDP_MS);
	assert_int_equal(flow_binding_count(w->table), 1);
	/* when it is static no longer, the port is one to choose again */
	w->config.nat64.n_static = 0;
	statics = go_over(w, statics);
	assert_counts(w, 0, 0);
	open_flow(w, L4_UDP, 8, 5000, REMOTE_A, 1, NOW);
	open_flow(w, L4_UDP, 9, 5000, REMOTE_A, 1, NOW);
	end(w, statics);
}

/* How often the flow log says @event from here on; stderr goes into a pipe until then. */
struct heard {
	struct journal *journal;
	int read_fd, stderr_fd;
	char text[8192];
};

static void hear(struct world *w, struct heard *heard)
{
	int fds[2];

	assert_int_equal(pipe(fds), 0);
	heard->read_fd = fds[0];
	heard->stderr_fd = dup(STDERR_FILENO);
	dup2(fds[1], STDERR_FILENO);
	close(fds[1]);
	heard->journal = journal_new();
	assert_non_null(heard->journal);
	journal_mode(heard->journal, w->config.nat64.log);
	flow_table_log(w->table, heard->journal);
	pool4_log(w->pool, heard->journal);
}

static void hear_end(struct world *w, struct heard *heard)
{
	struct pollfd ready = { .fd = heard->read_fd, .events = POLLIN };
	ssize_t n = 0;

	flow_table_log(w->table, NULL);
	pool4_log(w->pool, NULL);
	journal_free(heard->journal);
	if (poll(&ready, 1, 0) == 1)
		n = read(heard->read_fd, heard->text, sizeof(heard->text) - 1);
	dup2(heard->stderr_fd, STDERR_FILENO);
	close(heard->stderr_fd);
	close(heard->read_fd);
	heard->text[n > 0 ? n : 0] = '\0';
}

static unsigned int count(const struct heard *heard, const char *event)
{
	unsigned int n = 0;

	for (const char *at = heard->text; (at = strstr(at, event)); at++)
		n++;
	return n;
}

static void use_address(struct world *w, const char *text)
{
	w->entry.address_auto = false;
	assert_true(addr_parse(text, &w->entry.address));
}

/* A binding out of a block that becomes static: it has log lines of its own from then on, and
 * the block counts it no more, whatever becomes of the address meanwhile. */
static void test_static_out_of_a_block(void **state)
{
	struct world *w = *state;
	char outside[ENDPOINT_STRLEN];
	struct heard heard = { 0 };
	struct statics *statics;
	struct flow flow;

	w->config.nat64.log = CONFIG_FLOW_LOG_PORT_BLOCKS;
	use_ports(w, FIRST_PORT, LAST_PORT);
	hear(w, &heard);
	flow = open_flow(w, L4_UDP, 7, 5000, REMOTE_A, 1, NOW);
	snprintf(outside, sizeof(outside), "198.51.100.7:%u", flow.outside_port);
	bind_static(w, 0, CONFIG_UDP, outside, "[2001:db8::7]:5000");
	use_address(w, "198.51.100.9");
	statics = go_over(w, NULL);
	use_address(w, "198.51.100.7");
	statics = go_over(w, statics);
	expire(w, NOW + UDP_MS);
	w->config.nat64.n_static = 0;
	statics = go_over(w, statics);
	assert_counts(w, 0, 0);
	/* the block of the next client goes back after its only binding */
	open_flow(w, L4_UDP, 8, 5000, REMOTE_A, 1, NOW);
	expire(w, NOW + UDP_MS);
	pool4_sweep(w->pool, loop_now_ms() + 2 * BLOCK_HOLD_MS);
	hear_end(w, &heard);
	assert_int_equal(count(&heard, "block-allocate"), 2);
	assert_int_equal(count(&heard, "block-deallocate"), 2);
	assert_int_equal(count(&heard, "binding-create"), 1);
	assert_int_equal(count(&heard, "binding-delete"), 1);
	end(w, statics);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_pages),
		TEST(test_bounded_pages),
		TEST(test_static_both_ways),
		TEST(test_static_life),
		TEST(test_static_in_the_range),
		TEST(test_static_out_of_a_block),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
