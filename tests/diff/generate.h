/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Packets of every kind that a translator meets, some of them damaged; the same for one seed. */
#ifndef TESTS_DIFF_GENERATE_H
#define TESTS_DIFF_GENERATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PACKET_MAX = 70000 };

enum kind {
	KIND_TCP, KIND_UDP, KIND_UDP_NO_CHECKSUM, KIND_ECHO, KIND_OTHER,
	KIND_ERROR, KIND_ERROR_EXTENDED, KIND_ICMP_OTHER, KIND_COUNT,
};

struct made {
	enum kind kind;
	bool v6;
	bool extra;		/* options, or extension headers */
	bool part;		/* a fragment */
	bool damaged;
	size_t len;
};

/** generate_number() - the next number of a sequence, below @below. */
uint32_t generate_number(uint64_t *seed, uint32_t below);

/** generate_bytes() - any bytes. */
void generate_bytes(uint64_t *seed, uint8_t *at, size_t len);

/** generate_packet() - the next packet. @out: PACKET_MAX bytes. */
struct made generate_packet(uint64_t *seed, uint8_t *out);

#endif
