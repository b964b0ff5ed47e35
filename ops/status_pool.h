/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The pool4 of the status document (status.h): how full it is, and with which ports. */
#ifndef OPS_STATUS_POOL_H
#define OPS_STATUS_POOL_H

#include <stdio.h>

struct json_object;
struct nat64_intercept;

/**
 * status_pool_add() - "pool4" and "ports_fullest".
 * @room:	of nat64; added to.
 * @intercept:	NULL: no addresses.
 */
void status_pool_add(struct json_object *room, const struct nat64_intercept *intercept);

/** status_pool_print() - both as text, a line for the fullest and one of each address. */
void status_pool_print(struct json_object *room, FILE *out);

#endif
