/* SPDX-License-Identifier: GPL-2.0-or-later */
/* dns64/records: what snid is told of a message, which ldns made from text. */
#include <arpa/inet.h>

#include "../../dns64/records.h"
#include "dns_text.h"

static struct resolver_records read_message(enum resolver_type type, const char *qname,
					    ldns_pkt_rcode rcode, const char *answer,
					    const char *authority)
{
	static const ldns_rr_type rr_types[] = { LDNS_RR_TYPE_A, LDNS_RR_TYPE_AAAA,
						 LDNS_RR_TYPE_SRV };
	struct resolver_records out = { .status = RESOLVER_OK, .rcode = (uint8_t)rcode };
	uint8_t wire[DNS_TEXT_MAX];
	struct name name;
	size_t len = dns_text_message(wire, qname, rr_types[type], rcode, answer, authority);

	assert_true(name_from_text(&name, qname));
	records_read(&out, type, &name, wire, len);
	return out;
}

static void assert_addr(const struct in6_addr *addr, const char *text)
{
	char got[INET6_ADDRSTRLEN];

	assert_string_equal(inet_ntop(AF_INET6, addr, got, sizeof(got)), text);
}

#define SOA "example. 600 IN SOA ns.example. host.example. 1 2 3 4 77"

/* RFC 1035 3.4.1, RFC 3596 2.2: addresses of the name, of both families, and of no other */
static void test_addresses(void **state)
{
	struct resolver_records got;

	(void)state;
	got = read_message(RESOLVER_AAAA, "w.example", LDNS_RCODE_NOERROR,
			   "w.example. 300 IN AAAA 2001:db8::1\n"
			   "w.example. 300 IN AAAA 2001:db8::2\n"
			   "x.example. 1 IN AAAA 2001:db8::3", NULL);
	assert_int_equal(got.status, RESOLVER_OK);
	assert_int_equal(got.n_addrs, 2);
	assert_addr(&got.addrs[0], "2001:db8::1");
	assert_addr(&got.addrs[1], "2001:db8::2");
	assert_int_equal(got.ttl_s, 300);

	got = read_message(RESOLVER_A, "w.example", LDNS_RCODE_NOERROR,
			   "W.Example. 60 IN A 192.0.2.1", NULL);
	assert_int_equal(got.n_addrs, 1);
	assert_addr(&got.addrs[0], "::ffff:192.0.2.1");
	assert_int_equal(got.ttl_s, 60);
}

/* RFC 1034 3.6.2, RFC 2181 8: through CNAMEs, and all holds as long as its shortest part */
static void test_chain(void **state)
{
	struct resolver_records got;

	(void)state;
	got = read_message(RESOLVER_AAAA, "w.example", LDNS_RCODE_NOERROR,
			   "w.example. 20 IN CNAME x.example.\n"
			   "x.example. 500 IN CNAME y.example.\n"
			   "y.example. 300 IN AAAA 2001:db8::3\n"
			   "w.example. 5 IN AAAA 2001:db8::4", NULL);
	assert_int_equal(got.n_addrs, 1);
	assert_addr(&got.addrs[0], "2001:db8::3");
	assert_int_equal(got.ttl_s, 20);

	/* a loop */
	got = read_message(RESOLVER_AAAA, "w.example", LDNS_RCODE_NOERROR,
			   "w.example. 20 IN CNAME x.example.\n"
			   "x.example. 20 IN CNAME w.example.", NULL);
	assert_int_equal(got.status, RESOLVER_FAILED);
}

/* RFC 2308 5: an absence holds for the lesser of the SOA's TTL and its MINIMUM; without an
 * SOA it is not kept */
static void test_absence(void **state)
{
	struct resolver_records got;

	(void)state;
	got = read_message(RESOLVER_AAAA, "w.example", LDNS_RCODE_NOERROR, NULL, SOA);
	assert_int_equal(got.status, RESOLVER_OK);
	assert_int_equal(got.n_addrs, 0);
	assert_int_equal(got.ttl_s, 77);
	got = read_message(RESOLVER_AAAA, "w.example", LDNS_RCODE_NXDOMAIN, NULL, SOA);
	assert_int_equal(got.rcode, LDNS_RCODE_NXDOMAIN);
	assert_int_equal(got.ttl_s, 77);
	got = read_message(RESOLVER_AAAA, "w.example", LDNS_RCODE_NXDOMAIN, NULL, NULL);
	assert_int_equal(got.ttl_s, 0);
	got = read_message(RESOLVER_AAAA, "w.example", LDNS_RCODE_NOERROR,
			   "w.example. 20 IN CNAME x.example.", SOA);
	assert_int_equal(got.ttl_s, 20);
}

