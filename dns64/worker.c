/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The room's life: workers, their sockets and resolvers, and the change from one
 * configuration to the next. Starting is such a change too, from nothing.
 *
 * A change has two steps. First all that can fail is made ready beside what is
 * in use: sockets bound, resolvers made, a cache allocated. Then the workers are
 * held between two events, everything is exchanged, and they go on.
 */
#include "worker.h"

#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "../core/clients.h"
#include "../core/config.h"
#include "../core/log.h"
#include "../core/loop.h"
#include "../core/throttle.h"
#include "cache.h"
#include "dns64.h"
#include "lookup.h"
#include "resolver.h"
#include "selfask.h"
#include "tcp.h"
#include "tls.h"
#include "top.h"
#include "udp.h"

enum {
	/* RFC 6147 5.1.3 leaves to us how long AAAA is waited for: with A at hand, so
	 * long that the client is answered within 2 s. */
	AAAA_WAIT_MS = 1500,
	PATIENCE_MS = 1800,	/* RFC 8767 5: the client response timer */
	RETIRED_S = 5,		/* by then the questions to a resolver are over, as a rule */
};

/* What is made ready for a change */
struct change {
	struct dns64 *dns64;
	const struct config *config;
	const struct addrmap *map;
	struct cache *cache;		/* NULL: the present one stays */
	bool forget;			/* what it holds: all, or of one name */
	const struct name *name;
	bool below;			/* and those below it */
	size_t n_forgotten;
	bool resolvers;			/* each worker gets a new one, or none any more */
	struct tls *tls;		/* the room's own, another, or none */
};

/* ---- what must change ------------------------------------------------------------- */

/* Where to listen, and how */
struct address {
	struct endpoint at;
	bool tls;
};

static size_t n_addresses(const struct config *config)
{
	size_t n = config->dns64.listen.n;

	if (!config->dns64.enabled)
		return 0;
	return config->dns64.tls.cert ? 2 * n : n;
}

/* First all the plain ones, then the same for TLS. */
static struct address nth_address(const struct config *config, size_t i)
{
	size_t n = config->dns64.listen.n;
	struct address address = { .tls = i >= n };

	address.at = config->dns64.listen.v[address.tls ? i - n : i];
	if (address.tls)
		address.at.port = (uint16_t)config->dns64.tls.port;
	return address;
}

static bool is_at(const struct listener *listener, const struct address *address)
{
	return listener->tls == address->tls && endpoint_equal(&listener->at, &address->at);
}

static bool is_wanted(const struct config *config, const struct listener *listener)
{
	for (size_t i = 0; i < n_addresses(config); i++) {
		struct address address = nth_address(config, i);

		if (is_at(listener, &address))
			return true;
	}
	return false;
}

static bool is_listening(const struct listeners *listeners, const struct address *address)
{
	struct listener *listener;

	STAILQ_FOREACH(listener, listeners, link)
		if (is_at(listener, address))
			return true;
	return false;
}

/* Is there any that speaks TLS, or does not? */
static bool has_kind(const struct listeners *listeners, bool tls)
{
	struct listener *listener;

	STAILQ_FOREACH(listener, listeners, link)
		if (listener->tls == tls)
			return true;
	return false;
}

/* All settings of ours can make other answers, but for these. */
static bool makes_answers(const char *path)
{
	static const char *const others[] = { "dns64.listen", "dns64.clients", "dns64.cache.",
					     "dns64.limits.", "dns64.tls." };

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (strncmp(path, others[i], strlen(others[i])) == 0)
			return false;
	return strncmp(path, "dns64.", 6) == 0 || strncmp(path, "prefixes.", 9) == 0 ||
	       strcmp(path, "nat64.deny4") == 0;
}

/* ---- first step ------------------------------------------------------------------- */

struct prepare {
	struct worker *worker;
	const struct config *config;
};

static int make_resolver(void *arg)
{
	struct prepare *prepare = arg;
	struct worker *worker = prepare->worker;

	worker->next.resolver = resolver_new(worker->base, prepare->config);
	if (worker->next.resolver)
		worker->next.renewer = resolver_new(worker->base, prepare->config);
	return worker->next.renewer ? 0 : -EINVAL;
}

static int prepare_resolvers(struct change *change)
{
	struct dns64 *dns64 = change->dns64;
	int err = 0;

	change->resolvers = change->resolvers || !dns64->room.config ||
			    dns64->room.config->dns64.enabled != change->config->dns64.enabled ||
			    !resolver_setup_equal(dns64->room.config, change->config);
	if (!change->resolvers || !change->config->dns64.enabled)
		return 0;
	resolvers_hold();
	for (unsigned int i = 0; i < dns64->n_workers && !err; i++) {
		struct prepare prepare = { &dns64->workers[i], change->config };

		err = loop_call(dns64->loops[i], make_resolver, &prepare);
	}
	resolvers_let_go();
	return err;
}

