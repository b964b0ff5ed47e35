/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tally.h"

#include <assert.h>

#include "../core/histogram.h"
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

static const struct histogram hits = {
	STAT_DNS_HIT_LE, STAT_DNS_HIT_TIME, STAT_DNS_HIT_COUNT, histogram_latency_us,
	HISTOGRAM_LATENCY_BOUNDS,
};
static const struct histogram misses = {
	STAT_DNS_MISS_LE, STAT_DNS_MISS_TIME, STAT_DNS_MISS_COUNT, histogram_latency_us,
	HISTOGRAM_LATENCY_BOUNDS,
};

static_assert((int)STAT_DNS_MISS_LE - (int)STAT_DNS_HIT_LE == HISTOGRAM_LATENCY_BOUNDS + 1,
	      "a bucket for each bound, and one for all");

int64_t tally_now_us(void)
{
	return histogram_now_us();
}

void tally_begin(struct tally *tally)
{
	tally->since_us = tally_now_us();
	tally->replies = 0;
}

void tally_end(struct tally *tally)
{
	if (tally->replies)
		histogram_add(&hits, tally_now_us() - tally->since_us, tally->replies);
}

void tally_late(int64_t took_us)
{
	histogram_add(&misses, took_us, 1);
}
