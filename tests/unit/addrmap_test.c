/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Every mapping decision: RFC 6052 3.1, the IANA special-purpose registry of RFC 6890, who may
 * ask, and which backends snid may connect to.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "../../core/addrmap.h"
#include "../../core/config.h"

#define N(array) (sizeof(array) / sizeof(*(array)))

struct world {
	struct config config;
	struct netinfo net;
	struct addrmap *map;
};

static struct in6_addr address(const char *text)
{
	struct in6_addr addr;

	assert_true(addr_parse(text, &addr));
	return addr;
}

static void add(struct prefix_list *list, const char *text)
{
	struct prefix prefix;

	assert_null(prefix_parse(text, &prefix));
	assert_int_equal(prefix_list_add(list, &prefix), 0);
}

static void remake(struct world *w)
{
	addrmap_free(w->map);
	w->map = addrmap_new(&w->config, &w->net);
	assert_non_null(w->map);
}

/* The defaults of DESIGN.md, with a second, more specific pref64 and an own address */
static int set_up(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	if (!w)
		return -1;
	w->config.inside.keyword = true;
	w->config.nat64.clients.keyword = true;
	w->config.nat64.deny4.keyword = true;
	w->config.dns64.clients.keyword = true;
	w->config.snid.backends.keyword = true;
	add(&w->config.prefixes.nat64, "64:ff9b::/96");
	add(&w->config.prefixes.nat64, "2001:db8:64::/48");
	add(&w->config.prefixes.nat64, "2001:db8:64:64::/96");
	assert_null(prefix_parse("64:ff9b:1::/96", &w->config.prefixes.nat46));
	add(&w->net.inside, "2001:db8:1::/64");
	add(&w->net.own, "2001:db8:1::1/128");
	add(&w->net.own, "198.51.100.1/32");
	add(&w->net.own, "fe80::1/128");
	w->net.uplink_v4_be32 = inet_addr("198.51.100.1");
	strcpy(w->net.uplink, "eth0");
	remake(w);
	*state = w;
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;

	addrmap_free(w->map);
	netinfo_free(&w->net);
	prefix_list_free(&w->config.prefixes.nat64);
	prefix_list_free(&w->config.prefixes.draining);
	prefix_list_free(&w->config.inside.list);
	prefix_list_free(&w->config.nat64.clients.list);
	prefix_list_free(&w->config.nat64.deny4.list);
	prefix_list_free(&w->config.dns64.clients.list);
	prefix_list_free(&w->config.snid.backends.list);
	free(w);
	return 0;
}

static void test_inside_and_own(void **state)
{
	struct world *w = *state;
	struct in6_addr in = address("2001:db8:1::99"), out = address("2001:db8:2::99");
	struct in6_addr own = address("2001:db8:1::1"), own4 = address("198.51.100.1");

	assert_true(addrmap_is_inside(w->map, &in));
	assert_false(addrmap_is_inside(w->map, &out));
	assert_true(addrmap_is_own(w->map, &own));
	assert_true(addrmap_is_own(w->map, &own4));
	assert_false(addrmap_is_own(w->map, &in));
	assert_int_equal(w->map->uplink_v4_be32, inet_addr("198.51.100.1"));
	assert_string_equal(w->map->uplink, "eth0");
	/* a list of its own replaces what was found */
	w->config.inside.keyword = false;
	add(&w->config.inside.list, "2001:db8:2::/64");
	remake(w);
	assert_false(addrmap_is_inside(w->map, &in));
	assert_true(addrmap_is_inside(w->map, &out));
	assert_true(addrmap_nat64_client(w->map, &out));
	assert_true(addrmap_dns64_client(w->map, &out));
}

static void test_pref64_of(void **state)
{
	static const struct {
		const char *addr, *prefix;
	} rows[] = {
		{ "64:ff9b::192.0.2.33", "64:ff9b::/96" },
		{ "2001:db8:64:c000:2:2100::", "2001:db8:64::/48" },
		{ "2001:db8:64:64::192.0.2.33", "2001:db8:64:64::/96" },	/* the longest */
		{ "64:ff9b:1::192.0.2.33", NULL },
		{ "2001:db8:1::99", NULL },
		{ "192.0.2.33", NULL },
	};
	struct world *w = *state;
	char text[PREFIX_STRLEN];

	for (size_t i = 0; i < N(rows); i++) {
		struct in6_addr addr = address(rows[i].addr);
		const struct prefix *found = addrmap_pref64_of(w->map, &addr);

		if (!rows[i].prefix) {
			assert_null(found);
			continue;
		}
		assert_non_null(found);
		assert_string_equal(prefix_format(found, text), rows[i].prefix);
		assert_int_equal(addrmap_extract(found, &addr), inet_addr("192.0.2.33"));
		struct in6_addr back = addrmap_embed(found, inet_addr("192.0.2.33"));

		assert_true(addr_equal(&back, &addr));
	}
}

