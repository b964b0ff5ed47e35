/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The rules as text, for both backends; what a host makes of it the lab shows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../core/config.h"
#include "../../nat64/nat64.h"
#include "../../ops/ruleset_backend.h"

#define N(array) (sizeof(array) / sizeof((array)[0]))

/* Two pref64, explicit mappings, one address, ports of each kind */
struct scene {
	struct prefix pref64[2];
	struct prefix_list pref64_list;
	struct prefix eam4[3];
	struct prefix_list eam4_list;
	struct port_range tcp[2], udp[1];
	struct nat64_pool pool;
	struct nat64_intercept intercept;
	struct rule_list list;
};

static void scene_begin(struct scene *scene)
{
	memset(scene, 0, sizeof(*scene));
	assert_null(prefix_parse("64:ff9b::/96", &scene->pref64[0]));
	assert_null(prefix_parse("2001:db8:64::/48", &scene->pref64[1]));
	scene->pref64_list = (struct prefix_list){.v = scene->pref64, .n = 2};
	assert_null(prefix_parse("192.0.2.17/32", &scene->eam4[0]));	/* in the next */
	assert_null(prefix_parse("192.0.2.16/28", &scene->eam4[1]));
	assert_null(prefix_parse("203.0.113.0/24", &scene->eam4[2]));
	scene->eam4_list = (struct prefix_list){.v = scene->eam4, .n = 3};
	scene->tcp[0] = (struct port_range){10240, 32767};
	scene->tcp[1] = (struct port_range){61000, 61000};
	scene->udp[0] = (struct port_range){10240, 65535};
	scene->pool = (struct nat64_pool){
		.addr_be32 = inet_addr("198.51.100.1"),
		.tcp = scene->tcp, .n_tcp = 2,
		.udp = scene->udp, .n_udp = 1,
	};
	scene->intercept = (struct nat64_intercept){
		.pref64 = &scene->pref64_list,
		.eam4 = &scene->eam4_list,
		.pool = &scene->pool, .n_pool = 1,
		.queue_first = NAT64_QUEUE_FIRST, .queue_count = 2,
	};
}

static void check_text(char *text, const char *expected)
{
	assert_string_equal(text, expected);
	free(text);
}

static char *nft_text(struct scene *scene)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_int_equal(rule_list_make(&scene->list, &scene->intercept), 0);
	ruleset_nft_print(out, &scene->list);
	rule_list_free(&scene->list);
	fclose(out);
	return text;
}

static char *xtables_text(struct scene *scene, bool v4, const struct xtables_state *found)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_int_equal(rule_list_make(&scene->list, &scene->intercept), 0);
	ruleset_xtables_print(out, &scene->list, v4, found);
	rule_list_free(&scene->list);
	fclose(out);
	/* Whatever we write the helper has to take. */
	assert_int_equal(restore_text_judge(text, v4), 0);
	return text;
}

static void test_nft(void **state)
{
	struct scene scene;

	(void)state;
	scene_begin(&scene);
	check_text(nft_text(&scene),
		"add table inet gate64\n"
		"delete table inet gate64\n"
		"table inet gate64 {\n"
		"\tchain prerouting {\n"
		"\t\ttype filter hook prerouting priority raw; policy accept;\n"
		"\t\tip6 daddr 64:ff9b::/96 queue to 6400-6401\n"
		"\t\tip6 daddr 2001:db8:64::/48 queue to 6400-6401\n"
		"\t\tip daddr 198.51.100.1/32 ip frag-off & 0x3fff != 0 "
		"queue flags bypass to 6400-6401\n"
		"\t\tip daddr 198.51.100.1/32 meta l4proto icmp queue flags bypass to 6400-6401\n"
		"\t\tip daddr 198.51.100.1/32 tcp dport { 10240-32767, 61000 } "
		"queue flags bypass to 6400-6401\n"
		"\t\tip daddr 198.51.100.1/32 udp dport { 10240-65535 } "
		"queue flags bypass to 6400-6401\n"
		"\t\tip daddr { 203.0.113.0/24, 192.0.2.16/28 } queue to 6400-6401\n"
		"\t}\n"
		"\tchain output {\n"
		"\t\ttype filter hook output priority raw; policy accept;\n"
		"\t\tmeta mark 0x67363400 notrack accept\n"
		"\t\tip6 daddr 64:ff9b::/96 queue to 6400-6401\n"
		"\t\tip6 daddr 2001:db8:64::/48 queue to 6400-6401\n"
		"\t}\n"
		"}\n");
}

static void test_nft_one_queue_and_no_ports(void **state)
{
	struct scene scene;
	char *text;

	(void)state;
	scene_begin(&scene);
	scene.intercept.queue_count = 1;
	scene.pool.n_tcp = scene.pool.n_udp = 0;
	text = nft_text(&scene);
	assert_non_null(strstr(text, "ip6 daddr 64:ff9b::/96 queue to 6400\n"));
	assert_null(strstr(text, "dport"));
	free(text);
}

/* Without mappings there is no set: an empty one is no nftables syntax. */
static void test_nft_without_mappings(void **state)
{
	struct scene scene;
	char *text;

	(void)state;
	scene_begin(&scene);
	scene.eam4_list.n = 0;
	text = nft_text(&scene);
	assert_null(strstr(text, "203.0.113.0"));
	assert_null(strstr(text, "daddr { "));
	free(text);
}

