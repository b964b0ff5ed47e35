/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "generate.h"

#include <string.h>

enum { ICMP4 = 1, TCP = 6, UDP = 17, FRAG = 44, ICMP6 = 58 };

/* ---- numbers ------------------------------------------------------------------------- */

/* xorshift64* */
uint32_t generate_number(uint64_t *seed, uint32_t below)
{
	*seed ^= *seed >> 12;
	*seed ^= *seed << 25;
	*seed ^= *seed >> 27;
	return (uint32_t)((*seed * 0x2545f4914f6cdd1du >> 32) * below >> 32);
}

static bool one_in(uint64_t *seed, uint32_t n)
{
	return generate_number(seed, n) == 0;
}

void generate_bytes(uint64_t *seed, uint8_t *at, size_t len)
{
	uint64_t word;

	for (; len >= 8; at += 8, len -= 8) {
		generate_number(seed, 2);
		word = *seed * 0x2545f4914f6cdd1du;
		memcpy(at, &word, 8);
	}
	while (len--)
		*at++ = (uint8_t)generate_number(seed, 256);
}

#define PICK(seed, array) ((array)[generate_number(seed, sizeof(array) / sizeof((array)[0]))])

static void put16(uint8_t *at, size_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static size_t get16(const uint8_t *at)
{
	return (size_t)at[0] << 8 | at[1];
}

/* ---- checksums ----------------------------------------------------------------------- */

static uint32_t add(uint32_t sum, const uint8_t *at, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		sum += i % 2 ? at[i] : (uint32_t)at[i] << 8;
		sum = (sum & 0xffff) + (sum >> 16);
	}
	return sum;
}

/* Make the checksum of @len bytes of upper layer good, or another that is taken for good. */
static void seal(uint64_t *seed, const uint8_t *packet, bool v6, unsigned int proto, uint8_t *at,
		 size_t len)
{
	size_t csum_at = proto == TCP ? 16 : proto == UDP ? 6 : 2;
	uint32_t sum = 0;

	if (len < csum_at + 2 || (proto == UDP && !get16(at + 6)))
		return;
	put16(at + csum_at, 0);
	if (proto != ICMP4) {
		sum = v6 ? add(0, packet + 8, 32) : add(0, packet + 12, 8);
		sum += proto + (uint32_t)(len & 0xffff) + (uint32_t)(len >> 16);
		sum = (sum & 0xffff) + (sum >> 16);
	}
	sum = ~add(sum, at, len) & 0xffff;
	if (sum == 0 && (proto == UDP || one_in(seed, 2)))
		sum = 0xffff;
	put16(at + csum_at, sum);
}

/* ---- upper layers -------------------------------------------------------------------- */

static size_t data_len(uint64_t *seed)
{
	/* What fills fragments exactly, over either family */
	static const uint16_t steps[] = { 552, 1232, 1256, 1352, 1376, 1448, 1456, 1480 };
	uint32_t r = generate_number(seed, 1010);

	if (r >= 1000)
		return PICK(seed, steps) * (1 + generate_number(seed, 4)) - (r & 1 ? 8 : 20);
	if (r < 600)
		return generate_number(seed, 80);
	if (r < 850)
		return generate_number(seed, 1500);
	if (r < 980)
		return 1180 + generate_number(seed, 340);
	return r < 998 ? generate_number(seed, 9200) : 65400 - generate_number(seed, 30000);
}

/* Bytes that make sums of all kinds: also nothing but zeros, nothing but ones */
static void fill(uint64_t *seed, uint8_t *at, size_t len)
{
	switch (generate_number(seed, 8)) {
	case 0:
		memset(at, 0, len);
		break;
	case 1:
		memset(at, 0xff, len);
		break;
	default:
		generate_bytes(seed, at, len);
	}
}

static size_t make_tcp(uint64_t *seed, uint8_t *at, size_t data)
{
	size_t options = generate_number(seed, 11) * 4;

	fill(seed, at, 20 + options + data);
	at[12] = (uint8_t)((5 + options / 4) << 4);
	return 20 + options + data;
}

static size_t make_udp(uint64_t *seed, uint8_t *at, size_t data, bool checksum)
{
	fill(seed, at, 8 + data);
	/* Sometimes bytes are left over behind it. */
	put16(at + 4, 8 + (one_in(seed, 20) ? generate_number(seed, (uint32_t)data + 1) : data));
	put16(at + 6, checksum);
	return 8 + data;
}

