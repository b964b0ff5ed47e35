/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The bindings themselves (RFC 6146 3.1): pages of them, and those of nat64.static. */
#include "flow_world.h"

#include "../../nat64/bib.h"

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
	unsigned int cursor = 0;

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_pages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
