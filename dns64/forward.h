/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which servers libunbound asks instead of going down from the root. */
#ifndef DNS64_FORWARD_H
#define DNS64_FORWARD_H

#include <stdbool.h>
#include <stddef.h>

#include "name.h"

struct config;
struct endpoint;
struct ub_ctx;

/* Names at and below it are asked of these servers: an entry of dns64.zones, or
 * the root with the servers of dns64.upstream. */
struct forward {
	struct name zone;
	struct endpoint *upstream;	/* owned */
	size_t n_upstream;
};

struct forward_list {
	size_t n;
	struct forward *v;
};

/**
 * forward_list_init() - the zones of a configuration, in its order, then the root
 * where that is forwarded.
 * Return: 0, or -ENOMEM; to be freed in either case.
 */
int forward_list_init(struct forward_list *list, const struct config *config);

/** forward_list_free() - release what it holds. */
void forward_list_free(struct forward_list *list);

/** forward_find() - the closest zone that @name is in: its index, or list->n. */
size_t forward_find(const struct forward_list *list, const struct name *name);

/** forward_configured() - is @name at or below an entry of dns64.zones? */
bool forward_configured(const struct config *config, const struct name *name);

/** forward_equal() - would both configurations ask the same servers for every name? */
bool forward_equal(const struct config *a, const struct config *b);

/**
 * forward_apply() - tell a context that takes options still.
 * @dnssec:	the context validates; what is forwarded by zone shall be exempt.
 * Return: 0 or -errno, the reason having been logged.
 */
int forward_apply(struct ub_ctx *ctx, const struct forward_list *list, bool dnssec);

#endif
