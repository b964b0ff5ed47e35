/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The configuration's errors, letter by letter: message, place, line and caret. */
#include "config_text.h"

#define SNID_LISTEN "expected a port (1 to 65535), an address with a port such as "		\
		    "\"192.0.2.1:443\", or a mapping such as {port: 5432, protocol: "		\
		    "postgres}, "

#include <unistd.h>

static void expect_refused(const char *text, const char *expected)
{
	char *errors;

	assert_null(parse(text, &errors));
	assert_string_equal(errors, expected);
	free(errors);
}

/* ---- errors ------------------------------------------------------------------ */

#define AT(line, column, message) "t.yaml:" #line ":" #column ": error: " message "\n"

static void test_wrong_scalars(void **state)
{
	(void)state;
	expect_refused("nat64:\n  enabled: yes\n",
		       AT(2, 12, "expected true or false, found `yes'")
		       "  enabled: yes\n"
		       "           ^\n");
	expect_refused("nat64:\n  enabled:\n",
		       AT(2, 3, "expected true or false, found nothing")
		       "  enabled:\n"
		       "  ^\n");
	expect_refused("inside:\n  - 2001:db8::/64\n  -\n",
		       AT(2, 3, "expected an IPv6 prefix such as 2001:db8::/64, found nothing")
		       "  - 2001:db8::/64\n"
		       "  ^\n");
	expect_refused("nat64: {enabled: [true]}",
		       AT(1, 18, "expected true or false, found a list")
		       "nat64: {enabled: [true]}\n"
		       "                 ^\n");
	expect_refused("nat64: {timeouts: {udp: {s: 5}}}",
		       AT(1, 25, "expected a duration such as 5m, 2h4m or 250ms, found a mapping")
		       "nat64: {timeouts: {udp: {s: 5}}}\n"
		       "                        ^\n");
	expect_refused("nat64: 5",
		       AT(1, 8, "expected a mapping of settings, found `5'")
		       "nat64: 5\n"
		       "       ^\n");
	expect_refused("- inside: auto\n",
		       AT(1, 1, "expected a mapping of settings, found a list")
		       "- inside: auto\n"
		       "^\n");
	expect_refused("ops: {log: {level: warning}}",
		       AT(1, 20, "expected error, warn, info or debug, found `warning'; "
				 "did you mean `warn'?")
		       "ops: {log: {level: warning}}\n"
		       "                   ^\n");
	expect_refused("ops: {log: {format: xml}}",
		       AT(1, 21, "expected auto, journal, text or json, found `xml'")
		       "ops: {log: {format: xml}}\n"
		       "                    ^\n");
	expect_refused("dns64: {cache: {size: 64MB}}",
		       AT(1, 23, "expected a size such as 64MiB, 1GiB or 500KiB, found `64MB'")
		       "dns64: {cache: {size: 64MB}}\n"
		       "                      ^\n");
}

