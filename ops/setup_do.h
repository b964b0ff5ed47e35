/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Making the changes of `gate64 setup`, and taking them back. Needs root. */
#ifndef OPS_SETUP_DO_H
#define OPS_SETUP_DO_H

#include <stdbool.h>
#include <stdio.h>

struct setup_change;
struct setup_changes;

/** setup_tell() - say in a line what making a change does, or taking it back (@undo). */
void setup_tell(const struct setup_change *change, bool undo, FILE *out);

/**
 * setup_do() - make all changes; record them in SETUP_RECORD before the first one. When one
 * fails, those before it are taken back, and the record is what it was.
 * @earlier:	what the record holds, of earlier runs; it is merged with @changes.
 * @out, @errors:	what is kept of files; what has failed, and why.
 * Return: 0 or -errno.
 */
int setup_do(const struct setup_changes *changes, const struct setup_changes *earlier,
	     FILE *out, FILE *errors);

/**
 * setup_undo() - take all changes back, the last first, and remove the record. What somebody
 * else has changed since is kept: a file under another name, a sysctl as it is. When
 * something fails, the rest is done all the same, and the record stays.
 * Return: 0 or the first -errno.
 */
int setup_undo(const struct setup_changes *changes, FILE *out, FILE *errors);

#endif
