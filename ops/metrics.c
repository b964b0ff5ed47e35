/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What travels through here: numbers, out of the structures in which the rooms gave them.
 * Tables say which number has which name: a row here is a metric there.
 */
#include "metrics.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "../core/addrmap.h"
#include "gauges.h"
#include "process.h"

enum { LABELS_MAX = 320 };

/* ---- tables -------------------------------------------------------------------------- */

/* A number of a structure: where it stands, and how large it is */
struct place {
	size_t offset, size;
};

#define AT(type, field) { offsetof(struct type, field), sizeof(((struct type *)0)->field) }

struct metric {
	const char *name, *labels;
	const char *help;	/* of the family; on its first row */
	struct place place;
	enum metric_type type;
	bool is_time;		/* counted in microseconds, told in seconds */
};

#define GAUGE(type, field, name, labels, help) \
	{ name, labels, help, AT(type, field), METRIC_GAUGE, false }
#define COUNTER(type, field, name, labels, help) \
	{ name, labels, help, AT(type, field), METRIC_COUNTER, false }

/* Rows of a family stand together. */
static const struct metric nat64_metrics[] = {
	GAUGE(nat64_gauges, sessions_by[CONFIG_TCP], "gate64_nat64_sessions", "proto=\"tcp\"",
	      "Sessions there are"),
	GAUGE(nat64_gauges, sessions_by[CONFIG_UDP], "gate64_nat64_sessions", "proto=\"udp\"", ""),
	GAUGE(nat64_gauges, sessions_by[CONFIG_ICMP], "gate64_nat64_sessions", "proto=\"icmp\"", ""),
	GAUGE(nat64_gauges, sessions_max, "gate64_nat64_sessions_limit", "",
	      "Sessions there may be (nat64.limits.sessions)"),
	GAUGE(nat64_gauges, bindings, "gate64_nat64_bindings", "",
	      "Outside addresses and ports that stand for inside ones"),
	GAUGE(nat64_gauges, clients, "gate64_nat64_clients", "", "Clients with a session"),
	GAUGE(nat64_gauges, stored_syns, "gate64_nat64_syns_waiting", "",
	      "Connections from outside that nobody has asked for yet"),
	GAUGE(nat64_gauges, stored_syns_max, "gate64_nat64_syns_waiting_limit", "",
	      "Of these there may be so many (nat64.limits.stored_syns)"),
	GAUGE(nat64_gauges, memory_bytes, "gate64_nat64_memory_bytes", "",
	      "Memory of the flow table"),
	GAUGE(nat64_gauges, fast_interfaces, "gate64_nat64_fast_path_interfaces", "",
	      "Interfaces that have the fast path's program; 0: there is no fast path"),
	GAUGE(nat64_gauges, fast_sessions, "gate64_nat64_fast_path_sessions", "",
	      "Sessions whose packets the kernel translates"),
	COUNTER(nat64_gauges, fast_packets_out, "gate64_nat64_fast_path_packets_total",
		"direction=\"out\"", "Packets that the kernel translated"),
	COUNTER(nat64_gauges, fast_packets_in, "gate64_nat64_fast_path_packets_total",
		"direction=\"in\"", ""),
	COUNTER(nat64_gauges, fast_bytes_out, "gate64_nat64_fast_path_bytes_total",
		"direction=\"out\"", "Bytes of these packets, as they came in"),
	COUNTER(nat64_gauges, fast_bytes_in, "gate64_nat64_fast_path_bytes_total",
		"direction=\"in\"", ""),
	COUNTER(nat64_gauges, fast_handed_over, "gate64_nat64_fast_path_handed_over_packets_total",
		"", "Packets of its sessions that it left to user space"),
};

/* Of each address of nat64.pool4 */
static const struct metric pool_metrics[] = {
	GAUGE(nat64_pool, ports[CONFIG_TCP].used, "gate64_nat64_pool4_ports_used", "proto=\"tcp\"",
	      "Ports of a pool4 address in use, of ICMP identifiers; each protocol's run out by "
	      "themselves"),
	GAUGE(nat64_pool, ports[CONFIG_UDP].used, "gate64_nat64_pool4_ports_used", "proto=\"udp\"",
	      ""),
	GAUGE(nat64_pool, ports[CONFIG_ICMP].used, "gate64_nat64_pool4_ports_used",
	      "proto=\"icmp\"", ""),
	GAUGE(nat64_pool, ports[CONFIG_TCP].size, "gate64_nat64_pool4_ports", "proto=\"tcp\"",
	      "Ports that this address has for NAT64"),
	GAUGE(nat64_pool, ports[CONFIG_UDP].size, "gate64_nat64_pool4_ports", "proto=\"udp\"", ""),
	GAUGE(nat64_pool, ports[CONFIG_ICMP].size, "gate64_nat64_pool4_ports", "proto=\"icmp\"",
	      ""),
};

