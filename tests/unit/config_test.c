/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The configuration's values: defaults against DESIGN.md and the RFCs, what each
 * type takes, and the canonical print, which must parse again.
 */
#include "config_text.h"

#include "../../core/config_schema.h"
#include "../../core/config_type.h"

/* Where `make` runs: the root of the project */
#define SHIPPED "ops/gate64.yaml"

static struct in6_addr addr(const char *text)
{
	struct in6_addr out;

	assert_true(addr_parse(text, &out));
	return out;
}

static void expect_prefix(const struct prefix *prefix, const char *text)
{
	struct prefix expected;

	assert_null(prefix_parse(text, &expected));
	assert_true(prefix_equal(prefix, &expected));
}

static void expect_endpoint(const struct endpoint *ep, const char *text, uint16_t port)
{
	struct in6_addr expected = addr(text);

	assert_true(addr_equal(&ep->addr, &expected));
	assert_int_equal(ep->port, port);
}

/* ---- values ---------------------------------------------------------------- */

static void expect_default_nat64(const struct config *config)
{
	assert_true(config->nat64.enabled);
	assert_true(config->nat64.clients.keyword);
	assert_int_equal(config->nat64.n_pool4, 1);
	assert_true(config->nat64.pool4[0].address_auto);
	assert_true(config->nat64.pool4[0].ports_auto);
	assert_true(config->nat64.deny4.keyword);
	/* RFC 6146 section 4, RFC 5382 REQ-5 */
	assert_int_equal(config->nat64.timeouts.udp_ms, 300000);
	assert_int_equal(config->nat64.timeouts.tcp_established_ms, 7440000);
	assert_int_equal(config->nat64.timeouts.tcp_transitory_ms, 240000);
	assert_int_equal(config->nat64.timeouts.icmp_ms, 60000);
	assert_int_equal(config->nat64.timeouts.fragment_ms, 2000);
	assert_int_equal(config->nat64.timeouts.tcp_syn_ms, 6000);
	assert_int_equal(config->nat64.limits.sessions, 262144);
	assert_int_equal(config->nat64.limits.sessions_per_client, 16384);
	assert_int_equal(config->nat64.limits.new_per_client, 1000);
	assert_int_equal(config->nat64.limits.client_prefix, 64);
	assert_int_equal(config->nat64.filtering, CONFIG_FILTERING_ENDPOINT_INDEPENDENT);
	assert_int_equal(config->nat64.log, CONFIG_FLOW_LOG_OFF);
	assert_int_equal(config->nat64.n_static, 0);
	assert_int_equal(config->prefixes.n_eam, 0);
	assert_true(config->nat64.mss_clamp_auto);
	assert_int_equal(config->nat64.lowest_ipv6_mtu, 1280);
}

static void expect_default_dns64(const struct config *config)
{
	assert_true(config->dns64.enabled);
	assert_int_equal(config->dns64.listen.n, 1);
	expect_endpoint(&config->dns64.listen.v[0], "::", 53);
	assert_true(config->dns64.clients.keyword);
	assert_true(config->dns64.upstream_recursive);
	assert_int_equal(config->dns64.upstream.n, 0);
	assert_true(config->dns64.dnssec);
	assert_string_equal(config->dns64.trust_anchor, "/usr/share/dns/root.key");
	assert_string_equal(config->dns64.root_hints, "/usr/share/dns/root.hints");
	assert_int_equal(config->dns64.exclude_aaaa.n, 1);
	expect_prefix(&config->dns64.exclude_aaaa.v[0], "::ffff:0:0/96");
	assert_int_equal(config->dns64.exclude_names.n, 0);
	assert_int_equal(config->dns64.force_names.n, 0);
	assert_int_equal(config->dns64.rebind, CONFIG_REBIND_OFF);
	assert_int_equal(config->dns64.n_zones, 0);
	assert_int_equal(config->dns64.cache.size, 64 << 20);
}

