/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The scalar types, and what all types share. */
#include "config_type.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "config_report.h"
#include "config_schema.h"
#include "config_value.h"
#include "config_yaml.h"

/* ---- shared ---------------------------------------------------------------- */

const char *config_type_expected(const struct config_row *row)
{
	return row->expected ? row->expected : row->type->expected;
}

bool config_type_wrong(struct config_report *report, const struct yaml_node *node,
		       const char *expected)
{
	size_t pos = node->pos;

	if (node->null)
		config_report_error(report, pos, "expected %s, found nothing", expected);
	else if (node->kind == YAML_SCALAR)
		config_report_error(report, pos, "expected %s, found `%.60s%s'", expected,
				    node->text, strlen(node->text) > 60 ? "..." : "");
	else
		config_report_error(report, pos, "expected %s, found a %s", expected,
				    node->kind == YAML_LIST ? "list" : "mapping");
	return false;
}

bool config_type_is_word(const struct yaml_node *node, const char *word)
{
	return node->kind == YAML_SCALAR && strcmp(node->text, word) == 0;
}

bool config_type_list(struct config_report *report, const struct config_row *row,
		      const struct yaml_node *node)
{
	if (node->kind != YAML_LIST)
		return config_type_wrong(report, node, config_type_expected(row));
	if (!node->n && row->empty) {
		config_report_error(report, node->pos, "%s", row->empty);
		return false;
	}
	if (node->n > row->max) {
		config_report_error(report, node->pos, "%zu entries, at most %u are possible",
				    node->n, (unsigned int)row->max);
		return false;
	}
	return true;
}

static bool key_is_known(struct config_report *report, const struct yaml_node *node,
			 const char *const *names, size_t n)
{
	const char *near;

	for (size_t i = 0; i < n; i++)
		if (strcmp(node->key, names[i]) == 0)
			return true;
	near = config_value_nearest(node->key, names, n);
	if (near)
		config_report_error(report, node->key_pos,
				    "unknown key `%.60s'; did you mean `%s'?", node->key, near);
	else
		config_report_error(report, node->key_pos, "unknown key `%.60s'", node->key);
	return false;
}

bool config_type_keys(struct config_report *report, const struct yaml_node *map,
		      const char *const *names, size_t n)
{
	bool good = true;

	for (const struct yaml_node *node = map->first; node; node = node->next) {
		const struct yaml_node *same = config_yaml_member(map, node->key);

		if (same != node) {
			config_report_error(report, node->key_pos,
					    "key `%.60s' stands on line %u already", node->key,
					    config_report_line(report, same->key_pos));
			good = false;
		} else if (!key_is_known(report, node, names, n)) {
			good = false;
		}
	}
	return good;
}

bool config_type_no_memory(struct config_report *report)
{
	config_report_error(report, CONFIG_NOWHERE, "out of memory");
	return false;
}

void config_type_print_scalar(FILE *out, const char *text)
{
	bool plain = isalnum((unsigned char)text[0]) || text[0] == '/';

	for (const char *p = text; *p && plain; p++)
		plain = isalnum((unsigned char)*p) || strchr("/._-", *p);
	if (plain && strcmp(text, "null") != 0) {
		fputs(text, out);
		return;
	}
	fputc('"', out);
	for (const char *p = text; *p; p++) {
		if (*p == '"' || *p == '\\')
			fputc('\\', out);
		fputc(*p, out);
	}
	fputc('"', out);
}

/* ---- yes or no, words -------------------------------------------------------- */

static bool read_bool(struct config_report *report, const struct config_row *row,
		      const struct yaml_node *node, struct config *config)
{
	bool *value = config_at(config, row->offset);

	*value = config_type_is_word(node, "true");
	if (!*value && !config_type_is_word(node, "false"))
		return config_type_wrong(report, node, config_type_expected(row));
	return true;
}

static void print_bool(FILE *out, const struct config_row *row, const struct config *config,
		       int indent)
{
	const bool *value = config_at_const(config, row->offset);

	(void)indent;
	fprintf(out, " %s\n", *value ? "true" : "false");
}

