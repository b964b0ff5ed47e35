/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A list of all that is there, each in a seat that it keeps: so it can be read piece by piece
 * over a long time, and what stays for all of it is met exactly once. One thread.
 */
#ifndef SNID_SEATS_H
#define SNID_SEATS_H

#include <stddef.h>
#include <stdint.h>

struct seats {
	uintptr_t *v;		/* a pointer, or (next free seat << 1 | 1) */
	size_t n, size;		/* that were ever taken; allocated */
	size_t first_free;	/* >= n: none */
};

/** seats_take() - Return: the seat of @who (aligned, not NULL) from now on, or -ENOMEM. */
long seats_take(struct seats *seats, void *who);

/** seats_leave() - the seat is free again. */
void seats_leave(struct seats *seats, size_t seat);

/** seats_at() - who has this seat, NULL: nobody. @seat: < seats->n. */
void *seats_at(const struct seats *seats, size_t seat);

/** seats_free() - release. */
void seats_free(struct seats *seats);

#endif
