/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Synthesis, clause by clause. The clauses named are those of RFC 6147.
 *
 * Answers of the resolver are whole messages; both are read into tables and
 * the reply is written from them, so that a record comes out once and in order
 * whatever order it came in.
 */
#include "synth.h"

#include "../core/addrmap.h"
#include "../core/cursor.h"
#include "codes.h"

enum { NEGATIVE_TTL_MAX_S = 3600 };

static bool is_dnssec_type(uint16_t type)
{
	return type == LDNS_RR_TYPE_RRSIG || type == LDNS_RR_TYPE_NSEC ||
	       type == LDNS_RR_TYPE_NSEC3;
}

/* RFC 4035 3.2.1: without DO these go, unless it was them that were asked for. */
static bool is_wanted(const struct query *query, const struct message_rr *rr)
{
	return query->dnssec_ok || !is_dnssec_type(rr->type) || rr->type == query->type;
}

static uint16_t type_covered(const struct message *message, const struct message_rr *rr)
{
	struct cursor c = cursor_init(message->wire + rr->rdata_at, rr->rdata_len);

	return rr->type == LDNS_RR_TYPE_RRSIG ? cursor_u16(&c) : 0;
}

static uint32_t ttl_to_give_s(const struct message *message, const struct message_rr *rr)
{
	uint32_t ttl_s;

	if (rr->section != SECTION_AUTHORITY || rr->type != LDNS_RR_TYPE_SOA)
		return rr->ttl_s;
	ttl_s = message_negative_ttl_s(message, rr);
	return ttl_s < NEGATIVE_TTL_MAX_S ? ttl_s : NEGATIVE_TTL_MAX_S;
}

static void copy_section(struct reply *reply, const struct query *query,
			 const struct message *message, enum message_section section)
{
	for (size_t i = 0; i < message->n; i++) {
		const struct message_rr *rr = &message->rr[i];

		if (rr->section == section && is_wanted(query, rr))
			reply_copy(reply, section, message, rr, ttl_to_give_s(message, rr));
	}
}

/* RFC 2308 5: a negative answer without an SOA is not kept. */
static bool is_keepable(const struct query *query, const struct message *message)
{
	for (size_t i = 0; i < message->n; i++)
		if (message->rr[i].section == SECTION_ANSWER && message->rr[i].type == query->type)
			return true;
	return message_soa(message) != NULL;
}

static void end_from(struct reply *reply, const struct query *query,
		     const struct message *message, bool secure)
{
	reply_end(reply, message_rcode(message));
	reply->answer->secure = secure && !reply->failed;
	if (reply->answer->rcode != LDNS_RCODE_SERVFAIL && !is_keepable(query, message))
		reply->answer->lifetime_s = 0;
}

static void pass_message(struct answer *answer, const struct query *query,
			 const struct message *message, bool secure)
{
	struct reply reply;

	reply_begin(&reply, answer, query);
	for (int section = SECTION_ANSWER; section <= SECTION_ADDITIONAL; section++)
		copy_section(&reply, query, message, (enum message_section)section);
	end_from(&reply, query, message, secure);
}

static void fail(struct answer *answer, const struct query *query,
		 const struct resolver_answer *upstream)
{
	static const enum reply_ede why[] = {
		[RESOLVER_OK] = REPLY_EDE_UNREADABLE,	/* a message, but a malformed one */
		[RESOLVER_FAILED] = REPLY_EDE_UNREACHABLE,
		[RESOLVER_BOGUS] = REPLY_EDE_BOGUS,
		[RESOLVER_REFUSED] = REPLY_EDE_BUSY,
	};

	reply_failure(answer, query, LDNS_RCODE_SERVFAIL,
		      upstream->ede ? (enum reply_ede)upstream->ede : why[upstream->status]);
	/* That we have too much to do says nothing about the name. */
	if (upstream->status == RESOLVER_REFUSED)
		answer->lifetime_s = 0;
}

/* Made without all that there is to know: asked for again soon. */
static void keep_briefly(struct answer *answer)
{
	if (answer->lifetime_s > SYNTH_OVERDUE_TTL_S)
		answer->lifetime_s = SYNTH_OVERDUE_TTL_S;
}

/* A chain of CNAMEs that does not end, or not soon enough */
static void fail_chain(struct answer *answer, const struct query *query)
{
	reply_failure(answer, query, LDNS_RCODE_SERVFAIL, REPLY_EDE_CHAIN);
}

static bool has_end(const struct message *message, const struct name *from)
{
	struct message_chain chain;

	return message_chase(message, from, &chain);
}

