/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Walking through chains; whether a rule matches is in doctor_match.c. */
#include "doctor_nft.h"

#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "doctor_match.h"
#include "document.h"

enum {
	DEPTH_MAX = 16,		/* as the kernel's NFT_JUMP_STACK_SIZE */
	STEPS_MAX = 50000,	/* rules for one packet; beyond that nothing is said of it */
};

/* A rule, and the chain that it is in */
struct rule {
	const char *family, *table, *chain;
	struct json_object *expr;	/* an array */
	int handle;
	size_t place;			/* in the list */
};

struct nft_rules {
	struct json_object *list;
	struct json_object *sets;	/* those of the list alone */
	struct rule *v;			/* by chain, in the list's order */
	size_t n;
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
	unsigned int *steps;
};

/* ---- rules, by their chains -------------------------------------------------------- */

static int compare_chains(const void *a, const void *b)
{
	const struct rule *x = a, *y = b;
	int order = strcmp(x->chain, y->chain);

	if (!order)
		order = strcmp(x->table, y->table);
	return order ? order : strcmp(x->family, y->family);
}

static int compare_rules(const void *a, const void *b)
{
	const struct rule *x = a, *y = b;
	int order = compare_chains(a, b);

	return order ? order : x->place < y->place ? -1 : x->place > y->place;
}

static void take_rule(struct nft_rules *rules, struct json_object *of, size_t place)
{
	struct json_object *expr = document_get(of, "expr");

	if (json_object_is_type(expr, json_type_array))
		rules->v[rules->n++] = (struct rule){
			document_string(of, "family", ""), document_string(of, "table", ""),
			document_string(of, "chain", ""), expr,
			json_object_get_int(document_get(of, "handle")), place,
		};
}

static bool index_rules(struct nft_rules *rules)
{
	size_t n = json_object_array_length(rules->list);

	rules->v = calloc(n + 1, sizeof(*rules->v));
	rules->sets = json_object_new_array();
	if (!rules->v || !rules->sets)
		return false;
	for (size_t i = 0; i < n; i++) {
		struct json_object *one = json_object_array_get_idx(rules->list, i);

		if (document_get(one, "set"))
			json_object_array_add(rules->sets, json_object_get(one));
		take_rule(rules, document_get(one, "rule"), i);
	}
	qsort(rules->v, rules->n, sizeof(*rules->v), compare_rules);
	return true;
}

