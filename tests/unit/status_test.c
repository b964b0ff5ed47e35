/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The status document: what stands in it, and the text made from it. */
#include <arpa/inet.h>
#include <json-c/json.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../core/addrmap.h"
#include "../../core/stats.h"
#include "../../dns64/dns64.h"
#include "../../nat64/nat64.h"
#include "../../ops/status.h"
#include "../../snid/snid.h"

/* A gateway as it might be; facts() hangs it all together. */
static struct prefix inside, pref64;
static struct addrmap map;
static struct port_range tcp[] = { { 10240, 32767 }, { 61000, 61000 } };
static struct port_range udp[] = { { 10240, 65535 } };
static struct nat64_pool pool;
static struct nat64_intercept intercept;
static uint64_t counters[STAT_COUNT];

static const struct nat64_gauges nat64 = {
	.clients = 3, .stored_syns = 1, .stored_syns_max = 1024, .memory_bytes = 4096,
	.sessions = 12, .sessions_max = 262144, .bindings = 9, .ports_used = 9, .ports_size = 77825,
	.fast_sessions = 7, .fast_interfaces = 2, .fast_packets_out = 70, .fast_bytes_out = 7000,
	.fast_packets_in = 60, .fast_bytes_in = 6000, .fast_handed_over = 5,
};
static const struct dns64_gauges dns64 = { .cache_bytes = 512, .cache_bytes_max = 4096 };

static const struct dns64_upstream upstreams[] = {
	{ .zone = "lan.example", .questions = 6, .failed = 5, .timeouts = 4, .failed_in_row = 3,
	  .renewals = 2, .n_workers = 2, .n_deaf = 1, .answered_ago_ms = -1 },
	{ .zone = ".", .questions = 70, .answered = 69, .n_workers = 2, .answered_ago_ms = 2500,
	  .took_us = 12345 },
};

static struct status_facts facts(void)
{
	memset(counters, 0, sizeof(counters));
	counters[STAT_NAT64_OUT] = 5;
	counters[STAT_NAT64_IN] = 4;
	counters[STAT_NAT64_DROP_NO_PORT] = 3;
	counters[STAT_OPS_NET_CHANGED] = 2;

	assert_null(prefix_parse("2001:db8:1::/80", &inside));
	assert_null(prefix_parse("64:ff9b::/96", &pref64));
	map = (struct addrmap){
		.inside = { .v = &inside, .n = 1 },
		.pref64 = { .v = &pref64, .n = 1 },
		.uplink_v4_be32 = htonl(0xc6336401),
		.uplink = "eth0",
	};
	assert_null(prefix_parse("64:ff9b:1::/96", &map.nat46));
	pool = (struct nat64_pool){ .addr_be32 = htonl(0xc6336401), .tcp = tcp, .n_tcp = 2,
				    .udp = udp, .n_udp = 1, .ports = {
		[CONFIG_TCP] = { 11265, 22530 }, [CONFIG_UDP] = { 8, 55296 },
		[CONFIG_ICMP] = { 9, 65535 },
	} };
	intercept = (struct nat64_intercept){ .pool = &pool, .n_pool = 1 };
	return (struct status_facts){
		.version = "1.2", .since = 1700000000, .uptime_s = 90061, .map = &map,
		.rules = "nftables", .intercept = &intercept, .nat64 = &nat64, .dns64 = &dns64,
		.upstreams = upstreams, .n_upstreams = 2, .counters = counters, .reload_text = "",
	};
}

/* What stands at "a/b/0/c" of the document. */
static struct json_object *at(struct json_object *document, const char *path)
{
	char pointer[128];
	struct json_object *value = NULL;

	snprintf(pointer, sizeof(pointer), "/%s", path);
	if (json_pointer_get(document, pointer, &value) < 0)
		fail_msg("the document has no %s", path);
	return value;
}

static void assert_text(struct json_object *document, const char *path, const char *want)
{
	struct json_object *value = at(document, path);

	assert_true(json_object_is_type(value, json_type_string));
	assert_string_equal(json_object_get_string(value), want);
}

static void assert_number(struct json_object *document, const char *path, uint64_t want)
{
	struct json_object *value = at(document, path);

	assert_true(json_object_is_type(value, json_type_int));
	assert_int_equal(json_object_get_uint64(value), want);
}

