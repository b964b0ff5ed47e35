/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See drain.h. */
#include "drain.h"

#include <event2/event.h>
#include <inttypes.h>
#include <stdlib.h>

#include "../core/log.h"
#include "../core/loop.h"
#include "../snid/snid.h"

enum { LOOK_MS = 100 };		/* workers need not tell; nobody minds so much */

struct drain {
	struct snid *snid;
	int64_t until_ms;
	struct event *look;
	void (*over)(void *arg);
	void *arg;
};

static uint64_t connections(struct snid *snid)
{
	struct snid_gauges gauges;

	snid_gauges(snid, &gauges);
	return gauges.connections;
}

static void on_look(evutil_socket_t fd, short what, void *arg)
{
	struct drain *drain = arg;
	uint64_t left = connections(drain->snid);

	(void)fd;
	(void)what;
	if (left > 0 && loop_now_ms() < drain->until_ms)
		return;
	if (left > 0)
		log_warn("snid: %" PRIu64 " connections have not ended in time", left);
	event_del(drain->look);
	drain->over(drain->arg);
}

struct drain *drain_begin(struct event_base *base, struct snid *snid, uint32_t limit_ms,
			  void (*over)(void *arg), void *arg)
{
	static const struct timeval every = { .tv_usec = LOOK_MS * 1000 };
	struct drain *drain = limit_ms > 0 ? calloc(1, sizeof(*drain)) : NULL;

	if (!drain)
		return NULL;
	*drain = (struct drain){
		.snid = snid,
		.until_ms = loop_now_ms() + limit_ms,
		.over = over,
		.arg = arg,
		.look = event_new(base, -1, EV_PERSIST, on_look, drain),
	};
	if (!drain->look || event_add(drain->look, &every) < 0) {
		drain_end(drain);
		return NULL;
	}
	snid_drain(snid);
	log_info("snid: no new connections; %" PRIu64 " may go on for at most %u s",
		 connections(snid), (limit_ms + 999) / 1000);
	return drain;
}

void drain_end(struct drain *drain)
{
	if (!drain)
		return;
	if (drain->look)
		event_free(drain->look);
	free(drain);
}
