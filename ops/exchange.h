/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Documents from the main thread, for a thread that gives them away: that asks, and is woken
 * when they are there. Neither ever waits for the other.
 */
#ifndef OPS_EXCHANGE_H
#define OPS_EXCHANGE_H

#include <stdbool.h>
#include <stddef.h>

struct shared_text;
struct event_base;
struct exchange;

/** exchange_make_fn - make document number @i, in the main thread; NULL: out of memory. */
typedef struct shared_text *exchange_make_fn(void *arg, size_t i);

/**
 * exchange_new() - main thread.
 * @base:	the main thread's, borrowed.
 * @n:		documents there are, 32 at most.
 * Return: NULL when out of memory or descriptors.
 */
struct exchange *exchange_new(struct event_base *base, size_t n, exchange_make_fn *make,
			      void *arg);

/** exchange_ask() - have document @i made anew; the asking thread. */
void exchange_ask(struct exchange *exchange, size_t i);

/** exchange_take() - Return: the latest, one reference being the caller's; NULL: none yet. */
struct shared_text *exchange_take(struct exchange *exchange, size_t i);

/** exchange_failed() - could document @i not be made, when it was asked for last? Said once. */
bool exchange_failed(struct exchange *exchange, size_t i);

/** exchange_fd() - can be read when documents have been made; exchange_fd_read() ends that. */
int exchange_fd(const struct exchange *exchange);
void exchange_fd_read(struct exchange *exchange);

/** exchange_free() - main thread, when the other has ended; NULL is allowed. */
void exchange_free(struct exchange *exchange);

#endif
