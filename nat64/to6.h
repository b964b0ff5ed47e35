/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A packet from IPv4 to IPv6: RFC 7915 section 4, and fragments where they are due. */
#ifndef NAT64_TO6_H
#define NAT64_TO6_H

#include "to4.h"

/**
 * to6_send() - translate a whole TCP, UDP or ICMP query packet and queue it; or one for
 * which packet_parse() said PACKET_PROTOCOL, by its addresses alone, see to4_send().
 * @packet:	is changed in place, unless TO_TOO_BIG.
 * @mtu6:	of the way inside; @mtu4: of the way back out.
 * @lowest_mtu:	nat64.lowest_ipv6_mtu, bytes.
 *
 * With DF clear, what is larger than @lowest_mtu leaves in fragments of at most
 * that (RFC 7915 4); with DF set, what does not fit @mtu6 is refused, unless it was
 * put together from fragments on its way here (larger than @mtu4).
 */
enum to_result to6_send(struct emit *emit, struct packet *packet, const struct flow *flow,
			size_t mtu6, size_t mtu4, size_t lowest_mtu);

#endif
