/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Any ICMP error, its checksum made good: what comes out over in the other family is one whole
 * ICMP message, with good checksums and lengths, within the family's size.
 */
#include <stdlib.h>
#include <string.h>

#include "../../core/csum.h"
#include "../../nat64/flow.h"
#include "../../nat64/icmp.h"
#include "../unit/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

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

static void translate(const struct packet *p, struct packet *quoted, const struct icmp_head *head)
{
	const struct icmp_links links = { .mtu4 = 1500, .mtu6 = 1420 };
	const struct flow flow = {
		.l4 = quoted->l4,
		.inside = wire_addr("2001:db8:1::7"), .remote6 = wire_addr("64:ff9b::192.0.2.33"),
		.outside_be32 = wire_v4("198.51.100.7"), .remote_be32 = wire_v4("192.0.2.33"),
		.inside_port = 40001, .outside_port = 5001, .remote_port = 443,
	};
	struct in6_addr src = wire_addr("64:ff9b::203.0.113.9");
	uint8_t *out = malloc(IPV6_MTU_MIN);
	struct icmp_head to;
	size_t len;

	check(out != NULL);
	if (p->l3 == L3_IPV4) {
		if (icmp_head_to6(head, &links, quoted->ip_len, &to) == ICMP_OK) {
			check(to.type != 2 || (to.word >= 1280 && to.word <= 1420));
			len = icmp_to6(p, quoted, &to, &flow, &src, out);
			check(len >= 96 && len <= 1280 && wire_get16(out + 4) == len - 40);
			check(wire_l4_good(out, len));
		}
	} else if (icmp_head_to4(head, &links, &to) == ICMP_OK) {
		check(to.type != 3 || to.code != 4 || (to.word >= 1260 && to.word <= 1400));
		len = icmp_to4(p, quoted, &to, &flow, flow.outside_be32, 7, out);
		check(len >= 56 && len <= 576 && wire_get16(out + 2) == len);
		check(wire_ipv4_good(out) && wire_ipv4_good(out + 28) && wire_l4_good(out, len));
	}
	free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size ? size : 1);
	struct packet packet, quoted;
	struct icmp_head head;

	check(copy != NULL);
	memcpy(copy, data, size);
	if (packet_parse(&packet, copy, size) == PACKET_OK && packet.icmp_error) {
		seal(&packet);
		if (icmp_open(&packet, &head, &quoted) == ICMP_OK)
			translate(&packet, &quoted, &head);
	}
	free(copy);
	return 0;
}
