/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * snid's command line (github.com/AGWA/snid): options as Go's flag package takes them, with
 * one hyphen or two, the value in the next word or behind "="; listeners as its go-listener
 * package writes them ("tcp:443", "tcp:192.0.2.4:443", "tcp:[2001:db8::1]:443").
 */
#include <ctype.h>
#include <string.h>

#include "../core/addr.h"
#include "../core/config_report.h"
#include "../core/config_type.h"
#include "../core/config_value.h"
#include "convert.h"

enum { WORD_MAX = 512, LISTEN_MAX = 64 };

#define NAT46_DEFAULT "64:ff9b:1::/96"

struct listener {
	bool any;		/* on every address */
	struct endpoint at;
};

struct snid {
	struct config_report *report;
	size_t at, option_at;	/* of the word, and of the option, that is read, in the text */
	char mode[8];		/* "": not given yet */
	size_t mode_at;
	struct listener listeners[LISTEN_MAX];
	size_t n_listeners;
	struct prefix_list backends;
	size_t backends_at, nat46_at, directory_at, port_at, proxy_at;	/* 0: not given */
	bool proxy_proto;
	uint16_t backend_port;
	struct prefix nat46;
	char directory[WORD_MAX], default_name[WORD_MAX];
};

static void wrong(struct snid *snid, const char *what, const char *word)
{
	config_report_error(snid->report, snid->at, "%s: `%.200s'", what, word);
}

/* ---- options --------------------------------------------------------------------- */

static void read_listen(struct snid *snid, const char *value)
{
	struct listener *listener = &snid->listeners[snid->n_listeners];
	struct port_range port;

	if (strncmp(value, "proxy:", 6) == 0) {
		config_report_warning(snid->report, snid->at,
				      "not carried over: proxy. List the proxies in "
				      "snid.proxy_from; gate64 believes nobody else");
		value += 6;
	}
	if (snid->n_listeners == LISTEN_MAX) {
		wrong(snid, "more than 64 listeners", value);
		return;
	}
	if (strncmp(value, "tcp:", 4) != 0) {
		wrong(snid, "gate64 listens on TCP alone (tcp:443, tcp:192.0.2.4:443)", value);
		return;
	}
	value += 4;
	*listener = (struct listener){ 0 };
	if (config_value_ports(value, &port) && port.first == port.last && !strchr(value, '-')) {
		listener->any = true;
		listener->at.port = port.first;
	} else if (!endpoint_parse(value, 0, &listener->at) || !listener->at.port) {
		wrong(snid, "not a listener", value);
		return;
	} else if (IN6_IS_ADDR_UNSPECIFIED(&listener->at.addr)) {
		listener->any = true;	/* of Go: both families */
	}
	snid->n_listeners++;
}

static void read_mode(struct snid *snid, const char *value)
{
	if (strcmp(value, "nat46") != 0 && strcmp(value, "tcp") != 0 && strcmp(value, "unix") != 0)
		wrong(snid, "not a mode (nat46, tcp or unix)", value);
	else
		strcpy(snid->mode, value);
	snid->mode_at = snid->at;
}

static void read_backend_cidr(struct snid *snid, const char *value)
{
	struct prefix prefix;

	snid->backends_at = snid->option_at + 1;
	if (!convert_cidr(value, &prefix))
		wrong(snid, "not a CIDR", value);
	else if (!prefix_list_has(&snid->backends, &prefix))
		prefix_list_add(&snid->backends, &prefix);
}

static void read_backend_port(struct snid *snid, const char *value)
{
	struct port_range range;

	snid->port_at = snid->option_at + 1;
	if (config_value_ports(value, &range) && range.first == range.last)
		snid->backend_port = range.first;
	else if (strcmp(value, "0") != 0)	/* that of the listener */
		wrong(snid, "not a port", value);
}

/* An address; the client's takes the place of its last 32 bits. */
static void read_nat46_prefix(struct snid *snid, const char *value)
{
	struct in6_addr addr;

	snid->nat46_at = snid->option_at + 1;
	if (!addr_parse(value, &addr) || addr_is_v4(&addr)) {
		wrong(snid, "not an IPv6 address", value);
		return;
	}
	memset(addr.s6_addr + 12, 0, 4);
	snid->nat46 = (struct prefix){ addr, 96 };
}

static void read_directory(struct snid *snid, const char *value)
{
	snid->directory_at = snid->option_at + 1;
	strcpy(snid->directory, value);
}

static void read_default_hostname(struct snid *snid, const char *value)
{
	char name[CONFIG_DOMAIN_STRLEN];

	if (!config_value_domain(value, name))
		wrong(snid, "not a host name", value);
	else
		strcpy(snid->default_name, name);
}

