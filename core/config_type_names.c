/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The type of lists of domain names: sorted, as config_names.h searches them. */
#include <stdlib.h>
#include <string.h>

#include "config_report.h"
#include "config_schema.h"
#include "config_type.h"
#include "config_value.h"
#include "config_yaml.h"

static const char expected_name[] = "a domain name such as lan.example";

/* A name and where it stands in the file */
struct place {
	char *name;
	size_t pos;
};

static int compare_places(const void *a, const void *b)
{
	const struct place *one = a, *other = b;
	int order = strcmp(one->name, other->name);

	return order ? order : (one->pos > other->pos) - (one->pos < other->pos);
}

/* What config_value_domain() refuses for a reason that is not plain to see, or NULL */
static const char *name_problem(const char *text)
{
	if (strcmp(text, ".") == 0)
		return "the root would be every name";
	if (strncmp(text, "*.", 2) == 0)
		return "a name stands for all below it, without an asterisk";
	for (const char *p = text; *p; p++)
		if (*p < '!' || *p > '~')
			return "only ASCII; other scripts are written xn--...";
	return NULL;
}

static bool read_one(struct config_report *report, const struct yaml_node *node,
		     struct place *place)
{
	char name[CONFIG_DOMAIN_STRLEN];
	const char *problem;

	if (node->kind != YAML_SCALAR || node->null)
		return config_type_wrong(report, node, expected_name);
	problem = name_problem(node->text);
	if (problem) {
		config_report_error(report, node->pos, "expected %s, found `%.60s': %s",
				    expected_name, node->text, problem);
		return false;
	}
	if (!config_value_domain(node->text, name))
		return config_type_wrong(report, node, expected_name);
	place->name = strdup(name);
	place->pos = node->pos;
	return place->name || config_type_no_memory(report);
}

/* Each once. */
static bool are_different(struct config_report *report, const struct place *places, size_t n)
{
	bool good = true;

	for (size_t i = 1; i < n; i++) {
		if (strcmp(places[i].name, places[i - 1].name) == 0) {
			config_report_error(report, places[i].pos, "%s is listed twice",
					    places[i].name);
			good = false;
		}
	}
	return good;
}

static bool read_names(struct config_report *report, const struct config_row *row,
		       const struct yaml_node *node, struct config *config)
{
	struct name_list *list = config_at(config, row->offset);
	struct place *places;
	bool good = true;

	if (!config_type_list(report, row, node))
		return false;
	places = calloc(node->n + 1, sizeof(*places));
	list->v = calloc(node->n + 1, sizeof(*list->v));
	if (!places || !list->v) {
		free(places);
		return config_type_no_memory(report);
	}
	for (const struct yaml_node *item = node->first; item; item = item->next) {
		if (read_one(report, item, &places[list->n]))
			list->n++;
		else
			good = false;
	}
	qsort(places, list->n, sizeof(*places), compare_places);
	good = are_different(report, places, list->n) && good;
	for (size_t i = 0; i < list->n; i++)
		list->v[i] = places[i].name;
	free(places);
	return good;
}

static void print_names(FILE *out, const struct config_row *row, const struct config *config,
			int indent)
{
	const struct name_list *list = config_at_const(config, row->offset);

	fputs(list->n ? "\n" : " []\n", out);
	for (size_t i = 0; i < list->n; i++) {
		fprintf(out, "%*s- ", indent, "");
		config_type_print_scalar(out, list->v[i]);
		fputc('\n', out);
	}
}

static void free_names(const struct config_row *row, struct config *config)
{
	struct name_list *list = config_at(config, row->offset);

	for (size_t i = 0; i < list->n; i++)
		free(list->v[i]);
	free(list->v);
	*list = (struct name_list){ 0 };
}

const struct config_type config_type_names = {
	.expected = "a list of domain names",
	.read = read_names, .print = print_names, .free = free_names
};
