/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The room's life: workers made, started, carried over to a new configuration, and
 * ended (nat64.h). What a packet goes through stands in nat64.c.
 */
#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../core/addrmap.h"
#include "../core/config.h"
#include "../core/log.h"
#include "../core/loop.h"
#include "../core/stats.h"
#include "bib.h"
#include "eam.h"
#include "emit.h"
#include "fast.h"
#include "fast_pins.h"
#include "flow.h"
#include "fragment.h"
#include "hostports.h"
#include "ipid.h"
#include "journal.h"
#include "mtu.h"
#include "nat64.h"
#include "pool4.h"
#include "probe.h"
#include "queue.h"
#include "refuse.h"
#include "room.h"
#include "statics.h"
#include "way.h"
#include "worker.h"

enum { EXPIRE_EVERY_MS = 500 };

/* ---- a worker's events ---------------------------------------------------------- */

static void batch_begin(void *arg, int64_t now_ms)
{
	struct worker *worker = arg;

	worker->now_ms = now_ms;
}

static enum verdict batch_packet(void *arg, uint32_t id, uint8_t *data, size_t len, bool from_host)
{
	struct worker *worker = arg;

	worker->from_host = from_host;
	return nat64_packet(worker, id, data, len);
}

static void batch_end(void *arg)
{
	struct worker *worker = arg;

	emit_flush(worker->emit);
	fragments_flush(worker->fragments);
}

static void release_fragment(void *arg, const struct packet *head, uint32_t held_id, bool accept)
{
	struct worker *worker = arg;
	struct in6_addr v6;

	/* What is sent to a mapped address is never the host's: it would forward it. */
	if (addrmap_eam_to6(worker->map, addr_v4_be32(&head->dst), &v6))
		accept = false;
	queue_verdict(worker->queue, held_id, accept ? VERDICT_ACCEPT : VERDICT_TAKEN);
}

static void connection_idle(void *arg, const struct flow *flow)
{
	struct worker *worker = arg;

	probe_send(worker->emit, flow);
	stats_inc(STAT_NAT64_PROBE_SENT);
}

static void syn_unwanted(void *arg, const struct flow_syn *syn)
{
	refuse_unwanted_syn(arg, syn);
}

/* RFC 4301 5.1: what policies protect must not leave in the clear; and the packets of a
 * flow take one way, whichever path is theirs. */
static void look_for_policies(const struct worker *worker)
{
	if (worker->ways)
		fast_pause(worker->fast, way_ipsec(worker->ways) || way_told_apart(worker->ways));
}

static void on_expire(evutil_socket_t fd, short what, void *arg)
{
	struct worker *worker = arg;
	struct flow_watcher watcher = { connection_idle, syn_unwanted, worker };
	int64_t now_ms = loop_now_ms();

	(void)fd;
	(void)what;
	worker->now_ms = now_ms;
	stats_add(STAT_NAT64_SESSION_END,
		  flow_expire(worker->flows, worker->index, worker->count, now_ms, &watcher));
	emit_flush(worker->emit);
	stats_add(STAT_NAT64_DROP_FRAGMENT,
		  fragments_expire(worker->fragments, now_ms,
				   worker->config->nat64.timeouts.fragment_ms));
	look_for_policies(worker);
	if (worker->index == 0)
		pool4_sweep(worker->pool, now_ms);
	queue_flush(worker->queue);
}

/* ---- making and ending ---------------------------------------------------------- */

