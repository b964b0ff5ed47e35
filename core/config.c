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

/* Where each setting stands, for those who ask later */
static void note_lines(struct reading *reading)
{
	for (size_t i = 0; i < config_n_rows; i++)
		if (reading->given[i])
			reading->config->lines[i] =
				config_report_line(reading->report, reading->given[i]->key_pos);
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
	note_lines(reading);
	read_rows(reading);
	if (root->whole)	/* what was not read any more could mend the rest */
		config_check(&source);
	config_yaml_free(root);
}

/* Where problems go: written, or told */
struct listener {
	FILE *errors;		/* NULL: */
	config_tell *tell;
	void *arg;
};

static void hand_over(const struct listener *listener, struct config_report *report)
{
	if (listener->errors)
		config_report_write(report, listener->errors);
	else
		config_report_tell(report, listener->tell, listener->arg);
}

/* Hand over that nothing could be read. Return: NULL. */
static struct config *unread(const struct listener *listener, const char *name,
			     const char *why, const char *reason)
{
	struct config_report report = { .name = name };

	config_report_error(&report, CONFIG_NOWHERE, "%s%s", why, reason);
	hand_over(listener, &report);
	return NULL;
}

/* @copy: @len bytes and the slack that config_yaml_read() wants. */
static struct config *read_copy(const char *name, const char *copy, size_t len,
				const struct listener *listener)
{
	struct config_report *report = calloc(1, sizeof(*report));
	struct config *config = calloc(1, sizeof(*config));
	struct reading reading = { .config = config, .report = report };
	bool good = false;

	if (report && config) {
		*report = (struct config_report){ .name = name, .text = copy, .len = len };
		read_text(&reading);
		hand_over(listener, report);
		good = report->n_errors == 0;
	} else {
		unread(listener, name, "out of memory", "");
	}
	free(report);
	if (good)
		return config;
	config_free(config);
	return NULL;
}

static struct config *parse(const char *name, const char *text, size_t len,
			    const struct listener *listener)
{
	char *copy = len <= FILE_MAX ? calloc(1, len + CONFIG_YAML_SLACK) : NULL;
	struct config *config;

	if (!copy)
		return unread(listener, name,
			      len > FILE_MAX ? "larger than 1 MiB" : "out of memory", "");
	memcpy(copy, text, len);
	config = read_copy(name, copy, len, listener);
	free(copy);
	return config;
}

struct config *config_parse(const char *name, const char *text, size_t len, FILE *errors)
{
	const struct listener listener = { .errors = errors };

	return parse(name, text, len, &listener);
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

static struct config *load(const char *path, const struct listener *listener)
{
	struct config *config;
	size_t len = 0;
	char *text;

	if (!path)
		return parse("defaults", "", 0, listener);
	text = read_file(path, &len);
	if (!text)
		return unread(listener, path, "cannot be read: ", strerror(errno));
	config = parse(path, text, len, listener);
	free(text);
	if (config)
		config->file = strdup(path);
	return config;
}

struct config *config_load(const char *path, FILE *errors)
{
	const struct listener listener = { .errors = errors };

	return load(path, &listener);
}

struct config *config_load_telling(const char *path, config_tell *tell, void *arg)
{
	const struct listener listener = { .tell = tell, .arg = arg };

	return load(path, &listener);
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

int config_heading(const char *before, const char *path, FILE *out)
{
	size_t same = common_groups(before, path), len;
	const char *name = path;
	int indent = 0;

	for (; name[len = strcspn(name, ".")]; name += len + 1, indent += 2)
		if ((size_t)(name - path) >= same)
			fprintf(out, "%*s%.*s:\n", indent, "", (int)len, name);
	return indent;
}

void config_print(const struct config *config, FILE *out)
{
	const char *before = "";

	for (size_t i = 0; i < config_n_rows; i++) {
		const struct config_row *row = &config_rows[i];
		int indent = config_heading(before, row->path, out);

		const char *dot = strrchr(row->path, '.');

		fprintf(out, "%*s%s:", indent, "", dot ? dot + 1 : row->path);
		row->type->print(out, row, config, indent + 2);
		before = row->path;
	}
}

char *config_value(const struct config *config, size_t row)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	if (!out)
		return NULL;
	config_rows[row].type->print(out, &config_rows[row], config, 0);
	fclose(out);
	return text;
}

bool config_same(const struct config *a, const struct config *b,
		 bool (*matters)(const char *path))
{
	bool same = true;

	for (size_t i = 0; i < config_n_rows && same; i++) {
		char *text_a, *text_b;

		if (!matters(config_rows[i].path))
			continue;
		text_a = config_value(a, i);
		text_b = config_value(b, i);
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
	free(config->file);
	free(config);
}
