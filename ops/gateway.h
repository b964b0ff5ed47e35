/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The gateway while it runs: which configuration and network it works by, the
 * rooms that are open, and what was set up on the host. Everything that changes
 * it later (a reload, a change of the network) comes through here. Main thread.
 *
 * main.c takes it up its ladder: gateway_new, _detect, _open, _set_up_host,
 * _start; then _reload and _network_changed at will; and back down.
 */
#ifndef OPS_GATEWAY_H
#define OPS_GATEWAY_H

#include <stdbool.h>

#include "heal.h"

struct config;
struct dns64;
struct event_base;
struct gateway;
struct nat64;
struct snid;
struct status_facts;

/**
 * gateway_new() - read the configuration, start logging as it says.
 * @config_path:	borrowed until gateway_free(); NULL: CONFIG_DEFAULT_PATH
 *			where there is such a file, else the defaults.
 * @base:		the main loop's, borrowed likewise.
 * Return: 0 with *@out, or -errno; errors of the file are then on stderr.
 */
int gateway_new(struct gateway **out, const char *config_path, struct event_base *base);

/** gateway_config() - the configuration now in force, borrowed until the next reload. */
const struct config *gateway_config(const struct gateway *gateway);

/** gateway_detect() - look at the host's network, decide the address mapping. */
int gateway_detect(struct gateway *gateway);

/** gateway_open() - open the rooms' sockets; needs privilege. All of them or none. */
int gateway_open(struct gateway *gateway);

/**
 * gateway_stop() - take no more connections, and let those that are there go on; all else
 * goes on as well, but reloads are refused.
 * @over:	called from the loop when they have ended, or have had their time.
 * Return: false: there is nothing to wait for.
 */
bool gateway_stop(struct gateway *gateway, void (*over)(void *arg), void *arg);

/** gateway_close() - stop and release the rooms. */
void gateway_close(struct gateway *gateway);

/** gateway_set_up_host() - put up routes and packet filter rules. Return: 0 or -errno. */
int gateway_set_up_host(struct gateway *gateway);

/** gateway_clear_host() - take away what gateway_set_up_host() put up. */
void gateway_clear_host(struct gateway *gateway);

/** gateway_start() - start the rooms' workers, the process being unprivileged now. */
int gateway_start(struct gateway *gateway);

/**
 * gateway_reload() - read the configuration again and go over to it, or keep the
 * old one altogether.
 * Return: 0, or -errno, the reason being logged and in the status document.
 */
int gateway_reload(struct gateway *gateway);

/** gateway_reload_text() - errors and warnings of the last reload, borrowed until the next. */
const char *gateway_reload_text(const struct gateway *gateway);

/** gateway_network_changed() - look again and follow; @arg: the gateway. */
void gateway_network_changed(void *arg);

/** gateway_mend() - a heal_mend (heal.h), once the host was set up; @arg: the gateway. */
int gateway_mend(void *arg, enum heal_what what, char *said);

/** gateway_facts() - what it knows of itself, borrowed until the next event; report.h has all. */
void gateway_facts(const struct gateway *gateway, struct status_facts *facts);

/** gateway_nat64(), _dns64(), _snid() - a room while open, borrowed until the next event; NULL: off. */
struct nat64 *gateway_nat64(const struct gateway *gateway);
struct dns64 *gateway_dns64(const struct gateway *gateway);
struct snid *gateway_snid(const struct gateway *gateway);

/** gateway_base() - the main loop's, as given to gateway_new(). */
struct event_base *gateway_base(const struct gateway *gateway);

/** gateway_free() - after gateway_close(); NULL is allowed. */
void gateway_free(struct gateway *gateway);

#endif