/* Bind one address for every worker, from the main thread, which may. */
static int prepare_listener(struct dns64 *dns64, const struct address *address)
{
	int err = 0;

	for (unsigned int i = 0; i < dns64->n_workers && !err; i++) {
		struct worker *worker = &dns64->workers[i];
		struct listener *listener;

		err = listen_new(&listener, worker, &address->at, address->tls);
		if (!err)
			STAILQ_INSERT_TAIL(&worker->next.listeners, listener, link);
	}
	return err;
}

static int prepare_listeners(struct change *change)
{
	const struct worker *first = &change->dns64->workers[0];
	size_t n = n_addresses(change->config);
	int err = 0;

	for (size_t i = 0; i < n && !err; i++) {
		struct address address = nth_address(change->config, i);

		/* Only before there is any: beside a wildcard of our own it would always fail. */
		if (!has_kind(&first->listeners, address.tls))
			err = listen_probe(&address.at, address.tls);
	}
	for (size_t i = 0; i < n && !err; i++) {
		struct address address = nth_address(change->config, i);

		if (!is_listening(&first->listeners, &address) &&
		    !is_listening(&first->next.listeners, &address))
			err = prepare_listener(change->dns64, &address);
	}
	return err;
}

/* The files are read for each new configuration, so that a reload takes renewed ones; a change
 * of the network alone must not depend on them. */
static int prepare_tls(struct change *change)
{
	const struct config *config = change->config, *old = change->dns64->room.config;

	change->tls = change->dns64->room.tls;
	if (config == old)
		return 0;
	change->tls = NULL;
	if (!config->dns64.enabled || !config->dns64.tls.cert)
		return 0;
	return tls_new(&change->tls, config->dns64.tls.cert, config->dns64.tls.key);
}

static int prepare_cache(struct change *change)
{
	const struct config *old = change->dns64->room.config;

	if (old && old->dns64.cache.size == change->config->dns64.cache.size)
		return 0;
	/* The analyser thinks of a flush before there is any configuration. */
	/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference) */
	change->cache = cache_new(change->config->dns64.cache.size);
	return change->cache ? 0 : -ENOMEM;
}

static void free_listeners(struct listeners *listeners)
{
	struct listener *listener;

	while ((listener = STAILQ_FIRST(listeners)) != NULL) {
		STAILQ_REMOVE_HEAD(listeners, link);
		listen_free(listener);
	}
}

static int unmake(void *arg)
{
	struct worker *worker = arg;

	free_listeners(&worker->next.listeners);
	resolver_free(worker->next.resolver);
	resolver_free(worker->next.renewer);
	worker->next.resolver = worker->next.renewer = NULL;
	return 0;
}

static void change_undo(struct change *change)
{
	for (unsigned int i = 0; i < change->dns64->n_workers; i++)
		loop_call(change->dns64->loops[i], unmake, &change->dns64->workers[i]);
	cache_free(change->cache);
	if (change->tls != change->dns64->room.tls)
		tls_free(change->tls);
}

static int change_prepare(struct change *change)
{
	int err = selfask_check(change->config, change->map);

	/* Where it is the network that has changed, that goes on all the same. */
	if (!err || change->config == change->dns64->room.config)
		err = prepare_cache(change);
	if (!err)
		err = prepare_tls(change);
	if (!err)
		err = prepare_listeners(change);
	if (!err)
		err = prepare_resolvers(change);
	if (err)
		change_undo(change);
	return err;
}

/* ---- second step ------------------------------------------------------------------- */

struct follow {
	struct worker *worker;
	const struct change *change;
};

static void retired_free(struct retired *retired)
{
	LIST_REMOVE(retired, link);
	event_free(retired->end);
	resolver_free(retired->resolver);
	free(retired);
}

static void on_retired(evutil_socket_t fd, short what, void *arg)
{
	struct timeval again = { .tv_sec = RETIRED_S };
	struct retired *retired = arg;

	(void)fd;
	(void)what;
	if (resolver_is_idle(retired->resolver))
		retired_free(retired);
	else
		evtimer_add(retired->end, &again);
}

/* Its questions go on; when the last must be over, so is it. */
static void retire(struct worker *worker, struct resolver *resolver)
{
	struct timeval end = { .tv_sec = RETIRED_S };
	struct retired *retired = calloc(1, sizeof(*retired));

	if (retired)
		retired->end = evtimer_new(worker->base, on_retired, retired);
	if (!retired || !retired->end) {
		free(retired);
		dns64_abandon(worker);
		resolver_free(resolver);
		return;
	}
	retired->resolver = resolver;
	LIST_INSERT_HEAD(&worker->retired, retired, link);
	evtimer_add(retired->end, &end);
}

