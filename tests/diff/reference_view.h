/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Within the reference: bytes, and what a packet says */
#ifndef TESTS_DIFF_REFERENCE_VIEW_H
#define TESTS_DIFF_REFERENCE_VIEW_H

#include <stdbool.h>

#include "reference.h"

enum {
	HOPOPTS = 0, ICMP4 = 1, IGMP = 2, TCP = 6, UDP = 17, ROUTE = 43, FRAG = 44, AH = 51,
	ICMP6 = 58, NONE = 59, DSTOPTS = 60, MOBILITY = 135, HIP = 139, SHIM6 = 140,
};

/* ---- bytes ---------------------------------------------------------------------- */

static inline unsigned int get16(const uint8_t *at)
{
	return (unsigned int)at[0] * 256 + at[1];
}

static inline uint32_t get32(const uint8_t *at)
{
	return (uint32_t)get16(at) * 65536 + get16(at + 2);
}

static inline void put16(uint8_t *at, size_t value)
{
	at[0] = (uint8_t)(value / 256 % 256);
	at[1] = (uint8_t)(value % 256);
}

static inline void put32(uint8_t *at, uint32_t value)
{
	put16(at, value / 65536);
	put16(at + 2, value % 65536);
}

/* RFC 1071, as a number: what the 16-bit words add up to, an odd byte padded with zero */
static inline uint64_t words(const uint8_t *at, size_t len)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < len; i++)
		sum += i % 2 ? at[i] : at[i] * 256u;
	return sum;
}

/* ---- what a packet says: reference_look.c ------------------------------------------ */

struct view {
	bool v6;
	const uint8_t *src, *dst;		/* 4 or 16 bytes */
	unsigned int tos, ttl, proto;
	bool has_fragment_header, df;		/* IPv6; IPv4 */
	bool more;
	unsigned int offset;			/* bytes */
	uint32_t id;
	const uint8_t *payload;
	size_t len, stated;			/* of the payload: at hand; by the IP header */
	size_t whole;				/* bytes of the packet */
	size_t fault_at;
};

/* Return: SENT for "it can be read", or what is wrong with it. */
enum verdict look4(struct view *v, const uint8_t *p, size_t len, bool quoted);
enum verdict look6(struct view *v, const uint8_t *p, size_t len, bool quoted);

/* What comes behind the IP header of a whole packet; SENT_OTHER: another transport */
enum verdict look_inside(const struct view *v);

/* A quoted packet, of the same family as what quotes it; SENT_OTHER: no ports at hand */
enum verdict look_quoted(struct view *v, const uint8_t *p, size_t len, bool v6);

bool is_first_or_only(const struct view *v);
bool is_part(const struct view *v);
bool is_icmp(const struct view *v);
bool is_error(const struct view *v);

/* ---- ICMP errors: reference_icmp.c ---------------------------------------------------- */

/* The first 8 bytes of a message over, but for the checksum and the length attribute of
 * RFC 4884. @quoted_total: Total Length of the quoted IPv4 header. Return: false to drop. */
bool reference_head(bool v6, const uint8_t *message, size_t quoted_total, const struct way *way,
		    uint8_t *head);

#endif
