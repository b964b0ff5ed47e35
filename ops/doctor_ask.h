/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Questions to DNS servers, several at once, without the gateway. */
#ifndef OPS_DOCTOR_ASK_H
#define OPS_DOCTOR_ASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../core/addr.h"

struct name;

enum { ASK_MS = 1000, ASK_REPLY_MAX = 4096, ASK_NS = 2, ASK_SOA = 6 };

/**
 * ask_build() - a query with EDNS (RFC 6891), RD set.
 * @out:	300 bytes at least.
 * Return: its length.
 */
size_t ask_build(uint8_t *out, uint16_t id, const struct name *name, uint16_t type);

/** ask_is_reply() - is it a reply (RFC 1035 4.1.1) to the query of this id, and no refusal or failure? */
bool ask_is_reply(const uint8_t *wire, size_t len, uint16_t id);

/**
 * ask_servers() - ask each the same, by UDP, again once; all at the same time.
 * @answered:	set for those who replied within ASK_MS; a failure (SERVFAIL) is no reply.
 */
void ask_servers(const struct endpoint *servers, size_t n, const struct name *name, uint16_t type,
		 bool *answered);

/** ask_read_hints() - the addresses in a file of root hints. Return: how many, up to @max. */
size_t ask_read_hints(const char *path, struct endpoint *out, size_t max);

#endif
