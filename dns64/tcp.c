/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * TCP, and TLS over it. A client may send many queries without waiting; what it
 * sends is read only as long as it also takes its replies and not too many are
 * under way, so that it cannot make us hold more than the limits below.
 *
 * Deadlines: a TLS handshake must be over in HANDSHAKE_MS, a message that has begun
 * whole in MESSAGE_MS; a client that takes none of its replies is closed after STALL_MS;
 * a connection on which nothing is under way after IDLE_MS, or KEPT_MS where the client
 * has asked for that (RFC 7828), but soon when there are too many of them.
 */
#include "tcp.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include "../core/addrmap.h"
#include "../core/clients.h"
#include "../core/cursor.h"
#include "../core/log.h"
#include "../core/stats.h"
#include "listen.h"
#include "lookup.h"
#include "message.h"
#include "refused.h"
#include "tls.h"
#include "tally.h"
#include "worker.h"

enum {
	PIPELINE_MAX = 64,		/* queries under way on one connection */
	OUTPUT_MAX = 128 * 1024,	/* bytes of replies not taken, before reading stops */
	OUTPUT_LIMIT = 512 * 1024,	/* and before replies to what was read are dropped */
	OUTPUT_WORKER = 16 * 1024 * 1024,	/* the same of all connections of a worker */
	OUTPUT_SPARED = 16 * 1024,	/* on each, whatever the others leave there */
	LENGTH_LEN = 2,			/* RFC 1035 4.2.2 */
	QUERY_MAX = 4096,		/* a question, an OPT record, very generous padding */
	HANDSHAKE_MS = 5000,
	MESSAGE_MS = 5000,
	IDLE_MS = 10000,		/* RFC 7766 6.2.3: of the order of seconds */
	KEPT_MS = 30000,
	CROWDED_MS = 1000,
	STALL_MS = 10000,
	ACCEPTS = 16,			/* in one go, before other events get their turn */
	ACCEPT_REST_MS = 100,		/* while there are no descriptors */
};

struct tcp_port {
	struct worker *worker;
	bool tls;
	struct event *acceptable;
	struct event *rest;
	int fd;
};

struct tcp_client {
	LIST_ENTRY(tcp_client) link;	/* worker->clients */
	struct worker *worker;
	struct bufferevent *bev;
	struct event *deadline;
	struct in6_addr addr;
	LIST_HEAD(asker_list, asker) waiting;
	unsigned int n_waiting;
	bool tls, handshaking;
	bool kept;			/* the client has asked for keepalive */
	bool partial;			/* a message has begun and is not whole */
	bool ended;			/* the client sends no more */
	bool reading;			/* read_queries() is at work: it must not be re-entered */
};

static struct timeval ms_to_timeval(int ms)
{
	return (struct timeval){ .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };
}

static void set_deadline(struct tcp_client *client, int ms)
{
	struct timeval tv = ms_to_timeval(ms);

	event_add(client->deadline, &tv);
}

static void on_output(struct evbuffer *output, const struct evbuffer_cb_info *info, void *arg)
{
	struct tcp_client *client = arg;

	(void)output;
	client->worker->tcp_output += info->n_added;
	client->worker->tcp_output -= info->n_deleted;
}

/* Most places are taken: clients that rest had better go. */
static bool is_crowded(const struct worker *worker)
{
	const struct clients *clients = worker->room->tcp_clients;

	return clients_total(clients) * UINT64_C(4) >= clients_total_max(clients) * UINT64_C(3);
}

static int idle_ms(const struct tcp_client *client)
{
	if (is_crowded(client->worker))
		return CROWDED_MS;
	return client->kept ? KEPT_MS : IDLE_MS;
}

static void client_close(struct tcp_client *client)
{
	struct worker *worker = client->worker;
	struct asker *asker;

	while ((asker = LIST_FIRST(&client->waiting)) != NULL) {
		LIST_REMOVE(asker, of_client);
		lookup_leave(asker);
	}
	LIST_REMOVE(client, link);
	worker->n_clients--;
	clients_remove(worker->room->tcp_clients, addr_client(&client->addr));
	if (client->deadline)
		event_free(client->deadline);
	if (client->bev) {
		worker->tcp_output -= evbuffer_get_length(bufferevent_get_output(client->bev));
		evbuffer_remove_cb(bufferevent_get_output(client->bev), on_output, client);
		if (client->tls && !client->handshaking)
			tls_end(client->bev);
		bufferevent_free(client->bev);
	}
	free(client);
}

