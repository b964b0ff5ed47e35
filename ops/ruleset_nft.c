/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Rules in an own nftables table, which is replaced as a whole in one
 * transaction. Also the little that the other backend needs of libnftables.
 */
#include "ruleset_backend.h"

#include <errno.h>
#include <json-c/json.h>
#include <nftables/libnftables.h>
#include <stdlib.h>
#include <string.h>

#include "../core/config.h"
#include "../nat64/nat64.h"

#define TABLE "gate64"

static void print_ports(FILE *out, const struct rule *rule)
{
	fputs("{ ", out);
	for (size_t i = 0; i < rule->n_ports; i++) {
		const struct port_range *range = &rule->ports[i];

		fprintf(out, "%s%u", i ? ", " : "", range->first);
		if (range->last != range->first)
			fprintf(out, "-%u", range->last);
	}
	fputs(" }", out);
}

static void print_queue(FILE *out, const struct rule_list *list, bool bypass)
{
	fprintf(out, "queue %sto %u", bypass ? "flags bypass " : "", list->queue_first);
	if (list->queue_last != list->queue_first)
		fprintf(out, "-%u", list->queue_last);
	fputc('\n', out);
}

static void print_rule(FILE *out, const struct rule_list *list, const struct rule *rule)
{
	char to[PREFIX_STRLEN];

	fprintf(out, "\t\t%s daddr %s ", prefix_is_v4(&rule->to) ? "ip" : "ip6",
		prefix_format(&rule->to, to));
	switch (rule->match) {
	case RULE_ANY:
		break;
	case RULE_FRAGMENT:
		fputs("ip frag-off & 0x3fff != 0 ", out);
		break;
	case RULE_ICMP:
		fputs("meta l4proto icmp ", out);
		break;
	case RULE_TCP:
	case RULE_UDP:
		fputs(rule->match == RULE_TCP ? "tcp dport " : "udp dport ", out);
		print_ports(out, rule);
		fputc(' ', out);
		break;
	}
	print_queue(out, list, rule_bypass(rule));
}

/* One look-up in a set, however many there are. */
static void print_mapped(FILE *out, const struct rule_list *list)
{
	char to[PREFIX_STRLEN];

	for (size_t i = 0; i < list->mapped.n; i++)
		fprintf(out, "%s%s", i ? ", " : "\t\tip daddr { ",
			prefix_format(&list->mapped.v[i], to));
	if (list->mapped.n) {
		fputs(" } ", out);
		print_queue(out, list, false);
	}
}

void ruleset_nft_print(FILE *out, const struct rule_list *list)
{
	/* Deleting needs a table to be there; adding one that is there does nothing. */
	fputs("add table inet " TABLE "\n"
	      "delete table inet " TABLE "\n"
	      "table inet " TABLE " {\n"
	      "\tchain prerouting {\n"
	      "\t\ttype filter hook prerouting priority raw; policy accept;\n", out);
	for (size_t i = 0; i < list->n; i++)
		print_rule(out, list, &list->queue[i]);
	print_mapped(out, list);
	/* Our own packets go past the rules below: an answer of ours is no question. */
	fprintf(out, "\t}\n"
		     "\tchain output {\n"
		     "\t\ttype filter hook output priority raw; policy accept;\n"
		     "\t\tmeta mark 0x%08x notrack accept\n", NAT64_MARK);
	for (size_t i = 0; i < list->n; i++)
		if (list->queue[i].from_host)
			print_rule(out, list, &list->queue[i]);
	fputs("\t}\n"
	      "}\n", out);
}

/* ---- libnftables -------------------------------------------------------------- */

/*
 * One for the life of the process, made before many descriptors are in use: libnftables waits
 * for its socket by select(), which ends the process where a descriptor is over 1023.
 */
static struct nft_ctx *context;

int ruleset_nft_open(void)
{
	if (!context)
		context = nft_ctx_new(NFT_CTX_DEFAULT);
	return context ? 0 : -ENOMEM;
}

void ruleset_nft_close(void)
{
	if (context)
		nft_ctx_free(context);
	context = NULL;
}

/* The context, with nothing of an earlier run in its buffers. */
static struct nft_ctx *fresh(unsigned int output_flags, char *said)
{
	if (ruleset_nft_open() == 0 && nft_ctx_buffer_output(context) == 0 &&
	    nft_ctx_buffer_error(context) == 0) {
		nft_ctx_output_set_flags(context, output_flags);
		return context;
	}
	snprintf(said, RULESET_SAID_SIZE, "%s", strerror(ENOMEM));
	return NULL;
}

