/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Hear what others do to the host: to its links, addresses and routes, to what hangs on
 * interfaces, and to the packet filter, by whichever tool (iptables-nft makes nftables too).
 *
 * Main thread. Hearing of the packet filter needs CAP_NET_ADMIN when the watch is made.
 */
#ifndef OPS_NETWATCH_H
#define OPS_NETWATCH_H

struct event_base;
struct netwatch;

/* What may have changed; a mask */
enum {
	NETWATCH_NETWORK = 1 << 0,	/* links, addresses, routes, of both families */
	NETWATCH_QDISCS = 1 << 1,	/* a qdisc or a filter of an interface has gone */
	NETWATCH_RULES = 1 << 2,	/* tables of nftables that have rules of ours */
};

/**
 * netwatch_new() - begin to listen; what happens from now on will be told.
 * @base:	the main thread's loop.
 * @heard:	called at once, and once for what comes together; with all that may have been
 *		meant when messages were lost to a full socket buffer. Own changes are heard
 *		too: look what is there, and compare.
 * @arg:	given to @heard.
 * Return: the watch, released with netwatch_free(), or NULL, the reason logged. A kernel
 * without nftables is no reason.
 */
struct netwatch *netwatch_new(struct event_base *base, void (*heard)(void *arg, unsigned int what),
			      void *arg);

/** netwatch_free() - before the base is freed; NULL is allowed. */
void netwatch_free(struct netwatch *watch);

#endif
