/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pool4: which ports are there to choose from, what is chosen (RFC 4787 REQ-2, REQ-4, RFC
 * 6056 3.3.4), and what outlives a change of configuration.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../../core/addrmap.h"
#include "../../core/log.h"
#include "../../core/loop.h"
#include "../../core/stats.h"
#include "../../nat64/blocks.h"
#include "../../nat64/hostports.h"
#include "../../nat64/pool4.h"

#define N(array) (sizeof(array) / sizeof(*(array)))

static const char uplink[] = "198.51.100.1", second[] = "198.51.100.2";

struct world {
	struct pool4 *pool;
	struct config config;
	struct addrmap map;
	struct hostports host;
	struct pool4_entry entries[4];
	struct port_range ranges[4][4];
};

static void set_bit(uint8_t *bitmap, unsigned int port)
{
	bitmap[port / 8] = (uint8_t)(bitmap[port / 8] | 1u << port % 8);
}

/* Entry @i: address (NULL: the uplink's), ranges up to a 0 (none: auto) */
static void entry(struct world *w, size_t i, const char *address, const uint16_t *ranges)
{
	struct pool4_entry *e = &w->entries[i];

	*e = (struct pool4_entry){ .address_auto = !address, .ports_auto = !ranges[0],
				   .ports = w->ranges[i] };
	if (address)
		assert_true(addr_parse(address, &e->address));
	for (; ranges[0]; ranges += 2)
		w->ranges[i][e->n_ports++] = (struct port_range){ ranges[0], ranges[1] };
	w->config.nat64.n_pool4 = i + 1;
}

#define PORTS(...) (const uint16_t[]){ __VA_ARGS__, 0 }
#define AUTO (const uint16_t[]){ 0 }

static int plan(struct world *w, struct pool4_plan **out)
{
	return pool4_plan(w->pool, &w->config, &w->map, &w->host, NULL, out);
}

static void commit(struct world *w)
{
	struct pool4_plan *made;

	assert_int_equal(plan(w, &made), 0);
	pool4_commit(w->pool, made);
}

static int set_up(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	if (!w)
		return -1;
	log_setup(LOG_LEVEL_ERROR, LOG_FORMAT_TEXT);
	w->pool = pool4_new();
	w->config.nat64.pool4 = w->entries;
	w->map.uplink_v4_be32 = inet_addr(uplink);
	w->host.ephemeral_first = 32768;
	w->host.ephemeral_last = 60999;
	*state = w;
	return w->pool ? 0 : -1;
}

static int tear_down(void **state)
{
	struct world *w = *state;

	pool4_free(w->pool);
	free(w);
	return 0;
}

static struct in6_addr inside(unsigned int i)
{
	struct in6_addr addr = { .s6_addr = { 0x20, 0x01, 0x0d, 0xb8 } };

	addr.s6_addr[14] = (uint8_t)(i >> 8);
	addr.s6_addr[15] = (uint8_t)i;
	return addr;
}

/* Claim and publish; 0 where there is none. */
static uint16_t take(struct world *w, enum l4_proto l4, unsigned int who, unsigned int port,
		     const char *from)
{
	static char owner;
	struct in6_addr addr = inside(who);
	struct pool4_claim claim;
	int err = pool4_claim(w->pool, l4, &addr, (uint16_t)port, &claim);

	if (err < 0) {
		assert_int_equal(err, -EADDRNOTAVAIL);
		return 0;
	}
	if (from)
		assert_int_equal(claim.addr_be32, inet_addr(from));
	assert_int_not_equal(claim.port, 0);
	pool4_publish(w->pool, l4, &claim, &owner);
	return claim.port;
}

static void give_back(struct world *w, enum l4_proto l4, const char *addr, unsigned int port)
{
	const struct pool4_claim claim = { .addr_be32 = inet_addr(addr), .port = (uint16_t)port };
	struct in6_addr nobody = inside(0);

	pool4_release(w->pool, l4, &nobody, &claim);
}

