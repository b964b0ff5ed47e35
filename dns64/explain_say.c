/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "explain_say.h"

#include <stdio.h>
#include <string.h>

#include "../core/addrmap.h"
#include "../core/cursor.h"
#include "codes.h"
#include "explain.h"
#include "present.h"

enum { ADDRESSES_SAID = 8 };	/* of one answer; the others are counted */

/* ---- the plan -------------------------------------------------------------------------- */

static void say_refused(struct explain *explain, const struct policy_plan *plan)
{
	char rcode[PRESENT_WORD_MAX];

	explain_say(explain, plan->rcode == LDNS_RCODE_NOTIMPL ? "RFC 6895 3.1" : "dns64",
		    "such a query is not answered: %s", present_rcode(plan->rcode, rcode));
}

void explain_plan(struct explain *explain, const struct policy_plan *plan)
{
	static const struct {
		const char *by, *text;
	} locals[] = {
		[POLICY_ANY] = { "RFC 8482 4.2", "ANY is answered here: a HINFO record says so" },
		[POLICY_IPV4ONLY] = { "RFC 7050 3, RFC 8880 7.1",
				      "ipv4only.arpa is answered here: it tells the prefixes" },
		[POLICY_IPV4ONLY_REVERSE] = { "RFC 8880 7.2", "the reverse names of ipv4only.arpa's "
					      "addresses are answered here" },
		[POLICY_IPV4ONLY_MAPPED] = { "RFC 6147 5.3.1, RFC 8880 7.2",
					     "the reverse name of one of ipv4only.arpa's addresses "
					     "within a pref64 is answered here" },
		[POLICY_REVERSE_EMPTY] = { "RFC 6147 5.3.1", "within a pref64's reverse zone, but "
					   "no whole address: there are only names below it" },
		[POLICY_REVERSE_NONE] = { "RFC 6147 5.3.1, RFC 6052 2.2",
					  "within a pref64's reverse zone, but no such address can "
					  "be: it does not exist" },
		[POLICY_SYNTHESISE] = { "RFC 6147 5.1", "AAAA and A are asked for, side by side: "
					"where there is no AAAA, it is made from A" },
		[POLICY_PASS] = { "RFC 6147 5.2, 5.3",
				  "what the DNS says is passed on as it is" },
	};
	char text[NAME_TEXT_MAX];

	if (!explain)
		return;
	if (plan->action == POLICY_REFUSE)
		say_refused(explain, plan);
	else if (plan->action == POLICY_REVERSE)
		explain_say(explain, "RFC 6147 5.3.1", "the reverse name of an address within a "
			    "pref64: a CNAME to %s, which is asked for",
			    name_format(&plan->target, text));
	else
		explain_say(explain, locals[plan->action].by, "%s", locals[plan->action].text);
}

/* ---- the cache ------------------------------------------------------------------------- */

static void say_look(struct explain *explain, const struct cache_look *look)
{
	static const char by[] = "the cache";

	if (!look->there)
		explain_say(explain, by, "the answer is not there");
	else if (look->left_s >= 0)
		explain_say(explain, by, "the answer is there: made %lld s ago, good for %lld s more, "
			    "asked for %u times since", (long long)look->age_s,
			    (long long)look->left_s, look->hits);
	else
		explain_say(explain, by, "an answer is there, but its time was over %lld s ago",
			    (long long)-look->left_s);
	if (look->n_failed)
		explain_say(explain, "RFC 9520 3.2", "failures to get one: %u in a row, the last "
			    "%lld s ago", look->n_failed, (long long)look->failed_age_s);
}

