/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `gate64 config --effective`: what is given, detected or left at its default, told as such;
 * and its text, which is a configuration with the same values.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <json-c/json.h>

#include "../../core/config.h"
#include "../../core/config_schema.h"
#include "../../ops/document.h"
#include "../../ops/effective.h"

static const char file[] =
	"inside: auto\n"
	"nat64:\n"
	"  # who may come in\n"
	"  filtering: address-dependent\n"
	"  static: [{proto: tcp, outside: 10250, inside: \"[2001:db8:1::7]:22\"}]\n"
	"  pool4: [{address: auto, ports: auto}, {address: 192.0.2.9, ports: [1024-2047, 5000]}]\n"
	"snid:\n"
	"  listen: [443, \"192.0.2.1:8443\", {port: 5432, protocol: postgres}]\n"
	"  default_name: null\n"
	"dns64: {zones: [{name: lan.example, upstream: [\"2001:db8::53\"]}]}\n";

/* As a status document has it */
static const char status_text[] =
	"{\"network\": {\"uplink\": \"up0\", \"ipv4\": \"198.51.100.1\","
	" \"inside\": [\"2001:db8:1::/64\"]},"
	" \"rooms\": {\"nat64\": {\"enabled\": true,"
	"  \"fast_path\": {\"enabled\": false, \"because\": \"no BPF\"},"
	"  \"pool4\": [{\"address\": \"198.51.100.1\", \"ports_size\": 9,"
	"   \"tcp\": [\"10240-20000\", \"30000\"], \"udp\": [\"10240-19999\", \"20002-30001\", \"40000\"]},"
	"  {\"address\": \"192.0.2.7\", \"ports_size\": 0, \"tcp\": [\"22\"], \"udp\": []}]}}}";

static struct json_object *document_of(const char *text, const char *status, bool running)
{
	struct config *config = config_parse("gate64.yaml", text, strlen(text), stderr);
	struct json_object *facts = json_tokener_parse(status), *document;

	assert_non_null(config);
	assert_non_null(facts);
	config->file = strdup("gate64.yaml");
	document = effective_document(config, facts, running);
	assert_non_null(document);
	json_object_put(facts);
	config_free(config);
	return document;
}

/* Each line of a setting, its value and comment */
static void expect_line(const char *text, const char *line)
{
	char whole[160];

	snprintf(whole, sizeof(whole), "\n%s\n", line);
	if (!strstr(text, whole))
		fail_msg("no line `%s' in:\n%s", line, text);
}

static char *print(struct json_object *document)
{
	size_t len;
	char *text;
	FILE *out = open_memstream(&text, &len);

	effective_print(document, out);
	fclose(out);
	return text;
}

static void each_value_says_where_it_comes_from(void **state)
{
	struct json_object *document = document_of(file, status_text, true);
	char *text = print(document);

	(void)state;
	assert_int_equal(strncmp(text, "# gate64.yaml: as the running gate64 works by it\n", 48), 0);
	expect_line(text, "inside:  # detected, gate64.yaml:1: auto\n  - \"2001:db8:1::/64\"");
	expect_line(text, "uplink: up0  # detected: auto");
	expect_line(text, "  filtering: address-dependent  # gate64.yaml:4");
	expect_line(text, "    udp: 5m  # default");
	expect_line(text, "  fast_path: auto  # default; not in use: no BPF");
	/* A port that one transport may not use is left to it to find out. */
	expect_line(text, "  pool4:  # detected, gate64.yaml:6: auto\n    - address: 198.51.100.1\n"
			  "      ports:\n        - 10240-10249\n        - 10251-20000\n        - 20002-30001\n        - 40000");
	assert_null(strstr(text, "192.0.2.7"));
	expect_line(text, "  listen:  # gate64.yaml:8\n    - 443\n    - \"192.0.2.1:8443\"\n"
			  "    - port: 5432\n      protocol: postgres");
	expect_line(text, "  default_name: null  # gate64.yaml:9");
	expect_line(text, "  zones:  # gate64.yaml:10\n    - name: lan.example\n      upstream:");
	free(text);
	json_object_put(document);
}

/* Without a gateway, ports that a start would choose are not known. */
static void what_nobody_runs_is_told_as_far_as_it_is_known(void **state)
{
	struct json_object *document = document_of(
		"{}", "{\"network\": {\"uplink\": null, \"ipv4\": null, \"inside\": []}}", false);
	char *text = print(document);

	(void)state;
	expect_line(text, "inside: auto  # default; no network is there yet");
	expect_line(text, "uplink: auto  # default; there is no IPv4 default route yet");
	free(text);
	json_object_put(document);

	document = document_of(file, "{\"network\": {\"ipv4\": \"198.51.100.1\"}}", false);
	text = print(document);
	expect_line(text, "    - address: 198.51.100.1\n      ports: auto\n    - address: 192.0.2.9");
	free(text);
	json_object_put(document);
}

/* Read again, it has the values that it says: those of the file, and of the host. */
static void its_text_is_a_configuration(void **state)
{
	struct json_object *document = document_of(file, status_text, true), *again;
	char *text = print(document), *status_of_none = (char[]){ "{}" };

	(void)state;
	again = document_of(text, status_of_none, false);
	assert_string_equal(json_object_to_json_string(document_get(again, "settings")),
			    json_object_to_json_string(document_get(document, "settings")));
	json_object_put(again);
	free(text);
	json_object_put(document);
}

/* Every row of the table is there, and none without an origin. */
static void nothing_is_left_out(void **state)
{
	struct json_object *document = document_of("{}", "{}", true);
	struct json_object *origins = document_get(document, "origins");

	(void)state;
	assert_int_equal(json_object_object_length(origins), config_n_rows);
	for (size_t i = 0; i < config_n_rows; i++)
		assert_non_null(document_get(origins, config_rows[i].path));
	json_object_put(document);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_value_says_where_it_comes_from),
		cmocka_unit_test(what_nobody_runs_is_told_as_far_as_it_is_known),
		cmocka_unit_test(its_text_is_a_configuration),
		cmocka_unit_test(nothing_is_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
