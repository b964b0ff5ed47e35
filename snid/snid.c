/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The spine: one connection's life, from top to bottom of this file.
 *
 *   accepted -> read_preface -> look_up -> dial -> raced -> greet -> joined -> run_relay
 *                   |              |         |       |        |                    |
 *                   +--------------+---------+-------+--------+--> refuse          +-> end
 *
 * A connection belongs to the worker that accepted it and lives in that one thread.
 * Until it is joined to a server it can only be refused (refusal.c has the reasons);
 * after that it ends. So accepted = refused + relayed + those not yet joined, at all
 * times, and relayed = ended + those still open.
 *
 * worker.c has the life of the workers, and so all of snid.h.
 */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../core/addrmap.h"
#include "../core/config.h"
#include "../core/histogram.h"
#include "../core/log.h"
#include "../core/stats.h"
#include "accept.h"
#include "account.h"
#include "opening.h"
#include "postgres.h"
#include "preface.h"
#include "proxy.h"
#include "quota.h"
#include "race.h"
#include "refusal.h"
#include "relay.h"
#include "route.h"
#include "service.h"
#include "snid.h"
#include "tcp.h"
#include "watch.h"
#include "worker.h"

enum {
	HELLO_READ_LEN = 16 * 1024,	/* bytes read at once before the hello is known */
	MAKE_ROOM_MAX = 8,		/* connections that give way to one */
	REFUSED_DRAIN_MAX = 256 * 1024,	/* bytes swallowed after a refusal was told */
	GREETING_MAX = PROXY_WRITE_MAX + POSTGRES_REQUEST_LEN,
};

struct conn {
	struct deadline deadline;
	struct turn turn;
	struct worker *worker;
	enum stage stage;
	uint32_t seat;			/* of the worker's */
	struct endpoint client;
	struct account account;
	const struct service *service;	/* the listener's; not used once joined or refused */
	struct relay relay;		/* both sockets, in every stage */
	watch_id watches[2];		/* one for each socket */
	struct opening *opening;	/* NULL once joined or refused */
	size_t drained;			/* bytes, in STAGE_REFUSED */
};

static struct conn *conn_of(struct deadline *deadline)
{
	return (struct conn *)(void *)((char *)deadline - offsetof(struct conn, deadline));
}

/* ---- refusing -------------------------------------------------------------- */

static void close_side(struct conn *conn, enum relay_end end, void (*close_fd)(int fd))
{
	struct relay_side *side = &conn->relay.side[end];

	if (side->fd < 0)
		return;
	watch_forget(conn->worker->watcher, conn->watches[end]);
	close_fd(side->fd);
	*side = (struct relay_side){ .fd = -1 };
}

static void close_fin(int fd)
{
	close(fd);
}

/* The last thing that happens to a connection; it has left its opening. */
static void conn_free(struct conn *conn, void (*close_fd)(int fd))
{
	deadline_leave(&conn->deadline);
	worker_turn_cancel(conn->worker, &conn->turn);
	close_side(conn, RELAY_CLIENT, close_fd);
	close_side(conn, RELAY_BACKEND, close_fd);
	relay_free(&conn->relay, &conn->worker->tools);
	quota_leave(conn->worker->quota, &conn->client);
	worker_count(conn->worker, conn->stage, -1);
	seats_leave(&conn->worker->seats, conn->seat);
	account_free(&conn->account);
	free(conn);
}

static void leave_opening(struct conn *conn)
{
	opening_free(conn->opening);
	conn->opening = NULL;
	quota_opened(conn->worker->quota, &conn->client);
}

static void enter(struct conn *conn, enum stage stage)
{
	if (conn->stage != stage) {
		worker_count(conn->worker, conn->stage, -1);
		conn->stage = stage;
		worker_count(conn->worker, conn->stage, 1);
	}
	worker_wait(conn->worker, &conn->deadline, stage);
}

/* Closing with input unread would send a reset, which makes the client throw the alert
 * away. So say that no more will come, and swallow what it had under way. */
