/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See listening.h. */
#include "listening.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "service.h"
#include "worker.h"

static struct listener *find_listener(struct listener *const *v, size_t n,
				      const struct endpoint *at)
{
	for (size_t i = 0; i < n; i++)
		if (endpoint_equal(accept_endpoint(v[i]), at))
			return v[i];
	return NULL;
}

/* The listener for one address, an old one where there is one. */
static int prepare_listener(struct worker *worker, const struct service *service)
{
	struct listener *listener;
	int err;

	listener = find_listener(worker->listeners, worker->n_listeners, &service->at);
	if (!listener) {
		err = accept_open(&listener, &service->at);
		if (err)
			return err;
		err = accept_start(listener, worker->base, snid_life.accepted, worker);
		if (err) {
			accept_close(listener);
			return err;
		}
	}
	worker->next.listeners[worker->next.n_listeners++] = listener;
	return 0;
}

int listening_prepare(struct worker *worker, const struct config *config,
		      const struct addrmap *map)
{
	size_t n = config->snid.n_listen;

	if (n == 0)
		return 0;
	worker->next.listeners = calloc(n, sizeof(worker->next.listeners[0]));
	worker->next.services = calloc(n, sizeof(worker->next.services[0]));
	if (!worker->next.listeners || !worker->next.services)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		struct service *service = &worker->next.services[i];
		int err;

		service_init(service, config, map, i);
		err = prepare_listener(worker, service);
		if (err)
			return err;
	}
	return 0;
}

static bool has_port(const struct worker *worker, uint16_t port)
{
	for (size_t i = 0; i < worker->n_services; i++)
		if (worker->services[i].at.port == port)
			return true;
	return false;
}

/* Those that the configuration has no longer */
static void retire_others(struct worker *worker)
{
	for (size_t i = 0; i < worker->n_listeners; i++) {
		struct listener *old = worker->listeners[i];

		if (!find_listener(worker->next.listeners, worker->next.n_listeners,
				   accept_endpoint(old)))
			accept_retire(old, &worker->retired);
	}
	free(worker->listeners);
}

/* Unless nobody is there now to take what comes to them */
static void redirect_retired(struct worker *worker)
{
	struct listener *old, *next;

	for (old = LIST_FIRST(&worker->retired); old; old = next) {
		next = accept_next(old);
		if (has_port(worker, accept_endpoint(old)->port))
			accept_redirect(old, worker->services, worker->n_services);
		else
			accept_close(old);
	}
}

struct service *listening_commit(struct worker *worker)
{
	struct service *old = worker->services;

	retire_others(worker);
	worker->listeners = worker->next.listeners;
	worker->n_listeners = worker->next.n_listeners;
	worker->services = worker->next.services;
	worker->n_services = worker->n_listeners;
	for (size_t i = 0; i < worker->n_listeners; i++)
		accept_serve(worker->listeners[i], &worker->services[i]);
	redirect_retired(worker);
	return old;
}

void listening_abandon(struct worker *worker)
{
	for (size_t i = 0; i < worker->next.n_listeners; i++) {
		struct listener *listener = worker->next.listeners[i];

		if (!find_listener(worker->listeners, worker->n_listeners,
				   accept_endpoint(listener)))
			accept_close(listener);
	}
	free(worker->next.listeners);
	free(worker->next.services);
}

void listening_surplus(struct worker *worker)
{
	for (size_t i = 0; i < worker->n_listeners; i++)
		accept_surplus(worker->listeners[i], &worker->retired);
}

void listening_drain(struct worker *worker)
{
	struct listener *old;

	for (size_t i = 0; i < worker->n_listeners; i++)
		accept_rest(worker->listeners[i]);
	for (old = LIST_FIRST(&worker->retired); old; old = accept_next(old))
		accept_rest(old);
	listening_end(worker);
}

void listening_end(struct worker *worker)
{
	for (size_t i = 0; i < worker->n_listeners; i++)
		accept_close(worker->listeners[i]);
	free(worker->listeners);
	worker->listeners = NULL;
	worker->n_listeners = 0;
	while (!LIST_EMPTY(&worker->retired))
		accept_close(LIST_FIRST(&worker->retired));
}
