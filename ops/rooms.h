/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nat64, dns64, snid and the listener that shows them (web) as four of a kind: what the
 * gateway does with every room alike. What each call means is said in the rooms' own headers.
 */
#ifndef OPS_ROOMS_H
#define OPS_ROOMS_H

#include <stdbool.h>

struct addrmap;
struct config;

/* In the order of going over to a new plan. nat64 is last: once it has agreed, flows
 * that the plan has no place for are gone, and nobody must refuse after that. */
enum room_id { ROOM_WEB, ROOM_DNS64, ROOM_SNID, ROOM_NAT64, ROOM_COUNT };

struct room {
	const char *name;
	bool (*wanted)(const struct config *config);	/* is it switched on there? */
	int (*open)(void **room, const struct config *config, const struct addrmap *map);
	int (*start)(void *room);	/* its threads have dropped what they must not keep */
	int (*reconfigure)(void *room, const struct config *config,
			   const struct addrmap *map);
	void (*close)(void *room);
};

extern const struct room rooms[ROOM_COUNT];

#endif
