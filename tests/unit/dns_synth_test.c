/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Synthesis: each case is what servers said to AAAA and to A, and what the
 * client must get. The clauses are those of RFC 6147.
 */
#include "dns_text.h"

#include "../../dns64/synth.h"

#define SOA "example. 900 IN SOA ns.example. h.example. 1 2 3 4 77\n"
#define SOA_OUT "example. 77 SOA ns.example. h.example. 1 2 3 4 77\n"
#define SIG(owner, type) \
	owner " 300 IN RRSIG " type " 8 2 300 20300101000000 20200101000000 1 example. AAAA\n"
#define SIG_OUT(owner, type) \
	owner ". 300 RRSIG " type " 8 2 300 20300101000000 20200101000000 1 example. AAAA\n"

enum { UNKNOWN, ANSWERED, FAILED, BOGUS, REFUSED };

struct said {
	int how;
	ldns_pkt_rcode rcode;
	const char *answer, *authority;
	bool insecure;
};

static const struct synth_case {
	const char *what;
	struct said aaaa, a;
	const char *qname;		/* NULL: w.example */
	bool overdue, forced, dnssec_ok;
	bool wait;			/* expected: more must be known */
	int rcode;
	int ede;			/* 0: 29 where something is synthesised, else none */
	const char *answer, *authority;
	bool ad;
	uint32_t lifetime_s;
} cases[] = {
	{ "5.1.1: AAAA is there, A does not matter",
	  { ANSWERED, 0, "w.example 300 IN AAAA 2001:db8::1\n", NULL, false }, { 0 },
	  .answer = "w.example. 300 AAAA 2001:db8::1\n", .ad = true, .lifetime_s = 300 },
	{ "5.1.2: NXDOMAIN is passed on",
	  { ANSWERED, LDNS_RCODE_NXDOMAIN, NULL, SOA, false }, { 0 },
	  .rcode = LDNS_RCODE_NXDOMAIN, .authority = SOA_OUT, .ad = true, .lifetime_s = 77 },
	{ "5.1.6: nothing for AAAA: A is waited for",
	  { ANSWERED, 0, NULL, SOA, false }, { 0 }, .wait = true },
	{ "A alone is not enough",
	  { 0 }, { ANSWERED, 0, "w.example 300 IN A 192.0.2.1\n", NULL, false }, .wait = true },
	{ "5.1.7: TTL is the SOA's where that is less",
	  { ANSWERED, 0, NULL, SOA, false },
	  { ANSWERED, 0, "w.example 300 IN A 192.0.2.1\nw.example 300 IN A 192.0.2.2\n", NULL,
	    false },
	  .dnssec_ok = true, .ad = true, .lifetime_s = 77,
	  .answer = "w.example. 77 AAAA 64:ff9b::c000:201\n"
		    "w.example. 77 AAAA 64:ff9b::c000:202\n" },
	{ "5.1.7: and the A record's where that is",
	  { ANSWERED, 0, NULL, SOA, false },
	  { ANSWERED, 0, "w.example 30 IN A 192.0.2.1\n", NULL, false },
	  .answer = "w.example. 30 AAAA 64:ff9b::c000:201\n", .lifetime_s = 30 },
	{ "5.1.7: 600 s at most without an SOA",
	  { ANSWERED, 0, NULL, NULL, false },
	  { ANSWERED, 0, "w.example 3600 IN A 192.0.2.1\n", NULL, false },
	  .answer = "w.example. 600 AAAA 64:ff9b::c000:201\n", .lifetime_s = 600 },
	{ "5.1.2: SERVFAIL for AAAA is as if there were none",
	  { ANSWERED, LDNS_RCODE_SERVFAIL, NULL, NULL, false },
	  { ANSWERED, 0, "w.example 3600 IN A 192.0.2.1\n", NULL, false },
	  .dnssec_ok = true, .answer = "w.example. 600 AAAA 64:ff9b::c000:201\n",
	  .lifetime_s = SYNTH_OVERDUE_TTL_S },
	{ "5.1.3: so is no answer at all",
	  { FAILED, 0, NULL, NULL, false },
	  { ANSWERED, 0, "w.example 300 IN A 192.0.2.1\n", NULL, false },
	  .answer = "w.example. 300 AAAA 64:ff9b::c000:201\n",
	  .lifetime_s = SYNTH_OVERDUE_TTL_S },
	{ "AAAA overdue: A will do",
	  { 0 }, { ANSWERED, 0, "w.example 300 IN A 192.0.2.1\n", NULL, false }, .overdue = true,
	  .answer = "w.example. 300 AAAA 64:ff9b::c000:201\n",
	  .lifetime_s = SYNTH_OVERDUE_TTL_S },
	{ "AAAA overdue, but A has no address: wait on",
	  { 0 }, { ANSWERED, 0, NULL, SOA, false }, .overdue = true, .wait = true },
	{ "AAAA overdue, A failed: wait on",
	  { 0 }, { FAILED, 0, NULL, NULL, false }, .overdue = true, .wait = true },
	{ "AAAA overdue, and there is no such name: that holds for AAAA too (RFC 8020 2)",
	  { 0 }, { ANSWERED, LDNS_RCODE_NXDOMAIN, NULL, SOA, false }, .overdue = true,
	  .rcode = LDNS_RCODE_NXDOMAIN, .authority = SOA_OUT, .ad = true,
	  .lifetime_s = SYNTH_OVERDUE_TTL_S },
	{ "5.1.2: FORMERR for AAAA is as if there were none",
	  { ANSWERED, LDNS_RCODE_FORMERR, NULL, NULL, false },
	  { ANSWERED, 0, "w.example 300 IN A 192.0.2.1\n", NULL, false },
	  .answer = "w.example. 300 AAAA 64:ff9b::c000:201\n",
	  .lifetime_s = SYNTH_OVERDUE_TTL_S },
	{ "5.1.2: so is REFUSED",
	  { ANSWERED, LDNS_RCODE_REFUSED, NULL, NULL, false },
	  { ANSWERED, 0, "w.example 300 IN A 192.0.2.1\n", NULL, false },
	  .answer = "w.example. 300 AAAA 64:ff9b::c000:201\n",
	  .lifetime_s = SYNTH_OVERDUE_TTL_S },
	{ "5.1.2: and NOTIMP",
	  { ANSWERED, LDNS_RCODE_NOTIMPL, NULL, NULL, false },
	  { ANSWERED, 0, "w.example 300 IN A 192.0.2.1\n", NULL, false },
	  .answer = "w.example. 300 AAAA 64:ff9b::c000:201\n",
	  .lifetime_s = SYNTH_OVERDUE_TTL_S },
	{ "5.1.3: no answer to AAAA, none to A but a validated one: nothing is proven of AAAA",
	  { FAILED, 0, NULL, NULL, false }, { ANSWERED, 0, NULL, SOA, false },
	  .authority = SOA_OUT, .lifetime_s = SYNTH_OVERDUE_TTL_S },
	{ "5.1.3: no answer to AAAA, and there is no such name",
	  { FAILED, 0, NULL, NULL, false },
	  { ANSWERED, LDNS_RCODE_NXDOMAIN, NULL, SOA, false },
	  .rcode = LDNS_RCODE_NXDOMAIN, .authority = SOA_OUT, .ad = true,
	  .lifetime_s = SYNTH_OVERDUE_TTL_S },
	{ "5.1.6: an error for A is the answer",
	  { ANSWERED, 0, NULL, SOA, false }, { FAILED, 0, NULL, NULL, false },
	  .ede = REPLY_EDE_UNREACHABLE, .rcode = LDNS_RCODE_SERVFAIL, .lifetime_s = REPLY_FAILURE_TTL_S },
	{ "both failed",
	  { FAILED, 0, NULL, NULL, false }, { FAILED, 0, NULL, NULL, false },
	  .ede = REPLY_EDE_UNREACHABLE,
	  .rcode = LDNS_RCODE_SERVFAIL, .lifetime_s = REPLY_FAILURE_TTL_S },
	{ "too much to do here: not kept",
	  { REFUSED, 0, NULL, NULL, false }, { REFUSED, 0, NULL, NULL, false },
	  .ede = REPLY_EDE_BUSY,
	  .rcode = LDNS_RCODE_SERVFAIL, .lifetime_s = 0 },
	{ "5.1.6: nothing for either",
	  { ANSWERED, 0, NULL, SOA, false }, { ANSWERED, 0, NULL, SOA, false },
	  .authority = SOA_OUT, .ad = true, .lifetime_s = 77 },
	{ "RFC 2308 5: nothing, and no SOA: not kept",
	  { ANSWERED, 0, NULL, NULL, false }, { ANSWERED, 0, NULL, NULL, false },
	  .ad = true, .lifetime_s = 0 },
	{ "5.1.4: an excluded AAAA is none",
	  { ANSWERED, 0, "w.example 300 IN AAAA ::ffff:192.0.2.9\n", NULL, false },
	  { ANSWERED, 0, "w.example 300 IN A 192.0.2.1\n", NULL, false },
	  .dnssec_ok = true, .answer = "w.example. 300 AAAA 64:ff9b::c000:201\n",
	  .lifetime_s = 300 },
	{ "5.1.4: but the others of the same name are given",
	  { ANSWERED, 0,
	    "w.example 300 IN AAAA ::ffff:192.0.2.9\nw.example 300 IN AAAA 2001:db8::1\n"
	    SIG("w.example", "AAAA"), NULL, false },
	  { 0 }, .dnssec_ok = true,
	  .answer = "w.example. 300 AAAA 2001:db8::1\n", .lifetime_s = 300 },
	{ "5.1.4: all excluded and no A",
	  { ANSWERED, 0, "w.example 300 IN AAAA ::ffff:192.0.2.9\n", NULL, false },
	  { ANSWERED, 0, NULL, SOA, false }, .authority = SOA_OUT, .lifetime_s = 77 },
	{ "another DNS64's work is done anew",
	  { ANSWERED, 0, "w.example 300 IN AAAA 64:ff9b::1.2.3.4\n", NULL, false },
	  { ANSWERED, 0, "w.example 300 IN A 192.0.2.1\n", NULL, false },
	  .answer = "w.example. 300 AAAA 64:ff9b::c000:201\n", .lifetime_s = 300 },
	{ "and what it made of several addresses in several prefixes is not doubled",
	  { ANSWERED, 0,
	    "w.example 300 IN AAAA 64:ff9b::192.0.2.1\nw.example 300 IN AAAA 64:ff9b::192.0.2.2\n",
	    NULL, false },
	  { ANSWERED, 0, "w.example 300 IN A 192.0.2.1\nw.example 300 IN A 192.0.2.2\n", NULL,
	    false },
	  .answer = "w.example. 300 AAAA 64:ff9b::c000:201\n"
		    "w.example. 300 AAAA 64:ff9b::c000:202\n", .lifetime_s = 300 },
	{ "RFC 8215: of 64:ff9b:1::/48 nothing is known; it is an address as any",
	  { ANSWERED, 0, "w.example 300 IN AAAA 64:ff9b:1:2::1\n", NULL, false }, { 0 },
	  .answer = "w.example. 300 AAAA 64:ff9b:1:2::1\n", .ad = true, .ede = REPLY_EDE_NONE,
	  .lifetime_s = 300 },
	{ "forced: A is preferred, and A is waited for",
	  { ANSWERED, 0, "w.example 300 IN AAAA 2001:db8::1\n", NULL, false }, { 0 },
	  .forced = true, .wait = true },
	{ "forced: but no longer than for a late AAAA (5.1.3); then AAAA, for a short time",
	  { ANSWERED, 0, "w.example 300 IN AAAA 2001:db8::1\n", NULL, false }, { 0 },
	  .forced = true, .overdue = true, .lifetime_s = SYNTH_OVERDUE_TTL_S,
	  .answer = "w.example. 300 AAAA 2001:db8::1\n" },
	{ "forced: AAAA counts as absent; that is not validated (5.5)",
	  { ANSWERED, 0, "w.example 300 IN AAAA 2001:db8::1\n", NULL, false },
	  { ANSWERED, 0, "w.example 900 IN A 192.0.2.1\n", NULL, false },
	  .forced = true, .dnssec_ok = true, .lifetime_s = 600,
	  .answer = "w.example. 600 AAAA 64:ff9b::c000:201\n" },
	{ "forced: what cannot be done is not",
	  { ANSWERED, 0, "w.example 300 IN AAAA 2001:db8::1\n", NULL, false },
	  { ANSWERED, 0, "w.example 300 IN A 10.0.0.1\n", NULL, false }, .forced = true,
	  .answer = "w.example. 300 AAAA 2001:db8::1\n", .lifetime_s = 300 },
	{ "forced: an error for A leaves AAAA",
	  { ANSWERED, 0, "w.example 300 IN AAAA 2001:db8::1\n", NULL, false },
	  { FAILED, 0, NULL, NULL, false }, .forced = true,
	  .answer = "w.example. 300 AAAA 2001:db8::1\n", .lifetime_s = 300 },
	{ "forced: NXDOMAIN stays",
	  { ANSWERED, LDNS_RCODE_NXDOMAIN, NULL, SOA, false }, { 0 }, .forced = true,
	  .rcode = LDNS_RCODE_NXDOMAIN, .authority = SOA_OUT, .ad = true, .lifetime_s = 77 },
	{ "forced: bogus stays",
	  { BOGUS, 0, NULL, NULL, false },
	  { ANSWERED, 0, "w.example 300 IN A 192.0.2.1\n", NULL, false }, .forced = true,
	  .ede = REPLY_EDE_BOGUS, .rcode = LDNS_RCODE_SERVFAIL, .lifetime_s = REPLY_FAILURE_TTL_S },
	{ "an address that NAT64 would not translate",
	  { ANSWERED, 0, NULL, SOA, false },
	  { ANSWERED, 0, "w.example 300 IN A 10.0.0.1\n", NULL, false },
	  .authority = SOA_OUT, .ad = true, .ede = REPLY_EDE_DENIED, .lifetime_s = 77 },
	{ "and one that it would beside it",
	  { ANSWERED, 0, NULL, SOA, false },
	  { ANSWERED, 0, "w.example 30 IN A 10.0.0.1\nw.example 30 IN A 192.0.2.1\n", NULL, false },
	  .answer = "w.example. 30 AAAA 64:ff9b::c000:201\n", .lifetime_s = 30 },
	{ "AAAA excluded, A not to be translated: no address, briefly",
	  { ANSWERED, 0, "w.example 300 IN AAAA ::ffff:10.0.0.1\n", NULL, false },
	  { ANSWERED, 0, "w.example 300 IN A 10.0.0.1\n", NULL, false },
	  .ede = REPLY_EDE_DENIED, .lifetime_s = 0 },
	{ "5.1.5: the chain once and in order, the address at its end",
	  { ANSWERED, 0, "w.example 60 IN CNAME v.example\n", SOA, false },
	  { ANSWERED, 0,
	    "u.example 300 IN A 192.0.2.1\nv.example 50 IN CNAME u.example\n"
	    "w.example 60 IN CNAME v.example\n", NULL, false },
	  .answer = "w.example. 60 CNAME v.example.\nv.example. 50 CNAME u.example.\n"
		    "u.example. 77 AAAA 64:ff9b::c000:201\n", .lifetime_s = 50 },
	{ "5.1.5: other links for AAAA than for A: those of A lead to its address",
	  { ANSWERED, 0, "w.example 60 IN CNAME x.example\n", SOA, false },
	  { ANSWERED, 0, "w.example 50 IN CNAME v.example\nv.example 300 IN A 192.0.2.1\n", NULL,
	    false },
	  .answer = "w.example. 50 CNAME v.example.\nv.example. 77 AAAA 64:ff9b::c000:201\n",
	  .lifetime_s = 50 },
	{ "no A record in an answer to AAAA, whatever stands there",
	  { FAILED, 0, NULL, NULL, false },
	  { ANSWERED, 0, "w.example 60 IN CNAME v.example\nx.example 60 IN A 192.0.2.1\n", SOA,
	    false },
	  .answer = "w.example. 60 CNAME v.example.\n", .authority = SOA_OUT,
	  .lifetime_s = SYNTH_OVERDUE_TTL_S },
	{ "5.1.5: a CNAME alone is no AAAA; one with AAAA at its end is passed on",
	  { ANSWERED, 0, "w.example 60 IN CNAME v.example\nv.example 60 IN AAAA 2001:db8::1\n",
	    NULL, false }, { 0 },
	  .answer = "w.example. 60 CNAME v.example.\nv.example. 60 AAAA 2001:db8::1\n",
	  .ad = true, .lifetime_s = 60 },
	{ "an AAAA that the chain does not lead to does not count",
	  { ANSWERED, 0, "x.example 60 IN AAAA 2001:db8::1\n", NULL, false },
	  { ANSWERED, 0, "w.example 60 IN A 192.0.2.1\n", NULL, false },
	  .answer = "w.example. 60 AAAA 64:ff9b::c000:201\n", .lifetime_s = 60 },
	{ "DNAME, its CNAME and the signatures",
	  { ANSWERED, 0, NULL, SOA, false },
	  { ANSWERED, 0,
	    "d.example 300 IN DNAME e.example\n" SIG("d.example", "DNAME")
	    "w.d.example 300 IN CNAME w.e.example\nw.e.example 300 IN A 192.0.2.1\n"
	    SIG("w.e.example", "A"), NULL, false },
	  .qname = "w.d.example", .dnssec_ok = true, .ad = true, .lifetime_s = 77,
	  .answer = "d.example. 300 DNAME e.example.\n" SIG_OUT("d.example", "DNAME")
		    "w.d.example. 300 CNAME w.e.example.\n"
		    "w.e.example. 77 AAAA 64:ff9b::c000:201\n" },
	{ "a chain without end",
	  { ANSWERED, 0, "w.example 60 IN CNAME v.example\nv.example 60 IN CNAME w.example\n", NULL,
	    false },
	  { ANSWERED, 0, "w.example 60 IN CNAME v.example\nv.example 60 IN CNAME w.example\n", NULL,
	    false },
	  .ede = REPLY_EDE_CHAIN, .rcode = LDNS_RCODE_SERVFAIL, .lifetime_s = REPLY_FAILURE_TTL_S },
	{ "5.5: bogus AAAA is SERVFAIL, whatever A says",
	  { BOGUS, 0, NULL, NULL, false },
	  { ANSWERED, 0, "w.example 300 IN A 192.0.2.1\n", NULL, false },
	  .ede = REPLY_EDE_BOGUS, .rcode = LDNS_RCODE_SERVFAIL, .lifetime_s = REPLY_FAILURE_TTL_S },
	{ "5.5: so is bogus A",
	  { ANSWERED, 0, NULL, SOA, false }, { BOGUS, 0, NULL, NULL, false },
	  .ede = REPLY_EDE_BOGUS,
	  .rcode = LDNS_RCODE_SERVFAIL, .lifetime_s = REPLY_FAILURE_TTL_S },
	{ "5.5: no AD unless both were validated",
	  { ANSWERED, 0, NULL, SOA, true },
	  { ANSWERED, 0, "w.example 30 IN A 192.0.2.1\n", NULL, false }, .dnssec_ok = true,
	  .answer = "w.example. 30 AAAA 64:ff9b::c000:201\n", .lifetime_s = 30 },
	{ "RFC 4035 3.2.1: signatures only with DO",
	  { ANSWERED, 0, "w.example 300 IN AAAA 2001:db8::1\n" SIG("w.example", "AAAA"), NULL,
	    false }, { 0 },
	  .answer = "w.example. 300 AAAA 2001:db8::1\n", .ad = true, .lifetime_s = 300 },
	{ "RFC 4035 3.2.1: and with it, they are there",
	  { ANSWERED, 0, "w.example 300 IN AAAA 2001:db8::1\n" SIG("w.example", "AAAA"), NULL,
	    false }, { 0 }, .dnssec_ok = true,
	  .answer = "w.example. 300 AAAA 2001:db8::1\n" SIG_OUT("w.example", "AAAA"), .ad = true,
	  .lifetime_s = 300 },
};