static bool is_full(const struct tcp_client *client)
{
	return client->n_waiting >= PIPELINE_MAX ||
	       evbuffer_get_length(bufferevent_get_output(client->bev)) >= OUTPUT_MAX;
}

/* The next message, if it is whole. Return: its length; 0 = not yet; -1 = nonsense. */
static ssize_t next_length(struct evbuffer *input)
{
	uint8_t length[LENGTH_LEN];
	struct cursor c = cursor_init(length, sizeof(length));
	uint16_t len;

	if (evbuffer_copyout(input, length, sizeof(length)) < LENGTH_LEN)
		return 0;
	len = cursor_u16(&c);
	if (len < MESSAGE_HEADER_LEN || len > QUERY_MAX)
		return -1;
	return evbuffer_get_length(input) >= LENGTH_LEN + (size_t)len ? len : 0;
}

/* Take in what may be taken in. Return: false when the connection must be closed. */
static bool read_queries(struct tcp_client *client, struct tally *tally)
{
	struct evbuffer *input = bufferevent_get_input(client->bev);

	while (!is_full(client)) {
		struct asker asker = { .tcp = client, .client = client->addr,
				       .since_us = tally->since_us };
		enum dns64_exit exit;
		uint8_t query[QUERY_MAX];
		ssize_t len = next_length(input);

		if (len < 0) {
			refused(STAT_DNS_DROP_MALFORMED, &client->addr, NULL);
			return false;
		}
		if (len == 0)
			return true;
		/* A reload may have shut out who was let in. */
		if (!addrmap_dns64_client(client->worker->room->map, &client->addr)) {
			refused(STAT_DNS_DROP_NOT_CLIENT, &client->addr, NULL);
			return false;
		}
		evbuffer_drain(input, LENGTH_LEN);
		evbuffer_remove(input, query, (size_t)len);
		client->partial = false;
		stats_inc(client->tls ? STAT_DNS_QUERY_TLS : STAT_DNS_QUERY_TCP);
		exit = dns64_query(client->worker, &asker, query, (size_t)len);
		if (exit == DNS64_DROPPED)
			return false;
		tally->replies += exit == DNS64_SENT;
	}
	return true;
}

static bool has_output(const struct tcp_client *client)
{
	return evbuffer_get_length(bufferevent_get_output(client->bev)) > 0;
}

static bool is_finished(const struct tcp_client *client)
{
	return client->ended && client->n_waiting == 0 && !has_output(client);
}

/* Something has changed: read on or hold, and set the deadline that now counts. */
static void client_go_on(struct tcp_client *client)
{
	struct tally tally;
	bool begun, sound;

	if (client->reading || client->handshaking)
		return;
	client->reading = true;
	tally_begin(&tally);
	sound = read_queries(client, &tally);
	tally_end(&tally);
	if (!sound) {
		client_close(client);
		return;
	}
	client->reading = false;
	if (is_finished(client)) {
		client_close(client);
		return;
	}
	if (is_full(client)) {
		bufferevent_disable(client->bev, EV_READ);
		client->partial = false;	/* it is we who wait */
		set_deadline(client, IDLE_MS);
		return;
	}
	if (!client->ended)
		bufferevent_enable(client->bev, EV_READ);
	begun = evbuffer_get_length(bufferevent_get_input(client->bev)) > 0;
	if (!begun)
		set_deadline(client, idle_ms(client));
	else if (!client->partial)		/* more bytes of it win no time */
		set_deadline(client, MESSAGE_MS);
	client->partial = begun;
}

static void on_read(struct bufferevent *bev, void *arg)
{
	(void)bev;
	client_go_on(arg);
}

static void on_written(struct bufferevent *bev, void *arg)
{
	(void)bev;
	client_go_on(arg);
}

