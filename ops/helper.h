/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A process that runs the few programs of the host that gate64 needs while it runs, so that
 * gate64 itself never has to start one, and may be forbidden to (confine.h). It is forked
 * early; what it can be asked for is the number of a program, and the program's input, which
 * it runs only if that is a text of gate64's (restore_text.h). It ends with gate64, however
 * that ends, or before: where the rules are nftables' it is not needed (ruleset.c).
 * Main thread only.
 */
#ifndef OPS_HELPER_H
#define OPS_HELPER_H

#include <stddef.h>

struct event_base;

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

/** helper_lost_fn - it has ended, or does not answer, and will not be asked again. */
typedef void helper_lost_fn(void *arg);

/**
 * helper_watch() - be told when it is lost, by @base or by helper_run(); until helper_stop().
 * Return: 0, or -ENOMEM, which is logged.
 */
int helper_watch(struct event_base *base, helper_lost_fn *lost, void *arg);

/**
 * helper_run() - run a program and wait for it, some seconds at most; see tool_run().
 * @input:	NUL-terminated text for its standard input.
 * @said:	what it wrote to standard error, or our reason, in words.
 * Without helper_start() it is run by this process.
 * Return: as tool_run(); -EPERM: @input is none that gate64 writes, and nothing was run;
 * -EPIPE: there is no helper any more.
 */
int helper_run(enum helper_program program, const char *input, char *said, size_t said_size);

/** helper_stop() - and wait for its end. */
void helper_stop(void);

#endif
