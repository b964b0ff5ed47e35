/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Any ICMP error, its checksum made good: what comes out over in the other family is one whole
 * ICMP message, with good checksums and lengths, within the family's size. What it quotes has a
 * good checksum where it had one; its extensions (RFC 4884) are behind the length it states.
 */
#include <stdlib.h>
#include <string.h>

#include "../../core/csum.h"
#include "../../nat64/flow.h"
#include "../../nat64/icmp.h"
#include "../../nat64/icmp_extension.h"
#include "../unit/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct icmp_links links = { .mtu4 = 1500, .mtu6 = 1420 };

static void check(bool holds)
{
	if (!holds)
		abort();
}

static void seal(struct packet *p)
{
	uint64_t sum = p->l3 == L3_IPV4 ? 0 : csum_pseudo6(&p->src, &p->dst, (uint32_t)p->l4_len,
							   WIRE_ICMP6);
	uint16_t csum;

	memset(p->l4_data + 2, 0, 2);
	csum = csum_finish(csum_bytes(sum, p->l4_data, p->l4_len));
	memcpy(p->l4_data + 2, &csum, 2);
}

static bool is_whole(const struct packet *p)
{
	return p->l4_len == p->l4_ip_len && !p->fragment && p->l4 != L4_OTHER &&
	       !(p->l4 == L4_UDP && (wire_get16(p->l4_data + 4) != p->l4_len ||
				     wire_get16(p->l4_data + 6) == 0)) &&
	       !(p->l4 == L4_TCP && p->l4_len < 20);
}

/* RFC 1071, over the packet as it stands; extension headers are none of the pseudo-header. */
static bool is_good(const struct packet *p)
{
	uint64_t sum;

	if (p->l3 == L3_IPV6)
		sum = csum_pseudo6(&p->src, &p->dst, (uint32_t)p->l4_len, p->proto);
	else
		sum = p->l4 == L4_ICMP ? 0 : csum_pseudo4(p->src.s6_addr + 12, p->dst.s6_addr + 12,
							  (uint16_t)p->l4_len, p->proto);
	return csum_fold16(csum_bytes(sum, p->l4_data, p->l4_len)) % 0xffff == 0;
}

/* What is quoted can be read again, is what it was, and as right or wrong as before. */
static void check_quoted(uint8_t *at, size_t len, const struct packet *was, bool was_whole,
			 bool was_good)
{
	struct packet is;
	enum packet_result result = packet_parse_quoted(&is, at, len);

	/* Numbers of IPv6 that mean nothing over IPv4 go there, and would not come back; nor
	 * would AH in a fragment (RFC 7915 5.1.1). */
	if (was->l4 == L4_OTHER && (result == PACKET_NO_COUNTERPART || result == PACKET_EXTENSION))
		return;
	check(result == PACKET_OK || result == PACKET_PROTOCOL || result == PACKET_FRAGMENT);
	check(is.l3 != was->l3 && is.l4 == was->l4 && is.ttl == was->ttl && is.tos == was->tos);
	check(is.fragment == was->fragment && is.frag_offset == was->frag_offset);
	check(is.l4_ip_len == was->l4_ip_len || is.ip_len == 65535);
	if (was_whole && is.l4_len == is.l4_ip_len)
		check(is_good(&is) == was_good);
}

/* Return: bytes that the message quotes, by its length attribute where it has one. */
static size_t check_extension(const struct packet *p, const uint8_t *message, size_t len)
{
	struct icmp_parts parts = icmp_extension_split(p);
	bool v6 = p->l3 == L3_IPV4;
	bool allowed = v6 ? message[0] == 1 || message[0] == 3 : true;
	size_t quoted = v6 ? (allowed ? message[4] * 8u : 0) : message[5] * 4u, carried;

	check((quoted > 0) == (parts.extension && allowed));
	if (!quoted)
		return len - 8;
	check(quoted >= 128 && 8 + quoted + 4 <= len);
	carried = len - 8 - quoted;
	check(carried <= parts.extension_len);
	check(carried == parts.extension_len || quoted == 128);
	check(memcmp(message + 8 + quoted, parts.extension, carried) == 0);
	return quoted;
}

static void translate(const struct packet *p, struct packet *quoted, const struct icmp_head *head)
{
	const struct flow flow = {
		.l4 = quoted->l4,
		.inside = wire_addr("2001:db8:1::7"), .remote6 = wire_addr("64:ff9b::192.0.2.33"),
		.outside_be32 = wire_v4("198.51.100.7"), .remote_be32 = wire_v4("192.0.2.33"),
		.inside_port = 40001, .outside_port = 5001, .remote_port = 443,
	};
	struct in6_addr src = wire_addr("64:ff9b::203.0.113.9");
	bool whole = is_whole(quoted), good = whole && is_good(quoted);
	uint8_t *out = malloc(IPV6_MTU_MIN);
	struct packet was = *quoted;
	struct icmp_head to;
	size_t len, part;

	check(out != NULL);
	if (p->l3 == L3_IPV4 && icmp_head_to6(head, &links, quoted->ip_len, &to) == ICMP_OK) {
		check(to.type != 2 || (to.word >= 1280 && to.word <= 1420));
		len = icmp_to6(p, quoted, &to, &flow, &src, out);
		check(len >= 88 && len <= 1280 && wire_get16(out + 4) == len - 40);
		check(wire_l4_good(out, len));
		part = check_extension(p, out + 40, len - 40);
		check_quoted(out + 48, part, &was, whole, good);
	} else if (p->l3 == L3_IPV6 && icmp_head_to4(head, &links, &to) == ICMP_OK) {
		check(to.type != 3 || to.code != 4 || (to.word >= 1260 && to.word <= 1400));
		len = icmp_to4(p, quoted, &to, &flow, flow.outside_be32, 7, out);
		check(len >= 48 && len <= 576 && wire_get16(out + 2) == len);
		check(wire_ipv4_good(out) && wire_ipv4_good(out + 28) && wire_l4_good(out, len));
		part = check_extension(p, out + 20, len - 20);
		check_quoted(out + 28, part, &was, whole, good);
	}
	free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size ? size : 1);
	struct packet packet, quoted;
	enum icmp_result result;
	struct icmp_head head;

	check(copy != NULL);
	memcpy(copy, data, size);
	if (packet_parse(&packet, copy, size) == PACKET_OK && packet.icmp_error) {
		seal(&packet);
		result = icmp_open(&packet, &head, &quoted);
		check(result != ICMP_BAD_CHECKSUM);
		if (result == ICMP_OK || result == ICMP_OTHER_INNER)
			translate(&packet, &quoted, &head);
	}
	free(copy);
	return 0;
}
