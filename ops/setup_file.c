/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "setup_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { KEPT_MAX = 100 };

int setup_file_read(const char *path, char **text)
{
	FILE *file = fopen(path, "re");
	size_t len = 0, got;
	int err = 0;

	*text = NULL;
	if (!file)
		return -errno;
	/* What is in /proc has no size: read until there is no more. */
	*text = malloc(SETUP_FILE_MAX + 1);
	if (!*text)
		err = -ENOMEM;
	while (!err && (got = fread(*text + len, 1, SETUP_FILE_MAX + 1 - len, file)) > 0)
		len += got;
	if (!err && ferror(file))
		err = -EIO;
	else if (!err && len > SETUP_FILE_MAX)
		err = -EFBIG;
	else if (!err && memchr(*text, '\0', len))
		err = -EILSEQ;
	fclose(file);
	if (err) {
		free(*text);
		*text = NULL;
		return err;
	}
	(*text)[len] = '\0';
	return 0;
}

static int write_all(int fd, const char *text)
{
	size_t len = strlen(text);

	while (len > 0) {
		ssize_t n = write(fd, text, len);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0) {
			text += n;
			len -= (size_t)n;
		}
	}
	return 0;
}

int setup_file_write(const char *path, const char *text, mode_t mode)
{
	char beside[PATH_MAX];
	int fd, err;

	if (snprintf(beside, sizeof(beside), "%s.XXXXXX", path) >= (int)sizeof(beside))
		return -ENAMETOOLONG;
	fd = mkostemp(beside, O_CLOEXEC);
	if (fd < 0)
		return -errno;
	err = write_all(fd, text);
	if (!err && (fchmod(fd, mode) < 0 || fsync(fd) < 0))
		err = -errno;
	close(fd);
	if (!err && rename(beside, path) < 0)
		err = -errno;
	if (err)
		unlink(beside);
	return err;
}

int setup_file_keep(const char *path, char *kept)
{
	for (int i = 1; i <= KEPT_MAX; i++) {
		int len = i == 1 ? snprintf(kept, PATH_MAX, "%s.kept", path) :
				   snprintf(kept, PATH_MAX, "%s.kept.%d", path, i);

		if (len >= PATH_MAX)
			return -ENAMETOOLONG;
		/* Unlike rename(), it takes nobody's place. */
		if (link(path, kept) == 0)
			return unlink(path) < 0 ? -errno : 0;
		if (errno != EEXIST)
			return -errno;
	}
	return -EEXIST;
}
