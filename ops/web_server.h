/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A small HTTP/1.1 server (RFC 9110, 9112): one request a connection, GET and HEAD, no content
 * taken. Nobody can keep others out: a request has to be there within WEB_READ_MS, whatever
 * trickles in, and where there are WEB_CALLS_MAX connections the oldest gives way to the next.
 * All of it in the thread of its base.
 */
#ifndef OPS_WEB_SERVER_H
#define OPS_WEB_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "web_head.h"

struct shared_text;
struct event_base;
struct web_call;
struct web_server;

enum {
	WEB_CALLS_MAX = 128,
	WEB_BACKLOG = WEB_CALLS_MAX / 2,	/* so that who comes has a turn before it gives way */
	WEB_HEAD_MAX = 8192,		/* bytes of a request */
	WEB_READ_MS = 5000,		/* until it is there */
	WEB_WRITE_MS = 20000,		/* until its answer has been taken */
};

TAILQ_HEAD(web_queue, web_call);

struct web_answer {
	unsigned int status;		/* RFC 9110 15 */
	const char *type;		/* Content-Type, static */
	const void *data;
	size_t len;
	struct shared_text *owner;		/* of @data; a reference is taken. NULL: it is static */
	const char *tag;		/* ETag, quotes included, static; NULL: not to be kept */
	const char *policy;		/* Content-Security-Policy, static; NULL: nothing is allowed */
};

/* A request, from its last byte on until it is answered or its client has gone */
struct web_call {
	TAILQ_ENTRY(web_call) waiting;
	struct web_queue *queue;	/* in which it waits for its answer; NULL: none. Who goes
					 * is taken out of it. */
	int64_t since_ms;		/* loop_now_ms() */
	struct web_request request;
};

/** web_answer_fn - answer @call, now or later: web_server_answer() or _say(), once. */
typedef void web_answer_fn(void *arg, struct web_call *call);

/** web_server_new() - it does not listen yet; @base is borrowed. NULL: out of memory. */
struct web_server *web_server_new(struct event_base *base, web_answer_fn *answer, void *arg);

/**
 * web_server_listen() - take connections from @fd, which listens, and no more from before;
 * -1: from nowhere. Connections that are there go on.
 * @fd:	taken, unless that fails.
 * Return: 0 or -ENOMEM, nothing having changed.
 */
int web_server_listen(struct web_server *server, int fd);

/** web_call_wait() - it is answered later. */
void web_call_wait(struct web_call *call, struct web_queue *queue);

/** web_server_answer() - after it, @call is gone. */
void web_server_answer(struct web_call *call, const struct web_answer *answer);

/** web_server_say() - a status and a line in words, a newline being added; likewise. */
void web_server_say(struct web_call *call, unsigned int status, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/** web_server_free() - cut all off; NULL is allowed. */
void web_server_free(struct web_server *server);

#endif