struct fixture {
	struct addrmap map;
	struct prefix_list exclude_aaaa;
};

static uint8_t wire_aaaa[8192], wire_a[8192], wire_out[MESSAGE_MAX];

static struct synth_side side_of(const struct said *said, const char *qname, ldns_rr_type type,
				 uint8_t *wire)
{
	static const enum resolver_status status[] = {
		[ANSWERED] = RESOLVER_OK, [FAILED] = RESOLVER_FAILED,
		[BOGUS] = RESOLVER_BOGUS, [REFUSED] = RESOLVER_REFUSED,
	};
	struct synth_side side = { .known = said->how != UNKNOWN };

	side.answer.status = status[said->how];
	if (said->how != ANSWERED)
		return side;
	side.answer.rcode = (uint8_t)said->rcode;
	side.answer.secure = !said->insecure;
	side.answer.wire = wire;
	side.answer.wire_len = dns_text_message(wire, qname, type, said->rcode, said->answer,
						said->authority);
	return side;
}

static bool settle(struct fixture *fixture, const struct synth_case *c, const char *qname,
		   const struct query *query, struct answer *answer)
{
	struct synth_side aaaa = side_of(&c->aaaa, qname, LDNS_RR_TYPE_AAAA, wire_aaaa);
	struct synth_side a = side_of(&c->a, qname, LDNS_RR_TYPE_A, wire_a);
	struct synth synth = {
		.query = query, .map = &fixture->map, .exclude_aaaa = &fixture->exclude_aaaa,
		.aaaa = &aaaa, .a = &a, .overdue = c->overdue, .forced = c->forced,
	};

	*answer = (struct answer){ .wire = wire_out };
	return synth_settle(&synth, answer);
}

