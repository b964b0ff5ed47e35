/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ops/gauges: what takes a look at every port of every address is asked only by who shows it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>

#include "../../ops/gateway.h"
#include "../../ops/gauges.h"
#include "../../ops/guard.h"

static struct nat64 *const some_nat64 = (struct nat64 *)&some_nat64;
static unsigned int with_ranges, without;

void gateway_facts(const struct gateway *gateway, struct status_facts *facts)
{
	(void)gateway;
	*facts = (struct status_facts){ 0 };
}

struct nat64 *gateway_nat64(const struct gateway *gateway)
{
	(void)gateway;
	return some_nat64;
}

struct dns64 *gateway_dns64(const struct gateway *gateway)
{
	(void)gateway;
	return NULL;
}

struct snid *gateway_snid(const struct gateway *gateway)
{
	(void)gateway;
	return NULL;
}

void guard_read(struct guard_counts *counts)
{
	*counts = (struct guard_counts){ .source = 5 };
}

int nat64_intercept(const struct nat64 *nat64, struct nat64_intercept *out)
{
	(void)nat64;
	with_ranges++;
	*out = (struct nat64_intercept){ 0 };
	return 0;
}

int nat64_pools(const struct nat64 *nat64, struct nat64_intercept *out)
{
	(void)nat64;
	without++;
	*out = (struct nat64_intercept){ 0 };
	return 0;
}

void nat64_intercept_free(struct nat64_intercept *intercept)
{
	(void)intercept;
}

void nat64_gauges(struct nat64 *nat64, struct nat64_gauges *out)
{
	(void)nat64;
	*out = (struct nat64_gauges){ .sessions = 7 };
}

int dns64_upstreams(struct dns64 *dns64, struct dns64_upstream **list, size_t *n)
{
	(void)dns64;
	(void)list;
	(void)n;
	return -ENOMEM;
}

void dns64_gauges(struct dns64 *dns64, struct dns64_gauges *out)
{
	(void)dns64;
	(void)out;
}

void snid_gauges(struct snid *snid, struct snid_gauges *out)
{
	(void)snid;
	(void)out;
}

static void ranges_only_where_wanted(void **state)
{
	struct gauges gauges;

	(void)state;
	assert_int_equal(gauges_read(&gauges, NULL, GAUGES_PORT_NUMBERS), 0);
	assert_int_equal(with_ranges, 0);
	assert_int_equal(without, 1);
	assert_int_equal(gauges.facts.nat64->sessions, 7);
	assert_int_equal(gauges.facts.counters[STAT_SNI_GUARD_SOURCE], 5);
	gauges_free(&gauges);
	assert_int_equal(gauges_read(&gauges, NULL, GAUGES_PORT_RANGES), 0);
	assert_int_equal(with_ranges, 1);
	assert_int_equal(without, 1);
	gauges_free(&gauges);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ranges_only_where_wanted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