static const struct metric dns64_metrics[] = {
	GAUGE(dns64_gauges, cache_entries, "gate64_dns_cache_entries", "", "Answers kept"),
	GAUGE(dns64_gauges, cache_bytes, "gate64_dns_cache_bytes", "", "Memory that they take"),
	GAUGE(dns64_gauges, cache_bytes_max, "gate64_dns_cache_limit_bytes", "",
	      "Memory that they may take (dns64.cache.size)"),
	GAUGE(dns64_gauges, queries_pending, "gate64_dns_lookups_pending", "",
	      "Look-ups under way"),
	GAUGE(dns64_gauges, tcp_connections, "gate64_dns_tcp_connections", "",
	      "Connections of clients, TLS or not"),
};

/* Of the servers of each zone of dns64.zones, and ".": of all other names */
static const struct metric upstream_metrics[] = {
	COUNTER(dns64_upstream, questions, "gate64_dns_upstream_questions_total", "",
		"Questions to the servers of a zone"),
	COUNTER(dns64_upstream, answered, "gate64_dns_upstream_answered_total", "",
		"Those that were answered, in time or not"),
	COUNTER(dns64_upstream, failed, "gate64_dns_upstream_failed_total", "",
		"Those for which there was no answer in time, or none to use"),
	COUNTER(dns64_upstream, timeouts, "gate64_dns_upstream_timeouts_total", "",
		"Those that nobody answered in time"),
	COUNTER(dns64_upstream, renewals, "gate64_dns_upstream_renewals_total", "",
		"Times that their resolver was made anew since nobody answered"),
	GAUGE(dns64_upstream, n_workers, "gate64_dns_upstream_workers", "",
	      "Workers that ask the servers of a zone"),
	GAUGE(dns64_upstream, n_deaf, "gate64_dns_upstream_silent_workers", "",
	      "Workers to whom none of these servers answers"),
	{ "gate64_dns_upstream_answer_seconds", "",
	  "How long an answer takes, smoothed; 0: there was none yet", AT(dns64_upstream, took_us),
	  METRIC_GAUGE, true },
};

static const struct metric snid_metrics[] = {
	GAUGE(snid_gauges, connections_max, "gate64_sni_connections_limit", "",
	      "Connections there may be (snid.limits.connections)"),
	GAUGE(snid_gauges, opening, "gate64_sni_opening", "",
	      "Connections that have not reached their server yet"),
	GAUGE(snid_gauges, opening_max, "gate64_sni_opening_limit", "",
	      "Of these there may be so many (snid.limits.opening)"),
	GAUGE(snid_gauges, buffered_bytes, "gate64_sni_buffered_bytes", "",
	      "Bytes kept because their receivers do not take them"),
	GAUGE(snid_gauges, buffered_bytes_max, "gate64_sni_buffered_limit_bytes", "",
	      "Of these there may be so many (snid.limits.buffered)"),
};

/* The names that Prometheus's own libraries use; 0: not to be had */
static const struct metric process_metrics[] = {
	{ "process_cpu_seconds_total", "", "User and system CPU time spent", AT(process, cpu_us),
	  METRIC_COUNTER, true },
	GAUGE(process, resident_bytes, "process_resident_memory_bytes", "",
	      "Resident memory"),
	GAUGE(process, virtual_bytes, "process_virtual_memory_bytes", "", "Virtual memory"),
	GAUGE(process, descriptors, "process_open_fds", "", "Open file descriptors"),
	GAUGE(process, descriptors_max, "process_max_fds", "",
	      "File descriptors there may be"),
	GAUGE(process, threads, "process_threads", "", "Threads"),
	GAUGE(process, started_at, "process_start_time_seconds", "",
	      "Start of the process, since the epoch"),
};

/* ---- tables to text -------------------------------------------------------------------- */

static uint64_t number_at(const void *structure, const struct place *place)
{
	const char *at = (const char *)structure + place->offset;
	uint64_t large;
	uint32_t small;

	if (place->size == sizeof(large)) {
		memcpy(&large, at, sizeof(large));
		return large;
	}
	assert(place->size == sizeof(small));
	memcpy(&small, at, sizeof(small));
	return small;
}

