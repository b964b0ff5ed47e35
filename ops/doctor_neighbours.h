/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What neighbour discovery (RFC 4861) has found on a link. */
#ifndef OPS_DOCTOR_NEIGHBOURS_H
#define OPS_DOCTOR_NEIGHBOURS_H

#include <stdbool.h>

struct prefix;

/**
 * neighbours_have() - has a host of this IPv6 prefix been reached on the link, or does this
 * host answer there for one (proxy)?
 * Return: false too where the kernel does not say.
 */
bool neighbours_have(int link, const struct prefix *prefix);

#endif
