/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From bytes to a server name, in two steps: the record layer is walked as the
 * bytes come, and only when the handshake message is complete is it parsed, once
 * and as a whole. A hello in one record (nearly all) is parsed where it stands; one
 * in several records is first put together in the caller's scratch buffer.
 *
 * Strictness follows one thought: the server behind us must not see another name
 * than we did. What we do not route by (versions, ciphers, ECH, GREASE, and every
 * other extension) is passed over unjudged, as long as its lengths add up.
 */
#include "hello.h"

#include <string.h>

#include "../core/cursor.h"

enum {
	RECORD_HANDSHAKE = 22,		/* RFC 8446 5.1: ContentType */
	RECORD_HEADER_LEN = 5,
	RECORD_MAX = 1 << 14,		/* a plaintext record's fragment */
	TLS_MAJOR = 3,			/* first byte of every version, SSL 3.0 to TLS 1.3 */
	HANDSHAKE_CLIENT_HELLO = 1,	/* RFC 8446 4: HandshakeType */
	HANDSHAKE_HEADER_LEN = 4,
	RANDOM_LEN = 32,
	SESSION_ID_MAX = 32,
	EXTENSION_SERVER_NAME = 0,	/* RFC 6066 3 */
	NAME_TYPE_HOST_NAME = 0,
	EXTENSION_ALPN = 16,		/* RFC 7301 3.1 */
};

/* What the extensions told */
struct extensions {
	bool has_name, has_alpn;
	struct hello hello;
};

/* RFC 6066 3: a list of one host name. The RFC forbids two of one type, and gives no
 * way to pass over a type that is not host_name. */
static bool parse_server_name(struct cursor body, struct extensions *found)
{
	struct cursor list = cursor_sub(&body, cursor_u16(&body));
	uint8_t type = cursor_u8(&list);
	size_t len = cursor_u16(&list);
	const uint8_t *at = cursor_skip(&list, len);

	if (body.failed || list.failed || cursor_left(&body) || cursor_left(&list))
		return false;
	if (type != NAME_TYPE_HOST_NAME || len == 0 || found->has_name)
		return false;
	found->has_name = true;
	found->hello.name = (struct hello_bytes){ .at = at, .len = len };
	return true;
}

/* RFC 8701 2: values that no protocol has, so that servers learn to pass over such. */
static bool is_grease(const uint8_t *protocol, size_t len)
{
	return len == 2 && protocol[0] == protocol[1] && (protocol[0] & 0x0f) == 0x0a;
}

/* RFC 7301 3.1: at least one protocol, none of them empty. */
static bool parse_alpn(struct cursor body, struct extensions *found)
{
	struct cursor list = cursor_sub(&body, cursor_u16(&body));
	struct hello_bytes only = { .at = NULL };
	size_t n = 0;

	if (body.failed || cursor_left(&body) || cursor_left(&list) == 0 || found->has_alpn)
		return false;
	while (cursor_left(&list)) {
		size_t len = cursor_u8(&list);
		const uint8_t *at = cursor_skip(&list, len);

		if (!at || len == 0)
			return false;
		if (is_grease(at, len))
			continue;
		only = (struct hello_bytes){ .at = at, .len = len };
		n++;
	}
	found->has_alpn = true;
	if (n == 1)
		found->hello.alpn = only;
	return true;
}

/* RFC 8446 4.2: one extension after the other. What we read must not be there twice; what
 * else is there twice is the server's to judge. */
static bool parse_extensions(struct cursor list, struct extensions *found)
{
	while (cursor_left(&list)) {
		uint16_t type = cursor_u16(&list);
		struct cursor body = cursor_sub(&list, cursor_u16(&list));

		if (list.failed)
			return false;
		switch (type) {
		case EXTENSION_SERVER_NAME:
			if (!parse_server_name(body, found))
				return false;
			break;
		case EXTENSION_ALPN:
			if (!parse_alpn(body, found))
				return false;
			break;
		default:
			break;
		}
	}
	return true;
}

/* RFC 8446 4.1.2, which RFC 5246 7.4.1.2 agrees with in shape; @message is its body. */
static enum hello_result parse_client_hello(struct cursor message, struct hello *hello)
{
	struct extensions found = { .has_name = false };
	uint8_t major = cursor_u8(&message);
	size_t session_id_len, ciphers_len, compressions_len;

	cursor_skip(&message, 1 + RANDOM_LEN);
	session_id_len = cursor_u8(&message);
	cursor_skip(&message, session_id_len);
	ciphers_len = cursor_u16(&message);
	cursor_skip(&message, ciphers_len);
	compressions_len = cursor_u8(&message);
	cursor_skip(&message, compressions_len);
	if (message.failed || major != TLS_MAJOR || session_id_len > SESSION_ID_MAX ||
	    ciphers_len < 2 || ciphers_len % 2 || compressions_len < 1)
		return HELLO_MALFORMED;

