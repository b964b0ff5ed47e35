/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * snid/route: from names to servers, and that each is judged by the map of the moment it is
 * used. The resolver is the test's own.
 */
#include "fake_resolver.h"

#include <stdlib.h>

#include "../../core/clients.h"
#include "../../core/throttle.h"
#include "../../core/config.h"
#include "../../core/config_routes.h"
#include "../../snid/route.h"
#include "../../snid/service.h"
#include "../../snid/srv.h"

struct world {
	struct clients *clients;
	struct resolve_shares shares;
	struct resolve *resolve;
	struct addrmap *map;
	struct service service;
	struct route *route;
	struct prefix backends[4];
	struct prefix_list list;
	struct sni_route routes[4];
	const struct sni_route *by_name[4];
	unsigned int told;
	enum route_verdict verdict;
};

static struct prefix prefix(const char *text)
{
	struct prefix parsed;

	assert_null(prefix_parse(text, &parsed));
	return parsed;
}

/* Servers in 2001:db8:1::/64, 2001:db8:3::/64 and 192.0.2.0/24, of a gateway with the usual
 * prefixes that is 2001:db8:1::1 and 192.0.2.1 itself */
static int set_up(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	struct prefix pref64 = prefix("64:ff9b::/96");
	struct prefix own[] = { prefix("2001:db8:1::1"), prefix("192.0.2.1") };
	struct netinfo net = { .own = { .v = own, .n = 2 } };
	struct config config = {
		.inside.keyword = true,
		.prefixes = {
			.nat64 = { .v = &pref64, .n = 1 },
			.nat46 = prefix("64:ff9b:1::/96"),
		},
		.nat64 = { .clients.keyword = true, .deny4.keyword = true },
		.dns64.clients.keyword = true,
		.snid.backends.keyword = true,
	};

	memset(&fake, 0, sizeof(fake));
	w->clients = clients_new();
	clients_set_limits(w->clients, UINT32_MAX, 100);
	w->shares.clients = w->clients;
	w->shares.throttle = throttle_new();
	w->shares.new_per_client = 10000;
	w->resolve = resolve_new(&w->shares);
	resolve_set(w->resolve, (struct resolver *)1, 0);
	w->map = addrmap_new(&config, &net);
	w->backends[0] = prefix("2001:db8:1::/64");
	w->backends[1] = prefix("192.0.2.0/24");
	w->backends[2] = prefix("2001:db8:3::/64");
	w->list = (struct prefix_list){ w->backends, 3 };
	w->service = (struct service){ .mode = CONFIG_SNI_NAT46, .server_port = 443,
				       .backends = &w->list, .routes = w->by_name };
	*state = w;
	return w->resolve && w->map ? 0 : -1;
}

static int tear_down(void **state)
{
	struct world *w = *state;

	route_free(w->route);
	fake_end_all(RESOLVER_FAILED);
	resolve_free(w->resolve);
	assert_int_equal(clients_total(w->clients), 0);
	clients_free(w->clients);
	throttle_free(w->shares.throttle);
	addrmap_free(w->map);
	free(w);
	return 0;
}

static void told(void *arg, enum route_verdict verdict)
{
	struct world *w = arg;

	w->told++;
	w->verdict = verdict;
}

static enum route_verdict find(struct world *w, const char *name, const char *alpn)
{
	route_free(w->route);
	w->told = 0;
	w->route = route_new(w->resolve, 7, told, w);
	assert_non_null(w->route);
	return route_find(w->route, &w->service, name, alpn);
}

static void answer(const char *name, enum resolver_type type, struct resolver_records records)
{
	fake_answer(name, type, &records);
}

/* The servers that are given out, as one text */
static void assert_servers(struct world *w, const char *want)
{
	const struct route_server *server;
	char got[1024] = "", text[ENDPOINT_STRLEN];

	while ((server = route_next(w->route, w->map, &w->service))) {
		if (got[0])
			strcat(got, " ");
		strcat(got, endpoint_format(&server->at, text));
	}
	assert_string_equal(got, want);
}

static void add_route(struct world *w, const char *name, bool below, const char *backend,
		      uint16_t port)
{
	struct sni_route *route = &w->routes[w->service.n_routes];

	*route = (struct sni_route){ .name = (char *)(uintptr_t)name, .below = below,
				     .port = port };
	route->backend = fake_addr(backend);
	w->by_name[w->service.n_routes++] = route;
	config_routes_sort(w->by_name, w->service.n_routes);
}

