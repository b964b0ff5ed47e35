/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the host's nftables rules would do with a packet, as far as can be told by reading
 * them. What a rule asks of a packet may be unknown here (a limit, an extension of iptables,
 * a field that the caller left open); then it may match or not. Only what happens either way
 * counts: where an unknown may let the packet through, it passes.
 */
#ifndef OPS_DOCTOR_NFT_H
#define OPS_DOCTOR_NFT_H

#include <stdbool.h>
#include <stdint.h>

#include "../core/addr.h"

struct json_object;
struct nft_rules;

/* What is not known is 0 or NULL. */
struct nft_packet {
	struct in6_addr src, dst;	/* both of one family; at least one is known */
	uint8_t l4;			/* IPPROTO_TCP, _UDP, _ICMP, _ICMPV6 */
	uint16_t sport, dport;		/* host byte order */
	const char *iif, *oif;		/* "" where it has none */
	const char *ct_state;		/* "new", "established", "untracked" */
	uint32_t mark;			/* known */
};

enum nft_fate {
	NFT_PASSES,	/* or may pass */
	NFT_DROPPED,
	NFT_SOURCE_NAT,	/* its source is another then */
};

/* Who decided */
struct nft_culprit {
	char text[192];		/* "policy of chain inet filter input" */
	char chain[128];	/* "inet filter input", as nft(8) takes it */
};

/**
 * nft_rules_new() - rules to ask about.
 * @list:	the "nftables" array of libnftables-json(5), taken.
 * Return: owned by the caller; NULL when out of memory.
 */
struct nft_rules *nft_rules_new(struct json_object *list);

/** nft_rules_free() - NULL is allowed. */
void nft_rules_free(struct nft_rules *rules);

enum { NFT_PRIORITY_ANY = INT32_MAX };

/**
 * nft_fate() - what becomes of @packet in the chains of a hook.
 * @hook:	"prerouting", "input", "forward", "output" or "postrouting".
 * @priority:	chains up to this one alone; NFT_PRIORITY_ANY: all. gate64's own tables are
 *		left out.
 * @culprit:	who decided, unless it passes.
 */
enum nft_fate nft_fate(const struct nft_rules *rules, const char *hook,
		       const struct nft_packet *packet, int32_t priority,
		       struct nft_culprit *culprit);

/**
 * nft_port_nat() - a rule that may give @packet another source, at a port of @ports.
 * @to:		address that NAT uses where the rule names none, and that matters.
 * @ports:	65536 of them: is the port one that matters?
 * Return: false: there is none.
 */
bool nft_port_nat(const struct nft_rules *rules, const struct nft_packet *packet,
		  const struct in6_addr *to, const bool *ports, struct nft_culprit *culprit);

#endif
