/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An expression of a rule is worth an address, a number or a word here, or is unknown; so is
 * what it is compared with: a value, a prefix, a range, or a set of these.
 */
#include "doctor_match.h"

#include <fnmatch.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "doctor_nft.h"
#include "document.h"

enum kind { KIND_UNKNOWN, KIND_NEVER, KIND_ADDR, KIND_NUMBER, KIND_WORD };

/* What an expression stands for in this packet. NEVER: the packet has no such field. */
struct value {
	enum kind kind;
	struct in6_addr addr;
	uint64_t number;
	const char *word;
};

static bool is_v4(const struct nft_packet *packet)
{
	return addr_is_v4(&packet->src) || addr_is_v4(&packet->dst);
}

/* ---- what an expression is worth --------------------------------------------------- */

static struct value number(uint64_t n, bool known)
{
	return (struct value){ .kind = known ? KIND_NUMBER : KIND_UNKNOWN, .number = n };
}

static struct value word(const char *text)
{
	return (struct value){ .kind = text ? KIND_WORD : KIND_UNKNOWN, .word = text };
}

static struct value address(const struct in6_addr *addr)
{
	return (struct value){ .kind = IN6_IS_ADDR_UNSPECIFIED(addr) ? KIND_UNKNOWN : KIND_ADDR,
			       .addr = *addr };
}

static const char *l4_word(uint8_t l4)
{
	switch (l4) {
	case IPPROTO_TCP:
		return "tcp";
	case IPPROTO_UDP:
		return "udp";
	case IPPROTO_ICMP:
		return "icmp";
	case IPPROTO_ICMPV6:
		return "ipv6-icmp";
	default:
		return NULL;
	}
}

/* "ip saddr", "tcp dport", "ip6 nexthdr" ... */
static struct value payload(const struct nft_packet *packet, struct json_object *of)
{
	const char *protocol = document_string(of, "protocol", ""),
		   *field = document_string(of, "field", "");
	const char *mine = packet->l4 == IPPROTO_ICMPV6 ? "icmpv6" : l4_word(packet->l4);
	const struct value never = { .kind = KIND_NEVER }, unknown = { .kind = KIND_UNKNOWN };

	if (strcmp(protocol, "ip") == 0 || strcmp(protocol, "ip6") == 0) {
		if (is_v4(packet) != (strcmp(protocol, "ip") == 0))
			return never;
		if (strcmp(field, "saddr") == 0)
			return address(&packet->src);
		if (strcmp(field, "daddr") == 0)
			return address(&packet->dst);
		return strcmp(field, "protocol") == 0 || strcmp(field, "nexthdr") == 0 ?
		       word(l4_word(packet->l4)) : unknown;
	}
	if (strcmp(protocol, "th") != 0 && mine && *protocol && strcmp(protocol, mine) != 0)
		return never;
	if (strcmp(field, "sport") == 0)
		return number(packet->sport, packet->sport != 0);
	if (strcmp(field, "dport") == 0)
		return number(packet->dport, packet->dport != 0);
	return unknown;
}

static struct value meta(const struct nft_packet *packet, const char *key)
{
	if (strcmp(key, "iifname") == 0 || strcmp(key, "iif") == 0)
		return word(packet->iif);
	if (strcmp(key, "oifname") == 0 || strcmp(key, "oif") == 0)
		return word(packet->oif);
	if (strcmp(key, "l4proto") == 0)
		return word(l4_word(packet->l4));
	if (strcmp(key, "nfproto") == 0)
		return word(is_v4(packet) ? "ipv4" : "ipv6");
	if (strcmp(key, "protocol") == 0)
		return word(is_v4(packet) ? "ip" : "ip6");
	return number(packet->mark, strcmp(key, "mark") == 0);
}

static struct value expression(const struct nft_packet *packet, struct json_object *of)
{
	struct json_object *inner, *and = document_get(of, "&");

