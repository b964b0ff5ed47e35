/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The translator against the reference, packet by packet and byte by byte:
 *
 *	diff [COUNT [SEED]]
 *
 * Both are given the same packets, mappings and MTUs; verdicts and all bytes that leave must be
 * equal. What leaves must come back as it was, where the RFCs say so. At the end, a table of what
 * became of the packets of each kind, and what must not be missing in it.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../core/addr.h"
#include "../../nat64/flow.h"
#include "../../nat64/icmp.h"
#include "../../nat64/ipid.h"
#include "../../nat64/to4.h"
#include "../../nat64/to6.h"
#include "../unit/fake_emit.h"
#include "generate.h"
#include "reference.h"
#include "report.h"

enum { COUNT = 2000000 };
static const uint64_t first_seed = 0x6761746536340001;

static struct result wanted;
static uint8_t input[PACKET_MAX], work[PACKET_MAX], got[PACKET_MAX], back[PACKET_MAX];
static uint16_t id;

uint16_t ipid_next(struct ipid *ids, uint32_t dst_be32, uint8_t proto)
{
	(void)ids;
	(void)dst_be32;
	(void)proto;
	return id;
}

/* ---- the translator ------------------------------------------------------------------ */

static struct flow flow_of(const struct mapping *m, enum l4_proto l4)
{
	struct flow flow = {
		.l4 = l4,
		.inside_port = (uint16_t)m->inside_port,
		.outside_port = (uint16_t)m->outside_port,
		.remote_port = (uint16_t)m->remote_port,
	};

	memcpy(&flow.inside, m->inside, 16);
	memcpy(&flow.remote6, m->remote6, 16);
	memcpy(&flow.outside_be32, m->outside, 4);
	memcpy(&flow.remote_be32, m->remote4, 4);
	return flow;
}

static enum verdict parse_verdict(enum packet_result result)
{
	switch (result) {
	case PACKET_OK:
		return SENT;
	case PACKET_PROTOCOL:
		return SENT_OTHER;
	case PACKET_MALFORMED:
		return MALFORMED;
	case PACKET_NO_COUNTERPART:
		return NO_COUNTERPART;
	case PACKET_FRAGMENT:
		return FRAGMENT;
	case PACKET_ROUTING:
		return ROUTING;
	case PACKET_NEXT_HEADER:
		return NEXT_HEADER;
	case PACKET_EXTENSION:
		return EXTENSION;
	case PACKET_SOURCE_ROUTE:
		return SOURCE_ROUTE;
	case PACKET_ICMP_TYPE:
		return ICMP_TYPE;
	}
	abort();
}

static enum verdict icmp_verdict(enum icmp_result result)
{
	switch (result) {
	case ICMP_OK:
		return SENT;
	case ICMP_OTHER_INNER:
		return SENT_OTHER;
	case ICMP_UNTRANSLATABLE:
		return ERROR_HEAD;
	case ICMP_BAD_CHECKSUM:
		return ERROR_CHECKSUM;
	case ICMP_BAD_INNER:
		return ERROR_INNER;
	}
	abort();
}

static enum verdict translate_error(struct packet *p, const struct mapping *m,
				    const struct way *way)
{
	struct icmp_links links = { .mtu4 = way->mtu4, .mtu6 = way->mtu6 };
	struct icmp_head from, to;
	struct packet quoted;
	enum icmp_result opened = icmp_open(p, &from, &quoted), result;
	struct emit_slot *slot;
	struct in6_addr router6;
	uint32_t router4_be32;
	struct flow flow;

	if (opened != ICMP_OK && opened != ICMP_OTHER_INNER)
		return icmp_verdict(opened);
	result = p->l3 == L3_IPV6 ? icmp_head_to4(&from, &links, &to)
				  : icmp_head_to6(&from, &links, quoted.ip_len, &to);
	if (result != ICMP_OK)
		return icmp_verdict(result);
	flow = flow_of(m, quoted.l4);
	memcpy(&router6, m->router6, 16);
	memcpy(&router4_be32, m->router4, 4);
	slot = emit_slot(NULL, p->l3 == L3_IPV6 ? L3_IPV4 : L3_IPV6);
	slot->body_len = 0;
	slot->head_len = p->l3 == L3_IPV6
		? icmp_to4(p, &quoted, &to, &flow, router4_be32, id, slot->head)
		: icmp_to6(p, &quoted, &to, &flow, &router6, slot->head);
	return icmp_verdict(opened);
}

static enum verdict translate(uint8_t *data, size_t len, const struct mapping *m,
			      const struct way *way, size_t *fault_at)
{
	struct packet p;
	enum packet_result parsed = packet_parse(&p, data, len);
	struct flow flow = flow_of(m, p.l4);
	enum to_result result;

	sent.n = 0;
	*fault_at = p.fault_at;
	if (parsed != PACKET_OK && parsed != PACKET_PROTOCOL)
		return parse_verdict(parsed);
	if (p.icmp_error)
		return translate_error(&p, m, way);
	result = p.l3 == L3_IPV6
			 ? to4_send(NULL, NULL, &p, &flow, way->mtu4, way->mtu6)
			 : to6_send(NULL, &p, &flow, way->mtu6, way->mtu4, way->lowest6);
	return result == TO_TOO_BIG ? TOO_BIG
	     : result == TO_NO_CHECKSUM ? NO_CHECKSUM : parse_verdict(parsed);
}

/* ---- comparing ------------------------------------------------------------------------- */

static void dump(const char *title, const uint8_t *at, size_t len)
{
	printf("%s, %zu bytes:", title, len);
	for (size_t i = 0; i < len && i < 1400; i++)
		printf("%s%02x", i % 16 ? " " : "\n\t", at[i]);
	printf("\n");
}

