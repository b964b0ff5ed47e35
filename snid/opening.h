/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a connection needs only until it is joined to a server, in memory of its own. */
#ifndef SNID_OPENING_H
#define SNID_OPENING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hello.h"
#include "name.h"

struct race;
struct route;

enum { OPENING_ALPN_STRLEN = 16 };

struct opening {
	struct hello_scan scan;
	uint8_t *wire;			/* all that the client sent so far; from malloc() */
	size_t wire_len, wire_size;	/* bytes there, bytes allocated */
	char name[NAME_STRLEN];		/* "" = not known yet */
	char alpn[OPENING_ALPN_STRLEN];	/* the only protocol that the client offers; "" = none, or
					 * several, or a longer one, which no route asks for */
	struct route *route;		/* from the look-up on */
	struct race *race;		/* from the first connect() on */
};

/**
 * opening_keep() - add @len bytes to those that the client sent.
 * @opening:	made at the first call, where *@opening is NULL.
 * Return: 0 or -ENOMEM.
 */
int opening_keep(struct opening **opening, const uint8_t *bytes, size_t len);

/** opening_free() - ends its look-up and its race; NULL is allowed. */
void opening_free(struct opening *opening);

#endif
