/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which way the kernel would send a packet, for people to read; packets do not ask here. */
#ifndef NAT64_ROUTE_H
#define NAT64_ROUTE_H

#include <net/if.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

struct route {
	char interface[IF_NAMESIZE];
	bool has_gateway;
	struct in6_addr gateway;	/* mapped, where IPv4 */
};

/**
 * route_get() - ask the kernel.
 * @dst:	IPv6, or IPv4 in mapped form.
 * @mark:	the packet's firewall mark.
 * Return: 0; -ENETUNREACH or another error of routing where there is no way; -errno.
 */
int route_get(const struct in6_addr *dst, uint32_t mark, struct route *out);

#endif
