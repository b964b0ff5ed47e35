/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The host's network over rtnetlink: find out what is there, put up the routes
 * that gate64 needs and take them away again. netwatch.h hears when it changes.
 *
 * Main thread only. Detection needs no privilege; applying and removing need
 * CAP_NET_ADMIN and nothing else, also after the user change.
 */
#ifndef OPS_NETSETUP_H
#define OPS_NETSETUP_H

struct config;
struct netdetect_host;
struct netinfo;
struct prefix;
struct prefix_list;

/*
 * rtm_protocol of the routes that gate64 makes (free in iproute2's rt_protos).
 * It is how a later run knows its own: after a SIGKILL, or when the prefix in
 * the configuration has changed, what carries this number is adopted or removed.
 */
#define NETSETUP_RTPROT 164

/**
 * netsetup_detect() - what the configuration's "auto" settings stand for now.
 * @config:	borrowed for the call; read are uplink and prefixes.
 * @net:	overwritten; release with netinfo_free(). Empty after an error.
 *
 * uplink: the configured name, else the interface of the IPv4 default route with
 * the lowest metric in table main. uplink_v4_be32: its first primary address of
 * global scope. inside: the destinations of the unicast IPv6 routes of table main
 * within 2000::/3 and fc00::/7, without what overlaps a pref64 or the NAT46 prefix,
 * and without what leads to the uplink or to an interface of the IPv6 default
 * route; while there is neither of these, nothing. own: every address that the host
 * takes for itself (its local and anycast routes). Both lists are sorted, without
 * prefixes that others contain.
 *
 * A host without uplink, address or IPv6 route is no error: the fields stay empty.
 * Return: 0, or -errno, the reason having been logged.
 */
int netsetup_detect(const struct config *config, struct netinfo *net);

/**
 * netsetup_read() - links, addresses and routes as they are.
 * @host:	overwritten; release with netdetect_host_free(). Empty after an error.
 * Return: 0, or -errno, the reason having been logged.
 */
int netsetup_read(struct netdetect_host *host);

/**
 * netsetup_apply() - make the host's routes what gate64 needs, no more, no less.
 * @nat46:	the prefix that snid dials from: it gets the route
 *		"local PREFIX dev lo" in table local, so that replies to these
 *		sources are delivered here. NULL (snid is off): no route.
 * @pref64:	prefixes that the host itself is to reach, each by the route
 *		"PREFIX dev lo" in table main with a metric behind all others. NULL
 *		(nat64 is off): none.
 * @added:	how many of them were not there.
 *
 * The kernel sends nothing on a route of that second kind: it only lets a socket have
 * a source address and send, and then nat64 takes the packet in the output hook. What
 * is not taken there, or would be forwarded by it, fails as unreachable. Where it cannot
 * be set, that is only warned of.
 *
 * Idempotent, also over what an earlier run left. The same route made by someone
 * else does as well, and is left alone by netsetup_remove().
 * Return: 0, or -errno, the reason having been logged.
 */
int netsetup_apply(const struct prefix *nat46, const struct prefix_list *pref64,
		   unsigned int *added);

/** netsetup_remove() - netsetup_apply() of nothing: take our routes away. */
int netsetup_remove(void);

#endif