static int expected_ede(const struct synth_case *c)
{
	if (c->ede)
		return c->ede;
	return c->answer && strstr(c->answer, "64:ff9b::") ? REPLY_EDE_SYNTHESISED : REPLY_EDE_NONE;
}

static void check(const struct synth_case *c, const struct query *query, struct answer *answer)
{
	char got[DNS_TEXT_MAX];
	size_t len = reply_seal(answer, query, 0, MESSAGE_MAX);
	ldns_pkt *packet = dns_text_parse(answer->wire, len);

	if ((int)ldns_pkt_get_rcode(packet) != c->rcode)
		fail_msg("%s: rcode %d", c->what, (int)ldns_pkt_get_rcode(packet));
	dns_text_section(packet, LDNS_SECTION_ANSWER, got);
	if (strcmp(got, c->answer ? c->answer : ""))
		fail_msg("%s: answer is\n%s", c->what, got);
	dns_text_section(packet, LDNS_SECTION_AUTHORITY, got);
	if (strcmp(got, c->authority ? c->authority : ""))
		fail_msg("%s: authority is\n%s", c->what, got);
	if (ldns_pkt_ad(packet) != c->ad)
		fail_msg("%s: AD is %d", c->what, ldns_pkt_ad(packet));
	if ((int)answer->ede != expected_ede(c))
		fail_msg("%s: extended error %d", c->what, (int)answer->ede);
	if (answer->lifetime_s != c->lifetime_s)
		fail_msg("%s: kept for %u s", c->what, answer->lifetime_s);
	ldns_pkt_free(packet);
}

