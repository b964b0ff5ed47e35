/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names and messages coming in: RFC 1035 3.1, 4.1, RFC 6891 6.1, RFC 2181 8, RFC 2308 5. */
#include "dns_text.h"

/* id 0x1234, RD; the counts are the case's own */
#define HEADER(qd, an, ns, ar) \
	0x12, 0x34, 0x01, 0x00, 0, qd, 0, an, 0, ns, 0, ar
#define QUESTION 1, 'a', 2, 'b', 'c', 0, 0, 28, 0, 1
/* For the zone a.bc, and the SOA of it that RFC 1995 3 wants beside: version 7 */
#define IXFR 1, 'a', 2, 'b', 'c', 0, 0, 251, 0, 1
#define SOA(...) __VA_ARGS__, 0, 6, 0, 1, 0, 0, 0, 0, 0, 22, 0, 0, 0, 0, 0, 7, 0, 0, 0, 0, \
	0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0
#define OPT(version, flags, len) 0, 0, 41, 0x10, 0, 0, version, flags, 0, 0, len

struct read_case {
	const char *what;
	enum message_verdict verdict;
	size_t len;
	uint8_t wire[100];
};

#define BYTES(...) sizeof((uint8_t[]){ __VA_ARGS__ }), { __VA_ARGS__ }