static void test_defaults(void **state)
{
	struct config *config = config_load(NULL, stderr);

	(void)state;
	assert_non_null(config);
	assert_true(config->inside.keyword);
	assert_int_equal(config->inside.list.n, 0);
	assert_null(config->uplink);
	assert_int_equal(config->prefixes.nat64.n, 1);
	expect_prefix(&config->prefixes.nat64.v[0], "64:ff9b::/96");
	assert_int_equal(config->prefixes.draining.n, 0);
	expect_prefix(&config->prefixes.nat46, "64:ff9b:1::/96");
	expect_default_nat64(config);
	expect_default_dns64(config);
	assert_int_equal(config->snid.n_listen, 0);
	assert_int_equal(config->snid.mode, CONFIG_SNI_NAT46);
	assert_null(config->snid.default_name);
	assert_int_equal(config->snid.n_routes, 0);
	assert_int_equal(config->snid.proxy_from.n, 0);
	assert_int_equal(config->snid.proxy_to, CONFIG_SNI_PROXY_OFF);
	assert_string_equal(config->snid.unix_directory, "/run/gate64/servers");
	assert_true(config->snid.backends.keyword);
	assert_int_equal(config->snid.limits.connections, 20000);
	assert_int_equal(config->snid.limits.per_client, 256);
	assert_int_equal(config->snid.limits.new_per_client, 1000);
	assert_int_equal(config->snid.limits.opening, 8192);
	assert_int_equal(config->snid.limits.opening_per_client, 128);
	assert_int_equal(config->snid.limits.lookups_per_client, 32);
	assert_int_equal(config->snid.limits.new_lookups_per_client, 100);
	assert_int_equal(config->snid.limits.buffered, 64 << 20);
	assert_int_equal(config->snid.limits.drain_ms, 30000);
	assert_int_equal(config->snid.limits.hello_timeout_ms, 5000);
	assert_int_equal(config->snid.limits.connect_timeout_ms, 5000);
	assert_int_equal(config->snid.limits.idle_timeout_ms, 7200000);
	assert_string_equal(config->ops.user, "gate64");
	assert_string_equal(config->ops.control, "/run/gate64/control.sock");
	expect_endpoint(&config->ops.metrics, "127.0.0.1", 9464);
	assert_int_equal(config->ops.log.level, LOG_LEVEL_INFO);
	assert_int_equal(config->ops.log.format, LOG_FORMAT_AUTO);
	config_free(config);
}

static void test_minimal(void **state)
{
	struct config *config = parse_good("inside: [2001:db8:1::/64]\n"
					   "snid: {listen: [443]}\n");

	(void)state;
	assert_false(config->inside.keyword);
	assert_int_equal(config->inside.list.n, 1);
	expect_prefix(&config->inside.list.v[0], "2001:db8:1::/64");
	assert_int_equal(config->snid.n_listen, 1);
	assert_true(config->snid.listen[0].any);
	expect_endpoint(&config->snid.listen[0].at, "0.0.0.0", 443);
	expect_default_nat64(config);
	expect_default_dns64(config);
	config_free(config);
}

/* A text that says nothing, in its several ways, is the defaults. */
static void test_empty(void **state)
{
	static const char *const texts[] = {
		"", "\n\n", "# only a remark\n", "---\n", "---\n...\n", "{}", "~\n", "\xef\xbb\xbf",
		"nat64:\ndns64:\n  # udp: 5m\nsnid: ~\nops: null\n", "nat64: {timeouts: {}}",
		"inside: auto\r\nuplink: auto\r\n",
	};
	struct config *config = config_load(NULL, stderr);
	char *expected = print(config);

	(void)state;
	config_free(config);
	for (size_t i = 0; i < N(texts); i++) {
		char *text;

		config = parse_good(texts[i]);
		text = print(config);
		assert_string_equal(text, expected);
		free(text);
		config_free(config);
	}
	free(expected);
}

static void test_pool4(void **state)
{
	struct config *config = parse_good("nat64:\n"
					   "  pool4:\n"
					   "    - {ports: 61000-65535}\n"
					   "    - address: 192.0.2.1\n"
					   "      ports: [1024-2047, 5000, 65535]\n"
					   "    - {address: 192.0.2.2}\n"
					   "    - {address: 192.0.2.1, ports: 1}\n");
	const struct pool4_entry *pool = config->nat64.pool4;
	struct in6_addr first = addr("192.0.2.1"), second = addr("192.0.2.2");

	(void)state;
	assert_int_equal(config->nat64.n_pool4, 4);
	assert_true(pool[0].address_auto);
	assert_false(pool[0].ports_auto);
	assert_int_equal(pool[0].n_ports, 1);
	assert_int_equal(pool[0].ports[0].first, 61000);
	assert_int_equal(pool[0].ports[0].last, 65535);
	assert_false(pool[1].address_auto);
	assert_true(addr_equal(&pool[1].address, &first));
	assert_int_equal(pool[1].n_ports, 3);
	assert_int_equal(pool[1].ports[1].first, 5000);
	assert_int_equal(pool[1].ports[1].last, 5000);
	assert_int_equal(pool[1].ports[2].last, 65535);
	assert_true(addr_equal(&pool[2].address, &second));
	assert_true(pool[2].ports_auto);
	assert_int_equal(pool[3].ports[0].first, 1);
	config_free(config);
}

