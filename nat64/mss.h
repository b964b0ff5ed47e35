/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nat64.mss_clamp: both ends learn in the TCP handshake what the narrower side takes, so
 * that no error message need ever arrive. */
#ifndef NAT64_MSS_H
#define NAT64_MSS_H

#include "packet.h"

struct config;

/** mss_limit() - the largest MSS that a SYN may carry on; 0: any. See mss_clamp(). */
uint16_t mss_limit(const struct config *config, size_t mtu4, size_t mtu6);

/**
 * mss_clamp() - lower the MSS option of a SYN; other packets are left alone.
 * @mtu4, @mtu6:	of the ways to its two ends, bytes.
 */
void mss_clamp(const struct config *config, struct packet *packet, size_t mtu4, size_t mtu6);

#endif
