/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The clients that have most, found in one look at all: sorted, the first first. */
#ifndef CORE_LEADERS_H
#define CORE_LEADERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "addr.h"

struct leader {
	struct prefix client;
	uint32_t open;		/* sessions or connections that it has now */
	uint32_t opening;	/* of these */
};

struct leaders {
	struct leader *v;	/* room for @max */
	size_t n, max;
	bool some_unseen;	/* there were too many to look at all of them */
};

/** leaders_see() - take one more client in, if it has more than another, or there is room. */
static inline void leaders_see(struct leaders *leaders, const struct leader *one)
{
	size_t at = leaders->n;

	if (at < leaders->max)
		leaders->n++;
	else if (at > 0 && one->open > leaders->v[at - 1].open)
		at--;
	else
		return;
	for (; at > 0 && leaders->v[at - 1].open < one->open; at--)
		leaders->v[at] = leaders->v[at - 1];
	leaders->v[at] = *one;
}

#endif
