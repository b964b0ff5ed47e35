/* SPDX-License-Identifier: GPL-2.0-or-later */
/* WireGuard's interfaces: what its peers may have and send, and where they are. */
#include "doctor.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "../core/addrmap.h"
#include "../core/config.h"
#include "doctor_way.h"
#include "doctor_wg.h"

enum {
	NEARLY_ALL = 3,			/* bits: "::/0", "2000::/3" and their like */
	OVERHEAD4 = 60, OVERHEAD6 = 80,	/* bytes around a packet: wireguard.com/papers */
};

/* Each interface of WireGuard in turn. @judge: its work. */
static void each(struct doctor *doctor, void (*judge)(struct doctor *doctor,
						      const struct netdetect_link *link,
						      const struct read_peers *peers))
{
	unsigned int n = 0;

	for (size_t i = 0; i < doctor->host.n_links; i++) {
		const struct netdetect_link *link = &doctor->host.links[i];
		struct read_peers peers;
		int err = link->loopback ? -ENODEV : wg_read(link->name, &peers);

		if (err == -ENODEV)
			continue;
		n++;
		if (err == -EPERM || err == -EACCES)
			doctor_cannot(doctor, "only root may ask %s for its peers", link->name);
		else if (err)
			doctor_cannot(doctor, "%s does not tell its peers: %s", link->name,
				      strerror(-err));
		if (err)
			continue;
		judge(doctor, link, &peers);
		read_peers_free(&peers);
	}
	if (!n)
		doctor_skip(doctor, "there is no WireGuard here");
}

/* Has any peer all of it? */
static const struct read_peer *peer_for(const struct read_peers *peers, const struct prefix *prefix)
{
	for (size_t i = 0; i < peers->n; i++)
		for (size_t k = 0; k < peers->v[i].allowed.n; k++)
			if (prefix_contains(&peers->v[i].allowed.v[k], &prefix->addr) &&
			    peers->v[i].allowed.v[k].len <= prefix->len)
				return &peers->v[i];
	return NULL;
}

/* ---- the networks served ----------------------------------------------------------- */

/* Routes say which of it is behind this interface: parts of it may be at several peers. */
static void judge_inside(struct doctor *doctor, const struct netdetect_link *link,
			 const struct read_peers *peers)
{
	char text[PREFIX_STRLEN];

	for (size_t i = 0; i < doctor->host.n_routes; i++) {
		const struct netdetect_route *route = &doctor->host.routes[i];

		if (route->link != link->index || route->type != RTN_UNICAST ||
		    route->protocol == RTPROT_KERNEL ||
		    !prefix_list_contains(&doctor->map->inside, &route->dst.addr) ||
		    peer_for(peers, &route->dst))
			continue;
		doctor_find(doctor,
			    "%s is routed to %s, and no peer there has it in its AllowedIPs",
			    prefix_format(&route->dst, text), link->name);
		doctor_mend(doctor,
			    "wg set %s peer KEY allowed-ips +%s, or AllowedIPs in its "
			    "configuration (`allowed-ips' without + replaces all)",
			    link->name, text);
	}
}

void doctor_wireguard_inside(struct doctor *doctor)
{
	each(doctor, judge_inside);
}

/* ---- peers that lead on ------------------------------------------------------------ */

static bool has(const struct read_peer *peer, const struct prefix *prefix)
{
	struct read_peers one = { (struct read_peer *)(uintptr_t)peer, 1 };

	return peer_for(&one, prefix) != NULL;
}

static bool leads_on(const struct read_peer *peer)
{
	for (size_t i = 0; i < peer->allowed.n; i++)
		if (!prefix_is_v4(&peer->allowed.v[i]) && peer->allowed.v[i].len <= NEARLY_ALL)
			return true;
	return false;
}

