/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The type of nat64.pool4: entries of an address and its ports.
 *
 *	- {address: auto, ports: auto}
 *	- {address: 192.0.2.1, ports: 61000-65535}
 *	- {address: 192.0.2.2, ports: [1024-2047, 5000]}
 */
#include <stdlib.h>
#include <string.h>

#include "config_report.h"
#include "config_schema.h"
#include "config_type.h"
#include "config_value.h"
#include "config_yaml.h"

enum { RANGES_MAX = 64 };	/* of one entry */

static const char expected_entry[] = "a mapping such as {address: auto, ports: auto}";
static const char expected_address[] = "auto or an IPv4 address";
static const char expected_ports[] =
	"auto, a range of ports such as 61000-65535, or a list of ranges (1 to 65535)";

static bool is_unicast(const struct in6_addr *addr)
{
	unsigned int first = addr->s6_addr[12];

	return first != 0 && first != 127 && first < 224;
}

static bool read_address(struct config_report *report, const struct yaml_node *node,
			 struct pool4_entry *entry)
{
	if (config_type_is_word(node, "auto"))
		return true;
	entry->address_auto = false;
	if (node->kind != YAML_SCALAR || !addr_parse(node->text, &entry->address) ||
	    !addr_is_v4(&entry->address))
		return config_type_wrong(report, node, expected_address);
	if (!is_unicast(&entry->address)) {
		config_report_error(report, node->pos, "`%.60s' is not a unicast address",
				    node->text);
		return false;
	}
	return true;
}

static bool ranges_overlap(const struct port_range *a, const struct port_range *b)
{
	return a->first <= b->last && b->first <= a->last;
}

static bool add_range(struct config_report *report, const struct yaml_node *node,
		      struct pool4_entry *entry)
{
	struct port_range range, *ports;

	if (node->kind != YAML_SCALAR || !config_value_ports(node->text, &range))
		return config_type_wrong(report, node, expected_ports);
	for (size_t i = 0; i < entry->n_ports; i++) {
		if (ranges_overlap(&range, &entry->ports[i])) {
			config_report_error(report, node->pos, "overlaps %u-%u of the same list",
					    entry->ports[i].first, entry->ports[i].last);
			return false;
		}
	}
	ports = reallocarray(entry->ports, entry->n_ports + 1, sizeof(*ports));
	if (!ports)
		return config_type_no_memory(report);
	entry->ports = ports;
	entry->ports[entry->n_ports++] = range;
	return true;
}

static bool read_ports(struct config_report *report, const struct yaml_node *node,
		       struct pool4_entry *entry)
{
	bool good = true;

	if (config_type_is_word(node, "auto"))
		return true;
	entry->ports_auto = false;
	if (node->kind != YAML_LIST)
		return add_range(report, node, entry);
	if (!node->n || node->n > RANGES_MAX) {
		config_report_error(report, node->pos, "expected 1 to %d ranges, found %zu",
				    RANGES_MAX, node->n);
		return false;
	}
	for (const struct yaml_node *item = node->first; item; item = item->next)
		good = add_range(report, item, entry) && good;
	return good;
}

static bool read_entry(struct config_report *report, const struct yaml_node *node,
		       struct pool4_entry *entry)
{
	static const char *const keys[] = { "address", "ports" };
	const struct yaml_node *address, *ports;
	bool good;

	*entry = (struct pool4_entry){ .address_auto = true, .ports_auto = true };
	if (node->kind != YAML_MAP)
		return config_type_wrong(report, node, expected_entry);
	good = config_type_keys(report, node, keys, sizeof(keys) / sizeof(*keys));
	address = config_yaml_member(node, "address");
	ports = config_yaml_member(node, "ports");
	if (address)
		good = read_address(report, address, entry) && good;
	if (ports)
		good = read_ports(report, ports, entry) && good;
	return good;
}

/* Would both hand out the same port? "auto" may be any port of the address. */
static bool entries_overlap(const struct pool4_entry *a, const struct pool4_entry *b)
{
	if (a->address_auto != b->address_auto ||
	    (!a->address_auto && !addr_equal(&a->address, &b->address)))
		return false;
	if (a->ports_auto || b->ports_auto)
		return true;
	for (size_t i = 0; i < a->n_ports; i++)
		for (size_t j = 0; j < b->n_ports; j++)
			if (ranges_overlap(&a->ports[i], &b->ports[j]))
				return true;
	return false;
}

/* The pool read so far, and whether a further entry fits to it. */
static bool fits(struct config_report *report, const struct yaml_node *node,
		 const struct pool4_entry *pool, size_t n, const struct pool4_entry *entry)
{
	for (size_t i = 0; i < n; i++) {
		if (entries_overlap(&pool[i], entry)) {
			config_report_error(report, node->pos,
					    "shares ports of the same address with entry %zu "
					    "of this list", i + 1);
			return false;
		}
	}
	return true;
}

static bool read_pool4(struct config_report *report, const struct config_row *row,
		       const struct yaml_node *node, struct config *config)
{
	struct pool4_entry **pool = config_at(config, row->offset);
	size_t *n = config_at(config, row->also);
	bool good = true;

	if (!config_type_list(report, row, node))
		return false;
	*pool = calloc(node->n, sizeof(**pool));
	if (!*pool)
		return config_type_no_memory(report);
	for (const struct yaml_node *item = node->first; item; item = item->next) {
		struct pool4_entry *entry = &(*pool)[*n];

		good = read_entry(report, item, entry) &&
		       fits(report, item, *pool, *n, entry) && good;
		++*n;
	}
	return good;
}

static void print_range(FILE *out, const struct port_range *range)
{
	if (range->first == range->last)
		fprintf(out, "%u\n", range->first);
	else
		fprintf(out, "%u-%u\n", range->first, range->last);
}

static void print_pool4(FILE *out, const struct config_row *row, const struct config *config,
			int indent)
{
	struct pool4_entry *const *pool = config_at_const(config, row->offset);
	const size_t *n = config_at_const(config, row->also);
	char text[ADDR_STRLEN];

	fputc('\n', out);
	for (size_t i = 0; i < *n; i++) {
		const struct pool4_entry *entry = &(*pool)[i];

		fprintf(out, "%*s- address: %s\n", indent, "",
			entry->address_auto ? "auto" : addr_format(&entry->address, text));
		fprintf(out, "%*s  ports:%s\n", indent, "", entry->ports_auto ? " auto" : "");
		for (size_t j = 0; j < entry->n_ports; j++) {
			fprintf(out, "%*s    - ", indent, "");
			print_range(out, &entry->ports[j]);
		}
	}
}

static void free_pool4(const struct config_row *row, struct config *config)
{
	struct pool4_entry **pool = config_at(config, row->offset);
	size_t *n = config_at(config, row->also);

	for (size_t i = 0; i < *n; i++)
		free((*pool)[i].ports);
	free(*pool);
	*pool = NULL;
	*n = 0;
}

const struct config_type config_type_pool4 = {
	.expected = "a list such as [{address: auto, ports: auto}]",
	.read = read_pool4, .print = print_pool4, .free = free_pool4
};
