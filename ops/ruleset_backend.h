/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Between ruleset.c and its two backends: what the rules are, and who can make
 * them. Nothing outside of ruleset*.c includes this, but their unit test, the guard and
 * the doctor, who use nftables as such.
 */
#ifndef OPS_RULESET_BACKEND_H
#define OPS_RULESET_BACKEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "../core/addr.h"
#include "restore_text.h"
#include "standing.h"

struct json_object;
struct nat64_intercept;
struct port_range;

/* Which packets to a destination are queued */
enum rule_match {
	RULE_ANY,
	RULE_FRAGMENT,		/* parts of a datagram, the first one too */
	RULE_ICMP,
	RULE_TCP,		/* by destination port */
	RULE_UDP,
};

struct rule {
	struct prefix to;	/* IPv4 in mapped form: its family is the rule's */
	enum rule_match match;
	bool from_host;		/* also what the host itself sends, in the output hook */
	const struct port_range *ports;	/* borrowed; RULE_TCP and RULE_UDP */
	size_t n_ports;		/* > 0 there */
};

/*
 * All rules: the packets of "queue", seen in prerouting (and output, see from_host) at
 * priority raw, go to the queues first..last, the same one for all packets between two hosts.
 * Where the queue has no reader they are dropped, or pass as if there were no rule, see
 * rule_bypass(). Besides, packets sent with NAT64_MARK are not tracked, and never queued.
 */
struct rule_list {
	struct rule *queue;
	size_t n;
	struct prefix_list mapped;	/* IPv4: queued whatever it is; none within another */
	unsigned int queue_first, queue_last;
};

/** rule_bypass() - may what the rule matches be the host's own? Then it needs no reader. */
static inline bool rule_bypass(const struct rule *rule)
{
	return rule->match != RULE_ANY;
}

/**
 * rule_list_make() - the rules for an intercept.
 * @list:	overwritten; borrows from @intercept; released with rule_list_free().
 * Return: 0 or -ENOMEM.
 */
int rule_list_make(struct rule_list *list, const struct nat64_intercept *intercept);
void rule_list_free(struct rule_list *list);

/* What a backend or tool had to say about a failure */
enum { RULESET_SAID_SIZE = 512 };

struct ruleset_backend {
	const char *name;
	/*
	 * Both idempotent, each an atomic step per family. @said is RULESET_SAID_SIZE
	 * bytes; the reason of a failure. Return: 0 or -errno; from install
	 * -EOPNOTSUPP: this kernel lacks what the backend needs.
	 */
	int (*install)(const struct rule_list *list, char *said);
	int (*remove)(char *said);
	standing_show *show;	/* what install has put up */
};

extern const struct ruleset_backend ruleset_nft, ruleset_xtables;

/** ruleset_nft_print() - the nftables commands that replace our table by @list. */
void ruleset_nft_print(FILE *out, const struct rule_list *list);

/* Table raw of one family as found */
struct xtables_state {
	bool table;			/* it exists */
	bool chain[XTABLES_HOOKS];	/* the built-in chain exists */
	unsigned int jumps[XTABLES_HOOKS];	/* plain jumps to our chain in it */
};

/** ruleset_xtables_print() - input for the restore tool of the family @v4 says. */
void ruleset_xtables_print(FILE *out, const struct rule_list *list, bool v4,
			   const struct xtables_state *state);

/**
 * ruleset_nft_open() - be ready for ruleset_nft_run() and _list(), however many descriptors
 * are in use by then. Return: 0 or -ENOMEM.
 */
int ruleset_nft_open(void);

/** ruleset_nft_close() - undo it. */
void ruleset_nft_close(void);

/**
 * ruleset_nft_run() - run commands in one transaction.
 * @commands:	nftables syntax.
 * @said:	RULESET_SAID_SIZE bytes; why it failed.
 * Return: 0; -ENOENT when something named, in the ruleset or the kernel, is
 * not there; -EIO for any other reason; -ENOMEM.
 */
int ruleset_nft_run(const char *commands, char *said);

/**
 * ruleset_nft_list() - list a table, as the "nftables" array of libnftables-json(5).
 * @family, @table:	nftables names.
 * @out:	owned by the caller (json_object_put()); NULL where there is no such table.
 * Return: 0, or -errno with the reason in @said (RULESET_SAID_SIZE bytes).
 */
int ruleset_nft_list(const char *family, const char *table, struct json_object **out, char *said);

/** ruleset_nft_list_all() - the same of the whole ruleset of this network namespace. */
int ruleset_nft_list_all(struct json_object **out, char *said);

/** ruleset_nft_check() - would these commands do? As ruleset_nft_run(), changing nothing. */
int ruleset_nft_check(const char *commands, char *said);

/**
 * ruleset_nft_show() - write what stands in a table, an item a line, without handles and
 * counts.
 * @ours:	whether an item of the list is wanted; NULL: all are.
 * @said:	RULESET_SAID_SIZE bytes; why it cannot be read.
 * Return: 0, also where there is no such table and so nothing to write; or -errno.
 */
int ruleset_nft_show(const char *family, const char *table, bool (*ours)(struct json_object *item),
		     FILE *out, char *said);

#endif
