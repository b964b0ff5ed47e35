/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ask.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../core/config.h"
#include "cli.h"
#include "client.h"
#include "plan.h"

/* A file that was just broken is no reason not to ask a gateway that runs on an older
 * one: what is wrong with it is that gateway's to say, when it reads it. */
static struct config *config_or_defaults(const char *path)
{
	char *text = NULL;
	size_t len = 0;
	FILE *unheard = open_memstream(&text, &len);
	struct config *config = NULL;

	if (!unheard)
		return NULL;
	config = config_load(path, unheard);
	fclose(unheard);
	free(text);
	return config ? config : config_load(NULL, stderr);
}

char *ask_socket(const struct cli *cli)
{
	struct config *config;
	char *path;

	if (cli->socket_path)
		return strdup(cli->socket_path);
	config = config_or_defaults(plan_config_path(cli->config_path));
	if (!config)
		return NULL;
	path = strdup(config->ops.control);
	config_free(config);
	return path;
}

static void explain(const char *path, int err)
{
	if (err == -ENOENT || err == -ECONNREFUSED)
		fprintf(stderr, "gate64: no gate64 answers at %s; is it running?\n", path);
	else if (err == -EACCES)
		fprintf(stderr, "gate64: %s: you may not ask; be root or in the group that "
				"gate64 runs as\n", path);
	else
		fprintf(stderr, "gate64: %s: %s\n", path, strerror(-err));
}

struct json_object *ask(const char *path, struct json_object *request)
{
	struct json_object *reply = NULL, *error;
	int err = client_ask(path, request, CLIENT_TIMEOUT_MS, &reply);

	if (err) {
		explain(path, err);
		return NULL;
	}
	if (json_object_object_get_ex(reply, "error", &error)) {
		fprintf(stderr, "gate64: %s\n", json_object_get_string(error));
		json_object_put(reply);
		return NULL;
	}
	return reply;
}

struct json_object *ask_request(const char *command)
{
	struct json_object *request = json_object_new_object();

	if (!request ||
	    json_object_object_add(request, "command", json_object_new_string(command)) < 0) {
		explain(command, -ENOMEM);
		json_object_put(request);
		return NULL;
	}
	return request;
}

struct json_object *ask_of(const struct cli *cli, struct json_object *request)
{
	char *path = ask_socket(cli);
	struct json_object *reply = path ? ask(path, request) : NULL;

	free(path);
	return reply;
}

struct json_object *ask_simple(const struct cli *cli, const char *command)
{
	struct json_object *request = ask_request(command);
	struct json_object *reply = request ? ask_of(cli, request) : NULL;

	json_object_put(request);
	return reply;
}
