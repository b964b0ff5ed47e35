/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Composing replies. Records of upstream answers are written anew, name by
 * name: their compression pointers mean nothing here, and what was not
 * understood does not get out.
 */
#include "reply.h"

#include <string.h>

#include "../core/cursor.h"
#include "../core/stats.h"
#include "codes.h"

enum {
	POINTER = 0xc000,
	POINTER_MAX = 0x3fff,
	EDNS_DO = 0x8000,
	ROUND_RR_MAX = NAME_WIRE_MAX + 10 + 16,	/* an AAAA record, its owner in full */
	PADDING_BLOCK = 468,	/* RFC 8467 4.1 */
	OPT_FIXED = 11,		/* bytes of an OPT record before its options */
	OPTION_HEAD = 4,
};

static void put(struct reply *reply, const void *data, size_t len)
{
	struct answer *answer = reply->answer;

	if (reply->failed || len > REPLY_COMPOSE_MAX - answer->len) {
		reply->failed = true;
		return;
	}
	if (len)
		memcpy(answer->wire + answer->len, data, len);
	answer->len += len;
}

static void put_u16(struct reply *reply, uint16_t value)
{
	uint8_t bytes[2] = { (uint8_t)(value >> 8), (uint8_t)value };

	put(reply, bytes, sizeof(bytes));
}

static void put_u32(struct reply *reply, uint32_t value)
{
	put_u16(reply, (uint16_t)(value >> 16));
	put_u16(reply, (uint16_t)value);
}

