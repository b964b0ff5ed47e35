/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "web_sources.h"

#include <assert.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "activity.h"
#include "exposition.h"
#include "gateway.h"
#include "report.h"
#include "shared_text.h"

enum { OK = 200, UNAVAILABLE = 503, WHY_MAX = 320 };

static struct shared_text *text_document(unsigned int status, const char *text)
{
	return shared_text_new(status, text, strlen(text));
}

/* Bytes as --json prints them. @object: taken; NULL: out of memory. */
static struct shared_text *json_document(struct json_object *object)
{
	const char *text = json_object_to_json_string_ext(object, JSON_C_TO_STRING_PRETTY |
							  JSON_C_TO_STRING_NOSLASHESCAPE);
	struct shared_text *document = object && text ? text_document(OK, text) : NULL;

	json_object_put(object);
	return document;
}

static struct shared_text *make_status(struct gateway *gateway)
{
	return json_document(report_status(gateway));
}

static struct shared_text *make_activity(struct gateway *gateway)
{
	return json_document(activity_document(gateway_nat64(gateway), gateway_dns64(gateway),
					       gateway_snid(gateway)));
}

static struct shared_text *make_metrics(struct gateway *gateway)
{
	return report_metrics(gateway, false);
}

static struct shared_text *make_openmetrics(struct gateway *gateway)
{
	return report_metrics(gateway, true);
}

static struct shared_text *make_ready(struct gateway *gateway)
{
	char why[WHY_MAX], text[WHY_MAX + 16];

	if (!report_unready(gateway, why, sizeof(why)))
		return text_document(OK, "ready\n");
	snprintf(text, sizeof(text), "not ready: %s\n", why);
	return text_document(UNAVAILABLE, text);
}

const struct web_source web_sources[] = {
	{ .path = "/metrics", .openmetrics = true, .type = EXPOSITION_OPENMETRICS_TYPE,
	  .counter = STAT_HTTP_METRICS, .make = make_openmetrics },
	{ .path = "/metrics", .type = EXPOSITION_PROMETHEUS_TYPE, .counter = STAT_HTTP_METRICS,
	  .make = make_metrics },
	{ .path = "/readyz", .type = "text/plain; charset=utf-8", .counter = STAT_HTTP_READYZ,
	  .make = make_ready },
	{ .path = "/status.json", .type = "application/json", .counter = STAT_HTTP_STATUS,
	  .make = make_status },
	{ .path = "/activity.json", .type = "application/json", .counter = STAT_HTTP_ACTIVITY,
	  .make = make_activity },
};

const size_t web_n_sources = sizeof(web_sources) / sizeof(web_sources[0]);

static_assert(sizeof(web_sources) / sizeof(web_sources[0]) <= WEB_SOURCES_MAX,
	      "WEB_SOURCES_MAX is too small");
