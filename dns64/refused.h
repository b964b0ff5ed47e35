/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who was refused what: counted, and kept for people who look (core/recent.h). */
#ifndef DNS64_REFUSED_H
#define DNS64_REFUSED_H

#include <netinet/in.h>

#include "../core/stats.h"

struct name;

/**
 * refused() - count a query, or a connection, that got no reply or an error.
 * @client:	IPv4 mapped.
 * @qname:	what was asked for; NULL: that was not read, or it was no query.
 */
void refused(enum stat why, const struct in6_addr *client, const struct name *qname);

#endif