static size_t make_query(uint64_t *seed, uint8_t *at, bool v6, size_t data)
{
	static const uint8_t types[2][2] = { { 8, 0 }, { 128, 129 } };

	fill(seed, at, 8 + data);
	at[0] = types[v6][generate_number(seed, 2)];
	at[1] = one_in(seed, 10) ? (uint8_t)generate_number(seed, 256) : 0;
	return 8 + data;
}

static unsigned int other_proto(uint64_t *seed)
{
	static const uint8_t protos[] = { 0, 1, 2, 4, 33, 41, 43, 44, 47, 50, 51, 58, 59, 60, 103,
					  132, 135, 136, 139, 140, 253, 255 };

	return PICK(seed, protos);
}

/* ---- IP ------------------------------------------------------------------------------- */

/* Options that fill whole words. Return: their bytes, up to 40. */
static size_t make_options(uint64_t *seed, uint8_t *at)
{
	size_t len = 4 + generate_number(seed, 10) * 4, i = 0;

	memset(at, 0, len);
	while (i < len && !one_in(seed, 6)) {
		static const uint8_t kinds[] = { 1, 1, 7, 68, 130, 131, 137, 148 };
		uint8_t kind = PICK(seed, kinds);
		size_t size = 3 + generate_number(seed, 9);

		at[i] = kind;
		if (kind == 1 || i + size > len) {
			at[i++] = 1;
			continue;
		}
		at[i + 1] = (uint8_t)(one_in(seed, 30) ? generate_number(seed, 256) : size);
		/* a pointer, in front of the end, behind it, or just there */
		at[i + 2] = (uint8_t)(size + generate_number(seed, 3) + (one_in(seed, 3) ? 0 : 1));
		generate_bytes(seed, at + i + 3, size - 3);
		i += size;
	}
	return len;
}

/* An extension header that begins with the number of the next one. Return: its bytes. */
static size_t make_extension(uint64_t *seed, uint8_t *at, uint8_t type, uint8_t next)
{
	size_t more = generate_number(seed, 3);

	generate_bytes(seed, at, 8 + more * 8);
	at[0] = next;
	at[1] = (uint8_t)more;
	if (type == 43)
		at[3] = one_in(seed, 3) ? (uint8_t)generate_number(seed, 4) : 0;
	return 8 + more * 8;
}

static size_t make_fragment_header(uint64_t *seed, uint8_t *at, uint8_t next, bool part)
{
	generate_bytes(seed, at, 8);
	at[0] = next;
	put16(at + 2, !part ? 0 : one_in(seed, 2) ? 1 : generate_number(seed, 65536) & 0xfff9);
	return 8;
}

/* Extension headers in front of @proto. Return: their bytes. */
static size_t make_chain(uint64_t *seed, uint8_t *first, uint8_t *at, uint8_t proto, bool part)
{
	static const uint8_t types[] = { 60, 60, 60, 60, 60, 43, 43, 0, 51 };
	uint8_t chain[20];
	size_t n = 0, len = 0;

	if (one_in(seed, 2))
		chain[n++] = 0;
	for (uint32_t i = one_in(seed, 50) ? 14 + generate_number(seed, 4)
					   : generate_number(seed, 3); i > 0; i--)
		chain[n++] = PICK(seed, types);
	if (part || one_in(seed, 2))
		chain[n++] = FRAG;
	if (one_in(seed, 12))
		chain[n++] = PICK(seed, types);
	*first = n ? chain[0] : proto;
	for (size_t i = 0; i < n; i++) {
		uint8_t next = i + 1 < n ? chain[i + 1] : proto;

		len += chain[i] == FRAG ? make_fragment_header(seed, at + len, next, part)
					: make_extension(seed, at + len, chain[i], next);
	}
	return len;
}

static void put_head4(uint64_t *seed, uint8_t *p, uint8_t proto, size_t header, size_t len,
		      bool part)
{
	uint32_t offset = one_in(seed, 2) ? 0x2000 : generate_number(seed, 0x4000);

	p[0] = (uint8_t)(0x40 + header / 4);
	p[1] = (uint8_t)generate_number(seed, 256);
	put16(p + 2, header + len);
	generate_bytes(seed, p + 4, 2);
	put16(p + 6, (part ? offset : 0) | (one_in(seed, 2) ? 0x4000 : 0));
	p[8] = (uint8_t)(2 + generate_number(seed, 254));
	p[9] = proto;
	generate_bytes(seed, p + 12, 8);
	put16(p + 10, 0);
	put16(p + 10, ~add(0, p, header) & 0xffff);
}

