/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Port blocks (nat64.log: port-blocks; RFC 6888 REQ-14, RFC 7422): the ports of each pool
 * address in aligned blocks, each of which belongs to one client at a time. So one line
 * in the log when a client gets a block, and one when it is given back, tell who had an
 * address and port at any time.
 *
 * A block is a range of numbers for TCP, UDP and ICMP identifiers at once: a line need not
 * name a transport, and a client has few blocks. A client is the first
 * nat64.limits.client_prefix bits of an inside address; it gets its first block with its
 * first binding, and another one when these are full, so many as its sessions may fill.
 * Within its blocks a port is chosen as ever, by RFC 6056 and parity.
 *
 * A block whose last port is free stays its client's for a while, so that a client that
 * does little does not fill the log, and nobody gets it within a second of its return: the
 * log's times then tell clients apart. Blocks in which bindings from before this mode
 * still are go last; such bindings, and static ones, have log lines of their own
 * (journal_binding()).
 */
#ifndef NAT64_BLOCKS_H
#define NAT64_BLOCKS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ports.h"

enum {
	BLOCK_PORTS = 512,
	BLOCKS = PORT_SPACE / BLOCK_PORTS,	/* of an address */
	BLOCK_HOLD_MS = 5000,		/* unused, and still its client's */
	BLOCK_REST_MS = 1000,		/* given back, and not yet another's */
};

struct blocks;
struct holder;
struct journal;

struct block {
	struct holder *_Atomic holder;	/* NULL: nobody's */
	_Atomic uint32_t used;		/* claims of its holder's, of all transports */
	_Atomic int64_t idle_ms;	/* held, but unused, since; 0: not so */
	_Atomic int64_t freed_ms;	/* when it was given back; 0: never */
	struct block *next;		/* of its holder */
	uint32_t addr_be32;
	uint16_t first;			/* its first port; the first of all is 0 */
	bool usable;			/* has TCP and UDP ports to choose from */
};

/** blocks_new() - Return: owned by the caller, or NULL when out of memory. */
struct blocks *blocks_new(void);

/** blocks_free() - after blocks_end() of every space; NULL is allowed. */
void blocks_free(struct blocks *blocks);

/** blocks_log() - where assignments are recorded; borrowed. NULL: nowhere. */
void blocks_log(struct blocks *blocks, struct journal *journal);

/**
 * blocks_configure() - who counts as one client, and how many blocks it may have; while
 * nobody claims. No block is held, or the prefix is as before.
 */
void blocks_configure(struct blocks *blocks, unsigned int client_prefix, uint32_t max);

/** blocks_space() - the BLOCKS of an address, nobody's. Return: for free(), or NULL. */
struct block *blocks_space(uint32_t addr_be32);

/** blocks_end() - all blocks of a space go back at once; while nobody claims. */
void blocks_end(struct blocks *blocks, struct block *space);

struct block_claim {
	const struct in6_addr *inside;
	uint16_t inside_port;
	uint64_t start;			/* RFC 6056: where to look first */
	struct block *const *spaces;	/* of the pool's addresses */
	size_t n, home;			/* how many; the one for the client's first block */
	/* Take a port of @block from the @rank-th best list (ports_list()); 0: it has none. */
	uint16_t (*take)(void *arg, const struct block *block, unsigned int rank);
	/* Is nothing bound in @block, which nobody holds? */
	bool (*is_empty)(void *arg, const struct block *block);
	void *arg;
};

/**
 * blocks_claim() - a port of one of the client's blocks, old or new.
 * Return: 0 with *@block and *@port; -EDQUOT where the client has all the blocks that it
 * may have, -EADDRNOTAVAIL where no block is free, or -ENOMEM.
 */
int blocks_claim(struct blocks *blocks, const struct block_claim *claim, struct block **block,
		 uint16_t *port);

/**
 * blocks_preview() - which block would blocks_claim() take a port of, nothing being claimed.
 * @claim:	its take() only looks: any number but 0 says that there is a port.
 * Return: 0 with *@block, or what a claim would return.
 */
int blocks_preview(struct blocks *blocks, const struct block_claim *claim, struct block **block);

/** blocks_release() - what @inside has got of @block by a claim is free again. */
void blocks_release(struct blocks *blocks, const struct in6_addr *inside, struct block *block);

/** blocks_sweep() - what has been unused for long enough goes back; one thread at a time. */
void blocks_sweep(struct blocks *blocks, struct block *space, int64_t now_ms);

#endif
