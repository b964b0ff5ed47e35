/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Rules in own chains of the tables raw, written by iptables-nft-restore and
 * ip6tables-nft-restore: they use the xtables target NFQUEUE, which kernels have
 * that lack the queue expression of nftables.
 *
 * These tools keep their tables as nftables tables "ip raw" and "ip6 raw". So
 * libnftables can tell what is there, and can take our part away in a single
 * transaction without any tool. What the tool has to create besides our chains
 * (the table, the built-in chains) is noted in the table itself, as empty chains
 * with telling names: a later run knows then what to remove, whatever became of
 * this one.
 *
 * Our jump goes last in PREROUTING: what the host's own rules drop never reaches
 * us, and a packet that we send on skips no rule of the host (a packet that
 * returns from a queue goes on with the next hook, not with the next rule).
 */
#include "ruleset_backend.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "../core/config.h"
#include "../nat64/nat64.h"
#include "helper.h"

/* The two families, in the order of taking away */
static const struct {
	const char *family;	/* as nftables calls it */
	enum helper_program restore;
	bool v4;
} families[] = {
	{"ip6", HELPER_IP6TABLES_RESTORE, false},
	{"ip", HELPER_IPTABLES_RESTORE, true},
};

enum { FAMILIES = sizeof(families) / sizeof(families[0]) };

/* ---- writing ------------------------------------------------------------------ */

static void print_target(FILE *out, const struct rule_list *list, const struct rule *rule)
{
	const char *bypass = rule_bypass(rule) ? " --queue-bypass" : "";

	if (list->queue_first == list->queue_last)
		fprintf(out, " -j NFQUEUE --queue-num %u%s\n", list->queue_first, bypass);
	else
		fprintf(out, " -j NFQUEUE --queue-balance %u:%u%s\n", list->queue_first,
			list->queue_last, bypass);
}

static void print_head(FILE *out, enum xtables_hook hook, const struct rule *rule)
{
	char to[PREFIX_STRLEN];

	fprintf(out, "-A %s -d %s", xtables_names[hook].ours, prefix_format(&rule->to, to));
}

/* As many rules as the ports need. */
static void print_port_rules(FILE *out, enum xtables_hook hook, const struct rule_list *list,
			     const struct rule *rule)
{
	size_t i = 0;

	while (i < rule->n_ports) {
		unsigned int used = 0;

		print_head(out, hook, rule);
		fprintf(out, " -p %s -m multiport --dports ",
			rule->match == RULE_TCP ? "tcp" : "udp");
		for (; i < rule->n_ports; i++) {
			const struct port_range *range = &rule->ports[i];
			unsigned int takes = range->first == range->last ? 1 : 2;

			if (used + takes > MULTIPORT_MAX)
				break;
			fprintf(out, "%s%u", used ? "," : "", range->first);
			if (takes == 2)
				fprintf(out, ":%u", range->last);
			used += takes;
		}
		print_target(out, list, rule);
	}
}

static void print_rule(FILE *out, enum xtables_hook hook, const struct rule_list *list,
		       const struct rule *rule)
{
	switch (rule->match) {
	case RULE_TCP:
	case RULE_UDP:
		print_port_rules(out, hook, list, rule);
		return;
	case RULE_ANY:
		print_head(out, hook, rule);
		break;
	case RULE_FRAGMENT:
		print_head(out, hook, rule);
		/* Offset or more-fragments: "-f" would leave the first part out. */
		fputs(" -m u32 --u32 4&0x3FFF=0x1:0x3FFF", out);
		break;
	case RULE_ICMP:
		print_head(out, hook, rule);
		fputs(" -p icmp", out);
		break;
	}
	print_target(out, list, rule);
}

static void print_mapped(FILE *out, const struct rule_list *list)
{
	for (size_t i = 0; i < list->mapped.n; i++) {
		const struct rule rule = {.to = list->mapped.v[i], .match = RULE_ANY};

		print_rule(out, XTABLES_PREROUTING, list, &rule);
	}
}

static void print_chains(FILE *out, const struct xtables_state *state)
{
	if (!state->table)
		fputs(":" XTABLES_MADE_TABLE " - [0:0]\n", out);
	for (int hook = 0; hook < XTABLES_HOOKS; hook++) {
		if (!state->chain[hook])
			fprintf(out, ":%s - [0:0]\n", xtables_names[hook].made);
		/* Makes the chain, or empties it. */
		fprintf(out, ":%s - [0:0]\n", xtables_names[hook].ours);
	}
}

