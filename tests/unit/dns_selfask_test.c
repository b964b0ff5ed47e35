/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which upstream servers are this host itself. */
#include "config_text.h"

#include <errno.h>

#include "../../core/addrmap.h"
#include "../../dns64/selfask.h"

static int check(const char *listen, const char *upstream, const char *zones)
{
	static const char *const own[] = { "198.51.100.1/32", "2001:db8:1::1/128" };
	struct netinfo net = { 0 };
	struct addrmap *map;
	struct config *config;
	char text[512];
	int result;

	snprintf(text, sizeof(text), "dns64:\n  listen: %s\n  upstream: %s\n%s", listen, upstream,
		 zones);
	config = parse_good(text);
	for (size_t i = 0; i < 2; i++) {
		struct prefix prefix;

		assert_null(prefix_parse(own[i], &prefix));
		assert_int_equal(prefix_list_add(&net.own, &prefix), 0);
	}
	map = addrmap_new(config, &net);
	assert_non_null(map);
	result = selfask_check(config, map);
	addrmap_free(map);
	netinfo_free(&net);
	config_free(config);
	return result;
}

/* An own address, of that family, at that port; of any of the servers of any zone */
static void test_own_addresses(void **state)
{
	static const struct {
		const char *listen, *upstream, *zones;
		int result;
	} cases[] = {
		{ "[\"::\", 0.0.0.0]", "recursive", "", 0 },
		{ "[\"::\", 0.0.0.0]", "[198.51.100.2, \"2001:db8:1::2\"]", "", 0 },
		{ "[\"::\", 0.0.0.0]", "[198.51.100.2, 198.51.100.1]", "", -ELOOP },
		{ "[\"::\", 0.0.0.0]", "[\"2001:db8:1::1\"]", "", -ELOOP },
		{ "[\"::\"]", "[198.51.100.1]", "", 0 },
		{ "[0.0.0.0]", "[\"2001:db8:1::1\"]", "", 0 },
		{ "[\"::\", 0.0.0.0]", "[\"198.51.100.1:5353\"]", "", 0 },
		{ "[\"0.0.0.0:5353\"]", "[\"198.51.100.1:5353\"]", "", -ELOOP },
		{ "[\"2001:db8:1::1\"]", "[198.51.100.1]", "", 0 },
		{ "[0.0.0.0]", "recursive",
		  "  zones:\n    - {name: a.example, upstream: [192.0.2.1]}\n"
		  "    - {name: b.example, upstream: [192.0.2.1, 198.51.100.1]}\n", -ELOOP },
		{ "[0.0.0.0]", "[198.51.100.1]", "  enabled: false\n", 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		if (check(cases[i].listen, cases[i].upstream, cases[i].zones) != cases[i].result)
			fail_msg("listen %s, upstream %s", cases[i].listen, cases[i].upstream);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_own_addresses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
