/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A packet to be read, and what may stand in front of its upper layer */
#ifndef TESTS_UNIT_PACKET_WORLD_H
#define TESTS_UNIT_PACKET_WORLD_H

#include "../../core/addr.h"
#include "../../nat64/packet.h"
#include "wire.h"

static const char v4a[] = "198.51.100.7", v4b[] = "192.0.2.33";
static const char v6a[] = "2001:db8:1::7", v6b[] = "64:ff9b::192.0.2.33";

static uint8_t bytes[WIRE_MAX];
static struct packet packet;

static inline enum packet_result parse(size_t len)
{
	return packet_parse(&packet, bytes, len);
}

static inline void assert_addresses(const char *src, const char *dst)
{
	struct in6_addr src_addr = wire_addr(src), dst_addr = wire_addr(dst);

	assert_true(addr_equal(&packet.src, &src_addr));
	assert_true(addr_equal(&packet.dst, &dst_addr));
}

/* An extension header of 8 + 8 * @more bytes in front of what follows. Return: new length. */
static inline size_t with_extension(size_t len, uint8_t type, uint8_t more, uint8_t third,
				    uint8_t fourth)
{
	size_t size = 8 + 8u * more;

	memmove(bytes + 40 + size, bytes + 40, len - 40);
	memset(bytes + 40, 0, size);
	bytes[40] = bytes[6];
	bytes[41] = more;
	bytes[42] = third;
	bytes[43] = fourth;
	bytes[6] = type;
	wire_put16(bytes + 4, (unsigned int)(len - 40 + size));
	return len + size;
}

#endif
