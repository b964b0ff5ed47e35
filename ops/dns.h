/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `gate64 dns flush` and `gate64 dns top`: what the gateway replies, and how that reads.
 *
 *   request  {"command": "dns-flush", "name": TEXT, "below": true}; without a name: all
 *   reply    {"schema": DNS_SCHEMA, "forgotten": N}
 *   request  {"command": "dns-top", "max": N}
 *   reply    {"schema": DNS_SCHEMA, "over_s": N,
 *             "names": [{name, queries, too_many, misses}, ..], "clients": [{client, ..}, ..]}
 *
 * "queries" were counted in the last "over_s" seconds; "too_many" of them at most were
 * another's; "misses" had to be asked for.
 */
#ifndef OPS_DNS_H
#define OPS_DNS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "../dns64/name.h"

struct dns64;
struct json_object;
struct snid;

enum {
	DNS_SCHEMA = 1,
	DNS_TOP_DEFAULT = 20,
	DNS_TOP_MAX = 1000,
};

#define DNS_OFF "dns64 is off"

/**
 * dns_name_read() - the host name under "name" of a request.
 * Return: NULL with *@name, or what is wrong as a static text. Asked on both sides of the
 * socket, like filter_read().
 */
const char *dns_name_read(struct json_object *request, struct name *name);

/** dns_flush_read() - the whole request; @name: its len is 0 where there is none. */
const char *dns_flush_read(struct json_object *request, struct name *name, bool *below);

/** dns_top_read() - the whole request. */
const char *dns_top_read(struct json_object *request, unsigned int *max);

/**
 * dns_flush_reply(), dns_top_reply() - as listing_flows_reply(); @dns64, @snid: NULL where off.
 * Both know names: what is forgotten is forgotten by both.
 */
struct json_object *dns_flush_reply(struct dns64 *dns64, struct snid *snid,
				    struct json_object *request);
struct json_object *dns_top_reply(struct dns64 *dns64, struct json_object *request);

/** dns_top_print() - the reply as text. */
void dns_top_print(struct json_object *reply, FILE *out);

#endif
