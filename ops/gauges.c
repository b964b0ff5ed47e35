/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See gauges.h. */
#include "gauges.h"

#include <stdlib.h>

#include "../core/stats.h"
#include "../dns64/dns64.h"
#include "../nat64/nat64.h"
#include "../snid/snid.h"
#include "guard.h"
#include "status.h"

/* The guard's counters are the kernel's. */
static void add_guard(uint64_t *counters)
{
	struct guard_counts guard;

	guard_read(&guard);
	counters[STAT_SNI_GUARD_SOURCE] += guard.source;
	counters[STAT_SNI_GUARD_DESTINATION] += guard.destination;
}

struct json_object *gauges_document(struct status_facts *facts, void *const room[ROOM_COUNT])
{
	struct nat64_intercept intercept = { 0 };
	struct nat64_gauges nat64;
	struct dns64_upstream *upstreams = NULL;
	struct dns64_gauges dns64;
	struct snid_gauges snid;
	uint64_t counters[STAT_COUNT];
	struct json_object *document;

	if (room[ROOM_NAT64]) {
		if (nat64_intercept(room[ROOM_NAT64], &intercept) < 0)
			return NULL;
		nat64_gauges(room[ROOM_NAT64], &nat64);
		facts->intercept = &intercept;
		facts->nat64 = &nat64;
	}
	if (room[ROOM_DNS64]) {
		dns64_gauges(room[ROOM_DNS64], &dns64);
		dns64_upstreams(room[ROOM_DNS64], &upstreams, &facts->n_upstreams);
		facts->dns64 = &dns64;
		facts->upstreams = upstreams;
	}
	if (room[ROOM_SNID]) {
		snid_gauges(room[ROOM_SNID], &snid);
		facts->snid = &snid;
	}
	stats_sum(counters);
	add_guard(counters);
	facts->counters = counters;
	document = status_document(facts);
	if (facts->intercept)
		nat64_intercept_free(&intercept);
	free(upstreams);
	return document;
}