static void drain_refused(struct conn *conn)
{
	int fd = conn->relay.side[RELAY_CLIENT].fd;

	while (conn->drained < REFUSED_DRAIN_MAX) {
		ssize_t n = recv(fd, conn->worker->scratch, sizeof(conn->worker->scratch), 0);

		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0)
			break;
		conn->drained += (size_t)n;
	}
	conn_free(conn, close_fin);
}

static void refuse(struct conn *conn, enum refusal refusal, const char *why)
{
	const struct preface *said = conn->opening ? &conn->opening->preface : NULL;
	enum refusal_language language = said ? said->language : REFUSAL_SILENT;

	refusal_note(refusal, &conn->client, said ? said->name : "", why);
	leave_opening(conn);
	close_side(conn, RELAY_BACKEND, close_fin);
	if (!refusal_say(refusal, language, conn->relay.side[RELAY_CLIENT].fd)) {
		conn_free(conn, close_fin);
		return;
	}
	enter(conn, STAGE_REFUSED);
	drain_refused(conn);
}

/* ---- accept ---------------------------------------------------------------- */

static void on_client(void *arg, uint32_t what);
static void on_backend(void *arg, uint32_t what);

static void note_ready(struct relay_side *side, uint32_t what)
{
	const uint32_t over = EPOLLRDHUP | EPOLLHUP | EPOLLERR;

	side->readable |= (what & (EPOLLIN | over)) != 0;
	side->writable |= (what & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0;
	side->hung_up |= (what & over) != 0;
}

/* Return: whether one that waits for its client's hello, in this worker, gave way. */
static bool make_room(struct worker *worker)
{
	struct deadline *longest = deadline_first(&worker->queues[STAGE_HELLO]);

	if (longest)
		refuse(conn_of(longest), REFUSAL_GAVE_WAY, NULL);
	return longest != NULL;
}

static enum refusal admit(struct worker *worker, const struct endpoint *client, bool proxy)
{
	enum refusal refusal = quota_admit(worker->quota, client, proxy);

	/* The place may be another worker's by then. */
	for (int i = 0; i < MAKE_ROOM_MAX && refusal == REFUSAL_OPENING_LIMIT &&
			make_room(worker); i++)
		refusal = quota_admit(worker->quota, client, proxy);
	return refusal;
}

static void accepted(void *arg, int fd, const struct endpoint *client,
		     const struct service *service)
{
	struct worker *worker = arg;
	enum refusal refusal = admit(worker, client, prefix_list_contains(service->proxy_from,
									  &client->addr));
	struct conn *conn;
	long seat;

	stats_inc(STAT_SNI_ACCEPTED);
	if (refusal != REFUSAL_NONE) {
		refusal_note(refusal, client, "", NULL);
		close(fd);
		return;
	}
	conn = calloc(1, sizeof(*conn));
	seat = conn ? seats_take(&worker->seats, conn) : -ENOMEM;
	if (seat < 0) {
		free(conn);
		refusal_note(REFUSAL_RESOURCE, client, "", NULL);
		quota_take_back(worker->quota, client);
		close(fd);
		return;
	}
	conn->worker = worker;
	conn->client = *client;
	conn->service = service;
	conn->seat = (uint32_t)seat;
	worker_count(conn->worker, conn->stage, 1);
	account_begin(&conn->account);
	relay_init(&conn->relay);
	conn->watches[RELAY_CLIENT] = watch_add(worker->watcher, fd, on_client, conn);
	if (!conn->watches[RELAY_CLIENT]) {
		refusal_note(REFUSAL_RESOURCE, client, "", NULL);
		close(fd);
		leave_opening(conn);
		conn_free(conn, close_fin);
		return;
	}
	conn->relay.side[RELAY_CLIENT].fd = fd;
	enter(conn, STAGE_HELLO);
}

/* ---- preface --------------------------------------------------------------- */

static void look_up(struct conn *conn);

static bool is_proxy(const struct conn *conn)
{
	return prefix_list_contains(conn->service->proxy_from, &conn->client.addr);
}

/* The proxy's connection is its client's from here on. Return: whether it may go on. */
static bool take_client(struct conn *conn, const struct proxy_header *proxy)
{
	enum refusal refusal = REFUSAL_NONE;

	if (!proxy->has_client)
		return true;
	if (conn->service->mode == CONFIG_SNI_NAT46 && !addr_is_v4(&proxy->client.addr))
		refusal = REFUSAL_IPV6_CLIENT;
	else
		refusal = quota_move(conn->worker->quota, &conn->client, &proxy->client);
	if (refusal != REFUSAL_NONE) {
		refuse(conn, refusal, NULL);
		return false;
	}
	conn->client = proxy->client;
	return true;
}

/* Return: whether the client was told. */
static bool tell_client(struct conn *conn, char answer)
{
	if (send(conn->relay.side[RELAY_CLIENT].fd, &answer, 1, MSG_NOSIGNAL) == 1)
		return true;
	refuse(conn, REFUSAL_HELLO_EOF, strerror(errno));
	return false;
}

static enum config_sni_protocol protocol_of(const struct preface *preface)
{
	if (preface->step == PREFACE_AT_HTTP)
		return CONFIG_SNI_HTTP;
	return preface->asks_postgres ? CONFIG_SNI_POSTGRES : CONFIG_SNI_TLS;
}

/* Return: are more bytes needed? If not, the connection has moved on. */
static bool judge_preface(struct conn *conn)
{
	struct opening *o = conn->opening;
	struct preface *preface = &o->preface;

	for (;;) {
		enum preface_verdict verdict = preface_read(preface, conn->service, o->wire,
							    o->wire_len, conn->worker->gather);

		if (preface->taken)
			opening_drop(o, preface->taken);
		switch (verdict) {
		case PREFACE_NEED_MORE:
			return true;
		case PREFACE_CLIENT:
			if (!take_client(conn, &preface->proxy))
				return false;
			break;
		case PREFACE_SAY:
			if (!tell_client(conn, preface->say))
				return false;
			break;
		case PREFACE_NAME:
			conn->account.protocol = protocol_of(preface);
			look_up(conn);
			return false;
		case PREFACE_REFUSED:
			refuse(conn, preface->refusal, preface->why);
			return false;
		}
	}
}

static int keep(struct conn *conn, const uint8_t *bytes, size_t len)
{
	bool first = !conn->opening;
	int err = opening_keep(&conn->opening, bytes, len);

	if (!err && first && is_proxy(conn))
		conn->opening->preface.step = PREFACE_AT_PROXY;
	return err;
}

static void read_preface(struct conn *conn)
{
	struct relay_side *client = &conn->relay.side[RELAY_CLIENT];
	bool more = client->readable;

	while (more) {
		ssize_t n = recv(client->fd, conn->worker->scratch, HELLO_READ_LEN, 0);

		/* A short read has emptied the socket; of what comes now an edge will tell. */
		if (n < HELLO_READ_LEN && (n < 0 || !client->hung_up))
			client->readable = false;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0) {
			refuse(conn, REFUSAL_HELLO_EOF, n < 0 ? strerror(errno) : NULL);
			return;
		}
		if (keep(conn, conn->worker->scratch, (size_t)n) < 0) {
			refuse(conn, REFUSAL_RESOURCE, NULL);
			return;
		}
		more = judge_preface(conn) && client->readable;
	}
}

