/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Addresses, endpoints and prefixes of both families in one type.
 *
 * An IPv4 address is held IPv4-mapped (::ffff:a.b.c.d, RFC 4291 2.5.5.2) in a
 * struct in6_addr; an IPv4 prefix of length n is a prefix of length 96 + n.
 * Addresses are in network byte order, ports in host byte order.
 */
#ifndef CORE_ADDR_H
#define CORE_ADDR_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

enum {
	ADDR_STRLEN = 46,	/* any address as text, NUL included */
	PREFIX_STRLEN = 50,	/* address "/" length */
	ENDPOINT_STRLEN = 56,	/* "[" address "]:" port */
};

struct endpoint {
	struct in6_addr addr;
	uint16_t port;		/* host byte order; 0 = none given */
};

struct prefix {
	struct in6_addr addr;	/* bits beyond len are zero */
	uint8_t len;		/* 0..128; an IPv4 prefix has 96 + its own */
};

struct prefix_list {
	struct prefix *v;	/* owned; freed by prefix_list_free() */
	size_t n;
};

/** addr_from_v4() - the mapped form of an IPv4 address (network byte order). */
struct in6_addr addr_from_v4(uint32_t v4_be32);

/** addr_is_v4() - is this an IPv4 address (mapped form)? */
bool addr_is_v4(const struct in6_addr *addr);

/** addr_v4_be32() - the IPv4 address in a mapped one, network byte order. */
uint32_t addr_v4_be32(const struct in6_addr *addr);

/** addr_equal() - same address? */
bool addr_equal(const struct in6_addr *a, const struct in6_addr *b);

/**
 * addr_client() - what counts as one client, where clients have limits: an IPv6 /64 (a host
 * may choose its address there at will), or an IPv4 address.
 * Return: a number that stands for it, the same for all addresses of it.
 */
uint64_t addr_client(const struct in6_addr *addr);

/** addr_client_prefix() - whom the number stands for. */
struct prefix addr_client_prefix(uint64_t client);

/**
 * addr_parse() - read a literal address of either family; no names, no brackets.
 * Return: true, or false with @addr untouched.
 */
bool addr_parse(const char *text, struct in6_addr *addr);

/**
 * addr_format() - RFC 5952 text (IPv4 as dotted quad).
 * @text:	at least ADDR_STRLEN bytes.
 * Return: @text.
 */
const char *addr_format(const struct in6_addr *addr, char *text);

/**
 * endpoint_parse() - read "addr", "addr:port" (IPv4), "[addr]:port" or a bare
 * IPv6 address.
 * @default_port:	host byte order, used where the text names none.
 * Return: true, or false with @ep untouched.
 */
bool endpoint_parse(const char *text, uint16_t default_port, struct endpoint *ep);

/** endpoint_format() - "a.b.c.d:port" or "[v6]:port"; @text holds ENDPOINT_STRLEN. */
const char *endpoint_format(const struct endpoint *ep, char *text);

/** endpoint_equal() - same address and port? */
bool endpoint_equal(const struct endpoint *a, const struct endpoint *b);

/**
 * endpoint_to_sockaddr() - a sockaddr_in for mapped addresses, else sockaddr_in6.
 * Return: the length of the address written.
 */
socklen_t endpoint_to_sockaddr(const struct endpoint *ep, struct sockaddr_storage *ss);

/** endpoint_from_sockaddr() - Return: false for another family (@ep untouched). */
bool endpoint_from_sockaddr(const struct sockaddr *sa, struct endpoint *ep);

/**
 * prefix_parse() - read "addr/len"; a bare address is a host prefix.
 * Return: NULL, or what is wrong as a static text: not an address, length out of
 * range, or bits set beyond the length.
 */
const char *prefix_parse(const char *text, struct prefix *prefix);

/** prefix_format() - "addr/len" with the family's own length; @text PREFIX_STRLEN. */
const char *prefix_format(const struct prefix *prefix, char *text);

/** prefix_is_v4() - does it lie wholly in the mapped range? */
bool prefix_is_v4(const struct prefix *prefix);

/** prefix_contains() - does @addr lie in @prefix? */
bool prefix_contains(const struct prefix *prefix, const struct in6_addr *addr);

/** prefix_overlaps() - does one contain the other? */
bool prefix_overlaps(const struct prefix *a, const struct prefix *b);

/** prefix_equal() - same address and length? */
bool prefix_equal(const struct prefix *a, const struct prefix *b);

/** prefix_list_add() - append a copy. Return: 0 or -ENOMEM. */
int prefix_list_add(struct prefix_list *list, const struct prefix *prefix);

/** prefix_list_copy() - @to (overwritten) gets its own copy. Return: 0 or -ENOMEM. */
int prefix_list_copy(struct prefix_list *to, const struct prefix_list *from);

/** prefix_list_has() - is it one of the list? */
bool prefix_list_has(const struct prefix_list *list, const struct prefix *prefix);

/** prefix_list_contains() - does any prefix of the list contain @addr? */
bool prefix_list_contains(const struct prefix_list *list, const struct in6_addr *addr);

/** prefix_list_sort() - by address, and the shorter of equal ones first. */
void prefix_list_sort(struct prefix_list *list);

/**
 * prefix_list_sorted_contains() - the same answer as prefix_list_contains(), at the cost of
 * a binary search, for a list that is sorted and has no prefix within another.
 */
bool prefix_list_sorted_contains(const struct prefix_list *list, const struct in6_addr *addr);

/** prefix_list_equal() - same prefixes in the same order? */
bool prefix_list_equal(const struct prefix_list *a, const struct prefix_list *b);

/** prefix_list_free() - release the array; the list is empty afterwards. */
void prefix_list_free(struct prefix_list *list);

#endif
