/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "coalesce.h"

#include <linux/virtio_net.h>
#include <string.h>

#include "../core/csum.h"
#include "../core/cursor.h"
#include "emit.h"
#include "header.h"

/* Debian 12's headers are older than the kernels that gate64 may run on. */
#ifndef VIRTIO_NET_HDR_GSO_UDP_L4
#define VIRTIO_NET_HDR_GSO_UDP_L4 5
#endif

_Static_assert(sizeof(struct virtio_net_hdr) == 10, "COALESCE_HEAD_MAX counts on it");

enum {
	FLAG_PSH = 0x08, FLAG_ACK = 0x10,
	TCP_FLAGS_AT = 13, TCP_CSUM_AT = 16,
	UDP_LEN_AT = 4, UDP_CSUM_AT = 6,
	IPV4_DF_BITS = 0x4000, IPV4_CUT_BITS = 0x3fff,	/* MF and offset */
	IP_PAYLOAD_MAX = 0xffff - IPV4_HLEN,		/* less than IPv6 takes */
};

/* A TCP segment or a UDP datagram in a slot, as far as joining asks */
struct segment {
	uint8_t l4;
	const uint8_t *header;
	uint32_t seq;			/* TCP */
	size_t hlen, payload_len;
	bool push;			/* TCP */
};

static size_t ip_hlen(enum l3_proto l3)
{
	return l3 == L3_IPV4 ? IPV4_HLEN : IPV6_HLEN;
}

static uint16_t get16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

/* Return: TCP, UDP, or anything else where it is none of them. The heads are our own
 * (header.c): what can be joined is whole, and has the plain header alone. */
static uint8_t carried_by(enum l3_proto l3, const struct emit_slot *slot)
{
	if (slot->head_len != ip_hlen(l3))
		return IPPROTO_NONE;
	if (l3 == L3_IPV6)
		return slot->head[6];
	return get16(slot->head + 6) & IPV4_CUT_BITS ? IPPROTO_NONE : slot->head[9];
}

/*
 * Return: false where it is no segment that could be joined: all flags but ACK and PSH
 * say something that belongs to one segment.
 */
static bool read_tcp(struct cursor *c, struct segment *segment)
{
	uint16_t word;

	cursor_skip(c, 4);
	segment->seq = cursor_u32(c);
	cursor_skip(c, 4);
	word = cursor_u16(c);			/* header length, reserved bits and flags */
	segment->hlen = (size_t)(word >> 12) * 4;
	segment->push = word & FLAG_PSH;
	return (word & 0xfff & ~FLAG_PSH) == FLAG_ACK && segment->hlen >= TCP_HLEN;
}

/* Who cuts puts a length and a checksum into each: there must be one, and nothing after it. */
static bool read_udp(struct cursor *c, size_t len, struct segment *segment)
{
	cursor_skip(c, UDP_LEN_AT);
	segment->hlen = UDP_HLEN;
	return cursor_u16(c) == len && cursor_u16(c) != 0;
}

static bool read_segment(enum l3_proto l3, const struct emit_slot *slot, bool udp,
			 struct segment *segment)
{
	struct cursor c = cursor_init(slot->body, slot->body_len);
	bool good;

	*segment = (struct segment){ .l4 = carried_by(l3, slot), .header = slot->body };
	if (segment->l4 == IPPROTO_TCP)
		good = read_tcp(&c, segment);
	else
		good = udp && segment->l4 == IPPROTO_UDP && read_udp(&c, slot->body_len, segment);
	if (!good || c.failed || segment->hlen >= slot->body_len)
		return false;
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

/* TCP: all but sequence number, which goes on, flags and checksum. UDP: the ports. */
static bool follows(const struct segment *first, const struct segment *last,
		    const struct segment *next)
{
	const uint8_t *a = first->header, *b = next->header;

	if (first->l4 != next->l4 || memcmp(a, b, 4) != 0)
		return false;
	if (first->l4 == IPPROTO_UDP)
		return true;
	return next->seq == last->seq + (uint32_t)last->payload_len && first->hlen == next->hlen &&
	       memcmp(a + 8, b + 8, 4) == 0 && memcmp(a + 14, b + 14, 2) == 0 &&
	       memcmp(a + 18, b + 18, first->hlen - 18) == 0;
}

static uint64_t pseudo_sum(enum l3_proto l3, uint8_t l4, const uint8_t *ip, size_t len)
{
	return l3 == L3_IPV4 ? csum_pseudo4(ip + 12, ip + 16, (uint16_t)len, l4)
			     : csum_pseudo6(ip + 8, ip + 24, (uint32_t)len, l4);
}

/* Whoever cuts computes checksums anew: what was damaged on its way must not look sound. */
static bool checksum_holds(enum l3_proto l3, uint8_t l4, const struct emit_slot *slot)
{
	uint64_t sum = pseudo_sum(l3, l4, slot->head, slot->body_len);

	return csum_finish(csum_bytes(sum, slot->body, slot->body_len)) == 0;
}

size_t coalesce(enum l3_proto l3, const struct emit_slot *slots, size_t n, bool udp,
		struct coalesced *out)
{
	struct segment first, last, next;

