/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Jool's pool4 and its static bindings. An entry of pool4 is for one protocol and one mark;
 * ours have the same ports for every protocol, and no mark.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "../core/config_report.h"
#include "../core/config_value.h"
#include "../core/config_yaml.h"
#include "convert_jool.h"

enum { RANGES_MAX = 64, MAPPED_LEN = 96 };

/* What Jool takes where no range is given */
static const struct port_range usual_ports = { 61001, 65535 };

static const char *const proto_names[] = { "TCP", "UDP", "ICMP" };

static bool has_only(struct jool *jool, const struct yaml_node *entry, const char *const *keys,
		     size_t n)
{
	bool good = jool_map(jool, entry);

	for (const struct yaml_node *node = good ? entry->first : NULL; node; node = node->next) {
		bool known = jool_key_is_comment(node);

		for (size_t i = 0; i < n; i++)
			known = known || strcmp(node->key, keys[i]) == 0;
		if (known)
			continue;
		config_report_error(jool->report, node->key_pos, "unknown key `%.60s'", node->key);
		good = false;
	}
	return good;
}

/* The text of a member that must be there; NULL after reporting. */
static const char *text_at(struct jool *jool, const struct yaml_node *entry, const char *key)
{
	const struct yaml_node *node = config_yaml_member(entry, key);

	if (node)
		return jool_text(jool, node, "a text");
	config_report_error(jool->report, entry->pos, "there is no \"%s\" in it", key);
	return NULL;
}

/* Return: the protocol, or -1 after reporting. */
static int proto_at(struct jool *jool, const struct yaml_node *entry)
{
	const char *text = text_at(jool, entry, "protocol");

	for (int proto = 0; text && proto <= JOOL_ICMP; proto++)
		if (strcasecmp(proto_names[proto], text) == 0)
			return proto;
	if (text)
		config_report_error(jool->report, config_yaml_member(entry, "protocol")->pos,
				    "expected TCP, UDP or ICMP, found `%.60s'", text);
	return -1;
}

/* ---- pool4 ----------------------------------------------------------------------- */

static bool ports_at(struct jool *jool, const struct yaml_node *entry, struct port_range *range)
{
	const struct yaml_node *node = config_yaml_member(entry, "port range");
	const char *text = node ? jool_text(jool, node, "a range of ports") : NULL;

	bool from_0 = text && strncmp(text, "0-", 2) == 0;

	*range = usual_ports;
	if (!text)
		return !node;
	/* Port 0 is none. */
	if (config_value_ports(from_0 ? text + 2 : text, range)) {
		range->first = from_0 ? 1 : range->first;
		return true;
	}
	config_report_error(jool->report, node->pos,
			    "expected a range of ports such as 61001-65535, found `%.60s'", text);
	return false;
}

static struct jool_pool *pool_of(struct jool *jool, const struct in6_addr *addr)
{
	struct jool_pool *pool;

	for (size_t i = 0; i < jool->n_pools; i++)
		if (addr_equal(&jool->pools[i].addr, addr))
			return &jool->pools[i];
	if (jool->n_pools == JOOL_POOL_MAX)
		return NULL;
	pool = &jool->pools[jool->n_pools];
	pool->addr = *addr;
	pool->ports = calloc(JOOL_PORTS, 1);
	jool->n_pools += pool->ports != NULL;
	return pool->ports ? pool : NULL;
}

static void add_ports(struct jool *jool, const struct yaml_node *entry,
		      const struct prefix *prefix, int proto, const struct port_range *range)
{
	uint32_t first = ntohl(addr_v4_be32(&prefix->addr));
	uint64_t size = 1ull << (128 - prefix->len);

	for (uint64_t i = 0; i < size; i++) {
		struct in6_addr addr = addr_from_v4(htonl(first + (uint32_t)i));
		struct jool_pool *pool = pool_of(jool, &addr);

		if (!pool) {
			config_report_error(jool->report, entry->pos,
					    "more than %d addresses in pool4", JOOL_POOL_MAX);
			return;
		}
		pool->protos |= (uint8_t)(1 << proto);
		for (unsigned int port = range->first; port <= range->last; port++)
			pool->ports[port] |= (uint8_t)(1 << proto);
	}
}

