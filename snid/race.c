/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Connecting to the first server that answers; see race.h. */
#include "race.h"

#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "../core/loop.h"
#include "dial.h"
#include "fails.h"
#include "service.h"
#include "tcp.h"
#include "worker.h"

static bool is_open(const struct race *race)
{
	for (size_t i = 0; i < race->n_tries; i++)
		if (race->tries[i].fd >= 0)
			return true;
	return false;
}

static bool is_bad(void *arg, const struct endpoint *at)
{
	return fails_has(arg, at, loop_now_ms());
}

static void remember(const struct race_try *try)
{
	if (try->at.port)
		fails_add(&try->race->worker->fails, &try->at, loop_now_ms());
}

static void close_try(struct race_try *try)
{
	if (try->fd < 0)
		return;
	watch_forget(try->race->worker->watcher, try->watch);
	close(try->fd);
	try->fd = -1;
}

/* ---- starting one --------------------------------------------------------------- */

/* The address that is judged here is the one that is dialled next. */
static bool next_server(struct race *race, struct endpoint *at)
{
	const struct route_server *server;

	*at = (struct endpoint){ .port = 0 };
	if (race->service->mode == CONFIG_SNI_UNIX)
		return race->n_tries == 0;
	server = route_next(race->route, race->worker->map, race->service);
	if (server)
		*at = server->at;
	return server != NULL;
}

static int dial_server(const struct race *race, const struct endpoint *to)
{
	const struct worker *worker = race->worker;
	struct endpoint from = { .port = race->client->port };

	switch (race->service->mode) {
	case CONFIG_SNI_UNIX:
		return dial_unix(race->service->unix_directory, race->name);
	case CONFIG_SNI_TCP:
		return dial_tcp(NULL, to, &worker->ports);
	case CONFIG_SNI_NAT46:
		break;
	}
	if (!addr_is_v4(&race->client->addr))
		return -EAFNOSUPPORT;
	from.addr = addrmap_nat46_source(worker->map, addr_v4_be32(&race->client->addr));
	return dial_tcp(&from, to, &worker->ports);
}

bool race_is_starved(const struct race *race)
{
	return race->err == -EMFILE || race->err == -ENFILE || race->err == -ENOBUFS ||
	       race->err == -ENOMEM;
}

static void on_try(void *arg, uint32_t what);

/* Return: whether events tell of it now; if not it is closed. */
static bool watch(struct race_try *try, int fd)
{
	try->watch = watch_add(try->race->worker->watcher, fd, on_try, try);
	if (!try->watch) {
		close(fd);
		try->race->err = -ENOMEM;
		return false;
	}
	try->fd = fd;
	return true;
}

/* Start the next one, where there is one. Return: whether any is under way. */
static bool go_on(struct race *race)
{
	struct endpoint at;

	while (race->n_tries < ROUTE_TRIES_MAX && next_server(race, &at)) {
		struct race_try *try = &race->tries[race->n_tries++];
		int fd = dial_server(race, &at);

		*try = (struct race_try){ .race = race, .fd = -1, .at = at };
		if (fd >= 0 && watch(try, fd)) {
			if (route_more(race->route))
				worker_stagger(race->worker, &race->stagger);
			return true;
		}
		if (fd < 0)
			race->err = fd;
		if (race_is_starved(race))
			break;
		remember(try);
	}
	return is_open(race);
}

bool race_run(struct race *race)
{
	route_put_last(race->route, is_bad, &race->worker->fails);
	return go_on(race);
}

/* ---- what becomes of them ---------------------------------------------------------- */

/* Those that started sooner had their chance: they have not answered for longer. */
static void win(struct race *race, struct race_try *winner, uint32_t what)
{
	int fd = winner->fd;

	deadline_leave(&race->stagger);
	for (size_t i = 0; i < race->n_tries; i++) {
		struct race_try *try = &race->tries[i];

		if (try == winner)
			continue;
		if (try < winner && try->fd >= 0)
			remember(try);
		close_try(try);
	}
	if (winner->at.port)
		fails_remove(&race->worker->fails, &winner->at);
	winner->fd = -1;
	race->winner = winner;
	race->fn(race->arg, fd, winner->watch, what);
}

static void on_try(void *arg, uint32_t what)
{
	struct race_try *try = arg;
	struct race *race = try->race;
	/* Most are simply connected, and need not be asked. */
	int err = (what & (EPOLLOUT | EPOLLERR | EPOLLHUP)) == EPOLLOUT ? 0 : tcp_error(try->fd);

	if (err == 0) {
		win(race, try, what);
		return;
	}
	race->err = err;
	remember(try);
	close_try(try);
	deadline_leave(&race->stagger);
	if (!go_on(race))
		race->fn(race->arg, -1, 0, 0);
}

void race_staggered(struct deadline *deadline)
{
	struct race *race = (struct race *)(void *)((char *)deadline -
						    offsetof(struct race, stagger));

	deadline_leave(deadline);
	if (!go_on(race))
		race->fn(race->arg, -1, 0, 0);
}

void race_give_up(struct race *race)
{
	for (size_t i = 0; i < race->n_tries; i++)
		if (race->tries[i].fd >= 0)
			remember(&race->tries[i]);
	race->err = -ETIMEDOUT;
}

void race_end(struct race *race)
{
	deadline_leave(&race->stagger);
	for (size_t i = 0; i < race->n_tries; i++)
		close_try(&race->tries[i]);
}
