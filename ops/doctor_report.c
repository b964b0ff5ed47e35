/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the checks find, and how it reads; see doctor.h. */
#include "doctor.h"

#include <json-c/json.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "document.h"

static const char *const severities[] = {
	[DOCTOR_ERROR] = "error",
	[DOCTOR_WARNING] = "warning",
};

/* ---- what checks say --------------------------------------------------------------- */

static struct json_object *text_of(const char *fmt, va_list args)
{
	struct json_object *object;
	char *text = NULL;

	if (vasprintf(&text, fmt, args) < 0)
		return NULL;
	object = json_object_new_string(text);
	free(text);
	return object;
}

void doctor_find(struct doctor *doctor, const char *fmt, ...)
{
	struct json_object *finding = json_object_new_object();
	va_list args;

	va_start(args, fmt);
	document_text(finding, "check", doctor->check->id);
	document_text(finding, "severity", severities[doctor->check->severity]);
	json_object_object_add(finding, "text", text_of(fmt, args));
	document_text(finding, "why", doctor->check->why);
	document_text(finding, "mend", NULL);
	va_end(args);
	json_object_array_add(doctor->findings, finding);
	doctor->n_found++;
}

void doctor_mend(struct doctor *doctor, const char *fmt, ...)
{
	size_t n = json_object_array_length(doctor->findings);
	va_list args;

	va_start(args, fmt);
	json_object_object_add(json_object_array_get_idx(doctor->findings, n - 1), "mend",
			       text_of(fmt, args));
	va_end(args);
}

/* The row of the check that looks, in the reply */
static struct json_object *row(struct doctor *doctor)
{
	return json_object_array_get_idx(doctor->checks,
					 json_object_array_length(doctor->checks) - 1);
}

static void not_looked(struct doctor *doctor, const char *result, const char *fmt, va_list args)
{
	doctor->not_done = true;
	document_text(row(doctor), "result", result);
	json_object_object_add(row(doctor), "because", text_of(fmt, args));
}

void doctor_skip(struct doctor *doctor, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	not_looked(doctor, "not-needed", fmt, args);
	va_end(args);
}

void doctor_cannot(struct doctor *doctor, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	not_looked(doctor, "not-possible", fmt, args);
	va_end(args);
}

void doctor_begin(struct doctor *doctor, const struct doctor_check *check)
{
	struct json_object *object = json_object_new_object();

	document_text(object, "id", check->id);
	document_text(object, "what", check->what);
	document_text(object, "result", NULL);
	document_text(object, "because", NULL);
	json_object_array_add(doctor->checks, object);
	doctor->check = check;
	doctor->n_before = doctor->n_found;
	doctor->not_done = false;
}

void doctor_end(struct doctor *doctor)
{
	if (doctor->n_found > doctor->n_before)
		document_text(row(doctor), "result", "found");
	else if (!doctor->not_done)
		document_text(row(doctor), "result", "good");
}

/* ---- output ------------------------------------------------------------------------ */

static const char *at_key(struct json_object *of, const char *key)
{
	return json_object_get_string(json_object_object_get(of, key));
}

/* Every line of a text that has several, below the one before */
static void print_indented(const char *title, const char *text)
{
	printf("    %s: ", title);
	for (; *text; text++) {
		putchar(*text);
		if (*text == '\n')
			printf("    %*s", (int)strlen(title) + 2, "");
	}
	putchar('\n');
}

static void print_findings(const struct doctor *doctor)
{
	for (size_t i = 0; i < json_object_array_length(doctor->findings); i++) {
		struct json_object *finding = json_object_array_get_idx(doctor->findings, i);

		printf("%s: %s: %s\n", at_key(finding, "severity"),
			at_key(finding, "check"), at_key(finding, "text"));
		print_indented("why", at_key(finding, "why"));
		if (at_key(finding, "mend"))
			print_indented("mend", at_key(finding, "mend"));
	}
}

static void print_checks(const struct doctor *doctor, bool all)
{
	for (size_t i = 0; i < json_object_array_length(doctor->checks); i++) {
		struct json_object *check = json_object_array_get_idx(doctor->checks, i);
		const char *because = at_key(check, "because");
		bool impossible = because && strcmp(at_key(check, "result"), "not-possible") == 0;

		if (all)
			printf("%s: %s: %s%s%s\n", at_key(check, "result"),
				at_key(check, "id"), at_key(check, "what"), because ? ": " : "",
				because ? because : "");
		else if (impossible)
			printf("not checked: %s: %s\n", at_key(check, "id"), because);
	}
}

static void print_json(const struct doctor *doctor)
{
	struct json_object *document = document_new(DOCTOR_SCHEMA);

	json_object_object_add(document, "healthy", json_object_new_boolean(!doctor->n_found));
	json_object_object_add(document, "findings", json_object_get(doctor->findings));
	json_object_object_add(document, "checks", json_object_get(doctor->checks));
	document_print(document);
	json_object_put(document);
}

void doctor_print(const struct doctor *doctor, bool json, bool verbose)
{
	if (json) {
		print_json(doctor);
		return;
	}
	print_checks(doctor, verbose);
	print_findings(doctor);
}
