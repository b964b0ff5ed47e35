/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What travels through here: requests, to what they ask for. What is there is given at once;
 * else they wait in a queue, for the main thread to make a document or for all threads to give
 * a sign of life, and for WEB_PATIENCE_MS at most: this thread waits for nobody.
 */
#include "web.h"

#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <inttypes.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../core/config.h"
#include "../core/log.h"
#include "../core/loop.h"
#include "../core/stats.h"
#include "shared_text.h"
#include "exchange.h"
#include "gateway.h"
#include "web_server.h"
#include "web_sources.h"

enum {
	LOOK_MS = 10,		/* between two looks at who has given a sign of life */
	OK = 200,
	NOT_FOUND = 404,
	MISDIRECTED = 421,
	UNAVAILABLE = 503,
	NAMES_MAX = 256,
	TAG_MAX = 24,
};

struct web {
	struct loop *loop;
	struct web_server *server;
	struct exchange *exchange;
	struct event *made;		/* documents are there */
	struct event *look;		/* while anybody waits */
	struct endpoint at;		/* the main thread's */
	struct web_queue wants[WEB_SOURCES_MAX];	/* who waits for that document */
	struct web_queue health;	/* ... for signs of life */
	int64_t pinged_ms;		/* when all were asked for these last, or 0 */
	int64_t well_ms;		/* ... had given one, or 0 */
	char tags[WEB_PAGES_MAX][TAG_MAX];
};

static struct gateway *served;

void web_serve(struct gateway *gateway)
{
	served = gateway;
}

/* ---- documents ------------------------------------------------------------------------ */

static void give(struct web_call *call, const struct web_source *source,
		 struct shared_text *document)
{
	struct web_answer answer = {
		.status = document->status, .type = source->type, .data = document->data,
		.len = document->len, .owner = document,
	};

	web_server_answer(call, &answer);
}

static bool is_fresh(const struct shared_text *document)
{
	return document && loop_now_ms() - document->made_ms < WEB_FRESH_MS;
}

/* Look again soon, for those who wait. */
static void keep_looking(struct web *web)
{
	struct timeval soon = { .tv_usec = LOOK_MS * 1000L };

	if (!evtimer_pending(web->look, NULL))
		evtimer_add(web->look, &soon);
}

static void ask_for(struct web *web, struct web_call *call, size_t i)
{
	struct shared_text *latest = exchange_take(web->exchange, i);

	if (is_fresh(latest)) {
		give(call, &web_sources[i], latest);
	} else {
		/* Who waits already has asked. */
		if (TAILQ_EMPTY(&web->wants[i]))
			exchange_ask(web->exchange, i);
		web_call_wait(call, &web->wants[i]);
		keep_looking(web);
	}
	shared_text_put(latest);
}

/* Who asked for one that could not be made, and all that joined him */
static void tell_failed(struct web_queue *queue)
{
	struct web_call *call;

	while ((call = TAILQ_FIRST(queue)) != NULL) {
		stats_inc(STAT_HTTP_REFUSED_UNANSWERED);
		web_server_say(call, UNAVAILABLE, "out of memory");
	}
}

static void on_made(evutil_socket_t fd, short what, void *arg)
{
	struct web *web = arg;

	(void)fd;
	(void)what;
	exchange_fd_read(web->exchange);
	for (size_t i = 0; i < web_n_sources; i++) {
		struct web_call *call = TAILQ_FIRST(&web->wants[i]);
		struct shared_text *latest = call ? exchange_take(web->exchange, i) : NULL;

		if (latest && latest->made_ms >= call->since_ms)
			for (; call; call = TAILQ_FIRST(&web->wants[i]))
				give(call, &web_sources[i], latest);
		else if (exchange_failed(web->exchange, i))
			tell_failed(&web->wants[i]);
		/* It was another document's turn; or this one's, for somebody who has gone since. */
		else if (call)
			exchange_ask(web->exchange, i);
		shared_text_put(latest);
	}
}

