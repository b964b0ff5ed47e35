/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What travels through here: facts of the running process into a JSON document
 * (first half), and that document into text (second half), mostly in another
 * process. The text is made from the document alone, so that both say the same.
 */
#include <arpa/inet.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <string.h>
#include <unistd.h>

#include "../core/addrmap.h"
#include "../core/stats.h"
#include "../dns64/dns64.h"
#include "../nat64/nat64.h"
#include "../snid/snid.h"
#include "status.h"
#include "status_pool.h"

/* Whose counter is it? By the family's name, the longest match. */
static const struct {
	const char *prefix;
	const char *room;	/* NULL: not of a room */
} owners[] = {
	{ "gate64_nat64_", "nat64" },
	{ "gate64_dns_", "dns64" },
	{ "gate64_sni_", "snid" },
	{ "gate64_", NULL },
};

/* ---- facts to document ---------------------------------------------------- */

static void add_text(struct json_object *to, const char *key, const char *text)
{
	json_object_object_add(to, key, text ? json_object_new_string(text) : NULL);
}

static void add_number(struct json_object *to, const char *key, uint64_t n)
{
	json_object_object_add(to, key, json_object_new_uint64(n));
}

static void add_time(struct json_object *to, const char *key, time_t at)
{
	char text[32];
	struct tm tm;

	if (gmtime_r(&at, &tm) && strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm))
		add_text(to, key, text);
}

/* Make an object (or take the one that is there) under @key. */
static struct json_object *child(struct json_object *of, const char *key)
{
	struct json_object *object = NULL;

	if (!json_object_object_get_ex(of, key, &object)) {
		object = json_object_new_object();
		json_object_object_add(of, key, object);
	}
	return object;
}

static void add_prefixes(struct json_object *to, const char *key,
			 const struct prefix_list *list)
{
	struct json_object *array = json_object_new_array();
	char text[PREFIX_STRLEN];

	for (size_t i = 0; i < list->n; i++)
		json_object_array_add(array, json_object_new_string(
			prefix_format(&list->v[i], text)));
	json_object_object_add(to, key, array);
}

static void add_v4(struct json_object *to, const char *key, uint32_t v4_be32)
{
	struct in6_addr addr = addr_from_v4(v4_be32);
	char text[ADDR_STRLEN];

	add_text(to, key, v4_be32 ? addr_format(&addr, text) : NULL);
}

static void add_network(struct json_object *document, const struct status_facts *facts)
{
	struct json_object *network = child(document, "network");
	const struct addrmap *map = facts->map;
	char text[PREFIX_STRLEN];

	add_text(network, "uplink", map->uplink[0] ? map->uplink : NULL);
	add_v4(network, "ipv4", map->uplink_v4_be32);
	add_prefixes(network, "inside", &map->inside);
	add_prefixes(network, "nat64_prefixes", &map->pref64);
	add_text(network, "nat46_prefix", prefix_format(&map->nat46, text));
	add_text(network, "rules", facts->rules);
	add_text(network, "problem", facts->problem);
}

static void add_fast_path(struct json_object *to, const struct nat64_gauges *gauges)
{
	json_object_object_add(to, "enabled", json_object_new_boolean(!gauges->slow_because));
	if (gauges->slow_because) {
		json_object_object_add(to, "because", json_object_new_string(gauges->slow_because));
		return;
	}
	add_number(to, "interfaces", gauges->fast_interfaces);
	add_number(to, "sessions", gauges->fast_sessions);
	add_number(to, "packets_out", gauges->fast_packets_out);
	add_number(to, "bytes_out", gauges->fast_bytes_out);
	add_number(to, "packets_in", gauges->fast_packets_in);
	add_number(to, "bytes_in", gauges->fast_bytes_in);
	add_number(to, "handed_over", gauges->fast_handed_over);
}

static void add_nat64(struct json_object *room, const struct status_facts *facts)
{
	const struct nat64_gauges *gauges = facts->nat64;

	add_number(room, "sessions", gauges->sessions);
	add_number(room, "sessions_max", gauges->sessions_max);
	add_number(room, "bindings", gauges->bindings);
	add_number(room, "clients", gauges->clients);
	add_number(room, "stored_syns", gauges->stored_syns);
	add_number(room, "stored_syns_max", gauges->stored_syns_max);
	add_number(room, "memory_bytes", gauges->memory_bytes);
	add_number(room, "ports_used", gauges->ports_used);
	add_number(room, "ports_size", gauges->ports_size);
	status_pool_add(room, facts->intercept);
	add_fast_path(child(room, "fast_path"), gauges);
}

