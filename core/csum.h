/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The Internet checksum (RFC 1071) and its incremental update (RFC 1624).
 *
 * A "sum" is an unfolded one's complement sum of 16-bit words as they lie in
 * memory; it is the same arithmetic in either byte order, so nothing is swapped.
 * A "csum" is the folded complement, as it stands in a header.
 */
#ifndef CORE_CSUM_H
#define CORE_CSUM_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/** csum_fold16() - fold a sum to 16 bits, not complemented. */
static inline uint16_t csum_fold16(uint64_t sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

/** csum_finish() - the header field for a sum. */
static inline uint16_t csum_finish(uint64_t sum)
{
	return (uint16_t)~csum_fold16(sum);
}

/** csum_bytes() - add @len bytes to @sum; only the last piece may have an odd length. */
static inline uint64_t csum_bytes(uint64_t sum, const void *data, size_t len)
{
	const uint8_t *p = data;
	uint32_t word;
	uint16_t half;

	for (; len >= 4; len -= 4, p += 4) {
		memcpy(&word, p, 4);
		sum += word;
	}
	if (len >= 2) {
		memcpy(&half, p, 2);
		sum += half;
		len -= 2;
		p += 2;
	}
	if (len) {
		half = 0;
		memcpy(&half, p, 1);
		sum += half;
	}
	return sum;
}

/** csum_word() - add one 16-bit word as it lies in memory (network order value). */
static inline uint64_t csum_word(uint64_t sum, uint16_t word_be16)
{
	return sum + word_be16;
}

/**
 * csum_replace() - RFC 1624 equation 3: HC' = ~(~HC + ~m + m').
 * @csum:	the header field as it stands.
 * @was, @is:	sums of what is replaced and of what replaces it.
 */
static inline uint16_t csum_replace(uint16_t csum, uint64_t was, uint64_t is)
{
	return csum_finish((uint64_t)(uint16_t)~csum + (uint16_t)~csum_fold16(was) +
			   csum_fold16(is));
}

/**
 * csum_pseudo6() - sum of the IPv6 pseudo-header (RFC 8200 8.1).
 * @src, @dst:	16 bytes each.
 * @len:	upper-layer length in bytes, host byte order.
 * @next:	upper-layer protocol.
 */
static inline uint64_t csum_pseudo6(const void *src, const void *dst, uint32_t len, uint8_t next)
{
	uint8_t tail[8] = {
		(uint8_t)(len >> 24), (uint8_t)(len >> 16), (uint8_t)(len >> 8), (uint8_t)len,
		0, 0, 0, next,
	};

	return csum_bytes(csum_bytes(csum_bytes(0, src, 16), dst, 16), tail, sizeof(tail));
}

/**
 * csum_pseudo4() - sum of the IPv4 pseudo-header (RFC 793 3.1, RFC 768).
 * @src, @dst:	4 bytes each.
 * @len:	upper-layer length in bytes, host byte order.
 */
static inline uint64_t csum_pseudo4(const void *src, const void *dst, uint16_t len, uint8_t proto)
{
	uint8_t tail[4] = { 0, proto, (uint8_t)(len >> 8), (uint8_t)len };

	return csum_bytes(csum_bytes(csum_bytes(0, src, 4), dst, 4), tail, sizeof(tail));
}

#endif
