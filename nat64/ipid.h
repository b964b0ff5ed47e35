/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * IPv4 identification values: unique per destination and protocol for as long as
 * 16 bits allow, and not to be guessed by others (RFC 6864 4.1, the hash-based
 * counters of RFC 7739 5.3). One generator for all workers.
 */
#ifndef NAT64_IPID_H
#define NAT64_IPID_H

#include <stdint.h>

struct ipid;
struct ipid_shared;

/** ipid_shared_init() - counters at random places. Return: 0 or -errno. */
int ipid_shared_init(struct ipid_shared *shared);

/**
 * ipid_new() - a generator.
 * @shared:	to count on, borrowed for its life; NULL: counters of its own.
 * Return: owned by the caller, or NULL.
 */
struct ipid *ipid_new(struct ipid_shared *shared);

/** ipid_free() - NULL is allowed. */
void ipid_free(struct ipid *ids);

/** ipid_next() - the next value, host byte order, never 0 (Linux would replace it). */
uint16_t ipid_next(struct ipid *ids, uint32_t dst_be32, uint8_t proto);

#endif
