/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What travels through here: a query from the control socket to a worker, and how it was
 * answered back from there, into JSON. Nobody blocks: the worker says that it is over by a
 * descriptor that the main loop waits for.
 */
#include "dns_lookup.h"

#include <event2/event.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "../core/addr.h"
#include "../core/cursor.h"
#include "../dns64/dns64.h"
#include "../dns64/present.h"
#include "control.h"
#include "dns.h"

enum {
	EDES_MAX = 8,
	TYPE_AAAA = 28,
	RCODE_NXDOMAIN = 3,
};

static struct json_object *get(struct json_object *of, const char *key)
{
	struct json_object *value = NULL;

	json_object_object_get_ex(of, key, &value);
	return value;
}

static void add_text(struct json_object *to, const char *key, const char *text)
{
	json_object_object_add(to, key, text ? json_object_new_string(text) : NULL);
}

static void add_bool(struct json_object *to, const char *key, bool value)
{
	json_object_object_add(to, key, json_object_new_boolean(value));
}

/* ---- the request ----------------------------------------------------------------- */

const char *dns_lookup_read(struct json_object *request, struct name *name, uint16_t *type,
			    struct explain_options *options)
{
	struct json_object *value = get(request, "type");
	const char *text = json_object_get_string(get(request, "name")), *wrong = NULL;

	/* The root is no host, but has records to ask for. */
	if (text && strcmp(text, ".") == 0)
		*name = (struct name){ .len = 1, .wire = { 0 } };
	else
		wrong = dns_name_read(request, name);
	*type = TYPE_AAAA;
	*options = (struct explain_options){
		.anew = json_object_get_boolean(get(request, "no_cache")),
		.dnssec_ok = json_object_get_boolean(get(request, "dnssec")),
	};
	if (wrong)
		return wrong;
	if (value && (!json_object_is_type(value, json_type_string) ||
		      !present_type_read(json_object_get_string(value), type)))
		return "no such type of record";
	return NULL;
}

/* ---- the document ------------------------------------------------------------------ */

static void add_records(struct json_object *to, const uint8_t *wire, size_t len);

static void add_steps(struct json_object *to, const struct explain *explain)
{
	struct json_object *list = json_object_new_array();
	const struct explain_step *steps;
	size_t n;

	steps = explain_steps(explain, &n);
	for (size_t i = 0; list && i < n; i++) {
		struct json_object *step = json_object_new_object();

		add_text(step, "text", steps[i].text);
		add_text(step, "by", steps[i].by);
		json_object_array_add(list, step);
	}
	json_object_object_add(to, "steps", list);
}

/* The resolver's answer, its records as they would be passed on (present.h wants them so) */
static void add_side_records(struct json_object *to, const struct explain_side *side)
{
	const struct query query = { .qname = side->qname, .type = side->type, .class = 1 };
	const struct synth_side from = { .known = true, .answer = side->answer };
	struct answer answer = { .wire = malloc(MESSAGE_MAX) };

	if (!answer.wire)
		return;
	synth_pass(&answer, &query, &from);
	add_records(to, answer.wire, answer.len);
	free(answer.wire);
}

/* Not more digits than there are */
static void add_ms(struct json_object *to, int64_t us)
{
	struct json_object *ms = json_object_new_double((double)us / 1000);
	static char three_digits[] = "%.3f";

	json_object_set_serializer(ms, json_object_double_to_json_string, three_digits, NULL);
	json_object_object_add(to, "ms", ms);
}

static struct json_object *side_object(const struct explain_side *side)
{
	static const char *const statuses[] = {
		[RESOLVER_OK] = "answered",
		[RESOLVER_FAILED] = "failed",
		[RESOLVER_BOGUS] = "bogus",
		[RESOLVER_REFUSED] = "refused",
	};
	struct json_object *object = json_object_new_object();
	char text[NAME_TEXT_MAX];

