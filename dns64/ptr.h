/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reverse names under the pref64s: RFC 6147 5.3.1, RFC 6052 2.2, RFC 3596 2.5. */
#ifndef DNS64_PTR_H
#define DNS64_PTR_H

#include <stdint.h>

#include "name.h"

struct addrmap;

enum ptr_kind {
	PTR_OTHER,	/* not under a pref64: nothing to do with us */
	PTR_MAPPED,	/* a whole address that embeds an IPv4 address */
	PTR_EMPTY,	/* a name within the zone with nothing but names below it */
	PTR_NONE,	/* within the zone, but no such name can be */
};

struct ptr {
	struct name zone;	/* the pref64's zone in ip6.arpa; unless OTHER */
	struct name target;	/* the name in in-addr.arpa; where MAPPED */
	uint32_t v4_be32;	/* the address it stands for; where MAPPED */
};

/** ptr_read() - what is @name to the pref64s of @map? */
enum ptr_kind ptr_read(const struct addrmap *map, const struct name *name, struct ptr *ptr);

#endif
