/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * RFC 6147 section 5: from what the resolver said to AAAA and to A comes the
 * answer to the client. Nothing here waits or asks; it is told what is known so
 * far, and says whether that is enough.
 */
#ifndef DNS64_SYNTH_H
#define DNS64_SYNTH_H

#include "reply.h"
#include "resolver.h"

struct addrmap;
struct prefix_list;

/* What is known of one question to the resolver */
struct synth_side {
	bool known;			/* the rest is only valid where it is */
	struct resolver_answer answer;	/* wire borrowed */
};

/* Why A was looked at */
enum synth_ground {
	SYNTH_NO_GROUND,	/* it was not */
	SYNTH_NO_AAAA,
	SYNTH_AAAA_EXCLUDED,	/* there are AAAA records, none of them usable */
	SYNTH_AAAA_ERROR,	/* an error, or no answer that can be used */
	SYNTH_AAAA_LATE,
	SYNTH_FORCED,
};

/* What became of it */
enum synth_verdict {
	SYNTH_KEPT,		/* the AAAA records, all of them */
	SYNTH_FILTERED,		/* those that are not excluded */
	SYNTH_NO_NAME,
	SYNTH_BOGUS,
	SYNTH_MADE,
	SYNTH_DENIED,		/* A has addresses, none of which may be translated */
	SYNTH_NO_A,
	SYNTH_A_ERROR,
};

/* How it was settled, for who wants to know; TTLs where MADE */
struct synth_account {
	enum synth_ground ground;
	enum synth_verdict verdict;
	uint32_t a_ttl_s, limit_s;
	bool has_soa;			/* the limit comes from one */
};

struct synth {
	const struct query *query;
	const struct addrmap *map;
	const struct prefix_list *exclude_aaaa;
	const struct synth_side *aaaa, *a;
	bool overdue;			/* AAAA, or A where forced: waited for long enough */
	bool forced;			/* synthesise where AAAA is there too, if it can be done */
	struct synth_account *account;	/* NULL: nobody wants to know */
};

enum {
	/* An answer given without a word on one of the two is kept this long only, that it
	 * be asked for again; its TTLs are as 5.1.7 says. */
	SYNTH_OVERDUE_TTL_S = 30,
	/* Addresses of all pref64s together; what one pref64 makes is always given. */
	SYNTH_ADDRESSES_MAX = 256,
};

/**
 * synth_settle() - compose the answer to an AAAA query.
 * Return: false when more must be known first; @answer is then undefined.
 */
bool synth_settle(const struct synth *synth, struct answer *answer);

/**
 * synth_pass() - compose the answer from the resolver's, as it is.
 * @from:	known.
 */
void synth_pass(struct answer *answer, const struct query *query,
		const struct synth_side *from);

/**
 * synth_reverse() - a CNAME into in-addr.arpa and the records there (5.3.1).
 * @target:	the name there.
 * @from:	what the resolver said to it; known.
 */
void synth_reverse(struct answer *answer, const struct query *query,
		   const struct name *target, const struct synth_side *from);

#endif
