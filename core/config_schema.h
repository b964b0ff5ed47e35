/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One row a setting. Parser, defaults, canonical print and the manual page all
 * come from these rows; nothing about a setting is said anywhere else, but for
 * the rules between settings (config_check.c).
 */
#ifndef CORE_CONFIG_SCHEMA_H
#define CORE_CONFIG_SCHEMA_H

#include <stddef.h>
#include <stdint.h>

#include "config.h"

struct config_type;

/* Which prefixes or addresses a row takes */
enum config_family {
	CONFIG_ANY = 0,
	CONFIG_IPV4,
	CONFIG_IPV6,
	CONFIG_AAAA,		/* what an AAAA record may hold: IPv4-mapped ones too */
};

struct config_row {
	const char *path;		/* "nat64.timeouts.udp" */
	const struct config_type *type;
	size_t offset;			/* of the value in struct config */
	size_t also;			/* of its second field: the flag that says the
					 * keyword stands, or the count */
	const char *initial;		/* the default, as YAML text */
	const char *help;		/* one line, no full stop */

	const char *expected;		/* in words; NULL: the type's own */
	const char *keyword;		/* a word that may stand for the value; or NULL */
	const char *const *words;	/* of an enumeration: by value, NULL-terminated */
	uint64_t min, max;		/* ms, bytes, count; entries of a list */
	uint64_t advised;		/* a lower value draws a warning; 0: none */
	const char *clause;		/* who says so: of advised if set, else of min */
	const char *empty;		/* why an empty list is an error; NULL: it is none */
	enum config_family family;
	uint16_t port;			/* that an endpoint gets when it names none */

	/* What is wrong with a single entry, or NULL; by type */
	union {
		const char *(*prefix)(const struct prefix *prefix);
		const char *(*endpoint)(const struct endpoint *endpoint);
		const char *(*text)(const char *text);
	} problem;
};

/* In the order of the canonical print; groups stand together. */
extern const struct config_row config_rows[];
extern const size_t config_n_rows;

enum { CONFIG_MEMBERS_MAX = 32, CONFIG_MEMBER_STRLEN = 32 };

/* The names that a group ("" = the whole, else "nat64.") may hold */
struct config_members {
	char text[CONFIG_MEMBERS_MAX][CONFIG_MEMBER_STRLEN];
	const char *names[CONFIG_MEMBERS_MAX];
	size_t n;
};

/** config_schema_find() - the row of a whole path, or NULL. */
const struct config_row *config_schema_find(const char *path);

/** config_schema_members() - list a group. @group: "" or a path that ends in a dot. */
void config_schema_members(const char *group, struct config_members *members);

#endif
