/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "setup_plan.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "setup_changes.h"
#include "setup_file.h"
#include "systemctl.h"

#define SEPARATORS ", \t"

/* ---- the configuration ---------------------------------------------------------- */

static bool is_number(const char *word, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!isdigit((unsigned char)word[i]))
			return false;
	return len > 0;
}

/* One word as YAML: a number as it is, all else between quotes. */
static void print_word(const char *word, size_t len, FILE *out)
{
	bool bare = is_number(word, len);

	if (!bare)
		fputc('"', out);
	for (size_t i = 0; i < len; i++) {
		if (iscntrl((unsigned char)word[i])) {
			fprintf(out, "\\x%02x", (unsigned int)word[i]);
			continue;
		}
		if (word[i] == '"' || word[i] == '\\')
			fputc('\\', out);
		fputc(word[i], out);
	}
	if (!bare)
		fputc('"', out);
}

static void print_words(const char *key, const char *words, FILE *out)
{
	const char *before = "";

	fprintf(out, "%s: [", key);
	for (words += strspn(words, SEPARATORS); *words; words += strspn(words, SEPARATORS)) {
		size_t len = strcspn(words, SEPARATORS);

		fputs(before, out);
		print_word(words, len, out);
		before = ", ";
		words += len;
	}
	fputs("]\n", out);
}

/* Given, and not the word that stands for the default? */
static bool differs(const char *wish, const char *standard)
{
	return wish && strcmp(wish, standard) != 0;
}

char *setup_config_text(const struct setup_wishes *wishes)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	fputs("# Made by `gate64 setup'. `gate64 config' prints every setting.\n", out);
	if (differs(wishes->inside, "auto"))
		print_words("inside", wishes->inside, out);
	if (differs(wishes->uplink, "auto")) {
		fputs("uplink: ", out);
		print_word(wishes->uplink, strlen(wishes->uplink), out);
		fputc('\n', out);
	}
	if (differs(wishes->upstream, "recursive")) {
		fputs("dns64:\n", out);
		print_words("  upstream", wishes->upstream, out);
	}
	if (differs(wishes->listen, "none")) {
		fputs("snid:\n", out);
		print_words("  listen", wishes->listen, out);
	}
	if (fclose(out)) {
		free(text);
		return NULL;
	}
	return text;
}

int setup_config_written(const char *path, const struct setup_changes *earlier, char **text)
{
	const struct setup_change *ours = setup_changes_find(earlier, SETUP_FILE, path);
	int err = setup_file_read(path, text);

	if (err)
		return err == -ENOENT ? 0 : err;
	if (strcmp(*text, setup_sample) == 0 || (ours && strcmp(*text, ours->after) == 0)) {
		free(*text);
		*text = NULL;
	}
	return 0;
}

bool setup_ports_parse(const char *text, uint16_t *first, uint16_t *last)
{
	unsigned int from, to;
	int used = 0;

	if (sscanf(text, "%5u-%5u%n", &from, &to, &used) != 2 || text[used])
		return false;
	if (from < 1024 || to > UINT16_MAX || to < from || to - from + 1 < SETUP_PORTS_MIN)
		return false;
	*first = (uint16_t)from;
	*last = (uint16_t)to;
	return true;
}

/* ---- what there is, and what is to be changed ----------------------------------- */

static int add(struct setup_changes *changes, enum setup_kind kind, const char *what,
	       const char *before, const char *after)
{
	return setup_changes_add(changes, kind, what, before, after) ? 0 : -ENOMEM;
}

static int add_folder(struct setup_changes *changes, const char *path)
{
	if (access(path, F_OK) == 0 || setup_changes_find(changes, SETUP_FOLDER, path))
		return 0;
	return errno == ENOENT ? add(changes, SETUP_FOLDER, path, NULL, "") : -errno;
}

static int add_folder_of(struct setup_changes *changes, const char *path)
{
	char folder[PATH_MAX];
	const char *end = strrchr(path, '/');
	int len = end && end > path ? (int)(end - path) : 0;

	if (!len)
		return 0;
	snprintf(folder, sizeof(folder), "%.*s", len, path);
	return add_folder(changes, folder);
}