/* One wrong value a line: its message, without place and excerpt */
static void test_messages(void **state)
{
	static const struct {
		const char *text, *message;
	} cases[] = {
		{ "nat64: {timeouts: {udp: 999ms}}", "must be at least 1s" },
		{ "nat64: {timeouts: {udp: 0}}", "must be at least 1s" },
		{ "nat64: {timeouts: {udp: 8d}}", "must be at most 7d" },
		{ "nat64: {timeouts: {udp: off}}",
		  "expected a duration such as 5m, 2h4m or 250ms, found `off'" },
		{ "dns64: {cache: {serve_stale: 0}}", "must be at least 1s" },
		{ "dns64: {cache: {serve_stale: no}}",
		  "expected a duration such as 1d, or off, found `no'" },
		{ "snid: {limits: {hello_timeout: 99ms}}", "must be at least 100ms" },
		{ "nat64: {limits: {sessions: 0}}", "must be at least 1" },
		{ "nat64: {limits: {sessions: 16777217}}", "must be at most 16777216" },
		{ "nat64: {limits: {sessions: 4294967297}}", "must be at most 16777216" },
		{ "nat64: {limits: {sessions: 18446744073709551617}}",
		  "expected a number, found `18446744073709551617'" },
		{ "nat64: {limits: {sessions: -1}}", "expected a number, found `-1'" },
		{ "nat64: {limits: {sessions: 0x10}}", "expected a number, found `0x10'" },
		{ "nat64: {limits: {sessions: \"\"}}", "expected a number, found `'" },
		{ "nat64: {lowest_ipv6_mtu: 1279}",
		  "must be at least 1280: RFC 8200 section 5, every link carries it" },
		{ "nat64: {lowest_ipv6_mtu: 65536}", "must be at most 65535" },
		{ "nat64: {mss_clamp: 535}",
		  "must be at least 536: RFC 9293 section 3.7.1, the IPv4 default" },
		{ "nat64: {mss_clamp: none}",
		  "expected auto, off, or a number of bytes, found `none'" },
		{ "dns64: {cache: {size: 1023KiB}}", "must be at least 1MiB" },
		{ "uplink: eth0:1", "`eth0:1' is not an interface name" },
		{ "uplink: ..", "`..' is not an interface name" },
		{ "uplink: interface-name-1", "`interface-name-1' is not an interface name" },
		{ "uplink: \"\"", "`' is not an interface name" },
		{ "uplink: \"a\\e[31m\"", "only printable ASCII characters" },
		{ "uplink: ~", "expected auto, or the name of an interface, found nothing" },
		{ "dns64: {root_hints: root.hints}", "`root.hints' is not an absolute path" },
		{ "ops: {control: control.sock}", "`control.sock' is not an absolute path" },
		{ "ops: {metrics: 9464}", "expected an address with its port, such as "
					  "\"127.0.0.1:9464\", or off, found `9464'" },
		{ "ops: {metrics: \"224.0.0.1:80\"}", "`224.0.0.1:80' is not a unicast address" },
		{ "ops: {metrics: ~}", "expected an address with its port, such as "
				       "\"127.0.0.1:9464\", or off, found nothing" },
		{ "ops: {user: 0}", "`0' is not a user name" },
		{ "ops: {user: a/b}", "`a/b' is not a user name" },
		{ "inside: 2001:db8::/64",
		  "expected auto, or a list of IPv6 prefixes, found `2001:db8::/64'" },
		{ "inside: []", "an empty list would serve nobody" },
		{ "inside: [auto]", "expected an IPv6 prefix such as 2001:db8::/64, found `auto': "
				    "not an IP address or prefix" },
		{ "inside: [2001:db8::/129]",
		  "expected an IPv6 prefix such as 2001:db8::/64, found `2001:db8::/129': "
		  "prefix length out of range" },
		{ "inside: [2001:db8::1/64]",
		  "expected an IPv6 prefix such as 2001:db8::/64, found `2001:db8::1/64': "
		  "bits are set beyond the prefix length" },
		{ "inside: [10.0.0.0/8]", "`10.0.0.0/8' is not an IPv6 prefix" },
		{ "inside: [fe80::/64]", "`fe80::/64' holds loopback, IPv4-mapped, link-local or "
					 "multicast addresses" },
		{ "inside: [\"::/0\"]", "`::/0' holds loopback, IPv4-mapped, link-local or "
					"multicast addresses" },
		{ "inside: [2001:db8::]",
		  "expected an IPv6 prefix such as 2001:db8::/64, found a mapping "
		  "(an address that ends in a colon needs quotes)" },
		{ "inside: [, ]", NULL },	/* a syntax error, whatever its text */
		{ "nat64: {clients: []}", "an empty list would serve nobody" },
		{ "dns64: {clients: []}", "an empty list would serve nobody" },
		{ "snid: {backends: []}", "an empty list would let no connection through; "
					  "`listen: []' switches the proxy off" },
		{ "nat64: {deny4: [2001:db8::/32]}", "`2001:db8::/32' is not an IPv4 prefix" },
		{ "prefixes: {nat64: []}", "at least one prefix is needed" },
		{ "prefixes: {nat64: [2001:db8::/33]}",
		  "`2001:db8::/33' is not of length 32, 40, 48, 56, 64 or 96: "
		  "RFC 6052 section 2.2" },
		{ "prefixes: {nat64: [\"2001:db8:0:0:100::/96\"]}",
		  "`2001:db8:0:0:100::/96' has bits 64 to 71 set: "
		  "RFC 6052 section 2.2 has them zero" },
		{ "prefixes: {nat46: 2001:db8::/64}", "`2001:db8::/64' is not of length 96" },
		{ "prefixes: {nat46: \"::ffff:0:0/96\"}",
		  "`::ffff:0:0/96' is not an IPv6 prefix" },
		{ "prefixes: {nat46: [2001:db8::/96]}",
		  "expected an IPv6 prefix such as 2001:db8::/64, found a list" },
		{ "dns64: {exclude_names: lan.example}",
		  "expected a list of domain names such as [lan.example], found `lan.example'" },
		{ "dns64: {exclude_names: [a..example]}",
		  "expected a domain name such as lan.example, found `a..example'" },
		{ "dns64: {exclude_names: [\"*.lan.example\"]}",
		  "expected a domain name such as lan.example, found `*.lan.example': "
		  "a name stands for all below it, without an asterisk" },
		{ "dns64: {exclude_names: [.]}",
		  "expected a domain name such as lan.example, found `.': "
		  "the root would be every name" },
		{ "dns64: {exclude_names: [\"m\xc3\xbcller.example\"]}",
		  "expected a domain name such as lan.example, found `m\xc3\xbcller.example': "
		  "only ASCII; other scripts are written xn--..." },
		{ "dns64: {force_names: [b, a.example, A.example., a]}",
		  "a.example is listed twice" },
		{ "dns64: {force_names: [~]}",
		  "expected a domain name such as lan.example, found nothing" },
		{ "dns64: {rebind: maybe}", "expected off or on, found `maybe'" },
		{ "dns64: {listen: []}",
		  "nobody could ask; `dns64: {enabled: false}' switches DNS off" },
		{ "dns64: {listen: [\"[::]:0\"]}",
		  "expected an address such as 192.0.2.1, \"2001:db8::1\" or "
		  "\"[2001:db8::1]:5300\", found `[::]:0'" },
		{ "dns64: {listen: [ff02::1]}", "`ff02::1' is not a unicast address" },
		{ "dns64: {listen: [\"::1\", \"[0::1]:53\"]}", "[::1]:53 is listed twice" },
		{ "dns64: {upstream: []}", "there would be nobody to ask; `recursive' needs no "
					   "server" },
		{ "dns64: {upstream: [0.0.0.0]}", "`0.0.0.0' is no address to send to" },
		{ "dns64: {upstream: forward}",
		  "expected recursive, or a list of addresses, found `forward'" },
		{ "dns64: {zones: [lan.example]}",
		  "expected a mapping such as {name: lan.example, upstream: [\"2001:db8::53\"]}, "
		  "found `lan.example'" },
		{ "dns64: {zones: [{name: a.example}]}",
		  "`upstream' is missing: expected a list of addresses" },
		{ "dns64: {zones: [{upstream: [192.0.2.1]}]}",
		  "`name' is missing: expected a domain name such as lan.example" },
		{ "dns64: {zones: [{name: a.example, upstream: []}]}",
		  "there would be nobody to ask" },
		{ "dns64: {zones: [{name: a.example, upstream: [0.0.0.0]}]}",
		  "`0.0.0.0' is no address to send to" },
		{ "dns64: {zones: [{name: a.example, upstream: [192.0.2.1, \"192.0.2.1:53\"]}]}",
		  "192.0.2.1:53 is listed twice" },
		{ "dns64: {zones: [{name: a.example, upstream: [192.0.2.1]},"
		  " {name: A.example., upstream: [192.0.2.2]}]}", "a.example is listed twice" },
		{ "dns64: {zones: [{name: \".\", upstream: [192.0.2.1]}]}",
		  "expected a domain name such as lan.example, found `.'" },
		{ "dns64: {zones: [{name: a.example, upstream: [192.0.2.1], forward: yes}]}",
		  "unknown key `forward'" },
		{ "snid: {listen: 443}",
		  "expected a list of ports, addresses with ports, or mappings, found `443'" },
		{ "snid: {listen: [0]}", SNID_LISTEN "found `0'" },
		{ "snid: {listen: [65536]}", SNID_LISTEN "found `65536'" },
		{ "snid: {listen: [[443]]}", SNID_LISTEN "found a list" },
		{ "snid: {listen: [{protocol: tls}]}",
		  "`port' is missing: expected a port (1 to 65535)" },
		{ "snid: {listen: [{port: 70000}]}",
		  "expected a port (1 to 65535), found `70000'" },
		{ "snid: {listen: [{port: 443, server_port: 0}]}",
		  "expected a port (1 to 65535), found `0'" },
		{ "snid: {listen: [{port: 443, adress: 192.0.2.1}]}",
		  "unknown key `adress'; did you mean `address'?" },
		{ "snid: {listen: [{port: 443, address: here}]}",
		  "expected an address such as 192.0.2.1, found `here'" },
		{ "snid: {listen: [{port: 443, protocol: http2}]}",
		  "expected auto, tls, postgres or http, found `http2'; did you mean `http'?" },
		{ "snid: {listen: [{port: 443, mode: nat64}]}",
		  "expected nat46, tcp or unix, found `nat64'; did you mean `nat46'?" },
		{ "snid: {listen: [{port: 443, backends: []}]}",
		  "an empty list would let no connection through; "
		  "`listen: []' switches the proxy off" },
		{ "snid: {listen: [{port: 443, backends: [192.0.2.0/24]}]}",
		  "`192.0.2.0/24' is an IPv4 prefix: only mode tcp goes to IPv4 servers" },
		{ "snid: {listen: [{port: 443, default_name: 192.0.2.1:443}]}",
		  "expected a domain name such as www.example.org, found `192.0.2.1:443': byte not "
		  "allowed in a name" },
		{ "snid: {default_name: 192.0.2.1}",
		  "expected a domain name such as www.example.org, found `192.0.2.1': address, not "
		  "a name" },
		{ "snid: {listen: [{port: 443, proxy_from: [x]}]}",
		  "expected a prefix such as 2001:db8::/64 or 192.0.2.0/24, found `x': not an IP "
		  "address or prefix" },
		{ "snid: {listen: [{port: 443, address: \"224.0.0.1\"}]}",
		  "`224.0.0.1:443' is not a unicast address" },
		{ "snid: {mode: tcp, listen: [443, \"[::]:443\"]}", "[::]:443 is listed twice" },
		{ "snid: {backends: [192.0.2.0/24]}",
		  "`192.0.2.0/24' is an IPv4 prefix: only mode tcp goes to IPv4 servers" },
		{ "snid: {default_name: a..example}",
		  "expected a domain name such as www.example.org, found `a..example': empty "
		  "label" },
		{ "snid: {listen: [{port: 443, default_name: -a.example}]}",
		  "expected a domain name such as www.example.org, found `-a.example': hyphen at "
		  "the end of a label" },
		{ "snid: {proxy_to: v1}", "expected off or v2, found `v1'; did you mean `v2'?" },
		{ "snid: {routes: [www.example.org]}",
		  "expected a mapping such as {name: \"*.example.org\", backend: "
		  "\"2001:db8:1::7\"}, found `www.example.org'" },
		{ "snid: {routes: [{backend: \"2001:db8::7\"}]}", "`name' is missing: expected a "
		  "domain name such as www.example.org, or *.example.org for all below it" },
		{ "snid: {routes: [{name: a.example}]}", "`backend' is missing: expected an "
		  "address such as \"2001:db8:1::7\"" },
		{ "snid: {routes: [{name: \"*\", backend: \"2001:db8::7\"}]}",
		  "expected a domain name such as www.example.org, or *.example.org for all below "
		  "it, found `*': byte not allowed in a name" },
		{ "snid: {routes: [{name: \"*.192.0.2.1\", backend: \"2001:db8::7\"}]}",
		  "expected a domain name such as www.example.org, or *.example.org for all below "
		  "it, found `*.192.0.2.1': address, not a name" },
		{ "snid: {routes: [{name: a.example, backend: b.example}]}",
		  "expected an address such as \"2001:db8:1::7\", found `b.example'" },
		{ "snid: {routes: [{name: a.example, backend: \"2001:db8::7\"}, "
		  "{name: A.example., backend: \"2001:db8::8\"}]}", "a.example is listed twice" },
		{ "snid: {backends: [\"2001:db8:1::/64\"], routes: [{name: a.example, "
		  "backend: \"2001:db8:2::7\"}]}", "2001:db8:2::7 is not in snid.backends" },
		{ "snid: {listen: [198.51.100.1]}", "`198.51.100.1' names no port" },
		{ "snid: {listen: [\"[::]:443\"]}",
		  "`[::]:443' is an IPv6 address: clients come from IPv4 here and appear to the "
		  "servers from prefixes.nat46; IPv6 clients need no gateway" },
		{ "snid: {listen: [443, \"0.0.0.0:443\"]}", "0.0.0.0:443 is listed twice" },
		{ "nat64: {limits: {new_per_client: 5/m}}",
		  "expected a rate such as 1000/s, found `5/m'" },
		{ "nat64: {limits: {client_prefix: 129}}", "must be at most 128" },
		{ "nat64: {limits: {client_prefix: 31}}", "must be at least 32" },
		{ "nat64: {filtering: address}",
		  "expected endpoint-independent or address-dependent, found `address'" },
		{ "nat64: {log: blocks}",
		  "expected off, bindings, sessions or port-blocks, found `blocks'" },
		{ "prefixes: {eam: [192.0.2.1]}", "expected a mapping such as "
		  "{ipv4: 192.0.2.0/28, ipv6: \"2001:db8:46::/124\"}, found `192.0.2.1'" },
		{ "prefixes: {eam: [{ipv4: 192.0.2.1}]}", "`ipv6' is missing: expected an IPv6 "
		  "prefix such as 2001:db8:46::/124" },
		{ "prefixes: {eam: [{ipv4: 192.0.2.1/24, ipv6: 2001:db8::/64}]}",
		  "expected an IPv4 prefix such as 192.0.2.0/28, found `192.0.2.1/24': "
		  "bits are set beyond the prefix length" },
		{ "prefixes: {eam: [{ipv4: 2001:db8::/64, ipv6: 2001:db8::/64}]}",
		  "expected an IPv4 prefix such as 192.0.2.0/28, found `2001:db8::/64'" },
		{ "prefixes: {eam: [{ipv4: 192.0.2.0/28, ipv6: 2001:db8::/125}]}",
		  "the IPv6 prefix is smaller than the IPv4 prefix (RFC 7757 section 3.1): "
		  "/124 or shorter is needed" },
		{ "prefixes: {eam: [{ipv4: 192.0.2.1, ipv6: 2001:db8::1}, "
		  "{ipv4: 192.0.2.2, ipv6: 2001:db8::1}]}",
		  "has a prefix of entry 1 of this list again" },
		{ "nat64: {static: [{proto: sctp, outside: 1, inside: \"[2001:db8::1]:1\"}]}",
		  "expected tcp, udp or icmp, found `sctp'" },
		{ "nat64: {static: [{proto: tcp, outside: 0, inside: \"[2001:db8::1]:1\"}]}",
		  "expected an IPv4 address with a port such as \"198.51.100.1:2222\", or a port "
		  "of the uplink's, found `0'" },
		{ "nat64: {static: [{proto: tcp, outside: 224.0.0.1:1, inside: \"[2001:db8::1]:1\"}]}",
		  "`224.0.0.1:1' is not a unicast address" },
		{ "nat64: {static: [{proto: tcp, outside: 1, inside: \"192.0.2.1:1\"}]}",
		  "expected an IPv6 address with a port such as \"[2001:db8:1::7]:22\", "
		  "found `192.0.2.1:1'" },
		{ "nat64: {static: [{proto: tcp, outside: 1, inside: \"[ff02::1]:1\"}]}",
		  "`[ff02::1]:1' is not the address of a server" },
		{ "nat64: {static: [{proto: tcp, outside: 1, inside: \"[2001:db8::1]:1\"}, "
		  "{proto: tcp, outside: 1, inside: \"[2001:db8::2]:1\"}]}",
		  "has a side of entry 1 of this list again" },
		{ "nat64: {static: [{proto: tcp, outside: 1, inside: \"[2001:db8::1]:1\"}, "
		  "{proto: tcp, outside: 2, inside: \"[2001:db8::1]:1\"}]}",
		  "has a side of entry 1 of this list again" },
	};

	(void)state;
	for (size_t i = 0; i < N(cases); i++) {
		char *errors, *from, *end;

		assert_null(parse(cases[i].text, &errors));
		from = strstr(errors, ": error: ");
		assert_non_null(from);
		assert_int_equal(strncmp(errors, "t.yaml:1:", 9), 0);
		from += strlen(": error: ");
		end = strchr(from, '\n');
		*end = '\0';
		if (cases[i].message)
			assert_string_equal(from, cases[i].message);
		/* the only error of this text */
		assert_null(strstr(end + 1, "t.yaml"));
		free(errors);
	}
}

