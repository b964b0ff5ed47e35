/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * RFC 6052 section 2.2: IPv4-embedded IPv6 addresses.
 *
 *  PL   0-------------32--40--48--56--64--72--80--88--96--104---------
 *  32   |     prefix    |v4(32)         | u | suffix                  |
 *  40   |     prefix        |v4(24)     | u |(8)| suffix              |
 *  48   |     prefix            |v4(16) | u | (16)  | suffix          |
 *  56   |     prefix                |(8)| u |  v4(24)   | suffix      |
 *  64   |     prefix                    | u |   v4(32)      | suffix  |
 *  96   |     prefix                                    |    v4(32)   |
 *
 * Pure and inline, with no type but C's own, so that a BPF program can include
 * it. Addresses are byte arrays in network order.
 */
#ifndef CORE_RFC6052_H
#define CORE_RFC6052_H

#define RFC6052_U_OCTET 8	/* bits 64 to 71: zero in every embedded address */

/** rfc6052_valid_length() - one of the six prefix lengths of section 2.2? */
static inline int rfc6052_valid_length(unsigned int len_bits)
{
	return len_bits == 32 || len_bits == 40 || len_bits == 48 ||
	       len_bits == 56 || len_bits == 64 || len_bits == 96;
}

/**
 * rfc6052_embed() - prefix and IPv4 address become an IPv6 address (2.3).
 * @out:	16 bytes; u octet and suffix are zero.
 * @prefix:	16 bytes, of which the first @len_bits / 8 are used.
 * @len_bits:	a length that rfc6052_valid_length() accepts.
 * @v4:		4 bytes.
 */
static inline void rfc6052_embed(unsigned char *out, const unsigned char *prefix,
				 unsigned int len_bits, const unsigned char *v4)
{
	unsigned int at = len_bits / 8, i;

	for (i = 0; i < 16; i++)
		out[i] = i < at ? prefix[i] : 0;
	/* A /96 prefix covers the u octet itself, which then must be zero already. */
	for (i = 0; i < 4; i++) {
		if (at == RFC6052_U_OCTET)
			at++;
		out[at & 15] = v4[i];
		at++;
	}
}

/**
 * rfc6052_extract() - the IPv4 address of an embedded one (2.3).
 * @v4:		4 bytes out.
 * @addr:	16 bytes, known to lie in a prefix of @len_bits.
 *
 * The suffix is ignored, as 2.2 asks ("SHOULD ignore"). The u octet is the
 * caller's to judge with rfc6052_u_octet_zero(): translators pass it, the
 * reverse DNS parser does not.
 */
static inline void rfc6052_extract(unsigned char *v4, const unsigned char *addr,
				   unsigned int len_bits)
{
	unsigned int at = len_bits / 8, i;

	for (i = 0; i < 4; i++) {
		if (at == RFC6052_U_OCTET)
			at++;
		v4[i] = addr[at & 15];
		at++;
	}
}

/** rfc6052_u_octet_zero() - are bits 64 to 71 zero, as 2.2 demands? */
static inline int rfc6052_u_octet_zero(const unsigned char *addr)
{
	return addr[RFC6052_U_OCTET] == 0;
}

#endif