static void swap_listeners(struct worker *worker, const struct config *config)
{
	struct listeners old = STAILQ_HEAD_INITIALIZER(old);
	struct listener *listener;

	STAILQ_CONCAT(&old, &worker->listeners);
	while ((listener = STAILQ_FIRST(&old)) != NULL) {
		STAILQ_REMOVE_HEAD(&old, link);
		if (is_wanted(config, listener))
			STAILQ_INSERT_TAIL(&worker->listeners, listener, link);
		else
			listen_free(listener);
	}
	while ((listener = STAILQ_FIRST(&worker->next.listeners)) != NULL) {
		STAILQ_REMOVE_HEAD(&worker->next.listeners, link);
		STAILQ_INSERT_TAIL(&worker->listeners, listener, link);
		if (listen_start(listener) < 0)
			log_error("dns64: out of memory for a listener");
	}
}

static void swap_resolvers(struct worker *worker)
{
	struct resolver *old = worker->resolver, *old_renewer = worker->renewer;

	worker->resolver = worker->next.resolver;
	worker->renewer = worker->next.renewer;
	worker->next.resolver = worker->next.renewer = NULL;
	if (old)
		retire(worker, old);
	if (old_renewer)
		retire(worker, old_renewer);
}

/* In the worker's thread, after the shared part has changed */
static int follow(void *arg)
{
	const struct change *change = ((struct follow *)arg)->change;
	struct worker *worker = ((struct follow *)arg)->worker;

	swap_listeners(worker, change->config);
	if (!change->config->dns64.enabled)
		tcp_close_all(worker);
	if (change->resolvers)
		swap_resolvers(worker);
	worker->epoch = worker->room->epoch;
	return 0;
}

/* While the workers are held */
static void exchange_shared(struct change *change)
{
	struct room *room = &change->dns64->room;
	struct cache *old_cache = room->cache;
	struct cache_policy policy = {
		.stale_s = change->config->dns64.cache.serve_stale_ms / 1000,
		.renew = change->config->dns64.cache.prefetch,
	};

	room->config = change->config;
	room->map = change->map;
	room->tls = change->tls;
	if (change->forget)
		room->epoch++;
	if (change->cache) {
		room->cache = change->cache;
		change->cache = old_cache;
	} else if (change->forget && !change->name) {
		change->n_forgotten = cache_flush(room->cache);
	}
	cache_set_policy(room->cache, &policy);
	clients_set_limits(room->tcp_clients, change->config->dns64.limits.tcp_connections,
			   change->config->dns64.limits.tcp_per_client);
}

static void change_commit(struct change *change)
{
	struct dns64 *dns64 = change->dns64;
	struct tls *old_tls = dns64->room.tls;

	change->forget = change->forget || change->resolvers ||
			 !config_same(dns64->room.config, change->config, makes_answers);
	loop_pause(dns64->loops, dns64->n_workers);
	exchange_shared(change);
	loop_resume(dns64->loops, dns64->n_workers);
	cache_free(change->cache);
	if (old_tls != change->tls)
		tls_free(old_tls);
	/* What is under way from before is of an earlier epoch: it does not get in again. */
	if (change->name)
		change->n_forgotten = cache_flush_name(dns64->room.cache, change->name,
						       change->below);

	for (unsigned int i = 0; i < dns64->n_workers; i++) {
		struct follow arg = { &dns64->workers[i], change };

		loop_call(dns64->loops[i], follow, &arg);
	}
}

int dns64_reconfigure(struct dns64 *dns64, const struct config *config,
		      const struct addrmap *map)
{
	struct change change = { .dns64 = dns64, .config = config, .map = map };
	int err = change_prepare(&change);

	if (!err)
		change_commit(&change);
	return err;
}

/* A change to what there is already, but for what was learnt. */
int dns64_flush(struct dns64 *dns64, const struct name *name, bool below, size_t *n_forgotten)
{
	struct change change = {
		.dns64 = dns64,
		.config = dns64->room.config,
		.map = dns64->room.map,
		.resolvers = true,
		.forget = true,
		.name = name,
		.below = below,
	};
	int err = change_prepare(&change);

	if (err)
		return err;
	change_commit(&change);
	*n_forgotten = change.n_forgotten;
	return 0;
}

/* ---- workers ------------------------------------------------------------------------ */

