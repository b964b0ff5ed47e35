/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How `gate64 top` reads: rates (rates.h) and activity (activity.h) as lines of text. What
 * begins at the left margin begins with a heading.
 */
#ifndef OPS_TOP_H
#define OPS_TOP_H

#include <stdio.h>

struct json_object;

/**
 * top_print() - one view.
 * @view:	from rates_between().
 * @activity:	NULL: it is not known.
 * @lines:	as many at most, some 20 at least; 0: as many as it takes.
 */
void top_print(struct json_object *view, struct json_object *activity, int lines, FILE *out);

#endif
