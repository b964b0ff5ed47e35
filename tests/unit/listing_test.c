/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sessions and bindings as replies of the control socket and as lines: pages, filters, bounds. */
#include "flow_world.h"

#include <json-c/json.h>
#include <stdio.h>

#include "../../nat64/listing.h"
#include "../../nat64/nat64.h"
#include "../../ops/filter.h"
#include "../../ops/listing.h"

/* The room, as far as listing.c sees it: a table at NOW */
static struct flow_table *table;

int nat64_flows(struct nat64 *nat64, const struct nat64_filter *filter, uint64_t *cursor,
		unsigned int max, struct nat64_flow **rows, size_t *n)
{
	(void)nat64;
	return listing_flows(table, filter, NOW, cursor, max, rows, n);
}

int nat64_bindings(struct nat64 *nat64, const struct nat64_filter *filter, uint64_t *cursor,
		   unsigned int max, struct nat64_binding **rows, size_t *n)
{
	(void)nat64;
	return listing_bindings(table, filter, cursor, max, rows, n);
}

static char room[1];

typedef struct json_object *reply_fn(struct nat64 *nat64, struct json_object *request);

static struct json_object *ask(reply_fn *fn, const char *text)
{
	struct json_object *request = json_tokener_parse(text), *reply;

	assert_non_null(request);
	reply = fn((struct nat64 *)room, request);
	json_object_put(request);
	assert_non_null(reply);
	return reply;
}

static struct json_object *at(struct json_object *of, const char *pointer)
{
	struct json_object *value = NULL;

	if (json_pointer_get(of, pointer, &value) < 0)
		fail_msg("no %s in %s", pointer, json_object_to_json_string(of));
	return value;
}

static const char *text_at(struct json_object *of, const char *pointer)
{
	return json_object_get_string(at(of, pointer));
}

/* All rows that fit @filter, over pages of about @max, in one list; caller puts it. */
static struct json_object *list(reply_fn *fn, const char *name, const char *filter,
				unsigned int max, unsigned int *pages)
{
	struct json_object *all = json_object_new_array(), *reply, *rows, *next;
	uint64_t cursor = 0;
	char request[256], pointer[32];

	snprintf(pointer, sizeof(pointer), "/%s", name);
	*pages = 0;
	do {
		snprintf(request, sizeof(request), "{\"cursor\":%llu,\"max\":%u,\"filter\":%s}",
			 (unsigned long long)cursor, max, filter);
		reply = ask(fn, request);
		assert_int_equal(json_object_get_int(at(reply, "/schema")), 1);
		rows = at(reply, pointer);
		for (size_t i = 0; i < json_object_array_length(rows); i++)
			json_object_array_add(all, json_object_get(
				json_object_array_get_idx(rows, i)));
		next = at(reply, "/next");
		cursor = next ? json_object_get_uint64(next) : 0;
		json_object_put(reply);
		++*pages;
	} while (cursor);
	return all;
}

static size_t count(reply_fn *fn, const char *name, const char *filter)
{
	unsigned int pages;
	struct json_object *all = list(fn, name, filter, 100, &pages);
	size_t n = json_object_array_length(all);

	json_object_put(all);
	return n;
}

static void some_flows(struct world *w)
{
	struct flow flow = open_flow(w, L4_TCP, 1, 40001, REMOTE_A, 443, NOW - 1500);
	struct flow_packet in = inbound(&flow, REMOTE_A, 443);

	assert_int_equal(flow_inbound(w->table, &in, NOW - 1500, &flow), FLOW_OK);
	open_flow(w, L4_TCP, 1, 40002, REMOTE_B, 80, NOW);
	open_flow(w, L4_UDP, 2, 40001, REMOTE_A, 53, NOW);
	open_flow(w, L4_UDP, 2, 40001, REMOTE_B, 53, NOW);
	open_flow(w, L4_ICMP, 3, 443, REMOTE_B, 0, NOW);
	table = w->table;
}

static void a_flow_is_shown_whole(void **state)
{
	struct world *w = *state;
	unsigned int pages;
	struct json_object *all;

	some_flows(w);
	all = list(listing_flows_reply, "flows", "{\"state\":\"established\"}", 1000, &pages);
	assert_int_equal(json_object_array_length(all), 1);
	assert_string_equal(text_at(all, "/0/proto"), "tcp");
	assert_string_equal(text_at(all, "/0/state"), "established");
	assert_string_equal(text_at(all, "/0/inside"), "2001:db8::1");
	assert_int_equal(json_object_get_int(at(all, "/0/inside_port")), 40001);
	assert_string_equal(text_at(all, "/0/outside"), "198.51.100.7");
	assert_in_range(json_object_get_int(at(all, "/0/outside_port")), FIRST_PORT, LAST_PORT);
	assert_string_equal(text_at(all, "/0/remote"), "192.0.2.33");
	assert_int_equal(json_object_get_int(at(all, "/0/remote_port")), 443);
	/* a second and a half ago: 7438.5 s are left, and begun ones count */
	assert_int_equal(json_object_get_int(at(all, "/0/expires_s")), EST_MS / 1000 - 1);
	json_object_put(all);

	all = list(listing_flows_reply, "flows", "{\"proto\":\"icmp\"}", 1000, &pages);
	assert_int_equal(json_object_array_length(all), 1);
	assert_null(at(all, "/0/state"));
	assert_null(at(all, "/0/remote_port"));
	assert_int_equal(json_object_get_int(at(all, "/0/inside_port")), 443);
	json_object_put(all);
}

