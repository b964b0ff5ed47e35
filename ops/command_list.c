/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `gate64 flows`, `bindings` and `connections`: page after page is asked for and printed, so
 * that neither side ever holds the whole list.
 */
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../nat64/nat64.h"
#include "../snid/snid.h"
#include "ask.h"
#include "cli.h"
#include "command.h"
#include "connections.h"
#include "filter.h"
#include "listing.h"

struct list {
	const char *name;	/* of the command, and of the rows in its reply */
	void (*print)(struct json_object *row, FILE *out);
	bool json;
	bool begun;		/* something has been printed */
	bool any;		/* so has a row */
};

static void add_word(struct json_object *filter, const char *key, const char *word)
{
	if (word)
		json_object_object_add(filter, key, json_object_new_string(word));
}

/* The filter that the command line asks for; owned by the caller. */
static struct json_object *filter_of(const struct cli *cli)
{
	struct json_object *filter = json_object_new_object();

	if (!filter)
		return NULL;
	add_word(filter, "proto", cli->proto);
	add_word(filter, "address", cli->operand);
	add_word(filter, "state", cli->state);
	if (cli->port)
		json_object_object_add(filter, "port", json_object_new_int(cli_number(cli->port)));
	return filter;
}

static void begin(struct list *list)
{
	if (list->json)
		printf("{\"schema\":%d,\"%s\":[", LISTING_SCHEMA, list->name);
	else
		list->print(NULL, stdout);
	list->begun = true;
}

static void print_rows(struct list *list, struct json_object *rows)
{
	size_t n = json_object_is_type(rows, json_type_array) ? json_object_array_length(rows) : 0;

	if (!list->begun)
		begin(list);
	for (size_t i = 0; i < n; i++) {
		struct json_object *row = json_object_array_get_idx(rows, i);

		if (list->json)
			printf("%s%s", list->any ? ",\n" : "\n",
			       json_object_to_json_string_ext(row, JSON_C_TO_STRING_PLAIN));
		else
			list->print(row, stdout);
		list->any = true;
	}
}

/* Ask for the page that @request names, print it, and let @request name the next one.
 * Return: 1: there is one; 0: that was the last; -1: the reason went to stderr. */
static int next_page(struct list *list, const char *path, struct json_object *request)
{
	struct json_object *reply = ask(path, request), *rows = NULL, *next = NULL;

	if (!reply)
		return -1;
	json_object_object_get_ex(reply, list->name, &rows);
	print_rows(list, rows);
	if (json_object_object_get_ex(reply, "next", &next) && next)
		json_object_object_add(request, "cursor", json_object_get(next));
	json_object_put(reply);
	return next ? 1 : 0;
}

static int print_list(struct list *list, const struct cli *cli, struct json_object *filter)
{
	struct json_object *request = ask_request(list->name);
	char *path = request ? ask_socket(cli) : NULL;
	int more = path ? 1 : -1;

	if (request)
		json_object_object_add(request, "filter", json_object_get(filter));
	while (more > 0)
		more = next_page(list, path, request);
	if (more == 0 && list->json)
		puts(list->any ? "\n]}" : "]}");
	json_object_put(request);
	free(path);
	return more == 0 ? CLI_EXIT_DONE : CLI_EXIT_FAILED;
}

static int command_list(struct list *list, const struct cli *cli, struct json_object *filter,
			const char *wrong)
{
	int status = CLI_EXIT_USAGE;

	if (wrong)
		cli_wrong(cli, wrong, stderr);
	else
		status = print_list(list, cli, filter);
	json_object_put(filter);
	return status;
}

static int command_nat64_list(struct list *list, const struct cli *cli)
{
	struct json_object *filter = filter_of(cli);
	struct nat64_filter unused;

	return command_list(list, cli, filter, filter_read(filter, &unused));
}

int command_flows(const struct cli *cli)
{
	struct list list = { .name = "flows", .print = listing_print_flow, .json = cli->json };

	return command_nat64_list(&list, cli);
}

int command_bindings(const struct cli *cli)
{
	struct list list = { .name = "bindings", .print = listing_print_binding,
			     .json = cli->json };

	return command_nat64_list(&list, cli);
}

int command_connections(const struct cli *cli)
{
	struct list list = { .name = "connections", .print = connections_print,
			     .json = cli->json };
	struct json_object *filter = json_object_new_object();
	struct snid_filter unused;

	if (filter) {
		add_word(filter, "client", cli->client);
		add_word(filter, "name", cli->name);
		add_word(filter, "backend", cli->backend);
		add_word(filter, "stage", cli->stage);
	}
	return command_list(&list, cli, filter, connections_filter(filter, &unused));
}
