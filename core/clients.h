/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How many connections there are, in all and by client, and how many of them are still
 * opening. Shared by the workers: asked when a connection comes, once it is open, and when
 * it goes, never in between.
 */
#ifndef CORE_CLIENTS_H
#define CORE_CLIENTS_H

#include <stdbool.h>
#include <stdint.h>

struct clients;
struct leaders;

enum clients_verdict {
	CLIENTS_OK,
	CLIENTS_TOO_MANY,		/* all together */
	CLIENTS_TOO_MANY_OF_ONE,	/* of this client */
	CLIENTS_TOO_MANY_OPENING,	/* all together */
	CLIENTS_TOO_MANY_OPENING_OF_ONE,
	CLIENTS_NO_MEMORY,
};

/** clients_new() - Return: the table, owned by the caller, or NULL when out of memory. */
struct clients *clients_new(void);

/** clients_set_limits() - from now on; what is open stays. Any thread. */
void clients_set_limits(struct clients *clients, uint32_t total, uint32_t per_client);

/** clients_limit_opening() - the same for those that are opening; there is none at first. */
void clients_limit_opening(struct clients *clients, uint32_t total, uint32_t per_client);

/**
 * clients_add() - count a connection, if both limits allow it. Any thread.
 * @id:	a number that stands for it: an IPv4 address, or addr_client().
 * Return: CLIENTS_OK, then clients_remove() is owed; else nothing was counted.
 */
enum clients_verdict clients_add(struct clients *clients, uint64_t id);

/**
 * clients_add_opening() - count a connection that is opening, if all limits allow it.
 * @anybody:	those of each client are left aside: @id passes on what others send.
 * Return: CLIENTS_OK, then clients_opened() is owed as well; else nothing was counted.
 * CLIENTS_TOO_MANY_OPENING is said only where nothing else is in the way.
 */
enum clients_verdict clients_add_opening(struct clients *clients, uint64_t id, bool anybody);

/**
 * clients_move_opening() - a connection that is opening turns out to be another client's.
 * Return: CLIENTS_OK, it counts for @to now; or which of the limits of each client is in the
 * way, it still counts for @from.
 */
enum clients_verdict clients_move_opening(struct clients *clients, uint64_t from, uint64_t to);

/** clients_opened() - a connection is opening no longer, whatever became of it. Any thread. */
void clients_opened(struct clients *clients, uint64_t id);

/** clients_remove() - a connection that was counted has gone. Any thread. */
void clients_remove(struct clients *clients, uint64_t id);

/** clients_total() - how many are open now. Any thread. */
uint32_t clients_total(const struct clients *clients);

/** clients_total_max() - the limit on them. Any thread. */
uint32_t clients_total_max(const struct clients *clients);

/** clients_opening() - how many of them are opening. Any thread. */
uint32_t clients_opening(const struct clients *clients);

/** clients_top() - who has most, @leaders: added to. Any thread; each lock is held for a moment. */
void clients_top(struct clients *clients, struct leaders *leaders);

/** clients_free() - NULL is allowed. */
void clients_free(struct clients *clients);

#endif
