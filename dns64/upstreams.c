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
	struct resolver_health *v;
	size_t n, max;
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

/* In the worker's thread */
static int read_worker(void *arg)
{
	struct reading *reading = arg;
	const struct resolver *resolver = reading->worker->resolver;

	while (reading->n < reading->max && resolver &&
	       resolver_health(resolver, reading->n, &reading->v[reading->n]))
		reading->n++;
	return 0;
}

/* What was known before a change of configuration may be of other zones. */
static int ask_worker(struct worker *worker, size_t max, uint64_t epoch)
{
	struct resolver_health *v = calloc(max, sizeof(*v));
	struct reading reading = { .worker = worker, .v = v, .max = max };

	if (!v)
		return -ENOMEM;
	if (worker->known.epoch != epoch)
		worker->known.n = 0;
	if (loop_call_within(worker->loop, read_worker, &reading, WORKER_PATIENCE_MS) < 0) {
		free(v);
		return 0;
	}
	free(worker->known.v);
	worker->known.v = v;
	worker->known.n = reading.n;
	worker->known.epoch = epoch;
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
		struct worker *worker = &dns64->workers[i];

		if (ask_worker(worker, *n, dns64->room.epoch) < 0) {
			free(*list);
			return -ENOMEM;
		}
		for (size_t zone = 0; zone < worker->known.n; zone++)
			merge(&(*list)[zone], &worker->known.v[zone], loop_now_ms());
	}
	return 0;
}
