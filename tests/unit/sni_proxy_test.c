/* SPDX-License-Identifier: GPL-2.0-or-later */
/* snid/proxy: headers of the PROXY protocol, as proxy-protocol.txt 2.1 and 2.2 write them. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "../../snid/proxy.h"

#define N(array) (sizeof(array) / sizeof(*(array)))
#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"

static int read_all(const void *wire, size_t len, struct proxy_header *header)
{
	const char *why = NULL;
	int n = proxy_read(wire, len, header, &why);

	if (n < 0) {
		assert_int_equal(n, -EPROTO);
		assert_non_null(why);
	}
	return n;
}

/* Whatever is missing, more is asked for and nothing beyond is looked at. */
static void expect_whole(const void *wire, size_t len)
{
	struct proxy_header header;

	for (size_t n = 0; n < len; n++) {
		uint8_t *copy = malloc(n ? n : 1);

		assert_non_null(copy);
		memcpy(copy, wire, n);
		assert_int_equal(read_all(copy, n, &header), 0);
		free(copy);
	}
	assert_int_equal(read_all(wire, len, &header), (int)len);
}

static void expect_endpoint(const struct endpoint *endpoint, const char *text)
{
	char found[ENDPOINT_STRLEN];

	assert_string_equal(endpoint_format(endpoint, found), text);
}

/* 2.1 */
static void test_version_1(void **state)
{
	static const struct {
		const char *wire, *client, *server;
	} cases[] = {
		{ "PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\n", "192.0.2.1:56324",
		  "198.51.100.1:443" },
		{ "PROXY TCP6 2001:db8::1 2001:db8::2 65535 0\r\n", "[2001:db8::1]:65535",
		  "[2001:db8::2]:0" },
		{ "PROXY TCP6 ::ffff:192.0.2.1 2001:db8::2 1 2\r\n", "192.0.2.1:1",
		  "[2001:db8::2]:2" },
		{ "PROXY UNKNOWN\r\n", NULL, NULL },
		{ "PROXY UNKNOWN ffff:f...f:ffff ffff 65535 65535\r\n", NULL, NULL },
	};

	(void)state;
	for (size_t i = 0; i < N(cases); i++) {
		struct proxy_header header;
		char more[128];

		expect_whole(cases[i].wire, strlen(cases[i].wire));
		snprintf(more, sizeof(more), "%sPROXY", cases[i].wire);
		assert_int_equal(read_all(more, strlen(more), &header), strlen(cases[i].wire));
		assert_int_equal(header.has_client, cases[i].client != NULL);
		if (cases[i].client) {
			expect_endpoint(&header.client, cases[i].client);
			expect_endpoint(&header.server, cases[i].server);
		}
	}
}

static void test_broken_version_1(void **state)
{
	static const char *const wires[] = {
		"PROXY TCP4 192.0.2.1 198.51.100.1 56324\r\n",
		"PROXY TCP4 192.0.2.1 198.51.100.1 56324 443 \r\n",
		"PROXY TCP4 192.0.2.1  198.51.100.1 56324 443\r\n",
		"PROXY TCP4 192.0.2.1 198.51.100.1 65536 443\r\n",
		"PROXY TCP4 192.0.2.1 198.51.100.1 01 443\r\n",
		"PROXY TCP4 192.0.2.1 198.51.100.1 -1 443\r\n",
		"PROXY TCP4 2001:db8::1 2001:db8::2 1 2\r\n",
		"PROXY TCP6 192.0.2.1 198.51.100.1 1 2\r\n",
		"PROXY TCP5 192.0.2.1 198.51.100.1 1 2\r\n",
		"PROXY TCP4 a.example 198.51.100.1 1 2\r\n",
		"PROXY UNKNOWNS\r\n",
		"PROXY \r\n",
		"PROXY TCP4 192.0.2.1 198.51.100.1 1 2\rx",
		"PROXX ",
		"GET / HTTP/1.1\r\n",
	};
	struct proxy_header header;
	char endless[PROXY_V1_MAX + 1];

	(void)state;
	for (size_t i = 0; i < N(wires); i++)
		assert_true(read_all(wires[i], strlen(wires[i]), &header) < 0);
	/* 2.1: 107 bytes at most, CRLF included */
	memset(endless, 'x', sizeof(endless));
	memcpy(endless, "PROXY UNKNOWN ", 14);
	assert_int_equal(read_all(endless, PROXY_V1_MAX - 1, &header), 0);
	assert_true(read_all(endless, PROXY_V1_MAX, &header) < 0);
	memcpy(endless + PROXY_V1_MAX - 2, "\r\n", 2);
	assert_int_equal(read_all(endless, PROXY_V1_MAX, &header), PROXY_V1_MAX);
}

