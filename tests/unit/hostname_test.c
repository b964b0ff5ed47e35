/* SPDX-License-Identifier: GPL-2.0-or-later */
/* snid/name: RFC 1123 2.1, RFC 1035 2.3.4 and 3.1, RFC 6066 3. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "../../core/hostname.h"

static const char *normalise(const char *raw, size_t len, char *name)
{
	memset(name, 'x', HOSTNAME_STRLEN);
	return hostname_normalise((const uint8_t *)raw, len, name);
}

static void test_accepted(void **state)
{
	static const struct {
		const char *raw, *name;
	} cases[] = {
		{ "example.org", "example.org" },
		{ "WWW.Example.ORG", "www.example.org" },
		{ "example.org.", "example.org" },	/* one final dot */
		{ "a", "a" },
		{ "1a.2b", "1a.2b" },			/* RFC 1123 2.1: a digit first */
		{ "7.example", "7.example" },
		{ "xn--bcher-kva.example", "xn--bcher-kva.example" },
		{ "r3---sn-x.example", "r3---sn-x.example" },
		{ "_dns.resolver.arpa", "_dns.resolver.arpa" },
		{ "my_host.example", "my_host.example" },
		{ "0x7f.example", "0x7f.example" },
	};
	char name[HOSTNAME_STRLEN];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_null(normalise(cases[i].raw, strlen(cases[i].raw), name));
		assert_string_equal(name, cases[i].name);
	}
}

static void test_refused(void **state)
{
	static const struct {
		size_t len;
		const char *raw;
	} cases[] = {
		{ 0, "" },
		{ 1, "." },
		{ 13, "example.org.." },	/* two final dots */
		{ 12, ".example.org" },
		{ 12, "example..org" },
		{ 4, "a\0.b" },			/* a NUL inside, and at the end */
		{ 12, "example.org\0" },
		{ 11, "exa mple.or" },
		{ 6, "a/b.cd" },
		{ 8, "*.exampl" },
		{ 7, "b\xc3\xbc" "c.de" },	/* U-labels are not sent (RFC 6066 3) */
		{ 5, "-a.bc" },			/* RFC 1123 2.1, RFC 952 */
		{ 5, "a-.bc" },
		{ 5, "a.bc-" },
		{ 9, "192.0.2.1" },		/* RFC 6066 3: no literal addresses */
		{ 10, "192.0.2.1." },
		{ 3, "127" },
		{ 11, "2001:db8::1" },
		{ 13, "[2001:db8::1]" },
		{ 9, "example.1" },
		{ 15, "example.org:443" },
	};
	char name[HOSTNAME_STRLEN];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (!normalise(cases[i].raw, cases[i].len, name))
			fail_msg("accepted: case %zu, %s", i, cases[i].raw);
		assert_string_equal(name, "");
	}
}

/* RFC 1035 2.3.4: labels of 63 octets or less, names of 255 on the wire: 253 as text */
static void test_lengths(void **state)
{
	char raw[HOSTNAME_MAX + 3], name[HOSTNAME_STRLEN];

	(void)state;
	memset(raw, 'a', sizeof(raw));
	assert_null(normalise(raw, HOSTNAME_LABEL_MAX, name));
	assert_non_null(normalise(raw, HOSTNAME_LABEL_MAX + 1, name));

	for (size_t i = HOSTNAME_LABEL_MAX; i < sizeof(raw); i += HOSTNAME_LABEL_MAX + 1)
		raw[i] = '.';
	raw[HOSTNAME_MAX] = '.';
	assert_null(normalise(raw, HOSTNAME_MAX, name));
	assert_int_equal(strlen(name), HOSTNAME_MAX);
	assert_null(normalise(raw, HOSTNAME_MAX + 1, name));
	assert_int_equal(strlen(name), HOSTNAME_MAX);
	raw[HOSTNAME_MAX] = 'a';
	assert_non_null(normalise(raw, HOSTNAME_MAX + 1, name));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_accepted),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_lengths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
