/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which side is which, from tables of links, addresses and routes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../core/addrmap.h"
#include "../../core/config.h"
#include "../../ops/netdetect.h"
#include "../../ops/netsetup.h"

enum { LO = 1, ETH0, WG0, TUN0 };

static const struct netdetect_link all_links[] = {
	{.index = LO, .name = "lo", .loopback = true},
	{.index = ETH0, .name = "eth0"},
	{.index = WG0, .name = "wg0"},
	{.index = TUN0, .name = "tun0"},
};

/* A route in short: the table is main and the type unicast where not said. */
struct line {
	const char *dst;
	int link;
	uint8_t type, protocol;
	uint32_t table, metric, mtu;
};

#define TO(to, over, ...) {.dst = (to), .link = (over), ##__VA_ARGS__}
#define V4_DEFAULT "0.0.0.0/0"

struct scene {
	struct netdetect_link links[4];
	struct netdetect_addr addrs[4];
	struct netdetect_route routes[24];
	struct netdetect_host host;
	struct prefix pref64;
	struct config config;
	struct netinfo net;
	char text[512];
};

static struct prefix prefix_of(const char *text)
{
	struct prefix prefix;
	const char *error = prefix_parse(text, &prefix);

	if (error)
		fail_msg("%s: %s", text, error);
	return prefix;
}

static void scene_begin(struct scene *scene, const struct line *lines, size_t n)
{
	memset(scene, 0, sizeof(*scene));
	memcpy(scene->links, all_links, sizeof(all_links));
	scene->host.links = scene->links;
	scene->host.n_links = 4;
	scene->host.addrs = scene->addrs;
	scene->host.routes = scene->routes;
	scene->host.n_routes = n;
	assert_true(n <= 24);
	for (size_t i = 0; i < n; i++) {
		scene->routes[i] = (struct netdetect_route){
			.dst = prefix_of(lines[i].dst),
			.link = lines[i].link,
			.type = lines[i].type ? lines[i].type : RTN_UNICAST,
			.table = lines[i].table ? lines[i].table : RT_TABLE_MAIN,
			.metric = lines[i].metric,
			.mtu = lines[i].mtu,
			.protocol = lines[i].protocol,
		};
	}
	scene->pref64 = prefix_of("64:ff9b::/96");
	scene->config.prefixes.nat64 = (struct prefix_list){.v = &scene->pref64, .n = 1};
	scene->config.prefixes.nat46 = prefix_of("64:ff9b:1::/96");
}

static const char *list_text(struct scene *scene, const struct prefix_list *list)
{
	char text[PREFIX_STRLEN];
	size_t at = 0;

	scene->text[0] = '\0';
	for (size_t i = 0; i < list->n; i++)
		at += (size_t)snprintf(scene->text + at, sizeof(scene->text) - at, "%s%s",
				       i ? " " : "", prefix_format(&list->v[i], text));
	return scene->text;
}

/* What is inside with these routes, prefixes parted by spaces */
static void check_inside_n(const char *expected, const struct line *lines, size_t n)
{
	struct scene scene;

	scene_begin(&scene, lines, n);
	assert_int_equal(netdetect_derive(&scene.host, &scene.config, &scene.net), 0);
	assert_string_equal(list_text(&scene, &scene.net.inside), expected);
	netinfo_free(&scene.net);
}

#define LINES(...) (const struct line[]){__VA_ARGS__}
#define check_inside(expected, ...) \
	check_inside_n(expected, LINES(__VA_ARGS__), \
		       sizeof(LINES(__VA_ARGS__)) / sizeof(struct line))

static void test_inside_is_what_is_routed_elsewhere(void **state)
{
	(void)state;
	check_inside("2001:db8:1::/64 2001:db8:2::/48 fd00:1::/64",
		     TO(V4_DEFAULT, ETH0), TO("::/0", ETH0),
		     TO("fd00:1::/64", WG0), TO("2001:db8:2::/48", WG0),
		     TO("2001:db8:1::/64", WG0));
}

