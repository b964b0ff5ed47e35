/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "command.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../core/config.h"
#include "cli.h"
#include "client.h"
#include "plan.h"
#include "status.h"

int command_check(const struct cli *cli)
{
	const char *path = plan_config_path(cli->config_path);
	struct config *config = config_load(path, stderr);

	if (!config)
		return CLI_EXIT_FAILED;
	if (path)
		printf("%s: good\n", path);
	else
		printf("there is no " CONFIG_DEFAULT_PATH "; the defaults are good\n");
	config_free(config);
	return CLI_EXIT_DONE;
}

int command_config(const struct cli *cli)
{
	struct config *config = config_load(plan_config_path(cli->config_path), stderr);

	if (!config)
		return CLI_EXIT_FAILED;
	config_print(config, stdout);
	config_free(config);
	return CLI_EXIT_DONE;
}

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

/* Where does the running gateway listen? Return: the path, caller frees, or NULL. */
static char *socket_path(const struct cli *cli)
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

/* Return: the reply, caller puts it; NULL after the reason went to stderr. */
static struct json_object *ask(const struct cli *cli, const char *command)
{
	struct json_object *reply = NULL, *error;
	char *path = socket_path(cli);
	int err;

	if (!path)
		return NULL;
	err = client_ask(path, command, &reply);
	if (err) {
		explain(path, err);
		reply = NULL;
	} else if (json_object_object_get_ex(reply, "error", &error)) {
		fprintf(stderr, "gate64: %s\n", json_object_get_string(error));
		json_object_put(reply);
		reply = NULL;
	}
	free(path);
	return reply;
}

int command_status(const struct cli *cli)
{
	struct json_object *document = ask(cli, "status");

	if (!document)
		return CLI_EXIT_FAILED;
	if (cli->json)
		puts(json_object_to_json_string_ext(document, JSON_C_TO_STRING_PRETTY |
						    JSON_C_TO_STRING_NOSLASHESCAPE));
	else
		status_print(document, stdout);
	json_object_put(document);
	return CLI_EXIT_DONE;
}

int command_reload(const struct cli *cli)
{
	struct json_object *reply = ask(cli, "reload");
	struct json_object *ok = NULL, *text = NULL;
	bool done;

	if (!reply)
		return CLI_EXIT_FAILED;
	json_object_object_get_ex(reply, "ok", &ok);
	json_object_object_get_ex(reply, "text", &text);
	done = json_object_get_boolean(ok);
	/* Errors when refused, warnings when done. */
	if (text)
		fputs(json_object_get_string(text), stderr);
	if (done)
		printf("reloaded\n");
	else
		fprintf(stderr, "gate64: reload refused: the old configuration holds\n");
	json_object_put(reply);
	return done ? CLI_EXIT_DONE : CLI_EXIT_FAILED;
}
