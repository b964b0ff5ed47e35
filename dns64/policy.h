/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is to be done with a question: decided once, from the question and the
 * address map alone, before anything is looked up.
 */
#ifndef DNS64_POLICY_H
#define DNS64_POLICY_H

#include "../core/stats.h"
#include "message.h"

struct addrmap;
struct config;

enum policy_action {
	POLICY_REFUSE,		/* with plan.rcode */
	POLICY_ANY,		/* RFC 8482: the minimal answer */
	POLICY_IPV4ONLY,	/* ipv4only.arpa and below (RFC 7050, RFC 8880 7.1) */
	POLICY_IPV4ONLY_REVERSE,/* 170. and 171.0.0.192.in-addr.arpa (RFC 8880 7.2) */
	POLICY_IPV4ONLY_MAPPED,	/* their names in a pref64: CNAME to plan.target, and that name */
	POLICY_REVERSE_EMPTY,	/* in plan.zone, but no whole address: NODATA */
	POLICY_REVERSE_NONE,	/* in plan.zone, and no such name can be: NXDOMAIN */
	POLICY_REVERSE,		/* CNAME to plan.target, whose records are asked for */
	POLICY_SYNTHESISE,	/* AAAA and A are asked for, side by side */
	POLICY_PASS,		/* the resolver's answer as it is */
};

struct policy_plan {
	enum policy_action action;
	uint8_t rcode;
	enum stat why;		/* its counter, with POLICY_REFUSE */
	bool forced;		/* SYNTHESISE where there are AAAA records too */
	struct name zone, target;
};

/** policy_decide() - fill in @plan for @query, which message_read_query() accepted. */
void policy_decide(struct policy_plan *plan, const struct query *query,
		   const struct addrmap *map);

/**
 * policy_apply_names() - dns64.exclude_names and force_names: may SYNTHESISE stay? It is for
 * what has to be looked up: what is in the cache was decided on before it got there.
 */
void policy_apply_names(struct policy_plan *plan, const struct query *query,
			const struct config *config);

#endif
