/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the flow table would answer to a packet, for who wants to know without sending one:
 * flow_outbound() and flow_inbound() (flow.h) for a packet that opens a session, with
 * nothing made, stepped, renewed or counted.
 */
#ifndef NAT64_FLOW_PREVIEW_H
#define NAT64_FLOW_PREVIEW_H

#include "limits.h"
#include "pool4.h"

struct flow_preview {
	bool has_session;		/* ... then flow is that */
	bool has_binding, is_static;	/* ... then flow has its inside and outside */
	struct flow flow;
	bool asked_limits;		/* a session would be made: use is set */
	struct limits_use use;
	bool asked_pool;		/* a binding too: offer is set, all 0 where there is none */
	struct pool4_offer offer;
};

/**
 * flow_preview_outbound(), flow_preview_inbound()
 * @pool:	the table's.
 * Return: as the call they are about, but that a stored SYN is not looked for.
 */
enum flow_result flow_preview_outbound(struct flow_table *table, const struct pool4 *pool,
				       const struct flow_packet *packet, int64_t now_ms,
				       struct flow_preview *out);
enum flow_result flow_preview_inbound(struct flow_table *table, const struct flow_packet *packet,
				      int64_t now_ms, struct flow_preview *out);

/** flow_preview_binding() - that of an inside address and port alone, if there is one. */
bool flow_preview_binding(struct flow_table *table, const struct flow_packet *packet,
			  struct flow_preview *out);

#endif
