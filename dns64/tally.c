/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tally.h"

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
