/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is asked for most now, and who asks most: heavy hitters of the last minute, as the
 * Space-Saving algorithm finds them (Metwally, Agrawal, El Abbadi, 2005), in small sets so
 * that a key costs a few comparisons. Nothing is allocated while it counts.
 *
 * A busy worker counts a sample: one query in TOP_STRIDE on average, at random distances,
 * each for TOP_STRIDE. One struct top belongs to one worker and needs no lock.
 */
#ifndef DNS64_TOP_H
#define DNS64_TOP_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "name.h"

struct top;

enum {
	TOP_WINDOW_MS = 30000,	/* two of these are looked at: the one now and the one before */
	TOP_STRIDE = 16,
	TOP_BUSY_QPS = 2000,	/* from so many queries a second on a worker samples */
};

/* A name or a client, and how often it was seen */
struct top_row {
	uint64_t count;
	uint64_t error;		/* it may have been less often, by this at most */
	uint64_t misses;	/* of these: for want of an answer that was known */
	bool is_client;
	union {
		struct name name;	/* in lower case */
		struct in6_addr client;
	};
};

/* What top_read() gives at most */
enum {
	TOP_NAMES = 512,
	TOP_CLIENTS = 256,
	TOP_ROWS_MAX = 2 * (TOP_NAMES + TOP_CLIENTS),
};

/** top_new() - nothing seen yet. Return: owned by the caller, or NULL when out of memory. */
struct top *top_new(void);

/* Queries until the next one that counts; the first member of struct top */
struct top_pace {
	uint32_t skip;
};

/**
 * top_due() - is the query that has come in one to be counted? Called once for each; all
 * that a query costs which is not.
 */
static inline bool top_due(struct top *top)
{
	struct top_pace *pace = (struct top_pace *)top;

	return --pace->skip == 0;
}

/**
 * top_count() - count a query that was due.
 * @now_ms:	loop_now_ms().
 */
void top_count(struct top *top, const struct name *qname, const struct in6_addr *client,
	       bool miss, int64_t now_ms);

enum top_kind { TOP_OF_ALL, TOP_OF_CLIENTS };

/**
 * top_read() - all of the kind that it holds of the last two windows.
 * @rows:	room for TOP_ROWS_MAX; a key may come twice, once of each window.
 * @since_ms:	when the older of the two began.
 * Return: how many rows.
 */
size_t top_read(const struct top *top, enum top_kind kind, int64_t now_ms, struct top_row *rows,
		int64_t *since_ms);

/**
 * top_merge() - put rows of the same key together, most often seen first.
 * Return: how many are left.
 */
size_t top_merge(struct top_row *rows, size_t n);

/** top_free() - NULL is allowed. */
void top_free(struct top *top);

#endif
