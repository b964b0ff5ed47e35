/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ops/guard: its counters are asked for while it stands, and only then. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include <errno.h>
#include <json-c/json.h>

#include "../../core/addr.h"
#include "../../ops/guard.h"
#include "../../ops/ruleset_backend.h"

static int run_result;
static unsigned int listed;

int ruleset_nft_run(const char *commands, char *said)
{
	(void)commands;
	snprintf(said, RULESET_SAID_SIZE, "as the test wants it");
	return run_result;
}

int ruleset_nft_list(const char *family, const char *table, struct json_object **out, char *said)
{
	(void)family;
	(void)table;
	(void)said;
	listed++;
	*out = json_tokener_parse("[{\"counter\": {\"name\": \"source\", \"packets\": 3}},"
				  " {\"counter\": {\"name\": \"destination\", \"packets\": 4}}]");
	return *out ? 0 : -ENOMEM;
}

int ruleset_nft_show(const char *family, const char *table, bool (*ours)(struct json_object *item),
		     FILE *out, char *said)
{
	(void)family;
	(void)table;
	(void)ours;
	(void)said;
	fputs("a chain\n", out);
	return 0;
}

static void assert_counts(uint64_t source, uint64_t destination, unsigned int times_listed)
{
	struct guard_counts counts;

	listed = 0;
	guard_read(&counts);
	assert_int_equal(counts.source, source);
	assert_int_equal(counts.destination, destination);
	assert_int_equal(listed, times_listed);
}

static void counters_are_read_while_it_stands(void **state)
{
	struct prefix nat46;

	(void)state;
	assert_null(prefix_parse("64:ff9b:1::/96", &nat46));
	assert_counts(0, 0, 0);
	run_result = -EIO;
	assert_int_equal(guard_install(&nat46), -EIO);
	assert_counts(0, 0, 0);
	run_result = 0;
	assert_int_equal(guard_install(&nat46), 0);
	assert_counts(3, 4, 1);
	run_result = -EIO;		/* it stands all the same */
	assert_int_equal(guard_remove(), -EIO);
	assert_counts(3, 4, 1);
	run_result = 0;
	assert_int_equal(guard_remove(), 0);
	assert_counts(0, 0, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counters_are_read_while_it_stands),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
