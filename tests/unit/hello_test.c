/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * snid/hello: ClientHellos by hand. The messages are built here field by field as RFC 8446
 * 4.1.2 and RFC 6066 3 write them, so that each test can spoil just one of them; one whole
 * hello is the trace of RFC 8448 3.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "../../snid/hello.h"

enum { BYTES_MAX = 3 * HELLO_WIRE_MAX };

struct bytes {
	uint8_t *v;
	size_t n;
};

static uint8_t memory[4][BYTES_MAX];
static uint8_t gather[HELLO_MAX];

static void put(struct bytes *to, const void *bytes, size_t n)
{
	assert_true(to->n + n <= BYTES_MAX);
	memcpy(to->v + to->n, bytes, n);
	to->n += n;
}

static void put_number(struct bytes *to, size_t value, int width)
{
	for (int shift = 8 * (width - 1); shift >= 0; shift -= 8)
		put(to, &(uint8_t){ (uint8_t)(value >> shift) }, 1);
}

static void put_zeros(struct bytes *to, size_t n)
{
	while (n--)
		put_number(to, 0, 1);
}

/* RFC 6066 3: extension 0 with one host_name */
static void put_server_name(struct bytes *to, const char *name)
{
	size_t len = strlen(name);

	put_number(to, 0, 2);		/* extension_type server_name */
	put_number(to, len + 5, 2);
	put_number(to, len + 3, 2);	/* ServerNameList */
	put_number(to, 0, 1);		/* name_type host_name */
	put_number(to, len, 2);
	put(to, name, len);
}

static void put_extension(struct bytes *to, unsigned int type, size_t len)
{
	put_number(to, type, 2);
	put_number(to, len, 2);
	put_zeros(to, len);
}

/* What a test may spoil; all zero gives a correct hello. */
struct spoil {
	int handshake_type;	/* added to each of these: */
	int handshake_len;
	int session_id_len;
	int ciphers_len;
	int extensions_len;
	int major;
	bool no_extensions;	/* not even their length */
	bool no_compression;
	bool odd_ciphers;
};

static size_t off(size_t value, int by)
{
	return (size_t)((long)value + by);
}

/* RFC 8446 4 and 4.1.2 */
static struct bytes client_hello(const struct bytes *extensions, struct spoil spoil)
{
	struct bytes body = { memory[0], 0 }, message = { memory[1], 0 };

	put_number(&body, 3 + (size_t)spoil.major, 1);
	put_number(&body, 3, 1);
	put_zeros(&body, 32);				/* random */
	put_number(&body, off(8, spoil.session_id_len), 1);
	put_zeros(&body, 8);
	put_number(&body, off(spoil.odd_ciphers ? 3 : 4, spoil.ciphers_len), 2);
	put_zeros(&body, spoil.odd_ciphers ? 3 : 4);
	put_number(&body, spoil.no_compression ? 0 : 1, 1);
	put_zeros(&body, spoil.no_compression ? 0 : 1);
	if (!spoil.no_extensions) {
		put_number(&body, off(extensions->n, spoil.extensions_len), 2);
		put(&body, extensions->v, extensions->n);
	}
	put_number(&message, off(1, spoil.handshake_type), 1);
	put_number(&message, off(body.n, spoil.handshake_len), 3);
	put(&message, body.v, body.n);
	return message;
}

/* RFC 8446 5.1: TLSPlaintext records with @size bytes each */
static struct bytes records(struct bytes message, size_t size)
{
	struct bytes wire = { memory[2], 0 };

	for (size_t at = 0; at < message.n; at += size) {
		size_t part = message.n - at < size ? message.n - at : size;

		put_number(&wire, 22, 1);
		put_number(&wire, 0x0301, 2);
		put_number(&wire, part, 2);
		put(&wire, message.v + at, part);
	}
	return wire;
}

static struct bytes no_bytes(void)
{
	return (struct bytes){ memory[3], 0 };
}

static struct bytes named(const char *name)
{
	struct bytes extensions = no_bytes();

