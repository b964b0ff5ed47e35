/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "addrmap.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "eamt.h"
#include "rfc6052.h"
#include "special4.h"

static const char well_known_prefix[] = "64:ff9b::/96";	/* RFC 6052 2.1 */

/* IPv6 addresses that no TCP backend can have */
static const char *const special6[] = {
	"::/128",		/* unspecified; Linux connects it to itself */
	"::1/128",		/* loopback */
	"::ffff:0:0/96",	/* IPv4-mapped, RFC 4291 2.5.5.2 */
	"fe80::/10",		/* link-local: no scope can be given */
	"ff00::/8",		/* multicast */
};

static const char link_local4[] = "169.254.0.0/16";	/* RFC 3927 */

/* RFC 1918 3; RFC 6598 7 */
static const char *const private4[] = {
	"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10",
};

static const char *const loopbacks[] = { "127.0.0.0/8", "::1/128" };

/* The texts above are constants, so that only memory can be wrong. */
static int add_texts(struct prefix_list *list, const char *const *texts, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct prefix prefix;

		if (prefix_parse(texts[i], &prefix) || prefix_list_add(list, &prefix) < 0)
			return -ENOMEM;
	}
	return 0;
}

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

void netinfo_free(struct netinfo *net)
{
	prefix_list_free(&net->inside);
	prefix_list_free(&net->own);
	prefix_list_free(&net->elsewhere4);
}

static int copy_choice(struct prefix_list *to, const struct prefix_choice *choice,
		       const struct prefix_list *keyword)
{
	return prefix_list_copy(to, choice->keyword ? keyword : &choice->list);
}

/* Add an address once; @uplink: not @addr but the uplink's, where it has one. */
static int add_host4(struct prefix_list *list, const struct addrmap *map, bool uplink,
		     const struct in6_addr *addr)
{
	struct prefix host = { uplink ? addr_from_v4(map->uplink_v4_be32) : *addr, 128 };

	if ((uplink && !map->uplink_v4_be32) || prefix_list_contains(list, &host.addr))
		return 0;
	return prefix_list_add(list, &host);
}

static int set_deny4(struct addrmap *map, const struct prefix_choice *choice)
{
	map->deny4_special = choice->keyword;
	map->special_freed = !choice->keyword && choice->list.n == 0;
	return choice->keyword ? 0 : prefix_list_copy(&map->deny4, &choice->list);
}

static int set_eams(struct addrmap *map, const struct config *config)
{
	for (size_t i = 0; i < config->prefixes.n_eam; i++)
		if (prefix_list_add(&map->eam4, &config->prefixes.eam[i].ipv4) < 0)
			return -ENOMEM;
	map->eamt = eamt_new(config->prefixes.eam, config->prefixes.n_eam);
	return map->eamt ? 0 : -ENOMEM;
}

/* The draining ones come last: whoever takes the first that will do prefers the others. */
static int set_pref64(struct addrmap *map, const struct config *config)
{
	const struct prefix_list *all = &config->prefixes.nat64;

	for (int draining = 0; draining < 2; draining++) {
		for (size_t i = 0; i < all->n; i++) {
			if (prefix_list_has(&config->prefixes.draining, &all->v[i]) != draining)
				continue;
			if (prefix_list_add(&map->pref64, &all->v[i]) < 0)
				return -ENOMEM;
			map->n_draining += (size_t)draining;
		}
	}
	return 0;
}

/* The IPv4 addresses that bindings can have */
static int set_outside4(struct addrmap *map, const struct config *config)
{
	for (size_t i = 0; i < config->nat64.n_pool4; i++) {
		const struct pool4_entry *entry = &config->nat64.pool4[i];

		if (add_host4(&map->outside4, map, entry->address_auto, &entry->address) < 0)
			return -ENOMEM;
	}
	for (size_t i = 0; i < config->nat64.n_static; i++) {
		const struct static_binding *binding = &config->nat64.static_bindings[i];

		if (add_host4(&map->outside4, map, binding->outside_auto,
			      &binding->outside.addr) < 0)
			return -ENOMEM;
	}
	return 0;
}

