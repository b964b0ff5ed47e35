/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See host.h. */
#include "host.h"

#include <stddef.h>
#include <stdio.h>
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

/* What is not in order */
static const char the_guard[] = "the guard of the NAT46 prefix";
static const char the_routes[] = "the host's routes";
static const char the_rules[] = "the packet filter rules";

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

static const struct prefix *dialled(const struct host *host)
{
	return host->dials ? &host->nat46 : NULL;
}

static int apply_routes(struct host *host, const struct plan *plan, unsigned int *added)
{
	const struct prefix *nat46 = dialled(host);
	int err = netsetup_apply(nat46, wanted(plan, ROOM_NAT64) ? &plan->map->pref64 : NULL, added);

	if (!err && nat46)
		probe(host, nat46);
	return err;
}

int host_apply(struct host *host, const struct plan *plan, struct nat64 *nat64,
	       const struct plan *snid, const char **problem)
{
	const struct prefix *nat46;
	unsigned int added;
	int err = 0;

	/* Connections outlive the listeners that they came by. */
	host->dials = snid && (host->dials || dials(plan->config));
	if (snid)
		host->nat46 = snid->map->nat46;
	nat46 = dialled(host);
	/* The guard is there before the route that makes the prefix ours, and goes after it. */
	*problem = the_guard;
	if (nat46 && host->rules_due)
		err = guard_install(nat46);
	if (err)
		return err;
	*problem = the_routes;
	err = apply_routes(host, plan, &added);
	if (err || !host->rules_due)
		return err;
	*problem = the_rules;
	err = apply_rules(host, plan, nat64);
	if (!err && !nat46)
		err = guard_remove();
	host->rules_due = err != 0;
	return err;
}

/* ---- mending ------------------------------------------------------------------ */

static int mend_rules(struct host *host, const struct plan *plan, struct nat64 *nat64, char *said)
{
	struct nat64_intercept intercept;
	int result;

	if (!nat64 || !wanted(plan, ROOM_NAT64))
		return 0;
	result = nat64_intercept(nat64, &intercept);
	if (result)
		return result;
	result = ruleset_mend(host->ruleset, &intercept);
	nat64_intercept_free(&intercept);
	if (result > 0)
		snprintf(said, HEAL_SAID_SIZE, "our %s rules had been taken away or changed: put up "
			 "again", ruleset_backend(host->ruleset));
	return result;
}

static int mend_guard(const struct host *host, char *said)
{
	const struct prefix *nat46 = dialled(host);
	int result = nat46 ? guard_mend(nat46) : 0;

	if (result > 0)
		snprintf(said, HEAL_SAID_SIZE, "the guard of the NAT46 prefix had been taken away or "
			 "changed: put up again");
	return result;
}

static int mend_routes(struct host *host, const struct plan *plan, char *said)
{
	unsigned int added;
	int err = apply_routes(host, plan, &added);

	if (!err && added)
		snprintf(said, HEAL_SAID_SIZE, "%u of our routes had been taken away: put up again",
			 added);
	return err ? err : (int)added;
}

static int mend_filters(struct nat64 *nat64, char *said)
{
	char names[HEAL_SAID_SIZE / 2];
	unsigned int n = nat64 ? nat64_mend(nat64, names, sizeof(names)) : 0;

	if (n)
		snprintf(said, HEAL_SAID_SIZE, "the fast path had been taken from %s: fastened again",
			 names);
	return (int)n;
}

static int mend(struct host *host, enum heal_what what, const struct plan *plan,
		struct nat64 *nat64, char *said)
{
	/* What is to be done, or tried again, anyway is no healing. */
	if (host->rules_due)
		return 0;
	switch (what) {
	case HEAL_RULES:
		return mend_rules(host, plan, nat64, said);
	case HEAL_GUARD:
		return mend_guard(host, said);
	case HEAL_ROUTES:
		return mend_routes(host, plan, said);
	case HEAL_FILTERS:
		return mend_filters(nat64, said);
	default:
		return 0;
	}
}

int host_mend(struct host *host, enum heal_what what, const struct plan *plan,
	      struct nat64 *nat64, char *said)
{
	int result = mend(host, what, plan, nat64, said);

	host->unmended[what] = result < 0;
	return result;
}

const char *host_unmended(const struct host *host)
{
	if (host->unmended[HEAL_GUARD])
		return the_guard;
	if (host->unmended[HEAL_ROUTES])
		return the_routes;
	return host->unmended[HEAL_RULES] ? the_rules : NULL;
}

void host_clear(struct host *host)
{
	/* Each has logged what it could not take away. */
	ruleset_remove(host->ruleset);
	netsetup_remove();
	guard_remove();
}
