/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * YAML text as a small tree that knows where everything stood. Of YAML only
 * what a configuration needs: plain keys, scalars, lists, mappings; no anchors,
 * aliases, tags or second documents.
 */
#ifndef CORE_CONFIG_YAML_H
#define CORE_CONFIG_YAML_H

#include <stdbool.h>
#include <stddef.h>

struct config_report;

enum yaml_kind { YAML_SCALAR, YAML_LIST, YAML_MAP };

struct yaml_node {
	enum yaml_kind kind;
	bool null;			/* a scalar that is empty, ~ or null, unquoted */
	bool whole;			/* false: reading broke off inside */
	size_t pos;			/* byte offset in the text */
	char *text;			/* of a scalar; no NUL inside */
	struct yaml_node *first, *last;	/* items of a list, members of a mapping */
	size_t n;			/* how many */

	/* as an item or member of another node: */
	struct yaml_node *next;
	char *key;			/* of a member; NULL for an item */
	size_t key_pos;
};

/**
 * config_yaml_read() - read the text of @report.
 *
 * Errors go to @report; the tree then holds what was read before the first of
 * them, and nodes that reading broke off in are not whole. A text without any
 * document gives an empty mapping.
 * @report:	its text is followed by at least CONFIG_YAML_SLACK zero bytes.
 * Return: the root, owned by the caller (config_yaml_free()), or NULL with the
 * error in @report.
 */
struct yaml_node *config_yaml_read(struct config_report *report);

/* libfyaml has read a few bytes beyond its input when it reported errors. */
enum { CONFIG_YAML_SLACK = 16 };

/** config_yaml_free() - release a tree; NULL is allowed. */
void config_yaml_free(struct yaml_node *node);

/** config_yaml_member() - the first member of a mapping with this key, or NULL. */
const struct yaml_node *config_yaml_member(const struct yaml_node *map, const char *key);

#endif