/* ---- signs of life --------------------------------------------------------------------- */

static void tell_health(struct web *web, struct web_call *call, int64_t now_ms)
{
	char names[NAMES_MAX];
	int64_t waited_ms = now_ms - call->since_ms;

	if (loop_silent(waited_ms, names, sizeof(names)) == 0) {
		web->well_ms = now_ms;
		web_server_say(call, OK, "ok");
	} else if (waited_ms >= WEB_PATIENCE_MS) {
		stats_inc(STAT_HTTP_REFUSED_UNANSWERED);
		web_server_say(call, UNAVAILABLE, "no sign of life for %d s: %s",
			       WEB_PATIENCE_MS / 1000, names);
	}
}

/* All threads are woken for it: not more often than documents are made, whoever asks. */
static void ask_health(struct web *web, struct web_call *call)
{
	int64_t now_ms = loop_now_ms();

	if (web->well_ms && now_ms - web->well_ms < WEB_FRESH_MS) {
		web_server_say(call, OK, "ok");
		return;
	}
	if (!web->pinged_ms || now_ms - web->pinged_ms >= WEB_FRESH_MS) {
		web->pinged_ms = now_ms;
		loop_ping_all();
		/* He waits from then on: who owes a sign has been asked for so long. */
		call->since_ms = loop_now_ms();
	}
	web_call_wait(call, &web->health);
	keep_looking(web);
}

/* The main thread is late with a document. */
static void give_up(struct web_queue *queue, int64_t now_ms)
{
	struct web_call *call;

	while ((call = TAILQ_FIRST(queue)) != NULL &&
	       now_ms - call->since_ms >= WEB_PATIENCE_MS) {
		stats_inc(STAT_HTTP_REFUSED_UNANSWERED);
		web_server_say(call, UNAVAILABLE, "the main thread does not answer");
	}
}

static void on_look(evutil_socket_t fd, short what, void *arg)
{
	struct web_call *call, *next;
	struct web *web = arg;
	int64_t now_ms = loop_now_ms();
	bool any;

	(void)fd;
	(void)what;
	for (call = TAILQ_FIRST(&web->health); call; call = next) {
		next = TAILQ_NEXT(call, waiting);
		tell_health(web, call, now_ms);
	}
	any = !TAILQ_EMPTY(&web->health);
	for (size_t i = 0; i < web_n_sources; i++) {
		give_up(&web->wants[i], now_ms);
		any = any || !TAILQ_EMPTY(&web->wants[i]);
	}
	if (any)
		keep_looking(web);
}

/* ---- requests --------------------------------------------------------------------------- */

/* Is it what this host is called, in full or for short? */
static bool is_own_name(const char *host)
{
	char name[HOST_NAME_MAX + 1] = "";

	if (gethostname(name, sizeof(name) - 1) < 0 || !name[0])
		return false;
	if (strcasecmp(host, name) == 0)
		return true;
	name[strcspn(name, ".")] = '\0';
	return strcasecmp(host, name) == 0;
}

/*
 * A page of a stranger's, in a browser that can connect here, could read all of it, once its own
 * name leads to this address: but then the browser says that name. So names count that no
 * stranger has.
 */
static bool is_meant(const char *host)
{
	static const char below[] = ".localhost";
	size_t len = strlen(host);
	struct in6_addr addr;

	return !len || addr_parse(host, &addr) || strcasecmp(host, "localhost") == 0 ||
	       (len > strlen(below) && strcasecmp(host + len - strlen(below), below) == 0) ||
	       is_own_name(host);
}

static void give_page(struct web *web, struct web_call *call, size_t i)
{
	const struct web_page *page = &web_pages[i];
	struct web_answer answer = {
		.status = OK, .type = page->type, .data = page->data, .len = page->len,
		.tag = web->tags[i], .policy = page->policy,
	};

	stats_inc(STAT_HTTP_PAGE);
	web_server_answer(call, &answer);
}