static void test_pool4_errors(void **state)
{
	static const char ports[] = "expected auto, a range of ports such as 61000-65535, or a "
				    "list of ranges (1 to 65535), found";
	char expected[4096];

	(void)state;
	expect_refused("nat64: {pool4: []}",
		       AT(1, 16, "at least one entry is needed")
		       "nat64: {pool4: []}\n"
		       "               ^\n");
	expect_refused("nat64: {pool4: [{address: 192.0.2.1, port: 5}, 192.0.2.1]}",
		       AT(1, 38, "unknown key `port'; did you mean `ports'?")
		       "nat64: {pool4: [{address: 192.0.2.1, port: 5}, 192.0.2.1]}\n"
		       "                                     ^\n"
		       AT(1, 48, "expected a mapping such as {address: auto, ports: auto}, "
				 "found `192.0.2.1'")
		       "nat64: {pool4: [{address: 192.0.2.1, port: 5}, 192.0.2.1]}\n"
		       "                                               ^\n");
	expect_refused("nat64: {pool4: [{address: 224.0.0.1}, {address: \"::1\"}]}",
		       AT(1, 27, "`224.0.0.1' is not a unicast address")
		       "nat64: {pool4: [{address: 224.0.0.1}, {address: \"::1\"}]}\n"
		       "                          ^\n"
		       AT(1, 49, "expected auto or an IPv4 address, found `::1'")
		       "nat64: {pool4: [{address: 224.0.0.1}, {address: \"::1\"}]}\n"
		       "                                                ^\n");
	snprintf(expected, sizeof(expected),
		 "t.yaml:1:25: error: %s `0-5'\n"
		 "nat64: {pool4: [{ports: 0-5}, {ports: [65536, 9-3]}]}\n"
		 "                        ^\n"
		 "t.yaml:1:40: error: %s `65536'\n"
		 "nat64: {pool4: [{ports: 0-5}, {ports: [65536, 9-3]}]}\n"
		 "                                       ^\n"
		 "t.yaml:1:47: error: %s `9-3'\n"
		 "nat64: {pool4: [{ports: 0-5}, {ports: [65536, 9-3]}]}\n"
		 "                                              ^\n", ports, ports, ports);
	expect_refused("nat64: {pool4: [{ports: 0-5}, {ports: [65536, 9-3]}]}", expected);
	expect_refused("nat64: {pool4: [{ports: [1-9, 5]}, {address: 192.0.2.1, ports: []}]}",
		       AT(1, 31, "overlaps 1-9 of the same list")
		       "nat64: {pool4: [{ports: [1-9, 5]}, {address: 192.0.2.1, ports: []}]}\n"
		       "                              ^\n"
		       AT(1, 64, "expected 1 to 64 ranges, found 0")
		       "nat64: {pool4: [{ports: [1-9, 5]}, {address: 192.0.2.1, ports: []}]}\n"
		       "                                                               ^\n");
	/* The same port twice: by ranges, and by auto, which may be any */
	expect_refused("nat64:\n  pool4:\n"
		       "    - {address: 192.0.2.1, ports: 5-10}\n"
		       "    - {address: 192.0.2.2, ports: 5-10}\n"
		       "    - {address: 192.0.2.1, ports: [1-4, 10]}\n"
		       "    - {}\n"
		       "    - {ports: 5}\n",
		       AT(5, 7, "shares ports of the same address with entry 1 of this list")
		       "    - {address: 192.0.2.1, ports: [1-4, 10]}\n"
		       "      ^\n"
		       AT(7, 7, "shares ports of the same address with entry 4 of this list")
		       "    - {ports: 5}\n"
		       "      ^\n");
}

