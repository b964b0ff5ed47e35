/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See top.h. */
#include "top.h"

#include <inttypes.h>
#include <json-c/json.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

enum {
	LIST_DEFAULT = 5,	/* rows of each list, where nobody says how much room there is */
	LISTS = 3,
	NUMBER_STRLEN = 16,
};

static struct json_object *get(struct json_object *of, const char *key)
{
	struct json_object *value = NULL;

	json_object_object_get_ex(of, key, &value);
	return value;
}

static size_t length(struct json_object *list)
{
	return json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;
}

/* What others have sent is in some of these: nothing that a terminal takes for a command. */
static void put_text(struct json_object *value, int width, FILE *out)
{
	const char *text = json_object_is_type(value, json_type_string) ?
			   json_object_get_string(value) : "-";
	int n = 0;

	for (; text[n]; n++)
		fputc(text[n] > ' ' - 1 && text[n] < 0x7f ? text[n] : '?', out);
	fprintf(out, "%*s", n < width ? width - n : 0, "");
}

/* ---- numbers ------------------------------------------------------------------------ */

/* "0", "7.3", "853", "12.3k": three digits that say something; "-": not known */
static const char *number(struct json_object *value, char text[NUMBER_STRLEN])
{
	static const char units[] = " kMGTP";
	double n = json_object_get_double(value);
	size_t unit = 0;

	if (!value)
		return "-";
	while (n >= 999.5 && units[unit + 1]) {
		n /= 1000;
		unit++;
	}
	if (n == 0)
		snprintf(text, NUMBER_STRLEN, "0");
	else if (unit == 0 && (n >= 99.5 || json_object_is_type(value, json_type_int)))
		snprintf(text, NUMBER_STRLEN, "%.0f", n);
	else
		snprintf(text, NUMBER_STRLEN, "%.*f%.*s", n >= 99.95 ? 0 : 1, n, unit > 0,
			 &units[unit]);
	return text;
}

static void put(const char *before, struct json_object *value, const char *after, FILE *out)
{
	char text[NUMBER_STRLEN];

	fprintf(out, "%s%s%s", before, number(value, text), after);
}

static void put_use(const char *what, struct json_object *room, const char *key,
		    const char *max_key, FILE *out)
{
	double n = json_object_get_double(get(room, key));
	double max = json_object_get_double(get(room, max_key));

	put(what, get(room, key), "", out);
	put(" of ", get(room, max_key), "", out);
	if (max > 0)
		fprintf(out, " (%.0f %%)", n * 100 / max);
}

/* "noerror 12.0, nxdomain 1.0"; "none" */
static void put_family(struct json_object *family, FILE *out)
{
	bool any = false;

	if (!family || json_object_object_length(family) == 0) {
		fputs(family ? "none" : "-", out);
		return;
	}
	json_object_object_foreach(family, label, n) {
		fprintf(out, "%s%s ", any ? ", " : "", label);
		put("", n, "", out);
		any = true;
	}
}

static double sum(struct json_object *family)
{
	double total = 0;

	json_object_object_foreach(family, label, n) {
		(void)label;
		total += json_object_get_double(n);
	}
	return total;
}

static void put_sum(const char *before, struct json_object *family, const char *after, FILE *out)
{
	struct json_object *total = family ? json_object_new_double(sum(family)) : NULL;

	put(before, total, after, out);
	json_object_put(total);
}

/* ---- rooms -------------------------------------------------------------------------- */

static void print_head(struct json_object *view, FILE *out)
{
	int64_t up_s = json_object_get_int64(get(view, "uptime_s"));
	struct json_object *problem = get(view, "problem");
	time_t now = time(NULL);
	char when[16] = "";
	struct tm tm;

	if (gmtime_r(&now, &tm))
		strftime(when, sizeof(when), "%H:%M:%SZ", &tm);
	fputs("gate64 ", out);
	put_text(get(view, "version"), 0, out);
	fprintf(out, "  up %" PRId64 "d %02d:%02d:%02d  %s", up_s / 86400, (int)(up_s / 3600 % 24),
		(int)(up_s / 60 % 60), (int)(up_s % 60), when);
	if (get(view, "over_s"))
		fprintf(out, "  over %.1f s", json_object_get_double(get(view, "over_s")));
	fputc('\n', out);
	if (problem) {
		fputs("PROBLEM ", out);
		put_text(problem, 0, out);
		fputc('\n', out);
	}
}

