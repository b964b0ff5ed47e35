/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the rooms have in use now and have counted so far, to complete the gateway's facts. */
#ifndef OPS_GAUGES_H
#define OPS_GAUGES_H

#include "../core/stats.h"
#include "../dns64/dns64.h"
#include "../nat64/nat64.h"
#include "../snid/snid.h"
#include "status.h"

struct gateway;

struct gauges {
	struct status_facts facts;	/* borrowed from the gateway, and from what follows */
	struct nat64_intercept intercept;
	struct nat64_gauges nat64;
	struct dns64_upstream *upstreams;
	struct dns64_gauges dns64;
	struct snid_gauges snid;
	uint64_t counters[STAT_COUNT];
};

/* Of nat64.pool4: how many ports, or which too (a look at each of them) */
enum gauges_ports { GAUGES_PORT_NUMBERS, GAUGES_PORT_RANGES };

/**
 * gauges_read() - ask the gateway and its rooms; main thread. It waits for no worker for long.
 * @gauges:	good until the next event, then gauges_free().
 * Return: 0 or -ENOMEM.
 */
int gauges_read(struct gauges *gauges, struct gateway *gateway, enum gauges_ports ports);

/** gauges_free() - what it holds, not itself. */
void gauges_free(struct gauges *gauges);

#endif
