/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What rules of others would do with a packet. The rules are as libnftables-json(5) has them;
 * a packet is that of a row, unless the row changes it.
 */
#include <json-c/json.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../ops/doctor_nft.h"

#define BASE(family, name, type, hook, prio, policy)					\
	"{\"chain\":{\"family\":\"" family "\",\"table\":\"t\",\"name\":\"" name "\","	\
	"\"type\":\"" type "\",\"hook\":\"" hook "\",\"prio\":" #prio ","		\
	"\"policy\":\"" policy "\"}}"
#define INPUT(policy) BASE("inet", "input", "filter", "input", 0, policy)
#define CHAIN(name) "{\"chain\":{\"family\":\"inet\",\"table\":\"t\",\"name\":\"" name "\"}}"
#define RULE(chain, expr) RULE_OF("inet", chain, expr)
#define RULE_OF(family, chain, expr)							\
	",{\"rule\":{\"family\":\"" family "\",\"table\":\"t\",\"chain\":\"" chain "\","\
	"\"handle\":7,\"expr\":[" expr "]}}"
#define MATCH(op, left, right)								\
	"{\"match\":{\"op\":\"" op "\",\"left\":" left ",\"right\":" right "}}"
#define PAYLOAD(protocol, field)							\
	"{\"payload\":{\"protocol\":\"" protocol "\",\"field\":\"" field "\"}}"
#define META(key) "{\"meta\":{\"key\":\"" key "\"}}"
#define CT_STATE "{\"ct\":{\"key\":\"state\"}}"
#define JUMP(chain) "{\"jump\":{\"target\":\"" chain "\"}}"
#define VMAP(key, set) "{\"vmap\":{\"key\":" key ",\"data\":{\"set\":[" set "]}}}"
#define REJECT "{\"reject\":{\"type\":\"tcp reset\"}}"
#define MASQUERADE "{\"masquerade\":null}"
#define NET10 "{\"prefix\":{\"addr\":\"10.0.0.0\",\"len\":8}}"
#define ACCEPT "{\"accept\":null}"
#define DROP "{\"drop\":null}"
#define DPORT(right) MATCH("==", PAYLOAD("tcp", "dport"), right)
#define XT(type, name) "{\"xt\":{\"type\":\"" type "\",\"name\":\"" name "\"}}"

static struct in6_addr address(const char *text)
{
	struct in6_addr addr = in6addr_any;

	assert_true(!text || addr_parse(text, &addr));
	return addr;
}

static struct nft_rules *rules(const char *text)
{
	char *all = NULL;
	struct nft_rules *made;

	assert_true(asprintf(&all, "[%s]", text) > 0);
	made = nft_rules_new(json_tokener_parse(all));
	free(all);
	assert_non_null(made);
	return made;
}

/* A SYN from the Internet to port 443, as it comes in by eth0 */
static struct nft_packet syn(void)
{
	return (struct nft_packet){ .src = address("203.0.113.7"), .dst = address("198.51.100.1"),
				    .l4 = IPPROTO_TCP, .sport = 40000, .dport = 443,
				    .iif = "eth0", .oif = "", .ct_state = "new", .mark = 0x64 };
}

static enum nft_fate fate(const char *text, const char *hook, const struct nft_packet *packet,
			  struct nft_culprit *culprit)
{
	struct nft_rules *made = rules(text);
	enum nft_fate got = nft_fate(made, hook, packet, NFT_PRIORITY_ANY, culprit);

	nft_rules_free(made);
	return got;
}

