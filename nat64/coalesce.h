/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Segments of one TCP flow that follow each other, or datagrams of one UDP flow, put
 * together to one packet that the kernel, or the device, cuts again at exactly the same
 * places.
 *
 * Only what cutting restores bit by bit is joined, so that nobody can tell from the
 * wire: the sender's own segment size is kept (it may be small for a reason, such as a
 * path that swallows larger packets), and what has a wrong checksum stays alone and
 * wrong.
 */
#ifndef NAT64_COALESCE_H
#define NAT64_COALESCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "packet.h"

struct emit_slot;

enum {
	COALESCE_MAX = 128,		/* segments of one packet */
	COALESCE_UDP_MAX = 64,		/* datagrams: more is EINVAL (Linux, UDP_MAX_SEGMENTS) */
	COALESCE_LINK_MAX = 14,		/* bytes of an Ethernet header */
	/* virtio_net_hdr, link header, IP header, TCP header with all options */
	COALESCE_HEAD_MAX = 10 + COALESCE_LINK_MAX + IPV6_HLEN + 60,
};

struct coalesced {
	const struct emit_slot *slots;	/* borrowed */
	size_t n;			/* segments */
	enum l3_proto l3;
	uint8_t l4;			/* IPPROTO_TCP or IPPROTO_UDP */
	size_t l4_hlen;			/* bytes of that header, options included */
	size_t segment_len;		/* payload of each, but the last may have less */
	size_t payload_len;		/* of all */
};

/**
 * coalesce() - how many of the packets from @slots[0] on may leave as one.
 * @slots, @n:	translated packets of family @l3, in the order they would leave in.
 * @udp:	may datagrams be joined too?
 * Return: that number, at least 1; *@out describes them where it is 2 or more.
 */
size_t coalesce(enum l3_proto l3, const struct emit_slot *slots, size_t n, bool udp,
		struct coalesced *out);

/**
 * coalesce_head() - what stands before the payload: virtio_net_hdr (virtio 1.2 5.1.6),
 * link header, IP and TCP or UDP header, whose checksum is left to who cuts it.
 * @link, @link_len:	at most COALESCE_LINK_MAX bytes.
 * @out:	COALESCE_HEAD_MAX bytes.
 * Return: bytes written.
 */
size_t coalesce_head(const struct coalesced *all, const uint8_t *link, size_t link_len,
		     uint8_t *out);

#endif
