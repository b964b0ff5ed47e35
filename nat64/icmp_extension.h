/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What RFC 4884 appends to ICMP errors (the MPLS labels and interfaces of a traceroute):
 *
 *	ICMP header | quoted datagram, padded with zeros to 128 bytes at least | extension
 *
 * A length attribute in the ICMP header, in words of 32 bits over IPv4 and of 64 bits over
 * IPv6, says where the extension begins. It is carried over as it is, the attribute anew
 * (RFC 7915 4.2, 5.2: "ICMP Error Payload").
 */
#ifndef NAT64_ICMP_EXTENSION_H
#define NAT64_ICMP_EXTENSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "packet.h"

/* An ICMP error taken apart; borrowed from the packet */
struct icmp_parts {
	size_t quoted_len;		/* bytes behind the ICMP header, padding included */
	const uint8_t *extension;	/* NULL none */
	size_t extension_len;
};

/**
 * icmp_extension_split() - where does the quoted datagram of an error end?
 * @packet:	as packet_parse() read it, icmp_error set.
 *
 * A length below 128 is taken as it is, though RFC 4884 4 forbids it; one that leaves no
 * extension means nothing. Without a length, what is a valid extension behind 128 bytes
 * of an ICMPv4 message is one (RFC 4884 5.5).
 */
struct icmp_parts icmp_extension_split(const struct packet *packet);

/** icmp_extension_allowed() - may an error of this type have one (RFC 4884 4)? */
bool icmp_extension_allowed(enum l3_proto l3, uint8_t type);

/**
 * icmp_extension_room() - bytes for the quoted datagram, so that the extension stays: 128
 * at least. What is still too long of the extension is cut off.
 * @room:	bytes for both.
 */
size_t icmp_extension_room(enum l3_proto l3, size_t extension_len, size_t room);

/**
 * icmp_extension_append() - pad the quoted datagram, append the extension, and write the
 * length attribute.
 * @message:	from the ICMP header on, a quoted datagram of @quoted_len bytes in it, at
 *		most what icmp_extension_room() said.
 * @room:	as there.
 * Return: bytes behind the ICMP header.
 */
size_t icmp_extension_append(enum l3_proto l3, uint8_t *message, size_t quoted_len,
			     const struct icmp_parts *parts, size_t room);

#endif
