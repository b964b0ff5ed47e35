/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From a client's first bytes to a name; see preface.h. */
#include "preface.h"

#include <stdio.h>
#include <string.h>

#include "postgres.h"
#include "service.h"

enum {
	FIRST_TLS = 0x16,	/* RFC 8446 5.1: a record of type handshake */
	FIRST_POSTGRES = 0x00,	/* of a length that is never over 10,000 */
	METHOD_MAX = 16,	/* letters; the longest that is in use has 16 */
};

static enum preface_verdict refused(struct preface *preface, enum refusal refusal,
				    const char *why)
{
	preface->refusal = refusal;
	preface->why = why;
	return PREFACE_REFUSED;
}

/* ---- names ------------------------------------------------------------------------ */

static enum preface_verdict named(struct preface *preface, const uint8_t *raw, size_t len)
{
	const char *wrong = hostname_normalise(raw, len, preface->name);

	return wrong ? refused(preface, REFUSAL_BAD_NAME, wrong) : PREFACE_NAME;
}

/* The default was checked when the configuration was read. */
static enum preface_verdict unnamed(struct preface *preface, const struct service *service)
{
	if (!service->default_name)
		return refused(preface, REFUSAL_NO_NAME, NULL);
	snprintf(preface->name, sizeof(preface->name), "%s", service->default_name);
	return PREFACE_NAME;
}

/* ---- TLS --------------------------------------------------------------------------- */

static void note_alpn(struct preface *preface, const struct hello_bytes *alpn)
{
	/* As text; no protocol that is registered has a NUL. */
	if (alpn->len == 0 || memchr(alpn->at, '\0', alpn->len))
		return;
	memcpy(preface->alpn, alpn->at, alpn->len);
	preface->alpn[alpn->len] = '\0';
}

static enum preface_verdict read_hello(struct preface *preface, const struct service *service,
				       const uint8_t *wire, size_t len, uint8_t *gather)
{
	struct hello hello;

	switch (hello_scan(&preface->hello, wire, len, gather, &hello)) {
	case HELLO_NEED_MORE:
		return PREFACE_NEED_MORE;
	case HELLO_NAME:
		note_alpn(preface, &hello.alpn);
		return named(preface, hello.name.at, hello.name.len);
	case HELLO_NO_NAME:
		note_alpn(preface, &hello.alpn);
		return unnamed(preface, service);
	case HELLO_NOT_TLS:
		return refused(preface, REFUSAL_NOT_TLS, NULL);
	case HELLO_TOO_BIG:
		return refused(preface, REFUSAL_HELLO_SIZE, NULL);
	case HELLO_MALFORMED:
		break;
	}
	return refused(preface, REFUSAL_BAD_HELLO, NULL);
}

/* ---- HTTP -------------------------------------------------------------------------- */

static enum preface_verdict read_http(struct preface *preface, const struct service *service,
				      const uint8_t *wire, size_t len)
{
	const char *why = NULL;
	struct http_host host;
	enum http_result result = http_scan(&preface->http, wire, len, &host, &why);

	if (preface->http.is_head)
		preface->language = REFUSAL_IN_HTTP_HEAD;
	switch (result) {
	case HTTP_NEED_MORE:
		return PREFACE_NEED_MORE;
	case HTTP_HOST:
		return named(preface, host.at, host.len);
	case HTTP_NO_HOST:
		return unnamed(preface, service);
	case HTTP_VERSION:
		return refused(preface, REFUSAL_HTTP_VERSION, NULL);
	case HTTP_TOO_BIG:
		return refused(preface, REFUSAL_HTTP_SIZE, NULL);
	case HTTP_BAD:
		break;
	}
	return refused(preface, REFUSAL_BAD_HTTP, why);
}

/* ---- PostgreSQL -------------------------------------------------------------------- */

static enum preface_verdict say(struct preface *preface, char answer)
{
	preface->taken = POSTGRES_REQUEST_LEN;
	preface->say = answer;
	return PREFACE_SAY;
}

static enum preface_verdict read_postgres(struct preface *preface, const uint8_t *wire,
					  size_t len)
{
	switch (postgres_read(&preface->gss_refused, wire, len)) {
	case POSTGRES_NEED_MORE:
		return PREFACE_NEED_MORE;
	case POSTGRES_SAY_NO:
		return say(preface, 'N');
	case POSTGRES_SAY_YES:
		preface->asks_postgres = true;
		preface->step = PREFACE_AT_HELLO;
		preface->language = REFUSAL_IN_TLS;
		return say(preface, 'S');
	case POSTGRES_CANCEL:
		preface->language = REFUSAL_SILENT;
		return refused(preface, REFUSAL_PG_CANCEL, NULL);
	case POSTGRES_PLAIN:
		return refused(preface, REFUSAL_PG_PLAIN, NULL);
	case POSTGRES_UNENCRYPTED:
		return refused(preface, REFUSAL_BAD_PG, "data behind the request for TLS");
	case POSTGRES_BAD:
		break;
	}
	return refused(preface, REFUSAL_BAD_PG, NULL);
}

