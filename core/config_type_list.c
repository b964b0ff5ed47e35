/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The types of prefixes and endpoints: one, a list, or a keyword for a list. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config_report.h"
#include "config_schema.h"
#include "config_type.h"
#include "config_yaml.h"

enum { MAPPED_LEN = 96 };	/* ::ffff:0:0/96, all of IPv4 */

/* Does the row's keyword stand instead of a list? Sets the row's flag. */
static bool read_keyword(const struct config_row *row, const struct yaml_node *node,
			 struct config *config)
{
	bool *flag;

	if (!row->keyword)
		return false;
	flag = config_at(config, row->also);
	*flag = config_type_is_word(node, row->keyword);
	return *flag;
}

static bool keyword_stands(const struct config_row *row, const struct config *config)
{
	return row->keyword && *(const bool *)config_at_const(config, row->also);
}

/* [::] and [2001:db8::] are mappings to YAML: their last colon makes a key of them. */
static bool wrong_entry(struct config_report *report, const struct yaml_node *node,
			const char *expected)
{
	if (node->kind != YAML_MAP || node->n != 1 || !node->first->null)
		return config_type_wrong(report, node, expected);
	config_report_error(report, node->pos, "expected %s, found a mapping "
			    "(an address that ends in a colon needs quotes)", expected);
	return false;
}

/* ---- prefixes ------------------------------------------------------------------ */

static const char *family_problem(const struct config_row *row, const struct prefix *prefix)
{
	if (row->family == CONFIG_IPV4 && !prefix_is_v4(prefix))
		return "is not an IPv4 prefix";
	if (row->family == CONFIG_IPV6 && prefix_is_v4(prefix))
		return "is not an IPv6 prefix";
	return row->problem.prefix ? row->problem.prefix(prefix) : NULL;
}

static bool read_one_prefix(struct config_report *report, const struct config_row *row,
			    const struct yaml_node *node, struct prefix *prefix)
{
	static const char *const expected[] = {
		[CONFIG_ANY] = "a prefix such as 2001:db8::/64 or 192.0.2.0/24",
		[CONFIG_IPV4] = "an IPv4 prefix such as 192.0.2.0/24",
		[CONFIG_IPV6] = "an IPv6 prefix such as 2001:db8::/64",
		[CONFIG_AAAA] = "an IPv6 prefix such as 2001:db8::/64",
	};
	const char *problem;

	if (node->kind != YAML_SCALAR || node->null)
		return wrong_entry(report, node, expected[row->family]);
	problem = prefix_parse(node->text, prefix);
	if (problem) {
		config_report_error(report, node->pos, "expected %s, found `%.60s': %s",
				    expected[row->family], node->text, problem);
		return false;
	}
	problem = family_problem(row, prefix);
	if (problem)
		config_report_error(report, node->pos, "`%.60s' %s", node->text, problem);
	return !problem;
}

static const char *format_prefix(const struct config_row *row, const struct prefix *prefix,
				 char *text)
{
	/* Only where IPv6 prefixes are meant does all of IPv4 keep its IPv6 form. */
	if (row->family != CONFIG_AAAA && prefix_is_v4(prefix) && prefix->len == MAPPED_LEN)
		return strcpy(text, "0.0.0.0/0");
	return prefix_format(prefix, text);
}

static bool read_prefix(struct config_report *report, const struct config_row *row,
			const struct yaml_node *node, struct config *config)
{
	return read_one_prefix(report, row, node, config_at(config, row->offset));
}

static void print_prefix(FILE *out, const struct config_row *row, const struct config *config,
			 int indent)
{
	char text[PREFIX_STRLEN];

	(void)indent;
	fputc(' ', out);
	config_type_print_scalar(out, format_prefix(row, config_at_const(config, row->offset), text));
	fputc('\n', out);
}

bool config_type_read_prefixes(struct config_report *report, const struct config_row *row,
			       const struct yaml_node *node, struct prefix_list *list)
{
	bool good = true;
	struct prefix prefix;

	if (!config_type_list(report, row, node))
		return false;
	for (const struct yaml_node *item = node->first; item; item = item->next) {
		if (!read_one_prefix(report, row, item, &prefix))
			good = false;
		else if (prefix_list_add(list, &prefix) < 0)
			return config_type_no_memory(report);
	}
	return good;
}

static bool read_prefixes(struct config_report *report, const struct config_row *row,
			  const struct yaml_node *node, struct config *config)
{
	return read_keyword(row, node, config) ||
	       config_type_read_prefixes(report, row, node, config_at(config, row->offset));
}

/* "keyword" or "[]" where the row stands so; else the line ends for a block list. */
static bool print_list_head(FILE *out, const struct config_row *row,
			    const struct config *config, size_t n)
{
	bool keyword = keyword_stands(row, config);

	if (keyword)
		fprintf(out, " %s\n", row->keyword);
	else
		fputs(n ? "\n" : " []\n", out);
	return !keyword;
}

