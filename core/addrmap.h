/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * THE mapping decisions. An addrmap is made from the configuration and from
 * what was found on the host, and never changes; a reload or a change of the
 * network makes a new one. All rooms ask here and nowhere else.
 */
#ifndef CORE_ADDRMAP_H
#define CORE_ADDRMAP_H

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#include "addr.h"

struct config;
struct eamt;

/* What was found on the host (ops/netsetup fills it, from netlink). */
enum { NETINFO_LINKS_MAX = 64, NETINFO_ELSEWHERE_MAX = 16 };

/* Interfaces that IPv6 to or IPv4 from NAT64 comes in by, by index: the uplink and those
 * that lead to clients; what is beyond the array is left out */
struct netinfo_links {
	uint32_t index[NETINFO_LINKS_MAX];
	uint32_t n;
	uint32_t uplink;		/* its index, 0 none */
	uint32_t uplink_mtu;		/* bytes */
	/* Of those that routes set, IPv4 ones and IPv6 ones to clients; 0 none does */
	uint32_t lowest_mtu4, lowest_mtu6;
	/* IPv4 that routes lead to by another way than the uplink, or by none; all of it,
	 * where these are more than fit */
	struct {
		uint32_t net_be32, mask_be32;
	} elsewhere[NETINFO_ELSEWHERE_MAX];
	uint32_t n_elsewhere;
};

struct netinfo {
	struct netinfo_links links;
	char uplink[IFNAMSIZ];		/* interface of the IPv4 default route; "" none */
	uint32_t uplink_v4_be32;	/* its first global IPv4 address; 0 none */
	struct prefix_list inside;	/* routed IPv6 prefixes not behind the uplink */
	struct prefix_list own;		/* every address of this host, as host prefixes */
	struct prefix_list elsewhere4;	/* IPv4 that routes lead to other links than the uplink;
					 * empty where the host forwards IPv4 */
};

void netinfo_free(struct netinfo *net);

struct addrmap {
	struct prefix_list inside;
	struct prefix_list pref64;	/* in the order of the configuration, but ... */
	size_t n_draining;		/* ... so many draining ones last; never all */
	struct prefix nat46;
	struct eamt *eamt;		/* RFC 7757 */
	struct prefix_list eam4;	/* its IPv4 prefixes */
	bool deny4_special;		/* denied is what is not globally reachable ... */
	struct prefix_list deny4;	/* ... or else these; mapped IPv4 prefixes */
	bool special_freed;		/* "deny4: []" lifts RFC 6052 3.1 too */
	struct prefix_list outside4;	/* pool4 and static addresses, as host prefixes */
	struct prefix_list special6;	/* never a backend */
	struct prefix_list private4;	/* a backend only where it is listed as such */
	struct prefix link_local4;	/* never one */
	struct prefix well_known;	/* 64:ff9b::/96 */
	struct prefix_list nat64_clients;
	struct prefix_list dns64_clients;
	struct prefix_list backends;	/* of listeners that have none of their own */
	struct prefix_list own;		/* sorted; none within another */
	struct prefix_list elsewhere4;	/* likewise */
	uint32_t uplink_v4_be32;	/* 0 = none */
	char uplink[IFNAMSIZ];		/* "" = none */
	struct netinfo_links links;
};

/**
 * addrmap_new() - derive all decisions.
 * @config, @net:	borrowed for the call.
 * Return: the map, owned by the caller (addrmap_free()); NULL when out of memory.
 */
struct addrmap *addrmap_new(const struct config *config, const struct netinfo *net);

/** addrmap_free() - NULL is allowed. */
void addrmap_free(struct addrmap *map);

/** addrmap_equal() - would both decide the same? */
bool addrmap_equal(const struct addrmap *a, const struct addrmap *b);

/** addrmap_is_inside() - is this IPv6 address one that we serve? */
bool addrmap_is_inside(const struct addrmap *map, const struct in6_addr *addr);

/**
 * addrmap_leads_elsewhere() - does the way to an IPv4 address lead elsewhere than to the
 * uplink, and can nobody but this host's own output tell where?
 */
bool addrmap_leads_elsewhere(const struct addrmap *map, uint32_t v4_be32);

/** addrmap_is_own() - is it an address of this host? */
bool addrmap_is_own(const struct addrmap *map, const struct in6_addr *addr);

/** addrmap_pref64_of() - the longest pref64 that holds @addr, or NULL. */
const struct prefix *addrmap_pref64_of(const struct addrmap *map, const struct in6_addr *addr);

/**
 * addrmap_is_synthetic() - has a DNS64 made this address? So has one that lies in a pref64, or
 * in the well-known prefix, whoever uses it. Of 64:ff9b:1::/48 (RFC 8215) nothing is known: each
 * network gives its parts a meaning, and there may be a translator here that it is right for.
 */
