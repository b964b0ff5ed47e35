/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "probe.h"

#include <string.h>

#include "../core/csum.h"
#include "emit.h"
#include "flow.h"
#include "header.h"

enum {
	HOP_LIMIT = 64,
	OFFSET_AT = 12, FLAGS_AT = 13, CSUM_AT = 16,	/* RFC 9293 3.1 */
};

void probe_send(struct emit *emit, const struct flow *flow)
{
	struct emit_slot *slot = emit_slot(emit, L3_IPV6);
	uint8_t *tcp = slot->head + IPV6_HLEN;
	struct header_ipv6 header = {
		.hop_limit = HOP_LIMIT,
		.next = IPPROTO_TCP,
		.src = &flow->remote6,
		.dst = &flow->inside,
		.payload_len = TCP_HLEN,
	};
	uint16_t csum;

	header_put_ipv6(slot->head, &header);
	memset(tcp, 0, TCP_HLEN);
	header_put16(tcp, flow->remote_port);
	header_put16(tcp + 2, flow->inside_port);
	tcp[OFFSET_AT] = TCP_HLEN / 4 << 4;
	tcp[FLAGS_AT] = TCP_FLAG_ACK;
	csum = csum_finish(csum_bytes(csum_pseudo6(&flow->remote6, &flow->inside, TCP_HLEN,
						   IPPROTO_TCP), tcp, TCP_HLEN));
	memcpy(tcp + CSUM_AT, &csum, sizeof(csum));
	slot->head_len = IPV6_HLEN + TCP_HLEN;
	slot->dst = flow->inside;
	slot->body = NULL;
	slot->body_len = 0;
}
