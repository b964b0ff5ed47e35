/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What travels through here: connections, in the order of their life: accepted, read from
 * until the head is complete, answered (now or later), written to, and read from once more
 * until the client has closed, since a reset could take our last words away from it
 * (RFC 9112 9.6).
 */
#include "web_server.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>

#include "../core/log.h"
#include "../core/loop.h"
#include "../core/stats.h"
#include "shared_text.h"

enum {
	LINGER_MS = 1000,
	LINGER_MAX = 65536,	/* bytes thrown away meanwhile */
	ACCEPT_REST_MS = 100,	/* while there are no descriptors */
	SAID_MAX = 512,
	REQUEST_TIMEOUT = 408,
	URI_TOO_LONG = 414,
	FIELDS_TOO_LARGE = 431,
};

#define NOTHING_ALLOWED "default-src 'none'; frame-ancestors 'none'"

struct client {
	struct web_call call;
	struct web_server *server;
	struct bufferevent *stream;
	struct event *deadline;
	TAILQ_ENTRY(client) by_age;
	enum { STAGE_READ, STAGE_ANSWER, STAGE_WRITE, STAGE_LINGER } stage;
	size_t thrown_away;
};

struct web_server {
	struct event_base *base;
	struct evconnlistener *listener;	/* NULL: it does not listen */
	struct event *rest;			/* until it listens again */
	web_answer_fn *answer;
	void *arg;
	TAILQ_HEAD(client_queue, client) clients;	/* the oldest first */
	unsigned int n_clients;
};

static const struct {
	unsigned int status;
	const char *reason;
} reasons[] = {
	{ 200, "OK" },
	{ 304, "Not Modified" },
	{ 400, "Bad Request" },
	{ 404, "Not Found" },
	{ 405, "Method Not Allowed" },
	{ 408, "Request Timeout" },
	{ 413, "Content Too Large" },
	{ 414, "URI Too Long" },
	{ 421, "Misdirected Request" },
	{ 431, "Request Header Fields Too Large" },
	{ 501, "Not Implemented" },
	{ 503, "Service Unavailable" },
	{ 505, "HTTP Version Not Supported" },
};

static void client_close(struct client *client)
{
	struct web_server *server = client->server;

	if (client->call.queue)
		TAILQ_REMOVE(client->call.queue, &client->call, waiting);
	TAILQ_REMOVE(&server->clients, client, by_age);
	server->n_clients--;
	event_free(client->deadline);
	bufferevent_free(client->stream);
	free(client);
}

static void set_deadline(struct client *client, unsigned int ms)
{
	struct timeval after = { .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000L };

	evtimer_add(client->deadline, &after);
}

/* ---- answers ----------------------------------------------------------------------- */

static const char *reason_of(unsigned int status)
{
	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		if (reasons[i].status == status)
			return reasons[i].reason;
	return "";
}

/* RFC 9110 5.6.7 */
static const char *format_date(char *text, size_t size)
{
	time_t now = time(NULL);
	struct tm tm;

	if (!gmtime_r(&now, &tm) || !strftime(text, size, "%a, %d %b %Y %H:%M:%S GMT", &tm))
		text[0] = '\0';
	return text;
}

/* RFC 9110 15.4.5: the fields that a 200 would have had, but for those of the content. */
static int add_head(struct evbuffer *out, const struct web_answer *answer)
{
	char date[64];

	evbuffer_add_printf(out, "HTTP/1.1 %u %s\r\nDate: %s\r\nConnection: close\r\n",
			    answer->status, reason_of(answer->status),
			    format_date(date, sizeof(date)));
	if (answer->status != 304)
		evbuffer_add_printf(out, "Content-Type: %s\r\nContent-Length: %zu\r\n",
				    answer->type, answer->len);
	if (answer->status == 405)
		evbuffer_add_printf(out, "Allow: GET, HEAD\r\n");
	if (answer->tag)
		evbuffer_add_printf(out, "ETag: %s\r\nCache-Control: no-cache\r\n", answer->tag);
	else
		evbuffer_add_printf(out, "Cache-Control: no-store\r\n");
	return evbuffer_add_printf(out, "X-Content-Type-Options: nosniff\r\n"
				   "Referrer-Policy: no-referrer\r\n"
				   "Content-Security-Policy: %s\r\n\r\n",
				   answer->policy ? answer->policy : NOTHING_ALLOWED);
}

static void put_text(const void *data, size_t len, void *document)
{
	(void)data;
	(void)len;
	shared_text_put(document);
}

static int add_content(struct evbuffer *out, const struct web_answer *answer)
{
	int err;

	if (!answer->owner)
		return evbuffer_add_reference(out, answer->data, answer->len, NULL, NULL);
	err = evbuffer_add_reference(out, answer->data, answer->len, put_text,
				     shared_text_hold(answer->owner));
	if (err)
		shared_text_put(answer->owner);
	return err;
}

/* @out, in which the answer stands, goes to the client. */
static void send_answer(struct client *client, struct evbuffer *out)
{
	if (client->call.queue)
		TAILQ_REMOVE(client->call.queue, &client->call, waiting);
	client->call.queue = NULL;
	client->stage = STAGE_WRITE;
	set_deadline(client, WEB_WRITE_MS);
	if (bufferevent_write_buffer(client->stream, out) < 0)
		client_close(client);
}

