/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `gate64 dns lookup`, `flush` and `top`. */
#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>

#include "ask.h"
#include "cli.h"
#include "command.h"
#include "dns.h"
#include "dns_lookup.h"

static void add_word(struct json_object *request, const char *key, const char *word)
{
	if (word)
		json_object_object_add(request, key, json_object_new_string(word));
}

static int print_lookup(const struct cli *cli, struct json_object *request)
{
	struct json_object *reply = ask_of(cli, request);
	bool answered;

	if (!reply)
		return CLI_EXIT_FAILED;
	if (cli->json)
		puts(json_object_to_json_string_ext(reply, JSON_C_TO_STRING_PRETTY |
						    JSON_C_TO_STRING_NOSLASHESCAPE));
	else
		dns_lookup_print(reply, stdout);
	answered = dns_lookup_answered(reply);
	json_object_put(reply);
	return answered ? CLI_EXIT_DONE : CLI_EXIT_FAILED;
}

int command_dns_lookup(const struct cli *cli)
{
	struct json_object *request = ask_request("dns-lookup");
	struct explain_options unused_options;
	int status = CLI_EXIT_USAGE;
	struct name unused_name;
	uint16_t unused_type;
	const char *wrong;

	if (!request)
		return CLI_EXIT_FAILED;
	add_word(request, "name", cli->operand);
	add_word(request, "type", cli->second);
	if (cli->no_cache)
		json_object_object_add(request, "no_cache", json_object_new_boolean(true));
	if (cli->dnssec)
		json_object_object_add(request, "dnssec", json_object_new_boolean(true));
	wrong = dns_lookup_read(request, &unused_name, &unused_type, &unused_options);
	if (wrong)
		cli_wrong(cli, wrong, stderr);
	else
		status = print_lookup(cli, request);
	json_object_put(request);
	return status;
}

static int print_flushed(const struct cli *cli, struct json_object *request)
{
	struct json_object *reply = ask_of(cli, request), *forgotten = NULL;

	if (!reply)
		return CLI_EXIT_FAILED;
	json_object_object_get_ex(reply, "forgotten", &forgotten);
	printf("forgotten: %" PRIu64 "\n", json_object_get_uint64(forgotten));
	json_object_put(reply);
	return CLI_EXIT_DONE;
}

int command_dns_flush(const struct cli *cli)
{
	struct json_object *request = ask_request("dns-flush");
	int status = CLI_EXIT_USAGE;
	struct name unused_name;
	const char *wrong;
	bool unused;

	if (!request)
		return CLI_EXIT_FAILED;
	add_word(request, "name", cli->operand);
	if (cli->below)
		json_object_object_add(request, "below", json_object_new_boolean(true));
	wrong = dns_flush_read(request, &unused_name, &unused);
	if (wrong)
		cli_wrong(cli, wrong, stderr);
	else
		status = print_flushed(cli, request);
	json_object_put(request);
	return status;
}

static int print_top(const struct cli *cli, struct json_object *request)
{
	struct json_object *reply = ask_of(cli, request);

	if (!reply)
		return CLI_EXIT_FAILED;
	if (cli->json)
		puts(json_object_to_json_string_ext(reply, JSON_C_TO_STRING_PRETTY |
						    JSON_C_TO_STRING_NOSLASHESCAPE));
	else
		dns_top_print(reply, stdout);
	json_object_put(reply);
	return CLI_EXIT_DONE;
}

int command_dns_top(const struct cli *cli)
{
	struct json_object *request = ask_request("dns-top");
	int status = CLI_EXIT_USAGE;
	const char *wrong;
	unsigned int unused;

	if (!request)
		return CLI_EXIT_FAILED;
	if (cli->number)
		json_object_object_add(request, "max",
				       json_object_new_int(cli_number(cli->number)));
	wrong = dns_top_read(request, &unused);
	if (wrong)
		cli_wrong(cli, wrong, stderr);
	else
		status = print_top(cli, request);
	json_object_put(request);
	return status;
}
