/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config_routes.h"

#include <stdlib.h>
#include <string.h>

#include "config.h"

static int compare(const struct sni_route *a, const struct sni_route *b)
{
	int order = strcmp(a->name, b->name);

	return order ? order : a->below - b->below;
}

static int compare_listed(const void *a, const void *b)
{
	return compare(*(const struct sni_route *const *)a, *(const struct sni_route *const *)b);
}

void config_routes_sort(const struct sni_route **routes, size_t n)
{
	qsort(routes, n, sizeof(*routes), compare_listed);
}

bool config_routes_same(const struct sni_route *a, const struct sni_route *b)
{
	return compare(a, b) == 0;
}

static const struct sni_route *find(const struct sni_route *const *routes, size_t n,
				    const char *name, bool below)
{
	const struct sni_route wanted = { .name = (char *)(uintptr_t)name, .below = below };
	const struct sni_route *key = &wanted, *const *found;

	found = n ? bsearch(&key, routes, n, sizeof(*routes), compare_listed) : NULL;
	return found ? *found : NULL;
}

const struct sni_route *config_routes_find(const struct sni_route *const *routes, size_t n,
					   const char *name)
{
	const struct sni_route *route = find(routes, n, name, false);

	/* Label by label from the left, so the first that is found is the longest. */
	while (!route && (name = strchr(name, '.')))
		route = find(routes, n, ++name, true);
	return route;
}
