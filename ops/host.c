/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See host.h. */
#include "host.h"

#include <stddef.h>

#include "../core/addrmap.h"
#include "../core/config.h"
#include "../nat64/nat64.h"
#include "guard.h"
#include "netsetup.h"
#include "plan.h"
#include "rooms.h"
#include "ruleset.h"

static bool wanted(const struct plan *plan, enum room_id id)
{
	return rooms[id].wanted(plan->config);
}

/* The prefix that snid dials from; NULL: it does not, or has no listener of such a mode. */
static const struct prefix *dialled_from(const struct plan *plan)
{
	const struct config *config = plan->config;
	bool own = false, others = false;

	for (size_t i = 0; i < config->snid.n_listen; i++) {
		const struct sni_listen *listen = &config->snid.listen[i];

		if (listen->own & SNI_OWN_MODE)
			own |= listen->mode == CONFIG_SNI_NAT46;
		else
			others = true;
	}
	own |= others && config->snid.mode == CONFIG_SNI_NAT46;
	return own && wanted(plan, ROOM_SNID) ? &plan->map->nat46 : NULL;
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

int host_apply(struct host *host, const struct plan *plan, struct nat64 *nat64,
	       const char **problem)
{
	const struct prefix *nat46 = dialled_from(plan);
	int err = 0;

	/* The guard is there before the route that makes the prefix ours, and goes after it. */
	*problem = "the guard of the NAT46 prefix";
	if (nat46 && host->rules_due)
		err = guard_install(nat46);
	if (err)
		return err;
	*problem = "the host's routes";
	err = netsetup_apply(nat46, wanted(plan, ROOM_NAT64) ? &plan->map->pref64 : NULL);
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
