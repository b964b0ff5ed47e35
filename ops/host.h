/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a plan asks of the host: routes, packet filter rules, the guard of the NAT46 prefix.
 * Main thread only.
 */
#ifndef OPS_HOST_H
#define OPS_HOST_H

#include <stdbool.h>

#include "../core/addr.h"
#include "heal.h"

struct nat64;
struct plan;
struct ruleset;

struct host {
	struct ruleset *ruleset;
	bool rules_due;		/* the plan has changed since rules were installed */
	bool dials;		/* snid's connections may come from the NAT46 prefix: */
	struct prefix nat46;
	int dial_problem;	/* -errno, while none can */
	bool unmended[HEAL_COUNT];	/* found out of order, and still so */
};

/**
 * host_apply() - make the host what the plan in force asks for.
 * @nat64:	the room, NULL while it is off.
 * @snid:	the plan that room goes by as long as its connections have not ended, NULL: it is
 *		off, or about to be.
 * @problem:	set, after a failure, to what is not in order; static.
 * Return: 0, or -errno, the reason having been logged.
 */
int host_apply(struct host *host, const struct plan *plan, struct nat64 *nat64,
	       const struct plan *snid, const char **problem);

/**
 * host_mend() - look whether one thing of the host is as host_apply() has left it, and put it
 * in order if not.
 * @said:	as heal_mend (heal.h) has it, and so is what it returns.
 */
int host_mend(struct host *host, enum heal_what what, const struct plan *plan,
	      struct nat64 *nat64, char *said);

/** host_unmended() - what host_mend() could not put in order, static; NULL: nothing. */
const char *host_unmended(const struct host *host);

/** host_clear() - take all of it away; what cannot be was logged. */
void host_clear(struct host *host);

#endif
