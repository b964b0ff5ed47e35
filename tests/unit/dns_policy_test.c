/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is done with which question, and the answers that come from here. */
#include "dns_text.h"

#include "../../core/config.h"
#include "../../dns64/local.h"
#include "../../dns64/policy.h"

#define NIBBLES "1.0.2.0.0.0.0.c.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.b.9.f.f.4.6.0.0.ip6.arpa"
#define WELL_KNOWN "a.a.0.0.0.0.0.c.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.b.9.f.f.4.6.0.0.ip6.arpa"

enum { DO = 1, CD = 2, NO_RD = 4, CHAOS = 8 };

static const struct {
	const char *name;
	uint16_t type;
	int with;
	enum policy_action action;
	uint8_t rcode;
} cases[] = {
	{ "example", LDNS_RR_TYPE_AAAA, 0, POLICY_SYNTHESISE, 0 },
	/* RFC 6147 5.5: DO alone and CD alone do not keep from synthesis; both do */
	{ "example", LDNS_RR_TYPE_AAAA, DO, POLICY_SYNTHESISE, 0 },
	{ "example", LDNS_RR_TYPE_AAAA, CD, POLICY_SYNTHESISE, 0 },
	{ "example", LDNS_RR_TYPE_AAAA, DO | CD, POLICY_PASS, 0 },
	/* RFC 6147 5.3.3: other types as they are */
	{ "example", LDNS_RR_TYPE_A, 0, POLICY_PASS, 0 },
	{ "example", LDNS_RR_TYPE_HTTPS, 0, POLICY_PASS, 0 },
	{ "example", 65280, 0, POLICY_PASS, 0 },
	{ "example", LDNS_RR_TYPE_ANY, 0, POLICY_ANY, 0 },
	{ "example", LDNS_RR_TYPE_AXFR, 0, POLICY_REFUSE, LDNS_RCODE_REFUSED },
	{ "example", LDNS_RR_TYPE_IXFR, 0, POLICY_REFUSE, LDNS_RCODE_REFUSED },
	{ "example", LDNS_RR_TYPE_TKEY, 0, POLICY_REFUSE, LDNS_RCODE_NOTIMPL },
	{ "example", LDNS_RR_TYPE_OPT, 0, POLICY_REFUSE, LDNS_RCODE_NOTIMPL },
	{ "example", 0, 0, POLICY_REFUSE, LDNS_RCODE_FORMERR },
	{ "example", LDNS_RR_TYPE_A, NO_RD, POLICY_REFUSE, LDNS_RCODE_REFUSED },
	{ "version.bind", LDNS_RR_TYPE_TXT, CHAOS, POLICY_REFUSE, LDNS_RCODE_REFUSED },
	/* RFC 8880 7.1, 7.2 */
	{ "IPv4only.arpa", LDNS_RR_TYPE_AAAA, 0, POLICY_IPV4ONLY, 0 },
	{ "x.ipv4only.arpa", LDNS_RR_TYPE_A, 0, POLICY_IPV4ONLY, 0 },
	{ "IPv4only.arpa", LDNS_RR_TYPE_DS, DO, POLICY_PASS, 0 },
	{ "x.ipv4only.arpa", LDNS_RR_TYPE_DS, 0, POLICY_IPV4ONLY, 0 },
	{ "170.0.0.192.in-addr.arpa", LDNS_RR_TYPE_DS, 0, POLICY_PASS, 0 },
	{ "171.0.0.192.in-addr.arpa", LDNS_RR_TYPE_DS, DO, POLICY_PASS, 0 },
	{ "x.170.0.0.192.in-addr.arpa", LDNS_RR_TYPE_DS, 0, POLICY_IPV4ONLY_REVERSE, 0 },
	{ "xipv4only.arpa", LDNS_RR_TYPE_A, 0, POLICY_PASS, 0 },
	{ "170.0.0.192.in-addr.arpa", LDNS_RR_TYPE_PTR, 0, POLICY_IPV4ONLY_REVERSE, 0 },
	{ "171.0.0.192.in-addr.arpa", LDNS_RR_TYPE_PTR, 0, POLICY_IPV4ONLY_REVERSE, 0 },
	{ "172.0.0.192.in-addr.arpa", LDNS_RR_TYPE_PTR, 0, POLICY_PASS, 0 },
	{ WELL_KNOWN, LDNS_RR_TYPE_PTR, 0, POLICY_IPV4ONLY_MAPPED, 0 },
	/* RFC 6147 5.3.1 */
	{ NIBBLES, LDNS_RR_TYPE_PTR, 0, POLICY_REVERSE, 0 },
	{ NIBBLES, LDNS_RR_TYPE_PTR, DO, POLICY_REVERSE, 0 },
	{ NIBBLES, LDNS_RR_TYPE_PTR, DO | CD, POLICY_PASS, 0 },
	{ "b.9.f.f.4.6.0.0.ip6.arpa", LDNS_RR_TYPE_PTR, 0, POLICY_PASS, 0 },
	{ "x." NIBBLES, LDNS_RR_TYPE_PTR, 0, POLICY_REVERSE_NONE, 0 },
};

