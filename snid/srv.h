/* SPDX-License-Identifier: GPL-2.0-or-later */
/* SRV records (RFC 2782): for which clients they are asked, and in which order they count. Pure. */
#ifndef SNID_SRV_H
#define SNID_SRV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../dns64/resolver.h"

/**
 * srv_name() - under which name servers of @alpn for @host are found.
 * @alpn:	the only protocol that the client offers, or "".
 * @name:	RESOLVER_NAME_STRLEN bytes, set where there is one.
 * Return: false where such clients are looked up by the host's addresses: for all but XMPP
 * over direct TLS (XEP-0368), or where the name would be too long.
 */
bool srv_name(const char *alpn, const char *host, char *name);

/**
 * srv_order() - sort by priority and, within one, draw lots by weight (RFC 2782 "Usage rules").
 * @random:	any number, another each time.
 */
void srv_order(struct resolver_service *services, size_t n, uint64_t random);

/**
 * srv_port_allowed() - may a record name this port? Who writes the zone chooses it, and must
 * not reach what else listens there: that of the listener's servers is allowed, and those
 * that XMPP over direct TLS commonly has.
 */
bool srv_port_allowed(uint16_t port, uint16_t server_port);

#endif
