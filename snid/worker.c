/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The room's life: workers, the queues their connections wait in, their listeners and
 * resolvers, and the change from one configuration to the next.
 *
 * One timer serves all deadlines of a worker: it is set to the earliest, and moved only
 * when an earlier one comes.
 *
 * A change has two steps, both while the threads are held. First all that may fail is
 * made ready beside what is in use: sockets bound, resolvers made. Then either every
 * worker goes over to it, which cannot fail, or all of it is taken back.
 */
#include "worker.h"

#include <errno.h>
#include <event2/event.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../core/addrmap.h"
#include "../core/clients.h"
#include "../core/config.h"
#include "../core/hostname.h"
#include "../core/log.h"
#include "../core/loop.h"
#include "../core/throttle.h"
#include "../dns64/resolver.h"
#include "listening.h"
#include "quota.h"
#include "race.h"
#include "resolve.h"
#include "snid.h"
#include "tcp.h"
#include "watch.h"

struct snid {
	struct quota *quota;
	struct resolve_shares lookups;
	struct buffered buffered;	/* kept for receivers */
	struct buffered hellos;		/* kept of who is not joined to a server yet */
	size_t n_workers;
	struct worker **workers;
	struct loop **loops;		/* theirs, for loop_pause() */
	uint32_t reserved;		/* connections that descriptors were reserved for */
};

/* Waits that nobody needs to configure, in milliseconds */
enum {
	LOOKUP_MS = 10000,		/* the resolver gives up sooner, or nearly always */
	HALF_CLOSED_MS = 240000,	/* RFC 5382 REQ-5 grants a closing connection as much */
	REFUSED_MS = 2000,		/* an alert's round trip, generously */
};

/* ---- waiting --------------------------------------------------------------- */

static void set_timer(struct worker *worker, int64_t at_ms)
{
	int64_t left_ms = at_ms - loop_now_ms();
	struct timeval tv;

	/* The clock is coarse: a millisecond more spares a round that finds nothing. */
	left_ms = left_ms < 0 ? 1 : left_ms + 1;
	tv = (struct timeval){ .tv_sec = left_ms / 1000, .tv_usec = left_ms % 1000 * 1000 };
	event_add(worker->deadline_timer, &tv);
	worker->deadline_timer_at_ms = at_ms;
}

static void expire(const struct deadline_queue *queue, int64_t now_ms,
		   void (*expired)(struct deadline *deadline))
{
	while (deadline_at_ms(queue) <= now_ms)
		expired(deadline_first(queue));
}

static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
	struct worker *worker = arg;
	int64_t now_ms = loop_now_ms(), next_ms;

	(void)fd;
	(void)what;
	expire(&worker->stagger, now_ms, snid_life.staggered);
	for (int i = 0; i < STAGE_COUNT; i++)
		expire(&worker->queues[i], now_ms, snid_life.expired);
	next_ms = deadline_at_ms(&worker->stagger);
	for (int i = 0; i < STAGE_COUNT; i++) {
		int64_t at_ms = deadline_at_ms(&worker->queues[i]);

		next_ms = at_ms < next_ms ? at_ms : next_ms;
	}
	worker->deadline_timer_at_ms = INT64_MAX;
	if (next_ms != INT64_MAX)
		set_timer(worker, next_ms);
}

static void wait_in(struct worker *worker, struct deadline *deadline,
		    struct deadline_queue *queue)
{
	int64_t at_ms;

	deadline_enter(deadline, queue, loop_now_ms());
	at_ms = deadline->since_ms + queue->after_ms;
	if (at_ms < worker->deadline_timer_at_ms)
		set_timer(worker, at_ms);
}

void worker_wait(struct worker *worker, struct deadline *deadline, enum stage stage)
{
	wait_in(worker, deadline, &worker->queues[stage]);
}

void worker_stagger(struct worker *worker, struct deadline *deadline)
{
	wait_in(worker, deadline, &worker->stagger);
}

/* Only the worker's own thread writes: it takes no lock. */
void worker_count(struct worker *worker, enum stage stage, int change)
{
	_Atomic uint32_t *count = &worker->in_stage[stage];

	atomic_store_explicit(count, atomic_load_explicit(count, memory_order_relaxed) +
				     (uint32_t)change, memory_order_relaxed);
}

static void on_turn(evutil_socket_t fd, short what, void *arg)
{
	struct worker *worker = arg;
	/* Those that queue up again meanwhile belong to the next round. A turn touches no
	 * queued object but its own, so the last one stays the last of this round. */
	const struct turn *last = TAILQ_LAST(&worker->turns, turn_queue);
	struct turn *turn = NULL;

	(void)fd;
	(void)what;
	while (turn != last) {
		turn = TAILQ_FIRST(&worker->turns);
		worker_turn_cancel(worker, turn);
		snid_life.turn(turn);
	}
}

