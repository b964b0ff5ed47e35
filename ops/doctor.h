/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `gate64 doctor`: what goes wrong in practice, and how it is mended. It runs in the command's
 * own process, with or without a gateway that runs; what only that knows it asks it.
 *
 * Each check is a row of the table in doctor.c: it looks at one thing, and reports what is
 * wrong with doctor_find() and doctor_mend(), or why it did not look. A check that is not sure
 * finds nothing: who is warned of what works does not read the next warning.
 */
#ifndef OPS_DOCTOR_H
#define OPS_DOCTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "netdetect.h"

struct addrmap;
struct cli;
struct config;
struct doctor;
struct hostports;
struct hosts;
struct json_object;
struct nft_rules;
struct sni_listen;

enum { DOCTOR_SCHEMA = 1 };

enum doctor_severity { DOCTOR_ERROR, DOCTOR_WARNING };

/* One row of the table in doctor.c */
struct doctor_check {
	const char *id;
	enum doctor_severity severity;
	bool sends;			/* packets to others: not with --quick */
	void (*look)(struct doctor *doctor);
	const char *what;		/* is looked at */
	const char *why;		/* it matters */
};

/* What the checks look at; the ..._rooms where they are on */
struct doctor {
	const char *config_path;	/* NULL: there is no file */
	char *config_errors;		/* NULL: it is good */
	struct config *config;		/* where it is not, the defaults */
	struct netdetect_host host;	/* links, addresses, routes; sorted */
	struct addrmap *map;
	char *control;			/* path of the control socket */
	struct json_object *status;	/* of the gateway; NULL: none answers */
	const char *unanswered;		/* why, static; NULL where one does */
	pid_t pid;			/* of the gateway; 0 */
	bool quick;			/* nothing is sent to others */
	struct in6_addr internet;	/* an IPv4 host that answers pings */
	bool internet_named;		/* by --internet */
	const char *bogus_name;		/* that DNSSEC must refuse */

	/* The report (doctor_report.c) */
	const struct doctor_check *check;	/* that looks now */
	struct json_object *checks, *findings;
	size_t n_found;			/* by all checks */
	size_t n_before;		/* by those before this one */
	bool not_done;			/* this one */

	/* Looked at once for several checks */
	int validates;			/* DNSSEC at the root: 0 not asked yet, 1 yes, -1 no */
	struct nft_rules *rules;
	struct hosts *hosts;		/* doctor_mtu.c's */
};

/**
 * doctor_open() - read the configuration and the host's network, ask the gateway.
 * @doctor:	zeroed; closed by doctor_close(), after a failure too.
 * Return: 0, or -errno.
 */
int doctor_open(struct doctor *doctor, const struct cli *cli);
void doctor_close(struct doctor *doctor);

/** doctor_begin(), doctor_end() - before and after a check looks: its row in the report. */
void doctor_begin(struct doctor *doctor, const struct doctor_check *check);
void doctor_end(struct doctor *doctor);

/** doctor_print() - the report, to stdout; as text, in order to say nothing where all is well. */
void doctor_print(const struct doctor *doctor, bool json, bool verbose);

