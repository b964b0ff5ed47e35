/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Bytes that the room keeps for its connections, in memory or in pipes, because their
 * receiver does not take them yet: counted over all workers. Touched only when something
 * must be kept or is gone again, never while bytes pass.
 */
#ifndef SNID_BUFFERED_H
#define SNID_BUFFERED_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct buffered {
	_Atomic uint64_t bytes;
	_Atomic uint64_t max;		/* past it nothing more is kept */
};

/** buffered_change() - @before bytes of something are @after now. Any thread. */
static inline void buffered_change(struct buffered *buffered, uint64_t before, uint64_t after)
{
	if (before != after)
		atomic_fetch_add_explicit(&buffered->bytes, after - before, memory_order_relaxed);
}

/**
 * buffered_full() - may nothing more be kept? Any thread.
 * Asked before bytes are read that may have to be kept: each worker may go beyond the limit
 * by what it reads at once.
 */
static inline bool buffered_full(const struct buffered *buffered)
{
	return atomic_load_explicit(&buffered->bytes, memory_order_relaxed) >=
	       atomic_load_explicit(&buffered->max, memory_order_relaxed);
}

#endif