/* RFC 1035 4.1.1, RFC 2308 2: what each answer says of a name */
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
	struct world *w = *state;
	char name[32];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct resolver_records records = {
			.status = cases[i].status,
			.rcode = cases[i].rcode,
		};

		snprintf(name, sizeof(name), "w%zu.example", i);
		assert_int_equal(find(w, name, ""), ROUTE_WAIT);
		fake_answer(name, RESOLVER_AAAA, &records);
		assert_int_equal(w->told, 1);
		assert_int_equal(w->verdict, cases[i].verdict);
		assert_non_null(w->route->why);
		assert_servers(w, "");
		/* and at once the next time */
		assert_int_equal(find(w, name, ""), cases[i].verdict);
	}
}

/* RFC 6724 6, RFC 8305 4: all in the DNS's order; known the second time; mode nat46 asks for no A */
static void test_order(void **state)
{
	struct world *w = *state;

	assert_int_equal(find(w, "w.example", ""), ROUTE_WAIT);
	assert_int_equal(fake_pending(), 1);
	answer("w.example", RESOLVER_AAAA, fake_addresses("2001:db8:3::9 2001:db8:1::7"));
	assert_int_equal(w->verdict, ROUTE_FOUND);
	assert_servers(w, "[2001:db8:3::9]:443 [2001:db8:1::7]:443");
	assert_int_equal(w->route->tries, 2);
	assert_int_equal(find(w, "w.example", ""), ROUTE_FOUND);
	assert_servers(w, "[2001:db8:3::9]:443 [2001:db8:1::7]:443");
	assert_int_equal(w->told, 0);
}

/* RFC 8305 4: families alternate, IPv6 first, whichever answer is there first */
static void test_both_families(void **state)
{
	struct world *w = *state;

	w->service.mode = CONFIG_SNI_TCP;
	w->service.server_port = 8443;
	assert_int_equal(find(w, "w.example", ""), ROUTE_WAIT);
	answer("w.example", RESOLVER_A, fake_addresses("192.0.2.8 192.0.2.9"));
	assert_int_equal(w->told, 0);
	answer("w.example", RESOLVER_AAAA, fake_addresses("2001:db8:1::8 2001:db8:1::9"));
	assert_int_equal(w->verdict, ROUTE_FOUND);
	assert_servers(w, "[2001:db8:1::8]:8443 192.0.2.8:8443 [2001:db8:1::9]:8443 192.0.2.9:8443");

	/* one family is enough, even if the other cannot be told */
	assert_int_equal(find(w, "x.example", ""), ROUTE_WAIT);
	answer("x.example", RESOLVER_AAAA, fake_rcode(2, 0));
	answer("x.example", RESOLVER_A, fake_addresses("192.0.2.8"));
	assert_int_equal(w->verdict, ROUTE_FOUND);
	assert_servers(w, "192.0.2.8:8443");

	assert_int_equal(find(w, "y.example", ""), ROUTE_WAIT);
	answer("y.example", RESOLVER_A, fake_rcode(0, 5));
	answer("y.example", RESOLVER_AAAA, fake_rcode(2, 0));
	assert_int_equal(w->verdict, ROUTE_FAILED);
}

/* Traps 1 to 4, RFC 4291 2.5, RFC 6052 2.1: none of these may be connected to, whatever the DNS
 * says, in none of the modes, and a good one beside them may. */
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
		{ "::ffff:192.0.2.8", ADDRMAP_BACKEND_SPECIAL },
		{ "::ffff:127.0.0.1", ADDRMAP_BACKEND_SPECIAL },
		{ "2001:db8:1::1", ADDRMAP_BACKEND_OWN },
	};
	struct world *w = *state;
	char name[32], both[128];

	for (size_t i = 0; i < 2 * sizeof(cases) / sizeof(cases[0]); i++) {
		w->service.mode = i % 2 ? CONFIG_SNI_TCP : CONFIG_SNI_NAT46;
		snprintf(name, sizeof(name), "w%zu.example", i);
		snprintf(both, sizeof(both), "%s 2001:db8:1::7", cases[i / 2].addr);

		find(w, name, "");
		answer(name, RESOLVER_AAAA, fake_addresses(cases[i / 2].addr));
		if (i % 2)
			answer(name, RESOLVER_A, fake_rcode(0, 5));
		assert_int_equal(w->verdict, ROUTE_FOUND);
		assert_servers(w, "");
		assert_int_equal(w->route->refused, cases[i / 2].verdict);
		assert_int_equal(w->route->tries, 0);

		name[0] = 'x';
		find(w, name, "");
		answer(name, RESOLVER_AAAA, fake_addresses(both));
		if (i % 2)
			answer(name, RESOLVER_A, fake_rcode(0, 5));
		assert_servers(w, "[2001:db8:1::7]:443");
	}
}