static void not_found(struct web_call *call)
{
	char text[384] = "/healthz";

	stats_inc(STAT_HTTP_OTHER);
	for (size_t i = 0; i < web_n_sources; i++)
		if (!web_sources[i].openmetrics)
			snprintf(text + strlen(text), sizeof(text) - strlen(text), " %s",
				 web_sources[i].path);
	for (size_t i = 0; i < web_n_pages; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), " %s",
			 web_pages[i].path);
	web_server_say(call, NOT_FOUND, "not here; there are: %s", text);
}

static void answer(void *arg, struct web_call *call)
{
	const struct web_request *request = &call->request;
	struct web *web = arg;

	if (!is_meant(request->host)) {
		stats_inc(STAT_HTTP_REFUSED_HOST);
		web_server_say(call, MISDIRECTED, "%s is not a name of this listener: say its address, "
			       "localhost or the name of its host (hostname)", request->host);
		return;
	}
	if (strcmp(request->path, "/healthz") == 0) {
		stats_inc(STAT_HTTP_HEALTHZ);
		ask_health(web, call);
		return;
	}
	for (size_t i = 0; i < web_n_sources; i++) {
		if (strcmp(request->path, web_sources[i].path) != 0 ||
		    (web_sources[i].openmetrics && !request->openmetrics))
			continue;
		stats_inc(web_sources[i].counter);
		ask_for(web, call, i);
		return;
	}
	for (size_t i = 0; i < web_n_pages; i++) {
		if (strcmp(request->path, web_pages[i].path) != 0)
			continue;
		give_page(web, call, i);
		return;
	}
	not_found(call);
}

/* ---- the listener ------------------------------------------------------------------------ */

/* Of [::] both families come; an IPv6 address has no other. */
static int set_options(int fd, const struct endpoint *at, int family)
{
	int on = 1, only6 = !IN6_IS_ADDR_UNSPECIFIED(&at->addr);

	if (family == AF_INET6 &&
	    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only6, sizeof(only6)) < 0)
		return -1;
	return setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
}

/* An address that is not there yet, as that of a tunnel, answers as soon as it is. */
static int bind_early(int fd, int family, const struct sockaddr *addr, socklen_t addr_len)
{
	int on = 1;

	if (bind(fd, addr, addr_len) == 0)
		return 0;
	if (errno != EADDRNOTAVAIL ||
	    (family == AF_INET ? setsockopt(fd, IPPROTO_IP, IP_FREEBIND, &on, sizeof(on)) :
				 setsockopt(fd, IPPROTO_IPV6, IPV6_FREEBIND, &on, sizeof(on))) < 0 ||
	    bind(fd, addr, addr_len) < 0)
		return -1;
	log_warn("ops.metrics: its address is not one of this host's yet");
	return 0;
}

/* Return: a socket that listens, or -errno. */
static int open_socket(const struct endpoint *at)
{
	struct sockaddr_storage addr;
	socklen_t addr_len = endpoint_to_sockaddr(at, &addr);
	int fd, err;

	fd = socket(addr.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd >= 0 && set_options(fd, at, addr.ss_family) == 0 &&
	    bind_early(fd, addr.ss_family, (struct sockaddr *)&addr, addr_len) == 0 && listen(fd, WEB_BACKLOG) == 0)
		return fd;
	err = errno;
	if (fd >= 0)
		close(fd);
	return -err;
}

struct move {
	struct web *web;
	int fd;			/* -1: listen nowhere */
};

/* In the web thread */
static int move_here(void *arg)
{
	const struct move *move = arg;

	return web_server_listen(move->web->server, move->fd);
}

/* Return: 0, or -errno, and it listens where it did. */
static int listen_at(struct web *web, const struct endpoint *at)
{
	struct move move = { .web = web };
	int err;

	move.fd = open_socket(at);
	if (move.fd < 0)
		return move.fd;
	err = loop_call(web->loop, move_here, &move);
	if (err)
		close(move.fd);
	else
		web->at = *at;
	return err;
}