static void patch_u16(uint8_t *at, uint16_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

/* The same for labels that are equal but for letter case; for most others another one */
static uint8_t label_hash(const uint8_t *label)
{
	unsigned int hash = 0;

	for (size_t i = 1; i <= label[0]; i++)
		hash = hash * 31 + (label[i] | 0x20u);
	return (uint8_t)(hash ^ hash >> 8);
}

/* Does the tail of @name from @from stand at this offset? */
static bool is_written_at(const struct reply *reply, size_t at, const struct name *name,
			  size_t from)
{
	struct name tail = { .len = (uint8_t)(name->len - from) }, written;

	memcpy(tail.wire, name->wire + from, tail.len);
	return name_read(reply->answer->wire, reply->answer->len, &at, &written) &&
	       name_equal(&written, &tail);
}

/*
 * An earlier place, among the first @n, where the tail of @name from @from stands, or 0. Names
 * of a hundred labels that differ in the last one could have us look for long: then what is not
 * the first name, which is the question's, is written in full.
 */
static uint16_t find_written(struct reply *reply, size_t n, const struct name *name,
			     size_t from)
{
	uint8_t hash = label_hash(name->wire + from);
	size_t len = name->len - from;

	if (reply->effort > REPLY_EFFORT_MAX && n > 1)
		n = 1;
	for (size_t i = 0; i < n; i++) {
		reply->effort++;
		/* The cheap look first: an answer may have thousands of names. */
		if (reply->names_len[i] != len || reply->names_hash[i] != hash)
			continue;
		reply->effort += (uint32_t)len;
		if (is_written_at(reply, reply->names[i], name, from))
			return reply->names[i];
	}
	return 0;
}

/* RFC 1035 4.1.4: labels until a tail that was written before, then a pointer. */
static void put_name(struct reply *reply, const struct name *name)
{
	size_t n_before = reply->n_names;	/* not into the name being written */

	for (size_t at = 0; name->wire[at] != 0 && !reply->failed; at += 1u + name->wire[at]) {
		uint16_t seen = find_written(reply, n_before, name, at);

		if (seen) {
			put_u16(reply, (uint16_t)(POINTER | seen));
			return;
		}
		if (reply->n_names < REPLY_NAMES_MAX && reply->answer->len <= POINTER_MAX) {
			reply->names_len[reply->n_names] = (uint8_t)(name->len - at);
			reply->names_hash[reply->n_names] = label_hash(name->wire + at);
			reply->names[reply->n_names++] = (uint16_t)reply->answer->len;
		}
		put(reply, name->wire + at, 1u + name->wire[at]);
	}
	put(reply, "", 1);
}

void reply_begin(struct reply *reply, struct answer *answer, const struct query *query)
{
	static const uint8_t empty_header[MESSAGE_HEADER_LEN];

	*answer = (struct answer){ .wire = answer->wire, .ede = REPLY_EDE_NONE,
				   .also = REPLY_EDE_NONE };
	*reply = (struct reply){ .answer = answer, .ttl_min_s = REPLY_TTL_MAX_S };
	put(reply, empty_header, sizeof(empty_header));
	if (query->qname.len) {
		put_name(reply, &query->qname);
		put_u16(reply, query->type);
		put_u16(reply, query->class);
		patch_u16(answer->wire + 4, 1);
	}
	answer->additional_at = reply->question_end = answer->len;
}

/* Everything of a record up to the rdata. Return: offset of the rdata's length. */
static size_t put_rr_head(struct reply *reply, enum message_section section,
			  const struct name *owner, uint16_t type, uint32_t ttl_s)
{
	size_t length_at;

	ttl_s = ttl_s < REPLY_TTL_MAX_S ? ttl_s : REPLY_TTL_MAX_S;
	if (section != SECTION_ADDITIONAL && ttl_s < reply->ttl_min_s)
		reply->ttl_min_s = ttl_s;
	reply->section = section;
	put_name(reply, owner);
	put_u16(reply, type);
	put_u16(reply, LDNS_RR_CLASS_IN);
	put_u32(reply, ttl_s);
	length_at = reply->answer->len;
	put_u16(reply, 0);
	return length_at;
}

static void finish_rr(struct reply *reply, size_t length_at)
{
	struct answer *answer = reply->answer;

	if (reply->failed)
		return;
	patch_u16(answer->wire + length_at, (uint16_t)(answer->len - length_at - 2));
	reply->count[reply->section]++;
	if (reply->section != SECTION_ADDITIONAL)
		answer->additional_at = answer->len;
}

void reply_add(struct reply *reply, enum message_section section, const struct name *owner,
	       uint16_t type, uint32_t ttl_s, const uint8_t *rdata, size_t rdata_len)
{
	size_t length_at = put_rr_head(reply, section, owner, type, ttl_s);

	put(reply, rdata, rdata_len);
	finish_rr(reply, length_at);
}

void reply_add_name(struct reply *reply, enum message_section section,
		    const struct name *owner, uint16_t type, uint32_t ttl_s,
		    const struct name *target)
{
	size_t length_at = put_rr_head(reply, section, owner, type, ttl_s);

	put_name(reply, target);
	finish_rr(reply, length_at);
}

void reply_add_round(struct reply *reply, const struct name *owner, uint32_t ttl_s,
		     const struct in6_addr *addrs, size_t n)
{
	struct answer_rounds *rounds = &reply->answer->rounds;

	for (size_t i = 0; i < n; i++) {
		size_t at = reply->answer->len;

		reply_add(reply, SECTION_ANSWER, owner, LDNS_RR_TYPE_AAAA, ttl_s,
			  addrs[i].s6_addr, sizeof(addrs[i].s6_addr));
		if (rounds->n++ == 0) {
			rounds->at = (uint16_t)at;
			rounds->size = (uint16_t)(reply->answer->len - at);
		}
	}
	if (rounds->n == n)
		rounds->per_round = (uint16_t)n;
	if (n == rounds->per_round)
		rounds->whole++;
}

void reply_add_soa(struct reply *reply, enum message_section section, const struct name *zone)
{
	static const struct name mname = { .len = 11, .wire = "\011localhost" };
	static const struct name rname = { .len = 16, .wire = "\006nobody\007invalid" };
	size_t length_at = put_rr_head(reply, section, zone, LDNS_RR_TYPE_SOA,
				       REPLY_LOCAL_TTL_S);

	put_name(reply, &mname);
	put_name(reply, &rname);
	put_u32(reply, 1);			/* serial */
	put_u32(reply, 3600);			/* refresh */
	put_u32(reply, 1200);			/* retry */
	put_u32(reply, 604800);			/* expire */
	put_u32(reply, REPLY_LOCAL_TTL_S);	/* minimum */
	finish_rr(reply, length_at);
}

/*
 * Where names stand in the rdata of a type: after @before bytes, @names of them.
 * Only the types of RFC 1035 may have theirs compressed (RFC 3597 4); older
 * servers did so to the others too, which 4 tells receivers to put up with.
 */
struct rdata_shape {
	uint16_t type;
	uint8_t before, names;
	bool compress;
};

static const struct rdata_shape *rdata_shape(uint16_t type)
{
	static const struct rdata_shape shapes[] = {
		{ LDNS_RR_TYPE_NS, 0, 1, true },     { LDNS_RR_TYPE_MD, 0, 1, true },
		{ LDNS_RR_TYPE_MF, 0, 1, true },     { LDNS_RR_TYPE_CNAME, 0, 1, true },
		{ LDNS_RR_TYPE_SOA, 0, 2, true },    { LDNS_RR_TYPE_MB, 0, 1, true },
		{ LDNS_RR_TYPE_MG, 0, 1, true },     { LDNS_RR_TYPE_MR, 0, 1, true },
		{ LDNS_RR_TYPE_PTR, 0, 1, true },    { LDNS_RR_TYPE_MINFO, 0, 2, true },
		{ LDNS_RR_TYPE_MX, 2, 1, true },     { LDNS_RR_TYPE_RP, 0, 2, false },
		{ LDNS_RR_TYPE_AFSDB, 2, 1, false }, { LDNS_RR_TYPE_RT, 2, 1, false },
		{ LDNS_RR_TYPE_PX, 2, 2, false },    { LDNS_RR_TYPE_SRV, 6, 1, false },
		{ LDNS_RR_TYPE_KX, 2, 1, false },    { LDNS_RR_TYPE_DNAME, 0, 1, false },
	};

	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++)
		if (shapes[i].type == type)
			return &shapes[i];
	return NULL;
}

