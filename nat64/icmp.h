/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ICMP errors over to the other family: RFC 7915 4.2, 4.3, 5.2, 5.3, with the
 * packet that they quote. Pure: bytes in, bytes out.
 */
#ifndef NAT64_ICMP_H
#define NAT64_ICMP_H

#include <stddef.h>
#include <stdint.h>

#include "packet.h"

struct flow;

/* Type, code and the second word of an ICMP message (MTU, pointer), host byte order */
struct icmp_head {
	uint8_t type, code;
	uint32_t word;
};

/* MTUs of the links on our two sides, bytes */
struct icmp_links {
	size_t mtu4, mtu6;
};

enum icmp_result {
	ICMP_OK,
	ICMP_UNTRANSLATABLE,	/* the tables have no entry for this type, code or pointer */
	ICMP_BAD_CHECKSUM,
	ICMP_BAD_INNER,		/* what it quotes cannot be read, or is an error itself */
	ICMP_OTHER_INNER,	/* it quotes another protocol, or a later fragment: only a
				 * mapping of addresses alone can tell whose it is */
};

/** icmp_head_to6() - the table of RFC 7915 4.2. */
enum icmp_result icmp_head_to6(const struct icmp_head *from, const struct icmp_links *links,
			       size_t quoted_len, struct icmp_head *to);

/** icmp_head_to4() - the table of RFC 7915 5.2; the MTU fits its 16 bits. */
enum icmp_result icmp_head_to4(const struct icmp_head *from, const struct icmp_links *links,
			       struct icmp_head *to);

/**
 * icmp_open() - read an error: its checksum, its head, the packet that it quotes.
 * @packet:	as packet_parse() read it, icmp_error set.
 * @quoted:	without padding and extensions (RFC 4884); set where ICMP_OTHER_INNER too.
 */
enum icmp_result icmp_open(const struct packet *packet, struct icmp_head *head,
			   struct packet *quoted);

/**
 * icmp_to6() - build the ICMPv6 error.
 * @packet, @quoted:	the error and what it quotes, for which icmp_open() said ICMP_OK, or
 *		ICMP_OTHER_INNER with a @flow of addresses alone; @quoted is changed in place.
 * @head:	from icmp_head_to6().
 * @flow:	whose packet is quoted.
 * @src:	of the error in IPv6.
 * @out:	IPV6_MTU_MIN bytes.
 * Return: bytes written, at most IPV6_MTU_MIN (RFC 4443 2.4 c). Extensions are carried
 * over to the types that have them (RFC 4884 4), and the quoted packet is shortened for
 * them.
 */
size_t icmp_to6(const struct packet *packet, struct packet *quoted, const struct icmp_head *head,
		const struct flow *flow, const struct in6_addr *src, uint8_t *out);

/**
 * icmp_to4() - build the ICMPv4 error, to the flow's remote.
 * @src_be32:	of the error in IPv4, network order.
 * @out:	IPV6_MTU_MIN bytes.
 * Return: bytes written, at most 576 (RFC 1812 4.3.2.3), extensions as in icmp_to6().
 */
size_t icmp_to4(const struct packet *packet, struct packet *quoted, const struct icmp_head *head,
		const struct flow *flow, uint32_t src_be32, uint16_t id, uint8_t *out);

#endif
