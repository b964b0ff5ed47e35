/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What happens in a second: made of two status documents, some time apart, for `gate64 top`.
 *
 *   schema	RATES_SCHEMA
 *   version, uptime_s, problem: as in the status document
 *   over_s	the time between the two; null: there is but one, or the gateway was started
 *		anew between them, and all that is "per_s" is null; so is that of a counter that
 *		fell, as the packet filter's and the fast path's do when these begin anew
 *   rooms	{nat64: {enabled, sessions.., new_per_s.., fast (where there is one):
 *		{packets_out_per_s, bits_out_per_s ..}, slow: {the same}}, dns64: {..,
 *		replies_per_s: {RCODE: n}, latency: {hit: {per_s, mean_ms, half_ms, most_ms},
 *		miss: {the same}}}, snid: {..}}
 *   drops	[{room, reason, per_s, total}], what is most now first
 */
#ifndef OPS_RATES_H
#define OPS_RATES_H

struct json_object;

enum { RATES_SCHEMA = 1 };

/**
 * rates_between() - compare two status documents; both borrowed.
 * @before:	NULL: there is none.
 * @seconds:	between them.
 * Return: as above, owned by the caller; NULL: out of memory.
 */
struct json_object *rates_between(struct json_object *before, struct json_object *after,
				  double seconds);

#endif
