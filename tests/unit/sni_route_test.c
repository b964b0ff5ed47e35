/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * snid/route: which answers give addresses, and that each address is judged by the map of
 * the moment it is used.
 */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "../../core/config.h"
#include "../../snid/route.h"

static struct in6_addr v6(const char *text)
{
	struct in6_addr addr;

	assert_int_equal(inet_pton(AF_INET6, text, &addr), 1);
	return addr;
}

static struct prefix prefix(const char *text)
{
	struct prefix parsed;

	assert_null(prefix_parse(text, &parsed));
	return parsed;
}

/* Backends 2001:db8:1::/64 and 2001:db8:3::/64 of a gateway with the usual prefixes */
static int set_up(void **state)
{
	struct prefix backends[] = { prefix("2001:db8:1::/64"), prefix("2001:db8:3::/64") };
	struct prefix pref64 = prefix("64:ff9b::/96"), own = prefix("2001:db8:1::1");
	struct netinfo net = { .own = { .v = &own, .n = 1 } };
	struct config config = {
		.inside.keyword = true,
		.prefixes = {
			.nat64 = { .v = &pref64, .n = 1 },
			.nat46 = prefix("64:ff9b:1::/96"),
		},
		.nat64 = { .clients.keyword = true, .deny4.keyword = true },
		.dns64.clients.keyword = true,
		.snid.backends.list = { .v = backends, .n = 2 },
	};

	*state = addrmap_new(&config, &net);
	return *state ? 0 : -1;
}

static int tear_down(void **state)
{
	addrmap_free(*state);
	return 0;
}

static struct resolver_addresses answer_of(const char *const *addrs)
{
	struct resolver_addresses answer = { .status = RESOLVER_OK };

	for (; *addrs; addrs++)
		answer.v[answer.n++] = v6(*addrs);
	return answer;
}

#define ANSWER(...) answer_of((const char *const[]){ __VA_ARGS__, NULL })

static void assert_next(struct route *route, const struct addrmap *map, const char *want)
{
	const struct in6_addr *addr = route_next(route, map, &map->backends);
	struct in6_addr wanted;

	if (!want) {
		assert_null(addr);
		return;
	}
	wanted = v6(want);
	assert_non_null(addr);
	assert_memory_equal(addr, &wanted, sizeof(wanted));
}

static void test_answers(void **state)
{
	static const struct {
		enum resolver_status status;
		uint8_t rcode;
		enum route_verdict verdict;
	} cases[] = {
		{ RESOLVER_OK, 0, ROUTE_UNKNOWN },	/* no AAAA */
		{ RESOLVER_OK, 3, ROUTE_UNKNOWN },	/* NXDOMAIN */
		{ RESOLVER_OK, 2, ROUTE_FAILED },	/* SERVFAIL */
		{ RESOLVER_OK, 5, ROUTE_FAILED },	/* REFUSED */
		{ RESOLVER_FAILED, 0, ROUTE_FAILED },
		{ RESOLVER_BOGUS, 0, ROUTE_FAILED },
		{ RESOLVER_REFUSED, 0, ROUTE_FAILED },
	};
	struct route route;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct resolver_addresses answer = {
			.status = cases[i].status,
			.rcode = cases[i].rcode,
		};
		const char *why = NULL;

		assert_int_equal(route_found(&route, &answer, &why), cases[i].verdict);
		assert_non_null(why);
		assert_next(&route, *state, NULL);
	}
}

/* An answer that failed validation gives no address, even if it carries some. */
static void test_bogus_addresses(void **state)
{
	struct resolver_addresses answer = ANSWER("2001:db8:1::7");
	const char *why = NULL;
	struct route route;

	answer.status = RESOLVER_BOGUS;
	assert_int_equal(route_found(&route, &answer, &why), ROUTE_FAILED);
	assert_next(&route, *state, NULL);
}

static void test_order(void **state)
{
	struct resolver_addresses answer = ANSWER("2001:db8:3::9", "2001:db8:1::7");
	struct addrmap *map = *state;
	struct route route;
	const char *why;

	assert_int_equal(route_found(&route, &answer, &why), ROUTE_FOUND);
	assert_next(&route, map, "2001:db8:3::9");
	assert_next(&route, map, "2001:db8:1::7");
	assert_next(&route, map, NULL);
	assert_int_equal(route.tries, 2);
}

/* None of these may be connected to, whatever the DNS says. */
static void test_refused_addresses(void **state)
{
	static const struct {
		const char *addr;
		enum addrmap_backend verdict;
	} cases[] = {
		{ "2001:db8:2::1", ADDRMAP_BACKEND_OUTSIDE },
		{ "64:ff9b::c000:201", ADDRMAP_BACKEND_PREF64 },
		{ "64:ff9b:1::c000:201", ADDRMAP_BACKEND_NAT46 },
		{ "::", ADDRMAP_BACKEND_SPECIAL },
		{ "::1", ADDRMAP_BACKEND_SPECIAL },
		{ "fe80::1", ADDRMAP_BACKEND_SPECIAL },
		{ "ff02::1", ADDRMAP_BACKEND_SPECIAL },
		{ "::ffff:192.0.2.1", ADDRMAP_BACKEND_SPECIAL },
		{ "2001:db8:1::1", ADDRMAP_BACKEND_OWN },
	};
	struct addrmap *map = *state;
	struct route route;
	const char *why;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct resolver_addresses one = ANSWER(cases[i].addr);
		struct resolver_addresses two = ANSWER(cases[i].addr, "2001:db8:1::7");

		assert_int_equal(route_found(&route, &one, &why), ROUTE_FOUND);
		assert_next(&route, map, NULL);
		assert_int_equal(route.refused, cases[i].verdict);
		assert_int_equal(route.tries, 0);

		assert_int_equal(route_found(&route, &two, &why), ROUTE_FOUND);
		assert_next(&route, map, "2001:db8:1::7");
	}
}

/* A map that changed since the look-up, or since the last try, counts at once. */
static void test_map_of_the_moment(void **state)
{
	struct resolver_addresses answer = ANSWER("2001:db8:3::1", "2001:db8:3::2",
						  "2001:db8:1::7");
	struct addrmap *map = *state;
	struct route route;
	const char *why;

	assert_int_equal(route_found(&route, &answer, &why), ROUTE_FOUND);
	assert_next(&route, map, "2001:db8:3::1");
	map->backends.n = 1;
	assert_next(&route, map, "2001:db8:1::7");
}

static void test_tries(void **state)
{
	struct resolver_addresses answer = { .status = RESOLVER_OK };
	struct addrmap *map = *state;
	struct route route;
	const char *why;
	int tries = 0;

	/* Those that are passed over do not count. */
	answer.v[answer.n++] = v6("2001:db8:2::1");
	while (answer.n < RESOLVER_ADDRESSES_MAX)
		answer.v[answer.n++] = v6("2001:db8:1::7");
	assert_int_equal(route_found(&route, &answer, &why), ROUTE_FOUND);
	while (route_next(&route, map, &map->backends))
		tries++;
	assert_int_equal(tries, ROUTE_TRIES_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_answers, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_bogus_addresses, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_order, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_refused_addresses, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_map_of_the_moment, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_tries, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