void web_server_answer(struct web_call *call, const struct web_answer *answer)
{
	struct client *client = (struct client *)call;
	struct evbuffer *out = evbuffer_new();
	struct web_answer given = *answer;

	/* RFC 9110 13.1.2 */
	if (given.status == 200 && given.tag &&
	    web_head_knows(call->request.none_match, given.tag))
		given.status = 304;
	if (!out || add_head(out, &given) < 0 ||
	    (given.status != 304 && given.len && !call->request.is_head &&
	     add_content(out, &given) < 0))
		client_close(client);
	else
		send_answer(client, out);
	if (out)
		evbuffer_free(out);
}

static void say(struct web_call *call, unsigned int status, const char *line)
{
	char text[SAID_MAX];
	int len = snprintf(text, sizeof(text), "%s\n", line);
	struct shared_text *document = shared_text_new(status, text, (size_t)len);
	struct web_answer answer = {
		.status = status, .type = "text/plain; charset=utf-8", .owner = document,
	};

	if (!document) {
		client_close((struct client *)call);
		return;
	}
	answer.data = document->data;
	answer.len = document->len;
	web_server_answer(call, &answer);
	shared_text_put(document);
}

void web_server_say(struct web_call *call, unsigned int status, const char *fmt, ...)
{
	char line[SAID_MAX - 1];
	va_list args;

	va_start(args, fmt);
	vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	say(call, status, line);
}

void web_call_wait(struct web_call *call, struct web_queue *queue)
{
	call->queue = queue;
	TAILQ_INSERT_TAIL(queue, call, waiting);
}

/* ---- requests ------------------------------------------------------------------------ */

static void count_refused(unsigned int status)
{
	switch (status) {
	case 405:
	case 501:
		stats_inc(STAT_HTTP_REFUSED_METHOD);
		break;
	case 413:
		stats_inc(STAT_HTTP_REFUSED_CONTENT);
		break;
	case URI_TOO_LONG:
	case FIELDS_TOO_LARGE:
		stats_inc(STAT_HTTP_REFUSED_TOO_BIG);
		break;
	default:
		stats_inc(STAT_HTTP_REFUSED_MALFORMED);
	}
}

static void refuse(struct client *client, unsigned int status, const char *why)
{
	client->stage = STAGE_ANSWER;
	bufferevent_disable(client->stream, EV_READ);
	count_refused(status);
	say(&client->call, status, why);
}

/* The head is complete: so long it is, the empty line included. */
static void take_request(struct client *client, struct evbuffer *in, size_t len)
{
	struct web_call *call = &client->call;
	const char *head = (const char *)evbuffer_pullup(in, (ev_ssize_t)len), *why = "";
	unsigned int status;

	if (!head) {
		client_close(client);
		return;
	}
	status = web_head_read(head, len, &call->request, &why);
	if (status) {
		refuse(client, status, why);
		return;
	}
	/* Not even its end is looked for: who closes his side may still want the answer. */
	bufferevent_disable(client->stream, EV_READ);
	client->stage = STAGE_ANSWER;
	event_del(client->deadline);
	call->since_ms = loop_now_ms();
	client->server->answer(client->server->arg, call);
}

/* RFC 9112 2.2: an empty line before a request is passed over. */
static void skip_empty_line(struct evbuffer *in)
{
	const unsigned char *start = evbuffer_pullup(in, 2);

	if (start && memcmp(start, "\r\n", 2) == 0)
		evbuffer_drain(in, 2);
}

static void read_request(struct client *client, struct evbuffer *in)
{
	struct evbuffer_ptr end;

	skip_empty_line(in);
	end = evbuffer_search(in, "\r\n\r\n", 4, NULL);
	if (end.pos >= 0)
		take_request(client, in, (size_t)end.pos + 4);
	else if (evbuffer_get_length(in) < WEB_HEAD_MAX)
		return;
	else if (evbuffer_search(in, "\r\n", 2, NULL).pos < 0)
		refuse(client, URI_TOO_LONG, "the request line is too long");
	else
		refuse(client, FIELDS_TOO_LARGE, "the request's head is too long");
}

static void on_readable(struct bufferevent *stream, void *arg)
{
	struct evbuffer *in = bufferevent_get_input(stream);
	struct client *client = arg;
	size_t len = evbuffer_get_length(in);

	if (client->stage == STAGE_READ) {
		read_request(client, in);
		return;
	}
	evbuffer_drain(in, len);
	client->thrown_away += len;
	if (client->thrown_away > LINGER_MAX)
		client_close(client);
}

/* All has been written: close our side, and wait for theirs. */
static void on_written(struct bufferevent *stream, void *arg)
{
	struct evbuffer *in = bufferevent_get_input(stream);
	struct client *client = arg;

	if (client->stage != STAGE_WRITE)
		return;
	client->stage = STAGE_LINGER;
	evbuffer_drain(in, evbuffer_get_length(in));
	set_deadline(client, LINGER_MS);
	if (shutdown(bufferevent_getfd(stream), SHUT_WR) < 0 ||
	    bufferevent_enable(stream, EV_READ) < 0)
		client_close(client);
}

