/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The sockets of a worker's connections, watched by edges in an epoll instance of their own,
 * which the worker's loop watches as one event. Beside an event of libevent for each that
 * saves a system call a socket (closing it is enough), a hundred bytes, and it tells an end or
 * an error of a socket apart from bytes. One thread.
 */
#ifndef SNID_WATCH_H
#define SNID_WATCH_H

#include <stddef.h>
#include <stdint.h>

struct event_base;
struct watcher;

/**
 * Something has happened at a socket.
 * @what:	EPOLLIN, EPOLLOUT, EPOLLRDHUP, EPOLLERR, EPOLLHUP: all that is so now, told again
 *		only when something else happens.
 */
typedef void watch_fn(void *arg, uint32_t what);

/* Stands for a watched socket; 0 for none */
typedef uint64_t watch_id;

/** watcher_new() - Return: owned by the caller, or NULL when out of memory or descriptors. */
struct watcher *watcher_new(struct event_base *base);

/**
 * watch_add() - tell of @fd from now on, until it is forgotten.
 * Return: what stands for it, or 0 when out of memory; the socket is the caller's.
 */
watch_id watch_add(struct watcher *watcher, int fd, watch_fn *fn, void *arg);

/** watch_move() - tell somebody else from now on. */
void watch_move(struct watcher *watcher, watch_id id, watch_fn *fn, void *arg);

/** watch_forget() - tell no more, not even what has happened; the socket is closed next. */
void watch_forget(struct watcher *watcher, watch_id id);

/** watcher_free() - NULL is allowed. */
void watcher_free(struct watcher *watcher);

#endif