static void test_nat46_source(void **state)
{
	struct world *w = *state;
	struct in6_addr source = addrmap_nat46_source(w->map, inet_addr("203.0.113.5"));
	struct in6_addr wanted = address("64:ff9b:1::203.0.113.5");

	assert_true(addr_equal(&source, &wanted));
}

/* RFC 6890 2.2.2 and what the registry has gained since: not globally reachable */
static const char *const special[] = {
	"0.0.0.0", "0.255.255.255", "10.0.0.1", "100.64.0.1", "100.127.255.255", "127.0.0.1",
	"169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.1", "192.0.2.1",
	"192.168.1.1", "198.18.0.1", "198.19.255.255", "198.51.100.7", "203.0.113.7",
	"224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255",
};

static const char *const global[] = {
	"1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0",
	"126.255.255.255", "128.0.0.0", "192.0.0.9", "192.31.196.1", "169.253.0.1", "172.15.255.255", "172.32.0.0",
	"192.0.1.0", "192.0.3.0", "192.167.255.255", "192.169.0.0", "198.17.255.255",
	"198.20.0.0", "223.255.255.255",
};

/* RFC 1122 3.2.1.3: not the address of any one host, whatever the operator says */
static bool is_host(const char *v4)
{
	uint32_t first = ntohl(inet_addr(v4)) >> 24;

	return first != 0 && first != 127 && first < 224;
}

static bool may(const struct world *w, size_t pref64, const char *v4)
{
	return addrmap_may_translate(w->map, &w->map->pref64.v[pref64], inet_addr(v4));
}

static void test_special_purpose(void **state)
{
	struct world *w = *state;

	for (size_t p = 0; p < w->map->pref64.n; p++) {
		for (size_t i = 0; i < N(special); i++)
			assert_false(may(w, p, special[i]));
		for (size_t i = 0; i < N(global); i++)
			assert_true(may(w, p, global[i]));
	}
}

/* RFC 6052 3.1: the well-known prefix MUST NOT represent non-global addresses. A list of the
 * operator's own frees them for his own prefixes only. */
static void test_well_known_prefix_rule(void **state)
{
	struct world *w = *state;

	w->config.nat64.deny4.keyword = false;
	add(&w->config.nat64.deny4.list, "1.1.1.0/24");
	remake(w);
	for (size_t i = 0; i < N(special); i++) {
		assert_false(may(w, 0, special[i]));
		assert_int_equal(may(w, 1, special[i]), is_host(special[i]));
		assert_int_equal(may(w, 2, special[i]), is_host(special[i]));
	}
	assert_false(may(w, 0, "1.1.1.1"));
	assert_false(may(w, 1, "1.1.1.1"));
	assert_true(may(w, 0, "8.8.8.8"));
}

/* "deny4: []": all hosts may be reached, the well-known prefix included */
static void test_deny_nothing(void **state)
{
	struct world *w = *state;

	w->config.nat64.deny4.keyword = false;
	remake(w);
	for (size_t i = 0; i < N(special); i++) {
		assert_int_equal(may(w, 0, special[i]), is_host(special[i]));
		assert_int_equal(may(w, 1, special[i]), is_host(special[i]));
		assert_int_equal(addrmap_is_host4(inet_addr(special[i])),
				 is_host(special[i]));
	}
}

/* RFC 6052 3.1: the well-known prefix is first, but must not stand for private addresses; one
 * of the network's own may. */