static void print_path(const char *name, struct json_object *path, FILE *out)
{
	fprintf(out, "       %s  ", name);
	if (!path) {
		fputs("none\n", out);
		return;
	}
	put("out ", get(path, "packets_out_per_s"), " packets/s, ", out);
	put("", get(path, "bits_out_per_s"), "bit/s   ", out);
	put("in ", get(path, "packets_in_per_s"), " packets/s, ", out);
	put("", get(path, "bits_in_per_s"), "bit/s\n", out);
}

/* Of the protocol and address that run out first */
static void print_ports(struct json_object *fullest, FILE *out)
{
	put_use("       ports ", fullest, "used", "size", out);
	if (fullest)
		fprintf(out, ", %s of %s", json_object_get_string(get(fullest, "proto")),
			json_object_get_string(get(fullest, "address")));
}

static void print_nat64(struct json_object *room, FILE *out)
{
	put_use("NAT64  sessions ", room, "sessions", "sessions_max", out);
	put("   new ", get(room, "new_per_s"), "/s", out);
	put("   ended ", get(room, "ended_per_s"), "/s", out);
	put("   clients ", get(room, "clients"), "\n", out);
	print_ports(get(room, "ports_fullest"), out);
	put("   bindings ", get(room, "bindings"), "", out);
	put("   sessions in the fast path ", get(get(room, "fast"), "sessions"), "\n", out);
	print_path("fast", get(room, "fast"), out);
	print_path("slow", get(room, "slow"), out);
}

static void print_latency(const char *what, struct json_object *path, FILE *out)
{
	fputs(what, out);
	if (!get(path, "mean_ms")) {
		fputs("none", out);
		return;
	}
	fprintf(out, "%.2f ms", json_object_get_double(get(path, "mean_ms")));
	if (get(path, "most_ms"))
		fprintf(out, ", 99 %% within %g ms", json_object_get_double(get(path, "most_ms")));
}

static void print_dns64(struct json_object *room, FILE *out)
{
	put_sum("DNS64  queries ", get(room, "queries_per_s"), "/s", out);
	put("   pending ", get(room, "queries_pending"), "", out);
	put("   synthesised ", get(room, "synthesised_per_s"), "/s", out);
	put("   cached ", get(room, "cache_entries"), "\n", out);
	fputs("       replies/s: ", out);
	put_family(get(room, "replies_per_s"), out);
	fputs("\n       cache/s: ", out);
	put_family(get(room, "cache_per_s"), out);
	print_latency("\n       known: ", get(get(room, "latency"), "hit"), out);
	print_latency("; asked for: ", get(get(room, "latency"), "miss"), out);
	fputc('\n', out);
}

static void print_snid(struct json_object *room, FILE *out)
{
	put_use("SNI    connections ", room, "connections", "connections_max", out);
	put("   opening ", get(room, "opening"), "", out);
	put("   accepted ", get(room, "accepted_per_s"), "/s", out);
	put_sum("   refused ", get(room, "refused_per_s"), "/s\n", out);
	put("       joined ", get(room, "relayed_per_s"), "/s   ", out);
	put("in ", get(room, "bits_in_per_s"), "bit/s   ", out);
	put("out ", get(room, "bits_out_per_s"), "bit/s\n", out);
}

static const struct {
	const char *name, *title;
	void (*print)(struct json_object *room, FILE *out);
	int lines;
} rooms[] = {
	{ "nat64", "NAT64", print_nat64, 4 },
	{ "dns64", "DNS64", print_dns64, 4 },
	{ "snid", "SNI", print_snid, 2 },
};