static void add_upstreams(struct json_object *room, const struct status_facts *facts)
{
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; i < facts->n_upstreams; i++) {
		const struct dns64_upstream *upstream = &facts->upstreams[i];
		struct json_object *entry = json_object_new_object();

		json_object_object_add(entry, "zone", json_object_new_string(upstream->zone));
		add_number(entry, "questions", upstream->questions);
		add_number(entry, "answered", upstream->answered);
		add_number(entry, "failed", upstream->failed);
		add_number(entry, "timeouts", upstream->timeouts);
		add_number(entry, "failed_in_row", upstream->failed_in_row);
		add_number(entry, "renewals", upstream->renewals);
		add_number(entry, "workers", upstream->n_workers);
		add_number(entry, "workers_deaf", upstream->n_deaf);
		json_object_object_add(entry, "answered_ago_ms", upstream->answered_ago_ms < 0 ?
				       NULL : json_object_new_int64(upstream->answered_ago_ms));
		add_number(entry, "took_us", upstream->took_us);
		json_object_array_add(list, entry);
	}
	json_object_object_add(room, "upstreams", list);
}

static void add_dns64(struct json_object *room, const struct status_facts *facts)
{
	const struct dns64_gauges *gauges = facts->dns64;

	add_number(room, "queries_pending", gauges->queries_pending);
	add_number(room, "tcp_connections", gauges->tcp_connections);
	add_number(room, "cache_entries", gauges->cache_entries);
	add_number(room, "cache_bytes", gauges->cache_bytes);
	add_number(room, "cache_bytes_max", gauges->cache_bytes_max);
	add_upstreams(room, facts);
}

static void add_snid(struct json_object *room, const struct snid_gauges *gauges)
{
	add_number(room, "connections", gauges->connections);
	add_number(room, "connections_max", gauges->connections_max);
	add_number(room, "opening", gauges->opening);
	add_number(room, "opening_max", gauges->opening_max);
	for (unsigned int i = 0; i < SNID_STAGES; i++)
		add_number(child(room, "stages"), snid_stage_name(i), gauges->stages[i]);
	add_number(room, "buffered_bytes", gauges->buffered_bytes);
	add_number(room, "buffered_bytes_max", gauges->buffered_bytes_max);
	add_number(room, "hello_bytes", gauges->hello_bytes);
	add_number(room, "hello_bytes_max", gauges->hello_bytes_max);
}

static void add_rooms(struct json_object *document, const struct status_facts *facts)
{
	struct json_object *rooms = child(document, "rooms");
	struct json_object *nat64 = child(rooms, "nat64");
	struct json_object *dns64 = child(rooms, "dns64");
	struct json_object *snid = child(rooms, "snid");

	json_object_object_add(nat64, "enabled", json_object_new_boolean(facts->nat64 != NULL));
	json_object_object_add(dns64, "enabled", json_object_new_boolean(facts->dns64 != NULL));
	json_object_object_add(snid, "enabled", json_object_new_boolean(facts->snid != NULL));
	if (facts->nat64)
		add_nat64(nat64, facts);
	if (facts->dns64)
		add_dns64(dns64, facts);
	if (facts->snid)
		add_snid(snid, facts->snid);
}

/* 'reason="no_port"' is "no_port" to people. Return: the labels after it; NULL: it had none. */
static const char *next_label(const char *labels, char *value, size_t size)
{
	const char *from = strchr(labels, '"');
	size_t len = from ? strcspn(from + 1, "\"") : 0;

	if (!from)
		return NULL;
	snprintf(value, size, "%.*s", (int)len, from + 1);
	return from + 1 + len + (from[1 + len] == '"');
}

static bool ends_in(const char *text, const char *end)
{
	size_t len = strlen(text), end_len = strlen(end);

	return len >= end_len && strcmp(text + len - end_len, end) == 0;
}

/* gate64_nat64_packets_total{direction="out"} goes to
 * rooms.nat64.counters.packets.out: the place says the rest. */
