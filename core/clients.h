/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How many connections are open, in all and by client. Shared by the workers:
 * asked once when a connection comes and once when it goes, never in between.
 */
#ifndef CORE_CLIENTS_H
#define CORE_CLIENTS_H

#include <stdbool.h>
#include <stdint.h>

struct clients;

enum clients_verdict {
	CLIENTS_OK,
	CLIENTS_TOO_MANY,		/* all together */
	CLIENTS_TOO_MANY_OF_ONE,	/* of this client */
	CLIENTS_NO_MEMORY,
};

/** clients_new() - Return: the table, owned by the caller, or NULL when out of memory. */
struct clients *clients_new(void);

/** clients_set_limits() - from now on; what is open stays. Any thread. */
void clients_set_limits(struct clients *clients, uint32_t total, uint32_t per_client);

/**
 * clients_add() - count a connection, if both limits allow it. Any thread.
 * @id:	a number that stands for it: an IPv4 address, or addr_client().
 * Return: CLIENTS_OK, then clients_remove() is owed; else nothing was counted.
 */
enum clients_verdict clients_add(struct clients *clients, uint64_t id);

/** clients_remove() - a connection that was counted has gone. Any thread. */
void clients_remove(struct clients *clients, uint64_t id);

/** clients_total() - how many are open now. Any thread. */
uint32_t clients_total(const struct clients *clients);

/** clients_total_max() - the limit on them. Any thread. */
uint32_t clients_total_max(const struct clients *clients);

/** clients_free() - NULL is allowed. */
void clients_free(struct clients *clients);

#endif