/* Return: how many lines that were. */
static int print_rooms(struct json_object *view, FILE *out)
{
	int lines = 0;

	for (size_t i = 0; i < sizeof(rooms) / sizeof(rooms[0]); i++) {
		struct json_object *room = get(get(view, "rooms"), rooms[i].name);
		bool on = json_object_get_boolean(get(room, "enabled"));

		if (on)
			rooms[i].print(room, out);
		else
			fprintf(out, "%-6s off\n", rooms[i].title);
		lines += on ? rooms[i].lines : 1;
	}
	return lines;
}

/* ---- lists -------------------------------------------------------------------------- */

static int print_drops(struct json_object *list, int max, FILE *out)
{
	int n = 0;

	fprintf(out, "DROPS  %-31s %12s %12s\n", "", "a second", "in all");
	for (; n < max && (size_t)n < length(list); n++) {
		struct json_object *row = json_object_array_get_idx(list, (size_t)n);
		char rate[NUMBER_STRLEN];

		fputs("       ", out);
		put_text(get(row, "room"), 7, out);
		put_text(get(row, "reason"), 24, out);
		fprintf(out, " %12s %12" PRIu64 "\n", number(get(row, "per_s"), rate),
			json_object_get_uint64(get(row, "total")));
	}
	return n;
}

static int print_clients_of(struct json_object *clients, const char *room, const char *key,
			    const char *unit, int max, FILE *out)
{
	struct json_object *list = get(clients, room);
	int n = 0;

	for (; n < max && (size_t)n < length(list); n++) {
		struct json_object *row = json_object_array_get_idx(list, (size_t)n);

		fprintf(out, "       %-7s", room);
		put_text(get(row, "client"), 40, out);
		fprintf(out, " %8" PRIu64 " %s\n", json_object_get_uint64(get(row, key)), unit);
	}
	return n;
}

static int print_clients(struct json_object *activity, int max, FILE *out)
{
	struct json_object *clients = get(activity, "clients");
	int each = max / 3 > 0 ? max / 3 : 1, n;
	char queries[48];

	snprintf(queries, sizeof(queries), "queries in %" PRId64 " s",
		 json_object_get_int64(get(activity, "over_s")));
	fputs(json_object_is_type(get(activity, "complete"), json_type_boolean) ?
	      "CLIENTS (NAT64 has more than were looked at)\n" : "CLIENTS\n", out);
	n = print_clients_of(clients, "nat64", "sessions", "sessions", each, out);
	n += print_clients_of(clients, "dns64", "queries", queries, each, out);
	return n + print_clients_of(clients, "snid", "connections", "connections", each, out);
}

/* "2026-11-25T12:34:56.789Z" is 12:34:56 to people who look at it now. */
static void print_refusal(struct json_object *row, FILE *out)
{
	struct json_object *at = get(row, "at");
	int64_t alike = json_object_get_int64(get(row, "alike"));

	fprintf(out, "       %.8s ", json_object_get_string_len(at) > 19 ?
		json_object_get_string(at) + 11 : "-");
	put_text(get(row, "room"), 6, out);
	put_text(get(row, "reason"), 18, out);
	fputc(' ', out);
	put_text(get(row, "who"), 0, out);
	if (get(row, "what")) {
		fputs("  ", out);
		put_text(get(row, "what"), 0, out);
	}
	if (alike)
		fprintf(out, "  (and %" PRId64 " alike)", alike);
	fputc('\n', out);
}

static void print_refusals(struct json_object *list, int max, FILE *out)
{
	fputs("REFUSED\n", out);
	for (int n = 0; n < max && (size_t)n < length(list); n++)
		print_refusal(json_object_array_get_idx(list, (size_t)n), out);
}

void top_print(struct json_object *view, struct json_object *activity, int lines, FILE *out)
{
	int left, each = LIST_DEFAULT;

	print_head(view, out);
	left = lines - 1 - (get(view, "problem") != NULL) - print_rooms(view, out) - LISTS;
	if (lines > 0)
		each = left > LISTS ? left / LISTS : 1;
	left -= print_drops(get(view, "drops"), each, out);
	left -= print_clients(activity, each, out);
	print_refusals(get(activity, "refusals"), lines > 0 ? left : each, out);
}