static void filters_choose(void **state)
{
	static const struct {
		const char *filter;
		size_t flows, bindings;
	} rows[] = {
		{ "{}", 5, 4 },
		{ "{\"proto\":\"tcp\"}", 2, 2 },
		{ "{\"proto\":\"udp\"}", 2, 1 },
		{ "{\"address\":\"2001:db8::2\"}", 2, 1 },
		{ "{\"address\":\"2001:db8::/126\"}", 5, 4 },
		{ "{\"address\":\"2001:db8::/127\"}", 2, 2 },
		{ "{\"address\":\"192.0.2.33\"}", 2, 0 },	/* a binding has no remote */
		{ "{\"address\":\"203.0.113.0/24\"}", 3, 0 },
		{ "{\"address\":\"198.51.100.7\"}", 5, 4 },
		{ "{\"address\":\"0.0.0.0/0\"}", 5, 4 },
		{ "{\"address\":\"::/0\"}", 5, 4 },
		{ "{\"address\":\"2001:db8::9\"}", 0, 0 },
		{ "{\"port\":443}", 2, 1 },
		{ "{\"port\":40001,\"proto\":\"udp\"}", 2, 1 },
		{ "{\"port\":80,\"address\":\"192.0.2.33\"}", 0, 0 },
	};
	struct world *w = *state;

	some_flows(w);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t flows = count(listing_flows_reply, "flows", rows[i].filter);
		size_t bindings = count(listing_bindings_reply, "bindings", rows[i].filter);

		if (flows != rows[i].flows || bindings != rows[i].bindings)
			fail_msg("%s: %zu flows, %zu bindings", rows[i].filter, flows, bindings);
	}
	assert_int_equal(count(listing_flows_reply, "flows", "{\"state\":\"v6-init\"}"), 1);
	assert_int_equal(count(listing_flows_reply, "flows", "{\"state\":\"trans\"}"), 0);
}

static void a_binding_is_shown_whole(void **state)
{
	struct world *w = *state;
	unsigned int pages;
	struct json_object *all;

	some_flows(w);
	all = list(listing_bindings_reply, "bindings", "{\"proto\":\"udp\"}", 10, &pages);
	assert_int_equal(json_object_array_length(all), 1);
	assert_string_equal(text_at(all, "/0/inside"), "2001:db8::2");
	assert_int_equal(json_object_get_int(at(all, "/0/inside_port")), 40001);
	assert_string_equal(text_at(all, "/0/outside"), "198.51.100.7");
	assert_in_range(json_object_get_int(at(all, "/0/outside_port")), FIRST_PORT, LAST_PORT);
	assert_int_equal(json_object_get_int(at(all, "/0/sessions")), 2);
	assert_false(json_object_get_boolean(at(all, "/0/static")));
	json_object_put(all);
}

/* Many pages, each session on one of them */
static void pages_add_up(void **state)
{
	enum { HOSTS = 100, EACH = 50 };
	struct world *w = *state;
	unsigned int seen[HOSTS] = { 0 }, pages;
	struct json_object *all;

	table = w->table;
	for (unsigned int who = 0; who < HOSTS; who++)
		for (unsigned int i = 0; i < EACH; i++)
			open_flow(w, L4_UDP, who, 40000, htonl(0xc0000200 + i), 53, NOW);
	all = list(listing_flows_reply, "flows", "{}", 100, &pages);
	assert_int_equal(json_object_array_length(all), HOSTS * EACH);
	assert_in_range(pages, HOSTS * EACH / 120, HOSTS * EACH);
	for (size_t i = 0; i < HOSTS * EACH; i++) {
		struct in6_addr addr;

		assert_true(addr_parse(text_at(json_object_array_get_idx(all, i), "/inside"),
				       &addr));
		seen[addr.s6_addr[15]]++;
	}
	for (unsigned int who = 0; who < HOSTS; who++)
		assert_int_equal(seen[who], EACH);
	json_object_put(all);
}

