/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Fragments put together again (RFC 791 3.2, RFC 8200 4.5, RFC 6146 3.4): in any
 * order, in a bounded time and a bounded memory. One store a worker: the kernel
 * chooses a queue by addresses, so that a datagram's fragments meet in one.
 *
 * Fragments over IPv6 are ours and are copied. Those over IPv4 may be the host's:
 * they are copied too, but the kernel holds each packet until it is known whose
 * the datagram is, which its first fragment tells. It holds a bounded number.
 */
#ifndef NAT64_FRAGMENT_H
#define NAT64_FRAGMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "packet.h"

struct fragments;

enum fragment_result {
	FRAGMENT_KEPT,		/* more is to come */
	FRAGMENT_WHOLE,		/* that was the last one: here is the datagram */
	FRAGMENT_NOT_OURS,	/* of a datagram that fragments_disown() was called for */
	FRAGMENT_DROPPED,	/* it overlaps, contradicts, or is one too many (RFC 5722) */
};

/* Of IPv4 datagrams: give a packet that the kernel holds its verdict. @head: the addresses. */
typedef void fragments_release_fn(void *arg, const struct packet *head, uint32_t held_id,
				  bool accept);

/**
 * fragments_new() - an empty store.
 * @datagrams_max:	see fragments_limit().
 * @release:	called for every packet held, sooner or later.
 * Return: owned by the caller, or NULL.
 */
struct fragments *fragments_new(unsigned int datagrams_max, fragments_release_fn *release,
				void *arg);

/**
 * fragments_limit() - how many datagrams may be incomplete at once; each family has
 * half of them. What is beyond a new, lower limit goes as new ones come.
 */
void fragments_limit(struct fragments *store, unsigned int datagrams_max);

/** fragments_free() - what is held is released, accepted; NULL is allowed. */
void fragments_free(struct fragments *store);

/**
 * fragments_add() - keep a fragment, or complete its datagram with it.
 * @packet:	for which packet_parse() said PACKET_FRAGMENT; copied.
 * @held_id:	of the packet in the kernel; used where IPv4.
 * @whole:	FRAGMENT_WHOLE: the datagram, unfragmented, at *@whole with *@len bytes
 *		from a plain IP header on, valid until fragments_flush().
 *
 * After FRAGMENT_WHOLE and FRAGMENT_DROPPED, the packets held before are released
 * as taken, and this one is not held; but for an exact repetition, which is dropped and
 * changes nothing. After FRAGMENT_KEPT over IPv4 it is.
 */
enum fragment_result fragments_add(struct fragments *store, const struct packet *packet,
				   uint32_t held_id, int64_t now_ms, uint8_t **whole, size_t *len);

/**
 * fragments_disown() - an IPv4 datagram turned out to be the host's: its packets
 * held are released as accepted, and those to come are FRAGMENT_NOT_OURS.
 * @packet:	a fragment of it, itself not held.
 */
void fragments_disown(struct fragments *store, const struct packet *packet, int64_t now_ms);

/** fragments_flush() - the datagrams given out are no longer needed. */
void fragments_flush(struct fragments *store);

/**
 * fragments_expire() - forget what is older than @timeout_ms. What the kernel holds
 * of it goes on to the host, which knows no better, but may say so to the sender.
 * Return: datagrams forgotten that were ours or nobody's yet, also those that since the
 * last call had to make room for others.
 */
unsigned int fragments_expire(struct fragments *store, int64_t now_ms, int64_t timeout_ms);

#endif
