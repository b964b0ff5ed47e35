/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ops/web_head: requests as RFC 9112 has them, and what a server that takes GET alone refuses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "../../ops/web_head.h"

#define N(array) (sizeof(array) / sizeof(*(array)))
#define HOST "Host: localhost\r\n"

/* In memory of just that size, so that a sanitizer sees what is read beyond */
static unsigned int read_head(const char *text, struct web_request *request)
{
	size_t len = strlen(text);
	char *copy = malloc(len + 1);
	const char *why = NULL;
	unsigned int status;

	assert_non_null(copy);
	memcpy(copy, text, len);
	status = web_head_read(copy, len, request, &why);
	free(copy);
	if (status)
		assert_non_null(why);
	return status;
}

static void expect_status(const char *text, unsigned int status)
{
	struct web_request request;
	unsigned int got = read_head(text, &request);

	if (got != status)
		fail_msg("%u, not %u: %s", got, status, text);
	if (status)
		assert_string_equal(request.path, "");
}

/* RFC 9112 3, 3.2.1, 3.2.2: request line, origin form, absolute form, whose host counts;
 * RFC 9110 9.3.2: HEAD */
static void test_requests(void **state)
{
	static const struct {
		const char *text, *path, *host;
		bool is_head;
	} rows[] = {
		{ "GET / HTTP/1.1\r\n" HOST "\r\n", "/", "localhost", false },
		{ "HEAD /metrics HTTP/1.1\r\nhOsT:localhost:9464 \t\r\n\r\n", "/metrics",
		  "localhost", true },
		{ "GET /metrics?name[]=x HTTP/1.1\r\nHost: [::1]:9464\r\n\r\n", "/metrics", "::1",
		  false },
		{ "GET http://a.example:80/x/y?z HTTP/1.1\r\n" HOST "\r\n", "/x/y", "a.example",
		  false },
		{ "GET HTTP://a.example HTTP/1.1\r\n" HOST "\r\n", "/", "a.example", false },
		{ "GET http://[2001:db8::1]? HTTP/1.1\r\n" HOST "\r\n", "/", "2001:db8::1", false },
		{ "GET / HTTP/1.0\r\n\r\n", "/", "", false },
		{ "GET /\"?\" HTTP/1.1\r\n" HOST "\r\n", "/\"", "localhost", false },
		{ "GET / HTTP/1.1\r\nHost:\r\n\r\n", "/", "", false },
		{ "GET / HTTP/1.9\r\nContent-Length: 0\r\n" HOST "X:\r\n\r\n", "/", "localhost",
		  false },
	};
	struct web_request request;

	(void)state;
	for (size_t i = 0; i < N(rows); i++) {
		assert_int_equal(read_head(rows[i].text, &request), 0);
		assert_string_equal(request.path, rows[i].path);
		assert_string_equal(request.host, rows[i].host);
		assert_int_equal(request.is_head, rows[i].is_head);
	}
}

