/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The listener of ops.metrics, as a room among the others: it shows how the gateway is, and
 * nothing can be changed by it. One thread without any capability, which asks the main thread
 * for documents (web_sources.h) four times a second at most, however often it is asked.
 *
 * Life: as that of the rooms, web_serve() before all.
 */
#ifndef OPS_WEB_H
#define OPS_WEB_H

struct addrmap;
struct config;
struct gateway;
struct web;

enum {
	WEB_FRESH_MS = 250,	/* a document is given again for so long */
	WEB_PATIENCE_MS = 2000,	/* who has given no sign of life then counts as dead */
};

/** web_serve() - of whom the documents are, borrowed until the last web_free(). */
void web_serve(struct gateway *gateway);

/** web_new() - listen. Return: 0 with *@out, or -errno, the reason having been logged. */
int web_new(struct web **out, const struct config *config, const struct addrmap *map);

/** web_start() - start the thread; @enter: see loop_start(). Return: 0 or -errno. */
int web_start(struct web *web, int (*enter)(void));

/**
 * web_reconfigure() - listen elsewhere, where @config says so; requests under way go on.
 * Return: 0, or -errno, logged, and nothing has changed.
 */
int web_reconfigure(struct web *web, const struct config *config, const struct addrmap *map);

/** web_free() - end; NULL is allowed. */
void web_free(struct web *web);

#endif
