/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `gate64 flows` and `gate64 bindings`: what the gateway replies, a page a request, and
 * how the rows read.
 *
 *   request   {"command": "flows"|"bindings", "cursor": N, "max": N, "filter": {..}}
 *             cursor: 0 or missing first, then "next" of the reply before; filter: filter.h
 *   reply     {"schema": LISTING_SCHEMA, "flows"|"bindings": [row, ..], "next": N or null}
 *   a flow    {proto, state (TCP) or null, inside, inside_port, outside, outside_port,
 *              remote, remote_port (null for ICMP), expires_s}
 *   a binding {proto, inside, inside_port, outside, outside_port, sessions, static}
 *
 * For ICMP a port is the identifier. A page with no row is not the last one unless
 * "next" is null: rows are looked at before they are chosen.
 */
#ifndef OPS_LISTING_H
#define OPS_LISTING_H

#include <stdint.h>
#include <stdio.h>

struct json_object;
struct nat64;

enum {
	LISTING_SCHEMA = 1,
	LISTING_ROWS_MAX = 1000,	/* "max" is at most this; a full page is < 256 KiB */
};

/* What a request of any listing says of its page */
struct listing_page {
	uint64_t cursor;
	unsigned int max;
	struct json_object *filter;	/* borrowed; NULL: none */
};

/** listing_read() - Return: NULL, or what is wrong with the request, static. */
const char *listing_read(struct json_object *request, struct listing_page *page);

/** listing_error() - {"error": @why}. */
struct json_object *listing_error(const char *why);

/**
 * listing_page_reply() - the reply with an empty list of rows under @name.
 * @next:	the cursor of the next page, 0: there is none.
 * @list:	set to the list, borrowed.
 * Return: owned by the caller, or NULL.
 */
struct json_object *listing_page_reply(const char *name, uint64_t next, struct json_object **list);

/**
 * listing_flows_reply(), listing_bindings_reply() - a page.
 * @nat64:	NULL where the room is off.
 * Return: the reply or an {"error": ..}, owned by the caller; NULL: out of memory.
 */
struct json_object *listing_flows_reply(struct nat64 *nat64, struct json_object *request);
struct json_object *listing_bindings_reply(struct nat64 *nat64, struct json_object *request);

/** listing_print_flow(), _binding() - a row as a line of a table; NULL: the heading. */
void listing_print_flow(struct json_object *row, FILE *out);
void listing_print_binding(struct json_object *row, FILE *out);

#endif
