/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "document.h"

#include <json-c/json.h>
#include <stdio.h>

struct json_object *document_new(int schema)
{
	struct json_object *document = json_object_new_object();

	if (document)
		document_number(document, "schema", schema);
	return document;
}

void document_text(struct json_object *to, const char *key, const char *text)
{
	json_object_object_add(to, key, text ? json_object_new_string(text) : NULL);
}

void document_number(struct json_object *to, const char *key, int64_t number)
{
	json_object_object_add(to, key, json_object_new_int64(number));
}

struct json_object *document_get(struct json_object *of, const char *key)
{
	struct json_object *value = NULL;

	json_object_object_get_ex(of, key, &value);
	return value;
}

const char *document_string(struct json_object *of, const char *key, const char *otherwise)
{
	struct json_object *value = document_get(of, key);

	return json_object_is_type(value, json_type_string) ? json_object_get_string(value) :
							      otherwise;
}

void document_print(struct json_object *document)
{
	puts(json_object_to_json_string_ext(document, JSON_C_TO_STRING_PRETTY |
					    JSON_C_TO_STRING_NOSLASHESCAPE));
}
