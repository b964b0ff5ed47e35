/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "plan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../core/addrmap.h"
#include "../core/config.h"
#include "../core/log.h"
#include "grace.h"
#include "netsetup.h"

const char *plan_config_path(const char *given)
{
	if (given)
		return given;
	/* A file that is there but cannot be read is an error, not a lack of one. */
	if (access(CONFIG_DEFAULT_PATH, F_OK) < 0 && errno == ENOENT)
		return NULL;
	return CONFIG_DEFAULT_PATH;
}

struct plan *plan_read(const char *path, FILE *errors)
{
	struct plan *plan = calloc(1, sizeof(*plan));

	if (!plan)
		return NULL;
	plan->users = 1;
	plan->config = config_load(path, errors);
	if (!plan->config) {
		free(plan);
		return NULL;
	}
	return plan;
}

struct plan *plan_renew(struct plan *plan)
{
	struct plan *renewed = calloc(1, sizeof(*renewed));

	if (!renewed)
		return NULL;
	renewed->users = 1;
	renewed->config = plan->config;
	/* Always the plan that read the file, so that renewals make no chain. */
	renewed->config_owner = plan_hold(plan->config_owner ? plan->config_owner : plan);
	return renewed;
}

/* Where the uplink has gone, look once more as if it were configured. */
static int detect(const struct config *config, const struct grace *grace, struct netinfo *net)
{
	struct config as_if = *config;
	int err = netsetup_detect(config, net);

	if (err || !grace || net->uplink[0] || !grace_uplink(grace))
		return err;
	as_if.uplink = (char *)grace_uplink(grace);
	netinfo_free(net);
	err = netsetup_detect(&as_if, net);
	/* No default route leads there: whether it counts is for grace_apply() to say. */
	if (!err)
		net->uplink_v4_be32 = 0;
	return err;
}

int plan_look(struct plan *plan, struct grace *grace)
{
	struct netinfo net;
	int err = detect(plan->config, grace, &net);

	if (err)
		return err;
	if (grace)
		err = grace_apply(grace, plan->config, &net);
	if (!err)
		plan->map = addrmap_new(plan->config, &net);
	netinfo_free(&net);
	if (!plan->map) {
		log_error("out of memory for the address mapping");
		return -ENOMEM;
	}
	return 0;
}

struct plan *plan_hold(struct plan *plan)
{
	plan->users++;
	return plan;
}

void plan_put(struct plan *plan)
{
	if (!plan || --plan->users > 0)
		return;
	addrmap_free(plan->map);
	if (plan->config_owner)
		plan_put(plan->config_owner);
	else
		config_free((struct config *)plan->config);
	free(plan);
}

void plan_warn_fixed(const struct plan *old, const struct plan *next, FILE *errors)
{
	if (strcmp(old->config->ops.user, next->config->ops.user) != 0)
		fprintf(errors, "ops.user: a change needs a restart\n");
	if (strcmp(old->config->ops.control, next->config->ops.control) != 0)
		fprintf(errors, "ops.control: a change needs a restart\n");
	if (old->config->ops.seccomp != next->config->ops.seccomp)
		fprintf(errors, "ops.seccomp: a change needs a restart\n");
}