static bool has_mark(struct jool *jool, const struct yaml_node *entry)
{
	const struct yaml_node *mark = config_yaml_member(entry, "mark");
	const char *text = mark ? jool_text(jool, mark, "a number") : "0";

	if (!text || strcmp(text, "0") == 0)
		return false;
	config_report_warning(jool->report, mark->key_pos,
			      "not carried over: this entry of pool4: there are no marks, all "
			      "clients have one pool");
	return true;
}

static void read_pool_entry(struct jool *jool, const struct yaml_node *entry)
{
	static const char *const keys[] = { "mark", "protocol", "prefix", "port range",
					    "max-iterations" };
	const struct yaml_node *iterations;
	struct port_range range;
	struct prefix prefix;
	const char *text, *problem;
	int proto;

	if (!has_only(jool, entry, keys, sizeof(keys) / sizeof(keys[0])))
		return;
	proto = proto_at(jool, entry);
	text = text_at(jool, entry, "prefix");
	if (proto < 0 || !text || !ports_at(jool, entry, &range))
		return;
	problem = prefix_parse(text, &prefix);
	if (!problem && !prefix_is_v4(&prefix))
		problem = "not an IPv4 prefix";
	if (problem) {
		config_report_error(jool->report, config_yaml_member(entry, "prefix")->pos,
				    "`%.60s': %s", text, problem);
		return;
	}
	iterations = config_yaml_member(entry, "max-iterations");
	if (iterations)
		config_report_warning(jool->report, iterations->key_pos,
				      "not carried over: max-iterations: every free port is found");
	/* Identifiers are chosen from all that there are. */
	if (!has_mark(jool, entry) && proto != JOOL_ICMP)
		add_ports(jool, entry, &prefix, proto, &range);
}

void jool_read_pool4(struct jool *jool, const struct yaml_node *list)
{
	if (list->kind != YAML_LIST) {
		config_report_error(jool->report, list->pos, "expected a list of entries");
		return;
	}
	for (const struct yaml_node *entry = list->first; entry; entry = entry->next)
		read_pool_entry(jool, entry);
	/* None would mean the host's own addresses, which the file did not give away. */
	if (list->n && !jool->n_pools && !jool->report->n_errors)
		config_report_error(jool->report, list->pos,
				    "no entry of pool4 is left: take the mark away from those of "
				    "TCP and UDP that all clients may use");
}

/* Of protocols that have different ports, those that they share: no others were meant for
 * every protocol. */
static bool offers(const struct jool_pool *pool, unsigned int port)
{
	return port < JOOL_PORTS && pool->ports[port] == pool->protos;
}

static bool differ(const struct jool_pool *pool)
{
	for (unsigned int port = 1; port < JOOL_PORTS; port++)
		if (pool->ports[port] && pool->ports[port] != pool->protos)
			return true;
	return false;
}

static void print_pool(struct jool *jool, const struct jool_pool *pool, FILE *yaml)
{
	char text[ADDR_STRLEN];
	unsigned int first = 0, n = 0;

	addr_format(&pool->addr, text);
	if (differ(pool) || pool->protos != (1 << JOOL_TCP | 1 << JOOL_UDP))
		config_report_warning(jool->report, CONFIG_NOWHERE,
				      "pool4 of %s: the same ports are for TCP and UDP here; they "
				      "are those of all protocols that the file names", text);
	fprintf(yaml, "    - {address: %s, ports: [", text);
	for (unsigned int port = 1; port <= JOOL_PORTS; port++) {
		if (offers(pool, port) && !offers(pool, port - 1))
			first = port;
		if (offers(pool, port) || !offers(pool, port - 1) || !first || n++ == RANGES_MAX)
			continue;
		fprintf(yaml, first == port - 1 ? "%s%u" : "%s%u-%u", n > 1 ? ", " : "", first,
			port - 1);
	}
	fputs("]}\n", yaml);
	if (!n)
		config_report_error(jool->report, CONFIG_NOWHERE,
				    "pool4 of %s: TCP and UDP have no port in common", text);
	if (n > RANGES_MAX)
		config_report_error(jool->report, CONFIG_NOWHERE,
				    "pool4 of %s: more than %d ranges of ports", text, RANGES_MAX);
}

