/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The guard of the NAT46 prefix. Servers trust its addresses as a name for IPv4 clients, and
 * the host takes all of them for its own, so two things must not be:
 *
 *   a packet from it that comes from outside: nobody but snid sends from there;
 *   a packet to it that begins something here: it would reach whatever listens on "::".
 *
 * To it may come, to be judged by the sockets themselves, what answers a connection of ours:
 * segments of TCP but a SYN alone, and ICMPv6 errors. All else is dropped, fragments too (TCP
 * sends none; but what conntrack has put together is whole by then). The loopback interface
 * is excepted: what the host says to itself.
 *
 * A table of nftables of its own, whichever backend ruleset.h has chosen: it needs nothing
 * that a kernel with either of them may lack. Before conntrack, and before the rules there.
 * Main thread only; needs CAP_NET_ADMIN.
 */
#ifndef OPS_GUARD_H
#define OPS_GUARD_H

#include <stdint.h>
#include <stdio.h>

struct prefix;

/* Packets dropped, since the table was made */
struct guard_counts {
	uint64_t source;
	uint64_t destination;
};

/**
 * guard_install() - guard @nat46 and nothing else. Idempotent, in one transaction; the
 * counters go on.
 * Return: 0, or -errno, the reason having been logged.
 */
int guard_install(const struct prefix *nat46);

/**
 * guard_mend() - does it stand as guard_install() has left it? If not, install it again.
 * Return: 0 it does, or there is to be none; 1 it did not, and does now; -errno, the reason
 * having been logged.
 */
int guard_mend(const struct prefix *nat46);

/**
 * guard_remove() - take the table away, a killed run's too.
 * Return: 0, also where there was none; or -errno, the reason having been logged.
 */
int guard_remove(void);

/** guard_read() - what was dropped so far; zeros, nobody being asked, where we have none. */
void guard_read(struct guard_counts *counts);

/** guard_print() - the nftables commands that guard_install() runs. */
void guard_print(FILE *out, const struct prefix *nat46);

#endif
