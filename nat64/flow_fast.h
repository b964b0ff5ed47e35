/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sessions that go fast. Their packets change life and state in the kernel (fastpath.h);
 * here these are read, stepped for the packets that come to the slow path all the same,
 * and looked at now and then, to see whether they are over. Part of flow_mem; the caller
 * holds the session's shard.
 */
#ifndef NAT64_FLOW_FAST_H
#define NAT64_FLOW_FAST_H

#include <stdbool.h>
#include <stdint.h>

#include "flow_mem.h"

/* Of a session with a slot, as of now */
struct flow_life {
	enum tcp_state state;		/* TCP only */
	enum lifetime lifetime;
	int64_t since_ms;
};

/** flow_fast_life() - what its slot says. */
struct flow_life flow_fast_life(const struct flow_table *table, const struct session *s);

/** flow_fast_step() - a packet of it was seen here. */
void flow_fast_step(const struct flow_table *table, const struct session *s,
		    const struct flow_packet *p, int64_t now_ms);

/** flow_fast_may() - could it have a slot, and has none? */
bool flow_fast_may(const struct flow_table *table, const struct session *s);

enum flow_look {
	FLOW_LIVES,
	FLOW_IDLE,		/* over, but for the probe of RFC 6146 3.5.2.2: TRANS from now on */
	FLOW_OVER,
};

/** flow_fast_look() - is it over? The next look is due a while after this one. */
enum flow_look flow_fast_look(const struct flow_table *table, struct shard *shard,
			      struct session *s, int64_t now_ms);

#endif