	add_text(object, "name", name_format(&side->qname, text));
	add_text(object, "type", present_type(side->type, text));
	add_text(object, "status", side->known ? statuses[side->answer.status] : "pending");
	if (!side->known)
		return object;
	add_ms(object, side->took_us);
	add_text(object, "why", side->answer.why);
	if (side->answer.status != RESOLVER_OK)
		return object;
	add_text(object, "rcode", present_rcode(side->answer.rcode, text));
	add_bool(object, "secure", side->answer.secure);
	if (side->answer.wire)
		add_side_records(object, side);
	return object;
}

static void add_sides(struct json_object *to, const struct explain *explain)
{
	const struct explain_side *sides[] = { explain_main(explain), explain_a(explain) };
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; list && i < 2; i++)
		if (sides[i]->asked)
			json_object_array_add(list, side_object(sides[i]));
	json_object_object_add(to, "asked", list);
}

static void add_record(void *arg, enum message_section section, const char *text)
{
	static const char *const keys[] = { "answer", "authority", "additional" };

	json_object_array_add(get(arg, keys[section]), json_object_new_string(text));
}

static void add_records(struct json_object *to, const uint8_t *wire, size_t len)
{
	json_object_object_add(to, "answer", json_object_new_array());
	json_object_object_add(to, "authority", json_object_new_array());
	json_object_object_add(to, "additional", json_object_new_array());
	present_message(wire, len, add_record, to);
}

static void add_edes(struct json_object *to, const uint8_t *wire, size_t len)
{
	struct json_object *list = json_object_new_array();
	struct present_ede edes[EDES_MAX];
	size_t n = present_ede(wire, len, edes, EDES_MAX);

	for (size_t i = 0; list && i < n; i++) {
		struct json_object *ede = json_object_new_object();

		json_object_object_add(ede, "code", json_object_new_int(edes[i].code));
		add_text(ede, "purpose", edes[i].purpose);
		add_text(ede, "text", edes[i].text);
		json_object_array_add(list, ede);
	}
	json_object_object_add(to, "ede", list);
}

static void add_addresses(struct json_object *to, const struct message *message)
{
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; list && i < message->n; i++) {
		const struct message_rr *rr = &message->rr[i];
		struct cursor c = cursor_init(message->wire + rr->rdata_at, rr->rdata_len);
		char text[ADDR_STRLEN];
		struct in6_addr addr;

		if (rr->section == SECTION_ANSWER && rr->type == TYPE_AAAA &&
		    cursor_bytes(&c, &addr, sizeof(addr)))
			json_object_array_add(list,
					      json_object_new_string(addr_format(&addr, text)));
	}
	json_object_object_add(to, "addresses", list);
}

static void add_reply(struct json_object *to, const uint8_t *wire, size_t len)
{
	char rcode[PRESENT_WORD_MAX];
	struct message message;

	if (!wire || !message_read(&message, wire, len)) {
		add_bool(to, "answered", false);
		return;
	}
	add_bool(to, "answered", message_rcode(&message) == 0 ||
		 message_rcode(&message) == RCODE_NXDOMAIN);
	add_text(to, "rcode", present_rcode(message_rcode(&message), rcode));
	add_bool(to, "ad", message.flags & MESSAGE_AD);
	add_edes(to, wire, len);
	add_records(to, wire, len);
	add_addresses(to, &message);
}

struct json_object *dns_lookup_document(const struct explain *explain)
{
	const struct query *query = explain_query(explain);
	struct json_object *document = json_object_new_object();
	char text[NAME_TEXT_MAX];
	const uint8_t *wire;
	size_t len;

	if (!document)
		return NULL;
	json_object_object_add(document, "schema", json_object_new_int(DNS_SCHEMA));
	add_text(document, "name", name_format(&query->qname, text));
	add_text(document, "type", present_type(query->type, text));
	add_steps(document, explain);
	add_sides(document, explain);
	wire = explain_reply(explain, &len);
	add_reply(document, wire, len);
	return document;
}

/* ---- a request's life ----------------------------------------------------------------- */

struct waiting {
	struct explain *explain;
	struct control_call *call;	/* NULL: nobody waits any more */
	struct event *over;
};

static void waiting_free(struct waiting *waiting)
{
	if (waiting->over)
		event_free(waiting->over);
	explain_free(waiting->explain);
	free(waiting);
}