/* RFC 6147 5.1.1, 5.1.2, 5.1.3, 5.1.4, 5.1.5, 5.1.6, 5.1.7, 5.1.8, 5.4 and 5.5; RFC 8914 4 */
static void test_follows_the_clauses(void **state)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct synth_case *c = &cases[i];
		const char *qname = c->qname ? c->qname : "w.example";
		struct query query = dns_text_query(qname, LDNS_RR_TYPE_AAAA);
		struct answer answer;
		bool enough;

		query.flags |= MESSAGE_AD;	/* RFC 6840 5.7: it understands AD */
		query.edns = query.dnssec_ok = c->dnssec_ok;
		enough = settle(*state, c, qname, &query, &answer);
		if (enough == c->wait)
			fail_msg("%s: enough is %d", c->what, enough);
		if (enough)
			check(c, &query, &answer);
	}
}

/* RFC 1035 3.4.1: an A record of three bytes is no address, not even one that is denied. */
static void test_a_record_of_another_length(void **state)
{
	static const struct synth_case c = {
		.what = "three bytes", .authority = SOA_OUT, .ad = true, .lifetime_s = 77,
	};
	static const struct said nothing = { ANSWERED, 0, NULL, SOA, false };
	static const struct said address = { ANSWERED, 0, "w.example 300 IN A 192.0.2.1\n", NULL,
					     false };
	struct query query = dns_text_query("w.example", LDNS_RR_TYPE_AAAA);
	struct synth_side aaaa = side_of(&nothing, "w.example", LDNS_RR_TYPE_AAAA, wire_aaaa);
	struct synth_side a = side_of(&address, "w.example", LDNS_RR_TYPE_A, wire_a);
	struct fixture *fixture = *state;
	struct synth synth = {
		.query = &query, .map = &fixture->map, .exclude_aaaa = &fixture->exclude_aaaa,
		.aaaa = &aaaa, .a = &a,
	};
	struct answer answer = { .wire = wire_out };

	query.flags |= MESSAGE_AD;
	wire_a[--a.answer.wire_len - 4] = 3;	/* the record is the last one: length, address */
	assert_true(synth_settle(&synth, &answer));
	check(&c, &query, &answer);
}