/* What a value looks like in the canonical print */
static void test_good_values(void **state)
{
	static const struct {
		const char *text, *printed;
	} cases[] = {
		{ "nat64: {enabled: false}", "  enabled: false\n" },
		{ "ops: {metrics: off}", "  metrics: off\n" },
		{ "ops: {metrics: 192.0.2.1}", "  metrics: \"192.0.2.1:9464\"\n" },
		{ "ops: {metrics: \"[::1]:80\"}", "  metrics: \"[::1]:80\"\n" },
		{ "nat64: {enabled: \"false\"}", "  enabled: false\n" },
		{ "uplink: ens3", "uplink: ens3\n" },
		{ "uplink: 'wg-0.5_x'", "uplink: wg-0.5_x\n" },
		{ "uplink: \"null\"", "uplink: \"null\"\n" },
		{ "uplink: '-\"x\\'", "uplink: \"-\\\"x\\\\\"\n" },
		{ "nat64: {timeouts: {udp: 150}}", "    udp: 2m30s\n" },
		{ "nat64: {timeouts: {udp: 1d2h3m4s5ms}}", "    udp: 1d2h3m4s5ms\n" },
		{ "nat64: {timeouts: {udp: 120000ms}}", "    udp: 2m\n" },
		{ "nat64: {timeouts: {udp: 7d}}", "    udp: 7d\n" },
		{ "snid: {limits: {hello_timeout: 250ms}}", "    hello_timeout: 250ms\n" },
		{ "dns64: {cache: {size: 1GiB}}", "    size: 1GiB\n" },
		{ "dns64: {cache: {size: 2000KiB}}", "    size: 2000KiB\n" },
		{ "dns64: {cache: {size: 2097152}}", "    size: 2MiB\n" },
		{ "dns64: {cache: {size: 2097153}}", "    size: 2097153\n" },
		{ "dns64: {cache: {serve_stale: off}}", "    serve_stale: off\n" },
		{ "dns64: {cache: {serve_stale: 3600}}", "    serve_stale: 1h\n" },
		{ "nat64: {limits: {sessions: 1}}", "    sessions: 1\n" },
		{ "nat64: {mss_clamp: off}", "  mss_clamp: off\n" },
		{ "nat64: {mss_clamp: 1360}", "  mss_clamp: 1360\n" },
		{ "nat64: {lowest_ipv6_mtu: 65535}", "  lowest_ipv6_mtu: 65535\n" },
		{ "nat64: {deny4: []}", "  deny4: []\n" },
		{ "nat64: {deny4: [10.0.0.0/8, 192.0.2.1]}",
		  "  deny4:\n    - 10.0.0.0/8\n    - 192.0.2.1/32\n" },
		{ "nat64: {deny4: [0.0.0.0/0]}", "  deny4:\n    - 0.0.0.0/0\n" },
		{ "nat64: {clients: [\"::/0\"]}", "  clients:\n    - \"::/0\"\n" },
		{ "dns64: {clients: [10.0.0.0/8, 0.0.0.0/0, 2001:db8::/32]}",
		  "  clients:\n    - 10.0.0.0/8\n    - 0.0.0.0/0\n    - \"2001:db8::/32\"\n" },
		{ "dns64: {exclude_aaaa: []}", "  exclude_aaaa: []\n" },
		/* RFC 4343 4: letter case does not matter; they are sorted. */
		{ "dns64: {exclude_names: [b.Example, _x.a-1.example., 1.example, 1]}",
		  "  exclude_names:\n    - 1\n    - 1.example\n    - \"_x.a-1.example\"\n"
		  "    - b.example\n" },
		{ "dns64: {force_names: []}", "  force_names: []\n" },
		{ "dns64: {exclude_aaaa: [\"::ffff:0:0/96\", 2001:db8::/32]}",
		  "  exclude_aaaa:\n    - \"::ffff:0:0/96\"\n    - \"2001:db8::/32\"\n" },
		{ "dns64: {upstream: [9.9.9.9, \"2620:fe::fe\", \"127.0.0.1:5300\"]}",
		  "  upstream:\n    - \"9.9.9.9:53\"\n    - \"[2620:fe::fe]:53\"\n"
		  "    - \"127.0.0.1:5300\"\n" },
		{ "dns64: {zones: [{name: LAN.Example., upstream: [\"2001:db8::53\"]},"
		  " {name: 2.0.192.in-addr.arpa, upstream: [192.0.2.53, \"192.0.2.53:5300\"]}]}",
		  "  zones:\n    - name: lan.example\n      upstream:\n"
		  "        - \"[2001:db8::53]:53\"\n"
		  "    - name: 2.0.192.in-addr.arpa\n      upstream:\n"
		  "        - \"192.0.2.53:53\"\n        - \"192.0.2.53:5300\"\n" },
		{ "dns64: {zones: []}", "  zones: []\n" },
		{ "dns64: {listen: [192.0.2.1, \"[2001:db8::1]:5353\", \"2001:db8::\"]}",
		  "  listen:\n    - \"192.0.2.1:53\"\n    - \"[2001:db8::1]:5353\"\n"
		  "    - \"[2001:db8::]:53\"\n" },
		{ "snid: {listen: [443, \"8443\", \"198.51.100.1:8006\", 198.51.100.2:1]}",
		  "  listen:\n    - 443\n    - 8443\n"
		  "    - \"198.51.100.1:8006\"\n    - \"198.51.100.2:1\"\n" },
		{ "snid: {mode: tcp, listen: [{port: 80, address: \"2001:db8::1\", protocol: http, "
		  "server_port: 8080, mode: unix, backends: [2001:db8::7], default_name: null, "
		  "proxy_from: []}]}",
		  "  listen:\n    - port: 80\n      address: \"2001:db8::1\"\n      protocol: http\n"
		  "      server_port: 8080\n      mode: unix\n      backends:\n"
		  "        - \"2001:db8::7/128\"\n      default_name: null\n      proxy_from: []\n"
		  "  mode: tcp\n  backends: inside\n  default_name: null\n" },
		{ "snid: {routes: [{name: \"*.A.example\", backend: \"2001:db8::7\", port: 8443}]}",
		  "  routes:\n    - name: \"*.a.example\"\n      backend: \"2001:db8::7\"\n"
		  "      port: 8443\n" },
		{ "ops: {log: {level: debug, format: json}}",
		  "  log:\n    level: debug\n    format: json\n" },
		{ "ops: {log: {level: error, format: journal}}",
		  "  log:\n    level: error\n    format: journal\n" },
		{ "ops: {log: {level: warn, format: text}}",
		  "  log:\n    level: warn\n    format: text\n" },
		{ "ops: {seccomp: log}", "  seccomp: log\n" },
		{ "ops: {seccomp: off}", "  seccomp: off\n" },
		{ "ops: {control: \"/run/a b\"}", "  control: \"/run/a b\"\n" },
		{ "nat64: {limits: {new_per_client: 5}}", "    new_per_client: 5/s\n" },
		{ "prefixes: {eam: [{ipv4: 192.0.2.0/24, ipv6: \"2001:db8:a::/56\"}]}",
		  "  eam:\n    - ipv4: 192.0.2.0/24\n      ipv6: \"2001:db8:a::/56\"\n" },
		{ "nat64: {static: [{proto: tcp, outside: 192.0.2.1:1, inside: \"[2001:db8::1]:2\"},"
		  " {proto: udp, outside: 192.0.2.1:1, inside: \"[2001:db8::1]:2\"}]}",
		  "      inside: \"[2001:db8::1]:2\"\n    - proto: udp\n      outside: \"192.0.2.1:1\"\n" },
	};

	(void)state;
	for (size_t i = 0; i < N(cases); i++) {
		struct config *config = parse_good(cases[i].text);
		char *text = print(config);

		if (!strstr(text, cases[i].printed))
			fail_msg("%s: not found in\n%s", cases[i].printed, text);
		free(text);
		config_free(config);
	}
}

