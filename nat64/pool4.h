/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pool4: the IPv4 addresses and ports that NAT64 may use, and who uses them. Static
 * bindings (statics.h) stand here too, at addresses and ports that need not be the
 * pool's own.
 *
 * A port is like the inside one in range and parity while there is such a free one (RFC
 * 4787 REQ-3 a, REQ-4; RFC 6146 3.5.1.1, 3.5.2.3, 3.5.3.1), and chosen as RFC 6056 3.3.4
 * (algorithm 4, double hash) says. RFC 7857 9 lets parity go for more randomness: half of
 * the ports are random enough, and the old media programs that parity is for break hard.
 * Port 0 is never given out.
 *
 * All bindings of one inside address share one pool address (pairs.h). Where that has no
 * port any more, another one serves: a flow that works is worth more than one that is
 * refused, and pairing is what the RFCs say a NAT SHOULD do.
 *
 * Claim, look-up and release take no lock but their client's own where port blocks are
 * logged (blocks.h): a slot is one atomic pointer. A claim is
 * bounded work: what is full is known from a count, and a list of ports is searched
 * sixty-four at a time. It asks the kernel whether a socket of the host is there, which
 * opens and closes one.
 */
#ifndef NAT64_POOL4_H
#define NAT64_POOL4_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../core/config.h"
#include "packet.h"

struct addrmap;
struct hostports;
struct journal;
struct pool4;
struct statics;

/** pool4_new() - an empty pool. Return: the pool, owned by the caller, or NULL. */
struct pool4 *pool4_new(void);

/** pool4_free() - NULL is allowed; owners are not touched. Port blocks go back. */
void pool4_free(struct pool4 *pool);

/** pool4_log() - where port blocks are recorded (blocks.h); borrowed. NULL: nowhere. */
void pool4_log(struct pool4 *pool, struct journal *journal);

/** pool4_sweep() - give back port blocks that are unused; one thread at a time. */
void pool4_sweep(struct pool4 *pool, int64_t now_ms);

/* The addresses and ports of a configuration, not yet in force */
struct pool4_plan;

/**
 * pool4_plan() - work out what the pool would be. The pool itself goes on as it is.
 * @host:	ports that the host itself uses, or may come to use.
 * @statics:	their addresses are there too, and their ports are not chosen; or NULL.
 * Return: 0 with *@out, for pool4_commit() or pool4_plan_free(); -EINVAL where
 * configured ports belong to the host (logged, with what to do), or -ENOMEM.
 */
int pool4_plan(const struct pool4 *pool, const struct config *config, const struct addrmap *map,
	       const struct hostports *host, const struct statics *statics,
	       struct pool4_plan **out);

/**
 * pool4_commit() - put a plan in force, while nobody else uses the pool.
 * @plan:	taken.
 *
 * An address that stays keeps its slots: ports in use stay in use, even where they
 * are no longer to be chosen. Slots of addresses that are gone are forgotten, so
 * the caller removes their owners before (pool4_keeps()).
 */
void pool4_commit(struct pool4 *pool, struct pool4_plan *plan);

/** pool4_plan_free() - forget a plan of @pool; NULL is allowed. */
void pool4_plan_free(const struct pool4 *pool, struct pool4_plan *plan);

/** pool4_keeps() - would an address still give out ports under this configuration? */
bool pool4_keeps(const struct config *config, const struct addrmap *map, uint32_t addr_be32);

/* An address and port that somebody has */
struct pool4_claim {
	uint32_t addr_be32;
	uint16_t port;		/* host byte order, or ICMP identifier */
	bool paired;		/* counted in pairs.h */
	bool blocked;		/* in a block of its client's (blocks.h), until a commit begins
				 * these anew (bib_leave_blocks()) or pool4_leave_block() */
	bool fixed;		/* by pool4_reserve() */
};