	/* Before TLS 1.3 a hello may end here (RFC 5246 7.4.1.2). */
	if (cursor_left(&message) > 0) {
		struct cursor list = cursor_sub(&message, cursor_u16(&message));

		if (message.failed || cursor_left(&message) || !parse_extensions(list, &found))
			return HELLO_MALFORMED;
	}
	*hello = found.hello;
	return found.has_name ? HELLO_NAME : HELLO_NO_NAME;
}

/* Judge a record's header by as much of it as is there (RFC 8446 5.1).
 * @fragment_len: bytes, out; only where the header is whole.
 * Return: HELLO_NEED_MORE where there is no objection. */
static enum hello_result check_record_header(struct cursor c, bool first, size_t *fragment_len)
{
	/* Nothing may come between the records of one handshake message. */
	enum hello_result other = first ? HELLO_NOT_TLS : HELLO_MALFORMED;
	uint8_t type = cursor_u8(&c), major;

	if (!c.failed && type != RECORD_HANDSHAKE)
		return other;
	major = cursor_u8(&c);
	if (!c.failed && major != TLS_MAJOR)
		return other;
	cursor_skip(&c, 1);
	*fragment_len = cursor_u16(&c);
	/* A handshake record is never empty. */
	if (!c.failed && (*fragment_len == 0 || *fragment_len > RECORD_MAX))
		return HELLO_MALFORMED;
	return HELLO_NEED_MORE;
}

/* Copy the first @want bytes of handshake message out of whole records. */
static void gather_fragments(const uint8_t *wire, size_t wire_len, uint8_t *out, size_t want)
{
	struct cursor c = cursor_init(wire, wire_len);

	while (want && cursor_left(&c)) {
		const uint8_t *fragment;
		size_t len, part;

		cursor_skip(&c, RECORD_HEADER_LEN - sizeof(uint16_t));
		len = cursor_u16(&c);
		fragment = cursor_skip(&c, len);
		if (!fragment)
			return;
		part = len < want ? len : want;
		memcpy(out, fragment, part);
		out += part;
		want -= part;
	}
}

/* With the records that are whole: is the message, and what does it say? */
static enum hello_result try_message(const struct hello_scan *scan, const uint8_t *wire,
				     uint8_t *gather, struct hello *hello)
{
	uint8_t header[HANDSHAKE_HEADER_LEN] = { 0 };
	struct cursor c = cursor_init(header, sizeof(header));
	const uint8_t *message = wire + RECORD_HEADER_LEN;
	size_t message_len;

	if (scan->gathered < sizeof(header))
		return HELLO_NEED_MORE;
	gather_fragments(wire, scan->record_at, header, sizeof(header));
	if (cursor_u8(&c) != HANDSHAKE_CLIENT_HELLO)
		return HELLO_MALFORMED;
	message_len = sizeof(header) + cursor_u24(&c);
	if (message_len > HELLO_MAX)
		return HELLO_TOO_BIG;
	if (scan->gathered < message_len)
		return HELLO_NEED_MORE;
	if (scan->first_len < message_len) {
		gather_fragments(wire, scan->record_at, gather, message_len);
		message = gather;
	}
	return parse_client_hello(cursor_init(message + sizeof(header),
					      message_len - sizeof(header)), hello);
}

enum hello_result hello_scan(struct hello_scan *scan, const uint8_t *wire, size_t wire_len,
			     uint8_t *gather, struct hello *hello)
{
	size_t limit = wire_len < HELLO_WIRE_MAX ? wire_len : HELLO_WIRE_MAX;

	for (;;) {
		size_t left = limit - scan->record_at, fragment_len;
		enum hello_result result;

		result = check_record_header(cursor_init(wire + scan->record_at, left),
					     scan->record_at == 0, &fragment_len);
		if (result != HELLO_NEED_MORE)
			return result;
		if (left < RECORD_HEADER_LEN || left - RECORD_HEADER_LEN < fragment_len)
			break;
		if (scan->record_at == 0)
			scan->first_len = fragment_len;
		scan->record_at += RECORD_HEADER_LEN + fragment_len;
		scan->gathered += fragment_len;

		result = try_message(scan, wire, gather, hello);
		if (result != HELLO_NEED_MORE)
			return result;
	}
	return limit < HELLO_WIRE_MAX ? HELLO_NEED_MORE : HELLO_TOO_BIG;
}