/* ---- answers that are not about AAAA --------------------------------------------- */

/* RFC 6147 5.3.3, RFC 9460 7.3 */
static void test_passes_on(void **state)
{
	static const struct said said = {
		ANSWERED, 0, "example 60 IN MX 5 mx.example\nexample 60 IN SRV 1 2 3 srv.example\n"
			     "example 60 IN HTTPS 1 . ipv4hint=192.0.2.1\n",
		NULL, false
	};
	struct query query = dns_text_query("example", LDNS_RR_TYPE_MX);
	struct synth_side side = side_of(&said, "example", LDNS_RR_TYPE_MX, wire_a);
	struct answer answer = { .wire = wire_out };
	struct synth_case expected = {
		.what = "RFC 9460 7.3: SVCB parameters are left alone",
		.answer = "example. 60 MX 5 mx.example.\nexample. 60 SRV 1 2 3 srv.example.\n"
			  "example. 60 HTTPS 1 . ipv4hint=192.0.2.1\n",
		.lifetime_s = 60,
	};

	(void)state;
	synth_pass(&answer, &query, &side);
	check(&expected, &query, &answer);
}

/* RFC 4035 3.2.2, RFC 6147 5.5 3.: what does not validate is for who sets CD, with DO or without,
 * and for nobody else; it is never called secure, and there may be none. */
