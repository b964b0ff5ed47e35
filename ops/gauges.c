/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See gauges.h. */
#include "gauges.h"

#include <stdlib.h>
#include <string.h>

#include "gateway.h"
#include "guard.h"

/* The guard's counters are the kernel's. */
static void add_guard(uint64_t *counters)
{
	struct guard_counts guard;

	guard_read(&guard);
	counters[STAT_SNI_GUARD_SOURCE] += guard.source;
	counters[STAT_SNI_GUARD_DESTINATION] += guard.destination;
}

static int read_nat64(struct gauges *gauges, struct nat64 *nat64, enum gauges_ports ports)
{
	int err;

	if (!nat64)
		return 0;
	err = ports == GAUGES_PORT_RANGES ? nat64_intercept(nat64, &gauges->intercept) :
					    nat64_pools(nat64, &gauges->intercept);
	if (err)
		return err;
	nat64_gauges(nat64, &gauges->nat64);
	gauges->facts.intercept = &gauges->intercept;
	gauges->facts.nat64 = &gauges->nat64;
	return 0;
}

static int read_dns64(struct gauges *gauges, struct dns64 *dns64)
{
	int err = dns64 ? dns64_upstreams(dns64, &gauges->upstreams, &gauges->facts.n_upstreams) :
			  0;

	if (err || !dns64)
		return err;
	dns64_gauges(dns64, &gauges->dns64);
	gauges->facts.dns64 = &gauges->dns64;
	gauges->facts.upstreams = gauges->upstreams;
	return 0;
}

static void read_snid(struct gauges *gauges, struct snid *snid)
{
	if (!snid)
		return;
	snid_gauges(snid, &gauges->snid);
	gauges->facts.snid = &gauges->snid;
}

int gauges_read(struct gauges *gauges, struct gateway *gateway, enum gauges_ports ports)
{
	int err;

	memset(gauges, 0, sizeof(*gauges));
	gateway_facts(gateway, &gauges->facts);
	err = read_nat64(gauges, gateway_nat64(gateway), ports);
	if (!err)
		err = read_dns64(gauges, gateway_dns64(gateway));
	read_snid(gauges, gateway_snid(gateway));
	stats_sum(gauges->counters);
	add_guard(gauges->counters);
	gauges->facts.counters = gauges->counters;
	if (err)
		gauges_free(gauges);
	return err;
}

void gauges_free(struct gauges *gauges)
{
	if (gauges->facts.intercept)
		nat64_intercept_free(&gauges->intercept);
	free(gauges->upstreams);
}
