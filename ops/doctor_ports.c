/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who has the ports that gate64 is to have: its listeners', and those of nat64.pool4. */
#include "doctor.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../core/addrmap.h"
#include "../core/config.h"
#include "../nat64/hostports.h"
#include "doctor_sockets.h"
#include "port_holder.h"

enum {
	AUTO_FIRST = 10240,	/* as nat64/pool4_plan.c has it */
	PORTS_FEW = 2048,
	TOLD_MAX = 4,		/* listeners among the ports of one entry */
};

/* ---- listeners --------------------------------------------------------------------- */

/* What a listener is called, and how to give it another port */
struct place {
	bool tcp;
	struct endpoint at;
	const char *setting;
};

static void tell_holder(struct doctor *doctor, const struct place *place,
			const struct sockets_one *one)
{
	char text[ENDPOINT_STRLEN], wanted[ENDPOINT_STRLEN];
	struct sockets_owner owner;

	sockets_owner(one, &owner);
	doctor_find(doctor, "%s port %u is taken: %s (process %d) listens on %s, and %s wants %s",
		    place->tcp ? "TCP" : "UDP", place->at.port, owner.name, owner.pid,
		    endpoint_format(&one->socket.local, text), place->setting,
		    endpoint_format(&place->at, wanted));
	if (!owner.pid)
		doctor_mend(doctor, "as root: ss -%slnp 'sport = :%u' shows who it is; end that, "
				    "or choose other addresses or ports in %s",
			    place->tcp ? "t" : "u", place->at.port, place->setting);
	else if (!owner.is_plain)
		doctor_mend(doctor, "end process %d, or choose other addresses or ports in %s",
			    owner.pid, place->setting);
	else if (strcmp(owner.name, "docker-proxy") == 0)
		doctor_mend(doctor, "docker ps --filter publish=%u shows whose it is: publish "
				    "another port, or choose other addresses or ports in %s",
			    place->at.port, place->setting);
	else if (strcmp(owner.name, "systemd-resolve") == 0)
		doctor_mend(doctor, "in /etc/systemd/resolved.conf: DNSStubListener=no, then: "
				    "systemctl "
				    "restart systemd-resolved");
	else
		doctor_mend(doctor,
			    "systemctl disable --now %s, or give it another port; or choose other "
			    "addresses or ports in %s",
			    owner.name, place->setting);
}

/* Who is in the way, other than the gateway? *@ours: it has the place itself. */
static const struct sockets_one *find_holder(const struct sockets *sockets,
					     const struct place *place, bool dual, bool *ours)
{
	for (size_t i = 0; i < sockets->n; i++) {
		const struct sockets_one *one = &sockets->v[i];

		if (!sockets_conflict(one, place->tcp, &place->at, dual))
			continue;
		if (!one->ours)
			return one;
		*ours = true;
	}
	return NULL;
}

static void judge_place(struct doctor *doctor, const struct sockets *sockets,
			const struct place *place)
{
	bool ours = false;
	const struct sockets_one *holder = find_holder(sockets, place, false, &ours);
	char text[ENDPOINT_STRLEN];

	/* Nobody of this family, but it is taken: then by one on "::" that takes both. */
	if (!holder && !ours &&
	    !port_is_free(&place->at, place->tcp ? SOCK_STREAM : SOCK_DGRAM))
		holder = find_holder(sockets, place, true, &ours);
	if (holder) {
		tell_holder(doctor, place, holder);
	} else if (doctor->pid && !ours) {
		doctor_find(doctor, "the gateway does not listen on %s (%s), which %s has",
			    endpoint_format(&place->at, text), place->tcp ? "TCP" : "UDP",
			    place->setting);
		doctor_mend(doctor, "gate64 reload, and see what its log says");
	}
}