/* RFC 6147 5.1, 5.3.1, 5.3.3 and 5.5, RFC 8880 7.1 and 7.2, RFC 8482 4 */
static void test_decides(void **state)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct query query = dns_text_query(cases[i].name, cases[i].type);
		struct policy_plan plan;

		query.dnssec_ok = cases[i].with & DO;
		if (cases[i].with & CD)
			query.flags |= MESSAGE_CD;
		if (cases[i].with & NO_RD)
			query.flags = 0;
		if (cases[i].with & CHAOS)
			query.class = LDNS_RR_CLASS_CH;
		policy_decide(&plan, &query, *state);
		if (plan.action != cases[i].action ||
		    (plan.action == POLICY_REFUSE && plan.rcode != cases[i].rcode))
			fail_msg("%s type %u: action %d, rcode %d", cases[i].name, cases[i].type,
				 (int)plan.action, plan.rcode);
	}
}

/* Names: at or below, the longest counts, letter case aside; not what only ends alike. RFC 6147
 * 5.5: who validates himself is never overruled; 5.1: and it is about AAAA alone. */
static void test_longest_name_decides(void **state)
{
	char *excluded[] = { (char[]){ "corp.example" }, (char[]){ "example.net" },
			     (char[]){ "v4.video.example" } };
	char *forced[] = { (char[]){ "a.b.corp.example" }, (char[]){ "video.example" } };
	const struct config config = { .dns64 = { .exclude_names = { excluded, 3 },
						  .force_names = { forced, 2 } } };
	static const struct {
		const char *name;
		uint16_t type;
		int with;
		enum policy_action action;
		bool forced;
	} rows[] = {
		{ "corp.example", LDNS_RR_TYPE_AAAA, 0, POLICY_PASS, false },
		{ "www.Corp.EXAMPLE", LDNS_RR_TYPE_AAAA, 0, POLICY_PASS, false },
		{ "xcorp.example", LDNS_RR_TYPE_AAAA, 0, POLICY_SYNTHESISE, false },
		{ "example", LDNS_RR_TYPE_AAAA, 0, POLICY_SYNTHESISE, false },
		{ ".", LDNS_RR_TYPE_AAAA, 0, POLICY_SYNTHESISE, false },
		{ "b.corp.example", LDNS_RR_TYPE_AAAA, 0, POLICY_PASS, false },
		{ "a.b.corp.example", LDNS_RR_TYPE_AAAA, 0, POLICY_SYNTHESISE, true },
		{ "x.a.B.corp.example", LDNS_RR_TYPE_AAAA, 0, POLICY_SYNTHESISE, true },
		{ "video.example", LDNS_RR_TYPE_AAAA, 0, POLICY_SYNTHESISE, true },
		{ "w.v4.video.example", LDNS_RR_TYPE_AAAA, 0, POLICY_PASS, false },
		/* A dot within a label begins none. */
		{ "a\\.corp.example", LDNS_RR_TYPE_AAAA, 0, POLICY_SYNTHESISE, false },
		{ "video.example", LDNS_RR_TYPE_AAAA, DO | CD, POLICY_PASS, false },
		{ "video.example", LDNS_RR_TYPE_A, 0, POLICY_PASS, false },
		{ "corp.example", LDNS_RR_TYPE_ANY, 0, POLICY_ANY, false },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct query query = dns_text_query(rows[i].name, rows[i].type);
		struct policy_plan plan;

		query.dnssec_ok = rows[i].with & DO;
		if (rows[i].with & CD)
			query.flags |= MESSAGE_CD;
		policy_decide(&plan, &query, *state);
		policy_apply_names(&plan, &query, &config);
		if (plan.action != rows[i].action || plan.forced != rows[i].forced)
			fail_msg("%s: action %d, forced %d", rows[i].name, (int)plan.action,
				 plan.forced);
	}
}

static uint8_t wire[MESSAGE_MAX];

enum { SEALED_MAX = DNS_TEXT_MAX + 32 };

/* The answer as text: "RCODE\nanswer section\n". */
static void seal(struct answer *answer, const struct query *query, char *text)
{
	size_t len = reply_seal(answer, query, 0, 512);
	ldns_pkt *packet = dns_text_parse(answer->wire, len);
	char *rcode = ldns_pkt_rcode2str(ldns_pkt_get_rcode(packet));
	char records[DNS_TEXT_MAX];

	dns_text_section(packet, LDNS_SECTION_ANSWER, records);
	snprintf(text, SEALED_MAX, "%s\n%s", rcode, records);
	assert_false(ldns_pkt_ad(packet));
	/* RFC 2308 3: what is negative carries an SOA */
	if (!records[0])
		assert_int_equal(ldns_pkt_nscount(packet), 1);
	free(rcode);
	ldns_pkt_free(packet);
}

