/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Records, types and extended errors as text; and rdata that ldns must not get. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../dns64/codes.h"
#include "../../dns64/present.h"

static uint8_t wire[MESSAGE_MAX];
static size_t len;
static char shown[8][2 * PRESENT_RDATA_MAX + 512];
static enum message_section sections[8];
static size_t n_shown;

static void put(const void *bytes, size_t n)
{
	memcpy(wire + len, bytes, n);
	len += n;
}

static void put_u16(unsigned int value)
{
	uint8_t bytes[2] = { (uint8_t)(value >> 8), (uint8_t)value };

	put(bytes, sizeof(bytes));
}

/* A response to "a. IN A" with so many records to follow in each section */
static void begin(unsigned int answers, unsigned int authority, unsigned int additional)
{
	len = 0;
	put_u16(0);
	put_u16(MESSAGE_QR);
	put_u16(1);
	put_u16(answers);
	put_u16(authority);
	put_u16(additional);
	put("\1a\0\0\1\0\1", 7);
}

/* A record of a., TTL 300 */
static void put_rr(unsigned int type, const void *rdata, size_t rdata_len)
{
	put_u16(0xc00c);
	put_u16(type);
	put_u16(1);
	put_u16(0);
	put_u16(300);
	put_u16((unsigned int)rdata_len);
	put(rdata, rdata_len);
}

static void take(void *arg, enum message_section section, const char *text)
{
	assert_ptr_equal(arg, &n_shown);
	assert_true(n_shown < 8);
	sections[n_shown] = section;
	snprintf(shown[n_shown++], sizeof(shown[0]), "%s", text);
}

static void show(void)
{
	n_shown = 0;
	assert_true(present_message(wire, len, take, &n_shown));
}

/* RFC 1035 5.1, RFC 9460 2.1; sections in order, OPT left out */
static void records_read_as_in_a_zone_file(void **state)
{
	(void)state;
	begin(4, 1, 1);
	put_rr(LDNS_RR_TYPE_A, "\300\0\2\120", 4);
	put_rr(LDNS_RR_TYPE_TXT, "\7say \"x\"", 8);
	put_rr(LDNS_RR_TYPE_MX, "\0\12\1b\0", 5);
	put_rr(LDNS_RR_TYPE_HTTPS, "\0\1\0\0\3\0\2\1\273", 9);
	put_rr(LDNS_RR_TYPE_NS, "\1n\300\014", 4);
	put_rr(LDNS_RR_TYPE_OPT, "", 0);
	show();
	assert_int_equal(n_shown, 5);
	assert_string_equal(shown[0], "a.\t300\tIN\tA\t192.0.2.80");
	assert_string_equal(shown[1], "a.\t300\tIN\tTXT\t\"say \\\"x\\\"\"");
	assert_string_equal(shown[2], "a.\t300\tIN\tMX\t10 b.");
	assert_string_equal(shown[3], "a.\t300\tIN\tHTTPS\t1 . port=443");
	assert_string_equal(shown[4], "a.\t300\tIN\tNS\tn.a.");
	assert_int_equal(sections[3], SECTION_ANSWER);
	assert_int_equal(sections[4], SECTION_AUTHORITY);
}

/* RFC 3597 5: types that nobody knows, and rdata that is not what its type says */
static void what_is_not_known_is_hexadecimal(void **state)
{
	static const uint8_t big[PRESENT_RDATA_MAX + 1];

	(void)state;
	begin(6, 0, 0);
	put_rr(65280, "\1\2\253", 3);
	put_rr(LDNS_RR_TYPE_A, "\300\0\2", 3);
	put_rr(LDNS_RR_TYPE_TSIG, "\0", 1);
	put_rr(LDNS_RR_TYPE_TSIG, "\0", 1);
	put_rr(LDNS_RR_TYPE_AAAA, "", 0);
	put_rr(LDNS_RR_TYPE_TXT, big, sizeof(big));
	show();
	assert_int_equal(n_shown, 6);
	assert_string_equal(shown[0], "a.\t300\tIN\tTYPE65280\t\\# 3 0102ab");
	assert_string_equal(shown[1], "a.\t300\tIN\tA\t\\# 3 c00002");
	assert_string_equal(shown[2], "a.\t300\tIN\tTSIG\t\\# 1 00");
	assert_string_equal(shown[4], "a.\t300\tIN\tAAAA\t\\# 0");
	assert_string_equal(shown[5], "a.\t300\tIN\tTXT\t\\# 4097");
}

