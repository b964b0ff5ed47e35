/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What stood in the packet filter when we had put it up, as text, to tell whether others have
 * touched it since. Between ruleset.c, guard.c and those who can list rules.
 */
#ifndef OPS_STANDING_H
#define OPS_STANDING_H

#include <stdio.h>

struct standing {
	char *text;		/* owned; NULL: nothing is to stand */
};

/**
 * standing_show - write what stands of ours, and nothing that changes by itself (counters).
 * @said:	RULESET_SAID_SIZE bytes; why it cannot be read.
 * Return: 0 or -errno.
 */
typedef int standing_show(FILE *out, char *said);

/** standing_note() - remember what stands now; after it was put up. */
void standing_note(struct standing *standing, standing_show *show);

/**
 * standing_holds() - is it as it was noted?
 * Return: 1 it is, or nothing is to stand; 0 it is not; -errno, why being in @said.
 */
int standing_holds(const struct standing *standing, standing_show *show, char *said);

/** standing_forget() - nothing is to stand. */
void standing_forget(struct standing *standing);

#endif
