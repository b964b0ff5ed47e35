/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What travels through here: requests of the control socket, to the part of the
 * gateway that each is for. All in the main loop: an answer is bounded work, or comes later.
 */
#include "requests.h"

#include <json-c/json.h>
#include <string.h>

#include "activity.h"
#include "connections.h"
#include "dns.h"
#include "dns_lookup.h"
#include "effective.h"
#include "gateway.h"
#include "listing.h"
#include "report.h"
#include "trace.h"

enum { RELOAD_SCHEMA = 1 };

static struct json_object *status(struct gateway *gateway, struct control *control,
				  struct json_object *request)
{
	(void)control;
	(void)request;
	return report_status(gateway);
}

static struct json_object *metrics(struct gateway *gateway, struct control *control,
				   struct json_object *request)
{
	(void)control;
	return report_metrics_reply(gateway, request);
}

static struct json_object *reload(struct gateway *gateway, struct control *control,
				  struct json_object *request)
{
	int err = gateway_reload(gateway);
	struct json_object *reply = json_object_new_object();

	(void)control;
	(void)request;
	if (!reply)
		return NULL;
	json_object_object_add(reply, "schema", json_object_new_int(RELOAD_SCHEMA));
	json_object_object_add(reply, "ok", json_object_new_boolean(err == 0));
	json_object_object_add(reply, "text",
			       json_object_new_string(gateway_reload_text(gateway)));
	return reply;
}

static struct json_object *config(struct gateway *gateway, struct control *control,
				  struct json_object *request)
{
	struct json_object *now = report_status(gateway), *reply;

	(void)control;
	(void)request;
	reply = now ? effective_document(gateway_config(gateway), now, true) : NULL;
	json_object_put(now);
	return reply;
}

static struct json_object *flows(struct gateway *gateway, struct control *control,
				 struct json_object *request)
{
	(void)control;
	return listing_flows_reply(gateway_nat64(gateway), request);
}

static struct json_object *bindings(struct gateway *gateway, struct control *control,
				    struct json_object *request)
{
	(void)control;
	return listing_bindings_reply(gateway_nat64(gateway), request);
}

static struct json_object *connections(struct gateway *gateway, struct control *control,
				       struct json_object *request)
{
	(void)control;
	return connections_reply(gateway_snid(gateway), request);
}

static struct json_object *trace(struct gateway *gateway, struct control *control,
				 struct json_object *request)
{
	(void)control;
	return trace_reply(gateway_nat64(gateway), request);
}

static struct json_object *dns_flush(struct gateway *gateway, struct control *control,
				     struct json_object *request)
{
	(void)control;
	return dns_flush_reply(gateway_dns64(gateway), gateway_snid(gateway), request);
}

static struct json_object *dns_top(struct gateway *gateway, struct control *control,
				   struct json_object *request)
{
	(void)control;
	return dns_top_reply(gateway_dns64(gateway), request);
}

static struct json_object *dns_lookup(struct gateway *gateway, struct control *control,
				      struct json_object *request)
{
	return dns_lookup_start(gateway_dns64(gateway), gateway_base(gateway), control, request);
}

static struct json_object *activity(struct gateway *gateway, struct control *control,
				    struct json_object *request)
{
	(void)control;
	(void)request;
	return activity_document(gateway_nat64(gateway), gateway_dns64(gateway),
				 gateway_snid(gateway));
}

static const struct {
	const char *command;
	struct json_object *(*answer)(struct gateway *gateway, struct control *control,
				      struct json_object *request);
} requests[] = {
	{ "status", status },
	{ "activity", activity },
	{ "config", config },
	{ "metrics", metrics },
	{ "reload", reload },
	{ "flows", flows },
	{ "bindings", bindings },
	{ "connections", connections },
	{ "trace", trace },
	{ "dns-lookup", dns_lookup },
	{ "dns-flush", dns_flush },
	{ "dns-top", dns_top },
};

enum { N_REQUESTS = sizeof(requests) / sizeof(requests[0]) };

static struct json_object *no_such_command(void)
{
	struct json_object *reply = json_object_new_object();
	char text[512] = "commands are:";

	if (!reply)
		return NULL;
	for (size_t i = 0; i < N_REQUESTS; i++) {
		strcat(text, i ? ", " : " ");
		strcat(text, requests[i].command);
	}
	json_object_object_add(reply, "error", json_object_new_string(text));
	return reply;
}

struct json_object *requests_answer(void *gateway, struct control *control,
				    struct json_object *request)
{
	struct json_object *command = NULL;
	const char *name;

	json_object_object_get_ex(request, "command", &command);
	name = json_object_is_type(command, json_type_string) ?
	       json_object_get_string(command) : "";
	for (size_t i = 0; i < N_REQUESTS; i++)
		if (strcmp(requests[i].command, name) == 0)
			return requests[i].answer(gateway, control, request);
	return no_such_command();
}
