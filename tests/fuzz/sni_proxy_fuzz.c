/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A PROXY header is whole at the same byte however it comes, what is behind it makes no
 * difference, and the addresses it told are told again by the header that is written of them.
 */
#include <stdlib.h>
#include <string.h>

#include "../../snid/proxy.h"

static void check(int holds)
{
	if (!holds)
		abort();
}

static int read_copy(const uint8_t *wire, size_t len, struct proxy_header *header)
{
	uint8_t *copy = malloc(len ? len : 1);
	const char *why = NULL;
	int n;

	check(copy != NULL);
	memcpy(copy, wire, len);
	n = proxy_read(copy, len, header, &why);
	check(n >= 0 || why);
	free(copy);
	return n;
}

static void write_again(const struct proxy_header *header)
{
	uint8_t wire[PROXY_WRITE_MAX];
	struct proxy_header again;
	size_t len = proxy_write(wire, &header->client, &header->server, "a.example", "h2");

	check(read_copy(wire, len, &again) == (int)len && again.has_client);
	check(endpoint_equal(&again.client, &header->client));
	check(endpoint_equal(&again.server, &header->server));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct proxy_header header, found;
	int whole = read_copy(data, size, &header), n = 0;

	for (size_t len = 0; len <= size && n == 0; len++)
		n = read_copy(data, len, &found);
	check(n == whole);
	if (whole <= 0)
		return 0;
	check((size_t)whole <= size && found.has_client == header.has_client);
	if (header.has_client)
		write_again(&header);
	return 0;
}
