/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "rooms.h"

#include "../core/config.h"
#include "../dns64/dns64.h"
#include "../nat64/nat64.h"
#include "../snid/snid.h"
#include "privilege.h"
#include "web.h"

/* The rooms' functions with their types taken off; last: what their threads run first. */
#define ROOM_FUNCTIONS(type, ...)							\
static int type##_room_open(void **room, const struct config *config,			\
			    const struct addrmap *map)					\
{											\
	struct type *opened = NULL;							\
	int err = type##_new(&opened, config, map);					\
											\
	*room = opened;									\
	return err;									\
}											\
static int type##_room_start(void *room)						\
{											\
	return type##_start(room, __VA_ARGS__);						\
}											\
static int type##_room_reconfigure(void *room, const struct config *config,		\
				   const struct addrmap *map)				\
{											\
	return type##_reconfigure(room, config, map);					\
}											\
static void type##_room_close(void *room)						\
{											\
	type##_free(room);								\
}

ROOM_FUNCTIONS(web, privilege_enter_unprivileged)
ROOM_FUNCTIONS(nat64, privilege_enter_nat64, privilege_enter_unprivileged)
ROOM_FUNCTIONS(dns64, privilege_enter_unprivileged)
ROOM_FUNCTIONS(snid, privilege_enter_unprivileged)

static bool web_wanted(const struct config *config)
{
	return config->ops.metrics.port != 0;
}

static bool nat64_wanted(const struct config *config)
{
	return config->nat64.enabled;
}

static bool dns64_wanted(const struct config *config)
{
	return config->dns64.enabled;
}

static bool snid_wanted(const struct config *config)
{
	return config->snid.n_listen > 0;
}

#define ROOM(type)						\
{								\
	.name = #type,						\
	.wanted = type##_wanted,				\
	.open = type##_room_open,				\
	.start = type##_room_start,				\
	.reconfigure = type##_room_reconfigure,			\
	.close = type##_room_close,				\
}

const struct room rooms[ROOM_COUNT] = {
	[ROOM_WEB] = ROOM(web),
	[ROOM_NAT64] = ROOM(nat64),
	[ROOM_DNS64] = ROOM(dns64),
	[ROOM_SNID] = ROOM(snid),
};
