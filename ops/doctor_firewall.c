/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the host's other rules do with packets of ours: for each kind of packet that gate64
 * lives by, one is made up, and taken through the rules (doctor_nft.h).
 */
#include "doctor.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../core/addrmap.h"
#include "../core/config.h"
#include "../nat64/hostports.h"
#include "../nat64/nat64.h"
#include "doctor_nft.h"
#include "doctor_read.h"
#include "doctor_way.h"
#include "ruleset_backend.h"

enum {
	RAW = -300,		/* the priority of our own rules */
	SOME_PORT = 40000,	/* of a client */
	HTTPS = 443,
};

/* Those who are talked of in rules: a server, its interface, an IPv4 host on the Internet */
struct cast {
	struct in6_addr server, server_seen, host4, own4, host6, client46;
	const char *in, *out;
};

/* ---- the rules, and who is in them ------------------------------------------------- */

/* Read once. Return: NULL where they cannot be, which is said. */
static const struct nft_rules *rules_of(struct doctor *doctor)
{
	char said[RULESET_SAID_SIZE] = "out of memory";
	struct json_object *list;
	int err;

	if (doctor->rules)
		return doctor->rules;
	if (geteuid() != 0) {
		doctor_cannot(doctor, "only root may read the rules");
		return NULL;
	}
	err = ruleset_nft_open();
	if (!err) {
		err = ruleset_nft_list_all(&list, said);
		ruleset_nft_close();
	}
	if (!err)
		doctor->rules = nft_rules_new(list);
	if (!doctor->rules)
		doctor_cannot(doctor, "nftables does not tell its rules: %s", said);
	return doctor->rules;
}

/* Return: false where nobody is served, so that there is no packet to think of. */
static bool make_cast(struct doctor *doctor, struct cast *cast)
{
	const struct addrmap *map = doctor->map;
	struct way way;

	if (!map->inside.n) {
		doctor_skip(doctor, "nobody is served");
		return false;
	}
	cast->server = doctor_host_in(&map->inside.v[0]);
	if (way_get(&cast->server, NULL, 0, &way) < 0 || !way.link) {
		doctor_skip(doctor, "there is no way to %s", "the servers");
		return false;
	}
	cast->in = doctor_link(doctor, way.link);
	cast->out = *map->uplink ? map->uplink : NULL;
	cast->host4 = doctor->internet;
	cast->own4 = addr_from_v4(map->uplink_v4_be32);
	cast->server_seen = addrmap_embed(&map->pref64.v[0], addr_v4_be32(&cast->host4));
	cast->client46 = addrmap_nat46_source(map, addr_v4_be32(&cast->host4));
	inet_pton(AF_INET6, "2606:4700:4700::1111", &cast->host6);
	return true;
}

static void report(struct doctor *doctor, const struct nft_culprit *culprit, const char *what,
		   const char *allow)
{
	doctor_find(doctor, "%s: dropped by %s", what, culprit->text);
	doctor_mend(doctor, "nft insert rule %s %s accept, and keep it in the host's rules "
			    "(/etc/nftables.conf, or the program that makes them)", culprit->chain,
		    allow);
}

/* ---- before NAT64 ------------------------------------------------------------------ */

void doctor_firewall_prerouting(struct doctor *doctor)
{
	const struct nft_rules *rules;
	struct nft_culprit culprit;
	struct cast cast;
	char allow[128], text[PREFIX_STRLEN];

	if (!doctor->config->nat64.enabled) {
		doctor_skip(doctor, "nat64 is off");
		return;
	}
	if (!make_cast(doctor, &cast) || !(rules = rules_of(doctor)))
		return;
	struct nft_packet out = { .src = cast.server, .dst = cast.server_seen, .l4 = IPPROTO_TCP,
				  .sport = SOME_PORT, .dport = HTTPS, .iif = cast.in, .oif = "" };
	struct nft_packet back = { .src = cast.host4, .dst = cast.own4, .l4 = IPPROTO_TCP,
				   .sport = HTTPS, .iif = cast.out, .oif = "" };

	if (nft_fate(rules, "prerouting", &out, RAW, &culprit) == NFT_DROPPED) {
		snprintf(allow, sizeof(allow), "ip6 daddr %s",
			 prefix_format(&doctor->map->pref64.v[0], text));
		report(doctor, &culprit, "packets from clients to NAT64", allow);
	}
	if (cast.out && nft_fate(rules, "prerouting", &back, RAW, &culprit) == NFT_DROPPED)
		report(doctor, &culprit, "answers from the Internet to NAT64", "iifname != \"lo\"");
}