static void test_keys(void **state)
{
	(void)state;
	expect_refused("insde: auto\n"
		       "NAT64: {}\n"
		       "metrics: off\n"
		       "nat64: {timeouts: {upd: 5m, tcp_sym: 6s}, statics: []}\n",
		       AT(1, 1, "unknown key `insde'; did you mean `inside'?")
		       "insde: auto\n"
		       "^\n"
		       AT(2, 1, "unknown key `NAT64'; did you mean `nat64'?")
		       "NAT64: {}\n"
		       "^\n"
		       AT(3, 1, "unknown key `metrics'")
		       "metrics: off\n"
		       "^\n"
		       AT(4, 20, "unknown key `upd'; did you mean `udp'?")
		       "nat64: {timeouts: {upd: 5m, tcp_sym: 6s}, statics: []}\n"
		       "                   ^\n"
		       AT(4, 29, "unknown key `tcp_sym'; did you mean `tcp_syn'?")
		       "nat64: {timeouts: {upd: 5m, tcp_sym: 6s}, statics: []}\n"
		       "                            ^\n"
		       AT(4, 43, "unknown key `statics'; did you mean `static'?")
		       "nat64: {timeouts: {upd: 5m, tcp_sym: 6s}, statics: []}\n"
		       "                                          ^\n");
	/* A path is no key. */
	expect_refused("nat64.enabled: true\n",
		       AT(1, 1, "unknown key `nat64.enabled'")
		       "nat64.enabled: true\n"
		       "^\n");
	expect_refused("nat64:\n  enabled: true\nuplink: auto\nnat64:\n  enabled: false\n",
		       AT(4, 1, "key `nat64' stands on line 1 already")
		       "nat64:\n"
		       "^\n");
	expect_refused("nat64: {enabled: true, 'enabled': true}",
		       AT(1, 24, "key `enabled' stands on line 1 already")
		       "nat64: {enabled: true, 'enabled': true}\n"
		       "                       ^\n");
}