static void write_metric(const struct exposition *to, const struct metric *metric,
			 const void *structure, const char *labels)
{
	uint64_t value = number_at(structure, &metric->place);

	if (metric->is_time)
		exposition_seconds(to, metric->name, labels, value);
	else
		exposition_sample(to, metric->name, labels, value);
}

static void begin_family(const struct exposition *to, const struct metric *rows, size_t i)
{
	if (i == 0 || strcmp(rows[i].name, rows[i - 1].name) != 0)
		exposition_family(to, rows[i].name, rows[i].type, rows[i].help);
}

static void write_table(const struct exposition *to, const struct metric *rows, size_t n,
			const void *structure)
{
	for (size_t i = 0; i < n; i++) {
		begin_family(to, rows, i);
		write_metric(to, &rows[i], structure, rows[i].labels);
	}
}

#define WRITE_TABLE(to, rows, structure) \
	write_table(to, rows, sizeof(rows) / sizeof((rows)[0]), structure)

/* Many structures of a kind: each row has a sample of each. @label: writes theirs, which stand
 * before the row's. */
static void write_many(const struct exposition *to, const struct metric *rows, size_t n_rows,
		       const void *structures, size_t size, size_t n,
		       const char *(*label)(const void *structure, char *text))
{
	char text[LABELS_MAX], labels[2 * LABELS_MAX];

	for (size_t i = 0; n && i < n_rows; i++) {
		begin_family(to, rows, i);
		for (size_t j = 0; j < n; j++) {
			const void *structure = (const char *)structures + j * size;

			snprintf(labels, sizeof(labels), rows[i].labels[0] ? "%s,%s" : "%s%s",
				 label(structure, text), rows[i].labels);
			write_metric(to, &rows[i], structure, labels);
		}
	}
}

#define WRITE_MANY(to, rows, structures, n, label) \
	write_many(to, rows, sizeof(rows) / sizeof((rows)[0]), structures, \
		   sizeof((structures)[0]), n, label)

/* ---- counters ---------------------------------------------------------------------------- */

/* The same labels, but for the last of @a, "le"? */
static bool is_bucket_of(const char *a, const char *labels)
{
	size_t len = strlen(labels);

	return strncmp(a, labels, len) == 0 && strncmp(a + len, ",le=", 4) == 0;
}

static size_t base_length(const char *name, const char *suffix)
{
	size_t len = strlen(name), suffix_len = strlen(suffix);

	return len > suffix_len && strcmp(name + len - suffix_len, suffix) == 0 ?
	       len - suffix_len : 0;
}

/* All of one histogram that has these labels: buckets never fall with their bounds, and the
 * count is that of the last. They are read while others count, one after the other. */
static void write_histogram(const struct exposition *to, const uint64_t *counters,
			    const char *base, size_t len, unsigned int sum)
{
	const char *labels = stat_infos[sum].labels;
	uint64_t most = 0;
	char name[96];

	snprintf(name, sizeof(name), "%.*s_bucket", (int)len, base);
	for (unsigned int i = 0; i < STAT_COUNT; i++) {
		if (strcmp(stat_infos[i].family, name) != 0 ||
		    !is_bucket_of(stat_infos[i].labels, labels))
			continue;
		most = counters[i] > most ? counters[i] : most;
		exposition_sample(to, name, stat_infos[i].labels, most);
	}
	exposition_seconds(to, stat_infos[sum].family, labels, counters[sum]);
	snprintf(name, sizeof(name), "%.*s_count", (int)len, base);
	exposition_sample(to, name, labels, most);
}

/* A histogram's first bucket is at @first: write all there is of it. */
static void write_histograms(const struct exposition *to, const uint64_t *counters,
			     unsigned int first, size_t len)
{
	const char *base = stat_infos[first].family;
	char name[96];

	snprintf(name, sizeof(name), "%.*s", (int)len, base);
	exposition_family(to, name, METRIC_HISTOGRAM, stat_infos[first].help);
	snprintf(name, sizeof(name), "%.*s_sum", (int)len, base);
	for (unsigned int i = 0; i < STAT_COUNT; i++)
		if (strcmp(stat_infos[i].family, name) == 0)
			write_histogram(to, counters, base, len, i);
}