	put_extension(&extensions, 0x2a2a, 0);	/* GREASE, RFC 8701 */
	put_server_name(&extensions, name);
	put_extension(&extensions, 0xfe0d, 64);	/* encrypted_client_hello, GREASE or not */
	put_extension(&extensions, 43, 3);
	return extensions;
}

static struct bytes good_wire(const char *name, size_t record_size)
{
	struct bytes extensions = named(name);

	return records(client_hello(&extensions, (struct spoil){ 0 }), record_size);
}

static enum hello_result scan_once(struct bytes wire, struct hello *hello)
{
	struct hello_scan scan = { 0 };

	return hello_scan(&scan, wire.v, wire.n, gather, hello);
}

static enum hello_result result_of(struct bytes wire)
{
	struct hello hello;

	return scan_once(wire, &hello);
}

static enum hello_result result_of_spoilt(struct spoil spoil)
{
	struct bytes extensions = named("example.org");

	return result_of(records(client_hello(&extensions, spoil), 1 << 14));
}

static void assert_name(struct bytes wire, const char *want)
{
	struct hello hello;

	assert_int_equal(scan_once(wire, &hello), HELLO_NAME);
	assert_int_equal(hello.name.len, strlen(want));
	assert_memory_equal(hello.name.at, want, hello.name.len);
}

/* RFC 8448 3, "send a ClientHello handshake message" and its record */
static void test_rfc8448(void **state)
{
	static const uint8_t wire[] = {
		0x16, 0x03, 0x01, 0x00, 0xc4, 0x01, 0x00, 0x00, 0xc0, 0x03, 0x03, 0xcb,
		0x34, 0xec, 0xb1, 0xe7, 0x81, 0x63, 0xba, 0x1c, 0x38, 0xc6, 0xda, 0xcb,
		0x19, 0x6a, 0x6d, 0xff, 0xa2, 0x1a, 0x8d, 0x99, 0x12, 0xec, 0x18, 0xa2,
		0xef, 0x62, 0x83, 0x02, 0x4d, 0xec, 0xe7, 0x00, 0x00, 0x06, 0x13, 0x01,
		0x13, 0x03, 0x13, 0x02, 0x01, 0x00, 0x00, 0x91, 0x00, 0x00, 0x00, 0x0b,
		0x00, 0x09, 0x00, 0x00, 0x06, 0x73, 0x65, 0x72, 0x76, 0x65, 0x72, 0xff,
		0x01, 0x00, 0x01, 0x00, 0x00, 0x0a, 0x00, 0x14, 0x00, 0x12, 0x00, 0x1d,
		0x00, 0x17, 0x00, 0x18, 0x00, 0x19, 0x01, 0x00, 0x01, 0x01, 0x01, 0x02,
		0x01, 0x03, 0x01, 0x04, 0x00, 0x23, 0x00, 0x00, 0x00, 0x33, 0x00, 0x26,
		0x00, 0x24, 0x00, 0x1d, 0x00, 0x20, 0x99, 0x38, 0x1d, 0xe5, 0x60, 0xe4,
		0xbd, 0x43, 0xd2, 0x3d, 0x8e, 0x43, 0x5a, 0x7d, 0xba, 0xfe, 0xb3, 0xc0,
		0x6e, 0x51, 0xc1, 0x3c, 0xae, 0x4d, 0x54, 0x13, 0x69, 0x1e, 0x52, 0x9a,
		0xaf, 0x2c, 0x00, 0x2b, 0x00, 0x03, 0x02, 0x03, 0x04, 0x00, 0x0d, 0x00,
		0x20, 0x00, 0x1e, 0x04, 0x03, 0x05, 0x03, 0x06, 0x03, 0x02, 0x03, 0x08,
		0x04, 0x08, 0x05, 0x08, 0x06, 0x04, 0x01, 0x05, 0x01, 0x06, 0x01, 0x02,
		0x01, 0x04, 0x02, 0x05, 0x02, 0x06, 0x02, 0x02, 0x02, 0x00, 0x2d, 0x00,
		0x02, 0x01, 0x01, 0x00, 0x1c, 0x00, 0x02, 0x40, 0x01,
	};
	struct bytes all = { memory[0], 0 };

	(void)state;
	put(&all, wire, sizeof(wire));
	assert_name(all, "server");
	/* Early data behind it (RFC 8446 4.2.10) is none of the hello's business. */
	put(&all, "\x17\x03\x03\x00\x01x", 6);
	assert_name(all, "server");
}