/* Each kind of match: where it says no, the packet falls to a policy of drop. */
static void matches(void **state)
{
	static const struct {
		const char *expr;
		bool passes;
	} rows[] = {
		{ ACCEPT, true },
		{ "{\"counter\":{\"packets\":0,\"bytes\":0}}," ACCEPT, true },
		{ DPORT("443") "," ACCEPT, true },
		{ DPORT("80") "," ACCEPT, false },
		{ MATCH("!=", PAYLOAD("tcp", "dport"), "80") "," ACCEPT, true },
		{ DPORT("{\"set\":[22,{\"range\":[400,500]}]}") "," ACCEPT, true },
		{ DPORT("{\"set\":[22,80]}") "," ACCEPT, false },
		{ DPORT("{\"set\":[{\"elem\":{\"val\":443,\"timeout\":9}}]}") "," ACCEPT, true },
		{ DPORT("\"@ports\"") "," ACCEPT, true },
		{ DPORT("\"@others\"") "," ACCEPT, false },
		{ DPORT("\"@nowhere\"") "," ACCEPT, true },		/* not known: it may */
		{ MATCH("==", PAYLOAD("udp", "dport"), "443") "," ACCEPT, false },
		{ MATCH("!=", PAYLOAD("udp", "dport"), "53") "," ACCEPT, false },
		{ MATCH("==", PAYLOAD("th", "dport"), "443") "," ACCEPT, true },
		{ MATCH("==", PAYLOAD("ip", "saddr"), "\"203.0.113.7\"") "," ACCEPT, true },
		{ MATCH("==", PAYLOAD("ip", "saddr"),
			"{\"prefix\":{\"addr\":\"203.0.113.0\",\"len\":24}}") "," ACCEPT, true },
		{ MATCH("==", PAYLOAD("ip", "saddr"),
			NET10) "," ACCEPT, false },
		{ MATCH("==", PAYLOAD("ip", "daddr"),
			"{\"range\":[\"198.51.100.0\",\"198.51.100.9\"]}") "," ACCEPT, true },
		{ MATCH("==", PAYLOAD("ip6", "saddr"), "\"2001:db8::1\"") "," ACCEPT, false },
		{ MATCH("==", PAYLOAD("ip", "protocol"), "\"tcp\"") "," ACCEPT, true },
		{ MATCH("==", PAYLOAD("ip", "ttl"), "64") "," ACCEPT, true },
		{ MATCH("==", META("iifname"), "\"eth0\"") "," ACCEPT, true },
		{ MATCH("==", META("iifname"), "\"eth*\"") "," ACCEPT, true },
		{ MATCH("==", META("iifname"), "\"lo\"") "," ACCEPT, false },
		{ MATCH("==", META("oifname"), "\"eth0\"") "," ACCEPT, false },
		{ MATCH("==", META("l4proto"), "{\"set\":[\"udp\",\"tcp\"]}") "," ACCEPT, true },
		{ MATCH("==", META("l4proto"), "6") "," ACCEPT, true },
		{ MATCH("==", META("nfproto"), "\"ipv6\"") "," ACCEPT, false },
		{ MATCH("==", META("protocol"), "\"ip\"") "," ACCEPT, true },
		{ MATCH("==", META("mark"), "100") "," ACCEPT, true },
		{ MATCH("==", "{\"&\":[" META("mark") ",255]}", "101") "," ACCEPT, false },
		{ MATCH("==", META("skuid"), "0") "," ACCEPT, true },
		{ MATCH("in", CT_STATE, "[\"established\",\"related\"]") "," ACCEPT, false },
		{ MATCH("in", CT_STATE, "[\"new\",\"related\"]") "," ACCEPT, true },
		{ MATCH("==", "{\"fib\":{\"result\":\"oif\",\"flags\":\"saddr\"}}", "true") "," ACCEPT,
		  true },
		{ "{\"limit\":{\"rate\":1,\"per\":\"second\"}}," ACCEPT, true },
		{ "{\"limit\":{\"rate\":1,\"per\":\"second\"}}," DROP, false },	/* by the policy */
	};
	struct nft_packet packet = syn();
	struct nft_culprit culprit;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *text = NULL;

		assert_true(asprintf(&text, INPUT("drop")
			",{\"set\":{\"family\":\"inet\",\"table\":\"t\",\"name\":\"ports\","
			"\"elem\":[443]}}"
			",{\"set\":{\"family\":\"inet\",\"table\":\"t\",\"name\":\"others\"}}"
			RULE("input", "%s"), rows[i].expr) > 0);
		if ((fate(text, "input", &packet, &culprit) == NFT_PASSES) != rows[i].passes)
			fail_msg("%s", rows[i].expr);
		free(text);
	}
}

