/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Free seats are linked through themselves: the lowest bit tells such a link from a pointer. */
#include "seats.h"

#include <errno.h>
#include <stdlib.h>

enum { SEATS_FIRST = 64 };

static int make_room(struct seats *seats)
{
	size_t size = seats->size ? 2 * seats->size : SEATS_FIRST;
	uintptr_t *v = reallocarray(seats->v, size, sizeof(*v));

	if (!v)
		return -ENOMEM;
	seats->v = v;
	seats->size = size;
	return 0;
}

long seats_take(struct seats *seats, void *who)
{
	size_t seat = seats->first_free;

	if (seat < seats->n) {
		seats->first_free = seats->v[seat] >> 1;
	} else {
		if (seats->n == seats->size && make_room(seats) < 0)
			return -ENOMEM;
		seat = seats->n++;
		seats->first_free = seats->n;
	}
	seats->v[seat] = (uintptr_t)who;
	return (long)seat;
}

void seats_leave(struct seats *seats, size_t seat)
{
	seats->v[seat] = (uintptr_t)seats->first_free << 1 | 1;
	seats->first_free = seat;
}

void *seats_at(const struct seats *seats, size_t seat)
{
	uintptr_t who = seats->v[seat];

	return who & 1 ? NULL : (void *)who;
}

void seats_free(struct seats *seats)
{
	free(seats->v);
	*seats = (struct seats){ 0 };
}
