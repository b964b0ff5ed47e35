/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "addr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAPPED_LEN = 96 };	/* ::ffff:0:0/96 */

static const uint8_t mapped_bytes[12] = { [10] = 0xff, [11] = 0xff };

struct in6_addr addr_from_v4(uint32_t v4_be32)
{
	struct in6_addr addr;

	memcpy(addr.s6_addr, mapped_bytes, sizeof(mapped_bytes));
	memcpy(addr.s6_addr + 12, &v4_be32, 4);
	return addr;
}

bool addr_is_v4(const struct in6_addr *addr)
{
	return memcmp(addr->s6_addr, mapped_bytes, sizeof(mapped_bytes)) == 0;
}

uint32_t addr_v4_be32(const struct in6_addr *addr)
{
	uint32_t v4_be32;

	memcpy(&v4_be32, addr->s6_addr + 12, 4);
	return v4_be32;
}

bool addr_equal(const struct in6_addr *a, const struct in6_addr *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

uint64_t addr_client(const struct in6_addr *addr)
{
	uint64_t id;

	/* The second half of a mapped address looks like no /64 that is routed. */
	memcpy(&id, addr->s6_addr + (addr_is_v4(addr) ? 8 : 0), sizeof(id));
	return id;
}

struct prefix addr_client_prefix(uint64_t client)
{
	struct in6_addr v4 = addr_from_v4(0);
	struct prefix prefix = { .len = 64 };

	memcpy(prefix.addr.s6_addr, &client, sizeof(client));
	if (memcmp(&client, v4.s6_addr + 8, 4) != 0)
		return prefix;
	memcpy(v4.s6_addr + 8, &client, sizeof(client));
	return (struct prefix){ v4, 128 };
}

bool addr_parse(const char *text, struct in6_addr *addr)
{
	uint32_t v4_be32;

	if (inet_pton(AF_INET, text, &v4_be32) == 1) {
		*addr = addr_from_v4(v4_be32);
		return true;
	}
	return inet_pton(AF_INET6, text, addr) == 1;
}

const char *addr_format(const struct in6_addr *addr, char *text)
{
	if (addr_is_v4(addr))
		inet_ntop(AF_INET, addr->s6_addr + 12, text, ADDR_STRLEN);
	else
		inet_ntop(AF_INET6, addr, text, ADDR_STRLEN);
	return text;
}

static bool parse_port(const char *text, uint16_t *port)
{
	unsigned long value = 0;
	const char *p;

	for (p = text; *p >= '0' && *p <= '9' && value <= UINT16_MAX; p++)
		value = value * 10 + (unsigned long)(*p - '0');
	if (p == text || *p || value == 0 || value > UINT16_MAX)
		return false;
	*port = (uint16_t)value;
	return true;
}

/* The address part of an endpoint, @len bytes of @text. */
static bool parse_addr_part(const char *text, size_t len, struct in6_addr *addr)
{
	char part[ADDR_STRLEN];

	if (len >= sizeof(part))
		return false;
	memcpy(part, text, len);
	part[len] = '\0';
	return addr_parse(part, addr);
}

bool endpoint_parse(const char *text, uint16_t default_port, struct endpoint *ep)
{
	struct endpoint out = { .port = default_port };
	const char *end = text + strlen(text);
	const char *colon = strchr(text, ':');

	if (text[0] == '[') {
		const char *close = strchr(text, ']');

		if (!close || !parse_addr_part(text + 1, (size_t)(close - text - 1), &out.addr) ||
		    !memchr(text + 1, ':', (size_t)(close - text - 1)))
			return false;
		if (close[1] && (close[1] != ':' || !parse_port(close + 2, &out.port)))
			return false;
	} else if (colon && !strchr(colon + 1, ':')) {
		if (!parse_addr_part(text, (size_t)(colon - text), &out.addr) ||
		    !parse_port(colon + 1, &out.port))
			return false;
	} else if (!parse_addr_part(text, (size_t)(end - text), &out.addr)) {
		return false;
	}
	*ep = out;
	return true;
}

const char *endpoint_format(const struct endpoint *ep, char *text)
{
	char addr[ADDR_STRLEN];

	snprintf(text, ENDPOINT_STRLEN, addr_is_v4(&ep->addr) ? "%s:%u" : "[%s]:%u",
		 addr_format(&ep->addr, addr), ep->port);
	return text;
}

bool endpoint_equal(const struct endpoint *a, const struct endpoint *b)
{
	return a->port == b->port && addr_equal(&a->addr, &b->addr);
}

socklen_t endpoint_to_sockaddr(const struct endpoint *ep, struct sockaddr_storage *ss)
{
	memset(ss, 0, sizeof(*ss));
	if (addr_is_v4(&ep->addr)) {
		struct sockaddr_in *sin = (struct sockaddr_in *)ss;

		sin->sin_family = AF_INET;
		sin->sin_port = htons(ep->port);
		sin->sin_addr.s_addr = addr_v4_be32(&ep->addr);
		return sizeof(*sin);
	}

	struct sockaddr_in6 *sin6 = (struct sockaddr_in6 *)ss;

	sin6->sin6_family = AF_INET6;
	sin6->sin6_port = htons(ep->port);
	sin6->sin6_addr = ep->addr;
	return sizeof(*sin6);
}

bool endpoint_from_sockaddr(const struct sockaddr *sa, struct endpoint *ep)
{
	if (sa->sa_family == AF_INET) {
		struct sockaddr_in sin;

		memcpy(&sin, sa, sizeof(sin));
		ep->addr = addr_from_v4(sin.sin_addr.s_addr);
		ep->port = ntohs(sin.sin_port);
		return true;
	}
	if (sa->sa_family == AF_INET6) {
		struct sockaddr_in6 sin6;

		memcpy(&sin6, sa, sizeof(sin6));
		ep->addr = sin6.sin6_addr;
		ep->port = ntohs(sin6.sin6_port);
		return true;
	}
	return false;
}

/* Do the first @len bits agree? */
static bool same_bits(const struct in6_addr *a, const struct in6_addr *b, unsigned int len)
{
	unsigned int bytes = len / 8, bits = len % 8;

	if (memcmp(a, b, bytes) != 0)
		return false;
	return !bits || ((a->s6_addr[bytes] ^ b->s6_addr[bytes]) >> (8 - bits)) == 0;
}

static bool zero_beyond(const struct in6_addr *addr, unsigned int len)
{
	for (unsigned int bit = len; bit < 128; bit++)
		if (addr->s6_addr[bit / 8] & (0x80u >> (bit % 8)))
			return false;
	return true;
}

const char *prefix_parse(const char *text, struct prefix *prefix)
{
	const char *slash = strchr(text, '/');
	struct prefix out = { .len = 128 };
	unsigned int base, len = 0;
	const char *p;

	if (!parse_addr_part(text, slash ? (size_t)(slash - text) : strlen(text), &out.addr))
		return "not an IP address or prefix";
	/* "::ffff:0:0/96" is an IPv6 prefix although its address is a mapped one. */
	base = addr_is_v4(&out.addr) && !strchr(text, ':') ? MAPPED_LEN : 0;
	if (slash) {
		for (p = slash + 1; *p >= '0' && *p <= '9' && len <= 128; p++)
			len = len * 10 + (unsigned int)(*p - '0');
		if (p == slash + 1 || *p || base + len > 128)
			return "prefix length out of range";
		out.len = (uint8_t)(base + len);
	}
	if (!zero_beyond(&out.addr, out.len))
		return "bits are set beyond the prefix length";
	*prefix = out;
	return NULL;
}

const char *prefix_format(const struct prefix *prefix, char *text)
{
	char addr[ADDR_STRLEN];
	bool v4 = prefix_is_v4(prefix) && prefix->len > MAPPED_LEN;

	/* The whole mapped range keeps its IPv6 form: 0.0.0.0/0 is the same set,
	 * but "::ffff:0:0/96" is how people write it. */
	if (prefix_is_v4(prefix) && !v4)
		snprintf(text, PREFIX_STRLEN, "::ffff:0:0/%d", prefix->len);
	else
		snprintf(text, PREFIX_STRLEN, "%s/%d", addr_format(&prefix->addr, addr),
			 v4 ? prefix->len - MAPPED_LEN : prefix->len);
	return text;
}

bool prefix_is_v4(const struct prefix *prefix)
{
	return prefix->len >= MAPPED_LEN && addr_is_v4(&prefix->addr);
}

bool prefix_contains(const struct prefix *prefix, const struct in6_addr *addr)
{
	return same_bits(&prefix->addr, addr, prefix->len);
}

bool prefix_overlaps(const struct prefix *a, const struct prefix *b)
{
	return same_bits(&a->addr, &b->addr, a->len < b->len ? a->len : b->len);
}

bool prefix_equal(const struct prefix *a, const struct prefix *b)
{
	return a->len == b->len && addr_equal(&a->addr, &b->addr);
}

int prefix_list_add(struct prefix_list *list, const struct prefix *prefix)
{
	struct prefix *v = reallocarray(list->v, list->n + 1, sizeof(*v));

	if (!v)
		return -ENOMEM;
	list->v = v;
	list->v[list->n++] = *prefix;
	return 0;
}

int prefix_list_copy(struct prefix_list *to, const struct prefix_list *from)
{
	*to = (struct prefix_list){ 0 };
	for (size_t i = 0; i < from->n; i++) {
		if (prefix_list_add(to, &from->v[i]) < 0) {
			prefix_list_free(to);
			return -ENOMEM;
		}
	}
	return 0;
}

bool prefix_list_has(const struct prefix_list *list, const struct prefix *prefix)
{
	for (size_t i = 0; i < list->n; i++)
		if (prefix_equal(&list->v[i], prefix))
			return true;
	return false;
}

bool prefix_list_contains(const struct prefix_list *list, const struct in6_addr *addr)
{
	for (size_t i = 0; i < list->n; i++)
		if (prefix_contains(&list->v[i], addr))
			return true;
	return false;
}

static int compare_prefixes(const void *a, const void *b)
{
	const struct prefix *x = a, *y = b;
	int order = memcmp(&x->addr, &y->addr, sizeof(x->addr));

	return order ? order : (int)x->len - (int)y->len;
}

void prefix_list_sort(struct prefix_list *list)
{
	if (list->n)
		qsort(list->v, list->n, sizeof(*list->v), compare_prefixes);
}

bool prefix_list_sorted_contains(const struct prefix_list *list, const struct in6_addr *addr)
{
	size_t first = 0, end = list->n;	/* those before first begin at or before @addr */

	while (first < end) {
		size_t middle = first + (end - first) / 2;

		if (memcmp(&list->v[middle].addr, addr, sizeof(*addr)) <= 0)
			first = middle + 1;
		else
			end = middle;
	}
	return first > 0 && prefix_contains(&list->v[first - 1], addr);
}

bool prefix_list_equal(const struct prefix_list *a, const struct prefix_list *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (!prefix_equal(&a->v[i], &b->v[i]))
			return false;
	return true;
}

void prefix_list_free(struct prefix_list *list)
{
	free(list->v);
	*list = (struct prefix_list){ 0 };
}