/* Verdicts, jumps and maps, in the order that the kernel has them */
static void walks(void **state)
{
	static const struct {
		const char *text;
		enum nft_fate fate;
		const char *chain;	/* of the culprit */
	} rows[] = {
		{ INPUT("accept"), NFT_PASSES, NULL },
		{ INPUT("drop"), NFT_DROPPED, "inet t input" },
		{ INPUT("accept") RULE("input", DPORT("443") "," DROP) RULE("input", ACCEPT),
		  NFT_DROPPED, "inet t input" },
		{ INPUT("drop") RULE("input", ACCEPT) RULE("input", DROP), NFT_PASSES, NULL },
		{ INPUT("accept") RULE("input", REJECT), NFT_DROPPED,
		  "inet t input" },
		/* A chain that is jumped to, and back from */
		{ INPUT("accept") "," CHAIN("c") RULE("input", JUMP("c"))
		  RULE("c", DROP), NFT_DROPPED, "inet t c" },
		{ INPUT("drop") "," CHAIN("c") RULE("input", JUMP("c"))
		  RULE("c", "{\"return\":null}") RULE("c", ACCEPT), NFT_DROPPED, "inet t input" },
		{ INPUT("drop") "," CHAIN("c") RULE("input", JUMP("c"))
		  RULE("c", ACCEPT), NFT_PASSES, NULL },
		{ INPUT("accept") "," CHAIN("c") RULE("input", "{\"goto\":{\"target\":\"c\"}}")
		  RULE("c", DPORT("80") "," ACCEPT) RULE("input", DROP), NFT_PASSES, NULL },
		{ INPUT("accept") RULE("input", JUMP("input")), NFT_PASSES, NULL },
		/* Of a match that is not known, either may be. */
		{ INPUT("accept") "," CHAIN("c")
		  RULE("input", MATCH("==", META("skuid"), "0") "," JUMP("c"))
		  RULE("c", DROP), NFT_PASSES, NULL },
		{ INPUT("drop") "," CHAIN("c")
		  RULE("input", MATCH("==", META("skuid"), "0") "," JUMP("c"))
		  RULE("c", ACCEPT), NFT_PASSES, NULL },
		{ INPUT("drop") RULE("input", VMAP(CT_STATE, "[\"established\"," ACCEPT "],"
		  "[\"invalid\"," DROP "]")), NFT_DROPPED, "inet t input" },
		{ INPUT("drop") RULE("input", VMAP(META("iifname"), "[\"lo\"," DROP "],"
		  "[\"eth0\"," ACCEPT "]")), NFT_PASSES, NULL },
		{ INPUT("accept") "," CHAIN("c")
		  RULE("input", VMAP(META("iifname"), "[\"eth0\"," JUMP("c") "]")) RULE("c", DROP),
		  NFT_DROPPED, "inet t c" },
		{ INPUT("drop") RULE("input", "{\"vmap\":{\"key\":" META("iifname")
		  ",\"data\":\"@named\"}}"), NFT_PASSES, NULL },
		{ INPUT("drop") RULE("input", "{\"queue\":{\"num\":0}}"), NFT_PASSES, NULL },
		/* iptables: what it asks for is not told */
		{ INPUT("drop") RULE("input", XT("match", "recent") "," ACCEPT), NFT_PASSES, NULL },
		{ INPUT("drop")
		  RULE("input", XT("match", "conntrack") ",{\"counter\":null}," ACCEPT),
		  NFT_PASSES, NULL },		/* of new ones too, for what can be seen */
		{ INPUT("drop") RULE("input", XT("match", "conntrack") "," XT("match", "recent") ","
		  ACCEPT), NFT_PASSES, NULL },
		{ INPUT("accept") RULE("input", XT("match", "comment") "," XT("target", "REJECT")),
		  NFT_DROPPED, "inet t input" },
		{ INPUT("accept") RULE("input", XT("target", "LOG")) RULE("input", DROP),
		  NFT_DROPPED, "inet t input" },
		{ INPUT("drop") RULE("input", XT("target", "NFQUEUE")), NFT_PASSES, NULL },
		/* Other hooks, families and our own table */
		{ BASE("inet", "out", "filter", "output", 0, "drop"), NFT_PASSES, NULL },
		{ BASE("ip6", "in6", "filter", "input", 0, "drop"), NFT_PASSES, NULL },
		{ BASE("ip", "in4", "filter", "input", 0, "drop"), NFT_DROPPED, "ip t in4" },
		{ "{\"chain\":{\"family\":\"inet\",\"table\":\"gate64\","
		  "\"name\":\"x\",\"type\":\"filter\","
		  "\"hook\":\"input\",\"prio\":0,\"policy\":\"drop\"}}", NFT_PASSES, NULL },
		{ INPUT("accept") "," BASE("inet", "later", "filter", "input", 10, "drop"),
		  NFT_DROPPED, "inet t later" },
		/* What is no rule */
		{ INPUT("drop") ",{},7,{\"rule\":{\"family\":\"inet\",\"table\":\"t\","
		  "\"chain\":\"input\",\"expr\":7}}" RULE("input", "7,{},{\"match\":7}"),
		  NFT_DROPPED, "inet t input" },
	};
	struct nft_packet packet = syn();

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct nft_culprit culprit = { .chain = "" };
		enum nft_fate got = fate(rows[i].text, "input", &packet, &culprit);

		if (got != rows[i].fate)
			fail_msg("%s: %d", rows[i].text, got);
		if (rows[i].chain)
			assert_string_equal(culprit.chain, rows[i].chain);
	}
}

