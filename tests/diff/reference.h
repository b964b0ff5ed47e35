/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A second translator, to compare the first with: RFC 7915 sections 4 and 5, RFC 4884 and the
 * figures that they refer to, written down as they read, slowly, with no header of the
 * project. Every checksum is computed over all that it covers.
 *
 * What is not in the RFCs, both must agree on by what the headers of nat64/ say: more than 15
 * extension headers are malformed; a packet larger than the way that it came by (put together
 * by the kernel) may leave in fragments; so may one that no Packet Too Big could make smaller.
 */
#ifndef TESTS_DIFF_REFERENCE_H
#define TESTS_DIFF_REFERENCE_H

#include <stddef.h>
#include <stdint.h>

enum verdict {
	SENT,			/* by its ports, identifier, or as an ICMP error */
	SENT_OTHER,		/* by its addresses alone: another transport, or an error about one */
	TOO_BIG,
	NO_CHECKSUM,		/* UDP over IPv6 */
	MALFORMED,
	FRAGMENT,
	NO_COUNTERPART,		/* a protocol number that is something else over there */
	ROUTING,		/* segments left: parameter problem at .fault_at */
	NEXT_HEADER,		/* Hop-by-Hop Options not first: parameter problem at .fault_at */
	EXTENSION,		/* behind a Fragment header */
	SOURCE_ROUTE,		/* not over */
	ICMP_TYPE,		/* never translated */
	ERROR_CHECKSUM,		/* ICMP errors: */
	ERROR_INNER,		/* what is quoted cannot be translated */
	ERROR_HEAD,		/* type, code or pointer is not in the tables */
	VERDICT_COUNT,
};

/* Who a packet is to be from and to, on either side */
struct mapping {
	uint8_t inside[16], remote6[16], outside[4], remote4[4];
	uint8_t router6[16], router4[4];	/* sources of ICMP errors */
	unsigned int inside_port, outside_port, remote_port;
};

/* The ways out, and what the identification generator gives */
struct way {
	size_t mtu4, mtu6, lowest6;
	unsigned int id;
};

enum { RESULT_PACKETS = 128, RESULT_BYTES = 80000 };

struct result {
	enum verdict verdict;
	size_t fault_at;
	size_t n;
	size_t len[RESULT_PACKETS];		/* of the packets, which stand one after another */
	uint8_t bytes[RESULT_BYTES];
};

/** reference_translate() - @packet of @len bytes, of either family. */
void reference_translate(const uint8_t *packet, size_t len, const struct mapping *mapping,
			 const struct way *way, struct result *result);

#endif
