/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "header.h"

#include <string.h>

#include "../core/csum.h"

void header_put_ipv4(uint8_t *at, const struct header_ipv4 *header)
{
	uint16_t csum;

	at[0] = 0x45;
	at[1] = header->tos;
	header_put16(at + 2, (uint16_t)(IPV4_HLEN + header->payload_len));
	header_put16(at + 4, header->id);
	header_put16(at + 6, (uint16_t)((header->df ? 0x4000 : 0) | (header->more ? 0x2000 : 0) |
					header->frag_offset / 8));
	at[8] = header->ttl;
	at[9] = header->proto;
	header_put16(at + 10, 0);
	memcpy(at + 12, &header->src_be32, 4);
	memcpy(at + 16, &header->dst_be32, 4);
	csum = csum_finish(csum_bytes(0, at, IPV4_HLEN));
	memcpy(at + 10, &csum, 2);
}

void header_put_ipv6(uint8_t *at, const struct header_ipv6 *header)
{
	header_put32(at, 6u << 28 | (uint32_t)header->traffic_class << 20);
	header_put16(at + 4, (uint16_t)header->payload_len);
	at[6] = header->next;
	at[7] = header->hop_limit;
	memcpy(at + 8, header->src, 16);
	memcpy(at + 24, header->dst, 16);
}

void header_put_fragment(uint8_t *at, uint8_t next, uint16_t offset, bool more, uint32_t id)
{
	at[0] = next;
	at[1] = 0;
	header_put16(at + 2, (uint16_t)(offset | (more ? 1 : 0)));
	header_put32(at + 4, id);
}

void header_put_icmp(uint8_t *at, uint8_t type, uint8_t code, uint32_t word)
{
	at[0] = type;
	at[1] = code;
	header_put16(at + 2, 0);
	header_put32(at + 4, word);
}
