/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the two halves of the fast path share: the program in the kernel (fastpath.bpf.c)
 * and its keeper (fast.c). Plain C with fixed sizes, for both compilers.
 *
 * Truth has one place. A session that goes fast has a slot in an array that the kernel and
 * this process see alike (it is mapped): what its packets change, life and state, is there
 * and nowhere else while it has the slot. Two hash tables lead a packet to its slot, one a
 * direction; only this process writes these.
 *
 * The maps are pinned and outlive the process. FASTPATH_LAYOUT says how to read them: it
 * changes with every change of this file that is not a comment.
 */
#ifndef NAT64_FASTPATH_H
#define NAT64_FASTPATH_H

#include <linux/types.h>

#include "ipid_shared.h"

#define FASTPATH_LAYOUT 3

/* Both look-ups: addresses as bytes, ports and IPv4 addresses in network byte order */
struct fast_key_out {
	__u8 inside[16], remote6[16];
	__be16 inside_port, remote_port;
	__u8 proto;			/* IPPROTO_TCP or IPPROTO_UDP; or IPPROTO_ICMP, for an
					 * echo, in both families: its identifier stands for the
					 * near port, and the remote one is 0 */
	__u8 zero[3];
};

struct fast_key_in {
	__be32 outside, remote;
	__be16 outside_port, remote_port;
	__u8 proto;
	__u8 zero[3];
};

/*
 * Life in one word, so that it changes at once: when it began (milliseconds of
 * CLOCK_MONOTONIC), and for TCP what it is to last (enum tcp_lifetime) and the state
 * (enum tcp_state); 0 in both for UDP and ICMP.
 */
#define FAST_LIFE(ms, lifetime, state) \
	((__u64)(ms) << 16 | (__u64)(lifetime) << 8 | (__u64)(state))
#define FAST_LIFE_MS(life) ((__u64)(life) >> 16)
#define FAST_LIFE_LIFETIME(life) ((__u64)(life) >> 8 & 0xff)
#define FAST_LIFE_STATE(life) ((__u64)(life) & 0xff)

struct fast_session {
	__u64 life;
	__u8 inside[16], remote6[16];
	__be32 outside, remote;
	__be16 inside_port, outside_port, remote_port;
	__u8 proto;
	__u8 in_use;			/* what follows a restart's adoption; BPF never looks */
};

#define FAST_ELSEWHERE_MAX 16

enum fast_lifetime {
	FAST_LIFETIME_UDP, FAST_LIFETIME_ICMP, FAST_LIFETIME_EST, FAST_LIFETIME_TRANS,
	FAST_LIFETIME_COUNT
};

/* What all packets need to know; one element, mapped as well */
struct fast_config {
	__u32 layout;			/* FASTPATH_LAYOUT */
	__u32 sessions;			/* slots */
	/* Where to send, if this host forwards no IPv4 and so answers no such look-up */
	__u32 uplink_ifindex, uplink_mtu;
	/* ... but for what leaves by another way */
	struct {
		__be32 net, mask;
	} elsewhere[FAST_ELSEWHERE_MAX];
	__u32 n_elsewhere;
	__u32 lifetime_ms[FAST_LIFETIME_COUNT];	/* what is older is not for us to revive */
	__u32 lowest_mtu4, lowest_mtu6;	/* that routes set; 0: none does */
	__u32 lowest_ipv6_mtu;
	__u32 mark;
	__u32 paused;			/* policies are there, which a redirect would pass by */
	struct ipid_shared ids;
};

/* Counters, one set a processor */
enum fast_stat {
	/* Translated: packets, each segment counted, and bytes as they came, from the IP
	 * header on */
	FAST_STAT_OUT, FAST_STAT_OUT_BYTES,
	FAST_STAT_IN, FAST_STAT_IN_BYTES,
	FAST_STAT_HANDED_OVER,			/* of a known session, but not for us */
	FAST_STAT_COUNT
};

#endif