static void differ(const char *what, uint64_t at, const struct made *made)
{
	printf("packet %" PRIu64 " (%s): %s\n", at, report_kind(made->kind), what);
	dump("in", input, made->len);
	exit(1);
}

static void compare(uint64_t at, const struct made *made, enum verdict verdict, size_t fault_at)
{
	const uint8_t *from = wanted.bytes;

	if (verdict != wanted.verdict) {
		printf("%s, wanted %s\n", report_verdict(verdict), report_verdict(wanted.verdict));
		differ("another verdict", at, made);
	}
	if ((verdict == ROUTING || verdict == NEXT_HEADER) && fault_at != wanted.fault_at)
		differ("another pointer", at, made);
	if (verdict == TOO_BIG && memcmp(work, input, made->len) != 0)
		differ("changed, though refused", at, made);
	if (sent.n != wanted.n)
		differ("another number of packets", at, made);
	for (size_t i = 0; i < sent.n; from += wanted.len[i++]) {
		size_t len = sent_packet(i, got);

		if (len == wanted.len[i] && memcmp(got, from, len) == 0)
			continue;
		dump("got", got, len);
		dump("wanted", from, wanted.len[i]);
		differ("other bytes", at, made);
	}
}

/*
 * There and back: the same upper layer, traffic class, and a hop limit less by two. But for what
 * has two forms: no checksum for UDP, ones for zero, zero for ones in a message of zeros.
 */
static bool round_trip(uint64_t at, const struct made *made, const struct mapping *m)
{
	struct mapping other = *m;
	struct way wide = { 65535, 65535, 65535, id };
	struct packet was, is;
	size_t fault_at, csum_at, len;
	unsigned int csum;

	if (packet_parse(&was, input, made->len) != PACKET_OK || was.icmp_error || sent.n != 1)
		return false;
	csum_at = was.l4 == L4_TCP ? 16 : was.l4 == L4_UDP ? 6 : 2;
	csum = (unsigned int)was.l4_data[csum_at] << 8 | was.l4_data[csum_at + 1];
	if (csum == 0 ? was.l4 != L4_TCP : csum == 0xffff && was.l4 != L4_UDP)
		return false;
	/* Who was near is far now, and the other way round. */
	memcpy(other.inside, was.l3 == L3_IPV6 ? &was.dst : &was.src, 16);
	memcpy(other.remote6, was.l3 == L3_IPV6 ? &was.src : &was.dst, 16);
	memcpy(other.outside, was.dst.s6_addr + 12, 4);
	memcpy(other.outside, was.l3 == L3_IPV4 ? was.src.s6_addr + 12 : m->remote4, 4);
	memcpy(other.remote4, was.dst.s6_addr + 12, 4);
	other.inside_port = was.dst_port;
	other.outside_port = was.src_port;
	other.remote_port = was.l3 == L3_IPV6 ? was.src_port : was.dst_port;
	len = sent_packet(0, back);
	if (translate(back, len, &other, &wide, &fault_at) != SENT || sent.n != 1)
		differ("does not come back", at, made);
	len = sent_packet(0, got);
	if (packet_parse(&is, got, len) != PACKET_OK || is.tos != was.tos ||
	    is.ttl != (uint8_t)(was.ttl - 2) || !addr_equal(&is.src, &was.src) ||
	    !addr_equal(&is.dst, &was.dst) || is.proto != was.proto ||
	    is.l4_len != was.l4_len || memcmp(is.l4_data, was.l4_data, is.l4_len) != 0) {
		dump("back", got, len);
		differ("comes back as another", at, made);
	}
	return true;
}

/* ---- what they are given ----------------------------------------------------------------- */

static struct mapping any_mapping(uint64_t *seed)
{
	struct mapping m;

	generate_bytes(seed, m.inside, 16);
	generate_bytes(seed, m.remote6, 16);
	generate_bytes(seed, m.outside, 4);
	generate_bytes(seed, m.remote4, 4);
	generate_bytes(seed, m.router6, 16);
	generate_bytes(seed, m.router4, 4);
	m.inside_port = generate_number(seed, 65536);
	m.outside_port = generate_number(seed, 8) ? generate_number(seed, 65536) : 0;
	m.remote_port = generate_number(seed, 65536);
	return m;
}

static struct way any_way(uint64_t *seed)
{
	static const size_t mtus4[] = { 576, 1259, 1260, 1280, 1400, 1480, 1500, 9000, 65535,
					65536 };
	static const size_t mtus6[] = { 1280, 1400, 1420, 1492, 1500, 1500, 9000, 131072 };
	static const size_t lowest[] = { 1280, 1280, 1400, 1500 };

	return (struct way){ mtus4[generate_number(seed, 10)], mtus6[generate_number(seed, 8)],
			     lowest[generate_number(seed, 4)], generate_number(seed, 65536) };
}

int main(int argc, char **argv)
{
	uint64_t count = argc > 1 ? strtoull(argv[1], NULL, 0) : COUNT;
	uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 0) : first_seed;

	for (uint64_t i = 0; i < count; i++) {
		struct made made = generate_packet(&seed, input);
		struct mapping mapping = any_mapping(&seed);
		struct way way = any_way(&seed);
		size_t fault_at;
		enum verdict verdict;

		id = (uint16_t)way.id;
		memcpy(work, input, made.len);
		reference_translate(input, made.len, &mapping, &way, &wanted);
		verdict = translate(work, made.len, &mapping, &way, &fault_at);
		compare(i, &made, verdict, fault_at);
		report_count(&made, input, &wanted);
		if (verdict == SENT && round_trip(i, &made, &mapping))
			report_round_trip(&made);
	}
	return report_print(count) ? 0 : 1;
}
