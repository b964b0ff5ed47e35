/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The Explicit Address Mapping Table of RFC 7757 3.1: pairs of an IPv4 and an IPv6
 * prefix, looked up either way by the longest match. Immutable; a look-up costs one
 * binary search for each length of prefix in the table.
 */
#ifndef CORE_EAMT_H
#define CORE_EAMT_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct eam;
struct eamt;

/**
 * eamt_new() - a table of @n mappings.
 * @eams:	copied.
 * Return: owned by the caller (eamt_free()), or NULL when out of memory.
 */
struct eamt *eamt_new(const struct eam *eams, size_t n);

/** eamt_free() - NULL is allowed. */
void eamt_free(struct eamt *table);

/** eamt_equal() - the same mappings, in whatever order they were given? */
bool eamt_equal(const struct eamt *a, const struct eamt *b);

/**
 * eamt_to6() - RFC 7757 3.3.1: the IPv6 address of an IPv4 address (network order):
 * the bits behind the IPv4 prefix follow the IPv6 prefix, and zeros follow these.
 * Return: false, and @v6 untouched, where there is no mapping.
 */
bool eamt_to6(const struct eamt *table, uint32_t v4_be32, struct in6_addr *v6);

/**
 * eamt_to4() - RFC 7757 3.3.2: the IPv4 address (network order) of an IPv6 address.
 * Bits beyond those that an IPv4 address has room for are ignored.
 * Return: false, and @v4_be32 untouched, where there is no mapping.
 */
bool eamt_to4(const struct eamt *table, const struct in6_addr *v6, uint32_t *v4_be32);

#endif