static void assert_ranges(const struct world *w, size_t i, enum l4_proto l4, const uint16_t *wanted)
{
	struct port_range *ranges;
	size_t n, k;

	assert_int_equal(pool4_ranges(w->pool, i, l4, &ranges, &n), 0);
	for (k = 0; wanted[2 * k]; k++) {
		assert_true(k < n);
		assert_int_equal(ranges[k].first, wanted[2 * k]);
		assert_int_equal(ranges[k].last, wanted[2 * k + 1]);
	}
	assert_int_equal(n, k);
	free(ranges);
}

/* auto: 10240-65535 less the kernel's range, reserved ports, and what has a socket */
static void test_auto_ports(void **state)
{
	struct world *w = *state;

	entry(w, 0, NULL, AUTO);
	for (unsigned int port = 20000; port <= 20009; port++)
		set_bit(w->host.reserved, port);
	set_bit(w->host.reserved, 40000);	/* the kernel keeps off it; so do we */
	set_bit(w->host.bound[L4_TCP], 61000);
	set_bit(w->host.bound[L4_UDP], 65535);
	set_bit(w->host.bound[L4_TCP], 22);
	commit(w);
	assert_int_equal(pool4_count(w->pool), 1);
	assert_int_equal(pool4_address(w->pool, 0), inet_addr(uplink));
	assert_ranges(w, 0, L4_TCP, PORTS(10240, 19999, 20010, 32767, 61001, 65535));
	assert_ranges(w, 0, L4_UDP, PORTS(10240, 19999, 20010, 32767, 61000, 65534));
	/* ICMP identifiers: all but 0 */
	assert_ranges(w, 0, L4_ICMP, PORTS(1, 65535));
	assert_int_equal(pool4_size(w->pool), (9760 + 12758 + 4535) * 2 + 65535);
	assert_int_equal(pool4_used(w->pool), 0);
	for (int i = 0; i < 5000; i++) {
		uint16_t port = take(w, L4_TCP, (unsigned int)i, (unsigned int)i + 30000, uplink);

		assert_true(port >= 10240 && (port < 32768 || port > 61000));
		assert_true(port < 20000 || port > 20009);
	}
	assert_int_equal(pool4_used(w->pool), 5000);
}

static void test_no_address_yet(void **state)
{
	struct world *w = *state;

	w->map.uplink_v4_be32 = 0;
	entry(w, 0, NULL, AUTO);
	commit(w);
	assert_int_equal(pool4_count(w->pool), 0);
	assert_int_equal(pool4_size(w->pool), 0);
	assert_int_equal(take(w, L4_TCP, 1, 1, NULL), 0);
	assert_null(pool4_owner(w->pool, L4_TCP, inet_addr(uplink), 80));
}

static void test_explicit_ports(void **state)
{
	struct world *w = *state;

	set_bit(w->host.reserved, 5003);	/* set aside: for us, it may be */
	set_bit(w->host.bound[L4_UDP], 5002);	/* but a socket is a socket */
	entry(w, 0, second, PORTS(5000, 5003, 65535, 65535));
	commit(w);
	assert_ranges(w, 0, L4_TCP, PORTS(5000, 5003, 65535, 65535));
	assert_ranges(w, 0, L4_UDP, PORTS(5000, 5001, 5003, 5003, 65535, 65535));
	assert_int_equal(pool4_size(w->pool), 5 + 4 + 65535);
	for (int i = 0; i < 5; i++)
		assert_int_not_equal(take(w, L4_TCP, 1, 7, second), 0);
	assert_int_equal(take(w, L4_TCP, 1, 7, second), 0);
	assert_int_equal(take(w, L4_TCP, 2, 8, second), 0);
	/* TCP's are all in use, whatever UDP and ICMP have left. */
	assert_int_equal(pool4_use(w->pool, 0, L4_TCP).used, 5);
	assert_int_equal(pool4_use(w->pool, 0, L4_TCP).size, 5);
	assert_int_equal(pool4_use(w->pool, 0, L4_UDP).used, 0);
	assert_int_equal(pool4_use(w->pool, 0, L4_UDP).size, 4);
	assert_int_equal(pool4_use(w->pool, 0, L4_ICMP).size, 65535);
	assert_int_not_equal(take(w, L4_UDP, 1, 7, second), 0);
}