/** doctor_find() - something is wrong; say what, with names and numbers. */
void doctor_find(struct doctor *doctor, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/** doctor_mend() - how the last finding is mended: a command, or a line of the configuration. */
void doctor_mend(struct doctor *doctor, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/** doctor_note() - all is well, and yet this is good to know: it is shown, and is no finding. */
void doctor_note(struct doctor *doctor, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/** doctor_skip() - there is nothing to look at here, and why. */
void doctor_skip(struct doctor *doctor, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/** doctor_cannot() - there is, but it could not be looked at: for want of privilege, or as
 * nobody answered. Shown even where all is well. */
void doctor_cannot(struct doctor *doctor, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/**
 * doctor_ask() - a request to the gateway.
 * @request:	taken.
 * Return: the reply, caller puts it; NULL: no gateway, or it answered with an error.
 */
struct json_object *doctor_ask(const struct doctor *doctor, struct json_object *request);

/** doctor_request() - a new request of this command, for doctor_ask(). */
struct json_object *doctor_request(const char *command);

/** doctor_status() - what the status document has at this path, "rooms.nat64.sessions"; or NULL. */
struct json_object *doctor_status(const struct doctor *doctor, const char *path);

/** doctor_link() - the name of a link by its index; "?" where there is none. */
const char *doctor_link(const struct doctor *doctor, int index);

/** doctor_is_outside() - does this link lead to the Internet? */
bool doctor_is_outside(const struct doctor *doctor, int index);

/** doctor_dials() - does snid dial from the NAT46 prefix, by this configuration? */
bool doctor_dials(const struct doctor *doctor);

/** doctor_sysctl() - the number in /proc/sys/NAME; -1 where that cannot be read. */
long doctor_sysctl(const char *name);

/** doctor_host_in() - an address in a prefix that is no router's: its last, or the prefix's own
 * where it is one host. */
struct in6_addr doctor_host_in(const struct prefix *prefix);

/**
 * doctor_pool4_ports() - mark the ports that nat64.pool4 has of the host's own addresses.
 * @ports:	65536, all false.
 */
void doctor_pool4_ports(const struct doctor *doctor, const struct hostports *host, bool *ports);

/* The checks; their rows say what each looks at. */
/* doctor_host.c */
void doctor_config(struct doctor *doctor);
void doctor_user(struct doctor *doctor);
void doctor_running(struct doctor *doctor);
void doctor_reload(struct doctor *doctor);
void doctor_problem(struct doctor *doctor);
void doctor_unit(struct doctor *doctor);
void doctor_clock(struct doctor *doctor);
void doctor_descriptors(struct doctor *doctor);
void doctor_other_nat64(struct doctor *doctor);
/* doctor_kernel.c */
void doctor_queue(struct doctor *doctor);
void doctor_fast_path(struct doctor *doctor);
void doctor_btf(struct doctor *doctor);
void doctor_conntrack(struct doctor *doctor);
void doctor_queue_drops(struct doctor *doctor);
void doctor_udp_buffers(struct doctor *doctor);
void doctor_full(struct doctor *doctor);
/* doctor_routes.c */
void doctor_uplink(struct doctor *doctor);
void doctor_forwarding(struct doctor *doctor);
void doctor_rp_filter(struct doctor *doctor);
void doctor_accept_ra(struct doctor *doctor);
void doctor_inside(struct doctor *doctor);
void doctor_inside_route(struct doctor *doctor);
void doctor_on_link(struct doctor *doctor);
void doctor_nat46_route(struct doctor *doctor);
/* doctor_ports.c */
void doctor_dns64_port(struct doctor *doctor);
void doctor_snid_port(struct doctor *doctor);
void doctor_metrics_port(struct doctor *doctor);
void doctor_pool4_ephemeral(struct doctor *doctor);
void doctor_pool4_listener(struct doctor *doctor);
void doctor_pool4_size(struct doctor *doctor);
/* doctor_firewall.c */
void doctor_firewall_prerouting(struct doctor *doctor);
void doctor_firewall_input(struct doctor *doctor);
void doctor_firewall_output(struct doctor *doctor);
void doctor_firewall_forward(struct doctor *doctor);
void doctor_masquerade_nat46(struct doctor *doctor);
void doctor_masquerade_pool4(struct doctor *doctor);
void doctor_iptables_legacy(struct doctor *doctor);
/* doctor_wireguard.c */
void doctor_wireguard_inside(struct doctor *doctor);
void doctor_wireguard_prefixes(struct doctor *doctor);
void doctor_wireguard_endpoint(struct doctor *doctor);
void doctor_wireguard_mtu(struct doctor *doctor);
/* doctor_mtu.c */
void doctor_mtu_inside(struct doctor *doctor);
void doctor_mtu_internet(struct doctor *doctor);
void doctor_way_back(struct doctor *doctor);
/* doctor_dns.c */
void doctor_dns_upstream(struct doctor *doctor);
void doctor_dnssec(struct doctor *doctor);
void doctor_trust_anchor(struct doctor *doctor);
void doctor_open_resolver(struct doctor *doctor);
void doctor_resolv_conf(struct doctor *doctor);
/* doctor_rooms.c */
void doctor_self_nat64(struct doctor *doctor);
void doctor_self_dns64(struct doctor *doctor);
void doctor_self_snid(struct doctor *doctor);

#endif
