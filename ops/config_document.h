/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The settings of a configuration as JSON, and such JSON as YAML. */
#ifndef OPS_CONFIG_DOCUMENT_H
#define OPS_CONFIG_DOCUMENT_H

#include <stdio.h>

struct config;
struct json_object;

enum { CONFIG_SCHEMA = 1 };

/**
 * config_document() - {schema, file (null: the defaults alone), settings}: groups are objects
 * in each other, lists arrays; numbers and true or false are such, all else is text.
 * Return: caller puts it; NULL: out of memory.
 */
struct json_object *config_document(const struct config *config);

/**
 * config_document_place() - where a setting stands.
 * @settings:	of a document.
 * @path:	"nat64.timeouts.udp".
 * @name:	the last part of @path, borrowed.
 * Return: the object that has the member @name, borrowed; made where it is not there.
 */
struct json_object *config_document_place(struct json_object *settings, const char *path,
					  const char **name);

/** config_document_value() - what a setting is, borrowed; NULL: null. */
struct json_object *config_document_value(struct json_object *settings, const char *path);

/**
 * config_document_yaml() - print settings as a configuration that can be read again.
 * @comment:	writes what stands behind a setting, "  # " included.
 */
void config_document_yaml(struct json_object *settings, FILE *out,
			  void (*comment)(void *arg, const char *path, FILE *out), void *arg);

#endif
