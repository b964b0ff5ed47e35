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

void doctor_note(struct doctor *doctor, const char *fmt, ...)
{
	const char *before = json_object_get_string(document_get(row(doctor), "because"));
	struct json_object *text;
	va_list args;
	char *all;

	va_start(args, fmt);
	text = text_of(fmt, args);
	va_end(args);
	if (asprintf(&all, "%s%s%s", before ? before : "", before ? "; " : "",
		     json_object_get_string(text)) >= 0) {
		document_text(row(doctor), "because", all);
		free(all);
	}
	json_object_put(text);
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

/* Names of others are in it, and it is root's terminal: nothing that would steer that is left
 * (ECMA-48 5.2 and 5.3). Lines begin with the @indent. */
static void print_text(const char *text, int indent)
{
	const unsigned char *at = (const unsigned char *)text;

	for (; *at; at++) {
		bool c1 = *at == 0xc2 && at[1] >= 0x80 && at[1] <= 0x9f;

		if (*at == '\n')
			printf("\n%*s", indent, "");
		else
			putchar(c1 || *at < ' ' || *at == 0x7f ? '?' : *at);
		at += c1;
	}
}

static void print_titled(const char *title, const char *text)
{
	printf("    %s: ", title);
	print_text(text, (int)strlen(title) + 6);
	putchar('\n');
}

static void print_findings(const struct doctor *doctor)
{
	for (size_t i = 0; i < json_object_array_length(doctor->findings); i++) {
		struct json_object *finding = json_object_array_get_idx(doctor->findings, i);

		printf("%s: %s: ", at_key(finding, "severity"), at_key(finding, "check"));
		print_text(at_key(finding, "text"), 0);
		putchar('\n');
		print_titled("why", at_key(finding, "why"));
		if (at_key(finding, "mend"))
			print_titled("mend", at_key(finding, "mend"));
	}
}

static void print_check(const char *how, const char *id, const char *text, const char *because)
{
	printf("%s: %s: %s%s", how, id, text, because && *text ? ": " : "");
	print_text(because ? because : "", 0);
	putchar('\n');
}

static void print_checks(const struct doctor *doctor, bool all)
{
	for (size_t i = 0; i < json_object_array_length(doctor->checks); i++) {
		struct json_object *check = json_object_array_get_idx(doctor->checks, i);
		const char *because = at_key(check, "because"), *id = at_key(check, "id");
		const char *result = at_key(check, "result");

		if (all)
			print_check(result, id, at_key(check, "what"), because);
		else if (because && strcmp(result, "not-possible") == 0)
			print_check("not checked", id, "", because);
		else if (because && strcmp(result, "good") == 0)
			print_check("note", id, "", because);
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
