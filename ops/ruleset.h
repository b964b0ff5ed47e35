/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The host's packet filter rules that bring packets to the nat64 queues, and
 * keep connection tracking off the packets that nat64 sends.
 *
 * Two backends make the same rules: an own nftables table, through libnftables;
 * and, where the kernel has no "nft queue", chains in the tables raw through
 * iptables-nft-restore and ip6tables-nft-restore. Either way rules stand in
 * prerouting at priority raw, before connection tracking and before routing; and in
 * output at the same priority for what the host itself sends to a pref64.
 *
 * Main thread only; needs CAP_NET_ADMIN and nothing else, also after the user
 * change.
 */
#ifndef OPS_RULESET_H
#define OPS_RULESET_H

struct nat64_intercept;
struct ruleset;

/**
 * ruleset_new() - touches nothing on the host yet.
 * Return: the object, owned by the caller (ruleset_free()), or NULL when out of memory.
 */
struct ruleset *ruleset_new(void);

/**
 * ruleset_install() - make the host's rules bring exactly this to the queues.
 * @intercept:	borrowed for the call. Nothing to intercept: as ruleset_remove().
 *
 * Idempotent: again, with another intercept, or over what a killed run left, the
 * outcome is exactly the new state. The first call chooses the backend and logs
 * it. Where queues are not yet or no longer read, packets that may be the host's own go
 * on as if there were no rule ("bypass"); others are dropped, which their senders take for
 * a loss, and try again.
 * Return: 0, or -errno, the reason (what the kernel or tool said) having been logged.
 * nftables changes all in one transaction, xtables first IPv4, then IPv6: after a
 * failure what was not changed stands as before.
 */
int ruleset_install(struct ruleset *ruleset, const struct nat64_intercept *intercept);

/**
 * ruleset_mend() - do the rules stand as ruleset_install() has left them? If not, install them.
 * @intercept:	as that has got it, borrowed for the call.
 * Return: 0 they do, or none are to stand; 1 they did not, and do now; -errno, the reason
 * having been logged.
 */
int ruleset_mend(struct ruleset *ruleset, const struct nat64_intercept *intercept);

/**
 * ruleset_remove() - take all our rules away, also those of a killed run; the
 * host's ruleset is afterwards as it was before.
 * Return: 0, also where there was nothing; or -errno, the reason having been logged.
 */
int ruleset_remove(struct ruleset *ruleset);

/** ruleset_backend() - "nftables" or "xtables", for status; "none" before the choice. */
const char *ruleset_backend(const struct ruleset *ruleset);

/** ruleset_free() - forget; leaves the host's rules as they are. NULL is allowed. */
void ruleset_free(struct ruleset *ruleset);

#endif