static void test_rules(void **state)
{
	(void)state;
	expect_refused("inside: [2001:db8::/32, 64:ff9b::/64]\n",
		       AT(1, 25, "64:ff9b::/64 overlaps 64:ff9b::/96 of prefixes.nat64")
		       "inside: [2001:db8::/32, 64:ff9b::/64]\n"
		       "                        ^\n");
	expect_refused("inside: [64:ff9b:1::/48]\n",
		       AT(1, 10, "64:ff9b:1::/48 overlaps 64:ff9b:1::/96 of prefixes.nat46")
		       "inside: [64:ff9b:1::/48]\n"
		       "         ^\n");
	expect_refused("prefixes: {nat64: [2001:db8::/48, 64:ff9b:1::/96]}\n"
		       "inside: [2001:db8::/64]",
		       AT(1, 20, "2001:db8::/48 overlaps 2001:db8::/64 of inside")
		       "prefixes: {nat64: [2001:db8::/48, 64:ff9b:1::/96]}\n"
		       "                   ^\n"
		       AT(1, 35, "64:ff9b:1::/96 overlaps 64:ff9b:1::/96 of prefixes.nat46")
		       "prefixes: {nat64: [2001:db8::/48, 64:ff9b:1::/96]}\n"
		       "                                  ^\n");
	expect_refused("prefixes:\n"
		       "  nat64: [2001:db8::/32, 2001:db8:64::/96]\n"
		       "  nat46: 2001:db8:46::/96\n",
		       AT(2, 26, "2001:db8:64::/96 overlaps 2001:db8::/32 of prefixes.nat64")
		       "  nat64: [2001:db8::/32, 2001:db8:64::/96]\n"
		       "                         ^\n"
		       AT(3, 10, "2001:db8:46::/96 overlaps 2001:db8::/32 of prefixes.nat64")
		       "  nat46: 2001:db8:46::/96\n"
		       "         ^\n");
	/* RFC 7757 3.1: an address is of a mapping or of something else, not of both. */
	expect_refused("prefixes:\n  eam:\n"
		       "    - {ipv4: 192.0.2.0/28, ipv6: \"64:ff9b::c000:200/124\"}\n"
		       "    - {ipv4: 192.0.2.64/28, ipv6: \"64:ff9b:1::/64\"}\n"
		       "    - {ipv4: 192.0.0.0/2, ipv6: \"2001:db8::/34\"}\n"
		       "    - {ipv4: 192.0.2.96, ipv6: fe80::1}\n",
		       AT(3, 7, "64:ff9b::c000:200/124 overlaps 64:ff9b::/96 of prefixes.nat64")
		       "    - {ipv4: 192.0.2.0/28, ipv6: \"64:ff9b::c000:200/124\"}\n"
		       "      ^\n"
		       AT(4, 7, "64:ff9b:1::/64 overlaps 64:ff9b:1::/96 of prefixes.nat46")
		       "    - {ipv4: 192.0.2.64/28, ipv6: \"64:ff9b:1::/64\"}\n"
		       "      ^\n"
		       AT(5, 7, "192.0.0.0/2 holds addresses that no host has")
		       "    - {ipv4: 192.0.0.0/2, ipv6: \"2001:db8::/34\"}\n"
		       "      ^\n"
		       AT(6, 7, "fe80::1/128 holds addresses that no host has")
		       "    - {ipv4: 192.0.2.96, ipv6: fe80::1}\n"
		       "      ^\n");
	expect_refused("prefixes: {eam: [{ipv4: 192.0.2.0/28, ipv6: \"2001:db8::/124\"}]}\n"
		       "nat64:\n"
		       "  pool4: [{address: 192.0.2.16}, {address: 192.0.2.15}, {address: auto}]\n"
		       "  static: [{proto: tcp, outside: \"192.0.2.1:22\", "
		       "inside: \"[2001:db8::1]:22\"}]\n",
		       AT(3, 34, "192.0.2.15 lies in 192.0.2.0/28 of prefixes.eam")
		       "  pool4: [{address: 192.0.2.16}, {address: 192.0.2.15}, {address: auto}]\n"
		       "                                 ^\n"
		       AT(4, 12, "192.0.2.1 lies in 192.0.2.0/28 of prefixes.eam")
		       "  static: [{proto: tcp, outside: \"192.0.2.1:22\", "
		       "inside: \"[2001:db8::1]:22\"}]\n"
		       "           ^\n");
	expect_refused("dns64: {tls: {cert: /c.pem}}",
		       AT(1, 21, "needs dns64.tls.key too")
		       "dns64: {tls: {cert: /c.pem}}\n"
		       "                    ^\n");
	expect_refused("dns64: {tls: {key: /k.pem}}",
		       AT(1, 20, "needs dns64.tls.cert too")
		       "dns64: {tls: {key: /k.pem}}\n"
		       "                   ^\n");
	expect_refused("dns64: {tls: {cert: /c, key: /k, port: 53}, listen: [127.0.0.1]}",
		       AT(1, 54, "127.0.0.1:53 has the port of DNS over TLS (dns64.tls.port)")
		       "dns64: {tls: {cert: /c, key: /k, port: 53}, listen: [127.0.0.1]}\n"
		       "                                                     ^\n");
	expect_refused("dns64: {listen: [127.0.0.1], upstream: [9.9.9.9, 127.0.0.1]}",
		       AT(1, 50, "127.0.0.1:53 is an address of dns64.listen itself")
		       "dns64: {listen: [127.0.0.1], upstream: [9.9.9.9, 127.0.0.1]}\n"
		       "                                                 ^\n");
	expect_refused("dns64: {listen: [127.0.0.1], zones: [{name: a.example, upstream: [127.0.0.1]}]}",
		       AT(1, 38, "127.0.0.1:53 is an address of dns64.listen itself")
		       "dns64: {listen: [127.0.0.1], zones: [{name: a.example, upstream: [127.0.0.1]}]}\n"
		       "                                     ^\n");
	expect_refused("dns64: {listen: [0.0.0.0], upstream: [9.9.9.9, 127.0.0.1]}",
		       AT(1, 48, "127.0.0.1:53 is an address of dns64.listen itself")
		       "dns64: {listen: [0.0.0.0], upstream: [9.9.9.9, 127.0.0.1]}\n"
		       "                                               ^\n");
	expect_refused("dns64: {upstream: [\"::1\"]}",
		       AT(1, 20, "[::1]:53 is an address of dns64.listen itself")
		       "dns64: {upstream: [\"::1\"]}\n"
		       "                   ^\n");
	expect_refused("prefixes: {draining: [2001:db8:64::/48, \"64:ff9b::/96\"]}",
		       AT(1, 23, "2001:db8:64::/48 is none of prefixes.nat64")
		       "prefixes: {draining: [2001:db8:64::/48, \"64:ff9b::/96\"]}\n"
		       "                      ^\n"
		       AT(1, 23, "all of prefixes.nat64 drain: DNS64 needs one to answer with")
		       "prefixes: {draining: [2001:db8:64::/48, \"64:ff9b::/96\"]}\n"
		       "                      ^\n");
	expect_refused("dns64: {exclude_names: [a.example, b.example], force_names: [B.example.]}",
		       AT(1, 62, "b.example is in dns64.exclude_names too")
		       "dns64: {exclude_names: [a.example, b.example], force_names: [B.example.]}\n"
		       "                                                             ^\n");
	/* No rule is applied to what could not be read. */
	expect_refused("inside: [64:ff9b::/64, x]\n",
		       AT(1, 24, "expected an IPv6 prefix such as 2001:db8::/64, found `x': "
				 "not an IP address or prefix")
		       "inside: [64:ff9b::/64, x]\n"
		       "                       ^\n");
}

