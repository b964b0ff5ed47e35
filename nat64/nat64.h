/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The NAT64 room: stateful translation (RFC 6146) of what netfilter queues to us.
 *
 * Life: nat64_new() while privileged, on the main thread; then the host's rules
 * are made from nat64_intercept(); nat64_start() once privileges are dropped;
 * nat64_reconfigure() at will; nat64_free().
 */
#ifndef NAT64_NAT64_H
#define NAT64_NAT64_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../core/addr.h"
#include "../core/config.h"

struct addrmap;
struct leaders;
struct nat64;

/* Numbers of the queues we ask for: one per worker, from here up. */
#define NAT64_QUEUE_FIRST 6400u
/* Packets sent by the translator carry this mark, so that rules can tell them. */
#define NAT64_MARK 0x67363400u

/* Ports, or ICMP identifiers, of a pool4 address */
struct nat64_ports {
	uint64_t used, size;		/* in use, and to choose from */
};

/* Addresses and ports of the IPv4 side that the rules must bring to us */
struct nat64_pool {
	uint32_t addr_be32;
	struct port_range *tcp, *udp;	/* sorted, disjoint; owned by the intercept */
	size_t n_tcp, n_udp;
	/* By enum config_proto. Never to be added up: each runs out by itself, and identifiers
	 * of ICMP, which are many and hardly used, would hide it. */
	struct nat64_ports ports[CONFIG_ICMP + 1];
};

/* What the host's rules must bring to the queues */
struct nat64_intercept {
	const struct prefix_list *pref64;	/* borrowed: IPv6 packets to these, also those
						 * that the host itself sends */
	const struct prefix_list *eam4;		/* borrowed: all IPv4 packets to these */
	struct nat64_pool *pool;		/* IPv4 packets to these; all ICMP and
						 * all fragments to the address too */
	size_t n_pool;
	unsigned int queue_first, queue_count;
};

/* For status and metrics */
struct nat64_gauges {
	uint64_t sessions, bindings;		/* in use now */
	uint64_t sessions_max;
	uint64_t sessions_by[CONFIG_ICMP + 1];	/* by enum config_proto */
	uint64_t clients;			/* that have a session */
	uint64_t stored_syns, stored_syns_max;	/* that wait for the other side's */
	uint64_t memory_bytes;			/* of the flow table */
	uint64_t ports_used, ports_size;	/* TCP, UDP and ICMP added up */
	/* The fast path */
	const char *slow_because;		/* why there is none, static; NULL: there is one */
	uint64_t fast_sessions, fast_interfaces;
	uint64_t fast_packets_out, fast_bytes_out, fast_packets_in, fast_bytes_in;
	uint64_t fast_handed_over;		/* packets of its sessions that went slowly */
};

/**
 * nat64_prepare() - what needs the privilege to write below /sys/fs/bpf; once, before
 * privileges are dropped.
 */
void nat64_prepare(const struct config *config);

/**
 * nat64_new() - allocate, open sockets and queues. Needs CAP_NET_ADMIN, CAP_NET_RAW; for
 * the fast path CAP_BPF and CAP_PERFMON.
 * @config, @map:	borrowed until nat64_reconfigure() replaced them or nat64_free().
 * Return: 0 with *@out, or -errno, the reason having been logged.
 */
int nat64_new(struct nat64 **out, const struct config *config, const struct addrmap *map);

/**
 * nat64_start() - start the workers, and the thread that writes the flow log.
 * @enter, @enter_log:	run first in each thread, see loop_start(); who writes the log
 *			needs no privilege.
 * Return: 0 or -errno.
 */
int nat64_start(struct nat64 *nat64, int (*enter)(void), int (*enter_log)(void));

/**
 * nat64_reconfigure() - go over to a new configuration and map (main thread).
 * The workers pause for it; flows live on unless their pool4 address is gone.
 * Return: 0, and the old ones are no longer used; or -errno, and nothing changed.
 */
int nat64_reconfigure(struct nat64 *nat64, const struct config *config,
		      const struct addrmap *map);

/**
 * nat64_intercept() - what must be queued to us now.
 * @out:	released with nat64_intercept_free(); valid until the next
 *		nat64_reconfigure().
 * Return: 0 or -ENOMEM. Without any pool4 address (the uplink has none yet) the
 * IPv6 side is intercepted all the same: clients are told that nothing can be reached.
 */
int nat64_intercept(const struct nat64 *nat64, struct nat64_intercept *out);

/**
 * nat64_pools() - likewise, but that the pool's addresses have no ranges of ports: to find
 * these takes a look at each port.
 */