bool addrmap_is_synthetic(const struct addrmap *map, const struct in6_addr *addr);

/** addrmap_extract() - the IPv4 address (network order) in an address of @pref64. */
uint32_t addrmap_extract(const struct prefix *pref64, const struct in6_addr *addr);

/** addrmap_embed() - the IPv6 form of an IPv4 address (network order) in @pref64. */
struct in6_addr addrmap_embed(const struct prefix *pref64, uint32_t v4_be32);

/**
 * addrmap_may_translate() - may a flow to this IPv4 address go through @pref64?
 *
 * Refused are nat64.deny4 (default: the IANA special-purpose registry, RFC 6890)
 * and, with the well-known prefix, every non-global address (RFC 6052 3.1).
 * "deny4: []" is the operator's word that all hosts may be reached, the well-known
 * prefix included. What is no host's address (addrmap_is_host4()) never is.
 */
bool addrmap_may_translate(const struct addrmap *map, const struct prefix *pref64,
			   uint32_t v4_be32);

/** addrmap_is_host4() - see special4_is_host(). */
bool addrmap_is_host4(uint32_t v4_be32);

/**
 * addrmap_pref64_for() - the first pref64 through which this IPv4 address may be translated,
 * a draining one only for want of others; NULL where there is none.
 */
const struct prefix *addrmap_pref64_for(const struct addrmap *map, uint32_t v4_be32);

/**
 * addrmap_pref64_nth() - the @nth, from 0, of those that this IPv4 address may be translated
 * through and that are not draining: DNS64 answers with them. NULL: there are not so many.
 */
const struct prefix *addrmap_pref64_nth(const struct addrmap *map, uint32_t v4_be32, size_t nth);

/** addrmap_remote6() - where a host outside appears to whom it calls: in addrmap_pref64_for(),
 * or for want of that in the first pref64. */
struct in6_addr addrmap_remote6(const struct addrmap *map, uint32_t v4_be32);

/**
 * addrmap_eam_to6(), addrmap_eam_to4() - the explicit mapping (RFC 7757 3.3) of an
 * address, IPv4 in network order. Return: false where it has none.
 */
bool addrmap_eam_to6(const struct addrmap *map, uint32_t v4_be32, struct in6_addr *v6);
bool addrmap_eam_to4(const struct addrmap *map, const struct in6_addr *v6, uint32_t *v4_be32);

/** addrmap_is_outside4() - is it an address of pool4 or of a static binding? */
bool addrmap_is_outside4(const struct addrmap *map, uint32_t v4_be32);

/**
 * addrmap_nat64_client() - may this IPv6 address use NAT64? One of prefixes.nat46 never may:
 * what comes back to it is delivered to this host.
 */
bool addrmap_nat64_client(const struct addrmap *map, const struct in6_addr *addr);

/**
 * addrmap_dns64_client() - may this address (either family) ask dns64?
 * The host itself (loopback and its own addresses) always may.
 */
bool addrmap_dns64_client(const struct addrmap *map, const struct in6_addr *addr);

/** addrmap_nat46_source() - where an IPv4 client (network order) appears to servers. */
struct in6_addr addrmap_nat46_source(const struct addrmap *map, uint32_t client_be32);

/* Why a backend address is refused */
enum addrmap_backend {
	ADDRMAP_BACKEND_OK,
	ADDRMAP_BACKEND_OUTSIDE,	/* not in backends */
	ADDRMAP_BACKEND_PREF64,
	ADDRMAP_BACKEND_NAT46,
	ADDRMAP_BACKEND_SPECIAL,	/* unspecified, loopback, link-local, multicast, mapped */
	ADDRMAP_BACKEND_OWN,
};

/**
 * addrmap_backend_check() - may snid connect to this IPv6 address?
 * @backends:	where connections of this listener may go: @map's own list, or another.
 */
enum addrmap_backend addrmap_backend_check(const struct addrmap *map,
					   const struct prefix_list *backends,
					   const struct in6_addr *addr);

/**
 * addrmap_backend_check4() - may it connect to this IPv4 address (network order)? Private ones
 * (RFC 1918, RFC 6598) only where a prefix of @backends lies within their block: 0.0.0.0/0
 * means the Internet, not the networks that happen to be around the gateway.
 */
enum addrmap_backend addrmap_backend_check4(const struct addrmap *map,
					    const struct prefix_list *backends,
					    uint32_t v4_be32);

/** addrmap_backend_text() - the reason in words, static. */
const char *addrmap_backend_text(enum addrmap_backend verdict);

#endif