/* The minimums of the RFCs, which a laboratory may go below */
static void test_warnings(void **state)
{
	static const char text[] = "nat64:\n"
				   "  timeouts:\n"
				   "    udp: 1m59s\n"
				   "    tcp_established: 2h3m59s999ms\n"
				   "    tcp_transitory: 3m\n"
				   "    icmp: 59\n";
	static const char expected[] =
		"t.yaml:3:10: warning: less than 2m: UDP_MIN of RFC 6146 section 4; "
		"idle sessions may break\n"
		"    udp: 1m59s\n"
		"         ^\n"
		"t.yaml:4:22: warning: less than 2h4m: RFC 5382 REQ-5; "
		"idle connections may break\n"
		"    tcp_established: 2h3m59s999ms\n"
		"                     ^\n"
		"t.yaml:5:21: warning: less than 4m: TCP_TRANS of RFC 6146 section 4; "
		"slow connections may break\n"
		"    tcp_transitory: 3m\n"
		"                    ^\n"
		"t.yaml:6:11: warning: less than 1m: ICMP_DEFAULT of RFC 6146 section 4; "
		"slow answers may be lost\n"
		"    icmp: 59\n"
		"          ^\n";
	struct config *config;
	char *errors;

	(void)state;
	config = parse(text, &errors);
	assert_string_equal(errors, expected);
	assert_non_null(config);
	assert_int_equal(config->nat64.timeouts.udp_ms, 119000);
	assert_int_equal(config->nat64.timeouts.tcp_established_ms, 7439999);
	config_free(config);
	free(errors);
	config_free(parse_good("nat64: {timeouts: {udp: 2m, tcp_established: 2h4m, "
			       "tcp_transitory: 4m, icmp: 60s}}"));
}

