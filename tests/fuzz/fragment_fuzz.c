/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Fragments in any order and number: what comes out whole is what went in, and every
 * packet that the kernel holds is given back once. Four bytes of input are one step:
 * what to do, offset and length in units of 8 bytes, odd bytes and time that passes.
 */
#include <stdlib.h>
#include <string.h>

#include "../../core/addr.h"
#include "../../nat64/fragment.h"

enum { PATTERN = 256 * 8 + 256 * 8 + 8, TIMEOUT_MS = 2000 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t pattern[PATTERN];
static uint8_t held[1 << 16];		/* by packet id */

static void check(bool holds)
{
	if (!holds)
		abort();
}

static void on_release(void *arg, const struct packet *head, uint32_t held_id, bool accept)
{
	(void)arg;
	(void)accept;
	check(head->l3 == L3_IPV4);
	check(held[held_id] == 1);
	held[held_id] = 0;
}

static struct packet fragment(const uint8_t step[4])
{
	uint8_t what = step[0];
	struct packet packet = {
		.l3 = what & 1 ? L3_IPV4 : L3_IPV6,
		.proto = 17, .ttl = 64, .fragment = true,
		.more = what & 2,
		.frag_id = what >> 4,
		.frag_offset = (uint16_t)(step[1] * 8),
		.l4_data = pattern + step[1] * 8,
		.l4_len = step[2] * 8u + (step[3] & 7),
	};

	packet.src = packet.l3 == L3_IPV4 ? addr_from_v4(1) : (struct in6_addr){ .s6_addr = { 1 } };
	packet.dst = packet.src;
	return packet;
}

static void check_whole(const struct packet *packet, const uint8_t *whole, size_t len)
{
	size_t head = packet->l3 == L3_IPV4 ? IPV4_HLEN : IPV6_HLEN;
	struct packet parsed;

	check(len > head && len - head <= PATTERN);
	check(memcmp(whole + head, pattern, len - head) == 0);
	/* It is a packet, and no fragment any more. */
	check(packet_parse(&parsed, (uint8_t *)(uintptr_t)whole, len) != PACKET_FRAGMENT);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fragments *store = fragments_new(64, on_release, NULL);
	int64_t now_ms = 0;
	uint32_t id = 0;

	for (size_t i = 0; i < PATTERN; i++)
		pattern[i] = (uint8_t)(i * 7 + i / 256);
	for (; store && size >= 4 && id < sizeof(held) - 1; data += 4, size -= 4) {
		struct packet packet = fragment(data);
		uint8_t *whole = NULL;
		size_t len = 0;

		id++;
		now_ms += (data[3] >> 3) * 10;
		fragments_expire(store, now_ms, TIMEOUT_MS);
		if ((data[0] & 0x0d) == 0x0d) {
			fragments_disown(store, &packet, now_ms);
			continue;
		}
		held[id] = packet.l3 == L3_IPV4;	/* before: it may be given back at once */
		switch (fragments_add(store, &packet, id, now_ms, &whole, &len)) {
		case FRAGMENT_KEPT:
			break;
		case FRAGMENT_WHOLE:
			check_whole(&packet, whole, len);
			held[id] = 0;
			break;
		default:
			held[id] = 0;
		}
		if (data[0] & 4)
			fragments_flush(store);
	}
	fragments_free(store);
	for (uint32_t i = 0; i <= id; i++)
		check(!held[i]);
	return 0;
}
