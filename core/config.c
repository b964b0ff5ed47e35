/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From a file to struct config and back.
 *
 *	file -> text -> tree (config_yaml) -> rows (config_schema) ->
 *	values (config_type) -> rules between them (config_check)
 *
 * Reading goes on after an error wherever that makes sense, so that one run
 * names every error. A setting that the file leaves out is read from its row's
 * default by the very same code.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config_check.h"
#include "config_report.h"
#include "config_schema.h"
#include "config_type.h"
#include "config_yaml.h"

enum { FILE_MAX = 1 << 20, PATH_STRLEN = 64 };

/* One reading of one text */
struct reading {
	struct config *config;
	struct config_report *report;
	const struct yaml_node *given[CONFIG_ROWS_MAX];	/* the file's node for a row, or NULL */
	bool good[CONFIG_ROWS_MAX];
};

static bool is_group(const char *path)
{
	size_t len = strlen(path);

	for (size_t i = 0; i < config_n_rows; i++)
		if (strncmp(config_rows[i].path, path, len) == 0 && config_rows[i].path[len] == '.')
			return true;
	return false;
}

/* Find the row of each member of a mapping, groups in turn; report what is unknown.
 * @group: "" or a path that ends in a dot. */
static void find_rows(struct reading *reading, const struct yaml_node *map, const char *group)
{
	struct config_members members;
	char path[PATH_STRLEN];

	if (map->kind != YAML_MAP) {
		if (!map->null)		/* a group whose settings are all commented out */
			config_type_wrong(reading->report, map, "a mapping of settings");
		return;
	}
	config_schema_members(group, &members);
	config_type_keys(reading->report, map, members.names, members.n);
	for (const struct yaml_node *node = map->first; node; node = node->next) {
		const struct config_row *row;
		int len = snprintf(path, sizeof(path) - 1, "%s%s", group, node->key);

		if (len >= PATH_STRLEN - 1 || config_yaml_member(map, node->key) != node)
			continue;
		row = config_schema_find(path);
		if (row) {
			reading->given[row - config_rows] = node;
		} else if (is_group(path)) {
			strcat(path, ".");
			find_rows(reading, node, path);
		}
	}
}

static bool read_default(struct reading *reading, const struct config_row *row)
{
	char text[128] = "";	/* zeros behind it, as config_yaml_read() wants */
	struct config_report *report = reading->report;
	const struct config_report file = { .name = report->name, .text = report->text,
					    .len = report->len };
	struct yaml_node *node;
	bool good;

	report->text = text;
	report->len = (size_t)snprintf(text, sizeof(text) - CONFIG_YAML_SLACK, "%s", row->initial);
	node = config_yaml_read(report);
	good = node && row->type->read(report, row, node, reading->config);
	config_yaml_free(node);
	report->text = file.text;
	report->len = file.len;
	return good;
}

static void read_rows(struct reading *reading)
{
	for (size_t i = 0; i < config_n_rows; i++) {
		const struct config_row *row = &config_rows[i];
		const struct yaml_node *node = reading->given[i];

		if (!node)
			reading->good[i] = read_default(reading, row);
		else if (node->whole)	/* else the syntax error has been reported */
			reading->good[i] = row->type->read(reading->report, row, node,
							   reading->config);
	}
}

static void read_text(struct reading *reading)
{
	const struct config_source source = {
		.config = reading->config, .report = reading->report,
		.given = reading->given, .good = reading->good,
	};
	struct yaml_node *root = config_yaml_read(reading->report);

	if (!root)
		return;
	find_rows(reading, root, "");
	read_rows(reading);
	if (root->whole)	/* what was not read any more could mend the rest */
		config_check(&source);
	config_yaml_free(root);
}

struct config *config_parse(const char *name, const char *text, size_t len, FILE *errors)
{
	struct config_report *report = calloc(1, sizeof(*report));
	struct config *config = calloc(1, sizeof(*config));
	char *copy = len <= FILE_MAX ? calloc(1, len + CONFIG_YAML_SLACK) : NULL;
	struct reading reading = { .config = config, .report = report };

	if (len > FILE_MAX || !report || !config || !copy) {
		fprintf(errors, "%s: error: %s\n", name,
			len > FILE_MAX ? "larger than 1 MiB" : "out of memory");
		goto fail;
	}
	memcpy(copy, text, len);
	*report = (struct config_report){ .name = name, .text = copy, .len = len };
	read_text(&reading);
	config_report_write(report, errors);
	if (report->n_errors)
		goto fail;
	free(copy);
	free(report);
	return config;

fail:
	free(copy);
	config_free(config);
	free(report);
	return NULL;
}

/* The whole file, at most one byte more than is accepted; NULL with errno set. */
static char *read_file(const char *path, size_t *len)
{
	FILE *file = fopen(path, "re");
	char *text;
	int err;

	if (!file)
		return NULL;
	text = malloc(FILE_MAX + 1);
	if (!text) {
		fclose(file);
		errno = ENOMEM;
		return NULL;
	}
	*len = fread(text, 1, FILE_MAX + 1, file);
	err = ferror(file) ? errno : 0;
	fclose(file);
	if (err) {
		free(text);
		text = NULL;
	}
	errno = err;
	return text;
}

struct config *config_load(const char *path, FILE *errors)
{
	struct config *config;
	size_t len = 0;
	char *text;

	if (!path)
		return config_parse("defaults", "", 0, errors);
	text = read_file(path, &len);
	if (!text) {
		fprintf(errors, "%s: error: cannot be read: %s\n", path, strerror(errno));
		return NULL;
	}
	config = config_parse(path, text, len, errors);
	free(text);
	return config;
}

/* How much of two paths, in whole groups ("nat64.timeouts."), is the same */
static size_t common_groups(const char *a, const char *b)
{
	size_t same = 0;

	for (size_t i = 0; a[i] && a[i] == b[i]; i++)
		if (a[i] == '.')
			same = i + 1;
	return same;
}

void config_print(const struct config *config, FILE *out)
{
	const char *before = "";

	for (size_t i = 0; i < config_n_rows; i++) {
		const struct config_row *row = &config_rows[i];
		const char *name = row->path;
		size_t same = common_groups(before, row->path), len;
		int indent = 0;

		for (; name[len = strcspn(name, ".")]; name += len + 1, indent += 2)
			if ((size_t)(name - row->path) >= same)
				fprintf(out, "%*s%.*s:\n", indent, "", (int)len, name);
		fprintf(out, "%*s%s:", indent, "", name);
		row->type->print(out, row, config, indent + 2);
		before = row->path;
	}
}

/* One setting as it would be printed; NULL: out of memory. */
static char *print_value(const struct config_row *row, const struct config *config)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	if (!out)
		return NULL;
	row->type->print(out, row, config, 0);
	fclose(out);
	return text;
}

bool config_same(const struct config *a, const struct config *b,
		 bool (*matters)(const char *path))
{
	bool same = true;

	for (size_t i = 0; i < config_n_rows && same; i++) {
		const struct config_row *row = &config_rows[i];
		char *text_a, *text_b;

		if (!matters(row->path))
			continue;
		text_a = print_value(row, a);
		text_b = print_value(row, b);
		same = text_a && text_b && strcmp(text_a, text_b) == 0;
		free(text_a);
		free(text_b);
	}
	return same;
}

void config_free(struct config *config)
{
	if (!config)
		return;
	for (size_t i = 0; i < config_n_rows; i++)
		if (config_rows[i].type->free)
			config_rows[i].type->free(&config_rows[i], config);
	free(config);
}
