/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tayga.conf: a directive and its words on a line each, "#" begins a comment.
 *
 * TAYGA gives each host an IPv4 address of its own, without state, and leaves it to the host's
 * packet filter to have them share one; gate64 does both. So the usual private dynamic-pool
 * becomes what is the default here: the ports of the uplink's address.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "../core/addr.h"
#include "../core/config_report.h"
#include "../core/config_value.h"
#include "../core/rfc6052.h"
#include "convert.h"

enum { WORDS_MAX = 10, WORD_MAX = 256, MAPS_MAX = 1024, POOL_MAX = 64, MAPPED_LEN = 96 };

#define PREF64_DEFAULT "64:ff9b::/96"

struct map {
	struct prefix ipv4, ipv6;
};

struct line {
	char word[WORDS_MAX][WORD_MAX];
	size_t at[WORDS_MAX];	/* in the text */
	int n;
};

struct tayga {
	struct config_report *report;
	const struct line *line;
	unsigned int seen;	/* directives that may stand once, by row */
	bool has_prefix, has_pool, has_ipv4, lax;
	struct prefix pref64, pool;
	struct in6_addr ipv4;	/* TAYGA's own */
	struct map maps[MAPS_MAX];
	size_t n_maps;
	uint64_t mtu;		/* 0: not given */
};

static void wrong(struct tayga *tayga, int word, const char *expected)
{
	config_report_error(tayga->report, tayga->line->at[word], "expected %s, found `%.200s'",
			    expected, tayga->line->word[word]);
}

/* ---- directives ------------------------------------------------------------------ */

/* As prefix_parse(), but only of one family. */
static bool read_prefix(struct tayga *tayga, int word, bool v4, struct prefix *prefix)
{
	const char *problem = prefix_parse(tayga->line->word[word], prefix);

	if (!problem && prefix_is_v4(prefix) == v4)
		return true;
	config_report_error(tayga->report, tayga->line->at[word],
			    "expected an IPv%d address or prefix, found `%.200s'%s%s", v4 ? 4 : 6,
			    tayga->line->word[word], problem ? ": " : "", problem ? problem : "");
	return false;
}

static void read_pref64(struct tayga *tayga)
{
	if (!read_prefix(tayga, 1, false, &tayga->pref64))
		return;
	tayga->has_prefix = true;
	if (!rfc6052_valid_length(tayga->pref64.len))
		wrong(tayga, 1, "a prefix of length 32, 40, 48, 56, 64 or 96");
}

static void read_ipv4(struct tayga *tayga)
{
	tayga->has_ipv4 = addr_parse(tayga->line->word[1], &tayga->ipv4) &&
			  addr_is_v4(&tayga->ipv4);
	if (!tayga->has_ipv4)
		wrong(tayga, 1, "an IPv4 address");
}

static void read_pool(struct tayga *tayga)
{
	if (!read_prefix(tayga, 1, true, &tayga->pool))
		return;
	tayga->has_pool = true;
	if (tayga->pool.len > MAPPED_LEN + 31)
		wrong(tayga, 1, "a prefix of length 31 or less");
}

static void read_map(struct tayga *tayga)
{
	struct map *map = &tayga->maps[tayga->n_maps];

	if (tayga->n_maps == MAPS_MAX) {
		config_report_error(tayga->report, tayga->line->at[0], "more than %d maps",
				    MAPS_MAX);
		return;
	}
	if (!read_prefix(tayga, 1, true, &map->ipv4) || !read_prefix(tayga, 2, false, &map->ipv6))
		return;
	/* Both have a bit for each host in them. */
	if (map->ipv4.len != map->ipv6.len)
		wrong(tayga, 2, "an IPv6 prefix of the same size");
	tayga->n_maps++;
}

static void read_strict(struct tayga *tayga)
{
	tayga->lax = strcmp(tayga->line->word[1], "no") == 0;
	if (!tayga->lax && strcmp(tayga->line->word[1], "yes") != 0)
		wrong(tayga, 1, "yes or no");
}

