/* SPDX-License-Identifier: GPL-2.0-or-later */
/* EDNS options in queries and replies: RFC 6891, 7873, 7828, 7830, 8467. */
#include "dns_text.h"

#include "../../dns64/reply.h"

#define HEADER(qd, ar) 0x12, 0x34, 0x01, 0x00, 0, qd, 0, 0, 0, 0, 0, ar
#define QUESTION 1, 'a', 0, 0, 28, 0, 1
/* of 4096 bytes, version 0, DO clear */
#define OPT(len) 0, 0, 41, 0x10, 0, 0, 0, 0, 0, 0, len
#define COOKIE8 1, 2, 3, 4, 5, 6, 7, 8

enum { OPT_FIXED = 11 };

#define READ(query, ...) \
	message_read_query(query, (const uint8_t[]){ __VA_ARGS__ }, \
			   sizeof((uint8_t[]){ __VA_ARGS__ }))

/* A query with one COOKIE option of @len bytes */
static enum message_verdict read_cookie(struct query *query, uint8_t len)
{
	uint8_t wire[128] = { HEADER(1, 1), QUESTION, OPT(0), 0, OPTION_COOKIE, 0 };
	const size_t at = 12 + 7 + OPT_FIXED;

	wire[at - 1] = (uint8_t)(4 + len);
	wire[at + 3] = len;
	memset(wire + at + 4, 0xab, len);
	return message_read_query(query, wire, at + 4 + len);
}

/* RFC 7873 5.2.2: 8, or 16 to 40 bytes; anything else is FORMERR. */
static void test_cookie_lengths(void **state)
{
	struct query query;

	(void)state;
	for (uint8_t len = 0; len < 60; len++) {
		bool good = len == 8 || (len >= 16 && len <= 40);

		assert_int_equal(read_cookie(&query, len), good ? MESSAGE_OK : MESSAGE_BAD_OPTION);
		assert_int_equal(query.cookie_len, good ? len : 0);
		assert_true(query.edns);
	}
}

/* RFC 7873 5.2: of several COOKIE options the first one counts. */
static void test_first_cookie(void **state)
{
	struct query query;

	(void)state;
	assert_int_equal(READ(&query, HEADER(1, 1), QUESTION, OPT(17), 0, OPTION_COOKIE, 0, 8,
			      COOKIE8, 0, OPTION_COOKIE, 0, 1, 9), MESSAGE_OK);
	assert_int_equal(query.cookie_len, 8);
	assert_memory_equal(query.cookie, ((uint8_t[]){ COOKIE8 }), 8);
}

/* RFC 7873 5.4: no question, but a cookie. Without one it is as wrong as ever. */
static void test_cookie_alone(void **state)
{
	struct query query;

	(void)state;
	assert_int_equal(READ(&query, HEADER(0, 1), OPT(12), 0, OPTION_COOKIE, 0, 8, COOKIE8),
			 MESSAGE_COOKIE_ONLY);
	assert_int_equal(query.qname.len, 0);
	assert_int_equal(READ(&query, HEADER(0, 1), OPT(0)), MESSAGE_QUESTIONS);
	assert_int_equal(READ(&query, HEADER(0, 0)), MESSAGE_QUESTIONS);
}

/* RFC 7828 3.2.1: a query asks for keepalive by an empty option. */
static void test_keepalive_in_a_query(void **state)
{
	struct query query;

	(void)state;
	assert_int_equal(READ(&query, HEADER(1, 1), QUESTION, OPT(4), 0, OPTION_KEEPALIVE, 0, 0),
			 MESSAGE_OK);
	assert_int_equal(query.keepalive, KEEPALIVE_ASKED);
	assert_int_equal(READ(&query, HEADER(1, 1), QUESTION, OPT(6), 0, OPTION_KEEPALIVE, 0, 2,
			      0, 100), MESSAGE_OK);
	assert_int_equal(query.keepalive, KEEPALIVE_MALFORMED);
}

/* RFC 6891 6.1.3: of a version above 0 nothing but the version is known. */
static void test_version(void **state)
{
	struct query query;

	(void)state;
	assert_int_equal(READ(&query, HEADER(1, 1), QUESTION, 0, 0, 41, 16, 0, 0, 1, 0, 0, 0, 3,
			      0, OPTION_COOKIE, 9), MESSAGE_EDNS_VERSION);
	assert_true(query.edns);
}

/* RFC 6891 6.1.2: options that nobody knows are passed over. */
static void test_unknown_option(void **state)
{
	struct query query;

	(void)state;
	assert_int_equal(READ(&query, HEADER(1, 1), QUESTION, OPT(14), 0xfd, 0xe9, 0, 2, 1, 2,
			      0, OPTION_PADDING, 0, 4, 0, 0, 0, 0), MESSAGE_OK);
	assert_true(query.padded);
}

/* ---- replies ------------------------------------------------------------------- */

static uint8_t wire[MESSAGE_MAX];

static struct query edns_query(void)
{
	struct query query = dns_text_query("example.org", LDNS_RR_TYPE_TXT);

