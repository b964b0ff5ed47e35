/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ops/rates: two status documents and what happened a second between them; ops/top: its text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../ops/rates.h"
#include "../../ops/top.h"

/* Two looks, two seconds apart; the rest of a document is as here */
#define DOCUMENT(since, up, nat64, dns64, snid)						\
	"{'version':'1.2','pid':1,'since':'2026-01-02T03:04:" since "Z','uptime_s':" up	\
	",'network':{'problem':null},"							\
	"'rooms':{'nat64':{'enabled':true," nat64 "},'dns64':" dns64 ",'snid':" snid "}}"

#define NAT64(sessions, out, fast, no_port, filtered)					\
	"'sessions':" sessions ",'sessions_max':100,'ports_used':60,'ports_size':65565,"	\
	"'ports_fullest':{'address':'198.51.100.1','proto':'tcp','used':24,'size':30},"	\
	"'fast_path':{'packets_out':" fast	\
	",'bytes_out':" fast "000},'counters':{'packets':{'out':" out ",'in':0},"	\
	"'bytes':{'out':" out "00,'in':0},'drops':{'no_free_port':" no_port		\
	",'filtered':" filtered ",'martian':0}}"

#define DNS64(noerror, nxdomain, count, within, sum)					\
	"{'enabled':true,'counters':{'replies':{'noerror':" noerror ",'nxdomain':" nxdomain	\
	"},'reply_seconds_bucket':{'hit':{'0.0005':" within ",'0.001':" count ",'+Inf':" count	\
	"},'miss':{'0.0005':0,'+Inf':1}},'reply_seconds_sum':{'hit':" sum ",'miss':9.5},"	\
	"'reply_seconds_count':{'hit':" count ",'miss':1}}}"

static const char first[] = DOCUMENT("07", "100", NAT64("3", "10", "50", "4", "9"),
				     DNS64("20", "5", "100", "40", "1.0"), "{'enabled':false}");
static const char second[] = DOCUMENT("07", "102", NAT64("8", "30", "250", "24", "9"),
				      DNS64("30", "5", "200", "90", "1.5"),
				      "{'enabled':true,'connections':2,'counters':{'accepted':6}}");
static const char restarted[] = DOCUMENT("07", "1", NAT64("1", "2", "0", "1", "0"),
					 "{'enabled':false}", "{'enabled':false}");
/* In a container: the same number, and by now as old as the one before was */
static const char later[] = DOCUMENT("50", "103", NAT64("1", "2", "0", "1", "0"),
				     "{'enabled':false}", "{'enabled':false}");
/* The fast path was loaded anew, and a counter of drops began anew. */
static const char fell[] = DOCUMENT("07", "104", NAT64("8", "40", "20", "2", "10"),
				    DNS64("30", "5", "200", "90", "1.5"),
				    "{'enabled':true,'connections':2,'counters':{'accepted':6}}");

static struct json_object *document(const char *text)
{
	char *quoted = strdup(text);
	struct json_object *parsed;

	for (char *at = quoted; *at; at++)
		if (*at == '\'')
			*at = '"';
	parsed = json_tokener_parse(quoted);
	free(quoted);
	assert_non_null(parsed);
	return parsed;
}

static struct json_object *between(const char *before, const char *after)
{
	struct json_object *left = before ? document(before) : NULL, *right = document(after);
	struct json_object *view = rates_between(left, right, 2);

	json_object_put(left);
	json_object_put(right);
	assert_non_null(view);
	return view;
}

/* What stands at "/rooms/nat64/sessions"; it must be there. */
static struct json_object *at(struct json_object *view, const char *pointer)
{
	struct json_object *value = NULL;

	if (json_pointer_get(view, pointer, &value) < 0)
		fail_msg("the view has no %s", pointer);
	return value;
}

static void assert_is(struct json_object *view, const char *pointer, double want)
{
	assert_float_equal(json_object_get_double(at(view, pointer)), want, 1e-9);
}

/* Gauges are as they are now, counters become rates, bytes bits. */
static void test_rates(void **state)
{
	struct json_object *view = between(first, second);

	(void)state;
	assert_is(view, "/over_s", 2);
	assert_is(view, "/rooms/nat64/sessions", 8);
	assert_is(view, "/rooms/nat64/slow/packets_out_per_s", 10);
	assert_is(view, "/rooms/nat64/slow/packets_in_per_s", 0);
	assert_is(view, "/rooms/nat64/slow/bits_out_per_s", 8000);
	assert_is(view, "/rooms/nat64/fast/packets_out_per_s", 100);
	assert_is(view, "/rooms/nat64/fast/bits_out_per_s", 800000);
	assert_is(view, "/rooms/dns64/replies_per_s/noerror", 5);
	/* what did not rise is left out of a family */
	assert_int_equal(json_object_object_length(at(view, "/rooms/dns64/replies_per_s")), 1);
	/* a room that was off before began with nothing */
	assert_is(view, "/rooms/snid/accepted_per_s", 3);
	json_object_put(view);
}

