/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Several threads claim and release at once, with port blocks and without: nobody ever has
 * what another one has, and in the end all is free. For TSan too.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "../../core/addrmap.h"
#include "../../core/log.h"
#include "../../core/loop.h"
#include "../../nat64/hostports.h"
#include "../../nat64/pool4.h"

enum { THREADS = 4, STEPS = 6000, HELD = 150, CLIENTS = 8, ADDRESSES = 3 };

struct stress {
	struct pool4 *pool;
	_Atomic unsigned int owners[ADDRESSES][65536];
	_Atomic unsigned int wrong, refused;
	_Atomic bool done;
};

struct thread {
	struct stress *stress;
	uint64_t seed;
};

static uint64_t next_random(struct thread *t)
{
	t->seed ^= t->seed << 13;
	t->seed ^= t->seed >> 7;
	t->seed ^= t->seed << 17;
	return t->seed >> 8;
}

static _Atomic unsigned int *owner_of(struct stress *stress, const struct pool4_claim *claim)
{
	return &stress->owners[ntohl(claim->addr_be32) & 3][claim->port];
}

static void *work(void *arg)
{
	struct thread *t = arg;
	struct pool4_claim held[HELD] = { 0 };
	struct in6_addr whose[HELD];

	for (unsigned int i = 0; i < STEPS + HELD; i++) {
		unsigned int k = i < STEPS ? (unsigned int)(next_random(t) % HELD) : i - STEPS;
		struct in6_addr inside = { .s6_addr = { 0x20, 0x01, 0x0d, 0xb8 } };

		if (held[k].port) {
			atomic_fetch_sub(owner_of(t->stress, &held[k]), 1);
			pool4_release(t->stress->pool, L4_ICMP, &whose[k], &held[k]);
			held[k].port = 0;
		} else if (i < STEPS) {
			inside.s6_addr[7] = (uint8_t)(next_random(t) % CLIENTS);
			whose[k] = inside;
			if (pool4_claim(t->stress->pool, L4_ICMP, &inside,
					(uint16_t)next_random(t), &held[k]) < 0) {
				held[k].port = 0;
				atomic_fetch_add(&t->stress->refused, 1);
			} else {
				if (atomic_fetch_add(owner_of(t->stress, &held[k]), 1))
					atomic_fetch_add(&t->stress->wrong, 1);
				pool4_publish(t->stress->pool, L4_ICMP, &held[k], t);
			}
		}
	}
	return NULL;
}

/* The clock runs ahead, so that blocks come and go in a test. */
static void *sweep(void *arg)
{
	struct stress *stress = arg;

	while (!atomic_load(&stress->done))
		pool4_sweep(stress->pool, loop_now_ms() + 2 * 5000);
	return NULL;
}

static void run(enum config_flow_log log)
{
	static struct stress stress;
	static struct pool4_entry entries[ADDRESSES];
	struct port_range range = { 20480, 22527 };
	struct config config = { 0 };
	struct addrmap map = { 0 };
	struct hostports host = { .ephemeral_first = 32768, .ephemeral_last = 60999 };
	struct thread threads[THREADS];
	pthread_t ids[THREADS + 1];
	struct pool4_plan *plan;

	memset(&stress, 0, sizeof(stress));
	log_setup(LOG_LEVEL_ERROR, LOG_FORMAT_TEXT);
	for (uint32_t i = 0; i < ADDRESSES; i++)
		entries[i] = (struct pool4_entry){ .address = addr_from_v4(htonl(0xc6336400 + i)),
						   .ports = &range, .n_ports = 1 };
	config.nat64.pool4 = entries;
	config.nat64.n_pool4 = ADDRESSES;
	config.nat64.log = log;
	config.nat64.limits.client_prefix = 64;
	config.nat64.limits.sessions_per_client = 1024;
	stress.pool = pool4_new();
	assert_int_equal(pool4_plan(stress.pool, &config, &map, &host, NULL, &plan), 0);
	pool4_commit(stress.pool, plan);
	for (unsigned int i = 0; i < THREADS; i++) {
		threads[i] = (struct thread){ &stress, 88172645463325252u + i };
		assert_int_equal(pthread_create(&ids[i], NULL, work, &threads[i]), 0);
	}
	assert_int_equal(pthread_create(&ids[THREADS], NULL, sweep, &stress), 0);
	for (unsigned int i = 0; i < THREADS; i++)
		pthread_join(ids[i], NULL);
	atomic_store(&stress.done, true);
	pthread_join(ids[THREADS], NULL);
	assert_int_equal(stress.wrong, 0);
	assert_int_equal(pool4_used(stress.pool), 0);
	for (size_t i = 0; i < pool4_count(stress.pool); i++)
		for (int l4 = 0; l4 < L4_COUNT; l4++)
			assert_int_equal(pool4_use(stress.pool, i, (enum l4_proto)l4).used, 0);
	pool4_free(stress.pool);
}

/* RFC 6146 3.5.1.1: what is allocated is in no other entry of the BIB. */
static void test_without_blocks(void **state)
{
	(void)state;
	run(CONFIG_FLOW_LOG_OFF);
}

static void test_with_blocks(void **state)
{
	(void)state;
	run(CONFIG_FLOW_LOG_PORT_BLOCKS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_without_blocks),
		cmocka_unit_test(test_with_blocks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
