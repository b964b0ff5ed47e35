/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Walking through chains; whether a rule matches is in doctor_match.c. */
#include "doctor_nft.h"

#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "doctor_match.h"
#include "document.h"

enum { DEPTH_MAX = 16 };	/* as the kernel's NFT_JUMP_STACK_SIZE */

struct nft_rules {
	struct json_object *list;
};

/* How a chain ends for a packet */
enum end {
	END_GOES_ON,		/* behind the jump, or by the policy */
	END_ACCEPTED,
	END_UNSURE,
	END_DROPPED,
	END_SOURCE_NAT,
};

struct walk {
	const struct nft_rules *rules;
	const struct nft_packet *packet;
	const char *family, *table;
	struct nft_culprit *culprit;
};

struct nft_rules *nft_rules_new(struct json_object *list)
{
	struct nft_rules *rules = calloc(1, sizeof(*rules));

	if (!rules || !json_object_is_type(list, json_type_array)) {
		json_object_put(list);
		free(rules);
		return NULL;
	}
	rules->list = list;
	return rules;
}

void nft_rules_free(struct nft_rules *rules)
{
	if (!rules)
		return;
	json_object_put(rules->list);
	free(rules);
}

/* ---- one rule ---------------------------------------------------------------------- */

static enum end walk_chain(const struct walk *walk, const char *name, unsigned int depth);

static void blame(const struct walk *walk, const char *what, const char *chain)
{
	snprintf(walk->culprit->chain, sizeof(walk->culprit->chain), "%s %s %s", walk->family,
		 walk->table, chain);
	snprintf(walk->culprit->text, sizeof(walk->culprit->text), "%s chain %s", what,
		 walk->culprit->chain);
}

static bool is_one_of(const char *word, const char *const *words)
{
	for (; *words; words++)
		if (strcmp(*words, word) == 0)
			return true;
	return false;
}

/* What a verdict makes of a packet that it is said to. @sure: it surely gets there. */
static enum end verdict(const struct walk *walk, const char *word, struct json_object *value,
			bool sure, unsigned int depth)
{
	static const char *const drops[] = { "drop", "reject", NULL };
	static const char *const nats[] = { "masquerade", "snat", NULL };
	static const char *const elsewhere[] = { "queue", "dnat", "redirect", "tproxy", "synproxy",
						 "fwd", "continue", NULL };
	enum end end;

	if (strcmp(word, "accept") == 0)
		return sure ? END_ACCEPTED : END_UNSURE;
	if (is_one_of(word, drops))
		return sure ? END_DROPPED : END_GOES_ON;
	if (is_one_of(word, nats))
		return sure ? END_SOURCE_NAT : END_UNSURE;
	if (is_one_of(word, elsewhere) || (strcmp(word, "return") == 0 && !sure))
		return END_UNSURE;
	if (strcmp(word, "jump") != 0 && strcmp(word, "goto") != 0)
		return END_GOES_ON;	/* no verdict at all, or "return": see walk_rule() */
	end = walk_chain(walk, document_string(value, "target", ""), depth + 1);
	if (end == END_GOES_ON && strcmp(word, "goto") == 0)
		return END_UNSURE;	/* behind the jump before: not followed */
	if (sure || end == END_GOES_ON)
		return end;
	return end == END_DROPPED ? END_GOES_ON : END_UNSURE;
}

/* "ct state vmap { established : accept, invalid : drop }" */
static enum end verdict_map(const struct walk *walk, struct json_object *vmap, bool sure,
			    unsigned int depth)
{
	struct json_object *data = document_get(document_get(vmap, "data"), "set");

	if (!json_object_is_type(data, json_type_array))
		return END_UNSURE;	/* a map with a name */
	for (size_t i = 0; i < json_object_array_length(data); i++) {
		struct json_object *pair = json_object_array_get_idx(data, i), *verdicts;
		enum match match;
		enum end end;

		if (!json_object_is_type(pair, json_type_array))
			return END_UNSURE;
		match = match_value(walk->rules->list, walk->packet, document_get(vmap, "key"),
				    json_object_array_get_idx(pair, 0));
		if (match == MATCH_NO)
			continue;
		verdicts = json_object_array_get_idx(pair, 1);
		if (!json_object_is_type(verdicts, json_type_object))
			return END_UNSURE;
		json_object_object_foreach(verdicts, word, value) {
			end = verdict(walk, word, value, sure && match == MATCH_YES, depth);
			if (end != END_GOES_ON || match == MATCH_YES)
				return end;
		}
	}
	return END_GOES_ON;
}

/* *@returns: the packet leaves the chain, without a verdict. */
static enum end walk_rule(const struct walk *walk, struct json_object *expr, unsigned int depth,
			  bool *returns)
{
	bool sure = true;

	if (match_is_state_alone(expr) && strcmp(walk->packet->ct_state, "established") != 0)
		return END_GOES_ON;
	for (size_t i = 0; i < json_object_array_length(expr); i++) {
		struct json_object *statement = json_object_array_get_idx(expr, i);

		if (!json_object_is_type(statement, json_type_object))
			continue;
		json_object_object_foreach(statement, word, value) {
			enum match match = match_statement(walk->rules->list, walk->packet, word,
							   value);
			enum end end;

			if (match == MATCH_NO)
				return END_GOES_ON;
			sure &= match == MATCH_YES;
			if (strcmp(word, "vmap") == 0)
				end = verdict_map(walk, value, sure, depth);
			else
				end = verdict(walk, strcmp(word, "xt") == 0 ?
						    match_xt_verdict(value) : word,
					      value, sure, depth);
			if (end != END_GOES_ON)
				return end;
			*returns |= strcmp(word, "return") == 0 && sure;
		}
	}
	return END_GOES_ON;
}

