/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Packets read: RFC 791, 8200, 792, 768, and what RFC 7915 4.1, 5.1 and 5.1.1 say of them. */
#include "reference_view.h"

bool is_first_or_only(const struct view *v)
{
	return v->offset == 0;
}

bool is_part(const struct view *v)
{
	return v->offset != 0 || v->more;
}

/* RFC 791 3.1: are there hops left in a source route? -1: the options cannot be read */
static int source_route_left(const uint8_t *options, size_t len)
{
	size_t i = 0;

	while (i < len) {
		unsigned int kind = options[i], size;

		if (kind == 0)
			return 0;
		if (kind == 1) {
			i++;
			continue;
		}
		if (i + 1 >= len)
			return -1;
		size = options[i + 1];
		if (size < 2 || i + size > len)
			return -1;
		if ((kind == 131 || kind == 137) && size >= 3 && options[i + 2] <= size)
			return 1;
		i += size;
	}
	return 0;
}

enum verdict look4(struct view *v, const uint8_t *p, size_t len, bool quoted)
{
	size_t header, total;
	int route;

	if (len < 20 || p[0] / 16 != 4)
		return MALFORMED;
	header = p[0] % 16 * 4u;
	total = get16(p + 2);
	if (header < 20 || total < header || (total > len && !quoted))
		return MALFORMED;
	v->v6 = false;
	v->whole = total < len ? total : len;
	if (v->whole < header)
		return MALFORMED;
	v->tos = p[1];
	v->id = get16(p + 4);
	v->df = p[6] & 0x40;
	v->more = p[6] & 0x20;
	v->offset = get16(p + 6) % 0x2000 * 8;
	v->ttl = p[8];
	v->proto = p[9];
	v->src = p + 12;
	v->dst = p + 16;
	v->payload = p + header;
	v->len = v->whole - header;
	v->stated = total - header;
	if (quoted)
		return SENT;
	route = source_route_left(p + 20, header - 20);
	return route < 0 ? MALFORMED : route ? SOURCE_ROUTE : SENT;
}

static bool is_extension(unsigned int number)
{
	return number == HOPOPTS || number == ROUTE || number == FRAG || number == AH ||
	       number == DSTOPTS || number == MOBILITY || number == HIP || number == SHIM6;
}

/* RFC 8200 4, RFC 7915 5.1 and 5.1.1 */
static enum verdict look6_chain(struct view *v, const uint8_t *p, size_t *at)
{
	enum verdict fault = SENT;
	size_t named_at = 6, size;

	for (unsigned int count = 0; count < 16; count++) {
		if (v->proto == FRAG) {
			if (v->whole - *at < 8)
				return MALFORMED;
			v->proto = p[*at];
			v->has_fragment_header = true;
			v->offset = get16(p + *at + 2) / 8 * 8;
			v->more = p[*at + 3] % 2;
			v->id = get32(p + *at + 4);
			*at += 8;
			return is_extension(v->proto) ? EXTENSION : fault;
		}
		if (v->proto != HOPOPTS && v->proto != ROUTE && v->proto != DSTOPTS)
			return fault;
		if (v->whole - *at < 8)
			return MALFORMED;
		size = p[*at + 1] * 8u + 8;
		if (v->whole - *at < size)
			return MALFORMED;
		if (fault == SENT && v->proto == HOPOPTS && count > 0) {
			fault = NEXT_HEADER;
			v->fault_at = named_at;
		} else if (fault == SENT && v->proto == ROUTE && p[*at + 3] > 0) {
			fault = ROUTING;
			v->fault_at = *at + 3;
		}
		v->proto = p[*at];
		named_at = *at;
		*at += size;
	}
	return MALFORMED;
}

enum verdict look6(struct view *v, const uint8_t *p, size_t len, bool quoted)
{
	size_t total, at = 40;
	enum verdict fault;

	if (len < 40 || p[0] / 16 != 6)
		return MALFORMED;
	total = 40u + get16(p + 4);
	if (total > len && !quoted)
		return MALFORMED;
	v->v6 = true;
	v->whole = total < len ? total : len;
	v->tos = p[0] % 16 * 16u + p[1] / 16;
	v->proto = p[6];
	v->ttl = p[7];
	v->src = p + 8;
	v->dst = p + 24;
	fault = look6_chain(v, p, &at);
	v->payload = p + at;
	v->len = v->whole - at;
	v->stated = total - at;
	return quoted && fault != MALFORMED && fault != EXTENSION ? SENT : fault;
}

static bool is_query(const struct view *v)
{
	unsigned int type = v->payload[0];

	return v->v6 ? type == 128 || type == 129 : type == 8 || type == 0;
}

bool is_error(const struct view *v)
{
	unsigned int type = v->payload[0];

	return v->v6 ? type >= 1 && type <= 4 : type == 3 || type == 11 || type == 12;
}

bool is_icmp(const struct view *v)
{
	return v->proto == (v->v6 ? ICMP6 : ICMP4);
}

/* May this number stand in the other family's header (RFC 7915 4.1, 5.1)? */
static bool number_has_counterpart(const struct view *v)
{
	if (v->proto == IGMP)
		return false;
	if (v->v6)
		return v->proto != ICMP4;
	return v->proto != ICMP6 && v->proto != NONE &&
	       (v->proto == AH || !is_extension(v->proto));
}

/* What comes behind the IP header of a whole packet. */
enum verdict look_inside(const struct view *v)
{
	const uint8_t *p = v->payload;
	size_t size;

	if (!number_has_counterpart(v))
		return NO_COUNTERPART;
	if (is_part(v))
		return FRAGMENT;
	if (v->proto == TCP) {
		size = v->len >= 20 ? p[12] / 16 * 4u : 0;
		return size >= 20 && size <= v->len ? SENT : MALFORMED;
	}
	if (v->proto == UDP) {
		size = v->len >= 8 ? get16(p + 4) : 0;
		return size >= 8 && size <= v->len ? SENT : MALFORMED;
	}
	if (is_icmp(v)) {
		if (v->len < 8)
			return MALFORMED;
		return is_query(v) || is_error(v) ? SENT : ICMP_TYPE;
	}
	return SENT_OTHER;
}

/* RFC 792: 8 bytes of the quoted packet are enough; RFC 7915 4.3, 5.3: no error in it. */
enum verdict look_quoted(struct view *v, const uint8_t *p, size_t len, bool v6)
{
	enum verdict outer = v6 ? look6(v, p, len, true) : look4(v, p, len, true);

	if (outer != SENT || !number_has_counterpart(v))
		return ERROR_INNER;
	if (!is_first_or_only(v))
		return SENT_OTHER;
	if (v->proto == TCP || v->proto == UDP)
		return v->len >= 8 ? SENT : ERROR_INNER;
	if (is_icmp(v))
		return v->len >= 8 && is_query(v) ? SENT : ERROR_INNER;
	return SENT_OTHER;
}
