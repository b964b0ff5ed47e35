/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Packets out: raw sockets, a batch of packets per system call; and a packet socket, where
 * segments of TCP, or datagrams of UDP, can leave as one packet (coalesce.h, bulk.c). One
 * emit a worker.
 *
 * A packet is a head, which is built here, and a body, which stays where it came
 * in and must stay there until emit_flush().
 */
#ifndef NAT64_EMIT_H
#define NAT64_EMIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "packet.h"

struct emit;

enum {
	EMIT_HEAD_MAX = IPV6_MTU_MIN,
	/* Bytes. Packets that wait for a neighbour to be found count here too; it is far
	 * above what the kernel lets all neighbours together hold, so that hosts that do
	 * not answer cannot block the others. */
	EMIT_SEND_BUFFER = 256 << 20,
};

struct emit_slot {
	struct in6_addr dst;		/* mapped, where IPv4 */
	const uint8_t *body;		/* borrowed; NULL none */
	size_t body_len;
	size_t head_len;
	uint8_t head[EMIT_HEAD_MAX];	/* from the IP header on */
};

/**
 * emit_new() - open the sockets. Needs CAP_NET_RAW.
 * Return: 0 with *@out, or -errno.
 */
int emit_new(struct emit **out);

/** emit_joins() - is there a packet socket? Without one TCP leaves in single segments. */
bool emit_joins(const struct emit *emit);

/** emit_free() - NULL is allowed. */
void emit_free(struct emit *emit);

/**
 * emit_slot() - a slot to build the next packet in; it is sent by the next
 * emit_flush(), which happens here where all slots are taken.
 */
struct emit_slot *emit_slot(struct emit *emit, enum l3_proto l3);

/**
 * emit_take_back() - the packet in the slot taken last is not to be sent.
 * Return: that slot, valid until the next emit_slot() of @l3.
 */
struct emit_slot *emit_take_back(struct emit *emit, enum l3_proto l3);

/** emit_flush() - send all. What cannot be sent is counted and gone. */
void emit_flush(struct emit *emit);

/** emit_network_changed() - forget what was known of routes and neighbours. */
void emit_network_changed(struct emit *emit);

/**
 * emit_icmp6() - send an ICMPv6 message from an address that the kernel chooses
 * (RFC 6724); it fills in the checksum too.
 * @message:	from the ICMPv6 header on; sent at once.
 */
void emit_icmp6(struct emit *emit, const struct in6_addr *dst, const void *message, size_t len);

#endif
