/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A text that one thread makes and others give away: it never changes, and lives until the
 * last of those who hold it has put it back, in whichever thread.
 */
#ifndef OPS_SHARED_TEXT_H
#define OPS_SHARED_TEXT_H

#include <stddef.h>
#include <stdint.h>

struct shared_text {
	_Atomic unsigned int users;
	int64_t made_ms;		/* loop_now_ms() */
	unsigned int status;		/* of HTTP, with which it is given */
	size_t len;
	char data[];			/* and a NUL behind it */
};

/** shared_text_new() - a copy of @from, one reference being the caller's; NULL: out of memory. */
struct shared_text *shared_text_new(unsigned int status, const char *from, size_t len);

/** shared_text_hold() - one more reference. Return: @text. */
struct shared_text *shared_text_hold(struct shared_text *text);

/** shared_text_put() - give a reference back; NULL is allowed. */
void shared_text_put(struct shared_text *text);

#endif
