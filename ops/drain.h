/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The last connections of snid: it listens no more, and is to be closed when they have ended
 * or have had their time. Main loop.
 */
#ifndef OPS_DRAIN_H
#define OPS_DRAIN_H

#include <stdint.h>

struct drain;
struct event_base;
struct snid;

/**
 * drain_begin() - close the listeners, wait for the connections.
 * @snid, @base:	borrowed until drain_end().
 * @limit_ms:		how long at most.
 * @over:		called from the loop, once, when there is nothing more to wait for.
 * Return: owned by the caller, who ends it, also from @over; or NULL: @limit_ms is
 * 0, or memory is out; then the listeners are as they were.
 */
struct drain *drain_begin(struct event_base *base, struct snid *snid, uint32_t limit_ms,
			  void (*over)(void *arg), void *arg);

/** drain_end() - wait no more; NULL is allowed. */
void drain_end(struct drain *drain);

#endif