bool config_type_scan_word(struct config_report *report, const struct yaml_node *node,
			   const char *const *words, const char *expected, unsigned int *value)
{
	const char *near;
	unsigned int n;

	for (n = 0; words[n]; n++) {
		if (config_type_is_word(node, words[n])) {
			*value = n;
			return true;
		}
	}
	near = node->kind == YAML_SCALAR ? config_value_nearest(node->text, words, n) : NULL;
	if (!near)
		return config_type_wrong(report, node, expected);
	config_report_error(report, node->pos, "expected %s, found `%.60s'; did you mean `%s'?",
			    expected, node->text, near);
	return false;
}

/* An enumeration is an unsigned int to both compilers; config_schema.c asserts it. */
static bool read_word(struct config_report *report, const struct config_row *row,
		      const struct yaml_node *node, struct config *config)
{
	unsigned int value;

	if (!config_type_scan_word(report, node, row->words, config_type_expected(row), &value))
		return false;
	memcpy(config_at(config, row->offset), &value, sizeof(value));
	return true;
}

static void print_word(FILE *out, const struct config_row *row, const struct config *config,
		       int indent)
{
	unsigned int value;

	(void)indent;
	memcpy(&value, config_at_const(config, row->offset), sizeof(value));
	fprintf(out, " %s\n", row->words[value]);
}

/* ---- numbers ------------------------------------------------------------------- */

/* A number within the row's bounds; false after reporting. */
static bool read_number(struct config_report *report, const struct config_row *row,
			const struct yaml_node *node, const struct config_number *number,
			uint64_t *value)
{
	const char *clause = row->clause ? row->clause : "";
	const char *comma = row->clause ? ": " : "";
	char bound[CONFIG_VALUE_STRLEN];

	if (node->kind != YAML_SCALAR || !number->scan(node->text, value))
		return config_type_wrong(report, node, config_type_expected(row));
	if (*value < row->min) {
		config_report_error(report, node->pos, "must be at least %s%s%s",
				    number->format(row->min, bound), row->advised ? "" : comma,
				    row->advised ? "" : clause);
		return false;
	}
	if (*value > row->max) {
		config_report_error(report, node->pos, "must be at most %s",
				    number->format(row->max, bound));
		return false;
	}
	if (*value < row->advised)
		config_report_warning(report, node->pos, "less than %s%s%s",
				      number->format(row->advised, bound), comma, clause);
	return true;
}

static bool read_u32(struct config_report *report, const struct config_row *row,
		     const struct yaml_node *node, struct config *config,
		     const struct config_number *number)
{
	uint32_t *place32 = config_at(config, row->offset);
	uint64_t value;

	if (!read_number(report, row, node, number, &value))
		return false;
	*place32 = (uint32_t)value;	/* no row's max is beyond it */
	return true;
}

static void print_u32(FILE *out, const struct config_row *row, const struct config *config,
		      const struct config_number *number)
{
	const uint32_t *value = config_at_const(config, row->offset);
	char text[CONFIG_VALUE_STRLEN];

	fprintf(out, " %s\n", number->format(*value, text));
}

static bool read_count(struct config_report *report, const struct config_row *row,
		       const struct yaml_node *node, struct config *config)
{
	return read_u32(report, row, node, config, &config_number_count);
}

static void print_count(FILE *out, const struct config_row *row, const struct config *config,
			int indent)
{
	(void)indent;
	print_u32(out, row, config, &config_number_count);
}

static bool read_duration(struct config_report *report, const struct config_row *row,
			  const struct yaml_node *node, struct config *config)
{
	if (row->keyword && config_type_is_word(node, row->keyword))
		return true;	/* the zero that is there */
	return read_u32(report, row, node, config, &config_number_duration);
}

static void print_duration(FILE *out, const struct config_row *row,
			   const struct config *config, int indent)
{
	const uint32_t *value = config_at_const(config, row->offset);

	(void)indent;
	if (row->keyword && !*value)
		fprintf(out, " %s\n", row->keyword);
	else
		print_u32(out, row, config, &config_number_duration);
}

static bool read_rate(struct config_report *report, const struct config_row *row,
		      const struct yaml_node *node, struct config *config)
{
	return read_u32(report, row, node, config, &config_number_rate);
}

static void print_rate(FILE *out, const struct config_row *row, const struct config *config,
		       int indent)
{
	(void)indent;
	print_u32(out, row, config, &config_number_rate);
}