/* A Boolean as Go reads it; NULL: the option alone */
static void read_proxy_proto(struct snid *snid, const char *value)
{
	static const char *const yes[] = { "1", "t", "T", "true", "TRUE", "True" };
	static const char *const no[] = { "0", "f", "F", "false", "FALSE", "False" };

	snid->proxy_at = snid->option_at + 1;
	snid->proxy_proto = !value;
	for (size_t i = 0; value && i < sizeof(yes) / sizeof(yes[0]); i++) {
		snid->proxy_proto = snid->proxy_proto || strcmp(value, yes[i]) == 0;
		if (strcmp(value, no[i]) == 0)
			return;
	}
	if (!snid->proxy_proto)
		wrong(snid, "neither true nor false", value);
}

static const struct {
	const char *name;
	void (*read)(struct snid *snid, const char *value);
	bool flag;		/* its value, if any, stands behind "=" */
} options[] = {
	{ "listen", read_listen, false },
	{ "mode", read_mode, false },
	{ "default-hostname", read_default_hostname, false },
	{ "backend-cidr", read_backend_cidr, false },
	{ "backend-port", read_backend_port, false },
	{ "nat46-prefix", read_nat46_prefix, false },
	{ "unix-directory", read_directory, false },
	{ "proxy-proto", read_proxy_proto, true },
};

/* ---- words ----------------------------------------------------------------------- */

/* The word at *@text, which moves behind it, without the quotes that a shell would take away.
 * Return: false: there is none, or an error was reported. */
static bool next_word(struct snid *snid, const char **text, char *word)
{
	const char *p = *text;
	const char *quoted_at = NULL;
	char quote = '\0';
	size_t len = 0;

	/* A unit file may have broken its line. */
	while (isspace((unsigned char)*p) || (*p == '\\' && p[1] == '\n'))
		p++;
	snid->at = (size_t)(p - snid->report->text);
	if (!*p)
		return false;
	for (; *p && (quote || !isspace((unsigned char)*p)); p++) {
		if (quote ? *p == quote : *p == '\'' || *p == '"') {
			quote = quote ? '\0' : *p;
			quoted_at = p;
		} else if (len < WORD_MAX - 1) {
			word[len++] = *p;
		}
	}
	word[len] = '\0';
	*text = p;
	if (quote) {
		config_report_error(snid->report, (size_t)(quoted_at - snid->report->text),
				    "this quote has no end");
		return false;
	}
	if (len < WORD_MAX - 1)
		return true;
	config_report_error(snid->report, snid->at, "too long a word");
	return false;
}

/* One option, and its value where that is a word of its own */
static bool read_option(struct snid *snid, const char *word, const char **text)
{
	const char *name = word + (word[1] == '-' ? 2 : 1), *equals = strchr(name, '=');
	size_t len = equals ? (size_t)(equals - name) : strlen(name);
	char value[WORD_MAX];

	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		if (strlen(options[i].name) != len || strncmp(options[i].name, name, len) != 0)
			continue;
		if (equals || options[i].flag) {
			options[i].read(snid, equals ? equals + 1 : NULL);
			return true;
		}
		if (!next_word(snid, text, value)) {
			if (!snid->report->n_errors)
				wrong(snid, "option needs a value", word);
			return false;
		}
		options[i].read(snid, value);
		return true;
	}
	wrong(snid, "not an option of snid", word);
	return true;
}

static void read_words(struct snid *snid)
{
	const char *text = snid->report->text;
	char word[WORD_MAX];

	/* Perhaps the whole command, as a unit file has it */
	while (next_word(snid, &text, word)) {
		const char *name = strrchr(word, '/');

		if (snid->at == 0 && strcmp(name ? name + 1 : word, "snid") == 0)
			continue;
		if (word[0] != '-' || !word[1] || strcmp(word, "--") == 0) {
			wrong(snid, "not an option", word);
			return;
		}
		snid->option_at = snid->at;
		if (!read_option(snid, word, &text))
			return;
	}
}

/* ---- all of it ------------------------------------------------------------------- */

static void unused(struct snid *snid, size_t at, const char *option)
{
	if (at)
		config_report_warning(snid->report, at - 1,
				      "not carried over: mode %s has no use for -%s", snid->mode,
				      option);
}

static void needs(struct snid *snid, bool given, const char *option)
{
	if (!given)
		config_report_error(snid->report, snid->mode_at, "mode %s needs -%s", snid->mode,
				    option);
}

/* Servers of mode nat46 are reached by IPv6 alone, and its clients come from IPv4. */
static void leave_out_family(struct snid *snid)
{
	char text[ENDPOINT_STRLEN];
	size_t n = 0;

	for (size_t i = 0; i < snid->backends.n; i++) {
		if (prefix_is_v4(&snid->backends.v[i]))
			config_report_warning(snid->report, snid->backends_at - 1,
					      "not carried over: %s: mode nat46 has no IPv4 "
					      "servers",
					      prefix_format(&snid->backends.v[i], text));
		else
			snid->backends.v[n++] = snid->backends.v[i];
	}
	snid->backends.n = n;
	n = 0;
	for (size_t i = 0; i < snid->n_listeners; i++) {
		const struct listener *listener = &snid->listeners[i];

		if (!listener->any && !addr_is_v4(&listener->at.addr))
			config_report_warning(snid->report, CONFIG_NOWHERE,
					      "not carried over: %s: mode nat46 has no IPv6 "
					      "clients",
					      endpoint_format(&listener->at, text));
		else
			snid->listeners[n++] = *listener;
	}
	snid->n_listeners = n;
}