/* Ports that the kernel gives out itself cannot be ours as well. */
static void test_overlap_with_the_host(void **state)
{
	static const uint16_t bad[][2] = { { 61000 - 1, 61010 }, { 32768, 32768 }, { 1, 65535 },
					   { 30000, 32768 }, { 40000, 40010 } };
	struct world *w = *state;
	struct pool4_plan *made = NULL;

	log_setup(LOG_LEVEL_ERROR, LOG_FORMAT_TEXT);
	for (size_t i = 0; i < N(bad); i++) {
		entry(w, 0, NULL, AUTO);
		entry(w, 1, second, PORTS(bad[i][0], bad[i][1]));
		assert_int_equal(plan(w, &made), -EINVAL);
		assert_null(made);
	}
	/* unless net.ipv4.ip_local_reserved_ports keeps the kernel off all of them */
	for (unsigned int port = 40000; port <= 40010; port++)
		set_bit(w->host.reserved, port);
	commit(w);
	assert_ranges(w, 1, L4_TCP, PORTS(40000, 40010));
	entry(w, 1, second, PORTS(40000, 40011));
	assert_int_equal(plan(w, &made), -EINVAL);
	entry(w, 1, second, PORTS(30000, 32767, 61000, 65535));
	commit(w);
}

/* RFC 4787 REQ-4 a): an even port for an even one, an odd one for an odd one */
static void test_parity(void **state)
{
	struct world *w = *state;

	entry(w, 0, NULL, PORTS(5000, 5999));
	commit(w);
	for (unsigned int i = 0; i < 500; i++) {
		assert_int_equal(take(w, L4_UDP, i, 2 * i, uplink) % 2, 0);
		assert_int_equal(take(w, L4_UDP, i, 2 * i + 1, uplink) % 2, 1);
	}
	assert_int_equal(take(w, L4_UDP, 1, 1, uplink), 0);
	/* where there is none left, the other will do */
	for (unsigned int i = 0; i < 500; i++)
		assert_int_equal(take(w, L4_TCP, 1, 4, uplink) % 2, 0);
	for (unsigned int i = 0; i < 500; i++)
		assert_int_equal(take(w, L4_TCP, 1, 4, uplink) % 2, 1);
	assert_int_equal(take(w, L4_TCP, 1, 4, uplink), 0);
}

/* Every identifier once, none of them 0, and then an end */
static void test_port_zero_and_exhaustion(void **state)
{
	static uint8_t seen[65536];
	struct world *w = *state;

	memset(seen, 0, sizeof(seen));
	entry(w, 0, NULL, PORTS(5000, 5001));
	commit(w);
	for (int i = 0; i < 65535; i++) {
		uint16_t id = take(w, L4_ICMP, 1, 2, uplink);

		assert_int_not_equal(id, 0);
		assert_int_equal(seen[id], 0);
		seen[id] = 1;
	}
	for (unsigned int i = 0; i < 1000; i++)
		assert_int_equal(take(w, L4_ICMP, i, i, uplink), 0);
	assert_int_equal(pool4_used(w->pool), 65535);
	give_back(w, L4_ICMP, uplink, 4711);
	assert_int_equal(pool4_used(w->pool), 65534);
}

/* RFC 6056: from outside, the next port is not the last one and a bit. */
static void test_ports_are_scattered(void **state)
{
	struct world *w = *state;
	unsigned int near = 0, last = 0;

	entry(w, 0, NULL, PORTS(10000, 29999));
	commit(w);
	for (unsigned int i = 0; i < 200; i++) {
		uint16_t port = take(w, L4_TCP, i, 40000 + i, uplink);
		unsigned int apart = port > last ? port - last : last - port;

		near += apart < 50;
		last = port;
	}
	assert_in_range(near, 0, 20);	/* by chance: 1 */
}

