/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of checks, and what is made of what they find; see doctor.h. */
#include "doctor.h"

#include <stdio.h>
#include <string.h>

#include "../core/addr.h"
#include "../core/log.h"
#include "cli.h"
#include "command.h"

#define INTERNET "1.1.1.1"

/* Of rows below */
#define ERROR DOCTOR_ERROR
#define WARNING DOCTOR_WARNING
#define QUIET false
#define SENDS true

/* Identifiers stay as they are once they are here: monitoring knows them. Ordered so that a
 * cause stands before what follows from it. */
static const struct doctor_check checks[] = {
	{ "config", ERROR, QUIET, doctor_config, "the configuration file",
	  "gate64 does not start with it, and refuses to reload it" },
	{ "user", ERROR, QUIET, doctor_user, "the user that gate64 becomes",
	  "gate64 does not start without it" },
	{ "unit", WARNING, QUIET, doctor_unit, "the state of the systemd unit",
	  "the gateway would not be there after a restart of the machine, or is not now" },
	{ "running", ERROR, QUIET, doctor_running, "whether a gateway answers",
	  "nothing is translated, answered or relayed" },
	{ "reload", WARNING, QUIET, doctor_reload, "how the last reload ended",
	  "the gateway works by an older configuration than the file has" },
	{ "host_setup", ERROR, QUIET, doctor_problem, "the gateway's own routes and rules",
	  "packets do not reach the gateway as they should" },
	{ "clock", WARNING, QUIET, doctor_clock, "whether the clock is right",
	  "signatures of DNSSEC and certificates are valid for a time; with a wrong clock none "
	  "is" },
	{ "descriptors", WARNING, QUIET, doctor_descriptors, "the limit of open files",
	  "connections wait unserved once it is reached" },
	{ "other_nat64", WARNING, QUIET, doctor_other_nat64, "other translators on this host",
	  "two translators take each other's packets, ports and answers" },

	{ "queue", ERROR, QUIET, doctor_queue, "whether packets can be queued to gate64",
	  "NAT64 gets its packets by that" },
	{ "fast_path", WARNING, QUIET, doctor_fast_path, "whether packets take the fast path (BPF)",
	  "each packet is translated outside of the kernel, which takes many times the processor "
	  "time" },
	{ "btf", WARNING, QUIET, doctor_btf, "the kernel's description of its types (BTF)",
	  "the fast path's program is loaded by it" },
	{ "conntrack", WARNING, QUIET, doctor_conntrack, "room in the table of connection tracking",
	  "when it is full the kernel drops packets of new connections, the host's and snid's "
	  "too" },
	{ "queue_drops", WARNING, QUIET, doctor_queue_drops, "packets that the queues have dropped",
	  "they were lost before they could be translated: more came than the processors could "
	  "take" },
	{ "udp_buffers", WARNING, QUIET, doctor_udp_buffers, "the buffers of dns64's sockets",
	  "queries that come in a burst are lost" },
	{ "full", WARNING, QUIET, doctor_full,
	  "how near sessions, ports and connections are to their "
	  "limits",
	  "what comes when a limit is reached is refused" },

	{ "uplink", ERROR, QUIET, doctor_uplink, "the way to the IPv4 Internet",
	  "nothing can be translated without it" },
	{ "forwarding", WARNING, QUIET, doctor_forwarding, "forwarding of IPv6",
	  "the servers' own IPv6 is not passed on; only NAT64 and the proxy reach them" },
	{ "rp_filter", ERROR, QUIET, doctor_rp_filter, "reverse path filters",
	  "the kernel drops what comes in by another interface than answers would go out by, and "
	  "counts it nowhere that people look" },
	{ "accept_ra", WARNING, QUIET, doctor_accept_ra,
	  "router advertisements on a host that forwards",
	  "a host that forwards ignores them, unless told otherwise: its IPv6 default route "
	  "expires" },
	{ "inside", ERROR, QUIET, doctor_inside, "whether there is a network to serve",
	  "nobody may use the gateway" },
	{ "inside_route", ERROR, QUIET, doctor_inside_route, "the routes to the networks served",
	  "what is translated for the servers, or relayed to them, goes astray" },
	{ "on_link", WARNING, QUIET, doctor_on_link, "inside prefixes that are on-link, not routed",
	  "the provider's router asks for each address by itself (neighbour discovery), and nobody "
	  "answers for those behind us" },
	{ "nat46_route", ERROR, QUIET, doctor_nat46_route, "the way of answers to the NAT46 prefix",
	  "servers' answers to the proxy do not come to it: each connection times out" },

	{ "dns64_port", ERROR, QUIET, doctor_dns64_port, "who has the ports of dns64.listen",
	  "dns64 cannot have them, and is asked nothing" },
	{ "snid_port", ERROR, QUIET, doctor_snid_port, "who has the ports of snid.listen",
	  "the proxy cannot have them" },
	{ "metrics_port", WARNING, QUIET, doctor_metrics_port, "who has the port of ops.metrics",
	  "monitoring and the status page see nothing" },
	{ "pool4_ephemeral", ERROR, QUIET, doctor_pool4_ephemeral,
	  "nat64.pool4 against the ports of the host's own connections",
	  "the host and a client of NAT64 would get the same port; gate64 does not start so" },
	{ "pool4_listener", WARNING, QUIET, doctor_pool4_listener,
	  "nat64.pool4 against services of the host",
	  "NAT64 leaves these ports out, so that there are fewer than were given" },
	{ "pool4_size", WARNING, QUIET, doctor_pool4_size, "how many ports NAT64 has",
	  "each binding takes one: clients run out of them" },

	{ "firewall_prerouting", ERROR, QUIET, doctor_firewall_prerouting,
	  "rules that drop packets before NAT64 sees them",
	  "clients' packets, or the answers to them, are lost" },
	{ "firewall_input", ERROR, QUIET, doctor_firewall_input,
	  "rules that keep clients and servers from dns64 and snid",
	  "queries get no answer, connections time out" },
	{ "firewall_output", ERROR, QUIET, doctor_firewall_output,
	  "rules that drop what gate64 sends", "translated packets are lost" },
	{ "firewall_forward", WARNING, QUIET, doctor_firewall_forward,
	  "rules that drop the servers' own IPv6", "the servers reach IPv4 by NAT64, and no IPv6" },
	{ "masquerade_nat46", ERROR, QUIET, doctor_masquerade_nat46,
	  "source NAT of the proxy's connections",
	  "servers see the gateway's address instead of their clients'" },
	{ "masquerade_pool4", WARNING, QUIET, doctor_masquerade_pool4,
	  "source NAT that may use the ports of nat64.pool4",
	  "two flows of one port: answers for the one go to the other" },
	{ "iptables_legacy", WARNING, QUIET, doctor_iptables_legacy, "rules of iptables-legacy",
	  "they work beside those of nftables, `nft list ruleset' does not show them, and neither "
	  "are they looked at here" },

	{ "wireguard_inside", ERROR, QUIET, doctor_wireguard_inside,
	  "whether WireGuard's peers have the networks served",
	  "WireGuard sends to no peer what is in no AllowedIPs, and drops what comes from there" },
	{ "wireguard_prefixes", ERROR, QUIET, doctor_wireguard_prefixes,
	  "whether peers that lead on have the translated prefixes",
	  "WireGuard drops translated packets without a word" },
	{ "wireguard_endpoint", WARNING, QUIET, doctor_wireguard_endpoint,
	  "whether WireGuard's peers can be reached",
	  "nothing reaches the servers until the other end has called" },
	{ "wireguard_mtu", WARNING, QUIET, doctor_wireguard_mtu,
	  "WireGuard's MTU against the link that it goes over",
	  "full packets are sent in fragments, which many firewalls drop: large transfers stall" },

	{ "mtu_inside", ERROR, SENDS, doctor_mtu_inside, "whether full packets get to the servers",
	  "large packets vanish without a word: connections open, then stall" },
	{ "mtu_internet", ERROR, SENDS, doctor_mtu_internet,
	  "whether full packets get to the IPv4 Internet",
	  "large packets vanish without a word: connections open, then stall" },
	{ "way_back", ERROR, SENDS, doctor_way_back,
	  "whether the other end takes, and sends back, packets of the translated prefixes",
	  "AllowedIPs, firewall or routes there silently drop what was translated" },

	{ "dns_upstream", ERROR, SENDS, doctor_dns_upstream,
	  "whether the servers that dns64 asks answer",
	  "names cannot be looked up, or only slowly" },
	{ "trust_anchor", ERROR, QUIET, doctor_trust_anchor, "the keys that DNSSEC begins with",
	  "no answer can be validated: all become SERVFAIL" },
	{ "dnssec", ERROR, SENDS, doctor_dnssec,
	  "whether DNSSEC validates, and refuses what is forged",
	  "all answers are refused, or forged ones are given" },
	{ "open_resolver", WARNING, QUIET, doctor_open_resolver, "who may ask dns64",
	  "resolvers that answer everybody are used to attack others" },
	{ "resolv_conf", WARNING, SENDS, doctor_resolv_conf, "the host's own resolver",
	  "programs of this host look up no names" },

	{ "self_nat64", ERROR, SENDS, doctor_self_nat64, "a packet of this host through NAT64",
	  "the way through NAT64 is broken from here, and so probably for clients" },
	{ "self_dns64", ERROR, QUIET, doctor_self_dns64, "a query to each listener of dns64",
	  "clients get no answer, or no address to reach IPv4 by" },
	{ "self_snid", ERROR, QUIET, doctor_self_snid, "a connection to each listener of snid",
	  "clients get no answer" },
};

