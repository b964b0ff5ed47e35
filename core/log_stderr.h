/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lines to standard error, without ever waiting for who reads them. */
#ifndef CORE_LOG_STDERR_H
#define CORE_LOG_STDERR_H

#include <stdbool.h>
#include <stddef.h>

/**
 * log_stderr_open() - a terminal or a pipe is opened once more, for us alone: not to wait is a
 * matter of the open file, which our parent has, too. First before privilege goes; where it
 * cannot be had, standard error is used as it is. Main thread.
 */
void log_stderr_open(void);

/** log_stderr_write() - a whole line; any thread. Return: false where it is not taken at once. */
bool log_stderr_write(const char *line, size_t len);

#endif
