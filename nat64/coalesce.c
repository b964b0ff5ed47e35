/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "coalesce.h"

#include <linux/virtio_net.h>
#include <string.h>

#include "../core/csum.h"
#include "../core/cursor.h"
#include "emit.h"
#include "header.h"

_Static_assert(sizeof(struct virtio_net_hdr) == 10, "COALESCE_HEAD_MAX counts on it");

enum {
	FLAG_PSH = 0x08, FLAG_ACK = 0x10,
	TCP_FLAGS_AT = 13, TCP_CSUM_AT = 16,
	IPV4_DF_BITS = 0x4000, IPV4_CUT_BITS = 0x3fff,	/* MF and offset */
	IP_PAYLOAD_MAX = 0xffff - IPV4_HLEN,		/* less than IPv6 takes */
};

/* A TCP segment in a slot, as far as joining asks */
struct segment {
	const uint8_t *tcp;		/* the header */
	uint32_t seq;
	size_t hlen, payload_len;
	bool push;
};

static size_t ip_hlen(enum l3_proto l3)
{
	return l3 == L3_IPV4 ? IPV4_HLEN : IPV6_HLEN;
}

static uint16_t get16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

/* The heads are our own (header.c): whole TCP segments with the plain header alone. */
static bool head_carries_tcp(enum l3_proto l3, const struct emit_slot *slot)
{
	if (slot->head_len != ip_hlen(l3))
		return false;
	if (l3 == L3_IPV6)
		return slot->head[6] == IPPROTO_TCP;
	return slot->head[9] == IPPROTO_TCP && !(get16(slot->head + 6) & IPV4_CUT_BITS);
}

/*
 * Return: false where it is no segment that could be joined: all flags but ACK and PSH
 * say something that belongs to one segment.
 */
static bool read_segment(enum l3_proto l3, const struct emit_slot *slot, struct segment *segment)
{
	struct cursor c = cursor_init(slot->body, slot->body_len);
	uint16_t word;

	if (!head_carries_tcp(l3, slot))
		return false;
	cursor_skip(&c, 4);
	segment->seq = cursor_u32(&c);
	cursor_skip(&c, 4);
	word = cursor_u16(&c);			/* header length, reserved bits and flags */
	segment->hlen = (size_t)(word >> 12) * 4;
	segment->push = word & FLAG_PSH;
	if (c.failed || (word & 0xfff & ~FLAG_PSH) != FLAG_ACK || segment->hlen < TCP_HLEN ||
	    segment->hlen >= slot->body_len)
		return false;
	segment->tcp = slot->body;
	segment->payload_len = slot->body_len - segment->hlen;
	return true;
}

/*
 * All that the one that cuts copies from the first header must be the same. It counts
 * the IPv4 identification up by itself; that matters only where a router may cut the
 * packet (RFC 6864 4.1).
 */
static bool same_ip_header(enum l3_proto l3, const uint8_t *first, const uint8_t *next, size_t nth)
{
	if (l3 == L3_IPV6)
		return memcmp(first, next, 4) == 0 && memcmp(first + 6, next + 6, 34) == 0;
	if (!(get16(first + 6) & IPV4_DF_BITS) &&
	    get16(next + 4) != (uint16_t)(get16(first + 4) + nth))
		return false;
	return memcmp(first, next, 2) == 0 && memcmp(first + 6, next + 6, 4) == 0 &&
	       memcmp(first + 12, next + 12, 8) == 0;
}

/* All but sequence number, flags and checksum. */
static bool same_tcp_header(const struct segment *first, const struct segment *next)
{
	const uint8_t *a = first->tcp, *b = next->tcp;

	return first->hlen == next->hlen && memcmp(a, b, 4) == 0 && memcmp(a + 8, b + 8, 4) == 0 &&
	       memcmp(a + 14, b + 14, 2) == 0 && memcmp(a + 18, b + 18, first->hlen - 18) == 0;
}

