/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Why a connection is refused: each reason has its counter, its words for the log and what
 * the client is told, in the protocol that it speaks.
 */
#ifndef SNID_REFUSAL_H
#define SNID_REFUSAL_H

#include <stdbool.h>
#include <stdint.h>

struct endpoint;

enum refusal {
	REFUSAL_NOT_TLS,
	REFUSAL_NOT_HTTP,
	REFUSAL_BAD_PROXY,
	REFUSAL_IPV6_CLIENT,
	REFUSAL_BAD_PG,
	REFUSAL_PG_PLAIN,
	REFUSAL_PG_CANCEL,
	REFUSAL_BAD_HTTP,
	REFUSAL_HTTP_VERSION,
	REFUSAL_HTTP_SIZE,
	REFUSAL_BAD_HELLO,
	REFUSAL_HELLO_SIZE,
	REFUSAL_HELLO_TIMEOUT,
	REFUSAL_HELLO_EOF,
	REFUSAL_NO_NAME,
	REFUSAL_BAD_NAME,
	REFUSAL_UNKNOWN_NAME,
	REFUSAL_LOOKUP,
	REFUSAL_BACKEND,
	REFUSAL_CONNECT,
	REFUSAL_CONNECT_TIMEOUT,
	REFUSAL_GREETING,
	REFUSAL_GREETING_TIMEOUT,
	REFUSAL_LIMIT,
	REFUSAL_CLIENT_LIMIT,
	REFUSAL_CLIENT_RATE,
	REFUSAL_OPENING_LIMIT,
	REFUSAL_CLIENT_OPENING,
	REFUSAL_GAVE_WAY,
	REFUSAL_HELLO_MEMORY,
	REFUSAL_RESOURCE,
	REFUSAL_STOPPED,
	REFUSAL_COUNT,
	REFUSAL_NONE = REFUSAL_COUNT	/* it is not refused */
};

/* What the client understands */
enum refusal_language {
	REFUSAL_SILENT = 0,		/* not known, or no answer is foreseen */
	REFUSAL_IN_TLS,			/* an alert, RFC 8446 6 */
	REFUSAL_IN_POSTGRES,		/* ErrorResponse, before TLS */
	REFUSAL_IN_HTTP,		/* a status, RFC 9110 15 */
	REFUSAL_IN_HTTP_HEAD,		/* without content, RFC 9110 9.3.2 */
};

/* Who is refused, and what is known of the connection */
struct refused {
	const struct endpoint *client;
	uint16_t port;			/* of the listener, host byte order */
	const char *name;		/* that hostname_normalise() made, or "" */
	const struct endpoint *server;	/* it was about, or NULL; port 0 likewise */
	const char *why;		/* more about the reason, or NULL */
};

/**
 * refusal_note() - count it and log it (so many of each reason); keep it for people who look.
 * @object:	log an object of it too, as snid.log asks: it has time, event
 *		("connection-refused"), client, client_port, port, name (null: it said none),
 *		reason (the counter's), why (null: no more is known), backend, backend_port
 *		(both null: there was none).
 */
void refusal_note(enum refusal refusal, const struct refused *refused, bool object);

/**
 * refusal_say() - tell the client in its own language and end our direction of the stream.
 * Return: false where there is nothing to say or the client is gone; then there is nothing to
 * wait for.
 */
bool refusal_say(enum refusal refusal, enum refusal_language language, int fd);

#endif