enum { N_CHECKS = sizeof(checks) / sizeof(checks[0]) };

/* ---- which checks ------------------------------------------------------------------ */

/* Is the word one of a list with commas? */
static bool is_named(const char *list, const char *word)
{
	size_t len = strlen(word);

	for (const char *at = list; at; at = strchr(at, ','), at += at ? 1 : 0)
		if (strcspn(at, ",") == len && strncmp(at, word, len) == 0)
			return true;
	return false;
}

/* Return: NULL, or a name of the list that no check has. */
static const char *unknown(const char *list)
{
	static char name[32];

	for (const char *at = list; at; at = strchr(at, ','), at += at ? 1 : 0) {
		bool known = false;

		snprintf(name, sizeof(name), "%.*s", (int)strcspn(at, ","), at);
		for (size_t i = 0; i < N_CHECKS; i++)
			known |= strcmp(checks[i].id, name) == 0;
		if (!known)
			return name;
	}
	return NULL;
}

static void run_check(struct doctor *doctor, const struct doctor_check *check)
{
	doctor_begin(doctor, check);
	if (check->sends && doctor->quick)
		doctor_skip(doctor, "--quick");
	else
		check->look(doctor);
	doctor_end(doctor);
}

static int examine(struct doctor *doctor, const struct cli *cli)
{
	/* Of what is wrong it is the checks that speak. */
	log_setup(LOG_LEVEL_ERROR, LOG_FORMAT_TEXT);
	if (doctor_open(doctor, cli) < 0) {
		fprintf(stderr, "gate64: the host's network cannot be read\n");
		return CLI_EXIT_FAILED;
	}
	for (size_t i = 0; i < N_CHECKS; i++)
		if ((!cli->only || is_named(cli->only, checks[i].id)) &&
		    !is_named(cli->except, checks[i].id))
			run_check(doctor, &checks[i]);
	doctor_print(doctor, cli->json, cli->verbose);
	return doctor->n_found ? CLI_EXIT_FAILED : CLI_EXIT_DONE;
}

int command_doctor(const struct cli *cli)
{
	const char *name = unknown(cli->only), *internet = cli->internet ? cli->internet : INTERNET;
	struct doctor doctor = { .internet_named = cli->internet };
	int status;

	if (!name)
		name = unknown(cli->except);
	if (name) {
		fprintf(stderr, "gate64: no such check: %s\n", name);
		return CLI_EXIT_USAGE;
	}
	if (!addr_parse(internet, &doctor.internet) || !addr_is_v4(&doctor.internet)) {
		cli_wrong(cli, "--internet is no IPv4 address", stderr);
		return CLI_EXIT_USAGE;
	}
	status = examine(&doctor, cli);
	doctor_close(&doctor);
	return status;
}
