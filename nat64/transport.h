/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The transport header over to the other family, in place: ports or identifier,
 * ICMP query type, and the checksum by increment (RFC 7915 4.4, 4.5, 5.4, 5.5).
 */
#ifndef NAT64_TRANSPORT_H
#define NAT64_TRANSPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "packet.h"

struct transport_change {
	struct in6_addr src, dst;	/* the new addresses; mapped, where IPv4 */
	uint16_t src_port, dst_port;	/* host byte order; ICMP query: the identifier in both */
};

/**
 * transport_translate() - rewrite the transport header of @packet.
 * @packet:	read by packet_parse(), not an ICMP error; addresses in it are the old ones.
 *		L4_OTHER is left as it is (RFC 7915 4.5, 5.5).
 * @quoted:	it stands in an ICMP error: what was cut off is left alone.
 * Return: true; false for a UDP datagram over IPv6 without a checksum, which is
 * forbidden there (RFC 8200 8.1).
 */
bool transport_translate(struct packet *packet, const struct transport_change *change, bool quoted);

/**
 * transport_clamp_mss() - lower the MSS option of a SYN (RFC 9293 3.7.1).
 * @limit:	bytes.
 * Return: true if it was lowered.
 */
bool transport_clamp_mss(struct packet *packet, uint16_t limit);

#endif
