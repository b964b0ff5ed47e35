/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which answers dns64.rebind refuses, and what stands in their place. */
#include "dns_text.h"

#include "../../core/config.h"
#include "../../dns64/rebind.h"
#include "../../dns64/synth.h"

#define N(array) (sizeof(array) / sizeof(*(array)))

static uint8_t wire_in[8192], wire_out[MESSAGE_MAX];

struct world {
	struct config config;
	struct addrmap map;
};

/* The answer to @qname that has these records, after the guard has seen it. */
static struct answer guarded(const struct world *w, const char *qname, uint16_t type,
			     const char *records)
{
	struct query query = dns_text_query(qname, type);
	struct answer answer = { .wire = wire_out };
	struct synth_side side = { .known = true };

	side.answer.wire = wire_in;
	side.answer.wire_len = dns_text_message(wire_in, qname, (ldns_rr_type)type,
						LDNS_RCODE_NOERROR, records, NULL);
	synth_pass(&answer, &query, &side);
	rebind_guard(&answer, &query, &w->config, &w->map);
	return answer;
}

static size_t n_records(const struct answer *answer)
{
	ldns_pkt *packet = dns_text_parse(answer->wire, answer->len);
	size_t n = ldns_pkt_ancount(packet);

	ldns_pkt_free(packet);
	return n;
}

/* RFC 1918 3, RFC 4193 3.1, RFC 6890 2.2: first and last of each block and what is beside it;
 * mapped (RFC 4291 2.5.5.2) and in a pref64 (RFC 6052 2.2) too */
static void test_addresses(void **state)
{
	static const char *const private[] = {
		"0.0.0.0", "0.255.255.255", "10.0.0.0", "10.255.255.255", "100.64.0.0",
		"100.127.255.255", "127.0.0.1", "127.255.255.255", "169.254.0.0",
		"169.254.255.255", "172.16.0.0", "172.31.255.255", "192.0.0.0", "192.0.0.169",
		"192.0.0.172", "192.0.0.255", "192.168.0.0", "192.168.255.255", "::", "::1",
		"fc00::", "fdff:ffff::1", "fe80::1", "febf::1", "fec0::1", "feff::1",
		"::ffff:10.0.0.1", "::ffff:127.0.0.1", "64:ff9b::10.0.0.1", "64:ff9b::127.0.0.1",
		"2001:db8:64:c0a8:1:100::", "2001:db8:64:a00:0:100::",
	};
	static const char *const public[] = {
		"1.0.0.0", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0",
		"126.255.255.255", "128.0.0.0", "169.253.255.255", "169.255.0.0",
		"172.15.255.255", "172.32.0.0", "192.0.1.0", "192.0.2.1", "192.167.255.255",
		"192.169.0.0", "::2", "fbff::1", "fe00::1", "fe7f::1", "2001:db8::1",
		"::ffff:192.0.2.1", "64:ff9b::8.8.8.8", "2001:db8:64:808:8:800::",
		/* RFC 7050 2.2 */
		"192.0.0.170", "192.0.0.171", "64:ff9b::192.0.0.170", "64:ff9b::192.0.0.171",
		"2001:db8:64:c000:0:aa00::",
	};

	for (size_t i = 0; i < N(private) + N(public); i++) {
		bool refused = i < N(private);
		const char *addr = refused ? private[i] : public[i - N(private)];
		uint16_t type = strchr(addr, ':') ? LDNS_RR_TYPE_AAAA : LDNS_RR_TYPE_A;
		struct answer answer;
		char text[128];

		snprintf(text, sizeof(text), "w.example 60 IN %s %s\n",
			 type == LDNS_RR_TYPE_A ? "A" : "AAAA", addr);
		answer = guarded(*state, "w.example", type, text);
		if (n_records(&answer) != !refused)
			fail_msg("%s: refused is not %d", addr, refused);
	}
}

