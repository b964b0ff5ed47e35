/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See rates.h. */
#include "rates.h"

#include <json-c/json.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The two documents; @before is NULL where there is nothing to compare with. */
struct span {
	struct json_object *before, *after;
	double seconds;
};

enum kind {
	GAUGE,		/* as it is now */
	RATE,		/* a second */
	BITS,		/* a second, of bytes */
	FAMILY,		/* labelled counters, a second each; those that count nothing are left out */
};

/* What is told of a room: @place (NULL: the room itself) and @key say where, @path of what. */
static const struct {
	const char *room, *place, *key, *path;
	enum kind kind;
} rows[] = {
	{ "nat64", NULL, "sessions", "sessions", GAUGE },
	{ "nat64", NULL, "sessions_max", "sessions_max", GAUGE },
	{ "nat64", NULL, "bindings", "bindings", GAUGE },
	{ "nat64", NULL, "clients", "clients", GAUGE },
	{ "nat64", NULL, "ports_used", "ports_used", GAUGE },
	{ "nat64", NULL, "ports_size", "ports_size", GAUGE },
	{ "nat64", NULL, "ports_fullest", "ports_fullest", GAUGE },
	{ "nat64", NULL, "new_per_s", "counters/sessions_created", RATE },
	{ "nat64", NULL, "ended_per_s", "counters/sessions_ended", RATE },
	{ "nat64", "slow", "packets_out_per_s", "counters/packets/out", RATE },
	{ "nat64", "slow", "packets_in_per_s", "counters/packets/in", RATE },
	{ "nat64", "slow", "bits_out_per_s", "counters/bytes/out", BITS },
	{ "nat64", "slow", "bits_in_per_s", "counters/bytes/in", BITS },
	{ "nat64", "fast", "sessions", "fast_path/sessions", GAUGE },
	{ "nat64", "fast", "packets_out_per_s", "fast_path/packets_out", RATE },
	{ "nat64", "fast", "packets_in_per_s", "fast_path/packets_in", RATE },
	{ "nat64", "fast", "bits_out_per_s", "fast_path/bytes_out", BITS },
	{ "nat64", "fast", "bits_in_per_s", "fast_path/bytes_in", BITS },
	{ "nat64", "fast", "handed_over_per_s", "fast_path/handed_over", RATE },
	{ "dns64", NULL, "queries_pending", "queries_pending", GAUGE },
	{ "dns64", NULL, "tcp_connections", "tcp_connections", GAUGE },
	{ "dns64", NULL, "cache_entries", "cache_entries", GAUGE },
	{ "dns64", NULL, "cache_bytes", "cache_bytes", GAUGE },
	{ "dns64", NULL, "cache_bytes_max", "cache_bytes_max", GAUGE },
	{ "dns64", NULL, "queries_per_s", "counters/queries", FAMILY },
	{ "dns64", NULL, "replies_per_s", "counters/replies", FAMILY },
	{ "dns64", NULL, "cache_per_s", "counters/cache", FAMILY },
	{ "dns64", NULL, "synthesised_per_s", "counters/synthesised", RATE },
	{ "snid", NULL, "connections", "connections", GAUGE },
	{ "snid", NULL, "connections_max", "connections_max", GAUGE },
	{ "snid", NULL, "opening", "opening", GAUGE },
	{ "snid", NULL, "accepted_per_s", "counters/accepted", RATE },
	{ "snid", NULL, "relayed_per_s", "counters/relayed", RATE },
	{ "snid", NULL, "refused_per_s", "counters/refused", FAMILY },
	{ "snid", NULL, "bits_in_per_s", "counters/bytes/in", BITS },
	{ "snid", NULL, "bits_out_per_s", "counters/bytes/out", BITS },
};

/* Counters of what did not go on */
static const struct {
	const char *room, *family;
} drops[] = {
	{ "nat64", "drops" },
	{ "dns64", "drops" },
	{ "dns64", "refused" },
	{ "snid", "refused" },
	{ "snid", "guard_drops" },
};

#define LENGTH(table) (sizeof(table) / sizeof((table)[0]))

/* ---- reading ------------------------------------------------------------------------ */

static struct json_object *get(struct json_object *of, const char *key)
{
	struct json_object *value = NULL;

