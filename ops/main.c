/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * gate64: the process, from its first line to its last.
 *
 * `gate64 run` climbs a ladder. Each rung needs those below it. Root is given up
 * half-way, for an ordinary user with three capabilities; each thread then keeps
 * only what it uses for life. At the end, or when a rung breaks, the way down is
 * the same ladder in exact reverse.
 * The other sub-commands are in command.c.
 */
#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "../core/config.h"
#include "../core/log.h"
#include "../core/loop.h"
#include "../nat64/nat64.h"
#include "../snid/snid.h"
#include "cli.h"
#include "command.h"
#include "confine.h"
#include "control.h"
#include "gateway.h"
#include "heal.h"
#include "heartbeat.h"
#include "helper.h"
#include "notify.h"
#include "privilege.h"
#include "requests.h"
#include "setup.h"
#include "store.h"
#include "web.h"

/* The signals that we live by */
static const int signals[] = { SIGTERM, SIGINT, SIGHUP };

enum { N_SIGNALS = sizeof(signals) / sizeof(signals[0]) };

struct life {
	const char *config_path;	/* -c, or NULL */
	struct loop *loop;		/* the main one */
	struct event_base *base;	/* its */
	struct event *on_signal[N_SIGNALS];
	struct gateway *gateway;
	struct heal *heal;
	struct control *control;
	bool stopping;			/* when the last connections have ended */
	int err;			/* why it cannot go on; 0: it can */
};

/* ---- the main loop, and signals from before anything is set up on the host ---- */

static void stop_now(void *arg)
{
	struct life *life = arg;

	event_base_loopbreak(life->base);
}

static void on_signal(evutil_socket_t signal_number, short what, void *arg)
{
	struct life *life = arg;

	(void)what;
	if (signal_number == SIGHUP) {
		gateway_reload(life->gateway);
		return;
	}
	/* A service manager may be about to start it again; who presses ^C is not. */
	if (signal_number == SIGINT && gateway_nat64(life->gateway))
		nat64_leave_nothing(gateway_nat64(life->gateway));
	log_event(LOG_LEVEL_INFO, LOG_EVENT_STOPPING,
		  LOG_FIELDS({ "signal", strsignal((int)signal_number) }),
		  "%s: stopping", strsignal((int)signal_number));
	/* Whoever says it twice, or by hand, does not want to wait for others' connections. */
	if (signal_number == SIGTERM && !life->stopping &&
	    gateway_stop(life->gateway, stop_now, life)) {
		life->stopping = true;
		notify_stopping();
		return;
	}
	stop_now(life);
}

static void loop_down(struct life *life)
{
	for (int i = N_SIGNALS; i-- > 0;)
		if (life->on_signal[i])
			event_free(life->on_signal[i]);
	loop_free(life->loop);
}

/* The soft limit is low for the sake of select(), which nobody here uses; resolvers and
 * relayed connections want many descriptors. */
static void raise_descriptor_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
		log_debug("the limit of descriptors stays: %s", strerror(errno));
}

static int loop_up(struct life *life)
{
	raise_descriptor_limit();
	/* A peer that went away is an error of write(), not a reason to die. */
	signal(SIGPIPE, SIG_IGN);
	life->loop = loop_new("main");
	if (!life->loop)
		goto failed;
	life->base = loop_base(life->loop);
	for (int i = 0; i < N_SIGNALS; i++) {
		life->on_signal[i] = evsignal_new(life->base, signals[i], on_signal, life);
		if (!life->on_signal[i] || event_add(life->on_signal[i], NULL) < 0)
			goto failed;
	}
	return 0;
failed:
	log_error("out of memory or descriptors");
	loop_down(life);
	return -ENOMEM;
}

/* ---- configuration, network -------------------------------------------------- */

static int configuration_up(struct life *life)
{
	return gateway_new(&life->gateway, life->config_path, life->base);
}

static void configuration_down(struct life *life)
{
	gateway_free(life->gateway);
}

static int watch_up(struct life *life)
{
	life->heal = heal_new(life->base, gateway_mend, life->gateway);
	return life->heal ? 0 : -EIO;
}

static void watch_down(struct life *life)
{
	heal_free(life->heal);
}

static int network_up(struct life *life)
{
	return gateway_detect(life->gateway);
}

/* ---- control ------------------------------------------------------------------ */

static int directory_up(struct life *life)
{
	const struct config *config = gateway_config(life->gateway);

	return control_prepare(config->ops.control, config->ops.user);
}

static int control_up(struct life *life)
{
	const struct config *config = gateway_config(life->gateway);

	return control_open(&life->control, life->base, config->ops.control, CONTROL_IDLE_MS,
			    requests_answer, life->gateway);
}

static void control_down(struct life *life)
{
	control_close(life->control);
}

/* ---- rooms, host, privilege --------------------------------------------------- */

static int rooms_up(struct life *life)
{
	int err;

	web_serve(life->gateway);
	store_take();
	err = gateway_open(life->gateway);
	snid_inherit_no_more();
	return err;
}

static void rooms_down(struct life *life)
{
	gateway_close(life->gateway);
}

static int host_up(struct life *life)
{
	return gateway_set_up_host(life->gateway);
}

static void host_down(struct life *life)
{
	gateway_clear_host(life->gateway);
}

static int privilege_up(struct life *life)
{
	return privilege_drop(gateway_config(life->gateway)->ops.user);
}

static int pins_up(struct life *life)
{
	/* Also where NAT64 is off: a reload may switch it on, or flows may have been left. */
	nat64_prepare(gateway_config(life->gateway));
	return 0;
}