void ruleset_xtables_print(FILE *out, const struct rule_list *list, bool v4,
			   const struct xtables_state *state)
{
	fputs("*raw\n", out);
	print_chains(out, state);
	for (int hook = 0; hook < XTABLES_HOOKS; hook++) {
		for (unsigned int i = 0; i < state->jumps[hook]; i++)
			fprintf(out, "-D %s -j %s\n", xtables_names[hook].builtin, xtables_names[hook].ours);
		fprintf(out, "-A %s -j %s\n", xtables_names[hook].builtin, xtables_names[hook].ours);
	}
	for (size_t i = 0; i < list->n; i++) {
		if (prefix_is_v4(&list->queue[i].to) == v4)
			print_rule(out, XTABLES_PREROUTING, list, &list->queue[i]);
	}
	if (v4)
		print_mapped(out, list);
	/* Our own packets go past the rules below: an answer of ours is no question. */
	fprintf(out, "-A %s -m mark --mark 0x%08x -j CT --notrack\n"
		     "-A %s -m mark --mark 0x%08x -j RETURN\n", xtables_names[XTABLES_OUTPUT].ours,
		NAT64_MARK, xtables_names[XTABLES_OUTPUT].ours, NAT64_MARK);
	for (size_t i = 0; i < list->n; i++) {
		if (list->queue[i].from_host && prefix_is_v4(&list->queue[i].to) == v4)
			print_rule(out, XTABLES_OUTPUT, list, &list->queue[i]);
	}
	fputs("COMMIT\n", out);
}

/* ---- looking ------------------------------------------------------------------ */

/* A table raw, taken apart into ours and not ours */
struct look {
	struct xtables_state state;
	bool ours[XTABLES_HOOKS];	/* our chain is there */
	bool made[XTABLES_HOOKS], made_table;	/* the notes */
	bool kept[XTABLES_HOOKS];	/* the built-in chain is in use by others */
	bool foreign;			/* there is something that we know nothing of */
};

static const char *text_of(struct json_object *object, const char *key)
{
	struct json_object *value = NULL;
	const char *text = NULL;

	if (json_object_object_get_ex(object, key, &value))
		text = json_object_get_string(value);
	return text ? text : "";
}

static void look_at_chain(struct look *look, struct json_object *chain)
{
	const char *name = text_of(chain, "name");

	if (strcmp(name, XTABLES_MADE_TABLE) == 0) {
		look->made_table = true;
		return;
	}
	for (int hook = 0; hook < XTABLES_HOOKS; hook++) {
		if (strcmp(name, xtables_names[hook].builtin) == 0) {
			look->state.chain[hook] = true;
			if (strcmp(text_of(chain, "policy"), "accept") != 0)
				look->kept[hook] = true;
			return;
		}
		if (strcmp(name, xtables_names[hook].ours) == 0) {
			look->ours[hook] = true;
			return;
		}
		if (strcmp(name, xtables_names[hook].made) == 0) {
			look->made[hook] = true;
			return;
		}
	}
	look->foreign = true;
}

/**
 * jump_hook() - does this rule jump to one of our chains?
 * @plain:	whether it does nothing else (but count), as the rules that we make.
 * Return: the hook of the chain, or XTABLES_HOOKS.
 */
static int jump_hook(struct json_object *rule, bool *plain)
{
	struct json_object *expr, *jump;
	int found = XTABLES_HOOKS;

	*plain = true;
	if (!json_object_object_get_ex(rule, "expr", &expr) ||
	    !json_object_is_type(expr, json_type_array))
		return found;
	for (size_t i = 0; i < json_object_array_length(expr); i++) {
		struct json_object *statement = json_object_array_get_idx(expr, i);

		if (json_object_object_get_ex(statement, "counter", NULL))
			continue;
		if (!json_object_object_get_ex(statement, "jump", &jump) &&
		    !json_object_object_get_ex(statement, "goto", &jump)) {
			*plain = false;
			continue;
		}
		for (int hook = 0; hook < XTABLES_HOOKS; hook++) {
			if (strcmp(text_of(jump, "target"), xtables_names[hook].ours) == 0)
				found = hook;
		}
	}
	return found;
}

/* @undo: gets the command that removes the rule, if it jumps to us; may be NULL. */
static void look_at_rule(struct look *look, struct json_object *rule, FILE *undo)
{
	const char *chain = text_of(rule, "chain");
	bool plain;
	int to = jump_hook(rule, &plain);

	if (to != XTABLES_HOOKS) {
		if (plain && strcmp(chain, xtables_names[to].builtin) == 0)
			look->state.jumps[to]++;
		if (undo)
			fprintf(undo, "delete rule %s raw %s handle %s\n",
				text_of(rule, "family"), chain, text_of(rule, "handle"));
		return;
	}
	for (int hook = 0; hook < XTABLES_HOOKS; hook++) {
		if (strcmp(chain, xtables_names[hook].builtin) == 0)
			look->kept[hook] = true;
	}
}