static void copy_rdata(struct reply *reply, const struct message *message,
		       const struct message_rr *rr)
{
	const struct rdata_shape *shape = rdata_shape(rr->type);
	size_t at = rr->rdata_at, end = at + rr->rdata_len;

	if (shape) {
		if (rr->rdata_len < shape->before) {
			reply->failed = true;
			return;
		}
		put(reply, message->wire + at, shape->before);
		at += shape->before;
	}
	for (size_t i = 0; shape && i < shape->names; i++) {
		struct name name;

		if (at >= end || !name_read(message->wire, end, &at, &name)) {
			reply->failed = true;
			return;
		}
		if (shape->compress)
			put_name(reply, &name);
		else
			put(reply, name.wire, name.len);
	}
	put(reply, message->wire + at, end - at);
}

void reply_copy(struct reply *reply, enum message_section section,
		const struct message *message, const struct message_rr *rr, uint32_t ttl_s)
{
	struct name owner;
	size_t length_at;

	message_owner(message, rr, &owner);
	length_at = put_rr_head(reply, section, &owner, rr->type, ttl_s);
	copy_rdata(reply, message, rr);
	finish_rr(reply, length_at);
}

void reply_end(struct reply *reply, uint8_t rcode)
{
	struct answer *answer = reply->answer;

	if (reply->failed) {
		answer->len = answer->additional_at = reply->question_end;
		answer->rounds = (struct answer_rounds){ 0 };
		memset(reply->count, 0, sizeof(reply->count));
		rcode = LDNS_RCODE_SERVFAIL;
	}
	for (size_t i = 0; i < 3; i++)
		patch_u16(answer->wire + 6 + 2 * i, reply->count[i]);
	answer->rcode = rcode;
	answer->lifetime_s = reply->ttl_min_s;
	if (rcode == LDNS_RCODE_SERVFAIL)
		answer->lifetime_s = REPLY_FAILURE_TTL_S;
	else if (rcode != LDNS_RCODE_NOERROR && rcode != LDNS_RCODE_NXDOMAIN)
		answer->lifetime_s = 0;
	else if (reply->count[SECTION_ANSWER] + reply->count[SECTION_AUTHORITY] == 0)
		answer->lifetime_s = 0;
}

void reply_failure(struct answer *answer, const struct query *query, uint8_t rcode,
		   enum reply_ede ede)
{
	struct reply reply;

