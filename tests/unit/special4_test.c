/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The IANA IPv4 Special-Purpose Address Registry, row by row. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>

#include "../../core/special4.h"

#define N(array) (sizeof(array) / sizeof(*(array)))

/*
 * Each row of the registry by its first and last address that no longer prefix holds, its
 * column "Globally Reachable" (N/A taken as no), and whether these can be hosts.
 */
static const struct {
	const char *block, *first, *last;
	bool global, host;
} registry[] = {
	{ "0.0.0.0/8", "0.0.0.1", "0.255.255.255", false, false },
	{ "0.0.0.0/32", "0.0.0.0", "0.0.0.0", false, false },
	{ "10.0.0.0/8", "10.0.0.0", "10.255.255.255", false, true },
	{ "100.64.0.0/10", "100.64.0.0", "100.127.255.255", false, true },
	{ "127.0.0.0/8", "127.0.0.0", "127.255.255.255", false, false },
	{ "169.254.0.0/16", "169.254.0.0", "169.254.255.255", false, true },
	{ "172.16.0.0/12", "172.16.0.0", "172.31.255.255", false, true },
	{ "192.0.0.0/24", "192.0.0.11", "192.0.0.255", false, true },
	{ "192.0.0.0/29", "192.0.0.0", "192.0.0.7", false, true },
	{ "192.0.0.8/32", "192.0.0.8", "192.0.0.8", false, true },
	{ "192.0.0.9/32", "192.0.0.9", "192.0.0.9", true, true },
	{ "192.0.0.10/32", "192.0.0.10", "192.0.0.10", true, true },
	{ "192.0.0.170/32", "192.0.0.170", "192.0.0.170", false, true },
	{ "192.0.0.171/32", "192.0.0.171", "192.0.0.171", false, true },
	{ "192.0.2.0/24", "192.0.2.0", "192.0.2.255", false, true },
	{ "192.31.196.0/24", "192.31.196.0", "192.31.196.255", true, true },
	{ "192.52.193.0/24", "192.52.193.0", "192.52.193.255", true, true },
	{ "192.88.99.0/24", "192.88.99.0", "192.88.99.255", false, true },
	{ "192.88.99.2/32", "192.88.99.2", "192.88.99.2", false, true },
	{ "192.168.0.0/16", "192.168.0.0", "192.168.255.255", false, true },
	{ "192.175.48.0/24", "192.175.48.0", "192.175.48.255", true, true },
	{ "198.18.0.0/15", "198.18.0.0", "198.19.255.255", false, true },
	{ "198.51.100.0/24", "198.51.100.0", "198.51.100.255", false, true },
	{ "203.0.113.0/24", "203.0.113.0", "203.0.113.255", false, true },
	{ "240.0.0.0/4", "240.0.0.0", "255.255.255.254", false, false },
	{ "255.255.255.255/32", "255.255.255.255", "255.255.255.255", false, false },
	/* no row of this registry: RFC 5771 */
	{ "224.0.0.0/4", "224.0.0.0", "239.255.255.255", false, false },
};

/* RFC 6890 2.2.2, RFC 8190 2.2 */
static void test_every_row(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(registry); i++) {
		print_message("%s\n", registry[i].block);
		assert_int_equal(special4_is_global(inet_addr(registry[i].first)),
				 registry[i].global);
		assert_int_equal(special4_is_global(inet_addr(registry[i].last)),
				 registry[i].global);
		assert_int_equal(special4_is_host(inet_addr(registry[i].first)),
				 registry[i].host);
		assert_int_equal(special4_is_host(inet_addr(registry[i].last)),
				 registry[i].host);
	}
}

/* RFC 6890 2.2.2: what is just outside of a block is an ordinary address. */
static void test_neighbours(void **state)
{
	static const char *const neighbours[] = {
		"1.0.0.0", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0",
		"126.255.255.255", "128.0.0.0", "169.253.255.255", "169.255.0.0",
		"172.15.255.255", "172.32.0.0", "191.255.255.255", "192.0.1.0", "192.0.1.255",
		"192.0.3.0", "192.88.98.255", "192.88.100.0", "192.167.255.255", "192.169.0.0",
		"198.17.255.255", "198.20.0.0", "198.51.99.255", "198.51.101.0",
		"203.0.112.255", "203.0.114.0", "223.255.255.255", "8.8.8.8",
	};

	(void)state;
	for (size_t i = 0; i < N(neighbours); i++) {
		assert_true(special4_is_global(inet_addr(neighbours[i])));
		assert_true(special4_is_host(inet_addr(neighbours[i])));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_row),
		cmocka_unit_test(test_neighbours),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
