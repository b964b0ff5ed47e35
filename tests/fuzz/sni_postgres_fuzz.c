/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A request of PostgreSQL's that comes byte by byte is judged as the whole one, or earlier; what
 * is to be answered is one of the two requests, and a server's answer is good only as one S.
 */
#include <stdlib.h>
#include <string.h>

#include "../../snid/postgres.h"

static void check(int holds)
{
	if (!holds)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	bool gss_refused = false;
	enum postgres_result whole = postgres_read(&gss_refused, data, size);
	enum postgres_result result = POSTGRES_NEED_MORE;
	size_t n;

	gss_refused = false;
	for (n = 1; n <= size && result == POSTGRES_NEED_MORE; n++) {
		uint8_t *copy = malloc(n);

		check(copy != NULL);
		memcpy(copy, data, n);
		result = postgres_read(&gss_refused, copy, n);
		free(copy);
	}
	/* What came with the request for TLS is seen only if it is there. */
	check(result == whole || (result == POSTGRES_SAY_YES && whole == POSTGRES_UNENCRYPTED));
	if (result == POSTGRES_SAY_YES)
		check(memcmp(data, postgres_ssl_request, POSTGRES_REQUEST_LEN) == 0);
	check(gss_refused == (result == POSTGRES_SAY_NO));
	check(!postgres_judge_answer(data, size) == (size == 1 && data[0] == 'S'));
	return 0;
}