static void read_mtu(struct tayga *tayga)
{
	if (!config_number_count.scan(tayga->line->word[1], &tayga->mtu) || tayga->mtu < 1280 ||
	    tayga->mtu > 65535)
		wrong(tayga, 1, "a number of bytes from 1280 to 65535");
}

/* Of those that have no equal: why not */
#define NO_TUN "gate64 has no interface of its own"

static const struct directive {
	const char *name;
	int least, most;	/* words behind it */
	bool often;		/* may stand more than once */
	void (*read)(struct tayga *tayga);
	const char *why;	/* it is not carried over, where @read is NULL */
} directives[] = {
	{ "tun-device", 1, 1, false, NULL, NO_TUN },
	{ "ipv4-addr", 1, 1, false, read_ipv4, NULL },
	{ "ipv6-addr", 1, 1, false, NULL, "ICMP errors come from the host's own addresses" },
	{ "prefix", 1, 1, false, read_pref64, NULL },
	{ "wkpf-strict", 1, 1, false, read_strict, NULL },
	{ "map", 2, 2, true, read_map, NULL },
	{ "dynamic-pool", 1, 1, false, read_pool, NULL },
	{ "data-dir", 1, 1, false, NULL, "flows outlive a restart by nat64.keep_flows" },
	{ "map-file", 1, 1, false, NULL, "put its maps into prefixes.eam" },
	{ "udp-cksum-mode", 1, 1, false, NULL, "checksums are always computed (RFC 7915 4.5)" },
	{ "strict-frag-hdr", 1, 1, false, NULL, "fragment headers are as RFC 7915 4.1 has them" },
	{ "log", 0, WORDS_MAX, false, NULL,
	  "drops are counted (gate64 status), flows logged by nat64.log" },
	{ "offlink-mtu", 1, 1, false, read_mtu, NULL },
	{ "workers", 1, 1, false, NULL, "there is one for each processor" },
	{ "tun-up", 1, 1, false, NULL, NO_TUN },
	{ "tun-ip", 1, 1, true, NULL, NO_TUN },
	{ "tun-route", 1, 1, true, NULL,
	  "gate64 takes packets to its prefixes as they are forwarded; routes to TAYGA must go" },
};

static void take_line(struct tayga *tayga, const struct line *line)
{
	tayga->line = line;
	for (size_t i = 0; i < sizeof(directives) / sizeof(directives[0]); i++) {
		const struct directive *row = &directives[i];

		if (strcasecmp(row->name, line->word[0]) != 0)
			continue;
		if (line->n - 1 < row->least || line->n - 1 > row->most)
			config_report_error(tayga->report, line->at[0], "%s takes %d word%s",
					    row->name, row->least, row->least == 1 ? "" : "s");
		else if (!row->often && (tayga->seen & 1u << i))
			config_report_error(tayga->report, line->at[0], "%s stands twice",
					    row->name);
		else if (row->read)
			row->read(tayga);
		else
			config_report_warning(tayga->report, line->at[0],
					      "not carried over: %s: %s", row->name, row->why);
		tayga->seen |= 1u << i;
		return;
	}
	config_report_error(tayga->report, line->at[0], "unknown directive `%.60s'",
			    line->word[0]);
}

/* Words of the line at @pos, up to "#". Return: where the next line begins. */
static size_t split(const struct config_report *report, size_t pos, struct line *line)
{
	const char *text = report->text;

	line->n = 0;
	while (pos < report->len && text[pos] != '\n') {
		size_t len = 0;

		if (text[pos] == '#') {
			while (pos < report->len && text[pos] != '\n')
				pos++;
			break;
		}
		if (isspace((unsigned char)text[pos])) {
			pos++;
			continue;
		}
		while (text[pos + len] && !isspace((unsigned char)text[pos + len]))
			len++;
		if (line->n < WORDS_MAX) {
			line->at[line->n] = pos;
			snprintf(line->word[line->n++], WORD_MAX, "%.*s", (int)len, text + pos);
		}
		pos += len ? len : 1;
	}
	return pos + 1;
}

