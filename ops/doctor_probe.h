/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Echo requests (RFC 792, RFC 4443 4) of chosen sizes and sources. They are not fragmented,
 * and go out whatever the kernel believes of the path's MTU. Needs CAP_NET_RAW.
 */
#ifndef OPS_DOCTOR_PROBE_H
#define OPS_DOCTOR_PROBE_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PROBE_HOSTS_MAX = 16 };

/**
 * probe_alive() - which of these hosts answer a small one?
 * @hosts:	IPv6 all, or IPv4 in mapped form all.
 * @alive:	set for those that do within a second.
 * Return: 0; -EPERM; -errno.
 */
int probe_alive(const struct in6_addr *hosts, size_t n, bool *alive);

struct probe_sizes {
	uint32_t largest;		/* bytes of the largest packet answered; 0: none */
	uint32_t fits;			/* of the largest sent that nobody has said is too big */
	uint32_t told;			/* MTU that a router told; 0: none did */
	struct in6_addr teller;
};

/**
 * probe_sizes() - which sizes up to @mtu are answered? Takes a second where the largest is not.
 * Return: 0; -EPERM; -errno.
 */
int probe_sizes(const struct in6_addr *host, uint32_t mtu, struct probe_sizes *out);

/**
 * probe_from() - does the answer to one of this source come back on @link?
 * @src, @host:	IPv6; it need not be an address of this host. The answer itself may go astray
 *		here, it is seen as it comes in.
 * Return: 1 it does; 0 it does not, within a second; -EPERM; -errno.
 */
int probe_from(const struct in6_addr *src, const struct in6_addr *host, int link);

#endif
