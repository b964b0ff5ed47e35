/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The PROXY protocol (HAProxy's proxy-protocol.txt), by which a proxy tells the one behind it
 * who its client is: versions 1 and 2 read, version 2 written. Pure.
 */
#ifndef SNID_PROXY_H
#define SNID_PROXY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../core/addr.h"

enum {
	PROXY_V1_MAX = 107,		/* 2.1: bytes, CRLF included */
	PROXY_V2_MAX = 16 + 4096,	/* what is read of a version 2: no proxy sends as much */
	/* 2.2: header, two IPv6 addresses with ports, a TLV with a protocol, one with a name */
	PROXY_WRITE_MAX = 16 + 36 + 3 + 255 + 3 + 255,
};

struct proxy_header {
	bool has_client;	/* or the proxy speaks for itself, or does not tell */
	struct endpoint client, server;	/* whose connection it is, and where to */
};

/** proxy_begins() - could this be the beginning of a header of either version? @len >= 1 */
bool proxy_begins(const uint8_t *wire, size_t len);

/** proxy_has_begun() - is it one, broken or not? All that tells it from others has come. */
bool proxy_has_begun(const uint8_t *wire, size_t len);

/**
 * proxy_read() - the header with which a connection begins.
 * @wire:	every byte since the connection's first.
 * @header:	set where the header is whole.
 * @why:	set where it is refused, to a static text.
 * Return: the bytes it takes; 0: good so far, more are needed; -EPROTO: it is none, or broken.
 *
 * A client told of as ::ffff:a.b.c.d is the IPv4 client; one with an address that no host has (loopback,
 * multicast, unspecified) is refused. Unknown TLVs are passed over; a
 * checksum is checked where there is one (2.2.3).
 */
int proxy_read(const uint8_t *wire, size_t len, struct proxy_header *header, const char **why);

/**
 * proxy_write() - a header of version 2.
 * @out:	PROXY_WRITE_MAX bytes.
 * @client, @server:	written as IPv4 where both are, else as IPv6.
 * @name:	PP2_TYPE_AUTHORITY, "" for none.
 * @alpn:	PP2_TYPE_ALPN, at most 255 bytes, "" for none.
 * Return: how many bytes it has.
 */
size_t proxy_write(uint8_t *out, const struct endpoint *client, const struct endpoint *server,
		   const char *name, const char *alpn);

#endif
