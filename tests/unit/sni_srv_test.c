/* SPDX-License-Identifier: GPL-2.0-or-later */
/* snid/srv and snid/fails: the order of services; servers that failed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "../../snid/fails.h"
#include "../../snid/srv.h"

/* XEP-0368 2: the two services of XMPP over direct TLS, and nothing for others */
static void test_names(void **state)
{
	char name[RESOLVER_NAME_STRLEN], host[RESOLVER_NAME_STRLEN];

	(void)state;
	assert_true(srv_name("xmpp-client", "example", name));
	assert_string_equal(name, "_xmpps-client._tcp.example");
	assert_true(srv_name("xmpp-server", "a.example", name));
	assert_string_equal(name, "_xmpps-server._tcp.a.example");
	assert_false(srv_name("h2", "example", name));
	assert_false(srv_name("", "example", name));
	memset(host, 'a', sizeof(host) - 1);
	host[sizeof(host) - 1] = '\0';
	assert_false(srv_name("xmpp-client", host, name));
}

/* Trap 7: the listener's, and those of XMPP */
static void test_ports(void **state)
{
	(void)state;
	assert_true(srv_port_allowed(443, 443));
	assert_true(srv_port_allowed(8443, 8443));
	assert_true(srv_port_allowed(5223, 443));
	assert_true(srv_port_allowed(5270, 443));
	assert_false(srv_port_allowed(22, 443));
	assert_false(srv_port_allowed(0, 443));
	assert_false(srv_port_allowed(5222, 443));
}

static void fill(struct resolver_service *services, const uint16_t (*rows)[2], size_t n)
{
	for (size_t i = 0; i < n; i++)
		services[i] = (struct resolver_service){
			.priority = rows[i][0], .weight = rows[i][1], .port = (uint16_t)i,
		};
}

/* RFC 2782 "Priority": the lowest first, whatever the lots say */
static void test_priorities(void **state)
{
	static const uint16_t rows[][2] = { { 30, 9 }, { 10, 0 }, { 20, 5 }, { 10, 60000 },
					    { 20, 0 }, { 0, 1 } };
	struct resolver_service services[6];

	(void)state;
	for (uint64_t random = 0; random < 1000; random++) {
		bool seen[6] = { false };

		fill(services, rows, 6);
		srv_order(services, 6, random * 0x9e3779b97f4a7c15ULL);
		for (size_t i = 0; i < 6; i++) {
			assert_false(seen[services[i].port]);
			seen[services[i].port] = true;
			assert_true(i == 0 || services[i - 1].priority <= services[i].priority);
		}
	}
	srv_order(services, 0, 1);
}

/* RFC 2782 "Weight": 1 to 3 gives a quarter and three quarters; 0 beside them nearly nothing,
 * but all get their turn */
static void test_weights(void **state)
{
	static const uint16_t rows[][2] = { { 1, 100 }, { 1, 300 }, { 1, 0 } };
	unsigned int first[3] = { 0 };
	struct resolver_service services[3];
	enum { ROUNDS = 20000 };

	(void)state;
	for (uint64_t i = 1; i <= ROUNDS; i++) {
		fill(services, rows, 3);
		srv_order(services, 3, i * 0x9e3779b97f4a7c15ULL);
		first[services[0].port]++;
	}
	assert_in_range(first[0], ROUNDS * 23 / 100, ROUNDS * 27 / 100);
	assert_in_range(first[1], ROUNDS * 72 / 100, ROUNDS * 77 / 100);
	assert_in_range(first[2], 1, ROUNDS / 100);
}

static struct endpoint server(const char *text)
{
	struct endpoint at;

	assert_true(endpoint_parse(text, 443, &at));
	return at;
}

/* RFC 8305 does not say for how long; it is FAILS_MS, of just that address and port. */
static void test_fails(void **state)
{
	static struct fails fails;
	struct endpoint a = server("[2001:db8::1]:443"), b = server("[2001:db8::1]:444");

	(void)state;
	assert_false(fails_has(&fails, &a, 0));
	fails_add(&fails, &a, 1000);
	assert_true(fails_has(&fails, &a, 1000));
	assert_true(fails_has(&fails, &a, 1000 + FAILS_MS - 1));
	assert_false(fails_has(&fails, &a, 1000 + FAILS_MS));
	assert_false(fails_has(&fails, &b, 1000));
	fails_add(&fails, &a, 2000);
	fails_remove(&fails, &a);
	assert_false(fails_has(&fails, &a, 2000));
}

/* More than there is room for: the last ones are there, and nothing else is claimed. */
static void test_many_fails(void **state)
{
	static struct fails fails;
	struct endpoint at = server("[2001:db8::1]:443"), other = server("[2001:db8:1::1]:443");
	unsigned int n = 0;

	(void)state;
	for (unsigned int i = 0; i < 4096; i++) {
		at.addr.s6_addr[14] = (uint8_t)(i >> 8);
		at.addr.s6_addr[15] = (uint8_t)i;
		fails_add(&fails, &at, 1000 + i);
		assert_true(fails_has(&fails, &at, 1000 + i));
	}
	for (unsigned int i = 0; i < 4096; i++) {
		at.addr.s6_addr[14] = (uint8_t)(i >> 8);
		at.addr.s6_addr[15] = (uint8_t)i;
		n += fails_has(&fails, &at, 6000);
	}
	assert_in_range(n, FAILS_SETS, FAILS_SETS * FAILS_WAYS);
	assert_false(fails_has(&fails, &other, 6000));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_ports),
		cmocka_unit_test(test_priorities),
		cmocka_unit_test(test_weights),
		cmocka_unit_test(test_fails),
		cmocka_unit_test(test_many_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
