/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The types whose entries map one address to another: prefixes.eam and nat64.static.
 *
 *	- {ipv4: 192.0.2.0/28, ipv6: "2001:db8:46::/124"}
 *	- {proto: tcp, outside: "198.51.100.1:2222", inside: "[2001:db8:1::7]:22"}
 */
#include <stdlib.h>
#include <string.h>

#include "config_report.h"
#include "config_schema.h"
#include "config_type.h"
#include "config_value.h"
#include "config_yaml.h"

enum { V6_BITS = 128 };

const struct yaml_node *config_type_scalar(struct config_report *report,
					   const struct yaml_node *entry, const char *key,
					   const char *expected)
{
	const struct yaml_node *node = config_yaml_member(entry, key);

	if (!node) {
		config_report_error(report, entry->pos, "`%s' is missing: expected %s", key,
				    expected);
		return NULL;
	}
	if (node->kind != YAML_SCALAR || node->null) {
		config_type_wrong(report, node, expected);
		return NULL;
	}
	return node;
}

/* ---- both types: an array of plain values, and its length ------------------------- */

struct entry_kind {
	size_t size;
	/* Read one entry; false after reporting. */
	bool (*read)(struct config_report *report, const struct yaml_node *node, void *entry);
	/* May it stand beside the @n entries before it? False after reporting. */
	bool (*fits)(struct config_report *report, const struct yaml_node *node, const void *all,
		     size_t n, const void *entry);
};

static bool read_array(struct config_report *report, const struct config_row *row,
		       const struct yaml_node *node, struct config *config,
		       const struct entry_kind *kind)
{
	size_t *n = config_at(config, row->also);
	bool good = true;
	char *all;

	if (!config_type_list(report, row, node))
		return false;
	all = calloc(node->n + 1, kind->size);
	if (!all)
		return config_type_no_memory(report);
	/* Its place is a pointer to the entries, whatever their type. */
	memcpy(config_at(config, row->offset), &all, sizeof(all));
	for (const struct yaml_node *item = node->first; item; item = item->next) {
		void *entry = all + *n * kind->size;

		good = kind->read(report, item, entry) &&
		       kind->fits(report, item, all, *n, entry) && good;
		++*n;
	}
	return good;
}

static void free_array(const struct config_row *row, struct config *config)
{
	void *place = config_at(config, row->offset);
	size_t *n = config_at(config, row->also);
	void *array;

	memcpy(&array, place, sizeof(array));
	free(array);
	memset(place, 0, sizeof(array));
	*n = 0;
}

/* ---- explicit address mappings (RFC 7757) ---------------------------------------- */

static const char expected_eam[] =
	"a mapping such as {ipv4: 192.0.2.0/28, ipv6: \"2001:db8:46::/124\"}";

static bool read_side(struct config_report *report, const struct yaml_node *entry,
		      const char *key, bool v4, struct prefix *prefix)
{
	const char *expected = v4 ? "an IPv4 prefix such as 192.0.2.0/28"
				  : "an IPv6 prefix such as 2001:db8:46::/124";
	const struct yaml_node *node = config_type_scalar(report, entry, key, expected);
	const char *problem;

	if (!node)
		return false;
	problem = prefix_parse(node->text, prefix);
	if (problem) {
		config_report_error(report, node->pos, "expected %s, found `%.60s': %s", expected,
				    node->text, problem);
		return false;
	}
	return prefix_is_v4(prefix) == v4 || config_type_wrong(report, node, expected);
}

