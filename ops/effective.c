/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "effective.h"

#include <json-c/json.h>
#include <string.h>
#include <sys/resource.h>

#include "../core/config.h"
#include "../core/config_schema.h"
#include "../core/config_value.h"
#include "config_document.h"
#include "document.h"

enum {
	PORTS = 65536,
	RANGES_MAX = 64,	/* as core/config_type_pool4.c has it */
};

static size_t length_of(struct json_object *list)
{
	return json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;
}

/* ---- origins --------------------------------------------------------------------- */

static void add_origin(struct json_object *origins, const struct config *config, size_t row)
{
	struct json_object *origin = json_object_new_object();
	unsigned int line = config->lines[row];

	document_text(origin, "from", line ? "file" : "default");
	json_object_object_add(origin, "line", line ? json_object_new_int64(line) : NULL);
	document_text(origin, "note", NULL);
	json_object_object_add(origins, config_rows[row].path, origin);
}

static struct json_object *at(struct json_object *document, const char *path)
{
	return config_document_value(document_get(document, "settings"), path);
}

static void note(struct json_object *document, const char *path, const char *text)
{
	document_text(document_get(document_get(document, "origins"), path), "note", text);
}

/* Put what the host has decided in the place of a setting. @value: taken. */
static void detect(struct json_object *document, const char *path, struct json_object *value,
		   const char *text)
{
	struct json_object *origin = document_get(document_get(document, "origins"), path);
	const char *name;
	struct json_object *group =
		config_document_place(document_get(document, "settings"), path, &name);

	json_object_object_add(group, name, value);
	document_text(origin, "from", "detected");
	document_text(origin, "note", text);
}

/* ---- what is detected ------------------------------------------------------------ */

static void detect_network(struct json_object *document, const struct config *config,
			   struct json_object *network)
{
	struct json_object *inside = document_get(network, "inside");
	const char *uplink = document_string(network, "uplink", NULL);

	if (config->inside.keyword && length_of(inside))
		detect(document, "inside", json_object_get(inside), "auto");
	else if (config->inside.keyword)
		note(document, "inside", "no network is there yet");
	if (!config->uplink && uplink)
		detect(document, "uplink", json_object_new_string(uplink), "auto");
	else if (!config->uplink)
		note(document, "uplink", "there is no IPv4 default route yet");
}

static void mark_ports(struct json_object *list, bool *marked)
{
	size_t n = length_of(list);
	struct port_range range;

	for (size_t i = 0; i < n; i++) {
		const char *text = json_object_get_string(json_object_array_get_idx(list, i));

		for (unsigned int port = config_value_ports(text, &range) ? range.first : PORTS;
		     port < PORTS && port <= range.last; port++)
			marked[port] = true;
	}
}

/* They come to us too, but are not given out. */
static void unmark_static(const struct config *config, const char *address, bool *marked)
{
	for (size_t i = 0; i < config->nat64.n_static; i++) {
		const struct static_binding *binding = &config->nat64.static_bindings[i];
		char text[ADDR_STRLEN];

		if (binding->outside_auto ||
		    strcmp(addr_format(&binding->outside.addr, text), address) == 0)
			marked[binding->outside.port] = false;
	}
}

static struct json_object *range_object(unsigned int first, unsigned int last)
{
	char text[32];

	if (first == last)
		return json_object_new_int64(first);
	snprintf(text, sizeof(text), "%u-%u", first, last);
	return json_object_new_string(text);
}

/* A setting does not hold more ranges than these. */
static struct json_object *ranges_of(const bool *marked)
{
	struct json_object *ranges = json_object_new_array();
	unsigned int first = 0;

	for (unsigned int port = 1; port <= PORTS; port++) {
		if (marked[port] && !marked[port - 1])
			first = port;
		else if (!marked[port] && marked[port - 1] && length_of(ranges) < RANGES_MAX)
			json_object_array_add(ranges, range_object(first, port - 1));
	}
	return ranges;
}

/* Of a pool that serves: its address, and the ports of either transport. What only one may
 * use is left out of the other again where this is read. */
static struct json_object *pool_entry(const struct config *config, struct json_object *pool)
{
	struct json_object *entry = json_object_new_object();
	const char *address = document_string(pool, "address", "");
	bool marked[PORTS + 1] = { false };	/* the last never is */

	mark_ports(document_get(pool, "tcp"), marked);
	mark_ports(document_get(pool, "udp"), marked);
	unmark_static(config, address, marked);
	document_text(entry, "address", address);
	json_object_object_add(entry, "ports", ranges_of(marked));
	return entry;
}

/* Addresses that are there for static bindings alone offer no port. */
static struct json_object *pools_of(const struct config *config, struct json_object *pools)
{
	struct json_object *entries = json_object_new_array();
	size_t n = length_of(pools);