static void test_pref64_for(void **state)
{
	struct world *w = *state;

	assert_ptr_equal(addrmap_pref64_for(w->map, inet_addr("8.8.8.8")), &w->map->pref64.v[0]);
	assert_null(addrmap_pref64_for(w->map, inet_addr("10.0.0.1")));
	w->config.nat64.deny4.keyword = false;
	add(&w->config.nat64.deny4.list, "1.1.1.0/24");
	remake(w);
	assert_ptr_equal(addrmap_pref64_for(w->map, inet_addr("8.8.8.8")), &w->map->pref64.v[0]);
	assert_ptr_equal(addrmap_pref64_for(w->map, inet_addr("10.0.0.1")), &w->map->pref64.v[1]);
	assert_null(addrmap_pref64_for(w->map, inet_addr("1.1.1.1")));
	assert_null(addrmap_pref64_for(w->map, inet_addr("127.0.0.1")));
}

/* RFC 6147 5.2: which prefixes DNS64 answers with for an address, in which order: not those that
 * drain, which NAT64 takes for want of others only. */
static void test_draining(void **state)
{
	static const char *const order[] = { "2001:db8:64:64::/96", "64:ff9b::/96",
					     "2001:db8:64::/48" };
	struct world *w = *state;
	struct addrmap *without = addrmap_new(&w->config, &w->net);
	const uint32_t anyone = inet_addr("8.8.8.8"), somebody = inet_addr("10.0.0.1");
	char text[PREFIX_STRLEN];

	w->config.nat64.deny4.keyword = false;
	add(&w->config.nat64.deny4.list, "1.1.1.0/24");
	remake(w);
	assert_ptr_equal(addrmap_pref64_nth(w->map, anyone, 2), &w->map->pref64.v[2]);
	assert_null(addrmap_pref64_nth(w->map, anyone, 3));
	/* RFC 6052 3.1: the first one is the well-known prefix */
	assert_ptr_equal(addrmap_pref64_nth(w->map, somebody, 0), &w->map->pref64.v[1]);
	assert_null(addrmap_pref64_nth(w->map, somebody, 2));
	assert_null(addrmap_pref64_nth(w->map, inet_addr("1.1.1.1"), 0));

	add(&w->config.prefixes.draining, "2001:db8:64::/48");
	add(&w->config.prefixes.draining, "64:ff9b::/96");
	remake(w);
	assert_int_equal(w->map->n_draining, 2);
	for (size_t i = 0; i < N(order); i++)
		assert_string_equal(prefix_format(&w->map->pref64.v[i], text), order[i]);
	assert_ptr_equal(addrmap_pref64_nth(w->map, anyone, 0), &w->map->pref64.v[0]);
	assert_null(addrmap_pref64_nth(w->map, anyone, 1));
	assert_ptr_equal(addrmap_pref64_for(w->map, anyone), &w->map->pref64.v[0]);
	assert_false(addrmap_equal(w->map, without));
	addrmap_free(without);
	prefix_list_free(&w->config.prefixes.draining);
	/* Only one that drains may stand for it: NAT64 takes that, DNS64 none. */
	add(&w->config.prefixes.draining, "2001:db8:64::/48");
	add(&w->config.prefixes.draining, "2001:db8:64:64::/96");
	remake(w);
	assert_ptr_equal(addrmap_pref64_for(w->map, somebody), &w->map->pref64.v[1]);
	assert_null(addrmap_pref64_nth(w->map, somebody, 0));
}

/* RFC 6147 5.1.4: what another DNS64 has made is in one of our prefixes, draining or not, or in
 * the well-known one (RFC 6052 2.1) though that is not ours. */
static void test_synthetic_addresses(void **state)
{
	static const struct {
		const char *addr;
		bool synthetic;
	} rows[] = {
		{ "64:ff9b::1.2.3.4", true },	 { "64:ff9b:0:1::1", false },
		{ "2001:db8:64:1::", true },	 { "2001:db8:65::1", false },
		{ "64:ff9b:1::1.2.3.4", false }, { "::ffff:1.2.3.4", false },
	};
	struct world *w = *state;

	prefix_list_free(&w->config.prefixes.nat64);
	add(&w->config.prefixes.nat64, "2001:db8:99::/96");
	add(&w->config.prefixes.nat64, "2001:db8:64::/48");
	add(&w->config.prefixes.draining, "2001:db8:64::/48");
	remake(w);
	for (size_t i = 0; i < N(rows); i++) {
		struct in6_addr addr = address(rows[i].addr);

		assert_int_equal(addrmap_is_synthetic(w->map, &addr), rows[i].synthetic);
	}
}

