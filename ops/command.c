/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "command.h"

#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "../core/config.h"
#include "ask.h"
#include "cli.h"
#include "completion.h"
#include "document.h"
#include "plan.h"
#include "status.h"

enum { CHECK_SCHEMA = 1, VERSION_SCHEMA = 1 };

static void add_problem(void *arg, bool warning, unsigned int line, unsigned int column,
			const char *message)
{
	struct json_object *problem = json_object_new_object();

	document_text(problem, "severity", warning ? "warning" : "error");
	json_object_object_add(problem, "line", line ? json_object_new_int64(line) : NULL);
	json_object_object_add(problem, "column", column ? json_object_new_int64(column) : NULL);
	document_text(problem, "message", message);
	json_object_array_add(arg, problem);
}

static int check_json(const char *path)
{
	struct json_object *document = document_new(CHECK_SCHEMA);
	struct json_object *problems = json_object_new_array();
	struct config *config = config_load_telling(path, add_problem, problems);
	bool good = config != NULL;

	document_text(document, "file", path);
	json_object_object_add(document, "good", json_object_new_boolean(good));
	json_object_object_add(document, "problems", problems);
	document_print(document);
	json_object_put(document);
	config_free(config);
	return good ? CLI_EXIT_DONE : CLI_EXIT_FAILED;
}

int command_check(const struct cli *cli)
{
	const char *path = plan_config_path(cli->config_path);
	struct config *config;

	if (cli->json)
		return check_json(path);
	config = config_load(path, stderr);
	if (!config)
		return CLI_EXIT_FAILED;
	if (path)
		printf("%s: good\n", path);
	else
		printf("there is no " CONFIG_DEFAULT_PATH "; the defaults are good\n");
	config_free(config);
	return CLI_EXIT_DONE;
}

int command_status(const struct cli *cli)
{
	struct json_object *document = ask_simple(cli, "status");

	if (!document)
		return CLI_EXIT_FAILED;
	if (cli->json)
		document_print(document);
	else
		status_print(document, stdout);
	json_object_put(document);
	return CLI_EXIT_DONE;
}

int command_metrics(const struct cli *cli)
{
	struct json_object *request, *reply = NULL;

	if (cli->json && cli->openmetrics) {
		cli_wrong(cli, "--json and --openmetrics are two formats", stderr);
		return CLI_EXIT_USAGE;
	}
	request = ask_request("metrics");
	if (request) {
		json_object_object_add(request, "json", json_object_new_boolean(cli->json));
		json_object_object_add(request, "openmetrics",
				       json_object_new_boolean(cli->openmetrics));
		reply = ask_of(cli, request);
	}
	json_object_put(request);
	if (!reply)
		return CLI_EXIT_FAILED;
	if (cli->json)
		document_print(reply);
	else
		fputs(document_string(reply, "text", ""), stdout);
	json_object_put(reply);
	return CLI_EXIT_DONE;
}

int command_reload(const struct cli *cli)
{
	struct json_object *reply = ask_simple(cli, "reload");
	bool done;

	if (!reply)
		return CLI_EXIT_FAILED;
	done = json_object_get_boolean(document_get(reply, "ok"));
	if (cli->json) {
		document_print(reply);
	} else {
		/* Errors when refused, warnings when done. */
		fputs(document_string(reply, "text", ""), stderr);
		if (done)
			printf("reloaded\n");
		else
			fprintf(stderr,
				"gate64: reload refused: the old configuration holds\n");
	}
	json_object_put(reply);
	return done ? CLI_EXIT_DONE : CLI_EXIT_FAILED;
}

int command_completion(const struct cli *cli)
{
	if (strcmp(cli->operand, "bash") != 0) {
		cli_wrong(cli, "bash is the only shell that can be served", stderr);
		return CLI_EXIT_USAGE;
	}
	completion_bash(stdout);
	return CLI_EXIT_DONE;
}

int command_version(const struct cli *cli)
{
	struct json_object *document;

	if (!cli->json) {
		puts(cli_version());
		return CLI_EXIT_DONE;
	}
	document = document_new(VERSION_SCHEMA);
	document_text(document, "version", cli_version());
	document_print(document);
	json_object_put(document);
	return CLI_EXIT_DONE;
}
