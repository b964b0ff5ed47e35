/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ICMP errors that the translator itself sends, in the family of the packet that
 * they are about. None about an error, and at a bounded rate (RFC 4443 2.4,
 * RFC 1812 4.3.2).
 */
#ifndef NAT64_ICMP_SEND_H
#define NAT64_ICMP_SEND_H

#include <stdbool.h>
#include <stdint.h>

#include "../core/stats.h"
#include "packet.h"

struct emit;

/* Token buckets; one set a worker. What transfers live by has one of its own, so that
 * nobody can use it up with packets that are refused for other reasons. */
struct icmp_limit {
	struct icmp_bucket {
		int64_t filled_ms;
		int64_t tokens;		/* thousandths of a message */
	} too_big, other;
};

struct icmp_error {
	uint8_t type, code;
	uint32_t word;			/* MTU or pointer, host byte order */
	enum stat counter;
};

/** icmp_send6() - tell the sender of an IPv6 packet. @packet: what it is about. */
void icmp_send6(struct emit *emit, struct icmp_limit *limit, int64_t now_ms,
		const struct packet *packet, const struct icmp_error *error);

/**
 * icmp_send4() - tell the sender of an IPv4 packet, from the address it was sent to.
 * @id:	IPv4 identification, host byte order.
 * Return: whether the message is in @emit's last slot.
 */
bool icmp_send4(struct emit *emit, struct icmp_limit *limit, int64_t now_ms,
		const struct packet *packet, const struct icmp_error *error, uint16_t id);

#endif
