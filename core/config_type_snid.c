/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The types of snid.listen and snid.routes: where clients come in, and names with a server
 * of their own.
 *
 *	- 443
 *	- "198.51.100.1:8006"
 *	- {port: 5432, protocol: postgres, backends: ["2001:db8:1::/80"]}
 */
#include <stdlib.h>
#include <string.h>

#include "config_report.h"
#include "config_routes.h"
#include "config_schema.h"
#include "config_type.h"
#include "config_value.h"
#include "config_yaml.h"
#include "hostname.h"

enum { PORT_STRLEN_MAX = 5 };

static const char expected_listen[] =
	"a port (1 to 65535), an address with a port such as \"192.0.2.1:443\", or a mapping such "
	"as {port: 5432, protocol: postgres}";
static const char expected_port[] = "a port (1 to 65535)";
static const char expected_address[] = "an address such as 192.0.2.1";
static const char expected_name[] = "a domain name such as www.example.org";
static const char expected_route[] =
	"a mapping such as {name: \"*.example.org\", backend: \"2001:db8:1::7\"}";
static const char expected_pattern[] =
	"a domain name such as www.example.org, or *.example.org for all below it";

static const char *const protocol_words[] = {
	[CONFIG_SNI_AUTO] = "auto",
	[CONFIG_SNI_TLS] = "tls",
	[CONFIG_SNI_POSTGRES] = "postgres",
	[CONFIG_SNI_HTTP] = "http",
	NULL
};

/* The row of the room's own setting of that name: its words and bounds hold here too. */
static const struct config_row *room_row(const char *path)
{
	return config_schema_find(path);
}

/* ---- what entries are made of ------------------------------------------------- */

static bool scan_port(const char *text, uint16_t *port)
{
	uint64_t value;

	if (strlen(text) > PORT_STRLEN_MAX || !config_number_count.scan(text, &value) ||
	    value < 1 || value > UINT16_MAX)
		return false;
	*port = (uint16_t)value;
	return true;
}

/* @key may be missing: then the value stays. */
static bool read_port(struct config_report *report, const struct yaml_node *entry,
		      const char *key, uint16_t *port)
{
	const struct yaml_node *node = config_yaml_member(entry, key);

	if (!node)
		return true;
	if (node->kind == YAML_SCALAR && scan_port(node->text, port))
		return true;
	return config_type_wrong(report, node, expected_port);
}

/* @text: of @node, or what is behind its "*."; taken only if a client might name it. */
static bool read_host(struct config_report *report, const struct yaml_node *node,
		      const char *text, const char *expected, char **name)
{
	char one_form[HOSTNAME_STRLEN];
	const char *wrong = hostname_normalise((const uint8_t *)text, strlen(text), one_form);

	if (wrong) {
		config_report_error(report, node->pos, "expected %s, found `%.60s': %s", expected,
				    node->text, wrong);
		return false;
	}
	*name = strdup(one_form);
	return *name || config_type_no_memory(report);
}

/* YAML's null, or the word: no name. */
static bool read_default_name(struct config_report *report, const struct yaml_node *node,
			      char **name)
{
	if (node->null || config_type_is_word(node, "null"))
		return true;
	if (node->kind != YAML_SCALAR)
		return config_type_wrong(report, node, expected_name);
	return read_host(report, node, node->text, expected_name, name);
}

/* ---- snid.listen ---------------------------------------------------------------- */

/* A port alone, or an address with a port */
static bool read_plain_listen(struct config_report *report, const struct yaml_node *node,
			      struct sni_listen *listen)
{
	listen->any = scan_port(node->text, &listen->at.port);
	if (listen->any)
		return true;
	if (!endpoint_parse(node->text, 0, &listen->at))
		return config_type_wrong(report, node, expected_listen);
	if (listen->at.port)
		return true;
	config_report_error(report, node->pos, "`%.60s' names no port", node->text);
	return false;
}

static bool read_address(struct config_report *report, const struct yaml_node *entry,
			 struct sni_listen *listen)
{
	const struct yaml_node *node = config_yaml_member(entry, "address");

	listen->any = !node;
	if (!node || (node->kind == YAML_SCALAR && addr_parse(node->text, &listen->at.addr)))
		return true;
	return config_type_wrong(report, node, expected_address);
}

