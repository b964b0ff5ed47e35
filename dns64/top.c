/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A table is cut into sets of a few slots. A key that is not in its set takes the place of
 * the one seen least there, and its count with it: what is seen often soon has a count that
 * nobody passes. Sets are chosen with a secret, so that nobody can aim at one.
 */
#include "top.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "../core/siphash.h"

enum {
	SLOTS = 8,		/* of a set */
	RATE_MS = 1000,		/* over so long the rate is taken */
};

struct slot {
	uint64_t hash;		/* 0 with count 0: free */
	uint32_t count, error, misses;
};

/* Slots lie together, keys elsewhere: a look goes over the former. */
struct window {
	int64_t since_ms;
	struct slot name_slots[TOP_NAMES], client_slots[TOP_CLIENTS];
	struct name names[TOP_NAMES];
	struct in6_addr clients[TOP_CLIENTS];
};

struct top {
	struct top_pace pace;
	uint32_t stride;	/* 1, or TOP_STRIDE while busy */
	uint64_t random;
	struct siphash_key secret;
	int64_t rate_since_ms;
	uint32_t rate_seen;
	struct window *now, *before;
	struct window windows[2];
};

static_assert(offsetof(struct top, pace) == 0, "top_due() looks there");

struct top *top_new(void)
{
	struct top *top = calloc(1, sizeof(*top));

	if (!top)
		return NULL;
	if (getrandom(&top->secret, sizeof(top->secret), 0) != sizeof(top->secret) ||
	    getrandom(&top->random, sizeof(top->random), 0) != sizeof(top->random)) {
		free(top);
		return NULL;
	}
	top->random |= 1;	/* xorshift knows no way out of 0 */
	top->pace.skip = top->stride = 1;
	top->now = &top->windows[0];
	top->before = &top->windows[1];
	return top;
}

void top_free(struct top *top)
{
	free(top);
}

/* ---- counting ------------------------------------------------------------------- */

/* From 1 to 2 * stride - 1: what comes in turns is not always met at the same turn. */
static uint32_t next_skip(struct top *top)
{
	top->random ^= top->random << 13;
	top->random ^= top->random >> 7;
	top->random ^= top->random << 17;
	return 1 + (uint32_t)((top->random >> 32) % (2 * top->stride - 1));
}

static void set_pace(struct top *top, int64_t now_ms)
{
	top->rate_seen += top->stride;
	if (top->rate_seen >= TOP_BUSY_QPS * RATE_MS / 1000)
		top->stride = TOP_STRIDE;
	else if (now_ms - top->rate_since_ms >= RATE_MS)
		top->stride = 1;
	if (now_ms - top->rate_since_ms >= RATE_MS) {
		top->rate_since_ms = now_ms;
		top->rate_seen = 0;
	}
	top->pace.skip = next_skip(top);
}

static void turn(struct top *top, int64_t now_ms)
{
	struct window *oldest = top->before;

	if (now_ms - top->now->since_ms < TOP_WINDOW_MS)
		return;
	top->before = top->now;
	top->now = oldest;
	memset(oldest->name_slots, 0, sizeof(oldest->name_slots));
	memset(oldest->client_slots, 0, sizeof(oldest->client_slots));
	oldest->since_ms = now_ms;
}

/* Count a key. Return: its slot's index; *@taken: the slot was another's, its key is to be
 * written. */
static size_t slot_count(struct slot *slots, size_t n, uint64_t hash, uint32_t weight,
			 bool miss, bool *taken)
{
	struct slot *set = &slots[hash % (n / SLOTS) * SLOTS], *slot = set;

	for (size_t i = 0; i < SLOTS; i++) {
		if (set[i].hash == hash && set[i].count) {
			slot = &set[i];
			break;
		}
		if (set[i].count < slot->count)
			slot = &set[i];
	}
	*taken = slot->hash != hash || !slot->count;
	if (*taken)
		*slot = (struct slot){ .hash = hash, .count = slot->count, .error = slot->count };
	slot->count += weight;
	slot->misses += miss ? weight : 0;
	return (size_t)(slot - slots);
}

