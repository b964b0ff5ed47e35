/* SPDX-License-Identifier: GPL-2.0-or-later */
/* libunbound's events on a libevent base, and how to take them off it. */
#ifndef DNS64_UB_EVENTS_H
#define DNS64_UB_EVENTS_H

#include <stdint.h>

struct event_base;
struct ub_event_base;
struct ub_events;

/**
 * ub_events_new() - what one context has on @base.
 * @base:	borrowed until ub_events_detach() or ub_events_free().
 * Return: it, for ub_events_free(), or NULL when out of memory.
 */
struct ub_events *ub_events_new(struct event_base *base);

/** ub_events_base() - as ub_ctx_create_ub_event() takes it. */
struct ub_event_base *ub_events_base(struct ub_events *events);

/** ub_events_heard() - how often a server has said something, whatever it was. */
uint64_t ub_events_heard(const struct ub_events *events);

/**
 * ub_events_detach() - take every event off the base, in its thread: from now on
 * the context is not called, and may be deleted by any thread.
 */
void ub_events_detach(struct ub_events *events);

/** ub_events_free() - after the context. */
void ub_events_free(struct ub_events *events);

#endif