/* Of the hundred replies between the two, 50 took half a millisecond at most. */
static void test_latency(void **state)
{
	struct json_object *view = between(first, second);

	(void)state;
	assert_is(view, "/rooms/dns64/latency/hit/per_s", 50);
	assert_is(view, "/rooms/dns64/latency/hit/mean_ms", 5);
	assert_is(view, "/rooms/dns64/latency/hit/half_ms", 0.5);
	assert_is(view, "/rooms/dns64/latency/hit/most_ms", 1);
	assert_is(view, "/rooms/dns64/latency/miss/per_s", 0);
	assert_false(json_object_object_get_ex(at(view, "/rooms/dns64/latency/miss"), "mean_ms", NULL));
	json_object_put(view);
}

/* Most now first, then most in all; what never was is left out. */
static void test_drops(void **state)
{
	struct json_object *view = between(first, second);

	(void)state;
	assert_int_equal(json_object_array_length(at(view, "/drops")), 2);
	assert_string_equal(json_object_get_string(at(view, "/drops/0/reason")), "no_free_port");
	assert_is(view, "/drops/0/per_s", 10);
	assert_is(view, "/drops/0/total", 24);
	assert_string_equal(json_object_get_string(at(view, "/drops/1/reason")), "filtered");
	assert_is(view, "/drops/1/per_s", 0);
	json_object_put(view);
}

/* Nothing to compare with: no rates are invented, and none is below zero. */
static void test_nothing_before(void **state)
{
	static const struct {
		const char *before, *after;
	} pairs[] = { { NULL, restarted }, { second, restarted }, { second, later } };

	(void)state;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		struct json_object *view = between(pairs[i].before, pairs[i].after);

		assert_null(at(view, "/over_s"));
		assert_is(view, "/rooms/nat64/sessions", 1);
		assert_null(at(view, "/rooms/nat64/slow/packets_out_per_s"));
		assert_null(at(view, "/drops/0/per_s"));
		assert_is(view, "/drops/0/total", 1);
		assert_false(json_object_get_boolean(at(view, "/rooms/dns64/enabled")));
		json_object_put(view);
	}
}

/* Of a counter that fell nothing is told; the others go on. */
static void test_fallen(void **state)
{
	struct json_object *view = between(second, fell);

	(void)state;
	assert_is(view, "/over_s", 2);
	assert_is(view, "/rooms/nat64/slow/packets_out_per_s", 5);
	assert_null(at(view, "/rooms/nat64/fast/packets_out_per_s"));
	assert_null(at(view, "/rooms/nat64/fast/bits_out_per_s"));
	assert_string_equal(json_object_get_string(at(view, "/drops/0/reason")), "filtered");
	assert_is(view, "/drops/0/per_s", 0.5);
	assert_string_equal(json_object_get_string(at(view, "/drops/1/reason")), "no_free_port");
	assert_null(at(view, "/drops/1/per_s"));
	json_object_put(view);
}

/* What is no status document makes no view. */
static void test_other_documents(void **state)
{
	struct json_object *other = document("{'error':'no'}");

	(void)state;
	assert_null(rates_between(NULL, other, 1));
	json_object_put(other);
}

static const char activity_text[] =
	"{'clients':{'nat64':[{'client':'2001:db8:1::/64','sessions':5}],'dns64':null,'snid':null},"
	"'refusals':[{'at':'2026-01-02T03:04:05.678Z','room':'snid','reason':'no_name',"
	"'who':'203.0.113.7','what':'a\\u001b[31mb','alike':3}],'over_s':60}";

/* The text of a view in @lines lines; the caller frees it. */
static char *text_of(const char *before, const char *after, int lines)
{
	struct json_object *view = between(before, after), *activity = document(activity_text);
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	assert_non_null(out);
	top_print(view, activity, lines, out);
	assert_int_equal(fclose(out), 0);
	json_object_put(view);
	json_object_put(activity);
	return text;
}

/* What people read; nothing that others sent commands their terminal. */
static void test_text(void **state)
{
	char *text = text_of(first, second, 0);

	(void)state;
	assert_non_null(strstr(text, "sessions 8 of 100 (8 %)"));
	assert_non_null(strstr(text, "ports 24 of 30 (80 %), tcp of 198.51.100.1"));
	assert_non_null(strstr(text, "fast  out 100 packets/s, 800k"));
	assert_non_null(strstr(text, "replies/s: noerror 5.0"));
	assert_non_null(strstr(text, "nat64  no_free_port"));
	assert_non_null(strstr(text, "2001:db8:1::/64"));
	assert_non_null(strstr(text, "03:04:05 snid  no_name"));
	assert_non_null(strstr(text, "a?[31mb"));
	assert_null(strchr(text, '\033'));
	free(text);
}

/* No more lines than there are; without anything to compare with, rates are dashes. */
static void test_lines(void **state)
{
	const int heights[] = { 24, 50 };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		char *text = text_of(first, second, heights[i]);
		int n = 0;

		for (const char *at = text; *at; at++)
			n += *at == '\n';
		assert_in_range(n, 10, heights[i]);
		free(text);
	}
	char *text = text_of(NULL, restarted, 24);

	assert_non_null(strstr(text, "new -/s"));
	assert_non_null(strstr(text, "SNI    off"));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rates),
		cmocka_unit_test(test_latency),
		cmocka_unit_test(test_drops),
		cmocka_unit_test(test_nothing_before),
		cmocka_unit_test(test_fallen),
		cmocka_unit_test(test_other_documents),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
