/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Deadlines for many objects that wait equally long: a queue in the order of
 * arrival, so that the first is always the next to expire. Entering, leaving and
 * beginning anew cost a few pointers and no timer; the owner of the queues needs
 * one timer for all of them. One thread.
 */
#ifndef SNID_DEADLINE_H
#define SNID_DEADLINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

/* Part of the object that waits */
struct deadline {
	TAILQ_ENTRY(deadline) entry;
	struct deadline_queue *queue;	/* the one it is in, or NULL */
	int64_t since_ms;		/* loop_now_ms() when it began to wait */
};

struct deadline_queue {
	TAILQ_HEAD(deadline_head, deadline) head;
	uint32_t after_ms;		/* how long all of them wait; may be changed at any time */
};

/** deadline_queue_init() - an empty queue. */
static inline void deadline_queue_init(struct deadline_queue *queue, uint32_t after_ms)
{
	TAILQ_INIT(&queue->head);
	queue->after_ms = after_ms;
}

/** deadline_leave() - wait no more; nothing happens where it did not wait. */
static inline void deadline_leave(struct deadline *deadline)
{
	if (deadline->queue)
		TAILQ_REMOVE(&deadline->queue->head, deadline, entry);
	deadline->queue = NULL;
}

/** deadline_enter() - wait in @queue from now on, in no other any more. */
static inline void deadline_enter(struct deadline *deadline, struct deadline_queue *queue,
				  int64_t now_ms)
{
	deadline_leave(deadline);
	deadline->queue = queue;
	deadline->since_ms = now_ms;
	TAILQ_INSERT_TAIL(&queue->head, deadline, entry);
}

/** deadline_first() - the one that expires next, or NULL. */
static inline struct deadline *deadline_first(const struct deadline_queue *queue)
{
	return TAILQ_FIRST(&queue->head);
}

/** deadline_last() - the one that entered last, or NULL. */
static inline struct deadline *deadline_last(const struct deadline_queue *queue)
{
	return TAILQ_LAST(&queue->head, deadline_head);
}

/** deadline_at_ms() - when the first of @queue expires; INT64_MAX where it is empty. */
static inline int64_t deadline_at_ms(const struct deadline_queue *queue)
{
	const struct deadline *first = deadline_first(queue);

	return first ? first->since_ms + queue->after_ms : INT64_MAX;
}

#endif
