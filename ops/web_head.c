/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What travels through here: a request's head, once it is complete. Strict: what RFC 9112
 * lets a recipient mend is refused, with the status that it names for that.
 */
#include "web_head.h"

#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "../core/cursor.h"

enum {
	BAD_REQUEST = 400,
	METHOD_NOT_ALLOWED = 405,
	CONTENT_TOO_LARGE = 413,
	URI_TOO_LONG = 414,
	NOT_IMPLEMENTED = 501,
	VERSION_NOT_SUPPORTED = 505,
};

/* How much a client wants a type (RFC 9110 12.4.2), in thousandths; UNSAID: no word of it */
enum { Q_MAX = 1000, UNSAID = -1 };

struct reading {
	struct web_request *request;
	const char **why;
	bool is_1_0;
	bool has_target_host;		/* of the absolute form: it counts, whatever Host says */
	bool has_content;
	unsigned int n_hosts;
	int openmetrics;		/* what Accept says of these */
	int plain, any_text, anything;
};

static unsigned int refuse(const struct reading *reading, unsigned int status, const char *why)
{
	*reading->why = why;
	return status;
}

/* ---- words ------------------------------------------------------------------------- */

static bool is_one_of(uint8_t c, const char *set)
{
	return c && strchr(set, c);
}

/* RFC 9110 5.6.2 */
static bool is_token(const struct cursor *text)
{
	for (const uint8_t *c = text->at; c < text->end; c++)
		if (!((*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') ||
		      (*c >= '0' && *c <= '9') || is_one_of(*c, "!#$%&'*+-.^_`|~")))
			return false;
	return cursor_left(text) > 0;
}

static bool is_word(const struct cursor *text, const char *word)
{
	size_t len = strlen(word);

	return cursor_left(text) == len && memcmp(text->at, word, len) == 0;
}

/* In whatever case: names of fields, types, parameters */
static bool is_name(const struct cursor *text, const char *name)
{
	size_t len = strlen(name);

	return cursor_left(text) == len && strncasecmp((const char *)text->at, name, len) == 0;
}

/* Take what is before the first byte of @set, or all of it. */
static struct cursor take_until(struct cursor *from, const char *set)
{
	size_t n = 0;

	while (n < cursor_left(from) && !is_one_of(from->at[n], set))
		n++;
	return cursor_sub(from, n);
}

/* Likewise, but what is in quotes does not count (RFC 9110 5.6.4). */
static struct cursor take_unquoted(struct cursor *from, const char *set)
{
	bool quoted = false;
	size_t n = 0;

	while (n < cursor_left(from) && (quoted || !is_one_of(from->at[n], set))) {
		if (quoted && from->at[n] == '\\' && n + 1 < cursor_left(from))
			n++;
		else if (from->at[n] == '"')
			quoted = !quoted;
		n++;
	}
	return cursor_sub(from, n);
}

/* RFC 9110 5.6.3: spaces and tabs around a value are none of it. */
static struct cursor trimmed(struct cursor text)
{
	while (cursor_left(&text) && is_one_of(*text.at, " \t"))
		text.at++;
	while (cursor_left(&text) && is_one_of(text.end[-1], " \t"))
		text.end--;
	return text;
}

/* Return: false where it does not fit, and @out is "". */
static bool copy_text(char *out, size_t size, const struct cursor *text)
{
	size_t len = cursor_left(text);

	out[0] = '\0';
	if (len >= size)
		return false;
	memcpy(out, text->at, len);
	out[len] = '\0';
	return true;
}

/* The next line, without its end, which is CRLF and nothing else (RFC 9112 2.2) */
static bool take_line(struct cursor *head, struct cursor *line)
{
	const uint8_t *end = cursor_left(head) ? memchr(head->at, '\n', cursor_left(head)) : NULL;

	if (!end || end == head->at || end[-1] != '\r')
		return false;
	*line = cursor_sub(head, (size_t)(end + 1 - head->at));
	line->end -= 2;
	return true;
}

/* ---- the request line (RFC 9112 3) ---------------------------------------------------- */

/* RFC 9110 9.1: 405 says "not here", 501 that we have never heard of it. */
static unsigned int read_method(const struct reading *reading, const struct cursor *method)
{
	static const char *const known[] = { "POST", "PUT", "DELETE", "CONNECT", "OPTIONS",
					     "TRACE", "PATCH" };

	reading->request->is_head = is_word(method, "HEAD");
	if (reading->request->is_head || is_word(method, "GET"))
		return 0;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (is_word(method, known[i]))
			return refuse(reading, METHOD_NOT_ALLOWED,
				      "this is read-only: GET and HEAD are all it takes");
	return refuse(reading, NOT_IMPLEMENTED, "no such method; GET and HEAD are all it takes");
}

/* RFC 9112 2.3; a later version of the same kind is answered as ours (RFC 9110 2.5). */
static unsigned int read_version(struct reading *reading, const struct cursor *version)
{
	const uint8_t *v = version->at;

	if (cursor_left(version) != 8 || memcmp(v, "HTTP/", 5) != 0 || v[5] < '0' || v[5] > '9' ||
	    v[6] != '.' || v[7] < '0' || v[7] > '9')
		return refuse(reading, BAD_REQUEST, "broken version");
	reading->is_1_0 = v[7] == '0';
	return v[5] == '1' ? 0 : refuse(reading, VERSION_NOT_SUPPORTED, "not HTTP/1.1");
}

/* RFC 3986 3.2.2, 3.2.3: a host, and maybe a port, which is dropped. */
static unsigned int read_host(const struct reading *reading, struct cursor authority)
{
	struct web_request *request = reading->request;
	struct cursor host;

	for (const uint8_t *c = authority.at; c < authority.end; c++)
		if (*c <= ' ' || *c >= 0x7f || is_one_of(*c, "@/\\\"<>"))
			return refuse(reading, BAD_REQUEST, "broken host");
	if (cursor_left(&authority) && *authority.at == '[') {
		host = take_until(&authority, "]");
		host.at++;
		if (cursor_u8(&authority) != ']')
			return refuse(reading, BAD_REQUEST, "broken host");
	} else {
		host = take_until(&authority, ":");
	}
	if (cursor_left(&authority) && cursor_u8(&authority) != ':')
		return refuse(reading, BAD_REQUEST, "broken host");
	while (cursor_left(&authority))
		if (!is_one_of(cursor_u8(&authority), "0123456789"))
			return refuse(reading, BAD_REQUEST, "broken port");
	if (!copy_text(request->host, sizeof(request->host), &host))
		return refuse(reading, BAD_REQUEST, "the host is too long");
	return 0;
}

/* RFC 9112 3.2.1, 3.2.2: the origin form, and the absolute one, which servers must take. */
static unsigned int read_target(struct reading *reading, struct cursor target)
{
	struct web_request *request = reading->request;
	struct cursor scheme = target, path;
	unsigned int status;

	for (const uint8_t *c = target.at; c < target.end; c++)
		if (*c <= ' ' || *c >= 0x7f)
			return refuse(reading, BAD_REQUEST, "broken request target");
	if (cursor_left(&target) > strlen("http://"))
		scheme.end = scheme.at + strlen("http://");
	if (is_name(&scheme, "http://")) {
		cursor_skip(&target, strlen("http://"));
		reading->has_target_host = true;
		status = read_host(reading, take_until(&target, "/?"));
		if (status)
			return status;
	}
	path = take_until(&target, "?#");
	if (reading->has_target_host && !cursor_left(&path))
		path = cursor_init("/", 1);
	if (!cursor_left(&path) || *path.at != '/')
		return refuse(reading, BAD_REQUEST, "broken request target");
	if (!copy_text(request->path, sizeof(request->path), &path))
		return refuse(reading, URI_TOO_LONG, "no path here is so long");
	return 0;
}

static unsigned int read_request_line(struct reading *reading, struct cursor line)
{
	struct cursor method = take_until(&line, " "), target;
	unsigned int status;

	if (!is_token(&method) || cursor_u8(&line) != ' ')
		return refuse(reading, BAD_REQUEST, "broken request line");
	target = take_until(&line, " ");
	if (cursor_u8(&line) != ' ')
		return refuse(reading, BAD_REQUEST, "broken request line");
	status = read_version(reading, &line);
	if (!status)
		status = read_method(reading, &method);
	return status ? status : read_target(reading, target);
}

/* ---- Accept (RFC 9110 12.5.1) ------------------------------------------------------------ */

/* RFC 9110 12.4.2: 0, 1, or three decimals between. Return: UNSAID where it is none of them. */
static int read_quality(struct cursor text)
{
	uint8_t whole = cursor_u8(&text);
	int quality = whole == '1' ? Q_MAX : 0, unit = Q_MAX / 10;

	if (whole != '0' && whole != '1')
		return UNSAID;
	if (cursor_left(&text) && cursor_u8(&text) != '.')
		return UNSAID;
	for (; cursor_left(&text); unit /= 10) {
		uint8_t digit = cursor_u8(&text);

		if (digit < '0' || digit > '9' || !unit)
			return UNSAID;
		quality += (digit - '0') * unit;
	}
	return quality <= Q_MAX ? quality : UNSAID;
}

/* Of OpenMetrics there may be versions that we do not speak; its drafts, 0.0.1, are as 1.0.0. */
static bool speaks(struct cursor version)
{
	return is_word(&version, "1.0.0") || is_word(&version, "0.0.1") ||
	       is_word(&version, "\"1.0.0\"") || is_word(&version, "\"0.0.1\"");
}

/* One type with its parameters */
static void read_range(struct reading *reading, struct cursor range)
{
	struct cursor type = trimmed(take_unquoted(&range, ";"));
	int quality = Q_MAX, *place = NULL;
	bool spoken = true;

	while (cursor_left(&range)) {
		struct cursor value, name;

		cursor_skip(&range, 1);
		value = trimmed(take_unquoted(&range, ";"));
		name = take_until(&value, "=");
		cursor_u8(&value);
		if (is_name(&name, "q"))
			quality = read_quality(value);
		else if (is_name(&name, "version"))
			spoken = speaks(value);
	}
	if (is_name(&type, "application/openmetrics-text") && spoken)
		place = &reading->openmetrics;
	else if (is_name(&type, "text/plain"))
		place = &reading->plain;
	else if (is_name(&type, "text/*"))
		place = &reading->any_text;
	else if (is_name(&type, "*/*"))
		place = &reading->anything;
	/* Of several versions the one that is wanted most counts. */
	if (place && quality > *place)
		*place = quality;
}

static void read_accept(struct reading *reading, struct cursor value)
{
	while (cursor_left(&value)) {
		read_range(reading, take_unquoted(&value, ","));
		if (cursor_left(&value))
			cursor_skip(&value, 1);
	}
}

/* Plain text is what there is; the other only for who names it and wants it as much. The
 * closest range says how much (RFC 9110 12.5.1). */
static bool prefers_openmetrics(const struct reading *reading)
{
	int plain = reading->plain;

	if (plain == UNSAID)
		plain = reading->any_text;
	if (plain == UNSAID)
		plain = reading->anything;
	return reading->openmetrics > 0 && reading->openmetrics >= plain;
}

/* ---- fields (RFC 9112 5) ---------------------------------------------------------------- */

static unsigned int take_field(struct reading *reading, const struct cursor *name,
			       struct cursor value)
{
	struct web_request *request = reading->request;

	if (is_name(name, "host")) {
		/* RFC 9112 3.2: one, and well formed, even where it does not count */
		char said[WEB_HOST_MAX];
		unsigned int status;

		memcpy(said, request->host, sizeof(said));
		status = reading->n_hosts++ ? refuse(reading, BAD_REQUEST, "more than one Host") :
					      read_host(reading, value);
		if (reading->has_target_host)
			memcpy(request->host, said, sizeof(said));
		return status;
	}
	if (is_name(name, "accept"))
		read_accept(reading, value);
	else if (is_name(name, "if-none-match"))
		copy_text(request->none_match, sizeof(request->none_match), &value);
	else if (is_name(name, "transfer-encoding") ||
		 (is_name(name, "content-length") && !is_word(&value, "0")))
		reading->has_content = true;
	return 0;
}

static unsigned int read_field(struct reading *reading, struct cursor line)
{
	struct cursor name = take_until(&line, ":"), value;

	/* RFC 9112 5.1: no space before the colon; 5.2: nor at the line's beginning */
	if (!is_token(&name) || cursor_u8(&line) != ':')
		return refuse(reading, BAD_REQUEST, "broken field");
	value = trimmed(line);
	/* RFC 9110 5.5 */
	for (const uint8_t *c = value.at; c < value.end; c++)
		if ((*c < ' ' && *c != '\t') || *c == 0x7f)
			return refuse(reading, BAD_REQUEST, "broken field");
	return take_field(reading, &name, value);
}

/* RFC 9110 9.3.1: content of a GET has no meaning, and may be an attempt to deceive. */
static unsigned int finish(const struct reading *reading)
{
	if (reading->n_hosts == 0 && !reading->is_1_0)
		return refuse(reading, BAD_REQUEST, "no Host");
	if (reading->has_content)
		return refuse(reading, CONTENT_TOO_LARGE, "requests have no content here");
	reading->request->openmetrics = prefers_openmetrics(reading);
	return 0;
}

static unsigned int read_head(struct reading *reading, struct cursor head)
{
	struct cursor line;
	unsigned int status;

	if (!take_line(&head, &line))
		return refuse(reading, BAD_REQUEST, "lines end with CR and LF");
	status = read_request_line(reading, line);
	while (!status) {
		if (!take_line(&head, &line))
			return refuse(reading, BAD_REQUEST, "lines end with CR and LF");
		if (!cursor_left(&line))
			return finish(reading);
		status = read_field(reading, line);
	}
	return status;
}

unsigned int web_head_read(const char *head, size_t len, struct web_request *out,
			   const char **why)
{
	struct reading reading = {
		.request = out, .why = why, .openmetrics = UNSAID, .plain = UNSAID,
		.any_text = UNSAID, .anything = UNSAID,
	};
	unsigned int status;

	memset(out, 0, sizeof(*out));
	status = read_head(&reading, cursor_init(head, len));
	if (status)
		*out = (struct web_request){ .is_head = out->is_head };
	return status;
}

/* RFC 9110 8.8.3.2: the weak comparison, in which W/ does not count */
bool web_head_knows(const char *none_match, const char *tag)
{
	struct cursor list = cursor_init(none_match, strlen(none_match));

	while (cursor_left(&list)) {
		struct cursor one = trimmed(take_unquoted(&list, ","));

		if (cursor_left(&one) > 2 && one.at[0] == 'W' && one.at[1] == '/')
			cursor_skip(&one, 2);
		if (is_word(&one, "*") || is_word(&one, tag))
			return true;
		if (cursor_left(&list))
			cursor_skip(&list, 1);
	}
	return false;
}
