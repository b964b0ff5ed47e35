/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Writing IP headers: RFC 791, RFC 8200, as RFC 7915 4.1 and 5.1 fill them. */
#ifndef NAT64_HEADER_H
#define NAT64_HEADER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "packet.h"

struct header_ipv4 {
	uint8_t tos, ttl, proto;
	uint16_t id;			/* host byte order */
	bool df, more;
	uint16_t frag_offset;		/* bytes, a multiple of 8 */
	uint32_t src_be32, dst_be32;
	size_t payload_len;		/* bytes after the header */
};

struct header_ipv6 {
	uint8_t traffic_class, hop_limit, next;
	const struct in6_addr *src, *dst;
	size_t payload_len;		/* bytes after the header */
};

/** header_put16(), header_put32() - store a host order value in network order. */
static inline void header_put16(uint8_t *at, uint16_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static inline void header_put32(uint8_t *at, uint32_t value)
{
	header_put16(at, (uint16_t)(value >> 16));
	header_put16(at + 2, (uint16_t)value);
}

/** header_put_ipv4() - 20 bytes at @at, checksum included. */
void header_put_ipv4(uint8_t *at, const struct header_ipv4 *header);

/** header_put_ipv6() - 40 bytes at @at; flow label 0. */
void header_put_ipv6(uint8_t *at, const struct header_ipv6 *header);

/**
 * header_put_fragment() - the Fragment header, 8 bytes at @at (RFC 8200 4.5).
 * @offset:	bytes, a multiple of 8.
 * @id:		host byte order.
 */
void header_put_fragment(uint8_t *at, uint8_t next, uint16_t offset, bool more, uint32_t id);

/**
 * header_put_icmp() - type, code, no checksum yet, and the word after it: 8 bytes at @at.
 * @word:	MTU, pointer or zero, host byte order.
 */
void header_put_icmp(uint8_t *at, uint8_t type, uint8_t code, uint32_t word);

#endif
