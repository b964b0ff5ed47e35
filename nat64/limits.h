/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who may open one more session: the limits of all together and of each client (RFC 6888
 * REQ-4), a client being the inside addresses that share limits.client_prefix bits. Part of
 * flow_mem; safe from every worker, and no lock is held longer than a look-up takes.
 *
 * A session opened from outside counts to the client inside like any other, but what
 * anybody can open there with forged sources leaves a quarter of every limit to those
 * inside: the last quarter of the sessions, of the half-open ones, and of the burst of new
 * ones, so that they always come first.
 */
#ifndef NAT64_LIMITS_H
#define NAT64_LIMITS_H

#include <stdbool.h>
#include <stdint.h>

#include "flow.h"

struct client;
struct limits;
struct config;
struct leaders;
struct pages;

/** limits_new() - no sessions yet. @pages: borrowed. Return: owned by the caller, or NULL. */
struct limits *limits_new(struct pages *pages);

/** limits_free() - with no session left; NULL is allowed. */
void limits_free(struct limits *limits);

/** limits_configure() - take over the limits; sessions that are there may stay. */
void limits_configure(struct limits *limits, const struct config *config);

/**
 * limits_admit() - count one session more for the client of @inside, if it may have it.
 * @from_outside:	it was not the client that opened it.
 * @half_open:		TCP, which has yet to be answered.
 * @out:		FLOW_OK: for limits_leave().
 * Return: FLOW_OK, or which limit forbids it: FLOW_FULL, FLOW_CLIENT_FULL, FLOW_HALF_OPEN,
 * FLOW_CLIENT_HALF_OPEN, FLOW_CLIENT_RATE; FLOW_FULL too where memory is out.
 */
enum flow_result limits_admit(struct limits *limits, const struct in6_addr *inside,
			       bool from_outside, bool half_open, int64_t now_ms,
			       struct client **out);

/** limits_readmit() - the same for a session from before a restart, which was paid for. */
enum flow_result limits_readmit(struct limits *limits, const struct in6_addr *inside,
				struct client **out);

/* What is in use now of what may be, for a client's next session */
struct limits_use {
	uint64_t sessions, sessions_max, half_open, half_open_max;
	uint64_t client_sessions, client_sessions_max, client_half_open, client_half_open_max;
};

/**
 * limits_preview() - what would limits_admit() say? Nothing is counted.
 * Return: as limits_admit(), but that memory may be out then.
 */
enum flow_result limits_preview(struct limits *limits, const struct in6_addr *inside,
				bool from_outside, bool half_open, int64_t now_ms,
				struct limits_use *use);

/** limits_answered() - a session is no longer half open. */
void limits_answered(struct limits *limits, struct client *client);

/** limits_leave() - a session is over. @half_open: it still was. */
void limits_leave(struct limits *limits, struct client *client, bool half_open);

/** limits_top() - see nat64_top_clients(). Each lock is held for a moment at a time. */
void limits_top(struct limits *limits, struct leaders *leaders);

/** limits_sessions() - in all now; limits_clients() - clients that have any. */
uint64_t limits_sessions(const struct limits *limits);
uint64_t limits_clients(const struct limits *limits);

#endif
