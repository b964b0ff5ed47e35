/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Domain names: out of messages, out of text, and compared. Every byte of a
 * message is read through a cursor.
 */
#include "name.h"

#include <string.h>

#include "../core/cursor.h"

enum { LABEL_POINTER = 0xc0 };

static uint8_t lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c + ('a' - 'A')) : c;
}

static bool append_label(struct name *name, const uint8_t *label, uint8_t label_len)
{
	if (name->len + 1u + label_len > NAME_WIRE_MAX)
		return false;
	name->wire[name->len] = label_len;
	if (label_len)
		memcpy(name->wire + name->len + 1, label, label_len);
	name->len = (uint8_t)(name->len + 1 + label_len);
	return true;
}

bool name_read(const uint8_t *wire, size_t len, size_t *at, struct name *name)
{
	struct cursor c = cursor_init(wire, len);
	size_t part = *at;	/* where the part now read began; only falls */
	unsigned int jumps = 0;

	name->len = 0;
	cursor_skip(&c, *at);
	for (;;) {
		uint8_t n = cursor_u8(&c);

		if ((n & LABEL_POINTER) == LABEL_POINTER) {
			size_t target = (size_t)(n & ~LABEL_POINTER & 0xff) << 8 | cursor_u8(&c);

			if (c.failed || target >= part || jumps == NAME_LABELS_MAX)
				return false;
			if (jumps++ == 0)
				*at = (size_t)(c.at - wire);
			part = target;
			c = cursor_init(wire, len);
			cursor_skip(&c, target);
			continue;
		}
		const uint8_t *label = cursor_skip(&c, n);

		if (c.failed || n > NAME_LABEL_MAX || !append_label(name, label, n))
			return false;
		if (n == 0)
			break;
	}
	if (jumps == 0)
		*at = (size_t)(c.at - wire);
	return true;
}

bool name_from_wire(struct name *name, const uint8_t *wire)
{
	name->len = 0;
	for (size_t at = 0; at < NAME_WIRE_MAX; at += 1u + wire[at]) {
		if (wire[at] > NAME_LABEL_MAX || !append_label(name, wire + at + 1, wire[at]))
			return false;
		if (wire[at] == 0)
			return true;
	}
	return false;
}

static bool is_host_char(uint8_t c)
{
	c = lower(c);
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

bool name_from_text(struct name *name, const char *text)
{
	name->len = 0;
	while (*text) {
		const uint8_t *label = (const uint8_t *)text;
		size_t n = 0;

		while (is_host_char(label[n]))
			n++;
		if (n == 0 || n > NAME_LABEL_MAX || (text[n] != '\0' && text[n] != '.'))
			return false;
		if (!append_label(name, label, (uint8_t)n))
			return false;
		text += n + (text[n] == '.');
	}
	/* "" is no host name; the root alone is none either. */
	return name->len > 0 && append_label(name, NULL, 0);
}

const char *name_format(const struct name *name, char *text)
{
	char *out = text;

	for (size_t at = 0; at < name->len && name->wire[at] != 0; at += 1u + name->wire[at]) {
		for (size_t i = at + 1; i <= at + name->wire[at]; i++) {
			uint8_t c = name->wire[i];

			if (is_host_char(c)) {
				*out++ = (char)c;
				continue;
			}
			*out++ = '\\';
			*out++ = (char)('0' + c / 100);
			*out++ = (char)('0' + c / 10 % 10);
			*out++ = (char)('0' + c % 10);
		}
		*out++ = '.';
	}
	if (out == text)
		*out++ = '.';
	*out = '\0';
	return text;
}

/* A length byte is at most 63 and 'A' is 65: folding every byte leaves them alone. */
void name_fold(uint8_t *to, const struct name *name)
{
	for (size_t i = 0; i < name->len; i++)
		to[i] = lower(name->wire[i]);
}

static bool tail_equal(const struct name *name, size_t at, const struct name *tail)
{
	for (size_t i = 0; i < tail->len; i++)
		if (lower(name->wire[at + i]) != lower(tail->wire[i]))
			return false;
	return true;
}

bool name_equal(const struct name *a, const struct name *b)
{
	return a->len == b->len && tail_equal(a, 0, b);
}

bool name_below(const struct name *name, const struct name *zone)
{
	size_t at = 0;

	/* Only where a label begins: "xexample.org" is not below "example.org". */
	while (at < name->len && (size_t)(name->len - at) > zone->len)
		at += 1u + name->wire[at];
	return at < name->len && (size_t)(name->len - at) == zone->len &&
	       tail_equal(name, at, zone);
}

size_t name_labels(const struct name *name, uint8_t *at)
{
	size_t n = 0;

	for (size_t i = 0; i < name->len && name->wire[i] != 0 && n < NAME_LABELS_MAX;
	     i += 1u + name->wire[i])
		at[n++] = (uint8_t)i;
	return n;
}