/* Return: false where they cannot be read, which is said. */
static bool read_sockets(struct doctor *doctor, struct sockets *sockets)
{
	int err = sockets_read(sockets, doctor->pid);

	if (err == -EACCES)
		doctor_cannot(doctor, "only root sees whose a socket is");
	else if (err)
		doctor_cannot(doctor, "/proc does not show sockets: %s", strerror(-err));
	return !err;
}

void doctor_dns64_port(struct doctor *doctor)
{
	const struct config *config = doctor->config;
	struct sockets sockets;

	if (!config->dns64.enabled) {
		doctor_skip(doctor, "dns64 is off");
		return;
	}
	if (!read_sockets(doctor, &sockets))
		return;
	for (size_t i = 0; i < config->dns64.listen.n; i++) {
		struct place place = { false, config->dns64.listen.v[i], "dns64.listen" };

		judge_place(doctor, &sockets, &place);
		place.tcp = true;
		judge_place(doctor, &sockets, &place);
		if (!config->dns64.tls.cert)
			continue;
		place.at.port = (uint16_t)config->dns64.tls.port;
		place.setting = "dns64.tls.port";
		judge_place(doctor, &sockets, &place);
	}
	sockets_free(&sockets);
}

void doctor_snid_port(struct doctor *doctor)
{
	const struct config *config = doctor->config;
	struct sockets sockets;

	if (!config->snid.n_listen) {
		doctor_skip(doctor, "snid is off");
		return;
	}
	if (!read_sockets(doctor, &sockets))
		return;
	for (size_t i = 0; i < config->snid.n_listen; i++) {
		struct place place = { true, config->snid.listen[i].at, "snid.listen" };
		enum config_sni_mode mode = config->snid.listen[i].own & SNI_OWN_MODE ?
					    config->snid.listen[i].mode : config->snid.mode;

		/* A port alone, in modes that take clients of both families */
		if (config->snid.listen[i].any && mode != CONFIG_SNI_NAT46)
			place.at.addr = in6addr_any;
		judge_place(doctor, &sockets, &place);
	}
	sockets_free(&sockets);
}

void doctor_metrics_port(struct doctor *doctor)
{
	const struct place place = { true, doctor->config->ops.metrics, "ops.metrics" };
	struct sockets sockets;

	if (!place.at.port) {
		doctor_skip(doctor, "ops.metrics is off");
		return;
	}
	if (!read_sockets(doctor, &sockets))
		return;
	judge_place(doctor, &sockets, &place);
	sockets_free(&sockets);
}

/* ---- nat64.pool4 ------------------------------------------------------------------- */

/* Is the entry's address one of the host's, so that its ports are too? */
static bool is_hosts(const struct doctor *doctor, const struct pool4_entry *entry)
{
	return entry->address_auto || addrmap_is_own(doctor->map, &entry->address);
}

static bool read_ports(struct doctor *doctor, struct hostports *ports)
{
	if (!doctor->config->nat64.enabled) {
		doctor_skip(doctor, "nat64 is off");
		return false;
	}
	if (hostports_read(ports) == 0)
		return true;
	doctor_cannot(doctor, "/proc does not show the host's ports");
	return false;
}

static void judge_ephemeral(struct doctor *doctor, const struct hostports *host,
			    const struct port_range *range)
{
	for (unsigned int port = range->first; port <= range->last; port++) {
		if (!hostports_ephemeral(host, (uint16_t)port))
			continue;
		doctor_find(doctor,
			    "nat64.pool4 has ports %u-%u, and the host chooses among %u-%u for its "
			    "own connections",
			    range->first, range->last, host->ephemeral_first, host->ephemeral_last);
		doctor_mend(doctor,
			    "sysctl -w net.ipv4.ip_local_reserved_ports=%u-%u, and keep it in "
			    "/etc/sysctl.d; or: nat64: {pool4: [{address: auto, ports: auto}]}",
			    range->first, range->last);
		return;
	}
}