/* Keep the first line of what libnftables says; the rest shows our own command. */
static int run(struct nft_ctx *ctx, const char *commands, char *said)
{
	const char *line;

	if (nft_run_cmd_from_buffer(ctx, commands) == 0)
		return 0;
	line = nft_ctx_get_error_buffer(ctx);
	/* Warnings about tables of iptables-nft come before the error. */
	if (line && strstr(line, "Error:"))
		line = strstr(line, "Error:");
	snprintf(said, RULESET_SAID_SIZE, "%s", line && *line ? line : "failed without a word");
	said[strcspn(said, "\n")] = '\0';
	/* The kernel's error number comes through as text only. */
	return strstr(said, strerror(ENOENT)) ? -ENOENT : -EIO;
}

int ruleset_nft_run(const char *commands, char *said)
{
	struct nft_ctx *ctx = fresh(0, said);

	return ctx ? run(ctx, commands, said) : -ENOMEM;
}

int ruleset_nft_check(const char *commands, char *said)
{
	struct nft_ctx *ctx = fresh(0, said);
	int err;

	if (!ctx)
		return -ENOMEM;
	nft_ctx_set_dry_run(ctx, true);
	err = run(ctx, commands, said);
	nft_ctx_set_dry_run(ctx, false);
	return err;
}

/* @flags: NFT_CTX_OUTPUT_... besides JSON */
static int list(const char *command, unsigned int flags, struct json_object **out, char *said)
{
	struct json_object *root, *array = NULL;
	struct nft_ctx *ctx = fresh(NFT_CTX_OUTPUT_JSON | flags, said);
	int err;

	*out = NULL;
	if (!ctx)
		return -ENOMEM;
	err = run(ctx, command, said);
	if (err)
		return err == -ENOENT ? 0 : err;
	root = json_tokener_parse(nft_ctx_get_output_buffer(ctx));
	if (json_object_object_get_ex(root, "nftables", &array) &&
	    json_object_is_type(array, json_type_array)) {
		*out = json_object_get(array);
	} else {
		snprintf(said, RULESET_SAID_SIZE, "cannot read what libnftables lists");
		err = -EPROTO;
	}
	json_object_put(root);
	return err;
}

int ruleset_nft_list(const char *family, const char *table, struct json_object **out, char *said)
{
	char command[64];

	snprintf(command, sizeof(command), "list table %s %s", family, table);
	return list(command, NFT_CTX_OUTPUT_TERSE, out, said);
}

int ruleset_nft_list_all(struct json_object **out, char *said)
{
	/* Priorities as numbers, elements of sets too */
	return list("list ruleset", NFT_CTX_OUTPUT_NUMERIC_PRIO, out, said);
}

/* What changes although nobody touches the rules, or with each time they are put up */
static void strip(struct json_object *object)
{
	static const char *const keys[] = {"handle", "packets", "bytes"};

	if (json_object_is_type(object, json_type_array)) {
		for (size_t i = 0; i < json_object_array_length(object); i++)
			strip(json_object_array_get_idx(object, i));
		return;
	}
	if (!json_object_is_type(object, json_type_object))
		return;
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		json_object_object_del(object, keys[i]);
	json_object_object_foreach(object, key, value) {
		(void)key;
		strip(value);
	}
}

int ruleset_nft_show(const char *family, const char *table, bool (*ours)(struct json_object *item),
		     FILE *out, char *said)
{
	struct json_object *list;
	int err = ruleset_nft_list(family, table, &list, said);

	if (err || !list)
		return err;
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct json_object *item = json_object_array_get_idx(list, i);

		if (json_object_object_get_ex(item, "metainfo", NULL) || (ours && !ours(item)))
			continue;
		strip(item);
		fprintf(out, "%s\n", json_object_to_json_string_ext(item, JSON_C_TO_STRING_PLAIN));
	}
	json_object_put(list);
	return 0;
}

/* ---- the backend -------------------------------------------------------------- */

static int nft_install(const struct rule_list *list, char *said)
{
	char *commands = NULL;
	size_t size;
	FILE *out = open_memstream(&commands, &size);
	int err = -ENOMEM;

	if (out) {
		ruleset_nft_print(out, list);
		if (fclose(out) == 0)
			err = ruleset_nft_run(commands, said);
	}
	if (err == -ENOMEM)
		snprintf(said, RULESET_SAID_SIZE, "%s", strerror(ENOMEM));
	free(commands);
	/* All names in the commands are made by themselves: what is missing is the
	 * kernel's queue expression. */
	return err == -ENOENT ? -EOPNOTSUPP : err;
}

static int nft_remove(char *said)
{
	int err = ruleset_nft_run("delete table inet " TABLE, said);

	return err == -ENOENT ? 0 : err;
}

static int nft_show(FILE *out, char *said)
{
	return ruleset_nft_show("inet", TABLE, NULL, out, said);
}

const struct ruleset_backend ruleset_nft = {
	.name = "nftables",
	.install = nft_install,
	.remove = nft_remove,
	.show = nft_show,
};
