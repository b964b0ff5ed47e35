/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Coalesced TCP and UDP out: a packet socket that takes packets of up to 64 KiB unsegmented. */
#ifndef NAT64_BULK_H
#define NAT64_BULK_H

#include <stdbool.h>

struct bulk;
struct coalesced;

/**
 * bulk_new() - open the packet socket. Needs CAP_NET_RAW.
 * Return: owned by the caller; or NULL with errno set.
 */
struct bulk *bulk_new(void);

/** bulk_free() - NULL is allowed. */
void bulk_free(struct bulk *bulk);

/** bulk_takes_udp() - does it take datagrams too? It does until the kernel refuses them. */
bool bulk_takes_udp(const struct bulk *bulk);

/**
 * bulk_send() - send segments as one packet.
 * Return: false where that cannot be done now, and nothing was sent: they have to leave
 * one by one.
 */
bool bulk_send(struct bulk *bulk, const struct coalesced *all);

/** bulk_flush_ways() - the network has changed: forget what was known of it. */
void bulk_flush_ways(struct bulk *bulk);

#endif