static int worker_init(struct dns64 *dns64, unsigned int i)
{
	struct timeval wait = { .tv_sec = AAAA_WAIT_MS / 1000,
				.tv_usec = AAAA_WAIT_MS % 1000 * 1000 };
	struct timeval patience = { .tv_sec = PATIENCE_MS / 1000,
				    .tv_usec = PATIENCE_MS % 1000 * 1000 };
	struct worker *worker = &dns64->workers[i];
	char name[16];

	snprintf(name, sizeof(name), "dns64/%hu", (unsigned short)i);
	worker->room = &dns64->room;
	LIST_INIT(&worker->retired);
	STAILQ_INIT(&worker->listeners);
	STAILQ_INIT(&worker->next.listeners);
	LIST_INIT(&worker->clients);
	cookie_init(&worker->cookies, &dns64->room.cookie_root);
	worker->loop = dns64->loops[i] = loop_new(name);
	worker->udp = udp_batch_new();
	worker->top = top_new();
	if (!worker->loop || !worker->udp || !worker->top)
		return -ENOMEM;
	worker->base = loop_base(worker->loop);
	worker->aaaa_wait = event_base_init_common_timeout(worker->base, &wait);
	worker->patience = event_base_init_common_timeout(worker->base, &patience);
	worker->lookups = lookups_new(worker->base, &dns64->room.secret, dns64_go_on, worker);
	return worker->aaaa_wait && worker->patience && worker->lookups ? 0 : -ENOMEM;
}

static void worker_end(struct worker *worker)
{
	struct retired *retired;

	if (worker->loop)
		loop_stop(worker->loop);
	free_listeners(&worker->listeners);
	if (worker->lookups)
		dns64_abandon(worker);
	tcp_close_all(worker);
	/* The analyser cannot follow le_prev, by which the list forgets it. */
	while ((retired = LIST_FIRST(&worker->retired)) != NULL)
		retired_free(retired);	/* NOLINT(clang-analyzer-unix.Malloc) */
	resolver_free(worker->resolver);
	resolver_free(worker->renewer);
	lookups_free(worker->lookups);	/* their questions are gone now */
	udp_batch_free(worker->udp);
	top_free(worker->top);
	free(worker->known.v);
	loop_free(worker->loop);
}

int dns64_new(struct dns64 **out, const struct config *config, const struct addrmap *map)
{
	struct dns64 *dns64 = calloc(1, sizeof(*dns64));
	unsigned int n = loop_worker_count();
	int err = -ENOMEM;

	if (!dns64)
		return -ENOMEM;
	if (getrandom(&dns64->room.secret, sizeof(dns64->room.secret), 0) < 0 ||
	    getrandom(&dns64->room.cookie_root, sizeof(dns64->room.cookie_root), 0) < 0) {
		err = -errno;
		goto fail;
	}
	dns64->room.throttle = throttle_new();
	dns64->room.tcp_clients = clients_new();
	if (!dns64->room.throttle || !dns64->room.tcp_clients)
		goto fail;
	dns64->workers = calloc(n, sizeof(*dns64->workers));
	dns64->loops = calloc(n, sizeof(struct loop *));
	if (!dns64->workers || !dns64->loops)
		goto fail;
	while (dns64->n_workers < n) {
		err = worker_init(dns64, dns64->n_workers++);
		if (err)
			goto fail;
	}
	err = dns64_reconfigure(dns64, config, map);
	if (err)
		goto fail;
	*out = dns64;
	return 0;
fail:
	dns64_free(dns64);
	return err;
}

int dns64_start(struct dns64 *dns64, int (*enter)(void))
{
	for (unsigned int i = 0; i < dns64->n_workers; i++) {
		int err = loop_start(dns64->loops[i], enter);

		if (err)
			return err;
	}
	return 0;
}

void dns64_gauges(struct dns64 *dns64, struct dns64_gauges *out)
{
	struct cache_usage usage;

	cache_usage(dns64->room.cache, &usage);
	*out = (struct dns64_gauges){
		.cache_entries = usage.entries,
		.cache_bytes = usage.bytes,
		.cache_bytes_max = usage.bytes_max,
	};
	for (unsigned int i = 0; i < dns64->n_workers; i++) {
		out->queries_pending += lookups_pending(dns64->workers[i].lookups);
		out->tcp_connections += dns64->workers[i].n_clients;
	}
}

void dns64_free(struct dns64 *dns64)
{
	if (!dns64)
		return;
	for (unsigned int i = 0; i < dns64->n_workers; i++)
		worker_end(&dns64->workers[i]);
	cache_free(dns64->room.cache);
	throttle_free(dns64->room.throttle);
	clients_free(dns64->room.tcp_clients);
	tls_free(dns64->room.tls);
	free(dns64->workers);
	free(dns64->loops);
	free(dns64);
}