static int worker_open(struct worker *worker)
{
	struct timeval every = { .tv_usec = EXPIRE_EVERY_MS * 1000 };
	struct queue_handler handler = { batch_begin, batch_packet, batch_end, worker };
	unsigned int number = NAT64_QUEUE_FIRST + worker->index;
	char name[24];
	int err;

	snprintf(name, sizeof(name), "nat64-%u", worker->index);
	worker->loop = loop_new(name);
	worker->mtus = mtu_cache_new();
	worker->fragments = fragments_new(worker->config->nat64.limits.fragments, release_fragment,
					  worker);
	if (!worker->loop || !worker->mtus || !worker->fragments)
		return -ENOMEM;
	if (worker->fast && worker->index == 0) {
		worker->ways = way_cache_new();
		if (!worker->ways)
			return -errno;
	}
	err = emit_new(&worker->emit);
	if (err < 0) {
		log_error("nat64: cannot open raw sockets: %s", strerror(-err));
		return err;
	}
	if (worker->index == 0 && !emit_joins(worker->emit))
		log_info("nat64: no packet sockets here: TCP leaves in single segments");
	err = queue_new(&worker->queue, loop_base(worker->loop), number, &handler);
	if (err < 0) {
		log_error("nat64: cannot bind netfilter queue %u: %s", number,
			  err == -EBUSY ? "another process has it (is gate64 running already?)"
					: strerror(-err));
		return err;
	}
	worker->expire = event_new(loop_base(worker->loop), -1, EV_PERSIST, on_expire, worker);
	if (!worker->expire || event_add(worker->expire, &every) < 0)
		return -ENOMEM;
	return 0;
}

static void worker_close(struct worker *worker)
{
	if (worker->loop)
		loop_stop(worker->loop);
	if (worker->expire)
		event_free(worker->expire);
	fragments_free(worker->fragments);
	if (worker->queue)
		queue_flush(worker->queue);
	queue_free(worker->queue);
	emit_free(worker->emit);
	mtu_cache_free(worker->mtus);
	way_cache_free(worker->ways);
	loop_free(worker->loop);
}

static int open_workers(struct nat64 *nat64)
{
	nat64->workers = calloc(nat64->n, sizeof(*nat64->workers));
	nat64->loops = calloc(nat64->n, sizeof(*nat64->loops));
	if (!nat64->workers || !nat64->loops)
		return -ENOMEM;
	for (unsigned int i = 0; i < nat64->n; i++) {
		struct worker *worker = &nat64->workers[i];
		int err;

		worker->config = nat64->config;
		worker->map = nat64->map;
		worker->flows = nat64->flows;
		worker->pool = nat64->pool;
		worker->ids = nat64->ids;
		worker->fast = nat64->fast;
		worker->index = i;
		worker->count = nat64->n;
		err = worker_open(worker);
		nat64->loops[i] = worker->loop;
		if (err < 0)
			return err;
	}
	return 0;
}

/* What a configuration comes to on this host, not yet in force */
struct next {
	const struct config *config;
	const struct addrmap *map;
	struct statics *statics;
	struct pool4_plan *pool;
};

static int make_next(const struct nat64 *nat64, struct next *next)
{
	struct hostports host;
	int err = eam_check(next->map);

	if (err == 0)
		err = hostports_read(&host);
	if (err < 0)
		return err;
	next->statics = statics_new(next->config, next->map);
	if (!next->statics)
		return -ENOMEM;
	err = statics_check(next->statics, nat64->statics, &host);
	if (err == 0)
		err = pool4_plan(nat64->pool, next->config, next->map, &host, next->statics,
				 &next->pool);
	if (err < 0)
		statics_free(next->statics);
	return err;
}

/* ---- the fast path ------------------------------------------------------------- */

/* May a flow's packets go without being looked at one by one? */
static bool keep_fast(const void *arg, const struct flow *flow)
{
	const struct addrmap *map = arg;
	const struct prefix *pref64 = addrmap_pref64_of(map, &flow->remote6);
	struct in6_addr remote = addr_from_v4(flow->remote_be32), v6;
	uint32_t v4_be32;

	return pref64 && addrmap_may_translate(map, pref64, flow->remote_be32) &&
	       !addrmap_leads_elsewhere(map, flow->remote_be32) &&
	       !addrmap_is_own(map, &remote) && !addrmap_is_outside4(map, flow->remote_be32) &&
	       !addrmap_is_own(map, &flow->inside) &&
	       !addrmap_eam_to6(map, flow->remote_be32, &v6) &&
	       !addrmap_eam_to4(map, &flow->inside, &v4_be32);
}

/* Does a flow from before a restart go on? */
static bool keep_inherited(const void *arg, const struct flow *flow)
{
	const struct nat64 *nat64 = arg;

	return keep_fast(nat64->map, flow) && addrmap_nat64_client(nat64->map, &flow->inside) &&
	       pool4_keeps(nat64->config, nat64->map, flow->outside_be32);
}

