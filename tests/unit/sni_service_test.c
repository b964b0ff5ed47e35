/* SPDX-License-Identifier: GPL-2.0-or-later */
/* snid/service: what an entry of snid.listen has for itself, and what it has from the room. */
#include "config_text.h"

#include "../../core/addrmap.h"
#include "../../snid/service.h"

static struct addrmap *map_of(const struct config *config)
{
	struct netinfo net = { .uplink = "" };
	struct addrmap *map = addrmap_new(config, &net);

	assert_non_null(map);
	return map;
}

static void assert_at(const struct service *service, const char *text)
{
	char at[ENDPOINT_STRLEN];

	assert_string_equal(endpoint_format(&service->at, at), text);
}

static void test_plain(void **state)
{
	struct config *config = parse_good("inside: [2001:db8:1::/64]\n"
					   "snid: {listen: [443], default_name: a.example}\n");
	struct addrmap *map = map_of(config);
	struct service service;

	(void)state;
	service_init(&service, config, map, 0);
	assert_at(&service, "0.0.0.0:443");
	assert_int_equal(service.protocol, CONFIG_SNI_AUTO);
	assert_int_equal(service.mode, CONFIG_SNI_NAT46);
	assert_int_equal(service.server_port, 443);
	assert_false(service.proxy_to);
	assert_ptr_equal(service.backends, &map->backends);
	assert_string_equal(service.default_name, "a.example");
	addrmap_free(map);
	config_free(config);
}

static void test_own(void **state)
{
	struct config *config = parse_good(
		"inside: [2001:db8:1::/64]\n"
		"snid:\n"
		"  mode: tcp\n"
		"  backends: [192.0.2.0/24]\n"
		"  default_name: a.example\n"
		"  proxy_to: v2\n"
		"  proxy_from: [198.51.100.1]\n"
		"  listen:\n"
		"    - 443\n"
		"    - {port: 444, mode: nat46, backends: inside, default_name: null, proxy_from: [],\n"
		"       server_port: 8443}\n"
		"    - {port: 445, address: 192.0.2.1, backends: [2001:db8:2::/64], protocol: http}\n");
	struct addrmap *map = map_of(config);
	struct service services[3];

	(void)state;
	for (size_t i = 0; i < N(services); i++)
		service_init(&services[i], config, map, i);
	assert_at(&services[0], "[::]:443");
	assert_true(services[0].proxy_to);
	assert_int_equal(services[0].proxy_from->n, 1);
	assert_at(&services[1], "0.0.0.0:444");
	assert_false(services[1].proxy_to);
	assert_int_equal(services[1].proxy_from->n, 0);
	assert_null(services[1].default_name);
	assert_int_equal(services[1].server_port, 8443);
	assert_ptr_equal(services[1].backends, &map->inside);
	assert_at(&services[2], "192.0.2.1:445");
	assert_int_equal(services[2].protocol, CONFIG_SNI_HTTP);
	assert_ptr_equal(services[2].backends, &config->snid.listen[2].backends.list);
	assert_ptr_equal(service_find(services, N(services), &config->snid.listen[2].at),
			 &services[2]);
	assert_null(service_find(services, 2, &config->snid.listen[2].at));
	addrmap_free(map);
	config_free(config);
}

/* Bytes with the SYN may come twice (RFC 7413 6.1): so this decides about TCP Fast Open too. */
static void test_takes_http(void **state)
{
	static const struct {
		enum config_sni_protocol protocol;
		uint16_t port;
		bool takes;
	} cases[] = {
		{ CONFIG_SNI_AUTO, 80, true },		{ CONFIG_SNI_AUTO, 443, false },
		{ CONFIG_SNI_HTTP, 8080, true },	{ CONFIG_SNI_TLS, 80, false },
		{ CONFIG_SNI_POSTGRES, 80, false },
	};

	(void)state;
	for (size_t i = 0; i < N(cases); i++) {
		const struct service service = { .protocol = cases[i].protocol,
						 .at.port = cases[i].port };

		assert_int_equal(service_takes_http(&service), cases[i].takes);
	}
}

/* As the kernel chooses among those that listen: the address itself, its family, both. */
static void test_reached(void **state)
{
	struct config *config = parse_good(
		"snid: {listen: [{port: 1, mode: tcp}, {port: 1, mode: nat46}, 192.0.2.1:1,"
		" {port: 2, mode: tcp}, {port: 3, mode: nat46}]}\n");
	struct addrmap *map = map_of(config);
	static const struct {
		const char *to;
		int service;		/* -1: none */
	} cases[] = {
		{ "192.0.2.1:1", 2 },	{ "192.0.2.2:1", 1 },	{ "[2001:db8::1]:1", 0 },
		{ "192.0.2.1:2", 3 },	{ "[2001:db8::1]:2", 3 },
		{ "192.0.2.1:3", 4 },	{ "[2001:db8::1]:3", -1 },
		{ "192.0.2.1:4", -1 },
	};
	struct service services[5];

	(void)state;
	for (size_t i = 0; i < N(services); i++)
		service_init(&services[i], config, map, i);
	for (size_t i = 0; i < N(cases); i++) {
		const struct service *wanted = cases[i].service < 0 ? NULL :
					       &services[cases[i].service];
		struct endpoint to;

		assert_true(endpoint_parse(cases[i].to, 0, &to));
		assert_ptr_equal(service_reached(services, N(services), &to), wanted);
	}
	addrmap_free(map);
	config_free(config);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain),
		cmocka_unit_test(test_own),
		cmocka_unit_test(test_takes_http),
		cmocka_unit_test(test_reached),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
