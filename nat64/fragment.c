/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fragment.h"

#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/random.h>

#include "../core/addr.h"
#include "../core/siphash.h"
#include "header.h"

enum {
	BUCKETS = 256,
	BYTES_MAX = 2 << 20,	/* of payload, all datagrams of a side */
	PIECES_MAX = 128,	/* of one datagram: 64 KiB over an MTU of 576 */
	HELD_MAX = 1024,	/* packets in the kernel: a queue has room for some thousands
				 * (queue.c), and without any all others would be lost */
	PAYLOAD_MAX = UINT16_MAX - IPV4_HLEN,	/* what an IPv4 packet can hold */
	GROW = 4096,
	ECN = 3, ECN_NONE = 0, ECN_CE = 3,	/* RFC 3168 5 */
};

/* Payload bytes from @at on that have come in */
struct piece {
	uint16_t at, len;
	uint32_t held_id;
};

struct datagram {
	LIST_ENTRY(datagram) link;		/* in its bucket */
	TAILQ_ENTRY(datagram) by_age;
	struct packet head;			/* addresses, id; of the first fragment once known */
	int64_t since_ms;
	bool has_first, disowned, broken;
	uint8_t ecn;				/* which of the four have come: 1 << each */
	size_t total;				/* payload bytes; 0 until the last fragment is in */
	size_t have;
	uint8_t *buffer;			/* room for an IPv6 header, then the payload */
	size_t room;				/* payload bytes allocated */
	unsigned int n_pieces;
	struct piece pieces[PIECES_MAX];
};

TAILQ_HEAD(datagram_list, datagram);

/* By family, each with bounds of its own: anybody outside can send parts that never
 * become whole, and those inside are not to lose theirs for it. */
struct side {
	struct datagram_list by_age;		/* oldest first */
	unsigned int n;
	size_t bytes;
	size_t held;				/* packets that the kernel holds; IPv4 only */
};

struct fragments {
	LIST_HEAD(bucket, datagram) buckets[BUCKETS];
	struct side sides[2];			/* by enum l3_proto */
	struct datagram_list given_out;		/* complete; freed by fragments_flush() */
	struct siphash_key key;
	fragments_release_fn *release;
	void *arg;
	unsigned int n_max;			/* datagrams of a side */
	unsigned int evicted;			/* since fragments_expire() */
};

struct fragments *fragments_new(unsigned int datagrams_max, fragments_release_fn *release,
				void *arg)
{
	struct fragments *store = calloc(1, sizeof(*store));

	if (!store)
		return NULL;
	if (getrandom(&store->key, sizeof(store->key), 0) < 0) {
		free(store);
		return NULL;
	}
	TAILQ_INIT(&store->sides[L3_IPV4].by_age);
	TAILQ_INIT(&store->sides[L3_IPV6].by_age);
	TAILQ_INIT(&store->given_out);
	fragments_limit(store, datagrams_max);
	store->release = release;
	store->arg = arg;
	return store;
}

void fragments_limit(struct fragments *store, unsigned int datagrams_max)
{
	store->n_max = (datagrams_max + 1) / 2;
}

/* ---- one datagram ------------------------------------------------------------- */

/* RFC 8200 4.5: by source, destination, identification; RFC 791: and protocol. */
static bool same_datagram(const struct packet *a, const struct packet *b)
{
	return a->frag_id == b->frag_id && a->l3 == b->l3 &&
	       (a->l3 == L3_IPV6 || a->proto == b->proto) && addr_equal(&a->src, &b->src) &&
	       addr_equal(&a->dst, &b->dst);
}

static struct side *side_of(struct fragments *store, const struct datagram *datagram)
{
	return &store->sides[datagram->head.l3];
}

static struct bucket *bucket_of(struct fragments *store, const struct packet *p)
{
	uint64_t words[5] = { [4] = (uint64_t)p->frag_id << 1 | (p->l3 == L3_IPV6) };

	memcpy(words, &p->src, 16);
	memcpy(words + 2, &p->dst, 16);
	return &store->buckets[siphash13(&store->key, words, 5) % BUCKETS];
}

static struct datagram *find(struct fragments *store, const struct packet *p)
{
	struct datagram *datagram;

	LIST_FOREACH(datagram, bucket_of(store, p), link)
		if (same_datagram(&datagram->head, p))
			return datagram;
	return NULL;
}

static void release_held(struct fragments *store, struct datagram *datagram, bool accept)
{
	if (datagram->head.l3 == L3_IPV4) {
		for (unsigned int i = 0; i < datagram->n_pieces; i++)
			store->release(store->arg, &datagram->head, datagram->pieces[i].held_id,
				       accept);
		store->sides[L3_IPV4].held -= datagram->n_pieces;
	}
	datagram->n_pieces = 0;
}