static void write_counters(const struct exposition *to, const uint64_t *counters)
{
	for (unsigned int i = 0; i < STAT_COUNT; i++) {
		const struct stat_info *info = &stat_infos[i];
		size_t histogram = base_length(info->family, "_bucket");
		bool first = i == 0 || strcmp(info->family, stat_infos[i - 1].family) != 0;

		if (histogram && first)
			write_histograms(to, counters, i, histogram);
		if (!base_length(info->family, "_total"))
			continue;
		if (first)
			exposition_family(to, info->family, METRIC_COUNTER, info->help);
		exposition_sample(to, info->family, info->labels, counters[i]);
	}
}

/* ---- the gateway, and the rooms ------------------------------------------------------------ */

static void write_one(const struct exposition *to, const char *name, const char *help,
		      uint64_t value)
{
	exposition_family(to, name, METRIC_GAUGE, help);
	exposition_sample(to, name, "", value);
}

static void write_gateway(const struct exposition *to, const struct status_facts *facts)
{
	char label[LABELS_MAX];

	exposition_family(to, "gate64_build_info", METRIC_INFO, "Which gate64 this is");
	exposition_sample(to, "gate64_build_info",
			  exposition_label(label, sizeof(label), "version", facts->version), 1);
	exposition_family(to, "gate64_room_enabled", METRIC_GAUGE, "Which rooms are on");
	exposition_sample(to, "gate64_room_enabled", "room=\"nat64\"", facts->nat64 != NULL);
	exposition_sample(to, "gate64_room_enabled", "room=\"dns64\"", facts->dns64 != NULL);
	exposition_sample(to, "gate64_room_enabled", "room=\"snid\"", facts->snid != NULL);
	write_one(to, "gate64_uplink_up", "Has the uplink an IPv4 address?",
		  facts->map->uplink_v4_be32 && !facts->uplink_missing);
	write_one(to, "gate64_inside_prefixes", "IPv6 networks served", facts->map->inside.n);
	write_one(to, "gate64_host_problem", "Is something of the host being tried again?",
		  facts->host_problem);
	write_one(to, "gate64_stopping", "Does it wait for its last connections to end?",
		  facts->stopping);
	/* The start counts: a file that cannot be read does not get so far. */
	write_one(to, "gate64_config_last_reload_success",
		  "Was the configuration taken, when it was read last?",
		  !facts->reload_at || facts->reload_ok);
	write_one(to, "gate64_config_last_reload_timestamp_seconds", "When it was read last",
		  (uint64_t)(facts->reload_at ? facts->reload_at : facts->since));
}

static const char *pool_label(const void *pool, char *text)
{
	struct in6_addr addr = addr_from_v4(((const struct nat64_pool *)pool)->addr_be32);
	char name[ADDR_STRLEN];

	return exposition_label(text, LABELS_MAX, "address", addr_format(&addr, name));
}

static const char *zone_label(const void *upstream, char *text)
{
	return exposition_label(text, LABELS_MAX, "zone",
				((const struct dns64_upstream *)upstream)->zone);
}

static void write_stages(const struct exposition *to, const struct snid_gauges *snid)
{
	char label[LABELS_MAX];

	exposition_family(to, "gate64_sni_connections", METRIC_GAUGE,
			  "Connections there are, by stage");
	for (unsigned int i = 0; i < SNID_STAGES; i++)
		exposition_sample(to, "gate64_sni_connections",
				  exposition_label(label, sizeof(label), "stage",
						   snid_stage_name(i)), snid->stages[i]);
}

void metrics_write(const struct exposition *to, const struct gauges *gauges,
		   const struct process *process)
{
	const struct status_facts *facts = &gauges->facts;

	write_gateway(to, facts);
	if (facts->nat64)
		WRITE_TABLE(to, nat64_metrics, facts->nat64);
	if (facts->intercept)
		WRITE_MANY(to, pool_metrics, facts->intercept->pool, facts->intercept->n_pool,
			   pool_label);
	if (facts->dns64)
		WRITE_TABLE(to, dns64_metrics, facts->dns64);
	if (facts->upstreams)
		WRITE_MANY(to, upstream_metrics, facts->upstreams, facts->n_upstreams, zone_label);
	if (facts->snid) {
		write_stages(to, facts->snid);
		WRITE_TABLE(to, snid_metrics, facts->snid);
	}
	write_counters(to, facts->counters);
	WRITE_TABLE(to, process_metrics, process);
	exposition_end(to);
}