static bool is_in(const struct walk *walk, struct json_object *object, const char *chain_key,
		  const char *chain)
{
	return strcmp(document_string(object, "family", ""), walk->family) == 0 &&
	       strcmp(document_string(object, "table", ""), walk->table) == 0 &&
	       strcmp(document_string(object, chain_key, ""), chain) == 0;
}

static enum end walk_chain(const struct walk *walk, const char *name, unsigned int depth)
{
	size_t n = json_object_array_length(walk->rules->list);

	if (depth > DEPTH_MAX)
		return END_UNSURE;
	for (size_t i = 0; i < n; i++) {
		struct json_object *rule =
			document_get(json_object_array_get_idx(walk->rules->list, i), "rule");
		struct json_object *expr = document_get(rule, "expr");
		bool returns = false;
		char what[64];
		enum end end;

		if (!is_in(walk, rule, "chain", name) ||
		    !json_object_is_type(expr, json_type_array))
			continue;
		walk->culprit->chain[0] = '\0';
		end = walk_rule(walk, expr, depth, &returns);
		if (end != END_GOES_ON) {
			snprintf(what, sizeof(what), "the rule with handle %d of",
				 json_object_get_int(document_get(rule, "handle")));
			/* Whoever was jumped to has said it already. */
			if (!walk->culprit->chain[0])
				blame(walk, what, name);
			return end;
		}
		if (returns)
			break;
	}
	return END_GOES_ON;
}

/* ---- base chains ------------------------------------------------------------------- */

static bool is_ours(const char *table)
{
	return strcmp(table, "gate64") == 0 || strcmp(table, "gate64-nat46") == 0;
}

static bool is_v4(const struct nft_packet *packet)
{
	return addr_is_v4(&packet->src) || addr_is_v4(&packet->dst);
}

static bool sees(struct json_object *chain, const char *hook, const struct nft_packet *packet,
		 int32_t priority)
{
	const char *family = document_string(chain, "family", "");

	return strcmp(document_string(chain, "hook", ""), hook) == 0 &&
	       !is_ours(document_string(chain, "table", "")) &&
	       json_object_get_int(document_get(chain, "prio")) <= priority &&
	       (strcmp(family, "inet") == 0 || strcmp(family, is_v4(packet) ? "ip" : "ip6") == 0);
}

enum nft_fate nft_fate(const struct nft_rules *rules, const char *hook,
		       const struct nft_packet *packet, int32_t priority,
		       struct nft_culprit *culprit)
{
	for (size_t i = 0; i < json_object_array_length(rules->list); i++) {
		struct json_object *chain =
			document_get(json_object_array_get_idx(rules->list, i), "chain");
		struct walk walk = { rules, packet, document_string(chain, "family", ""),
				     document_string(chain, "table", ""), culprit };
		enum end end;

		if (!sees(chain, hook, packet, priority))
			continue;
		end = walk_chain(&walk, document_string(chain, "name", ""), 0);
		if (end == END_GOES_ON &&
		    strcmp(document_string(chain, "policy", ""), "drop") == 0) {
			blame(&walk, "the policy of", document_string(chain, "name", ""));
			end = END_DROPPED;
		}
		if (end == END_DROPPED)
			return NFT_DROPPED;
		if (end == END_SOURCE_NAT)
			return NFT_SOURCE_NAT;
	}
	return NFT_PASSES;
}

/* ---- source NAT without ports of its own ------------------------------------------- */

/* Does it, at any port, give what matters away? */
static bool takes_any_port(struct json_object *statement, const struct in6_addr *to)
{
	struct json_object *snat = document_get(statement, "snat"), *masquerade;
	struct in6_addr addr;

	if (snat)
		return !document_get(snat, "port") &&
		       addr_parse(document_string(snat, "addr", ""), &addr) &&
		       addr_equal(&addr, to);
	return json_object_object_get_ex(statement, "masquerade", &masquerade) &&
	       !document_get(masquerade, "port");
}

static bool may_match(const struct nft_rules *rules, const struct nft_packet *packet,
		      struct json_object *expr)
{
	for (size_t i = 0; i < json_object_array_length(expr); i++) {
		struct json_object *statement = json_object_array_get_idx(expr, i);

		if (!json_object_is_type(statement, json_type_object))
			continue;
		json_object_object_foreach(statement, word, value)
			if (match_statement(rules->list, packet, word, value) == MATCH_NO)
				return false;
	}
	return true;
}

bool nft_any_port_nat(const struct nft_rules *rules, const struct nft_packet *packet,
		      const struct in6_addr *to, struct nft_culprit *culprit)
{
	for (size_t i = 0; i < json_object_array_length(rules->list); i++) {
		struct json_object *rule =
			document_get(json_object_array_get_idx(rules->list, i), "rule");
		struct json_object *expr = document_get(rule, "expr");
		struct walk walk = { rules, packet, document_string(rule, "family", ""),
				     document_string(rule, "table", ""), culprit };
		size_t n = json_object_is_type(expr, json_type_array) ?
			   json_object_array_length(expr) : 0;
		char what[64];

		if (!n || strcmp(walk.family, is_v4(packet) ? "ip6" : "ip") == 0 ||
		    !takes_any_port(json_object_array_get_idx(expr, n - 1), to) ||
		    !may_match(rules, packet, expr))
			continue;
		snprintf(what, sizeof(what), "the rule with handle %d of",
			 json_object_get_int(document_get(rule, "handle")));
		blame(&walk, what, document_string(rule, "chain", ""));
		return true;
	}
	return false;
}