/* The longest rows there can be: a page of LISTING_ROWS_MAX stays below 256 KiB. */
static void a_page_is_bounded(void **state)
{
	struct world *w = *state;
	struct json_object *reply;

	table = w->table;
	for (unsigned int i = 0; i < 20000; i++) {
		struct flow_packet p = outbound(L4_TCP, 1, 40000, htonl(0xcbcbcb00 + i), 50000);
		struct flow flow;

		memset(&p.inside, 0xdd, sizeof(p.inside));
		assert_int_equal(flow_outbound(w->table, &p, NOW, &flow), FLOW_OK);
		p.event = TCP_EVENT_V4_SYN;
		p.outside_be32 = flow.outside_be32;
		p.near_port = flow.outside_port;
		assert_int_equal(flow_inbound(w->table, &p, NOW, &flow), FLOW_OK);
	}
	reply = ask(listing_flows_reply, "{}");
	assert_in_range(json_object_array_length(at(reply, "/flows")), 200, LISTING_ROWS_MAX + 16);
	assert_true(strlen(json_object_to_json_string_ext(reply, JSON_C_TO_STRING_PLAIN)) <
		    256 * 1024);
	json_object_put(reply);
}

static void wrong_requests_are_refused(void **state)
{
	static const char *const requests[] = {
		"{\"cursor\":-1}", "{\"cursor\":\"0\"}", "{\"max\":0}", "{\"max\":1001}",
		"{\"max\":1.5}", "{\"filter\":[]}", "{\"filter\":{\"name\":1}}",
		"{\"filter\":{\"proto\":\"sctp\"}}", "{\"filter\":{\"proto\":6}}",
		"{\"filter\":{\"port\":0}}", "{\"filter\":{\"port\":65536}}",
		"{\"filter\":{\"port\":\"80\"}}", "{\"filter\":{\"address\":\"host\"}}",
		"{\"filter\":{\"address\":\"192.0.2.1/24\"}}", "{\"filter\":{\"state\":\"open\"}}",
	};
	struct world *w = *state;
	struct json_object *reply;

	table = w->table;
	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
		reply = ask(listing_flows_reply, requests[i]);
		assert_true(json_object_get_string_len(at(reply, "/error")) > 0);
		json_object_put(reply);
	}
	reply = ask(listing_bindings_reply, "{\"filter\":{\"state\":\"trans\"}}");
	assert_string_equal(text_at(reply, "/error"), "a binding has no state");
	json_object_put(reply);
	reply = listing_flows_reply(NULL, NULL);
	assert_string_equal(text_at(reply, "/error"), "nat64 is off");
	json_object_put(reply);
	/* A cursor that no reply has given does no harm. */
	reply = ask(listing_bindings_reply, "{\"cursor\":9223372036854775807}");
	assert_null(at(reply, "/next"));
	json_object_put(reply);
}

static char *line(void (*print)(struct json_object *row, FILE *out), const char *row)
{
	struct json_object *object = row ? json_tokener_parse(row) : NULL;
	char *text;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	print(object, out);
	fclose(out);
	json_object_put(object);
	return text;
}

static void assert_line(void (*print)(struct json_object *row, FILE *out), const char *row,
			const char *want)
{
	char *text = line(print, row);

	assert_string_equal(text, want);
	free(text);
}

static void rows_are_lines(void **state)
{
	(void)state;
	assert_line(listing_print_flow, NULL,
		    "PROTO STATE         INSIDE                                   "
		    "OUTSIDE               REMOTE                EXPIRES\n");
	assert_line(listing_print_flow, "{\"proto\":\"tcp\",\"state\":\"established\","
		    "\"inside\":\"2001:db8::1\",\"inside_port\":40001,"
		    "\"outside\":\"198.51.100.7\",\"outside_port\":20001,"
		    "\"remote\":\"192.0.2.33\",\"remote_port\":443,\"expires_s\":7439}",
		    "tcp   established   [2001:db8::1]:40001                      "
		    "198.51.100.7:20001    192.0.2.33:443        2h03m59s\n");
	assert_line(listing_print_flow, "{\"proto\":\"icmp\",\"state\":null,"
		    "\"inside\":\"2001:db8::1\",\"inside_port\":7,"
		    "\"outside\":\"198.51.100.7\",\"outside_port\":9,"
		    "\"remote\":\"192.0.2.33\",\"remote_port\":null,\"expires_s\":60}",
		    "icmp  -             [2001:db8::1]:7                          "
		    "198.51.100.7:9        192.0.2.33            1m00s\n");
	assert_line(listing_print_binding, NULL,
		    "PROTO INSIDE                                   "
		    "OUTSIDE               SESSIONS KIND\n");
	assert_line(listing_print_binding, "{\"proto\":\"udp\",\"inside\":\"2001:db8::2\","
		    "\"inside_port\":53,\"outside\":\"198.51.100.7\",\"outside_port\":20003,"
		    "\"sessions\":12,\"static\":true}",
		    "udp   [2001:db8::2]:53                         "
		    "198.51.100.7:20003    12       static\n");
	/* From another version it may come with anything missing. */
	assert_line(listing_print_binding, "{}",
		    "?     ?                                        "
		    "?                     0        dynamic\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_flow_is_shown_whole),
		TEST(filters_choose),
		TEST(a_binding_is_shown_whole),
		TEST(pages_add_up),
		TEST(a_page_is_bounded),
		TEST(wrong_requests_are_refused),
		cmocka_unit_test(rows_are_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
