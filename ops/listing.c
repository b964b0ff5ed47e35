/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What travels through here: rows of nat64's tables into JSON (first half), and JSON
 * into lines of text in the asking process (second half).
 */
#include "listing.h"

#include <inttypes.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "../nat64/nat64.h"
#include "filter.h"
#include "proto.h"

/* ---- rows to JSON -------------------------------------------------------------- */

static void add_text(struct json_object *to, const char *key, const char *text)
{
	json_object_object_add(to, key, text ? json_object_new_string(text) : NULL);
}

static void add_number(struct json_object *to, const char *key, int64_t n)
{
	json_object_object_add(to, key, json_object_new_int64(n));
}

static void add_addr(struct json_object *to, const char *key, const struct in6_addr *addr)
{
	char text[ADDR_STRLEN];

	add_text(to, key, addr_format(addr, text));
}

static struct json_object *flow_row(const struct nat64_flow *flow)
{
	struct json_object *row = json_object_new_object();

	if (!row)
		return NULL;
	add_text(row, "proto", proto_name(flow->proto));
	add_text(row, "state", flow->state);
	json_object_object_add(row, "fast", json_object_new_boolean(flow->fast));
	add_addr(row, "inside", &flow->inside.addr);
	add_number(row, "inside_port", flow->inside.port);
	add_addr(row, "outside", &flow->outside.addr);
	add_number(row, "outside_port", flow->outside.port);
	add_addr(row, "remote", &flow->remote.addr);
	if (flow->proto == CONFIG_ICMP)
		add_text(row, "remote_port", NULL);
	else
		add_number(row, "remote_port", flow->remote.port);
	add_number(row, "expires_s", (flow->expires_ms + 999) / 1000);
	return row;
}

static struct json_object *binding_row(const struct nat64_binding *binding)
{
	struct json_object *row = json_object_new_object();

	if (!row)
		return NULL;
	add_text(row, "proto", proto_name(binding->proto));
	add_addr(row, "inside", &binding->inside.addr);
	add_number(row, "inside_port", binding->inside.port);
	add_addr(row, "outside", &binding->outside.addr);
	add_number(row, "outside_port", binding->outside.port);
	add_number(row, "sessions", binding->sessions);
	json_object_object_add(row, "static", json_object_new_boolean(binding->is_static));
	return row;
}

/* ---- a request's page ------------------------------------------------------------ */

struct json_object *listing_error(const char *why)
{
	struct json_object *reply = json_object_new_object();

	if (reply)
		add_text(reply, "error", why);
	return reply;
}

/* Return: whether the number under @key, where there is one, lies from @least to @most. */
static bool read_number(struct json_object *request, const char *key, uint64_t least,
			uint64_t most, uint64_t *number)
{
	struct json_object *value;

	if (!json_object_object_get_ex(request, key, &value))
		return true;
	if (!json_object_is_type(value, json_type_int) || json_object_get_int64(value) < 0)
		return false;
	*number = json_object_get_uint64(value);
	return *number >= least && *number <= most;
}

const char *listing_read(struct json_object *request, struct listing_page *page)
{
	uint64_t max = LISTING_ROWS_MAX;

	*page = (struct listing_page){ 0 };
	json_object_object_get_ex(request, "filter", &page->filter);
	if (!read_number(request, "cursor", 0, INT64_MAX, &page->cursor))
		return "a cursor is a number that a reply has given";
	if (!read_number(request, "max", 1, LISTING_ROWS_MAX, &max))
		return "max is a number from 1 to 1000";
	page->max = (unsigned int)max;
	return NULL;
}

/* The same with the filter of the two listings here. */
static const char *read_request(struct json_object *request, struct listing_page *page,
				struct nat64_filter *filter)
{
	const char *wrong = listing_read(request, page);

	return wrong ? wrong : filter_read(page->filter, filter);
}

struct json_object *listing_page_reply(const char *name, uint64_t next, struct json_object **list)
{
	struct json_object *reply = json_object_new_object();

	*list = json_object_new_array();
	if (!reply || !*list) {
		json_object_put(*list);
		json_object_put(reply);
		return NULL;
	}
	add_number(reply, "schema", LISTING_SCHEMA);
	json_object_object_add(reply, name, *list);
	json_object_object_add(reply, "next", next ? json_object_new_uint64(next) : NULL);
	return reply;
}

struct json_object *listing_flows_reply(struct nat64 *nat64, struct json_object *request)
{
	struct json_object *reply, *list;
	struct nat64_flow *rows;
	struct listing_page page;
	struct nat64_filter filter;
	size_t n;
	const char *wrong = read_request(request, &page, &filter);