static bool read_eam_entry(struct config_report *report, const struct yaml_node *node,
			   void *entry)
{
	static const char *const keys[] = { "ipv4", "ipv6" };
	struct eam *eam = entry;
	bool good;

	if (node->kind != YAML_MAP)
		return config_type_wrong(report, node, expected_eam);
	good = config_type_keys(report, node, keys, sizeof(keys) / sizeof(*keys));
	good = read_side(report, node, "ipv4", true, &eam->ipv4) && good;
	good = read_side(report, node, "ipv6", false, &eam->ipv6) && good;
	/* RFC 7757 3.1: every IPv4 address needs an IPv6 address of its own. */
	if (good && V6_BITS - eam->ipv4.len > V6_BITS - eam->ipv6.len) {
		config_report_error(report, node->pos, "the IPv6 prefix is smaller than the IPv4 "
				    "prefix (RFC 7757 section 3.1): /%u or shorter is needed",
				    eam->ipv4.len);
		good = false;
	}
	return good;
}

/* RFC 7757 3.1: no prefix twice; a longer one within another is what LPM is for. */
static bool eam_fits(struct config_report *report, const struct yaml_node *node, const void *before,
		     size_t n, const void *entry)
{
	const struct eam *all = before, *eam = entry;

	for (size_t i = 0; i < n; i++) {
		if (prefix_equal(&all[i].ipv4, &eam->ipv4) ||
		    prefix_equal(&all[i].ipv6, &eam->ipv6)) {
			config_report_error(report, node->pos, "has a prefix of entry %zu of this "
					    "list again", i + 1);
			return false;
		}
	}
	return true;
}

static void print_eam(FILE *out, const struct config_row *row, const struct config *config,
		      int indent)
{
	struct eam *const *all = config_at_const(config, row->offset);
	const size_t *n = config_at_const(config, row->also);
	char text[PREFIX_STRLEN];

	fputs(*n ? "\n" : " []\n", out);
	for (size_t i = 0; i < *n; i++) {
		fprintf(out, "%*s- ipv4: %s\n", indent, "", prefix_format(&(*all)[i].ipv4, text));
		fprintf(out, "%*s  ipv6: ", indent, "");
		config_type_print_scalar(out, prefix_format(&(*all)[i].ipv6, text));
		fputc('\n', out);
	}
}

static const struct entry_kind eam_kind = { sizeof(struct eam), read_eam_entry, eam_fits };

static bool read_eam(struct config_report *report, const struct config_row *row,
		     const struct yaml_node *node, struct config *config)
{
	return read_array(report, row, node, config, &eam_kind);
}

/* ---- static bindings ---------------------------------------------------------------- */

static const char expected_static[] =
	"a mapping such as {proto: tcp, outside: \"198.51.100.1:2222\", "
	"inside: \"[2001:db8:1::7]:22\"}";
static const char expected_proto[] = "tcp, udp or icmp";
static const char expected_outside[] =
	"an IPv4 address with a port such as \"198.51.100.1:2222\", or a port of the uplink's";
static const char expected_inside[] =
	"an IPv6 address with a port such as \"[2001:db8:1::7]:22\"";

static const char *const proto_words[] = {
	[CONFIG_TCP] = "tcp", [CONFIG_UDP] = "udp", [CONFIG_ICMP] = "icmp",
};

static bool read_proto(struct config_report *report, const struct yaml_node *entry,
		       enum config_proto *proto)
{
	const struct yaml_node *node = config_type_scalar(report, entry, "proto", expected_proto);

	if (!node)
		return false;
	for (*proto = CONFIG_TCP; *proto <= CONFIG_ICMP; ++*proto)
		if (config_type_is_word(node, proto_words[*proto]))
			return true;
	return config_type_wrong(report, node, expected_proto);
}

static bool read_outside(struct config_report *report, const struct yaml_node *entry,
			 struct static_binding *binding)
{
	const struct yaml_node *node = config_type_scalar(report, entry, "outside",
							  expected_outside);
	struct port_range port;
	unsigned int first;

	if (!node)
		return false;
	binding->outside_auto = config_value_ports(node->text, &port) && port.first == port.last;
	if (binding->outside_auto) {
		binding->outside = (struct endpoint){ addr_from_v4(0), port.first };
		return true;
	}
	if (!endpoint_parse(node->text, 0, &binding->outside) || !binding->outside.port ||
	    !addr_is_v4(&binding->outside.addr))
		return config_type_wrong(report, node, expected_outside);
	first = binding->outside.addr.s6_addr[12];
	if (first == 0 || first == 127 || first >= 224) {
		config_report_error(report, node->pos, "`%.60s' is not a unicast address",
				    node->text);
		return false;
	}
	return true;
}

