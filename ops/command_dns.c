/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `gate64 dns lookup`, `flush` and `top`. */
#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "../core/addr.h"
#include "ask.h"
#include "cli.h"
#include "command.h"
#include "dns.h"
#include "dns_lookup.h"
#include "document.h"

enum { REVERSE_MAX = 80 };	/* 16 times "f.f.", "ip6.arpa" */

static void add_word(struct json_object *request, const char *key, const char *word)
{
	if (word)
		json_object_object_add(request, key, json_object_new_string(word));
}

/* RFC 1035 3.5, RFC 3596 2.5 */
static void reverse_name(const struct in6_addr *addr, char *text)
{
	const uint8_t *bytes = addr->s6_addr;

	if (addr_is_v4(addr)) {
		sprintf(text, "%u.%u.%u.%u.in-addr.arpa", bytes[15], bytes[14], bytes[13],
			bytes[12]);
		return;
	}
	for (int i = 15; i >= 0; i--)
		text += sprintf(text, "%x.%x.", bytes[i] & 15u, bytes[i] >> 4);
	strcpy(text, "ip6.arpa");
}

/* An address stands for its reverse name, of which PTR is asked for. */
static void add_question(struct json_object *request, const struct cli *cli)
{
	const char *name = cli->operand, *type = cli->second;
	char reverse[REVERSE_MAX];
	struct in6_addr addr;

	if (addr_parse(name, &addr)) {
		reverse_name(&addr, reverse);
		name = reverse;
		type = type ? type : "PTR";
	}
	add_word(request, "name", name);
	add_word(request, "type", type);
}

static int print_lookup(const struct cli *cli, struct json_object *request)
{
	struct json_object *reply = ask_of(cli, request);
	bool answered;

	if (!reply)
		return CLI_EXIT_FAILED;
	if (cli->json)
		document_print(reply);
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
	add_question(request, cli);
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
	struct json_object *reply = ask_of(cli, request);

	if (!reply)
		return CLI_EXIT_FAILED;
	if (cli->json)
		document_print(reply);
	else
		printf("forgotten: %" PRIu64 "\n",
		       json_object_get_uint64(document_get(reply, "forgotten")));
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
		document_print(reply);
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
