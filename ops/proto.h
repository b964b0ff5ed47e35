/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Protocols and ports as requests and replies of the control socket write them. */
#ifndef OPS_PROTO_H
#define OPS_PROTO_H

#include <stdbool.h>
#include <stdint.h>

#include "../core/config.h"

struct json_object;

#define PROTO_WRONG "a protocol is tcp, udp or icmp"
#define PORT_WRONG "a port is a number from 1 to 65535"

/** proto_read() - "tcp", "udp" or "icmp". Return: false: none of these. */
bool proto_read(const char *text, enum config_proto *proto);

/** proto_name() - the reverse, static. */
const char *proto_name(enum config_proto proto);

/** port_read() - a JSON number from 1 to 65535. Return: false: it is none. */
bool port_read(struct json_object *value, uint16_t *port);

#endif