static uint64_t pseudo_sum(enum l3_proto l3, const uint8_t *ip, size_t len)
{
	return l3 == L3_IPV4 ? csum_pseudo4(ip + 12, ip + 16, (uint16_t)len, IPPROTO_TCP)
			     : csum_pseudo6(ip + 8, ip + 24, (uint32_t)len, IPPROTO_TCP);
}

/* Whoever cuts computes checksums anew: what was damaged on its way must not look sound. */
static bool checksum_holds(enum l3_proto l3, const struct emit_slot *slot)
{
	uint64_t sum = pseudo_sum(l3, slot->head, slot->body_len);

	return csum_finish(csum_bytes(sum, slot->body, slot->body_len)) == 0;
}

size_t coalesce(enum l3_proto l3, const struct emit_slot *slots, size_t n, struct coalesced *out)
{
	struct segment first, last, next;

	if (!read_segment(l3, slots, &first))
		return 1;
	last = first;
	*out = (struct coalesced){
		.slots = slots, .n = 1, .l3 = l3, .tcp_hlen = first.hlen,
		.segment_len = first.payload_len, .payload_len = first.payload_len,
	};
	/* One that was pushed, or is shorter than the first, can only be the last. */
	while (out->n < n && out->n < COALESCE_MAX && !last.push &&
	       last.payload_len == first.payload_len) {
		const struct emit_slot *slot = &slots[out->n];

		if (!read_segment(l3, slot, &next) ||
		    next.seq != last.seq + (uint32_t)last.payload_len ||
		    next.payload_len > first.payload_len ||
		    first.hlen + out->payload_len + next.payload_len > IP_PAYLOAD_MAX ||
		    !same_ip_header(l3, slots->head, slot->head, out->n) ||
		    !same_tcp_header(&first, &next) || !checksum_holds(l3, slot) ||
		    (out->n == 1 && !checksum_holds(l3, slots)))
			break;
		out->payload_len += next.payload_len;
		out->n++;
		last = next;
	}
	return out->n;
}

/* The length in the IP header is that of all, and IPv4's checksum fits it. */
static void put_ip(const struct coalesced *all, uint8_t *at)
{
	size_t len = all->tcp_hlen + all->payload_len;
	uint16_t csum;

	memcpy(at, all->slots->head, ip_hlen(all->l3));
	if (all->l3 == L3_IPV6) {
		header_put16(at + 4, (uint16_t)len);
		return;
	}
	header_put16(at + 2, (uint16_t)(IPV4_HLEN + len));
	header_put16(at + 10, 0);
	csum = csum_finish(csum_bytes(0, at, IPV4_HLEN));
	memcpy(at + 10, &csum, 2);
}

size_t coalesce_head(const struct coalesced *all, const uint8_t *link, size_t link_len,
		     uint8_t *out)
{
	const struct emit_slot *last = &all->slots[all->n - 1];
	size_t hlen = link_len + ip_hlen(all->l3) + all->tcp_hlen;
	struct virtio_net_hdr virtio = {
		.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
		.gso_type = all->l3 == L3_IPV4 ? VIRTIO_NET_HDR_GSO_TCPV4
					       : VIRTIO_NET_HDR_GSO_TCPV6,
		.hdr_len = (uint16_t)hlen,
		.gso_size = (uint16_t)all->segment_len,
		.csum_start = (uint16_t)(hlen - all->tcp_hlen),
		.csum_offset = TCP_CSUM_AT,
	};
	uint8_t *ip = out + sizeof(virtio) + link_len, *tcp = ip + ip_hlen(all->l3);
	uint16_t csum;

	memcpy(out, &virtio, sizeof(virtio));
	memcpy(out + sizeof(virtio), link, link_len);
	put_ip(all, ip);
	memcpy(tcp, all->slots->body, all->tcp_hlen);
	tcp[TCP_FLAGS_AT] = last->body[TCP_FLAGS_AT];
	/* What stands here is the sum of the pseudo-header, not complemented. */
	csum = csum_fold16(pseudo_sum(all->l3, ip, all->tcp_hlen + all->payload_len));
	memcpy(tcp + TCP_CSUM_AT, &csum, 2);
	return sizeof(virtio) + hlen;
}