/* ---- which of them ----------------------------------------------------------------- */

static bool takes_postgres(const struct service *service)
{
	return service->protocol == CONFIG_SNI_POSTGRES || service->protocol == CONFIG_SNI_AUTO;
}

static enum preface_verdict begin(struct preface *preface, enum preface_step step,
				  enum refusal_language language)
{
	preface->step = step;
	preface->language = language;
	return PREFACE_NEED_MORE;
}

/* Whoever speaks HTTP where it is not taken can be told so, if it is sure that he does: a
 * method and a space (RFC 9112 3.1). */
static enum preface_verdict refuse_other(struct preface *preface, const uint8_t *wire,
					 size_t len)
{
	size_t letters = 0;

	while (letters < len && letters <= METHOD_MAX && wire[letters] >= 'A' &&
	       wire[letters] <= 'Z')
		letters++;
	if (letters == len && letters <= METHOD_MAX)
		return PREFACE_NEED_MORE;
	if (letters > 0 && letters <= METHOD_MAX && wire[letters] == ' ')
		preface->language = letters == 4 && memcmp(wire, "HEAD", 4) == 0 ?
			REFUSAL_IN_HTTP_HEAD : REFUSAL_IN_HTTP;
	return refused(preface, REFUSAL_NOT_TLS, NULL);
}

/* A proxy that is not believed has no client who would read an answer; its owner shall find
 * it in the log. */
static enum preface_verdict refuse_proxy(struct preface *preface, const struct service *service,
					 const uint8_t *wire, size_t len)
{
	if (!proxy_has_begun(wire, len))
		return PREFACE_NEED_MORE;
	return refused(preface, service_takes_http(service) ? REFUSAL_BAD_HTTP : REFUSAL_NOT_TLS,
		       "a PROXY header from one not in proxy_from");
}

/* Return: PREFACE_NEED_MORE where the protocol is told now, or where it is not yet sure. */
static enum preface_verdict tell_protocol(struct preface *preface,
					  const struct service *service, const uint8_t *wire,
					  size_t len)
{
	if (wire[0] == FIRST_TLS) {
		begin(preface, PREFACE_AT_HELLO, REFUSAL_IN_TLS);
		if (service->protocol == CONFIG_SNI_HTTP)
			return refused(preface, REFUSAL_NOT_HTTP, NULL);
		return PREFACE_NEED_MORE;
	}
	if (proxy_begins(wire, len))
		return refuse_proxy(preface, service, wire, len);
	if (service_takes_http(service) && wire[0] != FIRST_POSTGRES)
		return begin(preface, PREFACE_AT_HTTP, REFUSAL_IN_HTTP);
	if (takes_postgres(service) && wire[0] == FIRST_POSTGRES)
		return begin(preface, PREFACE_AT_POSTGRES, REFUSAL_IN_POSTGRES);
	return refuse_other(preface, wire, len);
}

static enum preface_verdict read_proxy(struct preface *preface, const uint8_t *wire, size_t len)
{
	const char *why = NULL;
	int n = proxy_read(wire, len, &preface->proxy, &why);

	if (n < 0)
		return refused(preface, REFUSAL_BAD_PROXY, why);
	if (n == 0)
		return PREFACE_NEED_MORE;
	preface->taken = (size_t)n;
	preface->step = PREFACE_AT_PROTOCOL;
	return PREFACE_CLIENT;
}

enum preface_verdict preface_read(struct preface *preface, const struct service *service,
				  const uint8_t *wire, size_t len, uint8_t *gather)
{
	preface->taken = 0;
	if (len == 0)
		return PREFACE_NEED_MORE;
	if (preface->step == PREFACE_AT_PROTOCOL) {
		enum preface_verdict verdict = tell_protocol(preface, service, wire, len);

		if (verdict != PREFACE_NEED_MORE)
			return verdict;
	}
	switch (preface->step) {
	case PREFACE_AT_PROXY:
		return read_proxy(preface, wire, len);
	case PREFACE_AT_POSTGRES:
		return read_postgres(preface, wire, len);
	case PREFACE_AT_HELLO:
		return read_hello(preface, service, wire, len, gather);
	case PREFACE_AT_HTTP:
		return read_http(preface, service, wire, len);
	case PREFACE_AT_PROTOCOL:
		break;
	}
	return PREFACE_NEED_MORE;
}
