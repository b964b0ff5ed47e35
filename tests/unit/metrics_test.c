/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ops/metrics: every number has its name, every name its help, every histogram holds. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "../../core/addrmap.h"
#include "../../core/histogram.h"
#include "../../ops/gauges.h"
#include "../../ops/metrics.h"
#include "../../ops/process.h"

static struct gauges gauges;
static struct addrmap map;
static struct nat64_pool pools[2];
static struct dns64_upstream upstreams[2];
static struct process process;

/* All rooms on, each number another one */
static void fill(void)
{
	memset(&gauges, 0, sizeof(gauges));
	gauges.facts = (struct status_facts){
		.version = "1.2\"3", .since = 1700000000, .map = &map, .nat64 = &gauges.nat64,
		.intercept = &gauges.intercept, .dns64 = &gauges.dns64, .upstreams = upstreams,
		.n_upstreams = 2, .snid = &gauges.snid, .counters = gauges.counters,
	};
	map.uplink_v4_be32 = htonl(0xc6336401);
	gauges.nat64 = (struct nat64_gauges){
		.sessions_by = { [CONFIG_TCP] = 11, [CONFIG_UDP] = 12, [CONFIG_ICMP] = 13 },
		.fast_bytes_in = UINT64_C(1) << 40,
	};
	pools[0] = (struct nat64_pool){ .addr_be32 = htonl(0xc6336401), .ports = {
		[CONFIG_TCP] = { 21, 21 }, [CONFIG_UDP] = { 22, 23 }, [CONFIG_ICMP] = { 0, 65535 } } };
	pools[1] = (struct nat64_pool){ .addr_be32 = htonl(0xc6336402), .ports = {
		[CONFIG_UDP] = { 24, 25 } } };
	gauges.intercept = (struct nat64_intercept){ .pool = pools, .n_pool = 2 };
	upstreams[0] = (struct dns64_upstream){ .zone = "lan.example", .n_deaf = 31 };
	upstreams[1] = (struct dns64_upstream){ .zone = ".", .took_us = 12345 };
	gauges.snid.stages[1] = 41;
	process = (struct process){ .cpu_us = 1500000, .descriptors = 51, .started_at = 52 };
	for (unsigned int i = 0; i < STAT_COUNT; i++)
		gauges.counters[i] = 1000 + i;
}

static char *write_all(enum exposition_format format)
{
	char *text;
	size_t len;
	struct exposition to = { .out = open_memstream(&text, &len), .format = format };

	metrics_write(&to, &gauges, &process);
	assert_int_equal(fclose(to.out), 0);
	return text;
}

static void expect_line(const char *text, const char *line)
{
	char wanted[256];

	snprintf(wanted, sizeof(wanted), "\n%s\n", line);
	if (!strstr(text, wanted))
		fail_msg("there is no line %s", line);
}

static void test_numbers(void **state)
{
	char *text, line[256];

	(void)state;
	fill();
	text = write_all(EXPOSITION_PROMETHEUS);
	expect_line(text, "gate64_build_info{version=\"1.2\\\"3\"} 1");
	expect_line(text, "gate64_uplink_up 1");
	expect_line(text, "gate64_config_last_reload_success 1");
	expect_line(text, "gate64_config_last_reload_timestamp_seconds 1700000000");
	expect_line(text, "gate64_nat64_sessions{proto=\"tcp\"} 11");
	expect_line(text, "gate64_nat64_sessions{proto=\"udp\"} 12");
	expect_line(text, "gate64_nat64_sessions{proto=\"icmp\"} 13");
	expect_line(text, "gate64_nat64_fast_path_bytes_total{direction=\"in\"} 1099511627776");
	/* All of TCP's are in use, however many identifiers ICMP has */
	expect_line(text, "gate64_nat64_pool4_ports_used{address=\"198.51.100.1\",proto=\"tcp\"} 21");
	expect_line(text, "gate64_nat64_pool4_ports{address=\"198.51.100.1\",proto=\"tcp\"} 21");
	expect_line(text, "gate64_nat64_pool4_ports_used{address=\"198.51.100.1\",proto=\"icmp\"} 0");
	expect_line(text, "gate64_nat64_pool4_ports{address=\"198.51.100.1\",proto=\"icmp\"} 65535");
	expect_line(text, "gate64_nat64_pool4_ports_used{address=\"198.51.100.2\",proto=\"udp\"} 24");
	expect_line(text, "gate64_dns_upstream_silent_workers{zone=\"lan.example\"} 31");
	expect_line(text, "gate64_dns_upstream_answer_seconds{zone=\".\"} 0.012345");
	expect_line(text, "gate64_sni_connections{stage=\"lookup\"} 41");
	expect_line(text, "process_cpu_seconds_total 1.500000");
	expect_line(text, "process_open_fds 51");
	expect_line(text, "process_start_time_seconds 52");
	snprintf(line, sizeof(line), "gate64_nat64_drops_total{reason=\"filtered\"} %d",
		 1000 + STAT_NAT64_DROP_FILTERED);
	expect_line(text, line);
	snprintf(line, sizeof(line), "gate64_network_changes_total %d", 1000 + STAT_OPS_NET_CHANGED);
	expect_line(text, line);
	free(text);

	gauges.facts.reload_at = 1700000100;
	gauges.facts.stopping = true;
	map.uplink_v4_be32 = 0;
	text = write_all(EXPOSITION_PROMETHEUS);
	expect_line(text, "gate64_config_last_reload_success 0");
	expect_line(text, "gate64_config_last_reload_timestamp_seconds 1700000100");
	expect_line(text, "gate64_stopping 1");
	expect_line(text, "gate64_uplink_up 0");
	free(text);
}