static void test_passes_bogus_to_who_validates_himself(void **state)
{
	static const struct said said = { ANSWERED, 0, "w.example 900 IN AAAA 2001:db8::1\n"
					  SIG("w.example", "AAAA"), NULL, false };
	struct synth_case passed = {
		.what = "with CD", .ede = REPLY_EDE_BOGUS, .lifetime_s = SYNTH_OVERDUE_TTL_S,
		.answer = "w.example. 900 AAAA 2001:db8::1\n" SIG_OUT("w.example", "AAAA"),
	};
	struct synth_case failed = { .what = "without CD", .ede = REPLY_EDE_BOGUS,
				     .rcode = LDNS_RCODE_SERVFAIL,
				     .lifetime_s = REPLY_FAILURE_TTL_S };
	struct query query = dns_text_query("w.example", LDNS_RR_TYPE_AAAA);
	struct synth_side side = side_of(&said, "w.example", LDNS_RR_TYPE_AAAA, wire_aaaa);
	struct answer answer = { .wire = wire_out };

	(void)state;
	side.answer.status = RESOLVER_BOGUS;
	query.edns = query.dnssec_ok = true;
	synth_pass(&answer, &query, &side);
	check(&failed, &query, &answer);
	query.flags |= MESSAGE_CD;
	synth_pass(&answer, &query, &side);
	check(&passed, &query, &answer);
	side.answer.wire = NULL;
	synth_pass(&answer, &query, &side);
	check(&failed, &query, &answer);
	side = side_of(&said, "w.example", LDNS_RR_TYPE_AAAA, wire_aaaa);
	side.answer.status = RESOLVER_BOGUS;
	query.dnssec_ok = false;
	passed.answer = "w.example. 900 AAAA 2001:db8::1\n";
	synth_pass(&answer, &query, &side);
	check(&passed, &query, &answer);
	query.flags &= (uint16_t)~MESSAGE_CD;
	synth_pass(&answer, &query, &side);
	check(&failed, &query, &answer);
}

