/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See conn.h. */
#include "conn.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../core/config.h"
#include "../core/histogram.h"
#include "preface.h"
#include "quota.h"
#include "service.h"
#include "snid.h"
#include "tcp.h"

enum {
	REFUSED_DRAIN_MAX = 256 * 1024,	/* bytes swallowed after a refusal was told */
};

static void conn_close_side(struct conn *conn, enum relay_end end, void (*close_fd)(int fd))
{
	struct relay_side *side = &conn->relay.side[end];

	if (side->fd < 0)
		return;
	watch_forget(conn->worker->watcher, conn->watches[end]);
	close_fd(side->fd);
	*side = (struct relay_side){ .fd = -1 };
}

void conn_close_fin(int fd)
{
	close(fd);
}

void conn_ready(struct relay_side *side, uint32_t what)
{
	const uint32_t over = EPOLLRDHUP | EPOLLHUP | EPOLLERR;

	side->readable |= (what & (EPOLLIN | over)) != 0;
	side->writable |= (what & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0;
	side->hung_up |= (what & over) != 0;
	if ((what & EPOLLPRI) && !side->urgent) {
		tcp_take_urgent(side->fd);
		side->urgent = true;
	}
}

void conn_free(struct conn *conn, void (*close_fd)(int fd))
{
	deadline_leave(&conn->deadline);
	worker_turn_cancel(conn->worker, &conn->turn);
	conn_close_side(conn, RELAY_CLIENT, close_fd);
	conn_close_side(conn, RELAY_BACKEND, close_fd);
	relay_free(&conn->relay, &conn->worker->tools);
	quota_leave(conn->worker->quota, &conn->client);
	worker_count(conn->worker, conn->stage, -1);
	seats_leave(&conn->worker->seats, conn->seat);
	account_free(&conn->account);
	free(conn);
}

void conn_leave_opening(struct conn *conn)
{
	opening_free(conn->opening);
	conn->opening = NULL;
	quota_opened(conn->worker->quota, &conn->client);
}

void conn_enter(struct conn *conn, enum stage stage)
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
void conn_drain_refused(struct conn *conn)
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
	conn_free(conn, conn_close_fin);
}

void conn_turn_away(struct worker *worker, int fd, const struct endpoint *client,
		    const struct service *service, enum refusal refusal)
{
	const struct refused refused = { .client = client, .port = service->at.port, .name = "" };

	refusal_note(refusal, &refused, worker->config->snid.log == CONFIG_SNI_LOG_CONNECTIONS);
	close(fd);
}

static void conn_note(const struct conn *conn, enum refusal refusal, const char *name,
		      const char *why)
{
	const struct refused refused = {
		.client = &conn->client, .port = conn->port, .name = name,
		.server = &conn->account.backend, .why = why,
	};

	refusal_note(refusal, &refused, conn->worker->config->snid.log == CONFIG_SNI_LOG_CONNECTIONS);
}

void conn_refuse(struct conn *conn, enum refusal refusal, const char *why)
{
	const struct preface *said = conn->opening ? &conn->opening->preface : NULL;
	enum refusal_language language = said ? said->language : REFUSAL_SILENT;

	conn_note(conn, refusal, said ? said->name : "", why);
	conn_leave_opening(conn);
	conn_close_side(conn, RELAY_BACKEND, conn_close_fin);
	if (!refusal_say(refusal, language, conn->relay.side[RELAY_CLIENT].fd)) {
		conn_free(conn, conn_close_fin);
		return;
	}
	conn_enter(conn, STAGE_REFUSED);
	conn_drain_refused(conn);
}

/* ---- being looked at --------------------------------------------------------- */

void conn_describe(const void *arg, struct snid_connection *out)
{
	const struct conn *conn = arg;
	const struct account *account = &conn->account;
	const char *name = conn->opening ? conn->opening->preface.name : account->name;

	*out = (struct snid_connection){
		.client = conn->client,
		.backend = account->backend,
		.stage = snid_stage_name(conn->stage),
		.protocol = account_protocol(account->protocol),
		.mode = account_mode(account->mode),
		.bytes_in = conn->relay.bytes[RELAY_CLIENT],
		.bytes_out = conn->relay.bytes[RELAY_BACKEND],
		.age_ms = (histogram_now_us() - account->since_us) / 1000,
	};
	snprintf(out->name, sizeof(out->name), "%s", name ? name : "");
}
