/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Packets for the tests of nat64: put together and checked by the plain text of RFC 791, 768,
 * 793, 792, 4443, 8200 and 1071, with nothing of the code under test.
 */
#ifndef TESTS_UNIT_WIRE_H
#define TESTS_UNIT_WIRE_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define N(array) (sizeof(array) / sizeof(*(array)))

enum {
	WIRE_MAX = 65575,	/* IPv6 header and the longest payload */
	WIRE_TCP = 6, WIRE_UDP = 17, WIRE_ICMP = 1, WIRE_ICMP6 = 58, WIRE_FRAGMENT = 44,
	WIRE_TTL = 64, WIRE_TOS = 0xb8, WIRE_ID = 0x4321,
	WIRE_DF = 0x4000, WIRE_MF = 0x2000,
};

static inline void wire_put16(uint8_t *at, unsigned int value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static inline void wire_put32(uint8_t *at, uint32_t value)
{
	wire_put16(at, value >> 16);
	wire_put16(at + 2, value & 0xffff);
}

static inline unsigned int wire_get16(const uint8_t *at)
{
	return (unsigned int)at[0] << 8 | at[1];
}

static inline uint32_t wire_get32(const uint8_t *at)
{
	return (uint32_t)wire_get16(at) << 16 | wire_get16(at + 2);
}

/* An address of either family, IPv4 in mapped form */
static inline struct in6_addr wire_addr(const char *text)
{
	struct in6_addr addr = { .s6_addr = { [10] = 0xff, [11] = 0xff } };

	if (inet_pton(AF_INET, text, addr.s6_addr + 12) != 1)
		inet_pton(AF_INET6, text, &addr);
	return addr;
}

static inline uint32_t wire_v4(const char *text)
{
	return inet_addr(text);
}

/* RFC 1071 1 (1): the sum of adjacent pairs of octets, an odd one paired with zero */
static inline uint32_t wire_sum(uint32_t sum, const uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		sum += i % 2 ? bytes[i] : (uint32_t)bytes[i] << 8;
		sum = (sum & 0xffff) + (sum >> 16);
	}
	return sum;
}

/* Where the upper layer begins and what it is; no extension header but Fragment */
static inline size_t wire_l4_at(const uint8_t *packet, uint8_t *proto)
{
	if (packet[0] >> 4 == 4) {
		*proto = packet[9];
		return (size_t)(packet[0] & 15) * 4;
	}
	*proto = packet[6] == WIRE_FRAGMENT ? packet[40] : packet[6];
	return packet[6] == WIRE_FRAGMENT ? 48 : 40;
}

/* The sum that a checksum covers: pseudo-header (but for ICMPv4) and @l4_len bytes */
static inline uint32_t wire_l4_sum(const uint8_t *packet, const uint8_t *l4, size_t l4_len)
{
	uint8_t proto;
	uint32_t sum;

	wire_l4_at(packet, &proto);
	if (proto == WIRE_ICMP)
		return wire_sum(0, l4, l4_len);
	if (packet[0] >> 4 == 4)
		sum = wire_sum(0, packet + 12, 8);
	else
		sum = wire_sum(0, packet + 8, 32);
	sum += proto + (uint32_t)(l4_len & 0xffff);
	return wire_sum((sum & 0xffff) + (sum >> 16), l4, l4_len);
}

static inline size_t wire_csum_at(uint8_t proto)
{
	return proto == WIRE_TCP ? 16 : proto == WIRE_UDP ? 6 : 2;
}

/* Fill in the checksum of a whole packet (RFC 768: zero is sent as ones, for UDP only) */
static inline void wire_seal(uint8_t *packet, size_t len)
{
	uint8_t proto, *l4 = packet + wire_l4_at(packet, &proto);
	unsigned int csum;

	wire_put16(l4 + wire_csum_at(proto), 0);
	csum = ~wire_l4_sum(packet, l4, len - (size_t)(l4 - packet)) & 0xffff;
	wire_put16(l4 + wire_csum_at(proto), csum || proto != WIRE_UDP ? csum : 0xffff);
}

/* RFC 1071 1 (3): with the checksum in it, the sum is all ones */
static inline bool wire_l4_good(const uint8_t *packet, size_t len)
{
	uint8_t proto;
	const uint8_t *l4 = packet + wire_l4_at(packet, &proto);

	return wire_l4_sum(packet, l4, len - (size_t)(l4 - packet)) == 0xffff;
}

/* Would a full recomputation give the same checksum, bit by bit? */
static inline bool wire_l4_exact(const uint8_t *packet, size_t len)
{
	static _Thread_local uint8_t copy[WIRE_MAX];

	memcpy(copy, packet, len);
	wire_seal(copy, len);
	return memcmp(copy, packet, len) == 0;
}

