/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The table of reasons; see refusal.h.
 *
 * unrecognized_name (RFC 6066 3) stands for all that is wrong with a name, whether or
 * not it exists: what is behind us is not told apart for strangers. internal_error says
 * that it may work later.
 */
#include "refusal.h"

#include <json-c/json.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "../core/addr.h"
#include "../core/log.h"
#include "../core/loop.h"
#include "../core/recent.h"
#include "../core/stats.h"
#include "account.h"

/* RFC 8446 6. The number 0 is close_notify, which is never a refusal. */
enum alert {
	ALERT_NONE = 0,
	ALERT_HANDSHAKE_FAILURE = 40,
	ALERT_DECODE_ERROR = 50,
	ALERT_INTERNAL_ERROR = 80,
	ALERT_UNRECOGNIZED_NAME = 112,
};

/* What is behind us is not told apart for strangers. */
#define NOT_HERE "no such server here"

/* RFC 9110 15; PostgreSQL's manual, Appendix A. Where a row has none in a language, the
 * stream ends without a word. */
static const struct {
	enum stat stat;
	enum alert alert;
	unsigned int status;
	const char *sqlstate;
	const char *text;
	const char *advice;		/* to the client, where @text would not help it */
} refusals[] = {
	[REFUSAL_NOT_TLS] = { STAT_SNI_REFUSED_NOT_TLS, ALERT_NONE, 400, NULL, "not TLS",
			      "this port speaks TLS (https)" },
	[REFUSAL_NOT_HTTP] = { STAT_SNI_REFUSED_NOT_HTTP, ALERT_HANDSHAKE_FAILURE, 0, NULL,
			       "TLS where HTTP is spoken", NULL },
	[REFUSAL_BAD_PROXY] = { STAT_SNI_REFUSED_BAD_PROXY, ALERT_NONE, 0, NULL,
				"no good PROXY header", NULL },
	[REFUSAL_IPV6_CLIENT] = { STAT_SNI_REFUSED_IPV6_CLIENT, ALERT_HANDSHAKE_FAILURE, 421,
				  NULL, "an IPv6 client has no NAT46 address", NULL },
	[REFUSAL_BAD_PG] = { STAT_SNI_REFUSED_BAD_PG, ALERT_NONE, 0, "08P01",
			     "malformed PostgreSQL request", NULL },
	[REFUSAL_PG_PLAIN] = { STAT_SNI_REFUSED_PG_PLAIN, ALERT_NONE, 0, "28000",
			       "PostgreSQL without TLS",
			       "this server requires TLS with a server name (sslmode=require)" },
	[REFUSAL_PG_CANCEL] = { STAT_SNI_REFUSED_PG_CANCEL, ALERT_NONE, 0, NULL,
				"CancelRequest without TLS, and so without a name", NULL },
	[REFUSAL_BAD_HTTP] = { STAT_SNI_REFUSED_BAD_HTTP, ALERT_NONE, 400, NULL,
			       "malformed HTTP request", NULL },
	[REFUSAL_HTTP_VERSION] = { STAT_SNI_REFUSED_HTTP_VERSION, ALERT_NONE, 505, NULL,
				   "not HTTP/1", NULL },
	[REFUSAL_HTTP_SIZE] = { STAT_SNI_REFUSED_HTTP_SIZE, ALERT_NONE, 431, NULL,
				"HTTP request's head too big", NULL },
	[REFUSAL_BAD_HELLO] = { STAT_SNI_REFUSED_BAD_HELLO, ALERT_DECODE_ERROR, 0, NULL,
				"malformed ClientHello", NULL },
	[REFUSAL_HELLO_SIZE] = { STAT_SNI_REFUSED_HELLO_SIZE, ALERT_HANDSHAKE_FAILURE, 0, NULL,
				 "ClientHello too big", NULL },
	[REFUSAL_HELLO_TIMEOUT] = { STAT_SNI_REFUSED_HELLO_TIMEOUT, ALERT_NONE, 408, NULL,
				    "no name in time", NULL },
	[REFUSAL_HELLO_EOF] = { STAT_SNI_REFUSED_HELLO_EOF, ALERT_NONE, 0, NULL,
				"closed before it said a name", NULL },
	[REFUSAL_NO_NAME] = { STAT_SNI_REFUSED_NO_NAME, ALERT_UNRECOGNIZED_NAME, 400, NULL,
			      "no server name", NULL },
	[REFUSAL_BAD_NAME] = { STAT_SNI_REFUSED_BAD_NAME, ALERT_UNRECOGNIZED_NAME, 421, NULL,
			       "bad server name", NOT_HERE },
	[REFUSAL_UNKNOWN_NAME] = { STAT_SNI_REFUSED_UNKNOWN_NAME, ALERT_UNRECOGNIZED_NAME, 421,
				   NULL, "unknown name", NOT_HERE },
	[REFUSAL_LOOKUP] = { STAT_SNI_REFUSED_LOOKUP, ALERT_INTERNAL_ERROR, 503, NULL,
			     "look-up failed", NULL },
	[REFUSAL_BACKEND] = { STAT_SNI_REFUSED_BACKEND, ALERT_UNRECOGNIZED_NAME, 421, NULL,
			      "address not allowed", NOT_HERE },
	[REFUSAL_CONNECT] = { STAT_SNI_REFUSED_CONNECT, ALERT_INTERNAL_ERROR, 502, NULL,
			      "cannot connect", NULL },
	[REFUSAL_CONNECT_TIMEOUT] = { STAT_SNI_REFUSED_CONNECT_TIMEOUT, ALERT_INTERNAL_ERROR,
				      504, NULL, "cannot connect", NULL },
	[REFUSAL_GREETING] = { STAT_SNI_REFUSED_GREETING, ALERT_INTERNAL_ERROR, 502, NULL,
			       "the server does not take TLS", NULL },
	[REFUSAL_GREETING_TIMEOUT] = { STAT_SNI_REFUSED_GREETING_TIMEOUT, ALERT_INTERNAL_ERROR,
				       504, NULL, "the server does not answer", NULL },
	[REFUSAL_LIMIT] = { STAT_SNI_REFUSED_LIMIT, ALERT_NONE, 0, NULL,
			    "too many connections", NULL },
	[REFUSAL_CLIENT_LIMIT] = { STAT_SNI_REFUSED_CLIENT_LIMIT, ALERT_NONE, 0, NULL,
				   "too many connections of this client", NULL },
	[REFUSAL_CLIENT_RATE] = { STAT_SNI_REFUSED_CLIENT_RATE, ALERT_NONE, 0, NULL,
				  "too many new connections of this client", NULL },
	[REFUSAL_OPENING_LIMIT] = { STAT_SNI_REFUSED_OPENING, ALERT_NONE, 0, NULL,
				    "too many connections are opening", NULL },
	[REFUSAL_CLIENT_OPENING] = { STAT_SNI_REFUSED_CLIENT_OPENING, ALERT_NONE, 0, NULL,
				     "too many connections of this client are opening", NULL },
	[REFUSAL_GAVE_WAY] = { STAT_SNI_REFUSED_GAVE_WAY, ALERT_NONE, 0, NULL,
			       "no name yet while others wait", NULL },
	[REFUSAL_HELLO_MEMORY] = { STAT_SNI_REFUSED_HELLO_MEMORY, ALERT_INTERNAL_ERROR, 503,
				   "53000", "large hellos of others fill the memory", NULL },
	[REFUSAL_RESOURCE] = { STAT_SNI_REFUSED_RESOURCE, ALERT_INTERNAL_ERROR, 503, "53000",
			       "out of resources", NULL },
	[REFUSAL_STOPPED] = { STAT_SNI_REFUSED_STOPPED, ALERT_NONE, 503, "57P01", "stopping",
			      NULL },
};
_Static_assert(sizeof(refusals) / sizeof(refusals[0]) == REFUSAL_COUNT, "a row a refusal");

