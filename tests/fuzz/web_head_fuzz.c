/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A request's head is taken, and then what is known of it is sound, or refused, and then nothing
 * is; both in words of HTTP. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../../ops/web_head.h"

static void check(int holds)
{
	if (!holds)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct web_request request;
	const char *why = NULL;
	unsigned int status = web_head_read((const char *)data, size, &request, &why);

	check(memchr(request.path, 0, WEB_PATH_MAX) && memchr(request.host, 0, WEB_HOST_MAX) &&
	      memchr(request.none_match, 0, WEB_TAGS_MAX));
	if (status) {
		check(status >= 400 && status <= 505 && why && why[0]);
		check(!request.path[0] && !request.host[0] && !request.openmetrics);
		return 0;
	}
	check(size > 4 && memcmp(data, request.is_head ? "HEAD " : "GET ", 4) == 0);
	check(request.path[0] == '/' && !strpbrk(request.path, " ?#\r\n"));
	check(!strpbrk(request.host, " /@\r\n"));
	web_head_knows(request.none_match, "\"0123456789abcdef\"");
	return 0;
}
