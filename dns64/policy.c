/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which questions are answered, and how. Recursion is all that is offered: a
 * query without RD is refused, be the answer known or not, as nobody shall find
 * out from the cache what others asked for.
 */
#include "policy.h"

#include <string.h>

#include "../core/config.h"
#include "codes.h"
#include "local.h"
#include "ptr.h"

/* RFC 6895 3.1: meta types stand for no records; ANY alone is given an answer. */
static bool is_meta_type(uint16_t type)
{
	return type == LDNS_RR_TYPE_OPT ||
	       (type >= LDNS_RR_TYPE_TKEY && type <= LDNS_RR_TYPE_MAILA);
}

static void refuse_by(struct policy_plan *plan, uint8_t rcode, enum stat why)
{
	plan->action = POLICY_REFUSE;
	plan->rcode = rcode;
	plan->why = why;
}

static bool refuse(struct policy_plan *plan, const struct query *query)
{
	if (query->type == 0)
		refuse_by(plan, LDNS_RCODE_FORMERR, STAT_DNS_REFUSED_TYPE);
	else if (query->class != LDNS_RR_CLASS_IN)
		refuse_by(plan, LDNS_RCODE_REFUSED, STAT_DNS_REFUSED_CLASS);
	else if (!(query->flags & MESSAGE_RD))
		refuse_by(plan, LDNS_RCODE_REFUSED, STAT_DNS_REFUSED_NO_RECURSION);
	else if (query->type == LDNS_RR_TYPE_AXFR || query->type == LDNS_RR_TYPE_IXFR)
		refuse_by(plan, LDNS_RCODE_REFUSED, STAT_DNS_REFUSED_TRANSFER);
	else if (is_meta_type(query->type))
		refuse_by(plan, LDNS_RCODE_NOTIMPL, STAT_DNS_REFUSED_TYPE);
	else
		return false;
	return true;
}

/* RFC 6147 5.5: who sets DO and CD validates and synthesises himself, and gets what is there. */
static bool validates_himself(const struct query *query)
{
	return query->dnssec_ok && query->flags & MESSAGE_CD;
}

/* RFC 8880 7.1, 7.2: that those zones are not signed is for their parents to say. */
static bool is_for_parent(const struct query *query)
{
	return query->type == LDNS_RR_TYPE_DS && local_is_apex(&query->qname);
}

void policy_decide(struct policy_plan *plan, const struct query *query,
		   const struct addrmap *map)
{
	struct ptr ptr;

	plan->forced = false;
	if (refuse(plan, query))
		return;
	if (query->type == LDNS_RR_TYPE_ANY) {
		plan->action = POLICY_ANY;
		return;
	}
	if (local_is_ipv4only(&query->qname) && !is_for_parent(query)) {
		plan->action = POLICY_IPV4ONLY;
		return;
	}
	if (local_is_ipv4only_reverse(&query->qname) && !is_for_parent(query)) {
		plan->action = POLICY_IPV4ONLY_REVERSE;
		return;
	}
	if (validates_himself(query)) {
		plan->action = POLICY_PASS;
		return;
	}
	switch (ptr_read(map, &query->qname, &ptr)) {
	case PTR_MAPPED:
		plan->action = local_is_ipv4only_reverse(&ptr.target) ? POLICY_IPV4ONLY_MAPPED :
									POLICY_REVERSE;
		plan->zone = ptr.zone;
		plan->target = ptr.target;
		return;
	case PTR_EMPTY:
		plan->action = POLICY_REVERSE_EMPTY;
		plan->zone = ptr.zone;
		return;
	case PTR_NONE:
		plan->action = POLICY_REVERSE_NONE;
		plan->zone = ptr.zone;
		return;
	case PTR_OTHER:
		break;
	}
	plan->action = query->type == LDNS_RR_TYPE_AAAA ? POLICY_SYNTHESISE : POLICY_PASS;
}

/* A name as config_names.h has them */
static void name_text(const struct name *name, char *text)
{
	struct name folded = { .len = name->len };

	name_fold(folded.wire, name);
	name_format(&folded, text);
	text[strlen(text) - 1] = '\0';
}

/* They are about the name that was asked for: where its chain leads is somebody else's choice. */
void policy_apply_names(struct policy_plan *plan, const struct query *query,
			const struct config *config)
{
	const struct name_list *excluded = &config->dns64.exclude_names;
	const struct name_list *forced = &config->dns64.force_names;
	size_t excluded_len, forced_len;
	char text[NAME_TEXT_MAX];

	if (plan->action != POLICY_SYNTHESISE || (!excluded->n && !forced->n))
		return;
	name_text(&query->qname, text);
	excluded_len = config_names_above(excluded, text);
	forced_len = config_names_above(forced, text);
	plan->forced = forced_len > excluded_len;
	if (excluded_len > forced_len)
		plan->action = POLICY_PASS;
}
