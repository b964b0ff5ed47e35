/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "admit.h"

#include <time.h>

#include "../core/addr.h"
#include "../core/config.h"
#include "../core/loop.h"
#include "../core/throttle.h"
#include "codes.h"
#include "cookie.h"
#include "worker.h"

enum {
	RCODE_BADVERS = 16,		/* RFC 6891 9 */
	RCODE_BADCOOKIE = 23,		/* RFC 7873 8 */
};

static struct admission drop(enum stat why)
{
	return (struct admission){ .verdict = ADMIT_DROP, .why = why };
}

static struct admission refuse(uint8_t rcode, enum stat why)
{
	return (struct admission){ .verdict = ADMIT_REFUSE, .rcode = rcode, .why = why };
}

/*
 * Does the asker receive what is sent to its address? A handshake shows it, a cookie of
 * ours, and that a packet came by the loopback, where the kernel lets none in from outside.
 */
static bool is_proven(const struct asker *asker, enum cookie_verdict cookie)
{
	const struct in6_addr *client = &asker->client;

	return asker->tcp || cookie == COOKIE_GOOD || IN6_IS_ADDR_LOOPBACK(client) ||
	       (addr_is_v4(client) && client->s6_addr[12] == 127);
}

/*
 * Too many replies to this address. Every other query is answered all the same, in so few
 * bytes that nobody is flooded by them, so that who is honest gets through: with the cookie
 * that it brought its client's part of, or by TCP.
 */
static struct admission over_limit(struct worker *worker, enum cookie_verdict cookie)
{
	worker->slip = !worker->slip;
	if (!worker->slip)
		return drop(STAT_DNS_DROP_RATE);
	if (cookie != COOKIE_NONE)
		return refuse(RCODE_BADCOOKIE, STAT_DNS_SLIP_BADCOOKIE);
	return (struct admission){ .verdict = ADMIT_TRUNCATE, .why = STAT_DNS_SLIP_TRUNCATED };
}

static struct admission judge(enum message_verdict verdict, enum cookie_verdict cookie)
{
	switch (verdict) {
	case MESSAGE_SHORT:
		return drop(STAT_DNS_DROP_MALFORMED);
	case MESSAGE_RESPONSE:
		return drop(STAT_DNS_DROP_RESPONSE);
	case MESSAGE_MALFORMED:
		return refuse(LDNS_RCODE_FORMERR, STAT_DNS_REFUSED_MALFORMED);
	case MESSAGE_QUESTIONS:
		return refuse(LDNS_RCODE_FORMERR, STAT_DNS_REFUSED_QUESTIONS);
	case MESSAGE_RECORDS:
		return refuse(LDNS_RCODE_FORMERR, STAT_DNS_REFUSED_RECORDS);
	case MESSAGE_SIGNED:
		return refuse(LDNS_RCODE_FORMERR, STAT_DNS_REFUSED_SIGNED);
	case MESSAGE_ADDITIONAL:
		return refuse(LDNS_RCODE_FORMERR, STAT_DNS_REFUSED_ADDITIONAL);
	case MESSAGE_TWO_OPTS:
		return refuse(LDNS_RCODE_FORMERR, STAT_DNS_REFUSED_TWO_OPTS);
	case MESSAGE_BAD_OPTION:
		return refuse(LDNS_RCODE_FORMERR, STAT_DNS_REFUSED_OPTION);
	case MESSAGE_OPCODE_OTHER:
		return refuse(LDNS_RCODE_NOTIMPL, STAT_DNS_REFUSED_OPCODE);
	case MESSAGE_EDNS_VERSION:
		return refuse(RCODE_BADVERS, STAT_DNS_REFUSED_EDNS_VERSION);
	case MESSAGE_COOKIE_ONLY:	/* RFC 7873 5.4 */
		return refuse(cookie == COOKIE_BAD ? RCODE_BADCOOKIE : LDNS_RCODE_NOERROR,
			      STAT_DNS_COOKIE_ASKED);
	case MESSAGE_OK:
		break;
	}
	return (struct admission){ .verdict = ADMIT_GO_ON };
}

/* RFC 7873 5.2.3 to 5.2.5: whatever the cookie, the query is answered, with a good one. */
static enum cookie_verdict settle_cookie(struct worker *worker, const struct asker *asker,
					 struct query *query)
{
	static const enum stat counter[] = {
		[COOKIE_CLIENT_ONLY] = STAT_DNS_COOKIE_CLIENT_ONLY,
		[COOKIE_BAD] = STAT_DNS_COOKIE_BAD,
		[COOKIE_GOOD] = STAT_DNS_COOKIE_GOOD,
	};
	enum cookie_verdict verdict;

	if (query->cookie_len == 0)
		return COOKIE_NONE;
	verdict = cookie_settle(&worker->cookies, &asker->client, time(NULL), query);
	stats_inc(counter[verdict]);
	return verdict;
}

struct admission admit(struct worker *worker, const struct asker *asker, struct query *query,
		       const uint8_t *wire, size_t len)
{
	uint32_t per_second = worker->room->config->dns64.limits.responses_per_client;
	enum message_verdict verdict = message_read_query(query, wire, len);
	enum cookie_verdict cookie;

	if (verdict == MESSAGE_SHORT || verdict == MESSAGE_RESPONSE)
		return judge(verdict, COOKIE_NONE);
	if (!asker_settle(asker, query))
		verdict = MESSAGE_BAD_OPTION;
	cookie = settle_cookie(worker, asker, query);
	if (!is_proven(asker, cookie) &&
	    !throttle_pass(worker->room->throttle, addr_client(&asker->client), per_second,
			   loop_now_ms()))
		return over_limit(worker, cookie);
	return judge(verdict, cookie);
}
