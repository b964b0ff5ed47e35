/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Lists of domain names, of some thousands perhaps, and what lies below their names.
 *
 * A name is text of lower case, without the final dot (config_value_domain()).
 */
#ifndef CORE_CONFIG_NAMES_H
#define CORE_CONFIG_NAMES_H

#include <stdbool.h>
#include <stddef.h>

struct name_list {
	char **v;	/* sorted by strcmp(), each once; owned by the configuration */
	size_t n;
};

/** config_names_has() - is @name one of the list? */
bool config_names_has(const struct name_list *list, const char *name);

/**
 * config_names_above() - the longest name of the list that @name is or lies below.
 * Return: its length in bytes, 0 = there is none.
 */
size_t config_names_above(const struct name_list *list, const char *name);

#endif
