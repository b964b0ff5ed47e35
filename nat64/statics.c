/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "statics.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../core/addrmap.h"
#include "../core/config.h"
#include "../core/log.h"
#include "hostports.h"

struct statics {
	size_t n;
	struct static_entry *by_outside;
	struct static_entry **by_inside;	/* the same ones in another order */
};

const char *l4_name(enum l4_proto l4)
{
	static const char *const names[] = {
		[L4_TCP] = "tcp", [L4_UDP] = "udp", [L4_ICMP] = "icmp",
	};

	return names[l4];
}

/* For log lines: "198.51.100.1:2222" */
static const char *outside_text(const struct static_entry *entry, char *text)
{
	struct endpoint outside = { addr_from_v4(entry->outside_be32), entry->outside_port };

	return endpoint_format(&outside, text);
}

/* ---- two orders ------------------------------------------------------------------- */

static int compare_outside(const void *va, const void *vb)
{
	const struct static_entry *a = va, *b = vb;
	uint32_t addr_a = ntohl(a->outside_be32), addr_b = ntohl(b->outside_be32);

	if (addr_a != addr_b)
		return addr_a < addr_b ? -1 : 1;
	if (a->l4 != b->l4)
		return a->l4 < b->l4 ? -1 : 1;
	return a->outside_port - b->outside_port;
}

static int compare_inside(const void *va, const void *vb)
{
	const struct static_entry *a = *(struct static_entry *const *)va;
	const struct static_entry *b = *(struct static_entry *const *)vb;
	int order = memcmp(&a->inside, &b->inside, sizeof(a->inside));

	if (order)
		return order;
	if (a->l4 != b->l4)
		return a->l4 < b->l4 ? -1 : 1;
	return a->inside_port - b->inside_port;
}

const struct static_entry *statics_outside(const struct statics *statics, enum l4_proto l4,
					   uint32_t outside_be32, uint16_t port)
{
	struct static_entry key = { .l4 = l4, .outside_be32 = outside_be32, .outside_port = port };

	return statics_count(statics) ? bsearch(&key, statics->by_outside, statics->n, sizeof(key),
						compare_outside) : NULL;
}

const struct static_entry *statics_inside(const struct statics *statics, enum l4_proto l4,
					  const struct in6_addr *inside, uint16_t port)
{
	struct static_entry key = { .l4 = l4, .inside = *inside, .inside_port = port };
	struct static_entry *at = &key, **found;

	if (!statics_count(statics))
		return NULL;
	found = bsearch(&at, statics->by_inside, statics->n, sizeof(at), compare_inside);
	return found ? *found : NULL;
}

bool statics_holds(const struct statics *statics, const struct static_entry *entry)
{
	const struct static_entry *there = statics_outside(statics, entry->l4, entry->outside_be32,
							   entry->outside_port);

	return there && !there->waits && there->inside_port == entry->inside_port &&
	       addr_equal(&there->inside, &entry->inside);
}

size_t statics_count(const struct statics *statics)
{
	return statics ? statics->n : 0;
}

const struct static_entry *statics_at(const struct statics *statics, size_t i)
{
	return &statics->by_outside[i];
}

/* ---- making --------------------------------------------------------------------------- */

static bool resolve(const struct static_binding *binding, const struct addrmap *map,
		    struct static_entry *entry)
{
	static const enum l4_proto protos[] = {
		[CONFIG_TCP] = L4_TCP, [CONFIG_UDP] = L4_UDP, [CONFIG_ICMP] = L4_ICMP,
	};

	*entry = (struct static_entry){
		.l4 = protos[binding->proto],
		.outside_be32 = binding->outside_auto ? map->uplink_v4_be32
						      : addr_v4_be32(&binding->outside.addr),
		.outside_port = binding->outside.port,
		.inside = binding->inside.addr,
		.inside_port = binding->inside.port,
		.waits = !addrmap_nat64_client(map, &binding->inside.addr),
	};
	return entry->outside_be32 != 0;
}