/* ---- all of it ------------------------------------------------------------------- */

/* Nobody on the Internet sends anything to these: the host has them share an address. */
static bool is_private(const struct prefix *prefix)
{
	static const char *const texts[] = { "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16",
					     "100.64.0.0/10", "169.254.0.0/16", "192.0.0.0/24",
					     "198.18.0.0/15" };
	struct prefix private;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (!prefix_parse(texts[i], &private) && prefix_overlaps(prefix, &private))
			return true;
	return false;
}

/* A mapped address that the host hides behind another one is of no use any more. */
static bool is_hidden(const struct tayga *tayga, const struct map *map)
{
	return tayga->has_pool && is_private(&tayga->pool) &&
	       prefix_overlaps(&tayga->pool, &map->ipv4);
}

static bool is_mapped(const struct tayga *tayga, const struct in6_addr *addr)
{
	for (size_t i = 0; i < tayga->n_maps; i++)
		if (prefix_contains(&tayga->maps[i].ipv4, addr))
			return true;
	return tayga->has_ipv4 && addr_equal(addr, &tayga->ipv4);
}

/* Addresses of the Internet: each gives its ports. TAYGA keeps the first for nobody. */
static void print_pool(struct tayga *tayga, FILE *yaml)
{
	uint32_t first = ntohl(addr_v4_be32(&tayga->pool.addr)), n = 0;
	uint64_t size = 1ull << (128 - tayga->pool.len);
	char text[ADDR_STRLEN];

	fputs("  pool4:\n", yaml);
	for (uint64_t i = 1; i < size && n < POOL_MAX; i++) {
		struct in6_addr addr = addr_from_v4(htonl(first + (uint32_t)i));

		if (is_mapped(tayga, &addr))
			continue;
		fprintf(yaml, "    - {address: %s, ports: auto}\n", addr_format(&addr, text));
		n++;
	}
	if (size - 1 > POOL_MAX)
		config_report_warning(tayga->report, CONFIG_NOWHERE,
				      "not carried over: all of dynamic-pool but %d addresses, "
				      "which many clients can share", POOL_MAX);
}

static void print_maps(struct tayga *tayga, FILE *yaml)
{
	char ipv4[PREFIX_STRLEN], ipv6[PREFIX_STRLEN];
	bool any = false;

	for (size_t i = 0; i < tayga->n_maps; i++) {
		const struct map *map = &tayga->maps[i];

		prefix_format(&map->ipv4, ipv4);
		prefix_format(&map->ipv6, ipv6);
		if (is_hidden(tayga, map)) {
			config_report_warning(tayga->report, CONFIG_NOWHERE,
					      "not carried over: map %s %s: within the private "
					      "dynamic-pool; nat64.static leads ports inside", ipv4,
					      ipv6);
			continue;
		}
		fprintf(yaml, "%s    - {ipv4: %s, ipv6: \"%s\"}\n", any ? "" : "  eam:\n", ipv4,
			ipv6);
		any = true;
	}
}

static bool any_map(const struct tayga *tayga)
{
	for (size_t i = 0; i < tayga->n_maps; i++)
		if (!is_hidden(tayga, &tayga->maps[i]))
			return true;
	return false;
}

/* Those that TAYGA serves where it has no prefix: gate64 is never without one. */
static void print_clients(const struct tayga *tayga, FILE *yaml)
{
	char ipv6[PREFIX_STRLEN];
	bool any = false;

	fputs("  # TAYGA has no prefix; without this line, " PREF64_DEFAULT " is for all inside\n"
	      "  clients: [", yaml);
	for (size_t i = 0; i < tayga->n_maps; i++) {
		if (is_hidden(tayga, &tayga->maps[i]))
			continue;
		fprintf(yaml, "%s\"%s\"", any ? ", " : "",
			prefix_format(&tayga->maps[i].ipv6, ipv6));
		any = true;
	}
	fputs("]\n", yaml);
}

