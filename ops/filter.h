/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which rows of a listing are asked for, as JSON in a request of the control socket. */
#ifndef OPS_FILTER_H
#define OPS_FILTER_H

struct json_object;
struct nat64_filter;

/**
 * filter_read() - read a filter.
 * @object:	{"proto": "tcp"|"udp"|"icmp", "address": "ADDR[/LEN]", "port": N,
 *		"state": "established"}; each may be missing, and so may all (NULL).
 * Return: NULL with *@filter, or what is wrong as a static text. Asked on both sides
 * of the socket, so that wrong usage is told before anybody is asked.
 */
const char *filter_read(struct json_object *object, struct nat64_filter *filter);

#endif