/* Before connections are tracked a packet has no state: what asks for one may match. */
static void knows_no_state_before_tracking(void **state)
{
	static const struct {
		const char *expr;
		enum nft_fate fate;
	} rows[] = {
		{ XT("match", "conntrack") "," ACCEPT, NFT_PASSES },
		{ XT("match", "state") "," ACCEPT, NFT_PASSES },
		{ MATCH("in", CT_STATE, "\"established\"") "," ACCEPT, NFT_PASSES },
		{ XT("match", "conntrack") "," DROP, NFT_DROPPED },	/* by the rule behind it */
	};
	struct nft_packet packet = syn();

	(void)state;
	packet.ct_state = NULL;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct nft_culprit culprit;
		char *text = NULL;

		assert_true(asprintf(&text, BASE("inet", "raw", "filter", "prerouting", -300,
						 "accept")
				     RULE("raw", "%s") RULE("raw", DROP), rows[i].expr) > 0);
		if (fate(text, "prerouting", &packet, &culprit) != rows[i].fate)
			fail_msg("%s", rows[i].expr);
		free(text);
	}
}

/* Chains that are jumped to from many places, each again and again: nothing is said, soon. */
static void gives_up_in_time(void **state)
{
	enum { CHAINS = 15, JUMPS = 8, TEXT = 65536 };
	struct nft_packet packet = syn();
	struct nft_culprit culprit;
	char *text = calloc(1, TEXT);
	size_t len;

	(void)state;
	assert_non_null(text);
	len = (size_t)snprintf(text, TEXT, "%s",
			       INPUT("accept") RULE("input", JUMP("c0")) RULE("input", DROP));
	for (int i = 0; i < CHAINS * JUMPS; i++)
		len += (size_t)snprintf(text + len, TEXT - len,
					",{\"rule\":{\"family\":\"inet\",\"table\":\"t\","
					"\"chain\":\"c%d\",\"expr\":[{\"jump\":"
					"{\"target\":\"c%d\"}}]}}",
					i / JUMPS, i / JUMPS + 1);
	assert_true(len < TEXT);
	assert_int_equal(fate(text, "input", &packet, &culprit), NFT_PASSES);
	free(text);
}

