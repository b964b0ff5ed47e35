/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Several pref64s: every address in each that may stand for it, in an order that changes from
 * reply to reply, and never more than the asker takes.
 */
#include "dns_text.h"

#include "../../dns64/local.h"
#include "../../dns64/synth.h"

#define A(last) "w.example 300 IN A 192.0.2." #last "\n"
#define SOA "example. 900 IN SOA ns.example. h.example. 1 2 3 4 900\n"
#define NS "example. 900 IN NS ns.example.\n"

enum { HEADER_AND_QUESTION = 12 + 11 + 4, AAAA_LEN = 28, OPT_AND_EDE = 11 + 6 };

static uint8_t wire_aaaa[8192], wire_a[8192], wire_out[MESSAGE_MAX];

struct world {
	struct addrmap map;
	struct query query;
	struct answer answer;
};

/* What an asker gets: no AAAA, the A records of @a, @authority with them. */
static void synthesise(struct world *w, const char *a, const char *authority)
{
	static const struct prefix_list none;
	struct synth_side aaaa = { .known = true }, v4 = { .known = true };
	struct synth synth = { .query = &w->query, .map = &w->map, .exclude_aaaa = &none,
			       .aaaa = &aaaa, .a = &v4 };

	aaaa.answer.wire = wire_aaaa;
	aaaa.answer.wire_len = dns_text_message(wire_aaaa, "w.example", LDNS_RR_TYPE_AAAA,
						LDNS_RCODE_NOERROR, NULL, SOA);
	v4.answer.wire = wire_a;
	v4.answer.wire_len = dns_text_message(wire_a, "w.example", LDNS_RR_TYPE_A,
					      LDNS_RCODE_NOERROR, a, authority);
	w->answer = (struct answer){ .wire = wire_out };
	assert_true(synth_settle(&synth, &w->answer));
}

/* The addresses of the reply, one a line; it is never above the limit. */
static ldns_pkt *seal(struct world *w, size_t limit, char *text)
{
	size_t len = reply_seal(&w->answer, &w->query, 0, limit);
	ldns_pkt *packet = dns_text_parse(w->answer.wire, len);

	assert_in_range(len, HEADER_AND_QUESTION, limit);
	text[0] = '\0';
	for (size_t i = 0; i < ldns_pkt_ancount(packet); i++) {
		const ldns_rr *rr = ldns_rr_list_rr(ldns_pkt_answer(packet), i);
		char *rdata = ldns_rdf2str(ldns_rr_rdf(rr, 0));

		strcat(strcat(text, rdata), "\n");
		free(rdata);
	}
	return packet;
}

static void expect(struct world *w, size_t limit, const char *text)
{
	char got[DNS_TEXT_MAX];
	ldns_pkt *packet = seal(w, limit, got);

	assert_string_equal(got, text);
	assert_false(ldns_pkt_tc(packet));
	ldns_pkt_free(packet);
}

/* RFC 6147 5.2: each IPv4 address in each prefix. The asker's ID turns the prefixes, never what
 * stands beside each other in one of them. */
static void test_every_prefix_answers(void **state)
{
	static const char *const turns[] = {
		"64:ff9b::c000:201\n64:ff9b::c000:202\n"
		"2001:db8:64::c000:201\n2001:db8:64::c000:202\n"
		"2001:db8:6464:c000:2:100::\n2001:db8:6464:c000:2:200::\n",
		"2001:db8:64::c000:201\n2001:db8:64::c000:202\n"
		"2001:db8:6464:c000:2:100::\n2001:db8:6464:c000:2:200::\n"
		"64:ff9b::c000:201\n64:ff9b::c000:202\n",
		"2001:db8:6464:c000:2:100::\n2001:db8:6464:c000:2:200::\n"
		"64:ff9b::c000:201\n64:ff9b::c000:202\n"
		"2001:db8:64::c000:201\n2001:db8:64::c000:202\n",
	};
	struct world *w = *state;

	dns_text_prefix(&w->map.pref64, "2001:db8:64::/96");
	dns_text_prefix(&w->map.pref64, "2001:db8:6464::/48");
	for (uint16_t id = 0; id < 6; id++) {
		w->query.id = id;
		synthesise(w, A(1) A(2), NULL);
		expect(w, MESSAGE_MAX, turns[id % 3]);
	}
}

