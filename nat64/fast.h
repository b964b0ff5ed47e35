/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The fast path's keeper: loads its program and maps (fastpath.h), gives sessions slots in
 * them, and fastens the program to the interfaces. The maps are pinned (fast_pins.h), so
 * that what goes fast goes on while no process runs, and the next one takes it over.
 *
 * Slots: safe from every worker. The rest: main thread.
 */
#ifndef NAT64_FAST_H
#define NAT64_FAST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fastpath.h"

struct config;
struct fast;
struct flow;
struct nat64_gauges;
struct netinfo_links;

/**
 * fast_open() - load the program, with the maps that an earlier run has left, or with new
 * ones. Needs CAP_BPF and CAP_NET_ADMIN, and is faster with CAP_PERFMON: without, the
 * kernel guards the program against leaks by speculation.
 * @config:	borrowed for the call.
 * @why:	on failure, what cannot be done: for people, static.
 * Return: 0 with *@out, or -errno, *@why saying what failed.
 */
int fast_open(struct fast **out, const struct config *config, const char **why);

/**
 * fast_close() - release everything; NULL is allowed.
 * @keep:	leave program and maps behind, so that what goes fast goes on.
 */
void fast_close(struct fast *fast, bool keep);

/** fast_forget() - take away what an earlier run has left, where there is to be none. */
void fast_forget(void);

/** fast_sweep() - see nat64_sweep(). */
int fast_sweep(void);

/** fast_configure() - take over what packets need of a configuration. */
void fast_configure(struct fast *fast, const struct config *config);

/** fast_links() - where IPv4 goes, and how large a packet may be. */
void fast_links(struct fast *fast, const struct netinfo_links *links);

/**
 * fast_pause() - are there policies, of IPsec or routing, that the program cannot follow? Then
 * nothing goes fast, and the log says so. Safe from any thread.
 */
void fast_pause(struct fast *fast, bool policies);

/** fast_ids() - the identification counters that the program counts on; borrowed. */
struct ipid_shared *fast_ids(struct fast *fast);

/**
 * fast_add() - give a session a slot and let its packets go fast.
 * @life:	FAST_LIFE() as it is.
 * Return: the slot; 0 where there is none now (all in use, or memory is out).
 */
uint32_t fast_add(struct fast *fast, const struct flow *flow, uint64_t life);

/** fast_remove() - from now on its packets come to the slow path. */
void fast_remove(struct fast *fast, uint32_t slot);

/** fast_session() - what a slot in use holds; life changes under the reader's hands. */
struct fast_session *fast_session(const struct fast *fast, uint32_t slot);

/**
 * fast_inherited() - go through the slots that were in use when the maps were opened.
 * @keep:	called for each. Return: whether it stays in use; if not it is removed.
 */
void fast_inherited(struct fast *fast, bool (*keep)(void *arg, uint32_t slot), void *arg);

/** fast_in_use() - slots in use now; fast_memory_bytes() - what the maps hold, about. */
uint32_t fast_in_use(const struct fast *fast);
uint64_t fast_memory_bytes(const struct fast *fast);

/** fast_gauges() - fill in what nat64_gauges() tells of the fast path. */
void fast_gauges(const struct fast *fast, struct nat64_gauges *out);

/**
 * fast_attach() - fasten the program to these interfaces, and to no others.
 * Idempotent; an interface that cannot have it is logged, and its packets go slowly.
 */
void fast_attach(struct fast *fast, const unsigned int *ifindexes, size_t n);

/** fast_mend() - as fast_attach_mend(). */
unsigned int fast_mend(struct fast *fast, char *names, size_t size);

/** fast_interfaces() - how many interfaces have it now. */
unsigned int fast_interfaces(const struct fast *fast);

#endif
