/* SPDX-License-Identifier: GPL-2.0-or-later */
/* SipHash-2-4 over bytes, which others compute alike (RFC 9018 4.4). */
#ifndef CORE_SIPHASH24_H
#define CORE_SIPHASH24_H

#include <endian.h>
#include <string.h>

#include "siphash.h"

/** siphash_key_read() - the key that 16 bytes stand for, as the paper reads them. */
static inline struct siphash_key siphash_key_read(const uint8_t bytes[16])
{
	uint64_t k[2];

	memcpy(k, bytes, sizeof(k));
	return (struct siphash_key){ le64toh(k[0]), le64toh(k[1]) };
}

static inline void siphash_two_rounds(uint64_t v[4], uint64_t word)
{
	v[3] ^= word;
	siphash_round(v);
	siphash_round(v);
	v[0] ^= word;
}

/** siphash24() - hash @len bytes under @key. Return: a number; its bytes go little end first. */
static inline uint64_t siphash24(const struct siphash_key *key, const void *data, size_t len)
{
	const uint8_t *at = data;
	uint64_t v[4], word;
	size_t left = len;

	siphash_init(v, key);
	for (; left >= sizeof(word); left -= sizeof(word), at += sizeof(word)) {
		memcpy(&word, at, sizeof(word));
		siphash_two_rounds(v, le64toh(word));
	}
	word = 0;
	memcpy(&word, at, left);
	siphash_two_rounds(v, le64toh(word) | (uint64_t)len << 56);
	v[2] ^= 0xff;
	for (int i = 0; i < 4; i++)
		siphash_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

#endif
