/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Answers that need nobody else: composed from the question and the address map. */
#ifndef DNS64_LOCAL_H
#define DNS64_LOCAL_H

#include <stdbool.h>

#include "reply.h"

struct addrmap;

/** local_is_ipv4only() - is it ipv4only.arpa, or below it? */
bool local_is_ipv4only(const struct name *name);

/** local_is_ipv4only_reverse() - is it the reverse name of 192.0.0.170 or .171, or below? */
bool local_is_ipv4only_reverse(const struct name *name);

/** local_is_apex() - is it one of those three names themselves? */
bool local_is_apex(const struct name *name);

/** local_ipv4only() - the answer of RFC 7050 3 and RFC 8880 7.1, never validated. */
void local_ipv4only(struct answer *answer, const struct query *query,
		    const struct addrmap *map);

/** local_ipv4only_reverse() - the name of those addresses, RFC 8880 7.2. */
void local_ipv4only_reverse(struct answer *answer, const struct query *query);

/**
 * local_ipv4only_mapped() - the reverse name of one of those in a pref64: a CNAME (RFC 6147
 * 5.3.1) to @target, which local_is_ipv4only_reverse(), and the name there.
 */
void local_ipv4only_mapped(struct answer *answer, const struct query *query,
			   const struct name *target);

/** local_any() - RFC 8482 4.2: a HINFO record that says so. */
void local_any(struct answer *answer, const struct query *query);

/**
 * local_empty() - a name in a zone that is answered for here, without records.
 * @rcode:	NOERROR (a name with names below it) or NXDOMAIN.
 */
void local_empty(struct answer *answer, const struct query *query, const struct name *zone,
		 uint8_t rcode);

#endif
