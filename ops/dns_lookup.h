/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `gate64 dns lookup`: what the gateway replies, and how that reads.
 *
 *   request  {"command": "dns-lookup", "name": TEXT, "type": TEXT, "no_cache": true,
 *             "dnssec": true}; all but "name" may be missing
 *   reply    {"schema": DNS_SCHEMA, "name", "type", "steps": [{text, by}, ..],
 *             "asked": [{name, type, status, rcode, secure, why, ms, records}, ..],
 *             "answered", "rcode", "ad", "ede": [{code, purpose, text}, ..],
 *             "answer": [TEXT, ..], "authority": [..], "additional": [..],
 *             "addresses": [ADDR, ..]}
 *
 * "status" of a question to the resolver: "answered", "failed", "bogus", "refused", or
 * "pending": the reply did not wait for it. "answered": the query got NOERROR or NXDOMAIN.
 * "addresses": of the answer's AAAA records.
 */
#ifndef OPS_DNS_LOOKUP_H
#define OPS_DNS_LOOKUP_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "../dns64/explain.h"

struct control;
struct dns64;
struct event_base;
struct json_object;

/** dns_lookup_read() - the whole request; see dns_name_read(). */
const char *dns_lookup_read(struct json_object *request, struct name *name, uint16_t *type,
			    struct explain_options *options);

/**
 * dns_lookup_start() - answer a request, later (control_later()).
 * @dns64:	NULL where the room is off.
 * @base:	the main loop's.
 * Return: NULL; or an {"error": ..}, owned by the caller.
 */
struct json_object *dns_lookup_start(struct dns64 *dns64, struct event_base *base,
				     struct control *control, struct json_object *request);

/** dns_lookup_document() - the reply; @explain is over. Owned by the caller, or NULL. */
struct json_object *dns_lookup_document(const struct explain *explain);

/** dns_lookup_print() - the reply as text. */
void dns_lookup_print(struct json_object *reply, FILE *out);

/** dns_lookup_answered() - has the query of this reply been answered? */
bool dns_lookup_answered(struct json_object *reply);

#endif