/* The first rule of a chain; NULL: it has none. */
static const struct rule *first_rule(const struct nft_rules *rules, const struct rule *chain)
{
	size_t low = 0, high = rules->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (compare_chains(&rules->v[middle], chain) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low < rules->n && compare_chains(&rules->v[low], chain) == 0 ? &rules->v[low] : NULL;
}

struct nft_rules *nft_rules_new(struct json_object *list)
{
	struct nft_rules *rules = calloc(1, sizeof(*rules));

	if (!rules || !json_object_is_type(list, json_type_array)) {
		json_object_put(list);
		free(rules);
		return NULL;
	}
	rules->list = list;
	if (!index_rules(rules)) {
		nft_rules_free(rules);
		return NULL;
	}
	return rules;
}

void nft_rules_free(struct nft_rules *rules)
{
	if (!rules)
		return;
	json_object_put(rules->sets);
	json_object_put(rules->list);
	free(rules->v);
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
		match = match_value(walk->rules->sets, walk->packet, document_get(vmap, "key"),
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

	for (size_t i = 0; i < json_object_array_length(expr); i++) {
		struct json_object *statement = json_object_array_get_idx(expr, i);

		if (!json_object_is_type(statement, json_type_object))
			continue;
		json_object_object_foreach(statement, word, value) {
			enum match match = match_statement(walk->rules->sets, walk->packet, word,
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

static enum end walk_chain(const struct walk *walk, const char *name, unsigned int depth)
{
	const struct rule chain = { .family = walk->family, .table = walk->table, .chain = name };
	const struct rule *rule = first_rule(walk->rules, &chain);
	const struct rule *end_of_all = walk->rules->v + walk->rules->n;

	if (depth > DEPTH_MAX)
		return END_UNSURE;
	for (; rule && rule < end_of_all && compare_chains(rule, &chain) == 0; rule++) {
		bool returns = false;
		char what[64];
		enum end end;

		if (++*walk->steps > STEPS_MAX)
			return END_UNSURE;
		walk->culprit->chain[0] = '\0';
		end = walk_rule(walk, rule->expr, depth, &returns);
		if (end != END_GOES_ON) {
			snprintf(what, sizeof(what), "the rule with handle %d of", rule->handle);
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
	unsigned int steps = 0;

	for (size_t i = 0; i < json_object_array_length(rules->list); i++) {
		struct json_object *chain =
			document_get(json_object_array_get_idx(rules->list, i), "chain");
		struct walk walk = { rules, packet, document_string(chain, "family", ""),
				     document_string(chain, "table", ""), culprit, &steps };
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

/* ---- source NAT with ports of others ----------------------------------------------- */

/* Which ports does the statement of NAT choose among? Return: false: it takes no address that
 * matters. What iptables does is not told by libnftables. */
static bool read_nat(struct json_object *statement, const struct in6_addr *to, uint16_t *first,
		     uint16_t *last)
{
	struct json_object *nat = document_get(statement, "snat"), *port, *range;
	struct in6_addr addr;

	if (nat && (!addr_parse(document_string(nat, "addr", ""), &addr) || !addr_equal(&addr, to)))
		return false;
	if (!nat && !json_object_object_get_ex(statement, "masquerade", &nat))
		return false;
	*first = 0;
	*last = UINT16_MAX;
	port = document_get(nat, "port");
	range = document_get(port, "range");
	if (json_object_is_type(port, json_type_int))
		*first = *last = (uint16_t)json_object_get_int(port);
	if (json_object_is_type(range, json_type_array)) {
		*first = (uint16_t)json_object_get_int(json_object_array_get_idx(range, 0));
		*last = (uint16_t)json_object_get_int(json_object_array_get_idx(range, 1));
	}
	return true;
}

static bool takes_ports(struct json_object *expr, const struct in6_addr *to, const bool *ports)
{
	size_t n = json_object_array_length(expr);
	uint16_t first, last;

	if (!n || !read_nat(json_object_array_get_idx(expr, n - 1), to, &first, &last))
		return false;
	for (unsigned int port = first; port <= last; port++)
		if (ports[port])
			return true;
	return false;
}

static bool may_match(const struct nft_rules *rules, const struct nft_packet *packet,
		      struct json_object *expr)
{
	for (size_t i = 0; i < json_object_array_length(expr); i++) {
		struct json_object *statement = json_object_array_get_idx(expr, i);

		if (!json_object_is_type(statement, json_type_object))
			continue;
		json_object_object_foreach(statement, word, value)
			if (match_statement(rules->sets, packet, word, value) == MATCH_NO)
				return false;
	}
	return true;
}

bool nft_port_nat(const struct nft_rules *rules, const struct nft_packet *packet,
		  const struct in6_addr *to, const bool *ports, struct nft_culprit *culprit)
{
	for (size_t i = 0; i < rules->n; i++) {
		const struct rule *rule = &rules->v[i];
		const struct walk walk = { rules, packet, rule->family, rule->table, culprit, NULL };
		char what[64];

		if (is_ours(rule->table) ||
		    strcmp(rule->family, is_v4(packet) ? "ip6" : "ip") == 0 ||
		    !takes_ports(rule->expr, to, ports) || !may_match(rules, packet, rule->expr))
			continue;
		snprintf(what, sizeof(what), "the rule with handle %d of", rule->handle);
		blame(&walk, what, rule->chain);
		return true;
	}
	return false;
}
