/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Hairpinning (RFC 6146 3.8, RFC 7757 4.2.2): an IPv4 packet of ours to another inside host
 * is not sent but makes a turn. It is taken in as if it had come back, at once and by the
 * same worker; its TTL falls once a translation, and its source is the IPv4 one.
 */
#ifndef NAT64_HAIRPIN_H
#define NAT64_HAIRPIN_H

#include <stdbool.h>
#include <stdint.h>

#include "worker.h"

struct flow;
struct in6_addr;

/**
 * hairpin_is() - does an IPv4 packet of this flow, on its way out, go to another inside
 * host: by a mapping of its address, or by a binding of its address and port?
 */
bool hairpin_is(const struct worker *worker, const struct flow *flow);

/** hairpin_is_ours() - may this IPv4 address (network order) stand for an inside host? */
bool hairpin_is_ours(const struct worker *worker, uint32_t v4_be32);

/**
 * hairpin_turn() - take in the IPv4 packet in emit's last slot. From there it goes inside
 * or ends; at most an error about it makes a turn once more.
 * @body:	of the packet behind the slot's head, with room for that before it; or NULL.
 * Return: VERDICT_TAKEN.
 */
enum verdict hairpin_turn(struct worker *worker, uint8_t *body);

/** hairpin_mtu4() - mtu_to(), but for a packet on its turn, which meets no IPv4 link. */
size_t hairpin_mtu4(const struct worker *worker, const struct in6_addr *addr);

#endif