/* RFC 4787 REQ-2, "paired": one address for all of a host's flows, while it has ports */
static void test_pairing(void **state)
{
	struct world *w = *state;
	unsigned int hosts_of[2] = { 0 };

	entry(w, 0, NULL, PORTS(5000, 9999));
	entry(w, 1, second, PORTS(5000, 9999));
	commit(w);
	assert_int_equal(pool4_count(w->pool), 2);
	for (unsigned int who = 0; who < 100; who++) {
		struct in6_addr addr = inside(who);
		struct pool4_claim claim;
		uint32_t first = 0;

		for (unsigned int i = 0; i < 30; i++) {
			enum l4_proto l4 = i % L4_COUNT;

			assert_int_equal(pool4_claim(w->pool, l4, &addr, (uint16_t)(i * 977 + 1),
						     &claim), 0);
			if (!first)
				first = claim.addr_be32;
			assert_int_equal(claim.addr_be32, first);
		}
		hosts_of[first == inet_addr(second)]++;
	}
	/* and the hosts share the addresses out */
	assert_true(hosts_of[0] > 10 && hosts_of[1] > 10);
	/* one host can have the ports of both */
	entry(w, 0, NULL, PORTS(1000, 1001));
	entry(w, 1, second, PORTS(1000, 1001));
	commit(w);
	for (int i = 0; i < 4; i++)
		assert_int_not_equal(take(w, L4_TCP, 500, 1, NULL), 0);
	assert_int_equal(take(w, L4_TCP, 500, 1, NULL), 0);
}

static void test_owners(void **state)
{
	struct world *w = *state;
	struct in6_addr addr = inside(1);
	struct pool4_claim claim;
	int owner;

	entry(w, 0, NULL, PORTS(5000, 5999));
	commit(w);
	assert_int_equal(pool4_claim(w->pool, L4_TCP, &addr, 1, &claim), 0);
	assert_null(pool4_owner(w->pool, L4_TCP, claim.addr_be32, claim.port));	/* not yet */
	assert_int_equal(pool4_used(w->pool), 1);
	pool4_publish(w->pool, L4_TCP, &claim, &owner);
	assert_ptr_equal(pool4_owner(w->pool, L4_TCP, claim.addr_be32, claim.port), &owner);
	/* transports have tables of their own */
	assert_null(pool4_owner(w->pool, L4_UDP, claim.addr_be32, claim.port));
	assert_null(pool4_owner(w->pool, L4_TCP, inet_addr(second), claim.port));
	pool4_release(w->pool, L4_TCP, &addr, &claim);
	assert_null(pool4_owner(w->pool, L4_TCP, claim.addr_be32, claim.port));
	assert_int_equal(pool4_used(w->pool), 0);
}

/* An address that stays keeps what is in use; one that goes is forgotten. */
static void test_commit(void **state)
{
	struct world *w = *state;
	uint16_t old;

	entry(w, 0, NULL, PORTS(5000, 5001));
	commit(w);
	old = take(w, L4_TCP, 1, 1, uplink);
	assert_int_equal(old, 5001);
	entry(w, 0, NULL, PORTS(6000, 6003));
	entry(w, 1, second, PORTS(7000, 7001));
	commit(w);
	assert_int_equal(pool4_count(w->pool), 2);
	assert_non_null(pool4_owner(w->pool, L4_TCP, inet_addr(uplink), old));
	assert_int_equal(pool4_used(w->pool), 1);
	/* still to be intercepted, but not to be chosen */
	assert_ranges(w, 0, L4_TCP, PORTS(5001, 5001, 6000, 6003));
	assert_ranges(w, 0, L4_UDP, PORTS(6000, 6003));
	for (int i = 0; i < 6; i++)
		assert_true(take(w, L4_TCP, 1, 1, NULL) >= 6000);
	assert_int_equal(take(w, L4_TCP, 1, 1, NULL), 0);
	give_back(w, L4_TCP, uplink, old);
	assert_ranges(w, 0, L4_TCP, PORTS(6000, 6003));
	assert_int_equal(pool4_used(w->pool), 6);

	entry(w, 0, second, PORTS(7000, 7001));
	assert_true(pool4_keeps(&w->config, &w->map, inet_addr(second)));
	assert_false(pool4_keeps(&w->config, &w->map, inet_addr(uplink)));
	for (unsigned int port = 6000; port <= 6003; port++)
		give_back(w, L4_TCP, uplink, port);
	commit(w);
	assert_null(pool4_owner(w->pool, L4_TCP, inet_addr(uplink), 6000));
	assert_non_null(pool4_owner(w->pool, L4_TCP, inet_addr(second), 7000));
	assert_int_equal(pool4_used(w->pool), 2);
	/* It comes back empty. */
	entry(w, 1, NULL, PORTS(6000, 6003));
	commit(w);
	assert_null(pool4_owner(w->pool, L4_TCP, inet_addr(uplink), 6000));
}