/* ---- who looks at it ------------------------------------------------------------------ */

/* Each reason has a limit of its own: many scanners hide no other. */
static struct log_site sites[REFUSAL_COUNT] = {
	[0 ... REFUSAL_COUNT - 1] = { .file = __FILE__, .line = __LINE__,
				      .fmt = "snid: refused", .limit = { LOG_LIMIT_NARROW } },
};

static const char *server_text(const struct refused *refused, char text[ENDPOINT_STRLEN])
{
	bool known = refused->server && refused->server->port;

	return known ? endpoint_format(refused->server, text) : NULL;
}

static void log_text(enum refusal refusal, const struct refused *refused)
{
	char text[ADDR_STRLEN], endpoint[ENDPOINT_STRLEN];
	const char *server = server_text(refused, endpoint);

	log_at(&sites[refusal], LOG_LEVEL_INFO, NULL, "snid: refused %s%s%s: %s%s%s%s%s",
	       addr_format(&refused->client->addr, text), refused->name[0] ? " for " : "",
	       refused->name, refusals[refusal].text, server ? ", " : "", server ? server : "",
	       refused->why ? ": " : "", refused->why ? refused->why : "");
}

static struct json_object *text_or_null(const char *text)
{
	return text && text[0] ? json_object_new_string(text) : NULL;
}

/* The word of the counter: reason="..." */
static struct json_object *reason_word(enum refusal refusal)
{
	const char *word = strchr(stat_infos[refusals[refusal].stat].labels, '"') + 1;

	return json_object_new_string_len(word, (int)strcspn(word, "\""));
}