/* RFC 6147 5.2: a prefix that drains is none to answer with, wherever it stands. */
static void test_draining_prefixes_do_not_answer(void **state)
{
	struct world *w = *state;

	dns_text_prefix(&w->map.pref64, "2001:db8:64::/96");
	w->map.n_draining = 1;
	synthesise(w, A(1), NULL);
	expect(w, MESSAGE_MAX, "64:ff9b::c000:201\n");
	w->query = dns_text_query("ipv4only.arpa", LDNS_RR_TYPE_AAAA);
	local_ipv4only(&w->answer, &w->query, &w->map);
	expect(w, MESSAGE_MAX, "64:ff9b::c000:aa\n64:ff9b::c000:ab\n");
}

/* RFC 6052 3.1: the well-known prefix stands for global addresses only; the others have all. */
static void test_each_address_has_its_prefixes(void **state)
{
	static const char a[] = "w.example 300 IN A 192.0.2.1\nw.example 300 IN A 8.8.8.8\n";
	struct world *w = *state;

	w->map.special_freed = false;
	dns_text_prefix(&w->map.pref64, "2001:db8:64::/96");
	w->query.id = 1;
	synthesise(w, a, NULL);
	/* In each round each address once, by its next prefix; a short round stays last. */
	expect(w, MESSAGE_MAX, "2001:db8:64::c000:201\n64:ff9b::808:808\n2001:db8:64::808:808\n");
}

/* RFC 6147 5.1.7: one TTL for all (RFC 2181 5.2), the least that there is */
static void test_one_ttl(void **state)
{
	struct world *w = *state;
	char text[DNS_TEXT_MAX];
	ldns_pkt *packet;

	dns_text_prefix(&w->map.pref64, "2001:db8:64::/96");
	synthesise(w, A(1) "w.example 40 IN A 192.0.2.2\n", NULL);
	packet = seal(w, MESSAGE_MAX, text);
	assert_int_equal(ldns_pkt_ancount(packet), 4);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(ldns_rr_ttl(ldns_rr_list_rr(ldns_pkt_answer(packet), i)), 40);
	ldns_pkt_free(packet);
}

static void many_prefixes(struct world *w)
{
	for (int i = 1; i < 16; i++) {
		char text[PREFIX_STRLEN];

		snprintf(text, sizeof(text), "2001:db8:64:%x::/96", i);
		dns_text_prefix(&w->map.pref64, text);
	}
}

/* RFC 2181 9: TC is for what is needed; one prefix for each address is, the others are not.
 * What stands behind them goes before they do. */
static void test_surplus_is_left_out(void **state)
{
	struct world *w = *state;
	char text[DNS_TEXT_MAX];

	many_prefixes(w);
	w->query.edns = true;
	for (size_t fit = 4; fit < 16 * 4; fit++) {
		size_t limit = HEADER_AND_QUESTION + fit * AAAA_LEN + AAAA_LEN - 1 + OPT_AND_EDE;
		ldns_pkt *packet;

		w->query.id = (uint16_t)fit;
		synthesise(w, A(1) A(2) A(3) A(4), NS);
		packet = seal(w, limit, text);
		assert_false(ldns_pkt_tc(packet));
		assert_int_equal(ldns_pkt_ancount(packet), fit);
		assert_int_equal(ldns_pkt_nscount(packet), 0);
		for (int i = 1; i <= 4; i++) {
			char end[32];

			snprintf(end, sizeof(end), "c000:20%d\n", i);
			assert_non_null(strstr(text, end));
		}
		ldns_pkt_free(packet);
	}
}

/* RFC 2181 9: not even one prefix for each: TC, and nothing. */
static void test_too_many_addresses(void **state)
{
	struct world *w = *state;
	char text[DNS_TEXT_MAX];
	ldns_pkt *packet;

	many_prefixes(w);
	synthesise(w, A(1) A(2) A(3) A(4), NULL);
	packet = seal(w, HEADER_AND_QUESTION + 4 * AAAA_LEN - 1, text);
	assert_true(ldns_pkt_tc(packet));
	assert_int_equal(ldns_pkt_ancount(packet), 0);
	ldns_pkt_free(packet);
}

