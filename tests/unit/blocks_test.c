/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Port blocks: one client each, bounded, given back late and not at once to another. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "../../core/loop.h"
#include "../../nat64/blocks.h"

enum { FIRST_BLOCK = 20, N_BLOCKS = 4 };	/* ports 10240-12287 */

struct world {
	struct blocks *blocks;
	struct block *spaces[2];
	struct ports ports[2];
	uint16_t inside_port;
	struct block *comes_and_goes;	/* somebody else has it while it is looked at */
};

static int set_up(void **state)
{
	static uint8_t wanted[PORT_SPACE];
	struct world *w = calloc(1, sizeof(*w));

	if (!w)
		return -1;
	memset(wanted, 0, sizeof(wanted));
	memset(wanted + FIRST_BLOCK * BLOCK_PORTS, 1, N_BLOCKS * BLOCK_PORTS);
	w->blocks = blocks_new();
	blocks_configure(w->blocks, 64, 3);
	for (uint32_t i = 0; i < 2; i++) {
		w->spaces[i] = blocks_space(i + 1);
		if (ports_init(&w->ports[i], wanted) < 0)
			return -1;
		for (unsigned int k = 0; k < N_BLOCKS; k++)
			w->spaces[i][FIRST_BLOCK + k].usable = true;
	}
	*state = w;
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;

	for (int i = 0; i < 2; i++) {
		blocks_end(w->blocks, w->spaces[i]);
		free(w->spaces[i]);
		ports_clear(&w->ports[i]);
	}
	blocks_free(w->blocks);
	free(w);
	return 0;
}

static struct in6_addr inside(unsigned int client, unsigned int host)
{
	struct in6_addr addr = { .s6_addr = { 0x20, 0x01, 0x0d, 0xb8 } };

	addr.s6_addr[6] = (uint8_t)(client >> 8);
	addr.s6_addr[7] = (uint8_t)client;
	addr.s6_addr[15] = (uint8_t)host;
	return addr;
}

static uint16_t take(void *arg, const struct block *block, unsigned int rank)
{
	struct world *w = arg;
	struct port_search search = { .start = 4711, .first = block->first,
				      .last = (uint16_t)(block->first + BLOCK_PORTS - 1) };

	return ports_claim(&w->ports[block->addr_be32 - 1], ports_list(w->inside_port, rank),
			   &search);
}

static bool is_empty(void *arg, const struct block *block)
{
	struct world *w = arg;

	if (block == w->comes_and_goes)
		atomic_store(&w->comes_and_goes->freed_ms, loop_now_ms());
	return !ports_taken(&w->ports[block->addr_be32 - 1], block->first,
			    (uint16_t)(block->first + BLOCK_PORTS - 1));
}

static int claim(struct world *w, unsigned int client, unsigned int host, uint16_t inside_port,
		 struct block **block, uint16_t *port)
{
	struct in6_addr addr = inside(client, host);
	const struct block_claim claim = {
		.inside = &addr, .inside_port = inside_port, .start = client * 7919u + host,
		.spaces = w->spaces, .n = 2, .home = client % 2, .take = take, .is_empty = is_empty,
		.arg = w,
	};

	w->inside_port = inside_port;
	return blocks_claim(w->blocks, &claim, block, port);
}

static void give(struct world *w, unsigned int client, struct block *block, uint16_t port)
{
	struct in6_addr addr = inside(client, 1);

	assert_true(ports_put(&w->ports[block->addr_be32 - 1], port));
	blocks_release(w->blocks, &addr, block);
}

/* RFC 6888 REQ-14, RFC 7422: hosts of one prefix share a block, another prefix has its own;
 * a second block only when the first is full, at the same address (RFC 4787 REQ-2), and so
 * many as the limit says */
static void test_one_client_each(void **state)
{
	struct world *w = *state;
	struct block *first, *block;
	uint16_t port;

	assert_int_equal(claim(w, 1, 1, 40000, &first, &port), 0);
	assert_int_equal(port % 2, 0);
	for (unsigned int i = 1; i < BLOCK_PORTS; i++) {
		assert_int_equal(claim(w, 1, i % 7, (uint16_t)(40000 + i), &block, &port), 0);
		assert_ptr_equal(block, first);
		assert_in_range(port, block->first, block->first + BLOCK_PORTS - 1);
		assert_int_equal(port % 2, i % 2);	/* RFC 4787 REQ-4 a) */
	}
	assert_int_equal(first->used, BLOCK_PORTS);
	assert_int_equal(claim(w, 2, 1, 40000, &block, &port), 0);
	assert_ptr_not_equal(block, first);
	for (unsigned int i = 0; i < 2 * BLOCK_PORTS; i++) {
		assert_int_equal(claim(w, 1, 1, (uint16_t)i, &block, &port), 0);
		assert_ptr_not_equal(block, first);
		assert_int_equal(block->addr_be32, first->addr_be32);
	}
	assert_int_equal(claim(w, 1, 1, 1, &block, &port), -EDQUOT);
	assert_int_equal(claim(w, 2, 1, 1, &block, &port), 0);
}