static bool read_mode(struct config_report *report, const struct yaml_node *node,
		      struct sni_listen *listen)
{
	const struct config_row *row = room_row("snid.mode");
	unsigned int value;

	if (!config_type_scan_word(report, node, row->words, config_type_expected(row), &value))
		return false;
	listen->mode = (enum config_sni_mode)value;
	return true;
}

static bool read_protocol(struct config_report *report, const struct yaml_node *node,
			  struct sni_listen *listen)
{
	unsigned int value;

	if (!config_type_scan_word(report, node, protocol_words, "auto, tls, postgres or http",
				   &value))
		return false;
	listen->protocol = (enum config_sni_protocol)value;
	return true;
}

static bool read_backends(struct config_report *report, const struct yaml_node *node,
			  struct sni_listen *listen)
{
	const struct config_row *row = room_row("snid.backends");

	listen->backends.keyword = config_type_is_word(node, row->keyword);
	return listen->backends.keyword ||
	       config_type_read_prefixes(report, row, node, &listen->backends.list);
}

/* What an entry has for itself */
static bool read_own(struct config_report *report, const struct yaml_node *entry,
		     struct sni_listen *listen)
{
	const struct yaml_node *node;
	bool good = true;

	node = config_yaml_member(entry, "protocol");
	if (node)
		good = read_protocol(report, node, listen) && good;
	node = config_yaml_member(entry, "mode");
	if (node) {
		listen->own |= SNI_OWN_MODE;
		good = read_mode(report, node, listen) && good;
	}
	node = config_yaml_member(entry, "backends");
	if (node) {
		listen->own |= SNI_OWN_BACKENDS;
		good = read_backends(report, node, listen) && good;
	}
	node = config_yaml_member(entry, "default_name");
	if (node) {
		listen->own |= SNI_OWN_DEFAULT_NAME;
		good = read_default_name(report, node, &listen->default_name) && good;
	}
	node = config_yaml_member(entry, "proxy_from");
	if (node) {
		listen->own |= SNI_OWN_PROXY_FROM;
		good = config_type_read_prefixes(report, room_row("snid.proxy_from"), node,
						 &listen->proxy_from) && good;
	}
	return good;
}

static bool read_listen_entry(struct config_report *report, const struct yaml_node *node,
			      struct sni_listen *listen)
{
	static const char *const keys[] = { "port", "address", "protocol", "mode", "backends",
					    "default_name", "server_port", "proxy_from" };
	bool good;

	listen->at.addr = addr_from_v4(0);
	if (node->kind == YAML_SCALAR && !node->null)
		return read_plain_listen(report, node, listen);
	if (node->kind != YAML_MAP)
		return config_type_wrong(report, node, expected_listen);
	good = config_type_keys(report, node, keys, sizeof(keys) / sizeof(*keys));
	if (!config_type_scalar(report, node, "port", expected_port))
		return false;
	good = read_port(report, node, "port", &listen->at.port) && good;
	good = read_port(report, node, "server_port", &listen->server_port) && good;
	good = read_address(report, node, listen) && good;
	return read_own(report, node, listen) && good;
}

static bool read_listen(struct config_report *report, const struct config_row *row,
			const struct yaml_node *node, struct config *config)
{
	struct sni_listen **listen = config_at(config, row->offset);
	size_t *n = config_at(config, row->also);
	bool good = true;

	if (!config_type_list(report, row, node))
		return false;
	*listen = calloc(node->n + 1, sizeof(**listen));
	if (!*listen)
		return config_type_no_memory(report);
	for (const struct yaml_node *item = node->first; item; item = item->next) {
		good = read_listen_entry(report, item, &(*listen)[*n]) && good;
		++*n;
	}
	return good;
}

/* ---- its canonical form --------------------------------------------------------- */

static bool is_plain(const struct sni_listen *listen)
{
	return !listen->own && !listen->server_port && listen->protocol == CONFIG_SNI_AUTO;
}

static void print_plain(FILE *out, const struct sni_listen *listen)
{
	char text[ENDPOINT_STRLEN];

	if (listen->any)
		fprintf(out, "%u", listen->at.port);
	else
		config_type_print_scalar(out, endpoint_format(&listen->at, text));
	fputc('\n', out);
}

