/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "setup_changes.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "setup_file.h"

enum { RECORD_MODE = 0600 };	/* an earlier configuration may hold what not all may read */

static const char *const kind_words[] = {
	[SETUP_FOLDER] = "folder",
	[SETUP_FILE] = "file",
	[SETUP_SYSCTL] = "sysctl",
	[SETUP_ENABLED] = "enabled",
	[SETUP_ACTIVE] = "active",
};

enum { N_KINDS = sizeof(kind_words) / sizeof(kind_words[0]) };

static bool copy(const char *text, char **out)
{
	*out = text ? strdup(text) : NULL;
	return !text || *out;
}

static void change_free(struct setup_change *change)
{
	free(change->what);
	free(change->before);
	free(change->after);
}

struct setup_change *setup_changes_add(struct setup_changes *changes, enum setup_kind kind,
				       const char *what, const char *before, const char *after)
{
	struct setup_change *change = &changes->v[changes->n];

	if (changes->n == SETUP_CHANGES_MAX)
		return NULL;
	*change = (struct setup_change){ .kind = kind };
	if (!copy(what, &change->what) || !copy(before, &change->before) ||
	    !copy(after, &change->after)) {
		change_free(change);
		return NULL;
	}
	changes->n++;
	return change;
}

void setup_changes_free(struct setup_changes *changes)
{
	while (changes->n > 0)
		change_free(&changes->v[--changes->n]);
}

const struct setup_change *setup_changes_find(const struct setup_changes *changes,
					      enum setup_kind kind, const char *what)
{
	for (size_t i = 0; i < changes->n; i++)
		if (changes->v[i].kind == kind && strcmp(changes->v[i].what, what) == 0)
			return &changes->v[i];
	return NULL;
}

/* @was: whose "before" it gets; @is: whose "after". */
static int add_merged(struct setup_changes *out, const struct setup_change *was,
		      const struct setup_change *is)
{
	struct setup_change *change = setup_changes_add(out, was->kind, was->what, was->before,
							is->after);

	if (!change)
		return -ENOMEM;
	change->link = was->link;
	change->mode = was->mode;
	change->uid = was->uid;
	change->gid = was->gid;
	return 0;
}

int setup_changes_merge(const struct setup_changes *earlier, const struct setup_changes *later,
			struct setup_changes *out)
{
	int err = 0;

	out->n = 0;
	/* By kind, so that the order of making stays: folders, files, ..., units. */
	for (unsigned int kind = 0; kind < N_KINDS; kind++) {
		for (size_t i = 0; i < earlier->n && !err; i++) {
			const struct setup_change *was = &earlier->v[i];
			const struct setup_change *is =
				setup_changes_find(later, was->kind, was->what);

			if (was->kind == kind)
				err = add_merged(out, was, is ? is : was);
		}
		for (size_t i = 0; i < later->n && !err; i++)
			if (later->v[i].kind == kind &&
			    !setup_changes_find(earlier, later->v[i].kind, later->v[i].what))
				err = add_merged(out, &later->v[i], &later->v[i]);
	}
	if (err)
		setup_changes_free(out);
	return err;
}

/* ---- as JSON ------------------------------------------------------------------ */

struct json_object *setup_change_json(const struct setup_change *change)
{
	struct json_object *json = json_object_new_object();

	json_object_object_add(json, "kind", json_object_new_string(kind_words[change->kind]));
	json_object_object_add(json, "what", json_object_new_string(change->what));
	json_object_object_add(json, "before",
			       change->before ? json_object_new_string(change->before) : NULL);
	json_object_object_add(json, "after", json_object_new_string(change->after));
	if (change->kind != SETUP_FILE || !change->before)
		return json;
	json_object_object_add(json, "link", json_object_new_boolean(change->link));
	json_object_object_add(json, "mode", json_object_new_int((int)change->mode));
	json_object_object_add(json, "uid", json_object_new_int64(change->uid));
	json_object_object_add(json, "gid", json_object_new_int64(change->gid));
	return json;
}

int setup_changes_save(const char *path, const struct setup_changes *changes)
{
	struct json_object *json = json_object_new_object(), *list = json_object_new_array();
	int err;

	json_object_object_add(json, "schema", json_object_new_int(SETUP_SCHEMA));
	for (size_t i = 0; i < changes->n; i++)
		json_object_array_add(list, setup_change_json(&changes->v[i]));
	json_object_object_add(json, "changes", list);
	err = setup_file_write(path, json_object_to_json_string_ext(json, JSON_C_TO_STRING_PRETTY),
			       RECORD_MODE);
	json_object_put(json);
	return err;
}

static const char *text_of(struct json_object *json, const char *key)
{
	struct json_object *value = NULL;

	json_object_object_get_ex(json, key, &value);
	return json_object_is_type(value, json_type_string) ? json_object_get_string(value) : NULL;
}

static int64_t number_of(struct json_object *json, const char *key)
{
	struct json_object *value = NULL;

	json_object_object_get_ex(json, key, &value);
	return json_object_get_int64(value);
}

static int change_parse(struct json_object *json, struct setup_changes *changes)
{
	const char *word = text_of(json, "kind"), *what = text_of(json, "what");
	const char *after = text_of(json, "after");
	struct setup_change *change;
	unsigned int kind = 0;

	while (word && kind < N_KINDS && strcmp(word, kind_words[kind]) != 0)
		kind++;
	if (!word || kind == N_KINDS || !what || !after)
		return -EPROTO;
	change = setup_changes_add(changes, (enum setup_kind)kind, what, text_of(json, "before"),
				   after);
	if (!change)
		return -ENOMEM;
	change->link = number_of(json, "link") != 0;
	change->mode = (mode_t)number_of(json, "mode") & 07777;
	change->uid = (uid_t)number_of(json, "uid");
	change->gid = (gid_t)number_of(json, "gid");
	return 0;
}

static int parse(const char *text, struct setup_changes *changes)
{
	struct json_object *json = json_tokener_parse(text), *list = NULL;
	int err = 0;

	json_object_object_get_ex(json, "changes", &list);
	if (number_of(json, "schema") != SETUP_SCHEMA ||
	    !json_object_is_type(list, json_type_array) ||
	    json_object_array_length(list) > SETUP_CHANGES_MAX)
		err = -EPROTO;
	for (size_t i = 0; !err && i < json_object_array_length(list); i++)
		err = change_parse(json_object_array_get_idx(list, i), changes);
	json_object_put(json);
	return err;
}

int setup_changes_load(const char *path, struct setup_changes *changes)
{
	char *text;
	int err = setup_file_read(path, &text);

	changes->n = 0;
	if (err)
		return err;
	err = parse(text, changes);
	free(text);
	if (err)
		setup_changes_free(changes);
	return err;
}
