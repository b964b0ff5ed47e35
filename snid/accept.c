/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Taking connections in. They are taken in batches, as a wake-up often stands for more
 * than one. Where descriptors or memory run out, the connection stays in the kernel's
 * queue and would wake us again at once and for ever: the listener pauses instead.
 */
#include "accept.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../core/log.h"
#include "../core/loop.h"
#include "../core/stats.h"
#include "inherit.h"
#include "pipe.h"
#include "service.h"
#include "tcp.h"

enum {
	BACKLOG = 65535,	/* the kernel lowers it to net.core.somaxconn */
	BATCH = 64,		/* then others get their turn */
	PAUSE_MS = 100,
	/* A SYN that was dropped comes again after a second (RFC 6298 2). */
	RETIRE_MS = 900,
};

struct listener {
	LIST_ENTRY(listener) entry;
	struct endpoint at;
	int fd;
	bool retired;
	struct event *readable;
	struct event *resume;	/* a timer, after a pause */
	struct event *end;	/* a timer, once retired */
	const struct service *service;
	const struct service *services;	/* not NULL: one of these instead */
	size_t n_services;
	accept_fn *fn;
	void *arg;
};

static int bind_and_listen(int fd, const struct endpoint *at)
{
	struct sockaddr_storage ss;
	socklen_t len = endpoint_to_sockaddr(at, &ss);
	int on = 1, only6 = !IN6_IS_ADDR_UNSPECIFIED(&at->addr), err;

	if (ss.ss_family == AF_INET6 &&
	    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only6, sizeof(only6)) < 0)
		return -errno;

	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) < 0)
		return -errno;
	err = tcp_set_listening(fd);
	if (err)
		return err;
	if (bind(fd, (const struct sockaddr *)&ss, len) < 0 || listen(fd, BACKLOG) < 0)
		return -errno;
	return 0;
}

static int new_socket(const struct endpoint *at)
{
	int fd = socket(addr_is_v4(&at->addr) ? AF_INET : AF_INET6,
			SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int err = fd < 0 ? -errno : bind_and_listen(fd, at);

	if (err && fd >= 0)
		close(fd);
	return err ? err : fd;
}

/* @fd: taken. */
static struct listener *new_listener(const struct endpoint *at, int fd)
{
	struct listener *listener = calloc(1, sizeof(*listener));

	if (!listener) {
		close(fd);
		return NULL;
	}
	listener->at = *at;
	listener->fd = fd;
	return listener;
}

int accept_open(struct listener **out, const struct endpoint *at)
{
	int fd = inherit_take(at), err;
	char text[ENDPOINT_STRLEN];

	if (fd < 0)
		fd = new_socket(at);
	*out = fd < 0 ? NULL : new_listener(at, fd);
	if (*out)
		return 0;
	err = fd < 0 ? fd : -ENOMEM;
	log_error("snid: cannot listen on %s: %s", endpoint_format(at, text), strerror(-err));
	return err;
}

static void pause_accepting(struct listener *listener, int err)
{
	static const struct timeval pause = { .tv_usec = PAUSE_MS * 1000 };
	char text[ENDPOINT_STRLEN];

	stats_inc(STAT_SNI_ACCEPT_PAUSED);
	log_limited(LOG_LEVEL_WARN, "snid: accepting on %s pauses: %s",
		    endpoint_format(&listener->at, text), strerror(err));
	event_del(listener->readable);
	event_add(listener->resume, &pause);
}

static void on_resume(evutil_socket_t fd, short what, void *arg)
{
	struct listener *listener = arg;

	(void)fd;
	(void)what;
	event_add(listener->readable, NULL);
}

/* Of accept(2)'s errors those that end a batch; the rest belong to a connection that is
 * gone already, and the next may be good. */
static bool out_of_resources(int err)
{
	return err == EMFILE || err == ENFILE || err == ENOBUFS || err == ENOMEM;
}

const struct service *accept_service(int fd, const struct service *services, size_t n)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	struct endpoint to;

	if (getsockname(fd, (struct sockaddr *)&ss, &len) < 0 ||
	    !endpoint_from_sockaddr((const struct sockaddr *)&ss, &to))
		return NULL;
	return service_reached(services, n, &to);
}

static const struct service *service_of(const struct listener *listener, int peer)
{
	return listener->services ? accept_service(peer, listener->services, listener->n_services) :
				    listener->service;
}

/* Take up to BATCH connections. Return: 0, there may be more; -EAGAIN, there are none; or
 * -errno, there may be, but not now. */
