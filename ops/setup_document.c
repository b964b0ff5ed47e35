/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "setup_document.h"

#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../core/addrmap.h"
#include "document.h"
#include "setup_changes.h"
#include "setup_do.h"

/* As people are told of it, without indentation and line end */
static void add_telling(struct json_object *to, const struct setup_change *change, bool undo)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	if (!out)
		return;
	setup_tell(change, undo, out);
	if (fclose(out) == 0) {
		text[strcspn(text, "\n")] = '\0';
		document_text(to, "text", text + strspn(text, " "));
	}
	free(text);
}

static void add_changes(struct json_object *to, const struct setup_changes *changes, bool undo)
{
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; i < changes->n; i++) {
		const struct setup_change *change = &changes->v[undo ? changes->n - 1 - i : i];
		struct json_object *row = setup_change_json(change);

		add_telling(row, change, undo);
		json_object_array_add(list, row);
	}
	json_object_object_add(to, "changes", list);
}

static void add_found(struct json_object *to, const struct netinfo *net)
{
	const struct in6_addr v4 = addr_from_v4(net->uplink_v4_be32);
	struct json_object *inside = json_object_new_array();
	char text[PREFIX_STRLEN];

	document_text(to, "uplink", net->uplink[0] ? net->uplink : NULL);
	document_text(to, "ipv4", net->uplink_v4_be32 ? addr_format(&v4, text) : NULL);
	for (size_t i = 0; i < net->inside.n; i++)
		json_object_array_add(inside, json_object_new_string(
					      prefix_format(&net->inside.v[i], text)));
	json_object_object_add(to, "inside", inside);
}

void setup_document_print(const struct setup_document *from)
{
	struct json_object *document = document_new(SETUP_DOCUMENT_SCHEMA);

	json_object_object_add(document, "undo", json_object_new_boolean(false));
	document_text(document, "file", from->file);
	document_text(document, "configuration", from->configuration);
	add_found(document, from->net);
	json_object_object_add(document, "good", json_object_new_boolean(from->good));
	document_text(document, "text", from->said);
	add_changes(document, from->changes, false);
	document_print(document);
	json_object_put(document);
}

void setup_document_print_undo(const struct setup_changes *changes)
{
	struct json_object *document = document_new(SETUP_DOCUMENT_SCHEMA);

	json_object_object_add(document, "undo", json_object_new_boolean(true));
	add_changes(document, changes, true);
	document_print(document);
	json_object_put(document);
}