/* Take a family's table raw apart. Return: 0, or -errno with the reason in @said. */
static int look_at_table(const char *family, struct look *look, FILE *undo, char *said)
{
	struct json_object *list, *inner;
	int err = ruleset_nft_list(family, "raw", &list, said);

	memset(look, 0, sizeof(*look));
	if (err || !list)
		return err;
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct json_object *item = json_object_array_get_idx(list, i);

		if (json_object_object_get_ex(item, "table", NULL))
			look->state.table = true;
		else if (json_object_object_get_ex(item, "chain", &inner))
			look_at_chain(look, inner);
		else if (json_object_object_get_ex(item, "rule", &inner))
			look_at_rule(look, inner, undo);
		else if (!json_object_object_get_ex(item, "metainfo", NULL))
			look->foreign = true;
	}
	json_object_put(list);
	return 0;
}

/* Our chains, what is in them, and the jumps to them */
static bool is_ours(struct json_object *item)
{
	struct json_object *inner;
	bool plain;

	if (json_object_object_get_ex(item, "rule", &inner)) {
		if (jump_hook(inner, &plain) != XTABLES_HOOKS)
			return true;
	} else if (!json_object_object_get_ex(item, "chain", &inner)) {
		return false;
	}
	for (int hook = 0; hook < XTABLES_HOOKS; hook++)
		if (strcmp(text_of(inner, "name"), xtables_names[hook].ours) == 0 ||
		    strcmp(text_of(inner, "chain"), xtables_names[hook].ours) == 0)
			return true;
	return false;
}

static int xtables_show(FILE *out, char *said)
{
	int err = 0;

	for (size_t i = 0; i < FAMILIES && !err; i++)
		err = ruleset_nft_show(families[i].family, "raw", is_ours, out, said);
	return err;
}

/* ---- taking away -------------------------------------------------------------- */

static void print_chain_removal(FILE *out, const char *family, const char *chain)
{
	fprintf(out, "flush chain %s raw %s\ndelete chain %s raw %s\n", family, chain, family,
		chain);
}

/* Write what takes our part out of a family's table; nothing where there is none. */
static int print_removal(FILE *out, const char *family, char *said)
{
	struct look look;
	int err = look_at_table(family, &look, out, said);
	bool last = !look.foreign && look.made_table;

	if (err)
		return err;
	for (int hook = 0; hook < XTABLES_HOOKS; hook++) {
		bool unmake = look.made[hook] && look.state.chain[hook] && !look.kept[hook];

		if (look.ours[hook])
			print_chain_removal(out, family, xtables_names[hook].ours);
		if (look.made[hook])
			print_chain_removal(out, family, xtables_names[hook].made);
		/* Without a flush: should someone use it by now, this must fail. */
		if (unmake)
			fprintf(out, "delete chain %s raw %s\n", family, xtables_names[hook].builtin);
		else if (look.state.chain[hook])
			last = false;
	}
	if (look.made_table)
		print_chain_removal(out, family, XTABLES_MADE_TABLE);
	if (last)
		fprintf(out, "delete table %s raw\n", family);
	return 0;
}

static int xtables_remove(char *said)
{
	char *commands = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&commands, &size);
	int err = out ? 0 : -ENOMEM;

	for (size_t i = 0; i < FAMILIES && !err; i++)
		err = print_removal(out, families[i].family, said);
	if (out && fclose(out))
		err = -ENOMEM;
	if (!err && size)
		err = ruleset_nft_run(commands, said);
	if (err == -ENOMEM)
		snprintf(said, RULESET_SAID_SIZE, "%s", strerror(ENOMEM));
	free(commands);
	return err;
}

/* ---- installing --------------------------------------------------------------- */

static int install_family(const struct rule_list *list, size_t family, char *said)
{
	char *input = NULL;
	struct look look;
	size_t size;
	FILE *out;
	int err = look_at_table(families[family].family, &look, NULL, said);

	if (err)
		return err;
	out = open_memstream(&input, &size);
	if (out)
		ruleset_xtables_print(out, list, families[family].v4, &look.state);
	if (!out || fclose(out)) {
		free(input);
		snprintf(said, RULESET_SAID_SIZE, "%s", strerror(ENOMEM));
		return -ENOMEM;
	}
	err = helper_run(families[family].restore, input, said, RULESET_SAID_SIZE);
	free(input);
	return err;
}

/* IPv4 first: what goes out by the rules of IPv6 has answers, which must not find none. */
static int xtables_install(const struct rule_list *list, char *said)
{
	int err = 0;

	for (size_t i = FAMILIES; i-- > 0 && !err;)
		err = install_family(list, i, said);
	return err;
}

const struct ruleset_backend ruleset_xtables = {
	.name = "xtables",
	.install = xtables_install,
	.remove = xtables_remove,
	.show = xtables_show,
};
