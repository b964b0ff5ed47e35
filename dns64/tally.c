/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tally.h"

#include <assert.h>
#include <time.h>

#include "../core/stats.h"
#include "codes.h"
#include "reply.h"

enum {
	RCODE_BITS = 4,		/* of the header; the rest is in OPT (RFC 6891 6.1.3) */
	RCODE_BADVERS = 16,
	RCODE_BADCOOKIE = 23,
};

static enum stat rcode_stat(unsigned int rcode)
{
	switch (rcode) {
	case LDNS_RCODE_NOERROR:
		return STAT_DNS_REPLY_NOERROR;
	case LDNS_RCODE_FORMERR:
		return STAT_DNS_REPLY_FORMERR;
	case LDNS_RCODE_SERVFAIL:
		return STAT_DNS_REPLY_SERVFAIL;
	case LDNS_RCODE_NXDOMAIN:
		return STAT_DNS_REPLY_NXDOMAIN;
	case LDNS_RCODE_NOTIMPL:
		return STAT_DNS_REPLY_NOTIMP;
	case LDNS_RCODE_REFUSED:
		return STAT_DNS_REPLY_REFUSED;
	case RCODE_BADVERS:
		return STAT_DNS_REPLY_BADVERS;
	case RCODE_BADCOOKIE:
		return STAT_DNS_REPLY_BADCOOKIE;
	default:
		return STAT_DNS_REPLY_OTHER;
	}
}

void tally_reply(const struct answer *answer, uint8_t rcode_high)
{
	stats_inc(rcode_stat((unsigned int)rcode_high << RCODE_BITS | answer->rcode));
	if (answer->synthesised)
		stats_inc(STAT_DNS_SYNTHESISED);
}

/* ---- time ------------------------------------------------------------------------ */

/* The bounds of the buckets, in the order of stats_list.h; the last one has none. */
static const int64_t bounds_us[] = { 500, 1000, 2500, 5000, 10000, 25000, 50000, 100000, 250000,
				     500000, 1000000, 2500000, 5000000 };

enum { N_BOUNDS = sizeof(bounds_us) / sizeof(bounds_us[0]) };

static_assert((int)STAT_DNS_MISS_LE - (int)STAT_DNS_HIT_LE == N_BOUNDS + 1,
	      "a bucket for each bound, and one for all");

int64_t tally_now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* Buckets are cumulative: whoever reads them has nothing to add up. */
static void count_time(enum stat first, int64_t took_us, uint64_t n)
{
	unsigned int i = 0;

	while (i < N_BOUNDS && took_us > bounds_us[i])
		i++;
	for (; i <= N_BOUNDS; i++)
		stats_add(first + i, n);
}

void tally_begin(struct tally *tally)
{
	tally->since_us = tally_now_us();
	tally->replies = 0;
}

void tally_end(struct tally *tally)
{
	int64_t took_us;

	if (!tally->replies)
		return;
	took_us = tally_now_us() - tally->since_us;
	count_time(STAT_DNS_HIT_LE, took_us, tally->replies);
	stats_add(STAT_DNS_HIT_TIME, (uint64_t)took_us * tally->replies);
	stats_add(STAT_DNS_HIT_COUNT, tally->replies);
}

void tally_late(int64_t took_us)
{
	count_time(STAT_DNS_MISS_LE, took_us, 1);
	stats_add(STAT_DNS_MISS_TIME, (uint64_t)took_us);
	stats_inc(STAT_DNS_MISS_COUNT);
}
