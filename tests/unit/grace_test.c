/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What goes away from the network for a while; the clock is the test's own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <event2/event.h>

#include "../../core/addr.h"
#include "../../core/addrmap.h"
#include "../../core/config.h"
#include "../../core/loop.h"
#include "../../ops/grace.h"

static int64_t now_ms;
static struct config config;
static struct event_base *base;
static struct grace *grace;
static struct netinfo net;

int64_t loop_now_ms(void)
{
	return now_ms;
}

static void over(void *arg)
{
	(void)arg;
}

static struct prefix prefix_of(const char *text)
{
	struct prefix prefix;

	assert_null(prefix_parse(text, &prefix));
	return prefix;
}

static int setup(void **state)
{
	(void)state;
	now_ms = 1000000;
	memset(&config, 0, sizeof(config));
	config.inside.keyword = true;
	config.prefixes.nat46 = prefix_of("64:ff9b:1::/96");
	base = event_base_new();
	grace = grace_new(base, over, NULL);
	assert_non_null(grace);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	netinfo_free(&net);
	grace_free(grace);
	event_base_free(base);
	return 0;
}

/* The network as it is found now: uplink's address and inside prefixes, NULL none. */
static void found(const char *address, const char *first, const char *second)
{
	const char *const inside[] = { first, second };

	netinfo_free(&net);
	memset(&net, 0, sizeof(net));
	if (address) {
		assert_int_equal(inet_pton(AF_INET, address, &net.uplink_v4_be32), 1);
		strcpy(net.uplink, "eth0");
		net.links.uplink = 2;
	}
	for (int i = 0; i < 2; i++) {
		struct prefix prefix;

		if (!inside[i])
			continue;
		prefix = prefix_of(inside[i]);
		assert_int_equal(prefix_list_add(&net.inside, &prefix), 0);
	}
	assert_int_equal(grace_apply(grace, &config, &net), 0);
}

/* The network as it counts: likewise. */
static void assert_counts(const char *address, const char *first, const char *second)
{
	const char *const inside[] = { first, second };
	uint32_t v4_be32 = 0;
	size_t n = 0;

	if (address)
		assert_int_equal(inet_pton(AF_INET, address, &v4_be32), 1);
	assert_int_equal(net.uplink_v4_be32, v4_be32);
	for (int i = 0; i < 2; i++) {
		struct prefix prefix;

		if (!inside[i])
			continue;
		prefix = prefix_of(inside[i]);
		assert_true(n < net.inside.n && prefix_equal(&net.inside.v[n], &prefix));
		n++;
	}
	assert_int_equal(net.inside.n, n);
}

static void an_address_counts_while_it_is_away(void **state)
{
	(void)state;
	found("198.51.100.1", "2001:db8:1::/64", NULL);
	assert_null(grace_missing(grace));
	found(NULL, NULL, NULL);
	assert_counts("198.51.100.1", "2001:db8:1::/64", NULL);
	assert_string_equal(net.uplink, "eth0");
	assert_int_equal(net.links.uplink, 2);
	assert_string_equal(grace_missing(grace), "the uplink has no IPv4 address");
	now_ms += GRACE_UPLINK_MS - 1;
	found(NULL, NULL, NULL);
	assert_counts("198.51.100.1", "2001:db8:1::/64", NULL);
	found("198.51.100.1", "2001:db8:1::/64", NULL);
	assert_counts("198.51.100.1", "2001:db8:1::/64", NULL);
	assert_null(grace_missing(grace));
}

/* The uplink has no address, and other things change: those count at once. */
static void all_but_the_uplink_is_as_it_is_found(void **state)
{
	struct prefix new_one = prefix_of("2001:db8:2::/64"), own = prefix_of("2001:db8:2::1/128");
	struct in6_addr v4;

	(void)state;
	found("198.51.100.1", "2001:db8:1::/64", NULL);
	assert_string_equal(grace_uplink(grace), "eth0");
	netinfo_free(&net);
	memset(&net, 0, sizeof(net));
	strcpy(net.uplink, "eth0");
	net.links.uplink = 2;
	net.links.n = 1;
	net.links.index[0] = 7;
	assert_int_equal(prefix_list_add(&net.inside, &new_one), 0);
	assert_int_equal(prefix_list_add(&net.own, &own), 0);
	assert_int_equal(grace_apply(grace, &config, &net), 0);
	assert_counts("198.51.100.1", "2001:db8:1::/64", "2001:db8:2::/64");
	assert_int_equal(net.links.n, 1);
	assert_int_equal(net.links.index[0], 7);
	assert_true(prefix_list_sorted_contains(&net.own, &own.addr));
	v4 = addr_from_v4(net.uplink_v4_be32);
	assert_true(prefix_list_sorted_contains(&net.own, &v4));
	/* A prefix that has gone has its own time, which is over sooner. */
	now_ms += GRACE_INSIDE_MS;
	netinfo_free(&net);
	memset(&net, 0, sizeof(net));
	strcpy(net.uplink, "eth0");
	net.links.uplink = 2;
	assert_int_equal(prefix_list_add(&net.inside, &new_one), 0);
	assert_int_equal(grace_apply(grace, &config, &net), 0);
	assert_counts("198.51.100.1", "2001:db8:2::/64", NULL);
	now_ms += GRACE_UPLINK_MS;
	assert_null(grace_uplink(grace));
}

/* Another interface is about to become the uplink: what was behind the old one might be taken
 * for inside. */