/* What is waited for is told, but is no problem of the host's: the uplink has a metric of its
 * own, and alerts tell both apart. */
static void test_uplink_is_no_host_problem(void **state)
{
	char *text;

	(void)state;
	fill();
	gauges.facts.uplink_missing = true;
	gauges.facts.problem = "eth0's address";
	text = write_all(EXPOSITION_PROMETHEUS);
	expect_line(text, "gate64_uplink_up 0");
	expect_line(text, "gate64_host_problem 0");
	free(text);
	gauges.facts.host_problem = true;
	text = write_all(EXPOSITION_PROMETHEUS);
	expect_line(text, "gate64_host_problem 1");
	free(text);
}

/* Any change of it is a new start to those who watch: read at every part of a second. */
static void test_start_is_constant(void **state)
{
	struct process first, again;

	(void)state;
	process_read(&first);
	assert_in_range(first.started_at, time(NULL) - 3600, time(NULL) + 1);
	for (int i = 0; i < 50; i++) {
		usleep(40000);
		process_read(&again);
		assert_int_equal(again.started_at, first.started_at);
	}
}

/* A room that is off has its counters alone. */
static void test_rooms_off(void **state)
{
	char *text;

	(void)state;
	fill();
	gauges.facts.nat64 = NULL;
	gauges.facts.intercept = NULL;
	gauges.facts.dns64 = NULL;
	gauges.facts.upstreams = NULL;
	gauges.facts.snid = NULL;
	text = write_all(EXPOSITION_PROMETHEUS);
	expect_line(text, "gate64_room_enabled{room=\"nat64\"} 0");
	assert_null(strstr(text, "gate64_nat64_sessions{"));
	assert_null(strstr(text, "gate64_nat64_pool4_ports"));
	assert_null(strstr(text, "upstream"));
	assert_null(strstr(text, "gate64_sni_connections"));
	assert_non_null(strstr(text, "gate64_nat64_packets_total"));
	free(text);
}

/* Every row of stats_list.h is there: counters as they are, and of histograms each bucket and
 * sum. Families are begun once, with help. */
static void test_every_counter(void **state)
{
	char *text, *line, *rest, wanted[256], seen[256][96];
	size_t n_seen = 0;

	(void)state;
	fill();
	text = write_all(EXPOSITION_PROMETHEUS);
	for (unsigned int i = 0; i < STAT_COUNT; i++) {
		const struct stat_info *info = &stat_infos[i];

		snprintf(wanted, sizeof(wanted), info->labels[0] ? "\n%s{%s} " : "\n%s%s ",
			 info->family, info->labels);
		line = strstr(text, wanted);
		if (!line)
			fail_msg("no line begins %s", wanted + 1);
		assert_null(strstr(line + 1, wanted));
	}
	for (line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		char name[96], help[4];

		if (strncmp(line, "# HELP ", 7) != 0)
			continue;
		assert_int_equal(sscanf(line, "# HELP %95s %3s", name, help), 2);
		for (size_t i = 0; i < n_seen; i++)
			assert_string_not_equal(seen[i], name);
		assert_true(n_seen < sizeof(seen) / sizeof(seen[0]));
		strcpy(seen[n_seen++], name);
	}
	free(text);
}