/* RFC 6147 5.3.1 */
static void test_reverses(void **state)
{
	static const char qname[] = "1.0.2.0.0.0.0.c.b.9.f.f.4.6.0.0.ip6.arpa";
	static const char target_text[] = "1.2.0.192.in-addr.arpa";
	static const struct said said = {
		ANSWERED, 0, "1.2.0.192.in-addr.arpa 30 IN PTR w.example\n", NULL, false
	};
	struct query query = dns_text_query(qname, LDNS_RR_TYPE_PTR);
	struct query target = dns_text_query(target_text, LDNS_RR_TYPE_PTR);
	struct synth_side side = side_of(&said, target_text, LDNS_RR_TYPE_PTR, wire_a);
	struct answer answer = { .wire = wire_out };
	struct synth_case expected = {
		.what = "5.3.1: CNAME and what it leads to",
		.answer = "1.0.2.0.0.0.0.c.b.9.f.f.4.6.0.0.ip6.arpa. 600 CNAME "
			  "1.2.0.192.in-addr.arpa.\n1.2.0.192.in-addr.arpa. 30 PTR w.example.\n",
		.lifetime_s = 30, .ede = REPLY_EDE_SYNTHESISED,
	};

	(void)state;
	query.edns = query.dnssec_ok = true;
	synth_reverse(&answer, &query, &target.qname, &side);
	check(&expected, &query, &answer);
}

