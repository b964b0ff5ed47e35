/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Two sorted copies of the mappings, one a direction. Mappings whose key has one length
 * stand together, longest first, and in the order of their addresses: such a group is
 * searched for the one key that an address, cut to that length, can have.
 */
#include "eamt.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "addr.h"
#include "config.h"

enum {
	V6_BITS = 128,
	GROUPS = V6_BITS + 1,
};

/* An address as a number */
struct number {
	uint64_t high, low;
};

struct entry {
	struct number key, value;	/* the first addresses of the prefixes */
	uint8_t key_len, value_len;	/* bits; of IPv4 with the 96 of its mapped form */
};

struct group {
	const struct entry *first;
	size_t n;
	uint8_t len;
};

/* One direction */
struct side {
	struct entry *entries;
	struct group groups[GROUPS];
	size_t n_groups;
};

struct eamt {
	struct side by4, by6;
	size_t n;
};

static struct number number_of(const struct in6_addr *addr)
{
	uint64_t words[2];

	memcpy(words, addr, sizeof(words));
	return (struct number){ be64toh(words[0]), be64toh(words[1]) };
}

static struct in6_addr address_of(struct number number)
{
	uint64_t words[2] = { htobe64(number.high), htobe64(number.low) };
	struct in6_addr addr;

	memcpy(&addr, words, sizeof(addr));
	return addr;
}

static struct number shift_left(struct number a, unsigned int bits)
{
	if (bits >= V6_BITS)
		return (struct number){ 0, 0 };
	if (bits >= 64)
		return (struct number){ a.low << (bits - 64), 0 };
	if (bits == 0)
		return a;
	return (struct number){ a.high << bits | a.low >> (64 - bits), a.low << bits };
}

static struct number shift_right(struct number a, unsigned int bits)
{
	if (bits >= V6_BITS)
		return (struct number){ 0, 0 };
	if (bits >= 64)
		return (struct number){ 0, a.high >> (bits - 64) };
	if (bits == 0)
		return a;
	return (struct number){ a.high >> bits, a.low >> bits | a.high << (64 - bits) };
}

/* The first @len bits, zeros behind them */
static struct number cut(struct number a, unsigned int len)
{
	return shift_left(shift_right(a, V6_BITS - len), V6_BITS - len);
}

static int compare_numbers(struct number a, struct number b)
{
	if (a.high != b.high)
		return a.high < b.high ? -1 : 1;
	return a.low == b.low ? 0 : a.low < b.low ? -1 : 1;
}

static int compare_entries(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	return x->key_len == y->key_len ? compare_numbers(x->key, y->key)
					: (int)y->key_len - (int)x->key_len;
}

static bool fill(struct side *side, const struct eam *eams, size_t n, bool by4)
{
	side->entries = calloc(n + 1, sizeof(*side->entries));
	if (!side->entries)
		return false;
	for (size_t i = 0; i < n; i++) {
		const struct prefix *key = by4 ? &eams[i].ipv4 : &eams[i].ipv6;
		const struct prefix *value = by4 ? &eams[i].ipv6 : &eams[i].ipv4;

		side->entries[i] = (struct entry){
			.key = number_of(&key->addr), .value = number_of(&value->addr),
			.key_len = key->len, .value_len = value->len,
		};
	}
	qsort(side->entries, n, sizeof(*side->entries), compare_entries);
	for (size_t i = 0; i < n; i++) {
		const struct entry *entry = &side->entries[i];

		if (i == 0 || entry[-1].key_len != entry->key_len)
			side->groups[side->n_groups++] = (struct group){ entry, 0, entry->key_len };
		side->groups[side->n_groups - 1].n++;
	}
	return true;
}

struct eamt *eamt_new(const struct eam *eams, size_t n)
{
	struct eamt *table = calloc(1, sizeof(*table));

	if (!table)
		return NULL;
	table->n = n;
	if (!fill(&table->by4, eams, n, true) || !fill(&table->by6, eams, n, false)) {
		eamt_free(table);
		return NULL;
	}
	return table;
}

void eamt_free(struct eamt *table)
{
	if (!table)
		return;
	free(table->by4.entries);
	free(table->by6.entries);
	free(table);
}

bool eamt_equal(const struct eamt *a, const struct eamt *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++) {
		const struct entry *x = &a->by4.entries[i], *y = &b->by4.entries[i];

		if (compare_entries(x, y) != 0 || x->value_len != y->value_len ||
		    compare_numbers(x->value, y->value) != 0)
			return false;
	}
	return true;
}

/* The mapping with the longest key that holds @addr, or NULL. */
static const struct entry *find(const struct side *side, struct number addr)
{
	for (size_t i = 0; i < side->n_groups; i++) {
		const struct group *group = &side->groups[i];
		struct entry wanted = { .key = cut(addr, group->len), .key_len = group->len };
		const struct entry *found = bsearch(&wanted, group->first, group->n,
						    sizeof(wanted), compare_entries);

		if (found)
			return found;
	}
	return NULL;
}

/* What stands behind the key's prefix in @addr, put behind the value's prefix. */
static struct number map(const struct entry *entry, struct number addr)
{
	struct number suffix = shift_right(shift_left(addr, entry->key_len), entry->value_len);

	return (struct number){ entry->value.high | suffix.high, entry->value.low | suffix.low };
}

bool eamt_to6(const struct eamt *table, uint32_t v4_be32, struct in6_addr *v6)
{
	struct in6_addr addr = addr_from_v4(v4_be32);
	const struct entry *entry = find(&table->by4, number_of(&addr));

	if (!entry)
		return false;
	*v6 = address_of(map(entry, number_of(&addr)));
	return true;
}

bool eamt_to4(const struct eamt *table, const struct in6_addr *v6, uint32_t *v4_be32)
{
	const struct entry *entry = find(&table->by6, number_of(v6));

	if (!entry)
		return false;
	*v4_be32 = htobe32((uint32_t)map(entry, number_of(v6)).low);
	return true;
}
