/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Explicit address mappings (RFC 7757) in the terms of a flow: addresses alone are
 * exchanged, ports and identifiers stay, and there is no state.
 *
 * Nothing remembers which pref64 a mapped host has used, so a remote host always appears in
 * the first one that may stand for it (addrmap_pref64_for()); through another, the mapped
 * host is served like one without a mapping.
 * The source of a packet from IPv4 is never translated by a mapping but appears in the
 * pref64 (RFC 7757 4.2.1): nobody outside can so take on the address of an inside host.
 */
#ifndef NAT64_EAM_H
#define NAT64_EAM_H

#include <stdbool.h>

#include "flow.h"

struct addrmap;

/**
 * eam_check() - may these mappings be put in force?
 * Return: 0; -EINVAL where they would take the uplink's own address from the host
 * (logged, with what to do).
 */
int eam_check(const struct addrmap *map);

/**
 * eam_serves() - is what comes to a mapped address passed on to this host? To clients; not to
 * this host itself, if a mapping holds an address of its own: that would come to its sockets
 * from itself, past its packet filter. Its own packets are served without a mapping.
 */
bool eam_serves(const struct addrmap *map, const struct in6_addr *inside);

/**
 * eam_flow_out() - the flow of a packet from inside, if its source has a mapping.
 * @packet:	as flow_outbound() takes it; l4 may be L4_OTHER too, without ports.
 * Return: false, and @out untouched, where there is none.
 */
bool eam_flow_out(const struct addrmap *map, const struct flow_packet *packet, struct flow *out);

/** eam_flow_in() - the same for a packet from IPv4, see flow_inbound(), by its destination. */
bool eam_flow_in(const struct addrmap *map, const struct flow_packet *packet, struct flow *out);

#endif
