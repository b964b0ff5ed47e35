/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The room itself: workers.c makes and ends it, view.c shows it to the others. */
#ifndef NAT64_ROOM_H
#define NAT64_ROOM_H

#include <stdbool.h>

struct addrmap;
struct config;
struct fast;
struct flow_table;
struct ipid;
struct journal;
struct loop;
struct pool4;
struct statics;
struct worker;

struct nat64 {
	const struct config *config;
	const struct addrmap *map;
	struct pool4 *pool;
	struct statics *statics;
	struct flow_table *flows;
	struct ipid *ids;
	struct journal *journal;
	struct fast *fast;		/* NULL: all goes slowly */
	const char *slow_because;	/* static; NULL: it does not */
	bool leave_nothing;		/* when it ends */
	struct worker *workers;
	struct loop **loops;		/* the workers', for pausing */
	unsigned int n;
};

#endif