/* RFC 9112 2.2, 2.3, 3, 3.2, 5.1, 5.2, RFC 9110 5.5, 15.5.1: what is broken */
static void test_broken(void **state)
{
	static const char *const rows[] = {
		"", "\r\n", "GET\r\n\r\n", "GET /\r\n\r\n", "GET / \r\n" HOST "\r\n",
		" GET / HTTP/1.1\r\n" HOST "\r\n", "GET  / HTTP/1.1\r\n" HOST "\r\n",
		"GET /  HTTP/1.1\r\n" HOST "\r\n", "GET / HTTP/1.1 \r\n" HOST "\r\n",
		"GET x HTTP/1.1\r\n" HOST "\r\n", "GET * HTTP/1.1\r\n" HOST "\r\n",
		"GET ftp://a/ HTTP/1.1\r\n" HOST "\r\n", "G(T / HTTP/1.1\r\n" HOST "\r\n",
		"GET /\x7f HTTP/1.1\r\n" HOST "\r\n", "GET /\xc3\xa4 HTTP/1.1\r\n" HOST "\r\n",
		"GET / HTTP/11\r\n" HOST "\r\n", "GET / http/1.1\r\n" HOST "\r\n",
		"GET / HTTP/1.1\n" HOST "\r\n", "GET / HTTP/1.1\r\nHost: localhost\n\r\n",
		"GET / HTTP/1.1\r\n" HOST, "GET / HTTP/1.1\r\n\r\n",
		"GET / HTTP/1.1\r\n" HOST HOST "\r\n", "GET / HTTP/1.1\r\nHost : x\r\n\r\n",
		"GET / HTTP/1.1\r\n" HOST " x\r\n\r\n", "GET / HTTP/1.1\r\n" HOST "x\r\n\r\n",
		"GET / HTTP/1.1\r\n" HOST ": x\r\n\r\n", "GET / HTTP/1.1\r\n" HOST "A: \x01\r\n\r\n",
		"GET / HTTP/1.1\r\n" HOST "A: b\rc\r\n\r\n", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a:b\r\n\r\n", "GET / HTTP/1.1\r\nHost: [::1\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: [::1]x\r\n\r\n",
		"GET http://u@a/ HTTP/1.1\r\n" HOST "\r\n", "GET http://a:b/ HTTP/1.1\r\n" HOST "\r\n",
		"GET http://a/ HTTP/1.1\r\nHost: b c\r\n\r\n",
	};

	(void)state;
	for (size_t i = 0; i < N(rows); i++)
		expect_status(rows[i], 400);
}

/* RFC 9110 15.5.6 and 15.6.2: methods that are known, and that are not; 15.6.6: versions;
 * 15.5.14 and 9.3.1: content; 15.5.15: a path that no route can have */
static void test_refused(void **state)
{
	static const char *const known[] = { "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE",
					     "PATCH" };
	static const char *const unknown[] = { "BREW", "get", "HEADS", "GE" };
	struct web_request request;
	char text[1024], path[512];

	(void)state;
	for (size_t i = 0; i < N(known); i++) {
		snprintf(text, sizeof(text), "%s / HTTP/1.1\r\n" HOST "\r\n", known[i]);
		expect_status(text, 405);
	}
	for (size_t i = 0; i < N(unknown); i++) {
		snprintf(text, sizeof(text), "%s / HTTP/1.1\r\n" HOST "\r\n", unknown[i]);
		expect_status(text, 501);
	}
	expect_status("GET / HTTP/2.0\r\n" HOST "\r\n", 505);
	expect_status("GET / HTTP/0.9\r\n" HOST "\r\n", 505);
	expect_status("GET / HTTP/1.1\r\n" HOST "Content-Length: 1\r\n\r\n", 413);
	expect_status("GET / HTTP/1.1\r\n" HOST "Content-Length: 00\r\n\r\n", 413);
	expect_status("GET / HTTP/1.1\r\n" HOST "transfer-encoding: chunked\r\n\r\n", 413);

	memset(path, 'x', sizeof(path));
	path[0] = '/';
	snprintf(text, sizeof(text), "GET %.*s HTTP/1.1\r\n" HOST "\r\n", WEB_PATH_MAX - 1, path);
	expect_status(text, 0);
	snprintf(text, sizeof(text), "GET %.*s HTTP/1.1\r\n" HOST "\r\n", WEB_PATH_MAX, path);
	expect_status(text, 414);
	snprintf(text, sizeof(text), "GET / HTTP/1.1\r\nHost: %.*s\r\n\r\n", WEB_HOST_MAX, path + 1);
	expect_status(text, 400);
	/* A HEAD that is refused has no content in its answer either: RFC 9110 9.3.2. */
	assert_int_equal(read_head("HEAD x HTTP/1.1\r\n" HOST "\r\n", &request), 400);
	assert_true(request.is_head);
}

#define OPEN "application/openmetrics-text"

/* RFC 9110 12.5.1 and 12.4.2: the type wanted most, as its closest range says; the headers that
 * Prometheus sends are among them. */
static void test_accept(void **state)
{
	static const struct {
		const char *accept;
		bool openmetrics;
	} rows[] = {
		{ "*/*", false },
		{ "text/plain", false },
		{ OPEN, true },
		{ "Application/OpenMetrics-Text", true },
		{ OPEN ";version=1.0.0", true },
		{ OPEN "; version=\"1.0.0\" ; charset=utf-8", true },
		{ OPEN ";version=0.0.1", true },
		{ OPEN ";version=2.0.0", false },
		{ OPEN ";version=1.0.0;q=0.75," OPEN ";version=0.0.1;q=0.5,"
		  "text/plain;version=0.0.4;q=0.5,*/*;q=0.1", true },
		{ OPEN ";version=1.0.0;escaping=allow-utf-8;q=0.6," OPEN ";version=0.0.1;q=0.5,"
		  "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,"
		  "text/plain;version=0.0.4;q=0.3,*/*;q=0.2", true },
		{ OPEN ";q=0", false },
		{ OPEN ";q=0.000", false },
		{ OPEN ";q=0.5, text/plain", false },
		{ OPEN ";q=0.5, text/plain;q=0.500", true },
		{ OPEN ";q=0.5, text/plain;q=0.501", false },
		{ OPEN ";q=0.5, text/*;q=0.6, */*;q=0.1", false },
		{ OPEN ";q=0.5, text/plain;q=0.1, text/*;q=0.6", true },
		{ OPEN ";q=0.5, */*;q=0.6", false },
		{ OPEN ";q=0.5, */*;q=0.4", true },
		{ OPEN ";q=1.000", true },
		{ OPEN ";q=1.001", false },
		{ OPEN ";q=0.1234", false },
		{ OPEN ";q=x", false },
		{ "text/html;x=\"," OPEN ",\"", false },
		{ "text/html;x=\"\\\",\", " OPEN, true },
		{ ",, " OPEN " ,", true },
		{ "", false },
	};
	struct web_request request;
	char text[512];

	(void)state;
	for (size_t i = 0; i < N(rows); i++) {
		snprintf(text, sizeof(text), "GET / HTTP/1.1\r\n" HOST "Accept: %s\r\n\r\n",
			 rows[i].accept);
		assert_int_equal(read_head(text, &request), 0);
		if (request.openmetrics != rows[i].openmetrics)
			fail_msg("Accept: %s", rows[i].accept);
	}
	/* RFC 9110 5.3: fields of one name are one list. */
	assert_int_equal(read_head("GET / HTTP/1.1\r\n" HOST "Accept: text/plain;q=0.5\r\n"
				   "Accept: " OPEN "\r\n\r\n", &request), 0);
	assert_true(request.openmetrics);
	assert_int_equal(read_head("GET / HTTP/1.1\r\n" HOST "\r\n", &request), 0);
	assert_false(request.openmetrics);
}

/* RFC 9110 13.1.2 and 8.8.3.2: any of the list, weak or not; "*" is every one */
static void test_tags(void **state)
{
	struct web_request request;

	(void)state;
	assert_int_equal(read_head("GET / HTTP/1.1\r\n" HOST "If-None-Match: \"a\", W/\"b\"\r\n\r\n",
				   &request), 0);
	assert_true(web_head_knows(request.none_match, "\"a\""));
	assert_true(web_head_knows(request.none_match, "\"b\""));
	assert_false(web_head_knows(request.none_match, "\"c\""));
	assert_true(web_head_knows("*", "\"c\""));
	assert_true(web_head_knows("\"x,y\" ,\"c\"", "\"c\""));
	assert_false(web_head_knows("\"x,\"c\"\"", "\"c\""));
	assert_false(web_head_knows("", "\"c\""));
	assert_false(web_head_knows("c", "\"c\""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_requests),
		cmocka_unit_test(test_broken),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_accept),
		cmocka_unit_test(test_tags),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