/* From 127.0.0.1 to 0.0.0.0 and the like: the old one is in the new one's way. */
static int listen_instead(struct web *web, const struct endpoint *at)
{
	struct move nowhere = { .web = web, .fd = -1 };
	struct endpoint before = web->at;
	int err;

	loop_call(web->loop, move_here, &nowhere);
	err = listen_at(web, at);
	if (err && listen_at(web, &before) < 0)
		log_error("ops.metrics: the listener of before could not be had back");
	return err;
}

static bool is_loopback(const struct in6_addr *addr)
{
	return IN6_IS_ADDR_LOOPBACK(addr) || (addr_is_v4(addr) && addr->s6_addr[12] == 127);
}

int web_reconfigure(struct web *web, const struct config *config, const struct addrmap *map)
{
	const struct endpoint *at = &config->ops.metrics;
	char text[ENDPOINT_STRLEN];
	int err;

	(void)map;
	if (endpoint_equal(&web->at, at))
		return 0;
	err = listen_at(web, at);
	if (err == -EADDRINUSE && web->at.port == at->port)
		err = listen_instead(web, at);
	endpoint_format(at, text);
	if (err)
		log_error("ops.metrics: cannot listen on %s: %s", text, strerror(-err));
	else if (!is_loopback(&at->addr))
		log_info("metrics and status at http://%s/, for whoever can connect to it", text);
	else
		log_info("metrics and status at http://%s/", text);
	return err;
}

/* ---- from birth to death ------------------------------------------------------------------ */

static struct shared_text *make(void *arg, size_t i)
{
	return web_sources[i].make(arg);
}

/* A page's name for its content (RFC 9110 8.8.3): FNV-1a, 64 bits */
static void name_page(const struct web_page *page, char *tag)
{
	const unsigned char *data = page->data;
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < page->len; i++)
		hash = (hash ^ data[i]) * UINT64_C(0x100000001b3);
	snprintf(tag, TAG_MAX, "\"%016" PRIx64 "\"", hash);
}

static int make_events(struct web *web)
{
	struct event_base *base = loop_base(web->loop);

	web->made = event_new(base, exchange_fd(web->exchange), EV_READ | EV_PERSIST, on_made, web);
	web->look = evtimer_new(base, on_look, web);
	return web->made && web->look && event_add(web->made, NULL) == 0 ? 0 : -ENOMEM;
}

int web_new(struct web **out, const struct config *config, const struct addrmap *map)
{
	struct web *web = calloc(1, sizeof(*web));
	int err = -ENOMEM;

	if (!web)
		return err;
	TAILQ_INIT(&web->health);
	for (size_t i = 0; i < web_n_sources; i++)
		TAILQ_INIT(&web->wants[i]);
	for (size_t i = 0; i < web_n_pages; i++)
		name_page(&web_pages[i], web->tags[i]);
	web->loop = loop_new("http");
	web->exchange = exchange_new(gateway_base(served), web_n_sources, make, served);
	if (!web->loop || !web->exchange)
		goto fail;
	web->server = web_server_new(loop_base(web->loop), answer, web);
	if (!web->server)
		goto fail;
	err = make_events(web);
	if (!err)
		err = web_reconfigure(web, config, map);
	if (err)
		goto fail;
	*out = web;
	return 0;
fail:
	web_free(web);
	return err;
}

int web_start(struct web *web, int (*enter)(void))
{
	return loop_start(web->loop, enter);
}

void web_free(struct web *web)
{
	if (!web)
		return;
	if (web->loop)
		loop_stop(web->loop);
	web_server_free(web->server);
	if (web->made)
		event_free(web->made);
	if (web->look)
		event_free(web->look);
	exchange_free(web->exchange);
	loop_free(web->loop);
	free(web);
}
