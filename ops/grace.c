/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See grace.h. */
#include "grace.h"

#include <errno.h>
#include <event2/event.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include "../core/addrmap.h"
#include "../core/config.h"
#include "../core/log.h"
#include "../core/loop.h"
#include "netdetect.h"

/* An inside prefix that has gone away */
struct absent {
	struct prefix prefix;
	int64_t until_ms;	/* it counts so long */
};

struct grace {
	struct event *timer;
	void (*over)(void *arg);
	void *arg;
	struct netinfo last;	/* with an uplink: as it was found */
	bool missing;		/* that had an address, and has none */
	int64_t uplink_until_ms;	/* it counts so long */
	struct absent *absent;
	size_t n_absent;
};

/* ---- the last one found ---------------------------------------------------------- */

static int copy_netinfo(struct netinfo *to, const struct netinfo *from)
{
	struct netinfo copy = *from;
	int err;

	memset(&copy.inside, 0, sizeof(copy.inside));
	memset(&copy.own, 0, sizeof(copy.own));
	memset(&copy.elsewhere4, 0, sizeof(copy.elsewhere4));
	err = prefix_list_copy(&copy.inside, &from->inside);
	if (!err)
		err = prefix_list_copy(&copy.own, &from->own);
	if (!err)
		err = prefix_list_copy(&copy.elsewhere4, &from->elsewhere4);
	if (err) {
		netinfo_free(&copy);
		return err;
	}
	netinfo_free(to);
	*to = copy;
	return 0;
}

/* ---- the uplink ------------------------------------------------------------------ */

const char *grace_uplink(const struct grace *grace)
{
	bool over = grace->missing && loop_now_ms() >= grace->uplink_until_ms;

	return grace->last.uplink_v4_be32 && !over ? grace->last.uplink : NULL;
}

/* Return: whether the uplink has just lost its address, which counts. */
static bool uplink_is_absent(struct grace *grace, const struct config *config,
			     const struct netinfo *net, int64_t now_ms)
{
	bool is_another = config->uplink && strcmp(config->uplink, grace->last.uplink) != 0;

	if (net->uplink_v4_be32 || is_another) {
		if (grace->missing && net->uplink_v4_be32)
			log_event(LOG_LEVEL_INFO, LOG_EVENT_UPLINK_BACK, NULL,
				  "the uplink has an IPv4 address again");
		grace->missing = false;
		return false;
	}
	if (!grace->missing) {
		if (!grace->last.uplink_v4_be32)
			return false;
		grace->missing = true;
		grace->uplink_until_ms = now_ms + GRACE_UPLINK_MS;
		log_event(LOG_LEVEL_WARN, LOG_EVENT_UPLINK_LOST, NULL,
			  "the uplink has no IPv4 address any more: flows are kept for %d s",
			  GRACE_UPLINK_MS / 1000);
	}
	return now_ms < grace->uplink_until_ms;
}

/* It stays an address of this host, too: clients are not to get there. */
static int keep_uplink(const struct netinfo *last, struct netinfo *net)
{
	const struct prefix own = { addr_from_v4(last->uplink_v4_be32), 128 };

	/* Another one is about to come: which side is which cannot be told. */
	if (net->uplink[0] && strcmp(net->uplink, last->uplink) != 0)
		return copy_netinfo(net, last);
	memcpy(net->uplink, last->uplink, sizeof(net->uplink));
	net->uplink_v4_be32 = last->uplink_v4_be32;
	if (!net->links.uplink) {
		net->links.uplink = last->links.uplink;
		net->links.uplink_mtu = last->links.uplink_mtu;
	}
	if (prefix_list_sorted_contains(&net->own, &own.addr))
		return 0;
	if (prefix_list_add(&net->own, &own))
		return -ENOMEM;
	netdetect_aggregate(&net->own);
	return 0;
}

/* ---- inside prefixes ------------------------------------------------------------- */

static bool covered(const struct prefix_list *list, const struct prefix *prefix)
{
	return prefix_list_sorted_contains(list, &prefix->addr);
}

static bool is_absent(const struct grace *grace, const struct prefix *prefix)
{
	for (size_t i = 0; i < grace->n_absent; i++)
		if (prefix_equal(&grace->absent[i].prefix, prefix))
			return true;
	return false;
}

