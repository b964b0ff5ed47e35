/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What travels through here: suspicions. heard() and on_tick() raise them, on_due() sees to
 * those whose time has come, and settle_score() decides when the same thing is looked at
 * again: who takes away what we put up again and again is not fought at his own pace.
 */
#include "heal.h"

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/time.h>

#include "../core/log.h"
#include "../core/loop.h"
#include "../core/stats.h"
#include "netwatch.h"
#include "sysctls.h"

enum {
	TICK_MS = 2000,		/* nobody tells of changed sysctls */
	AUDIT_TICKS = 15,	/* and all is looked at each 30 s, should an event be missed */
	SETTLE_MS = 200,	/* changes come in bursts: wait for the rest */
	LOOK_MS = 500,		/* two looks a second in the long run, whatever happens ... */
	LOOKS_BURST = 10,	/* ... and ten at once */
	RESTS = 4,		/* as long as a look took, so many times: a big host's are slow */
	CALM_MS = 60000,	/* so long after a mend nobody can be said to fight us */
	PATIENCE = 5,		/* mends without such a calm, until we take our time */
	WAIT_FIRST_MS = 1000,
	WAIT_LAST_MS = 60000,
};

static const struct {
	enum stat mended;	/* counts it */
	int64_t settle_ms;	/* from an event to a look at it */
} things[HEAL_COUNT] = {
	[HEAL_NETWORK] = {STAT_COUNT, SETTLE_MS},
	[HEAL_SYSCTLS] = {STAT_OPS_HEALED_SYSCTLS, 0},
	/* Without rules a segment of a flow comes to the host's own TCP, which resets it:
	 * each millisecond counts. */
	[HEAL_RULES] = {STAT_OPS_HEALED_RULES, 0},
	[HEAL_GUARD] = {STAT_OPS_HEALED_GUARD, 0},
	[HEAL_ROUTES] = {STAT_OPS_HEALED_ROUTES, SETTLE_MS},
	[HEAL_FILTERS] = {STAT_OPS_HEALED_FILTERS, SETTLE_MS},
};

struct thing {
	int64_t due_ms;		/* when it is to be looked at; 0: nothing is suspected */
	int64_t looked_ms;	/* runs LOOK_MS and the RESTS a look ahead of the clock, see
				 * LOOKS_BURST */
	int64_t rests_ms;	/* until then it is left alone, after the last mend or attempt */
	unsigned int score;	/* mends, and attempts, without a calm between them */
};

struct heal {
	struct event *due, *tick;
	struct netwatch *watch;
	heal_mend *mend;
	void *arg;
	unsigned int ticks;
	struct sysctls *sysctls;
	struct thing thing[HEAL_COUNT];
};

/* ---- suspicions --------------------------------------------------------------- */

static void wake(struct heal *heal)
{
	int64_t now_ms = loop_now_ms(), first_ms = 0, wait_ms;
	struct timeval wait;

	for (int what = 0; what < HEAL_COUNT; what++) {
		int64_t due_ms = heal->thing[what].due_ms;

		if (due_ms && (!first_ms || due_ms < first_ms))
			first_ms = due_ms;
	}
	if (!first_ms)
		return;
	wait_ms = first_ms > now_ms ? first_ms - now_ms : 0;
	wait = (struct timeval){ .tv_sec = wait_ms / 1000, .tv_usec = wait_ms % 1000 * 1000 };
	event_add(heal->due, &wait);
}

static int64_t later(int64_t a_ms, int64_t b_ms)
{
	return a_ms > b_ms ? a_ms : b_ms;
}

static void suspect(struct heal *heal, enum heal_what what)
{
	struct thing *thing = &heal->thing[what];
	int64_t at_ms = loop_now_ms() + things[what].settle_ms;

	/* Not put off by further events, or one that never ends would starve us. */
	if (thing->due_ms)
		return;
	at_ms = later(at_ms, thing->looked_ms - LOOK_MS * LOOKS_BURST);
	thing->due_ms = later(at_ms, thing->rests_ms);
}

static void heard(void *arg, unsigned int what)
{
	struct heal *heal = arg;

	if (what & NETWATCH_NETWORK)
		suspect(heal, HEAL_NETWORK);
	if (what & NETWATCH_QDISCS)
		suspect(heal, HEAL_FILTERS);
	if (what & NETWATCH_RULES) {
		suspect(heal, HEAL_RULES);
		suspect(heal, HEAL_GUARD);
	}
	wake(heal);
}

