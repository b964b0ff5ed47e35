/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Answers from here: ipv4only.arpa, by which clients find out the pref64 (the
 * whole point is that nobody else is asked, RFC 8880 4), and small things.
 */
#include "local.h"

#include <string.h>

#include "../core/addrmap.h"
#include "codes.h"

static const struct name ipv4only = { .len = 15, .wire = "\010ipv4only\004arpa" };
static const struct name reverse_170 = {
	.len = 26, .wire = "\003170\0010\0010\003192\007in-addr\004arpa"
};
static const struct name reverse_171 = {
	.len = 26, .wire = "\003171\0010\0010\003192\007in-addr\004arpa"
};
/* RFC 7050 2.2 */
enum { WELL_KNOWN = 2 };
static const uint8_t well_known[WELL_KNOWN][4] = { { 192, 0, 0, 170 }, { 192, 0, 0, 171 } };

bool local_is_ipv4only(const struct name *name)
{
	return name_below(name, &ipv4only);
}

bool local_is_ipv4only_reverse(const struct name *name)
{
	return name_below(name, &reverse_170) || name_below(name, &reverse_171);
}

bool local_is_apex(const struct name *name)
{
	return name_equal(name, &ipv4only) || name_equal(name, &reverse_170) ||
	       name_equal(name, &reverse_171);
}

static void say_soa(struct answer *answer, const struct query *query,
		    enum message_section section, const struct name *zone, uint8_t rcode)
{
	struct reply reply;

	reply_begin(&reply, answer, query);
	reply_add_soa(&reply, section, zone);
	reply_end(&reply, rcode);
}

/* RFC 8880 7.1, 7.2: of other types, be it SOA or NS, there are none. */
static void deny(struct answer *answer, const struct query *query, const struct name *zone,
		 uint8_t rcode)
{
	say_soa(answer, query, SECTION_AUTHORITY, zone, rcode);
}

static void add_v4(struct reply *reply, const struct query *query)
{
	for (size_t i = 0; i < WELL_KNOWN; i++)
		reply_add(reply, SECTION_ANSWER, &query->qname, LDNS_RR_TYPE_A,
			  REPLY_LOCAL_TTL_S, well_known[i], sizeof(well_known[i]));
}

/* RFC 7050 3: in all pref64s, the one that is preferred first, always: from the order clients
 * choose, and one that asks again shall find the same. */
static void add_v6(struct reply *reply, const struct query *query, const struct addrmap *map)
{
	for (size_t i = 0; i < map->pref64.n - map->n_draining; i++) {
		struct in6_addr addrs[WELL_KNOWN];

		for (size_t k = 0; k < WELL_KNOWN; k++) {
			uint32_t v4_be32;

			memcpy(&v4_be32, well_known[k], sizeof(v4_be32));
			addrs[k] = addrmap_embed(&map->pref64.v[i], v4_be32);
		}
		reply_add_round(reply, &query->qname, REPLY_LOCAL_TTL_S, addrs, WELL_KNOWN);
	}
	reply->answer->rounds.whole = 1;
}

void local_ipv4only(struct answer *answer, const struct query *query,
		    const struct addrmap *map)
{
	bool apex = name_equal(&query->qname, &ipv4only);
	/* Who sets DO and CD does not want synthesis here either (RFC 7050 3). */
	bool bare = query->dnssec_ok && query->flags & MESSAGE_CD;
	struct reply reply;

	if (!apex) {
		deny(answer, query, &ipv4only, LDNS_RCODE_NXDOMAIN);
		return;
	}
	if (query->type != LDNS_RR_TYPE_A && (query->type != LDNS_RR_TYPE_AAAA || bare)) {
		deny(answer, query, &ipv4only, LDNS_RCODE_NOERROR);
		return;
	}
	reply_begin(&reply, answer, query);
	if (query->type == LDNS_RR_TYPE_A)
		add_v4(&reply, query);
	else
		add_v6(&reply, query, map);
	reply_end(&reply, LDNS_RCODE_NOERROR);
	if (query->type == LDNS_RR_TYPE_AAAA) {
		answer->synthesised = true;
		answer->ede = REPLY_EDE_SYNTHESISED;
	}
}

void local_ipv4only_reverse(struct answer *answer, const struct query *query)
{
	const struct name *zone = name_below(&query->qname, &reverse_170) ? &reverse_170 :
									    &reverse_171;
	struct reply reply;

	if (!name_equal(&query->qname, zone)) {
		deny(answer, query, zone, LDNS_RCODE_NXDOMAIN);
		return;
	}
	if (query->type != LDNS_RR_TYPE_PTR) {
		deny(answer, query, zone, LDNS_RCODE_NOERROR);
		return;
	}
	reply_begin(&reply, answer, query);
	reply_add_name(&reply, SECTION_ANSWER, &query->qname, LDNS_RR_TYPE_PTR,
		       REPLY_LOCAL_TTL_S, &ipv4only);
	reply_end(&reply, LDNS_RCODE_NOERROR);
}

void local_ipv4only_mapped(struct answer *answer, const struct query *query,
			   const struct name *target)
{
	struct reply reply;

	reply_begin(&reply, answer, query);
	reply_add_name(&reply, SECTION_ANSWER, &query->qname, LDNS_RR_TYPE_CNAME,
		       REPLY_LOCAL_TTL_S, target);
	if (query->type == LDNS_RR_TYPE_PTR)
		reply_add_name(&reply, SECTION_ANSWER, target, LDNS_RR_TYPE_PTR,
			       REPLY_LOCAL_TTL_S, &ipv4only);
	else if (query->type != LDNS_RR_TYPE_CNAME)
		reply_add_soa(&reply, query->type == LDNS_RR_TYPE_SOA ? SECTION_ANSWER :
									SECTION_AUTHORITY, target);
	reply_end(&reply, LDNS_RCODE_NOERROR);
	answer->synthesised = true;
	answer->ede = REPLY_EDE_SYNTHESISED;
}

void local_any(struct answer *answer, const struct query *query)
{
	static const uint8_t hinfo[] = "\007RFC8482";	/* CPU; its NUL is the empty OS */
	struct reply reply;

	reply_begin(&reply, answer, query);
	reply_add(&reply, SECTION_ANSWER, &query->qname, LDNS_RR_TYPE_HINFO,
		  REPLY_LOCAL_TTL_S, hinfo, sizeof(hinfo));
	reply_end(&reply, LDNS_RCODE_NOERROR);
}

void local_empty(struct answer *answer, const struct query *query, const struct name *zone,
		 uint8_t rcode)
{
	bool soa = query->type == LDNS_RR_TYPE_SOA && name_equal(&query->qname, zone);

	say_soa(answer, query, soa ? SECTION_ANSWER : SECTION_AUTHORITY, zone, rcode);
}