/* Another cannot be made: that was forbidden. Flows and listeners outlive a restart. */
static void on_helper_lost(void *arg)
{
	struct life *life = arg;

	log_error("the helper has ended or hangs, and nobody else can mend the rules: gate64 ends, "
		  "to be started again");
	life->err = -EPIPE;
	stop_now(life);
}

static int helper_up(struct life *life)
{
	int err = helper_start();

	if (!err && (err = helper_watch(life->base, on_helper_lost, life)) < 0)
		helper_stop();
	return err;
}

static void helper_down(struct life *life)
{
	(void)life;
	helper_stop();
}

static int confine_up(struct life *life)
{
	return confine_process(gateway_config(life->gateway)->ops.seccomp);
}

static int workers_up(struct life *life)
{
	return gateway_start(life->gateway);
}

static int heartbeat_up(struct life *life)
{
	(void)life;
	return heartbeat_begin(privilege_enter_unprivileged);
}

static void heartbeat_down(struct life *life)
{
	(void)life;
	heartbeat_end();
}

static int manager_up(struct life *life)
{
	(void)life;
	notify_ready();
	return 0;
}

static void manager_down(struct life *life)
{
	(void)life;
	notify_stopping();
}

/* ---- the ladder ---------------------------------------------------------------- */

static const struct rung {
	const char *what;			/* completes "could not ..." */
	int (*up)(struct life *life);		/* 0; or -errno, the reason being logged and
						 * nothing left behind */
	void (*down)(struct life *life);	/* NULL: there is no way back, or no need */
} ladder[] = {
	{ "make the main loop",			loop_up,		loop_down },
	{ "use the configuration",		configuration_up,	configuration_down },
	/* First listen for changes, then look: so that none is missed. */
	{ "follow the network",			watch_up,		watch_down },
	{ "read the network",			network_up,		NULL },
	{ "prepare for the control socket",	directory_up,		NULL },
	{ "prepare for pinned flows",		pins_up,		NULL },
	/* The rooms open their sockets as the user that we stay: a listener of a later
	 * reload can share a port only with sockets of the same user (SO_REUSEPORT). */
	{ "give up privilege",			privilege_up,		NULL },
	/* As that user; before there is anything open that is not for a child. */
	{ "start the helper",			helper_up,		helper_down },
	/* Before the rooms: a second gate64 goes no further than here. */
	{ "open the control socket",		control_up,		control_down },
	{ "open nat64, dns64 and snid",		rooms_up,		rooms_down },
	{ "set up routes and rules",		host_up,		host_down },
	/* As late as possible, and before there is another thread. */
	{ "confine system calls",		confine_up,		NULL },
	{ "start the workers",			workers_up,		NULL },
	{ "watch over the threads",		heartbeat_up,		heartbeat_down },
	{ "tell the service manager",		manager_up,		manager_down },
};

static int run(const char *config_path)
{
	struct life life = { .config_path = config_path };
	const size_t top = sizeof(ladder) / sizeof(ladder[0]);
	size_t rung = 0;
	int err = 0;

	while (rung < top && !err) {
		err = ladder[rung].up(&life);
		if (err)
			log_event(LOG_LEVEL_ERROR, LOG_EVENT_NOT_STARTED,
				  LOG_FIELDS({ "step", ladder[rung].what }),
				  "not started: could not %s", ladder[rung].what);
		else
			rung++;
	}
	if (!err)
		err = life.err;
	if (!err) {
		log_event(LOG_LEVEL_INFO, LOG_EVENT_READY, NULL, "ready");
		err = loop_run(life.loop);
	}
	if (!err)
		err = life.err;
	while (rung-- > 0)
		if (ladder[rung].down)
			ladder[rung].down(&life);
	if (!err)
		log_event(LOG_LEVEL_INFO, LOG_EVENT_STOPPED, NULL, "stopped");
	return err ? CLI_EXIT_FAILED : CLI_EXIT_DONE;
}

int main(int argc, char **argv)
{
	struct cli cli;

	if (cli_parse(argc, argv, &cli, stderr) < 0)
		return CLI_EXIT_USAGE;
	switch (cli.command) {
	case CLI_RUN:
		return run(cli.config_path);
	case CLI_CHECK:
		return command_check(&cli);
	case CLI_CONFIG:
		return command_config(&cli);
	case CLI_STATUS:
		return command_status(&cli);
	case CLI_METRICS:
		return command_metrics(&cli);
	case CLI_TOP:
		return command_top(&cli);
	case CLI_RELOAD:
		return command_reload(&cli);
	case CLI_FLOWS:
		return command_flows(&cli);
	case CLI_BINDINGS:
		return command_bindings(&cli);
	case CLI_CONNECTIONS:
		return command_connections(&cli);
	case CLI_TRACE:
		return command_trace(&cli);
	case CLI_DNS_LOOKUP:
		return command_dns_lookup(&cli);
	case CLI_DNS_FLUSH:
		return command_dns_flush(&cli);
	case CLI_DNS_TOP:
		return command_dns_top(&cli);
	case CLI_DOCTOR:
		return command_doctor(&cli);
	case CLI_COMPLETION:
		return command_completion(&cli);
	case CLI_SETUP:
		return command_setup(&cli);
	case CLI_VERSION:
		return command_version(&cli);
	case CLI_HELP:
		cli_help(cli.topic, stdout);
		return CLI_EXIT_DONE;
	}
	return CLI_EXIT_USAGE;
}
