/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A grammar read from left to right, without going back: take_...() move on behind what they
 * expect, or say that it is not there. The tools have options that would load modules, write
 * other tables or accept what a host drops; here is nothing that is not named.
 */
#include "restore_text.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "../core/addr.h"
#include "../nat64/nat64.h"

enum {
	QUEUES_MAX = 1024,	/* of ours, from NAT64_QUEUE_FIRST on */
	PORT_MAX = UINT16_MAX,
};

const struct xtables_names xtables_names[XTABLES_HOOKS] = {
	[XTABLES_PREROUTING] = {"PREROUTING", "GATE64-PRE", "GATE64-MADE-PRE"},
	[XTABLES_OUTPUT] = {"OUTPUT", "GATE64-OUT", "GATE64-MADE-OUT"},
};

/* ---- words ---------------------------------------------------------------------- */

static bool take(const char **at, const char *word)
{
	size_t len = strlen(word);

	if (strncmp(*at, word, len) != 0)
		return false;
	*at += len;
	return true;
}

/* Decimal, without leading zeros */
static bool take_number(const char **at, unsigned int max, unsigned int *number)
{
	const char *digit = *at;

	*number = 0;
	for (; *digit >= '0' && *digit <= '9'; digit++) {
		*number = *number * 10 + (unsigned int)(*digit - '0');
		if (*number > max)
			return false;
	}
	if (digit == *at || (**at == '0' && digit > *at + 1))
		return false;
	*at = digit;
	return true;
}

static bool take_prefix(const char **at, bool v4)
{
	char text[PREFIX_STRLEN], again[PREFIX_STRLEN];
	size_t len = strcspn(*at, " \n");
	struct prefix prefix;

	if (len >= sizeof(text))
		return false;
	memcpy(text, *at, len);
	text[len] = '\0';
	if (prefix_parse(text, &prefix) || prefix_is_v4(&prefix) != v4 ||
	    strcmp(prefix_format(&prefix, again), text) != 0)
		return false;
	*at += len;
	return true;
}

static bool take_ports(const char **at)
{
	unsigned int first, last, used = 0;

	do {
		if (!take_number(at, PORT_MAX, &first))
			return false;
		used++;
		if (take(at, ":")) {
			if (!take_number(at, PORT_MAX, &last) || last <= first)
				return false;
			used++;
		}
	} while (take(at, ","));
	return used <= MULTIPORT_MAX;
}

static bool take_queue(const char **at, unsigned int *queue)
{
	return take_number(at, NAT64_QUEUE_FIRST + QUEUES_MAX - 1, queue) &&
	       *queue >= NAT64_QUEUE_FIRST;
}

/* ---- lines ---------------------------------------------------------------------- */

static bool take_chain(const char **at)
{
	bool known;

	if (!take(at, ":"))
		return false;
	known = take(at, XTABLES_MADE_TABLE);
	for (int hook = 0; hook < XTABLES_HOOKS && !known; hook++)
		known = take(at, xtables_names[hook].ours) || take(at, xtables_names[hook].made);
	return known && take(at, " - [0:0]\n");
}

/* Behind "-A " or "-D " */
static bool take_jump(const char **at)
{
	for (int hook = 0; hook < XTABLES_HOOKS; hook++)
		if (take(at, xtables_names[hook].builtin))
			return take(at, " -j ") && take(at, xtables_names[hook].ours) &&
			       take(at, "\n");
	return false;
}

static bool take_target(const char **at, bool bypass)
{
	unsigned int first, last;

	if (!take(at, " -j NFQUEUE --queue-"))
		return false;
	if (take(at, "num ")) {
		if (!take_queue(at, &first))
			return false;
	} else if (!take(at, "balance ") || !take_queue(at, &first) || !take(at, ":") ||
		   !take_queue(at, &last) || last <= first) {
		return false;
	}
	return (!bypass || take(at, " --queue-bypass")) && take(at, "\n");
}

/* Packets to a prefix; of IPv4, in prerouting, they may be chosen further. */
static bool take_queueing(const char **at, enum xtables_hook hook, bool v4)
{
	bool chosen = true;

	if ((hook == XTABLES_OUTPUT && v4) || !take(at, " -d ") || !take_prefix(at, v4))
		return false;
	if (!v4)
		return take_target(at, false);
	if (take(at, " -p tcp -m multiport --dports ") || take(at, " -p udp -m multiport --dports ")) {
		if (!take_ports(at))
			return false;
	} else {
		chosen = take(at, " -p icmp") ||
			 take(at, " -m u32 --u32 4&0x3FFF=0x1:0x3FFF");
	}
	return take_target(at, chosen);
}

/* What we have sent ourselves is left alone. */
static bool take_marked(const char **at)
{
	char mark[sizeof("0x12345678")];

	snprintf(mark, sizeof(mark), "0x%08x", NAT64_MARK);
	return take(at, " -m mark --mark ") && take(at, mark) && take(at, " -j ") &&
	       (take(at, "CT --notrack\n") || take(at, "RETURN\n"));
}

static bool take_rule(const char **at, bool v4)
{
	const char *rest;

	if (take(at, "-D "))
		return take_jump(at);
	if (!take(at, "-A "))
		return false;
	for (int hook = 0; hook < XTABLES_HOOKS; hook++) {
		if (!take(at, xtables_names[hook].ours))
			continue;
		rest = *at;
		if (hook == XTABLES_OUTPUT && take_marked(&rest)) {
			*at = rest;
			return true;
		}
		return take_queueing(at, (enum xtables_hook)hook, v4);
	}
	return take_jump(at);
}

size_t restore_text_judge(const char *text, bool v4)
{
	const char *at = text, *next = text;
	size_t line = 1;

	if (!take(&next, "*raw\n"))
		return line;
	for (line++, at = next; take_chain(&next); line++)
		at = next;
	for (next = at; take_rule(&next, v4); line++)
		at = next;
	if (!take(&at, "COMMIT\n"))
		return line;
	return *at ? line + 1 : 0;
}
