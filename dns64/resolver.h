/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * "Resolve NAME TYPE, call back". One resolver belongs to one event loop; what
 * stands behind it (recurse.c: libunbound) can be replaced without its users
 * knowing. Answers are never synthesised: that is dns64's business, and snid,
 * which asks here too, must see what is really in the DNS.
 */
#ifndef DNS64_RESOLVER_H
#define DNS64_RESOLVER_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct config;
struct event_base;
struct resolver;
struct resolver_query;

/* What came of a question */
enum resolver_status {
	RESOLVER_OK,		/* a message: look at its rcode */
	RESOLVER_FAILED,	/* no answer from upstream in time, or none that is usable */
	RESOLVER_BOGUS,		/* DNSSEC validation failed: for nobody but who set CD */
	RESOLVER_REFUSED,	/* too many questions pending */
};

struct resolver_answer {
	enum resolver_status status;
	uint8_t rcode;		/* of the message */
	bool secure;		/* validated (AD), where RESOLVER_OK */
	bool cached;		/* known from before: no server has said it now */
	bool silent;		/* where FAILED: nothing was heard of servers, or not in time */
	const uint8_t *wire;	/* whole DNS message, borrowed for the callback; NULL where there
				 * is none: never where OK, perhaps where BOGUS */
	size_t wire_len;	/* bytes */
	const char *why;	/* why it failed, for people; borrowed; may be NULL */
	uint16_t ede;		/* where BOGUS: the extended error that says why (RFC 8914) */
};

/** Called once per question, in the loop's thread, never from within resolver_ask(). */
typedef void resolver_fn(void *arg, const struct resolver_answer *answer);

/**
 * resolvers_hold() - in the main thread, before it has resolvers made, be it by others: wait
 * for those that are made or deleted now, and let nobody else.
 */
void resolvers_hold(void);

/** resolvers_let_go() - they are made. */
void resolvers_let_go(void);

/**
 * resolver_new() - a resolver on @base, set up from config->dns64 (recursive or
 * forwarding, validation, root hints). Between resolvers_hold() and resolvers_let_go().
 * @config:	borrowed for the call.
 * Return: the resolver, owned by the caller, or NULL, the reason having been logged.
 */
struct resolver *resolver_new(struct event_base *base, const struct config *config);

/**
 * resolver_setup_equal() - would resolver_new() make the same from both? Then a
 * resolver can stay, with all that it has learnt.
 */
bool resolver_setup_equal(const struct config *a, const struct config *b);

enum { RESOLVER_QUESTIONS_MAX = 8192 };	/* for each zone at a time, those given up included */

/**
 * resolver_ask() - ask for @qname.
 * @qname:	wire form, uncompressed, at most 255 bytes, borrowed for the call.
 * @type, @class: host byte order.
 * Return: the question, valid until @fn was called; NULL when out of memory or
 * when too many are pending (then @fn is not called).
 */
struct resolver_query *resolver_ask(struct resolver *resolver, const uint8_t *qname,
				    uint16_t type, uint16_t class,
				    resolver_fn *fn, void *arg);

/** A question takes up no place in the resolver any more. */
typedef void resolver_gone_fn(void *payer);

/**
 * resolver_charge() - have @gone called when @query is gone from the resolver: after its answer
 * was given, or, of one that was cancelled or had none in time, when its end is known.
 * Called before any other event, and once.
 */
void resolver_charge(struct resolver_query *query, resolver_gone_fn *gone, void *payer);

/** resolver_cancel() - @fn will not be called any more; the question is gone. */
void resolver_cancel(struct resolver_query *query);

/* How those fare who know all names, or those of one zone of dns64.zones */
struct resolver_health {
	uint64_t questions;		/* that could not be answered at once */
	uint64_t answered, failed;	/* of them; an answer after the deadline is both */
	uint64_t timeouts;		/* of those that failed: no answer in time */
	uint64_t renewals;		/* how often it started afresh */
	unsigned int failed_in_row;	/* without a word of servers, since one last answered */
	bool deaf;			/* nothing is answered any more */
	int64_t answered_ms;		/* when a server last did, loop_now_ms(); 0 = never */
	uint32_t took_us;		/* until an answer was there, smoothed; 0 = never */
};

/**
 * resolver_health() - of zone @i of dns64.zones; behind the last one, of all other names.
 * Return: false when there is none so far behind.
 */
bool resolver_health(const struct resolver *resolver, size_t i, struct resolver_health *out);

/**
 * resolver_retry() - others have been answered, after nobody was: what has learnt here that
 * servers are away shall forget it, as soon as it is time to.
 */
void resolver_retry(struct resolver *resolver);

/** resolver_is_idle() - does nobody wait for an answer of it? */
bool resolver_is_idle(const struct resolver *resolver);

/** resolver_free() - cancels every question without calling back; NULL is allowed. */
void resolver_free(struct resolver *resolver);

/* Records of one name, as snid wants them. What exceeds these is left out. */
enum {
	RESOLVER_ADDRESSES_MAX = 16,
	RESOLVER_SERVICES_MAX = 16,
	RESOLVER_NAME_STRLEN = 254,	/* a host name as text without the final dot, NUL included */
};

enum resolver_type { RESOLVER_A, RESOLVER_AAAA, RESOLVER_SRV };

/* RFC 2782; host byte order */
struct resolver_service {
	uint16_t priority, weight, port;
	char target[RESOLVER_NAME_STRLEN];	/* "" = the root: the service is not available */
};

struct resolver_records {
	enum resolver_status status;
	uint8_t rcode;				/* 3 = the name does not exist */
	uint32_t ttl_s;				/* the lowest of what led to these records; of their
						 * absence: RFC 2308 5, 0 without an SOA */
	const char *why;			/* see struct resolver_answer */
	size_t n_addrs, n_services;		/* both 0: the name has no such record */
	struct in6_addr addrs[RESOLVER_ADDRESSES_MAX];	/* of A: IPv4-mapped */
	struct resolver_service services[RESOLVER_SERVICES_MAX];
};

typedef void resolver_records_fn(void *arg, const struct resolver_records *answer);

/**
 * resolver_ask_records() - the records of a host name or a service (_service._tcp.host),
 * CNAMEs followed.
 * @name:	presentation form, letters, digits, hyphens, underscores and dots; with
 *		or without the final dot; always absolute (no search list).
 * Return: as resolver_ask(); NULL also for a name that is no valid DNS name.
 */
struct resolver_query *resolver_ask_records(struct resolver *resolver, const char *name,
					    enum resolver_type type,
					    resolver_records_fn *fn, void *arg);

#endif