/* RFC 7050 2.2 and 3, RFC 8880 7.1 */
static void test_answers_for_ipv4only(void **state)
{
	static const struct {
		const char *name;
		uint16_t type;
		bool bare;
		const char *text;
	} answers[] = {
		/* RFC 7050 2.2 and 3: 192.0.0.170 and 171, and in the pref64 */
		{ "ipv4only.arpa", LDNS_RR_TYPE_AAAA, false,
		  "NOERROR\nipv4only.arpa. 600 AAAA 64:ff9b::c000:aa\n"
		  "ipv4only.arpa. 600 AAAA 64:ff9b::c000:ab\n" },
		{ "ipv4only.arpa", LDNS_RR_TYPE_AAAA, true, "NOERROR\n" },
		{ "ipv4only.arpa", LDNS_RR_TYPE_A, false,
		  "NOERROR\nipv4only.arpa. 600 A 192.0.0.170\nipv4only.arpa. 600 A 192.0.0.171\n" },
		{ "ipv4only.arpa", LDNS_RR_TYPE_MX, false, "NOERROR\n" },
		{ "ipv4only.arpa", LDNS_RR_TYPE_NS, false, "NOERROR\n" },
		{ "ipv4only.arpa", LDNS_RR_TYPE_SOA, false, "NOERROR\n" },
		{ "a.ipv4only.arpa", LDNS_RR_TYPE_AAAA, false, "NXDOMAIN\n" },
	};

	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		struct query query = dns_text_query(answers[i].name, answers[i].type);
		struct answer answer = { .wire = wire };
		char text[SEALED_MAX];

		if (answers[i].bare) {
			query.edns = query.dnssec_ok = true;
			query.flags |= MESSAGE_CD;
		}
		local_ipv4only(&answer, &query, *state);
		seal(&answer, &query, text);
		assert_string_equal(text, answers[i].text);
	}
}

/* RFC 8880 7.2; RFC 6147 5.3.1 in a pref64 */
static void test_answers_for_its_reverse(void **state)
{
	struct query query = dns_text_query("171.0.0.192.in-addr.arpa", LDNS_RR_TYPE_PTR);
	struct query target;
	struct answer answer = { .wire = wire };
	char text[SEALED_MAX];

	(void)state;
	local_ipv4only_reverse(&answer, &query);
	seal(&answer, &query, text);
	assert_string_equal(text, "NOERROR\n171.0.0.192.in-addr.arpa. 600 PTR ipv4only.arpa.\n");
	query.type = LDNS_RR_TYPE_SOA;
	local_ipv4only_reverse(&answer, &query);
	seal(&answer, &query, text);
	assert_string_equal(text, "NOERROR\n");

	query = dns_text_query(WELL_KNOWN, LDNS_RR_TYPE_PTR);
	target = dns_text_query("170.0.0.192.in-addr.arpa", LDNS_RR_TYPE_PTR);
	local_ipv4only_mapped(&answer, &query, &target.qname);
	seal(&answer, &query, text);
	assert_string_equal(text, "NOERROR\n" WELL_KNOWN ". 600 CNAME 170.0.0.192.in-addr.arpa.\n"
				  "170.0.0.192.in-addr.arpa. 600 PTR ipv4only.arpa.\n");
	query.type = LDNS_RR_TYPE_TXT;
	local_ipv4only_mapped(&answer, &query, &target.qname);
	seal(&answer, &query, text);
	assert_string_equal(text, "NOERROR\n" WELL_KNOWN ". 600 CNAME 170.0.0.192.in-addr.arpa.\n");
	query.type = LDNS_RR_TYPE_SOA;
	local_ipv4only_mapped(&answer, &query, &target.qname);
	seal(&answer, &query, text);
	assert_string_equal(text, "NOERROR\n" WELL_KNOWN ". 600 CNAME 170.0.0.192.in-addr.arpa.\n"
				  "170.0.0.192.in-addr.arpa. 600 SOA localhost. nobody.invalid. "
				  "1 3600 1200 604800 600\n");

	query = dns_text_query("a.170.0.0.192.in-addr.arpa", LDNS_RR_TYPE_PTR);
	local_ipv4only_reverse(&answer, &query);
	seal(&answer, &query, text);
	assert_string_equal(text, "NXDOMAIN\n");
}

/* RFC 8482 4.2 */
static void test_answers_any_with_hinfo(void **state)
{
	struct query query = dns_text_query("example", LDNS_RR_TYPE_ANY);
	struct answer answer = { .wire = wire };
	char text[SEALED_MAX];

	(void)state;
	local_any(&answer, &query);
	seal(&answer, &query, text);
	assert_string_equal(text, "NOERROR\nexample. 600 HINFO \"RFC8482\" \"\"\n");
}

static int set_up(void **state)
{
	static struct addrmap map;

	dns_text_prefix(&map.pref64, "64:ff9b::/96");
	*state = &map;
	return 0;
}

static int tear_down(void **state)
{
	struct addrmap *map = *state;

	prefix_list_free(&map->pref64);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_decides),
		cmocka_unit_test(test_longest_name_decides),
		cmocka_unit_test(test_answers_for_ipv4only),
		cmocka_unit_test(test_answers_for_its_reverse),
		cmocka_unit_test(test_answers_any_with_hinfo),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
