/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What gets through, by trying: full packets to the servers and to the Internet, and packets
 * of translated sources to the servers and back. A router that says that a packet is too big
 * does its duty, and what it says is minded; what is looked for here is packets that vanish.
 */
#include "doctor.h"

#include <errno.h>
#include <json-c/json.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "../core/addrmap.h"
#include "../core/config.h"
#include "doctor_probe.h"
#include "doctor_way.h"
#include "doctor_wg.h"

enum {
	SECOND4 = 0x09090909,		/* 9.9.9.9 */
	SOURCES_TRIED = 2,		/* hosts, a second each where they do not answer */
};

/* Hosts inside that may answer, and the link each is behind */
struct hosts {
	struct in6_addr v[PROBE_HOSTS_MAX];
	int link[PROBE_HOSTS_MAX];
	bool alive[PROBE_HOSTS_MAX];
	size_t n;
	int err;		/* -errno: they could not be asked */
};

static void tell_unsent(struct doctor *doctor, int err)
{
	doctor_cannot(doctor, err == -EPERM ? "only root may send probes" : "%s", strerror(-err));
}

/* ---- whom to ask ------------------------------------------------------------------- */

static void add_host(const struct doctor *doctor, struct hosts *hosts, const struct in6_addr *addr)
{
	struct way way;

	if (hosts->n == PROBE_HOSTS_MAX || addr_is_v4(addr) ||
	    way_get(addr, NULL, 0, &way) < 0 || way.type != RTN_UNICAST ||
	    doctor_is_outside(doctor, way.link))
		return;
	for (size_t i = 0; i < hosts->n; i++)
		if (addr_equal(&hosts->v[i], addr))
			return;
	hosts->v[hosts->n] = *addr;
	hosts->link[hosts->n++] = way.link;
}

/* Those that use the gateway now */
static void add_clients(const struct doctor *doctor, struct hosts *hosts)
{
	struct json_object *reply = doctor_ask(doctor, doctor_request("flows"));
	struct json_object *flows = NULL, *inside;
	struct endpoint at;

	json_object_object_get_ex(reply, "flows", &flows);
	for (size_t i = 0; json_object_is_type(flows, json_type_array) &&
			   i < json_object_array_length(flows); i++)
		if (json_object_object_get_ex(json_object_array_get_idx(flows, i), "inside",
					      &inside) &&
		    endpoint_parse(json_object_get_string(inside), 0, &at))
			add_host(doctor, hosts, &at.addr);
	json_object_put(reply);
}

/* What WireGuard's peers have for themselves */
static void add_peers(const struct doctor *doctor, struct hosts *hosts)
{
	for (size_t i = 0; i < doctor->host.n_links; i++) {
		struct read_peers peers;

		if (doctor->host.links[i].loopback ||
		    wg_read(doctor->host.links[i].name, &peers) < 0)
			continue;
		for (size_t k = 0; k < peers.n; k++)
			for (size_t m = 0; m < peers.v[k].allowed.n; m++)
				if (peers.v[k].allowed.v[m].len == 128)
					add_host(doctor, hosts, &peers.v[k].allowed.v[m].addr);
		read_peers_free(&peers);
	}
}

/* Most likely first. A network's first host is its router, as a rule. */
static void add_likely(const struct doctor *doctor, struct hosts *hosts)
{
	for (size_t i = 0; i < doctor->config->snid.n_routes; i++)
		add_host(doctor, hosts, &doctor->config->snid.routes[i].backend);
	for (size_t i = 0; i < doctor->config->nat64.n_static; i++)
		add_host(doctor, hosts, &doctor->config->nat64.static_bindings[i].inside.addr);
	add_peers(doctor, hosts);
	for (size_t i = 0; i < doctor->map->inside.n; i++) {
		struct in6_addr first = doctor->map->inside.v[i].addr;

		first.s6_addr[15] |= doctor->map->inside.v[i].len < 128;
		add_host(doctor, hosts, &first);
	}
	add_clients(doctor, hosts);
}

/* Once for all checks. Return: NULL: none answers, which is said. */
static const struct hosts *hosts_of(struct doctor *doctor)
{
	struct hosts *hosts = doctor->hosts;

	if (!hosts) {
		hosts = doctor->hosts = calloc(1, sizeof(*hosts));
		if (!hosts)
			return NULL;
		add_likely(doctor, hosts);
		hosts->err = probe_alive(hosts->v, hosts->n, hosts->alive);
	}
	if (hosts->err) {
		tell_unsent(doctor, hosts->err);
		return NULL;
	}
	for (size_t i = 0; i < hosts->n; i++)
		if (hosts->alive[i])
			return hosts;
	if (hosts->n)
		doctor_cannot(doctor, "none of %zu likely hosts inside answers pings", hosts->n);
	else
		doctor_cannot(doctor, "no host inside is known that could be asked");
	return NULL;
}

static uint32_t mtu_of(const struct doctor *doctor, int link)
{
	for (size_t i = 0; i < doctor->host.n_links; i++)
		if (doctor->host.links[i].index == link)
			return doctor->host.links[i].mtu;
	return 0;
}

/* ---- sizes ------------------------------------------------------------------------- */

/* Do packets vanish, without that anybody says that they are too big? Once may be chance.
 * Return: 1 they do; 0 they do not, or nothing is answered at all; -errno. */
static int seek_black_hole(const struct in6_addr *host, uint32_t mtu, struct probe_sizes *sizes)
{
	for (int again = 0; again < 2; again++) {
		int err = probe_sizes(host, mtu, sizes);

		if (err)
			return err;
		if (!sizes->largest || sizes->largest >= sizes->fits)
			return 0;
	}
	return 1;
}

