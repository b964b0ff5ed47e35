/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What travels through here: changes. A reload and a change of the network take
 * the same road: a new plan is made beside the one in force, the rooms go over
 * to it one by one, and if one refuses, those before it go back. Only then does
 * the host follow (rules, routes); what fails there is tried again until it holds.
 */
#include "gateway.h"

#include <errno.h>
#include <event2/event.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../core/addrmap.h"
#include "../core/config.h"
#include "../core/log.h"
#include "../core/loop.h"
#include "../core/stats.h"
#include "../dns64/dns64.h"
#include "../nat64/nat64.h"
#include "../snid/snid.h"
#include "cli.h"
#include "drain.h"
#include "grace.h"
#include "heal.h"
#include "host.h"
#include "notify.h"
#include "plan.h"
#include "privilege.h"
#include "rooms.h"
#include "ruleset.h"
#include "status.h"
#include "store.h"

enum {
	RETRY_FIRST_MS = 1000,
	RETRY_LAST_MS = 60000,
	STOP_MS = 30000,	/* the way down, after the last connections */
};

struct gateway {
	const char *config_path;	/* borrowed; NULL while there is no file */
	struct plan *plan;		/* in force; a reference */
	void *room[ROOM_COUNT];		/* NULL: off */
	struct plan *follows[ROOM_COUNT];	/* what an open room borrows; a reference */
	struct host host;
	struct drain *drain;		/* snid closes when its connections have ended; or NULL */
	bool stopping;			/* so do we then */

	struct event *retry;
	unsigned int retry_ms;		/* until the next attempt; 0 = none is due */
	const char *problem;		/* what is being tried again; NULL = nothing */
	struct grace *grace;		/* for what goes away from the network */

	char announced[192];		/* the last line for people; its parts are bounded */
	time_t started_at;
	int64_t started_ms;
	struct {
		time_t at;		/* 0 = none yet */
		bool ok;
		char *text;		/* owned; errors and warnings */
	} last_reload;
};

/* ---- rooms ------------------------------------------------------------------ */

static int room_open(struct gateway *gateway, enum room_id id, struct plan *plan)
{
	int err = rooms[id].open(&gateway->room[id], plan->config, plan->map);

	if (!err)
		gateway->follows[id] = plan_hold(plan);
	return err;
}

static void room_close(struct gateway *gateway, enum room_id id)
{
	if (!gateway->room[id])
		return;
	rooms[id].close(gateway->room[id]);
	gateway->room[id] = NULL;
	plan_put(gateway->follows[id]);
	gateway->follows[id] = NULL;
}

static void leave_drain(struct gateway *gateway)
{
	drain_end(gateway->drain);
	gateway->drain = NULL;
}

static int room_reconfigure(struct gateway *gateway, enum room_id id, struct plan *plan)
{
	int err = rooms[id].reconfigure(gateway->room[id], plan->config, plan->map);

	if (err)
		return err;
	plan_put(gateway->follows[id]);
	gateway->follows[id] = plan_hold(plan);
	return 0;
}

/* Once nat64's workers run, nobody needs raw sockets any more; where nat64 is
 * off, the main thread keeps that privilege so that a reload can switch it on. */
static int shed_privilege(const struct gateway *gateway)
{
	return gateway->room[ROOM_NAT64] ? privilege_enter_main() : 0;
}

/* Switch a room on while we run. */
static int room_add(struct gateway *gateway, enum room_id id, struct plan *plan)
{
	int err = room_open(gateway, id, plan);

	if (err == -EPERM)
		log_error("%s: the privilege to switch it on was given up; restart gate64",
			  rooms[id].name);
	if (err)
		return err;
	err = rooms[id].start(gateway->room[id]);
	if (!err)
		err = shed_privilege(gateway);
	if (err)
		room_close(gateway, id);
	return err;
}

static bool wanted(const struct plan *plan, enum room_id id)
{
	return rooms[id].wanted(plan->config);
}

int gateway_open(struct gateway *gateway)
{
	if (!wanted(gateway->plan, ROOM_NAT64))
		nat64_forget();
	for (enum room_id id = 0; id < ROOM_COUNT; id++) {
		int err = wanted(gateway->plan, id) ?
			  room_open(gateway, id, gateway->plan) : 0;

		if (err) {
			gateway_close(gateway);
			return err;
		}
	}
	return 0;
}

void gateway_close(struct gateway *gateway)
{
	leave_drain(gateway);
	for (enum room_id id = ROOM_COUNT; id-- > 0;)
		room_close(gateway, id);
}