static void test_contained_prefixes_are_dropped(void **state)
{
	(void)state;
	check_inside("2001:db8::/48 2001:db8:1::/64", TO(V4_DEFAULT, ETH0),
		     TO("2001:db8:0:8000::/49", WG0), TO("2001:db8::/64", TUN0),
		     TO("2001:db8::/48", WG0), TO("2001:db8:1::/64", WG0),
		     TO("2001:db8::/56", WG0));
}

static void test_behind_the_uplink_is_outside(void **state)
{
	(void)state;
	check_inside("", TO(V4_DEFAULT, ETH0), TO("2001:db8:ff::/64", ETH0));
	/* IPv6 comes by another way than IPv4: both are outside. */
	check_inside("2001:db8:1::/64", TO(V4_DEFAULT, ETH0), TO("::/0", TUN0),
		     TO("2001:db8:fe::/64", TUN0), TO("2001:db8:ff::/64", ETH0),
		     TO("2001:db8:1::/64", WG0));
}

static void test_other_ways_to_say_default(void **state)
{
	(void)state;
	check_inside("", TO(V4_DEFAULT, ETH0), TO("2000::/3", WG0), TO("2001:db8:1::/64", WG0));
	check_inside("", TO(V4_DEFAULT, ETH0), TO("::/1", WG0), TO("8000::/1", WG0),
		     TO("fd00:1::/64", WG0));
}

static void test_one_way_out_keeps_a_prefix_outside(void **state)
{
	(void)state;
	/* two routes by metric, and two next hops of one route, look the same here */
	check_inside("fd00:2::/64", TO(V4_DEFAULT, ETH0), TO("fd00:1::/64", WG0),
		     TO("fd00:2::/64", WG0), TO("fd00:2::/64", TUN0), TO("fd00:1::/64", ETH0));
}

static void test_only_unicast_routes_of_table_main(void **state)
{
	(void)state;
	check_inside("", TO(V4_DEFAULT, ETH0),
		     TO("2001:db8:6::/48", WG0, .type = RTN_BLACKHOLE),
		     TO("2001:db8:7::/48", WG0, .type = RTN_UNREACHABLE),
		     TO("2001:db8:8::/48", WG0, .type = RTN_LOCAL),
		     TO("2001:db8:9::/48", WG0, .table = 100),
		     TO("2001:db8:a::/48", LO), TO("2001:db8:b::/48", 0));
}

static void test_special_addresses_are_not_inside(void **state)
{
	(void)state;
	check_inside("", TO(V4_DEFAULT, ETH0), TO("fe80::/64", WG0), TO("ff00::/8", WG0),
		     TO("::1/128", WG0), TO("64:ff9b:8000::/48", WG0), TO("198.51.100.0/24", WG0));
}

static void test_translated_prefixes_are_not_inside(void **state)
{
	struct scene scene;

	(void)state;
	scene_begin(&scene, LINES(TO(V4_DEFAULT, ETH0), TO("2001:db8:64::/96", WG0),
				  TO("2001:db8:64:100::/56", WG0), TO("2001:db8:46:0:1::/80", WG0),
				  TO("2001:db8:1::/64", WG0)), 5);
	scene.pref64 = prefix_of("2001:db8:64::/48");
	scene.config.prefixes.nat46 = prefix_of("2001:db8:46:0:1::/96");
	assert_int_equal(netdetect_derive(&scene.host, &scene.config, &scene.net), 0);
	assert_string_equal(list_text(&scene, &scene.net.inside), "2001:db8:1::/64");
	netinfo_free(&scene.net);
}

static void test_nothing_is_inside_while_no_way_out_is_known(void **state)
{
	(void)state;
	check_inside("", TO("2001:db8:ff::/64", ETH0), TO("2001:db8:1::/64", WG0));
	check_inside("2001:db8:1::/64", TO("::/0", ETH0), TO("2001:db8:1::/64", WG0));
}

