/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the gateway works by: one configuration, and the address mapping that
 * follows from it and from the host's network. A plan never changes; rooms
 * borrow from it, so it is counted, and lives until the last of them has gone
 * over to another. Main thread only.
 */
#ifndef OPS_PLAN_H
#define OPS_PLAN_H

#include <stdio.h>

struct addrmap;
struct config;
struct grace;

struct plan {
	const struct config *config;
	struct addrmap *map;		/* owned; NULL before plan_look() */
	struct plan *config_owner;	/* NULL: this one; else a reference of ours */
	unsigned int users;
};

/**
 * plan_config_path() - which file to read.
 * @given:	by the -c option, or NULL.
 * Return: @given; else CONFIG_DEFAULT_PATH; NULL (the defaults alone) where no such
 * file exists.
 */
const char *plan_config_path(const char *given);

/**
 * plan_read() - a plan from a configuration file, without a map yet.
 * @path, @errors:	as config_load() takes them.
 * Return: the plan, one reference being the caller's; NULL when there were errors.
 */
struct plan *plan_read(const char *path, FILE *errors);

/** plan_renew() - a plan by the configuration of @plan, without a map yet; or NULL. */
struct plan *plan_renew(struct plan *plan);

/**
 * plan_look() - look at the host's network and decide the mapping; once per plan.
 * @grace:	what has just gone away counts still; NULL: it does not.
 * Return: 0, or -errno, the reason having been logged.
 */
int plan_look(struct plan *plan, struct grace *grace);

/** plan_hold() - one more reference. Return: @plan. */
struct plan *plan_hold(struct plan *plan);

/** plan_put() - give a reference back; NULL is allowed. */
void plan_put(struct plan *plan);

/**
 * plan_warn_fixed() - a line to @errors for each change that comes too late: who we are, where
 * we listen for commands, what we are confined to.
 */
void plan_warn_fixed(const struct plan *old, const struct plan *next, FILE *errors);

#endif
