/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the parts of the flow table share: flow_mem.c, flow_expire.c, flow_preview.c. */
#ifndef NAT64_FLOW_MEM_H
#define NAT64_FLOW_MEM_H

#include <stdatomic.h>

#include "session.h"

struct flow_table {
	struct sessions sessions;
	struct bib_table *bibs;
	struct limits *limits;
	struct peers *peers;		/* NULL where filtering is endpoint-independent */
	bool filters;			/* it is address-dependent */
	struct pages *pages;
	struct journal *journal;	/* borrowed; NULL none */
	struct fast *fast;		/* borrowed; NULL: nothing goes fast */
	int64_t look_every_ms;		/* at what does */
	bool keeps_fast;		/* what ends here goes on there */
	int64_t lifetime_ms[LIFE_COUNT], syn_ms;
	uint32_t syns_max;
	_Atomic uint32_t n_syns;
};

/** flow_copy() - a session, as it is now. Its shard is held. */
void flow_copy(const struct flow_table *table, const struct session *s, struct flow *out);

/** flow_end() - end a session, and give up what it referred to. Its shard is held. */
void flow_end(struct flow_table *table, struct shard *shard, struct session *s);

/**
 * flow_remake() - a session as it was before a restart; its shard is held.
 * @p:	outbound, with outside_be32 too. @outside_port: in host byte order.
 * Return: NULL where its binding cannot be had any more, or memory is out.
 */
struct session *flow_remake(struct flow_table *table, struct shard *shard,
			    const struct flow_packet *p, uint16_t outside_port);

/** flow_forget_syn() - a stored SYN is over. Its shard is held. */
void flow_forget_syn(struct flow_table *table, struct shard *shard, struct syn *syn);

/** flow_filtered() - does nat64.filtering hold off a packet from outside to @bib? */
bool flow_filtered(const struct flow_table *table, const struct bib *bib,
		   const struct flow_packet *p);

/** flow_half_open() - does a session count as such with its client? */
static inline bool flow_half_open(const struct session *s)
{
	return s->lifetime >= LIFE_TCP_EST && tcp_state_half_open(s->state);
}

#endif
