/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The first bytes of a TLS connection: records, handshake message, ClientHello,
 * server name, protocols (RFC 8446 5.1, 4, 4.1.2; RFC 6066 3; RFC 7301 3.1). Pure: bytes
 * in, name out.
 */
#ifndef SNID_HELLO_H
#define SNID_HELLO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	HELLO_MAX = 64 * 1024,		/* bytes of handshake message that are read at most */
	HELLO_WIRE_MAX = 2 * HELLO_MAX,	/* the same with record headers between them */
};

enum hello_result {
	HELLO_NEED_MORE,	/* good so far; feed again when there is more */
	HELLO_NAME,		/* a name of one byte or more, not yet validated */
	HELLO_NO_NAME,		/* a whole, well-formed ClientHello without server_name */
	HELLO_NOT_TLS,		/* the first bytes are no TLS handshake record */
	HELLO_MALFORMED,	/* TLS, but broken; never to be taken for HELLO_NO_NAME */
	HELLO_TOO_BIG,		/* beyond HELLO_MAX or HELLO_WIRE_MAX */
};

/* How far the records have been walked; zero before the first byte. */
struct hello_scan {
	size_t record_at;	/* offset of the first record not yet complete */
	size_t first_len;	/* bytes of handshake message in the first record */
	size_t gathered;	/* the same in all complete records */
};

/* Bytes as they stand in the hello */
struct hello_bytes {
	const uint8_t *at;	/* in the wire bytes or in the gather buffer; borrowed */
	size_t len;
};

/* What a whole hello says */
struct hello {
	struct hello_bytes name;	/* empty where HELLO_NO_NAME */
	struct hello_bytes alpn;	/* the only protocol that is offered; empty: none, or several */
};

/**
 * hello_scan() - look at all that came so far.
 * @scan:	kept by the caller between the calls of one connection.
 * @wire:	every byte since the connection's first; it may have moved since the
 *		last call, the bytes already seen are the same.
 * @wire_len:	bytes; what follows the hello is not looked at.
 * @gather:	HELLO_MAX bytes of scratch, for a hello that spans several records;
 *		its content matters only while @hello is used.
 * @hello:	set where HELLO_NAME or HELLO_NO_NAME.
 *
 * The work of one call is in proportion to what is new, so that a hello which comes
 * byte by byte costs no more than one that comes at once.
 */
enum hello_result hello_scan(struct hello_scan *scan, const uint8_t *wire, size_t wire_len,
			     uint8_t *gather, struct hello *hello);

#endif