void explain_cache(struct explain *explain, const struct cache_look *look,
		   enum cache_outcome outcome)
{
	say_look(explain, look);
	if (explain_anew(explain))
		explain_say(explain, "--no-cache", "that does not count: the resolver is asked");
	else if (outcome == CACHE_STALE)
		explain_say(explain, "RFC 8767 5", "it is asked for again, and the old answer given "
			    "where that takes too long");
	else if (outcome == CACHE_STALE_HELD)
		explain_say(explain, "RFC 8767 5", "the old answer is given: asking has failed "
			    "lately");
	else if (outcome == CACHE_FAILED)
		explain_say(explain, "RFC 9520 3.2", "it is not asked for again for %lld s: SERVFAIL",
			    (long long)look->hold_left_s);
}

/* ---- what the resolver is to be asked ---------------------------------------------------- */

void explain_names(struct explain *explain, const struct policy_plan *before,
		   const struct policy_plan *after)
{
	if (before->action == POLICY_SYNTHESISE && after->action == POLICY_PASS)
		explain_say(explain, "dns64.exclude_names", "for this name nothing is made: what "
			    "the DNS says is passed on");
	if (after->forced)
		explain_say(explain, "dns64.force_names",
			    "for this name A is preferred, be there AAAA or not");
}

/* ---- what the resolver said -------------------------------------------------------------- */

static const char *security(const struct resolver_answer *answer)
{
	return answer->secure ? "validated" : "not validated (insecure)";
}

/* " by NAME, NAME", where CNAMEs lead */
static void print_chain(const struct message *message, const struct message_chain *chain,
			FILE *out)
{
	for (size_t i = 0; i < chain->n; i++) {
		const struct message_rr *rr = &message->rr[chain->cname[i]];
		char text[NAME_TEXT_MAX];
		struct name name;

		if (message_rdata_name(message, rr, 0, &name))
			fprintf(out, "%s%s", i ? ", " : " by CNAME ", name_format(&name, text));
	}
}

static size_t count_records(const struct message *message, const struct name *owner,
			    uint16_t type)
{
	size_t n = 0;

	for (size_t i = 0; i < message->n; i++) {
		const struct message_rr *rr = &message->rr[i];
		struct name name;

		if (rr->section != SECTION_ANSWER || rr->type != type)
			continue;
		message_owner(message, rr, &name);
		n += name_equal(&name, owner);
	}
	return n;
}

static void print_answer(const struct explain_side *side, FILE *out)
{
	const struct resolver_answer *answer = &side->answer;
	char rcode[PRESENT_WORD_MAX];
	struct message_chain chain;
	const struct message_rr *soa;
	struct message message;
	size_t n;

	if (!answer->wire || !message_read(&message, answer->wire, answer->wire_len)) {
		fputs("an answer that cannot be read", out);
		return;
	}
	fputs(present_rcode(message_rcode(&message), rcode), out);
	if (!message_chase(&message, &side->qname, &chain)) {
		fputs(", with CNAMEs that do not end", out);
		return;
	}
	print_chain(&message, &chain, out);
	soa = message_soa(&message);
	n = count_records(&message, &chain.end, side->type);
	if (n)
		fprintf(out, ", %zu record%s", n, n > 1 ? "s" : "");
	else
		fputs(", no such record", out);
	if (soa)
		fprintf(out, ", the SOA lets that be kept %u s",
			message_negative_ttl_s(&message, soa));
	fprintf(out, ", %s%s", security(answer),
		answer->cached ? ", from the resolver's own cache" : "");
}

static void say_side(struct explain *explain, const struct explain_side *side)
{
	static const char *const failures[] = {
		[RESOLVER_FAILED] = "failed",
		[RESOLVER_BOGUS] = "bogus",
		[RESOLVER_REFUSED] = "not asked: too many questions are pending",
	};
	char buffer[EXPLAIN_STEP_MAX] = "", name[NAME_TEXT_MAX], type[PRESENT_WORD_MAX];
	FILE *out;

	if (!side->asked)
		return;
	out = fmemopen(buffer, sizeof(buffer), "w");
	if (!out)
		return;
	if (!side->known)
		fputs("not known yet", out);
	else if (side->answer.status == RESOLVER_OK)
		print_answer(side, out);
	else
		fprintf(out, "%s%s%s", failures[side->answer.status], side->answer.why ? ": " : "",
			side->answer.why ? side->answer.why : "");
	fclose(out);
	buffer[sizeof(buffer) - 1] = '\0';
	explain_say(explain, "the resolver", "%s %s: %s (%.1f ms)", name_format(&side->qname, name),
		    present_type(side->type, type), buffer, (double)side->took_us / 1000);
}

