/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The rules between settings. Prefixes of different meaning must not overlap:
 * an address would be inside, an IPv4 host and an IPv4 client at the same time.
 *
 * An error stands at the setting that the file gives; where both are given, at
 * the one that comes second in the schema. Two defaults never collide.
 */
#include "config_check.h"

#include <stdint.h>

#include "config_report.h"
#include "config_schema.h"
#include "config_value.h"
#include "config_yaml.h"

/* A setting with prefixes, seen as a list */
struct side {
	const char *path;
	const struct prefix *v;
	size_t n;
	size_t stride;		/* bytes from one to the next */
};

static const struct prefix *nth(const struct side *side, size_t i)
{
	return (const struct prefix *)((const char *)side->v + i * side->stride);
}

static size_t row_of(const char *path)
{
	return (size_t)(config_schema_find(path) - config_rows);
}

static bool is_good(const struct config_source *source, const char *path)
{
	return source->good[row_of(path)];
}

/* Place of entry @i of a setting in the file, CONFIG_NOWHERE for a default. */
static size_t place_of(const struct config_source *source, const char *path, size_t i)
{
	const struct yaml_node *node = source->given[row_of(path)];

	if (!node)
		return CONFIG_NOWHERE;
	if (node->kind != YAML_LIST)
		return node->pos;
	for (node = node->first; i > 0; i--)
		node = node->next;
	return node->pos;
}

static void report_overlap(const struct config_source *source, const struct side *a, size_t i,
			   const struct side *b, size_t j)
{
	size_t pos = place_of(source, b->path, j);
	char here[PREFIX_STRLEN], there[PREFIX_STRLEN];
	const struct side *other = a;

	if (pos == CONFIG_NOWHERE) {
		pos = place_of(source, a->path, i);
		other = b;
	}
	prefix_format(other == a ? nth(b, j) : nth(a, i), here);
	prefix_format(other == a ? nth(a, i) : nth(b, j), there);
	config_report_error(source->report, pos, "%s overlaps %s of %s", here, there,
			    other->path);
}

/* No prefix of @a may overlap one of @b. */
static void check_apart(const struct config_source *source, const struct side *a,
			const struct side *b)
{
	if (!is_good(source, a->path) || !is_good(source, b->path))
		return;
	for (size_t j = 0; j < b->n; j++)
		for (size_t i = 0; i < a->n; i++)
			if (prefix_overlaps(nth(a, i), nth(b, j)))
				report_overlap(source, a, i, b, j);
}

/* A shorter pref64 would hide part of IPv4 behind a longer one. */
static void check_pref64s(const struct config_source *source, const struct side *pref64)
{
	if (!is_good(source, pref64->path))
		return;
	for (size_t j = 1; j < pref64->n; j++)
		for (size_t i = 0; i < j; i++)
			if (prefix_overlaps(nth(pref64, i), nth(pref64, j)))
				report_overlap(source, pref64, i, pref64, j);
}

/* What drains must be there, and something must be left that does not. */
static void check_draining(const struct config_source *source)
{
	const struct prefix_list *all = &source->config->prefixes.nat64;
	const struct prefix_list *draining = &source->config->prefixes.draining;
	size_t left = all->n;
	char text[PREFIX_STRLEN];

	if (!is_good(source, "prefixes.nat64") || !is_good(source, "prefixes.draining"))
		return;
	for (size_t i = 0; i < draining->n; i++)
		if (!prefix_list_has(all, &draining->v[i]))
			config_report_error(source->report,
					    place_of(source, "prefixes.draining", i),
					    "%s is none of prefixes.nat64",
					    prefix_format(&draining->v[i], text));
	for (size_t i = 0; i < all->n; i++)
		left -= prefix_list_has(draining, &all->v[i]);
	if (left == 0)
		config_report_error(source->report, place_of(source, "prefixes.draining", 0),
				    "all of prefixes.nat64 drain: DNS64 needs one to answer with");
}

