/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report.h"

#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>

#include "../core/addrmap.h"
#include "../core/loop.h"
#include "document.h"
#include "shared_text.h"
#include "gateway.h"
#include "gauges.h"
#include "metrics.h"
#include "process.h"

enum {
	METRICS_SCHEMA = 1,
	OK = 200,
	SILENT_MS = 2000,	/* who has given no sign of life for so long does not serve */
	NAMES_MAX = 256,
};

struct json_object *report_status(struct gateway *gateway)
{
	struct json_object *document;
	struct gauges gauges;

	if (gauges_read(&gauges, gateway, GAUGES_PORT_RANGES) < 0)
		return NULL;
	document = status_document(&gauges.facts);
	gauges_free(&gauges);
	return document;
}

struct shared_text *report_metrics(struct gateway *gateway, bool openmetrics)
{
	struct exposition to = {
		.format = openmetrics ? EXPOSITION_OPENMETRICS : EXPOSITION_PROMETHEUS,
	};
	struct shared_text *document = NULL;
	struct process process;
	struct gauges gauges;
	char *text = NULL;
	size_t len = 0;

	if (gauges_read(&gauges, gateway, GAUGES_PORT_NUMBERS) < 0)
		return NULL;
	process_read(&process);
	to.out = open_memstream(&text, &len);
	if (to.out) {
		metrics_write(&to, &gauges, &process);
		if (fclose(to.out) == 0)
			document = shared_text_new(OK, text, len);
	}
	free(text);
	gauges_free(&gauges);
	return document;
}

static struct json_object *metrics_document(struct gateway *gateway)
{
	struct exposition to = { .format = EXPOSITION_JSON };
	struct json_object *document;
	struct process process;
	struct gauges gauges;

	if (gauges_read(&gauges, gateway, GAUGES_PORT_NUMBERS) < 0)
		return NULL;
	process_read(&process);
	document = document_new(METRICS_SCHEMA);
	to.families = document ? json_object_new_array() : NULL;
	if (to.families) {
		json_object_object_add(document, "families", to.families);
		metrics_write(&to, &gauges, &process);
	}
	gauges_free(&gauges);
	return document;
}

struct json_object *report_metrics_reply(struct gateway *gateway, struct json_object *request)
{
	struct json_object *reply;
	struct shared_text *document;

	if (json_object_get_boolean(document_get(request, "json")))
		return metrics_document(gateway);
	reply = document_new(METRICS_SCHEMA);
	document = report_metrics(gateway,
				  json_object_get_boolean(document_get(request, "openmetrics")));
	if (reply && document) {
		json_object_object_add(reply, "text",
				       json_object_new_string_len(document->data,
								  (int)document->len));
	} else {
		json_object_put(reply);
		reply = NULL;
	}
	shared_text_put(document);
	return reply;
}

/* Who sends others here has other gateways: so in doubt it is not ready. */
bool report_unready(const struct gateway *gateway, char *why, size_t size)
{
	struct status_facts facts;
	char names[NAMES_MAX];

	gateway_facts(gateway, &facts);
	why[0] = '\0';
	if (facts.stopping)
		snprintf(why, size, "stopping");
	else if (!facts.map->uplink_v4_be32 || facts.uplink_missing)
		snprintf(why, size, "the uplink has no IPv4 address");
	else if (facts.problem)
		snprintf(why, size, "%s: not in order", facts.problem);
	else if (loop_silent(SILENT_MS, names, sizeof(names)))
		snprintf(why, size, "threads that do not answer: %s", names);
	loop_ping_all();
	return why[0];
}
