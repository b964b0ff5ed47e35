/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config_document.h"

#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "../core/config.h"
#include "../core/config_report.h"
#include "../core/config_schema.h"
#include "../core/config_type.h"
#include "../core/config_yaml.h"
#include "document.h"

enum { PATH_MAX_LEN = 64 };

/* ---- settings to JSON ------------------------------------------------------------ */

/* Names may look like numbers. */
static bool is_text(const struct config_row *row, const char *key)
{
	return row->type == &config_type_text || row->type == &config_type_names ||
	       row->type == &config_type_default_name ||
	       (key && (strcmp(key, "name") == 0 || strcmp(key, "default_name") == 0));
}

static bool is_number(const char *text)
{
	size_t digits = strspn(text, "0123456789");

	return digits > 0 && digits < 19 && !text[digits];
}

static struct json_object *scalar_json(const struct config_row *row, const struct yaml_node *node)
{
	if (node->null)
		return NULL;
	if (row->type == &config_type_bool)
		return json_object_new_boolean(strcmp(node->text, "true") == 0);
	if (is_number(node->text) && !is_text(row, node->key))
		return json_object_new_int64(strtoll(node->text, NULL, 10));
	return json_object_new_string(node->text);
}

static struct json_object *node_json(const struct config_row *row, const struct yaml_node *node)
{
	struct json_object *json;

	if (node->kind == YAML_SCALAR)
		return scalar_json(row, node);
	json = node->kind == YAML_LIST ? json_object_new_array() : json_object_new_object();
	/* No deeper than a list of mappings with lists in them */
	for (const struct yaml_node *child = node->first; json && child; child = child->next) {
		if (node->kind == YAML_LIST)
			json_object_array_add(json, node_json(row, child));
		else
			json_object_object_add(json, child->key, node_json(row, child));
	}
	return json;
}

/* What config_print() says of a setting, read as any configuration is */
static struct json_object *row_json(const struct config *config, size_t row)
{
	char *text = config_value(config, row), *copy = NULL;
	struct config_report *report = calloc(1, sizeof(*report));
	struct yaml_node *node = NULL;
	struct json_object *json = NULL;

	if (text && report)
		copy = calloc(1, strlen(text) + CONFIG_YAML_SLACK);
	if (copy) {
		*report = (struct config_report){ .name = "", .text = strcpy(copy, text),
						  .len = strlen(text) };
		node = config_yaml_read(report);
	}
	if (node)
		json = node_json(&config_rows[row], node);
	config_yaml_free(node);
	free(copy);
	free(report);
	free(text);
	return json;
}

struct json_object *config_document_place(struct json_object *settings, const char *path,
					  const char **name)
{
	char group[PATH_MAX_LEN];
	const char *dot;

	for (; (dot = strchr(path, '.')); path = dot + 1) {
		struct json_object *inner;

		snprintf(group, sizeof(group), "%.*s", (int)(dot - path), path);
		inner = document_get(settings, group);
		if (!inner) {
			inner = json_object_new_object();
			json_object_object_add(settings, group, inner);
		}
		settings = inner;
	}
	*name = path;
	return settings;
}

struct json_object *config_document_value(struct json_object *settings, const char *path)
{
	const char *name;
	struct json_object *group = config_document_place(settings, path, &name);

	return document_get(group, name);
}

struct json_object *config_document(const struct config *config)
{
	struct json_object *document = document_new(CONFIG_SCHEMA);
	struct json_object *settings = json_object_new_object();

	if (!document || !settings) {
		json_object_put(settings);
		json_object_put(document);
		return NULL;
	}
	document_text(document, "file", config->file);
	json_object_object_add(document, "settings", settings);
	for (size_t i = 0; i < config_n_rows; i++) {
		const char *name;
		struct json_object *group =
			config_document_place(settings, config_rows[i].path, &name);

		json_object_object_add(group, name, row_json(config, i));
	}
	return document;
}

/* ---- JSON to YAML ---------------------------------------------------------------- */

static void print_scalar(struct json_object *value, FILE *out)
{
	if (json_object_is_type(value, json_type_string))
		config_type_print_scalar(out, json_object_get_string(value));
	else
		fputs(json_object_to_json_string(value), out);
}

static size_t length_of(struct json_object *value)
{
	return json_object_is_type(value, json_type_array) ? json_object_array_length(value) : 0;
}

/* What stands on the line of the key: a scalar, an empty list */
static void print_head(struct json_object *value, FILE *out)
{
	bool list = json_object_is_type(value, json_type_array);

	if (list || json_object_is_type(value, json_type_object)) {
		fputs(list && !length_of(value) ? " []" : "", out);
		return;
	}
	fputc(' ', out);
	print_scalar(value, out);
}

static void print_body(struct json_object *value, FILE *out, int indent);

/* "- name: a", and its other members below */
static void print_item(struct json_object *item, FILE *out, int indent)
{
	const char *lead = "- ";

	if (!json_object_is_type(item, json_type_object)) {
		fprintf(out, "%*s- ", indent, "");
		print_scalar(item, out);
		fputc('\n', out);
		return;
	}
	json_object_object_foreach(item, key, value) {
		fprintf(out, "%*s%s%s:", indent, "", lead, key);
		print_head(value, out);
		fputc('\n', out);
		print_body(value, out, indent + 4);
		lead = "  ";
	}
}

/* What stands below it: the items of a list */
static void print_body(struct json_object *value, FILE *out, int indent)
{
	for (size_t i = 0; i < length_of(value); i++)
		print_item(json_object_array_get_idx(value, i), out, indent);
}

void config_document_yaml(struct json_object *settings, FILE *out,
			  void (*comment)(void *arg, const char *path, FILE *out), void *arg)
{
	const char *before = "";

	for (size_t i = 0; i < config_n_rows; i++) {
		const char *path = config_rows[i].path, *dot = strrchr(path, '.');
		struct json_object *value = config_document_value(settings, path);
		int indent = config_heading(before, path, out);

		fprintf(out, "%*s%s:", indent, "", dot ? dot + 1 : path);
		print_head(value, out);
		comment(arg, path, out);
		fputc('\n', out);
		print_body(value, out, indent + 2);
		before = path;
	}
}
