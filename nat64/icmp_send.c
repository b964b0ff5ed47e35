/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "icmp_send.h"

#include <string.h>

#include "../core/addr.h"
#include "../core/csum.h"
#include "emit.h"
#include "header.h"

enum {
	RATE = 500,		/* messages a second, worker and bucket */
	BURST = 100,
	TOKEN = 1000,
	ERROR4_MAX = 576,	/* RFC 1812 4.3.2.3 */
	DEFAULT_TTL = 64,
};

/* Packet Too Big, or Fragmentation Needed? */
static bool is_too_big(const struct packet *p, const struct icmp_error *error)
{
	if (p->l3 == L3_IPV6)
		return error->type == ICMP6_TOO_BIG;
	return error->type == ICMP4_UNREACHABLE && error->code == ICMP4_FRAG_NEEDED;
}

static bool may_send(struct icmp_limit *limit, const struct packet *p,
		     const struct icmp_error *error, int64_t now_ms)
{
	struct icmp_bucket *bucket = is_too_big(p, error) ? &limit->too_big : &limit->other;

	bucket->tokens += (now_ms - bucket->filled_ms) * RATE * TOKEN / 1000;
	bucket->filled_ms = now_ms;
	if (bucket->tokens > BURST * TOKEN)
		bucket->tokens = BURST * TOKEN;
	if (bucket->tokens < TOKEN) {
		stats_inc(STAT_NAT64_DROP_ICMP_RATE);
		return false;
	}
	bucket->tokens -= TOKEN;
	return true;
}

/* May this be the address of one host? */
static bool one_host(const struct in6_addr *addr)
{
	uint8_t first = addr->s6_addr[12];

	if (addr_is_v4(addr))
		return first != 0 && first != IN_LOOPBACKNET && first < 224;
	return !IN6_IS_ADDR_UNSPECIFIED(addr) && !IN6_IS_ADDR_MULTICAST(addr);
}

/* An ICMP message that tells of another packet: those that are translated, those that are
 * not, and those that nobody knows yet (RFC 4443 2.1), redirects too */
static bool is_error(const struct packet *p)
{
	if (p->l4 != L4_ICMP)
		return false;
	if (p->l3 == L3_IPV6)
		return p->icmp_type < ICMP6_ECHO || p->icmp_type == ICMP6_REDIRECT;
	return p->icmp_error || p->icmp_type == ICMP4_QUENCH || p->icmp_type == ICMP4_REDIRECT;
}

/* RFC 4443 2.4 e, RFC 1122 3.2.2: what may not be answered with an error. */
static bool may_answer(const struct packet *p)
{
	return !is_error(p) && p->frag_offset == 0 && one_host(&p->src) && one_host(&p->dst);
}

void icmp_send6(struct emit *emit, struct icmp_limit *limit, int64_t now_ms,
		const struct packet *packet, const struct icmp_error *error)
{
	uint8_t message[IPV6_MTU_MIN - IPV6_HLEN];
	size_t room = sizeof(message) - ICMP_HLEN;
	size_t len = packet->len < room ? packet->len : room;

	if (!may_answer(packet) || !may_send(limit, packet, error, now_ms))
		return;
	header_put_icmp(message, error->type, error->code, error->word);
	memcpy(message + ICMP_HLEN, packet->data, len);
	emit_icmp6(emit, &packet->src, message, ICMP_HLEN + len);
	stats_inc(error->counter);
}

bool icmp_send4(struct emit *emit, struct icmp_limit *limit, int64_t now_ms,
		const struct packet *packet, const struct icmp_error *error, uint16_t id)
{
	size_t room = ERROR4_MAX - IPV4_HLEN - ICMP_HLEN;
	size_t len = packet->len < room ? packet->len : room;
	struct header_ipv4 header = {
		.ttl = DEFAULT_TTL,
		.proto = IPPROTO_ICMP,
		.id = id,
		.src_be32 = addr_v4_be32(&packet->dst),
		.dst_be32 = addr_v4_be32(&packet->src),
		.payload_len = ICMP_HLEN + len,
	};
	struct emit_slot *slot;
	uint8_t *message;
	uint16_t csum;

	if (!may_answer(packet) || !may_send(limit, packet, error, now_ms))
		return false;
	slot = emit_slot(emit, L3_IPV4);
	message = slot->head + IPV4_HLEN;
	header_put_icmp(message, error->type, error->code, error->word);
	memcpy(message + ICMP_HLEN, packet->data, len);
	csum = csum_finish(csum_bytes(0, message, ICMP_HLEN + len));
	memcpy(message + 2, &csum, 2);
	header_put_ipv4(slot->head, &header);
	slot->head_len = IPV4_HLEN + ICMP_HLEN + len;
	slot->dst = packet->src;
	slot->body = NULL;
	slot->body_len = 0;
	stats_inc(error->counter);
	return true;
}
