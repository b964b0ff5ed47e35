/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How a packet's life ends early: counted, and kept for people who look (core/recent.h). */
#ifndef NAT64_DROP_H
#define NAT64_DROP_H

#include "../core/stats.h"
#include "worker.h"

struct packet;

/**
 * drop() - this packet goes no further.
 * @packet:	as packet_parse() has read it.
 * @reason:	one of gate64_nat64_drops_total.
 * Return: VERDICT_TAKEN.
 */
enum verdict drop(const struct worker *worker, const struct packet *packet, enum stat reason);

/** drop_unread() - the same of one that is malformed: nobody knows whose it was. */
enum verdict drop_unread(void);

#endif
