/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reference_view.h"

#include <stdlib.h>
#include <string.h>

/* ---- upper layer --------------------------------------------------------------------- */

struct ends {
	const uint8_t *src, *dst;	/* of the new packet */
	unsigned int src_port, dst_port;
	unsigned int identifier;	/* of ICMP queries */
	bool v6;			/* the new packet */
};

static struct ends ends_of(const struct mapping *m, bool to6, bool from_far)
{
	struct ends near_to_far = to6
		? (struct ends){ m->inside, m->remote6, m->inside_port, m->remote_port,
				 m->inside_port, true }
		: (struct ends){ m->outside, m->remote4, m->outside_port, m->remote_port,
				 m->outside_port, false };

	if (!from_far)
		return near_to_far;
	return (struct ends){ near_to_far.dst, near_to_far.src, near_to_far.dst_port,
			      near_to_far.src_port, near_to_far.identifier, to6 };
}

/* RFC 8200 8.1, RFC 793 3.1, RFC 768: the words of the pseudo-header; ICMPv4 has none */
static uint64_t pseudo(bool v6, const uint8_t *src, const uint8_t *dst, unsigned int proto,
		       size_t len)
{
	size_t size = v6 ? 16 : 4;

	if (proto == ICMP4 && !v6)
		return 0;
	return words(src, size) + words(dst, size) + proto + len % 65536 + len / 65536;
}

static unsigned int number_over(const struct view *v)
{
	if (v->v6)
		return v->proto == ICMP6 ? ICMP4 : v->proto;
	return v->proto == ICMP4 ? ICMP6 : v->proto;
}

/*
 * The checksum for @new, so that as much is wrong with it as was with the old one: its sum
 * over everything, modulo 65535, is the old packet's. With nothing wrong, that is what RFC 1071
 * computes over the new bytes alone.
 */
static void settle(const struct view *v, const struct ends *ends, uint8_t *new, size_t at)
{
	uint64_t was = pseudo(v->v6, v->src, v->dst, v->proto, v->stated) +
		       words(v->payload, v->len);
	uint64_t is;
	unsigned int csum;

	put16(new + at, 0);
	is = pseudo(ends->v6, ends->src, ends->dst, number_over(v), v->stated) +
	     words(new, v->len);
	csum = (unsigned int)((was % 65535 + 65535 - is % 65535) % 65535);
	/* RFC 768: zero is sent as ones. Of nothing but zeros, ones are the complement. */
	if (csum == 0 && (v->proto == UDP || is == 0))
		csum = 65535;
	put16(new + at, csum);
}

/* RFC 7915 4.5: computed over the length that UDP itself states */
static void compute_udp(const struct ends *ends, uint8_t *new)
{
	size_t len = get16(new + 4);
	unsigned int rest = (unsigned int)((pseudo(true, ends->src, ends->dst, UDP, len) +
					    words(new, len)) % 65535);

	put16(new + 6, 65535 - rest);
}

/* The payload of @v into @new. Return: false where UDP over IPv6 has no checksum. */
static bool carry(const struct view *v, const struct ends *ends, uint8_t *new, bool quoted)
{
	memcpy(new, v->payload, v->len);
	if (!is_first_or_only(v))
		return true;
	if (v->proto == TCP || v->proto == UDP) {
		put16(new, ends->src_port);
		put16(new + 2, ends->dst_port);
	}
	if (v->proto == TCP && v->len >= 18)
		settle(v, ends, new, 16);
	if (v->proto == UDP) {
		if (get16(new + 6) != 0)
			settle(v, ends, new, 6);
		else if (!quoted && v->v6)
			return false;
		else if (!quoted)
			compute_udp(ends, new);
	}
	if (is_icmp(v)) {
		bool request = v->payload[0] == (v->v6 ? 128 : 8);

		new[0] = ends->v6 ? (request ? 128 : 129) : (request ? 8 : 0);
		put16(new + 4, ends->identifier);
		settle(v, ends, new, 2);
	}
	return true;
}

/* ---- IP headers --------------------------------------------------------------------------- */

static void head4(uint8_t *at, unsigned int tos, size_t payload, unsigned int id,
		  unsigned int flags_offset, unsigned int ttl, unsigned int proto,
		  const struct ends *ends)
{
	memset(at, 0, 20);
	at[0] = 0x45;
	at[1] = (uint8_t)tos;
	put16(at + 2, 20 + payload);
	put16(at + 4, id);
	put16(at + 6, flags_offset);
	at[8] = (uint8_t)ttl;
	at[9] = (uint8_t)proto;
	memcpy(at + 12, ends->src, 4);
	memcpy(at + 16, ends->dst, 4);
	put16(at + 10, 65535 - words(at, 20) % 65535);
	if (get16(at + 10) == 65535)
		put16(at + 10, 0);
}