/* The host itself may always ask; it asks from loopback or from an own address. */
static int set_dns64_clients(struct addrmap *map, const struct prefix_choice *choice)
{
	if (copy_choice(&map->dns64_clients, choice, &map->inside) < 0)
		return -ENOMEM;
	return add_texts(&map->dns64_clients, loopbacks, COUNT(loopbacks));
}

struct addrmap *addrmap_new(const struct config *config, const struct netinfo *net)
{
	struct addrmap *map = calloc(1, sizeof(*map));

	if (!map)
		return NULL;
	map->nat46 = config->prefixes.nat46;
	map->uplink_v4_be32 = net->uplink_v4_be32;
	memcpy(map->uplink, net->uplink, sizeof(map->uplink));
	map->links = net->links;
	if (set_eams(map, config) < 0 ||
	    copy_choice(&map->inside, &config->inside, &net->inside) < 0 ||
	    set_pref64(map, config) < 0 ||
	    prefix_list_copy(&map->own, &net->own) < 0 ||
	    prefix_list_copy(&map->elsewhere4, &net->elsewhere4) < 0 ||
	    set_deny4(map, &config->nat64.deny4) < 0 ||
	    copy_choice(&map->nat64_clients, &config->nat64.clients, &map->inside) < 0 ||
	    set_dns64_clients(map, &config->dns64.clients) < 0 ||
	    set_outside4(map, config) < 0 ||
	    add_texts(&map->special6, special6, COUNT(special6)) < 0 ||
	    add_texts(&map->private4, private4, COUNT(private4)) < 0 ||
	    prefix_parse(link_local4, &map->link_local4) ||
	    prefix_parse(well_known_prefix, &map->well_known) ||
	    copy_choice(&map->backends, &config->snid.backends, &map->inside) < 0) {
		addrmap_free(map);
		return NULL;
	}
	prefix_list_sort(&map->own);
	prefix_list_sort(&map->elsewhere4);
	return map;
}

void addrmap_free(struct addrmap *map)
{
	if (!map)
		return;
	prefix_list_free(&map->inside);
	prefix_list_free(&map->pref64);
	prefix_list_free(&map->own);
	prefix_list_free(&map->elsewhere4);
	prefix_list_free(&map->deny4);
	prefix_list_free(&map->outside4);
	prefix_list_free(&map->eam4);
	eamt_free(map->eamt);
	prefix_list_free(&map->special6);
	prefix_list_free(&map->private4);
	prefix_list_free(&map->nat64_clients);
	prefix_list_free(&map->dns64_clients);
	prefix_list_free(&map->backends);
	free(map);
}

bool addrmap_equal(const struct addrmap *a, const struct addrmap *b)
{
	return prefix_list_equal(&a->inside, &b->inside) &&
	       prefix_list_equal(&a->pref64, &b->pref64) && a->n_draining == b->n_draining &&
	       prefix_equal(&a->nat46, &b->nat46) &&
	       prefix_list_equal(&a->deny4, &b->deny4) &&
	       a->deny4_special == b->deny4_special && a->special_freed == b->special_freed &&
	       prefix_list_equal(&a->outside4, &b->outside4) &&
	       eamt_equal(a->eamt, b->eamt) &&
	       prefix_list_equal(&a->nat64_clients, &b->nat64_clients) &&
	       prefix_list_equal(&a->dns64_clients, &b->dns64_clients) &&
	       prefix_list_equal(&a->backends, &b->backends) &&
	       prefix_list_equal(&a->own, &b->own) &&
	       prefix_list_equal(&a->elsewhere4, &b->elsewhere4) &&
	       a->uplink_v4_be32 == b->uplink_v4_be32 &&
	       strcmp(a->uplink, b->uplink) == 0 &&
	       memcmp(&a->links, &b->links, sizeof(a->links)) == 0;
}

