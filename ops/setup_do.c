/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Each kind of change knows how to be made, to be taken back and to be told. Taking back looks
 * at what is there first: it may have been taken back half, or changed by somebody else.
 */
#include "setup_do.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../nat64/nat64.h"
#include "setup_changes.h"
#include "setup_file.h"
#include "systemctl.h"

enum { CONFIG_MODE = 0644, FOLDER_MODE = 0755 };

/* ---- folders ---------------------------------------------------------------------- */

static int folder_do(const struct setup_change *change)
{
	return mkdir(change->what, FOLDER_MODE) < 0 && errno != EEXIST ? -errno : 0;
}

static int folder_undo(const struct setup_change *change, FILE *out)
{
	(void)out;
	if (rmdir(change->what) == 0 || errno == ENOENT || errno == ENOTEMPTY)
		return 0;
	return -errno;
}

/* ---- files ------------------------------------------------------------------------ */

static bool was_a_file(const struct setup_change *change)
{
	return change->before && !change->link;
}

static int own_as_before(const struct setup_change *change)
{
	return lchown(change->what, change->uid, change->gid) < 0 ? -errno : 0;
}

static int file_do(const struct setup_change *change)
{
	mode_t mode = was_a_file(change) ? change->mode : CONFIG_MODE;
	int err = setup_file_write(change->what, change->after, mode);

	return err || !was_a_file(change) ? err : own_as_before(change);
}

static int file_restore(const struct setup_change *change)
{
	int err;

	if (!change->before)
		return unlink(change->what) < 0 && errno != ENOENT ? -errno : 0;
	if (change->link) {
		if (unlink(change->what) < 0 && errno != ENOENT)
			return -errno;
		return symlink(change->before, change->what) < 0 ? -errno : 0;
	}
	err = setup_file_write(change->what, change->before, change->mode);
	return err ? err : own_as_before(change);
}

/* Is the file what we have left, or is there none? A link is never what we have left. */
static int file_is_ours(const struct setup_change *change, bool *ours, bool *there)
{
	struct stat st;
	char *now;
	int err;

	*there = lstat(change->what, &st) == 0;
	*ours = false;
	if (!*there)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISREG(st.st_mode))
		return 0;
	err = setup_file_read(change->what, &now);
	if (!err)
		*ours = strcmp(now, change->after) == 0;
	free(now);
	/* Not even a text of a size that we write */
	return err == -EFBIG || err == -EILSEQ ? 0 : err;
}

/* As it was before? Then it has been taken back already. */
static bool file_is_before(const struct setup_change *change)
{
	char target[PATH_MAX], *now;
	ssize_t len;
	bool same;

	if (!change->before)
		return false;
	if (change->link) {
		len = readlink(change->what, target, sizeof(target) - 1);
		target[len < 0 ? 0 : len] = '\0';
		return strcmp(target, change->before) == 0;
	}
	if (setup_file_read(change->what, &now))
		return false;
	same = strcmp(now, change->before) == 0;
	free(now);
	return same;
}

static int keep(const char *path, FILE *out)
{
	char kept[PATH_MAX];
	int err = setup_file_keep(path, kept);

	if (!err)
		fprintf(out, "%s has been changed by somebody else: kept as %s\n", path, kept);
	return err;
}

static int file_undo(const struct setup_change *change, FILE *out)
{
	bool ours, there;
	int err = file_is_ours(change, &ours, &there);

	if (!err && there && !ours) {
		if (file_is_before(change))
			return 0;
		err = keep(change->what, out);
	}
	return err ? err : file_restore(change);
}

/* ---- sysctls ---------------------------------------------------------------------- */

static int sysctl_write(const char *name, const char *value)
{
	char path[PATH_MAX];
	FILE *file;
	int err = 0;

	snprintf(path, sizeof(path), "/proc/sys/%s", name);
	file = fopen(path, "we");
	if (!file)
		return -errno;
	if (fputs(value, file) < 0)
		err = -EIO;
	/* The kernel refuses when the value gets there. */
	if (fclose(file) && !err)
		err = -errno;
	return err;
}

