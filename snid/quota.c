/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See quota.h. */
#include "quota.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "../core/addr.h"
#include "../core/clients.h"
#include "../core/config.h"
#include "../core/loop.h"
#include "../core/throttle.h"
#include "snid.h"

enum { MAKE_ROOM_MAX = 8 };	/* connections that give way to one */

struct quota {
	struct clients *clients;
	struct throttle *throttle;
	_Atomic uint32_t new_per_client;	/* a second */
	_Atomic uint32_t opening_max;
};

struct quota *quota_new(void)
{
	struct quota *quota = calloc(1, sizeof(*quota));

	if (!quota)
		return NULL;
	quota->clients = clients_new();
	quota->throttle = throttle_new();
	if (!quota->clients || !quota->throttle) {
		quota_free(quota);
		return NULL;
	}
	return quota;
}

void quota_configure(struct quota *quota, const struct config *config)
{
	clients_set_limits(quota->clients, config->snid.limits.connections,
			   config->snid.limits.per_client);
	clients_limit_opening(quota->clients, config->snid.limits.opening,
			      config->snid.limits.opening_per_client);
	atomic_store(&quota->opening_max, config->snid.limits.opening);
	atomic_store(&quota->new_per_client, config->snid.limits.new_per_client);
}

static enum refusal refusal_of(enum clients_verdict verdict)
{
	switch (verdict) {
	case CLIENTS_OK:
		return REFUSAL_NONE;
	case CLIENTS_TOO_MANY:
		return REFUSAL_LIMIT;
	case CLIENTS_TOO_MANY_OF_ONE:
		return REFUSAL_CLIENT_LIMIT;
	case CLIENTS_TOO_MANY_OPENING:
		return REFUSAL_OPENING_LIMIT;
	case CLIENTS_TOO_MANY_OPENING_OF_ONE:
		return REFUSAL_CLIENT_OPENING;
	case CLIENTS_NO_MEMORY:
		break;
	}
	return REFUSAL_RESOURCE;
}

static bool pass(struct quota *quota, const struct endpoint *client)
{
	return throttle_pass(quota->throttle, addr_client(&client->addr), atomic_load(&quota->new_per_client),
			     loop_now_ms());
}

static enum refusal add(struct quota *quota, const struct endpoint *client, bool proxy)
{
	return refusal_of(clients_add_opening(quota->clients, addr_client(&client->addr), proxy));
}

enum refusal quota_admit(struct quota *quota, const struct endpoint *client, bool proxy,
			 bool (*make_room)(void *arg), void *arg)
{
	enum refusal refusal = add(quota, client, proxy);

	/* What was refused for another reason costs nothing of this. */
	if ((refusal == REFUSAL_NONE || refusal == REFUSAL_OPENING_LIMIT) && !proxy &&
	    !pass(quota, client)) {
		if (refusal == REFUSAL_NONE)
			quota_take_back(quota, client);
		return REFUSAL_CLIENT_RATE;
	}
	/* The place may be another worker's by then. */
	for (int i = 0; i < MAKE_ROOM_MAX && refusal == REFUSAL_OPENING_LIMIT && make_room(arg);
	     i++)
		refusal = add(quota, client, proxy);
	return refusal;
}

enum refusal quota_move(struct quota *quota, const struct endpoint *proxy,
			const struct endpoint *client)
{
	if (!pass(quota, client))
		return REFUSAL_CLIENT_RATE;
	return refusal_of(clients_move_opening(quota->clients, addr_client(&proxy->addr),
					       addr_client(&client->addr)));
}

void quota_opened(struct quota *quota, const struct endpoint *client)
{
	clients_opened(quota->clients, addr_client(&client->addr));
}

void quota_leave(struct quota *quota, const struct endpoint *client)
{
	clients_remove(quota->clients, addr_client(&client->addr));
}

void quota_take_back(struct quota *quota, const struct endpoint *client)
{
	quota_opened(quota, client);
	quota_leave(quota, client);
}

void quota_gauges(const struct quota *quota, struct snid_gauges *out)
{
	out->connections = clients_total(quota->clients);
	out->connections_max = clients_total_max(quota->clients);
	out->opening = clients_opening(quota->clients);
	out->opening_max = atomic_load(&quota->opening_max);
}

void quota_top(struct quota *quota, struct leaders *leaders)
{
	clients_top(quota->clients, leaders);
}

void quota_free(struct quota *quota)
{
	if (!quota)
		return;
	clients_free(quota->clients);
	throttle_free(quota->throttle);
	free(quota);
}
