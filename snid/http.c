/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A request's head, line by line as the lines come. Strict, as hello.c is: the server behind
 * us must not see another host than we did. So what RFC 9112 lets a recipient mend (line ends
 * without CR, folded lines, white space in wrong places) is refused.
 */
#include "http.h"

#include <string.h>
#include <strings.h>

/* ---- characters (RFC 9110 5.6.2, RFC 3986 2) ------------------------------------ */

static bool is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

static bool is_alpha(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_one_of(uint8_t c, const char *set)
{
	return c && strchr(set, c);
}

static bool is_tchar(uint8_t c)
{
	return is_alpha(c) || is_digit(c) || is_one_of(c, "!#$%&'*+-.^_`|~");
}

/* RFC 3986 3.2.2: of a reg-name; and what else is in brackets */
static bool is_host_char(uint8_t c)
{
	return is_alpha(c) || is_digit(c) || is_one_of(c, "-._~!$&'()*+,;=%");
}

/* ---- lines ---------------------------------------------------------------------- */

struct line {
	const uint8_t *at, *end;	/* without CRLF */
};

static size_t left(const struct line *line)
{
	return (size_t)(line->end - line->at);
}

/* Take @text off the line's beginning, where it is there, in whatever case. */
static bool take(struct line *line, const char *text)
{
	size_t len = strlen(text);

	if (left(line) < len || strncasecmp((const char *)line->at, text, len) != 0)
		return false;
	line->at += len;
	return true;
}

/* Take what is before the first byte of @set, or all of it. */
static struct line take_until(struct line *line, const char *set)
{
	struct line taken = { line->at, line->at };

	while (taken.end < line->end && !is_one_of(*taken.end, set))
		taken.end++;
	line->at = taken.end;
	return taken;
}

static bool is_token(const struct line *text)
{
	for (const uint8_t *c = text->at; c < text->end; c++)
		if (!is_tchar(*c))
			return false;
	return left(text) > 0;
}

/* RFC 9110 5.6.3: spaces and tabs around a value are none of it. */
static void trim(struct line *text)
{
	while (left(text) && is_one_of(*text->at, " \t"))
		text->at++;
	while (left(text) && is_one_of(text->end[-1], " \t"))
		text->end--;
}

/* ---- hosts ---------------------------------------------------------------------- */

/* RFC 3986 3.2.2, 3.2.3: uri-host [ ":" port ]. Return: NULL, @authority being the host. */
static const char *parse_authority(struct line *authority)
{
	struct line rest = *authority, host;

	if (left(&rest) && *rest.at == '[') {
		host = take_until(&rest, "]");
		if (!left(&rest))
			return "broken host";
		host.end = ++rest.at;
	} else {
		host = take_until(&rest, ":");
		for (const uint8_t *c = host.at; c < host.end; c++)
			if (!is_host_char(*c))
				return "broken host";
	}
	if (left(&rest) && *rest.at++ != ':')
		return "broken host";
	for (; left(&rest); rest.at++)
		if (!is_digit(*rest.at))
			return "broken port";
	*authority = host;
	return NULL;
}

static void note_host(struct http_scan *scan, const uint8_t *wire, const struct line *host)
{
	scan->host_at = (size_t)(host->at - wire);
	scan->host_len = left(host);
}

/* ---- the request line (RFC 9112 3) ------------------------------------------------ */

static bool is_text(const struct line *line, const char *text)
{
	size_t len = strlen(text);

	return left(line) == len && memcmp(line->at, text, len) == 0;
}

/* RFC 9112 3.2.1 and 3.2.4: then Host tells. There is no form besides, for us: see below. */
static const char *parse_other_target(const struct line *method, const struct line *target)
{
	if (!left(target))
		return "no request target";
	if (*target->at == '/' || (is_text(target, "*") && is_text(method, "OPTIONS")))
		return NULL;
	return "broken request target";
}

/* RFC 9112 3.2.2: its host counts, whatever Host says. RFC 9110 4.2.1: it has one; 4.2.4: and
 * no user, which would only deceive. */
static const char *parse_target(struct http_scan *scan, const uint8_t *wire,
				const struct line *method, struct line target)
{
	struct line authority;
	const char *wrong;

	for (const uint8_t *c = target.at; c < target.end; c++)
		if (*c <= ' ' || *c == 0x7f)
			return "broken request target";
	/* 3.2.3: a tunnel, to where it says */
	if (is_text(method, "CONNECT"))
		return "no proxy for CONNECT";
	if (!take(&target, "http://") && !take(&target, "https://"))
		return parse_other_target(method, &target);
	authority = take_until(&target, "/?#");
	wrong = parse_authority(&authority);
	if (wrong)
		return wrong;
	if (!left(&authority))
		return "no host in the request target";
	scan->is_absolute = true;
	note_host(scan, wire, &authority);
	return NULL;
}

/* RFC 9112 2.3 */
static enum http_result parse_version(struct http_scan *scan, const struct line *version,
				      const char **why)
{
	const uint8_t *v = version->at;

	*why = "broken version";
	if (left(version) != 8 || memcmp(v, "HTTP/", 5) != 0 || !is_digit(v[5]) || v[6] != '.' ||
	    !is_digit(v[7]))
		return HTTP_BAD;
	scan->is_1_0 = v[7] == '0';
	return v[5] == '1' ? HTTP_NEED_MORE : HTTP_VERSION;
}

static enum http_result read_request(struct http_scan *scan, const uint8_t *wire,
				     struct line line, const char **why)
{
	struct line method = take_until(&line, " "), target, version;
	enum http_result result;

	*why = "broken request line";
	if (!is_token(&method) || !left(&line))
		return HTTP_BAD;
	scan->is_head = is_text(&method, "HEAD");
	line.at++;
	target = take_until(&line, " ");
	if (!left(&line))
		return HTTP_BAD;
	version = (struct line){ line.at + 1, line.end };
	result = parse_version(scan, &version, why);
	if (result != HTTP_NEED_MORE)
		return result;
	*why = parse_target(scan, wire, &method, target);
	scan->has_request = true;
	return *why ? HTTP_BAD : HTTP_NEED_MORE;
}

/* ---- fields (RFC 9112 5) ----------------------------------------------------------- */

/* RFC 9112 3.2: one Host field, with a well-formed value, which may be empty. */
static const char *read_host(struct http_scan *scan, const uint8_t *wire, struct line value)
{
	const char *wrong;

	if (++scan->n_hosts > 1)
		return "more than one Host";
	trim(&value);
	wrong = parse_authority(&value);
	if (!wrong && !scan->is_absolute)
		note_host(scan, wire, &value);
	return wrong;
}

/* RFC 9112 5.1: no space before the colon; 5.2: nor at the line's beginning. */
static enum http_result read_field(struct http_scan *scan, const uint8_t *wire,
				   struct line line, const char **why)
{
	struct line name = take_until(&line, ":");

	*why = "broken field";
	if (!is_token(&name) || !left(&line))
		return HTTP_BAD;
	line.at++;
	*why = NULL;
	if (left(&name) == 4 && take(&name, "host"))
		*why = read_host(scan, wire, line);
	return *why ? HTTP_BAD : HTTP_NEED_MORE;
}

/* The empty line has come. */
static enum http_result finish(const struct http_scan *scan, const uint8_t *wire,
			       struct http_host *host, const char **why)
{
	*why = "no Host";
	if (scan->n_hosts == 0 && !scan->is_1_0)
		return HTTP_BAD;
	*host = (struct http_host){ wire + scan->host_at, scan->host_len };
	return host->len ? HTTP_HOST : HTTP_NO_HOST;
}

static enum http_result read_line(struct http_scan *scan, const uint8_t *wire,
				  struct line line, struct http_host *host, const char **why)
{
	/* RFC 9110 5.5: neither is part of anything. */
	*why = "NUL or CR";
	if (memchr(line.at, '\0', left(&line)) || memchr(line.at, '\r', left(&line)))
		return HTTP_BAD;
	if (scan->has_request)
		return left(&line) ? read_field(scan, wire, line, why) :
				     finish(scan, wire, host, why);
	if (left(&line))
		return read_request(scan, wire, line, why);
	/* RFC 9112 2.2: one empty line is passed over. */
	*why = "empty lines";
	if (scan->empty_line)
		return HTTP_BAD;
	scan->empty_line = true;
	return HTTP_NEED_MORE;
}

enum http_result http_scan(struct http_scan *scan, const uint8_t *wire, size_t wire_len,
			   struct http_host *host, const char **why)
{
	size_t limit = wire_len < HTTP_HEAD_MAX ? wire_len : HTTP_HEAD_MAX;

	for (;;) {
		const uint8_t *from = wire + scan->searched;
		const uint8_t *lf = scan->searched < limit ?
			memchr(from, '\n', limit - scan->searched) : NULL;
		struct line line = { wire + scan->line_at, lf ? lf - 1 : NULL };
		enum http_result result;

		if (!lf)
			break;
		*why = "line without CR";
		if (lf == line.at || *line.end != '\r')
			return HTTP_BAD;
		result = read_line(scan, wire, line, host, why);
		if (result != HTTP_NEED_MORE)
			return result;
		scan->line_at = scan->searched = (size_t)(lf - wire) + 1;
	}
	scan->searched = limit;
	return limit < HTTP_HEAD_MAX ? HTTP_NEED_MORE : HTTP_TOO_BIG;
}
