/* SPDX-License-Identifier: GPL-2.0-or-later */
/* snid/preface: which protocol it is, and that nothing is taken for a client without name
 * that was only not understood. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "../../snid/preface.h"
#include "../../snid/service.h"

#define N(array) (sizeof(array) / sizeof(*(array)))
#define SSL "\0\0\0\x08\x04\xd2\x16\x2f"
#define GSS "\0\0\0\x08\x04\xd2\x16\x30"
#define HTTP "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"

/* RFC 8446 4.1.2, 5.1: the least there can be, for a.example with ALPN h2; without both */
#define HELLO_HEAD(record, message) "\x16\3\1\0" record "\1\0\0" message "\3\3"		\
	"01234567890123456789012345678901" "\0" "\0\2\x13\1" "\1\0"
#define HELLO HELLO_HEAD("\x4a", "\x46")						\
	"\0\x1b" "\0\0\0\x0e\0\x0c\0\0\x09" "a.example" "\0\x10\0\5\0\3\2h2"
#define NAMELESS HELLO_HEAD("\x2f", "\x2b") "\0\0"

static uint8_t gather[HELLO_MAX];

static struct service service_of(enum config_sni_protocol protocol, uint16_t port)
{
	return (struct service){ .at.port = port, .protocol = protocol };
}

static enum preface_verdict read_all(struct preface *preface, const struct service *service,
				     const char *wire, size_t len)
{
	return preface_read(preface, service, (const uint8_t *)wire, len, gather);
}

static void expect_refused(const struct service *service, const char *wire, size_t len,
			   enum refusal refusal, enum refusal_language language)
{
	struct preface preface = { .step = PREFACE_AT_PROTOCOL };

	assert_int_equal(read_all(&preface, service, wire, len), PREFACE_REFUSED);
	assert_int_equal(preface.refusal, refusal);
	assert_int_equal(preface.language, language);
}

static void expect_name(const struct service *service, const char *wire, size_t len,
			const char *name)
{
	struct preface preface = { .step = PREFACE_AT_PROTOCOL };

	for (size_t n = 1; n < len; n++)
		assert_int_equal(read_all(&preface, service, wire, n), PREFACE_NEED_MORE);
	assert_int_equal(read_all(&preface, service, wire, len), PREFACE_NAME);
	assert_string_equal(preface.name, name);
	assert_int_equal(preface.taken, 0);
}

#define REFUSED(service, text, ...) expect_refused(service, text, sizeof(text) - 1, __VA_ARGS__)
#define NAMED(service, text, name) expect_name(service, text, sizeof(text) - 1, name)

static void test_protocols(void **state)
{
	struct service any = service_of(CONFIG_SNI_AUTO, 443), any80 = service_of(CONFIG_SNI_AUTO, 80);
	struct service tls = service_of(CONFIG_SNI_TLS, 443);
	struct service http = service_of(CONFIG_SNI_HTTP, 8080);
	struct service postgres = service_of(CONFIG_SNI_POSTGRES, 5432);

	(void)state;
	NAMED(&any, HELLO, "a.example");
	NAMED(&any80, HELLO, "a.example");
	NAMED(&tls, HELLO, "a.example");
	NAMED(&postgres, HELLO, "a.example");
	NAMED(&any80, HTTP, "a.example");
	NAMED(&http, HTTP, "a.example");
	REFUSED(&any, HTTP, REFUSAL_NOT_TLS, REFUSAL_IN_HTTP);
	REFUSED(&any, "HEAD / HTTP/1.1\r\n", REFUSAL_NOT_TLS, REFUSAL_IN_HTTP_HEAD);
	REFUSED(&tls, SSL, REFUSAL_NOT_TLS, REFUSAL_SILENT);
	REFUSED(&http, HELLO, REFUSAL_NOT_HTTP, REFUSAL_IN_TLS);
	REFUSED(&postgres, HTTP, REFUSAL_NOT_TLS, REFUSAL_IN_HTTP);
	REFUSED(&any, "SSH-2.0-x\r\n", REFUSAL_NOT_TLS, REFUSAL_SILENT);
	REFUSED(&any, "\xff", REFUSAL_NOT_TLS, REFUSAL_SILENT);
}

static void test_alpn(void **state)
{
	struct service any = service_of(CONFIG_SNI_AUTO, 443);
	struct preface preface = { .step = PREFACE_AT_PROTOCOL };

	(void)state;
	assert_int_equal(read_all(&preface, &any, HELLO, sizeof(HELLO) - 1), PREFACE_NAME);
	assert_string_equal(preface.alpn, "h2");
}

