/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What travels through here: copies of what is known of connections, to who asked for them.
 * A request visits so many seats of one worker as its thread may be kept by; what takes time
 * with the rows comes later and elsewhere.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../core/loop.h"
#include "quota.h"
#include "snid.h"
#include "worker.h"

enum { SEATS_AT_ONCE = 4096 };

/* One request at one worker */
struct visit {
	struct worker *worker;
	const struct snid_filter *filter;
	struct snid_connection *rows;
	size_t n, max;
	size_t seat;		/* the next to be looked at */
	bool more;		/* there are others after it */
};

static bool name_fits(const struct snid_filter *filter, const char *name)
{
	size_t len = strlen(name), wanted;

	if (!filter->name)
		return true;
	if (strncmp(filter->name, "*.", 2) != 0)
		return strcmp(filter->name, name) == 0;
	wanted = strlen(filter->name + 1);
	return len > wanted && strcmp(name + len - wanted, filter->name + 1) == 0;
}

static bool fits(const struct snid_filter *filter, const struct snid_connection *row)
{
	return prefix_contains(&filter->client, &row->client.addr) &&
	       (filter->backend.len == 0 ||
		(row->backend.port && prefix_contains(&filter->backend, &row->backend.addr))) &&
	       name_fits(filter, row->name) &&
	       (!filter->stage || strcmp(filter->stage, row->stage) == 0);
}

/* In the worker's thread */
static int visit(void *arg)
{
	struct visit *visit = arg;
	const struct seats *seats = &visit->worker->seats;
	size_t end = visit->seat + SEATS_AT_ONCE < seats->n ? visit->seat + SEATS_AT_ONCE : seats->n;

	for (; visit->seat < end && visit->n < visit->max; visit->seat++) {
		const void *conn = seats_at(seats, visit->seat);
		struct snid_connection *row = &visit->rows[visit->n];

		if (!conn)
			continue;
		snid_life.describe(conn, row);
		visit->n += fits(visit->filter, row);
	}
	visit->more = visit->seat < seats->n;
	return 0;
}

int snid_connections(struct snid *snid, const struct snid_filter *filter, uint64_t *cursor,
		     unsigned int max, struct snid_connection **rows, size_t *n)
{
	size_t i = (size_t)(*cursor >> 32);
	struct visit visits = {
		.worker = snid_worker(snid, i),
		.filter = filter,
		.rows = calloc(max, sizeof(**rows)),
		.max = max,
		.seat = (uint32_t)*cursor,
	};

	*cursor = 0;
	*rows = visits.rows;
	*n = 0;
	if (!visits.rows)
		return -ENOMEM;
	if (!visits.worker)
		return 0;
	loop_call(visits.worker->loop, visit, &visits);
	*n = visits.n;
	if (visits.more)
		*cursor = (uint64_t)i << 32 | visits.seat;
	else if (snid_worker(snid, i + 1))
		*cursor = (uint64_t)(i + 1) << 32;
	return 0;
}

void snid_top_clients(struct snid *snid, struct leaders *leaders)
{
	quota_top(snid_worker(snid, 0)->quota, leaders);
}
