/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sub-commands that ask the running gateway: where it listens, and what goes wrong. */
#ifndef OPS_ASK_H
#define OPS_ASK_H

struct cli;
struct json_object;

/**
 * ask_socket() - the control socket that @cli names.
 * Return: its path, caller frees; NULL after the reason went to stderr.
 */
char *ask_socket(const struct cli *cli);

/**
 * ask() - one request, one reply.
 * @path:	from ask_socket().
 * @request:	borrowed.
 * Return: the reply, caller puts it; NULL after the reason, the gateway's own "error"
 * too, went to stderr.
 */
struct json_object *ask(const char *path, struct json_object *request);

/** ask_of() - the same of the gateway that @cli names. */
struct json_object *ask_of(const struct cli *cli, struct json_object *request);

/** ask_simple() - the same for a command without arguments. */
struct json_object *ask_simple(const struct cli *cli, const char *command);

/** ask_request() - a new request, caller puts it; NULL after the reason went to stderr. */
struct json_object *ask_request(const char *command);

#endif
