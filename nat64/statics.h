/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nat64.static with its addresses filled in: which bindings are to be there, whatever
 * pool4 is (RFC 6146 3.1: BIB entries that an administrator made). Never changes.
 *
 * The inside address must be a client of NAT64, or its answers would be dropped. Where
 * it is none (its network may not have appeared yet), the binding waits, with a warning:
 * the outside port stays set aside, but packets to it are the host's.
 */
#ifndef NAT64_STATICS_H
#define NAT64_STATICS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "packet.h"

struct addrmap;
struct config;
struct hostports;
struct statics;

struct static_entry {
	enum l4_proto l4;
	uint32_t outside_be32;
	struct in6_addr inside;
	uint16_t outside_port, inside_port;	/* host byte order; ICMP: the identifier */
	bool waits;				/* its inside address is no client */
};

/**
 * statics_new() - the bindings of a configuration on this host.
 * Left out, with a warning where need be: bindings of an uplink that has no address,
 * and the second one of two that the uplink's address made alike.
 * Return: the set, owned by the caller, or NULL when out of memory.
 */
struct statics *statics_new(const struct config *config, const struct addrmap *map);

/** statics_free() - NULL is allowed. */
void statics_free(struct statics *statics);

/**
 * statics_check() - do sockets of the host stand where a binding is to be?
 * @in_force:	the bindings until now; NULL for none.
 *
 * What comes to the port would no longer reach such a socket, and it may be the
 * administrator's own (ssh). So a binding that is new is refused; one that is in force
 * already goes on, with a warning: the host's network must be followed all the same.
 * Return: 0, or -EADDRINUSE, the reason having been logged.
 */
int statics_check(const struct statics *statics, const struct statics *in_force,
		  const struct hostports *host);

/** statics_count(), statics_at() - all of them, by address. A NULL set is empty. */
size_t statics_count(const struct statics *statics);
const struct static_entry *statics_at(const struct statics *statics, size_t i);

/** statics_outside() - the binding of an outside address and port, or NULL. */
const struct static_entry *statics_outside(const struct statics *statics, enum l4_proto l4,
					   uint32_t outside_be32, uint16_t port);

/** statics_inside() - the binding of an inside address and port, or NULL. */
const struct static_entry *statics_inside(const struct statics *statics, enum l4_proto l4,
					  const struct in6_addr *inside, uint16_t port);

/** statics_holds() - is this very binding among them, and does it not wait? */
bool statics_holds(const struct statics *statics, const struct static_entry *entry);

/** l4_name() - "tcp", "udp" or "icmp". */
const char *l4_name(enum l4_proto l4);

#endif