/* Explicit mappings are of hosts, on both sides. */
static void check_eam_hosts(const struct config_source *source)
{
	static const struct prefix never[] = {
		{ { { { [10] = 0xff, 0xff, 0 } } }, 104 },	/* 0.0.0.0/8 */
		{ { { { [10] = 0xff, 0xff, 127 } } }, 104 },	/* 127.0.0.0/8 */
		{ { { { [10] = 0xff, 0xff, 224 } } }, 99 },	/* multicast, class E */
		{ { { { 0 } } }, 96 },				/* :: and ::1 */
		{ { { { 0xfe, 0x80 } } }, 10 },			/* link-local */
		{ { { { 0xff } } }, 8 },			/* multicast */
	};
	const struct config *config = source->config;
	char text[PREFIX_STRLEN];

	for (size_t i = 0; i < config->prefixes.n_eam; i++) {
		const struct prefix *const sides[] = { &config->prefixes.eam[i].ipv4,
						       &config->prefixes.eam[i].ipv6 };

		for (size_t k = 0; k < 2 * sizeof(never) / sizeof(*never); k++)
			if (prefix_overlaps(sides[k & 1], &never[k / 2]))
				config_report_error(source->report,
						    place_of(source, "prefixes.eam", i),
						    "%s holds addresses that no host has",
						    prefix_format(sides[k & 1], text));
	}
}

/* An IPv4 address belongs to a mapping or to bindings, never to both. */
static void check_not_mapped(const struct config_source *source, const char *path, size_t i,
			     const struct in6_addr *addr)
{
	const struct config *config = source->config;
	char here[ADDR_STRLEN], there[PREFIX_STRLEN];

	for (size_t k = 0; k < config->prefixes.n_eam; k++)
		if (prefix_contains(&config->prefixes.eam[k].ipv4, addr))
			config_report_error(source->report, place_of(source, path, i),
					    "%s lies in %s of prefixes.eam", addr_format(addr, here),
					    prefix_format(&config->prefixes.eam[k].ipv4, there));
}

static void check_eams(const struct config_source *source)
{
	const struct config *config = source->config;

	if (!is_good(source, "prefixes.eam"))
		return;
	check_eam_hosts(source);
	for (size_t i = 0; i < config->nat64.n_pool4 && is_good(source, "nat64.pool4"); i++)
		if (!config->nat64.pool4[i].address_auto)
			check_not_mapped(source, "nat64.pool4", i, &config->nat64.pool4[i].address);
	for (size_t i = 0; i < config->nat64.n_static && is_good(source, "nat64.static"); i++)
		if (!config->nat64.static_bindings[i].outside_auto)
			check_not_mapped(source, "nat64.static", i,
					 &config->nat64.static_bindings[i].outside.addr);
}

/* Does what is sent to @to come in at @listen? Own addresses are not known here, but for the
 * loopback: a wildcard has it. */
static bool reaches(const struct endpoint *to, const struct endpoint *listen)
{
	const struct in6_addr any4 = addr_from_v4(0);

	if (to->port != listen->port)
		return false;
	if (addr_equal(&listen->addr, &any4))
		return addr_is_v4(&to->addr) && ntohl(addr_v4_be32(&to->addr)) >> 24 == IN_LOOPBACKNET;
	if (IN6_IS_ADDR_UNSPECIFIED(&listen->addr))
		return IN6_IS_ADDR_LOOPBACK(&to->addr);
	return addr_equal(&to->addr, &listen->addr);
}

static void check_not_listener(const struct config_source *source, const char *path, size_t i,
			       const struct endpoint *upstream)
{
	const struct endpoint_list *listen = &source->config->dns64.listen;
	char text[ENDPOINT_STRLEN];

	for (size_t k = 0; k < listen->n; k++)
		if (reaches(upstream, &listen->v[k]))
			config_report_error(source->report, place_of(source, path, i),
					    "%s is an address of dns64.listen itself",
					    endpoint_format(upstream, text));
}

