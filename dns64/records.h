/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Out of an answer: the records of its name, for who wants those and no message. Pure. */
#ifndef DNS64_RECORDS_H
#define DNS64_RECORDS_H

#include <stddef.h>
#include <stdint.h>

#include "name.h"
#include "resolver.h"

/**
 * records_read() - fill in what @wire says of @qname: CNAMEs are followed, records of other
 * names and types passed over.
 * @type:	of them; the message must be the answer to just that question.
 * @out:	status and rcode are the caller's; where they are RESOLVER_OK and NOERROR, the
 *		records are read; where that or NXDOMAIN, the TTL. What cannot be read turns
 *		the status into RESOLVER_FAILED.
 */
void records_read(struct resolver_records *out, enum resolver_type type,
		  const struct name *qname, const uint8_t *wire, size_t len);

#endif
