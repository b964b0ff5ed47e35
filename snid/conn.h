/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Within the room: a connection, and what may happen to it at any point of its life. snid.c is
 * that life. In the thread of its worker, or while that is held or stopped.
 */
#ifndef SNID_CONN_H
#define SNID_CONN_H

#include <stddef.h>

#include "../core/addr.h"
#include "account.h"
#include "deadline.h"
#include "opening.h"
#include "refusal.h"
#include "relay.h"
#include "watch.h"
#include "worker.h"

struct service;
struct snid_connection;

struct conn {
	struct deadline deadline;
	struct turn turn;
	struct worker *worker;
	enum stage stage;
	uint32_t seat;			/* of the worker's */
	struct endpoint client;
	uint16_t port;			/* of the listener, host byte order */
	struct account account;
	const struct service *service;	/* the listener's; not used once joined or refused */
	struct relay relay;		/* both sockets, in every stage */
	watch_id watches[2];		/* one for each socket */
	struct opening *opening;	/* NULL once joined or refused */
	size_t drained;			/* bytes, in STAGE_REFUSED */
};

/** conn_of() - the connection that waits. */
static inline struct conn *conn_of(struct deadline *deadline)
{
	return (struct conn *)(void *)((char *)deadline - offsetof(struct conn, deadline));
}

/** conn_close_fin() - close a socket as usual; tcp_close_reset() is the other way. */
void conn_close_fin(int fd);

/** conn_ready() - epoll has told of a socket. @what: EPOLLIN and so on. */
void conn_ready(struct relay_side *side, uint32_t what);

/** conn_turn_away() - refuse a client who never has a connection; @fd is closed. */
void conn_turn_away(struct worker *worker, int fd, const struct endpoint *client,
		    const struct service *service, enum refusal refusal);

/** conn_free() - the last thing that happens to a connection; it has left its opening. */
void conn_free(struct conn *conn, void (*close_fd)(int fd));

/** conn_leave_opening() - it is joined or refused. */
void conn_leave_opening(struct conn *conn);

/** conn_enter() - wait in @stage from now on. */
void conn_enter(struct conn *conn, enum stage stage);

/**
 * conn_refuse() - count it, log it, tell the client in its own language. The connection may be
 * gone afterwards.
 * @why:	more about it, or NULL.
 */
void conn_refuse(struct conn *conn, enum refusal refusal, const char *why);

/** conn_drain_refused() - swallow what a refused client still sends; it may be gone then. */
void conn_drain_refused(struct conn *conn);

/** conn_describe() - for who looks at it. @arg: the connection. */
void conn_describe(const void *arg, struct snid_connection *out);

#endif