static void free_payload(struct fragments *store, struct datagram *datagram)
{
	free(datagram->buffer);
	side_of(store, datagram)->bytes -= datagram->room;
	datagram->buffer = NULL;
	datagram->room = 0;
}

static void unlink_datagram(struct fragments *store, struct datagram *datagram)
{
	struct side *side = side_of(store, datagram);

	LIST_REMOVE(datagram, link);
	TAILQ_REMOVE(&side->by_age, datagram, by_age);
	side->n--;
}

static void forget(struct fragments *store, struct datagram *datagram)
{
	release_held(store, datagram, true);
	unlink_datagram(store, datagram);
	free_payload(store, datagram);
	free(datagram);
}

/*
 * Room for a piece, of @bytes more, of @user or of a new datagram. The oldest goes first:
 * of all it is the least likely still to be completed.
 */
static bool make_room(struct fragments *store, struct side *side, const struct datagram *user,
		      size_t bytes)
{
	while ((!user && side->n >= store->n_max) || side->bytes + bytes > BYTES_MAX ||
	       side->held >= HELD_MAX) {
		struct datagram *oldest = TAILQ_FIRST(&side->by_age);

		if (!oldest || oldest == user)
			return false;
		store->evicted += !oldest->disowned;
		forget(store, oldest);
	}
	return true;
}

static struct datagram *open_datagram(struct fragments *store, const struct packet *p,
				      int64_t now_ms)
{
	struct side *side = &store->sides[p->l3];
	struct datagram *datagram;

	if (!make_room(store, side, NULL, 0))
		return NULL;
	datagram = calloc(1, sizeof(*datagram));
	if (!datagram)
		return NULL;
	datagram->head = *p;
	datagram->since_ms = now_ms;
	LIST_INSERT_HEAD(bucket_of(store, p), datagram, link);
	TAILQ_INSERT_TAIL(&side->by_age, datagram, by_age);
	side->n++;
	return datagram;
}

/* Make room for a piece, and the payload at least @end bytes long. */
static bool grow(struct fragments *store, struct datagram *datagram, size_t end)
{
	size_t room = (end + GROW - 1) / GROW * GROW;
	uint8_t *buffer;

	if (room < datagram->room)
		room = datagram->room;
	if (!make_room(store, side_of(store, datagram), datagram, room - datagram->room))
		return false;
	if (room == datagram->room)
		return true;
	buffer = realloc(datagram->buffer, IPV6_HLEN + room);
	if (!buffer)
		return false;
	side_of(store, datagram)->bytes += room - datagram->room;
	datagram->buffer = buffer;
	datagram->room = room;
	return true;
}

/* RFC 3168 5.3: congestion is told by a mark, but to who knows none by a loss. */
static bool must_be_lost(const struct datagram *datagram, const struct packet *p)
{
	unsigned int ecn = datagram->ecn | 1u << (p->tos & ECN);

	return ecn & 1u << ECN_NONE && ecn & 1u << ECN_CE;
}

enum fit { FIT_NEW, FIT_DUPLICATE, FIT_BAD };

/* Does a fragment go with what is there? An exact repetition is harmless; all else
 * that overlaps, or that contradicts the datagram's end, spoils it (RFC 5722 3). */
static enum fit fits(const struct datagram *datagram, size_t at, size_t len, bool more)
{
	size_t end = at + len;

	if (end > PAYLOAD_MAX || len == 0 || (more && len % 8))
		return FIT_BAD;
	for (unsigned int i = 0; i < datagram->n_pieces; i++) {
		const struct piece *piece = &datagram->pieces[i];

		if (piece->at == at && piece->len == len)
			return FIT_DUPLICATE;
		if (at < (size_t)piece->at + piece->len && piece->at < end)
			return FIT_BAD;
		if (!more && (size_t)piece->at + piece->len > end)
			return FIT_BAD;
	}
	if (datagram->total && (end > datagram->total || !more))
		return FIT_BAD;
	return datagram->n_pieces == PIECES_MAX ? FIT_BAD : FIT_NEW;
}

static void take(struct fragments *store, struct datagram *datagram, const struct packet *p,
		 uint32_t held_id)
{
	struct piece *piece = &datagram->pieces[datagram->n_pieces++];

	*piece = (struct piece){ p->frag_offset, (uint16_t)p->l4_len, held_id };
	memcpy(datagram->buffer + IPV6_HLEN + p->frag_offset, p->l4_data, p->l4_len);
	datagram->have += p->l4_len;
	datagram->ecn |= (uint8_t)(1u << (p->tos & ECN));
	store->sides[L3_IPV4].held += p->l3 == L3_IPV4;
	if (!p->more)
		datagram->total = (size_t)p->frag_offset + p->l4_len;
	if (p->frag_offset == 0) {
		datagram->head = *p;
		datagram->has_first = true;
	}
}

