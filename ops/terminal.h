/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A terminal that shows one page of text, over and over, until somebody has seen enough.
 * Only what every VT100 understands is sent, but for two modes that others ignore: the
 * cursor and a screen of one's own, so that what was there before comes back.
 */
#ifndef OPS_TERMINAL_H
#define OPS_TERMINAL_H

#include <stdint.h>

struct terminal;

enum terminal_news {
	TERMINAL_TIME,		/* nothing but time that has passed */
	TERMINAL_REDRAW,	/* its size is another, or it was away */
	TERMINAL_QUIT,		/* q, ^C, a signal that ends programs, or it is gone */
};

/**
 * terminal_open() - take over stdin and stdout. Signals that end or stop the process are
 * taken over too.
 * Return: NULL where they are no terminal, or memory or descriptors are out.
 */
struct terminal *terminal_open(void);

/** terminal_lines() - how many lines of text it shows now. */
int terminal_lines(const struct terminal *terminal);

/**
 * terminal_draw() - show @text, lines of printable ASCII, instead of what is there. The first
 * word of a line is bold where it begins at the margin; what does not fit is cut off.
 */
void terminal_draw(struct terminal *terminal, const char *text);

/** terminal_wait() - for @ms at most. */
enum terminal_news terminal_wait(struct terminal *terminal, int64_t ms);

/** terminal_close() - as it was before; NULL is allowed. */
void terminal_close(struct terminal *terminal);

#endif
