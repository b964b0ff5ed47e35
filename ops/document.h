/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * JSON documents of commands. Each says the number of its schema first; ops/schema/NAME.json
 * says what is in it. The number rises when a key changes its meaning or goes.
 */
#ifndef OPS_DOCUMENT_H
#define OPS_DOCUMENT_H

#include <stdint.h>

struct json_object;

/** document_new() - with its schema number. Return: caller puts it; NULL: out of memory. */
struct json_object *document_new(int schema);

/** document_text(), document_number() - add a member; NULL stands for null. */
void document_text(struct json_object *to, const char *key, const char *text);
void document_number(struct json_object *to, const char *key, int64_t number);

/** document_get() - what stands under @key, borrowed; NULL: nothing, or null. */
struct json_object *document_get(struct json_object *of, const char *key);

/** document_string() - the text under @key, borrowed; @otherwise where it is none. */
const char *document_string(struct json_object *of, const char *key, const char *otherwise);

/** document_print() - to stdout, in lines that people can read too. */
void document_print(struct json_object *document);

#endif
