/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sessions and bindings as rows for people, a page at a time: what nat64_flows() and
 * nat64_bindings() (nat64.h) give.
 */
#ifndef NAT64_LISTING_H
#define NAT64_LISTING_H

#include <stddef.h>
#include <stdint.h>

struct flow_table;
struct nat64_binding;
struct nat64_filter;
struct nat64_flow;

/** listing_state() - the name of a TCP state (enum tcp_state), static. */
const char *listing_state(unsigned int state);

/** listing_flows() - see nat64_flows(). */
int listing_flows(struct flow_table *table, const struct nat64_filter *filter, int64_t now_ms,
		  uint64_t *cursor, unsigned int max, struct nat64_flow **rows, size_t *n);

/** listing_bindings() - see nat64_bindings(). */
int listing_bindings(struct flow_table *table, const struct nat64_filter *filter,
		     uint64_t *cursor, unsigned int max, struct nat64_binding **rows, size_t *n);

#endif