static void warn_waiting(const struct static_entry *entry)
{
	char outside[ENDPOINT_STRLEN], inside[ADDR_STRLEN];

	if (entry->waits)
		log_warn("nat64.static: %s %s waits: %s is no client of NAT64 (nat64.clients, "
			 "inside)", l4_name(entry->l4), outside_text(entry, outside),
			 addr_format(&entry->inside, inside));
}

/* The configuration has each port once, but a port of the uplink's address and one of an
 * address that is written out may have become the same. The first one given stays. */
static bool is_double(const struct statics *statics, const struct static_entry *entry)
{
	char text[ENDPOINT_STRLEN];

	for (size_t i = 0; i < statics->n; i++) {
		if (compare_outside(&statics->by_outside[i], entry) != 0)
			continue;
		log_warn("nat64.static: %s %s is there twice, now that the uplink has this "
			 "address: the second one is left out", l4_name(entry->l4),
			 outside_text(entry, text));
		return true;
	}
	return false;
}

struct statics *statics_new(const struct config *config, const struct addrmap *map)
{
	struct statics *statics = calloc(1, sizeof(*statics));
	size_t max = config->nat64.n_static;

	if (!statics)
		return NULL;
	statics->by_outside = calloc(max + 1, sizeof(*statics->by_outside));
	statics->by_inside = calloc(max + 1, sizeof(*statics->by_inside));
	if (!statics->by_outside || !statics->by_inside) {
		statics_free(statics);
		return NULL;
	}
	for (size_t i = 0; i < max; i++) {
		struct static_entry *entry = &statics->by_outside[statics->n];

		if (!resolve(&config->nat64.static_bindings[i], map, entry) ||
		    is_double(statics, entry))
			continue;
		warn_waiting(entry);
		statics->n++;
	}
	if (!statics->n)
		return statics;
	qsort(statics->by_outside, statics->n, sizeof(*statics->by_outside), compare_outside);
	for (size_t i = 0; i < statics->n; i++)
		statics->by_inside[i] = &statics->by_outside[i];
	qsort(statics->by_inside, statics->n, sizeof(*statics->by_inside), compare_inside);
	return statics;
}

void statics_free(struct statics *statics)
{
	if (!statics)
		return;
	free(statics->by_outside);
	free(statics->by_inside);
	free(statics);
}

/* ---- the host's ports ------------------------------------------------------------------ */

/* Was it in force before, at this address or at the one that the uplink had then? */
static bool was_there(const struct statics *in_force, const struct static_entry *entry)
{
	const struct static_entry *before = statics_inside(in_force, entry->l4, &entry->inside,
							   entry->inside_port);

	return before && before->outside_port == entry->outside_port;
}

/* A binding is for one address, a socket of the host may be at another: so the kernel is
 * asked about this one, and its list tells a service from a connection that will pass. */
static bool is_taken(const struct static_entry *entry, const struct hostports *host)
{
	return entry->l4 != L4_ICMP && hostports_bound(host, entry->l4, entry->outside_port) &&
	       hostports_taken(entry->l4, entry->outside_be32, entry->outside_port);
}

int statics_check(const struct statics *statics, const struct statics *in_force,
		  const struct hostports *host)
{
	char text[ADDR_STRLEN];
	int err = 0;

	for (size_t i = 0; i < statics_count(statics); i++) {
		const struct static_entry *entry = &statics->by_outside[i];
		const struct in6_addr outside = addr_from_v4(entry->outside_be32);
		bool is_new = !was_there(in_force, entry);

		addr_format(&outside, text);
		if (is_taken(entry, host)) {
			log_write(is_new ? LOG_LEVEL_ERROR : LOG_LEVEL_WARN,
				  "nat64.static: port %u %s of %s is in use by the host; stop that "
				  "service, let it listen elsewhere, or choose another port",
				  entry->outside_port, l4_name(entry->l4), text);
			err = is_new ? -EADDRINUSE : err;
		} else if (is_new && entry->l4 != L4_ICMP &&
			   hostports_ephemeral(host, entry->outside_port)) {
			log_warn("nat64.static: the host may take port %u of %s for a connection of "
				 "its own: add it to net.ipv4.ip_local_reserved_ports",
				 entry->outside_port, text);
		}
	}
	return err;
}
