/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mss.h"

#include "../core/config.h"
#include "../core/stats.h"
#include "tcp_state.h"
#include "transport.h"

/* IPv6 and TCP headers are 60 bytes, IPv4 and TCP 40. */
uint16_t mss_limit(const struct config *config, size_t mtu4, size_t mtu6)
{
	size_t mss4 = mtu4 - IPV4_HLEN - TCP_HLEN, mss6 = mtu6 - IPV6_HLEN - TCP_HLEN;
	size_t limit = config->nat64.mss_clamp_auto ? (mss4 < mss6 ? mss4 : mss6)
						    : config->nat64.mss_clamp;

	return limit > UINT16_MAX ? UINT16_MAX : (uint16_t)limit;
}

void mss_clamp(const struct config *config, struct packet *packet, size_t mtu4, size_t mtu6)
{
	uint16_t limit;

	if (packet->l4 != L4_TCP || !(packet->tcp_flags & TCP_FLAG_SYN))
		return;
	limit = mss_limit(config, mtu4, mtu6);
	if (limit && transport_clamp_mss(packet, limit))
		stats_inc(STAT_NAT64_MSS_CLAMPED);
}