static void head6(uint8_t *at, unsigned int tos, size_t payload, unsigned int ttl,
		  unsigned int next, const struct ends *ends)
{
	put32(at, 0x60000000u + tos * 0x100000u);
	put16(at + 4, payload);
	at[6] = (uint8_t)next;
	at[7] = (uint8_t)ttl;
	memcpy(at + 8, ends->src, 16);
	memcpy(at + 24, ends->dst, 16);
}

static void fragment_head(uint8_t *at, unsigned int next, size_t offset, bool more, uint32_t id)
{
	at[0] = (uint8_t)next;
	at[1] = 0;
	put16(at + 2, offset + (more ? 1 : 0));
	put32(at + 4, id);
}

static uint8_t *next_packet(struct result *r, size_t len)
{
	size_t at = 0;

	for (size_t i = 0; i < r->n; i++)
		at += r->len[i];
	if (r->n == RESULT_PACKETS || at + len > RESULT_BYTES)
		abort();
	r->len[r->n++] = len;
	return r->bytes + at;
}

/* ---- whole packets */

/* RFC 7915 5.1 */
static enum verdict to4(const struct view *v, const struct mapping *m, const struct way *way,
			struct result *r)
{
	static uint8_t body[65536];
	struct ends ends = ends_of(m, false, false);
	size_t total = 20 + v->len, step = (way->mtu4 - 20) / 8 * 8;
	unsigned int ttl = (v->ttl + 255) % 256;

	if (total > 65535)
		return TOO_BIG;
	if (total > way->mtu4 && !v->has_fragment_header && v->whole > 1280 &&
	    v->whole <= way->mtu6)
		return TOO_BIG;
	if (!carry(v, &ends, body, false))
		return NO_CHECKSUM;
	if (total <= way->mtu4) {
		uint8_t *at = next_packet(r, total);
		bool df = total > 1260 && !v->has_fragment_header;

		head4(at, v->tos, v->len, way->id, df ? 0x4000 : 0, ttl, number_over(v), &ends);
		memcpy(at + 20, body, v->len);
		return SENT;
	}
	for (size_t done = 0; done < v->len; done += step) {
		bool more = done + step < v->len;
		size_t part = more ? step : v->len - done;
		uint8_t *at = next_packet(r, 20 + part);

		head4(at, v->tos, part, way->id,
		      (unsigned int)(done / 8) + (more ? 0x2000u : 0), ttl, number_over(v), &ends);
		memcpy(at + 20, body + done, part);
	}
	return SENT;
}

/* RFC 7915 4, 4.1 */
static enum verdict to6(const struct view *v, const struct mapping *m, const struct way *way,
			struct result *r)
{
	static uint8_t body[65536];
	struct ends ends = ends_of(m, true, true);
	size_t most = way->lowest6 < way->mtu6 ? way->lowest6 : way->mtu6;
	size_t total = 40 + v->len, step = (most - 48) / 8 * 8;
	unsigned int ttl = (v->ttl + 255) % 256;

	if (v->df && total > way->mtu6 && v->whole <= way->mtu4)
		return TOO_BIG;
	carry(v, &ends, body, false);
	if (total <= (v->df ? way->mtu6 : most)) {
		uint8_t *at = next_packet(r, total);

		head6(at, v->tos, v->len, ttl, number_over(v), &ends);
		memcpy(at + 40, body, v->len);
		return SENT;
	}
	for (size_t done = 0; done < v->len; done += step) {
		bool more = done + step < v->len;
		size_t part = more ? step : v->len - done;
		uint8_t *at = next_packet(r, 48 + part);

		head6(at, v->tos, 8 + part, ttl, FRAG, &ends);
		fragment_head(at + 40, number_over(v), done, more, v->id);
		memcpy(at + 48, body + done, part);
	}
	return SENT;
}

/* ---- ICMP errors: reference_icmp.c has the tables */

/* RFC 4884 3, 4, 5: how much of the message is the quoted datagram? Without an attribute, an
 * ICMPv4 message may have extensions behind 128 bytes (Figure of section 5). */
static size_t original_len(const struct view *v)
{
	const uint8_t *p = v->payload;
	size_t room = v->len - 8, told = 0;
	unsigned int type = p[0];

	if (v->v6 && (type == 1 || type == 3))
		told = p[4] * 8u;
	if (!v->v6)
		told = p[5] * 4u;
	if (told == 0 && !v->v6 && type != 12 && room >= 136 && p[136] / 16 == 2 &&
	    get16(p + 138) != 0 && words(p + 136, room - 128) % 65535 == 0)
		told = 128;
	return told == 0 || told >= room ? room : told;
}

