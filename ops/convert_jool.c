/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Jool's atomic configuration of a NAT64 instance: JSON, which is read as the YAML that it
 * is, so that every value has its place. Keys called "comment" may stand anywhere.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "../core/config_report.h"
#include "../core/config_value.h"
#include "../core/config_yaml.h"
#include "convert.h"
#include "convert_jool.h"

#define PREF64_DEFAULT "64:ff9b::/96"

static void wrong(struct jool *jool, const struct yaml_node *node, const char *expected)
{
	config_report_error(jool->report, node->pos, "expected %s", expected);
}

const char *jool_text(struct jool *jool, const struct yaml_node *node, const char *expected)
{
	if (node->kind == YAML_SCALAR && !node->null)
		return node->text;
	wrong(jool, node, expected);
	return NULL;
}

bool jool_key_is_comment(const struct yaml_node *node)
{
	return strcmp(node->key, "comment") == 0;
}

bool jool_map(struct jool *jool, const struct yaml_node *node)
{
	bool good = true;

	if (node->kind != YAML_MAP) {
		wrong(jool, node, "an object");
		return false;
	}
	for (const struct yaml_node *member = node->first; member; member = member->next) {
		if (jool_key_is_comment(member) || config_yaml_member(node, member->key) == member)
			continue;
		config_report_error(jool->report, member->key_pos, "`%.60s' stands twice",
				    member->key);
		good = false;
	}
	return good;
}

/* ---- global ---------------------------------------------------------------------- */

static bool read_bool(struct jool *jool, const struct yaml_node *node, bool *value)
{
	const char *text = jool_text(jool, node, "true or false");

	if (!text)
		return false;
	*value = strcasecmp(text, "true") == 0;
	if (!*value && strcasecmp(text, "false") != 0) {
		wrong(jool, node, "true or false");
		return false;
	}
	return true;
}

static void read_pool6(struct jool *jool, const struct yaml_node *node)
{
	const char *text = jool_text(jool, node, "an IPv6 prefix");
	const char *problem = text ? prefix_parse(text, &jool->pool6) : NULL;

	if (problem)
		config_report_error(jool->report, node->pos, "`%.60s': %s", text, problem);
	jool->has_pool6 = text && !problem;
}

static void read_enabled(struct jool *jool, const struct yaml_node *node)
{
	bool enabled;

	if (read_bool(jool, node, &enabled))
		jool->disabled = !enabled;
}

static void read_filtering(struct jool *jool, const struct yaml_node *node)
{
	read_bool(jool, node, &jool->address_dependent);
}

static void read_logging_bib(struct jool *jool, const struct yaml_node *node)
{
	read_bool(jool, node, &jool->log_bindings);
}

static void read_logging_session(struct jool *jool, const struct yaml_node *node)
{
	read_bool(jool, node, &jool->log_sessions);
}

static bool read_number(struct jool *jool, const struct yaml_node *node, uint64_t least,
			uint64_t most, uint64_t *number)
{
	const char *text = jool_text(jool, node, "a number");
	uint64_t value;

	if (!text)
		return false;
	if (!config_number_count.scan(text, &value) || value < least || value > most) {
		config_report_error(jool->report, node->pos,
				    "expected a number from %llu to %llu, found `%.60s'",
				    (unsigned long long)least, (unsigned long long)most, text);
		return false;
	}
	*number = value;
	return true;
}

static void read_mtu(struct jool *jool, const struct yaml_node *node)
{
	read_number(jool, node, 1280, UINT16_MAX, &jool->mtu);
}

static void read_opens(struct jool *jool, const struct yaml_node *node)
{
	jool->has_opens = read_number(jool, node, 0, 1u << 20, &jool->opens);
}

static void read_time(struct jool *jool, const struct yaml_node *node, uint64_t *ms)
{
	const char *text = jool_text(jool, node, "a time such as \"1:30:00\"");

	if (!text)
		return;
	*ms = convert_time(text);
	if (!*ms)
		wrong(jool, node, "a time such as \"1:30:00\" or \"4:00.500\"");
}

static void read_udp(struct jool *jool, const struct yaml_node *node)
{
	read_time(jool, node, &jool->udp_ms);
}

static void read_established(struct jool *jool, const struct yaml_node *node)
{
	read_time(jool, node, &jool->established_ms);
}

static void read_transitory(struct jool *jool, const struct yaml_node *node)
{
	read_time(jool, node, &jool->transitory_ms);
}

static void read_icmp(struct jool *jool, const struct yaml_node *node)
{
	read_time(jool, node, &jool->icmp_ms);
}