/* A side that can be used. Return: was it read? */
static bool read_side(const struct synth_side *side, struct message *message)
{
	return side->answer.status == RESOLVER_OK &&
	       message_read(message, side->answer.wire, side->answer.wire_len);
}

/*
 * RFC 4035 3.2.2: who sets CD judges for himself, also if he did not ask for signatures. The
 * cache keeps such answers apart.
 */
static bool pass_bogus(struct answer *answer, const struct query *query,
		       const struct synth_side *from)
{
	struct message message;

	if (from->answer.status != RESOLVER_BOGUS || !from->answer.wire ||
	    !(query->flags & MESSAGE_CD) ||
	    !message_read(&message, from->answer.wire, from->answer.wire_len))
		return false;
	pass_message(answer, query, &message, false);
	keep_briefly(answer);
	answer->ede = REPLY_EDE_BOGUS;
	return true;
}

void synth_pass(struct answer *answer, const struct query *query,
		const struct synth_side *from)
{
	struct message message;

	if (pass_bogus(answer, query, from))
		return;
	if (!read_side(from, &message))
		fail(answer, query, &from->answer);
	else if (!has_end(&message, &query->qname))
		fail_chain(answer, query);
	else
		pass_message(answer, query, &message, from->answer.secure);
}

void synth_reverse(struct answer *answer, const struct query *query,
		   const struct name *target, const struct synth_side *from)
{
	struct message message;
	struct reply reply;

	if (!read_side(from, &message)) {
		fail(answer, query, &from->answer);
		return;
	}
	if (!has_end(&message, target)) {
		fail_chain(answer, query);
		return;
	}
	reply_begin(&reply, answer, query);
	reply_add_name(&reply, SECTION_ANSWER, &query->qname, LDNS_RR_TYPE_CNAME,
		       REPLY_LOCAL_TTL_S, target);
	if (query->type != LDNS_RR_TYPE_CNAME)
		for (int section = SECTION_ANSWER; section <= SECTION_ADDITIONAL; section++)
			copy_section(&reply, query, &message, (enum message_section)section);
	end_from(&reply, query, &message, false);	/* the CNAME is nobody's but ours */
	answer->synthesised = true;
	answer->ede = REPLY_EDE_SYNTHESISED;
}

/* ---- AAAA ---------------------------------------------------------------- */

static void found_ground(const struct synth *synth, enum synth_ground ground)
{
	if (synth->account)
		synth->account->ground = ground;
}

static void came_to(const struct synth *synth, enum synth_verdict verdict)
{
	if (synth->account)
		synth->account->verdict = verdict;
}

/* Does an address record stand at the end of the chain? */
static bool is_at_end(const struct message *message, const struct message_chain *chain,
		      const struct message_rr *rr, uint16_t type)
{
	struct name owner;

	if (rr->section != SECTION_ANSWER || rr->type != type)
		return false;
	message_owner(message, rr, &owner);
	return name_equal(&owner, &chain->end);
}

/* RFC 1035 3.4.1: 32 bits. What has any other length is no address. */
static bool is_ipv4_at_end(const struct message *message, const struct message_chain *chain,
			   const struct message_rr *rr)
{
	return rr->rdata_len == sizeof(struct in_addr) &&
	       is_at_end(message, chain, rr, LDNS_RR_TYPE_A);
}

/*
 * 5.1.4: an AAAA of an excluded range counts as absent. So does one that some DNS64
 * further up has made: it is made anew here.
 */
static bool is_excluded(const struct synth *synth, const struct message *message,
			const struct message_rr *rr)
{
	struct cursor c = cursor_init(message->wire + rr->rdata_at, rr->rdata_len);
	struct in6_addr addr;

	if (rr->rdata_len != sizeof(addr) || !cursor_bytes(&c, &addr, sizeof(addr)))
		return true;
	return prefix_list_contains(synth->exclude_aaaa, &addr) ||
	       addrmap_is_synthetic(synth->map, &addr);
}

struct aaaa_count {
	size_t usable, excluded;
};

static struct aaaa_count count_aaaa(const struct synth *synth, const struct message *message,
				    const struct message_chain *chain)
{
	struct aaaa_count count = { 0, 0 };

	for (size_t i = 0; i < message->n; i++) {
		if (!is_at_end(message, chain, &message->rr[i], LDNS_RR_TYPE_AAAA))
			continue;
		if (is_excluded(synth, message, &message->rr[i]))
			count.excluded++;
		else
			count.usable++;
	}
	return count;
}