void explain_sides(struct explain *explain)
{
	if (!explain)
		return;
	say_side(explain, explain_main(explain));
	say_side(explain, explain_a(explain));
}

/* ---- how it was settled -------------------------------------------------------------------- */

static void say_ground(struct explain *explain, const struct synth_account *account)
{
	static const struct {
		const char *by, *text;
	} grounds[] = {
		[SYNTH_NO_AAAA] = { "RFC 6147 5.1.6", "there is no AAAA record: A decides" },
		[SYNTH_AAAA_EXCLUDED] = { "RFC 6147 5.1.4, dns64.exclude_aaaa",
					  "every AAAA record is excluded: A decides" },
		[SYNTH_AAAA_ERROR] = { "RFC 6147 5.1.2, 5.1.3", "AAAA came to nothing, which is as "
				       "if there were none: A decides" },
		[SYNTH_AAAA_LATE] = { "RFC 6147 5.1.3", "AAAA was waited for long enough: A decides, "
				      "and AAAA is asked for again soon" },
		[SYNTH_FORCED] = { "dns64.force_names",
				   "there are AAAA records, but A is preferred to them" },
	};

	if (account->ground != SYNTH_NO_GROUND)
		explain_say(explain, grounds[account->ground].by, "%s",
			    grounds[account->ground].text);
}

/* Why an IPv4 address has no pref64: what addrmap_may_translate() says */
static void say_denied(struct explain *explain, const struct addrmap *map, uint32_t v4_be32)
{
	struct in6_addr addr = addr_from_v4(v4_be32);
	char text[ADDR_STRLEN];

	addr_format(&addr, text);
	if (!addrmap_is_host4(v4_be32))
		explain_say(explain, "RFC 1122 3.2.1.3", "%s can be no host's address", text);
	else if (prefix_list_contains(&map->deny4, &addr))
		explain_say(explain, "nat64.deny4", "%s is denied", text);
	else if (map->deny4_special)
		explain_say(explain, "nat64.deny4", "%s is denied: it is not globally reachable by "
			    "the IANA special-purpose registry (RFC 6890)", text);
	else
		explain_say(explain, "RFC 6052 3.1", "%s is not globally reachable, and so not "
			    "through the well-known prefix", text);
}

static void say_made(struct explain *explain, const struct addrmap *map, uint32_t v4_be32)
{
	struct in6_addr v4 = addr_from_v4(v4_be32), v6;
	const struct prefix *pref64;
	char from[ADDR_STRLEN], to[ADDR_STRLEN], prefix[PREFIX_STRLEN];

	for (size_t nth = 0; (pref64 = addrmap_pref64_nth(map, v4_be32, nth)) != NULL; nth++) {
		v6 = addrmap_embed(pref64, v4_be32);
		explain_say(explain, "prefixes.nat64, RFC 6052 2.2", "%s within %s: %s",
			    addr_format(&v4, from), prefix_format(pref64, prefix),
			    addr_format(&v6, to));
	}
}

