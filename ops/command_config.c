/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `gate64 config`: a configuration as it is, as it holds here, or made from another program's.
 */
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "../core/addrmap.h"
#include "../core/config.h"
#include "ask.h"
#include "cli.h"
#include "client.h"
#include "command.h"
#include "config_document.h"
#include "convert.h"
#include "document.h"
#include "effective.h"
#include "plan.h"

static int print_file(const struct cli *cli)
{
	struct config *config = config_load(plan_config_path(cli->config_path), stderr);
	struct json_object *document;

	if (!config)
		return CLI_EXIT_FAILED;
	if (cli->json) {
		document = config_document(config);
		document_print(document);
		json_object_put(document);
	} else {
		config_print(config, stdout);
	}
	config_free(config);
	return CLI_EXIT_DONE;
}

/* ---- --effective ----------------------------------------------------------------- */

static bool same_file(const char *a, const char *b)
{
	struct stat sa, sb;

	return stat(a, &sa) == 0 && stat(b, &sb) == 0 && sa.st_dev == sb.st_dev &&
	       sa.st_ino == sb.st_ino;
}

/* Does it tell of the file that was asked about? Of none in particular: of any. */
static bool is_meant(struct json_object *document, const struct cli *cli)
{
	const char *file = document_string(document, "file", NULL);

	if (!document_get(document, "settings"))
		return false;
	return !cli->config_path || (file && same_file(file, cli->config_path));
}

/* What a running gateway says, owned by the caller; NULL where none says anything of it: that
 * is no failure. */
static struct json_object *ask_running(const struct cli *cli)
{
	struct json_object *request = ask_request("config"), *document = NULL;
	char *path = request ? ask_socket(cli) : NULL;

	if (path && client_ask(path, request, CLIENT_TIMEOUT_MS, &document) < 0)
		document = NULL;
	json_object_put(request);
	free(path);
	if (!document || is_meant(document, cli))
		return document;
	json_object_put(document);
	return NULL;
}

/* As a status document has the network */
static struct json_object *network_of(const struct addrmap *map)
{
	struct json_object *status = json_object_new_object(), *network = json_object_new_object();
	struct json_object *inside = json_object_new_array();
	struct in6_addr ipv4 = addr_from_v4(map->uplink_v4_be32);
	char text[PREFIX_STRLEN];

	document_text(network, "uplink", map->uplink[0] ? map->uplink : NULL);
	document_text(network, "ipv4", map->uplink_v4_be32 ? addr_format(&ipv4, text) : NULL);
	for (size_t i = 0; i < map->inside.n; i++)
		json_object_array_add(inside, json_object_new_string(
					      prefix_format(&map->inside.v[i], text)));
	json_object_object_add(network, "inside", inside);
	json_object_object_add(status, "network", network);
	return status;
}

static struct json_object *look_here(const struct cli *cli)
{
	struct plan *plan = plan_read(plan_config_path(cli->config_path), stderr);
	struct json_object *document = NULL, *status;

	if (plan && plan_look(plan, NULL) == 0) {
		status = network_of(plan->map);
		document = effective_document(plan->config, status, false);
		json_object_put(status);
	}
	plan_put(plan);
	return document;
}

static int print_effective(const struct cli *cli)
{
	struct json_object *document = ask_running(cli);

	if (!document)
		document = look_here(cli);
	if (!document)
		return CLI_EXIT_FAILED;
	if (cli->json)
		document_print(document);
	else
		effective_print(document, stdout);
	json_object_put(document);
	return CLI_EXIT_DONE;
}

/* ---- --from-... ------------------------------------------------------------------ */

static int print_converted(const struct cli *cli)
{
	int err;

	if (cli->from_snid)
		err = convert_text(convert_snid, "snid", cli->from_snid, strlen(cli->from_snid),
				   stdout, stderr);
	else if (cli->from_jool)
		err = convert_file(convert_jool, cli->from_jool, stdout, stderr);
	else
		err = convert_file(convert_tayga, cli->from_tayga, stdout, stderr);
	return err ? CLI_EXIT_FAILED : CLI_EXIT_DONE;
}

int command_config(const struct cli *cli)
{
	int converted = (cli->from_snid != NULL) + (cli->from_jool != NULL) +
			(cli->from_tayga != NULL);

	if (converted > 1 || (converted && (cli->effective || cli->json || cli->config_path))) {
		cli_wrong(cli, "what is converted goes with no other option", stderr);
		return CLI_EXIT_USAGE;
	}
	if (converted)
		return print_converted(cli);
	return cli->effective ? print_effective(cli) : print_file(cli);
}
