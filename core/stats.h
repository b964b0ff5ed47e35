/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Counters by enumeration. stats_list.h has one row a counter; the enumeration,
 * the names and the help texts all come from it. Every thread counts in a block
 * of its own, without locks; readers add the blocks up.
 */
#ifndef CORE_STATS_H
#define CORE_STATS_H

#include <stdatomic.h>
#include <stdint.h>

enum stat {
#define STAT(id, family, labels, help) id,
#include "stats_list.h"
#undef STAT
	STAT_COUNT
};

struct stat_info {
	/* Prometheus metric name: ends in _total; or in _bucket, _sum, _count: a histogram, its
	 * buckets cumulative; what ends in _seconds_sum counts microseconds */
	const char *family;
	const char *labels;	/* 'reason="no_port"', or "" */
	const char *help;	/* of the family; on its first row */
};

extern const struct stat_info stat_infos[STAT_COUNT];

struct stats_block {
	_Atomic uint64_t value[STAT_COUNT];
	struct stats_block *next;
};

extern _Thread_local struct stats_block *stats_mine;

/** stats_thread_block() - make this thread's block; called by stats_add() at need. */
struct stats_block *stats_thread_block(void);

/** stats_add() - add @n to a counter; one plain load and store, no lock. */
static inline void stats_add(enum stat stat, uint64_t n)
{
	struct stats_block *block = stats_mine ? stats_mine : stats_thread_block();
	uint64_t was = atomic_load_explicit(&block->value[stat], memory_order_relaxed);

	atomic_store_explicit(&block->value[stat], was + n, memory_order_relaxed);
}

/** stats_inc() - add one. */
static inline void stats_inc(enum stat stat)
{
	stats_add(stat, 1);
}

/** stats_sum() - the totals of all threads, past ones included. @out: STAT_COUNT values. */
void stats_sum(uint64_t *out);

/** stats_of() - the same of one counter. */
uint64_t stats_of(enum stat stat);

#endif