/* RFC 6052 section 2.2: the six lengths, and bits 64 to 71 zero */
static void test_pref64_lengths(void **state)
{
	(void)state;
	for (unsigned int len = 0; len <= 128; len++) {
		bool valid = len == 32 || len == 40 || len == 48 || len == 56 || len == 64 ||
			     len == 96;
		char text[64], *errors;
		struct config *config;

		snprintf(text, sizeof(text), "prefixes: {nat64: [\"%s/%u\"]}",
			 len < 32 ? "::" : "2001:db8::", len);
		config = parse(text, &errors);
		assert_int_equal(config != NULL, valid);
		config_free(config);
		free(errors);
	}
}

/* ---- the canonical print ----------------------------------------------------------- */

static const char everything[] =
	"inside: [2001:db8:1::/64, 2001:db8:2::/80]\n"
	"uplink: ens3\n"
	"prefixes:\n"
	"  nat64: [\"64:ff9b::/96\", 2001:db8:64::/48, 2001:db8:ff00::/40]\n"
	"  draining: [2001:db8:64::/48]\n"
	"  nat46: 2001:db8:46::/96\n"
	"  eam: [{ipv4: 192.0.2.16/28, ipv6: 2001:db8:4::/124}, {ipv4: 192.0.2.9, ipv6: 2001:db8::9}]\n"
	"nat64:\n"
	"  enabled: false\n"
	"  clients: [2001:db8:1::/64]\n"
	"  pool4:\n"
	"    - {address: 192.0.2.1, ports: [1024-2047, 5000]}\n"
	"    - {address: auto, ports: 61000-65535}\n"
	"    - {address: 192.0.2.2}\n"
	"  static:\n"
	"    - {proto: tcp, outside: \"198.51.100.1:2222\", inside: \"[2001:db8:1::7]:22\"}\n"
	"    - {proto: udp, outside: 500, inside: \"[2001:db8:1::7]:500\"}\n"
	"    - {proto: icmp, outside: 7, inside: \"[2001:db8:1::7]:8\"}\n"
	"  deny4: [10.0.0.0/8, 192.0.2.77]\n"
	"  filtering: address-dependent\n"
	"  timeouts: {udp: 3m, tcp_established: 3h, tcp_transitory: 5m, tcp_syn: 7s, icmp: 61s,\n"
	"             fragment: 3s}\n"
	"  limits: {sessions: 1000, sessions_per_client: 100, new_per_client: 50/s, half_open: 40,\n"
	"           half_open_per_client: 30, stored_syns: 0, fragments: 20, client_prefix: 128}\n"
	"  mss_clamp: 1300\n"
	"  lowest_ipv6_mtu: 1420\n"
	"  fast_path: required\n"
	"  keep_flows: false\n"
	"  log: port-blocks\n"
	"dns64:\n"
	"  enabled: false\n"
	"  listen: [192.0.2.1, \"[2001:db8::1]:5353\"]\n"
	"  clients: [2001:db8::/32, 192.0.2.0/24, 0.0.0.0/0]\n"
	"  upstream: [9.9.9.9, \"2620:fe::fe\", \"127.0.0.1:5300\"]\n"
	"  dnssec: false\n"
	"  trust_anchor: \"/etc/a \\\"b\\\\.key\"\n"
	"  root_hints: /etc/root.hints\n"
	"  exclude_aaaa: [2001:db8::/32, \"::ffff:10.0.0.0/104\", \"::ffff:0:0/96\"]\n"
	"  exclude_names: [v4.video.example, lan.example]\n"
	"  force_names: [Video.Example.]\n"
	"  rebind: on\n"
	"  zones:\n"
	"    - {name: lan.example, upstream: [\"[2001:db8::53]:5300\", 192.0.2.53]}\n"
	"    - {name: 2.0.192.in-addr.arpa, upstream: [127.0.0.1]}\n"
	"  cache: {size: 65MiB, serve_stale: off, prefetch: false}\n"
	"  limits: {responses_per_client: 7/s, tcp_connections: 6, tcp_per_client: 5}\n"
	"  tls: {cert: /etc/c.pem, key: /etc/k.pem, port: 8530}\n"
	"snid:\n"
	"  listen:\n"
	"    - 443\n"
	"    - \"198.51.100.1:8006\"\n"
	"    - {port: 5432, protocol: postgres, server_port: 5433}\n"
	"    - {port: 80, address: \"2001:db8::1\", mode: tcp, backends: [192.0.2.0/24], protocol: http,\n"
	"       default_name: Www.Example., proxy_from: [198.51.100.0/24, 2001:db8::/32]}\n"
	"    - {port: 444, mode: unix, backends: inside, default_name: null, proxy_from: []}\n"
	"  mode: tcp\n"
	"  backends: [2001:db8:1::/64, 192.0.2.0/24]\n"
	"  default_name: lan.example\n"
	"  routes: [{name: \"*.a.example\", backend: \"2001:db8:1::7\", port: 8443},\n"
	"           {name: a.example, backend: 192.0.2.7}]\n"
	"  proxy_from: [192.0.2.1]\n"
	"  proxy_to: v2\n"
	"  unix_directory: /srv/\n"
	"  log: connections\n"
	"  limits: {connections: 5, per_client: 2, new_per_client: 3/s, opening: 4,\n"
	"    opening_per_client: 3, lookups_per_client: 5, drain: 1m, hello_timeout: 2500ms,\n"
	"           connect_timeout: 1m, new_lookups_per_client: 7/s,\n"
	"           buffered: 3MiB, idle_timeout: 1d}\n"
	"ops:\n"
	"  user: nobody\n"
	"  control: /run/x.sock\n"
	"  metrics: \"[2001:db8::1]:9100\"\n"
	"  seccomp: log\n"
	"  log: {level: debug, format: json}\n";

