/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See opening.h. */
#include "opening.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "race.h"
#include "route.h"

/* Most hellos come in one piece, so the first buffer is of just that size; after that it
 * doubles, so that a hello in single bytes is not copied once for each. */
static int make_room(struct opening *opening, size_t len)
{
	size_t needed = opening->wire_len + len;
	size_t size = 2 * opening->wire_size > needed ? 2 * opening->wire_size : needed;
	uint8_t *wire;

	if (opening->wire && needed <= opening->wire_size)
		return 0;
	wire = realloc(opening->wire, size);
	if (!wire)
		return -ENOMEM;
	buffered_change(opening->buffered, opening->wire_size, size);
	opening->wire = wire;
	opening->wire_size = size;
	return 0;
}

int opening_keep(struct opening **opening, struct buffered *buffered, const uint8_t *bytes,
		 size_t len)
{
	struct opening *o = *opening;
	int err;

	if (!o) {
		o = calloc(1, sizeof(*o));
		if (!o)
			return -ENOMEM;
		o->buffered = buffered;
		*opening = o;
	}
	if (o->wire_len + len > OPENING_SURE && buffered_full(buffered))
		return -ENOBUFS;
	err = make_room(o, len);
	if (err)
		return err;
	memcpy(o->wire + o->wire_len, bytes, len);
	o->wire_len += len;
	return 0;
}

void opening_drop(struct opening *opening, size_t n)
{
	opening->wire_len -= n;
	memmove(opening->wire, opening->wire + n, opening->wire_len);
}

int opening_prepend(struct opening *opening, const uint8_t *bytes, size_t len)
{
	int err = make_room(opening, len);

	if (err)
		return err;
	memmove(opening->wire + len, opening->wire, opening->wire_len);
	memcpy(opening->wire, bytes, len);
	opening->wire_len += len;
	opening->prepended += len;
	return 0;
}

void opening_free(struct opening *opening)
{
	if (!opening)
		return;
	if (opening->race)
		race_end(opening->race);
	free(opening->race);
	route_free(opening->route);
	buffered_change(opening->buffered, opening->wire_size, 0);
	free(opening->wire);
	free(opening);
}