	query.edns = true;
	return query;
}

/* An answer of @n records of 100 bytes and more. Return: the reply's length. */
static size_t reply_of(const struct query *query, unsigned int n, size_t limit)
{
	struct answer answer = { .wire = wire };
	uint8_t text[100] = { 99 };
	struct reply reply;

	reply_begin(&reply, &answer, query);
	for (unsigned int i = 0; i < n; i++)
		reply_add(&reply, SECTION_ANSWER, &query->qname, LDNS_RR_TYPE_TXT, 60, text,
			  sizeof(text));
	reply_end(&reply, LDNS_RCODE_NOERROR);
	return reply_seal(&answer, query, 0, limit);
}

/* The option of a reply, by ldns; NULL = it has none. For ldns_rdf_deep_free() etc. */
static ldns_edns_option *option_of(size_t len, uint16_t code)
{
	ldns_pkt *packet = dns_text_parse(wire, len);
	ldns_edns_option_list *list = ldns_pkt_edns_get_option_list(packet);
	ldns_edns_option *found = NULL;

	for (size_t i = 0; list && i < ldns_edns_option_list_get_count(list); i++) {
		ldns_edns_option *option = ldns_edns_option_list_get_option(list, i);

		if (ldns_edns_get_code(option) == (ldns_edns_option_code)code)
			found = ldns_edns_clone(option);
	}
	ldns_pkt_free(packet);
	return found;
}

static void expect_option(size_t len, uint16_t code, const void *data, size_t data_len)
{
	ldns_edns_option *option = option_of(len, code);

	assert_non_null(option);
	assert_int_equal(ldns_edns_get_size(option), data_len);
	assert_memory_equal(ldns_edns_get_data(option), data, data_len);
	ldns_edns_deep_free(option);
}

/* RFC 7873 5.2.3: the reply brings the cookie, cut short or not; RFC 7828 3.3.2: and the
 * time that an idle connection has. */
static void test_options_in_replies(void **state)
{
	struct query query = edns_query();

	(void)state;
	query.cookie_len = 24;
	memset(query.cookie, 0x77, 24);
	query.keepalive = KEEPALIVE_ASKED;
	query.idle_ds = 100;
	for (unsigned int n = 0; n < 20; n += 19) {
		size_t len = reply_of(&query, n, 1232);

		expect_option(len, OPTION_COOKIE, query.cookie, 24);
		expect_option(len, OPTION_KEEPALIVE, "\0\144", 2);
		assert_null(option_of(len, OPTION_PADDING));
	}
}

/* RFC 6891 6.1.1: no OPT in the reply where the query had none. */
static void test_no_opt_unasked(void **state)
{
	struct query query = dns_text_query("example.org", LDNS_RR_TYPE_TXT);
	ldns_pkt *packet;

	(void)state;
	query.padded = true;
	packet = dns_text_parse(wire, reply_of(&query, 1, 1232));
	assert_false(ldns_pkt_edns(packet));
	ldns_pkt_free(packet);
}

/* RFC 8467 4.1: replies are padded to the next multiple of 468 bytes, RFC 7830 3: by zeros. */
static void test_padding(void **state)
{
	struct query query = edns_query();

	(void)state;
	query.padded = true;
	for (unsigned int n = 0; n < 40; n++) {
		size_t bare, len;
		ldns_edns_option *option;

		query.padded = false;
		bare = reply_of(&query, n, MESSAGE_MAX);
		query.padded = true;
		len = reply_of(&query, n, MESSAGE_MAX);
		assert_int_equal(len % 468, 0);
		assert_in_range(len, bare + 4, bare + 4 + 467);
		option = option_of(len, OPTION_PADDING);
		assert_non_null(option);
		for (size_t i = 0; i < ldns_edns_get_size(option); i++)
			assert_int_equal(ldns_edns_get_data(option)[i], 0);
		ldns_edns_deep_free(option);
	}
}

/* RFC 7830 4: never beyond what the asker takes; where not even the option fits, not at all. */
static void test_padding_has_room(void **state)
{
	struct query query = edns_query();
	size_t bare = reply_of(&query, 1, MESSAGE_MAX);

	(void)state;
	query.padded = true;
	assert_int_equal(reply_of(&query, 1, bare + 10), bare + 10);
	assert_int_equal(reply_of(&query, 1, bare + 4), bare + 4);
	assert_int_equal(reply_of(&query, 1, bare + 3), bare);
	for (unsigned int n = 560; n < 640; n++)
		assert_in_range(reply_of(&query, n, MESSAGE_MAX), 0, MESSAGE_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cookie_lengths),
		cmocka_unit_test(test_first_cookie),
		cmocka_unit_test(test_cookie_alone),
		cmocka_unit_test(test_keepalive_in_a_query),
		cmocka_unit_test(test_version),
		cmocka_unit_test(test_unknown_option),
		cmocka_unit_test(test_options_in_replies),
		cmocka_unit_test(test_no_opt_unasked),
		cmocka_unit_test(test_padding),
		cmocka_unit_test(test_padding_has_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