static void count_name(struct top *top, const struct name *qname, bool miss)
{
	uint64_t words[(sizeof(struct name) + 7) / 8] = { 0 };
	struct window *window = top->now;
	struct name name = { .len = qname->len };
	uint64_t hash;
	bool taken;
	size_t i;

	name_fold(name.wire, qname);
	memcpy(words, &name, 1u + name.len);
	hash = siphash13(&top->secret, words, (1u + name.len + 7) / 8);
	i = slot_count(window->name_slots, TOP_NAMES, hash, top->stride, miss, &taken);
	if (taken)
		window->names[i] = name;
}

static void count_client(struct top *top, const struct in6_addr *client, bool miss)
{
	struct window *window = top->now;
	uint64_t words[2], hash;
	bool taken;
	size_t i;

	memcpy(words, client, sizeof(words));
	hash = siphash13(&top->secret, words, 2);
	i = slot_count(window->client_slots, TOP_CLIENTS, hash, top->stride, miss, &taken);
	if (taken)
		window->clients[i] = *client;
}

void top_count(struct top *top, const struct name *qname, const struct in6_addr *client,
	       bool miss, int64_t now_ms)
{
	turn(top, now_ms);
	count_name(top, qname, miss);
	count_client(top, client, miss);
	set_pace(top, now_ms);
}

/* ---- reading -------------------------------------------------------------------- */

static struct top_row row_of(const struct slot *slot)
{
	return (struct top_row){ .count = slot->count, .error = slot->error,
				 .misses = slot->misses };
}

static size_t read_window(const struct window *window, enum top_kind kind, struct top_row *rows)
{
	size_t n = 0;

	for (size_t i = 0; i < TOP_NAMES && kind != TOP_OF_CLIENTS; i++) {
		if (!window->name_slots[i].count)
			continue;
		rows[n] = row_of(&window->name_slots[i]);
		rows[n++].name = window->names[i];
	}
	for (size_t i = 0; i < TOP_CLIENTS; i++) {
		if (!window->client_slots[i].count)
			continue;
		rows[n] = row_of(&window->client_slots[i]);
		rows[n].is_client = true;
		rows[n++].client = window->clients[i];
	}
	return n;
}

/* Windows turn when a query comes; where none does, time goes on all the same. */
size_t top_read(const struct top *top, enum top_kind kind, int64_t now_ms, struct top_row *rows,
		int64_t *since_ms)
{
	int64_t age_ms = now_ms - top->now->since_ms;
	size_t n = 0;

	*since_ms = now_ms;
	if (age_ms >= 2 * TOP_WINDOW_MS)
		return 0;
	*since_ms = top->now->since_ms;
	n = read_window(top->now, kind, rows);
	if (age_ms < TOP_WINDOW_MS && now_ms - top->before->since_ms < 2 * TOP_WINDOW_MS) {
		*since_ms = top->before->since_ms;
		n += read_window(top->before, kind, rows + n);
	}
	return n;
}

static int compare_keys(const void *a, const void *b)
{
	const struct top_row *left = a, *right = b;

	if (left->is_client != right->is_client)
		return left->is_client ? 1 : -1;
	if (left->is_client)
		return memcmp(&left->client, &right->client, sizeof(left->client));
	if (left->name.len != right->name.len)
		return left->name.len < right->name.len ? -1 : 1;
	return memcmp(left->name.wire, right->name.wire, left->name.len);
}

static int compare_counts(const void *a, const void *b)
{
	const struct top_row *left = a, *right = b;

	if (left->count != right->count)
		return left->count < right->count ? 1 : -1;
	return compare_keys(a, b);
}

size_t top_merge(struct top_row *rows, size_t n)
{
	size_t kept = 0;

	qsort(rows, n, sizeof(*rows), compare_keys);
	for (size_t i = 0; i < n; i++) {
		if (kept && compare_keys(&rows[kept - 1], &rows[i]) == 0) {
			rows[kept - 1].count += rows[i].count;
			rows[kept - 1].error += rows[i].error;
			rows[kept - 1].misses += rows[i].misses;
		} else {
			rows[kept++] = rows[i];
		}
	}
	qsort(rows, kept, sizeof(*rows), compare_counts);
	return kept;
}
