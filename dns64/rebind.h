/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * DNS rebinding: somebody's name that leads to an address inside makes a browser there
 * talk to hosts inside as if they were his. With dns64.rebind such answers are refused.
 */
#ifndef DNS64_REBIND_H
#define DNS64_REBIND_H

#include "reply.h"

struct addrmap;
struct config;

/**
 * rebind_guard() - has a foreign name private addresses? Then @answer, complete as it would go
 * to the cache, becomes an empty one with an extended error.
 */
void rebind_guard(struct answer *answer, const struct query *query, const struct config *config,
		  const struct addrmap *map);

#endif
