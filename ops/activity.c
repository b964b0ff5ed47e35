/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See activity.h. */
#include "activity.h"

#include <json-c/json.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../core/addr.h"
#include "../core/leaders.h"
#include "../core/recent.h"
#include "../dns64/dns64.h"
#include "../dns64/top.h"
#include "../nat64/nat64.h"
#include "../snid/snid.h"

static const char *const room_names[] = {
	[RECENT_NAT64] = "nat64", [RECENT_DNS64] = "dns64", [RECENT_SNID] = "snid",
};

static void add_text(struct json_object *to, const char *key, const char *text)
{
	json_object_object_add(to, key, text[0] ? json_object_new_string(text) : NULL);
}

static void add_number(struct json_object *to, const char *key, uint64_t n)
{
	json_object_object_add(to, key, json_object_new_uint64(n));
}

/* ---- refusals --------------------------------------------------------------------- */

static void add_time(struct json_object *to, const char *key, int64_t at_ms)
{
	time_t at = (time_t)(at_ms / 1000);
	char text[32];
	struct tm tm;
	size_t len;

	gmtime_r(&at, &tm);
	len = strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(text + len, sizeof(text) - len, ".%03dZ", (int)(at_ms % 1000));
	add_text(to, key, text);
}

/* 'reason="no_name"' is "no_name", as in the status document. */
static void add_reason(struct json_object *to, enum stat reason)
{
	const char *from = strchr(stat_infos[reason].labels, '"');
	char text[64];

	snprintf(text, sizeof(text), "%.*s", from ? (int)strcspn(from + 1, "\"") : 0,
		 from ? from + 1 : "");
	add_text(to, "reason", text);
}

static struct json_object *refusal(const struct recent *recent)
{
	struct json_object *row = json_object_new_object();
	char text[ADDR_STRLEN];

	if (!row)
		return NULL;
	add_time(row, "at", recent->at_ms);
	add_text(row, "room", room_names[recent->room]);
	add_reason(row, recent->reason);
	add_text(row, "who", addr_format(&recent->who, text));
	add_text(row, "what", recent->what);
	add_number(row, "alike", recent->alike);
	return row;
}

static int compare_times(const void *a, const void *b)
{
	const struct recent *left = a, *right = b;

	return (left->at_ms < right->at_ms) - (left->at_ms > right->at_ms);
}

static struct json_object *refusals(void)
{
	struct json_object *list = json_object_new_array();
	struct recent *all = calloc(RECENT_ROOMS * RECENT_KEPT, sizeof(*all));
	size_t n = 0;

	for (unsigned int room = 0; all && room < RECENT_ROOMS; room++)
		n += recent_read(room, all + n);
	if (n > 0)
		qsort(all, n, sizeof(*all), compare_times);
	for (size_t i = 0; list && i < n && i < ACTIVITY_REFUSALS; i++)
		json_object_array_add(list, refusal(&all[i]));
	free(all);
	return list;
}

/* ---- clients ---------------------------------------------------------------------- */

/* A host stands without its length. */
static void add_client(struct json_object *row, const struct prefix *client)
{
	char text[PREFIX_STRLEN];

	add_text(row, "client", client->len == 128 ? addr_format(&client->addr, text) :
						     prefix_format(client, text));
}

static struct json_object *leader_list(const struct leaders *leaders, const char *open,
				       const char *opening)
{
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; list && i < leaders->n; i++) {
		struct json_object *row = json_object_new_object();

		add_client(row, &leaders->v[i].client);
		add_number(row, open, leaders->v[i].open);
		add_number(row, opening, leaders->v[i].opening);
		json_object_array_add(list, row);
	}
	return list;
}

/* @complete: not written to where all were looked at */
static struct json_object *nat64_clients(struct nat64 *nat64, bool *complete)
{
	struct leader rows[ACTIVITY_CLIENTS];
	struct leaders leaders = { .v = rows, .max = ACTIVITY_CLIENTS };

	nat64_top_clients(nat64, &leaders);
	if (leaders.some_unseen)
		*complete = false;
	return leader_list(&leaders, "sessions", "half_open");
}

static struct json_object *snid_clients(struct snid *snid)
{
	struct leader rows[ACTIVITY_CLIENTS];
	struct leaders leaders = { .v = rows, .max = ACTIVITY_CLIENTS };

	snid_top_clients(snid, &leaders);
	return leader_list(&leaders, "connections", "opening");
}

static struct json_object *dns64_clients(struct dns64 *dns64, int64_t *over_ms)
{
	struct json_object *list = json_object_new_array();
	struct top_row *rows;
	size_t n;

	if (!list || dns64_top(dns64, TOP_OF_CLIENTS, &rows, &n, over_ms) < 0)
		return list;
	for (size_t i = 0; i < n && i < ACTIVITY_CLIENTS; i++) {
		struct prefix client = { rows[i].client, 128 };
		struct json_object *row;

		row = json_object_new_object();
		add_client(row, &client);
		add_number(row, "queries", rows[i].count);
		json_object_array_add(list, row);
	}
	free(rows);
	return list;
}

struct json_object *activity_document(struct nat64 *nat64, struct dns64 *dns64, struct snid *snid)
{
	struct json_object *document = json_object_new_object();
	struct json_object *clients = json_object_new_object();
	bool complete = true;
	int64_t over_ms = 0;

	if (!document || !clients) {
		json_object_put(document);
		json_object_put(clients);
		return NULL;
	}
	add_number(document, "schema", ACTIVITY_SCHEMA);
	json_object_object_add(document, "refusals", refusals());
	json_object_object_add(clients, "nat64", nat64 ? nat64_clients(nat64, &complete) : NULL);
	json_object_object_add(clients, "dns64", dns64 ? dns64_clients(dns64, &over_ms) : NULL);
	json_object_object_add(clients, "snid", snid ? snid_clients(snid) : NULL);
	json_object_object_add(document, "clients", clients);
	if (!complete)
		json_object_object_add(document, "complete", json_object_new_boolean(false));
	json_object_object_add(document, "over_s", json_object_new_int64((over_ms + 999) / 1000));
	return document;
}