static void copy_signatures(struct reply *reply, const struct query *query,
			    const struct message *message, const struct message_rr *of)
{
	struct name owner, other;

	if (!query->dnssec_ok)
		return;
	message_owner(message, of, &owner);
	for (size_t i = 0; i < message->n; i++) {
		const struct message_rr *rr = &message->rr[i];

		if (rr->section != SECTION_ANSWER || type_covered(message, rr) != of->type)
			continue;
		message_owner(message, rr, &other);
		if (name_equal(&owner, &other))
			reply_copy(reply, SECTION_ANSWER, message, rr, rr->ttl_s);
	}
}

static bool dname_written(const struct message_chain *chain, size_t link)
{
	for (size_t i = 0; i < link; i++)
		if (chain->dname[i] == chain->dname[link])
			return true;
	return false;
}

/* 5.1.5: the chain, in order and once, each link with what signs it. */
static void copy_chain(struct reply *reply, const struct query *query,
		       const struct message *message, const struct message_chain *chain)
{
	for (size_t i = 0; i < chain->n; i++) {
		const struct message_rr *cname = &message->rr[chain->cname[i]];

		if (chain->dname[i] != MESSAGE_NO_RR && !dname_written(chain, i)) {
			const struct message_rr *dname = &message->rr[chain->dname[i]];

			reply_copy(reply, SECTION_ANSWER, message, dname, dname->ttl_s);
			copy_signatures(reply, query, message, dname);
		}
		reply_copy(reply, SECTION_ANSWER, message, cname, cname->ttl_s);
		copy_signatures(reply, query, message, cname);
	}
}

/* There are AAAA records of which some are excluded: those that are left, unsigned. */
static void answer_filtered(const struct synth *synth, struct answer *answer,
			    const struct message *message, const struct message_chain *chain)
{
	struct reply reply;

	reply_begin(&reply, answer, synth->query);
	copy_chain(&reply, synth->query, message, chain);
	for (size_t i = 0; i < message->n; i++) {
		const struct message_rr *rr = &message->rr[i];

		if (is_at_end(message, chain, rr, LDNS_RR_TYPE_AAAA) &&
		    !is_excluded(synth, message, rr))
			reply_copy(&reply, SECTION_ANSWER, message, rr, rr->ttl_s);
	}
	copy_section(&reply, synth->query, message, SECTION_AUTHORITY);
	copy_section(&reply, synth->query, message, SECTION_ADDITIONAL);
	end_from(&reply, synth->query, message, false);
}

/* 5.1.7: what a synthesised record's TTL may not exceed. @aaaa: NULL = no answer. */
static uint32_t ttl_limit_s(const struct message *aaaa)
{
	const struct message_rr *soa = aaaa ? message_soa(aaaa) : NULL;

	return soa ? message_negative_ttl_s(aaaa, soa) : REPLY_LOCAL_TTL_S;
}

/* The A records at the end of the chain, as far as they are sound */
struct found {
	size_t n;
	uint32_t v4_be32[MESSAGE_RRS_MAX];
	uint32_t ttl_s;			/* the least of theirs */
};

static void find_addresses(struct found *found, const struct message *message,
			   const struct message_chain *chain)
{
	found->n = 0;
	found->ttl_s = REPLY_TTL_MAX_S;
	for (size_t i = 0; i < message->n; i++) {
		const struct message_rr *rr = &message->rr[i];
		struct cursor c = cursor_init(message->wire + rr->rdata_at, rr->rdata_len);

		if (!is_ipv4_at_end(message, chain, rr))
			continue;
		cursor_bytes(&c, &found->v4_be32[found->n++], 4);
		if (rr->ttl_s < found->ttl_s)
			found->ttl_s = rr->ttl_s;
	}
}

/*
 * 5.2: each IPv4 address in each pref64 that may stand for it.
 * Return: how many there were with such a pref64.
 */
static size_t add_rounds(struct reply *reply, const struct addrmap *map,
			 const struct name *owner, const struct found *found, uint32_t ttl_s)
{
	const struct answer_rounds *rounds = &reply->answer->rounds;
	struct in6_addr addrs[MESSAGE_RRS_MAX];
	size_t n = 0;

	for (size_t round = 0; round == 0 || n > 0; round++) {
		if (round > 0 && rounds->n + rounds->per_round > SYNTH_ADDRESSES_MAX)
			break;
		n = 0;
		for (size_t i = 0; i < found->n; i++) {
			const struct prefix *pref64 =
				addrmap_pref64_nth(map, found->v4_be32[i], round);

			if (pref64)
				addrs[n++] = addrmap_embed(pref64, found->v4_be32[i]);
		}
		if (n > 0)
			reply_add_round(reply, owner, ttl_s, addrs, n);
	}
	return rounds->per_round;
}

