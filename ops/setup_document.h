/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What `gate64 setup --dry-run --json` prints:
 *
 *   schema	SETUP_DOCUMENT_SCHEMA
 *   undo	is it for --undo? Then nothing else is there but changes
 *   file, configuration: where it goes, and its text
 *   uplink, ipv4, inside: what was found here; null: none
 *   good	nothing is in the way
 *   text	what is, with its mend, and what is good to know
 *   changes	[{kind, what, before, after, text}] in the order in which they would be made;
 *		the first four as setup_changes.h has them, of --undo too
 */
#ifndef OPS_SETUP_DOCUMENT_H
#define OPS_SETUP_DOCUMENT_H

#include <stdbool.h>

struct netinfo;
struct setup_changes;

enum { SETUP_DOCUMENT_SCHEMA = 1 };

struct setup_document {
	const char *file, *configuration, *said;	/* said: by setup_check() */
	const struct netinfo *net;
	const struct setup_changes *changes;
	bool good;
};

/** setup_document_print() - on standard output. */
void setup_document_print(const struct setup_document *from);

/** setup_document_print_undo() - likewise, of what would be taken back. */
void setup_document_print_undo(const struct setup_changes *changes);

#endif
