/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Before a question is looked at: is this a query, and may it have a reply? What is
 * malformed, signed, or no query at all ends here, each by a counter of its own. So does
 * what may be forged, where its address has had its share of replies (core/throttle.h).
 */
#ifndef DNS64_ADMIT_H
#define DNS64_ADMIT_H

#include <stddef.h>
#include <stdint.h>

#include "../core/stats.h"

struct asker;
struct query;
struct worker;

enum admit_verdict {
	ADMIT_GO_ON,
	ADMIT_REFUSE,		/* with rcode */
	ADMIT_TRUNCATE,		/* an empty reply with TC: come again by TCP */
	ADMIT_DROP,
};

struct admission {
	enum admit_verdict verdict;
	uint8_t rcode;		/* extended: RFC 6891 6.1.3 */
	enum stat why;		/* its counter, but for GO_ON */
};

/**
 * admit() - read and judge what has come in.
 * @query:	filled in as message_read_query() does; its options are settled.
 */
struct admission admit(struct worker *worker, const struct asker *asker, struct query *query,
		       const uint8_t *wire, size_t len);

#endif
