/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `gate64 connections`: as listing.h has it for flows.
 *
 *   request     {"command": "connections", "cursor": N, "max": N, "filter": {..}}
 *   reply       {"schema": LISTING_SCHEMA, "connections": [row, ..], "next": N or null}
 *   a filter    {client: "ADDR[/LEN]", backend: likewise, name: "a.example" or "*.example",
 *               stage}; each may be missing
 *   a row       {client, client_port, name (null: none, or not known yet), stage, protocol,
 *               mode, backend, backend_port (both null: none yet, or a unix socket),
 *               bytes_in, bytes_out, age_s}
 */
#ifndef OPS_CONNECTIONS_H
#define OPS_CONNECTIONS_H

#include <stdio.h>

struct json_object;
struct snid;
struct snid_filter;

/** connections_reply() - a page. @snid: NULL where the room is off. Return: see listing.h. */
struct json_object *connections_reply(struct snid *snid, struct json_object *request);

/**
 * connections_filter() - read a filter.
 * @object:	NULL: none. *@filter borrows from it.
 * Return: NULL, or what is wrong, static.
 */
const char *connections_filter(struct json_object *object, struct snid_filter *filter);

/** connections_print() - a row as a line of a table; NULL: the heading. */
void connections_print(struct json_object *row, FILE *out);

#endif