static int sysctl_do(const struct setup_change *change)
{
	return sysctl_write(change->what, change->after);
}

static int sysctl_undo(const struct setup_change *change, FILE *out)
{
	char path[PATH_MAX], *now;
	bool ours;
	int err;

	snprintf(path, sizeof(path), "/proc/sys/%s", change->what);
	err = setup_file_read(path, &now);
	if (err)
		return err;
	now[strcspn(now, "\n")] = '\0';
	ours = strcmp(now, change->after) == 0;
	if (!ours && change->before && strcmp(now, change->before) != 0)
		fprintf(out, "%s has been changed by somebody else: left at %s\n", change->what,
			now);
	free(now);
	return ours && change->before ? sysctl_write(change->what, change->before) : 0;
}

/* ---- the service ------------------------------------------------------------------ */

static bool was(const struct setup_change *change, const char *word)
{
	return change->before && strcmp(change->before, word) == 0;
}

static int enabled_do(const struct setup_change *change)
{
	return systemctl_run("enable", change->what);
}

static int enabled_undo(const struct setup_change *change, FILE *out)
{
	(void)out;
	return systemctl_run("disable", change->what);
}

static const char *start_verb(const struct setup_change *change)
{
	return was(change, "active") ? "reload-or-restart" : "start";
}

static int active_do(const struct setup_change *change)
{
	return systemctl_run(start_verb(change), change->what);
}

/* One that ran before goes on, on what it finds then: see setup_undo(). */
static int active_undo(const struct setup_change *change, FILE *out)
{
	int err = was(change, "active") ? 0 : systemctl_run("stop", change->what);

	if (err || was(change, "active"))
		return err;
	/* It has been told to stop, not that it is not to start again. */
	err = nat64_sweep();
	if (err == -EBUSY)
		fputs("another gate64 runs: what it has in the kernel is left\n", out);
	return err == -EBUSY ? 0 : err;
}

/* ---- all of them ------------------------------------------------------------------ */

static const struct {
	int (*make)(const struct setup_change *change);
	int (*undo)(const struct setup_change *change, FILE *out);
} kinds[] = {
	[SETUP_FOLDER] = { folder_do, folder_undo },
	[SETUP_FILE] = { file_do, file_undo },
	[SETUP_SYSCTL] = { sysctl_do, sysctl_undo },
	[SETUP_ENABLED] = { enabled_do, enabled_undo },
	[SETUP_ACTIVE] = { active_do, active_undo },
};

static void tell_file(const struct setup_change *change, bool undo, FILE *out)
{
	if (undo)
		fprintf(out, change->before ? "put back %s as it was\n" : "remove %s\n",
			change->what);
	else
		fprintf(out, change->before ? "replace %s (--undo puts it back)\n" : "write %s\n",
			change->what);
}

void setup_tell(const struct setup_change *change, bool undo, FILE *out)
{
	fputs("  ", out);
	switch (change->kind) {
	case SETUP_FOLDER:
		fprintf(out, undo ? "remove %s, if empty\n" : "make the folder %s\n",
			change->what);
		return;
	case SETUP_FILE:
		tell_file(change, undo, out);
		return;
	case SETUP_SYSCTL:
		fprintf(out, "set %s to %s (now %s)\n", change->what,
			undo ? change->before : change->after,
			undo ? change->after : change->before);
		return;
	case SETUP_ENABLED:
		fprintf(out, "systemctl %s %s\n", undo ? "disable" : "enable", change->what);
		return;
	case SETUP_ACTIVE:
		fprintf(out, "systemctl %s %s\n", !undo ? start_verb(change) :
			was(change, "active") ? "reload-or-restart" : "stop", change->what);
		return;
	}
}

