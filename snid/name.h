/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Host names as snid routes by them. Pure: what the wire said in, the one form
 * that is looked up, compared and logged out.
 */
#ifndef SNID_NAME_H
#define SNID_NAME_H

#include <stddef.h>
#include <stdint.h>

enum {
	NAME_MAX_LEN = 253,	/* RFC 1035 3.1: 255 on the wire, as text without the final dot */
	NAME_LABEL_MAX = 63,
	NAME_STRLEN = NAME_MAX_LEN + 1,
};

/**
 * name_normalise() - check a server name and bring it into its one form.
 * @raw:	@len bytes from the peer; need not be text.
 * @name:	NAME_STRLEN bytes; lower case, no final dot; "" where it is refused.
 *
 * Letters, digits and hyphens in labels of 1 to 63 bytes, no hyphen at a label's ends
 * (RFC 1123 2.1). Underscores are let through besides: host names must not have them, but
 * the DNS may and people do. One final dot is taken away. IPv4 literals are refused, which
 * RFC 6066 3 asks; so is all else with a last label of digits, as no name ends so.
 *
 * Return: NULL, or what is wrong as a static text.
 */
const char *name_normalise(const uint8_t *raw, size_t len, char *name);

#endif