static const struct read_case read_cases[] = {
	{ "a plain query", MESSAGE_OK, BYTES(HEADER(1, 0, 0, 0), QUESTION) },
	{ "with OPT", MESSAGE_OK, BYTES(HEADER(1, 0, 0, 1), QUESTION, OPT(0, 0x80, 0)) },
	{ "with an option", MESSAGE_OK,
	  BYTES(HEADER(1, 0, 0, 1), QUESTION, OPT(0, 0, 6), 0, 3, 0, 2, 7, 7) },
	{ "the root's name", MESSAGE_OK, BYTES(HEADER(1, 0, 0, 0), 0, 0, 2, 0, 1) },
	{ "no whole header", MESSAGE_SHORT, BYTES(0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0) },
	{ "a response", MESSAGE_RESPONSE, BYTES(0, 0, 0x80, 0, 0, 1, 0, 0, 0, 0, 0, 0, QUESTION) },
	{ "opcode NOTIFY", MESSAGE_OPCODE_OTHER, BYTES(0, 0, 0x20, 0, 0, 1, 0, 0, 0, 0, 0, 0, QUESTION) },
	{ "no question", MESSAGE_QUESTIONS, BYTES(HEADER(0, 0, 0, 0)) },
	{ "two questions", MESSAGE_QUESTIONS, BYTES(HEADER(2, 0, 0, 0), QUESTION, QUESTION) },
	{ "an answer in it", MESSAGE_RECORDS, BYTES(HEADER(1, 1, 0, 0), QUESTION) },
	{ "authority in it", MESSAGE_RECORDS, BYTES(HEADER(1, 0, 1, 0), QUESTION) },
	{ "IXFR with the version that is there", MESSAGE_OK,
	  BYTES(HEADER(1, 0, 1, 0), IXFR, SOA(0xc0, 12)) },
	{ "and OPT", MESSAGE_OK, BYTES(HEADER(1, 0, 1, 1), IXFR, SOA(0xc0, 12), OPT(0, 0, 0)) },
	{ "and TSIG", MESSAGE_SIGNED,
	  BYTES(HEADER(1, 0, 1, 1), IXFR, SOA(0xc0, 12), 0, 0, 250, 0, 255, 0, 0, 0, 0, 0, 0) },
	{ "IXFR without it", MESSAGE_OK, BYTES(HEADER(1, 0, 0, 0), IXFR) },
	{ "IXFR with another name's", MESSAGE_RECORDS,
	  BYTES(HEADER(1, 0, 1, 0), IXFR, SOA(0xc0, 14)) },
	{ "IXFR with something else", MESSAGE_RECORDS,
	  BYTES(HEADER(1, 0, 1, 0), IXFR, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 9, 0, 4, 1, 2, 3, 4) },
	{ "IXFR with two", MESSAGE_RECORDS, BYTES(HEADER(1, 0, 2, 0), IXFR) },
	{ "IXFR with half of it", MESSAGE_MALFORMED,
	  BYTES(HEADER(1, 0, 1, 0), IXFR, 0xc0, 12, 0, 6, 0, 1, 0, 0, 0, 9, 0, 22, 0, 0) },
	{ "IXFR with an answer too", MESSAGE_RECORDS,
	  BYTES(HEADER(1, 1, 1, 0), IXFR, SOA(0xc0, 12), SOA(0xc0, 12)) },
	{ "AXFR with it", MESSAGE_RECORDS,
	  BYTES(HEADER(1, 0, 1, 0), 1, 'a', 0, 0, 252, 0, 1, SOA(0xc0, 12)) },
	{ "two OPT", MESSAGE_TWO_OPTS,
	  BYTES(HEADER(1, 0, 0, 2), QUESTION, OPT(0, 0, 0), OPT(0, 0, 0)) },
	{ "TSIG", MESSAGE_SIGNED,
	  BYTES(HEADER(1, 0, 0, 1), QUESTION, 0, 0, 250, 0, 255, 0, 0, 0, 0, 0, 0) },
	{ "OPT, then TSIG", MESSAGE_SIGNED,
	  BYTES(HEADER(1, 0, 0, 2), QUESTION, OPT(0, 0, 0), 1, 'k', 0, 0, 250, 0, 255, 0, 0, 0, 0,
		0, 0) },
	{ "two TSIG", MESSAGE_SIGNED,
	  BYTES(HEADER(1, 0, 0, 2), QUESTION, 0, 0, 250, 0, 255, 0, 0, 0, 0, 0, 0,
		0, 0, 250, 0, 255, 0, 0, 0, 0, 0, 0) },
	{ "SIG(0)", MESSAGE_SIGNED,
	  BYTES(HEADER(1, 0, 0, 1), QUESTION, 0, 0, 24, 0, 255, 0, 0, 0, 0, 0, 0) },
	{ "an address beside the question", MESSAGE_ADDITIONAL,
	  BYTES(HEADER(1, 0, 0, 1), QUESTION, 1, 'a', 0, 0, 1, 0, 1, 0, 0, 0, 9, 0, 4, 1, 2, 3, 4) },
	{ "an additional record that is not there", MESSAGE_MALFORMED,
	  BYTES(HEADER(1, 0, 0, 2), QUESTION, OPT(0, 0, 0)) },
	{ "a pointer as owner of OPT", MESSAGE_MALFORMED,
	  BYTES(HEADER(1, 0, 0, 1), QUESTION, 0xc0, 12, 0, 41, 4, 0, 0, 0, 0, 0, 0, 0) },
	{ "OPT not of the root", MESSAGE_MALFORMED,
	  BYTES(HEADER(1, 0, 0, 1), QUESTION, 1, 'x', OPT(0, 0, 0)) },
	{ "an option cut short", MESSAGE_BAD_OPTION,
	  BYTES(HEADER(1, 0, 0, 1), QUESTION, OPT(0, 0, 5), 0, 10, 0, 2, 7) },
	{ "EDNS 1", MESSAGE_EDNS_VERSION, BYTES(HEADER(1, 0, 0, 1), QUESTION, OPT(1, 0, 0)) },
	{ "bytes left over", MESSAGE_MALFORMED, BYTES(HEADER(1, 0, 0, 0), QUESTION, 0) },
	{ "no class", MESSAGE_MALFORMED, BYTES(HEADER(1, 0, 0, 0), 1, 'a', 0, 0, 28, 0) },
	{ "a name without end", MESSAGE_MALFORMED, BYTES(HEADER(1, 0, 0, 0), 1, 'a', 3, 'b') },
	{ "a label of type 01", MESSAGE_MALFORMED, BYTES(HEADER(1, 0, 0, 0), 0x41, 0, 0, 28, 0, 1) },
	{ "a pointer to itself", MESSAGE_MALFORMED,
	  BYTES(HEADER(1, 0, 0, 0), 0xc0, 12, 0, 28, 0, 1) },
	{ "a pointer into the header", MESSAGE_MALFORMED,
	  BYTES(0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 'a', 0xc0, 0, 0, 28, 0, 1) },
};

/* RFC 1035 4.1, RFC 1995 3, RFC 6891 6.1.1: what a query may consist of */
static void test_reads_queries(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(read_cases) / sizeof(read_cases[0]); i++) {
		const struct read_case *c = &read_cases[i];
		struct query query;

		if (message_read_query(&query, c->wire, c->len) != c->verdict)
			fail_msg("%s", c->what);
	}
}

