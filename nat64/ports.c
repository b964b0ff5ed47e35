/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ports.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { WORD = 64 };

static unsigned int list_of(uint16_t port)
{
	return (port < PORT_LOW_END ? 2u : 0u) | (port & 1u);
}

/* The range goes before the parity: RFC 6146 3.5.1.1 names it first, and that a port is
 * below 1024 still tells some servers something. */
unsigned int ports_list(uint16_t inside_port, unsigned int i)
{
	return list_of(inside_port) ^ i;
}

/* ---- making --------------------------------------------------------------------- */

/* The ports of a list as they are counted: from, to (not included), by twos */
static uint32_t first_of(unsigned int index)
{
	return index & 2 ? (index & 1 ? 1 : 2) : PORT_LOW_END + (index & 1);
}

static uint32_t end_of(unsigned int index)
{
	return index & 2 ? PORT_LOW_END : PORT_SPACE;
}

static int list_init(struct port_list *list, unsigned int index, const uint8_t *wanted)
{
	uint32_t n = 0;

	for (uint32_t port = first_of(index); port < end_of(index); port += 2)
		n += wanted[port] != 0;
	list->v = calloc(n + 1, sizeof(*list->v));
	list->taken = calloc(n / WORD + 1, sizeof(*list->taken));
	if (!list->v || !list->taken)
		return -ENOMEM;
	for (uint32_t port = first_of(index); port < end_of(index); port += 2)
		if (wanted[port])
			list->v[list->n++] = (uint16_t)port;
	atomic_init(&list->free, n);
	return 0;
}

int ports_init(struct ports *ports, const uint8_t *wanted)
{
	memset(ports, 0, sizeof(*ports));
	for (unsigned int i = 0; i < PORT_LISTS; i++)
		if (list_init(&ports->lists[i], i, wanted) < 0)
			return -ENOMEM;
	return 0;
}

void ports_clear(struct ports *ports)
{
	for (unsigned int i = 0; i < PORT_LISTS; i++) {
		free(ports->lists[i].v);
		free(ports->lists[i].taken);
	}
	memset(ports, 0, sizeof(*ports));
}

/* ---- one port ---------------------------------------------------------------------- */

/* Where @port stands, or would stand */
static uint32_t place_of(const struct port_list *list, uint32_t port)
{
	uint32_t low = 0, high = list->n;

	while (low < high) {
		uint32_t middle = (low + high) / 2;

		if (list->v[middle] < port)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool bit_take(struct port_list *list, uint32_t i)
{
	uint64_t bit = 1ULL << i % WORD;

	if (atomic_fetch_or(&list->taken[i / WORD], bit) & bit)
		return false;
	atomic_fetch_sub_explicit(&list->free, 1, memory_order_relaxed);
	return true;
}

static bool bit_put(struct port_list *list, uint32_t i)
{
	uint64_t bit = 1ULL << i % WORD;

	if (!(atomic_fetch_and(&list->taken[i / WORD], ~bit) & bit))
		return false;
	atomic_fetch_add_explicit(&list->free, 1, memory_order_relaxed);
	return true;
}

bool ports_has(const struct ports *ports, uint16_t port)
{
	const struct port_list *list = &ports->lists[list_of(port)];
	uint32_t i = place_of(list, port);

	return i < list->n && list->v[i] == port;
}

bool ports_take(struct ports *ports, uint16_t port)
{
	struct port_list *list = &ports->lists[list_of(port)];

	return ports_has(ports, port) && bit_take(list, place_of(list, port));
}

bool ports_put(struct ports *ports, uint16_t port)
{
	struct port_list *list = &ports->lists[list_of(port)];

	return ports_has(ports, port) && bit_put(list, place_of(list, port));
}

/* ---- the search ----------------------------------------------------------------------- */

/* The first free place from @from on, or @end */
static uint32_t next_free(const struct port_list *list, uint32_t from, uint32_t end)
{
	for (uint32_t i = from; i < end; i = (i / WORD + 1) * WORD) {
		uint64_t free_bits = ~atomic_load_explicit(&list->taken[i / WORD],
							   memory_order_relaxed) >> i % WORD;

		if (free_bits) {
			i += (uint32_t)__builtin_ctzll(free_bits);
			return i < end ? i : end;
		}
	}
	return end;
}

static uint16_t claim_between(struct port_list *list, uint32_t from, uint32_t end,
			      struct port_search *search)
{
	uint32_t i = from;

	while (search->asks < PORT_ASKS_MAX && (i = next_free(list, i, end)) < end) {
		if (!bit_take(list, i))
			continue;	/* another worker was faster */
		if (!search->refuse || !search->refuse(search->arg, list->v[i]))
			return list->v[i];
		bit_put(list, i);
		search->asks++;
		i++;
	}
	return 0;
}

uint16_t ports_claim(struct ports *ports, unsigned int index, struct port_search *search)
{
	struct port_list *list = &ports->lists[index];
	uint32_t from, end, at;
	uint16_t port;

	if (!atomic_load_explicit(&list->free, memory_order_relaxed))
		return 0;
	from = place_of(list, search->first);
	end = place_of(list, search->last + 1u);
	if (from == end)
		return 0;
	at = from + (uint32_t)(search->start % (end - from));
	port = claim_between(list, at, end, search);
	return port ? port : claim_between(list, from, at, search);
}

uint32_t ports_between(const struct ports *ports, uint16_t first, uint16_t last)
{
	uint32_t n = 0;

	for (unsigned int i = 0; i < PORT_LISTS; i++)
		n += place_of(&ports->lists[i], last + 1u) - place_of(&ports->lists[i], first);
	return n;
}

bool ports_taken(const struct ports *ports, uint16_t first, uint16_t last)
{
	for (unsigned int i = 0; i < PORT_LISTS; i++) {
		const struct port_list *list = &ports->lists[i];
		uint32_t end = place_of(list, last + 1u);

		for (uint32_t at = place_of(list, first); at < end; at++)
			if (atomic_load_explicit(&list->taken[at / WORD], memory_order_relaxed) >>
			    at % WORD & 1)
				return true;
	}
	return false;
}

uint32_t ports_left(const struct ports *ports, unsigned int index, uint16_t first, uint16_t last)
{
	const struct port_list *list = &ports->lists[index];
	uint32_t end = place_of(list, last + 1u), n = 0;

	for (uint32_t at = next_free(list, place_of(list, first), end); at < end;
	     at = next_free(list, at + 1, end))
		n++;
	return n;
}

uint32_t ports_size(const struct ports *ports)
{
	uint32_t n = 0;

	for (unsigned int i = 0; i < PORT_LISTS; i++)
		n += ports->lists[i].n;
	return n;
}

uint32_t ports_free(const struct ports *ports)
{
	uint32_t n = 0;

	for (unsigned int i = 0; i < PORT_LISTS; i++)
		n += atomic_load_explicit(&ports->lists[i].free, memory_order_relaxed);
	return n;
}
