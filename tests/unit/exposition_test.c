/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ops/exposition: the Prometheus text format 0.0.4, OpenMetrics 1.0, and JSON. */
#include <setjmp.h>
#include <stdarg.h>
#include <json-c/json.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "../../ops/exposition.h"

static char *text;
static size_t text_len;

static struct exposition begin(enum exposition_format format)
{
	return (struct exposition){ .out = open_memstream(&text, &text_len), .format = format };
}

static void expect(const struct exposition *to, const char *want)
{
	assert_int_equal(fclose(to->out), 0);
	assert_string_equal(text, want);
	free(text);
}

/* Counters keep their _total as samples; as a family OpenMetrics has them without it, and a unit
 * where the name ends in one. */
static void test_counters(void **state)
{
	struct exposition to;

	(void)state;
	for (int format = 0; format < 2; format++) {
		to = begin((enum exposition_format)format);
		exposition_family(&to, "a_bytes_total", METRIC_COUNTER, "Help.");
		exposition_sample(&to, "a_bytes_total", "", 0);
		exposition_sample(&to, "a_bytes_total", "x=\"y\",z=\"1\"", UINT64_MAX);
		exposition_end(&to);
		expect(&to, format == EXPOSITION_PROMETHEUS ?
		       "# HELP a_bytes_total Help.\n# TYPE a_bytes_total counter\n"
		       "a_bytes_total 0\na_bytes_total{x=\"y\",z=\"1\"} 18446744073709551615\n" :
		       "# HELP a_bytes Help.\n# TYPE a_bytes counter\n# UNIT a_bytes bytes\n"
		       "a_bytes_total 0\na_bytes_total{x=\"y\",z=\"1\"} 18446744073709551615\n"
		       "# EOF\n");
	}
}

static void test_gauges_and_infos(void **state)
{
	struct exposition to = begin(EXPOSITION_OPENMETRICS);

	(void)state;
	exposition_family(&to, "up", METRIC_GAUGE, "");
	exposition_sample(&to, "up", "", 1);
	exposition_family(&to, "a_build_info", METRIC_INFO, "Which");
	exposition_sample(&to, "a_build_info", "version=\"1\"", 1);
	expect(&to, "# HELP up \n# TYPE up gauge\nup 1\n"
		    "# HELP a_build Which\n# TYPE a_build info\na_build_info{version=\"1\"} 1\n");
	to = begin(EXPOSITION_PROMETHEUS);
	exposition_family(&to, "a_build_info", METRIC_INFO, "Which");
	exposition_end(&to);
	expect(&to, "# HELP a_build_info Which\n# TYPE a_build_info gauge\n");
}

/* Times are exact to the microsecond, and seconds; bounds of buckets are floating point numbers
 * to OpenMetrics. */
static void test_seconds(void **state)
{
	static const char *const labels[] = { "le=\"1\"", "p=\"a\",le=\"2.5\"", "p=\"a\",le=\"60\"",
					      "le=\"+Inf\"" };
	struct exposition to = begin(EXPOSITION_OPENMETRICS);

	(void)state;
	exposition_family(&to, "t_seconds", METRIC_HISTOGRAM, "T");
	for (size_t i = 0; i < sizeof(labels) / sizeof(labels[0]); i++)
		exposition_sample(&to, "t_seconds_bucket", labels[i], i);
	exposition_seconds(&to, "t_seconds_sum", "", 12000034);
	exposition_seconds(&to, "t_seconds_sum", "p=\"1\"", 999999);
	expect(&to, "# HELP t_seconds T\n# TYPE t_seconds histogram\n# UNIT t_seconds seconds\n"
		    "t_seconds_bucket{le=\"1.0\"} 0\nt_seconds_bucket{p=\"a\",le=\"2.5\"} 1\n"
		    "t_seconds_bucket{p=\"a\",le=\"60.0\"} 2\nt_seconds_bucket{le=\"+Inf\"} 3\n"
		    "t_seconds_sum 12.000034\nt_seconds_sum{p=\"1\"} 0.999999\n");
	to = begin(EXPOSITION_PROMETHEUS);
	exposition_sample(&to, "t_seconds_bucket", labels[0], 0);
	expect(&to, "t_seconds_bucket{le=\"1\"} 0\n");
}

/* Help: backslash and newline, in OpenMetrics quotes as well; values of labels: all three */
static void test_escapes(void **state)
{
	struct exposition to = begin(EXPOSITION_PROMETHEUS);
	char label[64], small[12];

	(void)state;
	exposition_family(&to, "a", METRIC_GAUGE, "b\\c\nd\"e");
	expect(&to, "# HELP a b\\\\c\\nd\"e\n# TYPE a gauge\n");
	to = begin(EXPOSITION_OPENMETRICS);
	exposition_family(&to, "a", METRIC_GAUGE, "b\\c\nd\"e");
	expect(&to, "# HELP a b\\\\c\\nd\\\"e\n# TYPE a gauge\n");
	assert_string_equal(exposition_label(label, sizeof(label), "k", "a\\b\"c\nd"),
			    "k=\"a\\\\b\\\"c\\nd\"");
	assert_string_equal(exposition_label(label, sizeof(label), "k", ""), "k=\"\"");
	/* Cut, but never within an escape, nor without its end */
	for (size_t size = 6; size <= sizeof(small); size++) {
		size_t len;

		exposition_label(small, size, "k", "\"\"\"\"\"\"\"\"");
		len = strlen(small);
		assert_true(len < size && len % 2 == 0);
		assert_memory_equal(small, "k=\"", 3);
		assert_int_equal(small[len - 1], '"');
	}
}

/* The same as a document: values of labels are what they were before they were escaped. */
static void test_json(void **state)
{
	struct exposition to = { .format = EXPOSITION_JSON, .families = json_object_new_array() };
	char labels[64];

	(void)state;
	exposition_family(&to, "a_total", METRIC_COUNTER, "b\"c");
	exposition_sample(&to, "a_total", exposition_label(labels, sizeof(labels), "x", "y\\n\"\n,z=\""),
			  UINT64_MAX);
	exposition_family(&to, "t_seconds", METRIC_HISTOGRAM, "");
	exposition_sample(&to, "t_seconds_bucket", "p=\"1\",le=\"+Inf\"", 3);
	exposition_seconds(&to, "t_seconds_sum", "", 12000034);
	exposition_end(&to);
	assert_string_equal(json_object_to_json_string_ext(to.families, JSON_C_TO_STRING_PLAIN),
		"[{\"name\":\"a_total\",\"type\":\"counter\",\"help\":\"b\\\"c\",\"samples\":["
		"{\"name\":\"a_total\",\"labels\":{\"x\":\"y\\\\n\\\"\\n,z=\\\"\"},"
		"\"value\":18446744073709551615}]},"
		"{\"name\":\"t_seconds\",\"type\":\"histogram\",\"help\":\"\",\"samples\":["
		"{\"name\":\"t_seconds_bucket\",\"labels\":{\"p\":\"1\",\"le\":\"+Inf\"},\"value\":3},"
		"{\"name\":\"t_seconds_sum\",\"labels\":{},\"value\":12.000034}]}]");
	json_object_put(to.families);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_counters),
		cmocka_unit_test(test_gauges_and_infos),
		cmocka_unit_test(test_seconds),
		cmocka_unit_test(test_escapes),
		cmocka_unit_test(test_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