bool addrmap_is_inside(const struct addrmap *map, const struct in6_addr *addr)
{
	return prefix_list_contains(&map->inside, addr);
}

bool addrmap_leads_elsewhere(const struct addrmap *map, uint32_t v4_be32)
{
	struct in6_addr addr = addr_from_v4(v4_be32);

	return prefix_list_sorted_contains(&map->elsewhere4, &addr);
}

bool addrmap_is_own(const struct addrmap *map, const struct in6_addr *addr)
{
	return prefix_list_sorted_contains(&map->own, addr);
}

const struct prefix *addrmap_pref64_of(const struct addrmap *map, const struct in6_addr *addr)
{
	const struct prefix *best = NULL;

	for (size_t i = 0; i < map->pref64.n; i++) {
		const struct prefix *prefix = &map->pref64.v[i];

		if (prefix_contains(prefix, addr) && (!best || prefix->len > best->len))
			best = prefix;
	}
	return best;
}

bool addrmap_is_synthetic(const struct addrmap *map, const struct in6_addr *addr)
{
	return addrmap_pref64_of(map, addr) || prefix_contains(&map->well_known, addr);
}

uint32_t addrmap_extract(const struct prefix *pref64, const struct in6_addr *addr)
{
	unsigned char v4[4];
	uint32_t v4_be32;

	rfc6052_extract(v4, addr->s6_addr, pref64->len);
	memcpy(&v4_be32, v4, sizeof(v4_be32));
	return v4_be32;
}

struct in6_addr addrmap_embed(const struct prefix *pref64, uint32_t v4_be32)
{
	struct in6_addr addr;
	unsigned char v4[4];

	memcpy(v4, &v4_be32, sizeof(v4));
	/* There is always a pref64: the configuration refuses an empty list. */
	/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference) */
	rfc6052_embed(addr.s6_addr, pref64->addr.s6_addr, pref64->len, v4);
	return addr;
}

bool addrmap_eam_to6(const struct addrmap *map, uint32_t v4_be32, struct in6_addr *v6)
{
	return eamt_to6(map->eamt, v4_be32, v6);
}

bool addrmap_eam_to4(const struct addrmap *map, const struct in6_addr *v6, uint32_t *v4_be32)
{
	return eamt_to4(map->eamt, v6, v4_be32);
}

bool addrmap_is_outside4(const struct addrmap *map, uint32_t v4_be32)
{
	struct in6_addr addr = addr_from_v4(v4_be32);

	return prefix_list_contains(&map->outside4, &addr);
}

bool addrmap_is_host4(uint32_t v4_be32)
{
	return special4_is_host(v4_be32);
}

static bool is_denied4(const struct addrmap *map, uint32_t v4_be32)
{
	struct in6_addr addr = addr_from_v4(v4_be32);

	return map->deny4_special ? !special4_is_global(v4_be32)
				  : prefix_list_contains(&map->deny4, &addr);
}

bool addrmap_may_translate(const struct addrmap *map, const struct prefix *pref64,
			   uint32_t v4_be32)
{
	if (!special4_is_host(v4_be32) || is_denied4(map, v4_be32))
		return false;
	return map->special_freed || !prefix_equal(&map->well_known, pref64) ||
	       special4_is_global(v4_be32);
}

const struct prefix *addrmap_pref64_for(const struct addrmap *map, uint32_t v4_be32)
{
	for (size_t i = 0; i < map->pref64.n; i++)
		if (addrmap_may_translate(map, &map->pref64.v[i], v4_be32))
			return &map->pref64.v[i];
	return NULL;
}

