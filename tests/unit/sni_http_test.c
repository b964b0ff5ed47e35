/* SPDX-License-Identifier: GPL-2.0-or-later */
/* snid/http: the host of a first request (RFC 9112 2 to 5, RFC 9110 4.2, RFC 3986 3.2). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "../../snid/http.h"

#define N(array) (sizeof(array) / sizeof(*(array)))

struct row {
	const char *wire;
	enum http_result result;
	const char *host;
};

static void expect(const char *wire, size_t len, enum http_result result, const char *wanted)
{
	struct http_scan scan = { 0 };
	struct http_host host = { NULL, 0 };
	const char *why = NULL;

	assert_int_equal(http_scan(&scan, (const uint8_t *)wire, len, &host, &why), result);
	if (wanted) {
		assert_int_equal(host.len, strlen(wanted));
		assert_memory_equal(host.at, wanted, host.len);
	}
	if (result == HTTP_BAD)
		assert_non_null(why);
}

/* As the bytes come in, each in a buffer of just that size */
static void expect_in_pieces(const char *wire, size_t len, enum http_result result)
{
	struct http_scan scan = { 0 };
	struct http_host host;
	const char *why;

	for (size_t n = 1; n <= len; n++) {
		uint8_t *copy = malloc(n);
		enum http_result now;

		assert_non_null(copy);
		memcpy(copy, wire, n);
		now = http_scan(&scan, copy, n, &host, &why);
		free(copy);
		if (now == HTTP_NEED_MORE)
			continue;
		assert_int_equal(now, result);
		return;
	}
	assert_int_equal(result, HTTP_NEED_MORE);
}

static void run_rows(const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		expect(rows[i].wire, strlen(rows[i].wire), rows[i].result, rows[i].host);
		expect_in_pieces(rows[i].wire, strlen(rows[i].wire), rows[i].result);
	}
}

/* RFC 9112 3.2 */
static void test_hosts(void **state)
{
	static const struct row rows[] = {
		{ "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n", HTTP_HOST, "a.example" },
		{ "GET / HTTP/1.1\r\nhOST:a.example:8080\r\n\r\n", HTTP_HOST, "a.example" },
		{ "GET / HTTP/1.1\r\nHost: \t a.example \t\r\nX: y\r\n\r\n", HTTP_HOST, "a.example" },
		{ "GET / HTTP/1.1\r\nHost: a.example:\r\n\r\n", HTTP_HOST, "a.example" },
		{ "GET / HTTP/1.1\r\nHost: [2001:db8::1]:80\r\n\r\n", HTTP_HOST, "[2001:db8::1]" },
		{ "GET / HTTP/1.0\r\n\r\n", HTTP_NO_HOST, NULL },
		{ "GET / HTTP/1.1\r\nHost:\r\n\r\n", HTTP_NO_HOST, NULL },
		{ "GET / HTTP/1.1\r\n\r\n", HTTP_BAD, NULL },
		{ "GET / HTTP/1.1\r\nHost: a.example\r\nHost: a.example\r\n\r\n", HTTP_BAD, NULL },
		{ "GET / HTTP/1.1\r\nHost: a.example b\r\n\r\n", HTTP_BAD, NULL },
		{ "GET / HTTP/1.1\r\nHost: a.example, b.example\r\n\r\n", HTTP_BAD, NULL },
		{ "GET / HTTP/1.1\r\nHost: u@a.example\r\n\r\n", HTTP_BAD, NULL },
		{ "GET / HTTP/1.1\r\nHost: a.example:8o\r\n\r\n", HTTP_BAD, NULL },
		{ "GET / HTTP/1.1\r\nHost: [2001:db8::1\r\n\r\n", HTTP_BAD, NULL },
		{ "GET / HTTP/1.1\r\nHosts: b.example\r\nHost: a.example\r\n\r\n", HTTP_HOST,
		  "a.example" },
		{ "GET / HTTP/1.1\r\nHost: a.example\r\n\r\nHost: b.example\r\n\r\n", HTTP_HOST,
		  "a.example" },
	};

	(void)state;
	run_rows(rows, N(rows));
}

/* RFC 9112 3.2.2: the target's host is the one, but Host must be there and be good. */
static void test_absolute_targets(void **state)
{
	static const struct row rows[] = {
		{ "GET http://a.example/x HTTP/1.1\r\nHost: b.example\r\n\r\n", HTTP_HOST,
		  "a.example" },
		{ "GET HTTP://a.example:81?x HTTP/1.1\r\nHost:\r\n\r\n", HTTP_HOST, "a.example" },
		{ "GET http:///x HTTP/1.1\r\nHost: b.example\r\n\r\n", HTTP_BAD, NULL },
		{ "GET http://u:p@a.example/ HTTP/1.1\r\nHost: a.example\r\n\r\n", HTTP_BAD, NULL },
		{ "GET http://a.example/ HTTP/1.1\r\n\r\n", HTTP_BAD, NULL },
		{ "GET http://a.example/ HTTP/1.0\r\n\r\n", HTTP_HOST, "a.example" },
		{ "OPTIONS * HTTP/1.1\r\nHost: a.example\r\n\r\n", HTTP_HOST, "a.example" },
	};

	(void)state;
	run_rows(rows, N(rows));
}