/* ---- what comes to dns64 and snid -------------------------------------------------- */

static bool is_loopback(const struct in6_addr *addr)
{
	return IN6_IS_ADDR_LOOPBACK(addr) ||
	       (addr_is_v4(addr) && addr->s6_addr[12] == IN_LOOPBACKNET);
}

static void judge_queries(struct doctor *doctor, const struct nft_rules *rules,
			  const struct cast *cast, const struct endpoint *at)
{
	struct nft_culprit culprit;
	char what[96], allow[64];

	for (int tcp = 0; tcp <= 1; tcp++) {
		struct nft_packet query = {
			.src = cast->server, .dst = at->addr, .l4 = tcp ? IPPROTO_TCP : IPPROTO_UDP,
			.sport = SOME_PORT, .dport = at->port, .iif = cast->in, .oif = "",
			.ct_state = "new",
		};

		/* One that listens for IPv4 has other clients than the servers. */
		if (addr_is_v4(&at->addr) ||
		    nft_fate(rules, "input", &query, NFT_PRIORITY_ANY, &culprit) != NFT_DROPPED)
			continue;
		snprintf(what, sizeof(what), "queries of clients to dns64 (%s port %u)",
			 tcp ? "TCP" : "UDP", at->port);
		snprintf(allow, sizeof(allow), "%s dport %u", tcp ? "tcp" : "udp", at->port);
		report(doctor, &culprit, what, allow);
	}
}

static void judge_clients(struct doctor *doctor, const struct nft_rules *rules,
			  const struct cast *cast, const struct endpoint *at)
{
	struct nft_packet syn = { .src = cast->host4,
				  .dst = cast->own4,
				  .l4 = IPPROTO_TCP,
				  .sport = SOME_PORT,
				  .dport = at->port,
				  .iif = cast->out,
				  .oif = "",
				  .ct_state = "new" };
	struct nft_culprit culprit;
	char what[96], allow[64];

	if (!cast->out || !addr_is_v4(&at->addr) ||
	    nft_fate(rules, "input", &syn, NFT_PRIORITY_ANY, &culprit) != NFT_DROPPED)
		return;
	snprintf(what, sizeof(what), "connections of clients to snid (port %u)", at->port);
	snprintf(allow, sizeof(allow), "tcp dport %u", at->port);
	report(doctor, &culprit, what, allow);
}

static void judge_answers(struct doctor *doctor, const struct nft_rules *rules,
			  const struct cast *cast)
{
	struct nft_packet answer = { .src = cast->server, .dst = cast->client46, .l4 = IPPROTO_TCP,
				     .sport = HTTPS, .dport = SOME_PORT, .iif = cast->in, .oif = "",
				     .ct_state = "established" };
	struct nft_culprit culprit;

	if (doctor_dials(doctor) &&
	    nft_fate(rules, "input", &answer, NFT_PRIORITY_ANY, &culprit) == NFT_DROPPED)
		report(doctor, &culprit, "servers' answers to snid",
		       "ct state established,related");
}

void doctor_firewall_input(struct doctor *doctor)
{
	const struct config *config = doctor->config;
	const struct nft_rules *rules;
	struct cast cast;

	if (!make_cast(doctor, &cast) || !(rules = rules_of(doctor)))
		return;
	for (size_t i = 0; config->dns64.enabled && i < config->dns64.listen.n; i++)
		if (!is_loopback(&config->dns64.listen.v[i].addr))
			judge_queries(doctor, rules, &cast, &config->dns64.listen.v[i]);
	for (size_t i = 0; i < config->snid.n_listen; i++)
		if (!is_loopback(&config->snid.listen[i].at.addr))
			judge_clients(doctor, rules, &cast, &config->snid.listen[i].at);
	judge_answers(doctor, rules, &cast);
}

/* ---- what gate64 sends ------------------------------------------------------------- */

static void judge_sent(struct doctor *doctor, const struct nft_rules *rules,
		       const struct nft_packet *packet, const char *what, const char *allow)
{
	static const char *const hooks[] = { "output", "postrouting" };
	struct nft_culprit culprit;

	for (size_t i = 0; i < sizeof(hooks) / sizeof(hooks[0]); i++)
		if (nft_fate(rules, hooks[i], packet, NFT_PRIORITY_ANY, &culprit) == NFT_DROPPED) {
			report(doctor, &culprit, what, allow);
			return;
		}
}