/* What has no equal is said, unless it has the value by which it changes nothing. */
static const struct global {
	const char *key;
	void (*read)(struct jool *jool, const struct yaml_node *node);
	const char *harmless, *why;	/* where @read is NULL */
} globals[] = {
	{ "pool6", read_pool6, NULL, NULL },
	{ "manually-enabled", read_enabled, NULL, NULL },
	{ "lowest-ipv6-mtu", read_mtu, NULL, NULL },
	{ "address-dependent-filtering", read_filtering, NULL, NULL },
	{ "udp-timeout", read_udp, NULL, NULL },
	{ "tcp-est-timeout", read_established, NULL, NULL },
	{ "tcp-trans-timeout", read_transitory, NULL, NULL },
	{ "icmp-timeout", read_icmp, NULL, NULL },
	{ "maximum-simultaneous-opens", read_opens, NULL, NULL },
	{ "logging-bib", read_logging_bib, NULL, NULL },
	{ "logging-session", read_logging_session, NULL, NULL },
	{ "drop-icmpv6-info", NULL, "false", "pings are translated (RFC 6146 3.5.3)" },
	{ "drop-externally-initiated-tcp", NULL, "false",
	  "nat64.filtering: address-dependent keeps strangers off bindings" },
	{ "logging-debug", NULL, "false", "`gate64 trace' says what happens to a packet" },
	{ "trace", NULL, "false", "`gate64 trace' says what happens to a packet" },
	{ "source-icmpv6-errors-better", NULL, "true",
	  "routers appear in the prefix under their own addresses, as traceroute wants it" },
	{ "zeroize-traffic-class", NULL, "false", "the traffic class is copied (RFC 7915 4.1)" },
	{ "override-tos", NULL, "false", "the traffic class is copied (RFC 7915 5.1)" },
	{ "tos", NULL, "0", "the traffic class is copied (RFC 7915 5.1)" },
	{ "mtu-plateaus", NULL, "", "they are those of RFC 1191 section 7" },
	{ "f-args", NULL, "11", "ports are chosen as RFC 6056 3.3.4 has it" },
	{ "handle-rst-during-fin-rcv", NULL, "false", "the states are those of RFC 6146 3.5.2.2" },
	{ "ss-enabled", NULL, "false", "sessions are not shared with other gateways" },
	{ "ss-flush-asap", NULL, "true", "sessions are not shared with other gateways" },
	{ "ss-flush-deadline", NULL, "2000", "sessions are not shared with other gateways" },
	{ "ss-capacity", NULL, "512", "sessions are not shared with other gateways" },
	{ "ss-max-payload", NULL, "1452", "sessions are not shared with other gateways" },
	{ "ss-max-sessions-per-packet", NULL, "", "sessions are not shared with other gateways" },
};

static void take_global(struct jool *jool, const struct yaml_node *node)
{
	for (size_t i = 0; i < sizeof(globals) / sizeof(globals[0]); i++) {
		const struct global *row = &globals[i];

		if (strcmp(row->key, node->key) != 0)
			continue;
		if (row->read)
			row->read(jool, node);
		else if (node->kind != YAML_SCALAR || strcasecmp(node->text, row->harmless) != 0)
			config_report_warning(jool->report, node->key_pos,
					      "not carried over: %s: %s", row->key, row->why);
		return;
	}
	config_report_error(jool->report, node->key_pos, "unknown key `%.60s'", node->key);
}

static void read_global(struct jool *jool, const struct yaml_node *global)
{
	if (!jool_map(jool, global))
		return;
	for (const struct yaml_node *node = global->first; node; node = node->next)
		if (!jool_key_is_comment(node))
			take_global(jool, node);
}

/* ---- the instance ---------------------------------------------------------------- */

static void read_framework(struct jool *jool, const struct yaml_node *node)
{
	const char *text = jool_text(jool, node, "netfilter or iptables");

	if (text && strcmp(text, "iptables") == 0)
		config_report_warning(jool->report, node->key_pos,
				      "not carried over: framework: gate64 takes packets to its "
				      "prefixes itself; the rules that send them to Jool must go");
	else if (text && strcmp(text, "netfilter") != 0)
		wrong(jool, node, "netfilter or iptables");
}

static void read_instance(struct jool *jool, const struct yaml_node *node)
{
	jool_text(jool, node, "the name of the instance");
}

static void refuse_siit(struct jool *jool, const struct yaml_node *node)
{
	config_report_error(jool->report, node->key_pos,
			    "`%.60s' is a key of jool_siit: NAT64 instances alone are converted",
			    node->key);
}

