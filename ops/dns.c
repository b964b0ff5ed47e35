/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dns.h"

#include <inttypes.h>
#include <json-c/json.h>
#include <stdlib.h>

#include "../core/addr.h"
#include "../dns64/dns64.h"
#include "../dns64/top.h"
#include "../snid/snid.h"

static struct json_object *get(struct json_object *of, const char *key)
{
	struct json_object *value = NULL;

	json_object_object_get_ex(of, key, &value);
	return value;
}

static struct json_object *error_reply(const char *why)
{
	struct json_object *reply = json_object_new_object();

	if (reply)
		json_object_object_add(reply, "error", json_object_new_string(why));
	return reply;
}

const char *dns_name_read(struct json_object *request, struct name *name)
{
	struct json_object *value = get(request, "name");

	if (json_object_is_type(value, json_type_string) &&
	    name_from_text(name, json_object_get_string(value)))
		return NULL;
	return "not a host name (letters, digits, hyphens and dots; others as xn-- labels)";
}

/* ---- flush ----------------------------------------------------------------------- */

const char *dns_flush_read(struct json_object *request, struct name *name, bool *below)
{
	*below = json_object_get_boolean(get(request, "below"));
	name->len = 0;
	if (get(request, "name"))
		return dns_name_read(request, name);
	return *below ? "below which name?" : NULL;
}

/* Return: 0, or -errno, logged. */
static int flush_both(struct dns64 *dns64, struct snid *snid, const struct name *name, bool below,
		      size_t *forgotten)
{
	char text[NAME_TEXT_MAX];
	size_t more = 0;
	int err = 0;

	*forgotten = 0;
	if (dns64)
		err = dns64_flush(dns64, name, below, forgotten);
	if (!err && snid)
		err = snid_flush(snid, name ? name_format(name, text) : NULL, below, &more);
	*forgotten += more;
	return err;
}

struct json_object *dns_flush_reply(struct dns64 *dns64, struct snid *snid,
				    struct json_object *request)
{
	struct json_object *reply;
	size_t forgotten;
	const char *wrong;
	struct name name;
	bool below;

	wrong = dns_flush_read(request, &name, &below);
	if (wrong || (!dns64 && !snid))
		return error_reply(wrong ? wrong : "dns64 and snid are off");
	if (flush_both(dns64, snid, name.len ? &name : NULL, below, &forgotten) < 0)
		return error_reply("not all was forgotten; the gateway's log says why");
	reply = json_object_new_object();
	if (reply) {
		json_object_object_add(reply, "schema", json_object_new_int(DNS_SCHEMA));
		json_object_object_add(reply, "forgotten", json_object_new_uint64(forgotten));
	}
	return reply;
}

/* ---- top ------------------------------------------------------------------------- */

const char *dns_top_read(struct json_object *request, unsigned int *max)
{
	struct json_object *value = get(request, "max");
	int64_t number = value ? json_object_get_int64(value) : DNS_TOP_DEFAULT;

	if ((value && !json_object_is_type(value, json_type_int)) || number < 1 ||
	    number > DNS_TOP_MAX)
		return "how many is a number from 1 to 1000";
	*max = (unsigned int)number;
	return NULL;
}

static struct json_object *row_object(const struct top_row *row)
{
	struct json_object *object = json_object_new_object();
	char text[NAME_TEXT_MAX];	/* more than an address needs */

	if (!object)
		return NULL;
	if (row->is_client)
		addr_format(&row->client, text);
	else
		name_format(&row->name, text);
	json_object_object_add(object, row->is_client ? "client" : "name",
			       json_object_new_string(text));
	json_object_object_add(object, "queries", json_object_new_uint64(row->count));
	json_object_object_add(object, "too_many", json_object_new_uint64(row->error));
	json_object_object_add(object, "misses", json_object_new_uint64(row->misses));
	return object;
}

static struct json_object *row_list(const struct top_row *rows, size_t n, bool clients,
				    unsigned int max)
{
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; list && i < n && max > 0; i++) {
		if (rows[i].is_client != clients)
			continue;
		json_object_array_add(list, row_object(&rows[i]));
		max--;
	}
	return list;
}

struct json_object *dns_top_reply(struct dns64 *dns64, struct json_object *request)
{
	struct json_object *reply;
	struct top_row *rows;
	unsigned int max = 0;
	int64_t over_ms;
	size_t n;
	const char *wrong = dns_top_read(request, &max);

	if (wrong || !dns64)
		return error_reply(wrong ? wrong : DNS_OFF);
	if (dns64_top(dns64, TOP_OF_ALL, &rows, &n, &over_ms) < 0)
		return NULL;
	reply = json_object_new_object();
	if (reply) {
		json_object_object_add(reply, "schema", json_object_new_int(DNS_SCHEMA));
		json_object_object_add(reply, "over_s",
				       json_object_new_int64((over_ms + 999) / 1000));
		json_object_object_add(reply, "names", row_list(rows, n, false, max));
		json_object_object_add(reply, "clients", row_list(rows, n, true, max));
	}
	free(rows);
	return reply;
}

static void print_rows(struct json_object *list, const char *key, const char *title, FILE *out)
{
	size_t n = json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;

	fprintf(out, "%10s %10s  %s\n", "queries", "misses", title);
	for (size_t i = 0; i < n; i++) {
		struct json_object *row = json_object_array_get_idx(list, i);
		uint64_t too_many = json_object_get_uint64(get(row, "too_many"));

		fprintf(out, "%10" PRIu64 " %10" PRIu64 "  %s",
			json_object_get_uint64(get(row, "queries")),
			json_object_get_uint64(get(row, "misses")),
			json_object_get_string(get(row, key)));
		if (too_many)
			fprintf(out, " (%" PRIu64 " of them may be another's)", too_many);
		fputc('\n', out);
	}
}

void dns_top_print(struct json_object *reply, FILE *out)
{
	fprintf(out, "in the last %" PRId64 " s\n", json_object_get_int64(get(reply, "over_s")));
	print_rows(get(reply, "names"), "name", "name", out);
	fputc('\n', out);
	print_rows(get(reply, "clients"), "client", "client", out);
}
