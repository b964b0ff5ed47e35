/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "trace.h"

#include <json-c/json.h>

#include "../nat64/nat64.h"
#include "proto.h"

static const char *const outcomes[] = {
	[NAT64_TRANSLATED] = "translated",
	[NAT64_REFUSED] = "refused",
	[NAT64_DROPPED] = "dropped",
	[NAT64_NOT_OURS] = "not-ours",
};

/* ---- the request ----------------------------------------------------------------- */

static struct json_object *get(struct json_object *of, const char *key)
{
	struct json_object *value = NULL;

	json_object_object_get_ex(of, key, &value);
	return value;
}

static const char *text_at(struct json_object *of, const char *key)
{
	struct json_object *value = get(of, key);

	return json_object_is_type(value, json_type_string) ? json_object_get_string(value) : "";
}

const char *trace_read(struct json_object *request, struct nat64_question *question)
{
	struct json_object *port = get(request, "port");

	*question = (struct nat64_question){ .proto = CONFIG_TCP };
	if (!endpoint_parse(text_at(request, "to"), 0, &question->to))
		return "not an address";
	if (get(request, "from") &&
	    !endpoint_parse(text_at(request, "from"), 0, &question->from))
		return "the sender is not an address";
	if (get(request, "proto") && !proto_read(text_at(request, "proto"), &question->proto))
		return PROTO_WRONG;
	if (port && question->to.port)
		return "the port is given twice";
	if (port && !port_read(port, &question->to.port))
		return PORT_WRONG;
	return NULL;
}

/* ---- the reply ------------------------------------------------------------------- */

static void add_text(struct json_object *to, const char *key, const char *text)
{
	json_object_object_add(to, key, json_object_new_string(text));
}

static struct json_object *step_object(const struct nat64_step *step)
{
	struct json_object *object = json_object_new_object();

	if (!object)
		return NULL;
	add_text(object, "text", step->text);
	add_text(object, "by", step->by);
	json_object_object_add(object, "stops", json_object_new_boolean(step->stops));
	return object;
}

static void fill(struct json_object *reply, const struct nat64_trace *trace)
{
	struct json_object *steps = json_object_new_array();

	json_object_object_add(reply, "schema", json_object_new_int(TRACE_SCHEMA));
	add_text(reply, "outcome", outcomes[trace->outcome]);
	add_text(reply, "verdict", trace->verdict);
	for (unsigned int i = 0; steps && i < trace->n_steps; i++)
		json_object_array_add(steps, step_object(&trace->steps[i]));
	json_object_object_add(reply, "steps", steps);
}

struct json_object *trace_reply(struct nat64 *nat64, struct json_object *request)
{
	struct json_object *reply = json_object_new_object();
	struct nat64_question question;
	struct nat64_trace trace;
	const char *wrong = trace_read(request, &question);

	if (!reply)
		return NULL;
	if (wrong || !nat64)
		add_text(reply, "error", wrong ? wrong : "nat64 is off");
	else if (nat64_trace(nat64, &question, &trace) < 0)
		add_text(reply, "error", "out of memory or descriptors");
	else
		fill(reply, &trace);
	return reply;
}

/* ---- as text --------------------------------------------------------------------- */

void trace_print(struct json_object *reply, FILE *out)
{
	struct json_object *steps = get(reply, "steps");
	size_t n = json_object_is_type(steps, json_type_array) ? json_object_array_length(steps) : 0;

	for (size_t i = 0; i < n; i++) {
		struct json_object *step = json_object_array_get_idx(steps, i);

		fprintf(out, "%2zu. %s [%s]\n", i + 1, text_at(step, "text"),
			text_at(step, "by"));
	}
	fprintf(out, "%s\n", text_at(reply, "verdict"));
}