static void judge_prefix(struct doctor *doctor, const struct netdetect_link *link,
			 const struct read_peer *peer, const struct prefix *prefix)
{
	char text[PREFIX_STRLEN], key[48];

	if (has(peer, prefix))
		return;
	prefix_format(prefix, text);
	doctor_find(doctor, "peer %.8s.. of %s leads to the Internet, and its AllowedIPs miss %s",
		    wg_key(peer, key), link->name, text);
	doctor_mend(doctor,
		    "add %s to AllowedIPs of that peer, here and in its configuration: wg set %s "
		    "peer %s allowed-ips ..,%s",
		    text, link->name, key, text);
}

static void judge_prefixes(struct doctor *doctor, const struct netdetect_link *link,
			   const struct read_peers *peers)
{
	for (size_t i = 0; i < peers->n; i++) {
		if (!leads_on(&peers->v[i]))
			continue;
		for (size_t k = 0; k < doctor->map->pref64.n; k++)
			judge_prefix(doctor, link, &peers->v[i], &doctor->map->pref64.v[k]);
		judge_prefix(doctor, link, &peers->v[i], &doctor->map->nat46);
	}
}

void doctor_wireguard_prefixes(struct doctor *doctor)
{
	each(doctor, judge_prefixes);
}

/* ---- where peers are --------------------------------------------------------------- */

static bool serves(const struct doctor *doctor, const struct read_peer *peer)
{
	for (size_t i = 0; i < peer->allowed.n; i++)
		for (size_t k = 0; k < doctor->map->inside.n; k++)
			if (prefix_overlaps(&peer->allowed.v[i], &doctor->map->inside.v[k]))
				return true;
	return false;
}

/* Peers that move call when they like to: that one has not yet, or not for long, is no fault of
 * this host's; but who misses one is told. */
static void judge_endpoints(struct doctor *doctor, const struct netdetect_link *link,
			    const struct read_peers *peers)
{
	int64_t now = (int64_t)time(NULL);
	char key[48];

	for (size_t i = 0; i < peers->n; i++) {
		const struct read_peer *peer = &peers->v[i];

		if (!wg_is_silent(peer, now) || !serves(doctor, peer))
			continue;
		doctor_note(doctor, "peer %.8s.. of %s has been silent for %lld hours; where it "
				    "should be there: PersistentKeepalive = 25 at its end",
			    wg_key(peer, key), link->name,
			    (long long)(now - peer->handshake_s) / 3600);
	}
}

void doctor_wireguard_endpoint(struct doctor *doctor)
{
	each(doctor, judge_endpoints);
}

static uint32_t mtu_of(const struct doctor *doctor, int index)
{
	for (size_t i = 0; i < doctor->host.n_links; i++)
		if (doctor->host.links[i].index == index)
			return doctor->host.links[i].mtu;
	return 0;
}

static void judge_mtu(struct doctor *doctor, const struct netdetect_link *link,
		      const struct read_peers *peers)
{
	for (size_t i = 0; i < peers->n; i++) {
		const struct endpoint *at = &peers->v[i].endpoint;
		uint32_t overhead = addr_is_v4(&at->addr) ? OVERHEAD4 : OVERHEAD6, outer;
		struct way way;

		if (!at->port || way_get(&at->addr, NULL, 0, &way) < 0)
			continue;
		outer = mtu_of(doctor, way.link);
		if (outer <= overhead || link->mtu + overhead <= outer)
			continue;
		doctor_find(doctor,
			    "%s has an MTU of %u; with %u bytes around it that is more than the %u "
			    "of %s, by which it goes",
			    link->name, link->mtu, overhead, outer, doctor_link(doctor, way.link));
		doctor_mend(doctor,
			    "ip link set dev %s mtu %u, and MTU = %u in its configuration, at both "
			    "ends",
			    link->name, outer - overhead, outer - overhead);
		return;
	}
}

void doctor_wireguard_mtu(struct doctor *doctor)
{
	each(doctor, judge_mtu);
}
