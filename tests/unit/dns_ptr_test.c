/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reverse names: RFC 6147 5.3.1, RFC 3596 2.5, the addresses of RFC 6052 2.4. */
#include "dns_text.h"

#include "../../dns64/ptr.h"

#define ZONE32 "8.b.d.0.1.0.0.2.ip6.arpa."
#define ZONE40 "1.0.8.b.d.0.1.0.0.2.ip6.arpa."
#define ZONE48 "2.2.1.0.8.b.d.0.1.0.0.2.ip6.arpa."
#define ZONE56 "3.0.2.2.1.0.a.b.d.0.1.0.0.2.ip6.arpa."
#define ZONE64 "4.4.3.0.2.2.1.0.b.b.d.0.1.0.0.2.ip6.arpa."
#define ZONE96 "0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.b.9.f.f.4.6.0.0.ip6.arpa."
#define TARGET "33.2.0.192.in-addr.arpa."

static const struct {
	const char *name;
	enum ptr_kind kind;
	const char *zone, *target;
} cases[] = {
	/* RFC 6052 2.4, Table 1: 192.0.2.33 in each */
	{ "0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.1.2.2.0.0.0.0.c." ZONE32, PTR_MAPPED, ZONE32, TARGET },
	{ "0.0.0.0.0.0.0.0.0.0.0.0.1.2.0.0.2.0.0.0.0.c." ZONE40, PTR_MAPPED, ZONE40, TARGET },
	{ "0.0.0.0.0.0.0.0.0.0.1.2.2.0.0.0.0.0.0.c." ZONE48, PTR_MAPPED, ZONE48, TARGET },
	/* 122:3c0:0:221:: and 122:344:c0:2:2100:: as there, in other /32s */
	{ "0.0.0.0.0.0.0.0.1.2.2.0.0.0.0.0.0.c." ZONE56, PTR_MAPPED, ZONE56, TARGET },
	{ "0.0.0.0.0.0.1.2.2.0.0.0.0.c.0.0." ZONE64, PTR_MAPPED, ZONE64, TARGET },
	{ "1.2.2.0.0.0.0.c." ZONE96, PTR_MAPPED, ZONE96, TARGET },
	/* letter case aside; largest address */
	{ "F.F.f.f.f.F.f.f.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.B.9.f.f.4.6.0.0.IP6.Arpa", PTR_MAPPED,
	  ZONE96, "255.255.255.255.in-addr.arpa." },
	/* a suffix that is not zero is ignored (2.2) */
	{ "7.7.0.0.0.0.0.0.0.0.1.2.2.0.0.0.0.0.0.c." ZONE48, PTR_MAPPED, ZONE48, TARGET },
	/* the zone itself and names on the way: no data, but they exist */
	{ ZONE96, PTR_EMPTY, ZONE96, NULL },
	{ "0.c." ZONE96, PTR_EMPTY, ZONE96, NULL },
	{ "0.0.c." ZONE48, PTR_EMPTY, ZONE48, NULL },
	/* bits 64 to 71 must be zero (2.2) */
	{ "0.0.0.0.0.0.0.0.0.0.1.2.2.0.0.1.0.0.0.c." ZONE48, PTR_NONE, ZONE48, NULL },
	{ "1.0.0.0.c." ZONE48, PTR_NONE, ZONE48, NULL },
	{ "0.0.0.0.0.0.1.2.2.0.0.0.0.c.1.0." ZONE64, PTR_NONE, ZONE64, NULL },
	{ "1.0." ZONE64, PTR_NONE, ZONE64, NULL },
	{ "0.0." ZONE64, PTR_EMPTY, ZONE64, NULL },
	{ "0.c." ZONE56, PTR_EMPTY, ZONE56, NULL },
	/* no nibbles, or too many */
	{ "x.c." ZONE96, PTR_NONE, ZONE96, NULL },
	{ "00.c." ZONE96, PTR_NONE, ZONE96, NULL },
	{ "g." ZONE96, PTR_NONE, ZONE96, NULL },
	{ "0.1.2.2.0.0.0.0.c." ZONE96, PTR_NONE, ZONE96, NULL },
	/* above a zone, beside it, and elsewhere */
	{ "0.b.9.f.f.4.6.0.0.ip6.arpa.", PTR_OTHER, NULL, NULL },
	{ "x.b.9.f.f.4.6.0.0.ip6.arpa.", PTR_OTHER, NULL, NULL },
	{ "ip6.arpa.", PTR_OTHER, NULL, NULL },
	{ "8.b.d.0.1.0.0.3.ip6.arpa.", PTR_OTHER, NULL, NULL },
	{ TARGET, PTR_OTHER, NULL, NULL },
	{ "1.2.2.0.0.0.0.c." ZONE96 "example.", PTR_OTHER, NULL, NULL },
	{ ".", PTR_OTHER, NULL, NULL },
};

/* RFC 6147 5.3.1, RFC 6052 2.2, RFC 3596 2.5 */
static void test_reads_names(void **state)
{
	struct addrmap *map = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct query query = dns_text_query(cases[i].name, LDNS_RR_TYPE_PTR);
		enum ptr_kind kind;
		char text[NAME_TEXT_MAX];
		struct ptr ptr;

		kind = ptr_read(map, &query.qname, &ptr);
		if (kind != cases[i].kind)
			fail_msg("%s: %d, not %d", cases[i].name, (int)kind, (int)cases[i].kind);
		if (cases[i].zone)
			assert_string_equal(name_format(&ptr.zone, text), cases[i].zone);
		if (cases[i].target)
			assert_string_equal(name_format(&ptr.target, text), cases[i].target);
	}
}

static int set_up(void **state)
{
	static struct addrmap map;

	dns_text_prefix(&map.pref64, "64:ff9b::/96");
	dns_text_prefix(&map.pref64, "2001:db8::/32");
	dns_text_prefix(&map.pref64, "2001:db8:100::/40");
	dns_text_prefix(&map.pref64, "2001:db8:122::/48");
	dns_text_prefix(&map.pref64, "2001:dba:122:300::/56");
	dns_text_prefix(&map.pref64, "2001:dbb:122:344::/64");
	map.n_draining = 3;		/* RFC 6147 5.3.1: they are reversed all the same */
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
		cmocka_unit_test(test_reads_names),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