static void print_list(FILE *out, const char *path, const struct prefix_list *list, int indent)
{
	fputs(list->n ? "\n" : " []\n", out);
	config_type_print_prefixes(out, room_row(path), list, indent + 4);
}

static void print_own(FILE *out, const struct sni_listen *listen, int indent)
{
	if (listen->own & SNI_OWN_MODE)
		fprintf(out, "%*s  mode: %s\n", indent, "", room_row("snid.mode")->words[listen->mode]);
	if (listen->own & SNI_OWN_BACKENDS) {
		fprintf(out, "%*s  backends:", indent, "");
		if (listen->backends.keyword)
			fprintf(out, " %s\n", room_row("snid.backends")->keyword);
		else
			print_list(out, "snid.backends", &listen->backends.list, indent);
	}
	if (listen->own & SNI_OWN_DEFAULT_NAME) {
		fprintf(out, "%*s  default_name: ", indent, "");
		if (listen->default_name)
			config_type_print_scalar(out, listen->default_name);
		else
			fputs("null", out);
		fputc('\n', out);
	}
	if (listen->own & SNI_OWN_PROXY_FROM) {
		fprintf(out, "%*s  proxy_from:", indent, "");
		print_list(out, "snid.proxy_from", &listen->proxy_from, indent);
	}
}

static void print_listen(FILE *out, const struct config_row *row, const struct config *config,
			 int indent)
{
	struct sni_listen *const *all = config_at_const(config, row->offset);
	const size_t *n = config_at_const(config, row->also);
	char text[ADDR_STRLEN];

	fputs(*n ? "\n" : " []\n", out);
	for (size_t i = 0; i < *n; i++) {
		const struct sni_listen *listen = &(*all)[i];

		fprintf(out, "%*s- ", indent, "");
		if (is_plain(listen)) {
			print_plain(out, listen);
			continue;
		}
		fprintf(out, "port: %u\n", listen->at.port);
		if (!listen->any) {
			fprintf(out, "%*s  address: ", indent, "");
			config_type_print_scalar(out, addr_format(&listen->at.addr, text));
			fputc('\n', out);
		}
		fprintf(out, "%*s  protocol: %s\n", indent, "", protocol_words[listen->protocol]);
		if (listen->server_port)
			fprintf(out, "%*s  server_port: %u\n", indent, "", listen->server_port);
		print_own(out, listen, indent);
	}
}

static void free_listen(const struct config_row *row, struct config *config)
{
	struct sni_listen **listen = config_at(config, row->offset);
	size_t *n = config_at(config, row->also);

	for (size_t i = 0; i < *n; i++) {
		prefix_list_free(&(*listen)[i].backends.list);
		prefix_list_free(&(*listen)[i].proxy_from);
		free((*listen)[i].default_name);
	}
	free(*listen);
	*listen = NULL;
	*n = 0;
}

/* ---- snid.routes ------------------------------------------------------------------ */

static bool read_pattern(struct config_report *report, const struct yaml_node *entry,
			 struct sni_route *route)
{
	const struct yaml_node *node = config_type_scalar(report, entry, "name", expected_pattern);

	if (!node)
		return false;
	route->below = strncmp(node->text, "*.", 2) == 0;
	return read_host(report, node, node->text + (route->below ? 2 : 0), expected_pattern,
			 &route->name);
}

static bool read_backend(struct config_report *report, const struct yaml_node *entry,
			 struct sni_route *route)
{
	static const char expected[] = "an address such as \"2001:db8:1::7\"";
	const struct yaml_node *node = config_type_scalar(report, entry, "backend", expected);

	if (!node)
		return false;
	return addr_parse(node->text, &route->backend) ||
	       config_type_wrong(report, node, expected);
}

static bool read_route(struct config_report *report, const struct yaml_node *node,
		       struct sni_route *route)
{
	static const char *const keys[] = { "name", "backend", "port" };
	bool good;

	if (node->kind != YAML_MAP)
		return config_type_wrong(report, node, expected_route);
	good = config_type_keys(report, node, keys, sizeof(keys) / sizeof(*keys));
	good = read_pattern(report, node, route) && good;
	good = read_backend(report, node, route) && good;
	return read_port(report, node, "port", &route->port) && good;
}

