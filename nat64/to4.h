/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A packet from IPv6 to IPv4: RFC 7915 section 5, and fragments where they are due. */
#ifndef NAT64_TO4_H
#define NAT64_TO4_H

#include "packet.h"

struct emit;
struct flow;
struct ipid;

enum to_result {
	TO_SENT,
	TO_TOO_BIG,	/* the sender must be told; nothing was changed */
	TO_NO_CHECKSUM,	/* UDP over IPv6 without one */
};

/**
 * to4_send() - translate a whole TCP, UDP or ICMP query packet and queue it; or one for
 * which packet_parse() said PACKET_PROTOCOL (l4 is L4_OTHER), of which only the addresses
 * of @flow are used and the transport header stays as it is (RFC 7915 5.5).
 * @packet:	is changed in place, unless TO_TOO_BIG.
 * @mtu4:	of the way to the remote host; @mtu6: of the way back inside.
 *
 * DF is as in 5.1: clear up to 1260 bytes, and where there was a Fragment header. What
 * does not fit is refused, except a packet that may be cut, one that no Packet Too Big
 * could make smaller (up to 1280 bytes), or one that the kernel has put together on its
 * way here (larger than @mtu6): these leave in fragments.
 *
 * The identification is the translator's own even where there was a Fragment header: many
 * share the address that it must be unique for (RFC 6864 5.3), while 5.1.1 copies it.
 */
enum to_result to4_send(struct emit *emit, struct ipid *ids, struct packet *packet,
			const struct flow *flow, size_t mtu4, size_t mtu6);

#endif