/* Each address that A gave, and what becomes of it */
static void say_addresses(struct explain *explain, const struct synth *synth)
{
	struct message_chain chain;
	struct message message;
	size_t n = 0;

	if (synth->a->answer.status != RESOLVER_OK ||
	    !message_read(&message, synth->a->answer.wire, synth->a->answer.wire_len) ||
	    !message_chase(&message, &synth->query->qname, &chain))
		return;
	for (size_t i = 0; i < message.n; i++) {
		const struct message_rr *rr = &message.rr[i];
		struct cursor c = cursor_init(message.wire + rr->rdata_at, rr->rdata_len);
		struct name owner;
		uint32_t v4_be32;

		message_owner(&message, rr, &owner);
		if (rr->section != SECTION_ANSWER || rr->type != LDNS_RR_TYPE_A ||
		    !name_equal(&owner, &chain.end) ||
		    !cursor_bytes(&c, &v4_be32, sizeof(v4_be32)) || n++ >= ADDRESSES_SAID)
			continue;
		if (addrmap_pref64_nth(synth->map, v4_be32, 0))
			say_made(explain, synth->map, v4_be32);
		else
			say_denied(explain, synth->map, v4_be32);
	}
	if (n > ADDRESSES_SAID)
		explain_say(explain, "prefixes.nat64", "and %zu more addresses likewise",
			    n - ADDRESSES_SAID);
}

static void say_ttl(struct explain *explain, const struct synth_account *account)
{
	uint32_t ttl_s = account->a_ttl_s < account->limit_s ? account->a_ttl_s : account->limit_s;

	explain_say(explain, "RFC 6147 5.1.7", "TTL %u s: the lesser of A's %u s and %u s, %s", ttl_s,
		    account->a_ttl_s, account->limit_s, account->has_soa ?
		    "for which the SOA lets the lack of AAAA be kept" : "as no SOA says otherwise");
}

void explain_synth(struct explain *explain, const struct synth *synth,
		   const struct answer *answer)
{
	static const struct {
		const char *by, *text;
	} verdicts[] = {
		[SYNTH_KEPT] = { "RFC 6147 5.1.1", "the AAAA records are the answer" },
		[SYNTH_FILTERED] = { "RFC 6147 5.1.4, dns64.exclude_aaaa",
				     "the AAAA records that are not excluded are the answer" },
		[SYNTH_NO_NAME] = { "RFC 6147 5.1.2", "there is no such name: that is the answer" },
		[SYNTH_BOGUS] = { "RFC 6147 5.5", "nothing is made from what does not validate: "
				  "SERVFAIL" },
		[SYNTH_MADE] = { "RFC 6147 5.1.6", "AAAA records were made from A" },
		[SYNTH_DENIED] = { "RFC 6147 5.1.6, nat64.deny4", "none of the addresses may be "
				   "translated: the name has none" },
		[SYNTH_NO_A] = { "RFC 6147 5.1.6", "A has no address either: none is the answer" },
		[SYNTH_A_ERROR] = { "RFC 6147 5.1.6", "A came to nothing too: SERVFAIL" },
	};
	const struct synth_account *account = synth->account;

	if (!explain)
		return;
	explain_sides(explain);
	say_ground(explain, account);
	if (account->verdict == SYNTH_MADE || account->verdict == SYNTH_DENIED)
		say_addresses(explain, synth);
	if (account->verdict == SYNTH_MADE)
		say_ttl(explain, account);
	explain_say(explain, verdicts[account->verdict].by, "%s", verdicts[account->verdict].text);
	if (account->verdict == SYNTH_MADE)
		explain_say(explain, "RFC 6147 5.5", answer->secure ?
			    "the lack of AAAA and the A records are validated: AD for who sets DO" :
			    "not validated as a whole: no AD");
}

void explain_answer(struct explain *explain, const struct answer *answer)
{
	if (answer->ede == REPLY_EDE_BLOCKED)
		explain_say(explain, "dns64.rebind",
			    "a foreign name with a private address: the answer is kept back");
	if (answer->also == REPLY_EDE_STALE || answer->also == REPLY_EDE_STALE_NXDOMAIN)
		explain_say(explain, "RFC 8767 5", "so the old answer is given, which the cache "
			    "still has");
}