static void put_head6(uint64_t *seed, uint8_t *p, uint8_t first, size_t payload)
{
	generate_bytes(seed, p, 40);
	p[0] = (uint8_t)(0x60 | (p[0] & 15));
	put16(p + 4, payload);
	p[6] = first;
	p[7] = (uint8_t)(2 + generate_number(seed, 254));
	if (one_in(seed, 200))		/* mapped IPv4 within IPv6 */
		memcpy(p + 8, "\0\0\0\0\0\0\0\0\0\0\xff\xff", 12);
}

/* The IP header and what goes with it, and @l4 behind it. Return: the whole. */
static size_t put_ip(uint64_t *seed, uint8_t *out, struct made *made, unsigned int proto,
		     uint8_t *l4, size_t len)
{
	uint8_t *body = out + (made->v6 ? 40 : 20), first = (uint8_t)proto;
	size_t extra = 0;

	if (made->extra || (made->v6 && made->part))
		extra = made->v6 ? make_chain(seed, &first, body, (uint8_t)proto, made->part)
				 : make_options(seed, body);
	memmove(body + extra, l4, len);
	if (made->v6)
		put_head6(seed, out, first, extra + len);
	else
		put_head4(seed, out, (uint8_t)proto, 20 + extra, len, made->part);
	seal(seed, out, made->v6, proto, body + extra, len);
	return (size_t)(body - out) + extra + len;
}

/* ---- errors ----------------------------------------------------------------------------- */

static size_t make_any(uint64_t *seed, uint8_t *out, struct made *made, size_t data);

/* Damage that gets through: bits, lengths, an end anywhere. Return: the new length. */
static size_t damage(uint64_t *seed, uint8_t *p, size_t len, bool v6)
{
	for (uint32_t n = 1 + generate_number(seed, 3); n > 0 && len > 0; n--) {
		uint32_t near = len < 100 ? (uint32_t)len : 100;

		switch (generate_number(seed, 6)) {
		case 0:
			p[generate_number(seed, (uint32_t)len)] ^=
				(uint8_t)(1u << generate_number(seed, 8));
			break;
		case 1:
			p[generate_number(seed, near)] = (uint8_t)generate_number(seed, 256);
			break;
		case 2:
			len = generate_number(seed, (uint32_t)len + 1);
			break;
		case 3:		/* a length that lies, a little or a lot */
			if (len >= 6)
				put16(p + (v6 ? 4 : 2), one_in(seed, 3) ? generate_number(seed, 65536)
				      : get16(p + (v6 ? 4 : 2)) + 16 - generate_number(seed, 32));
			break;
		case 4:
			p[generate_number(seed, near)] += (uint8_t)(1 - (int)generate_number(seed, 3));
			break;
		default:
			p[0] = (uint8_t)((p[0] & 0xf0) | (one_in(seed, 2) ? 5 : p[0] & 0xf));
		}
	}
	return len;
}

/* RFC 4884: pad to @padded, append a structure, which may be nonsense. Return: new length. */
static size_t make_extended(uint64_t *seed, uint8_t *p, size_t len, size_t *padded, bool v6)
{
	size_t unit = v6 ? 8 : 4, size = 4 + generate_number(seed, one_in(seed, 5) ? 1300 : 60);
	size_t least = one_in(seed, 4) ? unit : 128;

	/* How much is quoted: routers quote 128 bytes, others more. */
	if (len > 128 && one_in(seed, 2))
		len = 128;
	*padded = (len + unit - 1) / unit * unit;
	if (*padded < least)
		*padded = least;
	if (*padded > 255 * unit)
		len = *padded = 128;
	memset(p + len, 0, *padded - len);
	generate_bytes(seed, p + *padded, size);
	p[*padded] = (uint8_t)(0x20 | generate_number(seed, 16));
	if (!one_in(seed, 8)) {
		/* A checksum of zero is none, whatever the sum is. */
		size_t at = *padded + (one_in(seed, 4) ? 4 : 2);

		size += size < 6 ? 2 : 0;
		memset(p + *padded + 2, 0, 4);
		put16(p + at, ~add(0, p + *padded, size) & 0xffff);
	}
	return *padded + size;
}

/* Type, code and word: mostly such as are in the tables */
static void make_head(uint64_t *seed, uint8_t *p, bool v6)
{
	static const uint8_t types[2][8] = { { 3, 3, 3, 11, 12, 12, 3, 11 },
					     { 1, 1, 2, 3, 4, 4, 2, 3 } };

	memset(p, 0, 8);
	p[0] = PICK(seed, types[v6]);
	p[1] = (uint8_t)generate_number(seed, p[0] == 3 && !v6 ? 17 : one_in(seed, 10) ? 256 : 6);
	if (!v6 && p[0] == 12)
		p[4] = (uint8_t)generate_number(seed, one_in(seed, 10) ? 256 : 20);
	if (!v6 && p[0] == 3 && one_in(seed, 2)) {
		p[1] = 4;
		if (!one_in(seed, 4))
			put16(p + 6, generate_number(seed, one_in(seed, 2) ? 65536 : 1600));
	}
	if (v6 && p[0] == 4) {
		p[1] = (uint8_t)generate_number(seed, 3);
		p[7] = (uint8_t)generate_number(seed, one_in(seed, 20) ? 256 : 41);
	}
	if (v6 && p[0] == 2)
		put16(p + 6, generate_number(seed, one_in(seed, 2) ? 65536 : 1600));
	if (one_in(seed, 20))
		generate_bytes(seed, p + 4, 4);
}

