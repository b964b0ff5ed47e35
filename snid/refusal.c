/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The table of reasons; see refusal.h.
 *
 * unrecognized_name (RFC 6066 3) stands for all that is wrong with a name, whether or
 * not it exists: what is behind us is not told apart for strangers. internal_error says
 * that it may work later.
 */
#include "refusal.h"

#include <stddef.h>
#include <sys/socket.h>

#include "../core/addr.h"
#include "../core/log.h"
#include "../core/stats.h"

/* RFC 8446 6. The number 0 is close_notify, which is never a refusal. */
enum alert {
	ALERT_NONE = 0,
	ALERT_HANDSHAKE_FAILURE = 40,
	ALERT_DECODE_ERROR = 50,
	ALERT_INTERNAL_ERROR = 80,
	ALERT_UNRECOGNIZED_NAME = 112,
};

static const struct {
	enum stat stat;
	enum alert alert;
	const char *text;
} refusals[] = {
	[REFUSAL_NOT_TLS] = { STAT_SNI_REFUSED_NOT_TLS, ALERT_NONE, "not TLS" },
	[REFUSAL_BAD_HELLO] = { STAT_SNI_REFUSED_BAD_HELLO, ALERT_DECODE_ERROR,
				"malformed ClientHello" },
	[REFUSAL_HELLO_SIZE] = { STAT_SNI_REFUSED_HELLO_SIZE, ALERT_HANDSHAKE_FAILURE,
				 "ClientHello too big" },
	[REFUSAL_HELLO_TIMEOUT] = { STAT_SNI_REFUSED_HELLO_TIMEOUT, ALERT_NONE,
				    "no whole ClientHello in time" },
	[REFUSAL_HELLO_EOF] = { STAT_SNI_REFUSED_HELLO_EOF, ALERT_NONE,
				"closed before the ClientHello" },
	[REFUSAL_NO_NAME] = { STAT_SNI_REFUSED_NO_NAME, ALERT_UNRECOGNIZED_NAME,
			      "no server name" },
	[REFUSAL_BAD_NAME] = { STAT_SNI_REFUSED_BAD_NAME, ALERT_UNRECOGNIZED_NAME,
			       "bad server name" },
	[REFUSAL_UNKNOWN_NAME] = { STAT_SNI_REFUSED_UNKNOWN_NAME, ALERT_UNRECOGNIZED_NAME,
				   "unknown name" },
	[REFUSAL_LOOKUP] = { STAT_SNI_REFUSED_LOOKUP, ALERT_INTERNAL_ERROR, "look-up failed" },
	[REFUSAL_BACKEND] = { STAT_SNI_REFUSED_BACKEND, ALERT_UNRECOGNIZED_NAME,
			      "address not allowed" },
	[REFUSAL_CONNECT] = { STAT_SNI_REFUSED_CONNECT, ALERT_INTERNAL_ERROR,
			      "cannot connect" },
	[REFUSAL_CONNECT_TIMEOUT] = { STAT_SNI_REFUSED_CONNECT_TIMEOUT, ALERT_INTERNAL_ERROR,
				      "cannot connect" },
	[REFUSAL_LIMIT] = { STAT_SNI_REFUSED_LIMIT, ALERT_NONE, "too many connections" },
	[REFUSAL_CLIENT_LIMIT] = { STAT_SNI_REFUSED_CLIENT_LIMIT, ALERT_NONE,
				   "too many connections of this client" },
	[REFUSAL_CLIENT_RATE] = { STAT_SNI_REFUSED_CLIENT_RATE, ALERT_NONE,
				  "too many new connections of this client" },
	[REFUSAL_OPENING_LIMIT] = { STAT_SNI_REFUSED_OPENING, ALERT_NONE,
				    "too many connections are opening" },
	[REFUSAL_CLIENT_OPENING] = { STAT_SNI_REFUSED_CLIENT_OPENING, ALERT_NONE,
				     "too many connections of this client are opening" },
	[REFUSAL_GAVE_WAY] = { STAT_SNI_REFUSED_GAVE_WAY, ALERT_NONE,
			       "no whole ClientHello while others wait" },
	[REFUSAL_RESOURCE] = { STAT_SNI_REFUSED_RESOURCE, ALERT_INTERNAL_ERROR,
			       "out of resources" },
	[REFUSAL_STOPPED] = { STAT_SNI_REFUSED_STOPPED, ALERT_NONE, "stopping" },
};
_Static_assert(sizeof(refusals) / sizeof(refusals[0]) == REFUSAL_COUNT, "a row a refusal");

void refusal_note(enum refusal refusal, const struct endpoint *client, const char *name,
		  const char *why)
{
	char text[ADDR_STRLEN];

	stats_inc(refusals[refusal].stat);
	log_limited(LOG_LEVEL_INFO, "snid: refused %s%s%s: %s%s%s", addr_format(&client->addr, text),
		    name[0] ? " for " : "", name, refusals[refusal].text, why ? ": " : "",
		    why ? why : "");
}

bool refusal_send_alert(enum refusal refusal, int fd)
{
	/* RFC 8446 5.1 and 6: a record of type alert with two bytes: fatal, description */
	const uint8_t record[] = { 21, 3, 1, 0, 2, 2, (uint8_t)refusals[refusal].alert };

	if (refusals[refusal].alert == ALERT_NONE)
		return false;
	return send(fd, record, sizeof(record), MSG_NOSIGNAL) == (ssize_t)sizeof(record) &&
	       shutdown(fd, SHUT_WR) == 0;
}
