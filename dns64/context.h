/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Setting libunbound up: a context made from the configuration. */
#ifndef DNS64_CONTEXT_H
#define DNS64_CONTEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/queue.h>

#include "forward.h"

struct config;
struct event_base;
struct ub_ctx;
struct ub_events;

/* What of the configuration it is made from */
struct context_setup {
	bool recursive, dnssec;
	struct forward_list forwards;
	char *trust_anchor, *root_hints;	/* paths */
};

/** context_setup_new() - a copy, for context_setup_free(); NULL when out of memory. */
struct context_setup *context_setup_new(const struct config *config);

/** context_setup_free() - NULL is allowed. */
void context_setup_free(struct context_setup *setup);

/* What shall be asked of it: all, or a zone only, for which less memory does */
enum context_scope { CONTEXT_ALL, CONTEXT_ZONE };

struct context {
	STAILQ_ENTRY(context) link;
	struct ub_ctx *ub;
	struct ub_events *events;
};

/**
 * context_new() - a context on @base, complete: it takes questions only. Between
 * resolvers_hold() and resolvers_let_go(), of whichever thread.
 * @setup:	borrowed for the call.
 * Return: the context, for context_free(), or NULL, the reason having been logged.
 */
struct context *context_new(struct event_base *base, const struct context_setup *setup,
			    enum context_scope scope);

/** context_new_now() - the same at any time; NULL too while others are made or deleted. */
struct context *context_new_now(struct event_base *base, const struct context_setup *setup,
				enum context_scope scope);

/** context_cancel() - @id, of ub_resolve_event(), will not be called back. */
void context_cancel(struct context *context, int id);

/**
 * context_free() - in the thread of its base, which does not wait for the end of
 * it; NULL is allowed. Questions under way have to be cancelled before.
 */
void context_free(struct context *context);

#endif
