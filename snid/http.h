/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The head of a connection's first HTTP/1 request (RFC 9112 2 to 5), for the host it is for.
 * Pure: bytes in, host out. What follows it on the connection, further requests too, goes
 * where the first one went.
 */
#ifndef SNID_HTTP_H
#define SNID_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { HTTP_HEAD_MAX = 32 * 1024 };	/* bytes, up to and with the empty line */

enum http_result {
	HTTP_NEED_MORE,		/* good so far; again when there is more */
	HTTP_HOST,		/* a well-formed host of one byte or more; may be an address */
	HTTP_NO_HOST,		/* a whole, well-formed head that names none */
	HTTP_BAD,		/* broken; never to be taken for HTTP_NO_HOST */
	HTTP_VERSION,		/* another than HTTP/1.x, such as HTTP/2's preface */
	HTTP_TOO_BIG,		/* beyond HTTP_HEAD_MAX */
};

/* How far the lines have been read; zero before the first byte. Offsets, as bytes may move. */
struct http_scan {
	size_t line_at;			/* where the line that is not whole begins */
	size_t searched;		/* how far its end has been looked for */
	size_t host_at, host_len;
	unsigned int n_hosts;		/* Host fields */
	bool empty_line;		/* one came before the request */
	bool has_request;		/* the request line was read */
	bool is_head;			/* the method: its answer has no content */
	bool is_1_0;
	bool is_absolute;		/* the host is the target's */
};

struct http_host {
	const uint8_t *at;		/* in the wire bytes; borrowed */
	size_t len;			/* without the port */
};

/**
 * http_scan() - look at all that came so far.
 * @scan:	kept by the caller between the calls of one connection.
 * @wire:	every byte since the connection's first; it may have moved since.
 * @host:	set where HTTP_HOST.
 * @why:	set where HTTP_BAD, to a static text.
 *
 * Each byte is looked at once, however it comes.
 */
enum http_result http_scan(struct http_scan *scan, const uint8_t *wire, size_t wire_len,
			   struct http_host *host, const char **why);

#endif