/**
 * pool4_claim() - choose a free address and port and set it aside.
 * @inside, @inside_port:	who it is for (port or ICMP identifier, host order).
 * Return: 0 with *@out, or -EADDRNOTAVAIL after a bounded search (counted, and logged
 * with what to do).
 */
int pool4_claim(struct pool4 *pool, enum l4_proto l4, const struct in6_addr *inside,
		uint16_t inside_port, struct pool4_claim *out);

/**
 * pool4_claim_this() - set this address and port aside, which somebody has had before a
 * restart, whether or not it may still be chosen.
 * Return: 0 with *@out; -EBUSY where somebody has it, -ENOENT where the address is not there.
 */
int pool4_claim_this(struct pool4 *pool, enum l4_proto l4, uint32_t addr_be32, uint16_t port,
		     struct pool4_claim *out);

/**
 * pool4_reserve() - set this address and port aside for @owner, published at once;
 * while nobody else uses the pool. What @owner has claimed there becomes so.
 * Return: 0; -EBUSY where somebody else has it, -ENOENT where the address is not there.
 */
int pool4_reserve(struct pool4 *pool, enum l4_proto l4, uint32_t addr_be32, uint16_t port,
		  void *owner);

/** pool4_offers() - may this address and port be given out, or is it the host's? */
bool pool4_offers(const struct pool4 *pool, enum l4_proto l4, uint32_t addr_be32, uint16_t port);

/* What a claim would find */
struct pool4_offer {
	uint32_t addr_be32;
	unsigned int size, free;	/* ports of the address and transport; those nobody has */
	uint16_t first, last;		/* only of these: the client's block; 0: of all */
	bool no_more_blocks;		/* none, since the client has all that it may */
};

/**
 * pool4_preview() - which address would pool4_claim() take, nothing being claimed. The
 * host is not asked for each port, so some of the free ones may turn out to be its own.
 * Return: false where it would find none.
 */
bool pool4_preview(const struct pool4 *pool, enum l4_proto l4, const struct in6_addr *inside,
		   uint16_t inside_port, struct pool4_offer *out);

/** pool4_publish() - from now on pool4_owner() finds @owner at what was claimed. */
void pool4_publish(struct pool4 *pool, enum l4_proto l4, const struct pool4_claim *claim,
		   void *owner);

/** pool4_owner() - who has this address and port: a published owner, or NULL. */
void *pool4_owner(const struct pool4 *pool, enum l4_proto l4, uint32_t addr_be32, uint16_t port);

/** pool4_release() - free an address and port; @inside as it was given to the claim. */
void pool4_release(struct pool4 *pool, enum l4_proto l4, const struct in6_addr *inside,
		   const struct pool4_claim *claim);

/** pool4_leave_block() - what was claimed is no longer in a block; it stays claimed. */
void pool4_leave_block(struct pool4 *pool, const struct in6_addr *inside, uint32_t addr_be32,
		       uint16_t port);

/** pool4_count() - how many addresses; pool4_address() - the i-th, network order. */
size_t pool4_count(const struct pool4 *pool);
uint32_t pool4_address(const struct pool4 *pool, size_t i);

/**
 * pool4_ranges() - the ports of address @i as sorted ranges: those to choose from
 * and those still in use.
 * @out:	allocated, freed by the caller. Return: 0 or -ENOMEM.
 */
int pool4_ranges(const struct pool4 *pool, size_t i, enum l4_proto l4,
		 struct port_range **out, size_t *n);

/* Of one transport of a pool address */
struct pool4_use {
	uint64_t size;		/* ports to choose from */
	uint64_t used;		/* of these */
};

/** pool4_use() - of address @i; all 0 where it is there for static bindings alone. */
struct pool4_use pool4_use(const struct pool4 *pool, size_t i, enum l4_proto l4);

/** pool4_size() - ports to choose from, all addresses and transports. */
uint64_t pool4_size(const struct pool4 *pool);

/** pool4_used() - ports claimed, those too that are no longer to be chosen. */
uint64_t pool4_used(const struct pool4 *pool);

#endif