/* One line for people, when it has changed: what we stand on and what is on. */
static void announce(struct gateway *gateway)
{
	const struct addrmap *map = gateway->plan->map;
	struct in6_addr uplink = addr_from_v4(map->uplink_v4_be32);
	char addr[ADDR_STRLEN] = "no IPv4 address yet";
	char line[sizeof(gateway->announced)];
	int len;

	if (map->uplink_v4_be32)
		addr_format(&uplink, addr);
	len = snprintf(line, sizeof(line), "uplink %s, %s; inside prefixes: %zu; on:",
		       map->uplink[0] ? map->uplink : "(none yet)", addr, map->inside.n);
	for (enum room_id id = 0; id < ROOM_COUNT; id++)
		if (gateway->room[id])
			len += snprintf(line + len, sizeof(line) - (size_t)len, " %s",
					rooms[id].name);
	if (strcmp(line, gateway->announced) == 0)
		return;
	memcpy(gateway->announced, line, sizeof(line));
	log_info("%s", line);
	notify_status("%s", line);
	if (!map->uplink_v4_be32)
		log_warn("no IPv4 uplink yet: waiting for the network to change");
	if (map->inside.n == 0)
		log_warn("no inside prefix yet: waiting for an IPv6 route to appear");
}

int gateway_start(struct gateway *gateway)
{
	int err;

	for (enum room_id id = 0; id < ROOM_COUNT; id++) {
		err = gateway->room[id] ? rooms[id].start(gateway->room[id]) : 0;
		if (err)
			return err;
	}
	err = shed_privilege(gateway);
	if (!err) {
		store_keep(gateway->room[ROOM_SNID]);
		announce(gateway);
	}
	return err;
}

/* ---- the host --------------------------------------------------------------- */

/* Make routes and rules what the plan in force asks for. */
static int apply_host(struct gateway *gateway)
{
	const char *problem;
	bool snid_stays = wanted(gateway->plan, ROOM_SNID) || gateway->drain;
	int err = host_apply(&gateway->host, gateway->plan, gateway->room[ROOM_NAT64],
			     snid_stays ? gateway->follows[ROOM_SNID] : NULL, &problem);

	if (err)
		gateway->problem = problem;
	return err;
}

int gateway_set_up_host(struct gateway *gateway)
{
	int err;

	gateway->host.rules_due = true;
	err = apply_host(gateway);
	if (err)
		gateway_clear_host(gateway);
	return err;
}

void gateway_clear_host(struct gateway *gateway)
{
	host_clear(&gateway->host);
}

/* Something could not be brought in line: try again, less and less often. */
static void retry_later(struct gateway *gateway, int err)
{
	unsigned int ms = gateway->retry_ms ? gateway->retry_ms * 2 : RETRY_FIRST_MS;
	struct timeval after;

	if (ms > RETRY_LAST_MS)
		ms = RETRY_LAST_MS;
	gateway->retry_ms = ms;
	after = (struct timeval){ .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };
	event_add(gateway->retry, &after);
	log_event(LOG_LEVEL_ERROR, LOG_EVENT_HOST_PROBLEM, LOG_FIELDS({ "what", gateway->problem }),
		  "%s: %s; trying again in %u s", gateway->problem, strerror(-err), ms / 1000);
}

static void tend_host(struct gateway *gateway)
{
	int err = apply_host(gateway);

	if (err) {
		retry_later(gateway, err);
		return;
	}
	if (gateway->problem)
		log_event(LOG_LEVEL_INFO, LOG_EVENT_HOST_MENDED,
			  LOG_FIELDS({ "what", gateway->problem }), "%s: in order now", gateway->problem);
	gateway->problem = NULL;
	gateway->retry_ms = 0;
	event_del(gateway->retry);
}

/* ---- the last connections of snid --------------------------------------------- */

static void drained(void *arg)
{
	struct gateway *gateway = arg;

	leave_drain(gateway);
	room_close(gateway, ROOM_SNID);
	gateway->host.rules_due = true;
	tend_host(gateway);
	announce(gateway);
}

/* snid stays until its connections have ended; @over is called then. */
static void begin_drain(struct gateway *gateway, void (*over)(void *arg), void *arg)
{
	struct snid *snid = gateway->room[ROOM_SNID];
	uint32_t limit_ms;

	if (!snid || gateway->drain)
		return;
	limit_ms = gateway->follows[ROOM_SNID]->config->snid.limits.drain_ms;
	gateway->drain = drain_begin(gateway_base(gateway), snid, limit_ms, over, arg);
	if (gateway->drain && gateway->stopping)
		notify_extend(limit_ms + STOP_MS);
}

bool gateway_stop(struct gateway *gateway, void (*over)(void *arg), void *arg)
{
	gateway->stopping = true;
	leave_drain(gateway);
	begin_drain(gateway, over, arg);
	return gateway->drain != NULL;
}

/* ---- going over to another plan ---------------------------------------------- */

