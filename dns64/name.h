/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Domain names in wire form, never compressed: RFC 1035 3.1, at most 255 bytes
 * and 63 a label. Compression (4.1.4) is undone on the way in, by name_read(),
 * and made again on the way out, by reply.c.
 */
#ifndef DNS64_NAME_H
#define DNS64_NAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	NAME_WIRE_MAX = 255,
	NAME_LABEL_MAX = 63,
	NAME_LABELS_MAX = 127,
	NAME_TEXT_MAX = NAME_WIRE_MAX * 4 + 1,	/* each byte as \DDD, NUL included */
};

struct name {
	uint8_t len;			/* bytes used, root label included; 0 = no name */
	uint8_t wire[NAME_WIRE_MAX];
};

/**
 * name_read() - read a name of a message, compressed or not.
 * @wire, @len:	the whole message.
 * @at:		offset of the name; moved past it, also past the pointer that ends it.
 * @name:	the name, uncompressed.
 *
 * A pointer must lead backwards from where the name (or the part after the last
 * pointer) began, so that no loop can be (RFC 9267), and there may be as many as
 * a name has labels: long chains of pointers to pointers only cost time.
 * Return: false when it is malformed (@at is then of no use).
 */
bool name_read(const uint8_t *wire, size_t len, size_t *at, struct name *name);

/**
 * name_from_wire() - take an uncompressed name out of foreign memory.
 * @wire:	at most NAME_WIRE_MAX bytes are looked at, up to the root label.
 * Return: false when it does not end in time or has a label of over 63 bytes.
 */
bool name_from_wire(struct name *name, const uint8_t *wire);

/**
 * name_from_text() - a host name: letters, digits, hyphens, underscores and dots,
 * with or without the final one.
 * Return: false when it is anything else or too long.
 */
bool name_from_text(struct name *name, const char *text);

/**
 * name_format() - presentation form with the final dot, RFC 4343 2.1 escapes.
 * @text:	at least NAME_TEXT_MAX bytes.
 * Return: @text.
 */
const char *name_format(const struct name *name, char *text);

/** name_equal() - the same name, letter case aside (RFC 4343)? */
bool name_equal(const struct name *a, const struct name *b);

/** name_below() - is @name the @zone itself, or below it? */
bool name_below(const struct name *name, const struct name *zone);

/** name_fold() - copy in lower case; @to holds name->len bytes. */
void name_fold(uint8_t *to, const struct name *name);

/**
 * name_labels() - where each label begins.
 * @at:		room for NAME_LABELS_MAX offsets.
 * Return: how many labels, the root not counted.
 */
size_t name_labels(const struct name *name, uint8_t *at);

#endif