/* The route that lets the host itself send to a pref64, also to one that is none any more */
static void test_our_routes_count_for_nothing(void **state)
{
	(void)state;
	check_inside("2001:db8:1::/64", TO(V4_DEFAULT, ETH0), TO("2001:db8:1::/64", WG0),
		     TO("64:ff9b::/96", LO, .protocol = NETSETUP_RTPROT),
		     TO("2001:db8:1::/64", LO, .protocol = NETSETUP_RTPROT),
		     TO("2001:db8:64::/48", LO, .protocol = NETSETUP_RTPROT));
}

static void check_uplink(struct scene *scene, const char *name, const char *v4)
{
	char text[INET_ADDRSTRLEN];

	assert_int_equal(netdetect_derive(&scene->host, &scene->config, &scene->net), 0);
	assert_string_equal(scene->net.uplink, name);
	inet_ntop(AF_INET, &scene->net.uplink_v4_be32, text, sizeof(text));
	assert_string_equal(text, v4);
	netinfo_free(&scene->net);
}

static void test_uplink_is_the_best_default_route(void **state)
{
	const struct line lines[] = {
		TO(V4_DEFAULT, TUN0, .metric = 200),
		TO(V4_DEFAULT, WG0, .table = 51820),
		TO(V4_DEFAULT, LO, .type = RTN_BLACKHOLE),
		TO(V4_DEFAULT, ETH0, .metric = 100),
		TO("0.0.0.0/1", WG0),
		TO("::/0", WG0),
	};
	struct scene scene;

	(void)state;
	scene_begin(&scene, lines, 6);
	scene.addrs[0] = (struct netdetect_addr){.link = WG0, .v4_be32 = inet_addr("10.0.0.1")};
	scene.addrs[1] = (struct netdetect_addr){.link = ETH0, .v4_be32 = inet_addr("192.0.2.1")};
	scene.addrs[2] = (struct netdetect_addr){.link = ETH0, .v4_be32 = inet_addr("192.0.2.2")};
	scene.host.n_addrs = 3;
	check_uplink(&scene, "eth0", "192.0.2.1");
	scene.config.uplink = strdup("wg0");
	check_uplink(&scene, "wg0", "10.0.0.1");
	free(scene.config.uplink);
	/* It keeps its name when the interface is not there yet. */
	scene.config.uplink = strdup("ppp0");
	check_uplink(&scene, "ppp0", "0.0.0.0");
	free(scene.config.uplink);
}

static void test_no_default_route_no_uplink(void **state)
{
	struct scene scene;

	(void)state;
	scene_begin(&scene, LINES(TO("192.0.2.0/24", ETH0)), 1);
	check_uplink(&scene, "", "0.0.0.0");
}

static void check_links(struct scene *scene, uint32_t uplink, const uint32_t *links, uint32_t n)
{
	assert_int_equal(netdetect_derive(&scene->host, &scene->config, &scene->net), 0);
	assert_int_equal(scene->net.links.uplink, uplink);
	assert_int_equal(scene->net.links.n, n);
	assert_memory_equal(scene->net.links.index, links, n * sizeof(*links));
	netinfo_free(&scene->net);
}

/* The uplink, and what leads to clients; each once, in the order of the host's own list. */
static void test_links_of_the_uplink_and_of_clients(void **state)
{
	struct prefix client = prefix_of("2001:db8:1::/56");
	const struct {
		bool inside_auto, clients_inside;
		uint32_t n, links[3];
	} cases[] = {
		{ true, true, 3, { ETH0, WG0, TUN0 } },
		{ false, false, 2, { ETH0, WG0 } },	/* clients: a list of one prefix */
		{ false, true, 1, { ETH0 } },		/* inside: an empty list */
	};
	struct scene scene;

	(void)state;
	for (int i = 0; i < 3; i++) {
		scene_begin(&scene, LINES(TO(V4_DEFAULT, ETH0), TO("::/0", ETH0),
					  TO("2001:db8:2::/64", TUN0), TO("2001:db8:1:7::/64", WG0),
					  TO("2001:db8:1::/64", WG0), TO("2001:db8:1::/64", LO)), 6);
		scene.config.inside.keyword = cases[i].inside_auto;
		scene.config.nat64.clients.keyword = cases[i].clients_inside;
		if (!cases[i].clients_inside)
			scene.config.nat64.clients.list = (struct prefix_list){ &client, 1 };
		check_links(&scene, ETH0, cases[i].links, cases[i].n);
	}
	/* None of them is there, as while the host boots. */
	scene_begin(&scene, NULL, 0);
	check_links(&scene, 0, NULL, 0);
}

