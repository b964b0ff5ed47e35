/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The asking side of the control socket: one request, one reply, blocking. */
#ifndef OPS_CLIENT_H
#define OPS_CLIENT_H

#include <stdint.h>

struct json_object;

/* A reload may have to wait for the host's firewall lock. */
enum { CLIENT_TIMEOUT_MS = 60000 };

/**
 * client_ask() - ask the running gateway.
 * @path:	of its control socket.
 * @request:	a JSON object with its "command" (requests.c), borrowed.
 * @timeout_ms:	how long to wait to be let in, and then for the reply.
 * @reply:	on success a JSON object, owned by the caller.
 * Return: 0, or -errno: -ENOENT and -ECONNREFUSED when nobody listens there,
 * -EACCES when we may not ask, -ETIMEDOUT, -EPROTO when the reply makes no sense.
 */
int client_ask(const char *path, struct json_object *request, uint32_t timeout_ms,
	       struct json_object **reply);

#endif
