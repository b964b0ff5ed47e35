/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Self-healing. An event says what may be wrong; that is looked at, mended where it is,
 * logged in one line and counted. Events are what netwatch.h hears and, for what nobody
 * tells of, a look now and then. Main thread.
 */
#ifndef OPS_HEAL_H
#define OPS_HEAL_H

struct event_base;
struct heal;

enum heal_what {
	HEAL_NETWORK,		/* links, addresses, routes of others: followed rather than mended */
	HEAL_SYSCTLS,		/* the host's settings that we go by: followed too */
	HEAL_RULES,		/* our packet filter rules */
	HEAL_GUARD,		/* the guard of the NAT46 prefix */
	HEAL_ROUTES,		/* our routes */
	HEAL_FILTERS,		/* the fast path's program on interfaces */
	HEAL_COUNT
};

enum { HEAL_SAID_SIZE = 192 };

/**
 * heal_mend - look whether it is in order, and mend it if not.
 * @said:	HEAL_SAID_SIZE bytes; after a success that mended: what was found, and what
 *		was done about it, for the log.
 * Return: 0 in order; > 0 mended; -errno: it could not be, the reason having been logged.
 */
typedef int heal_mend(void *arg, enum heal_what what, char *said);

/**
 * heal_new() - begin to listen; nothing is looked at before the base's loop runs.
 * @arg:	given to @mend.
 * Return: owned by the caller (heal_free()), or NULL, the reason having been logged.
 */
struct heal *heal_new(struct event_base *base, heal_mend *mend, void *arg);

/** heal_free() - before the base is freed; NULL is allowed. */
void heal_free(struct heal *heal);

#endif