void doctor_firewall_output(struct doctor *doctor)
{
	const struct nft_rules *rules;
	char mark[32];
	struct cast cast;

	if (!make_cast(doctor, &cast) || !(rules = rules_of(doctor)))
		return;
	struct nft_packet out = { .src = cast.own4, .dst = cast.host4, .l4 = IPPROTO_TCP,
				  .dport = HTTPS, .iif = "", .oif = cast.out,
				  .ct_state = "untracked", .mark = NAT64_MARK };
	struct nft_packet back = { .src = cast.server_seen, .dst = cast.server, .l4 = IPPROTO_TCP,
				   .sport = HTTPS, .dport = SOME_PORT, .iif = "", .oif = cast.in,
				   .ct_state = "untracked", .mark = NAT64_MARK };
	struct nft_packet dial = { .src = cast.client46, .dst = cast.server, .l4 = IPPROTO_TCP,
				   .sport = SOME_PORT, .dport = HTTPS, .iif = "", .oif = cast.in,
				   .ct_state = "new" };

	snprintf(mark, sizeof(mark), "meta mark 0x%08x", NAT64_MARK);
	if (doctor->config->nat64.enabled && cast.out)
		judge_sent(doctor, rules, &out, "packets that NAT64 has translated to IPv4", mark);
	if (doctor->config->nat64.enabled)
		judge_sent(doctor, rules, &back, "packets that NAT64 has translated to IPv6", mark);
	if (doctor_dials(doctor))
		judge_sent(doctor, rules, &dial, "connections of snid to servers",
			   "meta l4proto tcp");
}

/* ---- what others send -------------------------------------------------------------- */

/* The interface that IPv6 leaves by, or NULL. */
static const char *way_out6(struct doctor *doctor, const struct in6_addr *host6)
{
	struct way way;

	if (way_get(host6, NULL, 0, &way) < 0 || !way.link)
		return NULL;
	return doctor_link(doctor, way.link);
}

void doctor_firewall_forward(struct doctor *doctor)
{
	const struct nft_rules *rules;
	struct nft_culprit culprit;
	const char *out6;
	struct cast cast;

	if (doctor_sysctl("net/ipv6/conf/all/forwarding") != 1) {
		doctor_skip(doctor, "this host does not forward IPv6");
		return;
	}
	if (!make_cast(doctor, &cast) || !(rules = rules_of(doctor)))
		return;
	out6 = way_out6(doctor, &cast.host6);
	struct nft_packet out = { .src = cast.server, .dst = cast.host6, .l4 = IPPROTO_TCP,
				  .sport = SOME_PORT, .dport = HTTPS, .iif = cast.in, .oif = out6,
				  .ct_state = "new" };
	struct nft_packet back = { .src = cast.host6, .dst = cast.server, .l4 = IPPROTO_TCP,
				   .sport = HTTPS, .dport = SOME_PORT, .iif = out6, .oif = cast.in,
				   .ct_state = "established" };

	if (!out6)
		doctor_skip(doctor, "there is no way to the IPv6 Internet");
	else if (nft_fate(rules, "forward", &out, NFT_PRIORITY_ANY, &culprit) == NFT_DROPPED)
		report(doctor, &culprit, "IPv6 of the servers to the Internet",
		       "meta nfproto ipv6");
	else if (nft_fate(rules, "forward", &back, NFT_PRIORITY_ANY, &culprit) == NFT_DROPPED)
		report(doctor, &culprit, "answers of the IPv6 Internet to the servers",
		       "ct state established,related");
}

void doctor_masquerade_nat46(struct doctor *doctor)
{
	const struct nft_rules *rules;
	struct nft_culprit culprit;
	char text[PREFIX_STRLEN];
	struct cast cast;

	if (!doctor_dials(doctor)) {
		doctor_skip(doctor, "snid does not use the NAT46 prefix");
		return;
	}
	if (!make_cast(doctor, &cast) || !(rules = rules_of(doctor)))
		return;
	struct nft_packet dial = { .src = cast.client46, .dst = cast.server, .l4 = IPPROTO_TCP,
				   .sport = SOME_PORT, .dport = HTTPS, .iif = "", .oif = cast.in,
				   .ct_state = "new" };

	if (nft_fate(rules, "postrouting", &dial, NFT_PRIORITY_ANY, &culprit) != NFT_SOURCE_NAT)
		return;
	doctor_find(doctor, "snid's connections to servers get another source by %s", culprit.text);
	doctor_mend(doctor, "nft insert rule %s ip6 saddr %s accept", culprit.chain,
		    prefix_format(&doctor->map->nat46, text));
}