/* ---- sealing ------------------------------------------------------------------------ */

/* RFC 2181 9 */
static void test_truncates(void **state)
{
	char many[DNS_TEXT_MAX] = "";
	struct said said = { ANSWERED, 0, many, NULL, false };
	struct query query = dns_text_query("W.example", LDNS_RR_TYPE_A);
	struct answer answer = { .wire = wire_out };
	struct synth_side side;
	ldns_pkt *packet;
	size_t len;

	(void)state;
	for (int i = 0; i < 60; i++) {
		char line[64];

		snprintf(line, sizeof(line), "w.example 60 IN A 192.0.2.%d\n", i);
		strcat(many, line);
	}
	query.edns = true;
	side = side_of(&said, "w.example", LDNS_RR_TYPE_A, wire_a);
	synth_pass(&answer, &query, &side);
	len = reply_seal(&answer, &query, 0, 512);
	assert_in_range(len, 12, 512);
	packet = dns_text_parse(answer.wire, len);
	assert_true(ldns_pkt_tc(packet));
	assert_true(ldns_pkt_edns(packet));
	assert_int_equal(ldns_pkt_ancount(packet), 0);
	ldns_pkt_free(packet);
	/* The asker's letter case comes back. */
	assert_memory_equal(answer.wire + 12, "\001W\007example", 10);
}

/* RFC 6891 6.1.3 */
static void test_refuses_versions(void **state)
{
	struct query query = dns_text_query("w.example", LDNS_RR_TYPE_A);
	struct answer answer = { .wire = wire_out };
	ldns_pkt *packet;
	size_t len;

	(void)state;
	query.edns = true;
	reply_failure(&answer, &query, LDNS_RCODE_NOERROR, REPLY_EDE_NONE);
	len = reply_seal(&answer, &query, 1, 512);
	packet = dns_text_parse(answer.wire, len);
	assert_int_equal(ldns_pkt_edns_extended_rcode(packet), 1);	/* BADVERS = 16 */
	assert_int_equal(ldns_pkt_edns_version(packet), 0);
	assert_int_equal(ldns_pkt_id(packet), 0x1234);
	ldns_pkt_free(packet);
}

static int set_up(void **state)
{
	static struct fixture fixture;

	dns_text_prefix(&fixture.map.pref64, "64:ff9b::/96");
	dns_text_prefix(&fixture.map.deny4, "10.0.0.0/8");
	fixture.map.well_known = fixture.map.pref64.v[0];
	fixture.map.special_freed = true;	/* it stands for documentation addresses too */
	dns_text_prefix(&fixture.exclude_aaaa, "::ffff:0:0/96");
	*state = &fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;

	prefix_list_free(&fixture->map.pref64);
	prefix_list_free(&fixture->map.deny4);
	prefix_list_free(&fixture->exclude_aaaa);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_follows_the_clauses),
		cmocka_unit_test(test_a_record_of_another_length),
		cmocka_unit_test(test_passes_on),
		cmocka_unit_test(test_passes_bogus_to_who_validates_himself),
		cmocka_unit_test(test_reverses),
		cmocka_unit_test(test_truncates),
		cmocka_unit_test(test_refuses_versions),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