static void test_reads_the_fields(void **state)
{
	static const uint8_t wire[] = { HEADER(1, 0, 0, 1), QUESTION, OPT(0, 0x80, 0) };
	char text[NAME_TEXT_MAX];
	struct query query;

	(void)state;
	assert_int_equal(message_read_query(&query, wire, sizeof(wire)), MESSAGE_OK);
	assert_int_equal(query.id, 0x1234);
	assert_int_equal(query.flags, MESSAGE_RD);
	assert_string_equal(name_format(&query.qname, text), "a.bc.");
	assert_int_equal(query.type, LDNS_RR_TYPE_AAAA);
	assert_int_equal(query.class, LDNS_RR_CLASS_IN);
	assert_true(query.edns);
	assert_true(query.dnssec_ok);
	assert_int_equal(query.udp_size, MESSAGE_UDP_MAX);	/* it said 4096 */
}

/* RFC 6891 6.2.3: values below 512 mean 512. */
static void test_udp_size_has_a_floor(void **state)
{
	static const uint8_t wire[] = { HEADER(1, 0, 0, 1), QUESTION, 0, 0, 41, 0, 100,
					0, 0, 0, 0, 0, 0 };
	struct query query;

	(void)state;
	assert_int_equal(message_read_query(&query, wire, sizeof(wire)), MESSAGE_OK);
	assert_int_equal(query.udp_size, 512);
}

/* RFC 1035 2.3.4: 63 bytes a label, 255 a name. */
static void test_names_have_limits(void **state)
{
	uint8_t wire[300] = { 0 };
	struct name name;
	size_t at = 0;

	(void)state;
	for (size_t i = 0; i < 3; i++)
		wire[i * 64] = 63;
	wire[192] = 61;		/* 3 * 64 + 62 + 1 = 255 */
	assert_true(name_read(wire, sizeof(wire), &at, &name));
	assert_int_equal(name.len, 255);
	assert_int_equal(at, 255);
	wire[192] = 62;
	at = 0;
	assert_false(name_read(wire, sizeof(wire), &at, &name));
	assert_false(name_from_wire(&name, wire));
}

/* Pointers go backwards only, and there are not many of them. */
static void test_pointers_end(void **state)
{
	uint8_t wire[1024] = { 0 };
	struct name name;
	size_t at;

	(void)state;
	for (size_t i = 2; i < sizeof(wire); i += 2) {
		wire[i] = (uint8_t)(0xc0 | (i - 2) >> 8);
		wire[i + 1] = (uint8_t)(i - 2);
	}
	at = 2 * 100;
	assert_true(name_read(wire, sizeof(wire), &at, &name));
	assert_int_equal(at, 2 * 100 + 2);
	assert_int_equal(name.len, 1);
	at = 2 * 200;
	assert_false(name_read(wire, sizeof(wire), &at, &name));

	memcpy(wire, "\001a\300\006\001b\300\000", 8);	/* 0 -> 6 is forward */
	at = 0;
	assert_false(name_read(wire, 8, &at, &name));
	memcpy(wire, "\001a\300\000", 4);		/* into its own beginning */
	at = 0;
	assert_false(name_read(wire, 4, &at, &name));
}

static void test_names_compare(void **state)
{
	struct query zone = dns_text_query("example.org", 1);
	struct query same = dns_text_query("eXample.ORG", 1);
	struct query below = dns_text_query("a.b.example.org", 1);
	struct query beside = dns_text_query("xexample.org", 1);

	(void)state;
	assert_true(name_equal(&zone.qname, &same.qname));
	assert_true(name_below(&below.qname, &same.qname));
	assert_true(name_below(&zone.qname, &zone.qname));
	assert_false(name_below(&beside.qname, &zone.qname));
	assert_false(name_below(&zone.qname, &below.qname));
}

static void test_names_from_text(void **state)
{
	static const char *const bad[] = { "", ".", "a..b", ".a", "a b", "a\\.b", "\303\274.de" };
	char text[NAME_TEXT_MAX], label[80];
	struct name name;

	(void)state;
	assert_true(name_from_text(&name, "Www.example-1._x.org"));
	assert_string_equal(name_format(&name, text), "Www.example-1._x.org.");
	assert_true(name_from_text(&name, "a."));
	assert_int_equal(name.len, 3);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(name_from_text(&name, bad[i]));
	memset(label, 'a', 64);
	label[64] = '\0';
	assert_false(name_from_text(&name, label));
	label[63] = '\0';
	assert_true(name_from_text(&name, label));
}

