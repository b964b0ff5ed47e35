/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who does what now: the last refusals and the busiest clients, one JSON object. The control
 * request "activity", `gate64 top` and the status page have it; beside the status document
 * since it is made at some cost, and only where somebody looks.
 *
 *   schema	ACTIVITY_SCHEMA
 *   refusals	[{at (UTC, RFC 3339), room, reason (as of the counters), who, what: null or text,
 *		alike: of the same reason, left out since the one before}], the latest first
 *   clients	{nat64: [{client, sessions, half_open}], dns64: [{client, queries}],
 *		snid: [{client, connections, opening}]}, the busiest first; null: room is off
 *   complete	false: NAT64 has so many clients that not all were looked at; else left out
 *   over_s	queries were counted over so long
 */
#ifndef OPS_ACTIVITY_H
#define OPS_ACTIVITY_H

struct dns64;
struct json_object;
struct nat64;
struct snid;

enum {
	ACTIVITY_SCHEMA = 1,
	ACTIVITY_REFUSALS = 50,
	ACTIVITY_CLIENTS = 10,	/* of each room */
};

/**
 * activity_document() - ask the rooms; main thread.
 * @nat64, @dns64, @snid: NULL while off.
 * Return: the document, owned by the caller; NULL: out of memory.
 */
struct json_object *activity_document(struct nat64 *nat64, struct dns64 *dns64,
				      struct snid *snid);

#endif
