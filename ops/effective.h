/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `gate64 config --effective`: every setting with the value that holds, and where that comes
 * from. To what config_document.h has come
 *
 *   running   true: a running gateway says so; false: this command, which looks at the host
 *   origins   {PATH: {from: "default"|"file"|"detected", line (null: nowhere in the file),
 *             note: TEXT or null}, ..}
 *
 * "detected": the host decides, either because the setting says auto, or because it does not
 * allow what the setting says.
 */
#ifndef OPS_EFFECTIVE_H
#define OPS_EFFECTIVE_H

#include <stdbool.h>
#include <stdio.h>

struct config;
struct json_object;

/**
 * effective_document() - of the configuration @config.
 * @status:	borrowed: a status document (status.h), or of one the network alone, where
 *		nothing runs.
 * @running:	is it this process that serves?
 * Return: caller puts it; NULL: out of memory.
 */
struct json_object *effective_document(const struct config *config, struct json_object *status,
				       bool running);

/** effective_print() - the document as YAML, origins in comments; it can be read again. */
void effective_print(struct json_object *document, FILE *out);

#endif