static void while_another_uplink_comes_nothing_changes(void **state)
{
	struct prefix strange = prefix_of("2001:db8:bad::/64");

	(void)state;
	found("198.51.100.1", "2001:db8:1::/64", NULL);
	netinfo_free(&net);
	memset(&net, 0, sizeof(net));
	strcpy(net.uplink, "ppp0");
	net.links.uplink = 3;
	assert_int_equal(prefix_list_add(&net.inside, &strange), 0);
	assert_int_equal(grace_apply(grace, &config, &net), 0);
	assert_counts("198.51.100.1", "2001:db8:1::/64", NULL);
	assert_string_equal(net.uplink, "eth0");
	assert_int_equal(net.links.uplink, 2);
}

static void an_address_that_stays_away_is_given_up(void **state)
{
	(void)state;
	found("198.51.100.1", NULL, NULL);
	found(NULL, NULL, NULL);
	now_ms += GRACE_UPLINK_MS;
	found(NULL, NULL, NULL);
	assert_counts(NULL, NULL, NULL);
	assert_non_null(grace_missing(grace));
	/* Not again because of another change */
	found(NULL, "2001:db8:1::/64", NULL);
	assert_counts(NULL, "2001:db8:1::/64", NULL);
	found("198.51.100.1", "2001:db8:1::/64", NULL);
	assert_counts("198.51.100.1", "2001:db8:1::/64", NULL);
	assert_null(grace_missing(grace));
	/* And it has its time again. */
	found(NULL, NULL, NULL);
	assert_counts("198.51.100.1", "2001:db8:1::/64", NULL);
}

/* RFC 6146 3: a binding is to an address. */
static void another_address_counts_at_once(void **state)
{
	(void)state;
	found("198.51.100.1", NULL, NULL);
	found(NULL, NULL, NULL);
	found("198.51.100.2", NULL, NULL);
	assert_counts("198.51.100.2", NULL, NULL);
	assert_null(grace_missing(grace));
}

static void there_is_nothing_to_wait_for_at_first(void **state)
{
	(void)state;
	found(NULL, NULL, NULL);
	assert_counts(NULL, NULL, NULL);
	assert_null(grace_missing(grace));
}

static void another_uplink_by_configuration_counts_at_once(void **state)
{
	char name[] = "eth1";

	(void)state;
	found("198.51.100.1", NULL, NULL);
	config.uplink = name;
	found(NULL, NULL, NULL);
	assert_counts(NULL, NULL, NULL);
}

static void an_inside_prefix_counts_while_it_is_away(void **state)
{
	(void)state;
	found("198.51.100.1", "2001:db8:1::/64", "2001:db8:2::/64");
	found("198.51.100.1", "2001:db8:2::/64", NULL);
	assert_counts("198.51.100.1", "2001:db8:1::/64", "2001:db8:2::/64");
	assert_null(grace_missing(grace));
	now_ms += GRACE_INSIDE_MS / 2;
	found("198.51.100.1", NULL, NULL);
	assert_counts("198.51.100.1", "2001:db8:1::/64", "2001:db8:2::/64");
	now_ms += GRACE_INSIDE_MS / 2;
	found("198.51.100.1", NULL, NULL);
	assert_counts("198.51.100.1", "2001:db8:2::/64", NULL);
	found("198.51.100.1", "2001:db8:1::/64", NULL);
	assert_counts("198.51.100.1", "2001:db8:1::/64", "2001:db8:2::/64");
	now_ms += GRACE_INSIDE_MS / 2;
	found("198.51.100.1", "2001:db8:1::/64", NULL);
	assert_counts("198.51.100.1", "2001:db8:1::/64", NULL);
}

static void a_prefix_within_a_new_one_is_not_there_twice(void **state)
{
	(void)state;
	found("198.51.100.1", "2001:db8:1::/64", NULL);
	found("198.51.100.1", "2001:db8::/32", NULL);
	assert_counts("198.51.100.1", "2001:db8::/32", NULL);
}

/* What a reload has made a prefix of the translator's own is nobody's. */
static void a_prefix_that_may_not_be_inside_does_not_count(void **state)
{
	struct prefix nat64 = prefix_of("2001:db8:1::/96");

	(void)state;
	found("198.51.100.1", "2001:db8:1::/64", NULL);
	assert_int_equal(prefix_list_add(&config.prefixes.nat64, &nat64), 0);
	found("198.51.100.1", NULL, NULL);
	assert_counts("198.51.100.1", NULL, NULL);
	prefix_list_free(&config.prefixes.nat64);
}

static void what_is_configured_needs_no_grace(void **state)
{
	(void)state;
	config.inside.keyword = false;
	found("198.51.100.1", "2001:db8:1::/64", NULL);
	found("198.51.100.1", NULL, NULL);
	assert_counts("198.51.100.1", NULL, NULL);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_address_counts_while_it_is_away),
		TEST(all_but_the_uplink_is_as_it_is_found),
		TEST(while_another_uplink_comes_nothing_changes),
		TEST(an_address_that_stays_away_is_given_up),
		TEST(another_address_counts_at_once),
		TEST(there_is_nothing_to_wait_for_at_first),
		TEST(another_uplink_by_configuration_counts_at_once),
		TEST(an_inside_prefix_counts_while_it_is_away),
		TEST(a_prefix_within_a_new_one_is_not_there_twice),
		TEST(a_prefix_that_may_not_be_inside_does_not_count),
		TEST(what_is_configured_needs_no_grace),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
