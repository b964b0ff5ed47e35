/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What travels through here: copies of sessions and bindings on their way to who asked
 * for them. Rows are chosen and copied while a part of the table is held, and all that
 * takes time with them comes later and elsewhere.
 */
#include "listing.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "bib.h"
#include "flow.h"
#include "nat64.h"

/* RFC 6146 3.5.2.2, in its order and its words */
static const char *const state_names[] = {
	[TCP_STATE_CLOSED] = "closed",
	[TCP_STATE_V4_INIT] = "v4-init",
	[TCP_STATE_V6_INIT] = "v6-init",
	[TCP_STATE_ESTABLISHED] = "established",
	[TCP_STATE_V4_FIN] = "v4-fin",
	[TCP_STATE_V6_FIN] = "v6-fin",
	[TCP_STATE_V4_FIN_V6_FIN] = "v4-fin-v6-fin",
	[TCP_STATE_TRANS] = "trans",
};

enum { N_STATES = sizeof(state_names) / sizeof(state_names[0]) };

static_assert((int)N_STATES == (int)TCP_STATE_COUNT, "every state has a name");

static const enum config_proto protos[] = {
	[L4_TCP] = CONFIG_TCP,
	[L4_UDP] = CONFIG_UDP,
	[L4_ICMP] = CONFIG_ICMP,
};

const char *nat64_state(const char *text)
{
	for (int i = 0; i < N_STATES; i++)
		if (strcmp(state_names[i], text) == 0)
			return state_names[i];
	return NULL;
}

const char *listing_state(unsigned int state)
{
	return state_names[state];
}

/* The rows of a page; grown as they come, since how many fit the filter is not known. */
struct rows {
	const struct nat64_filter *filter;
	int64_t now_ms;
	char *v;
	size_t n, room;
	bool failed;
};

static void add_row(struct rows *rows, const void *row, size_t size)
{
	if (rows->n == rows->room) {
		size_t room = rows->room * 2 + 32;
		char *grown = reallocarray(rows->v, room, size);

		if (!grown) {
			rows->failed = true;
			return;
		}
		rows->v = grown;
		rows->room = room;
	}
	memcpy(rows->v + rows->n++ * size, row, size);
}

static struct endpoint outside_endpoint(uint32_t v4_be32, uint16_t port)
{
	return (struct endpoint){ addr_from_v4(v4_be32), port };
}

/* Is one of a row's ends the one that is asked for? */
static bool fits(const struct nat64_filter *filter, enum config_proto proto,
		 const struct endpoint *const *ends, size_t n)
{
	bool address = filter->prefix.len == 0, port = filter->port == 0;

	if (filter->proto_given && filter->proto != proto)
		return false;
	for (size_t i = 0; i < n; i++) {
		address = address || prefix_contains(&filter->prefix, &ends[i]->addr);
		port = port || filter->port == ends[i]->port;
	}
	return address && port;
}

static void take_flow(void *arg, const struct flow *flow)
{
	struct rows *rows = arg;
	struct nat64_flow row = {
		.proto = protos[flow->l4],
		.state = flow->l4 == L4_TCP ? state_names[flow->state] : NULL,
		.fast = flow->fast,
		.inside = { flow->inside, flow->inside_port },
		.outside = outside_endpoint(flow->outside_be32, flow->outside_port),
		.remote = outside_endpoint(flow->remote_be32, flow->remote_port),
		.expires_ms = flow->expires_ms > rows->now_ms ? flow->expires_ms - rows->now_ms : 0,
	};
	const struct endpoint *const ends[] = { &row.inside, &row.outside, &row.remote };

	if (rows->filter->state && rows->filter->state != row.state)
		return;
	if (fits(rows->filter, row.proto, ends, 3))
		add_row(rows, &row, sizeof(row));
}

static void take_binding(void *arg, const struct bib_view *view)
{
	struct rows *rows = arg;
	struct nat64_binding row = {
		.proto = protos[view->l4],
		.inside = { view->inside, view->inside_port },
		.outside = outside_endpoint(view->outside_be32, view->outside_port),
		.sessions = view->sessions,
		.is_static = view->is_static,
	};
	const struct endpoint *const ends[] = { &row.inside, &row.outside };

	if (fits(rows->filter, row.proto, ends, 2))
		add_row(rows, &row, sizeof(row));
}

int listing_flows(struct flow_table *table, const struct nat64_filter *filter, int64_t now_ms,
		  uint64_t *cursor, unsigned int max, struct nat64_flow **out, size_t *n)
{
	struct rows rows = { .filter = filter, .now_ms = now_ms };

	*cursor = flow_page(table, *cursor, max, take_flow, &rows);
	if (rows.failed) {
		free(rows.v);
		return -ENOMEM;
	}
	*out = (void *)rows.v;
	*n = rows.n;
	return 0;
}

int listing_bindings(struct flow_table *table, const struct nat64_filter *filter,
		     uint64_t *cursor, unsigned int max, struct nat64_binding **out, size_t *n)
{
	struct rows rows = { .filter = filter };

	*cursor = bib_page(flow_bibs(table), *cursor, max, take_binding, &rows);
	if (rows.failed) {
		free(rows.v);
		return -ENOMEM;
	}
	*out = (void *)rows.v;
	*n = rows.n;
	return 0;
}