/* A message about another packet. Return: its bytes. */
static size_t make_error(uint64_t *seed, uint8_t *at, bool v6, bool extended)
{
	struct made inner = {
		.kind = generate_number(seed, one_in(seed, 20) ? KIND_COUNT : KIND_ERROR),
		.v6 = one_in(seed, 100) ? !v6 : v6,
		.extra = one_in(seed, 8), .part = one_in(seed, 8),
	};
	size_t data = data_len(seed), cut = (v6 ? 40 : 20) + generate_number(seed, 140);
	size_t len, padded;

	/* Errors are not nested further than the first one quotes another. */
	if (inner.kind == KIND_ERROR || inner.kind == KIND_ERROR_EXTENDED)
		inner.kind = KIND_ICMP_OTHER;
	make_head(seed, at, v6);
	len = make_any(seed, at + 8, &inner, data > 9000 ? 9000 : data);
	if (one_in(seed, 4))
		len = damage(seed, at + 8, len, inner.v6);
	if (len > 1400)
		len = 1400;
	if (one_in(seed, 4) && cut < len)
		len = cut;
	if (extended) {
		len = make_extended(seed, at + 8, len, &padded, v6);
		/* The attribute may be left out, or say anything. */
		if (!one_in(seed, 5))
			at[v6 ? 4 : 5] = (uint8_t)(padded / (v6 ? 8 : 4));
		else if (one_in(seed, 2))
			at[v6 ? 4 : 5] = (uint8_t)generate_number(seed, 256);
	}
	return 8 + len;
}

/* ---- packets ------------------------------------------------------------------------------ */

static size_t make_any(uint64_t *seed, uint8_t *out, struct made *made, size_t data)
{
	uint8_t *l4 = out + 1000;	/* room for every header in front of it */
	unsigned int icmp = made->v6 ? ICMP6 : ICMP4, proto = icmp;
	size_t len;

	switch (made->kind) {
	case KIND_TCP:
		proto = TCP;
		len = make_tcp(seed, l4, data);
		break;
	case KIND_UDP:
	case KIND_UDP_NO_CHECKSUM:
		proto = UDP;
		len = make_udp(seed, l4, data, made->kind == KIND_UDP);
		break;
	case KIND_OTHER:
		proto = other_proto(seed);
		generate_bytes(seed, l4, data);
		len = data;
		break;
	case KIND_ERROR:
	case KIND_ERROR_EXTENDED:
		len = make_error(seed, l4, made->v6, made->kind == KIND_ERROR_EXTENDED);
		break;
	case KIND_ICMP_OTHER:
		len = make_query(seed, l4, made->v6, data);
		l4[0] = (uint8_t)generate_number(seed, 256);
		break;
	default:
		len = make_query(seed, l4, made->v6, data);
	}
	return put_ip(seed, out, made, proto, l4, len);
}

struct made generate_packet(uint64_t *seed, uint8_t *out)
{
	static const enum kind kinds[] = {
		KIND_TCP, KIND_TCP, KIND_UDP, KIND_UDP, KIND_UDP_NO_CHECKSUM, KIND_ECHO, KIND_OTHER,
		KIND_ERROR, KIND_ERROR, KIND_ERROR, KIND_ERROR, KIND_ERROR_EXTENDED,
		KIND_ERROR_EXTENDED, KIND_ICMP_OTHER,
	};
	struct made made = {
		.kind = PICK(seed, kinds),
		.v6 = one_in(seed, 2),
		.extra = one_in(seed, 6), .part = one_in(seed, 30), .damaged = one_in(seed, 4),
	};

	made.len = make_any(seed, out, &made, data_len(seed));
	if (made.damaged)
		made.len = damage(seed, out, made.len, made.v6);
	if (made.len > 0 && one_in(seed, 20)) {		/* what a link pads with */
		size_t more = generate_number(seed, 20);

		generate_bytes(seed, out + made.len, more);
		made.len += more;
	}
	return made;
}