void worker_turn(struct worker *worker, struct turn *turn)
{
	static const struct timeval at_once = { 0 };

	if (turn->queued)
		return;
	turn->queued = true;
	TAILQ_INSERT_TAIL(&worker->turns, turn, entry);
	if (!evtimer_pending(worker->turn_timer, NULL))
		event_add(worker->turn_timer, &at_once);
}

void worker_turn_cancel(struct worker *worker, struct turn *turn)
{
	if (turn->queued)
		TAILQ_REMOVE(&worker->turns, turn, entry);
	turn->queued = false;
}

/* ---- a change of configuration --------------------------------------------- */

/* Without listeners nothing is looked up, so no resolver is made; one that is there stays
 * for what is pending. */
static bool wants_resolver(const struct worker *worker, const struct config *config)
{
	if (!worker->resolver)
		return config->snid.n_listen > 0;
	return !resolver_setup_equal(worker->config, config);
}

static int prepare(struct worker *worker, const struct config *config,
		   const struct addrmap *map)
{
	int err = listening_prepare(worker, config, map);

	if (err || !wants_resolver(worker, config))
		return err;
	worker->next.resolver = resolver_new(worker->base, config);
	return worker->next.resolver ? 0 : -EIO;
}

static void forget_prepared(struct worker *worker)
{
	memset(&worker->next, 0, sizeof(worker->next));
}

static void set_timeouts(struct worker *worker, const struct config *config)
{
	uint32_t idle_ms = config->snid.limits.idle_timeout_ms;
	uint32_t relay_ms = idle_ms < TCP_SILENT_MS ? idle_ms : TCP_SILENT_MS;
	const uint32_t after_ms[STAGE_COUNT] = {
		[STAGE_HELLO] = config->snid.limits.hello_timeout_ms,
		[STAGE_LOOKUP] = LOOKUP_MS,
		[STAGE_DIAL] = config->snid.limits.connect_timeout_ms,
		[STAGE_GREET] = config->snid.limits.connect_timeout_ms,
		[STAGE_RELAY] = relay_ms,
		[STAGE_SILENT] = idle_ms - relay_ms,
		[STAGE_HALF_CLOSED] = HALF_CLOSED_MS,
		[STAGE_REFUSED] = REFUSED_MS,
	};

	for (int i = 0; i < STAGE_COUNT; i++)
		worker->queues[i].after_ms = after_ms[i];
	/* A timeout that became shorter may be over already. */
	set_timer(worker, loop_now_ms());
}

/* @fn may take them out of the queue, or to its end. */
static void each_waiting(struct worker *worker, enum stage stage,
			 void (*fn)(struct deadline *deadline))
{
	struct deadline *deadline = deadline_first(&worker->queues[stage]), *next;
	const struct deadline *last = deadline_last(&worker->queues[stage]);

	for (; deadline; deadline = next) {
		next = deadline == last ? NULL : TAILQ_NEXT(deadline, entry);
		fn(deadline);
	}
}

static uint32_t count_dialled(const struct worker *worker)
{
	uint32_t n = 0;

	for (enum stage stage = STAGE_DIAL; stage < STAGE_REFUSED; stage++)
		n += worker->in_stage[stage];
	return n;
}

/* The host is about to know no way to the addresses in the old NAT46 prefix: connections from
 * there would only hang. */
static void leave_prefix(struct snid *snid, const struct addrmap *map)
{
	const struct addrmap *old = snid->workers[0]->map;
	char text[PREFIX_STRLEN];
	uint32_t n = 0;

	if (!old || prefix_equal(&old->nat46, &map->nat46))
		return;
	for (size_t i = 0; i < snid->n_workers; i++) {
		n += count_dialled(snid->workers[i]);
		for (enum stage stage = STAGE_DIAL; stage < STAGE_REFUSED; stage++)
			each_waiting(snid->workers[i], stage, snid_life.readdressed);
		n -= count_dialled(snid->workers[i]);
	}
	if (n)
		log_warn("snid: prefixes.nat46 is no longer %s: %u connections from there are reset",
			 prefix_format(&old->nat46, text), n);
}

/* What was asked of the old one is asked of the new one. */
static void replace_resolver(struct worker *worker, const struct config *config)
{
	struct resolver *old = worker->resolver;

	if (worker->next.resolver)
		worker->resolver = worker->next.resolver;
	resolve_set(worker->resolve, worker->resolver, config->dns64.cache.serve_stale_ms);
	if (worker->next.resolver)
		resolver_free(old);
}