void config_type_print_prefixes(FILE *out, const struct config_row *row,
				const struct prefix_list *list, int indent)
{
	char text[PREFIX_STRLEN];

	for (size_t i = 0; i < list->n; i++) {
		fprintf(out, "%*s- ", indent, "");
		config_type_print_scalar(out, format_prefix(row, &list->v[i], text));
		fputc('\n', out);
	}
}

static void print_prefixes(FILE *out, const struct config_row *row,
			   const struct config *config, int indent)
{
	const struct prefix_list *list = config_at_const(config, row->offset);

	if (print_list_head(out, row, config, list->n))
		config_type_print_prefixes(out, row, list, indent);
}

static void free_prefixes(const struct config_row *row, struct config *config)
{
	prefix_list_free(config_at(config, row->offset));
}

/* ---- endpoints ------------------------------------------------------------------- */

static bool read_one_endpoint(struct config_report *report, const struct config_row *row,
			      const struct yaml_node *node, const char *expected,
			      struct endpoint *ep)
{
	const char *problem;

	if (node->kind != YAML_SCALAR || node->null)
		return wrong_entry(report, node, expected);
	if (!endpoint_parse(node->text, row->port, ep))
		return config_type_wrong(report, node, expected);
	problem = ep->port ? NULL : "names no port";
	if (!problem && row->problem.endpoint)
		problem = row->problem.endpoint(ep);
	if (problem)
		config_report_error(report, node->pos, "`%.60s' %s", node->text, problem);
	return !problem;
}

/* The keyword leaves zeros, which are no endpoint. */
static bool read_endpoint(struct config_report *report, const struct config_row *row,
			  const struct yaml_node *node, struct config *config)
{
	if (row->keyword && config_type_is_word(node, row->keyword))
		return true;
	return read_one_endpoint(report, row, node, config_type_expected(row),
				 config_at(config, row->offset));
}

static void print_endpoint(FILE *out, const struct config_row *row, const struct config *config,
			   int indent)
{
	const struct endpoint *ep = config_at_const(config, row->offset);
	char text[ENDPOINT_STRLEN];

	(void)indent;
	fputc(' ', out);
	config_type_print_scalar(out, ep->port ? endpoint_format(ep, text) : row->keyword);
	fputc('\n', out);
}

static int add_endpoint(struct endpoint_list *list, const struct endpoint *ep)
{
	struct endpoint *v;

	for (size_t i = 0; i < list->n; i++)
		if (endpoint_equal(&list->v[i], ep))
			return -EEXIST;
	v = reallocarray(list->v, list->n + 1, sizeof(*v));
	if (!v)
		return -ENOMEM;
	list->v = v;
	list->v[list->n++] = *ep;
	return 0;
}

bool config_type_read_endpoints(struct config_report *report, const struct config_row *row,
				const struct yaml_node *node, struct endpoint_list *list)
{
	static const char expected[] =
		"an address such as 192.0.2.1, \"2001:db8::1\" or \"[2001:db8::1]:5300\"";
	char text[ENDPOINT_STRLEN];
	bool good = true;
	struct endpoint ep;
	int err;

	if (!config_type_list(report, row, node))
		return false;
	for (const struct yaml_node *item = node->first; item; item = item->next) {
		if (!read_one_endpoint(report, row, item, expected, &ep)) {
			good = false;
			continue;
		}
		err = add_endpoint(list, &ep);
		if (err == -ENOMEM)
			return config_type_no_memory(report);
		if (err < 0) {
			config_report_error(report, item->pos, "%s is listed twice",
					    endpoint_format(&ep, text));
			good = false;
		}
	}
	return good;
}

static bool read_endpoints(struct config_report *report, const struct config_row *row,
			   const struct yaml_node *node, struct config *config)
{
	return read_keyword(row, node, config) ||
	       config_type_read_endpoints(report, row, node, config_at(config, row->offset));
}

static void print_endpoints(FILE *out, const struct config_row *row,
			    const struct config *config, int indent)
{
	const struct endpoint_list *list = config_at_const(config, row->offset);
	char text[ENDPOINT_STRLEN];

	if (!print_list_head(out, row, config, list->n))
		return;
	for (size_t i = 0; i < list->n; i++) {
		fprintf(out, "%*s- ", indent, "");
		config_type_print_scalar(out, endpoint_format(&list->v[i], text));
		fputc('\n', out);
	}
}

static void free_endpoints(const struct config_row *row, struct config *config)
{
	struct endpoint_list *list = config_at(config, row->offset);

	free(list->v);
	*list = (struct endpoint_list){ 0 };
}

const struct config_type config_type_prefix = {
	.expected = "a prefix", .read = read_prefix, .print = print_prefix
};
const struct config_type config_type_prefixes = {
	.expected = "a list of prefixes",
	.read = read_prefixes, .print = print_prefixes, .free = free_prefixes
};
const struct config_type config_type_endpoint = {
	.expected = "an address and a port", .read = read_endpoint, .print = print_endpoint
};
const struct config_type config_type_endpoints = {
	.expected = "a list of addresses",
	.read = read_endpoints, .print = print_endpoints, .free = free_endpoints
};
