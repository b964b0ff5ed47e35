/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "icmp_extension.h"

#include <string.h>

#include "../core/csum.h"

enum {
	ORIGINAL_MIN = 128,	/* the quoted datagram, where an extension follows */
	EXTENSION_HLEN = 4,	/* version, reserved, checksum */
	OBJECT_HLEN = 4,
	VERSION = 2,
};

/* Of the length attribute, by family */
static const struct form {
	size_t unit;		/* bytes */
	size_t at;		/* in the ICMP message */
} forms[] = {
	[L3_IPV4] = { 4, 5 },
	[L3_IPV6] = { 8, 4 },
};

bool icmp_extension_allowed(enum l3_proto l3, uint8_t type)
{
	if (l3 == L3_IPV4)
		return type == ICMP4_UNREACHABLE || type == ICMP4_TIME_EXCEEDED ||
		       type == ICMP4_PARAMETER;
	return type == ICMP6_UNREACHABLE || type == ICMP6_TIME_EXCEEDED;
}

/* RFC 4884 5: routers older than it append what is the same but for the length. */
static bool has_unannounced(const struct packet *p, const uint8_t *original, size_t room)
{
	const uint8_t *at = original + ORIGINAL_MIN;

	if (p->l3 != L3_IPV4 || p->icmp_type == ICMP4_PARAMETER ||
	    room < ORIGINAL_MIN + EXTENSION_HLEN + OBJECT_HLEN)
		return false;
	/* A checksum of zero is none, which proves nothing here. */
	return at[0] >> 4 == VERSION && (at[2] || at[3]) &&
	       csum_finish(csum_bytes(0, at, room - ORIGINAL_MIN)) == 0;
}

struct icmp_parts icmp_extension_split(const struct packet *packet)
{
	const struct form *form = &forms[packet->l3];
	const uint8_t *original = packet->l4_data + ICMP_HLEN;
	size_t room = packet->l4_len - ICMP_HLEN, len = 0;
	struct icmp_parts parts = { .quoted_len = room };

	if (icmp_extension_allowed(packet->l3, packet->icmp_type))
		len = packet->l4_data[form->at] * form->unit;
	if (len == 0 && has_unannounced(packet, original, room))
		len = ORIGINAL_MIN;
	if (len == 0 || len > room)
		return parts;
	parts.quoted_len = len;
	if (room - len >= EXTENSION_HLEN) {
		parts.extension = original + len;
		parts.extension_len = room - len;
	}
	return parts;
}

size_t icmp_extension_room(enum l3_proto l3, size_t extension_len, size_t room)
{
	size_t most = room - ORIGINAL_MIN;

	if (extension_len > most)
		extension_len = most;
	return (room - extension_len) / forms[l3].unit * forms[l3].unit;
}

size_t icmp_extension_append(enum l3_proto l3, uint8_t *message, size_t quoted_len,
			     const struct icmp_parts *parts, size_t room)
{
	const struct form *form = &forms[l3];
	size_t padded = (quoted_len + form->unit - 1) / form->unit * form->unit;
	size_t len = parts->extension_len;
	uint8_t *original = message + ICMP_HLEN;

	if (padded < ORIGINAL_MIN)
		padded = ORIGINAL_MIN;
	if (len > room - padded)
		len = room - padded;
	memset(original + quoted_len, 0, padded - quoted_len);
	memcpy(original + padded, parts->extension, len);
	message[form->at] = (uint8_t)(padded / form->unit);
	return padded + len;
}
