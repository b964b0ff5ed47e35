/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "exposition.h"

#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#include "exposition_json.h"

static const char *const type_names[] = {
	[METRIC_COUNTER] = "counter",
	[METRIC_GAUGE] = "gauge",
	[METRIC_HISTOGRAM] = "histogram",
	[METRIC_INFO] = "info",
};

/* What a family's name does not have in OpenMetrics, though its samples' names do */
static const char *const suffixes[] = {
	[METRIC_COUNTER] = "_total",
	[METRIC_GAUGE] = "",
	[METRIC_HISTOGRAM] = "",
	[METRIC_INFO] = "_info",
};

static const char *const units[] = { "seconds", "bytes" };

/* Does @name, @len bytes of it, end in @end? */
static bool ends_in(const char *name, size_t len, const char *end)
{
	size_t end_len = strlen(end);

	return len >= end_len && memcmp(name + len - end_len, end, end_len) == 0;
}

/* The texts differ in this: only OpenMetrics escapes quotes there. */
static void print_help(const struct exposition *to, const char *help)
{
	for (; *help; help++) {
		if (*help == '\n')
			fputs("\\n", to->out);
		else if (*help == '\\' || (*help == '"' && to->format == EXPOSITION_OPENMETRICS))
			fprintf(to->out, "\\%c", *help);
		else
			fputc(*help, to->out);
	}
	fputc('\n', to->out);
}

/* The older format knows no infos: they are gauges there. */
void exposition_family(const struct exposition *to, const char *name, enum metric_type type,
		       const char *help)
{
	bool openmetrics = to->format == EXPOSITION_OPENMETRICS;
	size_t len = strlen(name);

	if (to->format == EXPOSITION_JSON) {
		exposition_json_family(to->families, name, type_names[type], help);
		return;
	}
	if (openmetrics && ends_in(name, len, suffixes[type]))
		len -= strlen(suffixes[type]);
	if (type == METRIC_INFO && !openmetrics)
		type = METRIC_GAUGE;
	fprintf(to->out, "# HELP %.*s ", (int)len, name);
	print_help(to, help);
	fprintf(to->out, "# TYPE %.*s %s\n", (int)len, name, type_names[type]);
	for (size_t i = 0; openmetrics && i < sizeof(units) / sizeof(units[0]); i++)
		if (ends_in(name, len, units[i]))
			fprintf(to->out, "# UNIT %.*s %s\n", (int)len, name, units[i]);
}

/* OpenMetrics wants to see of a bound that it is no whole number's: "1" is "1.0" there. */
static void print_labels(const struct exposition *to, const char *labels)
{
	static const char le[] = "le=\"";
	const char *bound = strstr(labels, le);
	size_t len = bound ? strspn(bound + strlen(le), "0123456789") : 0;
	const char *end = bound ? bound + strlen(le) + len : NULL;

	if (to->format == EXPOSITION_OPENMETRICS && len && *end == '"')
		fprintf(to->out, "{%.*s.0%s}", (int)(end - labels), labels, end);
	else if (labels[0])
		fprintf(to->out, "{%s}", labels);
}

void exposition_sample(const struct exposition *to, const char *name, const char *labels,
		       uint64_t value)
{
	if (to->format == EXPOSITION_JSON) {
		exposition_json_sample(to->families, name, labels, value);
		return;
	}
	fputs(name, to->out);
	print_labels(to, labels);
	fprintf(to->out, " %" PRIu64 "\n", value);
}

void exposition_seconds(const struct exposition *to, const char *name, const char *labels,
			uint64_t value_us)
{
	if (to->format == EXPOSITION_JSON) {
		exposition_json_seconds(to->families, name, labels, value_us);
		return;
	}
	fputs(name, to->out);
	print_labels(to, labels);
	fprintf(to->out, " %" PRIu64 ".%06" PRIu64 "\n", value_us / 1000000, value_us % 1000000);
}

const char *exposition_label(char *text, size_t size, const char *key, const char *value)
{
	size_t len = (size_t)snprintf(text, size, "%s=\"", key);

	/* Room for a character with its backslash, the quote and the NUL */
	for (; *value && len + 4 <= size; value++) {
		if (*value == '\\' || *value == '"' || *value == '\n')
			text[len++] = '\\';
		text[len++] = *value == '\n' ? 'n' : *value;
	}
	text[len++] = '"';
	text[len] = '\0';
	return text;
}

void exposition_end(const struct exposition *to)
{
	if (to->format == EXPOSITION_OPENMETRICS)
		fputs("# EOF\n", to->out);
}