/* A chain of pointers, each to the one before it, over 4,000 bytes; and names cut short: of no
 * use to ldns, which would follow each pointer (RFC 9267 2). */
static void malformed_names_do_not_get_to_ldns(void **state)
{
	uint8_t chain[4000] = { 0 }, target[4] = { 0 };
	unsigned int rdata_at, end;

	(void)state;
	begin(4, 0, 0);
	rdata_at = (unsigned int)len + 12;
	for (unsigned int i = 2; i < sizeof(chain); i += 2) {
		chain[i] = (uint8_t)(0xc0 | (rdata_at + i - 2) >> 8);
		chain[i + 1] = (uint8_t)(rdata_at + i - 2);
	}
	put_rr(65280, chain, sizeof(chain));
	end = rdata_at + sizeof(chain) - 2;
	target[2] = (uint8_t)(0xc0 | end >> 8);
	target[3] = (uint8_t)end;
	put_rr(LDNS_RR_TYPE_SVCB, target, sizeof(target));
	put_rr(LDNS_RR_TYPE_RRSIG, "\0\1\10\1\0\0\0\36\0\0\0\0\0\0\0\0\0\1\77x", 20);
	put_rr(LDNS_RR_TYPE_NSEC, "\377\377", 2);
	show();
	assert_non_null(strstr(shown[1], "SVCB\t\\# 4 0000"));
	assert_non_null(strstr(shown[2], "RRSIG\t\\# 20 "));
	assert_non_null(strstr(shown[3], "NSEC\t\\# 2 ffff"));
}

static void types_have_names_both_ways(void **state)
{
	static const struct {
		uint16_t type;
		const char *name;
	} rows[] = {
		{ LDNS_RR_TYPE_A, "A" }, { LDNS_RR_TYPE_AAAA, "AAAA" },
		{ LDNS_RR_TYPE_HTTPS, "HTTPS" }, { LDNS_RR_TYPE_ANY, "ANY" },
		{ LDNS_RR_TYPE_AXFR, "AXFR" }, { 65280, "TYPE65280" },
	};
	static const char *const none[] = { "", "NOTYPE", "TYPE", "TYPE0", "TYPE65536", "TYPE1x" };
	char text[PRESENT_WORD_MAX];
	uint16_t type;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_string_equal(present_type(rows[i].type, text), rows[i].name);
		assert_true(present_type_read(rows[i].name, &type));
		assert_int_equal(type, rows[i].type);
	}
	assert_true(present_type_read("mx", &type));
	assert_int_equal(type, LDNS_RR_TYPE_MX);
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		assert_false(present_type_read(none[i], &type));
	assert_string_equal(present_rcode(LDNS_RCODE_NXDOMAIN, text), "NXDOMAIN");
	assert_string_equal(present_rcode(11, text), "RCODE11");
}

/* RFC 8914 2: the code, then text that need not end in NUL nor be printable */
static void extended_errors_are_found(void **state)
{
	struct present_ede edes[2];

	(void)state;
	begin(1, 0, 1);
	put_rr(LDNS_RR_TYPE_A, "\300\0\2\120", 4);
	put("\0", 1);
	put_u16(LDNS_RR_TYPE_OPT);
	put_u16(1232);
	put_u16(0);
	put_u16(0);
	put_u16(4 + 1 + 4 + 2 + 4 + 6);
	put("\0\14\0\1x", 5);		/* padding: another option */
	put("\0\17\0\2\0\35", 6);
	put("\0\17\0\6\377\0why\12", 10);
	assert_int_equal(present_ede(wire, len, edes, 2), 2);
	assert_int_equal(edes[0].code, 29);
	assert_string_equal(edes[0].purpose, "Synthesized");
	assert_string_equal(edes[0].text, "");
	assert_int_equal(edes[1].code, 0xff00);
	assert_string_equal(edes[1].purpose, "");
	assert_string_equal(edes[1].text, "why?");
	assert_int_equal(present_ede(wire, len, edes, 1), 1);
	for (size_t cut = 0; cut < len; cut++)
		assert_true(present_ede(wire, cut, edes, 2) <= 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records_read_as_in_a_zone_file),
		cmocka_unit_test(what_is_not_known_is_hexadecimal),
		cmocka_unit_test(malformed_names_do_not_get_to_ldns),
		cmocka_unit_test(types_have_names_both_ways),
		cmocka_unit_test(extended_errors_are_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