/* IPv4 that does not leave by the uplink, whatever table says so; a default route that is
 * not the best one says nothing. Where there are too many, all is said to be elsewhere. */
static void test_ipv4_elsewhere(void **state)
{
	const struct line lines[] = {
		TO(V4_DEFAULT, ETH0), TO(V4_DEFAULT, TUN0, .metric = 100),
		TO("198.51.100.0/24", ETH0), TO("203.0.113.0/25", TUN0),
		TO("192.0.2.0/24", LO), TO("192.0.2.1/32", WG0, .type = RTN_LOCAL),
		TO("10.0.0.1/32", WG0, .table = 100),
	};
	struct line many[18] = { TO(V4_DEFAULT, ETH0) };
	const struct netinfo_links *links;
	struct scene scene;

	(void)state;
	scene_begin(&scene, lines, sizeof(lines) / sizeof(lines[0]));
	links = &scene.net.links;
	assert_int_equal(netdetect_derive(&scene.host, &scene.config, &scene.net), 0);
	assert_int_equal(links->n_elsewhere, 2);
	assert_int_equal(links->elsewhere[0].net_be32, inet_addr("10.0.0.1"));
	assert_int_equal(links->elsewhere[0].mask_be32, UINT32_MAX);
	assert_int_equal(links->elsewhere[1].net_be32, inet_addr("203.0.113.0"));
	assert_int_equal(links->elsewhere[1].mask_be32, inet_addr("255.255.255.128"));
	netinfo_free(&scene.net);
	for (int i = 1; i < 18; i++)
		many[i] = (struct line)TO("10.0.0.0/8", TUN0);
	scene_begin(&scene, many, 18);
	assert_int_equal(netdetect_derive(&scene.host, &scene.config, &scene.net), 0);
	assert_in_range(scene.net.links.n_elsewhere, 1, NETINFO_ELSEWHERE_MAX);
	assert_int_equal(scene.net.links.elsewhere[0].mask_be32, 0);
	netinfo_free(&scene.net);
}

/* Routes that say no lead elsewhere too, but for a default one that is not asked. */
static void test_ipv4_refused(void **state)
{
	const struct line lines[] = {
		TO(V4_DEFAULT, ETH0), TO(V4_DEFAULT, 0, .type = RTN_UNREACHABLE, .metric = 1 << 20),
		TO("10.0.0.0/8", 0, .type = RTN_BLACKHOLE),
		TO("172.16.0.0/12", 0, .type = RTN_UNREACHABLE),
		TO("192.168.0.0/16", 0, .type = RTN_PROHIBIT, .table = 100),
		TO("198.51.100.255/32", ETH0, .type = RTN_BROADCAST, .table = RT_TABLE_LOCAL),
	};
	const struct netinfo_links *links;
	struct scene scene;

	(void)state;
	scene_begin(&scene, lines, sizeof(lines) / sizeof(lines[0]));
	links = &scene.net.links;
	assert_int_equal(netdetect_derive(&scene.host, &scene.config, &scene.net), 0);
	assert_int_equal(links->n_elsewhere, 3);
	assert_int_equal(links->elsewhere[0].net_be32, inet_addr("10.0.0.0"));
	assert_int_equal(links->elsewhere[1].net_be32, inet_addr("172.16.0.0"));
	assert_int_equal(links->elsewhere[2].net_be32, inet_addr("192.168.0.0"));
	netinfo_free(&scene.net);
}

