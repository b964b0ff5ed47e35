/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The rules between settings. Prefixes of different meaning must not overlap:
 * an address would be inside, an IPv4 host and an IPv4 client at the same time.
 *
 * An error stands at the setting that the file gives; where both are given, at
 * the one that comes second in the schema. Two defaults never collide.
 */
#include "config_check.h"

#include <stdint.h>

#include "config_report.h"
#include "config_schema.h"
#include "config_yaml.h"

/* A setting with prefixes, seen as a list */
struct side {
	const char *path;
	const struct prefix *v;
	size_t n;
};

static size_t row_of(const char *path)
{
	return (size_t)(config_schema_find(path) - config_rows);
}

static bool is_good(const struct config_source *source, const char *path)
{
	return source->good[row_of(path)];
}

/* Place of entry @i of a setting in the file, CONFIG_NOWHERE for a default. */
static size_t place_of(const struct config_source *source, const char *path, size_t i)
{
	const struct yaml_node *node = source->given[row_of(path)];

	if (!node)
		return CONFIG_NOWHERE;
	if (node->kind != YAML_LIST)
		return node->pos;
	for (node = node->first; i > 0; i--)
		node = node->next;
	return node->pos;
}

static void report_overlap(const struct config_source *source, const struct side *a, size_t i,
			   const struct side *b, size_t j)
{
	size_t pos = place_of(source, b->path, j);
	char here[PREFIX_STRLEN], there[PREFIX_STRLEN];
	const struct side *other = a;

	if (pos == CONFIG_NOWHERE) {
		pos = place_of(source, a->path, i);
		other = b;
	}
	prefix_format(other == a ? &b->v[j] : &a->v[i], here);
	prefix_format(other == a ? &a->v[i] : &b->v[j], there);
	config_report_error(source->report, pos, "%s overlaps %s of %s", here, there,
			    other->path);
}

/* No prefix of @a may overlap one of @b. */
static void check_apart(const struct config_source *source, const struct side *a,
			const struct side *b)
{
	if (!is_good(source, a->path) || !is_good(source, b->path))
		return;
	for (size_t j = 0; j < b->n; j++)
		for (size_t i = 0; i < a->n; i++)
			if (prefix_overlaps(&a->v[i], &b->v[j]))
				report_overlap(source, a, i, b, j);
}

/* A shorter pref64 would hide part of IPv4 behind a longer one. */
static void check_pref64s(const struct config_source *source, const struct side *pref64)
{
	if (!is_good(source, pref64->path))
		return;
	for (size_t j = 1; j < pref64->n; j++)
		for (size_t i = 0; i < j; i++)
			if (prefix_overlaps(&pref64->v[i], &pref64->v[j]))
				report_overlap(source, pref64, i, pref64, j);
}

/* A resolver that forwards to one of its own listeners asks itself for ever. */
static void check_upstream(const struct config_source *source)
{
	const struct endpoint_list *listen = &source->config->dns64.listen;
	const struct endpoint_list *upstream = &source->config->dns64.upstream;
	char text[ENDPOINT_STRLEN];

	if (!is_good(source, "dns64.listen") || !is_good(source, "dns64.upstream"))
		return;
	for (size_t j = 0; j < upstream->n; j++)
		for (size_t i = 0; i < listen->n; i++)
			if (endpoint_equal(&listen->v[i], &upstream->v[j]))
				config_report_error(source->report,
						    place_of(source, "dns64.upstream", j),
						    "%s is an address of dns64.listen itself",
						    endpoint_format(&upstream->v[j], text));
}

void config_check(const struct config_source *source)
{
	const struct config *config = source->config;
	const struct side inside = { "inside", config->inside.list.v, config->inside.list.n };
	const struct side pref64 = { "prefixes.nat64", config->prefixes.nat64.v,
				     config->prefixes.nat64.n };
	const struct side nat46 = { "prefixes.nat46", &config->prefixes.nat46, 1 };

	check_apart(source, &inside, &pref64);
	check_apart(source, &inside, &nat46);
	check_pref64s(source, &pref64);
	check_apart(source, &pref64, &nat46);
	check_upstream(source);
}