	if ((inner = document_get(of, "payload")) != NULL)
		return payload(packet, inner);
	if ((inner = document_get(of, "meta")) != NULL)
		return meta(packet, document_string(inner, "key", ""));
	if ((inner = document_get(of, "ct")) != NULL)
		return word(strcmp(document_string(inner, "key", ""), "state") == 0
				    ? packet->ct_state
				    : NULL);
	if (json_object_is_type(and, json_type_array) && json_object_array_length(and) == 2) {
		struct value left = expression(packet, json_object_array_get_idx(and, 0));
		struct json_object *mask = json_object_array_get_idx(and, 1);

		if (left.kind == KIND_NEVER)
			return left;
		if (left.kind == KIND_NUMBER && json_object_is_type(mask, json_type_int))
			return number(left.number & json_object_get_uint64(mask), true);
	}
	return (struct value){ .kind = KIND_UNKNOWN };
}

/* ---- comparing --------------------------------------------------------------------- */

static enum match yes_if(bool so)
{
	return so ? MATCH_YES : MATCH_NO;
}

static enum match match_prefix(const struct value *value, struct json_object *right)
{
	struct prefix prefix;
	const char *text = document_string(right, "addr", "");
	/* "::ffff:0.0.0.0/96" is one of IPv6. */
	int len = json_object_get_int(document_get(right, "len")) + (strchr(text, ':') ? 0 : 96);

	if (value->kind != KIND_ADDR || !addr_parse(text, &prefix.addr) || len < 0 || len > 128)
		return MATCH_MAYBE;
	prefix.len = (uint8_t)len;
	return yes_if(prefix_contains(&prefix, &value->addr));
}

static enum match match_range(const struct value *value, struct json_object *right)
{
	struct json_object *first = json_object_array_get_idx(right, 0);
	struct json_object *last = json_object_array_get_idx(right, 1);
	struct in6_addr from, to;

	if (value->kind == KIND_NUMBER && json_object_is_type(first, json_type_int))
		return yes_if(value->number >= json_object_get_uint64(first) &&
			      value->number <= json_object_get_uint64(last));
	if (value->kind != KIND_ADDR || !addr_parse(json_object_get_string(first), &from) ||
	    !addr_parse(json_object_get_string(last), &to))
		return MATCH_MAYBE;
	return yes_if(memcmp(&value->addr, &from, sizeof(from)) >= 0 &&
		      memcmp(&value->addr, &to, sizeof(to)) <= 0);
}

/* Protocols come as names or numbers. */
static enum match match_word(const struct value *value, const char *right)
{
	static const char *const same[][2] = {
		{ "ipv6-icmp", "icmpv6" }, { "ipv6-icmp", "58" }, { "tcp", "6" }, { "udp", "17" },
		{ "icmp", "1" },
	};

	/* "eth*" of iifname: with a star it is all that begin so. */
	if (fnmatch(right, value->word, 0) == 0)
		return MATCH_YES;
	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++)
		if (strcmp(value->word, same[i][0]) == 0 && strcmp(right, same[i][1]) == 0)
			return MATCH_YES;
	return MATCH_NO;
}

static enum match match_scalar(const struct value *value, struct json_object *right)
{
	const char *text = json_object_get_string(right);
	struct in6_addr addr;

	if (!text)
		return MATCH_MAYBE;
	switch (value->kind) {
	case KIND_ADDR:
		return addr_parse(text, &addr) ? yes_if(addr_equal(&addr, &value->addr)) :
						 MATCH_MAYBE;
	case KIND_NUMBER:
		return json_object_is_type(right, json_type_int) ?
		       yes_if(json_object_get_uint64(right) == value->number) : MATCH_MAYBE;
	case KIND_WORD:
		return match_word(value, text);
	case KIND_UNKNOWN:
	case KIND_NEVER:
		break;
	}
	return MATCH_MAYBE;
}

static enum match compare(struct json_object *list, const struct value *value,
			  struct json_object *right);

static enum match match_any(struct json_object *list, const struct value *value,
			    struct json_object *elements)
{
	enum match best = MATCH_NO;

	for (size_t i = 0; i < json_object_array_length(elements); i++) {
		enum match match = compare(list, value, json_object_array_get_idx(elements, i));

		if (match > best)
			best = match;
	}
	return best;
}

/* A set that is named: its elements stand elsewhere in the ruleset. Two tables may each have
 * one of that name; then neither is known to be it. */