/* RFC 7757 3.3: the mapping of an address, and its place in what makes a map another */
static void test_explicit_mappings(void **state)
{
	struct world *w = *state;
	struct in6_addr inside = address("2001:db8:1::99"), found;
	struct addrmap *without = addrmap_new(&w->config, &w->net);
	struct eam eam;
	uint32_t v4_be32;

	assert_false(addrmap_eam_to4(w->map, &inside, &v4_be32));
	assert_null(prefix_parse("192.0.2.7/32", &eam.ipv4));
	assert_null(prefix_parse("2001:db8:1::99/128", &eam.ipv6));
	w->config.prefixes.eam = &eam;
	w->config.prefixes.n_eam = 1;
	remake(w);
	assert_true(addrmap_eam_to4(w->map, &inside, &v4_be32));
	assert_int_equal(v4_be32, inet_addr("192.0.2.7"));
	assert_true(addrmap_eam_to6(w->map, inet_addr("192.0.2.7"), &found));
	assert_true(addr_equal(&found, &inside));
	assert_false(addrmap_eam_to6(w->map, inet_addr("192.0.2.8"), &found));
	assert_false(addrmap_equal(w->map, without));
	addrmap_free(without);
	w->config.prefixes.eam = NULL;
	w->config.prefixes.n_eam = 0;
}

/* RFC 6146 3.8: which IPv4 addresses may be those of another inside host */
static void test_outside_addresses(void **state)
{
	struct pool4_entry pool4[] = {
		{ .address_auto = true }, { .address = address("192.0.2.10") },
	};
	struct static_binding bindings[] = {
		{ .outside_auto = true },
		{ .outside = { address("192.0.2.20"), 22 } },
		{ .outside = { address("192.0.2.20"), 23 } },
	};
	struct world *w = *state;

	w->config.nat64.pool4 = pool4;
	w->config.nat64.n_pool4 = N(pool4);
	w->config.nat64.static_bindings = bindings;
	w->config.nat64.n_static = N(bindings);
	remake(w);
	assert_int_equal(w->map->outside4.n, 3);
	assert_true(addrmap_is_outside4(w->map, inet_addr("198.51.100.1")));
	assert_true(addrmap_is_outside4(w->map, inet_addr("192.0.2.10")));
	assert_true(addrmap_is_outside4(w->map, inet_addr("192.0.2.20")));
	assert_false(addrmap_is_outside4(w->map, inet_addr("192.0.2.11")));
	w->net.uplink_v4_be32 = 0;	/* it has none yet */
	remake(w);
	assert_int_equal(w->map->outside4.n, 2);
	assert_false(addrmap_is_outside4(w->map, 0));
	w->config.nat64.n_pool4 = w->config.nat64.n_static = 0;
}

/* RFC 6146 3.5: a source that stands for an IPv4 host (RFC 6052 2.2) is no client, whatever
 * prefix of clients holds it. */
static void test_clients(void **state)
{
	struct world *w = *state;
	static const struct {
		const char *addr;
		bool nat64, dns64;
	} rows[] = {
		{ "2001:db8:1::99", true, true },
		{ "2001:db8:2::99", false, false },
		{ "192.0.2.1", false, false },
		{ "::1", false, true },			/* the host itself ... */
		{ "127.0.0.1", false, true },
		{ "127.255.255.254", false, true },
		{ "198.51.100.1", false, true },	/* ... from an own address */
		{ "fe80::1", false, true },
		{ "::", false, false },
	}, listed[] = {
		{ "2001:db8:1::99", false, false },
		{ "2001:db8:2::99", true, false },
		{ "2001:db8:3::99", false, true },
		{ "192.0.2.1", false, true },
		{ "127.0.0.1", false, true },
		{ "198.51.100.1", false, true },
		{ "2001:db8:4600:46::1", false, false },
		{ "2001:db8:4600:46:0:1::", true, false },
	};

	for (size_t i = 0; i < N(rows); i++) {
		struct in6_addr addr = address(rows[i].addr);

		assert_int_equal(addrmap_nat64_client(w->map, &addr), rows[i].nat64);
		assert_int_equal(addrmap_dns64_client(w->map, &addr), rows[i].dns64);
	}
	w->config.nat64.clients.keyword = w->config.dns64.clients.keyword = false;
	add(&w->config.nat64.clients.list, "2001:db8:2::/64");
	add(&w->config.nat64.clients.list, "2001:db8:4600::/48");
	assert_null(prefix_parse("2001:db8:4600:46::/96", &w->config.prefixes.nat46));
	add(&w->config.dns64.clients.list, "2001:db8:3::/64");
	add(&w->config.dns64.clients.list, "192.0.2.0/24");
	remake(w);
	for (size_t i = 0; i < N(listed); i++) {
		struct in6_addr addr = address(listed[i].addr);

		assert_int_equal(addrmap_nat64_client(w->map, &addr), listed[i].nat64);
		assert_int_equal(addrmap_dns64_client(w->map, &addr), listed[i].dns64);
	}
}