/* Traps 3 and 8 for IPv4, RFC 1122 3.2.1.3, RFC 3927 2.1 */
static void test_refused_v4(void **state)
{
	static const struct {
		const char *addr;
		enum addrmap_backend verdict;
	} cases[] = {
		{ "127.0.0.1", ADDRMAP_BACKEND_SPECIAL },
		{ "0.0.0.0", ADDRMAP_BACKEND_SPECIAL },
		{ "169.254.169.254", ADDRMAP_BACKEND_SPECIAL },
		{ "224.0.0.1", ADDRMAP_BACKEND_SPECIAL },
		{ "192.0.2.1", ADDRMAP_BACKEND_OWN },
		{ "198.51.100.1", ADDRMAP_BACKEND_OUTSIDE },
		{ "10.0.0.1", ADDRMAP_BACKEND_OUTSIDE },
	};
	struct world *w = *state;
	char name[32];

	w->service.mode = CONFIG_SNI_TCP;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		snprintf(name, sizeof(name), "w%zu.example", i);
		find(w, name, "");
		answer(name, RESOLVER_AAAA, fake_rcode(0, 5));
		answer(name, RESOLVER_A, fake_addresses(cases[i].addr));
		assert_servers(w, "");
		assert_int_equal(w->route->refused, cases[i].verdict);
	}
	/* A listener that has gone over to nat46 meanwhile goes to no IPv4 server. */
	find(w, "x.example", "");
	answer("x.example", RESOLVER_AAAA, fake_rcode(0, 5));
	answer("x.example", RESOLVER_A, fake_addresses("192.0.2.8"));
	w->service.mode = CONFIG_SNI_NAT46;
	assert_servers(w, "");
}

/* Trap 5: a map and a list that changed since the look-up, or since the last try, count at once. */
static void test_map_of_the_moment(void **state)
{
	struct world *w = *state;
	const struct route_server *server;

	find(w, "w.example", "");
	answer("w.example", RESOLVER_AAAA,
	       fake_addresses("2001:db8:3::1 2001:db8:3::2 2001:db8:1::7"));
	server = route_next(w->route, w->map, &w->service);
	assert_non_null(server);
	w->list.n = 2;
	assert_servers(w, "[2001:db8:1::7]:443");
	assert_int_equal(w->route->refused, ADDRMAP_BACKEND_OUTSIDE);
}

/* Those that are passed over do not count as tried. */
static void test_tries(void **state)
{
	struct world *w = *state;
	struct resolver_records records = fake_addresses("2001:db8:2::1");
	int tries = 0;

	while (records.n_addrs < RESOLVER_ADDRESSES_MAX)
		records.addrs[records.n_addrs++] = fake_addr("2001:db8:1::7");
	find(w, "w.example", "");
	answer("w.example", RESOLVER_AAAA, records);
	while (route_next(w->route, w->map, &w->service))
		tries++;
	assert_int_equal(tries, ROUTE_TRIES_MAX);
	assert_false(route_more(w->route));
}

/* snid.routes: exact before wildcard, the longest wildcard, which does not cover its own name;
 * no question is asked, and the address is judged as any other. */
static void test_static(void **state)
{
	static const struct {
		const char *name, *server;	/* NULL: the DNS is asked */
	} cases[] = {
		{ "www.example", "[2001:db8:1::a]:443" },
		{ "a.example", "[2001:db8:1::b]:8443" },
		{ "a.b.example", "[2001:db8:1::b]:8443" },
		{ "example", NULL },
		{ "xexample", NULL },
		{ "deep.example", "[2001:db8:1::b]:8443" },
		{ "a.deep.example", "" },
	};
	struct world *w = *state;

	add_route(w, "example", true, "2001:db8:1::b", 8443);
	add_route(w, "www.example", false, "2001:db8:1::a", 0);
	add_route(w, "deep.example", true, "2001:db8:2::1", 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		enum route_verdict verdict = find(w, cases[i].name, "");

		assert_int_equal(verdict, cases[i].server ? ROUTE_FOUND : ROUTE_WAIT);
		if (cases[i].server)
			assert_servers(w, cases[i].server);
	}
	assert_int_equal(fake.asked, 2);
	assert_int_equal(w->route->refused, ADDRMAP_BACKEND_OUTSIDE);

	/* to an IPv4 server in mode tcp alone */
	w->routes[1].backend = fake_addr("192.0.2.8");
	find(w, "www.example", "");
	assert_servers(w, "");
	w->service.mode = CONFIG_SNI_TCP;
	find(w, "www.example", "");
	assert_servers(w, "192.0.2.8:443");
}

/* RFC 2782, XEP-0368: services in the order of their priorities, each with its port; trap 7: but
 * for ports that no XMPP server has; trap 8: targets are judged by their addresses */
