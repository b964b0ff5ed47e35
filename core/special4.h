/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The IANA IPv4 Special-Purpose Address Registry (RFC 6890, RFC 8190), and the blocks
 * that are no host's address at all. Pure; asked once a packet.
 */
#ifndef CORE_SPECIAL4_H
#define CORE_SPECIAL4_H

#include <stdbool.h>
#include <stdint.h>

/**
 * special4_is_global() - is this IPv4 address (network order) globally reachable?
 *
 * The longest matching row of the registry says so in its column "Globally Reachable"
 * (RFC 8190 2.2); what no row holds is an ordinary address. Multicast, which has a
 * registry of its own (RFC 5771), is not.
 */
bool special4_is_global(uint32_t v4_be32);

/**
 * special4_is_host() - can it be the address of another host? Not so "this network",
 * loopback, multicast and class E (RFC 1122 3.2.1.3, RFC 1812 5.3.7).
 */
bool special4_is_host(uint32_t v4_be32);

#endif