/* PostgreSQL's manual, 55.2.10, 55.2.11: refused encryption, then agreed TLS, then a hello */
static void test_postgres(void **state)
{
	struct service any = service_of(CONFIG_SNI_AUTO, 5432);
	struct preface preface = { .step = PREFACE_AT_PROTOCOL };

	(void)state;
	assert_int_equal(read_all(&preface, &any, GSS, 7), PREFACE_NEED_MORE);
	assert_int_equal(read_all(&preface, &any, GSS, 8), PREFACE_SAY);
	assert_int_equal(preface.say, 'N');
	assert_int_equal(preface.taken, 8);
	assert_int_equal(read_all(&preface, &any, SSL, 8), PREFACE_SAY);
	assert_int_equal(preface.say, 'S');
	assert_int_equal(preface.taken, 8);
	assert_true(preface.asks_postgres);
	assert_int_equal(read_all(&preface, &any, HELLO, sizeof(HELLO) - 1), PREFACE_NAME);
	assert_string_equal(preface.name, "a.example");
	/* The promise was TLS. */
	preface = (struct preface){ .step = PREFACE_AT_PROTOCOL };
	read_all(&preface, &any, SSL, 8);
	assert_int_equal(read_all(&preface, &any, SSL, 8), PREFACE_REFUSED);
	assert_int_equal(preface.refusal, REFUSAL_NOT_TLS);
	REFUSED(&any, SSL "\x16", REFUSAL_BAD_PG, REFUSAL_IN_POSTGRES);
	REFUSED(&any, "\0\0\0\x09\0\3\0\0\0", REFUSAL_PG_PLAIN, REFUSAL_IN_POSTGRES);
	REFUSED(&any, "\0\0\0\x10\x04\xd2\x16\x2e\0\0\0\1\0\0\0\2", REFUSAL_PG_CANCEL,
		REFUSAL_SILENT);
}

/* proxy-protocol.txt 2: it comes first, from those who send it, and from nobody else. */
static void test_proxy(void **state)
{
	static const char header[] = "PROXY TCP4 192.0.2.1 198.51.100.1 1 443\r\n";
	struct service any = service_of(CONFIG_SNI_AUTO, 443);
	struct service http = service_of(CONFIG_SNI_HTTP, 80);
	struct preface preface = { .step = PREFACE_AT_PROXY };

	(void)state;
	assert_int_equal(read_all(&preface, &any, header, sizeof(header) - 2), PREFACE_NEED_MORE);
	assert_int_equal(read_all(&preface, &any, header, sizeof(header) - 1), PREFACE_CLIENT);
	assert_int_equal(preface.taken, sizeof(header) - 1);
	assert_int_equal(preface.proxy.client.port, 1);
	assert_int_equal(read_all(&preface, &any, HELLO, sizeof(HELLO) - 1), PREFACE_NAME);
	preface = (struct preface){ .step = PREFACE_AT_PROXY };
	assert_int_equal(read_all(&preface, &any, HELLO, sizeof(HELLO) - 1), PREFACE_REFUSED);
	assert_int_equal(preface.refusal, REFUSAL_BAD_PROXY);
	REFUSED(&any, "PROXY TCP4 192.0.2.1 198.51.100.1 1 443\r\n" HELLO, REFUSAL_NOT_TLS,
		REFUSAL_SILENT);
	REFUSED(&http, "PROXY TCP4 192.0.2.1 198.51.100.1 1 443\r\n" HTTP, REFUSAL_BAD_HTTP,
		REFUSAL_SILENT);
	REFUSED(&http, "\r\n\r\n\0\r\nQUIT\n\x20\0\0\0" HTTP, REFUSAL_BAD_HTTP, REFUSAL_SILENT);
	NAMED(&http, "\r\n" HTTP, "a.example");
	REFUSED(&http, "P\r\n", REFUSAL_BAD_HTTP, REFUSAL_IN_HTTP);
}

/* RFC 6066 3: the default is for who is well understood and says no name (CVE-2026-32305). */
static void test_default_name(void **state)
{
	static const char spoilt[] = HELLO_HEAD("\x31", "\x2d") "\0\2\0\0";
	struct service any = service_of(CONFIG_SNI_AUTO, 443), any80 = service_of(CONFIG_SNI_AUTO, 80);

	(void)state;
	REFUSED(&any, NAMELESS, REFUSAL_NO_NAME, REFUSAL_IN_TLS);
	REFUSED(&any80, "GET / HTTP/1.0\r\n\r\n", REFUSAL_NO_NAME, REFUSAL_IN_HTTP);
	any.default_name = any80.default_name = "d.example";
	NAMED(&any, NAMELESS, "d.example");
	NAMED(&any80, "GET / HTTP/1.0\r\n\r\n", "d.example");
	NAMED(&any, HELLO, "a.example");
	expect_refused(&any, spoilt, sizeof(spoilt) - 1, REFUSAL_BAD_HELLO, REFUSAL_IN_TLS);
	REFUSED(&any80, "GET / HTTP/1.1\r\n\r\n", REFUSAL_BAD_HTTP, REFUSAL_IN_HTTP);
	REFUSED(&any80, "GET / HTTP/1.1\r\nHost: 192.0.2.1\r\n\r\n", REFUSAL_BAD_NAME,
		REFUSAL_IN_HTTP);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_protocols),
		cmocka_unit_test(test_alpn),
		cmocka_unit_test(test_postgres),
		cmocka_unit_test(test_proxy),
		cmocka_unit_test(test_default_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
