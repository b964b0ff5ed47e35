/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The spine: one connection's life, from top to bottom of this file.
 *
 *   accepted -> read_preface -> look_up -> dial -> raced -> greet -> joined -> run_relay
 *                   |              |         |       |        |                    |
 *                   +--------------+---------+-------+--------+--> refuse          +-> end
 *
 * A connection belongs to the worker that accepted it and lives in that one thread.
 * Until it is joined to a server it can only be refused (conn.c does that, refusal.c has the
 * reasons); after that it ends. So accepted = refused + relayed + those not yet joined, at all
 * times, and relayed = ended + those still open.
 *
 * worker.c has the life of the workers, and so all of snid.h.
 */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../core/addrmap.h"
#include "../core/config.h"
#include "../core/histogram.h"
#include "../core/log.h"
#include "../core/stats.h"
#include "accept.h"
#include "account.h"
#include "conn.h"
#include "greeting.h"
#include "opening.h"
#include "postgres.h"
#include "preface.h"
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

enum { HELLO_READ_LEN = 16 * 1024 };	/* bytes read at once before the hello is known */

/* ---- accept ---------------------------------------------------------------- */

static void on_client(void *arg, uint32_t what);
static void on_backend(void *arg, uint32_t what);

/* Return: whether one that waits for its client's hello, in this worker, gave way. */
static bool make_room(void *arg)
{
	struct worker *worker = arg;
	struct deadline *longest = deadline_first(&worker->queues[STAGE_HELLO]);

	if (longest)
		conn_refuse(conn_of(longest), REFUSAL_GAVE_WAY, NULL);
	return longest != NULL;
}

static enum refusal admit(struct worker *worker, const struct endpoint *client,
			  const struct service *service)
{
	if (!service)
		return REFUSAL_STOPPED;
	return quota_admit(worker->quota, client,
			   prefix_list_contains(service->proxy_from, &client->addr), make_room,
			   worker);
}

static void accepted(void *arg, int fd, const struct endpoint *client,
		     const struct service *service)
{
	struct worker *worker = arg;
	enum refusal refusal = admit(worker, client, service);
	struct conn *conn;
	long seat;

	stats_inc(STAT_SNI_ACCEPTED);
	if (refusal != REFUSAL_NONE) {
		conn_turn_away(worker, fd, client, service, refusal);
		return;
	}
	conn = calloc(1, sizeof(*conn));
	seat = conn ? seats_take(&worker->seats, conn) : -ENOMEM;
	if (seat < 0) {
		free(conn);
		quota_take_back(worker->quota, client);
		conn_turn_away(worker, fd, client, service, REFUSAL_RESOURCE);
		return;
	}
	conn->worker = worker;
	conn->client = *client;
	conn->port = service->at.port;
	conn->service = service;
	conn->seat = (uint32_t)seat;
	worker_count(conn->worker, conn->stage, 1);
	account_begin(&conn->account);
	conn->account.mode = service->mode;
	relay_init(&conn->relay);
	conn->watches[RELAY_CLIENT] = watch_add(worker->watcher, fd, on_client, conn);
	if (!conn->watches[RELAY_CLIENT]) {
		conn_turn_away(worker, fd, client, service, REFUSAL_RESOURCE);
		conn_leave_opening(conn);
		conn_free(conn, conn_close_fin);
		return;
	}
	conn->relay.side[RELAY_CLIENT].fd = fd;
	conn_enter(conn, STAGE_HELLO);
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
		conn_refuse(conn, refusal, NULL);
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
	conn_refuse(conn, REFUSAL_HELLO_EOF, strerror(errno));
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
			conn_refuse(conn, preface->refusal, preface->why);
			return false;
		}
	}
}

