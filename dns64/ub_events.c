/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libunbound lets others have its events done (the tables of unbound-event.h).
 * They are done by libevent here, as it would do itself; but each is on a list,
 * so that all can be taken off the loop at once. And it shows here what libunbound
 * does not tell: whether servers say anything at all.
 */
#include "ub_events.h"

#include <assert.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/queue.h>
#include <unbound-event.h>

/* One that libunbound has made: it begins with what libunbound knows of it. */
struct entry {
	struct ub_event super;
	struct ub_events *owner;
	LIST_ENTRY(entry) link;
	struct event event;
	event_callback_fn callback;	/* libunbound's, and what it wants with it */
	void *arg;
};

struct ub_events {
	struct ub_event_base super;
	struct event_base *base;
	LIST_HEAD(entry_list, entry) entries;
	bool detached;
	uint64_t n_heard;
};

static_assert(UB_EV_TIMEOUT == EV_TIMEOUT && UB_EV_READ == EV_READ && UB_EV_WRITE == EV_WRITE &&
	      UB_EV_PERSIST == EV_PERSIST, "both libraries number events the same way");

/* Their first member is what libunbound has a pointer to. */
static struct entry *entry_of(struct ub_event *event)
{
	return (struct entry *)event;
}

/* ---- one event: never pending when it is changed -------------------------------- */

/* Is it there to be read? Where a socket is readable for an error (nobody listens there, says
 * ICMP) or for its end, nothing is. */
static bool is_said(int fd, short bits)
{
	int len = 0;

	return bits & UB_EV_READ && ioctl(fd, FIONREAD, &len) == 0 && len > 0;
}

static void on_event(evutil_socket_t fd, short bits, void *arg)
{
	struct entry *entry = arg;

	entry->owner->n_heard += is_said(fd, bits);
	entry->callback(fd, bits, entry->arg);		/* which may free it */
}

static void assign(struct entry *entry, int fd, short bits)
{
	event_assign(&entry->event, entry->owner->base, fd, bits, on_event, entry);
}

static void assign_bits(struct entry *entry, short bits)
{
	assign(entry, event_get_fd(&entry->event), bits);
}

static void add_bits(struct ub_event *event, short bits)
{
	struct entry *entry = entry_of(event);

	assign_bits(entry, (short)(event_get_events(&entry->event) | bits));
}

static void del_bits(struct ub_event *event, short bits)
{
	struct entry *entry = entry_of(event);

	assign_bits(entry, (short)(event_get_events(&entry->event) & ~bits));
}

static void set_fd(struct ub_event *event, int fd)
{
	struct entry *entry = entry_of(event);

	assign(entry, fd, event_get_events(&entry->event));
}

static int del(struct ub_event *event)
{
	struct entry *entry = entry_of(event);

	return entry->owner->detached ? 0 : event_del(&entry->event);
}

static void release(struct ub_event *event)
{
	del(event);
	LIST_REMOVE(entry_of(event), link);
	free(event);
}

static int add(struct ub_event *event, struct timeval *timeout)
{
	struct entry *entry = entry_of(event);

	return entry->owner->detached ? 0 : event_add(&entry->event, timeout);
}

static int add_timer(struct ub_event *event, struct ub_event_base *base,
		     void (*callback)(int, short, void *), void *arg, struct timeval *timeout)
{
	struct entry *entry = entry_of(event);

	(void)base;
	del(event);
	entry->callback = callback;
	entry->arg = arg;
	assign(entry, -1, EV_TIMEOUT);
	return add(event, timeout);
}

/* ---- all of a context ------------------------------------------------------------- */

static struct ub_event *new_event(struct ub_event_base *base, int fd, short bits,
				  void (*callback)(int, short, void *), void *arg)
{
	static struct ub_event_vmt vmt = {
		.add_bits = add_bits, .del_bits = del_bits, .set_fd = set_fd, .free = release,
		.add = add, .del = del, .add_timer = add_timer, .del_timer = del,
	};
	struct ub_events *events = (struct ub_events *)base;
	struct entry *entry = calloc(1, sizeof(*entry));

	if (!entry)
		return NULL;
	entry->super = (struct ub_event){ .magic = UB_EVENT_MAGIC, .vmt = &vmt };
	entry->owner = events;
	entry->callback = callback;
	entry->arg = arg;
	assign(entry, fd, bits);
	LIST_INSERT_HEAD(&events->entries, entry, link);
	return &entry->super;
}

struct ub_events *ub_events_new(struct event_base *base)
{
	static struct ub_event_base_vmt vmt = { .new_event = new_event };
	struct ub_events *events = calloc(1, sizeof(*events));

	if (!events)
		return NULL;
	events->super = (struct ub_event_base){ .magic = UB_EVENT_MAGIC, .vmt = &vmt };
	events->base = base;
	LIST_INIT(&events->entries);
	return events;
}

struct ub_event_base *ub_events_base(struct ub_events *events)
{
	return &events->super;
}

uint64_t ub_events_heard(const struct ub_events *events)
{
	return events->n_heard;
}

void ub_events_detach(struct ub_events *events)
{
	struct entry *entry;

	LIST_FOREACH(entry, &events->entries, link) {
		event_del(&entry->event);
	}
	events->detached = true;
}

void ub_events_free(struct ub_events *events)
{
	free(events);
}