/* ---- route ----------------------------------------------------------------- */

static void dial(struct conn *conn);

static void routed(struct conn *conn, enum route_verdict verdict)
{
	switch (verdict) {
	case ROUTE_FOUND:
		dial(conn);
		break;
	case ROUTE_WAIT:
		enter(conn, STAGE_LOOKUP);
		break;
	case ROUTE_UNKNOWN:
		refuse(conn, REFUSAL_UNKNOWN_NAME, conn->opening->route->why);
		break;
	case ROUTE_FAILED:
		refuse(conn, REFUSAL_LOOKUP, conn->opening->route->why);
		break;
	}
}

static void looked_up(void *arg, enum route_verdict verdict)
{
	routed(arg, verdict);
}

/* A name that is known goes on from here at once. */
static void look_up(struct conn *conn)
{
	struct opening *o = conn->opening;

	account_step_over(&conn->account, ACCOUNT_HELLO);
	o->route = route_new(conn->worker->resolve, addr_client(&conn->client.addr), looked_up,
			     conn);
	if (!o->route)
		refuse(conn, REFUSAL_RESOURCE, NULL);
	else if (conn->service->mode == CONFIG_SNI_UNIX)
		dial(conn);
	else
		routed(conn, route_find(o->route, conn->service, o->preface.name,
					o->preface.alpn));
}