static int read_link(const char *path, char **text)
{
	char target[PATH_MAX];
	ssize_t len = readlink(path, target, sizeof(target) - 1);

	if (len < 0)
		return -errno;
	target[len] = '\0';
	*text = strdup(target);
	return *text ? 0 : -ENOMEM;
}

/* What @path is now. *@before: caller frees; NULL: it is not there. */
static int look_at(const char *path, struct stat *st, char **before)
{
	*before = NULL;
	if (lstat(path, st) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (S_ISLNK(st->st_mode))
		return read_link(path, before);
	return S_ISREG(st->st_mode) ? setup_file_read(path, before) : -EINVAL;
}

static int add_file(struct setup_changes *changes, const char *path, const char *after)
{
	struct setup_change *change;
	struct stat st = { 0 };
	char *before;
	bool link;
	int err = look_at(path, &st, &before);

	if (err)
		return err;
	link = S_ISLNK(st.st_mode);
	if (before && !link && strcmp(before, after) == 0) {
		free(before);
		return 0;
	}
	err = add_folder_of(changes, path);
	change = err ? NULL : setup_changes_add(changes, SETUP_FILE, path, before, after);
	free(before);
	if (!change)
		return err ? err : -ENOMEM;
	change->link = link;
	change->mode = st.st_mode & 07777;
	change->uid = st.st_uid;
	change->gid = st.st_gid;
	return 0;
}

static int add_ports(struct setup_changes *changes, const char *ports)
{
	char line[96], range[32], *before;
	uint16_t first, last;
	int err;

	if (!setup_ports_parse(ports, &first, &last))
		return -EINVAL;
	/* As the kernel prints it */
	snprintf(range, sizeof(range), "%u\t%u", first, last);
	snprintf(line, sizeof(line), "net.ipv4.ip_local_port_range = %u %u\n", first, last);
	err = add_file(changes, SETUP_SYSCTL_FILE, line);
	if (!err)
		err = setup_file_read("/proc/sys/" SETUP_PORT_RANGE, &before);
	if (err)
		return err;
	before[strcspn(before, "\n")] = '\0';
	if (strcmp(before, range) != 0)
		err = add(changes, SETUP_SYSCTL, SETUP_PORT_RANGE, before, range);
	free(before);
	return err;
}

/* Last, since it is the service that all before is for. */
static int add_service(struct setup_changes *changes, bool any_other)
{
	bool active = systemctl_says("is-active", SETUP_UNIT);
	int err = 0;

	if (!systemctl_says("is-enabled", SETUP_UNIT))
		err = add(changes, SETUP_ENABLED, SETUP_UNIT, "disabled", "enabled");
	if (!err && (any_other || !active))
		err = add(changes, SETUP_ACTIVE, SETUP_UNIT, active ? "active" : "inactive",
			  "active");
	return err;
}

int setup_plan_make(const struct setup_wishes *wishes, const char *config,
		    struct setup_changes *changes, FILE *errors)
{
	const char *what = SETUP_STATE;
	size_t none;
	int err;

	changes->n = 0;
	err = add_folder(changes, what);
	none = changes->n;
	if (!err && config) {
		what = wishes->config_path;
		err = add_file(changes, what, config);
	}
	if (!err && wishes->local_ports) {
		what = SETUP_SYSCTL_FILE;
		err = add_ports(changes, wishes->local_ports);
	}
	if (!err && wishes->resolv_conf) {
		what = SETUP_RESOLV_CONF;
		err = add_file(changes, what, "nameserver ::1\n");
	}
	if (!err && wishes->service) {
		what = SETUP_UNIT;
		err = add_service(changes, changes->n > none);
	}
	if (err)
		fprintf(errors, "gate64: %s: %s\n", what, strerror(-err));
	/* The record's folder alone is nothing to record. */
	if (err || changes->n == none)
		setup_changes_free(changes);
	return err;
}