	for (size_t i = 0; i < n; i++) {
		struct json_object *pool = json_object_array_get_idx(pools, i);

		if (json_object_get_int64(document_get(pool, "ports_size")) > 0)
			json_object_array_add(entries, pool_entry(config, pool));
	}
	return entries;
}

static bool any_auto(const struct config *config)
{
	for (size_t i = 0; i < config->nat64.n_pool4; i++)
		if (config->nat64.pool4[i].address_auto || config->nat64.pool4[i].ports_auto)
			return true;
	return false;
}

/* While nothing runs, nobody has looked for ports yet: only the address is known. */
static void name_pool_addresses(struct json_object *document, const char *ipv4)
{
	struct json_object *pools = at(document, "nat64.pool4");

	for (size_t i = 0; i < length_of(pools); i++) {
		struct json_object *pool = json_object_array_get_idx(pools, i);

		if (strcmp(document_string(pool, "address", ""), "auto") == 0)
			document_text(pool, "address", ipv4);
	}
	detect(document, "nat64.pool4", json_object_get(pools),
	       "the uplink's address; ports auto are chosen at the start");
}

static void detect_pool4(struct json_object *document, const struct config *config,
			 struct json_object *status, bool running)
{
	const char *ipv4 = document_string(document_get(status, "network"), "ipv4", NULL);
	struct json_object *room = document_get(document_get(status, "rooms"), "nat64");
	struct json_object *pools;

	if (!any_auto(config))
		return;
	if (!running && ipv4) {
		name_pool_addresses(document, ipv4);
		return;
	}
	pools = pools_of(config, document_get(room, "pool4"));
	if (length_of(pools)) {
		detect(document, "nat64.pool4", pools, "auto");
		return;
	}
	json_object_put(pools);
	note(document, "nat64.pool4", json_object_get_boolean(document_get(room, "enabled")) ?
	     "the uplink has no IPv4 address yet" : "nat64 is off");
}

static void detect_fast_path(struct json_object *document, struct json_object *status)
{
	struct json_object *room = document_get(document_get(status, "rooms"), "nat64");
	struct json_object *fast = document_get(room, "fast_path");
	char text[256];

	if (!fast)
		return;
	snprintf(text, sizeof(text), "not in use: %s", document_string(fast, "because", ""));
	note(document, "nat64.fast_path", json_object_get_boolean(document_get(fast, "enabled")) ?
	     "in use" : text);
}

/* @each: descriptors that one of these takes. */
static void lower(struct json_object *document, const char *path, rlim_t each, rlim_t limit)
{
	int64_t most = (int64_t)(limit / each);
	char text[96];

	if (json_object_get_int64(at(document, path)) <= most)
		return;
	snprintf(text, sizeof(text), "the process may have %llu descriptors (RLIMIT_NOFILE)",
		 (unsigned long long)limit);
	detect(document, path, json_object_new_int64(most), text);
}

/* A relayed connection has a socket on either side. */
static void detect_limits(struct json_object *document)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur == RLIM_INFINITY)
		return;
	lower(document, "snid.limits.connections", 2, limit.rlim_cur);
	lower(document, "dns64.limits.tcp_connections", 1, limit.rlim_cur);
}

struct json_object *effective_document(const struct config *config, struct json_object *status,
				       bool running)
{
	struct json_object *document = config_document(config);
	struct json_object *origins = json_object_new_object();

	if (!document || !origins) {
		json_object_put(origins);
		json_object_put(document);
		return NULL;
	}
	json_object_object_add(document, "running", json_object_new_boolean(running));
	json_object_object_add(document, "origins", origins);
	for (size_t i = 0; i < config_n_rows; i++)
		add_origin(origins, config, i);
	detect_network(document, config, document_get(status, "network"));
	detect_pool4(document, config, status, running);
	detect_fast_path(document, status);
	if (running)
		detect_limits(document);
	return document;
}

/* ---- as YAML --------------------------------------------------------------------- */

static void comment(void *arg, const char *path, FILE *out)
{
	struct json_object *document = arg;
	struct json_object *origin = document_get(document_get(document, "origins"), path);
	const char *from = document_string(origin, "from", "?");
	const char *text = document_string(origin, "note", NULL);
	int line = json_object_get_int(document_get(origin, "line"));

	fprintf(out, "  # %s", strcmp(from, "file") == 0 ? "" : from);
	if (line)
		fprintf(out, "%s%s:%d", strcmp(from, "file") == 0 ? "" : ", ",
			document_string(document, "file", "?"), line);
	if (text)
		fprintf(out, "%s%s", strcmp(from, "detected") == 0 ? ": " : "; ", text);
}

void effective_print(struct json_object *document, FILE *out)
{
	fprintf(out, "# %s: %s\n", document_string(document, "file", "the defaults alone"),
		json_object_get_boolean(document_get(document, "running")) ?
		"as the running gate64 works by it" :
		"as it would be here, by what this command sees");
	config_document_yaml(document_get(document, "settings"), out, comment, document);
}
