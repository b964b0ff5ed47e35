/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whether what stands is what stood; what there is to show is the test's own. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../../ops/ruleset_backend.h"
#include "../../ops/standing.h"

static const char *shown;	/* NULL: it cannot be read */

static int show(FILE *out, char *said)
{
	if (!shown) {
		snprintf(said, RULESET_SAID_SIZE, "no such thing");
		return -EIO;
	}
	fputs(shown, out);
	return 0;
}

static void what_is_not_to_stand_always_holds(void **state)
{
	struct standing standing = { 0 };
	char said[RULESET_SAID_SIZE];

	(void)state;
	shown = "";
	assert_int_equal(standing_holds(&standing, show, said), 1);
	shown = NULL;
	assert_int_equal(standing_holds(&standing, show, said), 1);
}

static void what_was_changed_does_not_hold(void **state)
{
	struct standing standing = { 0 };
	char said[RULESET_SAID_SIZE];

	(void)state;
	shown = "rule 1\nrule 2\n";
	standing_note(&standing, show);
	assert_int_equal(standing_holds(&standing, show, said), 1);
	shown = "rule 1\n";
	assert_int_equal(standing_holds(&standing, show, said), 0);
	shown = "";
	assert_int_equal(standing_holds(&standing, show, said), 0);
	shown = "rule 2\nrule 1\n";
	assert_int_equal(standing_holds(&standing, show, said), 0);
	shown = "rule 1\nrule 2\n";
	assert_int_equal(standing_holds(&standing, show, said), 1);
	standing_forget(&standing);
	shown = "";
	assert_int_equal(standing_holds(&standing, show, said), 1);
}

static void what_cannot_be_read_is_said(void **state)
{
	struct standing standing = { 0 };
	char said[RULESET_SAID_SIZE] = "";

	(void)state;
	shown = "rule 1\n";
	standing_note(&standing, show);
	shown = NULL;
	assert_int_equal(standing_holds(&standing, show, said), -EIO);
	assert_string_equal(said, "no such thing");
	standing_forget(&standing);
}

/* Taken away between being put up and being noted; or it could not be read then. */
static void what_was_not_seen_does_not_hold(void **state)
{
	static const char *const noted[] = { "", NULL };
	char said[RULESET_SAID_SIZE];

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct standing standing = { 0 };

		shown = noted[i];
		standing_note(&standing, show);
		shown = "";
		assert_int_equal(standing_holds(&standing, show, said), 0);
		shown = "rule 1\n";
		assert_int_equal(standing_holds(&standing, show, said), 0);
		standing_note(&standing, show);
		assert_int_equal(standing_holds(&standing, show, said), 1);
		standing_forget(&standing);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_not_to_stand_always_holds),
		cmocka_unit_test(what_was_changed_does_not_hold),
		cmocka_unit_test(what_cannot_be_read_is_said),
		cmocka_unit_test(what_was_not_seen_does_not_hold),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
