/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The status document: one JSON object that says how the gateway is. The
 * running process makes it (control request "status"); `gate64 status` prints
 * it, as it is or as text for people. All numbers are totals since the start or
 * what is in use now; addresses and times are strings.
 *
 *   schema     STATUS_SCHEMA; raised when a key changes its meaning or goes
 *   version, pid, since (UTC, RFC 3339), uptime_s
 *   network    {uplink, ipv4, inside: [], nat64_prefixes: [], nat46_prefix,
 *              rules: "nftables"|"xtables"|"none", problem: null or what is
 *              being tried again}
 *   rooms      {nat64|dns64|snid: {enabled, gauges.., counters: {NAME: n or
 *              {LABEL: n}, by two labels {LABEL: {LABEL: n}}}}}; nat64 has
 *              pool4: [{address, ports: {tcp|udp|icmp: {used, size}}, tcp: [],
 *              udp: []}], and ports_fullest: null or {address, proto, used, size}
 *              of those that run out first. ports_used and ports_size add all
 *              protocols up: they do not tell how near that is
 *   ops        {counters}
 *   reload     null, or the last one: {at, ok, text}
 */
#ifndef OPS_STATUS_H
#define OPS_STATUS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

enum { STATUS_SCHEMA = 1 };

struct addrmap;
struct dns64_gauges;
struct dns64_upstream;
struct json_object;
struct nat64_gauges;
struct nat64_intercept;
struct snid_gauges;

/* What the document is made from; everything borrowed. */
struct status_facts {
	const char *version;
	time_t since;			/* wall clock */
	int64_t uptime_s;
	bool stopping;
	const struct addrmap *map;
	const char *rules;		/* ruleset_backend() */
	bool uplink_missing;		/* its address has gone, and is waited for */
	bool host_problem;		/* something of the host is being tried again */
	const char *problem;		/* which, or what is waited for; NULL = nothing */
	const struct nat64_intercept *intercept;
	const struct nat64_gauges *nat64;	/* NULL: the room is off */
	const struct dns64_gauges *dns64;
	const struct dns64_upstream *upstreams;
	size_t n_upstreams;
	const struct snid_gauges *snid;
	const uint64_t *counters;	/* STAT_COUNT totals, as from stats_sum() */
	time_t reload_at;		/* wall clock; 0 = none yet */
	bool reload_ok;
	const char *reload_text;	/* why not, or "" */
};

/** status_document() - Return: the document, owned by the caller; NULL: out of memory. */
struct json_object *status_document(const struct status_facts *facts);

/** status_print() - the document as text: grouped, aligned, drops only where not 0. */
void status_print(struct json_object *document, FILE *out);

#endif
