/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * DNS messages on their way out. A reply is first composed as a struct answer,
 * which knows nothing of who asks: that is what the cache keeps. reply_seal()
 * then makes it one asker's reply: ID, flags, letter case, EDNS, truncation, padding.
 */
#ifndef DNS64_REPLY_H
#define DNS64_REPLY_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "message.h"

/*
 * The extended errors that are sent (RFC 8914): the code in the low byte. What has no code
 * of its own is told apart by its text.
 */
enum reply_ede {
	REPLY_EDE_NONE = -1,
	REPLY_EDE_STALE = 3,
	REPLY_EDE_BOGUS = 6,
	REPLY_EDE_SIGNATURE_EXPIRED = 7,
	REPLY_EDE_SIGNATURE_NOT_YET_VALID = 8,
	REPLY_EDE_DNSKEY_MISSING = 9,
	REPLY_EDE_RRSIGS_MISSING = 10,
	REPLY_EDE_NO_ZONE_KEY_BIT = 11,
	REPLY_EDE_CACHED_ERROR = 13,
	REPLY_EDE_BLOCKED = 15,
	REPLY_EDE_STALE_NXDOMAIN = 19,
	REPLY_EDE_UNREACHABLE = 22,
	REPLY_EDE_UNREADABLE = 23,
	REPLY_EDE_SYNTHESISED = 29,
	REPLY_EDE_CHAIN = 0x100,
	REPLY_EDE_BUSY = 0x200,
	REPLY_EDE_DENIED = 0x300,
};

enum {
	REPLY_EDE_TEXT_MAX = 48,
	/* OPT with two extended errors, the longest cookie, a keepalive */
	REPLY_OPT_MAX = 11 + 2 * (4 + 2 + REPLY_EDE_TEXT_MAX) + (4 + MESSAGE_COOKIE_MAX) + (4 + 2),
	REPLY_COMPOSE_MAX = MESSAGE_MAX - REPLY_OPT_MAX,
	REPLY_TTL_MAX_S = 86400,	/* no record is given for longer */
	REPLY_LOCAL_TTL_S = 600,	/* of what comes from here; RFC 6147 5.1.7's default */
	REPLY_FAILURE_TTL_S = 1,	/* what failed is kept; for how long is the cache's to say */
};

/*
 * Addresses synthesised in several pref64s, the last records of the answer section. They are
 * of one size and go in rounds: each round has every IPv4 address once, in the next pref64
 * that may stand for it, so the later rounds may be short.
 */
struct answer_rounds {
	uint16_t at;		/* offset of the first record; 0 = there are none */
	uint16_t size;		/* bytes of each */
	uint16_t n;		/* of all rounds */
	uint16_t per_round;	/* in a whole round, such as the first: it is always given */
	uint16_t whole;		/* so many rounds, any of which may come first */
};

/* A composed answer: header, question, records; no OPT; TTLs as of its making */
struct answer {
	uint8_t *wire;		/* room for MESSAGE_MAX bytes, borrowed */
	size_t len;
	size_t additional_at;	/* where the additional section begins, <= len */
	uint8_t rcode;
	bool secure;		/* all of it validated: AD may be set */
	bool synthesised;
	enum reply_ede ede;
	enum reply_ede also;	/* a second one: what the cache has to say */
	bool by_renewer;	/* which of a worker's resolvers gave it */
	struct answer_rounds rounds;
	uint32_t lifetime_s;	/* how long it may be kept; 0 = not at all */
};

enum {
	REPLY_NAMES_MAX = 64,
	REPLY_EFFORT_MAX = 1 << 18,	/* half a millisecond; a thousand MX records take half of it */
};

/* The writer that composes one */
struct reply {
	struct answer *answer;
	enum message_section section;	/* of the last record; they are written in order */
	uint16_t count[3];
	size_t question_end;
	uint32_t ttl_min_s;		/* over answer and authority */
	bool failed;			/* did not fit, or a name in the source was malformed */
	size_t n_names;
	uint16_t names[REPLY_NAMES_MAX];	/* offsets of names that can be pointed to */
	uint8_t names_len[REPLY_NAMES_MAX];	/* their lengths, uncompressed */
	uint8_t names_hash[REPLY_NAMES_MAX];	/* of the first label of each */
	uint32_t effort;		/* names looked at, and bytes compared, to find one of them */
};

/**
 * reply_begin() - start composing.
 * @answer:	its wire is set; the rest is overwritten.
 * @query:	gives the question; without a name there is none in the reply.
 */
void reply_begin(struct reply *reply, struct answer *answer, const struct query *query);

/** reply_add() - a record whose rdata holds no name; TTL in seconds. */
void reply_add(struct reply *reply, enum message_section section, const struct name *owner,
	       uint16_t type, uint32_t ttl_s, const uint8_t *rdata, size_t rdata_len);

/** reply_add_name() - a record whose rdata is one name (CNAME, PTR). */
void reply_add_name(struct reply *reply, enum message_section section,
		    const struct name *owner, uint16_t type, uint32_t ttl_s,
		    const struct name *target);

/** reply_add_soa() - the SOA of a zone that is answered for here. */
void reply_add_soa(struct reply *reply, enum message_section section, const struct name *zone);

/**
 * reply_add_round() - one more round of AAAA records (see struct answer_rounds), which end the
 * answer section. All rounds have the same owner and TTL.
 */
void reply_add_round(struct reply *reply, const struct name *owner, uint32_t ttl_s,
		     const struct in6_addr *addrs, size_t n);

/** reply_copy() - a record of an answer of the resolver, with a TTL of the caller's. */
void reply_copy(struct reply *reply, enum message_section section,
		const struct message *message, const struct message_rr *rr, uint32_t ttl_s);

/**
 * reply_end() - complete the answer: counts, rcode, lifetime.
 * A reply that failed becomes an empty SERVFAIL.
 */
void reply_end(struct reply *reply, uint8_t rcode);

/** reply_failure() - compose an answer without records. */
void reply_failure(struct answer *answer, const struct query *query, uint8_t rcode,
		   enum reply_ede ede);

/**
 * reply_seal() - make @answer the reply to @query, in place.
 * @rcode_high:	the upper part of an extended rcode (BADVERS: 1), else 0.
 * @limit:	bytes that the asker takes; what does not fit goes: first the
 *		additional section, then rounds of addresses but for one, then
 *		everything, with TC set (RFC 2181 9).
 * Return: the length of the reply.
 */
size_t reply_seal(struct answer *answer, const struct query *query, uint8_t rcode_high,
		  size_t limit);

#endif
