/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * DNS cookies, the server's side (RFC 7873 5.2), made as all servers make them
 * (RFC 9018): who brings back a cookie of ours receives at the address that it
 * sends from.
 *
 * The secret is another each day (UTC), and all workers agree on it without a word: it is
 * derived from one that was drawn at start, and from the day. A cookie is hashed with the
 * secret of the day that its time stamp lies in, so that those of the last hour of a day
 * stay good after midnight, and one hash tells.
 */
#ifndef DNS64_COOKIE_H
#define DNS64_COOKIE_H

#include <netinet/in.h>
#include <stdint.h>
#include <time.h>

#include "../core/siphash.h"

struct query;

enum {
	COOKIE_SERVER_LEN = 16,		/* RFC 9018 4 */
	COOKIE_LEN = 24,		/* after the client's 8 */
};

/* What a query proves by it */
enum cookie_verdict {
	COOKIE_NONE,			/* it had none */
	COOKIE_CLIENT_ONLY,		/* the client is new here */
	COOKIE_BAD,			/* not ours, or too old */
	COOKIE_GOOD,
};

/* A worker's; all have the same root */
struct cookies {
	struct siphash_key root;
	struct {
		int64_t number;		/* days since 1970; -1 = none yet */
		struct siphash_key secret;
	} day[2];			/* the last that were used, by number modulo 2 */
};

/** cookie_init() - @root: random, alike for all workers. */
void cookie_init(struct cookies *cookies, const struct siphash_key *root);

/**
 * cookie_settle() - check a query's cookie, and put the reply's in its place: the same
 * one while it is good for half an hour more, else a new one (RFC 9018 4.3).
 * @client:	the asker's address, IPv4 mapped.
 * @now_s:	time().
 */
enum cookie_verdict cookie_settle(struct cookies *cookies, const struct in6_addr *client,
				  time_t now_s, struct query *query);

/**
 * cookie_hash() - the hash of RFC 9018 4.4.
 * @cookie:	client cookie, version, reserved, time stamp: 16 bytes.
 * @hash:	8 bytes.
 */
void cookie_hash(const struct siphash_key *secret, const uint8_t *cookie,
		 const struct in6_addr *client, uint8_t *hash);

#endif