/* The client has closed, or is gone. */
static void on_end(struct bufferevent *stream, short what, void *arg)
{
	(void)stream;
	(void)what;
	client_close(arg);
}

static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
	struct client *client = arg;
	bool begun = evbuffer_get_length(bufferevent_get_input(client->stream)) > 0;

	(void)fd;
	(void)what;
	if (client->stage != STAGE_LINGER)
		stats_inc(client->stage == STAGE_READ ? STAT_HTTP_REFUSED_TIMEOUT :
							STAT_HTTP_REFUSED_SEND_TIMEOUT);
	if (client->stage != STAGE_READ || !begun) {
		client_close(client);
		return;
	}
	client->stage = STAGE_ANSWER;
	bufferevent_disable(client->stream, EV_READ);
	say(&client->call, REQUEST_TIMEOUT, "the request took too long to come");
}

/* ---- connections ----------------------------------------------------------------------- */

static struct client *client_new(struct web_server *server, int fd)
{
	struct client *client = calloc(1, sizeof(*client));

	if (!client)
		goto close_fd;
	client->server = server;
	client->deadline = evtimer_new(server->base, on_deadline, client);
	if (!client->deadline)
		goto free_client;
	client->stream = bufferevent_socket_new(server->base, fd, BEV_OPT_CLOSE_ON_FREE);
	if (!client->stream)
		goto free_deadline;
	return client;
free_deadline:
	event_free(client->deadline);
free_client:
	free(client);
close_fd:
	close(fd);
	return NULL;
}

static void on_accept(struct evconnlistener *listener, evutil_socket_t fd,
		      struct sockaddr *from, int from_len, void *arg)
{
	struct web_server *server = arg;
	struct client *client;

	(void)listener;
	(void)from;
	(void)from_len;
	if (server->n_clients >= WEB_CALLS_MAX) {
		stats_inc(STAT_HTTP_REFUSED_GAVE_WAY);
		/* The analyser cannot follow tqe_prev, by which the list forgets the client. */
		/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
		client_close(TAILQ_FIRST(&server->clients));
	}
	client = client_new(server, fd);
	if (!client)
		return;
	TAILQ_INSERT_TAIL(&server->clients, client, by_age);
	server->n_clients++;
	bufferevent_setcb(client->stream, on_readable, on_written, on_end, client);
	bufferevent_setwatermark(client->stream, EV_READ, 0, WEB_HEAD_MAX);
	set_deadline(client, WEB_READ_MS);
	if (bufferevent_enable(client->stream, EV_READ | EV_WRITE) < 0)
		client_close(client);
}

/* Level-triggered and not to be had: do not spin on it. */
static void cannot_accept(struct evconnlistener *listener, void *arg)
{
	struct timeval rest = { .tv_usec = ACCEPT_REST_MS * 1000L };
	struct web_server *server = arg;

	log_limited(LOG_LEVEL_WARN, "metrics: cannot accept: %s", strerror(errno));
	if (evtimer_add(server->rest, &rest) == 0)
		evconnlistener_disable(listener);
}

static void accept_again(evutil_socket_t fd, short what, void *arg)
{
	struct web_server *server = arg;

	(void)fd;
	(void)what;
	if (server->listener)
		evconnlistener_enable(server->listener);
}

/* What waits in its queue would be reset. */
static void close_listener(struct web_server *server)
{
	int from = evconnlistener_get_fd(server->listener), fd;

	for (int i = 0; i <= WEB_BACKLOG; i++) {
		fd = accept4(from, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd < 0)
			break;
		on_accept(server->listener, fd, NULL, 0, server);
	}
	evconnlistener_free(server->listener);
}

int web_server_listen(struct web_server *server, int fd)
{
	struct evconnlistener *listener = NULL;

	if (fd >= 0) {
		listener = evconnlistener_new(server->base, on_accept, server,
					      LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0,
					      fd);
		if (!listener)
			return -ENOMEM;
		evconnlistener_set_error_cb(listener, cannot_accept);
	}
	if (server->listener)
		close_listener(server);
	server->listener = listener;
	return 0;
}

struct web_server *web_server_new(struct event_base *base, web_answer_fn *answer, void *arg)
{
	struct web_server *server = calloc(1, sizeof(*server));

	if (!server)
		return NULL;
	*server = (struct web_server){ .base = base, .answer = answer, .arg = arg };
	TAILQ_INIT(&server->clients);
	server->rest = evtimer_new(base, accept_again, server);
	if (!server->rest) {
		free(server);
		return NULL;
	}
	return server;
}

void web_server_free(struct web_server *server)
{
	struct client *client;

	if (!server)
		return;
	while ((client = TAILQ_FIRST(&server->clients)) != NULL)
		client_close(client);	/* NOLINT(clang-analyzer-unix.Malloc): likewise */
	if (server->listener)
		evconnlistener_free(server->listener);
	event_free(server->rest);
	free(server);
}
