/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whether a port of this host is free, and which program has it if not. */
#ifndef OPS_PORT_HOLDER_H
#define OPS_PORT_HOLDER_H

#include <stdbool.h>

#include "../core/addr.h"

struct sockets_owner;

/**
 * port_is_free() - can a listener be bound there, as our rooms bind theirs?
 * @type:	SOCK_STREAM or SOCK_DGRAM.
 * Return: false when somebody has the port. What else may be wrong with the address is not
 * asked here.
 */
bool port_is_free(const struct endpoint *at, int type);

/** port_holder_find() - who has it. @owner: filled in; pid 0: not to be found out. */
void port_holder_find(const struct endpoint *at, int type, struct sockets_owner *owner);

#endif
