/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The last refusals, each with who was refused, for people who look at the gateway. A
 * sample: of one reason eight at once and then one a second, however many there are; the
 * counters (stats.h) have them all.
 *
 * Any thread keeps them, and waits for nobody: what cannot be kept at once is left out.
 */
#ifndef CORE_RECENT_H
#define CORE_RECENT_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stats.h"

/* Each room has a ring of its own, so that none drowns another. */
enum recent_room { RECENT_NAT64, RECENT_DNS64, RECENT_SNID, RECENT_ROOMS };

enum {
	RECENT_KEPT = 64,	/* of each room */
	RECENT_WHAT = 96,	/* bytes of text; what is longer is cut */
};

struct recent {
	int64_t at_ms;		/* Unix time */
	enum recent_room room;
	enum stat reason;	/* its counter */
	uint64_t alike;		/* of the same reason, since the one before that was kept */
	struct in6_addr who;	/* IPv4 mapped */
	char what[RECENT_WHAT];	/* what it was about, or "" */
};

/**
 * recent_due() - is a refusal that was just counted to be kept? All that it costs where not.
 * @now_ms:	loop_now_ms(), or somewhat less.
 */
bool recent_due(enum stat reason, int64_t now_ms);

/** recent_keep() - keep one that was due. @what: printable text of UTF-8, or "". */
void recent_keep(enum recent_room room, enum stat reason, const struct in6_addr *who,
		 const char *what);

/**
 * recent_read() - what is kept, the latest first.
 * @out:	room for RECENT_KEPT.
 * Return: how many.
 */
size_t recent_read(enum recent_room room, struct recent *out);

#endif