static int accept_batch(struct listener *listener)
{
	for (int i = 0; i < BATCH; i++) {
		struct sockaddr_storage ss;
		socklen_t len = sizeof(ss);
		struct endpoint client;
		int peer = accept4(listener->fd, (struct sockaddr *)&ss, &len,
				   SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (peer < 0 && (errno == EAGAIN || out_of_resources(errno)))
			return -errno;
		if (peer < 0)
			continue;
		if (!endpoint_from_sockaddr((const struct sockaddr *)&ss, &client)) {
			close(peer);
			continue;
		}
		if (listener->retired)
			tcp_set_hearing(peer);
		listener->fn(listener->arg, peer, &client, service_of(listener, peer));
	}
	return 0;
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct listener *listener = arg;
	int err = accept_batch(listener);

	(void)fd;
	(void)what;
	if (err && err != -EAGAIN)
		pause_accepting(listener, -err);
}

void accept_rest(struct listener *listener)
{
	/* Bounded: whoever comes meanwhile makes it no longer than the backlog is. */
	for (int i = 0; i < BACKLOG / BATCH; i++)
		if (accept_batch(listener))
			return;
}

static void on_end(evutil_socket_t fd, short what, void *arg)
{
	struct listener *listener = arg;

	(void)fd;
	(void)what;
	accept_rest(listener);
	accept_close(listener);
}

int accept_start(struct listener *listener, struct event_base *base, accept_fn *fn, void *arg)
{
	listener->fn = fn;
	listener->arg = arg;
	listener->resume = evtimer_new(base, on_resume, listener);
	listener->end = evtimer_new(base, on_end, listener);
	listener->readable = event_new(base, listener->fd, EV_READ | EV_PERSIST, on_readable,
				       listener);
	if (!listener->resume || !listener->end || !listener->readable ||
	    event_add(listener->readable, NULL) < 0)
		return -ENOMEM;
	return 0;
}

void accept_serve(struct listener *listener, const struct service *service)
{
	listener->service = service;
	/* RFC 7413 6.1: what a SYN brings may come twice. A hello may, a request perhaps not. */
	tcp_set_fast_open(listener->fd, !service_takes_http(service));
}

void accept_retire(struct listener *listener, struct listener_list *retired)
{
	static const struct timeval after = { .tv_usec = RETIRE_MS * 1000 };

	LIST_INSERT_HEAD(retired, listener, entry);
	listener->retired = true;
	tcp_set_deaf(listener->fd);
	event_add(listener->end, &after);
}

struct listener *accept_next(const struct listener *listener)
{
	return LIST_NEXT(listener, entry);
}

void accept_redirect(struct listener *listener, const struct service *services, size_t n)
{
	listener->services = services;
	listener->n_services = n;
}

void accept_surplus(const struct listener *listener, struct listener_list *retired)
{
	struct event_base *base = event_get_base(listener->readable);
	int fd;

	while ((fd = inherit_take(&listener->at)) >= 0) {
		struct listener *surplus = new_listener(&listener->at, fd);

		if (!surplus)
			continue;
		surplus->service = listener->service;
		if (accept_start(surplus, base, listener->fn, listener->arg) < 0)
			accept_close(surplus);
		else
			accept_retire(surplus, retired);
	}
}

int accept_fd(const struct listener *listener)
{
	return listener->fd;
}

const struct endpoint *accept_endpoint(const struct listener *listener)
{
	return &listener->at;
}

void accept_close(struct listener *listener)
{
	if (listener->retired) {
		LIST_REMOVE(listener, entry);
		/* The service manager may have it too. */
		shutdown(listener->fd, SHUT_RDWR);
	}
	if (listener->readable)
		event_free(listener->readable);
	if (listener->resume)
		event_free(listener->resume);
	if (listener->end)
		event_free(listener->end);
	close(listener->fd);
	free(listener);
}

void accept_reserve(uint32_t connections)
{
	/* Of a worker: sockets of the resolvers of two rooms, dns64's TCP clients, the rest;
	 * pipes */
	enum { OTHERS = 1800 + 2 * PIPES_MAX };
	rlim_t wanted = 2 * (rlim_t)connections + OTHERS * (rlim_t)loop_worker_count();
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= wanted)
		return;
	limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
	if (setrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur < wanted)
		log_warn("snid: %u connections take %llu descriptors, the limit is %llu",
			 connections, (unsigned long long)wanted,
			 (unsigned long long)limit.rlim_cur);
}
