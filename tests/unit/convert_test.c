/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Configurations of other programs: pairs of what goes in (tests/unit/convert/NAME.*) and what
 * must come out (NAME.yaml) with what must be said (NAME.said); and what is no such
 * configuration. convert_text() itself has the result read as `gate64 check' does.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../core/addr.h"
#include "../../ops/convert.h"

/* Where `make` runs: the root of the project */
#define FOLDER "tests/unit/convert/"

enum { TEXT_MAX = 8192 };

static size_t read_golden(const char *name, const char *ending, char *text)
{
	char path[128];
	FILE *file;
	size_t len;

	snprintf(path, sizeof(path), FOLDER "%s.%s", name, ending);
	file = fopen(path, "re");
	assert_non_null(file);
	len = fread(text, 1, TEXT_MAX - 1, file);
	fclose(file);
	text[len] = '\0';
	return len;
}

/* Convert; *@yaml and *@said: caller frees. */
static int convert_this(converter *convert, const char *name, const char *text, size_t len,
			char **yaml, char **said)
{
	size_t yaml_len, said_len;
	FILE *out = open_memstream(yaml, &yaml_len), *errors = open_memstream(said, &said_len);
	int err = convert_text(convert, name, text, len, out, errors);

	fclose(out);
	fclose(errors);
	return err;
}

static void what_goes_in_comes_out_as_expected(void **state)
{
	static const struct {
		const char *name, *ending;
		converter *convert;
	} pairs[] = {
		{ "snid-nat46", "args", convert_snid },
		{ "snid-tcp", "args", convert_snid },
		{ "snid-unix", "args", convert_snid },
		{ "jool-plain", "json", convert_jool },
		{ "jool-all", "json", convert_jool },
		{ "jool-empty", "json", convert_jool },
		{ "tayga-private", "conf", convert_tayga },
		{ "tayga-public", "conf", convert_tayga },
		{ "tayga-maps", "conf", convert_tayga },
	};
	char in[TEXT_MAX], want[TEXT_MAX], name[64];

	(void)state;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		size_t len = read_golden(pairs[i].name, pairs[i].ending, in);
		char *yaml, *said;
		int err;

		snprintf(name, sizeof(name), "%s.%s", pairs[i].name, pairs[i].ending);
		err = convert_this(pairs[i].convert, name, in, len, &yaml, &said);
		if (err)
			fail_msg("%s: %s", name, said);
		read_golden(pairs[i].name, "yaml", want);
		assert_string_equal(yaml, want);
		read_golden(pairs[i].name, "said", want);
		assert_string_equal(said, want);
		free(yaml);
		free(said);
	}
}

/* Nothing comes out, and the place is named. */
static void what_is_wrong_is_said_with_its_place(void **state)
{
	static const struct {
		converter *convert;
		const char *text, *says;
	} rows[] = {
		{ convert_snid, "", "x: error: there is no -mode" },
		{ convert_snid, "-mode nat64", "x:1:7: error: not a mode (nat46, tcp or unix): `nat64'" },
		{ convert_snid, "-mode tcp -listen tcp:443", "x:1:7: error: mode tcp needs -backend-cidr" },
		{ convert_snid, "-mode unix -listen tcp:1", "mode unix needs -unix-directory" },
		{ convert_snid, "-mode nat46 -listen tcp:1 -backend-cidr ::/0",
		  "mode nat46 needs -nat46-prefix" },
		{ convert_snid, "-mode tcp -backend-cidr ::/0", "mode tcp needs -listen" },
		{ convert_snid, "-listen", "x:1:8: error: option needs a value: `-listen'" },
		{ convert_snid, "-mode tcp -listen 'tcp:443", "x:1:19: error: this quote has no end" },
		{ convert_snid, "-mode tcp \"-listen tcp:443", "x:1:11: error: this quote has no end" },
		{ convert_snid, "-listen udp:443", "x:1:9: error: gate64 listens on TCP alone" },
		{ convert_snid, "-listen tcp:0", "not a listener: `0'" },
		{ convert_snid, "-listen tcp:443-444", "not a listener: `443-444'" },
		{ convert_snid, "-allow ::/0", "x:1:1: error: not an option of snid: `-allow'" },
		{ convert_snid, "-mode tcp serve", "x:1:11: error: not an option: `serve'" },
		{ convert_snid, "-backend-cidr 192.0.2.1", "not a CIDR: `192.0.2.1'" },
		{ convert_snid, "-backend-cidr 192.0.2.1/33", "not a CIDR: `192.0.2.1/33'" },
		{ convert_snid, "-backend-port 65536", "not a port: `65536'" },
		{ convert_snid, "-nat46-prefix 192.0.2.1", "not an IPv6 address: `192.0.2.1'" },
		{ convert_snid, "-default-hostname a..b", "not a host name: `a..b'" },
		{ convert_snid, "-proxy-proto=maybe", "neither true nor false: `maybe'" },
		/* Found in what has come out: RFC 6052 2.2 */
		{ convert_snid, "-mode nat46 -listen tcp:1 -backend-cidr 2001:db8::/64 "
				"-nat46-prefix 64:ff9b:1:0:ff00::",
		  "what x becomes:5:10: error: `64:ff9b:1:0:ff00::/96' has bits 64 to 71 set" },

		{ convert_jool, "{", "x:1:" },
		{ convert_jool, "[]", "x:1:1: error: expected an object" },
		{ convert_jool, "{\"instance\": \"a\"}", "x: error: there is no pool6" },
		{ convert_jool, "{\n\t\"Global\": {}\n}", "x:2:2: error: unknown key `Global'" },
		{ convert_jool, "{\"global\": {\"pool66\": 1}}", "x:1:13: error: unknown key `pool66'" },
		{ convert_jool, "{\"global\": {\"pool6\": \"64:ff9b::1/96\"}}",
		  "x:1:22: error: `64:ff9b::1/96': bits are set beyond" },
		{ convert_jool, "{\"global\": {\"udp-timeout\": \"5m\"}}",
		  "x:1:28: error: expected a time" },
		{ convert_jool, "{\"global\": {\"lowest-ipv6-mtu\": 1279}}",
		  "x:1:32: error: expected a number from 1280 to 65535, found `1279'" },
		{ convert_jool, "{\"global\": {}, \"global\": {}}", "`global' stands twice" },
		{ convert_jool, "{\"eamt\": []}", "`eamt' is a key of jool_siit" },
		{ convert_jool, "{\"framework\": \"netlink\"}", "expected netfilter or iptables" },
		{ convert_jool, "{\"pool4\": [{\"protocol\": \"TCP\"}]}",
		  "x:1:12: error: there is no \"prefix\" in it" },
		{ convert_jool, "{\"pool4\": [{\"protocol\": \"SCTP\", \"prefix\": \"192.0.2.1\"}]}",
		  "expected TCP, UDP or ICMP, found `SCTP'" },
		{ convert_jool, "{\"pool4\": [{\"protocol\": \"TCP\", \"prefix\": \"192.0.2.0/25\"}]}",
		  "more than 64 addresses in pool4" },
		{ convert_jool, "{\"pool4\": [{\"protocol\": \"TCP\", \"prefix\": \"192.0.2.1\", "
				"\"port range\": \"9-1\"}]}", "found `9-1'" },
		{ convert_jool, "{\"global\": {\"pool6\": \"64:ff9b::/96\"}, \"pool4\": ["
				"{\"protocol\": \"TCP\", \"prefix\": \"192.0.2.1\", \"port range\": \"1-9\"}, "
				"{\"protocol\": \"UDP\", \"prefix\": \"192.0.2.1\"}]}",
		  "pool4 of 192.0.2.1: TCP and UDP have no port in common" },
		/* An empty pool4 would be the host's own addresses. */
		{ convert_jool, "{\"global\": {\"pool6\": \"64:ff9b::/96\"}, \"pool4\": ["
				"{\"mark\": 1, \"protocol\": \"TCP\", \"prefix\": \"192.0.2.1\"}, "
				"{\"mark\": 2, \"protocol\": \"UDP\", \"prefix\": \"192.0.2.1\"}]}",
		  "x:1:48: error: no entry of pool4 is left" },
		{ convert_jool, "{\"bib\": [{\"protocol\": \"TCP\", \"ipv6 address\": \"2001:db8::1\", "
				"\"ipv4 address\": \"192.0.2.1#1\"}]}",
		  "x:1:46: error: expected an IPv6 address, # and a port, found `2001:db8::1'" },

		{ convert_tayga, "tun-device nat64\n", "x: error: neither prefix nor map" },
		{ convert_tayga, "dynamic-pool 10.0.0.0/8\nmap 10.0.0.1 2001:db8::1\n",
		  "x: error: neither prefix nor map stands there that could be carried over" },
		{ convert_tayga, "\n  prefx 64:ff9b::/96\n", "x:2:3: error: unknown directive `prefx'" },
		{ convert_tayga, "prefix 64:ff9b::/97\n",
		  "x:1:8: error: expected a prefix of length 32, 40, 48, 56, 64 or 96" },
		{ convert_tayga, "prefix\n", "x:1:1: error: prefix takes 1 word" },
		{ convert_tayga, "prefix ::/96\nprefix ::/96\n", "x:2:1: error: prefix stands twice" },
		{ convert_tayga, "map 192.0.2.0/28 2001:db8::/64\n",
		  "x:1:18: error: expected an IPv6 prefix of the same size" },
		{ convert_tayga, "map 2001:db8::1 192.0.2.1\n",
		  "x:1:5: error: expected an IPv4 address or prefix" },
		{ convert_tayga, "dynamic-pool 192.0.2.1/32\n", "expected a prefix of length 31 or less" },
		{ convert_tayga, "wkpf-strict maybe\n", "x:1:13: error: expected yes or no" },
		{ convert_tayga, "offlink-mtu 1000\n", "expected a number of bytes from 1280" },
		/* Found in what has come out: RFC 6052 2.2 */
		{ convert_tayga, "prefix 2001:db8:0:0:ff00::/96\n", "what x becomes:" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *yaml, *said;
		int err = convert_this(rows[i].convert, "x", rows[i].text, strlen(rows[i].text),
				       &yaml, &said);

		assert_int_equal(err, -EINVAL);
		assert_string_equal(yaml, "");
		if (!strstr(said, rows[i].says))
			fail_msg("'%s' gave: %s", rows[i].text, said);
		free(yaml);
		free(said);
	}
}