/* The uplink's address changes: the entry follows it. */
static void test_address_follows(void **state)
{
	struct world *w = *state;

	entry(w, 0, NULL, PORTS(5000, 5001));
	commit(w);
	assert_true(pool4_keeps(&w->config, &w->map, inet_addr(uplink)));
	w->map.uplink_v4_be32 = inet_addr(second);
	assert_false(pool4_keeps(&w->config, &w->map, inet_addr(uplink)));
	commit(w);
	assert_int_equal(pool4_count(w->pool), 1);
	assert_int_equal(pool4_address(w->pool, 0), inet_addr(second));
}

/* A plan that is not put in force changes nothing and leaves nothing behind. */
static void test_plan_free(void **state)
{
	struct world *w = *state;
	struct pool4_plan *made;
	uint16_t port;

	entry(w, 0, NULL, PORTS(5000, 5001));
	assert_int_equal(plan(w, &made), 0);
	pool4_plan_free(w->pool, made);
	assert_int_equal(pool4_count(w->pool), 0);
	commit(w);
	port = take(w, L4_TCP, 1, 1, uplink);
	entry(w, 0, NULL, PORTS(6000, 6001));
	entry(w, 1, second, AUTO);
	assert_int_equal(plan(w, &made), 0);
	pool4_plan_free(w->pool, made);
	pool4_plan_free(w->pool, NULL);
	assert_int_equal(pool4_count(w->pool), 1);
	assert_non_null(pool4_owner(w->pool, L4_TCP, inet_addr(uplink), port));
	assert_ranges(w, 0, L4_TCP, PORTS(5000, 5001));
	pool4_free(NULL);
}

/* Several entries may name one address; a port that two of them name is there once. */
static void test_entries_of_one_address(void **state)
{
	struct world *w = *state;

	entry(w, 0, NULL, PORTS(5000, 5009));
	entry(w, 1, uplink, PORTS(5005, 5014));
	commit(w);
	assert_int_equal(pool4_count(w->pool), 1);
	assert_ranges(w, 0, L4_TCP, PORTS(5000, 5014));
	for (int i = 0; i < 15; i++)
		assert_int_not_equal(take(w, L4_TCP, 1, 1, uplink), 0);
	assert_int_equal(take(w, L4_TCP, 1, 1, uplink), 0);
	assert_int_equal(pool4_size(w->pool), 15 + 15 + 65535);
}

/* ---- blocks of ports (blocks.h) ------------------------------------------------------ */

enum { BLOCK_FIRST = 40 * BLOCK_PORTS, OTHER_FIRST = 41 * BLOCK_PORTS };

/* A client may have a single block. */
static void use_blocks(struct world *w, uint16_t first, uint16_t last)
{
	entry(w, 0, NULL, (const uint16_t[]){ first, last, 0 });
	w->config.nat64.log = CONFIG_FLOW_LOG_PORT_BLOCKS;
	w->config.nat64.limits.client_prefix = 64;
	w->config.nat64.limits.sessions_per_client = BLOCK_PORTS;
	commit(w);
}

static int claim_udp(struct world *w, struct pool4_claim *claim)
{
	struct in6_addr addr = inside(1);
	static char owner;
	int err = pool4_claim(w->pool, L4_UDP, &addr, 5, claim);

	if (err == 0)
		pool4_publish(w->pool, L4_UDP, claim, &owner);
	return err;
}

static void release_udp(struct world *w, const struct pool4_claim *claim)
{
	struct in6_addr addr = inside(1);

	pool4_release(w->pool, L4_UDP, &addr, claim);
	pool4_sweep(w->pool, loop_now_ms() + 2 * BLOCK_HOLD_MS);
}