/* A dot, a NUL and a backslash within a label stay what they are (RFC 4343 2.1). */
static void test_names_escape(void **state)
{
	char text[NAME_TEXT_MAX];
	struct name name;

	(void)state;
	assert_true(name_from_wire(&name, (const uint8_t *)"\004a.\0\\\002bc"));
	assert_string_equal(name_format(&name, text), "a\\046\\000\\092.bc.");
}

static void test_indexes_answers(void **state)
{
	uint8_t wire[512];
	struct message message;
	struct name owner;
	char text[NAME_TEXT_MAX];
	size_t len = dns_text_message(wire, "w.example", LDNS_RR_TYPE_AAAA, LDNS_RCODE_NXDOMAIN,
				      "w.example 30 IN CNAME x.example\n",
				      "example. 900 IN SOA ns.example. h.example. 1 2 3 4 77\n");

	(void)state;
	assert_true(message_read(&message, wire, len));
	assert_int_equal(message_rcode(&message), LDNS_RCODE_NXDOMAIN);
	assert_int_equal(message.n, 2);
	assert_int_equal(message.rr[0].section, SECTION_ANSWER);
	assert_int_equal(message.rr[0].ttl_s, 30);
	message_owner(&message, &message.rr[1], &owner);
	assert_string_equal(name_format(&owner, text), "example.");
	assert_ptr_equal(message_soa(&message), &message.rr[1]);
	/* RFC 2308 5: the lesser of TTL and MINIMUM */
	assert_int_equal(message_negative_ttl_s(&message, &message.rr[1]), 77);

	/* RFC 2181 8: a TTL with the top bit set is 0 */
	wire[message.rr[0].rdata_at - 6] = 0x80;
	assert_true(message_read(&message, wire, len));
	assert_int_equal(message.rr[0].ttl_s, 0);
	for (size_t cut = 0; cut < len; cut++)
		assert_false(message_read(&message, wire, cut));
}

static size_t chain_message(uint8_t *wire, unsigned int links)
{
	char text[DNS_TEXT_MAX] = "";

	/* The last link first: the order must not matter. */
	for (unsigned int i = links; i-- > 0;) {
		char line[64];

		snprintf(line, sizeof(line), "n%u.example 5 IN CNAME n%u.example\n", i, i + 1);
		strcat(text, line);
	}
	return dns_text_message(wire, "n0.example", LDNS_RR_TYPE_A, LDNS_RCODE_NOERROR, text, NULL);
}

static void test_follows_chains(void **state)
{
	uint8_t wire[4096];
	struct message message;
	struct message_chain chain;
	struct query end = dns_text_query("n16.example", 1);
	size_t len;

	(void)state;
	len = chain_message(wire, MESSAGE_CHAIN_MAX);
	assert_true(message_read(&message, wire, len));
	assert_true(message_chase(&message, &message.qname, &chain));
	assert_int_equal(chain.n, MESSAGE_CHAIN_MAX);
	assert_true(name_equal(&chain.end, &end.qname));
	assert_int_equal(chain.cname[0], MESSAGE_CHAIN_MAX - 1);

	len = chain_message(wire, MESSAGE_CHAIN_MAX + 1);
	assert_true(message_read(&message, wire, len));
	assert_false(message_chase(&message, &message.qname, &chain));

	len = dns_text_message(wire, "a.example", LDNS_RR_TYPE_A, LDNS_RCODE_NOERROR,
			       "a.example 5 IN CNAME b.example\nb.example 5 IN CNAME a.example\n",
			       NULL);
	assert_true(message_read(&message, wire, len));
	assert_false(message_chase(&message, &message.qname, &chain));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reads_queries),
		cmocka_unit_test(test_reads_the_fields),
		cmocka_unit_test(test_udp_size_has_a_floor),
		cmocka_unit_test(test_names_have_limits),
		cmocka_unit_test(test_pointers_end),
		cmocka_unit_test(test_names_compare),
		cmocka_unit_test(test_names_from_text),
		cmocka_unit_test(test_names_escape),
		cmocka_unit_test(test_indexes_answers),
		cmocka_unit_test(test_follows_chains),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
