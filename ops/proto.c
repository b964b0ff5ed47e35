/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "proto.h"

#include <json-c/json.h>
#include <string.h>

static const char *const names[] = {
	[CONFIG_TCP] = "tcp",
	[CONFIG_UDP] = "udp",
	[CONFIG_ICMP] = "icmp",
};

bool proto_read(const char *text, enum config_proto *proto)
{
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(names[i], text) != 0)
			continue;
		*proto = (enum config_proto)i;
		return true;
	}
	return false;
}

const char *proto_name(enum config_proto proto)
{
	return names[proto];
}

bool port_read(struct json_object *value, uint16_t *port)
{
	int64_t number = json_object_is_type(value, json_type_int) ?
			 json_object_get_int64(value) : 0;

	if (number < 1 || number > UINT16_MAX)
		return false;
	*port = (uint16_t)number;
	return true;
}
