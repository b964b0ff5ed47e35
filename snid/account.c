/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See account.h. */
#include "account.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../core/histogram.h"
#include "../core/log.h"
#include "../core/stats.h"

enum { LINE = 1000 };		/* as log_object() takes it; the longest is some 700 bytes */

#define STEP(id) { STAT_SNI_##id##_LE, STAT_SNI_##id##_TIME, STAT_SNI_##id##_COUNT, \
		   histogram_latency_us, HISTOGRAM_LATENCY_BOUNDS }
#define END(id) { STAT_SNI_##id##_LE, STAT_SNI_##id##_TIME, STAT_SNI_##id##_COUNT, \
		  histogram_duration_us, HISTOGRAM_DURATION_BOUNDS }

static const struct histogram steps[] = {
	[ACCOUNT_HELLO] = STEP(HELLO),
	[ACCOUNT_LOOKUP] = STEP(LOOKUP),
	[ACCOUNT_CONNECT] = STEP(CONNECT),
};

_Static_assert((int)STAT_SNI_LOOKUP_LE - (int)STAT_SNI_HELLO_LE == HISTOGRAM_LATENCY_BOUNDS + 1 &&
	       (int)STAT_SNI_RESET_LE - (int)STAT_SNI_CLOSED_LE == HISTOGRAM_DURATION_BOUNDS + 1,
	       "a bucket for each bound, and one for all");

static const struct {
	struct histogram lasted;
	enum stat stat;
	const char *word;
} ends[] = {
	[ACCOUNT_CLOSED] = { END(CLOSED), STAT_SNI_END_CLOSED, "closed" },
	[ACCOUNT_RESET] = { END(RESET), STAT_SNI_END_RESET, "reset" },
	[ACCOUNT_IDLE] = { END(IDLE), STAT_SNI_END_IDLE, "idle_timeout" },
	[ACCOUNT_VANISHED] = { END(VANISHED), STAT_SNI_END_VANISHED, "vanished" },
	[ACCOUNT_STOPPED] = { END(STOPPED), STAT_SNI_END_STOPPED, "stopped" },
};

static const char *const protocol_words[] = {
	[CONFIG_SNI_AUTO] = "unknown",
	[CONFIG_SNI_TLS] = "tls",
	[CONFIG_SNI_POSTGRES] = "postgres",
	[CONFIG_SNI_HTTP] = "http",
};

static const char *const mode_words[] = {
	[CONFIG_SNI_NAT46] = "nat46",
	[CONFIG_SNI_TCP] = "tcp",
	[CONFIG_SNI_UNIX] = "unix",
};

const char *account_protocol(enum config_sni_protocol protocol)
{
	return protocol_words[protocol];
}

const char *account_mode(enum config_sni_mode mode)
{
	return mode_words[mode];
}

void account_begin(struct account *account)
{
	account->since_us = account->step_us = histogram_now_us();
}

void account_step_over(struct account *account, enum account_step step)
{
	int64_t now_us = histogram_now_us();

	histogram_add(&steps[step], now_us - account->step_us, 1);
	account->step_us = now_us;
}

void account_joined(struct account *account, const struct endpoint *client, const char *name,
		    enum config_sni_mode mode, const struct endpoint *backend)
{
	char from[ADDR_STRLEN], to[ENDPOINT_STRLEN];

	log_debug("snid: %s for %s goes to %s", addr_format(&client->addr, from), name,
		  backend->port ? endpoint_format(backend, to) : "its socket");
	account->mode = mode;
	account->backend = *backend;
	/* Where memory is out the name is missing in the log, and that is all. */
	account->name = *name ? strdup(name) : NULL;
}

/* ---- the log ---------------------------------------------------------------------- */

void account_time(char *when)
{
	struct timespec now;
	struct tm tm;
	size_t len;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	len = strftime(when, ACCOUNT_TIME_STRLEN, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(when + len, ACCOUNT_TIME_STRLEN - len, ".%03ldZ", now.tv_nsec / 1000000);
}

/* A name is letters, digits, hyphens and dots: nothing of it needs to be escaped. */
static void log_end(const struct account *account, const struct endpoint *client,
		    enum account_end end, const uint64_t bytes[2], int64_t lasted_us)
{
	char when[ACCOUNT_TIME_STRLEN], from[ADDR_STRLEN], backend[ADDR_STRLEN], line[LINE];
	char server[128] = "\"backend\":null,\"backend_port\":null";
	bool named = account->name != NULL;

	account_time(when);
	if (account->backend.port)
		snprintf(server, sizeof(server), "\"backend\":\"%s\",\"backend_port\":%u",
			 addr_format(&account->backend.addr, backend), account->backend.port);
	snprintf(line, sizeof(line),
		 "{\"time\":\"%s\",\"event\":\"connection-end\",\"client\":\"%s\","
		 "\"client_port\":%u,\"name\":%s%s%s,\"protocol\":\"%s\",\"mode\":\"%s\",%s,"
		 "\"bytes_in\":%" PRIu64 ",\"bytes_out\":%" PRIu64 ",\"duration_s\":%.3f,"
		 "\"end\":\"%s\"}",
		 when, addr_format(&client->addr, from), client->port,
		 named ? "\"" : "", named ? account->name : "null", named ? "\"" : "",
		 account_protocol(account->protocol), account_mode(account->mode), server, bytes[0],
		 bytes[1], (double)lasted_us / 1e6, ends[end].word);
	if (!log_object(line))
		stats_inc(STAT_SNI_LOG_LOST);
}

void account_end(const struct account *account, const struct endpoint *client,
		 enum account_end end, const uint64_t bytes[2], bool log)
{
	int64_t lasted_us = histogram_now_us() - account->since_us;

	stats_inc(ends[end].stat);
	histogram_add(&ends[end].lasted, lasted_us, 1);
	if (log)
		log_end(account, client, end, bytes, lasted_us);
}

void account_free(struct account *account)
{
	free(account->name);
	account->name = NULL;
}