	if (wrong || !nat64)
		return listing_error(wrong ? wrong : "nat64 is off");
	if (nat64_flows(nat64, &filter, &page.cursor, page.max, &rows, &n) < 0)
		return NULL;
	reply = listing_page_reply("flows", page.cursor, &list);
	for (size_t i = 0; reply && i < n; i++)
		json_object_array_add(list, flow_row(&rows[i]));
	free(rows);
	return reply;
}

struct json_object *listing_bindings_reply(struct nat64 *nat64, struct json_object *request)
{
	struct json_object *reply, *list;
	struct nat64_binding *rows;
	struct listing_page page;
	struct nat64_filter filter;
	size_t n;
	const char *wrong = read_request(request, &page, &filter);

	if (!wrong && filter.state)
		wrong = "a binding has no state";
	if (wrong || !nat64)
		return listing_error(wrong ? wrong : "nat64 is off");
	if (nat64_bindings(nat64, &filter, &page.cursor, page.max, &rows, &n) < 0)
		return NULL;
	reply = listing_page_reply("bindings", page.cursor, &list);
	for (size_t i = 0; reply && i < n; i++)
		json_object_array_add(list, binding_row(&rows[i]));
	free(rows);
	return reply;
}

/* ---- JSON to lines ----------------------------------------------------------------- */

/* Wide enough for most; a longer field moves its own row alone. */
enum { INSIDE_WIDTH = 40, OUTSIDE_WIDTH = 21, STATE_WIDTH = 13, PROTO_WIDTH = 5 };

static struct json_object *get(struct json_object *of, const char *key)
{
	struct json_object *value = NULL;

	json_object_object_get_ex(of, key, &value);
	return value;
}

static const char *text_at(struct json_object *row, const char *key, const char *otherwise)
{
	struct json_object *value = get(row, key);

	return json_object_is_type(value, json_type_string) ? json_object_get_string(value) :
							      otherwise;
}

/* "addr:port" or "[addr]:port"; the address alone where it has no port. */
static void print_end(struct json_object *row, const char *key, int width, FILE *out)
{
	const char *addr = text_at(row, key, "?");
	struct json_object *port;
	char name[32], text[ENDPOINT_STRLEN];

	snprintf(name, sizeof(name), "%s_port", key);
	port = get(row, name);
	if (!port)
		snprintf(text, sizeof(text), "%s", addr);
	else
		snprintf(text, sizeof(text), strchr(addr, ':') ? "[%s]:%d" : "%s:%d", addr,
			 json_object_get_int(port));
	fprintf(out, " %-*s", width, text);
}

/* "2h03m59s", "4m00s", "7s" */
static void print_duration(int64_t s, FILE *out)
{
	if (s >= 3600)
		fprintf(out, "%" PRId64 "h%02dm%02ds", s / 3600, (int)(s / 60 % 60), (int)(s % 60));
	else if (s >= 60)
		fprintf(out, "%dm%02ds", (int)(s / 60), (int)(s % 60));
	else
		fprintf(out, "%ds", (int)s);
}

void listing_print_flow(struct json_object *row, FILE *out)
{
	if (!row) {
		fprintf(out, "%-*s %-*s %-*s %-*s %-*s %s\n", PROTO_WIDTH, "PROTO",
			STATE_WIDTH, "STATE", INSIDE_WIDTH, "INSIDE", OUTSIDE_WIDTH, "OUTSIDE",
			OUTSIDE_WIDTH, "REMOTE", "EXPIRES");
		return;
	}
	fprintf(out, "%-*s %-*s", PROTO_WIDTH, text_at(row, "proto", "?"), STATE_WIDTH,
		text_at(row, "state", "-"));
	print_end(row, "inside", INSIDE_WIDTH, out);
	print_end(row, "outside", OUTSIDE_WIDTH, out);
	print_end(row, "remote", OUTSIDE_WIDTH, out);
	fputc(' ', out);
	print_duration(json_object_get_int64(get(row, "expires_s")), out);
	fputs(json_object_get_boolean(get(row, "fast")) ? " fast\n" : "\n", out);
}

void listing_print_binding(struct json_object *row, FILE *out)
{
	if (!row) {
		fprintf(out, "%-*s %-*s %-*s %-8s %s\n", PROTO_WIDTH, "PROTO", INSIDE_WIDTH,
			"INSIDE", OUTSIDE_WIDTH, "OUTSIDE", "SESSIONS", "KIND");
		return;
	}
	fprintf(out, "%-*s", PROTO_WIDTH, text_at(row, "proto", "?"));
	print_end(row, "inside", INSIDE_WIDTH, out);
	print_end(row, "outside", OUTSIDE_WIDTH, out);
	fprintf(out, " %-8" PRId64 " %s\n", json_object_get_int64(get(row, "sessions")),
		json_object_get_boolean(get(row, "static")) ? "static" : "dynamic");
}
