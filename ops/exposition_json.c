/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "exposition_json.h"

#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void add_text(struct json_object *to, const char *key, const char *text)
{
	json_object_object_add(to, key, json_object_new_string(text));
}

void exposition_json_family(struct json_object *families, const char *name, const char *type,
			    const char *help)
{
	struct json_object *family = json_object_new_object();

	add_text(family, "name", name);
	add_text(family, "type", type);
	add_text(family, "help", help);
	json_object_object_add(family, "samples", json_object_new_array());
	json_object_array_add(families, family);
}

/* The value at @text without its escapes, up to its quote, in place. Return: behind the quote. */
static char *unescape(char *text)
{
	char *out = text;

	for (; *text && *text != '"'; text++) {
		if (*text == '\\' && text[1])
			*out++ = *++text == 'n' ? '\n' : *text;
		else
			*out++ = *text;
	}
	text += *text == '"';
	*out = '\0';
	return text;
}

/* 'key="value",key="value"', each value as exposition_label() has escaped it */
static struct json_object *labels_of(const char *labels)
{
	struct json_object *object = json_object_new_object();
	char *copy = strdup(labels), *key = copy, *value;

	while (key && (value = strstr(key, "=\""))) {
		char *next;

		*value = '\0';
		value += 2;
		next = unescape(value);
		add_text(object, key, value);
		key = next + (*next == ',');
	}
	free(copy);
	return object;
}

static void add_sample(struct json_object *families, const char *name, const char *labels,
		       struct json_object *value)
{
	size_t n = json_object_array_length(families);
	struct json_object *family = json_object_array_get_idx(families, n - 1);
	struct json_object *sample = json_object_new_object(), *samples = NULL;

	json_object_object_get_ex(family, "samples", &samples);
	add_text(sample, "name", name);
	json_object_object_add(sample, "labels", labels_of(labels));
	json_object_object_add(sample, "value", value);
	json_object_array_add(samples, sample);
}

void exposition_json_sample(struct json_object *families, const char *name, const char *labels,
			    uint64_t value)
{
	add_sample(families, name, labels, json_object_new_uint64(value));
}

void exposition_json_seconds(struct json_object *families, const char *name, const char *labels,
			     uint64_t value_us)
{
	char text[32];

	snprintf(text, sizeof(text), "%" PRIu64 ".%06" PRIu64, value_us / 1000000,
		 value_us % 1000000);
	add_sample(families, name, labels, json_object_new_double_s((double)value_us / 1e6, text));
}