/* "[[HH:]MM:]SS[.mmm]" */
static void times_of_jool(void **state)
{
	static const struct {
		const char *text;
		uint64_t ms;
	} rows[] = {
		{ "5", 5000 }, { "5:00", 300000 }, { "2:00:00", 7200000 }, { "100:00:00", 360000000 },
		{ "4:00.5", 240500 }, { "0.050", 50 }, { "90.25", 90250 },
		{ "", 0 }, { ":1", 0 }, { "1:", 0 }, { "1:2:3:4", 0 }, { "1.", 0 }, { "1.2345", 0 },
		{ "1.5:00", 0 }, { "-1", 0 }, { "5m", 0 }, { "999999999", 0 }, { " 5", 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (convert_time(rows[i].text) != rows[i].ms)
			fail_msg("'%s' is not %llu", rows[i].text,
				 (unsigned long long)rows[i].ms);
}

/* As Go's net.ParseCIDR() has it */
static void cidrs_of_go(void **state)
{
	struct prefix got, want;

	(void)state;
	assert_true(convert_cidr("192.0.2.77/24", &got));
	assert_null(prefix_parse("192.0.2.0/24", &want));
	assert_true(prefix_equal(&got, &want));
	assert_true(convert_cidr("2001:db8::ffff/65", &got));
	assert_null(prefix_parse("2001:db8::/65", &want));
	assert_true(prefix_equal(&got, &want));
	assert_false(convert_cidr("192.0.2.77", &got));
	assert_false(convert_cidr("192.0.2.77/33", &got));
	assert_false(convert_cidr("::/129", &got));
	assert_false(convert_cidr("::/", &got));
	assert_false(convert_cidr("/24", &got));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_goes_in_comes_out_as_expected),
		cmocka_unit_test(what_is_wrong_is_said_with_its_place),
		cmocka_unit_test(times_of_jool),
		cmocka_unit_test(cidrs_of_go),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
