/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The ports of one address and transport: like the inside one, spread, and searched in bounds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "../../nat64/ports.h"

struct world {
	struct ports ports;
	uint8_t wanted[PORT_SPACE];
};

static int set_up(void **state)
{
	*state = calloc(1, sizeof(struct world));
	return *state ? 0 : -1;
}

static int tear_down(void **state)
{
	struct world *w = *state;

	ports_clear(&w->ports);
	free(w);
	return 0;
}

static void want(struct world *w, unsigned int first, unsigned int last)
{
	memset(w->wanted + first, 1, last - first + 1);
}

static void init(struct world *w)
{
	assert_int_equal(ports_init(&w->ports, w->wanted), 0);
}

static struct port_search from(uint64_t start)
{
	return (struct port_search){ .start = start, .first = 1, .last = 65535 };
}

/* The best port for an inside one; 0 where there is none */
static uint16_t claim(struct world *w, uint16_t inside, uint64_t start)
{
	struct port_search search = from(start);
	uint16_t port = 0;

	for (unsigned int i = 0; i < PORT_LISTS && !port; i++)
		port = ports_claim(&w->ports, ports_list(inside, i), &search);
	return port;
}

/* RFC 4787 REQ-3 a), REQ-4; RFC 6146 3.5.1.1, 3.5.2.3: range and parity kept while that can be */
static void test_like_the_inside_port(void **state)
{
	struct world *w = *state;

	want(w, 1000, 1063);
	init(w);
	assert_int_equal(ports_size(&w->ports), 64);
	for (unsigned int i = 0; i < 12; i++) {
		uint16_t port = claim(w, 514, i * 7919);

		assert_in_range(port, 1000, 1023);
		assert_int_equal(port % 2, 0);
	}
	/* even ones below 1024 are used up: an odd one below 1024 */
	assert_int_equal(claim(w, 514, 3) % 2, 1);
	for (unsigned int i = 0; i < 20; i++) {
		uint16_t port = claim(w, 40001, i * 31);

		assert_true(port >= 1024);
		assert_int_equal(port % 2, 1);
	}
	for (unsigned int i = 0; i < 20; i++) {
		uint16_t port = claim(w, 1024, i * 31);

		assert_true(port >= 1024);
		assert_int_equal(port % 2, 0);
	}
	/* what is left above 1024 is odd and none: now the other range serves, not refusal */
	for (unsigned int i = 0; i < 11; i++)
		assert_in_range(claim(w, 50000, i), 1000, 1023);
	assert_int_equal(claim(w, 50000, 1), 0);
	assert_int_equal(claim(w, 7, 1), 0);
	assert_int_equal(ports_free(&w->ports), 0);
}

/* Port 0 is nobody's (it cannot be answered), whatever is wanted; 65535 is one like others. */
static void test_all_of_them(void **state)
{
	static uint8_t seen[PORT_SPACE];
	struct world *w = *state;

	memset(seen, 0, sizeof(seen));
	want(w, 0, 65535);
	init(w);
	assert_int_equal(ports_size(&w->ports), 65535);
	assert_false(ports_has(&w->ports, 0));
	for (unsigned int i = 0; i < 65535; i++) {
		uint16_t port = claim(w, (uint16_t)(i * 13), i * 2654435761u);

		assert_int_not_equal(port, 0);
		assert_int_equal(seen[port]++, 0);
	}
	assert_int_equal(claim(w, 9, 9), 0);
	assert_true(ports_put(&w->ports, 65535));
	assert_false(ports_put(&w->ports, 65535));
	assert_int_equal(claim(w, 2, 5), 65535);
}

/*
 * RFC 6056 3.3.4: every free port is as likely as any other. Chi-square over 4096 ports, 64
 * claims each: the mean is 4095, the standard deviation sqrt(2 * 4095) = 90.5; six of these
 * away is one run in a thousand million, and a search that favours the port after a gap is
 * thousands away.
 */
