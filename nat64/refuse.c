/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "refuse.h"

#include "../core/addr.h"
#include "../core/stats.h"
#include "drop.h"
#include "hairpin.h"
#include "hostports.h"
#include "ipid.h"
#include "packet.h"
#include "pool4.h"

enum { ADDRESS6 = 3, PORT4 = 3 };	/* codes of unreachable messages */

static const enum stat reasons[] = {
	[FLOW_NONE] = STAT_NAT64_DROP_NO_FLOW,
	[FLOW_NO_PORT] = STAT_NAT64_DROP_NO_PORT,
	[FLOW_FULL] = STAT_NAT64_DROP_SESSION_LIMIT,
	[FLOW_HALF_OPEN] = STAT_NAT64_DROP_HALF_OPEN_LIMIT,
	[FLOW_CLIENT_FULL] = STAT_NAT64_DROP_CLIENT_LIMIT,
	[FLOW_CLIENT_HALF_OPEN] = STAT_NAT64_DROP_CLIENT_HALF_OPEN,
	[FLOW_CLIENT_RATE] = STAT_NAT64_DROP_CLIENT_RATE,
	[FLOW_OTHER_PREF64] = STAT_NAT64_DROP_OTHER_PREF64,
	[FLOW_FILTERED] = STAT_NAT64_DROP_FILTERED,
	[FLOW_WAITING] = STAT_NAT64_DROP_SYN_WAITS,
};

static enum verdict hosts(void)
{
	stats_inc(STAT_NAT64_NOT_OURS);
	return VERDICT_ACCEPT;
}

enum verdict refuse_out(struct worker *worker, const struct packet *packet, enum flow_result why)
{
	struct icmp_error error = { ICMP6_UNREACHABLE, ADDRESS6, 0, STAT_NAT64_UNREACHABLE_SENT };

	if (why != FLOW_NONE && why != FLOW_CLIENT_RATE)
		icmp_send6(worker->emit, &worker->limit, worker->now_ms, packet, &error);
	return drop(worker, packet, reasons[why]);
}

static bool is_syn(const struct packet *packet)
{
	return packet->l4 == L4_TCP && (packet->tcp_flags & TCP_FLAG_SYN) &&
	       !(packet->tcp_flags & (TCP_FLAG_ACK | TCP_FLAG_RST | TCP_FLAG_FIN));
}

static enum flow_result store(struct worker *worker, const struct packet *packet,
			      const struct flow_packet *tuple)
{
	enum flow_result result = flow_store_syn(worker->flows, tuple, packet->data, packet->len,
						 worker->now_ms);

	if (result == FLOW_OK)
		stats_inc(STAT_NAT64_SYN_STORED);
	else if (result == FLOW_FULL)
		stats_inc(STAT_NAT64_SYN_NO_ROOM);
	return result;
}

/* To a port that is bound, from an address that the binding does not know */
static enum verdict refuse_filtered(struct worker *worker, const struct packet *packet,
				    const struct flow_packet *tuple)
{
	enum flow_result result;

	if (!is_syn(packet))
		return drop(worker, packet, STAT_NAT64_DROP_FILTERED);
	result = store(worker, packet, tuple);
	if (result == FLOW_OK)
		return VERDICT_TAKEN;
	return drop(worker, packet, reasons[result == FLOW_WAITING ? FLOW_WAITING : FLOW_FILTERED]);
}

/* To a port that nobody has bound: the host is asked last, since that costs most. */
static enum verdict refuse_unbound(struct worker *worker, const struct packet *packet,
				   const struct flow_packet *tuple)
{
	if (!is_syn(packet) ||
	    !pool4_offers(worker->pool, L4_TCP, tuple->outside_be32, tuple->near_port))
		return hosts();
	if (!flow_may_store_syn(worker->flows)) {
		stats_inc(STAT_NAT64_SYN_NO_ROOM);
		return hosts();
	}
	if (hostports_taken(L4_TCP, tuple->outside_be32, tuple->near_port))
		return hosts();
	switch (store(worker, packet, tuple)) {
	case FLOW_OK:
		return VERDICT_TAKEN;
	case FLOW_WAITING:
		return drop(worker, packet, STAT_NAT64_DROP_SYN_WAITS);
	default:
		return hosts();
	}
}

enum verdict refuse_in(struct worker *worker, const struct packet *packet,
		       const struct flow_packet *tuple, enum flow_result why)
{
	switch (why) {
	case FLOW_NONE:
		return refuse_unbound(worker, packet, tuple);
	case FLOW_FILTERED:
		return refuse_filtered(worker, packet, tuple);
	default:
		return drop(worker, packet, reasons[why]);
	}
}

void refuse_unwanted_syn(struct worker *worker, const struct flow_syn *syn)
{
	struct icmp_error error = { ICMP4_UNREACHABLE, PORT4, 0, STAT_NAT64_UNREACHABLE_SENT };
	struct flow_syn copy = *syn;
	struct packet packet;

	stats_inc(STAT_NAT64_SYN_UNWANTED);
	if (packet_parse_quoted(&packet, copy.data, copy.len) != PACKET_OK)
		return;
	if (icmp_send4(worker->emit, &worker->limit, worker->now_ms, &packet, &error,
		       ipid_next(worker->ids, addr_v4_be32(&packet.src), IPPROTO_ICMP)) &&
	    hairpin_is_ours(worker, addr_v4_be32(&packet.src)))
		hairpin_turn(worker, NULL);
}