/* RFC 6888 REQ-14: the last binding of a block takes it back, although a reload has taken
 * its port out of the pool meanwhile. */
static void test_blocks_of_ports_that_left(void **state)
{
	struct world *w = *state;
	struct pool4_claim claim, other;

	use_blocks(w, BLOCK_FIRST, BLOCK_FIRST + BLOCK_PORTS - 1);
	assert_int_equal(claim_udp(w, &claim), 0);
	use_blocks(w, OTHER_FIRST, OTHER_FIRST + BLOCK_PORTS - 1);
	assert_int_equal(claim_udp(w, &other), -EADDRNOTAVAIL);
	release_udp(w, &claim);
	assert_int_equal(claim_udp(w, &other), 0);
	release_udp(w, &other);
	assert_int_equal(pool4_used(w->pool), 0);
}

/* And none but the last does. */
static void test_blocks_of_ports_that_stayed(void **state)
{
	struct world *w = *state;
	struct pool4_claim stays, left, other;

	use_blocks(w, BLOCK_FIRST, BLOCK_FIRST + BLOCK_PORTS - 1);
	assert_int_equal(claim_udp(w, &stays), 0);
	assert_int_equal(claim_udp(w, &left), 0);
	use_blocks(w, stays.port, stays.port);
	release_udp(w, &stays);
	use_blocks(w, OTHER_FIRST, OTHER_FIRST + BLOCK_PORTS - 1);
	assert_int_equal(claim_udp(w, &other), -EADDRNOTAVAIL);
	release_udp(w, &left);
	assert_int_equal(claim_udp(w, &other), 0);
	release_udp(w, &other);
}

static uint64_t counter(enum stat stat)
{
	uint64_t counters[STAT_COUNT];

	stats_sum(counters);
	return counters[stat];
}

/* A socket of the host at the uplink's address, which need not be here */
static int host_socket(uint16_t port)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(port),
				  .sin_addr.s_addr = inet_addr(uplink) };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), one = 1;

	assert_true(fd >= 0);
	assert_int_equal(setsockopt(fd, IPPROTO_IP, IP_FREEBIND, &one, sizeof(one)), 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	return fd;
}

/* The host has come to use what the pool has: so says the counter, with blocks or without. */
static void test_host_has_the_rest(void **state)
{
	enum { LEFT = 3 };
	struct world *w = *state;
	uint64_t before = counter(STAT_NAT64_PORTS_HOST);
	struct pool4_claim claim;
	int fds[LEFT];

	for (uint16_t i = 0; i < LEFT; i++)
		fds[i] = host_socket((uint16_t)(BLOCK_FIRST + i));
	entry(w, 0, NULL, PORTS(BLOCK_FIRST, BLOCK_FIRST + LEFT - 1));
	commit(w);
	assert_int_equal(claim_udp(w, &claim), -EADDRNOTAVAIL);
	assert_int_equal(counter(STAT_NAT64_PORTS_HOST), before + 1);
	use_blocks(w, BLOCK_FIRST, BLOCK_FIRST + LEFT - 1);
	for (unsigned int i = 0; i < 2; i++) {
		assert_int_equal(claim_udp(w, &claim), -EADDRNOTAVAIL);
		assert_int_equal(counter(STAT_NAT64_PORTS_HOST), before + 2 + i);
	}
	for (unsigned int i = 0; i < LEFT; i++)
		close(fds[i]);
	assert_int_equal(claim_udp(w, &claim), 0);
	release_udp(w, &claim);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_auto_ports),
		TEST(test_no_address_yet),
		TEST(test_explicit_ports),
		TEST(test_overlap_with_the_host),
		TEST(test_parity),
		TEST(test_port_zero_and_exhaustion),
		TEST(test_ports_are_scattered),
		TEST(test_pairing),
		TEST(test_owners),
		TEST(test_commit),
		TEST(test_address_follows),
		TEST(test_plan_free),
		TEST(test_entries_of_one_address),
		TEST(test_blocks_of_ports_that_left),
		TEST(test_blocks_of_ports_that_stayed),
		TEST(test_host_has_the_rest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