static void add_counter(struct json_object *document, const struct stat_info *info,
			uint64_t n)
{
	struct json_object *to;
	const char *labels = info->labels;
	char key[64], label[64];
	size_t i = 0;

	while (strncmp(info->family, owners[i].prefix, strlen(owners[i].prefix)) != 0)
		i++;
	to = owners[i].room ? child(child(document, "rooms"), owners[i].room) :
			      child(document, "ops");
	to = child(to, "counters");
	snprintf(key, sizeof(key), "%s", info->family + strlen(owners[i].prefix));
	if (ends_in(key, "_total"))
		key[strlen(key) - strlen("_total")] = '\0';
	while ((labels = next_label(labels, label, sizeof(label))) != NULL) {
		to = child(to, key);
		memcpy(key, label, sizeof(key));
	}
	if (ends_in(info->family, "_seconds_sum"))
		json_object_object_add(to, key, json_object_new_double((double)n / 1e6));
	else
		add_number(to, key, n);
}

static void add_reload(struct json_object *document, const struct status_facts *facts)
{
	struct json_object *reload = facts->reload_at ? json_object_new_object() : NULL;

	if (reload) {
		add_time(reload, "at", facts->reload_at);
		json_object_object_add(reload, "ok", json_object_new_boolean(facts->reload_ok));
		add_text(reload, "text", facts->reload_text);
	}
	json_object_object_add(document, "reload", reload);
}

struct json_object *status_document(const struct status_facts *facts)
{
	struct json_object *document = json_object_new_object();

	if (!document)
		return NULL;
	add_number(document, "schema", STATUS_SCHEMA);
	add_text(document, "version", facts->version);
	add_number(document, "pid", (uint64_t)getpid());
	add_time(document, "since", facts->since);
	json_object_object_add(document, "uptime_s", json_object_new_int64(facts->uptime_s));
	add_network(document, facts);
	add_rooms(document, facts);
	for (unsigned int i = 0; i < STAT_COUNT; i++)
		add_counter(document, &stat_infos[i], facts->counters[i]);
	add_reload(document, facts);
	return document;
}

/* ---- document to text ------------------------------------------------------ */

enum { NAME_WIDTH = 20 };

static const char *const room_names[] = { "nat64", "dns64", "snid" };

/* What is in use now: one row each, "12 of 20" where there is a bound */
static const struct {
	const char *room, *title, *key, *bound_key;
} gauges[] = {
	{ "nat64", "sessions", "sessions", "sessions_max" },
	{ "nat64", "bindings", "bindings", NULL },
	{ "nat64", "clients", "clients", NULL },
	{ "nat64", "SYNs waiting", "stored_syns", "stored_syns_max" },
	{ "nat64", "flow table bytes", "memory_bytes", NULL },
	{ "dns64", "queries pending", "queries_pending", NULL },
	{ "dns64", "TCP connections", "tcp_connections", NULL },
	{ "dns64", "cache entries", "cache_entries", NULL },
	{ "dns64", "cache bytes", "cache_bytes", "cache_bytes_max" },
	{ "snid", "connections", "connections", "connections_max" },
	{ "snid", "opening", "opening", "opening_max" },
	{ "snid", "buffered bytes", "buffered_bytes", "buffered_bytes_max" },
};

/* What stands under @key; NULL where nothing does: every reader below takes that. */
static struct json_object *get(struct json_object *of, const char *key)
{
	struct json_object *value = NULL;

	json_object_object_get_ex(of, key, &value);
	return value;
}

static const char *text_of(struct json_object *value, const char *otherwise)
{
	return json_object_is_type(value, json_type_string) ? json_object_get_string(value) :
							      otherwise;
}

static size_t length_of(struct json_object *list)
{
	return json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;
}

/* A row's name, in words: the key "cache_evicted" reads "cache evicted". */
static void print_name(const char *name, FILE *out)
{
	int width = 0;

	fputs("  ", out);
	for (; name[width]; width++)
		fputc(name[width] == '_' ? ' ' : name[width], out);
	fprintf(out, "%*s", width < NAME_WIDTH ? NAME_WIDTH - width : 1, "");
}

