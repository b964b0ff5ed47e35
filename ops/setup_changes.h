/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What `gate64 setup` changes on the host: a list, each entry with what was there before, so
 * that it can be taken back. It is kept as JSON in SETUP_RECORD:
 *
 *   {"schema": 1, "changes": [{"kind", "what", "before": text or null, "after",
 *                              "link", "mode", "uid", "gid"}]}
 */
#ifndef OPS_SETUP_CHANGES_H
#define OPS_SETUP_CHANGES_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct json_object;

#define SETUP_STATE "/var/lib/gate64"
#define SETUP_RECORD SETUP_STATE "/setup.json"

enum { SETUP_SCHEMA = 1, SETUP_CHANGES_MAX = 16 };

enum setup_kind {
	SETUP_FOLDER,		/* what: its path */
	SETUP_FILE,		/* what: its path; before, after: what it holds */
	SETUP_SYSCTL,		/* what: its path below /proc/sys */
	SETUP_ENABLED,		/* what: a unit; before: "enabled" or "disabled" */
	SETUP_ACTIVE,		/* what: a unit; before: "active" or "inactive" */
};

/* All strings owned by the list. */
struct setup_change {
	enum setup_kind kind;
	char *what;
	char *before;		/* NULL: it was not there */
	char *after;
	bool link;		/* SETUP_FILE: it was a symbolic link, to before */
	mode_t mode;		/* SETUP_FILE: of what was there */
	uid_t uid;
	gid_t gid;
};

/* In the order in which they are made; taken back in reverse. */
struct setup_changes {
	struct setup_change v[SETUP_CHANGES_MAX];
	size_t n;
};

/**
 * setup_changes_add() - append one; all strings are copied.
 * Return: the entry, or NULL: out of memory, or SETUP_CHANGES_MAX are there.
 */
struct setup_change *setup_changes_add(struct setup_changes *changes, enum setup_kind kind,
				       const char *what, const char *before, const char *after);

/** setup_changes_find() - the entry for a thing, or NULL. */
const struct setup_change *setup_changes_find(const struct setup_changes *changes,
					      enum setup_kind kind, const char *what);

/**
 * setup_changes_merge() - what has changed since before the first of two runs.
 * @out:	overwritten: each thing of both, with "before" as the earlier has it and "after"
 *		as the later.
 * Return: 0 or -ENOMEM.
 */
int setup_changes_merge(const struct setup_changes *earlier, const struct setup_changes *later,
			struct setup_changes *out);

/** setup_change_json() - an entry of the record, owned by the caller. */
struct json_object *setup_change_json(const struct setup_change *change);

/** setup_changes_load() - read SETUP_RECORD. Return: 0, -ENOENT, -EPROTO: it makes no sense,
 * or another -errno. */
int setup_changes_load(const char *path, struct setup_changes *changes);

/** setup_changes_save() - write it, at once and whole. Return: 0 or -errno. */
int setup_changes_save(const char *path, const struct setup_changes *changes);

/** setup_changes_free() - release what is in it; empty afterwards. */
void setup_changes_free(struct setup_changes *changes);

#endif
