/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Listeners: one socket a worker for each address (SO_REUSEPORT), so that the kernel
 * spreads connections over the workers.
 */
#ifndef SNID_ACCEPT_H
#define SNID_ACCEPT_H

#include <stdint.h>
#include <sys/queue.h>

#include "../core/addr.h"

struct event_base;
struct listener;
struct service;

LIST_HEAD(listener_list, listener);

/**
 * Called for each connection, in the loop's thread.
 * @fd:		non-blocking, now the callee's.
 * @client:	who connects; from IPv4 in mapped form, whatever the socket's family.
 * @service:	see accept_serve(); NULL: none takes it any more, see accept_redirect().
 */
typedef void accept_fn(void *arg, int fd, const struct endpoint *client,
		       const struct service *service);

/**
 * accept_open() - bind and listen, or go on with what inherit.h has of that address;
 * connections queue up until accept_start().
 * @at:		`::' takes connections of both families.
 * Return: 0 with *@out, owned by the caller, or -errno, the reason having been logged.
 */
int accept_open(struct listener **out, const struct endpoint *at);

/**
 * accept_start() - take connections in @base's thread from now on.
 * Called in that thread, or while it is held or not running. Return: 0 or -errno.
 */
int accept_start(struct listener *listener, struct event_base *base, accept_fn *fn, void *arg);

/** accept_serve() - what its connections are for; borrowed. Thread: see accept_start(). */
void accept_serve(struct listener *listener, const struct service *service);

/**
 * accept_rest() - take what has come up to now and still waits for accept_start()'s @fn.
 * Nothing is to be lost when the listener is closed then. Thread: see accept_start().
 */
void accept_rest(struct listener *listener);

/**
 * accept_retire() - others take its place. It takes no new handshakes: their SYNs come again
 * a second later, when it has closed itself, shut for whoever else has its socket. Until then
 * those that had begun are let end, and served.
 * @retired:	the list it is in until it closes.
 */
void accept_retire(struct listener *listener, struct listener_list *retired);

/** accept_next() - the next one in the list of a retired one; NULL: it is the last. */
struct listener *accept_next(const struct listener *listener);

/** accept_redirect() - what comes to a retired one is for these, as service_reached() has it. */
void accept_redirect(struct listener *listener, const struct service *services, size_t n);

/**
 * accept_surplus() - what inherit.h has of a listener's address beyond a socket a worker is
 * started as it was, and retired.
 */
void accept_surplus(const struct listener *listener, struct listener_list *retired);

/** accept_service() - which of @n is the accepted connection @fd for, by where it came to? */
const struct service *accept_service(int fd, const struct service *services, size_t n);

/** accept_fd() - its socket, borrowed. */
int accept_fd(const struct listener *listener);

/** accept_endpoint() - where it listens, borrowed. */
const struct endpoint *accept_endpoint(const struct listener *listener);

/** accept_close() - stop listening, release; leaves its list. Thread: see accept_start(). */
void accept_close(struct listener *listener);

/**
 * accept_reserve() - raise the limit on descriptors to what so many connections take, two
 * each, and what the process has besides; where that is not allowed, say so. Better at the
 * start than found out under load.
 */
void accept_reserve(uint32_t connections);

#endif