static void print_list(struct json_object *list, const char *when_empty, FILE *out)
{
	size_t n = length_of(list);

	if (n == 0)
		fputs(when_empty, out);
	for (size_t i = 0; i < n; i++)
		fprintf(out, "%s%s", i ? " " : "",
			text_of(json_object_array_get_idx(list, i), "?"));
}

static void print_list_row(const char *name, struct json_object *list,
			   const char *when_empty, FILE *out)
{
	print_name(name, out);
	print_list(list, when_empty, out);
	fputc('\n', out);
}

static void print_text_row(const char *name, const char *text, FILE *out)
{
	print_name(name, out);
	fprintf(out, "%s\n", text);
}

static void print_reload(struct json_object *reload, FILE *out)
{
	const char *text = text_of(get(reload, "text"), "");

	print_name("last reload", out);
	if (!reload) {
		fputs("none since the start\n", out);
		return;
	}
	fprintf(out, "%s at %s\n", json_object_get_boolean(get(reload, "ok")) ?
		"done" : "REFUSED, the old configuration holds", text_of(get(reload, "at"), "?"));
	/* The errors, indented below; they have several lines each. */
	while (*text) {
		size_t len = strcspn(text, "\n");

		fprintf(out, "    %.*s\n", (int)len, text);
		text += len + (text[len] == '\n');
	}
}

static void print_network(struct json_object *document, FILE *out)
{
	struct json_object *network = get(document, "network");
	const char *problem = text_of(get(network, "problem"), NULL);

	fputs("\nnetwork\n", out);
	print_name("uplink", out);
	fprintf(out, "%s, %s\n", text_of(get(network, "uplink"), "none yet"),
		text_of(get(network, "ipv4"), "no IPv4 address yet"));
	print_list_row("inside", get(network, "inside"), "none yet", out);
	print_list_row("NAT64 prefixes", get(network, "nat64_prefixes"), "none", out);
	print_text_row("NAT46 prefix", text_of(get(network, "nat46_prefix"), "none"), out);
	print_text_row("rules", text_of(get(network, "rules"), "none"), out);
	if (problem)
		print_text_row("PROBLEM", problem, out);
	print_reload(get(document, "reload"), out);
}

static void print_gauges(const char *name, struct json_object *room, FILE *out)
{
	for (size_t i = 0; i < sizeof(gauges) / sizeof(gauges[0]); i++) {
		if (strcmp(gauges[i].room, name) != 0)
			continue;
		print_name(gauges[i].title, out);
		fprintf(out, "%" PRIu64, json_object_get_uint64(get(room, gauges[i].key)));
		if (gauges[i].bound_key)
			fprintf(out, " of %" PRIu64,
				json_object_get_uint64(get(room, gauges[i].bound_key)));
		fputc('\n', out);
	}
}

static void print_upstreams(struct json_object *list, FILE *out)
{
	size_t n = length_of(list);

	for (size_t i = 0; i < n; i++) {
		struct json_object *upstream = json_object_array_get_idx(list, i);
		struct json_object *ago_ms = get(upstream, "answered_ago_ms");

		print_name(i ? "" : "upstream of", out);
		fprintf(out, "%s answered %" PRIu64 " of %" PRIu64 ", %" PRIu64 " failed",
			text_of(get(upstream, "zone"), "?"),
			json_object_get_uint64(get(upstream, "answered")),
			json_object_get_uint64(get(upstream, "questions")),
			json_object_get_uint64(get(upstream, "failed")));
		if (ago_ms)
			fprintf(out, ", last %" PRId64 " s ago in %.1f ms",
				json_object_get_int64(ago_ms) / 1000,
				(double)json_object_get_int64(get(upstream, "took_us")) / 1000);
		fputs(json_object_get_int64(get(upstream, "workers_deaf")) ? ", SILENT\n" : "\n", out);
	}
}

static void print_fast_path(struct json_object *fast, FILE *out)
{
	if (!fast)
		return;
	print_name("fast path", out);
	if (!json_object_get_boolean(get(fast, "enabled"))) {
		fprintf(out, "none: %s\n", text_of(get(fast, "because"), "?"));
		return;
	}
	fprintf(out, "%" PRIu64 " sessions, packets out %" PRIu64 ", in %" PRIu64 ", handed over %"
		PRIu64 "; on %" PRIu64 " interfaces\n",
		json_object_get_uint64(get(fast, "sessions")),
		json_object_get_uint64(get(fast, "packets_out")),
		json_object_get_uint64(get(fast, "packets_in")),
		json_object_get_uint64(get(fast, "handed_over")),
		json_object_get_uint64(get(fast, "interfaces")));
}

