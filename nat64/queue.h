/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Packets in: one netfilter queue (libnetfilter_queue), read in batches. One a
 * worker.
 */
#ifndef NAT64_QUEUE_H
#define NAT64_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "worker.h"

struct event_base;
struct queue;

struct queue_handler {
	/* A batch begins; @now_ms: CLOCK_MONOTONIC. */
	void (*begin)(void *arg, int64_t now_ms);
	/* One packet, from the IP header on; the bytes live until end(). @from_host: the
	 * host itself sends it. */
	enum verdict (*packet)(void *arg, uint32_t id, uint8_t *data, size_t len, bool from_host);
	/* The batch is over: send what is to be sent, before its bytes are gone. */
	void (*end)(void *arg);
	void *arg;
};

/**
 * queue_new() - bind queue @number. Needs CAP_NET_ADMIN, now and for every verdict.
 * @handler:	copied.
 * Return: 0 with *@out, or -errno; -EBUSY: another process has that queue.
 */
int queue_new(struct queue **out, struct event_base *base, unsigned int number,
	      const struct queue_handler *handler);

/**
 * queue_verdict() - decide about a packet that VERDICT_HELD was said of.
 * @verdict:	VERDICT_TAKEN or VERDICT_ACCEPT. It reaches the kernel at the end of
 *		the batch, or by queue_flush() outside of one.
 */
void queue_verdict(struct queue *queue, uint32_t id, enum verdict verdict);
void queue_flush(struct queue *queue);

/** queue_free() - unbind; NULL is allowed. */
void queue_free(struct queue *queue);

#endif
