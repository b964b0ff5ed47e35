/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Hosts as they usually are: rules as ufw, firewalld, Docker, libvirt and LXD make them, and
 * those of guides that close every way, each with what gate64 needs let through. What it lives by
 * is not said to be dropped there. nft/NAME.json is what libnftables tells of each, without its
 * first line.
 */
#include <json-c/json.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "../../nat64/nat64.h"
#include "../../ops/doctor_nft.h"

/* Where `make` runs: the root of the project */
#define FOLDER "tests/unit/nft/"
#define OWN4 "198.51.100.1"
#define HOST4 "203.0.113.7"
#define SERVER "2001:db8:1::5"
#define SEEN "64:ff9b::cb00:7107"		/* HOST4 by NAT64 */
#define CLIENT46 "64:ff9b:1:fffe::cb00:7107"	/* by snid */
#define HOST6 "2001:db8:99::1"

static const char *const hosts[] = { "ufw", "firewalld", "docker", "libvirt", "strict" };

/* What doctor_firewall.c asks about; the uplink is eth0, servers are behind wg0. */
static const struct {
	const char *hook, *src, *dst;
	uint8_t l4;
	uint16_t sport, dport;
	const char *iif, *oif, *state;
	uint32_t mark;
	int32_t priority;
} packets[] = {
	{ "prerouting", SERVER, SEEN, IPPROTO_TCP, 40000, 443, "wg0", "", NULL, 0, -300 },
	{ "prerouting", HOST4, OWN4, IPPROTO_TCP, 443, 0, "eth0", "", NULL, 0, -300 },
	{ "input", SERVER, "2001:db8:1::1", IPPROTO_UDP, 40000, 53, "wg0", "", "new", 0,
	  NFT_PRIORITY_ANY },
	{ "input", SERVER, "2001:db8:1::1", IPPROTO_TCP, 40000, 53, "wg0", "", "new", 0,
	  NFT_PRIORITY_ANY },
	{ "input", HOST4, OWN4, IPPROTO_TCP, 40000, 443, "eth0", "", "new", 0, NFT_PRIORITY_ANY },
	{ "input", SERVER, CLIENT46, IPPROTO_TCP, 443, 40000, "wg0", "", "established", 0,
	  NFT_PRIORITY_ANY },
	{ "output", OWN4, HOST4, IPPROTO_TCP, 0, 443, "", "eth0", "untracked", NAT64_MARK,
	  NFT_PRIORITY_ANY },
	{ "output", SEEN, SERVER, IPPROTO_TCP, 443, 40000, "", "wg0", "untracked", NAT64_MARK,
	  NFT_PRIORITY_ANY },
	{ "output", CLIENT46, SERVER, IPPROTO_TCP, 40000, 443, "", "wg0", "new", 0,
	  NFT_PRIORITY_ANY },
	{ "postrouting", OWN4, HOST4, IPPROTO_TCP, 0, 443, "", "eth0", "untracked", NAT64_MARK,
	  NFT_PRIORITY_ANY },
	{ "postrouting", CLIENT46, SERVER, IPPROTO_TCP, 40000, 443, "", "wg0", "new", 0,
	  NFT_PRIORITY_ANY },
	{ "forward", SERVER, HOST6, IPPROTO_TCP, 40000, 443, "wg0", "eth0", "new", 0,
	  NFT_PRIORITY_ANY },
	{ "forward", HOST6, SERVER, IPPROTO_TCP, 443, 40000, "eth0", "wg0", "established", 0,
	  NFT_PRIORITY_ANY },
};

static struct in6_addr address(const char *text)
{
	struct in6_addr addr;

	assert_true(addr_parse(text, &addr));
	return addr;
}

static struct nft_rules *rules_of(const char *host)
{
	struct nft_rules *rules;
	char path[64];

	snprintf(path, sizeof(path), FOLDER "%s.json", host);
	rules = nft_rules_new(json_object_from_file(path));
	if (!rules)
		fail_msg("%s cannot be read", path);
	return rules;
}

/* Each kind of packet at each host */
static void drops_nothing(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
		struct nft_rules *rules = rules_of(hosts[i]);

		for (size_t k = 0; k < sizeof(packets) / sizeof(packets[0]); k++) {
			const struct nft_packet packet = {
				address(packets[k].src), address(packets[k].dst), packets[k].l4,
				packets[k].sport, packets[k].dport, packets[k].iif,
				packets[k].oif, packets[k].state, packets[k].mark,
			};
			struct nft_culprit culprit = { .text = "" };
			enum nft_fate fate = nft_fate(rules, packets[k].hook, &packet,
						      packets[k].priority, &culprit);

			if (fate != NFT_PASSES)
				fail_msg("%s: packet %zu: %s", hosts[i], k, culprit.text);
		}
		nft_rules_free(rules);
	}
}

/* Source NAT of networks of containers and virtual machines is not about the pool's address. */
static void leaves_the_pool_alone(void **state)
{
	static bool ports[UINT16_MAX + 1];
	const struct in6_addr own = address(OWN4);
	const struct nft_packet packet = { own, address(HOST4), IPPROTO_TCP, 0, 0, "", "eth0",
					   "new", 0 };

	(void)state;
	for (size_t port = 1024; port <= UINT16_MAX; port++)
		ports[port] = true;
	for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
		struct nft_rules *rules = rules_of(hosts[i]);
		struct nft_culprit culprit = { .text = "" };

		if (nft_port_nat(rules, &packet, &own, ports, &culprit))
			fail_msg("%s: %s", hosts[i], culprit.text);
		nft_rules_free(rules);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(drops_nothing),
		cmocka_unit_test(leaves_the_pool_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
