/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a worker remembers of the DNS: records as long as they hold, absences (RFC 2308 5)
 * and failures (RFC 9520 3.2). One thread.
 *
 * Names by which a server was reached have a part of their own, bounded like that of all
 * others, so that clients who make up names push each other's out and never a server's, also
 * where they have a domain in which every name has an address.
 */
#ifndef SNID_ANSWERS_H
#define SNID_ANSWERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../dns64/resolver.h"

enum {
	ANSWERS_MAX = 4096,			/* of each part */
	ANSWERS_BYTES_MAX = 2 << 20,		/* likewise */

	/* Of zero TTLs: a burst of connections is one question (RFC 1035 3.2.1 wants a new one
	 * for each "transaction"). Every address is judged anew at each use, so that an answer
	 * which is a second old can do no harm. */
	ANSWERS_TTL_MIN_S = 1,
	/* Servers move, and who moves one cannot wait for a TTL that was set for ever. */
	ANSWERS_TTL_MAX_S = 3600,
	/* RFC 2308 5 lets it be hours; a name that is new should be there soon. */
	ANSWERS_ABSENT_MAX_S = 300,
	/* RFC 9520 3.2: 1 s to 5 min, the longer the oftener it fails. Not longer than this, as
	 * servers are behind us that should be reachable once the DNS is. */
	ANSWERS_FAILED_MAX_S = 30,
	/* RFC 8767 5: how long old records are used again before the DNS is asked anew */
	ANSWERS_STALE_S = 30,
};

enum answer_kind {
	ANSWER_RECORDS,
	ANSWER_ABSENT,		/* no such name, or no such record of it */
	ANSWER_FAILED,		/* the DNS did not tell */
	ANSWER_BOGUS,		/* what it told failed validation: nothing old in its place */
};

struct answer {
	enum answer_kind kind;
	const char *why;			/* where not ANSWER_RECORDS; static */
	size_t n_addrs, n_services;
	const struct in6_addr *addrs;		/* of A: IPv4-mapped */
	const struct resolver_service *services;
};

struct answers;

/** answers_new() - Return: nothing known yet; owned by the caller, NULL when out of memory. */
struct answers *answers_new(void);

/**
 * answers_find() - what is known of @name now. Costs no allocation and no system call.
 * @name:	as hostname_normalise() made it.
 * Return: borrowed until the next call of answers_put() or _flush(); NULL where it has to be
 * asked for.
 */
const struct answer *answers_find(struct answers *answers, const char *name,
				  enum resolver_type type, int64_t now_ms);

/** answers_confirm() - a server was reached by @name, of which records are known. */
void answers_confirm(struct answers *answers, const char *name);

/** answers_knew() - was one reached by the records it had when it was last heard of? */
bool answers_knew(const struct answers *answers, const char *name, enum resolver_type type);

/**
 * answers_put() - what was answered.
 * @answer:	copied; its pointers may not lead into @answers.
 * @ttl_s:	of ANSWER_RECORDS and ANSWER_ABSENT.
 * @stale_ms:	so long after their TTL records stay in use where the DNS fails (RFC 8767 4).
 * Return: what is to be done by it: the copy, or where it failed and there are old records,
 * those; @answer itself where there is no memory.
 */
const struct answer *answers_put(struct answers *answers, const char *name,
				 enum resolver_type type, const struct answer *answer,
				 uint32_t ttl_s, uint32_t stale_ms, int64_t now_ms);

/**
 * answers_flush() - forget @name and, where @below, what is below it; with NULL all.
 * Return: how many answers that were.
 */
size_t answers_flush(struct answers *answers, const char *name, bool below);

/** answers_free() - NULL is allowed. */
void answers_free(struct answers *answers);

#endif
