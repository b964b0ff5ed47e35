/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config_names.h"

#include <stdlib.h>
#include <string.h>

static int compare(const void *name, const void *listed)
{
	return strcmp(name, *(char *const *)listed);
}

bool config_names_has(const struct name_list *list, const char *name)
{
	return list->n && bsearch(name, list->v, list->n, sizeof(*list->v), compare);
}

size_t config_names_above(const struct name_list *list, const char *name)
{
	/* Label by label from the left, so the first that is found is the longest. */
	while (name && !config_names_has(list, name)) {
		name = strchr(name, '.');
		if (name)
			name++;
	}
	return name ? strlen(name) : 0;
}