static void take_over(struct nat64 *nat64)
{
	uint64_t n;

	flow_table_speed_up(nat64->flows, nat64->fast);
	n = flow_adopt(nat64->flows, keep_inherited, nat64, loop_now_ms());
	if (n)
		log_info("nat64: %llu flows of the last run go on", (unsigned long long)n);
}

static void follow_links(struct nat64 *nat64)
{
	const struct netinfo_links *links = &nat64->map->links;

	fast_links(nat64->fast, links);
	fast_attach(nat64->fast, links->index, links->n);
}

/* Return: 0, also where there is none and none is required. */
static int open_fast(struct nat64 *nat64, const struct config *config)
{
	bool required = config->nat64.fast_path == CONFIG_FAST_PATH_REQUIRED;
	int err;

	if (config->nat64.fast_path == CONFIG_FAST_PATH_OFF) {
		nat64->slow_because = "nat64.fast_path is off";
		fast_forget();
		return 0;
	}
	err = fast_open(&nat64->fast, config, &nat64->slow_because);
	if (err == 0) {
		nat64->slow_because = NULL;
		return 0;
	}
	log_write(required ? LOG_LEVEL_ERROR : LOG_LEVEL_WARN,
		  "nat64: no fast path: %s: %s; %s", nat64->slow_because, strerror(-err),
		  required ? "nat64.fast_path requires it" : "all packets go through user space");
	if (required)
		return err;
	/* An earlier run's flows would go on beside ours, and never end. */
	fast_forget();
	return 0;
}

void nat64_forget(void)
{
	fast_forget();
}

int nat64_sweep(void)
{
	return fast_sweep();
}

void nat64_prepare(const struct config *config)
{
	fast_pins_prepare(config->ops.user);
}

int nat64_new(struct nat64 **out, const struct config *config, const struct addrmap *map)
{
	struct nat64 *nat64 = calloc(1, sizeof(*nat64));
	struct next next = { .config = config, .map = map };
	int err = -ENOMEM;

	if (!nat64)
		return -ENOMEM;
	nat64->config = config;
	nat64->map = map;
	nat64->n = loop_worker_count();
	err = open_fast(nat64, config);
	if (err < 0)
		goto fail;
	err = -ENOMEM;
	nat64->pool = pool4_new();
	nat64->ids = ipid_new(nat64->fast ? fast_ids(nat64->fast) : NULL);
	nat64->journal = journal_new();
	if (!nat64->pool || !nat64->ids || !nat64->journal)
		goto fail;
	err = make_next(nat64, &next);
	if (err < 0)
		goto fail;
	nat64->statics = next.statics;
	pool4_commit(nat64->pool, next.pool);
	err = -ENOMEM;
	nat64->flows = flow_table_new(nat64->pool, config);
	if (!nat64->flows)
		goto fail;
	flow_table_log(nat64->flows, nat64->journal);
	pool4_log(nat64->pool, nat64->journal);
	journal_mode(nat64->journal, config->nat64.log);
	bib_add_statics(flow_bibs(nat64->flows), nat64->statics);
	if (nat64->fast)
		take_over(nat64);
	err = open_workers(nat64);
	if (err < 0)
		goto fail;
	*out = nat64;
	return 0;

fail:
	if (err == -ENOMEM)
		log_error("nat64: out of memory");
	nat64_free(nat64);
	return err;
}

int nat64_start(struct nat64 *nat64, int (*enter)(void), int (*enter_log)(void))
{
	int err = journal_start(nat64->journal, enter_log);

	if (nat64->fast) {
		look_for_policies(&nat64->workers[0]);
		follow_links(nat64);
	}
	for (unsigned int i = 0; i < nat64->n && err == 0; i++)
		err = loop_start(nat64->loops[i], enter);
	if (err < 0)
		log_error("nat64: cannot start a thread: %s", strerror(-err));
	return err;
}

void nat64_leave_nothing(struct nat64 *nat64)
{
	nat64->leave_nothing = true;
}