static void on_tick(evutil_socket_t fd, short event, void *arg)
{
	struct heal *heal = arg;

	(void)fd;
	(void)event;
	if (sysctls_changed(heal->sysctls)) {
		suspect(heal, HEAL_NETWORK);
		suspect(heal, HEAL_SYSCTLS);
	}
	if (++heal->ticks % AUDIT_TICKS == 0)
		for (int what = 0; what < HEAL_COUNT; what++)
			if (what != HEAL_SYSCTLS)
				suspect(heal, (enum heal_what)what);
	wake(heal);
}

/* ---- looking, and what comes of it -------------------------------------------- */

/* Return: how long to let it be, in ms. */
static int64_t settle_score(struct thing *thing, int64_t now_ms)
{
	int64_t wait_ms = WAIT_FIRST_MS;

	if (now_ms - thing->rests_ms > CALM_MS)
		thing->score = 0;
	if (++thing->score < PATIENCE)
		wait_ms = 0;
	for (unsigned int i = PATIENCE; i < thing->score && wait_ms < WAIT_LAST_MS; i++)
		wait_ms *= 2;
	if (wait_ms > WAIT_LAST_MS)
		wait_ms = WAIT_LAST_MS;
	thing->rests_ms = now_ms + wait_ms;
	return wait_ms;
}

static void look(struct heal *heal, enum heal_what what)
{
	struct thing *thing = &heal->thing[what];
	char said[HEAL_SAID_SIZE] = "";
	int64_t began_ms = loop_now_ms(), now_ms, wait_ms;
	int result = heal->mend(heal->arg, what, said);

	now_ms = loop_now_ms();
	thing->looked_ms = later(thing->looked_ms, now_ms) + LOOK_MS + RESTS * (now_ms - began_ms);
	/* A change of the network may have taken these along. */
	if (what == HEAL_NETWORK) {
		suspect(heal, HEAL_ROUTES);
		suspect(heal, HEAL_FILTERS);
	}
	if (result == 0)
		return;
	wait_ms = settle_score(thing, now_ms);
	if (result < 0) {
		thing->due_ms = later(thing->rests_ms, now_ms + WAIT_FIRST_MS);
		return;
	}
	stats_inc(things[what].mended);
	if (wait_ms)
		log_event(LOG_LEVEL_WARN, LOG_EVENT_HEALED, LOG_FIELDS({ "what", said }),
			  "healed: %s; the %uth time with little rest between: next time it waits "
			  "%lld s", said, thing->score, (long long)wait_ms / 1000);
	else
		log_event(LOG_LEVEL_WARN, LOG_EVENT_HEALED, LOG_FIELDS({ "what", said }),
			  "healed: %s", said);
}

static void on_due(evutil_socket_t fd, short event, void *arg)
{
	struct heal *heal = arg;

	(void)fd;
	(void)event;
	for (int what = 0; what < HEAL_COUNT; what++) {
		struct thing *thing = &heal->thing[what];

		if (!thing->due_ms || thing->due_ms > loop_now_ms())
			continue;
		thing->due_ms = 0;
		look(heal, (enum heal_what)what);
	}
	wake(heal);
}

/* ---- from birth to death ------------------------------------------------------- */

struct heal *heal_new(struct event_base *base, heal_mend *mend, void *arg)
{
	static const struct timeval tick = { .tv_sec = TICK_MS / 1000 };
	struct heal *heal = calloc(1, sizeof(*heal));

	if (!heal)
		goto no_memory;
	heal->mend = mend;
	heal->arg = arg;
	heal->due = evtimer_new(base, on_due, heal);
	heal->tick = event_new(base, -1, EV_PERSIST, on_tick, heal);
	heal->sysctls = sysctls_new();
	if (!heal->due || !heal->tick || !heal->sysctls || event_add(heal->tick, &tick))
		goto no_memory;
	heal->watch = netwatch_new(base, heard, heal);
	if (!heal->watch) {
		heal_free(heal);
		return NULL;
	}
	return heal;
no_memory:
	log_error("cannot watch over the host: out of memory");
	heal_free(heal);
	return NULL;
}

void heal_free(struct heal *heal)
{
	if (!heal)
		return;
	netwatch_free(heal->watch);
	sysctls_free(heal->sysctls);
	if (heal->due)
		event_free(heal->due);
	if (heal->tick)
		event_free(heal->tick);
	free(heal);
}