/* RFC 1122 3.2.1.3, RFC 4291 2.5.2, 2.5.3, 2.7: addresses that no host sends from. Where a
 * connection goes to may be anything. */
static void test_clients_that_cannot_be(void **state)
{
	static const char *const clients[] = {
		"TCP4 0.0.0.0 198.51.100.1", "TCP4 0.1.2.3 198.51.100.1",
		"TCP4 127.0.0.1 198.51.100.1", "TCP4 224.0.0.1 198.51.100.1",
		"TCP4 255.255.255.255 198.51.100.1", "TCP6 ::ffff:127.0.0.1 2001:db8::1",
		"TCP6 :: 2001:db8::1", "TCP6 ::1 2001:db8::1", "TCP6 ff02::1 2001:db8::1",
	};
	static const uint8_t v2[] = SIGNATURE "\x21\x11\0\x0c\x7f\0\0\1\xc6\x33\x64\1\1\2\1\xbb";
	struct proxy_header header;
	char wire[128];

	(void)state;
	for (size_t i = 0; i < N(clients); i++) {
		snprintf(wire, sizeof(wire), "PROXY %s 56324 443\r\n", clients[i]);
		assert_true(read_all(wire, strlen(wire), &header) < 0);
	}
	assert_true(read_all(v2, sizeof(v2) - 1, &header) < 0);
	snprintf(wire, sizeof(wire), "PROXY TCP4 192.0.2.1 127.0.0.1 56324 443\r\n");
	assert_int_equal(read_all(wire, strlen(wire), &header), strlen(wire));
}

/* 2.2, INET: 192.0.2.1:258 to 198.51.100.1:443 */
#define INET4 "\x21\x11\0\x0c\xc0\0\2\1\xc6\x33\x64\1\1\2\1\xbb"

static void test_version_2(void **state)
{
	static const char inet4[] = SIGNATURE INET4;
	static const char inet6[] = SIGNATURE "\x21\x21\0\x24"
		"\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1"
		"\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\2" "\1\2\1\xbb";
	static const char local[] = SIGNATURE "\x20\0\0\0";
	static const char unspec[] = SIGNATURE "\x21\0\0\3abc";
	static const char path[108] = "/run/client", other[108] = "/run/server";
	char local_socket[sizeof(SIGNATURE) - 1 + 4 + sizeof(path) + sizeof(other)];
	static const char tlvs[] = SIGNATURE "\x21\x11\0\x14\xc0\0\2\1\xc6\x33\x64\1\1\2\1\xbb"
		"\x01\0\2h2\xee\0\0";
	struct proxy_header header;

	(void)state;
	expect_whole(inet4, sizeof(inet4) - 1);
	read_all(inet4, sizeof(inet4) - 1, &header);
	assert_true(header.has_client);
	expect_endpoint(&header.client, "192.0.2.1:258");
	expect_endpoint(&header.server, "198.51.100.1:443");
	expect_whole(inet6, sizeof(inet6) - 1);
	read_all(inet6, sizeof(inet6) - 1, &header);
	expect_endpoint(&header.client, "[2001:db8::1]:258");
	expect_endpoint(&header.server, "[2001:db8::2]:443");
	expect_whole(local, sizeof(local) - 1);
	read_all(local, sizeof(local) - 1, &header);
	assert_false(header.has_client);
	expect_whole(unspec, sizeof(unspec) - 1);
	read_all(unspec, sizeof(unspec) - 1, &header);
	assert_false(header.has_client);
	expect_whole(tlvs, sizeof(tlvs) - 1);
	/* of UNIX sockets: whole, but no client that has an address */
	memcpy(local_socket, SIGNATURE "\x21\x31\0\xd8", sizeof(SIGNATURE) - 1 + 4);
	memcpy(local_socket + sizeof(SIGNATURE) - 1 + 4, path, sizeof(path));
	memcpy(local_socket + sizeof(SIGNATURE) - 1 + 4 + sizeof(path), other, sizeof(other));
	expect_whole(local_socket, sizeof(local_socket));
	read_all(local_socket, sizeof(local_socket), &header);
	assert_false(header.has_client);
}

