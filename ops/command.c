/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "command.h"

#include <json-c/json.h>
#include <stdio.h>

#include "../core/config.h"
#include "ask.h"
#include "cli.h"
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

int command_status(const struct cli *cli)
{
	struct json_object *document = ask_simple(cli, "status");

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
	struct json_object *reply = ask_simple(cli, "reload");
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