static void test_services(void **state)
{
	struct resolver_records srv = { .status = RESOLVER_OK, .ttl_s = 300 };
	struct world *w = *state;

	fake_add_service(&srv, 20, 0, 5223, "Second.example");
	fake_add_service(&srv, 10, 0, 443, "first.example");
	fake_add_service(&srv, 5, 0, 22, "ssh.example");
	fake_add_service(&srv, 30, 0, 5223, "third.example");
	assert_int_equal(find(w, "example", "xmpp-client"), ROUTE_WAIT);
	assert_int_equal(fake_pending(), 1);
	answer("_xmpps-client._tcp.example", RESOLVER_SRV, srv);
	assert_int_equal(w->told, 0);
	assert_int_equal(fake_pending(), 3);
	answer("second.example", RESOLVER_AAAA, fake_addresses("2001:db8:1::2"));
	answer("first.example", RESOLVER_AAAA, fake_addresses("2001:db8:1::1 2001:db8:1::11"));
	answer("third.example", RESOLVER_AAAA, fake_addresses("64:ff9b::7f00:1"));
	assert_int_equal(w->verdict, ROUTE_FOUND);
	/* 2001:db8:1::1 is the gateway itself. */
	assert_servers(w, "[2001:db8:1::11]:443 [2001:db8:1::2]:5223");

	/* all of it known */
	assert_int_equal(find(w, "example", "xmpp-client"), ROUTE_FOUND);
	assert_servers(w, "[2001:db8:1::11]:443 [2001:db8:1::2]:5223");
}

/* RFC 2782: no records: the host itself; the target ".": not available; no chains of services */
static void test_no_services(void **state)
{
	struct resolver_records nowhere = { .status = RESOLVER_OK, .ttl_s = 300 };
	struct world *w = *state;

	assert_int_equal(find(w, "example", "xmpp-server"), ROUTE_WAIT);
	answer("_xmpps-server._tcp.example", RESOLVER_SRV, fake_rcode(3, 60));
	answer("example", RESOLVER_AAAA, fake_addresses("2001:db8:1::7"));
	assert_int_equal(w->verdict, ROUTE_FOUND);
	assert_servers(w, "[2001:db8:1::7]:443");

	fake_add_service(&nowhere, 0, 0, 0, "");
	assert_int_equal(find(w, "y.example", "xmpp-client"), ROUTE_WAIT);
	answer("_xmpps-client._tcp.y.example", RESOLVER_SRV, nowhere);
	assert_int_equal(w->verdict, ROUTE_UNKNOWN);
	assert_string_equal(w->route->why, "service not available");

	assert_int_equal(find(w, "z.example", "xmpp-client"), ROUTE_WAIT);
	answer("_xmpps-client._tcp.z.example", RESOLVER_SRV, fake_rcode(2, 0));
	assert_int_equal(w->verdict, ROUTE_FAILED);

	/* others have no services */
	assert_int_equal(find(w, "example", "h2"), ROUTE_FOUND);
}

/* Trap 12: of many services only so many are asked for. */
static void test_many_services(void **state)
{
	struct resolver_records srv = { .status = RESOLVER_OK, .ttl_s = 300 };
	struct world *w = *state;
	char name[32];

	for (size_t i = 0; i < RESOLVER_SERVICES_MAX; i++) {
		snprintf(name, sizeof(name), "h%zu.example", i);
		fake_add_service(&srv, 1, 1, 443, name);
	}
	w->service.mode = CONFIG_SNI_TCP;
	assert_int_equal(find(w, "example", "xmpp-client"), ROUTE_WAIT);
	answer("_xmpps-client._tcp.example", RESOLVER_SRV, srv);
	assert_int_equal(fake_pending(), ROUTE_QUESTIONS_MAX);
	/* The client goes: nobody is told. */
	route_free(w->route);
	w->route = NULL;
	fake_end_all(RESOLVER_FAILED);
	assert_int_equal(w->told, 0);
}

static bool is_nine(void *arg, const struct endpoint *at)
{
	(void)arg;
	return at->addr.s6_addr[15] == 9;
}

/* Those that failed a moment ago come last, in their order, and do come. */
static void test_put_last(void **state)
{
	struct world *w = *state;

	find(w, "w.example", "");
	answer("w.example", RESOLVER_AAAA,
	       fake_addresses("2001:db8:3::9 2001:db8:1::7 2001:db8:1::9 2001:db8:1::8"));
	route_put_last(w->route, is_nine, NULL);
	assert_servers(w, "[2001:db8:1::7]:443 [2001:db8:1::8]:443 [2001:db8:3::9]:443 "
			  "[2001:db8:1::9]:443");
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_answers),
		TEST(test_order),
		TEST(test_both_families),
		TEST(test_refused_addresses),
		TEST(test_refused_v4),
		TEST(test_map_of_the_moment),
		TEST(test_tries),
		TEST(test_static),
		TEST(test_services),
		TEST(test_no_services),
		TEST(test_many_services),
		TEST(test_put_last),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
