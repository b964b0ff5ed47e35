/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One connect() to a server: over IPv6 from the address that stands for the client (NAT46),
 * from an address of this host over either family, or to a unix socket.
 */
#ifndef SNID_DIAL_H
#define SNID_DIAL_H

#include <stdbool.h>
#include <stdint.h>

#include "../core/addr.h"

/* How source ports can be had on this host */
struct dial_ports {
	uint16_t first, last;	/* net.ipv4.ip_local_port_range, host byte order */
	bool one_of_them;	/* can connect() be told which of these to take? Linux 6.3 */
};

/** dial_ports_read() - of this host, now. What cannot be read is as Linux has it by default. */
void dial_ports_read(struct dial_ports *ports);

/**
 * dial_tcp() - begin to connect; the socket becomes writable when it is decided.
 * @from:	the client's NAT46 address and its own port, which is kept where it is free; or
 *		NULL: an address of this host. The NAT46 address is none, and needs the route
 *		"local <nat46 prefix> dev lo" for the answers to come here.
 * @to:		the server, already judged by route_next().
 * Return: a non-blocking socket, owned by the caller, or -errno.
 */
int dial_tcp(const struct endpoint *from, const struct endpoint *to,
	     const struct dial_ports *ports);

/**
 * dial_unix() - the same with the socket in @directory that is named @name; where there is
 * none, with that of its domain ("_.example.org" for "www.example.org"), then with "_".
 * @name:	as hostname_normalise() made it, so that no other directory can be meant. What is
 *		no socket is not used, and no symbolic link is followed.
 * Return: as dial_tcp(); -ENOENT where there is no such socket, -ENOTDIR no such directory.
 */
int dial_unix(const char *directory, const char *name);

#endif
