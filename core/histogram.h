/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Histograms of times, made of counters: a row of stats_list.h for each bound, and one for
 * all. Buckets are cumulative: whoever reads them has nothing to add up.
 */
#ifndef CORE_HISTOGRAM_H
#define CORE_HISTOGRAM_H

#include <stdint.h>

#include "stats.h"

enum {
	HISTOGRAM_LATENCY_BOUNDS = 13,
	HISTOGRAM_DURATION_BOUNDS = 10,
};

struct histogram {
	enum stat buckets;		/* the first of them; the last one, +Inf, has no bound */
	enum stat sum, count;
	const int64_t *bounds_us;
	unsigned int n_bounds;
};

/* What people wait for: 0.5 ms to 5 s; how long something lasts: 10 ms to a day. In the
 * order of stats_list.h. */
extern const int64_t histogram_latency_us[HISTOGRAM_LATENCY_BOUNDS];
extern const int64_t histogram_duration_us[HISTOGRAM_DURATION_BOUNDS];

/** histogram_add() - @n times something took @took_us microseconds. */
void histogram_add(const struct histogram *histogram, int64_t took_us, uint64_t n);

/** histogram_now_us() - CLOCK_MONOTONIC in microseconds. */
int64_t histogram_now_us(void);

#endif