/* RFC 2782: the fields of SRV, and the target "." */
static void test_services(void **state)
{
	struct resolver_records got;

	(void)state;
	got = read_message(RESOLVER_SRV, "_xmpps-client._tcp.example", LDNS_RCODE_NOERROR,
			   "_xmpps-client._tcp.example. 300 IN SRV 10 20 5223 X.example.\n"
			   "_xmpps-client._tcp.example. 300 IN SRV 5 0 443 .\n"
			   "_xmpps-client._tcp.example. 300 IN SRV 1 1 1 a\\032b.example.", NULL);
	assert_int_equal(got.n_services, 2);
	assert_int_equal(got.services[0].priority, 10);
	assert_int_equal(got.services[0].weight, 20);
	assert_int_equal(got.services[0].port, 5223);
	assert_true(strcasecmp(got.services[0].target, "x.example") == 0);
	assert_string_equal(got.services[1].target, "");
}

/* RFC 2782: of more than there is room for, those with the lowest priorities count */
static void test_many_services(void **state)
{
	struct resolver_records got;
	char text[DNS_TEXT_MAX];
	size_t len = 0;

	(void)state;
	for (unsigned int i = 0; i < RESOLVER_SERVICES_MAX + 4; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len,
					"_x._tcp.example. 300 IN SRV %u 0 1 h%u.example.\n",
					100 - i, i);
	got = read_message(RESOLVER_SRV, "_x._tcp.example", LDNS_RCODE_NOERROR, text, NULL);
	assert_int_equal(got.n_services, RESOLVER_SERVICES_MAX);
	for (size_t i = 0; i < got.n_services; i++)
		assert_in_range(got.services[i].priority, 100 - RESOLVER_SERVICES_MAX - 3, 96);
}

/* RFC 1035 4.1: cut short anywhere, and with rdata of a wrong length: no record of it */
static void test_malformed(void **state)
{
	uint8_t wire[DNS_TEXT_MAX];
	struct name name;
	size_t len;

	(void)state;
	len = dns_text_message(wire, "w.example", LDNS_RR_TYPE_SRV, LDNS_RCODE_NOERROR,
			       "w.example. 300 IN SRV 1 2 3 t.example.", NULL);
	assert_true(name_from_text(&name, "w.example"));
	for (size_t cut = 0; cut < len; cut++) {
		struct resolver_records out = { .status = RESOLVER_OK };
		uint8_t *copy = malloc(cut ? cut : 1);	/* so that a read too far is seen */

		memcpy(copy, wire, cut);
		records_read(&out, RESOLVER_SRV, &name, copy, cut);
		assert_int_equal(out.status, RESOLVER_FAILED);
		assert_int_equal(out.n_services, 0);
		free(copy);
	}
}

/* RFC 1035 3.4.1: an address has four bytes */
static void test_odd_length(void **state)
{
	struct resolver_records out = { .status = RESOLVER_OK };
	uint8_t wire[DNS_TEXT_MAX];
	struct name name;
	size_t len = dns_text_message(wire, "w.example", LDNS_RR_TYPE_A, LDNS_RCODE_NOERROR,
				      "w.example. 300 IN TYPE65280 \\# 5 c000020101\n"
				      "w.example. 300 IN TYPE65280 \\# 3 c00002\n"
				      "w.example. 300 IN A 192.0.2.9", NULL);

	(void)state;
	assert_true(name_from_text(&name, "w.example"));
	for (size_t i = 0; i + 1 < len; i++)
		if (wire[i] == 0xff && wire[i + 1] == 0)	/* now they are A as well */
			wire[i] = 0, wire[i + 1] = LDNS_RR_TYPE_A;
	records_read(&out, RESOLVER_A, &name, wire, len);
	assert_int_equal(out.n_addrs, 1);
	assert_addr(&out.addrs[0], "::ffff:192.0.2.9");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_chain),
		cmocka_unit_test(test_absence),
		cmocka_unit_test(test_services),
		cmocka_unit_test(test_many_services),
		cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_odd_length),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
