/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hairpin.h"

#include <string.h>

#include "../core/addrmap.h"
#include "../core/stats.h"
#include "emit.h"
#include "flow.h"
#include "mtu.h"

bool hairpin_is(const struct worker *worker, const struct flow *flow)
{
	struct in6_addr v6;
	struct flow_packet back = {
		.l4 = flow->l4,
		.outside_be32 = flow->remote_be32,
		.remote_be32 = flow->outside_be32,
		.near_port = flow->l4 == L4_ICMP ? flow->outside_port : flow->remote_port,
		.remote_port = flow->l4 == L4_ICMP ? 0 : flow->outside_port,
	};

	if (addrmap_eam_to6(worker->map, flow->remote_be32, &v6))
		return true;
	return flow->l4 != L4_OTHER && addrmap_is_outside4(worker->map, flow->remote_be32) &&
	       flow_owns_outside(worker->flows, &back);
}

bool hairpin_is_ours(const struct worker *worker, uint32_t v4_be32)
{
	struct in6_addr v6;

	return addrmap_is_outside4(worker->map, v4_be32) ||
	       addrmap_eam_to6(worker->map, v4_be32, &v6);
}

enum verdict hairpin_turn(struct worker *worker, uint8_t *body)
{
	struct emit_slot *slot = emit_take_back(worker->emit, L3_IPV4);
	bool turning = worker->turning;
	uint8_t *data = slot->head;

	if (body) {
		data = body - slot->head_len;
		memcpy(data, slot->head, slot->head_len);
	}
	stats_inc(STAT_NAT64_HAIRPIN);
	worker->turning = true;
	nat64_packet(worker, 0, data, slot->head_len + slot->body_len);
	worker->turning = turning;
	return VERDICT_TAKEN;
}

size_t hairpin_mtu4(const struct worker *worker, const struct in6_addr *addr)
{
	return worker->turning ? (size_t)IPV4_MAX : mtu_to(worker->mtus, addr, worker->now_ms);
}