/* One run names the errors of every part, in the order of the file. */
static void test_all_at_once(void **state)
{
	(void)state;
	expect_refused("ops: {log: {level: loud}}\n"
		       "snid: {listen: [0.0.0.0:99999]}\n"
		       "nat64: {timeout: 1}\n"
		       "inside: []\n"
		       "prefixes: {nat46: \"64:ff9b::/96\"}\n",
		       AT(1, 20, "expected error, warn, info or debug, found `loud'")
		       "ops: {log: {level: loud}}\n"
		       "                   ^\n"
		       AT(2, 17, SNID_LISTEN "found `0.0.0.0:99999'")
		       "snid: {listen: [0.0.0.0:99999]}\n"
		       "                ^\n"
		       AT(3, 9, "unknown key `timeout'; did you mean `timeouts'?")
		       "nat64: {timeout: 1}\n"
		       "        ^\n"
		       AT(4, 9, "an empty list would serve nobody")
		       "inside: []\n"
		       "        ^\n"
		       AT(5, 19, "64:ff9b::/96 overlaps 64:ff9b::/96 of prefixes.nat64")
		       "prefixes: {nat46: \"64:ff9b::/96\"}\n"
		       "                  ^\n");
}

/* ---- the line and the caret ------------------------------------------------------ */

static void test_excerpt(void **state)
{
	char text[600], expected[1200], around[200];

	(void)state;
	/* Tabs stay, so that the caret stands below its place at any width. */
	expect_refused("nat64:\n  enabled:\t\tno\t# x\n",
		       AT(2, 13, "expected true or false, found `no'")
		       "  enabled:\t\tno\t# x\n"
		       "          \t\t^\n");
	/* Columns are characters, not bytes. */
	expect_refused("uplink: auto # \xc3\xa4\n{\xc3\xa4: x}\n",
		       AT(2, 1, "did not find expected key")
		       "{\xc3\xa4: x}\n"
		       "^\n");
	expect_refused("{\xe2\x82\xac: x, y: z}",
		       AT(1, 2, "unknown key `\xe2\x82\xac'")
		       "{\xe2\x82\xac: x, y: z}\n"
		       " ^\n"
		       AT(1, 8, "unknown key `y'")
		       "{\xe2\x82\xac: x, y: z}\n"
		       "       ^\n");
	/* CRLF: the CR belongs to the line's end. */
	expect_refused("nat64:\r\n  enabled: no\r\n",
		       AT(2, 12, "expected true or false, found `no'")
		       "  enabled: no\n"
		       "           ^\n");
	/* Control characters do not reach the terminal. */
	expect_refused("uplink: \"a/\\e\" # \xc2\x9b\n",
		       AT(1, 9, "only printable ASCII characters")
		       "uplink: \"a/\\e\" # ?\n"
		       "        ^\n");
	/* A long line is cut around the caret. */
	memset(text, ' ', sizeof(text));
	memcpy(text, "nat64: {enabled:", 16);
	strcpy(text + 400, "no}                                        #"
			   "                                                    end");
	memset(around, ' ', 80);
	memcpy(around + 80, text + 400, 80);
	around[160] = '\0';
	snprintf(expected, sizeof(expected),
		 "t.yaml:1:401: error: expected true or false, found `no'\n"
		 "...%s...\n   %*s^\n", around, 80, "");
	expect_refused(text, expected);
}

