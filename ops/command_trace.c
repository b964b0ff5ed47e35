/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `gate64 trace`. */
#include <json-c/json.h>
#include <stdio.h>

#include "../nat64/nat64.h"
#include "ask.h"
#include "cli.h"
#include "command.h"
#include "trace.h"

static void add_word(struct json_object *request, const char *key, const char *word)
{
	if (word)
		json_object_object_add(request, key, json_object_new_string(word));
}

static int print_trace(const struct cli *cli, struct json_object *request)
{
	struct json_object *reply = ask_of(cli, request);

	if (!reply)
		return CLI_EXIT_FAILED;
	if (cli->json)
		puts(json_object_to_json_string_ext(reply, JSON_C_TO_STRING_PRETTY |
						    JSON_C_TO_STRING_NOSLASHESCAPE));
	else
		trace_print(reply, stdout);
	json_object_put(reply);
	return CLI_EXIT_DONE;
}

int command_trace(const struct cli *cli)
{
	struct json_object *request = ask_request("trace");
	struct nat64_question unused;
	int status = CLI_EXIT_USAGE;
	const char *wrong;

	if (!request)
		return CLI_EXIT_FAILED;
	add_word(request, "to", cli->operand);
	add_word(request, "proto", cli->proto);
	add_word(request, "from", cli->from);
	if (cli->port)
		json_object_object_add(request, "port", json_object_new_int(cli_number(cli->port)));
	wrong = trace_read(request, &unused);
	if (wrong)
		cli_wrong(cli, wrong, stderr);
	else
		status = print_trace(cli, request);
	json_object_put(request);
	return status;
}
