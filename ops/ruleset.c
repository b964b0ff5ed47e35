/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From what nat64 wants to see to rules of the host: say what the rules are, then
 * let the backend that this kernel is able to run make them.
 */
#include "ruleset.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../core/log.h"
#include "../nat64/nat64.h"
#include "helper.h"
#include "ruleset_backend.h"

struct ruleset {
	const struct ruleset_backend *backend;	/* NULL before the choice */
	struct standing standing;
};

/* ---- what the rules are ------------------------------------------------------- */

enum { RULES_PER_ADDRESS = 4 };

static void add_rule(struct rule_list *list, const struct prefix *to, enum rule_match match,
		     const struct port_range *ports, size_t n_ports)
{
	list->queue[list->n++] = (struct rule){
		.to = *to,
		.match = match,
		.ports = ports,
		.n_ports = n_ports,
	};
}

static void add_pool_rules(struct rule_list *list, const struct nat64_pool *pool)
{
	const struct prefix to = {.addr = addr_from_v4(pool->addr_be32), .len = 128};

	add_rule(list, &to, RULE_FRAGMENT, NULL, 0);
	add_rule(list, &to, RULE_ICMP, NULL, 0);
	if (pool->n_tcp)
		add_rule(list, &to, RULE_TCP, pool->tcp, pool->n_tcp);
	if (pool->n_udp)
		add_rule(list, &to, RULE_UDP, pool->udp, pool->n_udp);
}

/* Prefixes by length: whatever holds a prefix comes before it. */
static int compare_lengths(const void *a, const void *b)
{
	const struct prefix *x = a, *y = b;

	return (int)x->len - (int)y->len;
}

static int add_mapped(struct rule_list *list, const struct prefix_list *eam4)
{
	struct prefix_list all;
	int err = prefix_list_copy(&all, eam4);

	if (!err && all.n)
		qsort(all.v, all.n, sizeof(*all.v), compare_lengths);
	for (size_t i = 0; i < all.n && !err; i++)
		if (!prefix_list_contains(&list->mapped, &all.v[i].addr))
			err = prefix_list_add(&list->mapped, &all.v[i]);
	prefix_list_free(&all);
	return err;
}

int rule_list_make(struct rule_list *list, const struct nat64_intercept *intercept)
{
	size_t most = intercept->pref64->n + intercept->n_pool * RULES_PER_ADDRESS;

	memset(list, 0, sizeof(*list));
	list->queue = calloc(most ? most : 1, sizeof(*list->queue));
	if (!list->queue)
		return -ENOMEM;
	list->queue_first = intercept->queue_first;
	list->queue_last = intercept->queue_first + intercept->queue_count - 1;
	for (size_t i = 0; i < intercept->pref64->n; i++) {
		add_rule(list, &intercept->pref64->v[i], RULE_ANY, NULL, 0);
		list->queue[list->n - 1].from_host = true;
	}
	for (size_t i = 0; i < intercept->n_pool; i++)
		add_pool_rules(list, &intercept->pool[i]);
	if (add_mapped(list, intercept->eam4) < 0) {
		rule_list_free(list);
		return -ENOMEM;
	}
	return 0;
}

void rule_list_free(struct rule_list *list)
{
	free(list->queue);
	prefix_list_free(&list->mapped);
	memset(list, 0, sizeof(*list));
}

/* ---- who makes them ----------------------------------------------------------- */

static int install_with(struct ruleset *ruleset, const struct ruleset_backend *backend,
			const struct rule_list *list, char *said)
{
	int err = backend->install(list, said);

	if (!err)
		ruleset->backend = backend;
	return err;
}

/* The first install: nftables where the kernel can queue with it, else xtables. */
static int choose(struct ruleset *ruleset, const struct rule_list *list)
{
	char said[RULESET_SAID_SIZE], left[RULESET_SAID_SIZE];
	int err = install_with(ruleset, &ruleset_nft, list, said);

	if (err == -EOPNOTSUPP) {
		log_debug("no queue statement in this kernel's nftables: %s", said);
		err = install_with(ruleset, &ruleset_xtables, list, said);
		if (err) {
			log_error("cannot install rules: this kernel has no nftables queue, and "
				  "iptables-nft-restore says: %s", said);
			return err;
		}
		/* A killed run may have stood on a kernel that could do more. */
		if (ruleset_nft.remove(left))
			log_warn("cannot remove old rules: %s", left);
	} else if (err) {
		log_error("cannot install rules with libnftables: %s", said);
		return err;
	} else {
		if (ruleset_xtables.remove(left))
			log_warn("cannot remove old rules: %s", left);
		/* The choice is for life: nobody will have a program run any more. */
		helper_stop();
	}
	log_info("packets are queued to nat64 by %s rules", ruleset->backend->name);
	return 0;
}

struct ruleset *ruleset_new(void)
{
	return ruleset_nft_open() == 0 ? calloc(1, sizeof(struct ruleset)) : NULL;
}

int ruleset_install(struct ruleset *ruleset, const struct nat64_intercept *intercept)
{
	char said[RULESET_SAID_SIZE];
	struct rule_list list;
	int err;

	if (!intercept->n_pool && !intercept->pref64->n && !intercept->eam4->n)
		return ruleset_remove(ruleset);
	err = rule_list_make(&list, intercept);
	if (err) {
		log_error("cannot install rules: out of memory");
		return err;
	}
	if (!ruleset->backend) {
		err = choose(ruleset, &list);
	} else {
		err = ruleset->backend->install(&list, said);
		if (err)
			log_error("cannot install %s rules: %s", ruleset->backend->name, said);
	}
	rule_list_free(&list);
	if (!err)
		standing_note(&ruleset->standing, ruleset->backend->show);
	return err;
}

int ruleset_mend(struct ruleset *ruleset, const struct nat64_intercept *intercept)
{
	char said[RULESET_SAID_SIZE];
	int result = 1;

	if (ruleset->backend)
		result = standing_holds(&ruleset->standing, ruleset->backend->show, said);
	if (result < 0)
		log_error("cannot look at the %s rules: %s", ruleset->backend->name, said);
	if (result)
		return result < 0 ? result : 0;
	result = ruleset_install(ruleset, intercept);
	return result ? result : 1;
}

int ruleset_remove(struct ruleset *ruleset)
{
	/* Before the choice it is unknown which backend a killed run has used. */
	const struct ruleset_backend *const both[] = {&ruleset_nft, &ruleset_xtables};
	int err = 0;

	standing_forget(&ruleset->standing);
	for (size_t i = 0; i < 2; i++) {
		char said[RULESET_SAID_SIZE];
		int ret;

		if (ruleset->backend && ruleset->backend != both[i])
			continue;
		ret = both[i]->remove(said);
		if (ret) {
			log_error("cannot remove %s rules: %s", both[i]->name, said);
			err = ret;
		}
	}
	return err;
}

const char *ruleset_backend(const struct ruleset *ruleset)
{
	return ruleset->backend ? ruleset->backend->name : "none";
}

void ruleset_free(struct ruleset *ruleset)
{
	if (ruleset)
		standing_forget(&ruleset->standing);
	free(ruleset);
	ruleset_nft_close();
}