/* ---- dial ------------------------------------------------------------------ */

static void greet(struct conn *conn);

static void lost(struct conn *conn)
{
	const struct race *race = conn->opening->race;
	const struct route *route = conn->opening->route;

	if (race->n_tries == 0)
		refuse(conn, REFUSAL_BACKEND, addrmap_backend_text(route->refused));
	else if (race_is_starved(race))
		refuse(conn, REFUSAL_RESOURCE, strerror(-race->err));
	else if (race->err == -ENOENT)
		refuse(conn, REFUSAL_UNKNOWN_NAME, "no such socket");
	else
		refuse(conn, race->err == -ETIMEDOUT ? REFUSAL_CONNECT_TIMEOUT : REFUSAL_CONNECT,
		       strerror(-race->err));
}

static void raced(void *arg, int fd, watch_id watch, uint32_t what)
{
	struct conn *conn = arg;
	struct relay_side *backend = &conn->relay.side[RELAY_BACKEND];

	if (fd < 0) {
		lost(conn);
		return;
	}
	watch_move(conn->worker->watcher, watch, on_backend, conn);
	conn->watches[RELAY_BACKEND] = watch;
	backend->fd = fd;
	note_ready(backend, what);
	greet(conn);
}

static void dial(struct conn *conn)
{
	struct opening *o = conn->opening;

	account_step_over(&conn->account, ACCOUNT_LOOKUP);
	o->race = calloc(1, sizeof(*o->race));
	if (!o->race) {
		refuse(conn, REFUSAL_RESOURCE, NULL);
		return;
	}
	o->race->worker = conn->worker;
	o->race->route = o->route;
	o->race->service = conn->service;
	o->race->client = &conn->client;
	o->race->name = o->preface.name;
	o->race->fn = raced;
	o->race->arg = conn;
	enter(conn, STAGE_DIAL);
	if (!race_run(o->race))
		lost(conn);
}

/* ---- greet ----------------------------------------------------------------- */

static void joined(struct conn *conn);

/* Where the client has connected to, as far as its proxy or the kernel tells */
static struct endpoint server_seen(const struct conn *conn)
{
	const struct proxy_header *proxy = &conn->opening->preface.proxy;
	struct endpoint server = { .port = 0 };
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);

	if (proxy->has_client)
		return proxy->server;
	if (getsockname(conn->relay.side[RELAY_CLIENT].fd, (struct sockaddr *)&ss, &len) == 0)
		endpoint_from_sockaddr((const struct sockaddr *)&ss, &server);
	return server;
}

/* Return: bytes of what the server gets first of all; @out: GREETING_MAX. */
static size_t write_greeting(const struct conn *conn, uint8_t *out)
{
	const struct preface *preface = &conn->opening->preface;
	size_t len = 0;

	if (conn->service->proxy_to) {
		struct endpoint server = server_seen(conn);

		len = proxy_write(out, &conn->client, &server, preface->name, preface->alpn);
	}
	if (preface->asks_postgres) {
		memcpy(out + len, postgres_ssl_request, sizeof(postgres_ssl_request));
		len += sizeof(postgres_ssl_request);
	}
	return len;
}

