/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "web_sources.h"

static const char index_text[] =
	"gate64\n\n"
	"/metrics      counters for Prometheus, or OpenMetrics for who asks for that\n"
	"/healthz      do all threads answer?\n"
	"/readyz       does it serve?\n"
	"/status.json  as gate64 status --json\n";

const struct web_page web_pages[] = {
	{ "/", "text/plain; charset=utf-8", NULL, index_text, sizeof(index_text) - 1 },
};

const size_t web_n_pages = sizeof(web_pages) / sizeof(web_pages[0]);
