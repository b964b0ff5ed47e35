/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A process that runs the few programs of the host that gate64 needs while it runs, so that
 * gate64 itself never has to start one, and may be forbidden to (confine.h). It is forked
 * early; what it can be asked for is the number of a program, and the program's input. It
 * ends with gate64, however that ends. Main thread only.
 */
#ifndef OPS_HELPER_H
#define OPS_HELPER_H

#include <stddef.h>

/* With their arguments: what else is in the table stays */
enum helper_program {
	HELPER_IPTABLES_RESTORE,	/* iptables-nft-restore --noflush */
	HELPER_IP6TABLES_RESTORE,
	HELPER_PROGRAMS
};

/**
 * helper_start() - fork the process, which keeps CAP_NET_ADMIN alone; while this process has
 * one thread, and before it has anything that a child should not have.
 * Return: 0 or -errno, the reason having been logged.
 */
int helper_start(void);

/**
 * helper_run() - run a program and wait for it, some seconds at most; see tool_run().
 * @input:	NUL-terminated text for its standard input.
 * @said:	what it wrote to standard error, or our reason, in words.
 * Without helper_start() it is run by this process.
 * Return: as tool_run(); -EPIPE: there is no helper any more.
 */
int helper_run(enum helper_program program, const char *input, char *said, size_t said_size);

/** helper_stop() - and wait for its end. */
void helper_stop(void);

#endif
