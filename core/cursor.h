/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A bounds-checked reader over foreign bytes with a sticky error: read all the
 * fields, then ask once. After the first short read every further read gives
 * zero and moves nothing.
 */
#ifndef CORE_CURSOR_H
#define CORE_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct cursor {
	const uint8_t *at;	/* next byte; borrowed memory */
	const uint8_t *end;	/* one past the last */
	bool failed;		/* something was read beyond the end */
};

/** cursor_init() - a cursor over @len bytes at @data (borrowed). */
static inline struct cursor cursor_init(const void *data, size_t len)
{
	const uint8_t *at = data;

	return (struct cursor){ .at = at, .end = at + len, .failed = false };
}

/** cursor_left() - bytes not yet read; 0 after a failure. */
static inline size_t cursor_left(const struct cursor *c)
{
	return c->failed ? 0 : (size_t)(c->end - c->at);
}

/** cursor_skip() - pass over @n bytes. Return: where they stand, or NULL. */
static inline const uint8_t *cursor_skip(struct cursor *c, size_t n)
{
	const uint8_t *at = c->at;

	if (cursor_left(c) < n || c->failed) {
		c->failed = true;
		return NULL;
	}
	c->at += n;
	return at;
}

/** cursor_u8() - one byte. */
static inline uint8_t cursor_u8(struct cursor *c)
{
	const uint8_t *p = cursor_skip(c, 1);

	return p ? p[0] : 0;
}

/** cursor_u16() - two bytes in network order, returned in host order. */
static inline uint16_t cursor_u16(struct cursor *c)
{
	const uint8_t *p = cursor_skip(c, 2);

	return (uint16_t)(p ? p[0] << 8 | p[1] : 0);
}

/** cursor_u24() - three bytes in network order, returned in host order. */
static inline uint32_t cursor_u24(struct cursor *c)
{
	const uint8_t *p = cursor_skip(c, 3);

	return p ? (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2] : 0;
}

/** cursor_u32() - four bytes in network order, returned in host order. */
static inline uint32_t cursor_u32(struct cursor *c)
{
	const uint8_t *p = cursor_skip(c, 4);

	return p ? (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
		   (uint32_t)p[2] << 8 | p[3] : 0;
}

/** cursor_bytes() - copy @n bytes out. Return: true, or false with @out zeroed. */
static inline bool cursor_bytes(struct cursor *c, void *out, size_t n)
{
	const uint8_t *p = cursor_skip(c, n);

	if (p)
		memcpy(out, p, n);
	else
		memset(out, 0, n);
	return p != NULL;
}

/** cursor_sub() - a cursor over the next @n bytes, which are passed over here. */
static inline struct cursor cursor_sub(struct cursor *c, size_t n)
{
	const uint8_t *p = cursor_skip(c, n);

	if (!p)
		return (struct cursor){ .at = c->at, .end = c->at, .failed = true };
	return cursor_init(p, n);
}

#endif
