/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The MTU of the way to an address, as the kernel's routing knows it (device,
 * route and path exceptions), remembered for a second. One cache a worker.
 */
#ifndef NAT64_MTU_H
#define NAT64_MTU_H

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>

struct mtu_cache;

/** mtu_cache_new() - Return: the cache, owned by the caller, or NULL (errno is set). */
struct mtu_cache *mtu_cache_new(void);

/** mtu_cache_free() - NULL is allowed. */
void mtu_cache_free(struct mtu_cache *cache);

/**
 * mtu_to() - the largest IP packet that the way to @dst takes.
 * @dst:	IPv6, or IPv4 in mapped form.
 * Return: bytes; 1500 where there is no route (sending will say so).
 */
size_t mtu_to(struct mtu_cache *cache, const struct in6_addr *dst, int64_t now_ms);

/** mtu_forget() - ask anew about this destination. */
void mtu_forget(struct mtu_cache *cache, const struct in6_addr *dst);

/** mtu_cache_flush() - the network has changed: forget everything. */
void mtu_cache_flush(struct mtu_cache *cache);

#endif