const struct prefix *addrmap_pref64_nth(const struct addrmap *map, uint32_t v4_be32, size_t nth)
{
	for (size_t i = 0; i < map->pref64.n - map->n_draining; i++)
		if (addrmap_may_translate(map, &map->pref64.v[i], v4_be32) && nth-- == 0)
			return &map->pref64.v[i];
	return NULL;
}

struct in6_addr addrmap_remote6(const struct addrmap *map, uint32_t v4_be32)
{
	const struct prefix *pref64 = addrmap_pref64_for(map, v4_be32);

	return addrmap_embed(pref64 ? pref64 : &map->pref64.v[0], v4_be32);
}

bool addrmap_nat64_client(const struct addrmap *map, const struct in6_addr *addr)
{
	return prefix_list_contains(&map->nat64_clients, addr) &&
	       !prefix_contains(&map->nat46, addr);
}

bool addrmap_dns64_client(const struct addrmap *map, const struct in6_addr *addr)
{
	return prefix_list_contains(&map->dns64_clients, addr) || addrmap_is_own(map, addr);
}

struct in6_addr addrmap_nat46_source(const struct addrmap *map, uint32_t client_be32)
{
	return addrmap_embed(&map->nat46, client_be32);
}

enum addrmap_backend addrmap_backend_check(const struct addrmap *map,
					   const struct prefix_list *backends,
					   const struct in6_addr *addr)
{
	if (prefix_list_contains(&map->special6, addr))
		return ADDRMAP_BACKEND_SPECIAL;
	if (addrmap_is_synthetic(map, addr))
		return ADDRMAP_BACKEND_PREF64;
	if (prefix_contains(&map->nat46, addr))
		return ADDRMAP_BACKEND_NAT46;
	if (addrmap_is_own(map, addr))
		return ADDRMAP_BACKEND_OWN;
	if (!prefix_list_contains(backends, addr))
		return ADDRMAP_BACKEND_OUTSIDE;
	return ADDRMAP_BACKEND_OK;
}

/* The block of private addresses that it lies in, or NULL */
static const struct prefix *private_block(const struct addrmap *map, const struct in6_addr *addr)
{
	for (size_t i = 0; i < map->private4.n; i++)
		if (prefix_contains(&map->private4.v[i], addr))
			return &map->private4.v[i];
	return NULL;
}

static bool is_listed4(const struct addrmap *map, const struct prefix_list *backends,
		       const struct in6_addr *addr)
{
	const struct prefix *block = private_block(map, addr);

	for (size_t i = 0; i < backends->n; i++)
		if (prefix_contains(&backends->v[i], addr) && prefix_is_v4(&backends->v[i]) &&
		    (!block || backends->v[i].len >= block->len))
			return true;
	return false;
}

enum addrmap_backend addrmap_backend_check4(const struct addrmap *map,
					    const struct prefix_list *backends,
					    uint32_t v4_be32)
{
	struct in6_addr addr = addr_from_v4(v4_be32);

	if (!special4_is_host(v4_be32) || prefix_contains(&map->link_local4, &addr))
		return ADDRMAP_BACKEND_SPECIAL;
	if (addrmap_is_own(map, &addr) || addrmap_is_outside4(map, v4_be32))
		return ADDRMAP_BACKEND_OWN;
	return is_listed4(map, backends, &addr) ? ADDRMAP_BACKEND_OK : ADDRMAP_BACKEND_OUTSIDE;
}

const char *addrmap_backend_text(enum addrmap_backend verdict)
{
	static const char *const texts[] = {
		[ADDRMAP_BACKEND_OK] = "allowed",
		[ADDRMAP_BACKEND_OUTSIDE] = "not in snid.backends",
		[ADDRMAP_BACKEND_PREF64] = "in a NAT64 prefix",
		[ADDRMAP_BACKEND_NAT46] = "in the NAT46 prefix",
		[ADDRMAP_BACKEND_SPECIAL] = "not an address of a host",
		[ADDRMAP_BACKEND_OWN] = "an address of this gateway",
	};

	return texts[verdict];
}