/* Bring the rooms that follow @next already back to the plan in force. */
static void go_back(struct gateway *gateway, const struct plan *next)
{
	for (enum room_id id = ROOM_COUNT; id-- > 0;) {
		if (gateway->follows[id] != next)
			continue;
		if (!wanted(gateway->plan, id))
			room_close(gateway, id);
		else if (room_reconfigure(gateway, id, gateway->plan) < 0)
			log_error("%s could not go back to the old configuration and goes on "
				  "with the new one; restart gate64", rooms[id].name);
	}
}

/*
 * Bring all rooms over to @next, or none.
 * @refuser:	on failure, the name of the room that would not.
 * Return: 0, and @next is in force; or -errno, and the old plan is.
 */
static int go_over(struct gateway *gateway, struct plan *next, const char **refuser)
{
	for (enum room_id id = 0; id < ROOM_COUNT; id++) {
		int err = 0;

		/* What is to be switched off stays until all others have agreed. */
		if (wanted(next, id))
			err = gateway->room[id] ? room_reconfigure(gateway, id, next) :
						  room_add(gateway, id, next);
		if (err) {
			*refuser = rooms[id].name;
			go_back(gateway, next);
			return err;
		}
	}

	plan_put(gateway->plan);
	gateway->plan = plan_hold(next);
	if (wanted(next, ROOM_SNID))
		leave_drain(gateway);
	else
		begin_drain(gateway, drained, gateway);
	gateway->host.rules_due = true;
	tend_host(gateway);
	if (!wanted(next, ROOM_NAT64) && gateway->room[ROOM_NAT64])
		nat64_leave_nothing(gateway->room[ROOM_NAT64]);
	for (enum room_id id = ROOM_COUNT; id-- > 0;)
		if (!wanted(next, id) && !(id == ROOM_SNID && gateway->drain))
			room_close(gateway, id);
	store_keep(gateway->room[ROOM_SNID]);
	announce(gateway);
	return 0;
}

static int reload(struct gateway *gateway, FILE *errors)
{
	const char *refuser;
	struct plan *next;
	int err;

	if (gateway->stopping) {
		fputs("it is stopping\n", errors);
		return -ESHUTDOWN;
	}
	/* Once a file was read, its absence is an error, not a return to the defaults. */
	gateway->config_path = plan_config_path(gateway->config_path);
	next = plan_read(gateway->config_path, errors);
	if (!next)
		return -EINVAL;
	err = plan_look(next, gateway->grace);
	if (err) {
		fprintf(errors, "the host's network cannot be read: %s\n", strerror(-err));
		goto put;
	}
	plan_warn_fixed(gateway->plan, next, errors);
	err = go_over(gateway, next, &refuser);
	if (err)
		fprintf(errors, "%s refuses the change: %s; the log says more\n", refuser,
			strerror(-err));
	else
		log_setup(next->config->ops.log.level, next->config->ops.log.format);
put:
	plan_put(next);
	return err;
}

int gateway_reload(struct gateway *gateway)
{
	char *text = NULL;
	size_t len = 0;
	FILE *errors = open_memstream(&text, &len);
	int err;

	if (!errors)
		return -ENOMEM;
	notify_reloading();
	err = reload(gateway, errors);
	fclose(errors);
	stats_inc(err ? STAT_OPS_RELOAD_FAILED : STAT_OPS_RELOAD_OK);
	log_lines(err ? LOG_LEVEL_ERROR : LOG_LEVEL_WARN, "reload", text ? text : "");
	if (err)
		log_event(LOG_LEVEL_ERROR, LOG_EVENT_RELOAD_REFUSED, LOG_FIELDS({ "text", text }),
			  "reload refused: the old configuration holds");
	else
		log_event(LOG_LEVEL_INFO, LOG_EVENT_RELOADED, NULL, "reload done");
	free(gateway->last_reload.text);
	gateway->last_reload.at = time(NULL);
	gateway->last_reload.ok = err == 0;
	gateway->last_reload.text = text;
	notify_ready();
	return err;
}

const char *gateway_reload_text(const struct gateway *gateway)
{
	return gateway->last_reload.text ? gateway->last_reload.text : "";
}

/* Return: whether the map has changed and all rooms have gone over, or -errno. */
static int follow_network(struct gateway *gateway)
{
	struct plan *next = plan_renew(gateway->plan);
	int err = next ? plan_look(next, gateway->grace) : -ENOMEM;
	const char *refuser;
	bool changed = false;

	if (!err && !addrmap_equal(next->map, gateway->plan->map)) {
		log_event(LOG_LEVEL_INFO, LOG_EVENT_NETWORK_CHANGED, NULL, "the network has changed");
		changed = true;
		err = go_over(gateway, next, &refuser);
		if (err)
			log_error("%s refuses the change", refuser);
		else
			stats_inc(STAT_OPS_NET_CHANGED);
	}
	plan_put(next);
	return err ? err : changed;
}