void doctor_pool4_ephemeral(struct doctor *doctor)
{
	struct hostports *host = malloc(sizeof(*host));

	if (host && read_ports(doctor, host)) {
		for (size_t i = 0; i < doctor->config->nat64.n_pool4; i++) {
			const struct pool4_entry *entry = &doctor->config->nat64.pool4[i];

			for (size_t k = 0; k < entry->n_ports && !entry->ports_auto; k++)
				judge_ephemeral(doctor, host, &entry->ports[k]);
		}
	}
	free(host);
}

static void judge_listeners(struct doctor *doctor, const struct hostports *host,
			    const struct port_range *range, unsigned int *told)
{
	for (unsigned int port = range->first; port <= range->last && *told < TOLD_MAX; port++) {
		bool tcp = hostports_bound(host, L4_TCP, (uint16_t)port);
		bool udp = hostports_bound(host, L4_UDP, (uint16_t)port);

		if (!tcp && !udp)
			continue;
		doctor_find(doctor,
			    "a service of this host has port %u (%s), which nat64.pool4 has too",
			    port, tcp ? udp ? "TCP and UDP" : "TCP" : "UDP");
		doctor_mend(doctor,
			    "leave it out of nat64.pool4, or end the service: ss -lntup 'sport = "
			    ":%u' shows it",
			    port);
		++*told;
	}
}

/* Datagrams of the gateway's own resolver have ports of the kernel's choice, which
 * pool4_ephemeral keeps apart. */
void doctor_pool4_listener(struct doctor *doctor)
{
	struct hostports *host = malloc(sizeof(*host));
	unsigned int told = 0;

	if (host && read_ports(doctor, host)) {
		for (size_t i = 0; i < doctor->config->nat64.n_pool4; i++) {
			const struct pool4_entry *entry = &doctor->config->nat64.pool4[i];

			for (size_t k = 0; k < entry->n_ports && !entry->ports_auto &&
					   is_hosts(doctor, entry); k++)
				judge_listeners(doctor, host, &entry->ports[k], &told);
		}
	}
	free(host);
}

static bool has_port(const struct pool4_entry *entry, const struct hostports *host, uint16_t port)
{
	if (entry->ports_auto)
		return port >= AUTO_FIRST && !hostports_ephemeral(host, port) &&
		       !hostports_reserved(host, port) && !hostports_bound(host, L4_TCP, port);
	for (size_t i = 0; i < entry->n_ports; i++)
		if (port >= entry->ports[i].first && port <= entry->ports[i].last)
			return true;
	return false;
}

static unsigned int count_ports(const struct pool4_entry *entry, const struct hostports *host)
{
	unsigned int n = 0;

	for (unsigned int port = 1; port <= UINT16_MAX; port++)
		n += has_port(entry, host, (uint16_t)port);
	return n;
}

void doctor_pool4_ports(const struct doctor *doctor, const struct hostports *host, bool *ports)
{
	for (size_t i = 0; i < doctor->config->nat64.n_pool4; i++) {
		const struct pool4_entry *entry = &doctor->config->nat64.pool4[i];

		for (unsigned int port = 1; port <= UINT16_MAX && is_hosts(doctor, entry); port++)
			ports[port] |= has_port(entry, host, (uint16_t)port);
	}
}

void doctor_pool4_size(struct doctor *doctor)
{
	struct hostports *host = malloc(sizeof(*host));
	unsigned int n = 0;

	if (!host || !read_ports(doctor, host)) {
		free(host);
		return;
	}
	for (size_t i = 0; i < doctor->config->nat64.n_pool4; i++)
		n += count_ports(&doctor->config->nat64.pool4[i], host);
	if (n < PORTS_FEW) {
		doctor_find(doctor,
			    "nat64.pool4 has %u ports for each protocol; the host has %u-%u for "
			    "its "
			    "own connections",
			    n, host->ephemeral_first, host->ephemeral_last);
		doctor_mend(doctor, "sysctl -w net.ipv4.ip_local_port_range=\"32768 60999\", and "
				    "keep it in "
				    "/etc/sysctl.d; or more ports, or another address, in "
				    "nat64.pool4");
	}
	free(host);
}