/* Those that are still to be joined go by the new settings from here on. */
static void replace_services(struct worker *worker)
{
	struct service *old = listening_commit(worker);

	for (enum stage stage = STAGE_HELLO; stage < STAGE_RELAY; stage++)
		each_waiting(worker, stage, snid_life.reconfigured);
	free(old);
}

static void commit(struct worker *worker, const struct config *config,
		   const struct addrmap *map)
{
	if (config != worker->config)
		resolve_flush(worker->resolve, NULL, false);
	worker->config = config;
	worker->map = map;
	dial_ports_read(&worker->ports);
	set_timeouts(worker, config);
	replace_services(worker);
	replace_resolver(worker, config);
	forget_prepared(worker);
}

static void abandon(struct worker *worker)
{
	listening_abandon(worker);
	resolver_free(worker->next.resolver);
	forget_prepared(worker);
}

/* ---- the room -------------------------------------------------------------- */

static void free_worker(struct worker *worker)
{
	if (!worker)
		return;
	if (worker->loop)
		loop_stop(worker->loop);
	for (int i = 0; i < STAGE_COUNT; i++) {
		while (deadline_first(&worker->queues[i]))
			snid_life.stopped(deadline_first(&worker->queues[i]));
	}
	pipe_pool_free(&worker->tools.pipes);
	listening_end(worker);
	free(worker->services);
	resolver_free(worker->resolver);
	resolve_free(worker->resolve);
	if (worker->deadline_timer)
		event_free(worker->deadline_timer);
	if (worker->turn_timer)
		event_free(worker->turn_timer);
	watcher_free(worker->watcher);
	loop_free(worker->loop);
	seats_free(&worker->seats);
	free(worker);
}

static struct worker *new_worker(const char *name, struct snid *snid)
{
	struct worker *worker = calloc(1, sizeof(*worker));

	if (!worker)
		return NULL;
	worker->quota = snid->quota;
	worker->hellos = &snid->hellos;
	worker->tools.scratch = worker->scratch;
	worker->tools.buffered = &snid->buffered;
	TAILQ_INIT(&worker->turns);
	LIST_INIT(&worker->retired);
	for (int i = 0; i < STAGE_COUNT; i++)
		deadline_queue_init(&worker->queues[i], 0);
	worker->deadline_timer_at_ms = INT64_MAX;
	deadline_queue_init(&worker->stagger, RACE_STAGGER_MS);
	worker->resolve = resolve_new(&snid->lookups);
	if (!worker->resolve)
		goto fail;
	worker->loop = loop_new(name);
	if (!worker->loop)
		goto fail;
	worker->base = loop_base(worker->loop);
	worker->deadline_timer = evtimer_new(worker->base, on_deadline, worker);
	worker->turn_timer = evtimer_new(worker->base, on_turn, worker);
	worker->watcher = watcher_new(worker->base);
	if (!worker->deadline_timer || !worker->turn_timer || !worker->watcher)
		goto fail;
	return worker;
fail:
	free_worker(worker);
	return NULL;
}

static int new_workers(struct snid *snid)
{
	unsigned int n = loop_worker_count();

	snid->workers = calloc(n, sizeof(snid->workers[0]));
	snid->loops = calloc(n, sizeof(snid->loops[0]));
	if (!snid->workers || !snid->loops)
		return -ENOMEM;
	for (; snid->n_workers < n; snid->n_workers++) {
		struct worker *worker;
		char name[16];

		snprintf(name, sizeof(name), "snid-%zu", snid->n_workers);
		worker = new_worker(name, snid);
		if (!worker)
			return -ENOMEM;
		snid->workers[snid->n_workers] = worker;
		snid->loops[snid->n_workers] = worker->loop;
	}
	return 0;
}

int snid_new(struct snid **out, const struct config *config, const struct addrmap *map)
{
	struct snid *snid = calloc(1, sizeof(*snid));
	int err = -ENOMEM;

	if (!snid)
		goto fail;
	snid->quota = quota_new();
	snid->lookups.clients = clients_new();
	snid->lookups.throttle = throttle_new();
	if (!snid->quota || !snid->lookups.clients || !snid->lookups.throttle)
		goto fail;
	err = new_workers(snid);
	if (err)
		goto fail;
	err = snid_reconfigure(snid, config, map);
	if (err)
		goto free_snid;
	listening_surplus(snid->workers[0]);
	*out = snid;
	return 0;

fail:
	log_error("snid: cannot start: %s", strerror(-err));
free_snid:
	snid_free(snid);
	return err;
}

int snid_start(struct snid *snid, int (*enter_thread)(void))
{
	for (size_t i = 0; i < snid->n_workers; i++) {
		int err = loop_start(snid->loops[i], enter_thread);

		if (err) {
			log_error("snid: cannot start a worker: %s", strerror(-err));
			return err;
		}
	}
	return 0;
}