static void expect_round_trip(const char *text)
{
	struct config *config = parse_good(text), *again;
	char *first = print(config), *second;

	again = parse_good(first);
	second = print(again);
	assert_string_equal(first, second);
	free(first);
	free(second);
	config_free(config);
	config_free(again);
}

static void test_round_trip(void **state)
{
	(void)state;
	expect_round_trip("");
	expect_round_trip(everything);
	expect_round_trip("inside: [2001:db8:1::/64]\nsnid: {listen: [443]}\n");
	expect_round_trip("nat64: {mss_clamp: off, deny4: [0.0.0.0/0]}\n"
			  "dns64: {clients: [\"::/0\", 0.0.0.0/0], exclude_aaaa: []}\n"
			  "uplink: \"null\"\n");
}

/* "everything" changes every setting: none is read into another's place, none is lost. */
static void test_every_row(void **state)
{
	struct config *defaults = parse_good(""), *set = parse_good(everything);

	(void)state;
	for (size_t i = 0; i < config_n_rows; i++) {
		const struct config_row *row = &config_rows[i];
		char *before, *after;
		size_t size;
		FILE *out = open_memstream(&before, &size);

		row->type->print(out, row, defaults, 2);
		fclose(out);
		out = open_memstream(&after, &size);
		row->type->print(out, row, set, 2);
		fclose(out);
		if (strcmp(before, after) == 0)
			fail_msg("%s: is%s in both", row->path, before);
		free(before);
		free(after);
	}
	config_free(defaults);
	config_free(set);
}