/* The quoted packet over, whole. Return: bytes. */
static size_t quoted_over(const struct view *q, const struct mapping *m, uint8_t *at)
{
	struct ends ends = ends_of(m, !q->v6, q->v6);
	size_t head = 20, stated = q->stated < 65515 ? q->stated : 65515;

	if (!q->v6) {		/* RFC 7915 4.1 */
		head = is_part(q) ? 48 : 40;
		head6(at, q->tos, head - 40 + q->stated, q->ttl,
		      is_part(q) ? FRAG : number_over(q), &ends);
		if (is_part(q))
			fragment_head(at + 40, number_over(q), q->offset, q->more, q->id);
	} else {		/* 5.1, 5.1.1 */
		bool df = !q->has_fragment_header && 20 + q->stated > 1260;

		head4(at, q->tos, stated, q->id % 65536,
		      (df ? 0x4000u : 0) + (q->more ? 0x2000u : 0) + q->offset / 8, q->ttl,
		      number_over(q), &ends);
	}
	carry(q, &ends, at + head, true);
	return head + q->len;
}

/* RFC 4884 4, RFC 7915 4.2, 5.2, 4.3, 5.3. @most: bytes of the ICMP message. Return: bytes. */
static size_t error_body(const struct view *v, const struct view *q, const struct mapping *m,
			 uint8_t *message, size_t most)
{
	static uint8_t original[70000];
	size_t old = original_len(v), extension = v->len - 8 - old, len, room = most - 8;
	size_t unit = v->v6 ? 4 : 8;
	bool may_have = v->v6 || message[0] == 1 || message[0] == 3;

	len = quoted_over(q, m, original);
	if (extension < 4 || !may_have) {
		len = len < room ? len : room;
		memcpy(message + 8, original, len);
		return 8 + len;
	}
	memset(original + len, 0, 128);
	len = len < 128 ? 128 : (len + unit - 1) / unit * unit;
	if (extension > room - 128)
		extension = room - 128;
	while (len + extension > room)
		len -= unit;
	memcpy(message + 8, original, len);
	memcpy(message + 8 + len, v->payload + 8 + old, extension);
	message[v->v6 ? 5 : 4] = (uint8_t)(len / unit);
	return 8 + len + extension;
}

static enum verdict error_over(const struct view *v, const struct mapping *m,
			       const struct way *way, struct result *r)
{
	static uint8_t message[1280];
	struct view q = { 0 };
	struct ends ends = ends_of(m, !v->v6, !v->v6);
	unsigned int ttl = (v->ttl + 255) % 256, number = number_over(v);
	size_t original = original_len(v), len, head = v->v6 ? 20 : 40;
	enum verdict verdict;
	uint8_t *at;

	if ((pseudo(v->v6, v->src, v->dst, v->proto, v->len) + words(v->payload, v->len)) % 65535)
		return ERROR_CHECKSUM;
	verdict = look_quoted(&q, v->payload + 8, original, v->v6);
	if (verdict == ERROR_INNER)
		return verdict;
	memset(message, 0, 8);
	if (!reference_head(v->v6, v->payload, q.v6 ? 0 : get16(v->payload + 10), way, message))
		return ERROR_HEAD;
	ends.src = v->v6 ? m->router4 : m->router6;
	len = error_body(v, &q, m, message, (v->v6 ? 576 : 1280) - head);
	put16(message + 2, 65535 - (pseudo(!v->v6, ends.src, ends.dst, number, len) +
				    words(message, len)) % 65535);
	if (get16(message + 2) == 65535)
		put16(message + 2, 0);
	at = next_packet(r, head + len);
	if (v->v6)
		head4(at, v->tos, len, way->id, 0, ttl, number, &ends);
	else
		head6(at, v->tos, len, ttl, number, &ends);
	memcpy(at + head, message, len);
	return verdict;
}

void reference_translate(const uint8_t *packet, size_t len, const struct mapping *mapping,
			 const struct way *way, struct result *result)
{
	struct view v = { 0 };
	enum verdict verdict = len && packet[0] / 16 == 6 ? look6(&v, packet, len, false)
							  : look4(&v, packet, len, false);
	enum verdict inside = verdict == SENT ? look_inside(&v) : verdict;

	result->n = 0;
	result->fault_at = v.fault_at;
	result->verdict = inside;
	if (inside != SENT && inside != SENT_OTHER)
		return;
	if (is_icmp(&v) && is_error(&v)) {
		result->verdict = error_over(&v, mapping, way, result);
		return;
	}
	verdict = v.v6 ? to4(&v, mapping, way, result) : to6(&v, mapping, way, result);
	result->verdict = verdict == SENT ? inside : verdict;
}
