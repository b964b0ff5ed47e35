/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "histogram.h"

#include <time.h>

#define SECOND INT64_C(1000000)

const int64_t histogram_latency_us[HISTOGRAM_LATENCY_BOUNDS] = {
	500, 1000, 2500, 5000, 10000, 25000, 50000, 100000, 250000, 500000, 1000000, 2500000,
	5000000,
};

const int64_t histogram_duration_us[HISTOGRAM_DURATION_BOUNDS] = {
	SECOND / 100, SECOND / 10, SECOND, 10 * SECOND, 60 * SECOND, 300 * SECOND,
	1800 * SECOND, 7200 * SECOND, 43200 * SECOND, 86400 * SECOND,
};

void histogram_add(const struct histogram *histogram, int64_t took_us, uint64_t n)
{
	unsigned int i = 0;

	while (i < histogram->n_bounds && took_us > histogram->bounds_us[i])
		i++;
	for (; i <= histogram->n_bounds; i++)
		stats_add(histogram->buckets + i, n);
	stats_add(histogram->sum, (uint64_t)took_us * n);
	stats_add(histogram->count, n);
}

int64_t histogram_now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}