void nat64_free(struct nat64 *nat64)
{
	bool keep;

	if (!nat64)
		return;
	keep = nat64->config->nat64.keep_flows && !nat64->leave_nothing;
	for (unsigned int i = 0; nat64->workers && i < nat64->n; i++)
		worker_close(&nat64->workers[i]);
	if (nat64->journal)
		journal_patience(nat64->journal, true);
	if (nat64->flows)
		bib_end_statics(flow_bibs(nat64->flows), nat64->statics, NULL);
	flow_table_free(nat64->flows, keep);
	fast_close(nat64->fast, keep);
	statics_free(nat64->statics);
	pool4_free(nat64->pool);
	journal_free(nat64->journal);
	ipid_free(nat64->ids);
	free(nat64->workers);
	free(nat64->loops);
	free(nat64);
}

/* ---- a new configuration ---------------------------------------------------------- */

struct change {
	const struct nat64 *nat64;
	const struct next *next;
};

/* Does a flow's binding stand under the new configuration? */
static bool keep_binding(const struct change *change, const struct flow *flow)
{
	const struct statics *next = change->next->statics;
	struct static_entry entry = {
		.l4 = flow->l4, .inside = flow->inside, .inside_port = flow->inside_port,
		.outside_be32 = flow->outside_be32, .outside_port = flow->outside_port,
	};

	if (statics_holds(next, &entry))
		return true;
	/* One of its sides is a static binding's from now on, or it was one until now. */
	if (statics_outside(next, flow->l4, flow->outside_be32, flow->outside_port) ||
	    statics_inside(next, flow->l4, &flow->inside, flow->inside_port) ||
	    statics_holds(change->nat64->statics, &entry))
		return false;
	return pool4_keeps(change->next->config, change->next->map, flow->outside_be32);
}

/* Does a flow go on under the new configuration? */
static bool keep(const void *arg, const struct flow *flow)
{
	const struct change *change = arg;
	const struct addrmap *map = change->next->map;

	return keep_binding(change, flow) && addrmap_pref64_of(map, &flow->remote6) &&
	       (addrmap_nat64_client(map, &flow->inside) ||
		addrmap_is_own(map, &flow->inside));
}

/* Do port blocks begin anew? Then the clients that they were made for are others. */
static bool blocks_anew(const struct config *was, const struct config *is)
{
	return is->nat64.log == CONFIG_FLOW_LOG_PORT_BLOCKS &&
	       (was->nat64.log != is->nat64.log ||
		was->nat64.limits.client_prefix != is->nat64.limits.client_prefix);
}

static void exchange(struct nat64 *nat64, const struct next *next)
{
	const struct change change = { nat64, next };
	struct bib_table *bibs = flow_bibs(nat64->flows);

	bib_tell_displaced(bibs, next->statics);
	stats_add(STAT_NAT64_SESSION_END, flow_drop(nat64->flows, keep, &change));
	bib_end_statics(bibs, nat64->statics, next->statics);
	pool4_commit(nat64->pool, next->pool);
	/* What has ended until here is the old mode's to tell. */
	journal_mode(nat64->journal, next->config->nat64.log);
	if (blocks_anew(nat64->config, next->config))
		bib_leave_blocks(bibs);
	bib_add_statics(bibs, next->statics);
	statics_free(nat64->statics);
	nat64->statics = next->statics;
	flow_table_configure(nat64->flows, next->config);
	nat64->config = next->config;
	nat64->map = next->map;
	if (nat64->fast) {
		flow_slow_down(nat64->flows, keep_fast, next->map, loop_now_ms());
		fast_configure(nat64->fast, next->config);
		follow_links(nat64);
	}
	for (unsigned int i = 0; i < nat64->n; i++) {
		nat64->workers[i].config = next->config;
		nat64->workers[i].map = next->map;
		mtu_cache_flush(nat64->workers[i].mtus);
		emit_network_changed(nat64->workers[i].emit);
		fragments_limit(nat64->workers[i].fragments, next->config->nat64.limits.fragments);
	}
}

int nat64_reconfigure(struct nat64 *nat64, const struct config *config, const struct addrmap *map)
{
	struct next next = { .config = config, .map = map };
	int err = make_next(nat64, &next);

	if (err < 0)
		return err;
	loop_pause(nat64->loops, nat64->n);
	journal_patience(nat64->journal, true);
	exchange(nat64, &next);
	journal_patience(nat64->journal, false);
	loop_resume(nat64->loops, nat64->n);
	return 0;
}