/* A labelled family on one row, without the labels that count nothing. */
static void print_family(struct json_object *family, FILE *out)
{
	bool any = false;

	json_object_object_foreach(family, label, n) {
		if (json_object_get_uint64(n) == 0)
			continue;
		fprintf(out, "%s%s %" PRIu64, any ? ", " : "", label, json_object_get_uint64(n));
		any = true;
	}
	if (!any)
		fputc('0', out);
}

/* The least bound that at least so many in a thousand of a histogram are within. */
static const char *bound_of(struct json_object *buckets, uint64_t count, uint64_t per_mille)
{
	if (!json_object_is_type(buckets, json_type_object))
		return "?";
	json_object_object_foreach(buckets, le, n) {
		if (json_object_get_uint64(n) * 1000 >= count * per_mille)
			return le;
	}
	return "?";
}

/* "hit 12: half within 0.0005, 99 % within 0.001"; for its other families nothing. */
static void print_histogram(const char *family, struct json_object *counts,
			    struct json_object *paths, FILE *out)
{
	bool any = false;

	print_name(family, out);
	json_object_object_foreach(paths, path, buckets) {
		uint64_t count = json_object_get_uint64(get(counts, path));

		if (count == 0)
			continue;
		fprintf(out, "%s%s %" PRIu64 ", half within %s, 99 %% within %s", any ? "; " : "",
			path, count, bound_of(buckets, count, 500), bound_of(buckets, count, 990));
		any = true;
	}
	fputs(any ? "\n" : "0\n", out);
}

static void print_counter(struct json_object *counters, const char *name,
			  struct json_object *value, FILE *out)
{
	bool family = json_object_is_type(value, json_type_object);
	char text[64], count[72];

	if (ends_in(name, "_seconds_sum") || ends_in(name, "_seconds_count"))
		return;
	if (family && ends_in(name, "_seconds_bucket")) {
		snprintf(text, sizeof(text), "%.*s", (int)(strlen(name) - strlen("_bucket")), name);
		snprintf(count, sizeof(count), "%s_count", text);
		print_histogram(text, get(counters, count), value, out);
		return;
	}
	print_name(name, out);
	if (family)
		print_family(value, out);
	else
		fprintf(out, "%" PRIu64, json_object_get_uint64(value));
	fputc('\n', out);
}

static void print_counters(struct json_object *counters, FILE *out)
{
	if (!json_object_is_type(counters, json_type_object))
		return;
	json_object_object_foreach(counters, name, value) {
		print_counter(counters, name, value, out);
	}
}

void status_print(struct json_object *document, FILE *out)
{
	struct json_object *rooms = get(document, "rooms");
	int64_t up_s = json_object_get_int64(get(document, "uptime_s"));

	fprintf(out, "gate64 %s, process %" PRIu64 ", up %" PRId64 "d %02d:%02d:%02d, since %s\n",
		text_of(get(document, "version"), "?"),
		json_object_get_uint64(get(document, "pid")), up_s / 86400,
		(int)(up_s / 3600 % 24), (int)(up_s / 60 % 60), (int)(up_s % 60),
		text_of(get(document, "since"), "?"));
	print_network(document, out);
	for (size_t i = 0; i < sizeof(room_names) / sizeof(room_names[0]); i++) {
		struct json_object *room = get(rooms, room_names[i]);
		bool on = json_object_get_boolean(get(room, "enabled"));

		fprintf(out, "\n%s%s\n", room_names[i], on ? "" : ": off");
		if (!on)
			continue;
		print_gauges(room_names[i], room, out);
		if (get(room, "stages"))
			print_counter(NULL, "by_stage", get(room, "stages"), out);
		print_fast_path(get(room, "fast_path"), out);
		status_pool_print(room, out);
		print_upstreams(get(room, "upstreams"), out);
		print_counters(get(room, "counters"), out);
	}
	fputs("\nops\n", out);
	print_counters(get(get(document, "ops"), "counters"), out);
}