static int note_absent(struct grace *grace, const struct prefix *prefix, int64_t now_ms,
		       int64_t until_ms)
{
	struct absent *absent = reallocarray(grace->absent, grace->n_absent + 1, sizeof(*absent));
	char text[PREFIX_STRLEN];

	if (!absent)
		return -ENOMEM;
	grace->absent = absent;
	absent[grace->n_absent++] = (struct absent){ *prefix, until_ms };
	log_limited(LOG_LEVEL_WARN, "the inside prefix %s is routed nowhere any more: its flows are "
		    "kept for %lld s", prefix_format(prefix, text),
		    (long long)(until_ms - now_ms) / 1000);
	return 0;
}

/* What was there last, and is not now. @blind: which side is which cannot be told now. */
static int find_absent(struct grace *grace, const struct netinfo *net, int64_t now_ms, bool blind)
{
	const struct prefix_list *last = &grace->last.inside;
	int64_t until_ms = blind ? grace->uplink_until_ms : now_ms;
	int err = 0;

	if (until_ms < now_ms + GRACE_INSIDE_MS)
		until_ms = now_ms + GRACE_INSIDE_MS;

	for (size_t i = 0; i < last->n && !err; i++)
		if (!covered(&net->inside, &last->v[i]) && !is_absent(grace, &last->v[i]))
			err = note_absent(grace, &last->v[i], now_ms, until_ms);
	return err;
}

/* Keep of the absent ones those that are not back and whose time is not over. */
static void drop_absent(struct grace *grace, const struct netinfo *net, int64_t now_ms)
{
	char text[PREFIX_STRLEN];
	size_t kept = 0;

	for (size_t i = 0; i < grace->n_absent; i++) {
		const struct absent *absent = &grace->absent[i];

		if (covered(&net->inside, &absent->prefix))
			log_limited(LOG_LEVEL_INFO, "the inside prefix %s is there again",
				    prefix_format(&absent->prefix, text));
		else if (absent->until_ms > now_ms)
			grace->absent[kept++] = *absent;
	}
	grace->n_absent = kept;
}

static int add_absent(const struct grace *grace, const struct config *config, struct netinfo *net)
{
	int err = 0;

	for (size_t i = 0; i < grace->n_absent && !err; i++)
		if (netdetect_may_be_inside(&grace->absent[i].prefix, config))
			err = prefix_list_add(&net->inside, &grace->absent[i].prefix);
	netdetect_aggregate(&net->inside);
	return err;
}

/* ---- all of it --------------------------------------------------------------------- */

static void wake_for_next(struct grace *grace, int64_t now_ms)
{
	int64_t next_ms = grace->missing && grace->uplink_until_ms > now_ms ?
			  grace->uplink_until_ms : INT64_MAX;
	struct timeval wait;

	for (size_t i = 0; i < grace->n_absent; i++)
		if (grace->absent[i].until_ms < next_ms)
			next_ms = grace->absent[i].until_ms;
	event_del(grace->timer);
	if (next_ms == INT64_MAX)
		return;
	/* A millisecond more: the clock that is asked then may be a little behind. */
	next_ms = next_ms > now_ms ? next_ms - now_ms + 1 : 1;
	wait = (struct timeval){ .tv_sec = next_ms / 1000, .tv_usec = next_ms % 1000 * 1000 };
	event_add(grace->timer, &wait);
}

int grace_apply(struct grace *grace, const struct config *config, struct netinfo *net)
{
	int64_t now_ms = loop_now_ms();
	bool absent = uplink_is_absent(grace, config, net, now_ms);
	bool blind = absent && !net->links.uplink;
	int err = 0;

	if (absent)
		err = keep_uplink(&grace->last, net);
	if (!err && config->inside.keyword)
		err = find_absent(grace, net, now_ms, blind);
	if (!err)
		err = copy_netinfo(&grace->last, net);
	drop_absent(grace, net, now_ms);
	if (!err)
		err = add_absent(grace, config, net);
	wake_for_next(grace, now_ms);
	return err;
}

const char *grace_missing(const struct grace *grace)
{
	return grace->missing ? "the uplink has no IPv4 address" : NULL;
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct grace *grace = arg;

	(void)fd;
	(void)what;
	grace->over(grace->arg);
}

struct grace *grace_new(struct event_base *base, void (*over)(void *arg), void *arg)
{
	struct grace *grace = calloc(1, sizeof(*grace));

	if (!grace)
		return NULL;
	grace->over = over;
	grace->arg = arg;
	grace->timer = evtimer_new(base, on_timer, grace);
	if (!grace->timer) {
		free(grace);
		return NULL;
	}
	return grace;
}

void grace_free(struct grace *grace)
{
	if (!grace)
		return;
	event_free(grace->timer);
	netinfo_free(&grace->last);
	free(grace->absent);
	free(grace);
}