/* RFC 9112 3.2: four forms, of which authority-form is for CONNECT and `*' for OPTIONS alone. */
static void test_other_targets(void **state)
{
	static const struct row rows[] = {
		{ "GET a.example HTTP/1.1\r\nHost: a.example\r\n\r\n", HTTP_BAD, NULL },
		{ "GET a.example:80 HTTP/1.1\r\nHost: a.example\r\n\r\n", HTTP_BAD, NULL },
		{ "GET * HTTP/1.1\r\nHost: a.example\r\n\r\n", HTTP_BAD, NULL },
		{ "OPTIONS ** HTTP/1.1\r\nHost: a.example\r\n\r\n", HTTP_BAD, NULL },
		{ "GET ftp://a.example/ HTTP/1.1\r\nHost: a.example\r\n\r\n", HTTP_BAD, NULL },
		{ "CONNECT a.example:443 HTTP/1.1\r\nHost: a.example\r\n\r\n", HTTP_BAD, NULL },
		{ "CONNECT http://a.example HTTP/1.1\r\nHost: a.example\r\n\r\n", HTTP_BAD,
		  NULL },
		{ "CONNECT /x HTTP/1.1\r\nHost: a.example\r\n\r\n", HTTP_BAD, NULL },
	};

	(void)state;
	run_rows(rows, N(rows));
}

/* RFC 9112 2.2, 2.3, 3, 5.1, 5.2: what a recipient may mend is refused: the server behind
 * might read it otherwise. */
static void test_strictness(void **state)
{
	static const struct row rows[] = {
		{ "\r\nGET / HTTP/1.1\r\nHost: a.example\r\n\r\n", HTTP_HOST, "a.example" },
		{ "\r\n\r\nGET / HTTP/1.1\r\n", HTTP_BAD, NULL },
		{ "GET / HTTP/1.1\nHost: a.example\n\n", HTTP_BAD, NULL },
		{ "GET / HTTP/1.1\r\nHost: a.example\r\n x\r\n\r\n", HTTP_BAD, NULL },
		{ "GET / HTTP/1.1\r\nHost : a.example\r\n\r\n", HTTP_BAD, NULL },
		{ "GET / HTTP/1.1\r\n Host: a.example\r\n\r\n", HTTP_BAD, NULL },
		{ "GET / HTTP/1.1\r\nHost: a.exa\rmple\r\n\r\n", HTTP_BAD, NULL },
		{ "GET  / HTTP/1.1\r\nHost: a.example\r\n\r\n", HTTP_BAD, NULL },
		{ "GET /\r\nHost: a.example\r\n\r\n", HTTP_BAD, NULL },
		{ "G@T / HTTP/1.1\r\nHost: a.example\r\n\r\n", HTTP_BAD, NULL },
		{ "GET / http/1.1\r\nHost: a.example\r\n\r\n", HTTP_BAD, NULL },
		{ "GET / HTTP/2.0\r\nHost: a.example\r\n\r\n", HTTP_VERSION, NULL },
		{ "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", HTTP_VERSION, NULL },
		{ "GET / HTTP/1.1\r\nHost: a.example\r\n", HTTP_NEED_MORE, NULL },
		{ "GET / HTTP/1.1\r\nHost: a.example\r\nno colon\r\n\r\n", HTTP_BAD, NULL },
	};
	static const char nul[] = "GET / HTTP/1.1\r\nHost: a.example\0.b\r\n\r\n";

	(void)state;
	run_rows(rows, N(rows));
	expect(nul, sizeof(nul) - 1, HTTP_BAD, NULL);
}

/* RFC 9110 9.3.2: an answer to HEAD has no content. */
static void test_head(void **state)
{
	static const char *const wires[] = { "HEAD / HTTP/1.1\r\n", "GET / HTTP/1.1\r\n",
					     "HEADS / HTTP/1.1\r\n", "head / HTTP/1.1\r\n" };

	(void)state;
	for (size_t i = 0; i < N(wires); i++) {
		struct http_scan scan = { 0 };
		struct http_host host;
		const char *why;

		http_scan(&scan, (const uint8_t *)wires[i], strlen(wires[i]), &host, &why);
		assert_int_equal(scan.is_head, i == 0);
	}
}

/* A head of just the size is good, one byte more is not waited for. */
static void test_size(void **state)
{
	static const char begin[] = "GET / HTTP/1.1\r\nHost: a.example\r\nX: ";
	static const char end[] = "\r\n\r\n";
	static char wire[HTTP_HEAD_MAX + 1];

	(void)state;
	for (size_t more = 0; more < 2; more++) {
		size_t len = HTTP_HEAD_MAX + more;

		memset(wire, 'x', sizeof(wire));
		memcpy(wire, begin, sizeof(begin) - 1);
		memcpy(wire + len - (sizeof(end) - 1), end, sizeof(end) - 1);
		expect(wire, len, more ? HTTP_TOO_BIG : HTTP_HOST, more ? NULL : "a.example");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hosts),
		cmocka_unit_test(test_absolute_targets),
		cmocka_unit_test(test_other_targets),
		cmocka_unit_test(test_strictness),
		cmocka_unit_test(test_head),
		cmocka_unit_test(test_size),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
