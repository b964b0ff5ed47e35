/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The control socket: a unix stream socket on which the running process answers
 * one JSON request per line with one JSON reply per line.
 *
 * root, the user that gate64 runs as and the members of that user's group may
 * ask; others are cut off unheard. Lines, clients and idle time are bounded, and
 * a client is not read from while its last reply is still on its way.
 */
#ifndef OPS_CONTROL_H
#define OPS_CONTROL_H

#include <stdint.h>

struct control;
struct control_call;
struct event_base;
struct json_object;

enum {
	CONTROL_LINE_MAX = 4096,	/* bytes of a request, newline included */
	CONTROL_CLIENTS_MAX = 16,
	CONTROL_IDLE_MS = 10000,	/* neither read from nor written to for so long */
};

/**
 * control_answer_fn - answers one request.
 * @arg:	as given to control_open().
 * @control:	who was asked, for control_later().
 * @request:	a JSON object, borrowed.
 * Return: the reply, which control takes; NULL when out of memory, or when it comes later.
 */
typedef struct json_object *control_answer_fn(void *arg, struct control *control,
					      struct json_object *request);

/** control_cancel_fn - nobody waits for this reply any more; the call is gone. */
typedef void control_cancel_fn(void *arg);

/**
 * control_prepare() - make the socket's directory where it is missing; as root, give
 * it to @user, who will make the socket in it.
 * Return: 0 or -errno, the reason having been logged.
 */
int control_prepare(const char *path, const char *user);

/**
 * control_open() - listen; a socket that nobody listens on any more is replaced.
 * Called after privilege_drop(): who we are now may ask, besides root.
 * @base:	the main loop's, borrowed until control_close().
 * @path:	of the socket; copied.
 * @idle_ms:	see CONTROL_IDLE_MS.
 * Return: 0 with *@out, or -errno, the reason having been logged: -EADDRINUSE
 * when another gate64 answers there.
 */
int control_open(struct control **out, struct event_base *base, const char *path,
		 unsigned int idle_ms, control_answer_fn *answer, void *arg);

/**
 * control_later() - from within a control_answer_fn, which then returns NULL: the reply to
 * this request takes time. Its client is not read from until then, and so there are
 * never more than CONTROL_CLIENTS_MAX of these.
 * @cancel:	called instead of a reply where the socket closes first.
 * Return: the call, until control_reply() or @cancel; NULL when out of memory.
 */
struct control_call *control_later(struct control *control, control_cancel_fn *cancel,
				   void *arg);

/** control_reply() - @reply is taken; NULL: out of memory, the client is cut off. */
void control_reply(struct control_call *call, struct json_object *reply);

/** control_close() - cut the clients off, remove the socket; NULL is allowed. */
void control_close(struct control *control);

#endif
