/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A query from anyone: read, decided on, and answered as far as nobody else is needed. */
#include <stdlib.h>

#include "../../core/addrmap.h"
#include "../../dns64/local.h"
#include "../../dns64/policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t wire[MESSAGE_MAX];

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct addrmap map;
	struct answer answer = { .wire = wire };
	struct policy_plan plan;
	struct query query, again;
	struct prefix prefix;
	size_t len;

	if (!map.pref64.n && (prefix_parse("64:ff9b::/96", &prefix) ||
			      prefix_list_add(&map.pref64, &prefix)))
		abort();
	switch (message_read_query(&query, data, size)) {
	case MESSAGE_SHORT:
	case MESSAGE_RESPONSE:
		return 0;
	case MESSAGE_OK:
		policy_decide(&plan, &query, &map);
		if (plan.action == POLICY_IPV4ONLY)
			local_ipv4only(&answer, &query, &map);
		else if (plan.action == POLICY_IPV4ONLY_REVERSE)
			local_ipv4only_reverse(&answer, &query);
		else
			local_any(&answer, &query);
		break;
	default:
		reply_failure(&answer, &query, 1, REPLY_EDE_NONE);
	}
	len = reply_seal(&answer, &query, 0, query.udp_size);
	/* What goes out fits, and would be dropped if it came back. */
	if (len < MESSAGE_HEADER_LEN || len > query.udp_size ||
	    message_read_query(&again, wire, len) != MESSAGE_RESPONSE)
		abort();
	return 0;
}