/* RFC 6147 5.2: sixteen prefixes and a hundred addresses: 256 together, and no address lost */
static void test_all_addresses_are_bounded(void **state)
{
	struct world *w = *state;
	char a[DNS_TEXT_MAX] = "";
	ldns_pkt *packet;
	size_t len;

	many_prefixes(w);
	for (int i = 1; i <= 100; i++)
		sprintf(a + strlen(a), "w.example 300 IN A 192.0.2.%d\n", i);
	synthesise(w, a, NULL);
	len = reply_seal(&w->answer, &w->query, 0, MESSAGE_MAX);
	packet = dns_text_parse(w->answer.wire, len);
	assert_int_equal(ldns_pkt_ancount(packet), 200);
	ldns_pkt_free(packet);
}

/* RFC 7050 3: ipv4only.arpa in every prefix, in the order of the configuration; where 512 bytes
 * are too few, whole prefixes are left out. */
static void test_ipv4only_tells_every_prefix(void **state)
{
	struct world *w = *state;
	char text[DNS_TEXT_MAX];
	ldns_pkt *packet;

	w->query = dns_text_query("ipv4only.arpa", LDNS_RR_TYPE_AAAA);
	dns_text_prefix(&w->map.pref64, "2001:db8:6464::/48");
	w->query.id = 1;
	local_ipv4only(&w->answer, &w->query, &w->map);
	expect(w, MESSAGE_UDP_MIN, "64:ff9b::c000:aa\n64:ff9b::c000:ab\n"
				   "2001:db8:6464:c000:0:aa00::\n2001:db8:6464:c000:0:ab00::\n");
	many_prefixes(w);
	local_ipv4only(&w->answer, &w->query, &w->map);
	packet = seal(w, MESSAGE_UDP_MIN, text);
	assert_false(ldns_pkt_tc(packet));
	/* 31 bytes of header and question, then 28 for each address */
	assert_int_equal(ldns_pkt_ancount(packet), (512 - 31) / AAAA_LEN);
	ldns_pkt_free(packet);
}

/* RFC 8914 2: code and EXTRA-TEXT; 4.1: Other Error needs the text. */
static void test_extended_error_has_text(void **state)
{
	static const uint8_t option[] = "\0\x0f\0\x19\0\0CNAME chain without end";
	struct world *w = *state;
	size_t len;

	w->query.edns = true;
	reply_failure(&w->answer, &w->query, LDNS_RCODE_SERVFAIL, REPLY_EDE_CHAIN);
	len = reply_seal(&w->answer, &w->query, 0, MESSAGE_UDP_MIN);
	assert_int_equal(len, HEADER_AND_QUESTION + 11 + sizeof(option) - 1);
	assert_memory_equal(w->answer.wire + len - (sizeof(option) - 1), option,
			    sizeof(option) - 1);
	/* RFC 6891 6.1.2: the options' length; and the message can be read. */
	assert_int_equal(w->answer.wire[len - sizeof(option)], sizeof(option) - 1);
	ldns_pkt_free(dns_text_parse(w->answer.wire, len));
}

static int set_up(void **state)
{
	static struct world w;

	w = (struct world){ .query = dns_text_query("w.example", LDNS_RR_TYPE_AAAA) };
	w.answer.wire = wire_out;
	dns_text_prefix(&w.map.pref64, "64:ff9b::/96");
	w.map.well_known = w.map.pref64.v[0];
	w.map.special_freed = true;
	w.query.id = 0;
	*state = &w;
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;

	prefix_list_free(&w->map.pref64);
	return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_every_prefix_answers),
		TEST(test_draining_prefixes_do_not_answer),
		TEST(test_each_address_has_its_prefixes),
		TEST(test_one_ttl),
		TEST(test_surplus_is_left_out),
		TEST(test_too_many_addresses),
		TEST(test_all_addresses_are_bounded),
		TEST(test_ipv4only_tells_every_prefix),
		TEST(test_extended_error_has_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
