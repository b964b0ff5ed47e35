/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Watched sockets; see watch.h.
 *
 * The kernel forgets a socket when its last descriptor is closed. That may be later than we
 * think: a process that another thread starts has copies until it becomes another program. So
 * it is given no pointer but a slot and the slot's generation, and what it says of a slot
 * that means another socket now, or none, is not heard.
 */
#include "watch.h"

#include <event2/event.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

enum {
	BATCH = 64,		/* then others get their turn */
	SLOTS_FIRST = 64,
};

struct slot {
	watch_fn *fn;		/* NULL: free */
	void *arg;
	uint32_t generation;
	uint32_t next_free;	/* slot, or NONE */
};

#define NONE UINT32_MAX

struct watcher {
	int epoll;
	struct event *readable;		/* the epoll instance, in the loop */
	struct slot *slots;
	uint32_t n, first_free;
};

static uint32_t slot_of(watch_id id)
{
	return (uint32_t)id;
}

static struct slot *find(struct watcher *watcher, watch_id id)
{
	struct slot *slot = &watcher->slots[slot_of(id)];

	return slot->fn && slot->generation == id >> 32 ? slot : NULL;
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct watcher *watcher = arg;
	struct epoll_event batch[BATCH];
	int n = epoll_wait((int)fd, batch, BATCH, 0);

	(void)what;
	for (int i = 0; i < n; i++) {
		const struct slot *slot = find(watcher, batch[i].data.u64);

		if (slot)
			slot->fn(slot->arg, batch[i].events);
	}
}

struct watcher *watcher_new(struct event_base *base)
{
	struct watcher *watcher = calloc(1, sizeof(*watcher));

	if (!watcher)
		return NULL;
	watcher->first_free = NONE;
	watcher->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (watcher->epoll < 0)
		goto fail;
	watcher->readable = event_new(base, watcher->epoll, EV_READ | EV_PERSIST, on_readable,
				      watcher);
	if (!watcher->readable || event_add(watcher->readable, NULL) < 0)
		goto fail;
	return watcher;
fail:
	watcher_free(watcher);
	return NULL;
}

static bool add_slots(struct watcher *watcher)
{
	uint32_t n = watcher->n ? 2 * watcher->n : SLOTS_FIRST;
	struct slot *slots = realloc(watcher->slots, n * sizeof(*slots));

	if (!slots)
		return false;
	for (uint32_t i = n; i-- > watcher->n;) {
		slots[i] = (struct slot){ .generation = 1, .next_free = watcher->first_free };
		watcher->first_free = i;
	}
	watcher->slots = slots;
	watcher->n = n;
	return true;
}

static void release(struct watcher *watcher, uint32_t at)
{
	struct slot *slot = &watcher->slots[at];

	slot->fn = NULL;
	if (++slot->generation == 0)	/* an identity is never 0 */
		slot->generation = 1;
	slot->next_free = watcher->first_free;
	watcher->first_free = at;
}

watch_id watch_add(struct watcher *watcher, int fd, watch_fn *fn, void *arg)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLPRI | EPOLLOUT | EPOLLRDHUP |
					       EPOLLET };
	struct slot *slot;
	uint32_t at;

	if (watcher->first_free == NONE && !add_slots(watcher))
		return 0;
	at = watcher->first_free;
	slot = &watcher->slots[at];
	watcher->first_free = slot->next_free;
	slot->fn = fn;
	slot->arg = arg;
	event.data.u64 = (uint64_t)slot->generation << 32 | at;
	if (epoll_ctl(watcher->epoll, EPOLL_CTL_ADD, fd, &event) < 0) {
		release(watcher, at);
		return 0;
	}
	return event.data.u64;
}

void watch_move(struct watcher *watcher, watch_id id, watch_fn *fn, void *arg)
{
	struct slot *slot = &watcher->slots[slot_of(id)];

	slot->fn = fn;
	slot->arg = arg;
}

void watch_forget(struct watcher *watcher, watch_id id)
{
	release(watcher, slot_of(id));
}

void watcher_free(struct watcher *watcher)
{
	if (!watcher)
		return;
	if (watcher->readable)
		event_free(watcher->readable);
	if (watcher->epoll >= 0)
		close(watcher->epoll);
	free(watcher->slots);
	free(watcher);
}