static void test_broken_version_2(void **state)
{
	static const struct {
		const char *wire;
		size_t len;
	} cases[] = {
#define CASE(text) { SIGNATURE text, sizeof(SIGNATURE text) - 1 }
		CASE("\x11\x11\0\x0c"),		/* version 1 */
		CASE("\x22\x11\0\x0c"),		/* a command that there is not */
		CASE("\x21\x41\0\0"),		/* a family that there is not */
		CASE("\x21\x12\0\x0c\xc0\0\2\1\xc6\x33\x64\1\1\2\1\xbb"),	/* datagrams */
		CASE("\x21\x10\0\x0c\xc0\0\2\1\xc6\x33\x64\1\1\2\1\xbb"),	/* "must be */
		CASE("\x21\x01\0\0"),		/* rejected as invalid": no pair of the list */
		CASE("\x21\x13\0\x0c\xc0\0\2\1\xc6\x33\x64\1\1\2\1\xbb"),
		CASE("\x21\x11\0\x0b\xc0\0\2\1\xc6\x33\x64\1\1\2\1"),	/* no room for them */
		CASE("\x21\x11\0\x0f\xc0\0\2\1\xc6\x33\x64\1\1\2\1\xbb\1\0\1"),	/* nor this */
		CASE("\x21\x11\0\x0d\xc0\0\2\1\xc6\x33\x64\1\1\2\1\xbb\1"),
		CASE("\x21\x11\x10\1"),		/* longer than is read */
	};
	struct proxy_header header;

	(void)state;
	for (size_t i = 0; i < N(cases); i++)
		assert_true(read_all(cases[i].wire, cases[i].len, &header) < 0);
}

/* 2.2.3, RFC 3720 B.4 for the polynomial. The sum was made by another program, from the text. */
static uint32_t plain_crc32c(const uint8_t *bytes, size_t len)
{
	uint32_t crc = 0xffffffff;

	while (len--) {
		crc ^= *bytes++;
		for (int i = 0; i < 8; i++)
			crc = (crc >> 1) ^ (0x82f63b78 & -(crc & 1));
	}
	return crc ^ 0xffffffff;
}

static void test_checksum(void **state)
{
	uint8_t wire[] = SIGNATURE "\x21\x11\0\x13\xc0\0\2\1\xc6\x33\x64\1\1\2\1\xbb\3\0\4\0\0\0\0";
	size_t len = sizeof(wire) - 1;
	struct proxy_header header;
	uint32_t sum;

	(void)state;
	/* RFC 3720 B.4: 32 bytes of zeros */
	assert_int_equal(plain_crc32c((const uint8_t[32]){ 0 }, 32), 0x8a9136aa);
	sum = plain_crc32c(wire, len);
	for (int i = 0; i < 4; i++)
		wire[len - 4 + (size_t)i] = (uint8_t)(sum >> (24 - 8 * i));
	assert_int_equal(read_all(wire, len, &header), (int)len);
	for (size_t i = 16; i < len; i++) {
		/* Another type or length of the TLV is another matter. */
		if (i >= len - 7 && i < len - 4)
			continue;
		wire[i] ^= 1;
		assert_true(read_all(wire, len, &header) < 0);
		wire[i] ^= 1;
	}
}

/* What is written is what is read, with its TLVs in the text's form. */
static void test_written(void **state)
{
	static const char *const pairs[][2] = {
		{ "192.0.2.1:258", "198.51.100.1:443" },
		{ "[2001:db8::1]:258", "[2001:db8::2]:443" },
		{ "192.0.2.1:258", "[2001:db8::2]:443" },
	};

	(void)state;
	for (size_t i = 0; i < N(pairs); i++) {
		uint8_t wire[PROXY_WRITE_MAX];
		struct endpoint client, server;
		struct proxy_header header;
		size_t len;

		assert_true(endpoint_parse(pairs[i][0], 0, &client));
		assert_true(endpoint_parse(pairs[i][1], 0, &server));
		len = proxy_write(wire, &client, &server, "a.example", "h2");
		assert_int_equal(read_all(wire, len, &header), (int)len);
		expect_endpoint(&header.client, pairs[i][0]);
		expect_endpoint(&header.server, pairs[i][1]);
		assert_memory_equal(wire + len - 17, "\1\0\2h2\2\0\x09" "a.example", 17);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_version_1),
		cmocka_unit_test(test_broken_version_1),
		cmocka_unit_test(test_clients_that_cannot_be),
		cmocka_unit_test(test_version_2),
		cmocka_unit_test(test_broken_version_2),
		cmocka_unit_test(test_checksum),
		cmocka_unit_test(test_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
