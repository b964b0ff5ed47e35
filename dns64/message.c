/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What comes in: queries from clients, who may be anyone inside and send
 * anything, and answers from the resolver. Both are read through cursors by own
 * code; ldns gives the names of types and codes only. Its parser leaks on two
 * TSIG records, follows pointer chains at length, and costs more than the rest
 * of a query's life together.
 */
#include "message.h"

#include "../core/cursor.h"
#include "codes.h"

enum {
	EDNS_VERSION_SHIFT = 16,	/* the OPT record's TTL field: rcode, version, flags */
	EDNS_DO = 0x8000,
};

/* RFC 7873 5.2.2 says which lengths are malformed. Return: false: it is. */
static bool read_cookie(struct query *query, struct cursor option)
{
	size_t len = cursor_left(&option);

	if (len != MESSAGE_COOKIE_CLIENT && (len < MESSAGE_COOKIE_MIN || len > MESSAGE_COOKIE_MAX))
		return false;
	query->cookie_len = (uint8_t)len;
	return cursor_bytes(&option, query->cookie, len);
}

/* RFC 6891 6.1.2: options are {code, length, data}, and nothing is left over. */
static bool read_options(struct query *query, struct cursor options)
{
	bool cookie_seen = false;

	while (cursor_left(&options)) {
		uint16_t code = cursor_u16(&options);
		struct cursor option = cursor_sub(&options, cursor_u16(&options));

		if (options.failed)
			return false;
		switch (code) {
		case OPTION_COOKIE:	/* RFC 7873 5.2: the first one counts */
			if (!cookie_seen && !read_cookie(query, option))
				return false;
			cookie_seen = true;
			break;
		case OPTION_KEEPALIVE:
			query->keepalive = cursor_left(&option) ? KEEPALIVE_MALFORMED :
								  KEEPALIVE_ASKED;
			break;
		case OPTION_PADDING:
			query->padded = true;
			break;
		default:
			break;
		}
	}
	return !options.failed;
}

/* What follows type OPT in the record. */
static enum message_verdict read_opt(struct query *query, struct cursor *c)
{
	uint16_t size = cursor_u16(c);
	uint32_t extended = cursor_u32(c);
	struct cursor options = cursor_sub(c, cursor_u16(c));

	if (c->failed)
		return MESSAGE_MALFORMED;
	query->edns = true;
	query->dnssec_ok = (extended & EDNS_DO) != 0;
	if (size > MESSAGE_UDP_MIN)
		query->udp_size = size < MESSAGE_UDP_MAX ? size : MESSAGE_UDP_MAX;
	/* What the options of other versions mean nobody knows. */
	if (extended >> EDNS_VERSION_SHIFT & 0xff)
		return MESSAGE_EDNS_VERSION;
	if (!read_options(query, options)) {
		query->cookie_len = 0;
		return MESSAGE_BAD_OPTION;
	}
	return MESSAGE_OK;
}

/* One OPT record; the first that is anything else ends it. */
static enum message_verdict read_additional(struct query *query, struct cursor *c,
					    const uint8_t *wire, uint16_t n)
{
	enum message_verdict verdict = MESSAGE_OK;

	for (; n > 0; n--) {
		size_t begin = (size_t)(c->at - wire), at = begin;
		struct name owner;
		uint16_t type;

		if (!name_read(wire, (size_t)(c->end - wire), &at, &owner))
			return MESSAGE_MALFORMED;
		cursor_skip(c, at - begin);
		type = cursor_u16(c);
		if (c->failed)
			return MESSAGE_MALFORMED;
		if (type == LDNS_RR_TYPE_TSIG || type == LDNS_RR_TYPE_SIG)
			return MESSAGE_SIGNED;
		if (type != LDNS_RR_TYPE_OPT)
			return MESSAGE_ADDITIONAL;
		if (owner.len != 1)		/* RFC 6891 6.1.2: the root's */
			return MESSAGE_MALFORMED;
		if (query->edns)
			return MESSAGE_TWO_OPTS;
		verdict = read_opt(query, c);
		if (verdict != MESSAGE_OK && verdict != MESSAGE_EDNS_VERSION)
			return verdict;
	}
	return cursor_left(c) ? MESSAGE_MALFORMED : verdict;
}

