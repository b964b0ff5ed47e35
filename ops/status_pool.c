/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See status_pool.h. */
#include "status_pool.h"

#include <inttypes.h>
#include <json-c/json.h>
#include <stdbool.h>
#include <stdio.h>

#include "../core/addr.h"
#include "../nat64/nat64.h"

static const char *const protos[] = {
	[CONFIG_TCP] = "tcp", [CONFIG_UDP] = "udp", [CONFIG_ICMP] = "icmp",
};

enum { PROTOS = sizeof(protos) / sizeof(protos[0]) };

/* ---- to the document --------------------------------------------------------------- */

static void add_address(struct json_object *to, uint32_t addr_be32)
{
	struct in6_addr addr = addr_from_v4(addr_be32);
	char text[ADDR_STRLEN];

	json_object_object_add(to, "address", json_object_new_string(addr_format(&addr, text)));
}

static void add_number(struct json_object *to, const char *key, uint64_t n)
{
	json_object_object_add(to, key, json_object_new_uint64(n));
}

static void add_use(struct json_object *to, const struct nat64_ports *ports)
{
	add_number(to, "used", ports->used);
	add_number(to, "size", ports->size);
}

static struct json_object *protos_object(const struct nat64_pool *pool)
{
	struct json_object *object = json_object_new_object();

	for (int proto = 0; proto < PROTOS; proto++) {
		struct json_object *use = json_object_new_object();

		add_use(use, &pool->ports[proto]);
		json_object_object_add(object, protos[proto], use);
	}
	return object;
}

static void add_ranges(struct json_object *to, const char *key,
		       const struct port_range *ranges, size_t n)
{
	struct json_object *array = json_object_new_array();
	char text[16];

	for (size_t i = 0; i < n; i++) {
		snprintf(text, sizeof(text), ranges[i].first == ranges[i].last ? "%u" : "%u-%u",
			 ranges[i].first, ranges[i].last);
		json_object_array_add(array, json_object_new_string(text));
	}
	json_object_object_add(to, key, array);
}

static struct json_object *pool_object(const struct nat64_pool *pool)
{
	struct json_object *object = json_object_new_object();
	struct nat64_ports all = { 0 };

	for (int proto = 0; proto < PROTOS; proto++) {
		all.used += pool->ports[proto].used;
		all.size += pool->ports[proto].size;
	}
	add_address(object, pool->addr_be32);
	add_number(object, "ports_used", all.used);
	add_number(object, "ports_size", all.size);
	json_object_object_add(object, "ports", protos_object(pool));
	add_ranges(object, "tcp", pool->tcp, pool->n_tcp);
	add_ranges(object, "udp", pool->udp, pool->n_udp);
	return object;
}

/* Has @a a larger part of its ports in use than @b? */
static bool is_fuller(const struct nat64_ports *a, const struct nat64_ports *b)
{
	return a->used * b->size > b->used * a->size;
}

/* Where ports run out first; NULL: there are none. */
static struct json_object *fullest_object(const struct nat64_intercept *intercept)
{
	const struct nat64_ports *fullest = NULL;
	struct json_object *object;
	uint32_t addr_be32 = 0;
	int of = 0;

	for (size_t i = 0; i < intercept->n_pool; i++) {
		for (int proto = 0; proto < PROTOS; proto++) {
			const struct nat64_ports *ports = &intercept->pool[i].ports[proto];

			if (!ports->size || (fullest && !is_fuller(ports, fullest)))
				continue;
			fullest = ports;
			addr_be32 = intercept->pool[i].addr_be32;
			of = proto;
		}
	}
	if (!fullest)
		return NULL;
	object = json_object_new_object();
	add_address(object, addr_be32);
	json_object_object_add(object, "proto", json_object_new_string(protos[of]));
	add_use(object, fullest);
	return object;
}

void status_pool_add(struct json_object *room, const struct nat64_intercept *intercept)
{
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; intercept && i < intercept->n_pool; i++)
		json_object_array_add(list, pool_object(&intercept->pool[i]));
	json_object_object_add(room, "ports_fullest", intercept ? fullest_object(intercept) : NULL);
	json_object_object_add(room, "pool4", list);
}

/* ---- to text ------------------------------------------------------------------------- */

static struct json_object *get(struct json_object *of, const char *key)
{
	struct json_object *value = NULL;

	json_object_object_get_ex(of, key, &value);
	return value;
}

static const char *text_of(struct json_object *value)
{
	return json_object_is_type(value, json_type_string) ? json_object_get_string(value) : "?";
}

static void print_ranges(struct json_object *list, FILE *out)
{
	size_t n = json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;

	if (n == 0)
		fputs("none", out);
	for (size_t i = 0; i < n; i++)
		fprintf(out, "%s%s", i ? " " : "", text_of(json_object_array_get_idx(list, i)));
}

static void print_pool(const char *name, struct json_object *pool, FILE *out)
{
	fprintf(out, "  %-20s%s tcp ", name, text_of(get(pool, "address")));
	print_ranges(get(pool, "tcp"), out);
	fputs(", udp ", out);
	print_ranges(get(pool, "udp"), out);
	fputc('\n', out);
}

void status_pool_print(struct json_object *room, FILE *out)
{
	struct json_object *fullest = get(room, "ports_fullest"), *list = get(room, "pool4");
	size_t n = json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;

	if (fullest)
		fprintf(out, "  %-20s%" PRIu64 " of %" PRIu64 ", %s of %s\n", "ports, fullest",
			json_object_get_uint64(get(fullest, "used")),
			json_object_get_uint64(get(fullest, "size")),
			text_of(get(fullest, "proto")), text_of(get(fullest, "address")));
	for (size_t i = 0; i < n; i++)
		print_pool(i ? "" : "pool4", json_object_array_get_idx(list, i), out);
}
