/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `gate64 trace`. A name is looked up first, as `gate64 dns lookup` does, and what it would
 * send a client to is traced.
 */
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../nat64/nat64.h"
#include "ask.h"
#include "cli.h"
#include "command.h"
#include "dns_lookup.h"
#include "document.h"
#include "trace.h"

static void add_word(struct json_object *request, const char *key, const char *word)
{
	if (word)
		json_object_object_add(request, key, json_object_new_string(word));
}

static bool is_address(const char *text)
{
	struct endpoint unused;

	return endpoint_parse(text, 0, &unused);
}

/* Cut ":PORT" off a name. Return: the port, or NULL. */
static char *cut_port(char *name)
{
	char *colon = strchr(name, ':');

	if (!colon)
		return NULL;
	*colon = '\0';
	return colon + 1;
}

/* @request becomes one to the address that dns64 gives for @name. Return: how that was
 * answered, owned by the caller; NULL: there is none, which went to stderr. */
static struct json_object *look_up(const struct cli *cli, const char *name,
				   struct json_object *request)
{
	struct json_object *lookup = ask_request("dns-lookup"), *reply, *addresses = NULL;

	add_word(lookup, "name", name);
	reply = lookup ? ask_of(cli, lookup) : NULL;
	json_object_put(lookup);
	if (!reply)
		return NULL;
	json_object_object_get_ex(reply, "addresses", &addresses);
	if (json_object_is_type(addresses, json_type_array) &&
	    json_object_array_length(addresses)) {
		json_object_object_add(request, "to", json_object_get(
					       json_object_array_get_idx(addresses, 0)));
		return reply;
	}
	dns_lookup_print(reply, stderr);
	fprintf(stderr, "gate64: dns64 gives no IPv6 address for %s\n", name);
	json_object_put(reply);
	return NULL;
}

static int print_trace(const struct cli *cli, struct json_object *request,
		       struct json_object *lookup)
{
	struct json_object *reply = ask_of(cli, request);

	if (!reply)
		return CLI_EXIT_FAILED;
	if (lookup && cli->json)
		json_object_object_add(reply, "lookup", json_object_get(lookup));
	else if (lookup)
		dns_lookup_print(lookup, stdout);
	if (cli->json)
		document_print(reply);
	else
		trace_print(reply, stdout);
	json_object_put(reply);
	return CLI_EXIT_DONE;
}

/* What is wrong with the words is found out before anybody is asked: @name, where it is one,
 * stands for any address until then. */
static const char *fill_request(const struct cli *cli, struct json_object *request,
				const char *name, const char *name_port)
{
	const char *port = cli->port ? cli->port : name_port;
	struct nat64_question unused_question;
	struct name unused_name;

	add_word(request, "to", name ? "::" : cli->operand);
	add_word(request, "proto", cli->proto);
	add_word(request, "from", cli->from);
	if (port)
		json_object_object_add(request, "port", json_object_new_int(cli_number(port)));
	if (name && !name_from_text(&unused_name, name))
		return "neither an address nor a host name";
	if (name_port && cli->port)
		return "the port is given twice";
	return trace_read(request, &unused_question);
}

static int trace_name(const struct cli *cli, struct json_object *request, const char *name)
{
	struct json_object *lookup = look_up(cli, name, request);
	int status = lookup ? print_trace(cli, request, lookup) : CLI_EXIT_FAILED;

	json_object_put(lookup);
	return status;
}

int command_trace(const struct cli *cli)
{
	char *name = is_address(cli->operand) ? NULL : strdup(cli->operand);
	char *name_port = name ? cut_port(name) : NULL;
	struct json_object *request = ask_request("trace");
	int status = CLI_EXIT_FAILED;
	const char *wrong;

	if (!request)
		goto out;
	wrong = fill_request(cli, request, name, name_port);
	if (wrong) {
		cli_wrong(cli, wrong, stderr);
		status = CLI_EXIT_USAGE;
	} else {
		status = name ? trace_name(cli, request, name) : print_trace(cli, request, NULL);
	}
out:
	json_object_put(request);
	free(name);
	return status;
}