static void print(struct tayga *tayga, FILE *yaml)
{
	bool pool = tayga->has_pool && !is_private(&tayga->pool);
	char text[PREFIX_STRLEN] = PREF64_DEFAULT;
	bool own_prefix, mapped_only = !tayga->has_prefix;

	if (tayga->has_prefix)
		prefix_format(&tayga->pref64, text);
	own_prefix = strcmp(text, PREF64_DEFAULT) != 0;
	fputs("dns64: {enabled: false}   # TAYGA has none; without this line, gate64 does\n", yaml);
	if (own_prefix || any_map(tayga))
		fputs("prefixes:\n", yaml);
	if (own_prefix)
		fprintf(yaml, "  nat64: [\"%s\"]\n", text);
	print_maps(tayga, yaml);
	if (mapped_only || pool || tayga->lax || tayga->mtu > 1280)
		fputs("nat64:\n", yaml);
	if (mapped_only)
		print_clients(tayga, yaml);
	if (pool)
		print_pool(tayga, yaml);
	if (tayga->lax)
		fputs("  deny4: []\n", yaml);
	if (tayga->mtu > 1280)
		fprintf(yaml, "  lowest_ipv6_mtu: %u\n", (unsigned int)tayga->mtu);
}

/* What is done otherwise, though nothing in the file says so */
static void tell_differences(struct tayga *tayga)
{
	char text[PREFIX_STRLEN];

	if (tayga->has_ipv4)
		config_report_warning(tayga->report, CONFIG_NOWHERE,
				      "not carried over: ipv4-addr: ICMP errors come from the "
				      "host's own addresses");
	if (tayga->has_pool && is_private(&tayga->pool))
		config_report_warning(tayga->report, CONFIG_NOWHERE,
				      "not carried over: dynamic-pool %s: gate64 has clients share "
				      "the uplink's address itself; the rule that masquerades "
				      "them can go", prefix_format(&tayga->pool, text));
	else if (!tayga->has_pool && tayga->has_prefix)
		config_report_warning(tayga->report, CONFIG_NOWHERE,
				      "without dynamic-pool TAYGA serves mapped hosts alone, "
				      "gate64 all that are inside (nat64.clients)");
	if (!tayga->has_prefix)
		config_report_warning(tayga->report, CONFIG_NOWHERE,
				      "there is no prefix, but gate64 is never without one: mapped "
				      "hosts, and no others (nat64.clients), reach the IPv4 "
				      "Internet by " PREF64_DEFAULT);
	if (!tayga->lax)
		config_report_warning(tayga->report, CONFIG_NOWHERE,
				      "gate64 refuses special-purpose destinations such as "
				      "10.0.0.0/8 through every prefix, TAYGA only through "
				      "64:ff9b::/96; `nat64: {deny4: []}' lets them through");
}

void convert_tayga(struct config_report *report, FILE *yaml)
{
	struct tayga *tayga = calloc(1, sizeof(*tayga));
	struct line line;

	if (!tayga) {
		config_report_error(report, CONFIG_NOWHERE, "out of memory");
		return;
	}
	tayga->report = report;
	for (size_t pos = 0; pos < report->len;) {
		pos = split(report, pos, &line);
		if (line.n)
			take_line(tayga, &line);
	}
	if (!report->n_errors && !tayga->has_prefix && !any_map(tayga))
		config_report_error(report, CONFIG_NOWHERE, "neither prefix nor map stands there%s",
				    tayga->n_maps ? " that could be carried over: the maps are "
						    "within the private dynamic-pool" : "");
	if (!report->n_errors) {
		print(tayga, yaml);
		tell_differences(tayga);
	}
	free(tayga);
}
