/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the room can be asked while it runs, worker by worker, each in its own thread. */
#include <errno.h>
#include <stdlib.h>

#include "../core/loop.h"
#include "../core/stats.h"
#include "dns64.h"
#include "explain.h"
#include "top.h"
#include "worker.h"

struct top_request {
	const struct worker *worker;
	enum top_kind kind;
	struct top_row *rows;
	size_t n;
	int64_t now_ms, since_ms;
};

static int read_top(void *arg)
{
	struct top_request *request = arg;

	request->n = top_read(request->worker->top, request->kind, request->now_ms, request->rows,
			      &request->since_ms);
	return 0;
}

int dns64_top(struct dns64 *dns64, enum top_kind kind, struct top_row **rows, size_t *n,
	      int64_t *over_ms)
{
	struct top_row *all = calloc((size_t)dns64->n_workers * TOP_ROWS_MAX, sizeof(*all));
	int64_t now_ms = loop_now_ms();

	if (!all)
		return -ENOMEM;
	*n = 0;
	*over_ms = 0;
	for (unsigned int i = 0; i < dns64->n_workers; i++) {
		struct top_request request = { .worker = &dns64->workers[i], .kind = kind,
					       .rows = all + *n, .now_ms = now_ms };

		if (loop_call_within(dns64->loops[i], read_top, &request, WORKER_PATIENCE_MS) < 0)
			continue;
		*n += request.n;
		if (now_ms - request.since_ms > *over_ms)
			*over_ms = now_ms - request.since_ms;
	}
	*n = top_merge(all, *n);
	*rows = all;
	return 0;
}

struct explain_request {
	struct worker *worker;
	struct explain *explain;
};

/* As if it had come in by a listener. */
static int start_query(void *arg)
{
	struct explain_request *request = arg;
	struct asker asker = { .explain = request->explain, .client = IN6ADDR_LOOPBACK_INIT };
	const uint8_t *wire;
	size_t len;

	wire = explain_wire(request->explain, &len);
	stats_inc(STAT_DNS_QUERY_CONTROL);
	explain_hold(request->explain);
	if (dns64_query(request->worker, &asker, wire, len) == DNS64_DROPPED)
		explain_say(request->explain, "dns64", "dropped: too many queries are waiting");
	explain_release(request->explain);
	return 0;
}

void dns64_explain(struct dns64 *dns64, struct explain *explain)
{
	struct explain_request request = { &dns64->workers[0], explain };

	loop_call(dns64->loops[0], start_query, &request);
}