/* RFC 1995 3: who wants a difference of zones says in the authority section what he has. */
static enum message_verdict skip_ixfr_soa(const struct query *query, struct cursor *c,
					  const uint8_t *wire)
{
	size_t begin = (size_t)(c->at - wire), at = begin;
	struct name owner;

	if (!name_read(wire, (size_t)(c->end - wire), &at, &owner))
		return MESSAGE_MALFORMED;
	cursor_skip(c, at - begin);
	if (cursor_u16(c) != LDNS_RR_TYPE_SOA || !name_equal(&owner, &query->qname))
		return MESSAGE_RECORDS;
	cursor_skip(c, 2 + 4);		/* class, TTL */
	cursor_skip(c, cursor_u16(c));
	return c->failed ? MESSAGE_MALFORMED : MESSAGE_OK;
}

/* What stands before the additional section, where there should be nothing */
static enum message_verdict read_records(const struct query *query, struct cursor *c,
					 const uint8_t *wire, uint16_t ancount, uint16_t nscount)
{
	if (ancount == 0 && nscount == 0)
		return MESSAGE_OK;
	if (ancount == 0 && nscount == 1 && query->qname.len && query->type == LDNS_RR_TYPE_IXFR)
		return skip_ixfr_soa(query, c, wire);
	return MESSAGE_RECORDS;
}

/* Return: false: without a sound question; @query then has none. */
static bool read_question(struct query *query, struct cursor *c, const uint8_t *wire, size_t len)
{
	size_t at = MESSAGE_HEADER_LEN;

	/* Nothing stands before the first name that a pointer could lead to, so
	 * name_read() accepts none but one into the header, which is caught here. */
	if (name_read(wire, len, &at, &query->qname) &&
	    at == MESSAGE_HEADER_LEN + (size_t)query->qname.len) {
		cursor_skip(c, query->qname.len);
		query->type = cursor_u16(c);
		query->class = cursor_u16(c);
		if (!c->failed)
			return true;
	}
	query->qname.len = 0;
	return false;
}

enum message_verdict message_read_query(struct query *query, const uint8_t *wire, size_t len)
{
	struct cursor c = cursor_init(wire, len);
	uint16_t qdcount, ancount, nscount, arcount;
	enum message_verdict verdict;

	*query = (struct query){ .udp_size = MESSAGE_UDP_MIN };
	query->id = cursor_u16(&c);
	query->flags = cursor_u16(&c);
	qdcount = cursor_u16(&c);
	ancount = cursor_u16(&c);
	nscount = cursor_u16(&c);
	arcount = cursor_u16(&c);
	if (c.failed)
		return MESSAGE_SHORT;
	if (query->flags & MESSAGE_QR)
		return MESSAGE_RESPONSE;
	if (query->flags & MESSAGE_OPCODE)
		return MESSAGE_OPCODE_OTHER;
	if (qdcount > 1)
		return MESSAGE_QUESTIONS;
	if (qdcount == 1 && !read_question(query, &c, wire, len))
		return MESSAGE_MALFORMED;
	verdict = read_records(query, &c, wire, ancount, nscount);
	if (verdict != MESSAGE_OK)
		return verdict;
	verdict = read_additional(query, &c, wire, arcount);
	if (verdict == MESSAGE_OK && qdcount == 0)
		return query->cookie_len ? MESSAGE_COOKIE_ONLY : MESSAGE_QUESTIONS;
	return verdict;
}

static uint32_t sane_ttl_s(uint32_t ttl_s)
{
	return ttl_s > INT32_MAX ? 0 : ttl_s;
}

static bool read_rr(struct message *message, struct cursor *c, enum message_section section)
{
	struct message_rr *rr = &message->rr[message->n];
	size_t owner_at = (size_t)(c->at - message->wire), at = owner_at;
	struct name owner;

	if (!name_read(message->wire, message->len, &at, &owner))
		return false;
	cursor_skip(c, at - owner_at);
	rr->section = section;
	rr->owner_at = (uint16_t)owner_at;
	rr->type = cursor_u16(c);
	rr->class = cursor_u16(c);
	rr->ttl_s = sane_ttl_s(cursor_u32(c));
	rr->rdata_len = cursor_u16(c);
	rr->rdata_at = (uint16_t)(c->at - message->wire);
	cursor_skip(c, rr->rdata_len);
	if (c->failed)
		return false;
	if (rr->type != LDNS_RR_TYPE_OPT)	/* it belongs to the hop, not to the answer */
		message->n++;
	return true;
}

