/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "eam.h"

#include <errno.h>

#include "../core/addrmap.h"
#include "../core/log.h"

int eam_check(const struct addrmap *map)
{
	struct in6_addr uplink = addr_from_v4(map->uplink_v4_be32), v6;
	char text[ADDR_STRLEN];

	if (!map->uplink_v4_be32 || !addrmap_eam_to6(map, map->uplink_v4_be32, &v6))
		return 0;
	log_error("prefixes.eam: a mapping holds %s, the uplink's own address: all that the host "
		  "receives would go to the mapped one; leave that address out",
		  addr_format(&uplink, text));
	return -EINVAL;
}

static void make_flow(const struct flow_packet *packet, const struct in6_addr *inside,
		      uint32_t outside_be32, struct flow *out)
{
	*out = (struct flow){
		.l4 = packet->l4,
		.inside = *inside,
		.remote6 = packet->remote6,
		.outside_be32 = outside_be32,
		.remote_be32 = packet->remote_be32,
		.inside_port = packet->near_port,
		.outside_port = packet->near_port,
		.remote_port = packet->remote_port,
	};
}

bool eam_serves(const struct addrmap *map, const struct in6_addr *inside)
{
	return addrmap_nat64_client(map, inside) && !addrmap_is_own(map, inside);
}

bool eam_flow_out(const struct addrmap *map, const struct flow_packet *packet, struct flow *out)
{
	const struct prefix *pref64;
	uint32_t outside_be32;

	if (!addrmap_eam_to4(map, &packet->inside, &outside_be32) ||
	    addrmap_is_own(map, &packet->inside))
		return false;
	pref64 = addrmap_pref64_for(map, packet->remote_be32);
	if (pref64 && !prefix_contains(pref64, &packet->remote6))
		return false;
	make_flow(packet, &packet->inside, outside_be32, out);
	return true;
}

bool eam_flow_in(const struct addrmap *map, const struct flow_packet *packet, struct flow *out)
{
	struct in6_addr inside;

	if (!addrmap_eam_to6(map, packet->outside_be32, &inside))
		return false;
	make_flow(packet, &inside, packet->outside_be32, out);
	return true;
}
