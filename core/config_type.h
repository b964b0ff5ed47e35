/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The types of settings: each reads a YAML node into its place in struct
 * config, prints it canonically, and frees it. A row (config_schema.h) says
 * where and within which bounds.
 */
#ifndef CORE_CONFIG_TYPE_H
#define CORE_CONFIG_TYPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct config;
struct config_report;
struct config_row;
struct endpoint_list;
struct prefix_list;
struct yaml_node;

struct config_type {
	const char *expected;	/* in words, for messages; a row may say it better */

	/**
	 * read() - take the value of @node; its place holds zeros before.
	 * Return: false after reporting; the place can be freed all the same.
	 */
	bool (*read)(struct config_report *report, const struct config_row *row,
		     const struct yaml_node *node, struct config *config);

	/** print() - all that follows "key:", the newline included; lists as blocks. */
	void (*print)(FILE *out, const struct config_row *row, const struct config *config,
		      int indent);

	/** free() - release the value; NULL where there is nothing to release. */
	void (*free)(const struct config_row *row, struct config *config);
};

extern const struct config_type config_type_bool;	/* bool */
extern const struct config_type config_type_word;	/* an enumeration */
extern const struct config_type config_type_count;	/* uint32_t */
extern const struct config_type config_type_duration;	/* uint32_t, milliseconds; 0 = the
							 * keyword */
extern const struct config_type config_type_rate;	/* uint32_t, a second */
extern const struct config_type config_type_size;	/* uint64_t, bytes */
extern const struct config_type config_type_mtu;	/* uint16_t, bytes */
extern const struct config_type config_type_mss;	/* uint16_t, 0 = off; also: bool auto */
extern const struct config_type config_type_text;	/* char *; NULL = the keyword */
extern const struct config_type config_type_prefix;	/* struct prefix */
extern const struct config_type config_type_prefixes;	/* prefix_list; also: bool keyword */
extern const struct config_type config_type_endpoint;	/* struct endpoint; port 0 = the
							 * keyword */
extern const struct config_type config_type_endpoints;	/* endpoint_list; also: bool keyword */
extern const struct config_type config_type_pool4;	/* pool4_entry *; also: size_t count */
extern const struct config_type config_type_eam;	/* eam *; also: size_t count */
extern const struct config_type config_type_static;	/* static_binding *; also: size_t count */
extern const struct config_type config_type_names;	/* name_list */
extern const struct config_type config_type_listen;	/* sni_listen *; also: size_t count */
extern const struct config_type config_type_routes;	/* sni_route *; also: size_t count */
extern const struct config_type config_type_default_name;	/* char *; NULL = null */
extern const struct config_type config_type_zones;	/* dns_zone *; also: size_t count */

/* ---- what the types share ------------------------------------------------ */

/** config_at() - the field of @config at a row's offset. */
static inline void *config_at(struct config *config, size_t offset)
{
	return (char *)config + offset;
}

/** config_at_const() - the same, to read. */
static inline const void *config_at_const(const struct config *config, size_t offset)
{
	return (const char *)config + offset;
}

/** config_type_expected() - what a row takes, in words. */
const char *config_type_expected(const struct config_row *row);

/** config_type_wrong() - report "expected ..., found ...". Return: false. */
bool config_type_wrong(struct config_report *report, const struct yaml_node *node,
		       const char *expected);

/** config_type_is_word() - is this scalar the given word? */
bool config_type_is_word(const struct yaml_node *node, const char *word);

/** config_type_list() - is it a list of acceptable length? Reports what is wrong. */
bool config_type_list(struct config_report *report, const struct config_row *row,
		      const struct yaml_node *node);

/**
 * config_type_keys() - has this mapping only known keys, each once?
 * @names:	the @n keys that are known.
 * Reports every unknown key ("did you mean") and every repeated one.
 */
bool config_type_keys(struct config_report *report, const struct yaml_node *map,
		      const char *const *names, size_t n);

/**
 * config_type_scalar() - the scalar under @key of an entry that is a mapping.
 * Return: the node, or NULL after reporting that it is missing or no scalar.
 */
const struct yaml_node *config_type_scalar(struct config_report *report,
					   const struct yaml_node *entry, const char *key,
					   const char *expected);

/**
 * config_type_read_endpoints() - a list of endpoints anywhere in a value.
 * @row:	says what such a list may hold: max, empty, port, problem.
 * @list:	empty before; owned by the value, also after a failure.
 * Return: false after reporting.
 */
bool config_type_read_endpoints(struct config_report *report, const struct config_row *row,
				const struct yaml_node *node, struct endpoint_list *list);

/**
 * config_type_read_prefixes() - a list of prefixes anywhere in a value.
 * @row:	says what such a list may hold: max, empty, family, problem.
 * @list:	empty before; owned by the value, also after a failure.
 * Return: false after reporting.
 */
bool config_type_read_prefixes(struct config_report *report, const struct config_row *row,
			       const struct yaml_node *node, struct prefix_list *list);

/** config_type_print_prefixes() - the entries of such a list, a line each. */
void config_type_print_prefixes(FILE *out, const struct config_row *row,
				const struct prefix_list *list, int indent);

/**
 * config_type_scan_word() - which of @words (NULL-terminated) is it?
 * @value:	its index, where it is one.
 * Return: false after reporting, "did you mean" included.
 */
bool config_type_scan_word(struct config_report *report, const struct yaml_node *node,
			   const char *const *words, const char *expected,
			   unsigned int *value);

/** config_type_no_memory() - report it. Return: false. */
bool config_type_no_memory(struct config_report *report);

/** config_type_print_scalar() - @text as a YAML scalar, quoted where it must be. */
void config_type_print_scalar(FILE *out, const char *text);

#endif
