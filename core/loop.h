/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One event loop, one thread. A room has a loop per worker; the main thread has
 * its own (libevent directly). Other threads reach into a loop only with
 * loop_call() and loop_pause(): what a worker owns needs no lock.
 */
#ifndef CORE_LOOP_H
#define CORE_LOOP_H

#include <stddef.h>
#include <stdint.h>

struct event_base;
struct loop;

/**
 * loop_new() - make a loop that does not run yet.
 * @name:	thread name, at most 15 characters; copied.
 * Return: the loop, owned by the caller, or NULL when out of memory or descriptors.
 */
struct loop *loop_new(const char *name);

/*
 * The priorities of a base's events. Urgent ones do not wait for more than a few of the
 * others; none of their callbacks may take long. What is not told otherwise is not urgent.
 */
enum { LOOP_URGENT, LOOP_USUAL, LOOP_PRIORITIES };

/** loop_base() - the loop's libevent base, for its own thread or before it starts. */
struct event_base *loop_base(struct loop *loop);

/**
 * loop_start() - start the thread.
 * @enter:	run first in the new thread (it drops what the thread must not
 *		keep); NULL for none. A value < 0 from it ends the thread.
 * Return: 0, or -errno of the thread's creation or of @enter.
 */
int loop_start(struct loop *loop, int (*enter)(void));

/**
 * loop_call() - run @fn(@arg) in the loop's thread and wait for its result.
 * Where the loop has no thread (not started, or stopped) it runs here and now.
 * Never called from one worker into another: that could wait for ever.
 */
int loop_call(struct loop *loop, int (*fn)(void *arg), void *arg);

/**
 * loop_call_within() - likewise, but where the loop has not come to it after @ms
 * milliseconds, @fn is not run at all. Once begun it is waited for.
 * @fn:		returns 0 or more.
 * Return: its result, or -ETIMEDOUT.
 */
int loop_call_within(struct loop *loop, int (*fn)(void *arg), void *arg, int64_t ms);

/**
 * loop_pause() - hold all of these loops between two events, so that the caller
 * may change what their threads share; loop_resume() lets them go on.
 */
void loop_pause(struct loop *const *loops, size_t n);
void loop_resume(struct loop *const *loops, size_t n);

/**
 * loop_run() - be the loop's thread, as the main thread is that of its own; returns after
 * event_base_loopbreak(). The thread keeps its name.
 * Return: 0 or -EIO.
 */
int loop_run(struct loop *loop);

/**
 * loop_ping_all() - ask every loop that has a thread for a sign of life; from any thread.
 * Waits for none of them: who has not given one is told by loop_silent().
 */
void loop_ping_all(void);

/**
 * loop_silent() - which loops were asked @for_ms or more ago, and have given no sign of life
 * since? From any thread.
 * @names:	theirs, with ", " between them, so far as they fit into @size bytes.
 * Return: how many.
 */
size_t loop_silent(int64_t for_ms, char *names, size_t size);

/** loop_stop() - end the thread and wait for it; the base stays usable. */
void loop_stop(struct loop *loop);

/** loop_free() - stop and release; NULL is allowed. Free the base's events first. */
void loop_free(struct loop *loop);

/** loop_now_ms() - CLOCK_MONOTONIC in milliseconds (coarse: a tick may pass unseen). */
int64_t loop_now_ms(void);

/** loop_worker_count() - how many workers a room gets: one per processor we may use. */
unsigned int loop_worker_count(void);

#endif
