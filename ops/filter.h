/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which rows of a listing are asked for, as JSON in a request of the control socket. */
#ifndef OPS_FILTER_H
#define OPS_FILTER_H

#include <stddef.h>

struct json_object;
struct nat64_filter;

/* A key that a filter may have */
struct filter_key {
	const char *key;
	/* Return: NULL with the value in @filter, or what is wrong as a static text. */
	const char *(*read)(struct json_object *value, void *filter);
};

/**
 * filter_read_keys() - read a filter of any listing.
 * @object:	its members, or NULL for none.
 * @keys:	the @n that there may be.
 * @unknown:	what is wrong with another one.
 * @filter:	what the keys' read() gets.
 * Return: NULL, or what is wrong as a static text.
 */
const char *filter_read_keys(struct json_object *object, const struct filter_key *keys, size_t n,
			     const char *unknown, void *filter);

/** filter_text() - the text of a member, borrowed; "" where it is none. */
const char *filter_text(struct json_object *value);

/**
 * filter_read() - read a filter.
 * @object:	{"proto": "tcp"|"udp"|"icmp", "address": "ADDR[/LEN]", "port": N,
 *		"state": "established"}; each may be missing, and so may all (NULL).
 * Return: NULL with *@filter, or what is wrong as a static text. Asked on both sides
 * of the socket, so that wrong usage is told before anybody is asked.
 */
const char *filter_read(struct json_object *object, struct nat64_filter *filter);

#endif