static void test_backends(void **state)
{
	static const struct {
		const char *addr;
		enum addrmap_backend verdict;
	} rows[] = {
		{ "2001:db8:1::99", ADDRMAP_BACKEND_OK },
		{ "2001:db8:2::99", ADDRMAP_BACKEND_OUTSIDE },
		{ "64:ff9b::8.8.8.8", ADDRMAP_BACKEND_PREF64 },
		{ "2001:db8:64:64::8.8.8.8", ADDRMAP_BACKEND_PREF64 },
		{ "64:ff9b:1::8.8.8.8", ADDRMAP_BACKEND_NAT46 },
		{ "::", ADDRMAP_BACKEND_SPECIAL },
		{ "::1", ADDRMAP_BACKEND_SPECIAL },
		{ "fe80::99", ADDRMAP_BACKEND_SPECIAL },
		{ "febf::99", ADDRMAP_BACKEND_SPECIAL },
		{ "ff02::1", ADDRMAP_BACKEND_SPECIAL },
		{ "127.0.0.1", ADDRMAP_BACKEND_SPECIAL },
		{ "8.8.8.8", ADDRMAP_BACKEND_SPECIAL },
		{ "2001:db8:1::1", ADDRMAP_BACKEND_OWN },
	};
	struct world *w = *state;

	for (int everything = 0; everything < 2; everything++) {
		for (size_t i = 0; i < N(rows); i++) {
			struct in6_addr addr = address(rows[i].addr);
			enum addrmap_backend verdict = addrmap_backend_check(w->map, &w->map->backends,
									     &addr);

			if (everything && rows[i].verdict == ADDRMAP_BACKEND_OUTSIDE)
				assert_int_equal(verdict, ADDRMAP_BACKEND_OK);
			else
				assert_int_equal(verdict, rows[i].verdict);
		}
		/* A list as wide as can be opens none of the others. */
		w->config.snid.backends.keyword = false;
		add(&w->config.snid.backends.list, "::/0");
		remake(w);
	}
	for (int verdict = 0; verdict <= ADDRMAP_BACKEND_OWN; verdict++)
		assert_true(strlen(addrmap_backend_text((enum addrmap_backend)verdict)) > 0);
}

/* The well-known prefix leads into NAT64 somewhere, whatever prefix is ours. */
static void test_backends_well_known(void **state)
{
	struct in6_addr addr = address("64:ff9b::8.8.8.8");
	struct world *w = *state;

	prefix_list_free(&w->config.prefixes.nat64);
	add(&w->config.prefixes.nat64, "2001:db8:64::/96");
	w->config.snid.backends.keyword = false;
	add(&w->config.snid.backends.list, "::/0");
	remake(w);
	assert_int_equal(addrmap_backend_check(w->map, &w->map->backends, &addr),
			 ADDRMAP_BACKEND_PREF64);
}

