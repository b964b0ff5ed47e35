/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a client says before it can be led to a server: the header of a proxy in front of us,
 * then one of TLS, PostgreSQL and HTTP, told by the first bytes, until the name is known.
 * Pure: bytes in, a verdict out.
 *
 * HTTP without TLS is taken on listeners whose protocol is http, and on port 80 where it is
 * auto. `postgres' takes TLS from the first byte too, as PostgreSQL 17 does.
 *
 * A client that names no server is led to the listener's default_name, or refused; one that
 * is not understood is always refused.
 */
#ifndef SNID_PREFACE_H
#define SNID_PREFACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../core/hostname.h"
#include "hello.h"
#include "http.h"
#include "proxy.h"
#include "refusal.h"

struct service;

enum {
	PREFACE_ALPN_STRLEN = 256,	/* RFC 7301 3.1: a name has up to 255 bytes */
};

enum preface_verdict {
	PREFACE_NEED_MORE,	/* good so far; again when there is more */
	PREFACE_CLIENT,		/* preface.proxy says who the client is; then again */
	PREFACE_SAY,		/* send preface.say to the client; then again */
	PREFACE_NAME,		/* all is known */
	PREFACE_REFUSED,	/* preface.refusal and preface.why say why */
};

enum preface_step {
	PREFACE_AT_PROTOCOL = 0,	/* which one it is, is not told yet */
	PREFACE_AT_PROXY,	/* a proxy's header is to come first */
	PREFACE_AT_POSTGRES,
	PREFACE_AT_HELLO,
	PREFACE_AT_HTTP,
};

struct preface {
	enum preface_step step;		/* set by the caller at first: PROXY or PROTOCOL */
	enum refusal_language language;	/* in which the client would understand a refusal */
	bool asks_postgres;		/* the server is to be asked for TLS first */
	bool gss_refused;
	char say;			/* where PREFACE_SAY */
	size_t taken;			/* bytes that the last call was done with; the caller must
					 * drop them before the next one */
	union {
		struct hello_scan hello;
		struct http_scan http;
	};
	struct proxy_header proxy;	/* where PREFACE_CLIENT */
	char name[HOSTNAME_STRLEN];		/* where PREFACE_NAME, in its one form */
	char alpn[PREFACE_ALPN_STRLEN];	/* the only protocol that is offered, or "" */
	enum refusal refusal;		/* where PREFACE_REFUSED */
	const char *why;		/* static, or NULL */
};

/**
 * preface_read() - look at all that came so far.
 * @preface:	of one connection; zero but for step before the first call.
 * @wire:	what the client sent, less what was taken; it may have moved since the last call.
 * @gather:	HELLO_MAX bytes of scratch.
 */
enum preface_verdict preface_read(struct preface *preface, const struct service *service,
				  const uint8_t *wire, size_t len, uint8_t *gather);

#endif
