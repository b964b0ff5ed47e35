/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The asking side of the control socket: one request, one reply, blocking. */
#ifndef OPS_CLIENT_H
#define OPS_CLIENT_H

struct json_object;

/**
 * client_ask() - ask the running gateway.
 * @path:	of its control socket.
 * @request:	a JSON object with its "command" (requests.c), borrowed.
 * @reply:	on success a JSON object, owned by the caller.
 * Return: 0, or -errno: -ENOENT and -ECONNREFUSED when nobody listens there,
 * -EACCES when we may not ask, -ETIMEDOUT, -EPROTO when the reply makes no sense.
 */
int client_ask(const char *path, struct json_object *request, struct json_object **reply);

#endif
