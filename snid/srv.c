/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Services of a host; see srv.h. */
#include "srv.h"

#include <stdio.h>
#include <string.h>

enum {
	XMPPS_CLIENT_PORT = 5223,
	XMPPS_SERVER_PORT = 5270,
};

bool srv_name(const char *alpn, const char *host, char *name)
{
	static const struct {
		const char *alpn, *service;
	} services[] = {			/* XEP-0368 */
		{ "xmpp-client", "_xmpps-client._tcp" },
		{ "xmpp-server", "_xmpps-server._tcp" },
	};

	for (size_t i = 0; i < sizeof(services) / sizeof(services[0]); i++)
		if (strcmp(alpn, services[i].alpn) == 0)
			return snprintf(name, RESOLVER_NAME_STRLEN, "%s.%s", services[i].service,
					host) < RESOLVER_NAME_STRLEN;
	return false;
}

/* xorshift64*: lots between servers are no secret. */
static uint32_t draw(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return (uint32_t)(*state * 0x2545f4914f6cdd1dULL >> 32);
}

static void swap(struct resolver_service *a, struct resolver_service *b)
{
	struct resolver_service c = *a;

	*a = *b;
	*b = c;
}

/* Those without a weight first, so that the draw gives them their small chance */
static bool comes_before(const struct resolver_service *a, const struct resolver_service *b)
{
	return a->priority != b->priority ? a->priority < b->priority :
					    a->weight == 0 && b->weight != 0;
}

static void sort(struct resolver_service *services, size_t n)
{
	for (size_t i = 1; i < n; i++)
		for (size_t k = i; k > 0 && comes_before(&services[k], &services[k - 1]); k--)
			swap(&services[k], &services[k - 1]);
}

/* Of @n with one priority: the one whose running sum of weights first reaches a number between
 * 0 and the sum of all, both included */
static size_t lot(const struct resolver_service *services, size_t n, uint64_t *random)
{
	uint32_t sum = 0, number;
	size_t i;

	for (i = 0; i < n; i++)
		sum += services[i].weight;
	number = (uint32_t)((uint64_t)draw(random) * (sum + 1ULL) >> 32);
	sum = 0;
	for (i = 0; i < n - 1; i++) {
		sum += services[i].weight;
		if (sum >= number)
			break;
	}
	return i;
}

void srv_order(struct resolver_service *services, size_t n, uint64_t random)
{
	random |= 1;		/* the one thing that the generator cannot begin with is 0 */
	sort(services, n);
	for (size_t i = 0; i < n; i++) {
		size_t same = 1, k;

		while (i + same < n && services[i + same].priority == services[i].priority)
			same++;
		/* To the front, and the others stay in their order */
		for (k = i + lot(services + i, same, &random); k > i; k--)
			swap(&services[k], &services[k - 1]);
	}
}

bool srv_port_allowed(uint16_t port, uint16_t server_port)
{
	return port == server_port || port == XMPPS_CLIENT_PORT || port == XMPPS_SERVER_PORT;
}