	reply_begin(&reply, answer, query);
	reply_end(&reply, rcode);
	answer->ede = ede;
}

/* EXTRA-TEXT (RFC 8914 2), where it says more than the code */
static const char *ede_text(enum reply_ede ede)
{
	static const struct {
		enum reply_ede ede;
		char text[REPLY_EDE_TEXT_MAX];
	} texts[] = {
		{ REPLY_EDE_BLOCKED, "private address for a public name" },
		{ REPLY_EDE_UNREADABLE, "unreadable answer" },
		{ REPLY_EDE_CHAIN, "CNAME chain without end" },
		{ REPLY_EDE_BUSY, "too many questions are pending" },
		{ REPLY_EDE_DENIED, "IPv4 addresses that NAT64 does not reach" },
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (texts[i].ede == ede)
			return texts[i].text;
	return "";
}

/* One EDNS option behind others. Return: where the next one goes. */
static uint8_t *put_option(uint8_t *at, enum message_option code, const void *data, size_t len)
{
	patch_u16(at, (uint16_t)code);
	patch_u16(at + 2, (uint16_t)len);
	memcpy(at + OPTION_HEAD, data, len);
	return at + OPTION_HEAD + len;
}

static uint8_t *put_ede(uint8_t *at, enum reply_ede ede)
{
	const char *text = ede_text(ede);
	size_t len = strlen(text);

	patch_u16(at, OPTION_EDE);
	patch_u16(at + 2, (uint16_t)(2 + len));
	patch_u16(at + 4, (uint16_t)ede & 0xff);
	/* RFC 8914 2: no NUL. NOLINTNEXTLINE(bugprone-not-null-terminated-result) */
	memcpy(at + 6, text, len);
	return at + 6 + len;
}

/* The OPT record of RFC 6891 6.1.2, but for padding; at most REPLY_OPT_MAX bytes. */
static size_t append_opt(uint8_t *at, const struct answer *answer, const struct query *query,
			 uint8_t rcode_high)
{
	uint8_t *end = at + OPT_FIXED;
	uint8_t value[2];

	at[0] = 0;
	patch_u16(at + 1, LDNS_RR_TYPE_OPT);
	patch_u16(at + 3, MESSAGE_UDP_MAX);
	at[5] = rcode_high;
	at[6] = 0;
	patch_u16(at + 7, query->dnssec_ok ? EDNS_DO : 0);
	if (answer->also != REPLY_EDE_NONE)
		end = put_ede(end, answer->also);
	if (answer->ede != REPLY_EDE_NONE)
		end = put_ede(end, answer->ede);
	if (query->cookie_len)
		end = put_option(end, OPTION_COOKIE, query->cookie, query->cookie_len);
	if (query->keepalive == KEEPALIVE_ASKED) {
		patch_u16(value, query->idle_ds);
		end = put_option(end, OPTION_KEEPALIVE, value, sizeof(value));
	}
	patch_u16(at + OPT_FIXED - 2, (uint16_t)(end - at - OPT_FIXED));
	return (size_t)(end - at);
}

/* Fill up a message that ends with its OPT record to whole blocks, if there is room. */
static size_t pad(uint8_t *wire, size_t len, size_t opt_len, size_t limit)
{
	uint8_t *opt_length = wire + len - opt_len + OPT_FIXED - 2;
	size_t padded = (len + OPTION_HEAD + PADDING_BLOCK - 1) / PADDING_BLOCK * PADDING_BLOCK;

	if (padded > limit)
		padded = limit;
	if (padded < len + OPTION_HEAD)
		return len;
	patch_u16(wire + len, OPTION_PADDING);
	patch_u16(wire + len + 2, (uint16_t)(padded - len - OPTION_HEAD));
	memset(wire + len + OPTION_HEAD, 0, padded - len - OPTION_HEAD);
	patch_u16(opt_length, (uint16_t)(opt_len - OPT_FIXED + padded - len));
	return padded;
}

/*
 * AD: RFC 6840 5.8 for what the DNS itself says; RFC 6147 5.5 for what was
 * synthesised, where a query without DO must not get it.
 */
static bool ad_allowed(const struct answer *answer, const struct query *query)
{
	if (!answer->secure)
		return false;
	if (answer->synthesised)
		return query->dnssec_ok && !(query->flags & MESSAGE_CD);
	return query->dnssec_ok || query->flags & MESSAGE_AD;
}

/* Turn the order of @n things of @size bytes round. */
static void reverse(uint8_t *at, size_t size, size_t n)
{
	uint8_t *last = at + size * n, spare[ROUND_RR_MAX];

	for (; n > 1; n -= 2, at += size) {
		last -= size;
		memcpy(spare, at, size);
		memcpy(at, last, size);
		memcpy(last, spare, size);
	}
}

/*
 * Which pref64 comes first changes from reply to reply. The asker's ID, a random number, says
 * which: there is nothing to remember, and who asks once more gets the same.
 */
static void rotate_rounds(struct answer *answer, uint16_t id)
{
	const struct answer_rounds *rounds = &answer->rounds;
	size_t n = (size_t)rounds->whole * rounds->per_round, first;

	if (rounds->whole < 2)
		return;
	first = (size_t)(id % rounds->whole) * rounds->per_round;
	reverse(answer->wire + rounds->at, rounds->size, first);
	reverse(answer->wire + rounds->at + first * rounds->size, rounds->size, n - first);
	reverse(answer->wire + rounds->at, rounds->size, n);
}

static void lessen_count(uint8_t *at, size_t by)
{
	struct cursor c = cursor_init(at, 2);

	patch_u16(at, (uint16_t)(cursor_u16(&c) - by));
}

/*
 * All pref64s together may not fit; then the last addresses go, but for one of each IPv4
 * address, and before them what stands behind, which an asker can do without.
 * Return: the length that is left, @len where that would still be too much.
 */
static size_t leave_out(struct answer *answer, size_t len, size_t room)
{
	const struct answer_rounds *rounds = &answer->rounds;
	size_t end = rounds->at + (size_t)rounds->size * rounds->n, surplus = 0;

	if (rounds->n == rounds->per_round)
		return len;
	if (end > room)
		surplus = (end - room + rounds->size - 1) / rounds->size;
	if (surplus > (size_t)(rounds->n - rounds->per_round))
		return len;
	patch_u16(answer->wire + 8, 0);
	lessen_count(answer->wire + 6, surplus);
	stats_add(STAT_DNS_SYNTH_LEFT_OUT, surplus);
	return end - surplus * rounds->size;
}

size_t reply_seal(struct answer *answer, const struct query *query, uint8_t rcode_high,
		  size_t limit)
{
	size_t question_len = query->qname.len ? query->qname.len + 4u : 0;
	size_t len = answer->len, opt_len = 0;
	uint16_t flags = MESSAGE_QR | MESSAGE_RA | answer->rcode;
	uint8_t opt[REPLY_OPT_MAX];

	if (query->edns)
		opt_len = append_opt(opt, answer, query, rcode_high);
	rotate_rounds(answer, query->id);
	if (len + opt_len > limit) {
		len = answer->additional_at;
		patch_u16(answer->wire + 10, 0);
	}
	if (len + opt_len > limit)
		len = leave_out(answer, len, limit - opt_len);
	if (len + opt_len > limit) {
		stats_inc(STAT_DNS_TRUNCATED);
		len = MESSAGE_HEADER_LEN + question_len;
		flags |= MESSAGE_TC;
		memset(answer->wire + 6, 0, 6);
	}

	flags |= query->flags & (MESSAGE_OPCODE | MESSAGE_RD | MESSAGE_CD);
	if (ad_allowed(answer, query))
		flags |= MESSAGE_AD;
	patch_u16(answer->wire, query->id);
	patch_u16(answer->wire + 2, flags);
	memcpy(answer->wire + MESSAGE_HEADER_LEN, query->qname.wire, query->qname.len);
	if (opt_len) {
		struct cursor c = cursor_init(answer->wire + 10, 2);

		memcpy(answer->wire + len, opt, opt_len);
		patch_u16(answer->wire + 10, (uint16_t)(cursor_u16(&c) + 1));
		len += opt_len;
		if (query->padded)
			len = pad(answer->wire, len, opt_len, limit);
	}
	return len;
}