static void test_even_spread(void **state)
{
	static unsigned int hits[PORT_SPACE];
	struct world *w = *state;
	uint64_t random = 88172645463325252u;
	double chi = 0;

	memset(hits, 0, sizeof(hits));
	/* with holes, as the host's own ports make them */
	for (unsigned int i = 0; i < 4096; i++)
		want(w, 20000 + 2 * (i + i / 64 * 64), 20000 + 2 * (i + i / 64 * 64));
	init(w);
	assert_int_equal(ports_size(&w->ports), 4096);
	for (unsigned int i = 0; i < 64 * 4096; i++) {
		uint16_t port;

		random ^= random << 13;
		random ^= random >> 7;
		random ^= random << 17;
		port = claim(w, 4000, random);
		hits[port]++;
		assert_true(ports_put(&w->ports, port));
	}
	for (unsigned int port = 0; port < PORT_SPACE; port++)
		if (w->wanted[port])
			chi += (hits[port] - 64.0) * (hits[port] - 64.0) / 64.0;
	assert_true(chi > 4095 - 6 * 90.5 && chi < 4095 + 6 * 90.5);
}

/* Within a range alone, as a port block is */
static void test_range(void **state)
{
	struct world *w = *state;
	struct port_search search = { .first = 1536, .last = 2047 };

	want(w, 1024, 65535);
	init(w);
	for (unsigned int i = 0; i < 256; i++) {
		search.start = i * 7919;
		assert_in_range(ports_claim(&w->ports, ports_list(3, 2), &search), 1536, 2047);
	}
	assert_int_equal(ports_claim(&w->ports, ports_list(3, 2), &search), 0);
	search.first = search.last = 65535;
	assert_int_equal(ports_claim(&w->ports, ports_list(3, 2), &search), 65535);
	assert_int_equal(ports_claim(&w->ports, ports_list(3, 2), &search), 0);
	search.first = 100;
	search.last = 900;
	assert_int_equal(ports_claim(&w->ports, ports_list(3, 0), &search), 0);
}

struct host {
	unsigned int asked;
	uint16_t has_below;
};

static bool host_has(void *arg, uint16_t port)
{
	struct host *host = arg;

	host->asked++;
	return port < host->has_below;
}

/* A host that has come to use port after port is asked a bounded number of times. */
static void test_bounded_asking(void **state)
{
	struct world *w = *state;
	struct host host = { .has_below = 65535 };
	struct port_search search = { .first = 1, .last = 65535, .refuse = host_has, .arg = &host };

	want(w, 30000, 40000);
	init(w);
	for (unsigned int i = 0; i < PORT_LISTS; i++)
		assert_int_equal(ports_claim(&w->ports, i, &search), 0);
	assert_int_equal(host.asked, PORT_ASKS_MAX);
	assert_int_equal(ports_free(&w->ports), 10001);
	/* a few of them are just passed over */
	host = (struct host){ .has_below = 30010 };
	search.asks = 0;
	search.start = 0;
	assert_int_equal(ports_claim(&w->ports, ports_list(2000, 0), &search), 30010);
	assert_int_equal(host.asked, 6);
}

static void test_take_and_put(void **state)
{
	struct world *w = *state;

	want(w, 5000, 5001);
	init(w);
	assert_true(ports_take(&w->ports, 5000));
	assert_false(ports_take(&w->ports, 5000));
	assert_false(ports_take(&w->ports, 5002));
	assert_false(ports_put(&w->ports, 5001));
	assert_false(ports_put(&w->ports, 4999));
	assert_int_equal(ports_free(&w->ports), 1);
	assert_int_equal(claim(w, 4000, 0), 5001);
	assert_true(ports_put(&w->ports, 5000));
	assert_int_equal(ports_free(&w->ports), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_like_the_inside_port),
		TEST(test_all_of_them),
		TEST(test_even_spread),
		TEST(test_range),
		TEST(test_bounded_asking),
		TEST(test_take_and_put),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
