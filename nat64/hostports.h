/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which TCP and UDP ports the host itself uses or may come to use, as the kernel
 * tells in /proc. NAT64 shares the host's IPv4 address and keeps off these.
 */
#ifndef NAT64_HOSTPORTS_H
#define NAT64_HOSTPORTS_H

#include <stdbool.h>
#include <stdint.h>

#include "packet.h"

struct hostports {
	uint16_t ephemeral_first, ephemeral_last;	/* net.ipv4.ip_local_port_range */
	uint8_t reserved[65536 / 8];	/* net.ipv4.ip_local_reserved_ports */
	uint8_t bound[2][65536 / 8];	/* L4_TCP, L4_UDP: listeners and bound sockets */
};

/**
 * hostports_read() - fill from /proc of this network namespace.
 * Return: 0 or -errno, the reason having been logged.
 */
int hostports_read(struct hostports *out);

/** hostports_ephemeral() - may the kernel choose this port for a connection of its own? */
bool hostports_ephemeral(const struct hostports *host, uint16_t port);

/** hostports_bound() - does a socket of the host have this port (TCP or UDP)? */
bool hostports_bound(const struct hostports *host, enum l4_proto l4, uint16_t port);

/**
 * hostports_taken() - has a socket of the host this address and port right now, one
 * opened after hostports_read() too? The kernel is asked, by binding.
 * @addr_be32:	one of the pool's, the host's own or not.
 */
bool hostports_taken(enum l4_proto l4, uint32_t addr_be32, uint16_t port);

/** hostports_reserved() - is it set aside by net.ipv4.ip_local_reserved_ports? */
bool hostports_reserved(const struct hostports *host, uint16_t port);

/**
 * hostports_parse_socket() - the local port of one line of /proc/net/{tcp,udp}{,6}.
 * @listening_only:	take TCP's LISTEN state only.
 * Return: the port, 0 where the line is none or not wanted.
 */
uint16_t hostports_parse_socket(const char *line, bool listening_only);

/** hostports_parse_reserved() - read "8080,9148-9150" into a bitmap; false if malformed. */
bool hostports_parse_reserved(const char *text, uint8_t *bitmap);

#endif