static void complain(const struct setup_change *change, bool undo, int err, FILE *errors)
{
	fputs("gate64: this has failed", errors);
	if (err != -EPROTO)
		fprintf(errors, " (%s)", strerror(-err));
	fputc(':', errors);
	setup_tell(change, undo, errors);
}

/* The last first. Folders wait: the record may be in one. */
static int undo_all(const struct setup_changes *changes, bool folders, FILE *out, FILE *errors)
{
	int first_err = 0;

	for (size_t i = changes->n; i-- > 0;) {
		const struct setup_change *change = &changes->v[i];
		int err;

		if ((change->kind == SETUP_FOLDER) != folders)
			continue;
		err = kinds[change->kind].undo(change, out);
		if (err)
			complain(change, true, err, errors);
		first_err = first_err ? first_err : err;
	}
	return first_err;
}

static int undo(const struct setup_changes *changes, FILE *out, FILE *errors)
{
	int err = undo_all(changes, false, out, errors);

	for (size_t i = 0; i < changes->n && !err; i++) {
		const struct setup_change *change = &changes->v[i];

		if (change->kind == SETUP_ACTIVE && was(change, "active"))
			err = systemctl_run(start_verb(change), change->what);
	}
	return err;
}

int setup_undo(const struct setup_changes *changes, FILE *out, FILE *errors)
{
	int err = undo(changes, out, errors);

	if (!err && unlink(SETUP_RECORD) < 0 && errno != ENOENT)
		err = -errno;
	return err ? err : undo_all(changes, true, out, errors);
}

/* An earlier run's file that was edited since is about to be replaced: no record has that. */
static int keep_edited(const struct setup_changes *changes, const struct setup_changes *earlier,
		       FILE *out, FILE *errors)
{
	int err = 0;

	for (size_t i = 0; i < changes->n && !err; i++) {
		const struct setup_change *now = &changes->v[i];
		const struct setup_change *then = setup_changes_find(earlier, now->kind, now->what);

		if (now->kind == SETUP_FILE && then && now->before &&
		    strcmp(now->before, then->after) != 0)
			err = keep(now->what, out);
		if (err)
			complain(now, false, err, errors);
	}
	return err;
}

static int record(const struct setup_changes *changes, const struct setup_changes *earlier)
{
	struct setup_changes both;
	int err = setup_changes_merge(earlier, changes, &both);

	if (err)
		return err;
	if (mkdir(SETUP_STATE, FOLDER_MODE) < 0 && errno != EEXIST)
		err = -errno;
	else
		err = setup_changes_save(SETUP_RECORD, &both);
	setup_changes_free(&both);
	return err;
}

/* The host is as it was before this run; so shall the record be. */
static void go_back(const struct setup_changes *made, const struct setup_changes *earlier,
		    FILE *out, FILE *errors)
{
	fputs("gate64: taking back what was done\n", errors);
	if (earlier->n == 0)
		setup_undo(made, out, errors);
	else if (!undo(made, out, errors) && !setup_changes_save(SETUP_RECORD, earlier))
		undo_all(made, true, out, errors);
}

int setup_do(const struct setup_changes *changes, const struct setup_changes *earlier,
	     FILE *out, FILE *errors)
{
	struct setup_changes made = { .n = 0 };
	int err = record(changes, earlier);

	if (err) {
		fprintf(errors, "gate64: %s: %s\n", SETUP_RECORD, strerror(-err));
		return err;
	}
	err = keep_edited(changes, earlier, out, errors);
	while (made.n < changes->n && !err) {
		const struct setup_change *change = &changes->v[made.n];

		/* Borrowed, and never freed through here. Half made is made. */
		made.v[made.n++] = *change;
		err = kinds[change->kind].make(change);
		if (err)
			complain(change, false, err, errors);
	}
	if (err)
		go_back(&made, earlier, out, errors);
	return err;
}