/* Names at and below a listed one, of which the longest is found: RFC 1034 3.1 on what is below;
 * lists of many thousands */
static void test_names_above(void **state)
{
	enum { MANY = 10000 };
	char *text = malloc(MANY * 32), name[64];
	struct config *config;
	size_t len = (size_t)sprintf(text, "dns64:\n  exclude_names:\n    - a\n    - x.b.a\n");

	(void)state;
	for (unsigned int i = 0; i < MANY; i++)
		len += (size_t)sprintf(text + len, "    - n%u.example\n", i * 7919 % MANY);
	config = parse_good(text);
	free(text);
	assert_int_equal(config->dns64.exclude_names.n, MANY + 2);
	for (unsigned int i = 0; i < MANY; i += 97) {
		snprintf(name, sizeof(name), "www.n%u.example", i);
		assert_int_equal(config_names_above(&config->dns64.exclude_names, name),
				 strlen(name) - strlen("www."));
	}
	assert_int_equal(config_names_above(&config->dns64.exclude_names, "n10000.example"), 0);
	assert_int_equal(config_names_above(&config->dns64.exclude_names, "example"), 0);
	assert_int_equal(config_names_above(&config->dns64.exclude_names, ""), 0);
	assert_int_equal(config_names_above(&config->dns64.exclude_names, "a"), 1);
	assert_int_equal(config_names_above(&config->dns64.exclude_names, "c.b.a"), 1);
	assert_int_equal(config_names_above(&config->dns64.exclude_names, "y.x.b.a"), 5);
	assert_int_equal(config_names_above(&config->dns64.exclude_names, "ba"), 0);
	assert_false(config_names_has(&config->dns64.exclude_names, "b.a"));
	assert_true(config_names_has(&config->dns64.exclude_names, "x.b.a"));
	config_free(config);
}