int nat64_pools(const struct nat64 *nat64, struct nat64_intercept *out);
void nat64_intercept_free(struct nat64_intercept *intercept);

/**
 * nat64_mend() - fasten the fast path again to interfaces that others have taken it from.
 * @names:	gets their names, for people.
 * Return: how many they are.
 */
unsigned int nat64_mend(struct nat64 *nat64, char *names, size_t size);

/** nat64_gauges() - what is in use now; main thread. */
void nat64_gauges(struct nat64 *nat64, struct nat64_gauges *out);

/* Which rows of a listing are wanted: those that fit all that is given */
struct nat64_filter {
	bool proto_given;
	enum config_proto proto;
	struct prefix prefix;	/* holds an address of the row; length 0: any */
	uint16_t port;		/* a port, or ICMP identifier, of the row; 0: any */
	const char *state;	/* from nat64_state(); NULL: any */
};

/** nat64_state() - a TCP state by its name ("established"), static; NULL: none such. */
const char *nat64_state(const char *text);

/* One session; for ICMP a port is the identifier, and the remote has none */
struct nat64_flow {
	enum config_proto proto;
	const char *state;	/* TCP; else NULL */
	bool fast;		/* the kernel translates its packets */
	struct endpoint inside, outside, remote;
	int64_t expires_ms;	/* from now on, where no packet comes */
};

struct nat64_binding {
	enum config_proto proto;
	struct endpoint inside, outside;
	uint32_t sessions;	/* that use it now */
	bool is_static;		/* from nat64.static */
};

/**
 * nat64_flows(), nat64_bindings() - a page of what is in use now; main thread, while
 * the workers run.
 * @cursor:	0 for the first page, then as the call before has left it; 0 again after
 *		the last one. A row that is there all the while is on one page.
 * @max:	at least 1: rows looked at, about; how many fit may be none.
 * @rows, @n:	allocated, freed by the caller.
 * Return: 0 or -ENOMEM.
 */
int nat64_flows(struct nat64 *nat64, const struct nat64_filter *filter, uint64_t *cursor,
		unsigned int max, struct nat64_flow **rows, size_t *n);
int nat64_bindings(struct nat64 *nat64, const struct nat64_filter *filter, uint64_t *cursor,
		   unsigned int max, struct nat64_binding **rows, size_t *n);

/**
 * nat64_top_clients() - who (limits.client_prefix) has most sessions, some of them half open;
 * main thread, while the workers run. Of very many clients not all are looked at,
 * and then the list is no longer complete.
 * @leaders:	added to.
 */
void nat64_top_clients(struct nat64 *nat64, struct leaders *leaders);

/* A packet that might come, TCP being a SYN */
struct nat64_question {
	enum config_proto proto;
	struct endpoint to;	/* either family; port 0: one is assumed. ICMP: the identifier */
	struct endpoint from;	/* unspecified address: a sender is invented */
};

enum nat64_outcome {
	NAT64_TRANSLATED,
	NAT64_REFUSED,		/* dropped, and the sender is told */
	NAT64_DROPPED,		/* nobody is told */
	NAT64_NOT_OURS,		/* it goes where it would go without NAT64 */
};

/* One decision on its way, in words */
struct nat64_step {
	char text[224];
	const char *by;		/* the setting or the RFC's clause that decides; static */
	bool stops;		/* here its way ends */
};

enum { NAT64_STEPS_MAX = 24 };

struct nat64_trace {
	struct nat64_step steps[NAT64_STEPS_MAX];
	unsigned int n_steps;
	enum nat64_outcome outcome;
	char verdict[320];	/* one line */
};

/**
 * nat64_trace() - what would happen to a packet now, decision by decision; nothing is
 * sent, made or renewed. Main thread, while the workers run.
 * Return: 0 or -errno, where descriptors or memory are out.
 */
int nat64_trace(struct nat64 *nat64, const struct nat64_question *question,
		struct nat64_trace *out);

/** nat64_forget() - take away what an earlier run has left, where NAT64 is off. */
void nat64_forget(void);

/**
 * nat64_sweep() - of a command, as root, when the gateway has ended for good: take away all
 * that it has left in the kernel (nat64.keep_flows), whereupon nothing is translated.
 * Return: 0; -EBUSY: a gate64 runs, whose that is; another -errno.
 */
int nat64_sweep(void);

/** nat64_leave_nothing() - end without nat64.keep_flows, whatever it says. */
void nat64_leave_nothing(struct nat64 *nat64);

/** nat64_free() - stop the workers, forget all flows but what is kept; NULL is allowed. */
void nat64_free(struct nat64 *nat64);

#endif
