/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The status page: the files of ops/page, as the Makefile writes them out byte by byte. */
#include "web_sources.h"

#include <assert.h>

static const unsigned char html[] = {
#include "page/page.html.inc"
};

static const unsigned char css[] = {
#include "page/page.css.inc"
};

static const unsigned char js[] = {
#include "page/page.js.inc"
};

static const unsigned char icon[] = {
#include "page/icon.svg.inc"
};

/* CSP 3: it is made of its own files, asks its own listener, and nobody may frame it. */
#define POLICY "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "	\
	       "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

const struct web_page web_pages[] = {
	{ "/", "text/html; charset=utf-8", POLICY, html, sizeof(html) },
	{ "/page.css", "text/css; charset=utf-8", NULL, css, sizeof(css) },
	{ "/page.js", "text/javascript; charset=utf-8", NULL, js, sizeof(js) },
	{ "/icon.svg", "image/svg+xml", NULL, icon, sizeof(icon) },
};

const size_t web_n_pages = sizeof(web_pages) / sizeof(web_pages[0]);

static_assert(sizeof(web_pages) / sizeof(web_pages[0]) <= WEB_PAGES_MAX,
	      "WEB_PAGES_MAX is too small");
