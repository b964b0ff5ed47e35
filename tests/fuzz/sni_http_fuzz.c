/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A request's head fed in pieces gives what it gives when fed at once, however it is cut. The
 * first byte seeds the cuts, the rest is the wire. A host lies in what was read.
 */
#include <stdlib.h>
#include <string.h>

#include "../../snid/http.h"
#include "../../core/hostname.h"

static void check(int holds)
{
	if (!holds)
		abort();
}

/* Like a connection: the bytes so far lie in a buffer of just their size. */
static enum http_result feed_pieces(const uint8_t *wire, size_t len, unsigned int seed,
				    size_t *host_at, size_t *host_len)
{
	enum http_result result = HTTP_NEED_MORE;
	struct http_scan scan = { 0 };
	struct http_host host;
	const char *why;

	for (size_t n = 0; n < len && result == HTTP_NEED_MORE;) {
		uint8_t *copy;

		seed = seed * 1103515245 + 12345;
		n += 1 + (seed >> 16) % (seed & 0x8000 ? 3 : 300);
		n = n < len ? n : len;
		copy = malloc(n);
		check(copy != NULL);
		memcpy(copy, wire, n);
		result = http_scan(&scan, copy, n, &host, &why);
		if (result == HTTP_HOST) {
			check(host.len > 0 && host.at >= copy && host.at + host.len <= copy + n);
			*host_at = (size_t)(host.at - copy);
			*host_len = host.len;
		}
		free(copy);
	}
	return result;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct http_scan scan = { 0 };
	struct http_host host;
	char name[HOSTNAME_STRLEN];
	const char *why;
	enum http_result whole;
	size_t at = 0, len = 0;

	if (size < 2)
		return 0;
	whole = http_scan(&scan, data + 1, size - 1, &host, &why);
	check(feed_pieces(data + 1, size - 1, data[0], &at, &len) == whole);
	if (whole == HTTP_BAD)
		check(why && why[0]);
	if (whole != HTTP_HOST)
		return 0;
	check(host.at == data + 1 + at && host.len == len);
	if (!hostname_normalise(host.at, host.len, name))
		check(strlen(name) > 0 && strlen(name) <= HOSTNAME_MAX);
	return 0;
}