static void report_twice(struct config_report *report, const struct yaml_node *list, size_t i,
			 const struct sni_route *route)
{
	const struct yaml_node *item = list->first;

	while (i--)
		item = item->next;
	config_report_error(report, item->pos, "%s%s is listed twice", route->below ? "*." : "",
			    route->name);
}

/* All have names. */
static bool index_routes(struct config_report *report, const struct yaml_node *list,
			 const struct sni_route *routes, const struct sni_route **by_name,
			 size_t n)
{
	bool good = true;

	for (size_t i = 0; i < n; i++)
		by_name[i] = &routes[i];
	config_routes_sort(by_name, n);
	for (size_t i = 1; i < n; i++) {
		const struct sni_route *one = by_name[i - 1], *other = by_name[i];

		if (!config_routes_same(one, other))
			continue;
		report_twice(report, list, (size_t)((one > other ? one : other) - routes), one);
		good = false;
	}
	return good;
}

static bool read_routes(struct config_report *report, const struct config_row *row,
			const struct yaml_node *node, struct config *config)
{
	struct sni_route **routes = config_at(config, row->offset);
	size_t *n = config_at(config, row->also);
	bool good = true;

	if (!config_type_list(report, row, node))
		return false;
	*routes = calloc(node->n + 1, sizeof(**routes));
	config->snid.routes_by_name = calloc(node->n + 1, sizeof(void *));
	if (!*routes || !config->snid.routes_by_name)
		return config_type_no_memory(report);
	for (const struct yaml_node *item = node->first; item; item = item->next) {
		good = read_route(report, item, &(*routes)[*n]) && good;
		++*n;
	}
	return good && index_routes(report, node, *routes, config->snid.routes_by_name, *n);
}

static void print_routes(FILE *out, const struct config_row *row, const struct config *config,
			 int indent)
{
	struct sni_route *const *routes = config_at_const(config, row->offset);
	const size_t *n = config_at_const(config, row->also);
	char pattern[CONFIG_DOMAIN_STRLEN + 2], text[ADDR_STRLEN];

	fputs(*n ? "\n" : " []\n", out);
	for (size_t i = 0; i < *n; i++) {
		const struct sni_route *route = &(*routes)[i];

		snprintf(pattern, sizeof(pattern), "%s%s", route->below ? "*." : "", route->name);
		fprintf(out, "%*s- name: ", indent, "");
		config_type_print_scalar(out, pattern);
		fprintf(out, "\n%*s  backend: ", indent, "");
		config_type_print_scalar(out, addr_format(&route->backend, text));
		fputc('\n', out);
		if (route->port)
			fprintf(out, "%*s  port: %u\n", indent, "", route->port);
	}
}

static void free_routes(const struct config_row *row, struct config *config)
{
	struct sni_route **routes = config_at(config, row->offset);
	size_t *n = config_at(config, row->also);

	for (size_t i = 0; i < *n; i++)
		free((*routes)[i].name);
	free(*routes);
	free(config->snid.routes_by_name);
	config->snid.routes_by_name = NULL;
	*routes = NULL;
	*n = 0;
}

/* ---- snid.default_name -------------------------------------------------------------- */

static bool read_room_default_name(struct config_report *report, const struct config_row *row,
				   const struct yaml_node *node, struct config *config)
{
	return read_default_name(report, node, config_at(config, row->offset));
}

static void print_room_default_name(FILE *out, const struct config_row *row,
				    const struct config *config, int indent)
{
	char *const *name = config_at_const(config, row->offset);

	(void)indent;
	fputc(' ', out);
	if (*name)
		config_type_print_scalar(out, *name);
	else
		fputs("null", out);
	fputc('\n', out);
}

static void free_default_name(const struct config_row *row, struct config *config)
{
	char **name = config_at(config, row->offset);

	free(*name);
	*name = NULL;
}

const struct config_type config_type_listen = {
	.expected = "a list", .read = read_listen, .print = print_listen, .free = free_listen
};
const struct config_type config_type_routes = {
	.expected = "a list", .read = read_routes, .print = print_routes, .free = free_routes
};
const struct config_type config_type_default_name = {
	.expected = "null, or a domain name", .read = read_room_default_name,
	.print = print_room_default_name, .free = free_default_name
};