/* The lowest MTU that routes set: any of IPv4, those to clients of IPv6. */
static void test_route_mtus(void **state)
{
	const struct line lines[] = {
		TO(V4_DEFAULT, ETH0, .mtu = 1492), TO("203.0.113.0/24", TUN0, .mtu = 1400),
		TO("::/0", ETH0, .mtu = 1280), TO("2001:db8:1::/64", WG0, .mtu = 1380),
		TO("2001:db8:2::/64", WG0, .mtu = 1420), TO("2001:db8:3::/64", WG0),
		TO("fe80::/64", WG0, .mtu = 1281),
	};
	struct scene scene;

	(void)state;
	scene_begin(&scene, lines, sizeof(lines) / sizeof(lines[0]));
	scene.config.inside.keyword = scene.config.nat64.clients.keyword = true;
	assert_int_equal(netdetect_derive(&scene.host, &scene.config, &scene.net), 0);
	assert_int_equal(scene.net.links.lowest_mtu4, 1400);
	assert_int_equal(scene.net.links.lowest_mtu6, 1380);
	netinfo_free(&scene.net);
}

static void test_own_addresses_without_our_route(void **state)
{
	const struct line lines[] = {
		TO(V4_DEFAULT, ETH0),
		TO("2001:db8:1::1/128", LO, .type = RTN_LOCAL, .table = RT_TABLE_LOCAL),
		TO("2001:db8:1::/128", LO, .type = RTN_ANYCAST, .table = RT_TABLE_LOCAL),
		TO("192.0.2.1/32", ETH0, .type = RTN_LOCAL, .table = RT_TABLE_LOCAL),
		TO("192.0.2.255/32", ETH0, .type = RTN_BROADCAST, .table = RT_TABLE_LOCAL),
		/* made by us, by someone else in our stead, and by us under an old name */
		TO("64:ff9b:1::/96", LO, .type = RTN_LOCAL, .table = RT_TABLE_LOCAL,
		   .protocol = NETSETUP_RTPROT),
		TO("64:ff9b:1::/96", LO, .type = RTN_LOCAL, .table = RT_TABLE_LOCAL,
		   .protocol = RTPROT_STATIC),
		TO("fd64::/96", LO, .type = RTN_LOCAL, .table = RT_TABLE_LOCAL,
		   .protocol = NETSETUP_RTPROT),
	};
	struct scene scene;

	(void)state;
	scene_begin(&scene, lines, sizeof(lines) / sizeof(lines[0]));
	assert_int_equal(netdetect_derive(&scene.host, &scene.config, &scene.net), 0);
	assert_string_equal(list_text(&scene, &scene.net.own),
			    "192.0.2.1/32 2001:db8:1::/128 2001:db8:1::1/128");
	netinfo_free(&scene.net);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_inside_is_what_is_routed_elsewhere),
		cmocka_unit_test(test_contained_prefixes_are_dropped),
		cmocka_unit_test(test_behind_the_uplink_is_outside),
		cmocka_unit_test(test_other_ways_to_say_default),
		cmocka_unit_test(test_one_way_out_keeps_a_prefix_outside),
		cmocka_unit_test(test_only_unicast_routes_of_table_main),
		cmocka_unit_test(test_special_addresses_are_not_inside),
		cmocka_unit_test(test_translated_prefixes_are_not_inside),
		cmocka_unit_test(test_our_routes_count_for_nothing),
		cmocka_unit_test(test_nothing_is_inside_while_no_way_out_is_known),
		cmocka_unit_test(test_uplink_is_the_best_default_route),
		cmocka_unit_test(test_no_default_route_no_uplink),
		cmocka_unit_test(test_links_of_the_uplink_and_of_clients),
		cmocka_unit_test(test_ipv4_elsewhere),
		cmocka_unit_test(test_ipv4_refused),
		cmocka_unit_test(test_route_mtus),
		cmocka_unit_test(test_own_addresses_without_our_route),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