	json_object_object_get_ex(of, key, &value);
	return value;
}

/* What stands at "counters/packets/out" of a room, or NULL */
static struct json_object *at(struct json_object *document, const char *room, const char *path)
{
	struct json_object *value = get(get(document, "rooms"), room);

	while (value && *path) {
		size_t len = strcspn(path, "/");
		char key[64];

		snprintf(key, sizeof(key), "%.*s", (int)len, path);
		value = get(value, key);
		path += len + (path[len] == '/');
	}
	return value;
}

/* A counter that was not there before (its room was off) began with 0. Below 0: it has begun
 * anew, as the packet filter's and the fast path's do with these; what it was is not known. */
static double per_s(const struct span *span, struct json_object *before,
		    struct json_object *after)
{
	return (json_object_get_double(after) - json_object_get_double(before)) / span->seconds;
}

static struct json_object *known(double rate)
{
	return rate >= 0 ? json_object_new_double(rate) : NULL;
}

static void add_double(struct json_object *to, const char *key, double n)
{
	json_object_object_add(to, key, json_object_new_double(n));
}

/* ---- rows --------------------------------------------------------------------------- */

static struct json_object *child(struct json_object *of, const char *key)
{
	struct json_object *object = get(of, key);

	if (!object) {
		object = json_object_new_object();
		json_object_object_add(of, key, object);
	}
	return object;
}

static struct json_object *family(const struct span *span, struct json_object *before,
				  struct json_object *after)
{
	struct json_object *object = json_object_new_object();

	json_object_object_foreach(after, label, n) {
		double rate = per_s(span, get(before, label), n);

		if (rate > 0)
			add_double(object, label, rate);
	}
	return object;
}

static void add_row(const struct span *span, struct json_object *room, size_t i)
{
	struct json_object *before = at(span->before, rows[i].room, rows[i].path);
	struct json_object *after = at(span->after, rows[i].room, rows[i].path);
	struct json_object *to;

	if (!after)
		return;
	to = rows[i].place ? child(room, rows[i].place) : room;
	if (rows[i].kind == GAUGE)
		json_object_object_add(to, rows[i].key, json_object_get(after));
	else if (!span->before)
		json_object_object_add(to, rows[i].key, NULL);
	else if (rows[i].kind == FAMILY)
		json_object_object_add(to, rows[i].key, family(span, before, after));
	else
		json_object_object_add(to, rows[i].key, known(per_s(span, before, after) *
							      (rows[i].kind == BITS ? 8 : 1)));
}

/* ---- latency -------------------------------------------------------------------------- */

/* The least bound (in ms) that at least so many in a hundred of what has come since are
 * within; NULL: it is beyond all of them. */
static struct json_object *bound(struct json_object *before, struct json_object *after,
				 double count, double percent)
{
	if (!json_object_is_type(after, json_type_object))
		return NULL;
	json_object_object_foreach(after, le, n) {
		double rose = json_object_get_double(n) - json_object_get_double(get(before, le));

		if (rose * 100 >= count * percent)
			return strcmp(le, "+Inf") == 0 ? NULL :
			       json_object_new_double(strtod(le, NULL) * 1000);
	}
	return NULL;
}

/* @path: "hit" or "miss" */
static void add_latency(const struct span *span, struct json_object *room, const char *path)
{
	char buckets[64], sum[64], total[64];
	struct json_object *latency = json_object_new_object();
	double count, seconds;

	snprintf(buckets, sizeof(buckets), "counters/reply_seconds_bucket/%s", path);
	snprintf(sum, sizeof(sum), "counters/reply_seconds_sum/%s", path);
	snprintf(total, sizeof(total), "counters/reply_seconds_count/%s", path);
	json_object_object_add(child(room, "latency"), path, latency);
	count = json_object_get_double(at(span->after, "dns64", total)) -
		json_object_get_double(at(span->before, "dns64", total));
	seconds = json_object_get_double(at(span->after, "dns64", sum)) -
		  json_object_get_double(at(span->before, "dns64", sum));
	add_double(latency, "per_s", count / span->seconds);
	if (count <= 0)
		return;
	add_double(latency, "mean_ms", seconds * 1000 / count);
	json_object_object_add(latency, "half_ms", bound(at(span->before, "dns64", buckets),
		at(span->after, "dns64", buckets), count, 50));
	json_object_object_add(latency, "most_ms", bound(at(span->before, "dns64", buckets),
		at(span->after, "dns64", buckets), count, 99));
}

