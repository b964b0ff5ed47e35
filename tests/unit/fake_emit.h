/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Stands in for nat64/emit.c: records the slots, and joins head and body as sendmmsg would. */
#ifndef TESTS_UNIT_FAKE_EMIT_H
#define TESTS_UNIT_FAKE_EMIT_H

#include <stdlib.h>
#include <string.h>

#include "../../nat64/emit.h"

enum { SENT_MAX = 128 };

static struct {
	struct emit_slot slots[SENT_MAX];
	enum l3_proto l3[SENT_MAX];
	size_t n;
	struct in6_addr icmp6_dst;	/* of the last emit_icmp6() */
	uint8_t icmp6[IPV6_MTU_MIN];
	size_t icmp6_len;
	unsigned int icmp6_n;
} sent;

struct emit_slot *emit_slot(struct emit *emit, enum l3_proto l3)
{
	(void)emit;
	if (sent.n == SENT_MAX)
		abort();
	/* What the last packet left there must not matter. */
	memset(&sent.slots[sent.n], 0xa5, sizeof(sent.slots[0]));
	sent.l3[sent.n] = l3;
	return &sent.slots[sent.n++];
}

void emit_icmp6(struct emit *emit, const struct in6_addr *dst, const void *message, size_t len)
{
	(void)emit;
	sent.icmp6_dst = *dst;
	sent.icmp6_len = len;
	sent.icmp6_n++;
	memcpy(sent.icmp6, message, len);
}

/* The bytes of the @i-th packet. Return: their number. */
static inline size_t sent_packet(size_t i, uint8_t *out)
{
	const struct emit_slot *slot = &sent.slots[i];

	memcpy(out, slot->head, slot->head_len);
	if (slot->body_len)
		memcpy(out + slot->head_len, slot->body, slot->body_len);
	return slot->head_len + slot->body_len;
}

#endif