bool message_read(struct message *message, const uint8_t *wire, size_t len)
{
	struct cursor c = cursor_init(wire, len);
	uint16_t qdcount, count[3];
	size_t at = MESSAGE_HEADER_LEN;

	if (len > MESSAGE_MAX)
		return false;
	message->wire = wire;
	message->len = len;
	message->n = 0;
	cursor_u16(&c);
	message->flags = cursor_u16(&c);
	qdcount = cursor_u16(&c);
	for (size_t i = 0; i < 3; i++)
		count[i] = cursor_u16(&c);
	if (c.failed || qdcount != 1 || !name_read(wire, len, &at, &message->qname))
		return false;
	cursor_skip(&c, at - MESSAGE_HEADER_LEN);
	message->qtype = cursor_u16(&c);
	message->qclass = cursor_u16(&c);

	for (size_t section = 0; section < 3; section++) {
		for (size_t i = 0; i < count[section]; i++) {
			if (message->n == MESSAGE_RRS_MAX ||
			    !read_rr(message, &c, (enum message_section)section))
				return false;
		}
	}
	return !c.failed;
}

void message_owner(const struct message *message, const struct message_rr *rr,
		   struct name *owner)
{
	size_t at = rr->owner_at;

	if (!name_read(message->wire, message->len, &at, owner))
		owner->len = 0;		/* cannot be: read_rr() has read it */
}

bool message_rdata_name(const struct message *message, const struct message_rr *rr,
			size_t skip, struct name *name)
{
	size_t at = rr->rdata_at + skip, end = (size_t)rr->rdata_at + rr->rdata_len;

	return skip < rr->rdata_len && name_read(message->wire, end, &at, name);
}

const struct message_rr *message_soa(const struct message *message)
{
	for (size_t i = 0; i < message->n; i++)
		if (message->rr[i].section == SECTION_AUTHORITY &&
		    message->rr[i].type == LDNS_RR_TYPE_SOA)
			return &message->rr[i];
	return NULL;
}

uint32_t message_negative_ttl_s(const struct message *message, const struct message_rr *soa)
{
	struct cursor c = cursor_init(message->wire + soa->rdata_at, soa->rdata_len);
	uint32_t minimum_s;

	/* The last of the fields: two names, then five numbers of 32 bits. */
	if (soa->rdata_len < 4)
		return 0;
	cursor_skip(&c, soa->rdata_len - 4u);
	minimum_s = sane_ttl_s(cursor_u32(&c));
	return minimum_s < soa->ttl_s ? minimum_s : soa->ttl_s;
}

/* One link: the CNAME of @name, and the DNAME above it. Return: is there one? */
static bool find_link(const struct message *message, const struct name *name,
		      uint16_t *cname, uint16_t *dname)
{
	*cname = *dname = MESSAGE_NO_RR;
	for (size_t i = 0; i < message->n; i++) {
		const struct message_rr *rr = &message->rr[i];
		struct name owner;

		if (rr->section != SECTION_ANSWER ||
		    (rr->type != LDNS_RR_TYPE_CNAME && rr->type != LDNS_RR_TYPE_DNAME))
			continue;
		message_owner(message, rr, &owner);
		if (rr->type == LDNS_RR_TYPE_CNAME && name_equal(&owner, name))
			*cname = (uint16_t)i;
		else if (rr->type == LDNS_RR_TYPE_DNAME && owner.len < name->len &&
			 name_below(name, &owner))
			*dname = (uint16_t)i;
	}
	return *cname != MESSAGE_NO_RR;
}

bool message_chase(const struct message *message, const struct name *from,
		   struct message_chain *chain)
{
	uint16_t cname, dname;

	chain->n = 0;
	chain->end = *from;
	while (find_link(message, &chain->end, &cname, &dname)) {
		if (chain->n == MESSAGE_CHAIN_MAX ||
		    !message_rdata_name(message, &message->rr[cname], 0, &chain->end))
			return false;
		chain->cname[chain->n] = cname;
		chain->dname[chain->n] = dname;
		chain->n++;
	}
	return true;
}
