/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whether what a rule of nftables asks for is so of a packet; see doctor_nft.h. */
#ifndef OPS_DOCTOR_MATCH_H
#define OPS_DOCTOR_MATCH_H

#include <stdbool.h>

struct json_object;
struct nft_packet;

enum match { MATCH_NO, MATCH_MAYBE, MATCH_YES };

/**
 * match_statement() - does the packet get past this statement of a rule?
 * @list:	of sets, for those with a name.
 * @word, @value:	of libnftables-json(5): "match", "limit", "counter" ...
 */
enum match match_statement(struct json_object *list, const struct nft_packet *packet,
			   const char *word, struct json_object *value);

/** match_value() - is what @left stands for one of @right? */
enum match match_value(struct json_object *list, const struct nft_packet *packet,
		       struct json_object *left, struct json_object *right);

/**
 * match_xt_verdict() - what an extension of iptables amounts to, as a verdict of nftables.
 * @xt:	its type and its name are told, not its parameters.
 * Return: "" none; "queue" where the packet's way may end here, in whatever way.
 */
const char *match_xt_verdict(struct json_object *xt);

#endif