static void on_over(evutil_socket_t fd, short what, void *arg)
{
	struct waiting *waiting = arg;

	(void)fd;
	(void)what;
	if (!explain_is_over(waiting->explain))
		return;
	if (waiting->call)
		control_reply(waiting->call, dns_lookup_document(waiting->explain));
	waiting_free(waiting);
}

/* The worker may still have it; then on_over() comes. */
static void on_cancel(void *arg)
{
	struct waiting *waiting = arg;

	waiting->call = NULL;
	if (explain_is_over(waiting->explain))
		waiting_free(waiting);
}

static struct json_object *error_reply(const char *why)
{
	struct json_object *reply = json_object_new_object();

	if (reply)
		add_text(reply, "error", why);
	return reply;
}

static struct waiting *waiting_new(struct event_base *base, struct explain *explain)
{
	struct waiting *waiting = calloc(1, sizeof(*waiting));

	if (!waiting || !explain) {
		explain_free(explain);
		free(waiting);
		return NULL;
	}
	waiting->explain = explain;
	waiting->over = event_new(base, explain_fd(explain), EV_READ | EV_PERSIST, on_over, waiting);
	if (waiting->over && event_add(waiting->over, NULL) == 0)
		return waiting;
	waiting_free(waiting);
	return NULL;
}

struct json_object *dns_lookup_start(struct dns64 *dns64, struct event_base *base,
				     struct control *control, struct json_object *request)
{
	struct explain_options options;
	struct waiting *waiting;
	struct name name;
	uint16_t type;
	const char *wrong = dns_lookup_read(request, &name, &type, &options);

	if (wrong || !dns64)
		return error_reply(wrong ? wrong : DNS_OFF);
	waiting = waiting_new(base, explain_new(&name, type, &options));
	if (!waiting)
		return error_reply("out of memory or descriptors");
	waiting->call = control_later(control, on_cancel, waiting);
	if (!waiting->call) {
		waiting_free(waiting);
		return NULL;
	}
	dns64_explain(dns64, waiting->explain);
	return NULL;
}

/* ---- as text ----------------------------------------------------------------------------- */

static size_t length_of(struct json_object *list)
{
	return json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;
}

static const char *text_at(struct json_object *of, const char *key)
{
	struct json_object *value = get(of, key);

	return json_object_is_type(value, json_type_string) ? json_object_get_string(value) : "";
}

static void print_section(struct json_object *reply, const char *key, FILE *out)
{
	struct json_object *list = get(reply, key);

	for (size_t i = 0; i < length_of(list); i++)
		fprintf(out, "%s%s\n", strcmp(key, "answer") == 0 ? "" : "; ",
			json_object_get_string(json_object_array_get_idx(list, i)));
}

static void print_edes(struct json_object *list, FILE *out)
{
	for (size_t i = 0; i < length_of(list); i++) {
		struct json_object *ede = json_object_array_get_idx(list, i);

		fprintf(out, ", extended error %d", json_object_get_int(get(ede, "code")));
		if (*text_at(ede, "purpose"))
			fprintf(out, " (%s)", text_at(ede, "purpose"));
		if (*text_at(ede, "text"))
			fprintf(out, " \"%s\"", text_at(ede, "text"));
	}
}

void dns_lookup_print(struct json_object *reply, FILE *out)
{
	struct json_object *steps = get(reply, "steps");

	for (size_t i = 0; i < length_of(steps); i++) {
		struct json_object *step = json_object_array_get_idx(steps, i);

		fprintf(out, "%2zu. %s [%s]\n", i + 1, text_at(step, "text"),
			text_at(step, "by"));
	}
	if (!get(reply, "rcode")) {
		fputs("no reply\n", out);
		return;
	}
	fprintf(out, "%s %s: %s%s", text_at(reply, "name"), text_at(reply, "type"),
		text_at(reply, "rcode"), json_object_get_boolean(get(reply, "ad")) ? ", AD" : "");
	print_edes(get(reply, "ede"), out);
	fputc('\n', out);
	print_section(reply, "answer", out);
	print_section(reply, "authority", out);
	print_section(reply, "additional", out);
}

bool dns_lookup_answered(struct json_object *reply)
{
	return json_object_get_boolean(get(reply, "answered"));
}