/* Unused for the hold: back; another client's only after the rest, its own client's too. */
static void test_back(void **state)
{
	struct world *w = *state;
	struct block *block, *again, *all[8];
	int64_t now = loop_now_ms();
	uint16_t port;

	assert_int_equal(claim(w, 1, 1, 40000, &block, &port), 0);
	give(w, 1, block, port);
	blocks_sweep(w->blocks, w->spaces[1], now + BLOCK_HOLD_MS - 1000);
	assert_non_null(block->holder);
	/* it is used again meanwhile: the hold begins anew */
	assert_int_equal(claim(w, 1, 1, 40000, &again, &port), 0);
	assert_ptr_equal(again, block);
	blocks_sweep(w->blocks, w->spaces[1], now + 10 * BLOCK_HOLD_MS);
	assert_non_null(block->holder);
	give(w, 1, block, port);
	now = loop_now_ms();
	blocks_sweep(w->blocks, w->spaces[1], now + BLOCK_HOLD_MS + 100);
	assert_null(block->holder);
	/* seven others take all but this one, which rests */
	for (unsigned int i = 0; i < 7; i++)
		assert_int_equal(claim(w, 10 + i, 1, 40000, &all[i], &port), 0);
	for (unsigned int i = 0; i < 7; i++)
		assert_ptr_not_equal(all[i], block);
	assert_int_equal(claim(w, 20, 1, 40000, &again, &port), -EADDRNOTAVAIL);
	block->freed_ms = loop_now_ms() - BLOCK_REST_MS;
	/* (that none is free was seen just now, and is believed for a moment) */
	assert_int_equal(claim(w, 20, 1, 40000, &again, &port), -EADDRNOTAVAIL);
	blocks_configure(w->blocks, 64, 3);
	assert_int_equal(claim(w, 20, 1, 40000, &again, &port), 0);
	assert_ptr_equal(again, block);
}

/* The rest holds for a block too that was given back between a look and the next. */
static void test_rest_meanwhile(void **state)
{
	struct world *w = *state;
	struct block *block;
	uint16_t port;

	w->comes_and_goes = &w->spaces[0][FIRST_BLOCK];
	for (unsigned int i = 0; i < 2 * N_BLOCKS - 1; i++) {
		assert_int_equal(claim(w, 2 * i, 1, 5, &block, &port), 0);
		assert_ptr_not_equal(block, w->comes_and_goes);
	}
	assert_int_equal(claim(w, 100, 1, 5, &block, &port), -EADDRNOTAVAIL);
	assert_null(atomic_load(&w->comes_and_goes->holder));
}

/* Bindings from before, which no block counts: theirs are the last choice, at any address. */
static void test_strangers(void **state)
{
	struct world *w = *state;
	struct block *block;
	uint16_t port;

	for (unsigned int i = 0; i < N_BLOCKS; i++) {
		assert_true(ports_take(&w->ports[0], (uint16_t)((FIRST_BLOCK + i) * BLOCK_PORTS)));
		if (i > 0)
			ports_take(&w->ports[1], (uint16_t)((FIRST_BLOCK + i + 1) * BLOCK_PORTS - 1));
	}
	assert_int_equal(claim(w, 1, 1, 5, &block, &port), 0);
	assert_ptr_equal(block, &w->spaces[1][FIRST_BLOCK]);
	ports_put(&w->ports[0], (FIRST_BLOCK + 2) * BLOCK_PORTS);
	assert_int_equal(claim(w, 2, 1, 5, &block, &port), 0);
	assert_ptr_equal(block, &w->spaces[0][FIRST_BLOCK + 2]);
	/* No empty one is left: any will do, and goes back with what was claimed in it. */
	assert_int_equal(claim(w, 3, 1, 5, &block, &port), 0);
	assert_int_equal(block->used, 1);
	give(w, 3, block, port);
	blocks_sweep(w->blocks, w->spaces[block->addr_be32 - 1], loop_now_ms() + 2 * BLOCK_HOLD_MS);
	assert_null(atomic_load(&block->holder));
	blocks_free(NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_one_client_each),
		TEST(test_back),
		TEST(test_rest_meanwhile),
		TEST(test_strangers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
