/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "stats.h"

#include <stdlib.h>
#include <string.h>

const struct stat_info stat_infos[STAT_COUNT] = {
#define STAT(id, family_, labels_, help_) \
	[id] = { .family = (family_), .labels = (labels_), .help = (help_) },
#include "stats_list.h"
#undef STAT
};

_Thread_local struct stats_block *stats_mine;

/* Blocks are never freed: what a thread that ended has counted still counts,
 * and the number of threads is small and bounded. */
static struct stats_block *_Atomic blocks;

/* Where memory is out even for a block, counting goes on in this shared one; it
 * may then lose an increment, but nothing else. */
static struct stats_block last_resort;

struct stats_block *stats_thread_block(void)
{
	struct stats_block *block = calloc(1, sizeof(*block));

	if (!block)
		return &last_resort;
	block->next = atomic_load(&blocks);
	while (!atomic_compare_exchange_weak(&blocks, &block->next, block))
		;
	stats_mine = block;
	return block;
}

static void sum_block(const struct stats_block *block, uint64_t *out)
{
	for (int i = 0; i < STAT_COUNT; i++)
		out[i] += atomic_load_explicit(&block->value[i], memory_order_relaxed);
}

void stats_sum(uint64_t *out)
{
	memset(out, 0, STAT_COUNT * sizeof(*out));
	for (struct stats_block *block = atomic_load(&blocks); block; block = block->next)
		sum_block(block, out);
	sum_block(&last_resort, out);
}

uint64_t stats_of(enum stat stat)
{
	uint64_t sum = atomic_load_explicit(&last_resort.value[stat], memory_order_relaxed);

	for (struct stats_block *block = atomic_load(&blocks); block; block = block->next)
		sum += atomic_load_explicit(&block->value[stat], memory_order_relaxed);
	return sum;
}
