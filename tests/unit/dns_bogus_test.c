/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What libunbound says of bogus answers, as extended errors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "../../dns64/bogus.h"

/* RFC 8914 4.7 to 4.12: DNSSEC Bogus, Signature Expired, Signature Not Yet Valid, DNSKEY
 * Missing, RRSIGs Missing, No Zone Key Bit Set */
static void test_codes(void **state)
{
	static const struct {
		const char *why;
		int code;
	} cases[] = {
		{ NULL, 6 },
		{ "", 6 },
		{ "validation failure <v4.bogus.secure. A IN>", 6 },
		{ "validation failure <v4.bogus.secure. A IN>: signature crypto failed from "
		  "192.0.2.3", 6 },
		{ "validation failure <v4.x. A IN>: signature expired from 192.0.2.3", 7 },
		{ "validation failure <v4.x. A IN>: signature before inception date from "
		  "192.0.2.3 for DNSKEY x. while building chain of trust", 8 },
		{ "validation failure <v4.x. A IN>: No DNSKEY record from 192.0.2.3 for key x.: "
		  "no DNSKEY rrset", 9 },
		{ "validation failure <v4.x. A IN>: signatures from unknown keys", 9 },
		{ "validation failure <v4.x. A IN>: no signatures from 192.0.2.3", 10 },
		{ "validation failure <v4.x. A IN>: signature missing from 192.0.2.3", 10 },
		{ "validation failure <v4.x. A IN>: dnskey without ZSK flag", 11 },
		/* The first is the reason, what follows is how it came about. */
		{ "validation failure <v4.x. A IN>: signature expired from 192.0.2.3, and no "
		  "signatures from 192.0.2.4", 7 },
		{ "validation failure <v4.x. A IN>: no signatures from 192.0.2.4, signature "
		  "expired from 192.0.2.3", 10 },
		/* No name feigns a reason. */
		{ "validation failure <signature?expired.x. A IN>", 6 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		assert_int_equal(bogus_ede(cases[i].why), cases[i].code);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_codes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
