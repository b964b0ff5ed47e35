/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which servers know a name. */
#include "config_text.h"

#include "../../dns64/forward.h"

static const char zones[] =
	"  zones:\n"
	"    - {name: lan.example, upstream: [192.0.2.1]}\n"
	"    - {name: far.lan.example, upstream: [192.0.2.2, \"[2001:db8::2]:5300\"]}\n"
	"    - {name: 10.in-addr.arpa, upstream: [192.0.2.3]}\n";

static struct config *with_zones(const char *upstream)
{
	char text[512];

	snprintf(text, sizeof(text), "dns64:\n  upstream: %s\n%s", upstream, zones);
	return parse_good(text);
}

static size_t find(const struct forward_list *list, const char *text)
{
	struct name name;

	assert_true(name_from_text(&name, text));
	return forward_find(list, &name);
}

/* The zone with the most labels in common has the name; whole labels count, case does not. */
static void test_closest(void **state)
{
	static const struct {
		const char *name;
		size_t index;
	} cases[] = {
		{ "lan.example", 0 }, { "a.b.lan.example", 0 }, { "LAN.EXAMPLE", 0 },
		{ "far.lan.example", 1 }, { "x.Far.lan.example", 1 }, { "xfar.lan.example", 0 },
		{ "1.2.3.10.in-addr.arpa", 2 }, { "110.in-addr.arpa", 3 }, { "xlan.example", 3 },
		{ "example", 3 }, { "lan.example.net", 3 },
	};
	struct config *config = with_zones("recursive");
	struct forward_list list;

	(void)state;
	assert_int_equal(forward_list_init(&list, config), 0);
	assert_int_equal(list.n, 3);
	assert_int_equal(list.v[1].n_upstream, 2);
	assert_int_equal(list.v[1].upstream[1].port, 5300);
	for (size_t i = 0; i < N(cases); i++) {
		struct name name;

		assert_int_equal(find(&list, cases[i].name), cases[i].index);
		assert_true(name_from_text(&name, cases[i].name));
		assert_int_equal(forward_configured(config, &name), cases[i].index < 3);
	}
	forward_list_free(&list);
	config_free(config);
}

/* A forwarded root takes what is left, and is no configured zone. */
static void test_root(void **state)
{
	struct config *config = with_zones("[192.0.2.9]");
	struct forward_list list;
	struct name name;

	(void)state;
	assert_int_equal(forward_list_init(&list, config), 0);
	assert_int_equal(list.n, 4);
	assert_int_equal(find(&list, "far.lan.example"), 1);
	assert_int_equal(find(&list, "example"), 3);
	assert_int_equal(list.v[3].upstream[0].port, 53);
	assert_true(name_from_text(&name, "example"));
	assert_false(forward_configured(config, &name));
	forward_list_free(&list);
	config_free(config);
}

/* Each difference is seen: by it a reload decides whether the resolvers stay. */
static void test_equal(void **state)
{
	static const char *const texts[] = {
		"{}",
		"dns64: {upstream: [192.0.2.1]}",
		"dns64: {upstream: [192.0.2.1, 192.0.2.2]}",
		"dns64: {zones: [{name: lan.example, upstream: [192.0.2.1]}]}",
		"dns64: {zones: [{name: lan.example, upstream: [192.0.2.2]}]}",
		"dns64: {zones: [{name: lan.example, upstream: [\"192.0.2.1:5300\"]}]}",
		"dns64: {zones: [{name: far.example, upstream: [192.0.2.1]}]}",
	};

	(void)state;
	for (size_t i = 0; i < N(texts); i++) {
		for (size_t k = 0; k < N(texts); k++) {
			struct config *a = parse_good(texts[i]), *b = parse_good(texts[k]);

			assert_int_equal(forward_equal(a, b), i == k);
			config_free(a);
			config_free(b);
		}
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_closest),
		cmocka_unit_test(test_root),
		cmocka_unit_test(test_equal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
