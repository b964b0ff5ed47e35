/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The Binding Information Bases of RFC 6146 3.1 in process memory: which outside
 * address and port stands for an inside one. Part of flow_mem; safe from every worker.
 */
#ifndef NAT64_BIB_H
#define NAT64_BIB_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "flow.h"
#include "hash.h"

struct bib_table;
struct journal;
struct pages;
struct statics;

/* One binding; it does not change while a session refers to it. */
struct bib {
	struct hash_node node;
	struct in6_addr inside;
	uint32_t outside_be32;
	uint16_t inside_port, outside_port;	/* host byte order */
	uint8_t l4;			/* enum l4_proto */
	bool is_static;			/* of nat64.static: there without a session too, and
					 * open to everybody whatever nat64.filtering says */
	bool paired, blocked;		/* as pool4_claim() said */
	_Atomic uint32_t sessions;	/* that refer to it; a static one's configuration too */
};

/** bib_table_new() - an empty table; both are borrowed. Return: NULL when out of memory. */
struct bib_table *bib_table_new(struct pool4 *pool, struct pages *pages);

/** bib_table_log() - tell @journal (borrowed) of bindings from now on; while nobody works. */
void bib_table_log(struct bib_table *table, struct journal *journal);

/** bib_table_free() - of a table without bindings; NULL is allowed. */
void bib_table_free(struct bib_table *table);

/**
 * bib_take_inside() - the binding of an outbound packet; one more session refers to it.
 * @may_create:	make it where there is none.
 * Return: FLOW_OK with *@out; FLOW_NONE, FLOW_NO_PORT, or FLOW_FULL when out of memory.
 */
enum flow_result bib_take_inside(struct bib_table *table, const struct flow_packet *p,
				 bool may_create, struct bib **out);

/** bib_take_outside() - that of an inbound packet. Return: FLOW_OK or FLOW_NONE. */
enum flow_result bib_take_outside(struct bib_table *table, const struct flow_packet *p,
				  struct bib **out);

/**
 * bib_remake() - as bib_take_inside(), but that a binding is made with just this outside
 * port, of @p->outside_be32: one from before a restart.
 * Return: FLOW_OK; FLOW_NO_PORT where somebody else has it, or where the inside has
 * another one; FLOW_FULL when out of memory.
 */
enum flow_result bib_remake(struct bib_table *table, const struct flow_packet *p,
			    uint16_t outside_port, struct bib **out);

/** bib_put() - one session less; the last one takes the binding with it. */
void bib_put(struct bib_table *table, struct bib *bib);

/** bib_has_outside() - is the outside address and port of an inbound packet bound? */
bool bib_has_outside(const struct bib_table *table, const struct flow_packet *p);

/** bib_outside_is_static() - is it bound by nat64.static? */
bool bib_outside_is_static(struct bib_table *table, const struct flow_packet *p);

/**
 * bib_end_statics() - those of @in_force that @next has not (NULL: none) are bindings
 * no more; their sessions have ended. While no worker runs, as the two below.
 */
void bib_end_statics(struct bib_table *table, const struct statics *in_force,
		     const struct statics *next);

/**
 * bib_tell_displaced() - log which dynamic bindings stand where @next wants static ones;
 * the caller ends their sessions.
 */
void bib_tell_displaced(struct bib_table *table, const struct statics *next);

/**
 * bib_add_statics() - make the bindings of a set that are not there yet; pool4 has their
 * addresses. One that a dynamic binding has made already just stays from now on.
 * What cannot be made (memory is out) is logged and left out.
 */
void bib_add_statics(struct bib_table *table, const struct statics *statics);

/* A copy of one binding */
struct bib_view {
	enum l4_proto l4;
	struct in6_addr inside;
	uint32_t outside_be32;
	uint16_t inside_port, outside_port;	/* host byte order; ICMP: the identifier */
	uint32_t sessions;			/* that use it now */
	bool is_static;
};

/**
 * bib_page() - call @fn with a copy of each binding, some at a time.
 * @cursor:	0 first, then what the call before returned.
 * @max:	at least 1: bindings and empty buckets looked at, and at most one bucket's
 *		chain more.
 *
 * A stripe is locked while @fn sees it: @fn only copies. A binding that is there the
 * whole time is seen once; others may be.
 * Return: where the next page begins, or 0 after the last one.
 */
uint64_t bib_page(struct bib_table *table, uint64_t cursor, unsigned int max,
		  void (*fn)(void *arg, const struct bib_view *view), void *arg);

/**
 * bib_leave_blocks() - port blocks begin anew (blocks.h): what is bound now is in none,
 * and is logged by itself. While nobody else uses the table.
 */
void bib_leave_blocks(struct bib_table *table);

/** bib_count() - bindings now. */
uint64_t bib_count(const struct bib_table *table);

#endif
