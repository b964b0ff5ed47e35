/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nat64.static resolved: whose address, who is a client, what the host has. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../../core/addrmap.h"
#include "../../core/config.h"
#include "../../core/log.h"
#include "../../nat64/hostports.h"
#include "../../nat64/statics.h"

struct world {
	struct config config;
	struct addrmap map;
	struct prefix clients;
	struct static_binding bindings[8];
	struct hostports host;
	struct statics *statics;
};

static int set_up(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	if (!w)
		return -1;
	log_setup(LOG_LEVEL_ERROR, LOG_FORMAT_TEXT);
	w->config.nat64.static_bindings = w->bindings;
	w->map.uplink_v4_be32 = inet_addr("198.51.100.1");
	assert_null(prefix_parse("2001:db8:1::/64", &w->clients));
	w->map.nat64_clients = (struct prefix_list){ &w->clients, 1 };
	w->map.nat46.len = 128;
	*state = w;
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;

	statics_free(w->statics);
	free(w);
	return 0;
}

/* @outside: "port" for one of the uplink's address, or "address:port" */
static void add(struct world *w, enum config_proto proto, const char *outside, const char *inside)
{
	struct static_binding *b = &w->bindings[w->config.nat64.n_static++];

	*b = (struct static_binding){ .proto = proto, .outside_auto = !strchr(outside, ':') };
	if (b->outside_auto)
		b->outside.port = (uint16_t)atoi(outside);
	else
		assert_true(endpoint_parse(outside, 0, &b->outside));
	assert_true(endpoint_parse(inside, 0, &b->inside));
}

static void make(struct world *w)
{
	statics_free(w->statics);
	w->statics = statics_new(&w->config, &w->map);
	assert_non_null(w->statics);
}

static const struct static_entry *outside(const struct world *w, enum l4_proto l4, const char *addr,
					  uint16_t port)
{
	return statics_outside(w->statics, l4, inet_addr(addr), port);
}

/* RFC 6146 3.1: found from both sides, in the BIB of its own transport alone */
static void test_both_sides(void **state)
{
	struct world *w = *state;
	const struct static_entry *entry;
	struct in6_addr addr;

	add(w, CONFIG_TCP, "2222", "[2001:db8:1::7]:22");
	add(w, CONFIG_UDP, "203.0.113.9:53", "[2001:db8:1::7]:5353");
	add(w, CONFIG_ICMP, "203.0.113.9:77", "[2001:db8:1::7]:78");
	add(w, CONFIG_TCP, "198.51.100.1:80", "[2001:db8:1::8]:8080");
	make(w);
	assert_int_equal(statics_count(w->statics), 4);
	entry = outside(w, L4_TCP, "198.51.100.1", 2222);
	assert_non_null(entry);
	assert_int_equal(entry->inside_port, 22);
	assert_false(entry->waits);
	assert_null(outside(w, L4_UDP, "198.51.100.1", 2222));
	assert_null(outside(w, L4_TCP, "198.51.100.1", 2223));
	assert_non_null(outside(w, L4_UDP, "203.0.113.9", 53));
	assert_non_null(outside(w, L4_ICMP, "203.0.113.9", 77));
	assert_true(addr_parse("2001:db8:1::7", &addr));
	entry = statics_inside(w->statics, L4_ICMP, &addr, 78);
	assert_non_null(entry);
	assert_int_equal(entry->outside_port, 77);
	assert_null(statics_inside(w->statics, L4_ICMP, &addr, 22));
	assert_int_equal(statics_inside(w->statics, L4_TCP, &addr, 22)->outside_port, 2222);
	assert_int_equal(statics_count(NULL), 0);
	assert_null(statics_inside(NULL, L4_ICMP, &addr, 78));
}

/* A binding of the uplink's address follows it, and is not there without one. */
static void test_uplink(void **state)
{
	struct world *w = *state;
	struct static_entry held;

	add(w, CONFIG_TCP, "2222", "[2001:db8:1::7]:22");
	add(w, CONFIG_TCP, "203.0.113.9:2222", "[2001:db8:1::8]:22");
	make(w);
	held = *outside(w, L4_TCP, "198.51.100.1", 2222);
	assert_true(statics_holds(w->statics, &held));
	w->map.uplink_v4_be32 = 0;
	make(w);
	assert_int_equal(statics_count(w->statics), 1);
	assert_false(statics_holds(w->statics, &held));
	w->map.uplink_v4_be32 = inet_addr("198.51.100.99");
	make(w);
	assert_non_null(outside(w, L4_TCP, "198.51.100.99", 2222));
	/* the address that the other one has been given by hand: the first one stays */
	w->map.uplink_v4_be32 = inet_addr("203.0.113.9");
	make(w);
	assert_int_equal(statics_count(w->statics), 1);
	assert_int_equal(outside(w, L4_TCP, "203.0.113.9", 2222)->inside.s6_addr[15], 7);
}

/* An inside address that is no client: its port is set aside, but nothing goes there. */
static void test_waits(void **state)
{
	struct world *w = *state;

	add(w, CONFIG_TCP, "2222", "[2001:db8:2::7]:22");
	make(w);
	assert_true(outside(w, L4_TCP, "198.51.100.1", 2222)->waits);
	assert_false(statics_holds(w->statics, statics_at(w->statics, 0)));
}

static int listener(uint16_t *port)
{
	struct sockaddr_in addr = { .sin_family = AF_INET,
				    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(addr);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, len), 0);
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&addr, &len), 0);
	*port = ntohs(addr.sin_port);
	return fd;
}

/* A service of the host there: a new binding is refused, one in force goes on; another
 * address, or another transport, is another port. */
static void test_host_has_it(void **state)
{
	struct world *w = *state;
	struct statics *next;
	char text[32];
	uint16_t port;
	int fd = listener(&port);

	w->host.bound[L4_TCP][port / 8] = (uint8_t)(1u << port % 8);
	snprintf(text, sizeof(text), "127.0.0.1:%u", port);
	add(w, CONFIG_UDP, text, "[2001:db8:1::7]:22");
	snprintf(text, sizeof(text), "127.0.0.2:%u", port);
	add(w, CONFIG_TCP, text, "[2001:db8:1::8]:22");
	make(w);
	assert_int_equal(statics_check(w->statics, NULL, &w->host), 0);
	snprintf(text, sizeof(text), "127.0.0.1:%u", port);
	add(w, CONFIG_TCP, text, "[2001:db8:1::7]:22");
	next = statics_new(&w->config, &w->map);
	assert_non_null(next);
	assert_int_equal(statics_check(next, NULL, &w->host), -EADDRINUSE);
	assert_int_equal(statics_check(next, w->statics, &w->host), -EADDRINUSE);
	assert_int_equal(statics_check(next, next, &w->host), 0);
	close(fd);
	assert_int_equal(statics_check(next, NULL, &w->host), 0);
	statics_free(next);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_both_sides),
		TEST(test_uplink),
		TEST(test_waits),
		TEST(test_host_has_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