/* What the server gets before the client's own bytes. PostgreSQL has to agree to them. */
static void greet(struct conn *conn)
{
	uint8_t greeting[GREETING_MAX];
	size_t len = write_greeting(conn, greeting);
	int fd = conn->relay.side[RELAY_BACKEND].fd;

	account_step_over(&conn->account, ACCOUNT_CONNECT);
	if (conn->opening->preface.asks_postgres) {
		/* A new socket takes as much at once. */
		if (send(fd, greeting, len, MSG_NOSIGNAL) != (ssize_t)len)
			refuse(conn, REFUSAL_GREETING, strerror(errno));
		else
			enter(conn, STAGE_GREET);
	} else if (len && opening_prepend(conn->opening, greeting, len) < 0) {
		refuse(conn, REFUSAL_RESOURCE, NULL);
	} else {
		joined(conn);
	}
}

static void greeted(struct conn *conn)
{
	struct relay_side *server = &conn->relay.side[RELAY_BACKEND];
	uint8_t answer[16];
	const char *wrong;
	ssize_t n;

	if (!server->readable)
		return;
	n = recv(server->fd, answer, sizeof(answer), 0);
	if (n < 0 && errno == EAGAIN) {
		server->readable = false;
		return;
	}
	wrong = n < 0 ? strerror(errno) : postgres_judge_answer(answer, (size_t)n);
	if (wrong)
		refuse(conn, REFUSAL_GREETING, wrong);
	else
		joined(conn);
}

/* ---- relay ----------------------------------------------------------------- */

static void run_relay(struct conn *conn);

/* Both are there: what the client sent so far, hello and all, goes to the server first. */
static void joined(struct conn *conn)
{
	struct opening *o = conn->opening;

	stats_inc(STAT_SNI_RELAYED);
	account_joined(&conn->account, &conn->client, o->preface.name, conn->service->mode,
		       &o->race->winner->at);
	resolve_confirm(conn->worker->resolve, o->preface.name);
	relay_hold(&conn->relay, RELAY_CLIENT, o->wire, o->wire_len);
	o->wire = NULL;
	leave_opening(conn);
	enter(conn, STAGE_RELAY);
	run_relay(conn);
}

static void end(struct conn *conn, enum account_end why, void (*close_fd)(int fd))
{
	account_end(&conn->account, &conn->client, why, conn->relay.bytes,
		    conn->worker->config->snid.log == CONFIG_SNI_LOG_CONNECTIONS);
	conn_free(conn, close_fd);
}

static void run_relay(struct conn *conn)
{
	switch (relay_run(&conn->relay, &conn->worker->tools)) {
	case RELAY_OPEN:
		enter(conn, STAGE_RELAY);
		break;
	case RELAY_MORE:
		enter(conn, STAGE_RELAY);
		worker_turn(conn->worker, &conn->turn);
		break;
	case RELAY_HALF_CLOSED:
		enter(conn, STAGE_HALF_CLOSED);
		break;
	case RELAY_CLOSED:
		end(conn, ACCOUNT_CLOSED, close_fin);
		break;
	case RELAY_RESET:
		end(conn, ACCOUNT_RESET, tcp_close_reset);
		break;
	}
}

/* Something has happened at @from. A reset there is not seen by reading while nothing is
 * read: it has ended its stream, or its bytes wait for the other side. */
static void relay_event(struct conn *conn, enum relay_end from)
{
	if (!relay_reads(&conn->relay, from) && tcp_error(conn->relay.side[from].fd) < 0)
		end(conn, ACCOUNT_RESET, tcp_close_reset);
	else
		run_relay(conn);
}

/* No byte has passed for TCP_SILENT_MS. */
static void silent(struct conn *conn)
{
	const struct relay_side *side = conn->relay.side;

	if (tcp_is_vanished(side[RELAY_CLIENT].fd) || tcp_is_vanished(side[RELAY_BACKEND].fd)) {
		end(conn, ACCOUNT_VANISHED, tcp_close_reset);
		return;
	}
	tcp_keep_alive(side[RELAY_BACKEND].fd);
	enter(conn, STAGE_SILENT);
}

/* ---- what moves a connection on -------------------------------------------- */