void jool_print_pool4(struct jool *jool, FILE *yaml)
{
	fputs("  pool4:\n", yaml);
	/* An empty pool4 is Jool's usual ports of the host's addresses. */
	if (!jool->n_pools)
		fprintf(yaml, "    - {address: auto, ports: %u-%u}\n", usual_ports.first,
			usual_ports.last);
	for (size_t i = 0; i < jool->n_pools; i++)
		print_pool(jool, &jool->pools[i], yaml);
}

/* ---- static bindings ------------------------------------------------------------- */

/* "2001:db8::1#80" */
static bool transport_at(struct jool *jool, const struct yaml_node *entry, const char *key,
			 bool v4, struct endpoint *end)
{
	const char *text = text_at(jool, entry, key);
	const char *hash = text ? strchr(text, '#') : NULL;
	char addr[ADDR_STRLEN];
	struct port_range port;

	if (!text)
		return false;
	snprintf(addr, sizeof(addr), "%.*s", hash ? (int)(hash - text) : 0, text);
	if (hash && hash - text < ADDR_STRLEN && addr_parse(addr, &end->addr) &&
	    addr_is_v4(&end->addr) == v4 && config_value_ports(hash + 1, &port) &&
	    port.first == port.last) {
		end->port = port.first;
		return true;
	}
	config_report_error(jool->report, config_yaml_member(entry, key)->pos,
			    "expected an IPv%d address, # and a port, found `%.60s'",
			    v4 ? 4 : 6, text);
	return false;
}

static void read_bib_entry(struct jool *jool, const struct yaml_node *entry)
{
	static const char *const keys[] = { "protocol", "ipv6 address", "ipv4 address" };
	struct jool_bib *bib = &jool->bib[jool->n_bib];

	if (!has_only(jool, entry, keys, sizeof(keys) / sizeof(keys[0])))
		return;
	bib->proto = proto_at(jool, entry);
	if (bib->proto >= 0 && transport_at(jool, entry, "ipv6 address", false, &bib->inside) &&
	    transport_at(jool, entry, "ipv4 address", true, &bib->outside))
		jool->n_bib++;
}

void jool_read_bib(struct jool *jool, const struct yaml_node *list)
{
	if (list->kind != YAML_LIST) {
		config_report_error(jool->report, list->pos, "expected a list of entries");
		return;
	}
	jool->bib = calloc(list->n + 1, sizeof(*jool->bib));
	if (!jool->bib)
		config_report_error(jool->report, CONFIG_NOWHERE, "out of memory");
	for (const struct yaml_node *entry = jool->bib ? list->first : NULL; entry;
	     entry = entry->next)
		read_bib_entry(jool, entry);
}

void jool_print_bib(const struct jool *jool, FILE *yaml)
{
	static const char *const words[] = { "tcp", "udp", "icmp" };
	char inside[ENDPOINT_STRLEN], outside[ENDPOINT_STRLEN];

	for (size_t i = 0; i < jool->n_bib; i++) {
		const struct jool_bib *bib = &jool->bib[i];

		fprintf(yaml, "%s    - {proto: %s, outside: \"%s\", inside: \"%s\"}\n",
			i ? "" : "  static:\n", words[bib->proto],
			endpoint_format(&bib->outside, outside),
			endpoint_format(&bib->inside, inside));
	}
}

void jool_pools_free(struct jool *jool)
{
	for (size_t i = 0; i < jool->n_pools; i++)
		free(jool->pools[i].ports);
	free(jool->bib);
}