/* Those that a packet meets before ours alone */
static void minds_priorities(void **state)
{
	struct nft_rules *made = rules(BASE("inet", "p", "filter", "prerouting", -200, "drop"));
	struct nft_packet packet = syn();
	struct nft_culprit culprit;

	(void)state;
	assert_int_equal(nft_fate(made, "prerouting", &packet, -300, &culprit), NFT_PASSES);
	assert_int_equal(nft_fate(made, "prerouting", &packet, -200, &culprit), NFT_DROPPED);
	nft_rules_free(made);
}

/* A source that surely becomes another, and one that may */
static void sees_source_nat(void **state)
{
	static const struct {
		const char *expr;
		enum nft_fate fate;
		bool takes;	/* a port of nat64.pool4, which has 1000 from 20000 on */
	} rows[] = {
		{ MASQUERADE, NFT_SOURCE_NAT, true },
		{ "{\"masquerade\":{\"port\":{\"range\":[32768,60999]}}}", NFT_SOURCE_NAT, false },
		{ "{\"masquerade\":{\"port\":{\"range\":[1024,20000]}}}", NFT_SOURCE_NAT, true },
		{ "{\"masquerade\":{\"port\":20999}}", NFT_SOURCE_NAT, true },
		{ "{\"masquerade\":{\"port\":21000}}", NFT_SOURCE_NAT, false },
		{ "{\"snat\":{\"addr\":\"198.51.100.1\"}}", NFT_SOURCE_NAT, true },
		{ "{\"snat\":{\"addr\":\"198.51.100.9\"}}", NFT_SOURCE_NAT, false },
		{ "{\"snat\":{\"addr\":\"198.51.100.1\",\"port\":60000}}", NFT_SOURCE_NAT, false },
		{ MATCH("==", PAYLOAD("ip", "saddr"), NET10)
		  "," MASQUERADE, NFT_PASSES, false },
		{ MATCH("==", META("oifname"), "\"wg0\"") "," MASQUERADE, NFT_PASSES, false },
		{ MATCH("==", META("mark"), "1") "," MASQUERADE, NFT_PASSES, false },
		{ XT("target", "MASQUERADE"), NFT_SOURCE_NAT, false },
		{ ACCEPT, NFT_PASSES, false },
	};
	static bool ports[UINT16_MAX + 1];
	struct nft_packet packet = { .src = address("198.51.100.1"),
				     .dst = address("192.0.2.80"), .l4 = IPPROTO_TCP, .iif = "",
				     .oif = "eth0", .ct_state = "new" };
	struct in6_addr own = address("198.51.100.1");

	(void)state;
	for (size_t port = 20000; port < 21000; port++)
		ports[port] = true;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct nft_culprit culprit;
		struct nft_rules *made;
		char *text = NULL;

		assert_true(asprintf(&text, BASE("ip", "post", "nat", "postrouting", 100, "accept")
				     RULE_OF("ip", "post", "%s"), rows[i].expr) > 0);
		made = rules(text);
		if (nft_fate(made, "postrouting", &packet, NFT_PRIORITY_ANY, &culprit) !=
		    rows[i].fate || nft_port_nat(made, &packet, &own, ports, &culprit) !=
		    rows[i].takes)
			fail_msg("%s", rows[i].expr);
		nft_rules_free(made);
		free(text);
	}
}

/* What libnftables did not make */
static void refuses_other_documents(void **state)
{
	(void)state;
	assert_null(nft_rules_new(NULL));
	assert_null(nft_rules_new(json_tokener_parse("{}")));
	nft_rules_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(matches),
		cmocka_unit_test(walks),
		cmocka_unit_test(knows_no_state_before_tracking),
		cmocka_unit_test(gives_up_in_time),
		cmocka_unit_test(minds_priorities),
		cmocka_unit_test(sees_source_nat),
		cmocka_unit_test(refuses_other_documents),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