static enum match match_named(struct json_object *list, const struct value *value,
			      const char *name)
{
	struct json_object *elements = NULL;
	unsigned int n = 0;

	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct json_object *set = document_get(json_object_array_get_idx(list, i), "set");

		if (strcmp(document_string(set, "name", ""), name) == 0) {
			elements = document_get(set, "elem");
			n++;
		}
	}
	if (n != 1)
		return MATCH_MAYBE;
	return json_object_is_type(elements, json_type_array) ? match_any(list, value, elements) :
								MATCH_NO;
}

static enum match compare(struct json_object *list, const struct value *value,
			  struct json_object *right)
{
	struct json_object *inner;

	if (json_object_is_type(right, json_type_array))
		return match_any(list, value, right);
	if (json_object_is_type(right, json_type_string) && *json_object_get_string(right) == '@')
		return match_named(list, value, json_object_get_string(right) + 1);
	if (!json_object_is_type(right, json_type_object))
		return match_scalar(value, right);
	if ((inner = document_get(right, "set")) != NULL)
		return compare(list, value, inner);
	if ((inner = document_get(document_get(right, "elem"), "val")) != NULL)
		return compare(list, value, inner);
	if ((inner = document_get(right, "prefix")) != NULL)
		return match_prefix(value, inner);
	inner = document_get(right, "range");
	if (json_object_is_type(inner, json_type_array) && json_object_array_length(inner) == 2)
		return match_range(value, inner);
	return MATCH_MAYBE;
}

enum match match_value(struct json_object *list, const struct nft_packet *packet,
		       struct json_object *left, struct json_object *right)
{
	struct value value = expression(packet, left);

	if (value.kind == KIND_NEVER)
		return MATCH_NO;
	return value.kind == KIND_UNKNOWN ? MATCH_MAYBE : compare(list, &value, right);
}

static enum match match_match(struct json_object *list, const struct nft_packet *packet,
			      struct json_object *of)
{
	struct value value = expression(packet, document_get(of, "left"));
	const char *op = document_string(of, "op", "");
	enum match match;

	/* What has no such field matches in no way, by "!=" neither. */
	if (value.kind == KIND_NEVER)
		return MATCH_NO;
	if (value.kind == KIND_UNKNOWN)
		return MATCH_MAYBE;
	match = compare(list, &value, document_get(of, "right"));
	if (strcmp(op, "==") == 0 || strcmp(op, "in") == 0)
		return match;
	if (strcmp(op, "!=") != 0 || match == MATCH_MAYBE)
		return MATCH_MAYBE;
	return yes_if(match == MATCH_NO);
}

/* ---- statements -------------------------------------------------------------------- */

static bool is_one_of(const char *word, const char *const *words)
{
	for (; *words; words++)
		if (strcmp(*words, word) == 0)
			return true;
	return false;
}

static bool is_xt(struct json_object *xt, const char *type, const char *const *names)
{
	return strcmp(document_string(xt, "type", ""), type) == 0 &&
	       is_one_of(document_string(xt, "name", ""), names);
}

const char *match_xt_verdict(struct json_object *xt)
{
	static const char *const passing[] = { "LOG", "NFLOG", "MARK", "CONNMARK", "CT", "TCPMSS",
					       "SECMARK", "CONNSECMARK", "CLASSIFY", "DSCP", "SET",
					       "CHECKSUM", "TRACE", NULL };
	static const char *const nat[] = { "MASQUERADE", "SNAT", NULL };
	static const char *const reject[] = { "REJECT", NULL };

	if (strcmp(document_string(xt, "type", ""), "match") == 0 || is_xt(xt, "target", passing))
		return "";
	if (is_xt(xt, "target", nat))
		return "masquerade";
	return is_xt(xt, "target", reject) ? "drop" : "queue";
}

enum match match_statement(struct json_object *list, const struct nft_packet *packet,
			   const char *name, struct json_object *value)
{
	static const char *const unsure[] = { "limit", "quota", "ct count", "connlimit", "last",
					      NULL };
	static const char *const comment[] = { "comment", NULL };

	if (strcmp(name, "match") == 0)
		return match_match(list, packet, value);
	if (strcmp(name, "xt") == 0 && strcmp(document_string(value, "type", ""), "target") != 0)
		return is_xt(value, "match", comment) ? MATCH_YES : MATCH_MAYBE;
	return is_one_of(name, unsure) ? MATCH_MAYBE : MATCH_YES;
}
