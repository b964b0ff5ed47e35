/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Looked at is the answer as the client would get it, so that what was synthesised counts
 * too. Refused is the whole of it: an honest name has no private addresses beside others.
 * It has no address then, rather than an error, at which stubs would ask another server.
 *
 * Foreign is every name asked for that lies below none of dns64.zones. That its chain ends
 * in such a zone is no excuse: its origin, to a browser, is the name at the beginning.
 *
 * The hints of SVCB and HTTPS are not looked at: clients connect to them only while they
 * wait for A and AAAA, and RFC 9460 7.3 has resolvers leave them alone.
 */
#include "rebind.h"

#include <string.h>

#include "../core/addrmap.h"
#include "../core/config.h"
#include "../core/cursor.h"
#include "../core/stats.h"
#include "codes.h"
#include "forward.h"

#define V4(a, b, c, d) { { { [10] = 0xff, 0xff, (a), (b), (c), (d) } } }
#define V6(a, b) { { { (a), (b) } } }

/* Where hosts inside may be. An address that is none at all leads Linux to the host itself. */
static const struct prefix private[] = {
	{ V4(0, 0, 0, 0), 96 + 8 },		/* this network, RFC 1122 3.2.1.3 */
	{ V4(10, 0, 0, 0), 96 + 8 },		/* private use, RFC 1918 3 */
	{ V4(100, 64, 0, 0), 96 + 10 },		/* shared address space, RFC 6598 7 */
	{ V4(127, 0, 0, 0), 96 + 8 },		/* loopback, RFC 1122 3.2.1.3 */
	{ V4(169, 254, 0, 0), 96 + 16 },	/* link local, RFC 3927 2.1 */
	{ V4(172, 16, 0, 0), 96 + 12 },		/* private use, RFC 1918 3 */
	{ V4(192, 0, 0, 0), 96 + 24 },		/* protocol assignments, RFC 6890 2.2.2 */
	{ V4(192, 168, 0, 0), 96 + 16 },	/* private use, RFC 1918 3 */
	{ V6(0, 0), 127 },			/* :: and ::1, RFC 4291 2.5.2, 2.5.3 */
	{ V6(0xfc, 0), 7 },			/* unique local, RFC 4193 3.1 */
	{ V6(0xfe, 0x80), 9 },			/* link and site local, RFC 4291 2.5.6, 2.5.7 */
};

/* RFC 7050 2.2: .170 and .171, by which clients find out the prefix */
static const struct prefix discovery = { V4(192, 0, 0, 170), 127 };

static bool is_private(const struct in6_addr *addr)
{
	if (prefix_contains(&discovery, addr))
		return false;
	for (size_t i = 0; i < sizeof(private) / sizeof(private[0]); i++)
		if (prefix_contains(&private[i], addr))
			return true;
	return false;
}

/* By itself, or as what a translator would make of it */
static bool leads_inside(const struct addrmap *map, const struct in6_addr *addr)
{
	const struct prefix *pref64 = addrmap_pref64_of(map, addr);
	struct in6_addr v4;

	if (!pref64 && prefix_contains(&map->well_known, addr))
		pref64 = &map->well_known;
	if (!pref64)
		return is_private(addr);
	v4 = addr_from_v4(addrmap_extract(pref64, addr));
	return is_private(&v4);
}

static bool read_address(const struct message *message, const struct message_rr *rr,
			 struct in6_addr *addr)
{
	struct cursor c = cursor_init(message->wire + rr->rdata_at, rr->rdata_len);
	uint32_t v4_be32;

	if (rr->section != SECTION_ANSWER)
		return false;
	if (rr->type == LDNS_RR_TYPE_AAAA)
		return cursor_bytes(&c, addr, sizeof(*addr));
	if (rr->type != LDNS_RR_TYPE_A || !cursor_bytes(&c, &v4_be32, sizeof(v4_be32)))
		return false;
	*addr = addr_from_v4(v4_be32);
	return true;
}

static bool has_private(const struct answer *answer, const struct addrmap *map)
{
	struct message message;
	struct in6_addr addr;

	if (!message_read(&message, answer->wire, answer->len))
		return true;		/* more records than are looked at: who knows */
	for (size_t i = 0; i < message.n; i++)
		if (read_address(&message, &message.rr[i], &addr) && leads_inside(map, &addr))
			return true;
	return false;
}

void rebind_guard(struct answer *answer, const struct query *query, const struct config *config,
		  const struct addrmap *map)
{
	uint32_t lifetime_s = answer->lifetime_s;

	if (config->dns64.rebind == CONFIG_REBIND_OFF || !has_private(answer, map) ||
	    forward_configured(config, &query->qname))
		return;
	stats_inc(STAT_DNS_REBIND);
	reply_failure(answer, query, LDNS_RCODE_NOERROR, REPLY_EDE_BLOCKED);
	answer->lifetime_s = lifetime_s;
}
