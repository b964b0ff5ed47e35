/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Flows by explicit mapping: what is exchanged, and what is left as it is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "../../core/addrmap.h"
#include "../../core/config.h"
#include "../../nat64/eam.h"

static struct in6_addr address(const char *text)
{
	struct in6_addr addr;

	assert_true(addr_parse(text, &addr));
	return addr;
}

/* Two pref64s; 2001:db8:1::e:0/124 stands for 192.0.3.128/28 */
static struct addrmap *make_map(const char *uplink)
{
	struct prefix pref64[2];
	struct eam eam;
	struct netinfo net = { .uplink_v4_be32 = inet_addr(uplink) };
	struct prefix denied;
	struct config config = {
		.prefixes = { .nat64 = { pref64, 2 }, .eam = &eam, .n_eam = 1 },
		.nat64 = { .deny4 = { .list = { &denied, 1 } } },
	};

	assert_null(prefix_parse("64:ff9b::/96", &pref64[0]));
	assert_null(prefix_parse("2001:db8:64::/96", &pref64[1]));
	assert_null(prefix_parse("8.8.8.8/32", &denied));
	assert_null(prefix_parse("192.0.3.128/28", &eam.ipv4));
	assert_null(prefix_parse("2001:db8:1::e:0/124", &eam.ipv6));
	return addrmap_new(&config, &net);
}

static void check_flow(const struct flow *flow, enum l4_proto l4, const char *remote6)
{
	struct in6_addr inside = address("2001:db8:1::e:3"), remote = address(remote6);

	assert_int_equal(flow->l4, l4);
	assert_true(addr_equal(&flow->inside, &inside));
	assert_true(addr_equal(&flow->remote6, &remote));
	assert_int_equal(flow->outside_be32, inet_addr("192.0.3.131"));
	assert_int_equal(flow->remote_be32, inet_addr("203.0.114.7"));
	assert_int_equal(flow->inside_port, 4711);
	assert_int_equal(flow->outside_port, 4711);
	assert_int_equal(flow->remote_port, l4 == L4_ICMP ? 0 : 80);
	assert_false(flow->created);
}

/* RFC 7757 3.3.2: the source is exchanged; ports and identifiers are nobody's business. */
static void test_out(void **state)
{
	struct addrmap *map = make_map("198.51.100.1");

	(void)state;
	for (int l4 = 0; l4 < L4_COUNT; l4++) {
		struct flow_packet packet = {
			.l4 = (enum l4_proto)l4,
			.inside = address("2001:db8:1::e:3"),
			.remote6 = address("64:ff9b::203.0.114.7"),
			.remote_be32 = inet_addr("203.0.114.7"),
			.near_port = 4711,
			.remote_port = l4 == L4_ICMP ? 0 : 80,
		};
		struct flow flow;

		assert_true(eam_flow_out(map, &packet, &flow));
		check_flow(&flow, (enum l4_proto)l4, "64:ff9b::203.0.114.7");
		packet.inside = address("2001:db8:1::e:10");
		assert_false(eam_flow_out(map, &packet, &flow));
	}
	addrmap_free(map);
}

/* RFC 7757 3.3, RFC 6052 3.1: replies come from the first pref64 that may stand for the remote
 * host, so only that one is served. */
static void test_out_through_another_pref64(void **state)
{
	struct addrmap *map = make_map("198.51.100.1");
	struct flow_packet packet = {
		.l4 = L4_UDP,
		.inside = address("2001:db8:1::e:3"),
		.remote6 = address("2001:db8:64::203.0.114.7"),
		.remote_be32 = inet_addr("203.0.114.7"),
	};
	struct flow flow;

	(void)state;
	assert_false(eam_flow_out(map, &packet, &flow));
	packet.remote6 = address("2001:db8:64::10.0.0.1");
	packet.remote_be32 = inet_addr("10.0.0.1");
	assert_true(eam_flow_out(map, &packet, &flow));
	packet.remote6 = address("64:ff9b::10.0.0.1");
	assert_false(eam_flow_out(map, &packet, &flow));
	addrmap_free(map);
}

/* RFC 7757 3.3.1, 4.2.1: the destination is exchanged; the source appears in the pref64, also
 * where it has a mapping itself. */
static void test_in(void **state)
{
	struct addrmap *map = make_map("198.51.100.1");
	struct flow_packet packet = {
		.l4 = L4_TCP,
		.outside_be32 = inet_addr("192.0.3.131"),
		.remote_be32 = inet_addr("203.0.114.7"),
		.remote6 = address("64:ff9b::203.0.114.7"),
		.near_port = 4711,
		.remote_port = 80,
	};
	struct in6_addr mapped_source = address("64:ff9b::192.0.3.130");
	struct flow flow;

	(void)state;
	assert_true(eam_flow_in(map, &packet, &flow));
	check_flow(&flow, L4_TCP, "64:ff9b::203.0.114.7");
	packet.remote_be32 = inet_addr("192.0.3.130");
	packet.remote6 = mapped_source;
	assert_true(eam_flow_in(map, &packet, &flow));
	assert_true(addr_equal(&flow.remote6, &mapped_source));
	packet.outside_be32 = inet_addr("192.0.3.144");
	assert_false(eam_flow_in(map, &packet, &flow));
	addrmap_free(map);
}

/* RFC 7757 3.1: a mapping of the uplink's own address would take it from the host. */
static void test_check(void **state)
{
	static const struct {
		const char *uplink;
		int result;
	} rows[] = {
		{ "198.51.100.1", 0 }, { "0.0.0.0", 0 }, { "192.0.3.127", 0 },
		{ "192.0.3.128", -EINVAL }, { "192.0.3.143", -EINVAL }, { "192.0.3.144", 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct addrmap *map = make_map(rows[i].uplink);

		assert_int_equal(eam_check(map), rows[i].result);
		addrmap_free(map);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_out),
		cmocka_unit_test(test_out_through_another_pref64),
		cmocka_unit_test(test_in),
		cmocka_unit_test(test_check),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