/* Each prefix of a hello needs more; the whole is the name, in one record or several. */
static void test_every_split(void **state)
{
	static const size_t sizes[] = { 1, 2, 3, 5, 50, 1 << 14 };

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct bytes wire = good_wire("a.example.org", sizes[i]);
		struct hello_scan fed = { 0 };
		struct hello hello;

		for (size_t n = 0; n < wire.n; n++) {
			struct bytes part = { wire.v, n };

			assert_int_equal(result_of(part), HELLO_NEED_MORE);
			assert_int_equal(hello_scan(&fed, wire.v, n, gather, &hello),
					 HELLO_NEED_MORE);
		}
		assert_int_equal(hello_scan(&fed, wire.v, wire.n, gather, &hello), HELLO_NAME);
		assert_int_equal(hello.name.len, 13);
		assert_memory_equal(hello.name.at, "a.example.org", 13);
		assert_name(wire, "a.example.org");
	}
}

/* RFC 8446 4.1.2: the extensions may be there without server_name; before TLS 1.3 they
 * may be absent altogether (RFC 5246 7.4.1.2). */
static void test_no_name(void **state)
{
	struct bytes extensions = no_bytes();

	(void)state;
	assert_int_equal(result_of(records(client_hello(&extensions, (struct spoil){ 0 }), 100)),
			 HELLO_NO_NAME);
	put_extension(&extensions, 43, 3);
	assert_int_equal(result_of(records(client_hello(&extensions, (struct spoil){ 0 }), 100)),
			 HELLO_NO_NAME);
	assert_int_equal(result_of_spoilt((struct spoil){ .no_extensions = true }),
			 HELLO_NO_NAME);
}

/* A broken hello is never one without a name. */
static void test_malformed_body(void **state)
{
	(void)state;
	assert_int_equal(result_of_spoilt((struct spoil){ 0 }), HELLO_NAME);
	/* RFC 8446 4: another handshake message than client_hello(1) */
	assert_int_equal(result_of_spoilt((struct spoil){ .handshake_type = 1 }),
			 HELLO_MALFORMED);
	/* RFC 8446 4.1.2: lengths that do not add up */
	assert_int_equal(result_of_spoilt((struct spoil){ .handshake_len = -1 }),
			 HELLO_MALFORMED);
	assert_int_equal(result_of_spoilt((struct spoil){ .handshake_len = 1 }),
			 HELLO_NEED_MORE);
	assert_int_equal(result_of_spoilt((struct spoil){ .extensions_len = 1 }),
			 HELLO_MALFORMED);
	assert_int_equal(result_of_spoilt((struct spoil){ .extensions_len = -1 }),
			 HELLO_MALFORMED);
	assert_int_equal(result_of_spoilt((struct spoil){ .ciphers_len = 2 }),
			 HELLO_MALFORMED);
	/* legacy_session_id<0..32> */
	assert_int_equal(result_of_spoilt((struct spoil){ .session_id_len = 25 }),
			 HELLO_MALFORMED);
	/* cipher_suites<2..2^16-2>: two bytes each */
	assert_int_equal(result_of_spoilt((struct spoil){ .odd_ciphers = true }),
			 HELLO_MALFORMED);
	assert_int_equal(result_of_spoilt((struct spoil){ .ciphers_len = -4 }),
			 HELLO_MALFORMED);
	/* legacy_compression_methods<1..2^8-1> */
	assert_int_equal(result_of_spoilt((struct spoil){ .no_compression = true }),
			 HELLO_MALFORMED);
	/* legacy_version 3.x */
	assert_int_equal(result_of_spoilt((struct spoil){ .major = 1 }), HELLO_MALFORMED);
}

