/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * SipHash (Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012). Hash
 * tables keyed with bytes from the network use SipHash-1-3 over whole 64-bit words
 * with a secret key, so that nobody outside can make them degenerate. SipHash-2-4
 * over bytes is for what others must be able to compute too (RFC 9018).
 */
#ifndef CORE_SIPHASH_H
#define CORE_SIPHASH_H

#include <endian.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct siphash_key {
	uint64_t k0, k1;
};

static inline uint64_t siphash_rotl(uint64_t x, unsigned int bits)
{
	return x << bits | x >> (64 - bits);
}

static inline void siphash_round(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = siphash_rotl(v[1], 13) ^ v[0];
	v[0] = siphash_rotl(v[0], 32);
	v[2] += v[3];
	v[3] = siphash_rotl(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = siphash_rotl(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = siphash_rotl(v[1], 17) ^ v[2];
	v[2] = siphash_rotl(v[2], 32);
}

static inline void siphash_init(uint64_t v[4], const struct siphash_key *key)
{
	v[0] = key->k0 ^ 0x736f6d6570736575ULL;
	v[1] = key->k1 ^ 0x646f72616e646f6dULL;
	v[2] = key->k0 ^ 0x6c7967656e657261ULL;
	v[3] = key->k1 ^ 0x7465646279746573ULL;
}

/** siphash13() - hash @n words (host order values) under @key. */
static inline uint64_t siphash13(const struct siphash_key *key, const uint64_t *words, size_t n)
{
	uint64_t v[4];
	uint64_t last = (uint64_t)(n * 8) << 56;

	siphash_init(v, key);
	for (size_t i = 0; i < n; i++) {
		v[3] ^= words[i];
		siphash_round(v);
		v[0] ^= words[i];
	}
	v[3] ^= last;
	siphash_round(v);
	v[0] ^= last;
	v[2] ^= 0xff;
	siphash_round(v);
	siphash_round(v);
	siphash_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

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
