/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A ClientHello fed in pieces must give what it gives when fed at once, however it is cut.
 * The first byte seeds the cuts, the rest is the wire. A name that comes out is brought into
 * its one form, which must be a fixed point.
 */
#include <stdlib.h>
#include <string.h>

#include "../../snid/hello.h"
#include "../../core/hostname.h"

static uint8_t gather[HELLO_MAX];

static void check(int holds)
{
	if (!holds)
		abort();
}

static void check_name(const struct hello_bytes *raw)
{
	char name[HOSTNAME_STRLEN], again[HOSTNAME_STRLEN];

	check(raw->len > 0);
	if (hostname_normalise(raw->at, raw->len, name)) {
		check(name[0] == '\0');
		return;
	}
	check(strlen(name) > 0 && strlen(name) <= HOSTNAME_MAX);
	check(!hostname_normalise((const uint8_t *)name, strlen(name), again));
	check(strcmp(name, again) == 0);
}

/* Like a connection: the bytes so far lie in a buffer of just their size. */
static enum hello_result feed_pieces(const uint8_t *wire, size_t len, unsigned int seed,
				     char *name, size_t *name_len)
{
	enum hello_result result = HELLO_NEED_MORE;
	struct hello_scan scan = { 0 };
	struct hello found;

	for (size_t n = 0; n < len && result == HELLO_NEED_MORE;) {
		uint8_t *copy;

		seed = seed * 1103515245 + 12345;
		n += 1 + (seed >> 16) % (seed & 0x8000 ? 3 : 700);
		n = n < len ? n : len;
		copy = malloc(n);
		check(copy != NULL);
		memcpy(copy, wire, n);
		result = hello_scan(&scan, copy, n, gather, &found);
		if (result == HELLO_NAME) {
			*name_len = found.name.len;
			memcpy(name, found.name.at, found.name.len);
		}
		free(copy);
	}
	return result;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char name[HELLO_MAX];
	struct hello_scan scan = { 0 };
	struct hello found;
	enum hello_result whole, pieces;
	size_t name_len = 0;

	if (size < 1)
		return 0;
	pieces = feed_pieces(data + 1, size - 1, data[0], name, &name_len);
	whole = hello_scan(&scan, data + 1, size - 1, gather, &found);
	check(pieces == whole);
	if (whole != HELLO_NAME)
		return 0;
	check(found.name.len == name_len && memcmp(found.name.at, name, name_len) == 0);
	check_name(&found.name);
	return 0;
}
