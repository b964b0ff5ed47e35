/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The flow log (nat64.log): who had which outside address and port, and when, as JSON
 * lines (RFC 6888 REQ-12, RFC 7422, RFC 8158).
 *
 *	bindings	each binding: its begin and its end
 *	sessions	each session, with the remote host
 *	port-blocks	each block of ports that a client gets and gives back; and each binding
 *			that is in none (static, or from before this mode)
 *
 * A line says "natEvent" by its number in RFC 8158 5.2, and otherwise:
 *
 *	time		RFC 3339, UTC; observationTimeMilliseconds
 *	event		natEvent in words
 *	proto		protocolIdentifier
 *	inside		sourceIPv6Address; inside_port sourceTransportPort
 *	outside		postNATSourceIPv4Address; outside_port postNAPTSourceTransportPort
 *	remote6		destinationIPv6Address
 *	remote		postNATDestinationIPv4Address; remote_port destinationTransportPort
 *	client		the prefix that shares a block; first_port portRangeStart,
 *			last_port portRangeEnd
 *
 * For ICMP the ports are identifiers; a session of it has no remote_port. Destinations are
 * not logged but in mode sessions (RFC 6888 REQ-12 B).
 *
 * Whoever records waits for nobody: a record goes into a ring, from which a thread of
 * its own writes to stderr as long as that takes lines. A full ring loses the record and
 * counts it. Only a change of all at once (a reload, the end) has patience, and that is
 * bounded.
 */
#ifndef NAT64_JOURNAL_H
#define NAT64_JOURNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "../core/addr.h"
#include "../core/config.h"
#include "flow.h"

struct bib;
struct journal;

/** journal_new() - nothing is logged yet. Return: owned by the caller, or NULL. */
struct journal *journal_new(void);

/** journal_start() - start the thread that writes. @enter: see loop_start(). */
int journal_start(struct journal *journal, int (*enter)(void));

/** journal_mode() - from now on record this; safe at any time. */
void journal_mode(struct journal *journal, enum config_flow_log mode);

/**
 * journal_patience() - a change of many begins, or is over: meanwhile who records waits,
 * where the ring is full, for stderr to take lines: a second in all, and less where it
 * takes none. While nobody else records.
 */
void journal_patience(struct journal *journal, bool on);

/** journal_free() - write what stderr takes, with the same patience, and end; or NULL. */
void journal_free(struct journal *journal);

/* What happened. Every thread may call these; a NULL journal records nothing, and so does
 * one whose mode is another. Values are copied. */

/** journal_binding() - a binding begins or ends. */
void journal_binding(struct journal *journal, bool begins, const struct bib *bib);

/** journal_session() - a session begins or ends. */
void journal_session(struct journal *journal, bool begins, const struct flow *flow);

/**
 * journal_block() - a client gets or gives back a block of ports.
 * @first, @last:	of the block, host byte order.
 */
void journal_block(struct journal *journal, bool begins, const struct prefix *client,
		   uint32_t outside_be32, uint16_t first, uint16_t last);

#endif