/* ---- drops ---------------------------------------------------------------------------- */

static void add_drops(const struct span *span, struct json_object *list, size_t i)
{
	char path[64];
	struct json_object *before, *after;

	snprintf(path, sizeof(path), "counters/%s", drops[i].family);
	before = at(span->before, drops[i].room, path);
	after = at(span->after, drops[i].room, path);
	if (!json_object_is_type(after, json_type_object))
		return;
	json_object_object_foreach(after, reason, n) {
		struct json_object *row;

		if (json_object_get_uint64(n) == 0)
			continue;
		row = json_object_new_object();
		json_object_object_add(row, "room", json_object_new_string(drops[i].room));
		json_object_object_add(row, "reason", json_object_new_string(reason));
		json_object_object_add(row, "per_s", span->before ?
				       known(per_s(span, get(before, reason), n)) : NULL);
		json_object_object_add(row, "total", json_object_get(n));
		json_object_array_add(list, row);
	}
}

static int compare(double left, double right)
{
	return (left < right) - (left > right);
}

static int compare_drops(const void *a, const void *b)
{
	struct json_object *const *left = a, *const *right = b;
	int by_rate = compare(json_object_get_double(get(*left, "per_s")),
			      json_object_get_double(get(*right, "per_s")));

	return by_rate ? by_rate : compare(json_object_get_double(get(*left, "total")),
					   json_object_get_double(get(*right, "total")));
}

/* ---- all ------------------------------------------------------------------------------ */

/* The same process? In a container its number is always the same, and a host without a clock may
 * give it the same time again: then it has not run as long as before. */
static bool comparable(struct json_object *before, struct json_object *after)
{
	return json_object_get_int64(get(before, "pid")) ==
	       json_object_get_int64(get(after, "pid")) &&
	       json_object_equal(get(before, "since"), get(after, "since")) &&
	       json_object_get_int64(get(before, "uptime_s")) <=
	       json_object_get_int64(get(after, "uptime_s"));
}

static void take_over(struct json_object *to, const char *key, struct json_object *value)
{
	json_object_object_add(to, key, json_object_get(value));
}

static void add_rooms(const struct span *span, struct json_object *rooms)
{
	json_object_object_foreach(get(span->after, "rooms"), name, room) {
		take_over(child(rooms, name), "enabled", get(room, "enabled"));
	}
	for (size_t i = 0; i < LENGTH(rows); i++)
		if (json_object_get_boolean(at(span->after, rows[i].room, "enabled")))
			add_row(span, child(rooms, rows[i].room), i);
	if (span->before && json_object_get_boolean(at(span->after, "dns64", "enabled"))) {
		add_latency(span, child(rooms, "dns64"), "hit");
		add_latency(span, child(rooms, "dns64"), "miss");
	}
}

struct json_object *rates_between(struct json_object *before, struct json_object *after,
				  double seconds)
{
	struct span span = { .after = after, .seconds = seconds };
	struct json_object *view = json_object_new_object();
	struct json_object *list = json_object_new_array();

	if (!view || !list || !json_object_is_type(get(after, "rooms"), json_type_object)) {
		json_object_put(view);
		json_object_put(list);
		return NULL;
	}
	if (before && seconds > 0 && comparable(before, after))
		span.before = before;
	json_object_object_add(view, "schema", json_object_new_int(RATES_SCHEMA));
	take_over(view, "version", get(after, "version"));
	take_over(view, "uptime_s", get(after, "uptime_s"));
	take_over(view, "problem", get(get(after, "network"), "problem"));
	json_object_object_add(view, "over_s", span.before ? json_object_new_double(seconds) : NULL);
	add_rooms(&span, child(view, "rooms"));
	for (size_t i = 0; i < LENGTH(drops); i++)
		add_drops(&span, list, i);
	json_object_array_sort(list, compare_drops);
	json_object_object_add(view, "drops", list);
	return view;
}