static bool read_size(struct config_report *report, const struct config_row *row,
		      const struct yaml_node *node, struct config *config)
{
	return read_number(report, row, node, &config_number_size, config_at(config, row->offset));
}

static void print_size(FILE *out, const struct config_row *row, const struct config *config,
		       int indent)
{
	const uint64_t *value = config_at_const(config, row->offset);
	char text[CONFIG_VALUE_STRLEN];

	(void)indent;
	fprintf(out, " %s\n", config_number_size.format(*value, text));
}

static bool read_mtu(struct config_report *report, const struct config_row *row,
		     const struct yaml_node *node, struct config *config)
{
	uint16_t *mtu = config_at(config, row->offset);
	uint64_t value;

	if (!read_number(report, row, node, &config_number_count, &value))
		return false;
	*mtu = (uint16_t)value;
	return true;
}

static void print_mtu(FILE *out, const struct config_row *row, const struct config *config,
		      int indent)
{
	const uint16_t *value = config_at_const(config, row->offset);

	(void)indent;
	fprintf(out, " %u\n", *value);
}

static bool read_mss(struct config_report *report, const struct config_row *row,
		     const struct yaml_node *node, struct config *config)
{
	bool *is_auto = config_at(config, row->also);

	*is_auto = config_type_is_word(node, "auto");
	if (*is_auto || config_type_is_word(node, "off"))
		return true;
	return read_mtu(report, row, node, config);
}

static void print_mss(FILE *out, const struct config_row *row, const struct config *config,
		      int indent)
{
	const bool *is_auto = config_at_const(config, row->also);
	const uint16_t *value = config_at_const(config, row->offset);

	if (!*is_auto && *value)
		print_mtu(out, row, config, indent);
	else
		fprintf(out, " %s\n", *is_auto ? "auto" : "off");
}

/* ---- text ------------------------------------------------------------------------ */

static bool read_text(struct config_report *report, const struct config_row *row,
		      const struct yaml_node *node, struct config *config)
{
	char **text = config_at(config, row->offset);
	const char *problem;

	if (node->kind != YAML_SCALAR || node->null)
		return config_type_wrong(report, node, config_type_expected(row));
	if (row->keyword && config_type_is_word(node, row->keyword))
		return true;
	/* Printable ASCII alone: it ends up in logs, paths and other configuration. */
	for (const char *p = node->text; *p; p++) {
		if (*p < ' ' || *p > '~') {
			config_report_error(report, node->pos, "only printable ASCII characters");
			return false;
		}
	}
	problem = row->problem.text(node->text);
	if (problem) {
		config_report_error(report, node->pos, "`%.60s' %s", node->text, problem);
		return false;
	}
	*text = strdup(node->text);
	return *text || config_type_no_memory(report);
}

static void print_text(FILE *out, const struct config_row *row, const struct config *config,
		       int indent)
{
	char *const *text = config_at_const(config, row->offset);

	(void)indent;
	fputc(' ', out);
	config_type_print_scalar(out, *text ? *text : row->keyword);
	fputc('\n', out);
}

static void free_text(const struct config_row *row, struct config *config)
{
	char **text = config_at(config, row->offset);

	free(*text);
	*text = NULL;
}

const struct config_type config_type_bool = {
	.expected = "true or false", .read = read_bool, .print = print_bool
};
const struct config_type config_type_word = {
	.expected = "a word", .read = read_word, .print = print_word
};
const struct config_type config_type_count = {
	.expected = "a number", .read = read_count, .print = print_count
};
const struct config_type config_type_duration = {
	.expected = "a duration such as 5m, 2h4m or 250ms",
	.read = read_duration, .print = print_duration
};
const struct config_type config_type_rate = {
	.expected = "a rate such as 1000/s", .read = read_rate, .print = print_rate
};
const struct config_type config_type_size = {
	.expected = "a size such as 64MiB, 1GiB or 500KiB", .read = read_size, .print = print_size
};
const struct config_type config_type_mtu = {
	.expected = "a number of bytes", .read = read_mtu, .print = print_mtu
};
const struct config_type config_type_mss = {
	.expected = "auto, off, or a number of bytes", .read = read_mss, .print = print_mss
};
const struct config_type config_type_text = {
	.expected = "text", .read = read_text, .print = print_text, .free = free_text
};
