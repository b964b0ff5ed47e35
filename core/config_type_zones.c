/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The type of dns64.zones: parts of the DNS that servers of their own know.
 *
 *	- {name: lan.example, upstream: ["[2001:db8::53]:53", "192.0.2.53:5300"]}
 */
#include <stdlib.h>
#include <string.h>

#include "config_report.h"
#include "config_schema.h"
#include "config_type.h"
#include "config_value.h"
#include "config_yaml.h"

static const char expected_zone[] =
	"a mapping such as {name: lan.example, upstream: [\"2001:db8::53\"]}";
static const char expected_name[] = "a domain name such as lan.example";

enum { UPSTREAM_MAX = 16 };

static bool read_name(struct config_report *report, const struct yaml_node *entry,
		      struct dns_zone *zone)
{
	const struct yaml_node *node = config_type_scalar(report, entry, "name", expected_name);
	char name[CONFIG_DOMAIN_STRLEN];

	if (!node)
		return false;
	if (!config_value_domain(node->text, name))
		return config_type_wrong(report, node, expected_name);
	zone->name = strdup(name);
	return zone->name || config_type_no_memory(report);
}

/* A list of its own, with the port and the check that the row of all has for it */
static bool read_upstream(struct config_report *report, const struct config_row *row,
			  const struct yaml_node *entry, struct dns_zone *zone)
{
	const struct yaml_node *node = config_yaml_member(entry, "upstream");
	struct config_row upstream = *row;

	upstream.max = UPSTREAM_MAX;
	upstream.expected = "a list of addresses";
	upstream.empty = "there would be nobody to ask";
	if (!node) {
		config_report_error(report, entry->pos, "`upstream' is missing: expected %s",
				    upstream.expected);
		return false;
	}
	return config_type_read_endpoints(report, &upstream, node, &zone->upstream);
}

static bool read_zone(struct config_report *report, const struct config_row *row,
		      const struct yaml_node *node, struct dns_zone *zone)
{
	static const char *const keys[] = { "name", "upstream" };
	bool good;

	if (node->kind != YAML_MAP)
		return config_type_wrong(report, node, expected_zone);
	good = config_type_keys(report, node, keys, sizeof(keys) / sizeof(*keys));
	good = read_name(report, node, zone) && good;
	return read_upstream(report, row, node, zone) && good;
}

static bool is_new(struct config_report *report, const struct yaml_node *node,
		   const struct dns_zone *all, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (all[i].name && strcmp(all[i].name, all[n].name) == 0) {
			config_report_error(report, node->pos, "%s is listed twice", all[n].name);
			return false;
		}
	}
	return true;
}

static bool read_zones(struct config_report *report, const struct config_row *row,
		       const struct yaml_node *node, struct config *config)
{
	struct dns_zone **zones = config_at(config, row->offset);
	size_t *n = config_at(config, row->also);
	bool good = true;

	if (!config_type_list(report, row, node))
		return false;
	*zones = calloc(node->n + 1, sizeof(**zones));
	if (!*zones)
		return config_type_no_memory(report);
	for (const struct yaml_node *item = node->first; item; item = item->next) {
		good = read_zone(report, row, item, &(*zones)[*n]) &&
		       is_new(report, item, *zones, *n) && good;
		++*n;
	}
	return good;
}

static void print_zones(FILE *out, const struct config_row *row, const struct config *config,
			int indent)
{
	struct dns_zone *const *zones = config_at_const(config, row->offset);
	const size_t *n = config_at_const(config, row->also);
	char text[ENDPOINT_STRLEN];

	fputs(*n ? "\n" : " []\n", out);
	for (size_t i = 0; i < *n; i++) {
		const struct dns_zone *zone = &(*zones)[i];

		fprintf(out, "%*s- name: ", indent, "");
		config_type_print_scalar(out, zone->name);
		fprintf(out, "\n%*s  upstream:\n", indent, "");
		for (size_t k = 0; k < zone->upstream.n; k++) {
			fprintf(out, "%*s    - ", indent, "");
			config_type_print_scalar(out, endpoint_format(&zone->upstream.v[k], text));
			fputc('\n', out);
		}
	}
}

static void free_zones(const struct config_row *row, struct config *config)
{
	struct dns_zone **zones = config_at(config, row->offset);
	size_t *n = config_at(config, row->also);

	for (size_t i = 0; i < *n; i++) {
		free((*zones)[i].name);
		free((*zones)[i].upstream.v);
	}
	free(*zones);
	*zones = NULL;
	*n = 0;
}

const struct config_type config_type_zones = {
	.expected = "a list", .read = read_zones, .print = print_zones, .free = free_zones
};
