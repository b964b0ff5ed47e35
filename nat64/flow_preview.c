/* SPDX-License-Identifier: GPL-2.0-or-later */
/* In step with first_outbound() and first_inbound() of flow_mem.c. */
#include "flow_preview.h"

#include "../core/addr.h"
#include "bib.h"
#include "flow_mem.h"
#include "peers.h"

static void copy_binding(const struct bib *bib, struct flow_preview *out)
{
	out->has_binding = true;
	out->is_static = bib->is_static;
	out->flow = (struct flow){
		.l4 = bib->l4,
		.inside = bib->inside,
		.outside_be32 = bib->outside_be32,
		.inside_port = bib->inside_port,
		.outside_port = bib->outside_port,
		.invited = bib->is_static,
	};
}

bool flow_preview_binding(struct flow_table *table, const struct flow_packet *p,
			  struct flow_preview *out)
{
	struct bib *bib;

	if (bib_take_inside(table->bibs, p, false, &bib) != FLOW_OK)
		return false;
	copy_binding(bib, out);
	bib_put(table->bibs, bib);
	return true;
}

/* The session of a packet from inside, if there is one; and would it take the packet? */
static enum flow_result look_outbound(struct flow_table *table, const struct flow_packet *p,
				      struct flow_preview *out)
{
	struct shard *shard = sessions_lock(&table->sessions, p);
	const struct session *s = session_find(&table->sessions, shard, p, BY_INSIDE);
	enum flow_result result = FLOW_OK;

	if (s) {
		out->has_session = true;
		flow_copy(table, s, &out->flow);
		if (s->spoken && !addr_equal(&s->remote6, &p->remote6))
			result = FLOW_OTHER_PREF64;
	}
	pthread_mutex_unlock(&shard->mutex);
	return result;
}

enum flow_result flow_preview_outbound(struct flow_table *table, const struct pool4 *pool,
				       const struct flow_packet *p, int64_t now_ms,
				       struct flow_preview *out)
{
	enum flow_result result;

	*out = (struct flow_preview){ 0 };
	result = look_outbound(table, p, out);
	if (out->has_session)
		return result;
	out->asked_limits = true;
	result = limits_preview(table->limits, &p->inside, false, p->l4 == L4_TCP, now_ms,
				&out->use);
	if (result != FLOW_OK)
		return result;
	if (flow_preview_binding(table, p, out))
		return FLOW_OK;
	out->asked_pool = true;
	return pool4_preview(pool, p->l4, &p->inside, p->near_port, &out->offer) ?
	       FLOW_OK : FLOW_NO_PORT;
}

enum flow_result flow_preview_inbound(struct flow_table *table, const struct flow_packet *p,
				      int64_t now_ms, struct flow_preview *out)
{
	struct bib *bib;
	bool filtered;

	*out = (struct flow_preview){ 0 };
	out->has_session = flow_find_outside(table, p, &out->flow) == FLOW_OK;
	if (out->has_session)
		return FLOW_OK;
	if (p->l4 == L4_ICMP && !bib_outside_is_static(table->bibs, p))
		return FLOW_NONE;
	if (bib_take_outside(table->bibs, p, &bib) != FLOW_OK)
		return FLOW_NONE;
	copy_binding(bib, out);
	filtered = flow_filtered(table, bib, p);
	bib_put(table->bibs, bib);
	if (filtered)
		return FLOW_FILTERED;
	out->asked_limits = true;
	return limits_preview(table->limits, &out->flow.inside, true, p->l4 == L4_TCP, now_ms,
			      &out->use);
}
