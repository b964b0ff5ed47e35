/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `gate64 trace` as request, reply and text; the trace itself is the lab's to test. */
#include <errno.h>
#include <json-c/json.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../nat64/nat64.h"
#include "../../ops/trace.h"

static struct nat64_question asked;
static int result;

int nat64_trace(struct nat64 *nat64, const struct nat64_question *question,
		struct nat64_trace *out)
{
	(void)nat64;
	asked = *question;
	*out = (struct nat64_trace){
		.steps = { { .text = "it may", .by = "nat64.clients" },
			   { .text = "it may not", .by = "nat64.deny4", .stops = true } },
		.n_steps = 2,
		.outcome = NAT64_REFUSED,
		.verdict = "would be refused",
	};
	return result;
}

static char room[1];

static struct json_object *ask(const char *text, struct nat64 *nat64)
{
	struct json_object *request = json_tokener_parse(text), *reply;

	assert_non_null(request);
	reply = trace_reply(nat64, request);
	json_object_put(request);
	assert_non_null(reply);
	return reply;
}

static void assert_asks(const char *text, enum config_proto proto, const char *to,
			const char *from)
{
	struct json_object *reply = ask(text, (struct nat64 *)room);
	char got[ENDPOINT_STRLEN];

	assert_int_equal(asked.proto, proto);
	assert_string_equal(endpoint_format(&asked.to, got), to);
	assert_string_equal(endpoint_format(&asked.from, got), from);
	json_object_put(reply);
}

static void requests_are_understood(void **state)
{
	(void)state;
	assert_asks("{\"to\":\"192.0.2.1\"}", CONFIG_TCP, "192.0.2.1:0", "[::]:0");
	assert_asks("{\"to\":\"[64:ff9b::1]:53\",\"proto\":\"udp\"}", CONFIG_UDP,
		    "[64:ff9b::1]:53", "[::]:0");
	assert_asks("{\"to\":\"192.0.2.1\",\"port\":80,\"from\":\"[2001:db8::1]:9\"}", CONFIG_TCP,
		    "192.0.2.1:80", "[2001:db8::1]:9");
}

static void assert_error(const char *text, struct nat64 *nat64, const char *says)
{
	struct json_object *reply = ask(text, nat64), *error = NULL;

	json_object_object_get_ex(reply, "error", &error);
	if (!error || !strstr(json_object_get_string(error), says))
		fail_msg("%s gave %s", text, json_object_to_json_string(reply));
	json_object_put(reply);
}

static void wrong_requests_are_refused(void **state)
{
	struct nat64 *nat64 = (struct nat64 *)room;

	(void)state;
	assert_error("{}", nat64, "not an address");
	assert_error("{\"to\":7}", nat64, "not an address");
	assert_error("{\"to\":\"web.example\"}", nat64, "not an address");
	assert_error("{\"to\":\"::1\",\"from\":\"x\"}", nat64, "the sender is not an address");
	assert_error("{\"to\":\"::1\",\"proto\":\"sctp\"}", nat64, "tcp, udp or icmp");
	assert_error("{\"to\":\"::1\",\"port\":0}", nat64, "from 1 to 65535");
	assert_error("{\"to\":\"192.0.2.1:80\",\"port\":80}", nat64, "given twice");
	assert_error("{\"to\":\"::1\"}", NULL, "nat64 is off");
	result = -EMFILE;
	assert_error("{\"to\":\"::1\"}", nat64, "out of memory or descriptors");
	result = 0;
}

static void a_reply_is_numbered_text(void **state)
{
	struct json_object *reply = ask("{\"to\":\"192.0.2.1\"}", (struct nat64 *)room), *value;
	char *text;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	(void)state;
	assert_int_equal(json_pointer_get(reply, "/schema", &value), 0);
	assert_int_equal(json_object_get_int(value), TRACE_SCHEMA);
	assert_int_equal(json_pointer_get(reply, "/outcome", &value), 0);
	assert_string_equal(json_object_get_string(value), "refused");
	assert_int_equal(json_pointer_get(reply, "/steps/1/stops", &value), 0);
	assert_true(json_object_get_boolean(value));
	trace_print(reply, out);
	fclose(out);
	assert_string_equal(text, " 1. it may [nat64.clients]\n 2. it may not [nat64.deny4]\n"
				  "would be refused\n");
	free(text);
	json_object_put(reply);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests_are_understood),
		cmocka_unit_test(wrong_requests_are_refused),
		cmocka_unit_test(a_reply_is_numbered_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
