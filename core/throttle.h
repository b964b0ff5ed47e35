/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How often a client may have something: replies to an address that nobody has proven to be
 * the asker's (forged queries would have us flood whoever has it), new connections, or
 * questions about names that nobody knows.
 *
 * Shared by all workers, without locks: SO_REUSEPORT spreads a client's queries over
 * them. The table is bounded and never full. Who is not over his rate leaves his place
 * again within moments; where two that are meet in one place, the one that is less so
 * starts anew. So does everybody once in 37 hours.
 */
#ifndef CORE_THROTTLE_H
#define CORE_THROTTLE_H

#include <stdbool.h>
#include <stdint.h>

struct throttle;

/** throttle_new() - Return: the table, owned by the caller; NULL: out of memory. */
struct throttle *throttle_new(void);

/**
 * throttle_pass() - may @client have one more? Any thread.
 * @client:	addr_client().
 * @per_second:	the rate; one second's worth may come at once.
 * @now_ms:	loop_now_ms().
 */
bool throttle_pass(struct throttle *throttle, uint64_t client, uint32_t per_second, int64_t now_ms);

/** throttle_free() - NULL is allowed. */
void throttle_free(struct throttle *throttle);

#endif