static void check_mode(struct snid *snid)
{
	bool unix_mode = strcmp(snid->mode, "unix") == 0, nat46 = strcmp(snid->mode, "nat46") == 0;

	if (nat46)
		leave_out_family(snid);
	needs(snid, snid->n_listeners > 0, "listen");
	if (unix_mode) {
		needs(snid, snid->directory_at, "unix-directory");
		unused(snid, snid->backends_at, "backend-cidr");
		unused(snid, snid->port_at, "backend-port");
	} else {
		needs(snid, snid->backends.n > 0, "backend-cidr");
		unused(snid, snid->directory_at, "unix-directory");
	}
	if (nat46) {
		needs(snid, snid->nat46_at, "nat46-prefix");
		unused(snid, snid->proxy_proto ? snid->proxy_at : 0, "proxy-proto");
	} else {
		unused(snid, snid->nat46_at, "nat46-prefix");
	}
}

static void print_listener(const struct snid *snid, const struct listener *listener, FILE *yaml)
{
	char text[ENDPOINT_STRLEN];

	fputs("    - ", yaml);
	if (snid->backend_port && strcmp(snid->mode, "unix") != 0) {
		fprintf(yaml, "{port: %u, ", listener->at.port);
		if (!listener->any)
			fprintf(yaml, "address: \"%s\", ", addr_format(&listener->at.addr, text));
		fprintf(yaml, "server_port: %u}\n", snid->backend_port);
	} else if (listener->any) {
		fprintf(yaml, "%u\n", listener->at.port);
	} else {
		fprintf(yaml, "\"%s\"\n", endpoint_format(&listener->at, text));
	}
}

static void print_nat46(const struct snid *snid, FILE *yaml)
{
	char text[PREFIX_STRLEN];

	prefix_format(&snid->nat46, text);
	if (strcmp(snid->mode, "nat46") == 0 && strcmp(text, NAT46_DEFAULT) != 0)
		fprintf(yaml, "prefixes:\n  nat46: \"%s\"\n", text);
}

static void print_backends(const struct snid *snid, FILE *yaml)
{
	char text[PREFIX_STRLEN];

	fputs("  backends:\n", yaml);
	for (size_t i = 0; i < snid->backends.n; i++) {
		fputs("    - ", yaml);
		config_type_print_scalar(yaml, prefix_is_v4(&snid->backends.v[i]) &&
					 snid->backends.v[i].len == 96 ? "0.0.0.0/0" :
					 prefix_format(&snid->backends.v[i], text));
		fputc('\n', yaml);
	}
}

static void print(const struct snid *snid, FILE *yaml)
{
	bool unix_mode = strcmp(snid->mode, "unix") == 0, nat46 = strcmp(snid->mode, "nat46") == 0;

	fputs("# What snid did; without these two lines, NAT64 and DNS64 too\n"
	      "nat64: {enabled: false}\n"
	      "dns64: {enabled: false}\n", yaml);
	print_nat46(snid, yaml);
	fputs("snid:\n  listen:\n", yaml);
	for (size_t i = 0; i < snid->n_listeners; i++)
		print_listener(snid, &snid->listeners[i], yaml);
	if (!nat46)
		fprintf(yaml, "  mode: %s\n", snid->mode);
	if (!unix_mode)
		print_backends(snid, yaml);
	if (snid->default_name[0])
		fprintf(yaml, "  default_name: \"%s\"\n", snid->default_name);
	if (unix_mode) {
		fputs("  unix_directory: ", yaml);
		config_type_print_scalar(yaml, snid->directory);
		fputc('\n', yaml);
	}
	if (snid->proxy_proto && !nat46)
		fputs("  proxy_to: v2\n", yaml);
}

void convert_snid(struct config_report *report, FILE *yaml)
{
	struct snid snid = { .report = report };

	read_words(&snid);
	if (!report->n_errors && !snid.mode[0])
		config_report_error(report, CONFIG_NOWHERE, "there is no -mode");
	if (!report->n_errors)
		check_mode(&snid);
	if (!report->n_errors) {
		print(&snid, yaml);
		config_report_warning(report, CONFIG_NOWHERE,
				      "snid asks the resolver of this host, gate64 the DNS itself: "
				      "dns64.upstream names resolvers to ask instead");
	}
	prefix_list_free(&snid.backends);
}