/* A resolver that forwards to one of its own listeners asks itself for ever. */
static void check_upstream(const struct config_source *source)
{
	const struct config *config = source->config;

	if (!is_good(source, "dns64.listen"))
		return;
	for (size_t i = 0; i < config->dns64.upstream.n && is_good(source, "dns64.upstream"); i++)
		check_not_listener(source, "dns64.upstream", i, &config->dns64.upstream.v[i]);
	for (size_t i = 0; i < config->dns64.n_zones && is_good(source, "dns64.zones"); i++)
		for (size_t k = 0; k < config->dns64.zones[i].upstream.n; k++)
			check_not_listener(source, "dns64.zones", i,
					   &config->dns64.zones[i].upstream.v[k]);
}

/* A name cannot be excluded and forced; of names within each other the longer one counts. */
static void check_names(const struct config_source *source)
{
	const struct yaml_node *forced = source->given[row_of("dns64.force_names")];
	const struct name_list *excluded = &source->config->dns64.exclude_names;

	if (!forced || !is_good(source, "dns64.force_names") ||
	    !is_good(source, "dns64.exclude_names"))
		return;
	for (const struct yaml_node *node = forced->first; node; node = node->next) {
		char name[CONFIG_DOMAIN_STRLEN];

		if (config_value_domain(node->text, name) && config_names_has(excluded, name))
			config_report_error(source->report, node->pos,
					    "%s is in dns64.exclude_names too", name);
	}
}

/* Certificate and key go together, and neither port may serve both ways. */
static void check_tls(const struct config_source *source)
{
	const char *const cert = "dns64.tls.cert", *const key = "dns64.tls.key";
	const struct config *config = source->config;
	const struct endpoint_list *listen = &config->dns64.listen;
	char text[ENDPOINT_STRLEN];

	if (!is_good(source, cert) || !is_good(source, key))
		return;
	if (!config->dns64.tls.cert != !config->dns64.tls.key) {
		const char *given = config->dns64.tls.cert ? cert : key;

		config_report_error(source->report, place_of(source, given, 0), "needs %s too",
				    given == cert ? key : cert);
	}
	if (!config->dns64.tls.cert || !is_good(source, "dns64.listen"))
		return;
	for (size_t i = 0; i < listen->n; i++)
		if (listen->v[i].port == config->dns64.tls.port)
			config_report_error(source->report, place_of(source, "dns64.listen", i),
					    "%s has the port of DNS over TLS (dns64.tls.port)",
					    endpoint_format(&listen->v[i], text));
}

static enum config_sni_mode mode_of(const struct config *config, const struct sni_listen *listen)
{
	return listen->own & SNI_OWN_MODE ? listen->mode : config->snid.mode;
}

/* Class E is nobody's either. */
static bool is_multicast(const struct in6_addr *addr)
{
	return IN6_IS_ADDR_MULTICAST(addr) || (addr_is_v4(addr) && addr->s6_addr[12] >= 224);
}

/* Where it listens: a port alone is all addresses of the family its clients come from. */
static struct endpoint place(const struct config *config, const struct sni_listen *listen)
{
	struct endpoint at = listen->at;

	if (listen->any && mode_of(config, listen) != CONFIG_SNI_NAT46)
		at.addr = in6addr_any;
	return at;
}

static void check_listens_once(const struct config_source *source, size_t i)
{
	const struct config *config = source->config;
	struct endpoint at = place(config, &config->snid.listen[i]);
	char text[ENDPOINT_STRLEN];

	for (size_t k = 0; k < i; k++) {
		struct endpoint other = place(config, &config->snid.listen[k]);

		if (endpoint_equal(&at, &other))
			config_report_error(source->report, place_of(source, "snid.listen", i),
					    "%s is listed twice", endpoint_format(&at, text));
	}
}

