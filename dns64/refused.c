/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "refused.h"

#include "../core/loop.h"
#include "../core/recent.h"
#include "name.h"

void refused(enum stat why, const struct in6_addr *client, const struct name *qname)
{
	char text[NAME_TEXT_MAX] = "";

	stats_inc(why);
	if (recent_due(why, loop_now_ms()))
		recent_keep(RECENT_DNS64, why, client, qname ? name_format(qname, text) : text);
}