static void handshake_over(struct tcp_client *client)
{
	client->handshaking = false;
	stats_inc(tls_resumed(client->bev) ? STAT_DNS_TLS_RESUMED : STAT_DNS_TLS_FULL);
	set_deadline(client, idle_ms(client));
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
	struct tcp_client *client = arg;

	if (what & BEV_EVENT_CONNECTED) {
		handshake_over(client);
		return;
	}
	if (what & BEV_EVENT_TIMEOUT)
		stats_inc(STAT_DNS_DROP_TCP_TIMEOUT);
	if (client->handshaking)
		stats_inc(STAT_DNS_TLS_FAILED);
	if (!(what & BEV_EVENT_EOF) || client->handshaking) {
		client_close(client);
		return;
	}
	/* It may have shut down its half and wait for replies (RFC 7766 6.2.3 allows);
	 * of TLS, libevent then takes both halves for closed. */
	client->ended = true;
	bufferevent_enable(bev, EV_WRITE);
	client_go_on(client);
}

static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
	struct tcp_client *client = arg;

	(void)fd;
	(void)what;
	/* Answers, and the taking of them, have bounds of their own. */
	if (!client->handshaking && !client->partial &&
	    (client->n_waiting || has_output(client))) {
		set_deadline(client, IDLE_MS);
		return;
	}
	if (client->handshaking)
		stats_inc(STAT_DNS_TLS_TIMEOUT);
	else if (client->partial)
		stats_inc(STAT_DNS_DROP_TCP_TIMEOUT);
	client_close(client);
}

/*
 * RFC 7828 3.3.2: who has asked once is told with each reply how long an idle connection
 * stays; 0 where it had better be closed now (3.4).
 */
bool tcp_settle(struct tcp_client *client, struct query *query)
{
	query->padded = query->padded && client->tls;
	if (query->keepalive == KEEPALIVE_MALFORMED) {
		query->keepalive = KEEPALIVE_NONE;
		return false;
	}
	client->kept = client->kept || query->keepalive == KEEPALIVE_ASKED;
	if (query->edns && client->kept)
		query->keepalive = KEEPALIVE_ASKED;
	query->idle_ds = is_crowded(client->worker) ? 0 : KEPT_MS / 100;
	return true;
}

/* Who leaves his replies takes no room from those who fetch theirs. */
static bool has_room(const struct tcp_client *client, size_t len)
{
	size_t waiting = evbuffer_get_length(bufferevent_get_output(client->bev));

	return waiting + len <= OUTPUT_SPARED ||
	       (waiting <= OUTPUT_LIMIT && client->worker->tcp_output <= OUTPUT_WORKER);
}

void tcp_reply(struct tcp_client *client, const uint8_t *wire, size_t len)
{
	uint8_t length[LENGTH_LEN] = { (uint8_t)(len >> 8), (uint8_t)len };
	struct evbuffer *output = bufferevent_get_output(client->bev);

	if (!has_room(client, len) || evbuffer_expand(output, sizeof(length) + len) < 0) {
		stats_inc(STAT_DNS_DROP_SEND);
		return;
	}
	evbuffer_add(output, length, sizeof(length));
	evbuffer_add(output, wire, len);
}

void tcp_client_wait(struct tcp_client *client, struct asker *asker)
{
	LIST_INSERT_HEAD(&client->waiting, asker, of_client);
	client->n_waiting++;
}

void tcp_client_done(struct tcp_client *client, struct asker *asker)
{
	LIST_REMOVE(asker, of_client);
	client->n_waiting--;
	client_go_on(client);
}

void tcp_close_all(struct worker *worker)
{
	struct tcp_client *client;

	while ((client = LIST_FIRST(&worker->clients)) != NULL)
		client_close(client);
}

/* ---- accepting ------------------------------------------------------------------ */

/* Return: was it let in, and counted? */
static bool may_connect(struct worker *worker, const struct in6_addr *addr)
{
	if (!addrmap_dns64_client(worker->room->map, addr)) {
		refused(STAT_DNS_DROP_NOT_CLIENT, addr, NULL);
		return false;
	}
	switch (clients_add(worker->room->tcp_clients, addr_client(addr))) {
	case CLIENTS_OK:
		return true;
	case CLIENTS_TOO_MANY_OF_ONE:
		refused(STAT_DNS_DROP_TCP_CLIENT_LIMIT, addr, NULL);
		break;
	case CLIENTS_TOO_MANY:
	case CLIENTS_TOO_MANY_OPENING:
	case CLIENTS_TOO_MANY_OPENING_OF_ONE:
	case CLIENTS_NO_MEMORY:
		refused(STAT_DNS_DROP_TCP_LIMIT, addr, NULL);
		break;
	}
	return false;
}