static void judge_host(struct doctor *doctor, const struct in6_addr *host, int link)
{
	uint32_t mtu = mtu_of(doctor, link);
	const char *name = doctor_link(doctor, link);
	struct probe_sizes sizes;
	char text[ADDR_STRLEN];

	if (seek_black_hole(host, mtu, &sizes) != 1)
		return;
	doctor_find(doctor, "packets of %u bytes to %s by %s vanish; up to %u get through", mtu,
		    addr_format(host, text), name, sizes.largest);
	doctor_mend(doctor,
		    "ip link set dev %s mtu %u, at both ends, and in the configuration of both; "
		    "below 1280 IPv6 does not work: look for the tunnel in the way",
		    name, sizes.largest);
}

void doctor_mtu_inside(struct doctor *doctor)
{
	const struct hosts *hosts = hosts_of(doctor);

	/* One for each link */
	for (size_t i = 0; hosts && i < hosts->n; i++) {
		bool first = hosts->alive[i];

		for (size_t k = 0; k < i; k++)
			first &= !(hosts->alive[k] && hosts->link[k] == hosts->link[i]);
		if (first)
			judge_host(doctor, &hosts->v[i], hosts->link[i]);
	}
}

static void tell_black_hole(struct doctor *doctor, const struct probe_sizes *sizes, uint32_t mtu,
			    const char *interface)
{
	char text[ADDR_STRLEN], teller[ADDR_STRLEN];

	addr_format(&doctor->internet, text);
	if (sizes->told)
		doctor_find(doctor, "%s says that packets to %s may have %u bytes, and those of "
				    "more than %u vanish",
			    addr_format(&sizes->teller, teller), text, sizes->told, sizes->largest);
	else
		doctor_find(doctor, "packets of %u bytes to %s vanish without a word; up to %u get "
				    "through", mtu, text, sizes->largest);
	doctor_mend(doctor, "ip link set dev %s mtu %u, or on the route: ip route change default "
			    ".. mtu %u; where it is but this host that answers no larger pings: "
			    "--internet ADDR",
		    interface, sizes->largest, sizes->largest);
}

/* One host alone may just not answer large pings. Does another? */
static bool second_answers(uint32_t mtu)
{
	const struct in6_addr second = addr_from_v4(htonl(SECOND4));
	struct probe_sizes sizes;

	return probe_sizes(&second, mtu, &sizes) == 0 && sizes.largest &&
	       sizes.largest >= sizes.fits;
}

void doctor_mtu_internet(struct doctor *doctor)
{
	struct probe_sizes sizes;
	char text[ADDR_STRLEN];
	struct way way;
	int found = way_get(&doctor->internet, NULL, 0, &way);
	uint32_t mtu = found ? 0 : mtu_of(doctor, way.link);

	if (!found)
		found = seek_black_hole(&doctor->internet, mtu, &sizes);
	if (found < 0)
		tell_unsent(doctor, found);
	else if (!sizes.largest)
		doctor_cannot(doctor, "%s does not answer pings; --internet names another host",
			      addr_format(&doctor->internet, text));
	else if (found && (doctor->internet_named || !second_answers(mtu)))
		tell_black_hole(doctor, &sizes, mtu, doctor_link(doctor, way.link));
}

/* ---- sources ----------------------------------------------------------------------- */

/*
 * Of hosts that answer us, one will do: what is a router itself may send its own answers another
 * way than those of the hosts behind it.
 */
static void judge_source(struct doctor *doctor, const struct prefix *prefix,
			 const struct in6_addr *src, const struct hosts *hosts)
{
	char text[ADDR_STRLEN], source[PREFIX_STRLEN];
	size_t silent = hosts->n, tried = 0;

	for (size_t i = 0; i < hosts->n && tried < SOURCES_TRIED; i++) {
		int came;

		if (!hosts->alive[i] || !prefix_list_contains(&doctor->map->inside, &hosts->v[i]))
			continue;
		came = probe_from(src, &hosts->v[i], hosts->link[i]);
		if (came == 1)
			return;
		if (came < 0) {
			tell_unsent(doctor, came);
			return;
		}
		tried++;
		silent = i;
	}
	if (silent == hosts->n) {
		doctor_cannot(doctor, "no host of the networks served answers pings");
		return;
	}
	prefix_format(prefix, source);
	doctor_find(doctor, "%s answers this host, and not what comes from %s",
		    addr_format(&hosts->v[silent], text), source);
	doctor_mend(doctor, "at the other end of %s: AllowedIPs of its peer, this gateway, must "
			    "have %s (or ::/0), its firewall must let that in, and its route to it "
			    "must lead back here",
		    doctor_link(doctor, hosts->link[silent]), source);
}

void doctor_way_back(struct doctor *doctor)
{
	const struct addrmap *map = doctor->map;
	uint32_t v4_be32 = addr_v4_be32(&doctor->internet);
	struct in6_addr nat64 = addrmap_embed(&map->pref64.v[0], v4_be32);
	struct in6_addr nat46 = addrmap_nat46_source(map, v4_be32);
	const struct hosts *hosts;

	if (!doctor->config->nat64.enabled && !doctor_dials(doctor)) {
		doctor_skip(doctor, "nothing is translated");
		return;
	}
	hosts = hosts_of(doctor);
	if (hosts && doctor->config->nat64.enabled)
		judge_source(doctor, &map->pref64.v[0], &nat64, hosts);
	if (hosts && doctor_dials(doctor))
		judge_source(doctor, &map->nat46, &nat46, hosts);
}
