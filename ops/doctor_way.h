/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which way the kernel would send a packet, or take one that comes in: rules and VRFs counted. */
#ifndef OPS_DOCTOR_WAY_H
#define OPS_DOCTOR_WAY_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

struct way {
	uint8_t type;		/* RTN_* */
	uint32_t table;
	int link;		/* index; 0: none */
	bool routed;		/* by a next hop, not on-link */
};

/**
 * way_get() - ask the kernel.
 * @dst:	IPv6, or IPv4 in mapped form.
 * @src:	NULL: of no matter.
 * @in:		index of the interface that the packet came in by; 0: it is our own.
 * Return: 0, of no unicast route too (@out->type); -ENETUNREACH and its like; -errno.
 */
int way_get(const struct in6_addr *dst, const struct in6_addr *src, int in, struct way *out);

#endif
