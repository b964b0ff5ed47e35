/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See host.h. */
#include "host.h"

#include <stddef.h>
#include <string.h>

#include "../core/addrmap.h"
#include "../core/config.h"
#include "../core/log.h"
#include "../nat64/nat64.h"
#include "../snid/snid.h"
#include "guard.h"
#include "netsetup.h"
#include "plan.h"
#include "rooms.h"
#include "ruleset.h"

static bool wanted(const struct plan *plan, enum room_id id)
{
	return rooms[id].wanted(plan->config);
}

/* Has snid a listener whose servers are dialled from the NAT46 prefix? */
static bool dials(const struct config *config)
{
	bool others = false;

	for (size_t i = 0; i < config->snid.n_listen; i++) {
		const struct sni_listen *listen = &config->snid.listen[i];

		if (!(listen->own & SNI_OWN_MODE))
			others = true;
		else if (listen->mode == CONFIG_SNI_NAT46)
			return true;
	}
	return others && config->snid.mode == CONFIG_SNI_NAT46;
}

static int apply_rules(struct host *host, const struct plan *plan, struct nat64 *nat64)
{
	struct nat64_intercept intercept;
	int err;

	if (!wanted(plan, ROOM_NAT64))
		return ruleset_remove(host->ruleset);
	err = nat64_intercept(nat64, &intercept);
	if (err)
		return err;
	err = ruleset_install(host->ruleset, &intercept);
	nat64_intercept_free(&intercept);
	return err;
}

/* The route is there; something else may be in its way. */
static void probe(struct host *host, const struct prefix *nat46)
{
	int problem = snid_probe(nat46);
	char text[PREFIX_STRLEN];

	if (problem && !host->dial_problem)
		log_warn("snid: no server can be reached from the addresses of clients: a connection "
			 "to %s does not come to this host (%s); is there a rule before the route "
			 "`local %s dev lo' (ip -6 rule), or a filter on lo?",
			 prefix_format(nat46, text), strerror(-problem), text);
	else if (!problem && host->dial_problem)
		log_info("snid: servers can be reached from the addresses of clients again");
	host->dial_problem = problem;
}

int host_apply(struct host *host, const struct plan *plan, struct nat64 *nat64,
	       bool snid_stays, const char **problem)
{
	const struct prefix *nat46;
	int err = 0;

	/* Connections outlive the listeners that they came by. */
	host->dials = snid_stays && (host->dials || dials(plan->config));
	nat46 = host->dials ? &plan->map->nat46 : NULL;
	/* The guard is there before the route that makes the prefix ours, and goes after it. */
	*problem = "the guard of the NAT46 prefix";
	if (nat46 && host->rules_due)
		err = guard_install(nat46);
	if (err)
		return err;
	*problem = "the host's routes";
	err = netsetup_apply(nat46, wanted(plan, ROOM_NAT64) ? &plan->map->pref64 : NULL);
	if (!err && nat46)
		probe(host, nat46);
	if (err || !host->rules_due)
		return err;
	*problem = "the packet filter rules";
	err = apply_rules(host, plan, nat64);
	if (!err && !nat46)
		err = guard_remove();
	host->rules_due = err != 0;
	return err;
}

void host_clear(struct host *host)
{
	/* Each has logged what it could not take away. */
	ruleset_remove(host->ruleset);
	netsetup_remove();
	guard_remove();
}