static int keep(struct conn *conn, const uint8_t *bytes, size_t len)
{
	bool first = !conn->opening;
	int err = opening_keep(&conn->opening, conn->worker->hellos, bytes, len);

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
		int err;

		/* A short read has emptied the socket; of what comes now an edge will tell. */
		if (n < HELLO_READ_LEN && (n < 0 || !client->hung_up))
			client->readable = false;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0) {
			conn_refuse(conn, REFUSAL_HELLO_EOF, n < 0 ? strerror(errno) : NULL);
			return;
		}
		err = keep(conn, conn->worker->scratch, (size_t)n);
		if (err) {
			conn_refuse(conn, err == -ENOBUFS ? REFUSAL_HELLO_MEMORY :
							    REFUSAL_RESOURCE, NULL);
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
		conn_enter(conn, STAGE_LOOKUP);
		break;
	case ROUTE_UNKNOWN:
		conn_refuse(conn, REFUSAL_UNKNOWN_NAME, conn->opening->route->why);
		break;
	case ROUTE_FAILED:
		conn_refuse(conn, REFUSAL_LOOKUP, conn->opening->route->why);
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
		conn_refuse(conn, REFUSAL_RESOURCE, NULL);
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

	if (route->next)
		conn->account.backend = route->servers[route->next - 1].at;
	if (race->n_tries == 0)
		conn_refuse(conn, REFUSAL_BACKEND, addrmap_backend_text(route->refused));
	else if (race_is_starved(race))
		conn_refuse(conn, REFUSAL_RESOURCE, strerror(-race->err));
	else if (race->err == -ENOENT)
		conn_refuse(conn, REFUSAL_UNKNOWN_NAME, "no such socket");
	else
		conn_refuse(conn, race->err == -ETIMEDOUT ? REFUSAL_CONNECT_TIMEOUT : REFUSAL_CONNECT,
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
	conn_ready(backend, what);
	greet(conn);
}

static void dial(struct conn *conn)
{
	struct opening *o = conn->opening;

	account_step_over(&conn->account, ACCOUNT_LOOKUP);
	o->race = calloc(1, sizeof(*o->race));
	if (!o->race) {
		conn_refuse(conn, REFUSAL_RESOURCE, NULL);
		return;
	}
	o->race->worker = conn->worker;
	o->race->route = o->route;
	o->race->service = conn->service;
	o->race->client = &conn->client;
	o->race->name = o->preface.name;
	o->race->fn = raced;
	o->race->arg = conn;
	conn_enter(conn, STAGE_DIAL);
	if (!race_run(o->race))
		lost(conn);
}

/* ---- greet ----------------------------------------------------------------- */

static void joined(struct conn *conn);

/* What the server gets before the client's own bytes. PostgreSQL has to agree to them. */
static void greet(struct conn *conn)
{
	uint8_t greeting[GREETING_MAX];
	size_t len = greeting_write(greeting, conn->service, &conn->opening->preface, &conn->client,
				    conn->relay.side[RELAY_CLIENT].fd);
	int fd = conn->relay.side[RELAY_BACKEND].fd;

	account_step_over(&conn->account, ACCOUNT_CONNECT);
	if (conn->opening->preface.asks_postgres) {
		/* A new socket takes as much at once. */
		if (send(fd, greeting, len, MSG_NOSIGNAL) != (ssize_t)len)
			conn_refuse(conn, REFUSAL_GREETING, strerror(errno));
		else
			conn_enter(conn, STAGE_GREET);
	} else if (len && opening_prepend(conn->opening, greeting, len) < 0) {
		conn_refuse(conn, REFUSAL_RESOURCE, NULL);
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
		conn_refuse(conn, REFUSAL_GREETING, wrong);
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
	relay_hold(&conn->relay, RELAY_CLIENT, o->wire, o->wire_len, o->prepended);
	o->wire = NULL;
	conn_leave_opening(conn);
	conn_enter(conn, STAGE_RELAY);
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
		conn_enter(conn, STAGE_RELAY);
		break;
	case RELAY_MORE:
		conn_enter(conn, STAGE_RELAY);
		worker_turn(conn->worker, &conn->turn);
		break;
	case RELAY_HALF_CLOSED:
		conn_enter(conn, STAGE_HALF_CLOSED);
		break;
	case RELAY_CLOSED:
		end(conn, ACCOUNT_CLOSED, conn_close_fin);
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
	conn_enter(conn, STAGE_SILENT);
}

/* ---- what moves a connection on -------------------------------------------- */

static void on_client(void *arg, uint32_t what)
{
	struct conn *conn = arg;

	conn_ready(&conn->relay.side[RELAY_CLIENT], what);
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
		conn_drain_refused(conn);
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

	conn_ready(&conn->relay.side[RELAY_BACKEND], what);
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
		conn_refuse(conn, REFUSAL_HELLO_TIMEOUT, NULL);
		break;
	case STAGE_LOOKUP:
		conn_refuse(conn, REFUSAL_LOOKUP, "timed out");
		break;
	case STAGE_DIAL:
		race_give_up(conn->opening->race);
		lost(conn);
		break;
	case STAGE_GREET:
		conn_refuse(conn, REFUSAL_GREETING_TIMEOUT, NULL);
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
		conn_free(conn, conn_close_fin);
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
	const struct service *service = service_find(worker->services, worker->n_services,
						     &conn->service->at);
	struct opening *o = conn->opening;

	/* Another one may cover the port now. */
	conn->service = service ? service : accept_service(conn->relay.side[RELAY_CLIENT].fd,
							   worker->services, worker->n_services);
	if (!conn->service) {
		conn_refuse(conn, REFUSAL_STOPPED, "its listener is gone");
		return;
	}
	conn->account.mode = conn->service->mode;
	if (o && o->route)
		route_reconfigured(o->route, conn->service);
	if (o && o->race)
		o->race->service = conn->service;
}

/* It was dialled, or is just being dialled, from an address that will be ours no longer. */
static void readdressed(struct deadline *deadline)
{
	struct conn *conn = conn_of(deadline);

	if ((conn->opening ? conn->service->mode : conn->account.mode) != CONFIG_SNI_NAT46)
		return;
	if (conn->opening)
		conn_refuse(conn, REFUSAL_STOPPED, "prefixes.nat46 has changed");
	else
		end(conn, ACCOUNT_STOPPED, tcp_close_reset);
}

static void stopped(struct deadline *deadline)
{
	struct conn *conn = conn_of(deadline);

	switch (conn->stage) {
	case STAGE_HELLO:
	case STAGE_LOOKUP:
	case STAGE_DIAL:
	case STAGE_GREET:
		conn_refuse(conn, REFUSAL_STOPPED, NULL);
		break;
	case STAGE_RELAY:
	case STAGE_SILENT:
	case STAGE_HALF_CLOSED:
		end(conn, ACCOUNT_STOPPED, tcp_close_reset);
		break;
	case STAGE_REFUSED:
	case STAGE_COUNT:
		conn_free(conn, conn_close_fin);
		break;
	}
}

const struct worker_life snid_life = {
	.describe = conn_describe,
	.accepted = accepted,
	.expired = expired,
	.staggered = race_staggered,
	.turn = turn_come,
	.reconfigured = reconfigured,
	.readdressed = readdressed,
	.stopped = stopped,
};
