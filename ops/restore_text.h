/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What gate64 lets the restore tools of xtables read, and not a word more: our chains of the
 * table raw, the jumps to them, and rules that bring packets to our queues. Who can make
 * another process run these tools (helper.h) is no firewall's editor by that.
 */
#ifndef OPS_RESTORE_TEXT_H
#define OPS_RESTORE_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* The built-in chains of table raw that we jump from */
enum xtables_hook { XTABLES_PREROUTING, XTABLES_OUTPUT, XTABLES_HOOKS };

extern const struct xtables_names {
	const char *builtin;	/* the chain that the kernel's hook enters */
	const char *ours;	/* where our rules are */
	const char *made;	/* present where we made the built-in chain */
} xtables_names[XTABLES_HOOKS];

#define XTABLES_MADE_TABLE "GATE64-MADE-TABLE"	/* present where we made the table */

enum {
	MULTIPORT_MAX = 15,	/* ports in one match; a range counts as two */
};

/**
 * restore_text_judge() - is it what ruleset_xtables_print() can have written?
 * @text:	NUL-terminated, from whomever.
 * @v4:		for iptables-nft-restore; else for ip6tables-nft-restore.
 * Return: 0, or the number of the first line, from 1, that is not.
 */
size_t restore_text_judge(const char *text, bool v4);

#endif