/* A plain IP header before the payload: from here on it was never in fragments. */
static uint8_t *put_head(struct datagram *datagram, size_t *len)
{
	const struct packet *head = &datagram->head;
	uint8_t tos = datagram->ecn & 1u << ECN_CE ? head->tos | ECN_CE : head->tos;
	size_t head_len = head->l3 == L3_IPV4 ? IPV4_HLEN : IPV6_HLEN;
	uint8_t *at = datagram->buffer + IPV6_HLEN - head_len;

	if (head->l3 == L3_IPV4) {
		struct header_ipv4 header = {
			.tos = tos, .ttl = head->ttl, .proto = head->proto,
			.id = (uint16_t)head->frag_id,
			.src_be32 = addr_v4_be32(&head->src), .dst_be32 = addr_v4_be32(&head->dst),
			.payload_len = datagram->total,
		};

		header_put_ipv4(at, &header);
	} else {
		struct header_ipv6 header = {
			.traffic_class = tos, .hop_limit = head->ttl, .next = head->proto,
			.src = &head->src, .dst = &head->dst, .payload_len = datagram->total,
		};

		header_put_ipv6(at, &header);
	}
	*len = head_len + datagram->total;
	return at;
}

/* ---- the interface ------------------------------------------------------------- */

enum fragment_result fragments_add(struct fragments *store, const struct packet *packet,
				   uint32_t held_id, int64_t now_ms, uint8_t **whole, size_t *len)
{
	struct datagram *datagram = find(store, packet);
	enum fit fit;

	if (!datagram)
		datagram = open_datagram(store, packet, now_ms);
	if (!datagram || datagram->broken)
		return FRAGMENT_DROPPED;
	if (datagram->disowned)
		return FRAGMENT_NOT_OURS;
	fit = fits(datagram, packet->frag_offset, packet->l4_len, packet->more);
	if (fit == FIT_DUPLICATE)
		return FRAGMENT_DROPPED;
	if (fit == FIT_BAD || must_be_lost(datagram, packet) ||
	    !grow(store, datagram, packet->frag_offset + packet->l4_len)) {
		release_held(store, datagram, false);
		free_payload(store, datagram);
		datagram->broken = true;
		return FRAGMENT_DROPPED;
	}
	take(store, datagram, packet, held_id);
	if (!datagram->total || datagram->have < datagram->total)
		return FRAGMENT_KEPT;
	datagram->n_pieces--;		/* this packet is its caller's to judge */
	store->sides[L3_IPV4].held -= packet->l3 == L3_IPV4;
	release_held(store, datagram, false);
	unlink_datagram(store, datagram);
	TAILQ_INSERT_TAIL(&store->given_out, datagram, by_age);
	*whole = put_head(datagram, len);
	return FRAGMENT_WHOLE;
}

void fragments_disown(struct fragments *store, const struct packet *packet, int64_t now_ms)
{
	struct datagram *datagram = find(store, packet);

	if (!datagram)
		datagram = open_datagram(store, packet, now_ms);
	if (!datagram)
		return;
	release_held(store, datagram, true);
	free_payload(store, datagram);
	datagram->disowned = true;
}

void fragments_flush(struct fragments *store)
{
	struct datagram *datagram;

	while ((datagram = TAILQ_FIRST(&store->given_out))) {
		TAILQ_REMOVE(&store->given_out, datagram, by_age);
		free_payload(store, datagram);
		free(datagram);
	}
}

static unsigned int expire_side(struct fragments *store, struct side *side, int64_t now_ms,
				int64_t timeout_ms)
{
	struct datagram *oldest;
	unsigned int n = 0;

	while ((oldest = TAILQ_FIRST(&side->by_age)) && now_ms - oldest->since_ms >= timeout_ms) {
		n += !oldest->disowned;
		forget(store, oldest);
	}
	return n;
}

unsigned int fragments_expire(struct fragments *store, int64_t now_ms, int64_t timeout_ms)
{
	unsigned int n = store->evicted;

	store->evicted = 0;
	return n + expire_side(store, &store->sides[L3_IPV4], now_ms, timeout_ms) +
	       expire_side(store, &store->sides[L3_IPV6], now_ms, timeout_ms);
}

void fragments_free(struct fragments *store)
{
	if (!store)
		return;
	fragments_flush(store);
	for (int l3 = 0; l3 < 2; l3++) {
		struct datagram_list *by_age = &store->sides[l3].by_age;

		/* The analyser cannot follow tqe_prev, by which the list forgets it. */
		while (!TAILQ_EMPTY(by_age)) /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
			forget(store, TAILQ_FIRST(by_age));
	}
	free(store);
}
