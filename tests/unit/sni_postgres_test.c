/* SPDX-License-Identifier: GPL-2.0-or-later */
/* snid/postgres: what PostgreSQL's manual says is sent before TLS (55.2.10, 55.2.11, 55.7). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "../../snid/postgres.h"

#define N(array) (sizeof(array) / sizeof(*(array)))

static const uint8_t ssl[] = { 0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f };
static const uint8_t gss[] = { 0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x30 };
static const uint8_t cancel[] = { 0, 0, 0, 16, 0x04, 0xd2, 0x16, 0x2e, 0, 0, 0, 1, 0, 0, 0, 2 };

static void test_requests(void **state)
{
	static const uint8_t startup[] = { 0, 0, 0, 9, 0, 3, 0, 0, 0 };
	static const uint8_t version_2[] = { 0, 0, 0, 9, 0, 2, 0, 0, 0 };
	static const uint8_t short_len[] = { 0, 0, 0, 7, 0x04, 0xd2, 0x16, 0x2f };
	static const uint8_t long_len[] = { 0, 0, 0x27, 0x11, 0, 3, 0, 0 };
	static const uint8_t long_ssl[] = { 0, 0, 0, 9, 0x04, 0xd2, 0x16, 0x2f, 0 };
	static const uint8_t pipelined[] = { 0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f, 0x16 };
	static const struct {
		const uint8_t *wire;
		size_t len;
		enum postgres_result result;
	} cases[] = {
		{ ssl, sizeof(ssl), POSTGRES_SAY_YES },
		{ gss, sizeof(gss), POSTGRES_SAY_NO },
		{ cancel, sizeof(cancel), POSTGRES_CANCEL },
		{ startup, sizeof(startup), POSTGRES_PLAIN },
		{ version_2, sizeof(version_2), POSTGRES_BAD },
		{ short_len, sizeof(short_len), POSTGRES_BAD },
		{ long_len, sizeof(long_len), POSTGRES_BAD },
		{ long_ssl, sizeof(long_ssl), POSTGRES_BAD },
		{ pipelined, sizeof(pipelined), POSTGRES_UNENCRYPTED },
	};

	(void)state;
	for (size_t i = 0; i < N(cases); i++) {
		bool gss_refused = false;

		assert_int_equal(postgres_read(&gss_refused, cases[i].wire, cases[i].len),
				 cases[i].result);
	}
	assert_memory_equal(postgres_ssl_request, ssl, sizeof(ssl));
}

/* A request that is not whole is no reason for anything. */
static void test_in_pieces(void **state)
{
	bool gss_refused = false;

	(void)state;
	for (size_t len = 0; len < sizeof(ssl); len++)
		assert_int_equal(postgres_read(&gss_refused, ssl, len), POSTGRES_NEED_MORE);
}

/* 55.2.11: after the refusal comes another request; the same again would go on for ever. */
static void test_gss_once(void **state)
{
	bool gss_refused = false;

	(void)state;
	assert_int_equal(postgres_read(&gss_refused, gss, sizeof(gss)), POSTGRES_SAY_NO);
	assert_int_equal(postgres_read(&gss_refused, gss, sizeof(gss)), POSTGRES_BAD);
	assert_int_equal(postgres_read(&gss_refused, ssl, sizeof(ssl)), POSTGRES_SAY_YES);
}

/* Exactly one byte S: nothing else may lead to a client's bytes in clear. */
static void test_answers(void **state)
{
	(void)state;
	assert_null(postgres_judge_answer((const uint8_t *)"S", 1));
	assert_non_null(postgres_judge_answer((const uint8_t *)"N", 1));
	assert_non_null(postgres_judge_answer((const uint8_t *)"E", 1));
	assert_non_null(postgres_judge_answer((const uint8_t *)"G", 1));
	assert_non_null(postgres_judge_answer((const uint8_t *)"Sx", 2));
	assert_non_null(postgres_judge_answer((const uint8_t *)"", 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_requests),
		cmocka_unit_test(test_in_pieces),
		cmocka_unit_test(test_gss_once),
		cmocka_unit_test(test_answers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