/* Buckets that were read between two increments do not fall, and the count is theirs. */
static void test_histograms_hold(void **state)
{
	char *text;

	(void)state;
	fill();
	for (int i = 0; i <= HISTOGRAM_LATENCY_BOUNDS; i++)
		gauges.counters[STAT_DNS_HIT_LE + i] = i < 3 ? 7 : 8;
	gauges.counters[STAT_DNS_HIT_LE + 5] = 7;	/* not yet counted when it was read */
	gauges.counters[STAT_DNS_HIT_LE + HISTOGRAM_LATENCY_BOUNDS] = 7;
	gauges.counters[STAT_DNS_HIT_COUNT] = 6;
	gauges.counters[STAT_DNS_HIT_TIME] = 1234567;
	text = write_all(EXPOSITION_OPENMETRICS);
	assert_non_null(strstr(text,
		"gate64_dns_reply_seconds_bucket{path=\"hit\",le=\"0.0005\"} 7\n"
		"gate64_dns_reply_seconds_bucket{path=\"hit\",le=\"0.001\"} 7\n"
		"gate64_dns_reply_seconds_bucket{path=\"hit\",le=\"0.0025\"} 7\n"
		"gate64_dns_reply_seconds_bucket{path=\"hit\",le=\"0.005\"} 8\n"
		"gate64_dns_reply_seconds_bucket{path=\"hit\",le=\"0.01\"} 8\n"
		"gate64_dns_reply_seconds_bucket{path=\"hit\",le=\"0.025\"} 8\n"
		"gate64_dns_reply_seconds_bucket{path=\"hit\",le=\"0.05\"} 8\n"
		"gate64_dns_reply_seconds_bucket{path=\"hit\",le=\"0.1\"} 8\n"
		"gate64_dns_reply_seconds_bucket{path=\"hit\",le=\"0.25\"} 8\n"
		"gate64_dns_reply_seconds_bucket{path=\"hit\",le=\"0.5\"} 8\n"
		"gate64_dns_reply_seconds_bucket{path=\"hit\",le=\"1.0\"} 8\n"
		"gate64_dns_reply_seconds_bucket{path=\"hit\",le=\"2.5\"} 8\n"
		"gate64_dns_reply_seconds_bucket{path=\"hit\",le=\"5.0\"} 8\n"
		"gate64_dns_reply_seconds_bucket{path=\"hit\",le=\"+Inf\"} 8\n"
		"gate64_dns_reply_seconds_sum{path=\"hit\"} 1.234567\n"
		"gate64_dns_reply_seconds_count{path=\"hit\"} 8\n"
		"gate64_dns_reply_seconds_bucket{path=\"miss\",le=\"0.0005\"} "));
	assert_non_null(strstr(text, "# TYPE gate64_dns_reply_seconds histogram\n"
				     "# UNIT gate64_dns_reply_seconds seconds\n"));
	free(text);
}

/* The bounds as the labels name them are those that histogram.c counts by. */
static void test_bounds(void **state)
{
	static const struct {
		enum stat first;
		const int64_t *bounds_us;
		int n;
	} rows[] = {
		{ STAT_DNS_HIT_LE, histogram_latency_us, HISTOGRAM_LATENCY_BOUNDS },
		{ STAT_DNS_MISS_LE, histogram_latency_us, HISTOGRAM_LATENCY_BOUNDS },
		{ STAT_SNI_HELLO_LE, histogram_latency_us, HISTOGRAM_LATENCY_BOUNDS },
		{ STAT_SNI_CLOSED_LE, histogram_duration_us, HISTOGRAM_DURATION_BOUNDS },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		for (int j = 0; j < rows[i].n; j++) {
			const char *le = strstr(stat_infos[(int)rows[i].first + j].labels, "le=\"");

			assert_non_null(le);
			assert_int_equal((int64_t)(strtod(le + 4, NULL) * 1e6 + 0.5),
					 rows[i].bounds_us[j]);
		}
		assert_non_null(strstr(stat_infos[(int)rows[i].first + rows[i].n].labels,
				       "le=\"+Inf\""));
	}
}

/* What the kernel says of this very process */
static void test_process(void **state)
{
	struct process now;
	int fd;

	(void)state;
	process_read(&now);
	assert_in_range(now.resident_bytes, 100000, UINT64_C(1) << 32);
	assert_true(now.virtual_bytes >= now.resident_bytes);
	assert_in_range(now.started_at, time(NULL) - 600, time(NULL) + 1);
	assert_in_range(now.threads, 1, 3);	/* a sanitizer may have one */
	assert_in_range(now.descriptors, 1, now.descriptors_max);
	fd = dup(0);
	if (fd >= 0) {
		struct process then = now;

		process_read(&now);
		assert_int_equal(now.descriptors, then.descriptors + 1);
		assert_true(now.cpu_us >= then.cpu_us);
		close(fd);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_uplink_is_no_host_problem),
		cmocka_unit_test(test_start_is_constant),
		cmocka_unit_test(test_rooms_off),
		cmocka_unit_test(test_every_counter),
		cmocka_unit_test(test_histograms_hold),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_process),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
