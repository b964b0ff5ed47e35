/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a connection needs only until it is joined to a server, in memory of its own. */
#ifndef SNID_OPENING_H
#define SNID_OPENING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hello.h"
#include "name.h"
#include "route.h"

struct opening {
	struct hello_scan scan;
	uint8_t *wire;			/* all that the client sent so far; from malloc() */
	size_t wire_len, wire_size;	/* bytes there, bytes allocated */
	char name[NAME_STRLEN];		/* "" = not known yet */
	struct resolver_query *query;	/* pending, or NULL */
	struct route route;
	const char *failure;		/* of the last address tried; static */
	bool timed_out;			/* that failure was a timeout */
};

/**
 * opening_keep() - add @len bytes to those that the client sent.
 * @opening:	made at the first call, where *@opening is NULL.
 * Return: 0 or -ENOMEM.
 */
int opening_keep(struct opening **opening, const uint8_t *bytes, size_t len);

/** opening_free() - ends a look-up that is pending; NULL is allowed. */
void opening_free(struct opening *opening);

#endif