void gateway_network_changed(void *arg)
{
	struct gateway *gateway = arg;
	int result = gateway->stopping ? 0 : follow_network(gateway);

	if (result < 0) {
		gateway->problem = "following the network";
		retry_later(gateway, result);
	} else if (!result && gateway->problem) {
		tend_host(gateway);
	}
}

static void on_retry(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	gateway_network_changed(arg);
}

/* Ports that have become the host's own are not for new flows any more; those that have one
 * keep it. */
static int follow_sysctls(struct gateway *gateway, char *said)
{
	int err;

	if (!gateway->room[ROOM_NAT64] || gateway->stopping)
		return 0;
	err = room_reconfigure(gateway, ROOM_NAT64, gateway->plan);
	if (err) {
		/* The log says why: that is for the administrator to mend, who has caused it. */
		log_error("nat64 cannot go by the host's settings as they are now");
		return 0;
	}
	snprintf(said, HEAL_SAID_SIZE, "a sysctl that we go by had changed (the host's ports, forwarding): "
		 "followed");
	gateway->host.rules_due = true;
	tend_host(gateway);
	return 1;
}

int gateway_mend(void *arg, enum heal_what what, char *said)
{
	struct gateway *gateway = arg;

	switch (what) {
	case HEAL_NETWORK:
		gateway_network_changed(gateway);
		return 0;
	case HEAL_SYSCTLS:
		return follow_sysctls(gateway, said);
	default:
		return host_mend(&gateway->host, what, gateway->plan, gateway->room[ROOM_NAT64],
				 said);
	}
}

/* ---- from birth to death ------------------------------------------------------ */

int gateway_new(struct gateway **out, const char *config_path, struct event_base *base)
{
	struct gateway *gateway = calloc(1, sizeof(*gateway));
	const struct config *config;
	int err = -ENOMEM;

	if (!gateway)
		return err;
	gateway->started_at = time(NULL);
	gateway->started_ms = loop_now_ms();
	gateway->config_path = plan_config_path(config_path);
	gateway->retry = evtimer_new(base, on_retry, gateway);
	gateway->grace = grace_new(base, gateway_network_changed, gateway);
	gateway->host.ruleset = ruleset_new();
	if (!gateway->retry || !gateway->grace || !gateway->host.ruleset)
		goto release;
	gateway->plan = plan_read(gateway->config_path, stderr);
	err = -EINVAL;
	if (!gateway->plan)
		goto release;
	config = gateway->plan->config;
	log_setup(config->ops.log.level, config->ops.log.format);
	log_info("version %s, configuration: %s", cli_version(), gateway->config_path ?
		 gateway->config_path : "defaults, there is no " CONFIG_DEFAULT_PATH);
	*out = gateway;
	return 0;
release:
	gateway_free(gateway);
	return err;
}

const struct config *gateway_config(const struct gateway *gateway)
{
	return gateway->plan->config;
}

int gateway_detect(struct gateway *gateway)
{
	return plan_look(gateway->plan, gateway->grace);
}

void gateway_free(struct gateway *gateway)
{
	if (!gateway)
		return;
	plan_put(gateway->plan);
	ruleset_free(gateway->host.ruleset);
	if (gateway->retry)
		event_free(gateway->retry);
	grace_free(gateway->grace);
	free(gateway->last_reload.text);
	free(gateway);
}

struct nat64 *gateway_nat64(const struct gateway *gateway)
{
	return gateway->room[ROOM_NAT64];
}

struct event_base *gateway_base(const struct gateway *gateway)
{
	return event_get_base(gateway->retry);
}

struct dns64 *gateway_dns64(const struct gateway *gateway)
{
	return gateway->room[ROOM_DNS64];
}

struct snid *gateway_snid(const struct gateway *gateway)
{
	return gateway->room[ROOM_SNID];
}

void gateway_facts(const struct gateway *gateway, struct status_facts *facts)
{
	const char *missing = grace_missing(gateway->grace);
	const char *problem = gateway->problem ? gateway->problem : host_unmended(&gateway->host);

	*facts = (struct status_facts){
		.version = cli_version(),
		.since = gateway->started_at,
		.uptime_s = (loop_now_ms() - gateway->started_ms) / 1000,
		.stopping = gateway->stopping,
		.map = gateway->plan->map,
		.rules = ruleset_backend(gateway->host.ruleset),
		.uplink_missing = missing != NULL,
		.host_problem = problem != NULL,
		.problem = missing ? missing : problem,
		.reload_at = gateway->last_reload.at,
		.reload_ok = gateway->last_reload.ok,
		.reload_text = gateway_reload_text(gateway),
	};
}