static enum hello_result result_of_extensions(const struct bytes *extensions)
{
	return result_of(records(client_hello(extensions, (struct spoil){ 0 }), 1 << 14));
}

/* RFC 6066 3: "MUST NOT contain more than one name of the same name_type"; RFC 8446 4.2:
 * "MUST NOT be more than one extension of the same type". */
static void test_duplicate_name(void **state)
{
	struct bytes extensions = named("one.example");

	(void)state;
	put_server_name(&extensions, "two.example");
	assert_int_equal(result_of_extensions(&extensions), HELLO_MALFORMED);

	extensions = no_bytes();
	put_number(&extensions, 0, 2);
	put_number(&extensions, 10, 2);
	put_number(&extensions, 8, 2);
	put(&extensions, "\0\0\1a\0\0\1b", 8);
	assert_int_equal(result_of_extensions(&extensions), HELLO_MALFORMED);
}

/* RFC 6066 3: ServerNameList server_name_list<1..2^16-1>, HostName<1..2^16-1> */
static void test_malformed_name(void **state)
{
	static const struct {
		const char *why;
		size_t n;
		const char *body;
	} cases[] = {
		{ "empty extension: only a server sends that", 0, "" },
		{ "empty list", 2, "\0\0" },
		{ "list longer than the extension", 6, "\0\5\0\0\1a" },
		{ "list shorter than the extension", 6, "\0\3\0\0\1a" },
		{ "name longer than the list", 6, "\0\4\0\0\2a" },
		{ "name shorter than the list", 7, "\0\5\0\0\1ab" },
		{ "empty name", 5, "\0\3\0\0\0" },
		{ "name_type other than host_name", 6, "\0\4\1\0\1a" },
		{ "cut in the name's length", 4, "\0\2\0\0" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct bytes extensions = no_bytes();

		put_number(&extensions, 0, 2);
		put_number(&extensions, cases[i].n, 2);
		put(&extensions, cases[i].body, cases[i].n);
		if (result_of_extensions(&extensions) != HELLO_MALFORMED)
			fail_msg("accepted: %s", cases[i].why);
	}
}

/* What is offered: the only protocol of hellos with the name example.org, "" for none. */
static void assert_alpn(struct bytes extensions, const char *want)
{
	struct hello hello;

	assert_int_equal(scan_once(records(client_hello(&extensions, (struct spoil){ 0 }), 300),
				   &hello), HELLO_NAME);
	assert_int_equal(hello.alpn.len, strlen(want));
	assert_memory_equal(hello.alpn.at ? hello.alpn.at : (const uint8_t *)"", want,
			    strlen(want));
}

static struct bytes with_alpn(const char *list, size_t len)
{
	struct bytes extensions = named("example.org");

	put_number(&extensions, 16, 2);
	put_number(&extensions, len + 2, 2);
	put_number(&extensions, len, 2);
	put(&extensions, list, len);
	return extensions;
}

/* RFC 7301 3.1; RFC 8701 2: what is GREASE counts for nothing. */
static void test_alpn(void **state)
{
	(void)state;
	assert_alpn(named("example.org"), "");
	assert_alpn(with_alpn("\x0a" "acme-tls/1", 11), "acme-tls/1");
	assert_alpn(with_alpn("\x02" "h2" "\x08" "http/1.1", 12), "");
	assert_alpn(with_alpn("\x02" "h2" "\x02" "h2", 6), "");
	assert_alpn(with_alpn("\x02\xba\xba" "\x0a" "postgresql", 14), "postgresql");
	assert_alpn(with_alpn("\x02\xba\xba", 3), "");
	assert_alpn(with_alpn("\x02\xba\xca", 3), "\xba\xca");
}

/* RFC 7301 3.1: ProtocolName protocol_name_list<2..2^16-1>, ProtocolName<1..2^8-1>; RFC 8446
 * 4.2: the extension is not there twice. */
static void test_malformed_alpn(void **state)
{
	struct bytes extensions = with_alpn("", 0);

	(void)state;
	assert_int_equal(result_of_extensions(&extensions), HELLO_MALFORMED);
	extensions = with_alpn("\0", 1);
	assert_int_equal(result_of_extensions(&extensions), HELLO_MALFORMED);
	extensions = with_alpn("\x02" "h2" "\0", 4);
	assert_int_equal(result_of_extensions(&extensions), HELLO_MALFORMED);
	extensions = with_alpn("\x03" "h2", 3);
	assert_int_equal(result_of_extensions(&extensions), HELLO_MALFORMED);
	extensions = with_alpn("\x02" "h2", 3);
	put(&extensions, "\0\x10\0\5\0\3\2h2", 9);
	assert_int_equal(result_of_extensions(&extensions), HELLO_MALFORMED);
	extensions = named("example.org");
	put(&extensions, "\0\x10\0\6\0\3\2h2x", 10);	/* bytes behind the list */
	assert_int_equal(result_of_extensions(&extensions), HELLO_MALFORMED);
}

/*
 * As Chrome greets since it has X25519MLKEM768, 1720 bytes: GREASE as cipher, group, key share
 * and first and last extension, ECH (GREASE or not, it looks the same), two protocols, a key
 * share of 1216 bytes. More than a segment holds, so it comes in pieces.
 */
static void test_chrome(void **state)
{
	struct bytes extensions = no_bytes(), message, wire;

	(void)state;
	put_extension(&extensions, 0x4a4a, 0);
	put_extension(&extensions, 0xfe0d, 186);		/* encrypted_client_hello */
	put(&extensions, "\0\x0a\0\x0c\0\x0a\x8a\x8a\x11\xec\0\x1d\0\x17\0\x18", 16);
	put_server_name(&extensions, "post-quantum.example.org");
	put(&extensions, "\0\x10\0\x0e\0\x0c\x02h2\x08http/1.1", 18);
	put_number(&extensions, 51, 2);				/* key_share */
	put_number(&extensions, 2 + 5 + 4 + 1216 + 4 + 32, 2);
	put_number(&extensions, 5 + 4 + 1216 + 4 + 32, 2);
	put(&extensions, "\x8a\x8a\0\1\0", 5);
	put(&extensions, "\x11\xec\x04\xc0", 4);
	put_zeros(&extensions, 1216);
	put(&extensions, "\0\x1d\0\x20", 4);
	put_zeros(&extensions, 32);
	put(&extensions, "\0\x2b\0\x07\x06\xda\xda\3\4\3\3", 11);
	put_extension(&extensions, 0x9a9a, 1);
	message = client_hello(&extensions, (struct spoil){ 0 });
	put_extension(&extensions, 21, 1720 - 5 - 4 - message.n);
	wire = records(client_hello(&extensions, (struct spoil){ 0 }), 1 << 14);
	assert_int_equal(wire.n, 1720);
	for (size_t n = 0; n < wire.n; n++)
		assert_int_equal(result_of((struct bytes){ wire.v, n }), HELLO_NEED_MORE);
	assert_name(wire, "post-quantum.example.org");
}

/* An extension that says more than there is, before and after the name */
static void test_malformed_extension(void **state)
{
	struct bytes extensions = no_bytes();

	(void)state;
	put_server_name(&extensions, "example.org");
	put_number(&extensions, 35, 2);		/* session_ticket */
	put_number(&extensions, 1, 2);
	assert_int_equal(result_of_extensions(&extensions), HELLO_MALFORMED);
	put_number(&extensions, 0, 1);
	assert_int_equal(result_of_extensions(&extensions), HELLO_NAME);
	put_number(&extensions, 0, 1);
	assert_int_equal(result_of_extensions(&extensions), HELLO_MALFORMED);
}

/* RFC 8446 5.1 */
static void test_malformed_record(void **state)
{
	struct bytes wire = good_wire("example.org", 40);

	(void)state;
	wire.v[45] = 23;	/* application data between the records of a message */
	assert_int_equal(result_of(wire), HELLO_MALFORMED);
	wire = good_wire("example.org", 40);
	wire.v[46] = 2;
	assert_int_equal(result_of(wire), HELLO_MALFORMED);

	/* "MUST NOT send zero-length fragments of Handshake types" */
	assert_int_equal(result_of((struct bytes){ (uint8_t *)"\x16\3\1\0\0", 5 }),
			 HELLO_MALFORMED);
	/* "The length MUST NOT exceed 2^14 bytes" */
	assert_int_equal(result_of((struct bytes){ (uint8_t *)"\x16\3\1\x40\1", 5 }),
			 HELLO_MALFORMED);
	assert_int_equal(result_of((struct bytes){ (uint8_t *)"\x16\3\1\x40\0", 5 }),
			 HELLO_NEED_MORE);
}

/* Known at the first byte that shows it */
static void test_not_tls(void **state)
{
	static const struct {
		size_t n;
		const char *v;
	} cases[] = {
		{ 1, "G" },					/* HTTP */
		{ 8, "SSH-2.0-" },
		{ 8, "\0\0\0\x08\x04\xd2\x16\x2f" },		/* PostgreSQL SSLRequest */
		{ 2, "\x80\x2e" },				/* SSL 2.0 */
		{ 2, "\x16\2" },
		{ 6, "\x15\3\1\0\2\2" },			/* an alert */
		{ 5, "PRI *" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct bytes wire = { (uint8_t *)(uintptr_t)cases[i].v, cases[i].n };

		assert_int_equal(result_of(wire), HELLO_NOT_TLS);
	}
	assert_int_equal(result_of(no_bytes()), HELLO_NEED_MORE);
}

/* A message of just HELLO_MAX bytes is read, one more is not. */
static void test_size(void **state)
{
	struct bytes extensions = named("example.org"), message;
	size_t rest;

	(void)state;
	message = client_hello(&extensions, (struct spoil){ 0 });
	rest = HELLO_MAX - message.n - 4;
	put_extension(&extensions, 21, rest);		/* padding, RFC 7685 */
	message = client_hello(&extensions, (struct spoil){ 0 });
	assert_int_equal(message.n, HELLO_MAX);
	assert_name(records(message, 1 << 14), "example.org");
	assert_name(records(message, 7), "example.org");
	/* In one-byte records it would be six times as long on the wire. */
	assert_int_equal(result_of(records(message, 1)), HELLO_TOO_BIG);

	/* One byte more: known as soon as the first record is there */
	message.v[3]++;
	assert_int_equal(result_of(records(message, 1 << 14)), HELLO_TOO_BIG);
	assert_int_equal(result_of((struct bytes){ memory[2], 5 + (1 << 14) }), HELLO_TOO_BIG);
}

/* What is refused for its size on the wire does not depend on how it came. */
static void test_wire_size(void **state)
{
	struct bytes extensions = named("example.org"), wire;
	struct hello_scan scan = { 0 };
	struct hello hello;

	(void)state;
	put_extension(&extensions, 21, HELLO_WIRE_MAX / 6);
	wire = records(client_hello(&extensions, (struct spoil){ 0 }), 1);
	assert_true(wire.n > HELLO_WIRE_MAX);
	assert_int_equal(result_of(wire), HELLO_TOO_BIG);
	assert_int_equal(hello_scan(&scan, wire.v, HELLO_WIRE_MAX - 1, gather, &hello),
			 HELLO_NEED_MORE);
	assert_int_equal(hello_scan(&scan, wire.v, HELLO_WIRE_MAX, gather, &hello),
			 HELLO_TOO_BIG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rfc8448),
		cmocka_unit_test(test_every_split),
		cmocka_unit_test(test_no_name),
		cmocka_unit_test(test_malformed_body),
		cmocka_unit_test(test_duplicate_name),
		cmocka_unit_test(test_malformed_name),
		cmocka_unit_test(test_malformed_extension),
		cmocka_unit_test(test_alpn),
		cmocka_unit_test(test_malformed_alpn),
		cmocka_unit_test(test_chrome),
		cmocka_unit_test(test_malformed_record),
		cmocka_unit_test(test_not_tls),
		cmocka_unit_test(test_size),
		cmocka_unit_test(test_wire_size),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
