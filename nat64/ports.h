/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The ports of one pool4 address and one transport that may be chosen, and which of
 * them are taken.
 *
 * They stand in four sorted lists, by range (below 1024, or not) and parity, since a
 * port is to be like the inside one in both (RFC 4787 REQ-3 a, REQ-4; RFC 6146 3.5.1.1).
 * In a list the search starts where RFC 6056 3.3.4 says and takes the next free port; a
 * bit a port, sixty-four at a look, makes it short however full the list is.
 *
 * Taking and giving back need no lock.
 */
#ifndef NAT64_PORTS_H
#define NAT64_PORTS_H

#include <stdbool.h>
#include <stdint.h>

enum {
	PORT_SPACE = 65536,
	PORT_LOW_END = 1024,	/* RFC 4787 REQ-3: the well-known range ends below */
	PORT_LISTS = 4,
	PORT_ASKS_MAX = 16,	/* ports that the host may turn out to have, a search */
};

struct port_list {
	uint16_t *v;			/* sorted */
	uint32_t n;
	_Atomic uint64_t *taken;	/* a bit for each */
	_Atomic uint32_t free;
};

struct ports {
	struct port_list lists[PORT_LISTS];
};

/* What a search wants */
struct port_search {
	uint64_t start;		/* RFC 6056 3.3.4: offset + table[index] */
	uint16_t first, last;	/* only among these; 1-65535 for all */
	/* Is @port not to be had after all? NULL: all can be had. */
	bool (*refuse)(void *arg, uint16_t port);
	void *arg;
	unsigned int asks;	/* refusals so far; the search gives up at PORT_ASKS_MAX */
};

/**
 * ports_init() - all free.
 * @wanted:	PORT_SPACE bytes, not 0 for a port that may be chosen; port 0 never is.
 * Return: 0 or -ENOMEM; ports_clear() is right after both.
 */
int ports_init(struct ports *ports, const uint8_t *wanted);

/** ports_clear() - release what ports_init() made. */
void ports_clear(struct ports *ports);

/** ports_list() - the list that is the @i-th best (0..3) for an inside port. */
unsigned int ports_list(uint16_t inside_port, unsigned int i);

/** ports_claim() - take a free port of one list. Return: the port, 0 where there is none. */
uint16_t ports_claim(struct ports *ports, unsigned int list, struct port_search *search);

/** ports_take() - take this port. Return: false where it may not be chosen, or is taken. */
bool ports_take(struct ports *ports, uint16_t port);

/** ports_put() - give it back. Return: false where it may not be chosen, or was free. */
bool ports_put(struct ports *ports, uint16_t port);

/** ports_has() - may it be chosen? */
bool ports_has(const struct ports *ports, uint16_t port);

/** ports_between() - how many from @first to @last may be chosen. */
uint32_t ports_between(const struct ports *ports, uint16_t first, uint16_t last);

/** ports_taken() - is any of @first to @last taken? */
bool ports_taken(const struct ports *ports, uint16_t first, uint16_t last);

/** ports_left() - how many of one list, from @first to @last, nobody has. */
uint32_t ports_left(const struct ports *ports, unsigned int list, uint16_t first, uint16_t last);

/** ports_size(), ports_free() - how many there are; how many of them nobody has. */
uint32_t ports_size(const struct ports *ports);
uint32_t ports_free(const struct ports *ports);

#endif