static void document_holds_the_facts(void **state)
{
	struct status_facts now = facts();
	struct json_object *document = status_document(&now);

	(void)state;
	assert_number(document, "schema", 1);
	assert_text(document, "version", "1.2");
	assert_text(document, "since", "2023-11-14T22:13:20Z");
	assert_number(document, "uptime_s", 90061);
	assert_text(document, "network/uplink", "eth0");
	assert_text(document, "network/ipv4", "198.51.100.1");
	assert_text(document, "network/inside/0", "2001:db8:1::/80");
	assert_text(document, "network/nat64_prefixes/0", "64:ff9b::/96");
	assert_text(document, "network/nat46_prefix", "64:ff9b:1::/96");
	assert_null(at(document, "network/problem"));
	assert_text(document, "rooms/nat64/pool4/0/address", "198.51.100.1");
	assert_text(document, "rooms/nat64/pool4/0/tcp/0", "10240-32767");
	assert_number(document, "rooms/nat64/pool4/0/ports_used", 11265 + 8 + 9);
	assert_number(document, "rooms/nat64/pool4/0/ports/udp/size", 55296);
	assert_number(document, "rooms/nat64/pool4/0/ports/icmp/used", 9);
	assert_text(document, "rooms/nat64/ports_fullest/address", "198.51.100.1");
	assert_text(document, "rooms/nat64/ports_fullest/proto", "tcp");
	assert_number(document, "rooms/nat64/ports_fullest/used", 11265);
	assert_number(document, "rooms/nat64/ports_fullest/size", 22530);
	assert_text(document, "rooms/nat64/pool4/0/tcp/1", "61000");
	assert_number(document, "rooms/nat64/sessions", 12);
	assert_number(document, "rooms/nat64/clients", 3);
	assert_number(document, "rooms/nat64/stored_syns", 1);
	assert_number(document, "rooms/nat64/stored_syns_max", 1024);
	assert_number(document, "rooms/nat64/memory_bytes", 4096);
	assert_true(json_object_get_boolean(at(document, "rooms/nat64/fast_path/enabled")));
	assert_number(document, "rooms/nat64/fast_path/sessions", 7);
	assert_number(document, "rooms/nat64/fast_path/bytes_in", 6000);
	assert_number(document, "rooms/dns64/cache_bytes", 512);
	assert_text(document, "rooms/dns64/upstreams/0/zone", "lan.example");
	assert_number(document, "rooms/dns64/upstreams/0/timeouts", 4);
	assert_number(document, "rooms/dns64/upstreams/0/workers_deaf", 1);
	assert_null(at(document, "rooms/dns64/upstreams/0/answered_ago_ms"));
	assert_number(document, "rooms/dns64/upstreams/1/answered", 69);
	assert_number(document, "rooms/dns64/upstreams/1/answered_ago_ms", 2500);
	assert_true(json_object_get_boolean(at(document, "rooms/nat64/enabled")));
	assert_false(json_object_get_boolean(at(document, "rooms/snid/enabled")));
	assert_null(at(document, "reload"));
	json_object_put(document);
}

/* How many numbers stand below */
static unsigned int leaves(struct json_object *value)
{
	unsigned int n = 0;

	if (!json_object_is_type(value, json_type_object))
		return 1;
	json_object_object_foreach(value, name, below) {
		assert_true(name[0] != '\0');
		n += leaves(below);
	}
	return n;
}

/* Each counter stands once, under the room, family and label of stats_list.h. */
static void document_holds_every_counter(void **state)
{
	struct status_facts now = facts();
	struct json_object *document;
	unsigned int found = 0;
	static const char *const holders[] = { "rooms/nat64", "rooms/dns64", "rooms/snid", "ops" };

	(void)state;
	document = status_document(&now);
	assert_number(document, "rooms/nat64/counters/packets/out", 5);
	assert_number(document, "rooms/nat64/counters/packets/in", 4);
	assert_number(document, "rooms/nat64/counters/drops/no_free_port", 3);
	assert_number(document, "rooms/nat64/counters/not_ours", 0);
	assert_number(document, "rooms/dns64/counters/queries/udp", 0);
	assert_number(document, "rooms/snid/counters/accepted", 0);
	assert_number(document, "ops/counters/network_changes", 2);
	for (size_t i = 0; i < 4; i++) {
		char path[64];

		snprintf(path, sizeof(path), "%s/counters", holders[i]);
		found += leaves(at(document, path));
	}
	assert_int_equal(found, STAT_COUNT);
	json_object_put(document);
}

/* The text of the facts; caller frees. */
static char *text_of(const struct status_facts *now)
{
	struct json_object *document = status_document(now);
	char *text;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	assert_non_null(document);
	status_print(document, out);
	fclose(out);
	json_object_put(document);
	return text;
}

static void assert_line(const char *text, const char *line)
{
	if (!strstr(text, line))
		fail_msg("no line '%s' in:\n%s", line, text);
}

