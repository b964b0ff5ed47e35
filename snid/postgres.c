/* SPDX-License-Identifier: GPL-2.0-or-later */
/* PostgreSQL's requests; see postgres.h. */
#include "postgres.h"

#include "../core/cursor.h"

/* 55.7, "Message Formats": the length, which counts itself, and a code. A StartupMessage has
 * the protocol's version in its place, major and minor number. */
enum {
	CODE_CANCEL = 1234 << 16 | 5678,
	CODE_SSL = 1234 << 16 | 5679,
	CODE_GSS = 1234 << 16 | 5680,
	VERSION_MAJOR = 3,
	STARTUP_MAX = 10000,		/* MAX_STARTUP_PACKET_LENGTH of the server */
	CANCEL_MIN = 16,		/* keys are longer since protocol 3.2 */
};

const uint8_t postgres_ssl_request[POSTGRES_REQUEST_LEN] = {
	0, 0, 0, POSTGRES_REQUEST_LEN,
	CODE_SSL >> 24, CODE_SSL >> 16 & 0xff, CODE_SSL >> 8 & 0xff, CODE_SSL & 0xff,
};

enum postgres_result postgres_read(bool *gss_refused, const uint8_t *wire, size_t len)
{
	struct cursor c = cursor_init(wire, len);
	uint32_t message_len = cursor_u32(&c);
	uint32_t code = cursor_u32(&c);

	if (len >= sizeof(message_len) &&
	    (message_len < POSTGRES_REQUEST_LEN || message_len > STARTUP_MAX))
		return POSTGRES_BAD;
	if (c.failed)
		return POSTGRES_NEED_MORE;
	if (code == CODE_SSL && message_len == POSTGRES_REQUEST_LEN)
		return cursor_left(&c) ? POSTGRES_UNENCRYPTED : POSTGRES_SAY_YES;
	if (code == CODE_GSS && message_len == POSTGRES_REQUEST_LEN && !*gss_refused) {
		*gss_refused = true;
		return POSTGRES_SAY_NO;
	}
	if (code == CODE_CANCEL && message_len >= CANCEL_MIN)
		return POSTGRES_CANCEL;
	/* It is told so at once: what else it says is of no account. */
	return code >> 16 == VERSION_MAJOR ? POSTGRES_PLAIN : POSTGRES_BAD;
}

const char *postgres_judge_answer(const uint8_t *answer, size_t len)
{
	if (len == 0)
		return "the server closed when asked for TLS";
	if (len > 1)
		return "the server said more than whether it speaks TLS";
	if (answer[0] == 'S')
		return NULL;
	return answer[0] == 'N' ? "the server does not speak TLS" :
				  "the server did not say whether it speaks TLS";
}