static inline bool wire_ipv4_good(const uint8_t *packet)
{
	return wire_sum(0, packet, (size_t)(packet[0] & 15) * 4) == 0xffff;
}

/* An IPv4 header for @len bytes that stand, or will stand, behind it. Return: 20. */
static inline size_t wire_ipv4(uint8_t *out, uint8_t proto, const char *src, const char *dst,
			       size_t len)
{
	uint32_t addr;

	memset(out, 0, 20);
	out[0] = 0x45;
	out[1] = WIRE_TOS;
	wire_put16(out + 2, (unsigned int)(20 + len));
	wire_put16(out + 4, WIRE_ID);
	out[8] = WIRE_TTL;
	out[9] = proto;
	addr = wire_v4(src);
	memcpy(out + 12, &addr, 4);
	addr = wire_v4(dst);
	memcpy(out + 16, &addr, 4);
	wire_put16(out + 10, ~wire_sum(0, out, 20) & 0xffff);
	return 20;
}

/* An IPv6 header, flow label not zero. Return: 40. */
static inline size_t wire_ipv6(uint8_t *out, uint8_t next, const char *src, const char *dst,
			       size_t len)
{
	struct in6_addr addr;

	wire_put32(out, 6u << 28 | (uint32_t)WIRE_TOS << 20 | 0xabcde);
	wire_put16(out + 4, (unsigned int)len);
	out[6] = next;
	out[7] = WIRE_TTL;
	addr = wire_addr(src);
	memcpy(out + 8, &addr, 16);
	addr = wire_addr(dst);
	memcpy(out + 24, &addr, 16);
	return 40;
}

/* An IPv6 header, or an IPv4 one where the addresses are IPv4 */
static inline size_t wire_ip(uint8_t *out, uint8_t proto, const char *src, const char *dst,
			     size_t len)
{
	return strchr(src, ':') ? wire_ipv6(out, proto, src, dst, len)
				: wire_ipv4(out, proto, src, dst, len);
}

/* @len bytes that are not all alike */
static inline void wire_fill(uint8_t *at, size_t len)
{
	for (size_t i = 0; i < len; i++)
		at[i] = (uint8_t)(i * 7 + (i >> 8) + 1);
}

/* Whole packets, checksum included. Return: their length. */
static inline size_t wire_udp(uint8_t *out, const char *src, unsigned int src_port,
			      const char *dst, unsigned int dst_port, size_t data_len)
{
	size_t at = wire_ip(out, WIRE_UDP, src, dst, 8 + data_len);

	wire_put16(out + at, src_port);
	wire_put16(out + at + 2, dst_port);
	wire_put16(out + at + 4, (unsigned int)(8 + data_len));
	wire_fill(out + at + 8, data_len);
	wire_seal(out, at + 8 + data_len);
	return at + 8 + data_len;
}

static inline size_t wire_tcp(uint8_t *out, const char *src, unsigned int src_port,
			      const char *dst, unsigned int dst_port, uint8_t flags,
			      const uint8_t *options, size_t options_len, size_t data_len)
{
	size_t len = 20 + options_len + data_len;
	size_t at = wire_ip(out, WIRE_TCP, src, dst, len);

	memset(out + at, 0, 20);
	wire_put16(out + at, src_port);
	wire_put16(out + at + 2, dst_port);
	wire_put32(out + at + 4, 0x01020304);
	out[at + 12] = (uint8_t)((20 + options_len) / 4 << 4);
	out[at + 13] = flags;
	wire_put16(out + at + 14, 29200);
	if (options_len)
		memcpy(out + at + 20, options, options_len);
	wire_fill(out + at + 20 + options_len, data_len);
	wire_seal(out, at + len);
	return at + len;
}

/* An ICMP or ICMPv6 message, as the addresses say. @data: NULL for any bytes. */
static inline size_t wire_icmp(uint8_t *out, const char *src, const char *dst, uint8_t type,
			       uint8_t code, uint32_t word, const uint8_t *data, size_t data_len)
{
	uint8_t proto = strchr(src, ':') ? WIRE_ICMP6 : WIRE_ICMP;
	size_t at = wire_ip(out, proto, src, dst, 8 + data_len);

	out[at] = type;
	out[at + 1] = code;
	wire_put32(out + at + 4, word);
	if (data)
		memcpy(out + at + 8, data, data_len);
	else
		wire_fill(out + at + 8, data_len);
	wire_seal(out, at + 8 + data_len);
	return at + 8 + data_len;
}

/* xorshift64: the same packets in every run */
static inline uint64_t wire_random(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

#endif
