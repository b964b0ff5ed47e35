/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Not to be one's own upstream server. */
#ifndef DNS64_SELFASK_H
#define DNS64_SELFASK_H

struct addrmap;
struct config;

/**
 * selfask_check() - is one of the servers that @config names, for all names or for zones, an
 * address of this host, at a port where dns64 listens on all of them? (What shows without
 * knowing them core/config_check.c has refused.)
 * Return: 0, or -ELOOP, logged.
 */
int selfask_check(const struct config *config, const struct addrmap *map);

#endif