static void log_line(enum refusal refusal, const struct refused *refused)
{
	bool has_server = refused->server && refused->server->port;
	struct json_object *object = json_object_new_object();
	char when[ACCOUNT_TIME_STRLEN], text[ADDR_STRLEN];
	const struct endpoint *client = refused->client;

	account_time(when);
#define ADD(key, value) json_object_object_add(object, key, value)
	ADD("time", json_object_new_string(when));
	ADD("event", json_object_new_string("connection-refused"));
	ADD("client", json_object_new_string(addr_format(&client->addr, text)));
	ADD("client_port", json_object_new_int(client->port));
	ADD("port", json_object_new_int(refused->port));
	ADD("name", text_or_null(refused->name));
	ADD("reason", reason_word(refusal));
	ADD("why", text_or_null(refused->why));
	ADD("backend", has_server ?
	    json_object_new_string(addr_format(&refused->server->addr, text)) : NULL);
	ADD("backend_port", has_server ? json_object_new_int(refused->server->port) : NULL);
#undef ADD
	if (!log_object(json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN |
						       JSON_C_TO_STRING_NOSLASHESCAPE)))
		stats_inc(STAT_SNI_LOG_LOST);
	json_object_put(object);
}

void refusal_note(enum refusal refusal, const struct refused *refused, bool object)
{
	enum stat stat = refusals[refusal].stat;

	stats_inc(stat);
	if (recent_due(stat, loop_now_ms()))
		recent_keep(RECENT_SNID, stat, &refused->client->addr, refused->name);
	if (log_enabled(LOG_LEVEL_INFO))
		log_text(refusal, refused);
	if (object)
		log_line(refusal, refused);
}

/* ---- what the client is told --------------------------------------------------------- */

enum { WORDS_MAX = 512 };	/* more than any of them has */

/* RFC 8446 5.1 and 6: a record of type alert with two bytes: fatal, description */
static size_t write_alert(uint8_t *out, enum refusal refusal)
{
	const uint8_t record[] = { 21, 3, 1, 0, 2, 2, (uint8_t)refusals[refusal].alert };

	if (refusals[refusal].alert == ALERT_NONE)
		return 0;
	memcpy(out, record, sizeof(record));
	return sizeof(record);
}

static const char *advice(enum refusal refusal)
{
	return refusals[refusal].advice ? refusals[refusal].advice : refusals[refusal].text;
}

/* PostgreSQL's manual, 55.7 and 55.8: severity, the same untranslated, SQLSTATE, message */
static size_t write_error_response(uint8_t *out, enum refusal refusal)
{
	const char *sqlstate = refusals[refusal].sqlstate;
	int n;

	if (!sqlstate)
		return 0;
	n = snprintf((char *)out + 5, WORDS_MAX - 5, "SFATAL%cVFATAL%cC%s%cM%s%c", 0, 0, sqlstate,
		     0, advice(refusal), 0) + 1;
	n += (int)sizeof(uint32_t);
	memcpy(out, (uint8_t[]){ 'E', 0, 0, (uint8_t)(n >> 8), (uint8_t)n }, 5);
	return 1 + (size_t)n;
}

static const char *status_text(unsigned int status)
{
	switch (status) {
	case 400:
		return "Bad Request";
	case 408:
		return "Request Timeout";
	case 421:
		return "Misdirected Request";
	case 431:
		return "Request Header Fields Too Large";
	case 502:
		return "Bad Gateway";
	case 504:
		return "Gateway Timeout";
	case 505:
		return "HTTP Version Not Supported";
	default:
		return "Service Unavailable";
	}
}

/* RFC 9112 4, 9.6; RFC 9110 6.6.1 */
static size_t write_status(uint8_t *out, enum refusal refusal, bool has_content)
{
	unsigned int status = refusals[refusal].status;
	const char *text = advice(refusal);
	time_t now = time(NULL);
	struct tm tm;
	char date[32];

	if (!status)
		return 0;
	gmtime_r(&now, &tm);
	strftime(date, sizeof(date), "%a, %d %b %Y %T GMT", &tm);
	return (size_t)snprintf((char *)out, WORDS_MAX,
				"HTTP/1.1 %u %s\r\nDate: %s\r\nConnection: close\r\n"
				"Content-Type: text/plain\r\nContent-Length: %zu\r\n\r\n%s%s",
				status, status_text(status), date, strlen(text) + 1,
				has_content ? text : "", has_content ? "\n" : "");
}

static size_t write_words(uint8_t *out, enum refusal refusal, enum refusal_language language)
{
	switch (language) {
	case REFUSAL_IN_TLS:
		return write_alert(out, refusal);
	case REFUSAL_IN_POSTGRES:
		return write_error_response(out, refusal);
	case REFUSAL_IN_HTTP:
	case REFUSAL_IN_HTTP_HEAD:
		return write_status(out, refusal, language == REFUSAL_IN_HTTP);
	case REFUSAL_SILENT:
		break;
	}
	return 0;
}

bool refusal_say(enum refusal refusal, enum refusal_language language, int fd)
{
	uint8_t words[WORDS_MAX];
	size_t len = write_words(words, refusal, language);

	return len > 0 && send(fd, words, len, MSG_NOSIGNAL) == (ssize_t)len &&
	       shutdown(fd, SHUT_WR) == 0;
}
