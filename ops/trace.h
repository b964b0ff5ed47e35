/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `gate64 trace`: what would happen to a packet, as the gateway replies and as it reads.
 *
 *   request   {"command": "trace", "to": "ADDR[:PORT]", "proto": "tcp"|"udp"|"icmp",
 *             "port": N, "from": "ADDR[:PORT]"}; all but "to" may be missing
 *   reply     {"schema": TRACE_SCHEMA, "outcome": "translated"|"refused"|"dropped"|
 *             "not-ours", "verdict": TEXT, "steps": [{"text", "by", "stops"}, ..]}
 *
 * `gate64 trace NAME --json` adds "lookup", the reply of dns_lookup.h for the name.
 *
 * "refused": its sender would be told; "dropped": nobody would; "not-ours": it goes where
 * it would go without NAT64. "by" is the setting or the RFC's clause that decides; the way
 * ends at the step that "stops".
 */
#ifndef OPS_TRACE_H
#define OPS_TRACE_H

#include <stdio.h>

struct json_object;
struct nat64;
struct nat64_question;

enum { TRACE_SCHEMA = 1 };

/**
 * trace_read() - read a request.
 * Return: NULL with *@question, or what is wrong as a static text. Asked on both sides
 * of the socket, like filter_read().
 */
const char *trace_read(struct json_object *request, struct nat64_question *question);

/** trace_reply() - as listing_flows_reply(). */
struct json_object *trace_reply(struct nat64 *nat64, struct json_object *request);

/** trace_print() - the reply as text: numbered steps, and the verdict last. */
void trace_print(struct json_object *reply, FILE *out);

#endif