/*
 * 5.1.7 and 5.4: chain and addresses, authority and additional section of the A
 * answer. @aaaa: the negative answer; NULL where there was none.
 * Return: were there addresses that may be translated? If not, @answer is undefined.
 */
static bool answer_synthesised(const struct synth *synth, struct answer *answer,
			       const struct message *aaaa, const struct message *a,
			       const struct message_chain *chain)
{
	uint32_t limit_s = ttl_limit_s(aaaa);
	struct found found;
	struct reply reply;

	reply_begin(&reply, answer, synth->query);
	copy_chain(&reply, synth->query, a, chain);
	find_addresses(&found, a, chain);
	if (!add_rounds(&reply, synth->map, &chain->end, &found,
			found.ttl_s < limit_s ? found.ttl_s : limit_s))
		return false;
	if (synth->account) {
		synth->account->a_ttl_s = found.ttl_s;
		synth->account->limit_s = limit_s;
		synth->account->has_soa = aaaa && message_soa(aaaa);
	}
	came_to(synth, SYNTH_MADE);
	copy_section(&reply, synth->query, a, SECTION_AUTHORITY);
	copy_section(&reply, synth->query, a, SECTION_ADDITIONAL);
	reply_end(&reply, LDNS_RCODE_NOERROR);
	/* 5.5: only if both the absence of AAAA and the A records were validated. */
	answer->secure = aaaa && synth->aaaa->answer.secure && synth->a->answer.secure;
	answer->synthesised = true;
	answer->ede = REPLY_EDE_SYNTHESISED;
	if (!aaaa)
		keep_briefly(answer);
	return true;
}

/* The addresses were excluded or may not be translated: the name has none. */
static void answer_nothing(const struct synth *synth, struct answer *answer,
			   const struct message *message, const struct message_chain *chain)
{
	struct reply reply;

	reply_begin(&reply, answer, synth->query);
	copy_chain(&reply, synth->query, message, chain);
	reply_end(&reply, LDNS_RCODE_NOERROR);
	keep_briefly(answer);
}

/*
 * 5.1.6: A has no address either, or an error; that is the answer. What was proven of A is
 * not so of AAAA, but for that there is no such name at all.
 */
static void answer_as_a(const struct synth *synth, struct answer *answer,
			const struct message *a, const struct message_chain *chain)
{
	bool nxdomain = message_rcode(a) == LDNS_RCODE_NXDOMAIN;
	struct reply reply;

	reply_begin(&reply, answer, synth->query);
	copy_chain(&reply, synth->query, a, chain);
	copy_section(&reply, synth->query, a, SECTION_AUTHORITY);
	copy_section(&reply, synth->query, a, SECTION_ADDITIONAL);
	end_from(&reply, synth->query, a, synth->a->answer.secure && nxdomain);
}

static bool has_addresses(const struct message *a, const struct message_chain *chain)
{
	for (size_t i = 0; i < a->n; i++)
		if (is_ipv4_at_end(a, chain, &a->rr[i]))
			return true;
	return false;
}

/*
 * AAAA gave no address: 5.1.6, the answer to A is the basis, be it addresses,
 * nothing, or an error. @aaaa: NULL where it failed (5.1.2, 5.1.3: as if empty).
 * @excluded: it had addresses, none of them usable.
 */
static bool settle_by_a(const struct synth *synth, struct answer *answer,
			const struct message *aaaa, bool excluded)
{
	struct message_chain chain;
	struct message a;

	if (!synth->a->known)
		return false;
	came_to(synth, SYNTH_A_ERROR);
	if (!read_side(synth->a, &a)) {
		fail(answer, synth->query, &synth->a->answer);
	} else if (!message_chase(&a, &synth->query->qname, &chain)) {
		fail_chain(answer, synth->query);
	} else if (message_rcode(&a) == LDNS_RCODE_NOERROR &&
		   answer_synthesised(synth, answer, aaaa, &a, &chain)) {
		answer->secure = answer->secure && !excluded;
	} else if (message_rcode(&a) == LDNS_RCODE_NOERROR && aaaa && !excluded) {
		/* For an asker with DO the proof must be one about AAAA. */
		bool denied = has_addresses(&a, &chain);

		came_to(synth, denied ? SYNTH_DENIED : SYNTH_NO_A);
		pass_message(answer, synth->query, aaaa, synth->aaaa->answer.secure);
		if (denied)
			answer->ede = REPLY_EDE_DENIED;
	} else if (has_addresses(&a, &chain)) {
		came_to(synth, SYNTH_DENIED);
		answer_nothing(synth, answer, &a, &chain);
		answer->ede = REPLY_EDE_DENIED;
	} else {
		came_to(synth, message_rcode(&a) == LDNS_RCODE_NXDOMAIN ? SYNTH_NO_NAME :
									  SYNTH_NO_A);
		answer_as_a(synth, answer, &a, &chain);
		if (!aaaa)
			keep_briefly(answer);
	}
	return true;
}