/* RFC 8914 4.16: an answer without records that says why; kept as long as the refused one */
static void test_what_is_said(void **state)
{
	static const char records[] = "w.example 60 IN CNAME v.example\n"
				      "v.example 50 IN A 192.0.2.1\nv.example 50 IN A 10.0.0.1\n";
	struct answer answer = guarded(*state, "w.example", LDNS_RR_TYPE_A, records);

	assert_int_equal(n_records(&answer), 0);
	assert_int_equal(answer.rcode, LDNS_RCODE_NOERROR);
	assert_int_equal(answer.ede, REPLY_EDE_BLOCKED);
	assert_int_equal(answer.ede & 0xff, 15);
	assert_int_equal(answer.lifetime_s, 50);
	assert_false(answer.secure);
}

/* What is too long to be looked at is not let through unseen. */
static void test_too_many_records(void **state)
{
	static const uint8_t inside[4] = { 10, 0, 0, 1 };
	struct query query = dns_text_query("w.example", LDNS_RR_TYPE_A);
	struct answer answer = { .wire = wire_out };
	struct world *w = *state;
	struct reply reply;

	reply_begin(&reply, &answer, &query);
	for (size_t i = 0; i <= MESSAGE_RRS_MAX; i++)
		reply_add(&reply, SECTION_ANSWER, &query.qname, LDNS_RR_TYPE_A, 60, inside,
			  sizeof(inside));
	reply_end(&reply, LDNS_RCODE_NOERROR);
	rebind_guard(&answer, &query, &w->config, &w->map);
	assert_int_equal(n_records(&answer), 0);
}

/* By the name that was asked for: at or below a zone of one's own, any address; a chain that only
 * ends there is a foreign name's. RFC 1918 3 is about addresses: other records are let through. */
static void test_names(void **state)
{
	struct dns_zone zone = { .name = (char *)(uintptr_t)"lan.example" };
	struct world *w = *state;
	struct answer answer;

	w->config.dns64.zones = &zone;
	w->config.dns64.n_zones = 1;
	answer = guarded(w, "a.Lan.Example", LDNS_RR_TYPE_A, "a.lan.example 60 IN A 10.0.0.1\n");
	assert_int_equal(n_records(&answer), 1);
	answer = guarded(w, "xlan.example", LDNS_RR_TYPE_A, "xlan.example 60 IN A 10.0.0.1\n");
	assert_int_equal(n_records(&answer), 0);
	answer = guarded(w, "w.example", LDNS_RR_TYPE_A,
			 "w.example 60 IN CNAME a.lan.example\na.lan.example 60 IN A 10.0.0.1\n");
	assert_int_equal(n_records(&answer), 0);
	answer = guarded(w, "w.example", LDNS_RR_TYPE_TXT, "w.example 60 IN TXT \"10.0.0.1\"\n");
	assert_int_equal(n_records(&answer), 1);
	w->config.dns64.zones = NULL;
	w->config.dns64.n_zones = 0;
}

/* RFC 1918 3 knows no such refusal: it is the operator's choice. */
static void test_off(void **state)
{
	struct world *w = *state;
	struct answer answer;

	w->config.dns64.rebind = CONFIG_REBIND_OFF;
	answer = guarded(w, "w.example", LDNS_RR_TYPE_A, "w.example 60 IN A 10.0.0.1\n");
	assert_int_equal(n_records(&answer), 1);
	w->config.dns64.rebind = CONFIG_REBIND_ON;
}

static int set_up(void **state)
{
	static struct world w = { .config = { .dns64 = { .rebind = CONFIG_REBIND_ON } } };

	dns_text_prefix(&w.map.pref64, "2001:db8:64::/48");
	assert_null(prefix_parse("64:ff9b::/96", &w.map.well_known));
	*state = &w;
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;

	prefix_list_free(&w->map.pref64);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_what_is_said),
		cmocka_unit_test(test_too_many_records),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_off),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
