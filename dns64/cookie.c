/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cookie.h"

#include <string.h>

#include "../core/addr.h"
#include "../core/cursor.h"
#include "../core/siphash24.h"
#include "message.h"

enum {
	VERSION = 1,
	DAY_S = 86400,
	AGE_MAX_S = 3600,		/* RFC 9018 4.3 */
	AHEAD_MAX_S = 300,
	RENEW_S = 1800,			/* its SHOULD: after half an hour at the latest */
	TIME_AT = MESSAGE_COOKIE_CLIENT + 4,
	HASH_AT = MESSAGE_COOKIE_CLIENT + 8,
	HASH_LEN = 8,
};

void cookie_init(struct cookies *cookies, const struct siphash_key *root)
{
	*cookies = (struct cookies){ .root = *root };
	cookies->day[0].number = cookies->day[1].number = -1;
}

static const struct siphash_key *secret_of(struct cookies *cookies, int64_t at_s)
{
	int64_t number = at_s / DAY_S;
	struct siphash_key *secret = &cookies->day[number & 1].secret;
	int64_t seed[2] = { number, 0 };

	if (cookies->day[number & 1].number != number) {
		cookies->day[number & 1].number = number;
		secret->k0 = siphash24(&cookies->root, seed, sizeof(seed));
		seed[1] = 1;
		secret->k1 = siphash24(&cookies->root, seed, sizeof(seed));
	}
	return secret;
}

void cookie_hash(const struct siphash_key *secret, const uint8_t *cookie,
		 const struct in6_addr *client, uint8_t *hash)
{
	uint8_t input[HASH_AT + sizeof(*client)];
	size_t len = HASH_AT;
	uint64_t result;

	memcpy(input, cookie, HASH_AT);
	if (addr_is_v4(client)) {
		memcpy(input + len, client->s6_addr + 12, 4);
		len += 4;
	} else {
		memcpy(input + len, client, sizeof(*client));
		len += sizeof(*client);
	}
	result = htole64(siphash24(secret, input, len));
	memcpy(hash, &result, HASH_LEN);
}

/* The time stamp of a cookie, whole: the nearest to now that ends in these 32 bits */
static int64_t made_at(const uint8_t *cookie, int64_t now_s)
{
	struct cursor c = cursor_init(cookie + TIME_AT, 4);

	return now_s + (int32_t)(cursor_u32(&c) - (uint32_t)now_s);
}

/* As long as the content tells how the hash goes on, comparing must take. */
static bool same_hash(const uint8_t *a, const uint8_t *b)
{
	uint8_t differs = 0;

	for (size_t i = 0; i < HASH_LEN; i++)
		differs |= a[i] ^ b[i];
	return differs == 0;
}

static bool is_good(struct cookies *cookies, const struct in6_addr *client, int64_t now_s,
		    const struct query *query)
{
	const uint8_t *cookie = query->cookie;
	int64_t made_s = made_at(cookie, now_s);
	uint8_t hash[HASH_LEN];

	if (query->cookie_len != COOKIE_LEN || cookie[MESSAGE_COOKIE_CLIENT] != VERSION ||
	    now_s - made_s > AGE_MAX_S || made_s - now_s > AHEAD_MAX_S)
		return false;
	cookie_hash(secret_of(cookies, made_s), cookie, client, hash);
	return same_hash(hash, cookie + HASH_AT);
}

static void renew(struct cookies *cookies, const struct in6_addr *client, int64_t now_s,
		  struct query *query)
{
	const uint32_t stamp_be = htobe32((uint32_t)now_s);
	uint8_t *cookie = query->cookie;

	memset(cookie + MESSAGE_COOKIE_CLIENT, 0, COOKIE_SERVER_LEN);
	cookie[MESSAGE_COOKIE_CLIENT] = VERSION;
	memcpy(cookie + TIME_AT, &stamp_be, sizeof(stamp_be));
	cookie_hash(secret_of(cookies, now_s), cookie, client, cookie + HASH_AT);
	query->cookie_len = COOKIE_LEN;
}

enum cookie_verdict cookie_settle(struct cookies *cookies, const struct in6_addr *client,
				  time_t now_s, struct query *query)
{
	enum cookie_verdict verdict = COOKIE_GOOD;

	if (query->cookie_len == 0)
		return COOKIE_NONE;
	if (query->cookie_len == MESSAGE_COOKIE_CLIENT)
		verdict = COOKIE_CLIENT_ONLY;
	else if (!is_good(cookies, client, now_s, query))
		verdict = COOKIE_BAD;
	if (verdict != COOKIE_GOOD || now_s - made_at(query->cookie, now_s) > RENEW_S)
		renew(cookies, client, now_s, query);
	return verdict;
}