static void on_client(void *arg, uint32_t what)
{
	struct conn *conn = arg;

	note_ready(&conn->relay.side[RELAY_CLIENT], what);
	switch (conn->stage) {
	case STAGE_HELLO:
		read_preface(conn);
		break;
	case STAGE_RELAY:
	case STAGE_SILENT:
	case STAGE_HALF_CLOSED:
		relay_event(conn, RELAY_CLIENT);
		break;
	case STAGE_REFUSED:
		drain_refused(conn);
		break;
	case STAGE_LOOKUP:	/* noted, and read once there is a server to read it */
	case STAGE_DIAL:
	case STAGE_GREET:
	case STAGE_COUNT:
		break;
	}
}

static void on_backend(void *arg, uint32_t what)
{
	struct conn *conn = arg;

	note_ready(&conn->relay.side[RELAY_BACKEND], what);
	if (conn->stage == STAGE_GREET)
		greeted(conn);
	else
		relay_event(conn, RELAY_BACKEND);
}

static void expired(struct deadline *deadline)
{
	struct conn *conn = conn_of(deadline);

	switch (conn->stage) {
	case STAGE_HELLO:
		refuse(conn, REFUSAL_HELLO_TIMEOUT, NULL);
		break;
	case STAGE_LOOKUP:
		refuse(conn, REFUSAL_LOOKUP, "timed out");
		break;
	case STAGE_DIAL:
		race_give_up(conn->opening->race);
		lost(conn);
		break;
	case STAGE_GREET:
		refuse(conn, REFUSAL_GREETING_TIMEOUT, NULL);
		break;
	case STAGE_RELAY:
		silent(conn);
		break;
	case STAGE_SILENT:
	case STAGE_HALF_CLOSED:
		end(conn, ACCOUNT_IDLE, tcp_close_reset);
		break;
	case STAGE_REFUSED:
	case STAGE_COUNT:
		conn_free(conn, close_fin);
		break;
	}
}

static void turn_come(struct turn *turn)
{
	run_relay((struct conn *)(void *)((char *)turn - offsetof(struct conn, turn)));
}

static void reconfigured(struct deadline *deadline)
{
	struct conn *conn = conn_of(deadline);
	const struct worker *worker = conn->worker;
	struct opening *o = conn->opening;

	conn->service = service_find(worker->services, worker->n_services, &conn->service->at);
	if (!conn->service) {
		refuse(conn, REFUSAL_STOPPED, "its listener is gone");
		return;
	}
	if (o && o->route)
		route_reconfigured(o->route, conn->service);
	if (o && o->race)
		o->race->service = conn->service;
}

static void stopped(struct deadline *deadline)
{
	struct conn *conn = conn_of(deadline);

	switch (conn->stage) {
	case STAGE_HELLO:
	case STAGE_LOOKUP:
	case STAGE_DIAL:
	case STAGE_GREET:
		refuse(conn, REFUSAL_STOPPED, NULL);
		break;
	case STAGE_RELAY:
	case STAGE_SILENT:
	case STAGE_HALF_CLOSED:
		end(conn, ACCOUNT_STOPPED, tcp_close_reset);
		break;
	case STAGE_REFUSED:
	case STAGE_COUNT:
		conn_free(conn, close_fin);
		break;
	}
}

static void describe(const void *arg, struct snid_connection *out)
{
	const struct conn *conn = arg;
	const struct account *account = &conn->account;
	const char *name = conn->opening ? conn->opening->preface.name : account->name;

	*out = (struct snid_connection){
		.client = conn->client,
		.backend = account->backend,
		.stage = snid_stage_name(conn->stage),
		.protocol = account_protocol(account->protocol),
		.mode = account_mode(conn->opening ? conn->service->mode : account->mode),
		.bytes_in = conn->relay.bytes[RELAY_CLIENT],
		.bytes_out = conn->relay.bytes[RELAY_BACKEND],
		.age_ms = (histogram_now_us() - account->since_us) / 1000,
	};
	snprintf(out->name, sizeof(out->name), "%s", name ? name : "");
}

const struct worker_life snid_life = {
	.describe = describe,
	.accepted = accepted,
	.expired = expired,
	.staggered = race_staggered,
	.turn = turn_come,
	.reconfigured = reconfigured,
	.stopped = stopped,
};