static void test_xtables_on_an_untouched_host(void **state)
{
	const struct xtables_state nothing = {0};
	struct scene scene;

	(void)state;
	scene_begin(&scene);
	check_text(xtables_text(&scene, false, &nothing),
		"*raw\n"
		":GATE64-MADE-TABLE - [0:0]\n"
		":GATE64-MADE-PRE - [0:0]\n"
		":GATE64-PRE - [0:0]\n"
		":GATE64-MADE-OUT - [0:0]\n"
		":GATE64-OUT - [0:0]\n"
		"-A PREROUTING -j GATE64-PRE\n"
		"-A OUTPUT -j GATE64-OUT\n"
		"-A GATE64-PRE -d 64:ff9b::/96 -j NFQUEUE --queue-balance 6400:6401\n"
		"-A GATE64-PRE -d 2001:db8:64::/48 -j NFQUEUE --queue-balance 6400:6401\n"
		"-A GATE64-OUT -m mark --mark 0x67363400 -j CT --notrack\n"
		"-A GATE64-OUT -m mark --mark 0x67363400 -j RETURN\n"
		"-A GATE64-OUT -d 64:ff9b::/96 -j NFQUEUE --queue-balance 6400:6401\n"
		"-A GATE64-OUT -d 2001:db8:64::/48 -j NFQUEUE --queue-balance 6400:6401\n"
		"COMMIT\n");
}

/* Another's table: no note of having made it. Ours is jumped to once in the end. */
static void test_xtables_over_what_is_there(void **state)
{
	const struct xtables_state found = {
		.table = true, .chain = {true, true}, .jumps = {2, 0},
	};
	struct scene scene;

	(void)state;
	scene_begin(&scene);
	scene.intercept.queue_count = 1;
	check_text(xtables_text(&scene, true, &found),
		"*raw\n"
		":GATE64-PRE - [0:0]\n"
		":GATE64-OUT - [0:0]\n"
		"-D PREROUTING -j GATE64-PRE\n"
		"-D PREROUTING -j GATE64-PRE\n"
		"-A PREROUTING -j GATE64-PRE\n"
		"-A OUTPUT -j GATE64-OUT\n"
		"-A GATE64-PRE -d 198.51.100.1/32 -m u32 --u32 4&0x3FFF=0x1:0x3FFF -j NFQUEUE --queue-num 6400 --queue-bypass\n"
		"-A GATE64-PRE -d 198.51.100.1/32 -p icmp -j NFQUEUE --queue-num 6400 "
		"--queue-bypass\n"
		"-A GATE64-PRE -d 198.51.100.1/32 -p tcp -m multiport --dports 10240:32767,61000 "
		"-j NFQUEUE --queue-num 6400 --queue-bypass\n"
		"-A GATE64-PRE -d 198.51.100.1/32 -p udp -m multiport --dports 10240:65535 "
		"-j NFQUEUE --queue-num 6400 --queue-bypass\n"
		"-A GATE64-PRE -d 203.0.113.0/24 -j NFQUEUE --queue-num 6400\n"
		"-A GATE64-PRE -d 192.0.2.16/28 -j NFQUEUE --queue-num 6400\n"
		"-A GATE64-OUT -m mark --mark 0x67363400 -j CT --notrack\n"
		"-A GATE64-OUT -m mark --mark 0x67363400 -j RETURN\n"
		"COMMIT\n");
}

/* Slots that a --dports list takes, a range counting as two (iptables-extensions(8)) */
static unsigned int slots_of(const char *list)
{
	unsigned int slots = 1;

	for (; *list && *list != ' '; list++)
		slots += *list == ',' || *list == ':';
	return slots;
}

/* No rule has more than 15 slots, and all rules together have every port in order. */
static void check_split(size_t n, bool ranges)
{
	const struct xtables_state nothing = {0};
	const char *const key = "-p tcp -m multiport --dports ";
	struct port_range ports[64];
	char expected[1024] = "", got[1024] = "", *text;
	struct scene scene;
	size_t rules = 0;

	assert_true(n <= N(ports));
	for (size_t i = 0; i < n; i++) {
		uint16_t first = (uint16_t)(20000 + i * 10);

		ports[i] = (struct port_range){first, ranges ? (uint16_t)(first + 5) : first};
		snprintf(expected + strlen(expected), sizeof(expected) - strlen(expected),
			 ranges ? "%u:%u," : "%u,", first, first + 5);
	}
	scene_begin(&scene);
	scene.pool.tcp = ports;
	scene.pool.n_tcp = n;
	text = xtables_text(&scene, true, &nothing);
	for (const char *at = text; (at = strstr(at, key)); rules++) {
		at += strlen(key);
		assert_in_range(slots_of(at), 1, 15);
		snprintf(got + strlen(got), sizeof(got) - strlen(got), "%.*s,",
			 (int)strcspn(at, " "), at);
	}
	assert_string_equal(got, expected);
	assert_int_equal(rules, ranges ? (n + 6) / 7 : (n + 14) / 15);
	free(text);
}

static void test_xtables_splits_long_port_lists(void **state)
{
	(void)state;
	check_split(15, false);
	check_split(16, false);
	check_split(45, false);
	check_split(7, true);
	check_split(8, true);
	check_split(64, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nft),
		cmocka_unit_test(test_nft_one_queue_and_no_ports),
		cmocka_unit_test(test_nft_without_mappings),
		cmocka_unit_test(test_xtables_on_an_untouched_host),
		cmocka_unit_test(test_xtables_over_what_is_there),
		cmocka_unit_test(test_xtables_splits_long_port_lists),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
