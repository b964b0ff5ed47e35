/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The way to an address as a packet socket needs it: device and link header, from the
 * kernel's routing and neighbour tables by rtnetlink, remembered for a second. One
 * cache a worker.
 */
#ifndef NAT64_WAY_H
#define NAT64_WAY_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct way_cache;

enum { WAY_LINK_MAX = 14 };	/* an Ethernet header */

struct way {
	int ifindex;
	size_t link_len;		/* 0 where the device has no link layer (TUN, WireGuard) */
	uint8_t link[WAY_LINK_MAX];
};

/** way_cache_new() - Return: the cache, owned by the caller, or NULL (errno is set). */
struct way_cache *way_cache_new(void);

/** way_cache_free() - NULL is allowed. */
void way_cache_free(struct way_cache *cache);

/**
 * way_to() - the way to @dst.
 * @dst:	IPv6, or IPv4 in mapped form.
 * Return: the way, borrowed until the next call; NULL where only the kernel's own output
 * will do: no unicast route, a neighbour that must be found or confirmed, a device of
 * another kind, or IPsec policies, which a packet socket would pass by.
 */
const struct way *way_to(struct way_cache *cache, const struct in6_addr *dst, int64_t now_ms);

/** way_ipsec() - has this host IPsec policies for what it sends? Also where that is unknown. */
bool way_ipsec(struct way_cache *cache);

/**
 * way_told_apart() - do rules of policy routing (ip-rule(8)) send a packet another way when
 * its route is looked up where it comes in than when we send it: by mark, interface or user?
 * Also where that is unknown. Of ports, source and type of service neither look-up knows.
 */
bool way_told_apart(struct way_cache *cache);

/** way_cache_flush() - the network has changed: forget everything. */
void way_cache_flush(struct way_cache *cache);

#endif
