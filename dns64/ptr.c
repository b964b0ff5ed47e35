/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reverse names. An address is read from the right, nibble by nibble, as far as
 * the name goes; the pref64s all end at a nibble, so whether the name lies in
 * one of their zones can be told from what was read.
 */
#include "ptr.h"

#include <string.h>

#include "../core/addrmap.h"
#include "../core/rfc6052.h"

enum {
	ADDR_NIBBLES = 32,
	ARPA_LABELS = 2,		/* "ip6" and "arpa" */
};

/* As much of an address as a name tells */
struct partial {
	struct in6_addr addr;		/* bits not told are zero */
	unsigned int n_bits;
	bool more;			/* labels that are no part of an address stand before */
};

static const struct name ip6_arpa = { .len = 10, .wire = "\003ip6\004arpa" };

static int nibble_value(const uint8_t *label)
{
	static const char digits[] = "0123456789abcdef";
	const char *at;

	if (label[0] != 1 || label[1] == 0)
		return -1;
	at = strchr(digits, label[1] >= 'A' && label[1] <= 'F' ? label[1] + 32 : label[1]);
	return at ? (int)(at - digits) : -1;
}

static bool read_partial(const struct name *name, struct partial *out)
{
	uint8_t label_at[NAME_LABELS_MAX];
	size_t n = name_labels(name, label_at);
	unsigned int nibbles = 0;

	*out = (struct partial){ 0 };
	if (!name_below(name, &ip6_arpa))
		return false;
	n -= ARPA_LABELS;
	while (n > 0 && nibbles < ADDR_NIBBLES) {
		int value = nibble_value(name->wire + label_at[n - 1]);

		if (value < 0)
			break;
		out->addr.s6_addr[nibbles / 2] |= (uint8_t)(nibbles % 2 ? value : value << 4);
		nibbles++;
		n--;
	}
	out->n_bits = nibbles * 4;
	out->more = n > 0;
	return true;
}

static const struct prefix *pref64_of(const struct addrmap *map, const struct partial *partial)
{
	const struct prefix *best = NULL;

	for (size_t i = 0; i < map->pref64.n; i++) {
		const struct prefix *prefix = &map->pref64.v[i];

		if (partial->n_bits >= prefix->len && prefix_contains(prefix, &partial->addr) &&
		    (!best || prefix->len > best->len))
			best = prefix;
	}
	return best;
}

static void write_zone(const struct prefix *prefix, struct name *zone)
{
	static const char digits[] = "0123456789abcdef";

	zone->len = 0;
	for (unsigned int i = prefix->len / 4u; i-- > 0;) {
		uint8_t byte = prefix->addr.s6_addr[i / 2];

		zone->wire[zone->len++] = 1;
		zone->wire[zone->len++] = (uint8_t)digits[i % 2 ? byte & 15 : byte >> 4];
	}
	memcpy(zone->wire + zone->len, ip6_arpa.wire, ip6_arpa.len);
	zone->len = (uint8_t)(zone->len + ip6_arpa.len);
}

static void write_target(uint32_t v4_be32, struct name *target)
{
	static const struct name in_addr_arpa = { .len = 14, .wire = "\007in-addr\004arpa" };
	uint8_t octet[4];

	target->len = 0;
	memcpy(octet, &v4_be32, sizeof(octet));
	for (int i = 3; i >= 0; i--) {
		uint8_t *length = &target->wire[target->len++];

		if (octet[i] >= 100)
			target->wire[target->len++] = (uint8_t)('0' + octet[i] / 100);
		if (octet[i] >= 10)
			target->wire[target->len++] = (uint8_t)('0' + octet[i] / 10 % 10);
		target->wire[target->len++] = (uint8_t)('0' + octet[i] % 10);
		*length = (uint8_t)(&target->wire[target->len] - length - 1);
	}
	memcpy(target->wire + target->len, in_addr_arpa.wire, in_addr_arpa.len);
	target->len = (uint8_t)(target->len + in_addr_arpa.len);
}

enum ptr_kind ptr_read(const struct addrmap *map, const struct name *name, struct ptr *ptr)
{
	const struct prefix *pref64;
	struct partial partial;

	if (!read_partial(name, &partial))
		return PTR_OTHER;
	pref64 = pref64_of(map, &partial);
	if (!pref64)
		return PTR_OTHER;
	write_zone(pref64, &ptr->zone);
	/* RFC 6052 2.2: bits 64 to 71 are zero; what is not, embeds no address. Those
	 * that the name does not tell are zero here. */
	if (partial.more || !rfc6052_u_octet_zero(partial.addr.s6_addr))
		return PTR_NONE;
	if (partial.n_bits < ADDR_NIBBLES * 4)
		return PTR_EMPTY;
	ptr->v4_be32 = addrmap_extract(pref64, &partial.addr);
	write_target(ptr->v4_be32, &ptr->target);
	return PTR_MAPPED;
}