static const struct {
	const char *key;
	void (*read)(struct jool *jool, const struct yaml_node *node);
} members[] = {
	{ "instance", read_instance },
	{ "framework", read_framework },
	{ "global", read_global },
	{ "pool4", jool_read_pool4 },
	{ "bib", jool_read_bib },
	{ "eamt", refuse_siit },
	{ "denylist4", refuse_siit },
	{ "blacklist4", refuse_siit },
};

static void take_member(struct jool *jool, const struct yaml_node *node)
{
	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		if (strcmp(members[i].key, node->key) == 0) {
			members[i].read(jool, node);
			return;
		}
	}
	config_report_error(jool->report, node->key_pos, "unknown key `%.60s'", node->key);
}

static void print_time(const char *key, uint64_t ms, FILE *yaml)
{
	char text[CONFIG_VALUE_STRLEN];

	if (ms)
		fprintf(yaml, "    %s: %s\n", key, config_number_duration.format(ms, text));
}

static void print_timeouts(const struct jool *jool, FILE *yaml)
{
	if (!jool->udp_ms && !jool->established_ms && !jool->transitory_ms && !jool->icmp_ms)
		return;
	fputs("  timeouts:\n", yaml);
	print_time("udp", jool->udp_ms, yaml);
	print_time("tcp_established", jool->established_ms, yaml);
	print_time("tcp_transitory", jool->transitory_ms, yaml);
	print_time("icmp", jool->icmp_ms, yaml);
}

static void print(struct jool *jool, FILE *yaml)
{
	char text[PREFIX_STRLEN] = PREF64_DEFAULT;

	if (jool->has_pool6)
		prefix_format(&jool->pool6, text);
	fputs("dns64: {enabled: false}   # Jool has none; without this line, gate64 does\n", yaml);
	if (strcmp(text, PREF64_DEFAULT) != 0)
		fprintf(yaml, "prefixes:\n  nat64: [\"%s\"]\n", text);
	fputs("nat64:\n", yaml);
	if (jool->disabled)
		fputs("  enabled: false\n", yaml);
	jool_print_pool4(jool, yaml);
	jool_print_bib(jool, yaml);
	if (jool->address_dependent)
		fputs("  filtering: address-dependent\n", yaml);
	print_timeouts(jool, yaml);
	if (jool->has_opens)
		fprintf(yaml, "  limits: {stored_syns: %llu}\n", (unsigned long long)jool->opens);
	if (jool->mtu && jool->mtu != 1280)
		fprintf(yaml, "  lowest_ipv6_mtu: %u\n", (unsigned int)jool->mtu);
	if (jool->log_sessions || jool->log_bindings)
		fprintf(yaml, "  log: %s\n", jool->log_sessions ? "sessions" : "bindings");
}

static void tell_differences(struct jool *jool)
{
	if (jool->log_sessions && jool->log_bindings)
		config_report_warning(jool->report, CONFIG_NOWHERE,
				      "not carried over: logging-bib beside logging-session: the "
				      "log of sessions names the bindings too");
	config_report_warning(jool->report, CONFIG_NOWHERE,
			      "gate64 refuses special-purpose destinations such as 10.0.0.0/8; "
			      "`nat64: {deny4: []}' lets them through as Jool does");
}

/* YAML has tabs only in other places than JSON. */
static void blank_tabs(struct config_report *report, char *text)
{
	memcpy(text, report->text, report->len);
	for (size_t i = 0; i < report->len; i++)
		if (text[i] == '\t')
			text[i] = ' ';
}

static void read_file(struct jool *jool)
{
	struct yaml_node *root = config_yaml_read(jool->report);

	if (root && root->whole && !jool->report->n_errors && jool_map(jool, root)) {
		for (const struct yaml_node *node = root->first; node; node = node->next)
			if (!jool_key_is_comment(node))
				take_member(jool, node);
		if (!jool->report->n_errors && !jool->has_pool6)
			config_report_error(jool->report, CONFIG_NOWHERE,
					    "there is no pool6 in its global settings");
	}
	config_yaml_free(root);
}

void convert_jool(struct config_report *report, FILE *yaml)
{
	struct jool *jool = calloc(1, sizeof(*jool));
	char *text = calloc(1, report->len + CONFIG_YAML_SLACK);
	const char *before = report->text;

	if (!jool || !text) {
		config_report_error(report, CONFIG_NOWHERE, "out of memory");
	} else {
		jool->report = report;
		blank_tabs(report, text);
		report->text = text;
		read_file(jool);
		report->text = before;
		if (!report->n_errors) {
			print(jool, yaml);
			tell_differences(jool);
		}
		jool_pools_free(jool);
	}
	free(text);
	free(jool);
}
