/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the flow table does not take: what is counted, and who is told what. */
#ifndef NAT64_REFUSE_H
#define NAT64_REFUSE_H

#include "flow.h"
#include "worker.h"

struct packet;

/**
 * refuse_out() - a packet from inside. Address unreachable (RFC 6146 3.5.1.1), but to who
 * opens too many at once nothing is said: repeated a moment later it would be taken, while
 * an error might end the attempt.
 * @why:	not FLOW_OK.
 */
enum verdict refuse_out(struct worker *worker, const struct packet *packet, enum flow_result why);

/**
 * refuse_in() - a packet from the IPv4 side. What belongs to no flow goes on to the host,
 * but for a SYN to a port that is the pool's and that the host has no socket at: that is
 * stored, and the answer may wait (RFC 6146 3.5.2.2, RFC 5382 REQ-4).
 * @tuple:	as flow_inbound() refused it.
 * @why:	not FLOW_OK.
 */
enum verdict refuse_in(struct worker *worker, const struct packet *packet,
		       const struct flow_packet *tuple, enum flow_result why);

/** refuse_unwanted_syn() - one that was stored has waited in vain: port unreachable. */
void refuse_unwanted_syn(struct worker *worker, const struct flow_syn *syn);

#endif