static void set_limits(struct snid *snid, const struct config *config)
{
	uint32_t connections = config->snid.limits.connections;

	if (config->snid.n_listen > 0 && connections != snid->reserved) {
		accept_reserve(connections);
		snid->reserved = connections;
	}
	quota_configure(snid->quota, config);
	clients_set_limits(snid->lookups.clients, UINT32_MAX,
			   config->snid.limits.lookups_per_client);
	atomic_store(&snid->lookups.new_per_client, config->snid.limits.new_lookups_per_client);
	atomic_store(&snid->buffered.max, config->snid.limits.buffered);
	atomic_store(&snid->hellos.max, config->snid.limits.buffered);
}

int snid_reconfigure(struct snid *snid, const struct config *config,
		     const struct addrmap *map)
{
	int err = 0;

	resolvers_hold();	/* first: while they are paused nothing is waited for */
	loop_pause(snid->loops, snid->n_workers);
	for (size_t i = 0; i < snid->n_workers && !err; i++)
		err = prepare(snid->workers[i], config, map);
	if (!err)
		leave_prefix(snid, map);
	for (size_t i = 0; i < snid->n_workers; i++) {
		if (err)
			abandon(snid->workers[i]);
		else
			commit(snid->workers[i], config, map);
	}
	if (!err)
		set_limits(snid, config);
	else if (err == -ENOMEM)
		log_error("snid: out of memory");
	loop_resume(snid->loops, snid->n_workers);
	resolvers_let_go();
	return err;
}

struct worker *snid_worker(struct snid *snid, size_t i)
{
	return i < snid->n_workers ? snid->workers[i] : NULL;
}

void snid_listening(struct snid *snid, void (*tell)(void *arg, const struct endpoint *at, int fd),
		    void *arg)
{
	for (size_t i = 0; i < snid->n_workers; i++) {
		const struct worker *worker = snid->workers[i];

		for (size_t j = 0; j < worker->n_listeners; j++)
			tell(arg, accept_endpoint(worker->listeners[j]),
			     accept_fd(worker->listeners[j]));
	}
}

void snid_drain(struct snid *snid)
{
	loop_pause(snid->loops, snid->n_workers);
	for (size_t i = 0; i < snid->n_workers; i++)
		listening_drain(snid->workers[i]);
	loop_resume(snid->loops, snid->n_workers);
}

static int prepare_resolver(struct worker *worker)
{
	if (!worker->resolver)
		return 0;
	worker->next.resolver = resolver_new(worker->base, worker->config);
	return worker->next.resolver ? 0 : -EIO;
}

/* A change of nothing but the resolvers */
int snid_flush(struct snid *snid, const char *name, bool below, size_t *n_forgotten)
{
	char one_form[HOSTNAME_STRLEN];
	int err = 0;

	*n_forgotten = 0;
	/* What is no name for us is none that we know. */
	if (name && hostname_normalise((const uint8_t *)name, strlen(name), one_form))
		return 0;
	resolvers_hold();
	loop_pause(snid->loops, snid->n_workers);
	for (size_t i = 0; i < snid->n_workers && !err; i++)
		err = prepare_resolver(snid->workers[i]);
	for (size_t i = 0; i < snid->n_workers; i++) {
		struct worker *worker = snid->workers[i];

		if (err) {
			resolver_free(worker->next.resolver);
		} else {
			*n_forgotten += resolve_flush(worker->resolve, name ? one_form : NULL,
						      below);
			replace_resolver(worker, worker->config);
		}
		forget_prepared(worker);
	}
	loop_resume(snid->loops, snid->n_workers);
	resolvers_let_go();
	return err;
}

void snid_gauges(struct snid *snid, struct snid_gauges *out)
{
	quota_gauges(snid->quota, out);
	for (int stage = 0; stage < STAGE_COUNT; stage++) {
		out->stages[stage] = 0;
		for (size_t i = 0; i < snid->n_workers; i++)
			out->stages[stage] += atomic_load_explicit(
				&snid->workers[i]->in_stage[stage], memory_order_relaxed);
	}
	out->buffered_bytes = atomic_load(&snid->buffered.bytes);
	out->buffered_bytes_max = atomic_load(&snid->buffered.max);
	out->hello_bytes = atomic_load(&snid->hellos.bytes);
	out->hello_bytes_max = atomic_load(&snid->hellos.max);
}

void snid_free(struct snid *snid)
{
	if (!snid)
		return;
	for (size_t i = 0; i < snid->n_workers; i++)
		free_worker(snid->workers[i]);
	free(snid->workers);
	free(snid->loops);
	quota_free(snid->quota);
	clients_free(snid->lookups.clients);
	throttle_free(snid->lookups.throttle);
	free(snid);
}
