/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What would happen to a packet: the decisions of nat64.c, asked of the same functions in
 * the same order, and told in words (nat64_trace() in nat64.h).
 */
#ifndef NAT64_TRACE_H
#define NAT64_TRACE_H

#include <stdint.h>

struct addrmap;
struct config;
struct flow_table;
struct nat64_question;
struct nat64_trace;
struct pool4;

/* What decides; borrowed */
struct trace_room {
	const struct config *config;
	const struct addrmap *map;
	const struct pool4 *pool;
	struct flow_table *flows;
};

/** trace_packet() - see nat64_trace(). */
int trace_packet(const struct trace_room *room, const struct nat64_question *question,
		 int64_t now_ms, struct nat64_trace *out);

#endif
