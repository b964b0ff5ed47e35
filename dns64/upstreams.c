/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How upstream servers fare, of all workers together. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "../core/config.h"
#include "../core/loop.h"
#include "dns64.h"
#include "resolver.h"
#include "worker.h"

struct reading {
	const struct worker *worker;
	struct dns64_upstream *list;
	size_t n;
	int64_t now_ms;
};

static void merge(struct dns64_upstream *to, const struct resolver_health *from, int64_t now_ms)
{
	int64_t ago_ms = now_ms - from->answered_ms;

	to->questions += from->questions;
	to->answered += from->answered;
	to->failed += from->failed;
	to->timeouts += from->timeouts;
	to->renewals += from->renewals;
	if (from->failed_in_row > to->failed_in_row)
		to->failed_in_row = from->failed_in_row;
	to->n_workers++;
	to->n_deaf += from->deaf;
	/* The time is that of who has heard of them last. */
	if (from->answered_ms && (to->answered_ago_ms < 0 || ago_ms < to->answered_ago_ms)) {
		to->answered_ago_ms = ago_ms;
		to->took_us = from->took_us;
	}
}

static int read_worker(void *arg)
{
	struct reading *reading = arg;
	struct resolver_health health;

	for (size_t i = 0; i < reading->n && reading->worker->resolver &&
			   resolver_health(reading->worker->resolver, i, &health); i++)
		merge(&reading->list[i], &health, reading->now_ms);
	return 0;
}

int dns64_upstreams(struct dns64 *dns64, struct dns64_upstream **list, size_t *n)
{
	const struct config *config = dns64->room.config;
	size_t n_zones = config->dns64.n_zones;

	*n = 0;
	*list = calloc(n_zones + 1, sizeof(**list));
	if (!*list)
		return -ENOMEM;
	if (!config->dns64.enabled)
		return 0;
	*n = n_zones + 1;
	for (size_t i = 0; i < *n; i++) {
		(*list)[i].answered_ago_ms = -1;
		snprintf((*list)[i].zone, sizeof((*list)[i].zone), "%s",
			 i < n_zones ? config->dns64.zones[i].name : ".");
	}
	for (unsigned int i = 0; i < dns64->n_workers; i++) {
		struct reading reading = { .worker = &dns64->workers[i], .list = *list, .n = *n,
					   .now_ms = loop_now_ms() };

		loop_call(dns64->loops[i], read_worker, &reading);
	}
	return 0;
}
