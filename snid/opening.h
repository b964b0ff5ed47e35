/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a connection needs only until it is joined to a server, in memory of its own. */
#ifndef SNID_OPENING_H
#define SNID_OPENING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buffered.h"
#include "preface.h"

struct race;
struct route;

/* A hello has so many bytes even while those of others fill the memory there is for them. */
enum { OPENING_SURE = 4096 };

struct opening {
	struct preface preface;
	uint8_t *wire;			/* what the client sent and nothing took; from malloc() */
	size_t wire_len, wire_size;	/* bytes there, bytes allocated */
	size_t prepended;		/* of those there, ours */
	struct buffered *buffered;	/* where the latter count; borrowed */
	struct route *route;		/* from the look-up on */
	struct race *race;		/* from the first connect() on */
};

/**
 * opening_keep() - add @len bytes to those that the client sent.
 * @opening:	made at the first call, where *@opening is NULL.
 * @buffered:	what all openings keep; borrowed.
 * Return: 0; -ENOMEM; -ENOBUFS: it is full, and this would be more than OPENING_SURE.
 */
int opening_keep(struct opening **opening, struct buffered *buffered, const uint8_t *bytes,
		 size_t len);

/** opening_drop() - the first @n bytes are done with. */
void opening_drop(struct opening *opening, size_t n);

/**
 * opening_prepend() - bytes for the server, before those of the client.
 * Return: 0 or -ENOMEM.
 */
int opening_prepend(struct opening *opening, const uint8_t *bytes, size_t len);

/** opening_free() - ends its look-up and its race; NULL is allowed. */
void opening_free(struct opening *opening);

#endif
