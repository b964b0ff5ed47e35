/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Host names as connections are routed by them. Pure: what the wire or the configuration said
 * in, the one form that is looked up, compared and logged out.
 */
#ifndef CORE_HOSTNAME_H
#define CORE_HOSTNAME_H

#include <stddef.h>
#include <stdint.h>

enum {
	HOSTNAME_MAX = 253,	/* RFC 1035 3.1: 255 on the wire, as text without the final dot */
	HOSTNAME_LABEL_MAX = 63,
	HOSTNAME_STRLEN = HOSTNAME_MAX + 1,
};

/**
 * hostname_normalise() - check a server name and bring it into its one form.
 * @raw:	@len bytes from the peer; need not be text.
 * @name:	HOSTNAME_STRLEN bytes; lower case, no final dot; "" where it is refused.
 *
 * Letters, digits and hyphens in labels of 1 to 63 bytes, no hyphen at a label's ends
 * (RFC 1123 2.1). Underscores are let through besides: host names must not have them, but
 * the DNS may and people do. One final dot is taken away. IPv4 literals are refused, which
 * RFC 6066 3 asks; so is all else with a last label of digits, as no name ends so.
 *
 * Return: NULL, or what is wrong as a static text.
 */
const char *hostname_normalise(const uint8_t *raw, size_t len, char *name);

#endif