/* Clients of mode nat46 come from IPv4, or have no address towards the servers. */
static void check_listen(const struct config_source *source, const struct sni_listen *listen,
			 size_t i)
{
	size_t pos = place_of(source, "snid.listen", i);
	char text[ENDPOINT_STRLEN];

	if (mode_of(source->config, listen) == CONFIG_SNI_NAT46 && !addr_is_v4(&listen->at.addr))
		config_report_error(source->report, pos,
				    "`%s' is an IPv6 address: clients come from IPv4 here and appear "
				    "to the servers from prefixes.nat46; IPv6 clients need no gateway",
				    endpoint_format(&listen->at, text));
	else if (is_multicast(&listen->at.addr))
		config_report_error(source->report, pos, "`%s' is not a unicast address",
				    endpoint_format(&listen->at, text));
}

/* IPv4 servers are for mode tcp alone. */
static void check_backends(const struct config_source *source, const char *path, size_t i,
			   const struct prefix_choice *backends, bool with_v4)
{
	char text[PREFIX_STRLEN];

	for (size_t k = 0; k < backends->list.n && !with_v4; k++)
		if (prefix_is_v4(&backends->list.v[k]))
			config_report_error(source->report,
					    place_of(source, path, i == SIZE_MAX ? k : i),
					    "`%s' is an IPv4 prefix: only mode tcp goes to IPv4 servers",
					    prefix_format(&backends->list.v[k], text));
}

/* A server of snid.routes must be one that connections may go to. */
static void check_routes(const struct config_source *source, bool own_backends)
{
	const struct config *config = source->config;
	char text[ADDR_STRLEN];

	for (size_t i = 0; i < config->snid.n_routes; i++) {
		const struct in6_addr *backend = &config->snid.routes[i].backend;

		if (!config->snid.backends.keyword && !own_backends &&
		    !prefix_list_contains(&config->snid.backends.list, backend))
			config_report_error(source->report, place_of(source, "snid.routes", i),
					    "%s is not in snid.backends",
					    addr_format(backend, text));
	}
}

static void check_snid(const struct config_source *source)
{
	const struct config *config = source->config;
	bool any_tcp = config->snid.mode == CONFIG_SNI_TCP, own_backends = false;

	if (!is_good(source, "snid.listen") || !is_good(source, "snid.mode"))
		return;
	for (size_t i = 0; i < config->snid.n_listen; i++) {
		const struct sni_listen *listen = &config->snid.listen[i];
		bool tcp = mode_of(config, listen) == CONFIG_SNI_TCP;

		check_listen(source, listen, i);
		check_listens_once(source, i);
		check_backends(source, "snid.listen", i, &listen->backends, tcp);
		any_tcp = any_tcp || tcp;
		own_backends = own_backends || (listen->own & SNI_OWN_BACKENDS);
	}
	if (!is_good(source, "snid.backends"))
		return;
	check_backends(source, "snid.backends", SIZE_MAX, &config->snid.backends, any_tcp);
	if (is_good(source, "snid.routes"))
		check_routes(source, own_backends);
}

void config_check(const struct config_source *source)
{
	const struct config *config = source->config;
	const struct side inside = { "inside", config->inside.list.v, config->inside.list.n,
				     sizeof(struct prefix) };
	const struct side pref64 = { "prefixes.nat64", config->prefixes.nat64.v,
				     config->prefixes.nat64.n, sizeof(struct prefix) };
	const struct side nat46 = { "prefixes.nat46", &config->prefixes.nat46, 1, 0 };
	/* Mapped hosts are inside ones: no check of that. */
	const struct eam *eam = config->prefixes.eam;
	const struct side eam6 = { "prefixes.eam", eam ? &eam->ipv6 : NULL,
				   config->prefixes.n_eam, sizeof(*eam) };

	check_apart(source, &inside, &pref64);
	check_apart(source, &inside, &nat46);
	check_pref64s(source, &pref64);
	check_draining(source);
	check_apart(source, &pref64, &nat46);
	check_apart(source, &pref64, &eam6);
	check_apart(source, &nat46, &eam6);
	check_eams(source);
	check_upstream(source);
	check_names(source);
	check_tls(source);
	check_snid(source);
}