static void text_is_grouped_and_aligned(void **state)
{
	struct status_facts now = facts();
	char *text = text_of(&now);

	(void)state;
	assert_line(text, "gate64 1.2, process ");
	assert_line(text, ", up 1d 01:01:01, since 2023-11-14T22:13:20Z\n");
	assert_line(text, "\nnetwork\n  uplink              eth0, 198.51.100.1\n"
			  "  inside              2001:db8:1::/80\n");
	assert_line(text, "  last reload         none since the start\n");
	assert_line(text, "\nnat64\n  sessions            12 of 262144\n");
	assert_line(text, "  clients             3\n  SYNs waiting        1 of 1024\n"
			  "  flow table bytes    4096\n");
	assert_line(text, "  fast path           7 sessions, packets out 70, in 60, handed over 5; "
			  "on 2 interfaces\n");
	assert_line(text, "  ports, fullest      11265 of 22530, tcp of 198.51.100.1\n");
	assert_line(text, "  pool4               198.51.100.1 tcp 10240-32767 61000, "
			  "udp 10240-65535\n");
	assert_line(text, "  packets             out 5, in 4\n");
	assert_line(text, "  network changes     2\n");
	assert_line(text, "\nsnid: off\n");
	free(text);
}

static void text_says_why_nothing_goes_fast(void **state)
{
	struct nat64_gauges slow = nat64;
	struct status_facts now = facts();
	char *text;

	(void)state;
	slow.slow_because = "nat64.fast_path is off";
	now.nat64 = &slow;
	text = text_of(&now);
	assert_line(text, "  fast path           none: nat64.fast_path is off\n");
	free(text);
}

static void text_leaves_out_drops_that_did_not_happen(void **state)
{
	struct status_facts now = facts();
	char *text = text_of(&now);

	(void)state;
	assert_line(text, "  drops               no_free_port 3\n");
	assert_null(strstr(text, "no_flow"));
	free(text);
}

/* A histogram: cumulative buckets, a sum in seconds; in the text, where half and 99 % end. */
static void histogram_of_replies(void **state)
{
	struct status_facts now = facts();
	struct json_object *document;
	char *text;

	(void)state;
	counters[STAT_DNS_HIT_COUNT] = 200;
	counters[STAT_DNS_HIT_TIME] = 1500000;
	for (unsigned int i = 0; i < 14; i++)
		counters[STAT_DNS_HIT_LE + i] = i == 0 ? 100 : i < 4 ? 197 : i == 4 ? 198 : 200;
	document = status_document(&now);
	assert_number(document, "rooms/dns64/counters/reply_seconds_bucket/hit/0.0005", 100);
	assert_number(document, "rooms/dns64/counters/reply_seconds_bucket/hit/+Inf", 200);
	assert_number(document, "rooms/dns64/counters/reply_seconds_count/hit", 200);
	assert_true(json_object_get_double(at(document,
			"rooms/dns64/counters/reply_seconds_sum/hit")) == 1.5);
	json_object_put(document);
	text = text_of(&now);
	assert_line(text, "  reply seconds       hit 200, half within 0.0005, 99 % within 0.01\n");
	free(text);
}

static void text_says_what_is_wrong(void **state)
{
	struct status_facts now = facts();
	char *text;

	(void)state;
	map.uplink[0] = '\0';
	map.uplink_v4_be32 = 0;
	map.inside.n = 0;
	now.problem = "the packet filter rules for nat64";
	now.reload_at = 1700000060;
	now.reload_text = "a.yaml:1:2: error: no\n  line\n";
	text = text_of(&now);
	assert_line(text, "  uplink              none yet, no IPv4 address yet\n");
	assert_line(text, "  inside              none yet\n");
	assert_line(text, "  PROBLEM             the packet filter rules for nat64\n");
	assert_line(text, "  last reload         REFUSED, the old configuration holds at "
			  "2023-11-14T22:14:20Z\n    a.yaml:1:2: error: no\n      line\n");
	free(text);
}

/* It comes over a socket, perhaps from another version: it must not need any key. */
static void text_of_an_empty_document(void **state)
{
	struct json_object *document = json_object_new_object();
	char *text;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	(void)state;
	json_object_object_add(document, "rooms", json_object_new_string("?"));
	status_print(document, out);
	fclose(out);
	assert_line(text, "\nnat64: off\n");
	free(text);
	json_object_put(document);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(document_holds_the_facts),
		cmocka_unit_test(document_holds_every_counter),
		cmocka_unit_test(text_is_grouped_and_aligned),
		cmocka_unit_test(text_says_why_nothing_goes_fast),
		cmocka_unit_test(text_leaves_out_drops_that_did_not_happen),
		cmocka_unit_test(histogram_of_replies),
		cmocka_unit_test(text_says_what_is_wrong),
		cmocka_unit_test(text_of_an_empty_document),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