/* AAAA is late. If A has addresses that will do, the client waits no longer; nor if there is
 * no such name: that holds for all types. */
static bool settle_overdue(const struct synth *synth, struct answer *answer)
{
	struct message_chain chain;
	struct message a;

	if (!synth->overdue || !synth->a->known || !read_side(synth->a, &a) ||
	    !message_chase(&a, &synth->query->qname, &chain))
		return false;
	found_ground(synth, SYNTH_AAAA_LATE);
	if (message_rcode(&a) == LDNS_RCODE_NXDOMAIN) {
		came_to(synth, SYNTH_NO_NAME);
		answer_as_a(synth, answer, &a, &chain);
		keep_briefly(answer);
		return true;
	}
	return message_rcode(&a) == LDNS_RCODE_NOERROR &&
	       answer_synthesised(synth, answer, NULL, &a, &chain);
}

/*
 * There are AAAA records, but those made of A are preferred, where there are any that may be
 * translated: the way to the IPv6 addresses is known to be bad. But no answer to A within the
 * time that is given to AAAA means that it cannot be done now.
 */
static bool settle_forced(const struct synth *synth, struct answer *answer,
			  const struct message *aaaa, const struct message_chain *chain)
{
	struct message_chain a_chain;
	struct message a;

	if (!synth->a->known && !synth->overdue)
		return false;
	if (synth->a->known && read_side(synth->a, &a) &&
	    message_rcode(&a) == LDNS_RCODE_NOERROR &&
	    message_chase(&a, &synth->query->qname, &a_chain) &&
	    answer_synthesised(synth, answer, aaaa, &a, &a_chain)) {
		found_ground(synth, SYNTH_FORCED);
		answer->secure = false;		/* that there is no AAAA is our word alone */
	} else {
		answer_filtered(synth, answer, aaaa, chain);
		if (!synth->a->known)
			keep_briefly(answer);
	}
	return true;
}

bool synth_settle(const struct synth *synth, struct answer *answer)
{
	struct message_chain chain;
	struct aaaa_count count;
	struct message aaaa;

	if (!synth->aaaa->known)
		return settle_overdue(synth, answer);
	/* 5.5: what does not validate is never the ground for synthesis. */
	if (synth->aaaa->answer.status == RESOLVER_BOGUS) {
		came_to(synth, SYNTH_BOGUS);
		synth_pass(answer, synth->query, synth->aaaa);
		return true;
	}
	found_ground(synth, SYNTH_AAAA_ERROR);
	if (!read_side(synth->aaaa, &aaaa))
		return settle_by_a(synth, answer, NULL, false);
	if (message_rcode(&aaaa) == LDNS_RCODE_NXDOMAIN) {	/* 5.1.2 */
		found_ground(synth, SYNTH_NO_GROUND);
		came_to(synth, SYNTH_NO_NAME);
		pass_message(answer, synth->query, &aaaa, synth->aaaa->answer.secure);
		return true;
	}
	if (message_rcode(&aaaa) != LDNS_RCODE_NOERROR ||
	    !message_chase(&aaaa, &synth->query->qname, &chain))
		return settle_by_a(synth, answer, NULL, false);

	count = count_aaaa(synth, &aaaa, &chain);
	found_ground(synth, count.usable ? SYNTH_NO_GROUND :
		     count.excluded ? SYNTH_AAAA_EXCLUDED : SYNTH_NO_AAAA);
	came_to(synth, count.excluded ? SYNTH_FILTERED : SYNTH_KEPT);
	if (count.usable && synth->forced)
		return settle_forced(synth, answer, &aaaa, &chain);
	if (count.usable && !count.excluded)			/* 5.1.1 */
		pass_message(answer, synth->query, &aaaa, synth->aaaa->answer.secure);
	else if (count.usable)
		answer_filtered(synth, answer, &aaaa, &chain);
	else
		return settle_by_a(synth, answer, &aaaa, count.excluded > 0);
	return true;
}
