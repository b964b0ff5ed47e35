/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "special4.h"

#include <arpa/inet.h>
#include <stddef.h>

#define V4(a, b, c, d) ((uint32_t)(a) << 24 | (b) << 16 | (c) << 8 | (d))
#define MASK(len) (UINT32_MAX << (32 - (len)))

struct row {
	uint32_t first, mask;	/* host order */
	bool global;
};

/* The registry, longest prefix first: the first row that matches decides. */
static const struct row registry[] = {
	{ V4(192, 0, 0, 8), MASK(32), false },		/* IPv4 dummy address, RFC 7600 */
	{ V4(192, 0, 0, 9), MASK(32), true },		/* PCP anycast, RFC 7723 */
	{ V4(192, 0, 0, 10), MASK(32), true },		/* TURN anycast, RFC 8155 */
	{ V4(192, 0, 0, 170), MASK(32), false },	/* NAT64/DNS64 discovery, RFC 7050 */
	{ V4(192, 0, 0, 171), MASK(32), false },
	{ V4(192, 88, 99, 2), MASK(32), false },	/* 6a44 relay anycast, RFC 6751 */
	{ V4(255, 255, 255, 255), MASK(32), false },	/* limited broadcast, RFC 919 */
	{ V4(0, 0, 0, 0), MASK(32), false },		/* this host, RFC 1122 */
	{ V4(192, 0, 0, 0), MASK(29), false },		/* service continuity, RFC 7335 */
	{ V4(192, 0, 0, 0), MASK(24), false },		/* IETF protocol assignments, RFC 6890 */
	{ V4(192, 0, 2, 0), MASK(24), false },		/* TEST-NET-1, RFC 5737 */
	{ V4(192, 31, 196, 0), MASK(24), true },	/* AS112, RFC 7535 */
	{ V4(192, 52, 193, 0), MASK(24), true },	/* AMT, RFC 7450 */
	{ V4(192, 88, 99, 0), MASK(24), false },	/* 6to4 relay anycast, dead by RFC 7526 */
	{ V4(192, 175, 48, 0), MASK(24), true },	/* AS112 by delegation, RFC 7534 */
	{ V4(198, 51, 100, 0), MASK(24), false },	/* TEST-NET-2, RFC 5737 */
	{ V4(203, 0, 113, 0), MASK(24), false },	/* TEST-NET-3, RFC 5737 */
	{ V4(169, 254, 0, 0), MASK(16), false },	/* link local, RFC 3927 */
	{ V4(192, 168, 0, 0), MASK(16), false },	/* private use, RFC 1918 */
	{ V4(198, 18, 0, 0), MASK(15), false },		/* benchmarking, RFC 2544 */
	{ V4(172, 16, 0, 0), MASK(12), false },		/* private use, RFC 1918 */
	{ V4(100, 64, 0, 0), MASK(10), false },		/* shared address space, RFC 6598 */
	{ V4(0, 0, 0, 0), MASK(8), false },		/* this network, RFC 791 */
	{ V4(10, 0, 0, 0), MASK(8), false },		/* private use, RFC 1918 */
	{ V4(127, 0, 0, 0), MASK(8), false },		/* loopback, RFC 1122 */
	{ V4(224, 0, 0, 0), MASK(4), false },		/* multicast, RFC 5771 */
	{ V4(240, 0, 0, 0), MASK(4), false },		/* reserved, RFC 1112 */
};

/* Do rows begin with this octet? Most addresses need no more than that. */
static bool has_rows(uint32_t first)
{
	return first == 0 || first == 10 || first == 100 || first == 127 || first == 169 ||
	       first == 172 || first == 192 || first == 198 || first == 203 || first >= 224;
}

bool special4_is_global(uint32_t v4_be32)
{
	uint32_t v4 = ntohl(v4_be32);

	if (!has_rows(v4 >> 24))
		return true;
	for (size_t i = 0; i < sizeof(registry) / sizeof(registry[0]); i++)
		if ((v4 & registry[i].mask) == registry[i].first)
			return registry[i].global;
	return true;
}

bool special4_is_host(uint32_t v4_be32)
{
	uint32_t first = ntohl(v4_be32) >> 24;

	return first != 0 && first != IN_LOOPBACKNET && first < 224;
}