static bool is_dns64(const char *path)
{
	return strncmp(path, "dns64.", 6) == 0;
}

/* Only what matters counts, written however it is. */
static void test_same_settings(void **state)
{
	static const struct {
		const char *a, *b;
		bool same;
	} cases[] = {
		{ "", "", true },
		{ "dns64: {cache: {size: 65536KiB}}", "", true },
		{ "nat64: {log: bindings}", "ops: {log: {level: debug}}", true },
		{ "dns64: {dnssec: false}", "", false },
		{ "dns64: {upstream: [9.9.9.9]}", "dns64: {upstream: [\"9.9.9.9:53\"]}", true },
		{ "dns64: {upstream: [9.9.9.9]}", "dns64: {upstream: [9.9.9.9, 9.9.9.10]}", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct config *a = parse_good(cases[i].a), *b = parse_good(cases[i].b);

		assert_int_equal(config_same(a, b, is_dns64), cases[i].same);
		config_free(a);
		config_free(b);
	}
}

static void test_canonical_form(void **state)
{
	static const char head[] = "inside:\n"
				   "  - \"2001:db8:1::/64\"\n"
				   "  - \"2001:db8:2::/80\"\n"
				   "uplink: ens3\n"
				   "prefixes:\n"
				   "  nat64:\n"
				   "    - \"64:ff9b::/96\"\n"
				   "    - \"2001:db8:64::/48\"\n"
				   "    - \"2001:db8:ff00::/40\"\n"
				   "  draining:\n"
				   "    - \"2001:db8:64::/48\"\n"
				   "  nat46: \"2001:db8:46::/96\"\n"
				   "  eam:\n"
				   "    - ipv4: 192.0.2.16/28\n"
				   "      ipv6: \"2001:db8:4::/124\"\n"
				   "    - ipv4: 192.0.2.9/32\n"
				   "      ipv6: \"2001:db8::9/128\"\n"
				   "nat64:\n"
				   "  enabled: false\n"
				   "  clients:\n"
				   "    - \"2001:db8:1::/64\"\n"
				   "  pool4:\n"
				   "    - address: 192.0.2.1\n"
				   "      ports:\n"
				   "        - 1024-2047\n"
				   "        - 5000\n"
				   "    - address: auto\n"
				   "      ports:\n"
				   "        - 61000-65535\n"
				   "    - address: 192.0.2.2\n"
				   "      ports: auto\n"
				   "  static:\n"
				   "    - proto: tcp\n"
				   "      outside: \"198.51.100.1:2222\"\n"
				   "      inside: \"[2001:db8:1::7]:22\"\n"
				   "    - proto: udp\n"
				   "      outside: 500\n"
				   "      inside: \"[2001:db8:1::7]:500\"\n"
				   "    - proto: icmp\n"
				   "      outside: 7\n"
				   "      inside: \"[2001:db8:1::7]:8\"\n"
				   "  deny4:\n"
				   "    - 10.0.0.0/8\n"
				   "    - 192.0.2.77/32\n"
				   "  filtering: address-dependent\n"
				   "  timeouts:\n"
				   "    udp: 3m\n";
	struct config *config = parse_good(everything);
	char *text = print(config);

	(void)state;
	text[sizeof(head) - 1] = '\0';
	assert_string_equal(text, head);
	free(text);
	config_free(config);
}

/* DESIGN.md's example, less the keys that later work brings */
static void test_design_example(void **state)
{
	struct config *config = parse_good(
		"inside: auto                     # or [2001:db8:1::/80, ...]\n"
		"uplink: auto                     # interface of the IPv4 default route\n"
		"prefixes:\n"
		"  nat64: [\"64:ff9b::/96\"]        # RFC 6052, /32../96\n"
		"  nat46: \"64:ff9b:1::/96\"        # where IPv4 clients appear\n"
		"  eam: []                        # - {ipv4: 192.0.2.0/28, ipv6: ...}\n"
		"nat64:\n"
		"  enabled: true\n"
		"  clients: inside                # who may use it; or a list of prefixes\n"
		"  pool4: [{address: auto, ports: auto}]  # address: the uplink's\n"
		"  static: []                     # - {proto: tcp, outside: ..., inside: ...}\n"
		"  deny4: special-purpose         # or a list; [] allows all\n"
		"  filtering: endpoint-independent  # or address-dependent\n"
		"  timeouts: {udp: 5m, tcp_established: 2h4m, tcp_transitory: 4m, tcp_syn: 6s, "
		"icmp: 60s, fragment: 2s}\n"
		"  limits: {sessions: 262144, sessions_per_client: 16384, new_per_client: 1000/s}\n"
		"  mss_clamp: auto                # or off, or bytes\n"
		"  lowest_ipv6_mtu: 1280\n"
		"  fast_path: auto                # or off, or required\n"
		"  keep_flows: true\n"
		"  log: off                       # bindings | sessions | port-blocks\n"
		"dns64:\n"
		"  enabled: true\n"
		"  listen: [\"::\"]                 # addresses; port 53 unless \"[addr]:port\"\n"
		"  clients: inside\n"
		"  upstream: recursive            # or [9.9.9.9, \"2620:fe::fe\"]\n"
		"  dnssec: true\n"
		"  trust_anchor: /usr/share/dns/root.key\n"
		"  root_hints: /usr/share/dns/root.hints\n"
		"  exclude_aaaa: [\"::ffff:0:0/96\"]  # an AAAA within counts as absent\n"
		"  exclude_names: []              # never synthesise below these\n"
		"  force_names: []                # always synthesise below these\n"
		"  cache: {size: 64MiB, serve_stale: 1d}\n"
		"snid:\n"
		"  listen: []                     # empty = off\n"
		"  backends: inside               # anything else is refused\n"
		"  limits: {connections: 20000, per_client: 256, hello_timeout: 5s, "
		"connect_timeout: 5s, idle_timeout: 2h}\n"
		"ops:\n"
		"  user: gate64\n"
		"  control: /run/gate64/control.sock\n"
		"  metrics: \"127.0.0.1:9464\"      # /metrics /healthz /status.json; off\n"
		"  log: {level: info, format: auto}   # journal, text or json\n");
	struct config *defaults = parse_good("");
	char *text = print(config), *expected = print(defaults);

	(void)state;
	assert_string_equal(text, expected);
	free(text);
	free(expected);
	config_free(config);
	config_free(defaults);
}

static void test_shipped_file(void **state)
{
	size_t size;
	char *errors;
	FILE *out = open_memstream(&errors, &size);
	struct config *config = config_load(SHIPPED, out);

	(void)state;
	fclose(out);
	assert_string_equal(errors, "");
	assert_non_null(config);
	assert_true(config->inside.keyword);
	assert_int_equal(config->snid.n_listen, 1);
	free(errors);
	config_free(config);
}

/* What the manual page and the messages are made of */
static void test_schema(void **state)
{
	(void)state;
	for (size_t i = 0; i < config_n_rows; i++) {
		const struct config_row *row = &config_rows[i];

		assert_ptr_equal(config_schema_find(row->path), row);
		assert_non_null(row->help);
		assert_true(row->help[0] && row->help[strlen(row->help) - 1] != '.');
		assert_non_null(config_type_expected(row));
		assert_true(row->min <= row->max);
		if (row->type == &config_type_mtu || row->type == &config_type_mss)
			assert_true(row->max <= UINT16_MAX);
		if (row->type == &config_type_count || row->type == &config_type_duration)
			assert_true(row->max && row->max <= UINT32_MAX);
		if (row->type == &config_type_prefixes || row->type == &config_type_endpoints)
			assert_true(row->max && (row->also == 0 || row->keyword));
		if (row->type == &config_type_text)
			assert_non_null(row->problem.text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_minimal),
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_pool4),
		cmocka_unit_test(test_good_values),
		cmocka_unit_test(test_pref64_lengths),
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_every_row),
		cmocka_unit_test(test_names_above),
		cmocka_unit_test(test_same_settings),
		cmocka_unit_test(test_canonical_form),
		cmocka_unit_test(test_design_example),
		cmocka_unit_test(test_shipped_file),
		cmocka_unit_test(test_schema),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