	if (!read_segment(l3, slots, udp, &first))
		return 1;
	if (n > (first.l4 == IPPROTO_UDP ? COALESCE_UDP_MAX : COALESCE_MAX))
		n = first.l4 == IPPROTO_UDP ? COALESCE_UDP_MAX : COALESCE_MAX;
	last = first;
	*out = (struct coalesced){
		.slots = slots, .n = 1, .l3 = l3, .l4 = first.l4, .l4_hlen = first.hlen,
		.segment_len = first.payload_len, .payload_len = first.payload_len,
	};
	/* One that was pushed, or is shorter than the first, can only be the last. */
	while (out->n < n && !last.push && last.payload_len == first.payload_len) {
		const struct emit_slot *slot = &slots[out->n];

		if (!read_segment(l3, slot, udp, &next) || !follows(&first, &last, &next) ||
		    next.payload_len > first.payload_len ||
		    first.hlen + out->payload_len + next.payload_len > IP_PAYLOAD_MAX ||
		    !same_ip_header(l3, slots->head, slot->head, out->n) ||
		    !checksum_holds(l3, first.l4, slot) ||
		    (out->n == 1 && !checksum_holds(l3, first.l4, slots)))
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
	size_t len = all->l4_hlen + all->payload_len;
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

static uint8_t gso_type(const struct coalesced *all)
{
	if (all->l4 == IPPROTO_UDP)
		return VIRTIO_NET_HDR_GSO_UDP_L4;
	return all->l3 == L3_IPV4 ? VIRTIO_NET_HDR_GSO_TCPV4 : VIRTIO_NET_HDR_GSO_TCPV6;
}

/* What is left to who cuts: flags are those of the last segment, the length that of all,
 * and in place of the checksum stands the sum of the pseudo-header, not complemented. */
static void put_l4(const struct coalesced *all, const uint8_t *ip, uint8_t *at)
{
	size_t len = all->l4_hlen + all->payload_len;
	uint16_t csum = csum_fold16(pseudo_sum(all->l3, all->l4, ip, len));

	memcpy(at, all->slots->body, all->l4_hlen);
	if (all->l4 == IPPROTO_UDP) {
		header_put16(at + UDP_LEN_AT, (uint16_t)len);
		memcpy(at + UDP_CSUM_AT, &csum, 2);
		return;
	}
	at[TCP_FLAGS_AT] = all->slots[all->n - 1].body[TCP_FLAGS_AT];
	memcpy(at + TCP_CSUM_AT, &csum, 2);
}

size_t coalesce_head(const struct coalesced *all, const uint8_t *link, size_t link_len,
		     uint8_t *out)
{
	size_t hlen = link_len + ip_hlen(all->l3) + all->l4_hlen;
	struct virtio_net_hdr virtio = {
		.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
		.gso_type = gso_type(all),
		.hdr_len = (uint16_t)hlen,
		.gso_size = (uint16_t)all->segment_len,
		.csum_start = (uint16_t)(hlen - all->l4_hlen),
		.csum_offset = all->l4 == IPPROTO_UDP ? UDP_CSUM_AT : TCP_CSUM_AT,
	};
	uint8_t *ip = out + sizeof(virtio) + link_len;

	memcpy(out, &virtio, sizeof(virtio));
	memcpy(out + sizeof(virtio), link, link_len);
	put_ip(all, ip);
	put_l4(all, ip, ip + ip_hlen(all->l3));
	return sizeof(virtio) + hlen;
}
