/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the listener of ops.metrics gives: documents made on request, and pages that stay. */
#ifndef OPS_WEB_SOURCES_H
#define OPS_WEB_SOURCES_H

#include <stdbool.h>
#include <stddef.h>

#include "../core/stats.h"

struct shared_text;
struct gateway;

/* A document, made by the main thread when somebody asks */
struct web_source {
	const char *path;
	bool openmetrics;	/* for those who prefer that; another row has the rest */
	const char *type;	/* Content-Type */
	enum stat counter;	/* of requests */
	struct shared_text *(*make)(struct gateway *gateway);	/* NULL: out of memory */
};

extern const struct web_source web_sources[];
extern const size_t web_n_sources;

/* A page that is part of the program; browsers keep it as long as it is the same (ETag) */
struct web_page {
	const char *path;
	const char *type;	/* Content-Type */
	const char *policy;	/* Content-Security-Policy; NULL: it may load nothing */
	const void *data;
	size_t len;
};

extern const struct web_page web_pages[];
extern const size_t web_n_pages;

enum { WEB_SOURCES_MAX = 32, WEB_PAGES_MAX = 16 };

#endif
