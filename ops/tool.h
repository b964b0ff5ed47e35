/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Run a program of the host to its end: no shell, no inherited descriptors or
 * environment, input from memory, a bounded wait.
 */
#ifndef OPS_TOOL_H
#define OPS_TOOL_H

#include <fcntl.h>
#include <stddef.h>

/* Nobody can change any more what a program shall read, nor have it wait. */
#define TOOL_INPUT_SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

/**
 * tool_input() - what a program shall read: @text in a memory file, sealed.
 * Return: a descriptor, owned by the caller, or -errno.
 */
int tool_input(const char *text);

/**
 * tool_run() - run @argv and wait for it.
 * @argv:	NULL-terminated; argv[0] a bare name, looked for in the system's
 *		own folders for programs, never in $PATH.
 * @input:	NUL-terminated text for its standard input; standard output is discarded.
 * @timeout_ms:	after so long it is killed.
 * @said:	what it wrote to standard error, last newline removed, NUL-terminated
 *		and cut to @said_size; after a failure of ours, the reason in words.
 *
 * The program keeps our user and CAP_NET_ADMIN, nothing else.
 * Return: 0 when it exited with 0; -EPROTO when it exited otherwise or by a signal;
 * -ENOENT no such program; -ETIMEDOUT; or another -errno of starting it.
 */
int tool_run(const char *const argv[], const char *input, int timeout_ms, char *said,
	     size_t said_size);

#endif
