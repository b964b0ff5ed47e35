/* SPDX-License-Identifier: GPL-2.0-or-later */
/* snid.routes by name, of which there may be some thousands. */
#ifndef CORE_CONFIG_ROUTES_H
#define CORE_CONFIG_ROUTES_H

#include <stdbool.h>
#include <stddef.h>

struct sni_route;

/** config_routes_sort() - bring @n routes into the order that config_routes_find() needs. */
void config_routes_sort(const struct sni_route **routes, size_t n);

/** config_routes_same() - are both for the same names? Such stand together once sorted. */
bool config_routes_same(const struct sni_route *a, const struct sni_route *b);

/**
 * config_routes_find() - the route of a name: the one for exactly it, else for all below the
 * longest of the names it is below.
 * @routes:	sorted, no two the same.
 * @name:	as hostname_normalise() made it.
 * Return: borrowed, or NULL.
 */
const struct sni_route *config_routes_find(const struct sni_route *const *routes, size_t n,
					   const char *name);

#endif