static bool read_inside(struct config_report *report, const struct yaml_node *entry,
			struct static_binding *binding)
{
	const struct yaml_node *node = config_type_scalar(report, entry, "inside", expected_inside);

	if (!node)
		return false;
	if (!endpoint_parse(node->text, 0, &binding->inside) || !binding->inside.port ||
	    addr_is_v4(&binding->inside.addr))
		return config_type_wrong(report, node, expected_inside);
	if (IN6_IS_ADDR_UNSPECIFIED(&binding->inside.addr) ||
	    IN6_IS_ADDR_LOOPBACK(&binding->inside.addr) ||
	    IN6_IS_ADDR_LINKLOCAL(&binding->inside.addr) ||
	    IN6_IS_ADDR_MULTICAST(&binding->inside.addr)) {
		config_report_error(report, node->pos, "`%.60s' is not the address of a server",
				    node->text);
		return false;
	}
	return true;
}

static bool read_static_entry(struct config_report *report, const struct yaml_node *node,
			      void *entry)
{
	static const char *const keys[] = { "proto", "outside", "inside" };
	struct static_binding *binding = entry;
	bool good;

	if (node->kind != YAML_MAP)
		return config_type_wrong(report, node, expected_static);
	good = config_type_keys(report, node, keys, sizeof(keys) / sizeof(*keys));
	good = read_proto(report, node, &binding->proto) && good;
	good = read_outside(report, node, binding) && good;
	return read_inside(report, node, binding) && good;
}

/* A BIB is a bijection (RFC 6146 3.1): neither side may stand in it twice. */
static bool static_fits(struct config_report *report, const struct yaml_node *node,
			const void *before, size_t n, const void *entry)
{
	const struct static_binding *all = before, *binding = entry;

	for (size_t i = 0; i < n; i++) {
		if (all[i].proto != binding->proto)
			continue;
		if (endpoint_equal(&all[i].inside, &binding->inside) ||
		    (all[i].outside_auto == binding->outside_auto &&
		     endpoint_equal(&all[i].outside, &binding->outside))) {
			config_report_error(report, node->pos, "has a side of entry %zu of this "
					    "list again", i + 1);
			return false;
		}
	}
	return true;
}

static const struct entry_kind static_kind = {
	sizeof(struct static_binding), read_static_entry, static_fits
};

static bool read_static(struct config_report *report, const struct config_row *row,
			const struct yaml_node *node, struct config *config)
{
	return read_array(report, row, node, config, &static_kind);
}

static void print_static(FILE *out, const struct config_row *row, const struct config *config,
			 int indent)
{
	struct static_binding *const *all = config_at_const(config, row->offset);
	const size_t *n = config_at_const(config, row->also);
	char text[ENDPOINT_STRLEN];

	fputs(*n ? "\n" : " []\n", out);
	for (size_t i = 0; i < *n; i++) {
		const struct static_binding *binding = &(*all)[i];

		fprintf(out, "%*s- proto: %s\n", indent, "", proto_words[binding->proto]);
		fprintf(out, "%*s  outside: ", indent, "");
		if (binding->outside_auto)
			fprintf(out, "%u", binding->outside.port);
		else
			config_type_print_scalar(out, endpoint_format(&binding->outside, text));
		fprintf(out, "\n%*s  inside: ", indent, "");
		config_type_print_scalar(out, endpoint_format(&binding->inside, text));
		fputc('\n', out);
	}
}

const struct config_type config_type_eam = {
	.expected = "a list", .read = read_eam, .print = print_eam, .free = free_array
};
const struct config_type config_type_static = {
	.expected = "a list", .read = read_static, .print = print_static, .free = free_array
};