static void test_syntax(void **state)
{
	(void)state;
	expect_refused("nat64:\n  enabled: [true\n",
		       AT(2, 17, "flow sequence without a closing bracket")
		       "  enabled: [true\n"
		       "                ^\n");
	expect_refused("uplink: \"x\n",
		       AT(1, 10, "double-quoted scalar without closing quote")
		       "uplink: \"x\n"
		       "         ^\n");
	expect_refused("nat64:\n\tenabled: true\n",
		       AT(2, 1, "tab character may not be used as indentation")
		       "\tenabled: true\n"
		       "^\n");
	/* What stands before the syntax error is checked all the same. */
	expect_refused("inside: []\nnat46: x\nuplink: @\n",
		       AT(1, 9, "an empty list would serve nobody")
		       "inside: []\n"
		       "        ^\n"
		       AT(2, 1, "unknown key `nat46'; did you mean `nat64'?")
		       "nat46: x\n"
		       "^\n"
		       AT(3, 9, "plain scalar cannot start with '@'")
		       "uplink: @\n"
		       "        ^\n");
}

/* YAML that a configuration has no use for, and that could be used against us */
static void test_refused_yaml(void **state)
{
	(void)state;
	expect_refused("inside: &a [2001:db8::/32]\n",
		       AT(1, 9, "anchors (&name) are not accepted here")
		       "inside: &a [2001:db8::/32]\n"
		       "        ^\n");
	expect_refused("inside: *a\n",
		       AT(1, 9, "aliases (*name) are not accepted here")
		       "inside: *a\n"
		       "        ^\n");
	expect_refused("uplink: !!str eth0\n",
		       AT(1, 9, "tags (!name) are not accepted here")
		       "uplink: !!str eth0\n"
		       "        ^\n");
	expect_refused("uplink: eth0\n---\nuplink: eth1\n",
		       AT(2, 1, "a second document is not accepted here")
		       "---\n"
		       "^\n");
	expect_refused("? [uplink]\n: eth0\n",
		       AT(1, 3, "a key must be a plain word")
		       "? [uplink]\n"
		       "  ^\n");
	expect_refused("uplink: \"eth\\0\"\n",
		       AT(1, 9, "a NUL character")
		       "uplink: \"eth\\0\"\n"
		       "        ^\n");
	expect_refused("uplink: \xff\xfe\n",
		       AT(1, 9, "byte 0xff is not text (UTF-8)")
		       "uplink: ??\n"
		       "        ^\n");
}

/* A text of @head, @n times @part, and @tail; the caller frees it. */
static char *repeat(const char *head, const char *part, size_t n, const char *tail)
{
	size_t size;
	char *text;
	FILE *out = open_memstream(&text, &size);

	fputs(head, out);
	for (size_t i = 0; i < n; i++)
		fputs(part, out);
	fputs(tail, out);
	fclose(out);
	return text;
}

static void test_bounds(void **state)
{
	static const struct {
		const char *head, *part;
		size_t n;
		const char *tail, *message;
	} cases[] = {
		{ "inside: ", "[", 16, "", "error: nested too deeply\n" },
		{ "inside: ", "[", 100000, "", "error: nested too deeply\n" },
		{ "inside: [", "a,", 20000, "]", "error: too many values\n" },
		{ "{", "a: 1, ", 257, "}", "error: too many values\n" },
		{ "", "a: 1\n", 120, "", "t.yaml: error: 20 more problems are not shown\n" },
		{ "uplink: ", "x", 4097, "", "error: a text of more than 4096 bytes\n" },
		{ "uplink: ", "x", 100, "",
		  "`xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx' is not" },
		{ "#", "x", 1 << 20, "", "t.yaml: error: larger than 1 MiB\n" },
		{ "prefixes: {nat64: [", "2001:db8::/32,", 17, "]}",
		  "error: 17 entries, at most 16 are possible\n" },
	};
	char nul[] = "uplink: auto\0\n", *errors;

	(void)state;
	for (size_t i = 0; i < N(cases); i++) {
		char *text = repeat(cases[i].head, cases[i].part, cases[i].n, cases[i].tail);

		assert_null(parse(text, &errors));
		if (!strstr(errors, cases[i].message))
			fail_msg("case %zu: %.400s", i, errors);
		free(errors);
		free(text);
	}
	assert_null(parse_bytes(nul, sizeof(nul) - 1, &errors));
	assert_non_null(strstr(errors, "t.yaml:1:13: error: byte 0x00 is not text (UTF-8)\n"));
	free(errors);
}

static void test_files(void **state)
{
	static const struct {
		const char *path, *errors;
	} cases[] = {
		{ "/nonexistent/gate64.yaml",
		  "/nonexistent/gate64.yaml: error: cannot be read: No such file or directory\n" },
		{ "/", "/: error: cannot be read: Is a directory\n" },
		{ "/dev/zero", "/dev/zero: error: larger than 1 MiB\n" },
	};
	char path[] = "/tmp/gate64-config-XXXXXX", expected[256], *errors;
	int fd = mkstemp(path);
	size_t size;

	(void)state;
	for (size_t i = 0; i < N(cases); i++) {
		FILE *out = open_memstream(&errors, &size);

		assert_null(config_load(cases[i].path, out));
		fclose(out);
		assert_string_equal(errors, cases[i].errors);
		free(errors);
	}
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "\nuplnk: x\n", 10), 10);
	close(fd);
	FILE *out = open_memstream(&errors, &size);
	assert_null(config_load(path, out));
	fclose(out);
	unlink(path);
	snprintf(expected, sizeof(expected),
		 "%s:2:1: error: unknown key `uplnk'; did you mean `uplink'?\nuplnk: x\n^\n", path);
	assert_string_equal(errors, expected);
	free(errors);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_wrong_scalars),
		cmocka_unit_test(test_messages),
		cmocka_unit_test(test_pool4_errors),
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_rules),
		cmocka_unit_test(test_warnings),
		cmocka_unit_test(test_all_at_once),
		cmocka_unit_test(test_excerpt),
		cmocka_unit_test(test_syntax),
		cmocka_unit_test(test_refused_yaml),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
