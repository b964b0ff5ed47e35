/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Why a connection is refused: each reason has its counter, its words for the log and
 * the TLS alert that tells the client.
 */
#ifndef SNID_REFUSAL_H
#define SNID_REFUSAL_H

#include <stdbool.h>

struct endpoint;

enum refusal {
	REFUSAL_NOT_TLS,
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
	REFUSAL_LIMIT,
	REFUSAL_CLIENT_LIMIT,
	REFUSAL_CLIENT_RATE,
	REFUSAL_OPENING_LIMIT,
	REFUSAL_CLIENT_OPENING,
	REFUSAL_GAVE_WAY,
	REFUSAL_RESOURCE,
	REFUSAL_STOPPED,
	REFUSAL_COUNT,
	REFUSAL_NONE = REFUSAL_COUNT	/* it is not refused */
};

/**
 * refusal_note() - count it and log it (rate-limited).
 * @name:	a name that name_normalise() made, or "".
 * @why:	more about it, or NULL.
 */
void refusal_note(enum refusal refusal, const struct endpoint *client, const char *name,
		  const char *why);

/**
 * refusal_send_alert() - tell the client and end our direction of the stream.
 * Return: false where this reason has no alert or the client is gone; then there is nothing
 * to wait for.
 */
bool refusal_send_alert(enum refusal refusal, int fd);

#endif
