/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "filter.h"

#include <json-c/json.h>
#include <string.h>

#include "../nat64/nat64.h"
#include "proto.h"

const char *filter_text(struct json_object *value)
{
	return json_object_is_type(value, json_type_string) ? json_object_get_string(value) : "";
}

static const char *read_key(const struct filter_key *keys, size_t n, const char *unknown,
			    const char *key, struct json_object *value, void *filter)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(keys[i].key, key) == 0)
			return keys[i].read(value, filter);
	return unknown;
}

const char *filter_read_keys(struct json_object *object, const struct filter_key *keys, size_t n,
			     const char *unknown, void *filter)
{
	if (!object)
		return NULL;
	if (!json_object_is_type(object, json_type_object))
		return "a filter is a JSON object";
	json_object_object_foreach(object, key, value) {
		const char *wrong = read_key(keys, n, unknown, key, value, filter);

		if (wrong)
			return wrong;
	}
	return NULL;
}

/* ---- that of flows and bindings ------------------------------------------------------- */

static const char *read_proto(struct json_object *value, void *arg)
{
	struct nat64_filter *filter = arg;

	filter->proto_given = proto_read(filter_text(value), &filter->proto);
	return filter->proto_given ? NULL : PROTO_WRONG;
}

static const char *read_address(struct json_object *value, void *arg)
{
	struct nat64_filter *filter = arg;

	return prefix_parse(filter_text(value), &filter->prefix);
}

static const char *read_port(struct json_object *value, void *arg)
{
	struct nat64_filter *filter = arg;

	return port_read(value, &filter->port) ? NULL : PORT_WRONG;
}

static const char *read_state(struct json_object *value, void *arg)
{
	struct nat64_filter *filter = arg;

	filter->state = nat64_state(filter_text(value));
	return filter->state ? NULL : "no such state of a TCP session";
}

static const struct filter_key keys[] = {
	{ "proto", read_proto },
	{ "address", read_address },
	{ "port", read_port },
	{ "state", read_state },
};

const char *filter_read(struct json_object *object, struct nat64_filter *filter)
{
	*filter = (struct nat64_filter){ 0 };
	return filter_read_keys(object, keys, sizeof(keys) / sizeof(keys[0]),
				"a filter has proto, address, port and state", filter);
}
