/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "filter.h"

#include <json-c/json.h>
#include <string.h>

#include "../nat64/nat64.h"
#include "proto.h"

static const char *text_of(struct json_object *value)
{
	return json_object_is_type(value, json_type_string) ? json_object_get_string(value) : "";
}

static const char *read_proto(struct json_object *value, struct nat64_filter *filter)
{
	filter->proto_given = proto_read(text_of(value), &filter->proto);
	return filter->proto_given ? NULL : PROTO_WRONG;
}

static const char *read_address(struct json_object *value, struct nat64_filter *filter)
{
	return prefix_parse(text_of(value), &filter->prefix);
}

static const char *read_port(struct json_object *value, struct nat64_filter *filter)
{
	return port_read(value, &filter->port) ? NULL : PORT_WRONG;
}

static const char *read_state(struct json_object *value, struct nat64_filter *filter)
{
	filter->state = nat64_state(text_of(value));
	return filter->state ? NULL : "no such state of a TCP session";
}

static const struct {
	const char *key;
	const char *(*read)(struct json_object *value, struct nat64_filter *filter);
} keys[] = {
	{ "proto", read_proto },
	{ "address", read_address },
	{ "port", read_port },
	{ "state", read_state },
};

static const char *read_key(const char *key, struct json_object *value,
			    struct nat64_filter *filter)
{
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (strcmp(keys[i].key, key) == 0)
			return keys[i].read(value, filter);
	return "a filter has proto, address, port and state";
}

const char *filter_read(struct json_object *object, struct nat64_filter *filter)
{
	*filter = (struct nat64_filter){ 0 };
	if (!object)
		return NULL;
	if (!json_object_is_type(object, json_type_object))
		return "a filter is a JSON object";
	json_object_object_foreach(object, key, value) {
		const char *wrong = read_key(key, value, filter);

		if (wrong)
			return wrong;
	}
	return NULL;
}
