/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which pool4 address an inside address uses: "paired" pooling, RFC 4787 REQ-2, as RFC
 * 6146 3.5.1.1 has it: while one of its bindings is there, the next one shall have the
 * same address, in all three BIBs.
 *
 * Each inside address has a home by its hash. Where the home had no port, it went
 * elsewhere, and stays there while it has bindings, although the home may have ports
 * again. That is what is remembered here: a table of fixed size, one cell for a hash. Two
 * inside addresses that meet in a cell: the second is not remembered, and is as good as
 * without this table. No locks.
 */
#ifndef NAT64_PAIRS_H
#define NAT64_PAIRS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pairs;

/** pairs_new() - nobody is paired. Return: NULL when out of memory. */
struct pairs *pairs_new(void);

/** pairs_free() - NULL is allowed. */
void pairs_free(struct pairs *pairs);

/**
 * pairs_find() - the number of the pool4 address of the bindings that are there.
 * @hash:	of the inside address.
 * Return: false where none is known.
 */
bool pairs_find(const struct pairs *pairs, uint64_t hash, size_t *address);

/**
 * pairs_add() - one more binding with this pool4 address.
 * Return: was it counted? If so, pairs_drop() goes with it when the binding ends.
 */
bool pairs_add(struct pairs *pairs, uint64_t hash, size_t address);
void pairs_drop(struct pairs *pairs, uint64_t hash);

/**
 * pairs_renumber() - pool4's addresses have other numbers; while nobody else looks.
 * @number:	the new one of each old one; SIZE_MAX: it is gone, and its bindings.
 */
void pairs_renumber(struct pairs *pairs, const size_t *number, size_t n);

#endif
