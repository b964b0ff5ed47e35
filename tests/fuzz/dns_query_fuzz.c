/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A query from anyone: read, its options settled, decided on, and answered as far as
 * nobody else is needed; over UDP, and over TLS with padding.
 */
#include <stdlib.h>
#include <string.h>

#include "../../core/addrmap.h"
#include "../../core/config.h"
#include "../../dns64/cookie.h"
#include "../../dns64/local.h"
#include "../../dns64/policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { NOW_S = 1559736000, PREFIXES = 16 };

static uint8_t wire[MESSAGE_MAX];

static void compose(struct answer *answer, const struct query *query, enum message_verdict verdict,
		    const struct addrmap *map)
{
	static char excluded0[] = "a", excluded1[] = "b.example", forced0[] = "x.b.example";
	static char *excluded[] = { excluded0, excluded1 }, *forced[] = { forced0 };
	static const struct config config = { .dns64 = { .exclude_names = { excluded, 2 },
							 .force_names = { forced, 1 } } };
	struct policy_plan plan;

	if (verdict != MESSAGE_OK) {
		reply_failure(answer, query, 1, REPLY_EDE_NONE);
		return;
	}
	policy_decide(&plan, query, map);
	policy_apply_names(&plan, query, &config);
	if (plan.forced && plan.action != POLICY_SYNTHESISE)
		abort();
	if (plan.action == POLICY_IPV4ONLY)
		local_ipv4only(answer, query, map);
	else if (plan.action == POLICY_IPV4ONLY_REVERSE)
		local_ipv4only_reverse(answer, query);
	else if (plan.action == POLICY_IPV4ONLY_MAPPED)
		local_ipv4only_mapped(answer, query, &plan.target);
	else
		local_any(answer, query);
}

/* What goes out fits, and would be dropped if it came back. */
static void seal(struct answer *answer, const struct query *query, size_t limit)
{
	struct query again;
	size_t len = reply_seal(answer, query, 0, limit);

	if (len < MESSAGE_HEADER_LEN || len > limit ||
	    message_read_query(&again, wire, len) != MESSAGE_RESPONSE)
		abort();
}

/* A cookie that was settled is one of ours. */
static void settle_cookie(struct query *query)
{
	static const struct in6_addr client = { { { 0x20, 1, 0xd, 0xb8, [15] = 1 } } };
	static const struct siphash_key root = { 1, 2 };
	struct cookies cookies;

	cookie_init(&cookies, &root);
	if (cookie_settle(&cookies, &client, NOW_S, query) != COOKIE_NONE &&
	    cookie_settle(&cookies, &client, NOW_S, query) != COOKIE_GOOD)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct addrmap map;
	struct answer answer = { .wire = wire };
	enum message_verdict verdict;
	struct query query;
	struct prefix prefix;

	for (size_t i = 0; i < PREFIXES && map.pref64.n < PREFIXES; i++) {
		char text[PREFIX_STRLEN];

		snprintf(text, sizeof(text), "64:ff9b:0:0:%x::/96", (unsigned int)i);
		if (prefix_parse(text, &prefix) || prefix_list_add(&map.pref64, &prefix))
			abort();
	}
	verdict = message_read_query(&query, data, size);
	if (verdict == MESSAGE_SHORT || verdict == MESSAGE_RESPONSE)
		return 0;
	if (query.cookie_len != 0 && query.cookie_len != MESSAGE_COOKIE_CLIENT &&
	    (query.cookie_len < MESSAGE_COOKIE_MIN || query.cookie_len > MESSAGE_COOKIE_MAX))
		abort();
	settle_cookie(&query);

	compose(&answer, &query, verdict, &map);
	seal(&answer, &query, MESSAGE_MAX);
	compose(&answer, &query, verdict, &map);
	query.padded = false;
	seal(&answer, &query, query.udp_size);
	return 0;
}
