/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The connection to the server, from the address that stands for the client (NAT46). */
#ifndef SNID_DIAL_H
#define SNID_DIAL_H

#include <netinet/in.h>
#include <stdint.h>

/**
 * dial_start() - begin to connect; the socket becomes writable when it is decided.
 * @source:	the client's NAT46 address. It is no address of this host: the host needs
 *		the route "local <nat46 prefix> dev lo" for the answers to come here.
 * @to:		the server, already checked by route_next().
 * @port:	host byte order.
 * Return: a non-blocking socket, owned by the caller, or -errno.
 */
int dial_start(const struct in6_addr *source, const struct in6_addr *to, uint16_t port);

#endif