/* RFC 1122 3.2.1.3, RFC 3927 2.1, RFC 5771: no hosts; RFC 1918 3, RFC 6598 7: only where listed */
static void test_backends_v4(void **state)
{
	static const struct {
		const char *addr;
		enum addrmap_backend anywhere;	/* 0.0.0.0/0, with ::/0 beside it */
		enum addrmap_backend listed;	/* 10.1.0.0/16, 100.64.0.0/10, 192.0.2.0/24 */
	} rows[] = {
		{ "192.0.2.1", ADDRMAP_BACKEND_OK, ADDRMAP_BACKEND_OK },
		{ "8.8.8.8", ADDRMAP_BACKEND_OK, ADDRMAP_BACKEND_OUTSIDE },
		{ "10.1.2.3", ADDRMAP_BACKEND_OUTSIDE, ADDRMAP_BACKEND_OK },
		{ "10.2.2.3", ADDRMAP_BACKEND_OUTSIDE, ADDRMAP_BACKEND_OUTSIDE },
		{ "172.31.255.1", ADDRMAP_BACKEND_OUTSIDE, ADDRMAP_BACKEND_OUTSIDE },
		{ "192.168.0.1", ADDRMAP_BACKEND_OUTSIDE, ADDRMAP_BACKEND_OUTSIDE },
		{ "100.64.0.1", ADDRMAP_BACKEND_OUTSIDE, ADDRMAP_BACKEND_OK },
		{ "0.0.0.0", ADDRMAP_BACKEND_SPECIAL, ADDRMAP_BACKEND_SPECIAL },
		{ "127.0.0.1", ADDRMAP_BACKEND_SPECIAL, ADDRMAP_BACKEND_SPECIAL },
		{ "127.255.0.1", ADDRMAP_BACKEND_SPECIAL, ADDRMAP_BACKEND_SPECIAL },
		{ "169.254.169.254", ADDRMAP_BACKEND_SPECIAL, ADDRMAP_BACKEND_SPECIAL },
		{ "224.0.0.1", ADDRMAP_BACKEND_SPECIAL, ADDRMAP_BACKEND_SPECIAL },
		{ "239.255.255.255", ADDRMAP_BACKEND_SPECIAL, ADDRMAP_BACKEND_SPECIAL },
		{ "240.0.0.1", ADDRMAP_BACKEND_SPECIAL, ADDRMAP_BACKEND_SPECIAL },
		{ "255.255.255.255", ADDRMAP_BACKEND_SPECIAL, ADDRMAP_BACKEND_SPECIAL },
		{ "198.51.100.1", ADDRMAP_BACKEND_OWN, ADDRMAP_BACKEND_OWN },
	};
	struct prefix_list anywhere = { 0 }, listed = { 0 };
	struct world *w = *state;

	add(&anywhere, "0.0.0.0/0");
	add(&anywhere, "::/0");
	add(&listed, "10.1.0.0/16");
	add(&listed, "100.64.0.0/10");
	add(&listed, "192.0.2.0/24");
	for (size_t i = 0; i < N(rows); i++) {
		struct in6_addr addr = address(rows[i].addr);
		uint32_t v4_be32 = addr_v4_be32(&addr);

		assert_int_equal(addrmap_backend_check4(w->map, &anywhere, v4_be32),
				 rows[i].anywhere);
		assert_int_equal(addrmap_backend_check4(w->map, &listed, v4_be32), rows[i].listed);
		/* Inside has none, nor has IPv6. */
		assert_int_not_equal(addrmap_backend_check4(w->map, &w->map->backends, v4_be32),
				     ADDRMAP_BACKEND_OK);
		assert_int_not_equal(addrmap_backend_check4(w->map,
				     &(struct prefix_list){ &anywhere.v[1], 1 }, v4_be32),
				     ADDRMAP_BACKEND_OK);
	}
	prefix_list_free(&anywhere);
	prefix_list_free(&listed);
}

static void test_equal(void **state)
{
	struct world *w = *state;
	struct addrmap *same = addrmap_new(&w->config, &w->net), *other;

	assert_true(addrmap_equal(w->map, same));
	addrmap_free(same);
	add(&w->net.own, "2001:db8:1::2/128");
	other = addrmap_new(&w->config, &w->net);
	assert_false(addrmap_equal(w->map, other));
	addrmap_free(other);
	remake(w);
	w->net.uplink_v4_be32 = inet_addr("198.51.100.2");
	other = addrmap_new(&w->config, &w->net);
	assert_false(addrmap_equal(w->map, other));
	addrmap_free(other);
	remake(w);
	w->config.nat64.deny4.keyword = false;
	other = addrmap_new(&w->config, &w->net);
	assert_false(addrmap_equal(w->map, other));
	addrmap_free(other);
	addrmap_free(NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_inside_and_own),
		TEST(test_pref64_of),
		TEST(test_nat46_source),
		TEST(test_special_purpose),
		TEST(test_well_known_prefix_rule),
		TEST(test_deny_nothing),
		TEST(test_pref64_for),
		TEST(test_draining),
		TEST(test_synthetic_addresses),
		TEST(test_explicit_mappings),
		TEST(test_outside_addresses),
		TEST(test_clients),
		TEST(test_backends),
		TEST(test_backends_well_known),
		TEST(test_backends_v4),
		TEST(test_equal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
