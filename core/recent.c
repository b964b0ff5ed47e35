/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See recent.h. */
#include "recent.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>

enum {
	STEP_MS = 1000,
	BURST = 8,
};

struct ring {
	pthread_mutex_t mutex;
	struct recent kept[RECENT_KEPT];
	uint64_t n;			/* that were ever kept */
	uint64_t counted[STAT_COUNT];	/* each reason's total, when one was kept */
};

static struct ring rings[RECENT_ROOMS] = {
	[RECENT_NAT64] = { .mutex = PTHREAD_MUTEX_INITIALIZER },
	[RECENT_DNS64] = { .mutex = PTHREAD_MUTEX_INITIALIZER },
	[RECENT_SNID] = { .mutex = PTHREAD_MUTEX_INITIALIZER },
};

/* For each reason a clock that runs ahead of the real one by STEP_MS for each that is kept.
 * In a flood it is read only, so that its line stays in every processor's cache. */
static _Atomic int64_t ahead_ms[STAT_COUNT];

bool recent_due(enum stat reason, int64_t now_ms)
{
	int64_t ahead = atomic_load_explicit(&ahead_ms[reason], memory_order_relaxed), next;

	do {
		next = (ahead > now_ms ? ahead : now_ms) + STEP_MS;
		if (next - now_ms > (int64_t)STEP_MS * BURST)
			return false;
	} while (!atomic_compare_exchange_weak(&ahead_ms[reason], &ahead, next));
	return true;
}

static int64_t unix_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* How many have been refused so since the one before; this one is counted already. */
static uint64_t alike(struct ring *ring, enum stat reason)
{
	uint64_t total = stats_of(reason), before = ring->counted[reason];

	ring->counted[reason] = total;
	return total > before ? total - before - 1 : 0;
}

void recent_keep(enum recent_room room, enum stat reason, const struct in6_addr *who,
		 const char *what)
{
	struct ring *ring = &rings[room];
	struct recent *recent;

	if (pthread_mutex_trylock(&ring->mutex) != 0)
		return;
	recent = &ring->kept[ring->n++ % RECENT_KEPT];
	*recent = (struct recent){
		.at_ms = unix_ms(), .room = room, .reason = reason,
		.alike = alike(ring, reason), .who = *who,
	};
	snprintf(recent->what, sizeof(recent->what), "%s", what);
	pthread_mutex_unlock(&ring->mutex);
}

size_t recent_read(enum recent_room room, struct recent *out)
{
	struct ring *ring = &rings[room];
	size_t n;

	pthread_mutex_lock(&ring->mutex);
	n = ring->n < RECENT_KEPT ? (size_t)ring->n : RECENT_KEPT;
	for (size_t i = 0; i < n; i++)
		out[i] = ring->kept[(ring->n - 1 - i) % RECENT_KEPT];
	pthread_mutex_unlock(&ring->mutex);
	return n;
}