static struct bufferevent *bufferevent_for(struct worker *worker, int fd, bool tls)
{
	struct bufferevent *bev = NULL;

	if (!tls)
		bev = bufferevent_socket_new(worker->base, fd, BEV_OPT_CLOSE_ON_FREE);
	else if (worker->room->tls)	/* else a reload has just switched it off */
		bev = tls_accept(worker->room->tls, worker->base, fd);
	if (!bev)
		close(fd);
	return bev;
}

/* It was counted by may_connect(). */
static void client_new(struct worker *worker, int fd, const struct in6_addr *addr, bool tls)
{
	struct timeval stall = ms_to_timeval(STALL_MS);
	struct tcp_client *client = calloc(1, sizeof(*client));
	int on = 1;

	if (!client) {
		clients_remove(worker->room->tcp_clients, addr_client(addr));
		close(fd);
		return;
	}
	client->worker = worker;
	client->addr = *addr;
	client->tls = client->handshaking = tls;
	LIST_INIT(&client->waiting);
	LIST_INSERT_HEAD(&worker->clients, client, link);
	worker->n_clients++;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	client->deadline = evtimer_new(worker->base, on_deadline, client);
	client->bev = bufferevent_for(worker, fd, tls);
	if (!client->bev || !client->deadline ||
	    !evbuffer_add_cb(bufferevent_get_output(client->bev), on_output, client)) {
		client_close(client);
		return;
	}
	bufferevent_setcb(client->bev, on_read, on_written, on_event, client);
	bufferevent_setwatermark(client->bev, EV_READ, 0, 2 * (LENGTH_LEN + QUERY_MAX));
	bufferevent_set_timeouts(client->bev, NULL, &stall);
	set_deadline(client, tls ? HANDSHAKE_MS : idle_ms(client));
	bufferevent_enable(client->bev, EV_READ | EV_WRITE);
}

static void on_acceptable(evutil_socket_t listener, short what, void *arg)
{
	struct tcp_port *port = arg;

	(void)what;
	for (int i = 0; i < ACCEPTS; i++) {
		struct sockaddr_in6 from = { 0 };
		socklen_t from_len = sizeof(from);
		struct endpoint peer;
		int fd = accept4(listener, (struct sockaddr *)&from, &from_len,
				 SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd < 0) {
			struct timeval rest = ms_to_timeval(ACCEPT_REST_MS);

			if (errno != EMFILE && errno != ENFILE && errno != ENOBUFS &&
			    errno != ENOMEM)
				return;
			/* Level-triggered and not to be had: do not spin on it. */
			log_limited(LOG_LEVEL_WARN, "dns64: cannot accept: %m");
			event_del(port->acceptable);
			evtimer_add(port->rest, &rest);
			return;
		}
		if (!endpoint_from_sockaddr((struct sockaddr *)&from, &peer) ||
		    !may_connect(port->worker, &peer.addr))
			close(fd);
		else
			client_new(port->worker, fd, &peer.addr, port->tls);
	}
}

static void on_rested(evutil_socket_t fd, short what, void *arg)
{
	struct tcp_port *port = arg;

	(void)fd;
	(void)what;
	event_add(port->acceptable, NULL);
}

struct tcp_port *tcp_port_new(struct worker *worker, int fd, bool tls)
{
	struct tcp_port *port = calloc(1, sizeof(*port));

	if (!port) {
		close(fd);
		return NULL;
	}
	port->worker = worker;
	port->tls = tls;
	port->fd = fd;
	port->acceptable = event_new(worker->base, fd, EV_READ | EV_PERSIST, on_acceptable, port);
	port->rest = evtimer_new(worker->base, on_rested, port);
	if (!port->acceptable || !port->rest) {
		tcp_port_close(port);
		return NULL;
	}
	return port;
}

int tcp_port_start(struct tcp_port *port)
{
	return event_add(port->acceptable, NULL) < 0 ? -ENOMEM : 0;
}

void tcp_port_close(struct tcp_port *port)
{
	if (port->acceptable)
		event_free(port->acceptable);
	if (port->rest)
		event_free(port->rest);
	close(port->fd);
	free(port);
}
