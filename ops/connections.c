/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See connections.h. */
#include "connections.h"

#include <inttypes.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "../snid/snid.h"
#include "filter.h"
#include "listing.h"

/* ---- the filter ------------------------------------------------------------------ */

static const char *read_client(struct json_object *value, void *arg)
{
	struct snid_filter *filter = arg;

	return prefix_parse(filter_text(value), &filter->client);
}

static const char *read_backend(struct json_object *value, void *arg)
{
	struct snid_filter *filter = arg;

	return prefix_parse(filter_text(value), &filter->backend);
}

static const char *read_name(struct json_object *value, void *arg)
{
	struct snid_filter *filter = arg;

	filter->name = filter_text(value);
	return *filter->name ? NULL : "a name is a text";
}

static const char *read_stage(struct json_object *value, void *arg)
{
	struct snid_filter *filter = arg;

	for (unsigned int i = 0; i < SNID_STAGES && !filter->stage; i++)
		if (strcmp(snid_stage_name(i), filter_text(value)) == 0)
			filter->stage = snid_stage_name(i);
	return filter->stage ? NULL : "no such stage of a connection";
}

static const struct filter_key keys[] = {
	{ "client", read_client },
	{ "backend", read_backend },
	{ "name", read_name },
	{ "stage", read_stage },
};

const char *connections_filter(struct json_object *object, struct snid_filter *filter)
{
	*filter = (struct snid_filter){ 0 };
	return filter_read_keys(object, keys, sizeof(keys) / sizeof(keys[0]),
				"a filter has client, backend, name and stage", filter);
}

/* ---- rows to JSON ---------------------------------------------------------------- */

static void add_text(struct json_object *to, const char *key, const char *text)
{
	json_object_object_add(to, key, text ? json_object_new_string(text) : NULL);
}

static void add_end(struct json_object *to, const char *key, const struct endpoint *end)
{
	char addr[ADDR_STRLEN], port_key[32];

	snprintf(port_key, sizeof(port_key), "%s_port", key);
	add_text(to, key, end->port ? addr_format(&end->addr, addr) : NULL);
	json_object_object_add(to, port_key, end->port ? json_object_new_int(end->port) : NULL);
}

static struct json_object *row_of(const struct snid_connection *connection)
{
	struct json_object *row = json_object_new_object();

	if (!row)
		return NULL;
	add_end(row, "client", &connection->client);
	add_text(row, "name", connection->name[0] ? connection->name : NULL);
	add_text(row, "stage", connection->stage);
	add_text(row, "protocol", connection->protocol);
	add_text(row, "mode", connection->mode);
	add_end(row, "backend", &connection->backend);
	json_object_object_add(row, "bytes_in", json_object_new_uint64(connection->bytes_in));
	json_object_object_add(row, "bytes_out", json_object_new_uint64(connection->bytes_out));
	json_object_object_add(row, "age_s",
			       json_object_new_int64(connection->age_ms / 1000));
	return row;
}

struct json_object *connections_reply(struct snid *snid, struct json_object *request)
{
	struct snid_connection *rows;
	struct json_object *reply, *list;
	struct listing_page page;
	struct snid_filter filter;
	const char *wrong = listing_read(request, &page);
	size_t n;

	if (!wrong)
		wrong = connections_filter(page.filter, &filter);
	if (wrong || !snid)
		return listing_error(wrong ? wrong : "snid is off");
	if (snid_connections(snid, &filter, &page.cursor, page.max, &rows, &n) < 0)
		return NULL;
	reply = listing_page_reply("connections", page.cursor, &list);
	for (size_t i = 0; reply && i < n; i++)
		json_object_array_add(list, row_of(&rows[i]));
	free(rows);
	return reply;
}

/* ---- JSON to lines --------------------------------------------------------------- */

enum { CLIENT_WIDTH = 21, STAGE_WIDTH = 11, PROTOCOL_WIDTH = 8, NAME_WIDTH = 32,
       BACKEND_WIDTH = 28 };

static struct json_object *get(struct json_object *of, const char *key)
{
	struct json_object *value = NULL;

	json_object_object_get_ex(of, key, &value);
	return value;
}

static const char *text_at(struct json_object *row, const char *key)
{
	struct json_object *value = get(row, key);

	return json_object_is_type(value, json_type_string) ? json_object_get_string(value) : "-";
}

static void print_end(struct json_object *row, const char *key, int width, FILE *out)
{
	const char *addr = text_at(row, key);
	char port_key[32], text[ENDPOINT_STRLEN];
	struct json_object *port;

	snprintf(port_key, sizeof(port_key), "%s_port", key);
	port = get(row, port_key);
	if (port)
		snprintf(text, sizeof(text), strchr(addr, ':') ? "[%s]:%d" : "%s:%d", addr,
			 json_object_get_int(port));
	else
		snprintf(text, sizeof(text), "%s", addr);
	fprintf(out, "%-*s ", width, text);
}

void connections_print(struct json_object *row, FILE *out)
{
	if (!row) {
		fprintf(out, "%-*s %-*s %-*s %-*s %-*s %8s %10s %10s\n", CLIENT_WIDTH, "CLIENT",
			STAGE_WIDTH, "STAGE", PROTOCOL_WIDTH, "PROTOCOL", NAME_WIDTH, "NAME",
			BACKEND_WIDTH, "BACKEND", "SECONDS", "IN", "OUT");
		return;
	}
	print_end(row, "client", CLIENT_WIDTH, out);
	fprintf(out, "%-*s %-*s %-*s ", STAGE_WIDTH, text_at(row, "stage"), PROTOCOL_WIDTH,
		text_at(row, "protocol"), NAME_WIDTH, text_at(row, "name"));
	print_end(row, "backend", BACKEND_WIDTH, out);
	fprintf(out, "%8" PRId64 " %10" PRIu64 " %10" PRIu64 "\n",
		json_object_get_int64(get(row, "age_s")),
		json_object_get_uint64(get(row, "bytes_in")),
		json_object_get_uint64(get(row, "bytes_out")));
}
