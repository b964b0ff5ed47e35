/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Small text files of the host, read and written whole. */
#ifndef OPS_SETUP_FILE_H
#define OPS_SETUP_FILE_H

#include <sys/types.h>

enum { SETUP_FILE_MAX = 1 << 20 };	/* bytes */

/**
 * setup_file_read() - all that a file holds.
 * @text:	NUL-terminated, caller frees; NULL after an error.
 * Return: 0, -EFBIG: more than SETUP_FILE_MAX, -EILSEQ: holds a NUL, or another -errno.
 */
int setup_file_read(const char *path, char **text);

/**
 * setup_file_write() - replace a file, or the link that is in its place, at once and whole.
 * Its folder must be there.
 * Return: 0 or -errno, with nothing changed.
 */
int setup_file_write(const char *path, const char *text, mode_t mode);

/** setup_file_keep() - move a file aside, to PATH.kept or PATH.kept.2 and so on.
 * @kept: PATH_MAX bytes, where to. Return: 0 or -errno. */
int setup_file_keep(const char *path, char *kept);

#endif