static void judge_pool4(struct doctor *doctor, const struct hostports *host, const bool *ports)
{
	const struct in6_addr own4 = addr_from_v4(doctor->map->uplink_v4_be32);
	/* Of the address that is shared: rules for networks of their own, as for containers or
	 * virtual machines, are not about it. */
	const struct nft_packet packet = { .src = own4, .dst = doctor->internet,
					   .l4 = IPPROTO_TCP, .iif = "",
					   .oif = doctor->map->uplink, .ct_state = "new" };
	const struct nft_rules *rules = rules_of(doctor);
	struct nft_culprit culprit;

	if (!rules || !nft_port_nat(rules, &packet, &own4, ports, &culprit))
		return;
	doctor_find(doctor, "%s may give connections of others ports of nat64.pool4", culprit.text);
	doctor_mend(doctor,
		    "give it ports that the pool has not, such as the host's own: `masquerade to "
		    ":%u-%u' (nft replace rule %s handle ..)",
		    host->ephemeral_first, host->ephemeral_last, culprit.chain);
}

/* Only where the pool is an address that the host's own NAT uses too */
void doctor_masquerade_pool4(struct doctor *doctor)
{
	struct hostports *host;
	bool *ports;

	if (!doctor->config->nat64.enabled || !*doctor->map->uplink ||
	    !doctor->map->uplink_v4_be32) {
		doctor_skip(doctor, "there is no IPv4 address to share");
		return;
	}
	if (!addrmap_is_outside4(doctor->map, doctor->map->uplink_v4_be32)) {
		doctor_skip(doctor, "nat64.pool4 has other addresses");
		return;
	}
	host = malloc(sizeof(*host));
	ports = calloc(UINT16_MAX + 1, sizeof(*ports));
	if (host && ports && hostports_read(host) == 0) {
		doctor_pool4_ports(doctor, host, ports);
		judge_pool4(doctor, host, ports);
	} else {
		doctor_cannot(doctor, "/proc does not show the host's ports");
	}
	free(ports);
	free(host);
}

/* An empty table has a rule for each of its built-in chains, the policy, and one at the end. */
static bool has_rules(int fd, int level, int option, const char *table)
{
	struct ipt_getinfo info = { 0 };	/* IPv6's is alike */
	socklen_t len = sizeof(info);

	snprintf(info.name, sizeof(info.name), "%s", table);
	return getsockopt(fd, level, option, &info, &len) == 0 &&
	       info.num_entries > (unsigned int)__builtin_popcount(info.valid_hooks) + 1;
}

/* Of one family. @names: where the kernel lists the tables there are. */
static void judge_legacy(struct doctor *doctor, const char *names, int family, int level,
			 int option)
{
	char *text = read_file(names), *rest = text;
	int fd = socket(family, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);

	if ((!text && errno != ENOENT) || fd < 0)
		doctor_cannot(doctor, "only root may see whether there are any");
	for (char *table; rest && fd >= 0 && (table = strsep(&rest, "\n")) != NULL;) {
		const char *tool = family == AF_INET ? "iptables" : "ip6tables";

		if (!*table || !has_rules(fd, level, option, table))
			continue;
		doctor_find(doctor, "%s-legacy has rules in its table %s", tool, table);
		doctor_mend(doctor,
			    "%s-legacy-save shows them; move them over: %s-legacy-save | "
			    "%s-nft-restore, then %s-legacy -t %s -F",
			    tool, tool, tool, tool, table);
	}
	if (fd >= 0)
		close(fd);
	free(text);
}

void doctor_iptables_legacy(struct doctor *doctor)
{
	judge_legacy(doctor, "/proc/net/ip_tables_names", AF_INET, SOL_IP, IPT_SO_GET_INFO);
	judge_legacy(doctor, "/proc/net/ip6_tables_names", AF_INET6, SOL_IPV6, IP6T_SO_GET_INFO);
}
